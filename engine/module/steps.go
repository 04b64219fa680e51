package module

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/state"
)

// Steps makes a change that runs commands one after the other, each only when
// the one before it returned 0. predicted stands for the end in a plan. end is
// called with the results of all commands that ran, the last of which may have
// failed; it tells what is registered.
func Steps(cmds []state.Exec, predicted Change, end func(v state.View, did []state.OpResult) (Change, error)) Change {
	return steps(cmds, predicted, end, nil)
}

func steps(cmds []state.Exec, predicted Change, end func(v state.View, did []state.OpResult) (Change, error), before []state.OpResult) Change {
	c := predicted
	if len(cmds) == 0 {
		return c
	}
	c.Ops = []state.Op{cmds[0]}
	c.Then = func(v state.View, did []state.OpResult) (Change, error) {
		all := append(before[:len(before):len(before)], did...)
		if len(cmds) == 1 || all[len(all)-1].RC != 0 {
			return end(v, all)
		}
		return steps(cmds[1:], predicted, end, all), nil
	}
	return c
}

// Quote writes s as one word of a shell.
func Quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// QuoteAll writes words as a command of a shell.
func QuoteAll(words ...string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = Quote(w)
	}
	return strings.Join(out, " ")
}
