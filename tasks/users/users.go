// Package users has the modules about users and groups of a host, and about
// the keys that let them in, and their limits.
package users

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
)

// Modules lists the modules of this family.
func Modules() []module.Module {
	return []module.Module{Group(), User(), Getent(), AuthorizedKey(), PamLimits(), Sudoers()}
}

// english is the environment that programs are read in.
var english = []string{"LANG=C", "LC_ALL=C", "LC_MESSAGES=C"}

// inOrder makes a change that runs commands one after the other, each only
// when the one before it succeeded. predicted is registered in a plan; last
// tells what is registered in the end, from what all commands printed.
func inOrder(steps []state.Exec, predicted module.Change, fail func(state.OpResult) *module.Failure,
	last func(v state.View, said output) (module.Change, error)) module.Change {
	return nextStep(steps, predicted, fail, last, output{})
}

// output is what commands printed.
type output struct{ stdout, stderr string }

func nextStep(steps []state.Exec, predicted module.Change, fail func(state.OpResult) *module.Failure,
	last func(v state.View, said output) (module.Change, error), said output) module.Change {
	c := predicted
	step := steps[0]
	step.Env = english
	c.Ops = []state.Op{step}
	c.Then = func(v state.View, did []state.OpResult) (module.Change, error) {
		r := did[len(did)-1]
		if r.RC != 0 {
			return module.Change{}, fail(r)
		}
		all := output{said.stdout + string(r.Stdout), said.stderr + string(r.Stderr)}
		if len(steps) > 1 {
			return nextStep(steps[1:], predicted, fail, last, all), nil
		}
		return last(v, all)
	}
	return c
}

// quote writes s as one word of a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func quoteAll(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = quote(w)
	}
	return strings.Join(out, " ")
}

// either runs a program of the shadow suite, or where it is missing the words
// for busybox; alone runs it alone when busybox has nothing of the kind.
func either(argv, busybox []string) state.Exec {
	if busybox == nil {
		return state.Exec{Argv: argv}
	}
	return state.Exec{Shell: "if command -v " + argv[0] + " >/dev/null 2>&1; then " + quoteAll(argv) + "; else " + quoteAll(busybox) + "; fi"}
}
