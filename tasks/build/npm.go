package build

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type npmArgs struct {
	Name          string             `arg:"name"`
	Path          string             `arg:"path"`
	Version       string             `arg:"version"`
	Global        bool               `arg:"global"`
	Executable    module.Opt[string] `arg:"executable"`
	IgnoreScripts bool               `arg:"ignore_scripts"`
	UnsafePerm    bool               `arg:"unsafe_perm"`
	CI            bool               `arg:"ci"`
	Production    bool               `arg:"production"`
	Registry      string             `arg:"registry"`
	State         string             `arg:"state"`
	NoOptional    bool               `arg:"no_optional"`
	NoBinLinks    bool               `arg:"no_bin_links"`
}

var npmSpec = module.Spec{
	Name:    "npm",
	Aliases: []string{"community.general.npm"},
	Summary: "Installs and removes packages of node.js with npm",
	Doc: "Asks npm what is installed (npm list), in a plan too, and installs what is missing. Without a name it is what package.json of the folder names. " +
		"With ci it runs npm ci each time.",
	Args: []module.Arg{
		{Name: "name", Doc: "The package."},
		{Name: "path", Type: module.Path, Doc: "The folder to install into; needed unless global. It is made when it is missing."},
		{Name: "version", Doc: "The package's version."},
		{Name: "global", Type: module.Bool, Default: false, Doc: "Install for all."},
		{Name: "executable", Type: module.Path, Doc: "The program, when it is another; words behind it are arguments."},
		{Name: "ignore_scripts", Type: module.Bool, Default: false, Doc: "Run no scripts of packages."},
		{Name: "unsafe_perm", Type: module.Bool, Default: false, Doc: "Run the packages' scripts as who acts."},
		{Name: "ci", Type: module.Bool, Default: false, Doc: "Install exactly what the lock file says."},
		{Name: "production", Type: module.Bool, Default: false, Doc: "Leave out what is for development."},
		{Name: "registry", Doc: "Where packages come from."},
		{Name: "state", Choices: []string{"present", "absent", "latest"}, Default: "present", Doc: "Whether it is to be there, in its newest version with latest."},
		{Name: "no_optional", Type: module.Bool, Default: false, Doc: "Leave out what is optional."},
		{Name: "no_bin_links", Type: module.Bool, Default: false, Doc: "Make no links to programs."},
	},
	Examples: "- npm: {path: /srv/app, production: true}\n- npm: {name: pm2, global: true}\n",
	Traits:   module.Traits{Reach: state.ReachExternal},
}

// Npm is the module npm.
func Npm() module.Module { return module.New(npmSpec, planNpm) }

// npmRun is one use of npm.
type npmRun struct {
	npmArgs
	program []string
	dir     string
	mkdir   []state.Exec // makes the folder
}

func planNpm(a npmArgs, _ module.Inputs, v state.View) (module.Change, error) {
	switch {
	case a.Path == "" && !a.Global:
		return module.Change{}, module.Fail("path must be specified when not using global")
	case a.State == "absent" && a.Name == "":
		return module.Change{}, module.Fail("uninstalling a package is only available for named packages")
	}
	g := module.Gathering(v)
	n := &npmRun{npmArgs: a, program: []string{"npm"}}
	if exe, given := a.Executable.Get(); given && exe != "" {
		n.program = strings.Split(g.Path(exe), " ")
	}
	exists := true
	if a.Path != "" {
		n.dir = strings.TrimRight(g.Path(a.Path), "/")
		f := g.File(n.dir, 0)
		if c, missing, err := g.Missing(); missing {
			return c, err
		}
		if exists = f.Followed.Type != state.TypeNone; exists && !f.IsDir() {
			return module.Change{}, module.Fail("path " + n.dir + " is not a directory")
		}
		if !exists {
			n.mkdir = []state.Exec{{Argv: []string{"mkdir", "-p", "--", n.dir}}}
		}
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if a.CI {
		return n.do([]string{"ci"}), nil
	}
	if !exists { // npm has nothing to list there
		return n.settle(npmList{missing: true}, false), nil
	}
	return n.look([]string{"list", "--json", "--long"}, false, func(r state.OpResult) (module.Change, error) {
		l, err := parseNpmList(r.Stdout, n.Name, n.nameVersion())
		if err != nil {
			return module.Change{}, module.Fail("Failed to parse NPM output with error " + err.Error())
		}
		if n.State != "latest" {
			return n.settle(l, false), nil
		}
		return n.look([]string{"outdated"}, true, func(r state.OpResult) (module.Change, error) {
			return n.settle(l, strings.TrimSpace(string(r.Stdout)) != ""), nil
		}), nil
	}), nil
}

// command is npm with some words, and the options that are asked for.
func (n *npmRun) command(words []string, named bool) []string {
	argv := append(slices.Clone(n.program), words...)
	add := func(yes bool, more ...string) {
		if yes {
			argv = append(argv, more...)
		}
	}
	add(n.Global, "--global")
	add(n.Production && slices.Contains([]string{"install", "update", "ci"}, words[0]), "--production")
	add(n.IgnoreScripts, "--ignore-scripts")
	add(n.UnsafePerm, "--unsafe-perm")
	add(named && n.Name != "", n.nameVersion())
	add(n.Registry != "", "--registry", n.Registry)
	add(n.NoOptional, "--no-optional")
	add(n.NoBinLinks, "--no-bin-links")
	return argv
}

func (n *npmRun) nameVersion() string {
	if n.Version != "" && n.State != "absent" {
		return n.Name + "@" + n.Version
	}
	return n.Name
}

// look asks npm something.
func (n *npmRun) look(words []string, named bool, then func(state.OpResult) (module.Change, error)) module.Change {
	cmd := state.Exec{Argv: n.command(words, named), Chdir: n.dir}
	return module.Look(cmd, value.M("changed", module.Later()), func(_ state.View, r state.OpResult) (module.Change, error) { return then(r) })
}

// settle says what must be done where that is installed.
func (n *npmRun) settle(l npmList, outdated bool) module.Change {
	var steps [][]string
	switch {
	case n.State == "absent":
		if l.installed {
			steps = append(steps, []string{"uninstall"})
		}
	case l.missing:
		steps = append(steps, []string{"install"})
	}
	if outdated {
		steps = append(steps, []string{"update"})
	}
	return n.do(steps...)
}

// do runs npm for each step.
func (n *npmRun) do(steps ...[]string) module.Change {
	c := module.Change{Result: value.M("changed", len(steps) > 0)}
	if len(steps) == 0 {
		return c
	}
	cmds := slices.Clone(n.mkdir)
	for _, s := range steps {
		cmds = append(cmds, state.Exec{Argv: n.command(s, true), Chdir: n.dir})
	}
	return module.Steps(cmds, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if last := len(did) - 1; did[last].RC != 0 {
			return module.Change{}, module.CommandFailed(cmds[last].Argv, did[last])
		}
		return module.Change{Result: c.Result}, nil
	})
}

// npmList is what npm list says: whether the package is there at all, and
// whether something that is wanted is not.
type npmList struct{ installed, missing bool }

// parseNpmList reads the JSON of npm list. want is the package with its version,
// when one is asked for.
func parseNpmList(out []byte, name, want string) (l npmList, err error) {
	data := value.FromMap(value.NewMap())
	if len(out) > 0 {
		if data, err = value.ParseJSON(out); err != nil {
			return l, err
		}
	}
	deps, ok := data.Get("dependencies")
	if !ok || deps.Map() == nil {
		l.missing = true
		return l, nil
	}
	installed := map[string]bool{}
	for k, dep := range deps.Map().All() {
		absent, _ := dep.Get("missing")
		invalid, _ := dep.Get("invalid")
		if absent.Truthy() || invalid.Truthy() {
			l.missing = true
			continue
		}
		installed[k.Text()] = true
		if v, _ := dep.Get("version"); v.Truthy() {
			installed[k.Text()+"@"+v.Text()] = true
		}
	}
	l.installed = installed[name]
	l.missing = l.missing || want != "" && !installed[want]
	return l, nil
}
