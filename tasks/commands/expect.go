package commands

import (
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/pyre"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type expectArgs struct {
	Command   value.Value     `arg:"command"`
	Chdir     string          `arg:"chdir"`
	Creates   string          `arg:"creates"`
	Removes   string          `arg:"removes"`
	Responses *value.Map      `arg:"responses"`
	Timeout   module.Opt[int] `arg:"timeout"`
	Echo      bool            `arg:"echo"`
}

var expectSpec = module.Spec{
	Name:    "expect",
	Summary: "Run a program on a host and answer what it asks",
	Doc: "Runs a program without a shell, on a terminal of its own, and types an answer whenever what it wrote matches a pattern. " +
		"The terminal is that of script (util-linux) or, where that is missing, of python3. A dry run says that it would run.",
	Args: []module.Arg{
		{Name: "command", Required: true, Doc: "The program and its arguments."},
		{Name: "chdir", Type: module.Path, Doc: "Folder to run it in."},
		{Name: "creates", Type: module.Path, Doc: "Do nothing when this path exists."},
		{Name: "removes", Type: module.Path, Doc: "Do nothing when this path does not exist."},
		{Name: "responses", Type: module.Dict, Required: true, Doc: "Answers by pattern (a regular expression of Python's). A list is given one by one, and when it is used up the task fails."},
		{Name: "timeout", Type: module.Int, Default: 30, Doc: "How many seconds to wait for the next pattern, or the end; null: for ever."},
		{Name: "echo", Type: module.Bool, Default: false, Doc: "Have the answers in the output."},
	},
	Returns: []module.Return{
		{Name: "cmd", Type: "str", When: "always", Doc: "The command."},
		{Name: "rc", Type: "int", When: "always", Doc: "What it returned; 0 is success. Null when it was ended because nothing came."},
		{Name: "stdout", Type: "str", When: "always", Doc: "What it wrote on the terminal; lines end in \\r\\n."},
		{Name: "stdout_lines", Type: "list", When: "always", Doc: "stdout in lines."},
		{Name: "start", Type: "str", When: "it ran", Doc: "When it started."},
		{Name: "end", Type: "str", When: "it ran", Doc: "When it ended."},
		{Name: "delta", Type: "str", When: "it ran", Doc: "How long it took."},
	},
	Order:    [][]string{{"cmd", "stdout", "rc", "start", "end", "delta", "changed"}},
	Examples: "- expect:\n    command: passwd username\n    responses:\n      (?i)password: \"{{ new_password }}\"\n  no_log: true\n",
	Traits:   module.Traits{RunOnly: true, Reach: state.ReachExternal, Opaque: true},
}

// Expect is the module expect.
func Expect() module.Module { return module.New(expectSpec, planExpect) }

func planExpect(a expectArgs, in module.Inputs, v state.View) (module.Change, error) {
	text := a.Command.Text()
	if strings.TrimSpace(text) == "" {
		return module.Change{}, module.Fail("no command given", "rc", 256)
	}
	argv, err := split(text)
	if err != nil {
		return module.Change{}, module.Fail(err.Error(), "rc", 256)
	}
	op := state.Expect{Argv: argv, Echo: a.Echo}
	if s, ok := a.Timeout.Get(); ok {
		op.Timeout = time.Duration(s) * time.Second
	}
	if a.Command.IsSecret() {
		op.Shown = "a command with a secret"
	}
	if op.Replies, err = a.replies(); err != nil {
		return module.Change{}, err
	}
	cmd := value.String(text).WithMarks(a.Command.DeepMarks() & value.Secret)
	g := module.Gathering(v)
	if a.Chdir != "" {
		op.Chdir = g.Path(a.Chdir)
	}
	if c, done, err := checkDir(g, op.Chdir, cmd); done {
		return c, err
	}
	if c, done, err := a.guard(g, op.Chdir, cmd); done {
		return c, err
	}
	m := value.M("changed", true, "cmd", cmd)
	for _, k := range []string{"stdout", "stdout_lines", "rc", "start", "end", "delta"} {
		m.Set(k, later(in))
	}
	return module.Change{
		Ops: []state.Op{op}, Result: m, Guarded: a.Creates != "" || a.Removes != "",
		Then: func(_ state.View, did []state.OpResult) (module.Change, error) { return answered(did[0], cmd) },
		Failed: func(_ int, r state.OpResult) *module.Failure {
			if r.RC == 2 {
				return module.Fail("The command was not found or was not executable: " + argv[0] + ".")
			}
			return notRun(r, cmd)
		},
	}, nil
}

// replies are the responses, in their order.
func (a expectArgs) replies() ([]state.Reply, error) {
	var out []state.Reply
	for k, v := range a.Responses.All() {
		r := state.Reply{Pattern: k.Text(), Once: v.Kind() == value.KindList}
		if _, err := pyre.Compile("(?s)" + r.Pattern); err != nil {
			return nil, module.Fail(fmt.Sprintf("responses: the pattern %q: %s", r.Pattern, err))
		}
		given := []value.Value{v}
		if r.Once {
			given = v.Items()
		}
		for _, it := range given {
			r.Answers = append(r.Answers, strings.TrimRight(it.Text(), "\n"))
		}
		out = append(out, r)
	}
	return out, nil
}

// guard looks at creates and removes, which are paths here and no patterns.
func (a expectArgs) guard(g *module.Gather, dir string, cmd value.Value) (module.Change, bool, error) {
	there := func(p string) bool {
		return g.File(path.Clean(g.Path(within(dir, p))), 0).Followed.Type != state.TypeNone
	}
	var said string
	switch {
	case a.Creates != "" && there(a.Creates):
		said = "skipped, since " + a.Creates + " exists"
	case a.Removes != "" && !there(a.Removes):
		said = "skipped, since " + a.Removes + " does not exist"
	}
	if c, missing, err := g.Missing(); missing || said == "" {
		return c, missing, err
	}
	return module.OK("cmd", cmd, "rc", 0, "stdout", said, "stdout_lines", []string{said}), true, nil
}

// answered makes the result of a program that ran.
func answered(r state.OpResult, cmd value.Value) (module.Change, error) {
	if !r.OK {
		return module.Change{}, notRun(r, cmd)
	}
	end, _ := r.Data.(state.ExpectEnd)
	if end.Unanswered != "" {
		return module.Change{}, module.Fail("No remaining responses for '" + end.Unanswered + "', output was 'b" + end.Output + "'")
	}
	m := value.M("changed", true, "cmd", cmd, "stdout", nil, "rc", r.RC, "start", stampOf(r.Start), "end", stampOf(r.End), "delta", delta(r.End.Sub(r.Start)))
	output(m, "stdout", strings.TrimRight(string(r.Stdout), "\r\n"), r.StdoutTruncated)
	switch {
	case end.TimedOut:
		m.Set("rc", value.Null)
		return module.Change{}, &module.Failure{Msg: "command exceeded timeout", Result: m}
	case r.RC != 0:
		return module.Change{}, &module.Failure{Msg: "non-zero return code", Result: m}
	}
	return module.Change{Result: m}, nil
}
