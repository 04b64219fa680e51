package system

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type modprobeArgs struct {
	Name   string `arg:"name"`
	State  string `arg:"state"`
	Params string `arg:"params"`
}

var modprobeSpec = module.Spec{
	Name:    "modprobe",
	Aliases: []string{"community.general.modprobe"},
	Summary: "Have a module of the kernel loaded, or not",
	Doc:     "Loads and unloads modules with modprobe. Modules that are built into the kernel count as loaded.",
	Args: []module.Arg{
		{Name: "name", Required: true, Doc: "The module."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether it is to be loaded."},
		{Name: "params", Default: "", Doc: "Parameters for loading it."},
		{Name: "persistent", Choices: []string{"disabled"}, Default: "disabled", Doc: "Only disabled: nothing is written for the next start of the host."},
	},
	Returns: []module.Return{
		{Name: "name", Type: "str", When: "always", Doc: "The module."},
		{Name: "state", Type: "str", When: "always", Doc: "As asked."},
		{Name: "params", Type: "str", When: "always", Doc: "As asked."},
	},
	Examples: "- modprobe: {name: br_netfilter}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// Modprobe is the module modprobe.
func Modprobe() module.Module { return module.New(modprobeSpec, planModprobe) }

func planModprobe(a modprobeArgs, _ module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	name := strings.ReplaceAll(a.Name, "-", "_")
	// /sys/module has what is loaded, and of what is built in that which has parameters.
	there := g.File("/sys/module/"+name, 0).Exists()
	loaded, err := g.TryFile("/proc/modules", state.WantContent)
	if err == nil && slices.ContainsFunc(strings.Split(string(loaded.Content), "\n"), func(l string) bool { return strings.HasPrefix(l, name+" ") }) {
		there = true
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	want := a.State == "present"
	c := module.Change{Result: value.M("changed", there != want, "name", a.Name, "params", a.Params, "state", a.State)}
	if there == want {
		return c, nil
	}
	argv := append([]string{"modprobe", a.Name}, strings.Fields(a.Params)...)
	if !want {
		argv = []string{"modprobe", "-r", a.Name}
	}
	done := module.Change{Result: c.Result}
	c.Ops = []state.Op{state.Exec{Argv: argv, Env: []string{"LC_ALL=C"}}}
	c.Then = func(_ state.View, did []state.OpResult) (module.Change, error) {
		if r := did[len(did)-1]; r.RC != 0 {
			return module.Change{}, module.Fail(string(r.Stderr), "name", a.Name, "params", a.Params, "state", a.State,
				"rc", r.RC, "stdout", string(r.Stdout), "stderr", string(r.Stderr))
		}
		return done, nil
	}
	return c, nil
}
