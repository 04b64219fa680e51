package build

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type yarnArgs struct {
	Name          string             `arg:"name"`
	Path          module.Opt[string] `arg:"path"`
	Version       string             `arg:"version"`
	Global        bool               `arg:"global"`
	Executable    string             `arg:"executable"`
	IgnoreScripts bool               `arg:"ignore_scripts"`
	Production    bool               `arg:"production"`
	Registry      string             `arg:"registry"`
	State         string             `arg:"state"`
}

var yarnSpec = module.Spec{
	Name:    "yarn",
	Aliases: []string{"community.general.yarn"},
	Summary: "Installs and removes packages of node.js with yarn",
	Doc:     "Asks yarn what is installed (yarn list) where there is a yarn.lock, in a plan too, and installs what is missing. Without a name it runs yarn install each time.",
	Args: []module.Arg{
		{Name: "name", Doc: "The package."},
		{Name: "path", Type: module.Path, Doc: "The folder with package.json; needed unless global."},
		{Name: "version", Doc: "The package's version."},
		{Name: "global", Type: module.Bool, Default: false, Doc: "Install for all."},
		{Name: "executable", Type: module.Path, Doc: "The program, when it is another; words behind it are arguments."},
		{Name: "ignore_scripts", Type: module.Bool, Default: false, Doc: "Run no scripts of packages."},
		{Name: "production", Type: module.Bool, Default: false, Doc: "Leave out what is for development."},
		{Name: "registry", Doc: "Where packages come from."},
		{Name: "state", Choices: []string{"present", "absent", "latest"}, Default: "present", Doc: "Whether it is to be there, in its newest version with latest."},
	},
	Returns: []module.Return{
		{Name: "out", Type: "str", When: "always", Doc: "What the last command wrote."},
		{Name: "err", Type: "str", When: "always", Doc: "What it wrote to stderr."},
	},
	Examples: "- yarn: {path: /srv/app, production: true}\n- yarn: {name: pm2, global: true}\n",
	Traits:   module.Traits{Reach: state.ReachExternal},
}

// Yarn is the module yarn.
func Yarn() module.Module { return module.New(yarnSpec, planYarn) }

// yarnRun is one use of yarn.
type yarnRun struct {
	yarnArgs
	program []string
	dir     string // where package.json is
}

// What scriptYarn returns where there is no yarn.lock, and no package.json.
const (
	yarnNoLock    = 103
	yarnNoPackage = 104
)

// scriptYarn asks a yarn something, with its arguments, in the folder $1.
const scriptYarn = `cd "$1" 2>/dev/null && [ -f yarn.lock ] || exit 103
[ -f package.json ] || exit 104
shift; exec "$@"`

func planYarn(a yarnArgs, _ module.Inputs, v state.View) (module.Change, error) {
	dir, given := a.Path.Get()
	switch {
	case !given && !a.Global:
		return module.Change{}, module.Fail("Path must be specified when not using global arg")
	case dir != "" && a.Global:
		return module.Change{}, module.Fail("Cannot specify path if doing global installation")
	case a.State == "absent" && a.Name == "":
		return module.Change{}, module.Fail("Package must be explicitly named when uninstalling.")
	}
	g := module.Gathering(v)
	r := &yarnRun{yarnArgs: a, program: []string{"yarn"}}
	if a.Executable != "" {
		r.program = strings.Split(g.Path(a.Executable), " ")
	}
	if a.State == "latest" {
		r.Version = "latest"
	}
	if !a.Global {
		r.dir = strings.TrimRight(g.Path(dir), "/")
		f := g.File(r.dir, 0)
		if c, missing, err := g.Missing(); missing {
			return c, err
		}
		if f.Followed.Type != state.TypeNone && !f.IsDir() {
			return module.Change{}, module.Fail("Path provided " + r.dir + " is not a directory")
		}
		pkg := g.File(r.dir+"/package.json", 0)
		if c, missing, err := g.Missing(); missing {
			return c, err
		}
		if pkg.Followed.Type != state.TypeFile && a.State != "absent" {
			return module.Change{}, module.Fail("Package.json does not exist in provided path.")
		}
		return r.settle()
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	cmd := state.Exec{Argv: append(slices.Clone(r.program), "global", "dir")}
	return module.Look(cmd, r.result(module.Later(), module.Later()), func(_ state.View, x state.OpResult) (module.Change, error) {
		if x.RC != 0 {
			return module.Change{}, module.CommandFailed(cmd.Argv, x)
		}
		r.dir = strings.TrimSpace(string(x.Stdout))
		return r.settle()
	}), nil
}

// settle says what must be done where the folder is known.
func (r *yarnRun) settle() (module.Change, error) {
	add := []string{"add", r.Name}
	if r.Version != "" {
		add[1] += "@" + r.Version
	}
	if r.Name == "" {
		return r.do([]string{"install", "--non-interactive"}), nil
	}
	return r.look([]string{"list", "--depth=0", "--json"}, func(lines []string) (module.Change, error) {
		installed, err := yarnInstalled(lines)
		if err != nil {
			return module.Change{}, module.Fail("what yarn list prints is not understood: " + err.Error())
		}
		there := slices.Contains(installed, r.Name)
		switch {
		case r.State == "absent" && there:
			return r.do([]string{"remove", r.Name}), nil
		case r.State == "absent" || r.State == "present" && there:
			return r.do(), nil
		case r.State == "present":
			return r.do(add), nil
		}
		return r.look([]string{"outdated", "--json"}, func(lines []string) (module.Change, error) {
			var steps [][]string
			if !there {
				steps = append(steps, add)
			}
			if yarnOutdated(lines) {
				steps = append(steps, []string{"upgrade", "--latest"})
			}
			return r.do(steps...), nil
		}), nil
	}), nil
}

// command is yarn with some words, and the options that are asked for.
func (r *yarnRun) command(words ...string) []string {
	argv := append(slices.Clone(r.program), words...)
	if r.Production {
		argv = append(argv, "--production")
	}
	if r.IgnoreScripts {
		argv = append(argv, "--ignore-scripts")
	}
	if r.Registry != "" {
		argv = append(argv, "--registry", r.Registry)
	}
	return argv
}

// look asks yarn something; then gets the lines that it prints, none where nothing was
// installed yet.
func (r *yarnRun) look(words []string, then func(lines []string) (module.Change, error)) module.Change {
	cmd := state.Exec{Argv: append([]string{"sh", "-c", scriptYarn, "sh", r.dir}, r.command(words...)...)}
	return module.Look(cmd, r.result(module.Later(), module.Later()), func(_ state.View, x state.OpResult) (module.Change, error) {
		switch x.RC {
		case yarnNoLock:
			return then(nil)
		case yarnNoPackage:
			return module.Change{}, module.Fail("Package.json does not exist in provided path.")
		case 126, 127:
			return module.Change{}, module.CommandFailed(r.program, x)
		}
		said := string(x.Stderr)
		for _, line := range value.SplitLines(said) {
			var d struct{ Type string }
			if json.Unmarshal([]byte(line), &d) != nil {
				return module.Change{}, module.Fail("Unexpected stderr output from Yarn: "+said, "stderr", said)
			}
			if d.Type == "error" {
				return module.Change{}, module.Fail(said)
			}
		}
		return then(value.SplitLines(strings.TrimSpace(string(x.Stdout))))
	})
}

// yarnInstalled reads the names in what yarn list prints.
func yarnInstalled(lines []string) (names []string, err error) {
	for _, line := range lines {
		var d struct {
			Type string
			Data json.RawMessage
		}
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			return nil, err
		}
		if d.Type != "tree" {
			continue
		}
		var tree struct{ Trees []struct{ Name string } }
		if err := json.Unmarshal(d.Data, &tree); err != nil {
			return nil, err
		}
		for _, t := range tree.Trees {
			if i := strings.LastIndexByte(t.Name, '@'); i >= 0 {
				names = append(names, t.Name[:i])
			}
		}
	}
	return names, nil
}

// yarnOutdated tells whether yarn outdated, whose second line is a table, names a package.
func yarnOutdated(lines []string) bool {
	if len(lines) < 2 {
		return false
	}
	var d struct {
		Data struct{ Body []any }
	}
	return json.Unmarshal([]byte(lines[1]), &d) == nil && len(d.Data.Body) > 0
}

// do runs yarn for each step.
func (r *yarnRun) do(steps ...[]string) module.Change {
	if len(steps) == 0 {
		return module.Change{Result: r.result(false, "")}
	}
	cmds := make([]state.Exec, len(steps))
	for i, s := range steps {
		if r.Global {
			cmds[i] = state.Exec{Argv: r.command(append([]string{"global"}, s...)...)}
		} else {
			cmds[i] = state.Exec{Argv: r.command(s...), Chdir: r.dir}
		}
	}
	c := module.Change{Result: r.result(true, module.Later()), Still: value.M("out", nil, "err", nil)}
	return module.Steps(cmds, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		x := did[len(did)-1]
		if x.RC != 0 {
			return module.Change{}, module.CommandFailed(cmds[len(did)-1].Argv, x)
		}
		return module.Change{Result: value.M("changed", true, "out", value.String(string(x.Stdout)).WithMarks(value.Unsafe), "err", value.String(string(x.Stderr)).WithMarks(value.Unsafe))}, nil
	})
}

func (r *yarnRun) result(changed, text any) *value.Map {
	return value.M("changed", changed, "out", text, "err", text)
}
