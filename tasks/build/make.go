package build

import (
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type makeArgs struct {
	Target value.Value     `arg:"target"`
	Params *value.Map      `arg:"params"`
	Chdir  string          `arg:"chdir"`
	File   value.Value     `arg:"file"`
	Make   string          `arg:"make"`
	Jobs   module.Opt[int] `arg:"jobs"`
}

var makeSpec = module.Spec{
	Name:    "make",
	Aliases: []string{"community.general.make"},
	Summary: "Bring targets of a Makefile up to date",
	Doc:     "Asks make whether a target is up to date (make -q), in a plan too, and makes it when it is not. Uses gmake where the host has it.",
	Args: []module.Arg{
		{Name: "target", Doc: "The target; without it the first of the Makefile."},
		{Name: "params", Type: module.Dict, Doc: "Variables for make, by name."},
		{Name: "chdir", Type: module.Path, Required: true, Doc: "The folder to run in."},
		{Name: "file", Type: module.Path, Doc: "The Makefile, when it is another."},
		{Name: "make", Type: module.Path, Doc: "The program, when it is another."},
		{Name: "jobs", Type: module.Int, Doc: "How many commands run at once."},
	},
	Returns: []module.Return{
		{Name: "command", Type: "str", When: "success", Doc: "The command."},
		{Name: "stdout", Type: "str", When: "success", Doc: "What make printed; of make -q when the target was up to date."},
		{Name: "stderr", Type: "str", When: "success", Doc: "Its errors."},
		{Name: "chdir", Type: "str", When: "success", Doc: "As given; so are file, jobs, params, target."},
	},
	Examples: "- make: {chdir: /usr/src/app, target: install, params: {PREFIX: /opt/app}}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// Make is the module make.
func Make() module.Module { return module.New(makeSpec, planMake) }

// upToDate prints the program that $1 means, or the one that there is, on a line,
// and asks it whether everything is up to date.
const upToDate = `m=$1; shift
[ -n "$m" ] || m=$(command -v gmake || command -v make) || { echo 'Failed to find required executable "make"' >&2; exit 127; }
printf '%s\n' "$m"; exec "$m" "$@" -q`

func planMake(a makeArgs, _ module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	dir, file, program := g.Path(a.Chdir), a.File, a.Make
	if !file.IsNull() {
		file = value.String(g.Expand(file.Text())) // what is relative is below chdir
	}
	if program != "" {
		program = g.Path(program)
	}
	folder := g.File(strings.TrimRight(dir, "/"), 0)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if !folder.IsDir() {
		return module.Change{}, module.Fail("chdir: " + dir + " is no folder")
	}
	words, shown := a.words(file)
	result := func(changed bool, program string, stdout, stderr value.Value) *value.Map {
		jobs := value.Null
		if n, given := a.Jobs.Get(); given {
			jobs = value.Int(int64(n))
		}
		params := value.Null
		if a.Params != nil {
			params = value.FromMap(a.Params)
		}
		command := module.Later()
		if program != "" {
			command = value.String(module.ShlexJoin(append([]string{program}, shown...)))
		}
		return value.M("changed", changed, "stdout", stdout, "stderr", stderr, "target", a.Target, "params", params,
			"chdir", dir, "file", file, "jobs", jobs, "command", command)
	}
	unknown := result(true, program, module.Later(), module.Later())
	unknown.Set("changed", module.Later())
	ask := state.Exec{Argv: append([]string{"/bin/sh", "-c", upToDate, "sh", program}, words...), Chdir: dir, Shown: module.ShlexJoin(append([]string{"make", "-q"}, words...))}
	return module.Look(ask, unknown, func(_ state.View, r state.OpResult) (module.Change, error) {
		name, out, found := strings.Cut(string(r.Stdout), "\n")
		stdout, stderr := output(out), output(string(r.Stderr))
		switch {
		case (r.RC == 126 || r.RC == 127) && found:
			return module.Change{}, module.CommandFailed(append(append([]string{name}, shown...), "-q"), state.OpResult{Msg: strings.TrimSpace(string(r.Stderr))})
		case !found:
			return module.Change{}, module.CommandFailed(append([]string{"make"}, words...), r)
		case r.RC == 0:
			return module.Change{Result: result(false, name, stdout, stderr)}, nil
		}
		argv := append([]string{name}, words...)
		c := module.Change{Result: result(true, name, module.Later(), module.Later()), Still: value.M("stdout", stdout, "stderr", stderr)}
		return module.Steps([]state.Exec{{Argv: argv, Chdir: dir}}, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
			if did[0].RC != 0 {
				return module.Change{}, module.CommandFailed(argv, did[0])
			}
			return module.Change{Result: result(true, name, output(string(did[0].Stdout)), output(string(did[0].Stderr)))}, nil
		}), nil
	}), nil
}

// words are the arguments of make, and as Ansible shows them: with an empty word
// where there is no target.
func (a makeArgs) words(file value.Value) (words, shown []string) {
	if n, given := a.Jobs.Get(); given {
		words = append(words, "-j", strconv.Itoa(n))
	}
	if !file.IsNull() {
		words = append(words, "-f", file.Text())
	}
	shown = append(shown, words...)
	if !a.Target.IsNull() {
		words = append(words, a.Target.Text())
	}
	shown = append(shown, a.Target.Text())
	if a.Target.IsNull() {
		shown[len(shown)-1] = ""
	}
	if a.Params != nil {
		for k, v := range a.Params.All() {
			words, shown = append(words, k.Text()+"="+v.Text()), append(shown, k.Text()+"="+v.Text())
		}
	}
	return words, shown
}

// output is what a program printed, without the newline at its end.
func output(s string) value.Value {
	return value.String(strings.TrimRight(s, "\r\n")).WithMarks(value.Unsafe)
}
