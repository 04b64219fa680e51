package module

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
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

// Look makes a change that first runs a command that changes nothing, in a plan
// too, and goes on with how it ended. Unlike what Gather.Output asks, it runs
// with the task's environment. predicted stands for the end when nothing can be
// run.
func Look(cmd state.Exec, predicted *value.Map, then func(v state.View, r state.OpResult) (Change, error)) Change {
	cmd.Read = true
	return Change{Ops: []state.Op{cmd}, Looks: true, Result: predicted,
		Failed: func(_ int, r state.OpResult) *Failure { return CommandFailed(cmd.Argv, r) },
		Then: func(v state.View, did []state.OpResult) (Change, error) {
			return then(v, did[len(did)-1])
		}}
}

// CommandFailed is the failure of a command that returned something else than 0,
// or could not be run.
func CommandFailed(argv []string, r state.OpResult) *Failure {
	msg, rc := strings.TrimSpace(string(r.Stderr)), r.RC
	switch {
	case (!r.OK || rc == notFound) && !strings.Contains(argv[0], "/"):
		return Fail(`Failed to find required executable "`+argv[0]+`"`, "rc", notFound)
	case !r.OK:
		msg, rc = r.Msg, 2
	}
	f := Fail(msg, "rc", rc, "cmd", ShlexJoin(argv), "stdout", hostText(r.Stdout), "stderr", hostText(r.Stderr))
	f.Err = r.Err
	return f
}

// notFound is what a shell returns for a program that does not exist.
const notFound = 127

func hostText(b []byte) value.Value { return value.String(string(b)).WithMarks(value.Unsafe) }

// ShlexQuote quotes a word as Python's shlex does.
func ShlexQuote(s string) string {
	plain := func(r rune) bool {
		return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("@%+=:,./-", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'"'"'`) + "'"
}

// ShlexJoin writes words as a command as Python's shlex does.
func ShlexJoin(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = ShlexQuote(w)
	}
	return strings.Join(out, " ")
}

// ShlexSplit takes a text apart into words as a shell does, without expanding anything.
func ShlexSplit(s string) ([]string, error) {
	var words []string
	var b strings.Builder
	in, quoted := false, rune(0)
	escaped := false
	for _, c := range s {
		switch {
		case escaped:
			b.WriteRune(c)
			escaped = false
		case c == '\\' && quoted != '\'':
			escaped, in = true, true
		case quoted != 0 && c == quoted:
			quoted = 0
		case quoted != 0:
			b.WriteRune(c)
		case c == '\'' || c == '"':
			quoted, in = c, true
		case c == ' ' || c == '\t' || c == '\n':
			if in {
				words = append(words, b.String())
			}
			b.Reset()
			in = false
		default:
			b.WriteRune(c)
			in = true
		}
	}
	if quoted != 0 || escaped {
		return nil, Fail("a quote is not closed in: " + s)
	}
	if in {
		words = append(words, b.String())
	}
	return words, nil
}
