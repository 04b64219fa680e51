// Package commands has the modules that run commands on a host.
package commands

import (
	"path"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Modules lists the modules of this family.
func Modules() []module.Module { return []module.Module{Command(), Shell(), Raw(), Script(), Expect()} }

type commandArgs struct {
	Free       value.Value `arg:"_raw_params"`
	Cmd        value.Value `arg:"cmd"`
	Argv       value.Value `arg:"argv"`
	Chdir      string      `arg:"chdir"`
	Creates    string      `arg:"creates"`
	Removes    string      `arg:"removes"`
	Executable string      `arg:"executable"`
	Stdin      value.Value `arg:"stdin"`
	AddNewline bool        `arg:"stdin_add_newline"`
	StripEnds  bool        `arg:"strip_empty_ends"`
	ExpandVars bool        `arg:"expand_argument_vars"`
}

func commandSpecArgs() []module.Arg {
	return []module.Arg{
		{Name: "_raw_params", Doc: "The command as free text."},
		{Name: "cmd", Doc: "The command."},
		{Name: "argv", Type: module.List, Elem: module.Str, Doc: "The command as a list: program and arguments, never split."},
		{Name: "chdir", Type: module.Path, Doc: "Folder to run it in."},
		{Name: "executable", Type: module.Path, Doc: "The shell to use."},
		{Name: "creates", Type: module.Path, Doc: "Skip when this path (or something that matches this pattern) exists."},
		{Name: "removes", Type: module.Path, Doc: "Skip when this path (or pattern) does not exist."},
		{Name: "stdin", Doc: "What the command reads."},
		{Name: "stdin_add_newline", Type: module.Bool, Default: true, Doc: "Close stdin with a newline."},
		{Name: "strip_empty_ends", Type: module.Bool, Default: true, Doc: "Drop empty lines at the end of the outputs."},
		{Name: "expand_argument_vars", Type: module.Bool, Default: true, Unlisted: true, Doc: "Put ~ and the variables of the environment into the arguments of a command that runs without a shell."},
		{Name: "warn", Type: module.Bool, Deprecated: "it has no effect", Doc: "Without effect."},
		{Name: "_uses_shell", Type: module.Bool, Doc: "Internal."},
	}
}

// commandOrder is the order of the original's fields.
var commandOrder = [][]string{{"changed", "stdout", "stderr", "rc", "cmd", "start", "end", "delta", "msg"}}

var commandReturns = []module.Return{
	{Name: "cmd", Type: "list", When: "always", Doc: "The command that ran."},
	{Name: "rc", Type: "int", When: "always", Doc: "What it returned; 0 is success."},
	{Name: "stdout", Type: "str", When: "always", Doc: "What it wrote."},
	{Name: "stderr", Type: "str", When: "always", Doc: "What it wrote to stderr."},
	{Name: "stdout_lines", Type: "list", When: "always", Doc: "stdout in lines."},
	{Name: "stderr_lines", Type: "list", When: "always", Doc: "stderr in lines."},
	{Name: "start", Type: "str", When: "it ran", Doc: "When it started."},
	{Name: "end", Type: "str", When: "it ran", Doc: "When it ended."},
	{Name: "delta", Type: "str", When: "it ran", Doc: "How long it took."},
}

var commandSpec = module.Spec{
	Name:     "command",
	Summary:  "Run a program on a host",
	Doc:      "Runs a program without a shell: no variables, pipes or redirections. A dry run says that it would run.",
	Args:     commandSpecArgs(),
	FreeForm: "_raw_params",
	Returns:  commandReturns,
	Order:    commandOrder,
	Examples: "- command: systemctl daemon-reload\n- command: {argv: [make, all], chdir: /src, creates: /src/bin}\n",
	Traits:   module.Traits{Reach: state.ReachHost, Opaque: true},
}

var shellSpec = module.Spec{
	Name:     "shell",
	Summary:  "Run a shell command on a host",
	Doc:      "Runs text through /bin/sh, or the shell named by executable. A dry run says that it would run.",
	Args:     commandSpecArgs(),
	FreeForm: "_raw_params",
	Returns:  commandReturns,
	Order:    commandOrder,
	Examples: "- shell: ps ax | grep -c '[s]shd'\n",
	Traits:   module.Traits{Reach: state.ReachHost, Opaque: true},
}

// Command is the module command.
func Command() module.Module {
	return module.New(commandSpec, func(a commandArgs, in module.Inputs, v state.View) (module.Change, error) {
		return planCommand(a, in, v, false)
	})
}

// Shell is the module shell.
func Shell() module.Module {
	return module.New(shellSpec, func(a commandArgs, in module.Inputs, v state.View) (module.Change, error) {
		return planCommand(a, in, v, true)
	})
}

func planCommand(a commandArgs, in module.Inputs, v state.View, shell bool) (module.Change, error) {
	text, marks, err := a.text(shell)
	if err != nil {
		return module.Change{}, err
	}
	argv := a.argv()
	cmd := value.String(text).WithMarks(marks)
	if !shell {
		if argv == nil {
			if argv, err = split(text); err != nil {
				return module.Change{}, refused(err.Error(), cmd, 256)
			}
		}
		if len(argv) == 0 {
			return module.Change{}, noCommand()
		}
		cmd = value.Strings(argv...).MarkDeep(marks)
	}
	g := module.Gathering(v)
	if c, done, err := a.guard(g, in, cmd); done {
		return c, err
	}
	op := state.Exec{Chdir: a.dir(g)}
	if c, done, err := checkDir(g, op.Chdir, cmd); done {
		return c, err
	}
	var warnings []string
	if shell {
		op.Shell, op.Executable = text, a.Executable
	} else {
		if a.Executable != "" {
			warnings = append(warnings, "As of Ansible 2.4, the parameter 'executable' is no longer supported with the 'command' module. Not using '"+a.Executable+"'.")
		}
		op.Argv = argv
		if a.ExpandVars {
			op.Argv = expand(g, argv, in.Env)
		}
		if c, missing, err := g.Missing(); missing {
			return c, err
		}
	}
	if marks&value.Secret != 0 {
		op.Shown = "a command with a secret"
	}
	if !a.Stdin.IsNull() {
		op.HasStdin = true
		op.Stdin = []byte(a.Stdin.Text())
		if a.AddNewline {
			op.Stdin = append(op.Stdin, '\n')
		}
	}
	c := runs(op, in, cmd, a.StripEnds)
	c.Guarded, c.Warnings = a.Creates != "" || a.Removes != "", warnings
	if then := c.Then; len(warnings) > 0 {
		c.Then = func(v state.View, did []state.OpResult) (module.Change, error) {
			ran, err := then(v, did)
			ran.Warnings = append(warnings, ran.Warnings...)
			return ran, err
		}
	}
	return c, nil
}

// text is the command as one text, and its marks.
func (a commandArgs) text(shell bool) (string, value.Marks, error) {
	given := 0
	for _, v := range []value.Value{a.Free, a.Cmd, a.Argv} {
		if !v.IsNull() && v.Len() > 0 {
			given++
		}
	}
	if given > 1 {
		return "", 0, refused("only command or argv can be given, not both", nil, 256)
	}
	marks := a.Free.DeepMarks() | a.Cmd.DeepMarks() | a.Argv.DeepMarks()
	marks &= value.Secret
	switch {
	case !a.Argv.IsNull():
		var words []string
		for _, it := range a.Argv.Items() {
			words = append(words, it.Text())
		}
		return strings.Join(words, " "), marks, nil
	case a.Free.Len() > 0:
		return a.Free.Text(), marks, nil
	case strings.TrimSpace(a.Cmd.Text()) != "" && !a.Cmd.IsNull():
		return a.Cmd.Text(), marks, nil
	}
	return "", 0, noCommand()
}

func noCommand() error { return refused("no command given", nil, 256) }

// refused is a command that is not run for what was asked.
func refused(msg string, cmd, rc any) error {
	return module.Fail(msg, "changed", false, "cmd", cmd, "rc", rc, "start", nil, "end", nil, "delta", nil,
		"stdout", "", "stderr", "", "stdout_lines", []string{}, "stderr_lines", []string{})
}

// checkDir looks at the folder to run in.
func checkDir(g *module.Gather, dir string, cmd value.Value) (module.Change, bool, error) {
	if dir == "" {
		c, missing, err := g.Missing()
		return c, missing, err
	}
	f := g.File(path.Clean(dir), 0)
	if c, missing, err := g.Missing(); missing {
		return c, true, err
	}
	switch f.Followed.Type {
	case state.TypeDir:
		return module.Change{}, false, nil
	case state.TypeNone:
		return module.Change{}, true, refused("Unable to change directory before execution: [Errno 2] No such file or directory: b'"+dir+"'", cmd, nil)
	}
	return module.Change{}, true, refused("Unable to change directory before execution: [Errno 20] Not a directory: b'"+dir+"'", cmd, nil)
}

func (a commandArgs) argv() []string {
	if a.Argv.IsNull() {
		return nil
	}
	var out []string
	for _, it := range a.Argv.Items() {
		out = append(out, it.Text())
	}
	return out
}

func (a commandArgs) dir(g *module.Gather) string {
	if a.Chdir == "" {
		return ""
	}
	return g.Path(a.Chdir)
}
