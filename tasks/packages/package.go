package packages

import (
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type packageArgs struct {
	Name  []string `arg:"name"`
	State string   `arg:"state"`
	Use   string   `arg:"use"`
}

// Package manages packages with whatever the host has.
func Package() module.Module {
	return module.New(module.Spec{
		Name:    "package",
		Summary: "Installs and removes packages with the host's package manager",
		Doc:     `Finds the package manager and does as its own module does. So far APT alone is native.`,
		Args: []module.Arg{
			{Name: "name", Required: true, Type: module.List, Elem: module.Str, Doc: "The packages, as the package manager names them."},
			{Name: "state", Required: true, Choices: []string{"absent", "latest", "present", "installed", "removed"}, Doc: "Whether they are there, and whether in the newest version."},
			{Name: "use", Default: "auto", Doc: "The package manager; auto finds it."},
		},
		Returns: Apt().Spec().Returns,
		Examples: `- package:
    name: curl
    state: present`,
		Traits: module.Traits{Reach: state.ReachHost},
	}, planPackage)
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
	if manager != "apt" {
		return module.Change{}, module.Fail("Could not find a module for " + manager + ": the only native package manager is apt")
	}
	args := value.M("name", a.Name, "state", map[string]string{"installed": "present", "removed": "absent"}[a.State])
	if s, _ := args.Get("state"); s.Str() == "" {
		args.Set("state", value.String(a.State))
	}
	apt := Apt()
	decoded, err := apt.Decode(args, in.Pos)
	if err != nil {
		return module.Change{}, err
	}
	return apt.Plan(decoded, in, v)
}
