package build

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type composerArgs struct {
	Command       string             `arg:"command"`
	Arguments     string             `arg:"arguments"`
	PHP           module.Opt[string] `arg:"executable"`
	Dir           module.Opt[string] `arg:"working_dir"`
	Global        bool               `arg:"global_command"`
	PreferSource  bool               `arg:"prefer_source"`
	PreferDist    bool               `arg:"prefer_dist"`
	NoDev         bool               `arg:"no_dev"`
	NoScripts     bool               `arg:"no_scripts"`
	NoPlugins     bool               `arg:"no_plugins"`
	APCu          bool               `arg:"apcu_autoloader"`
	Optimize      bool               `arg:"optimize_autoloader"`
	Authoritative bool               `arg:"classmap_authoritative"`
	IgnoreReqs    bool               `arg:"ignore_platform_reqs"`
	Program       module.Opt[string] `arg:"composer_executable"`
}

func toggle(name string, def bool, doc string) module.Arg {
	return module.Arg{Name: name, Type: module.Bool, Default: def, Doc: doc}
}

var composerSpec = module.Spec{
	Name:    "composer",
	Aliases: []string{"community.general.composer"},
	Summary: "Runs Composer, the package manager of PHP",
	Doc: "Asks composer which options the command has, and gives those. It has changed something unless composer says that there was nothing to do; " +
		"a plan runs it with --dry-run, where the command has that.",
	Args: []module.Arg{
		{Name: "command", Default: "install", Doc: "The command: install, update, require ..."},
		{Name: "arguments", Default: "", Doc: "Words for it, such as vendor/package:1.0."},
		{Name: "executable", Aliases: []string{"php_path"}, Type: module.Path, Doc: "The program of PHP."},
		{Name: "working_dir", Type: module.Path, Doc: "The folder of the project; needed unless global_command."},
		toggle("global_command", false, "Run the command for all projects."),
		toggle("prefer_source", false, "Get packages as sources."),
		toggle("prefer_dist", false, "Get packages as archives."),
		toggle("no_dev", true, "Leave out what is for development."),
		toggle("no_scripts", false, "Run no scripts."),
		toggle("no_plugins", false, "Use no plugins."),
		toggle("apcu_autoloader", false, "Use APCu to remember classes."),
		toggle("optimize_autoloader", true, "Make the autoloader fast."),
		toggle("classmap_authoritative", false, "Load classes from the map alone."),
		toggle("ignore_platform_reqs", false, "Do not look whether PHP is as packages need it."),
		{Name: "composer_executable", Type: module.Path, Doc: "The program composer."},
	},
	Returns: []module.Return{
		{Name: "msg", Type: "str", When: "always", Doc: "What composer said, in one line."},
		{Name: "stdout", Type: "str", When: "always", Doc: "What it said."},
	},
	Examples: "- composer: {command: install, working_dir: /srv/app}\n",
	Traits:   module.Traits{Reach: state.ReachExternal},
}

// Composer is the module composer.
func Composer() module.Module { return module.New(composerSpec, planComposer) }

// findComposer runs composer: $1 and $2 are the programs of PHP and composer, ""
// for those that are found.
const findComposer = `p=$1 c=$2; shift 2; PATH=$PATH:/usr/local/bin
[ "$p" ] || p=$(command -v php) || { echo 'Failed to find required executable "php"' >&2; exit 127; }
[ "$c" ] || c=$(command -v composer) || { echo 'Failed to find required executable "composer"' >&2; exit 127; }
exec "$p" "$c" "$@"`

// composerRun is one use of composer.
type composerRun struct {
	composerArgs
	php, program string
	words        []string // of Arguments
}

func planComposer(a composerArgs, in module.Inputs, v state.View) (module.Change, error) {
	switch {
	case !a.Global && !a.Dir.Given():
		return module.Change{}, module.Fail("global_command is False but all of the following are missing: working_dir")
	case strings.ContainsAny(a.Command, " \t\r\n"):
		return module.Change{}, module.Fail("Use the 'arguments' param for passing arguments with the 'command'")
	}
	r := &composerRun{composerArgs: a}
	var err error
	if r.words, err = module.ShlexSplit(a.Arguments); err != nil {
		return module.Change{}, err
	}
	g := module.Gathering(v)
	path := func(o module.Opt[string]) string {
		if p, ok := o.Get(); ok {
			return g.Path(p)
		}
		return ""
	}
	r.php, r.program = path(a.PHP), path(a.Program)
	dir := path(a.Dir)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	ask := r.command("help", a.Command, "--no-interaction", "--format=json")
	return module.Look(ask, value.M("changed", module.Later(), "msg", module.Later(), "stdout", module.Later()), func(_ state.View, x state.OpResult) (module.Change, error) {
		switch {
		case x.RC == 127 && strings.Contains(r.php, "/"):
			return module.Change{}, module.Fail("[Errno 2] No such file or directory: b"+value.String(r.php).Repr(), "cmd", module.ShlexJoin([]string{r.php, r.program, "help", a.Command, "--no-interaction", "--format=json"}),
				"rc", 2, "stdout", "", "stderr", "")
		case x.RC != 0:
			return module.Change{}, module.Fail(oneLine(string(x.Stderr)), "rc", x.RC)
		}
		help, err := value.ParseJSON(x.Stdout)
		if err != nil {
			return module.Change{}, module.Fail("what composer says of its command " + a.Command + " cannot be read: " + err.Error())
		}
		definition, _ := help.Get("definition")
		known, _ := definition.Get("options")
		return r.run(in, dir, known.Map()), nil
	}), nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func (r *composerRun) command(words ...string) state.Exec {
	return state.Exec{Argv: append([]string{"/bin/sh", "-c", findComposer, "sh", r.php, r.program}, words...), Shown: "composer " + module.ShlexJoin(words)}
}

// run plans the command with those options that it knows.
func (r *composerRun) run(in module.Inputs, dir string, known *value.Map) module.Change {
	has := func(o string) bool { return known != nil && known.Has(o) }
	var words []string
	if r.Global {
		words = append(words, "global")
	}
	words = append(words, r.Command)
	for _, o := range []string{"no-ansi", "no-interaction", "no-progress"} {
		if has(o) {
			words = append(words, "--"+o)
		}
	}
	if !r.Global {
		words = append(words, "--working-dir", dir)
	}
	for _, o := range []struct {
		asked bool
		name  string
	}{{r.PreferSource, "prefer-source"}, {r.PreferDist, "prefer-dist"}, {r.NoDev, "no-dev"}, {r.NoScripts, "no-scripts"}, {r.NoPlugins, "no-plugins"},
		{r.APCu, "apcu-autoloader"}, {r.Optimize, "optimize-autoloader"}, {r.Authoritative, "classmap-authoritative"}, {r.IgnoreReqs, "ignore-platform-reqs"}} {
		if o.asked && has(o.name) {
			words = append(words, "--"+o.name)
		}
	}
	unknown := value.M("changed", module.Later(), "msg", module.Later(), "stdout", module.Later())
	switch {
	case !in.Check:
		return module.Steps([]state.Exec{r.command(slices.Concat(words, r.words)...)}, module.Change{Result: unknown}, func(_ state.View, did []state.OpResult) (module.Change, error) {
			return composerSaid(did[0])
		})
	case !has("dry-run"):
		return module.Change{Ops: []state.Op{r.command(slices.Concat(words, r.words)...)}, Result: unknown,
			NoCheck: "command '" + r.Command + "' does not support check mode, skipping"}
	}
	return module.Look(r.command(slices.Concat(words, []string{"--dry-run"}, r.words)...), unknown, func(_ state.View, x state.OpResult) (module.Change, error) {
		c, err := composerSaid(x)
		if err != nil {
			return c, err
		}
		if changed, _ := c.Result.Get("changed"); changed.Truthy() {
			c.Ops = []state.Op{r.command(slices.Concat(words, r.words)...)}
		}
		return c, err
	})
}

// composerSaid is what is registered of what composer said.
func composerSaid(x state.OpResult) (module.Change, error) {
	text := func(s string) value.Value { return value.String(s).WithMarks(value.Unsafe) }
	if x.RC != 0 {
		return module.Change{}, module.Fail(oneLine(string(x.Stderr)), "stdout", text(string(x.Stderr)))
	}
	out := string(x.Stdout) + string(x.Stderr)
	msg := oneLine(out)
	nothing := strings.Contains(msg, "Nothing to install or update") || strings.Contains(msg, "Nothing to install, update or remove")
	return module.Change{Result: value.M("changed", !nothing, "msg", text(msg), "stdout", text(out))}, nil
}
