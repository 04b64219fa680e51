package packages

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type selectionArgs struct {
	Name      string `arg:"name"`
	Selection string `arg:"selection"`
}

// DpkgSelections is the module dpkg_selections.
func DpkgSelections() module.Module {
	return module.New(module.Spec{
		Name:    "dpkg_selections",
		Summary: "Says what dpkg is to do with a package: install, hold, deinstall, purge",
		Doc:     "Sets dpkg's selection of a package. Nothing is installed or removed by it; hold keeps a package as it is.",
		Args: []module.Arg{
			{Name: "name", Required: true, Doc: "The package."},
			{Name: "selection", Required: true, Choices: []string{"install", "hold", "deinstall", "purge"}, Doc: "The selection."},
		},
		Returns: []module.Return{
			{Name: "before", Type: "str", When: "always", Doc: "The selection that was, or \"not present\"."},
			{Name: "after", Type: "str", When: "always", Doc: "The selection as asked."},
		},
		Examples: "- dpkg_selections: {name: linux-image-amd64, selection: hold}\n",
		Traits:   module.Traits{Reach: state.ReachHost},
	}, planSelection)
}

// dpkgPaths are what dpkg reads.
var dpkgPaths = []string{"/var/lib/dpkg", "/etc/dpkg", "/usr/share/dpkg"}

func planSelection(a selectionArgs, _ module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	out := g.OutputUnder(dpkgPaths, `command -v dpkg >/dev/null || exit 127; dpkg --get-selections "$1"`, a.Name)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	switch out.RC {
	case 0:
	case 127:
		return module.Change{}, module.Fail(`Failed to find required executable "dpkg" in paths of the host`)
	default:
		return module.Change{}, commandFailed(out.RC, out.Stdout, out.Stderr)
	}
	before := "not present"
	if f := strings.Fields(out.Stdout); len(f) > 1 {
		before = f[1]
	}
	c := module.Change{Result: value.M("changed", before != a.Selection, "before", before, "after", a.Selection)}
	if before == a.Selection {
		return c, nil
	}
	op := state.Exec{Argv: []string{"dpkg", "--set-selections"}, Stdin: []byte(a.Name + " " + a.Selection), HasStdin: true, Env: []string{"LC_ALL=C"}}
	return module.Steps([]state.Exec{op}, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if r := did[len(did)-1]; r.RC != 0 {
			return module.Change{}, commandFailed(r.RC, string(r.Stdout), string(r.Stderr))
		}
		return module.Change{Result: c.Result}, nil
	}), nil
}

// commandFailed is a task that fails because a program did.
func commandFailed(rc int, stdout, stderr string) *module.Failure {
	return module.Fail(strings.TrimRight(stderr, "\n"), "rc", rc, "stdout", text([]byte(stdout)), "stderr", text([]byte(stderr)))
}
