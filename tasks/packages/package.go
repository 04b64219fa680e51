package packages

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type packageArgs struct {
	All *value.Map `arg:"*"`
	Use string     `arg:"use"`
}

// Package manages packages with whatever the host has.
func Package() module.Module {
	return module.New(module.Spec{
		Name:    "package",
		Summary: "Installs and removes packages with the host's package manager",
		Doc:     `Finds the package manager (apt, dnf, yum or apk) and does as its own module does, with all other arguments.`,
		Args: []module.Arg{
			{Name: "name", Type: module.List, Elem: module.Str, Doc: "The packages, as the package manager names them."},
			{Name: "state", Doc: "Whether they are there (present, absent, latest and what the package manager's module knows)."},
			{Name: "use", Default: "auto", Doc: "The package manager; auto finds it."},
		},
		AnyArgs: true,
		Returns: Apt().Spec().Returns,
		Examples: `- package:
    name: curl
    state: present`,
		Traits: module.Traits{Reach: state.ReachHost},
	}, planPackage)
}

// managers are the modules for the names that the fact pkg_mgr has.
func managers(name string) module.Module {
	switch strings.TrimPrefix(strings.TrimPrefix(name, "ansible.builtin."), "community.general.") {
	case "apt":
		return Apt()
	case "dnf", "dnf5":
		return Dnf()
	case "yum":
		return Yum()
	case "apk":
		return Apk()
	}
	return nil
}

func planPackage(a packageArgs, in module.Inputs, v state.View) (module.Change, error) {
	manager := a.Use
	if manager == "auto" {
		q := state.Facts{Families: "pkg_mgr"}
		facts, known, err := state.AskAs[*value.Map](v, q)
		if err != nil {
			return module.Change{}, err
		}
		if !known {
			return module.Need(q), nil
		}
		found, _ := facts.Get("pkg_mgr")
		manager = found.Str()
	}
	m := managers(manager)
	if m == nil {
		return module.Change{}, module.Fail("Could not find a module for " + manager + ".")
	}
	args := value.NewMap()
	for k, x := range a.All.All() {
		if k.Text() != "use" {
			args.SetKey(k, x)
		}
	}
	if s, _ := args.Get("state"); m.Spec().Name == "apt" || m.Spec().Name == "apk" {
		if to := map[string]string{"installed": "present", "removed": "absent"}[s.Text()]; to != "" && !s.IsNull() {
			args.Set("state", value.String(to))
		}
	}
	decoded, err := m.Decode(args, diag.Pos{})
	if err != nil {
		return module.Change{}, module.Fail(err.Error())
	}
	return m.Plan(decoded, in, v)
}
