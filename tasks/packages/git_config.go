package packages

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type gitConfigArgs struct {
	Name    string `arg:"name"`
	Value   string `arg:"value"`
	Scope   string `arg:"scope"`
	Repo    string `arg:"repo"`
	File    string `arg:"file"`
	State   string `arg:"state"`
	ListAll bool   `arg:"list_all"`
}

var gitConfigSpec = module.Spec{
	Name:    "git_config",
	Aliases: []string{"community.general.git_config"},
	Summary: "Read, set or remove a setting of git",
	Doc:     "Without a value and with the state present it only reads the setting.",
	Args: []module.Arg{
		{Name: "name", Doc: "The setting, such as user.email."},
		{Name: "value", Doc: "What it is to be."},
		{Name: "scope", Choices: []string{"file", "local", "global", "system"}, Doc: "Where it is kept: in a file, in a repository, for the user, or for the host. Without it the host's, and with list_all all of them."},
		{Name: "repo", Type: module.Path, Doc: "The repository of the scope local."},
		{Name: "file", Type: module.Path, Doc: "The file of the scope file."},
		{Name: "state", Choices: []string{"present", "absent"}, Default: "present", Doc: "Whether the setting is to be there."},
		{Name: "list_all", Type: module.Bool, Default: false, Doc: "Read all settings of the scope."},
	},
	MutuallyExclusive: [][]string{{"list_all", "name"}, {"list_all", "value"}, {"list_all", "state"}},
	RequiredIf:        [][]string{{"scope", "local", "repo"}, {"scope", "file", "file"}},
	RequiredOneOf:     [][]string{{"list_all", "name"}},
	Returns: []module.Return{
		{Name: "config_value", Type: "str", When: "a setting was read", Doc: "The setting; empty when there is none."},
		{Name: "config_values", Type: "dict", When: "list_all", Doc: "The settings by name."},
	},
	Examples: "- git_config: {name: user.email, scope: global, value: me@example.org}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// GitConfig is the module git_config.
func GitConfig() module.Module { return module.New(gitConfigSpec, planGitConfig) }

// scriptGitConfig asks git in the folder $1 for settings, and names it in front.
const scriptGitConfig = `cd "$1" || exit; shift
g=$(command -v git) || exit 127; printf '@%s\n' "$g"
LC_ALL=C exec git config --includes "$@"`

func planGitConfig(a gitConfigArgs, _ module.Inputs, v state.View) (module.Change, error) {
	if a.Name == "" && !a.ListAll {
		return module.Change{}, module.Fail("one of the following is required: list_all, name")
	}
	g := module.Gathering(v)
	where, dir := a.where(g)
	ask := append(where, a.Name)
	if a.ListAll {
		ask = append([]string{"-l"}, where...)
	}
	said := g.Output(scriptGitConfig, append([]string{dir}, ask...)...)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	git := "git"
	if rest, ok := strings.CutPrefix(said.Stdout, "@"); ok {
		git, said.Stdout, _ = strings.Cut(rest, "\n")
	}
	none := a.ListAll && a.Scope != "" && strings.Contains(said.Stderr, "unable to read config file")
	switch {
	case said.RC == 127:
		return module.Change{}, module.Fail(`Failed to find required executable "git" in paths of the host`)
	case said.RC >= 2 && !none:
		return module.Change{}, module.Fail(said.Stderr, "rc", said.RC, "cmd", git+" config --includes "+strings.Join(ask, " "))
	case a.ListAll:
		return module.OK("msg", "", "config_values", settings(said.Stdout)), nil
	}
	now := strings.TrimRight(said.Stdout, " \t\r\n")
	want, absent := a.Value, a.State == "absent"
	if absent {
		want = ""
	}
	switch {
	case want == "" && !absent:
		return module.OK("msg", "", "config_value", value.String(now).MarkDeep(value.Unsafe)), nil
	case absent && said.Stdout == "":
		return module.OK("msg", "no setting to unset"), nil
	case !absent && now == want:
		return module.OK("msg", ""), nil
	}
	argv := append([]string{git, "config", "--includes"}, where...)
	if absent {
		argv = append(argv, "--unset", a.Name)
	} else {
		argv = append(argv, a.Name, want)
	}
	head := "git config --includes " + strings.Join(ask, " ")
	shown := state.Diff{{BeforeHeader: head, AfterHeader: head, Before: now + "\n", After: want + "\n"}}
	c := module.Change{Diff: shown, Result: value.M("changed", true, "msg", "setting changed", "diff", shown.Registered(false))}
	return module.Steps([]state.Exec{{Argv: argv, Chdir: dir, Env: []string{"LC_ALL=C"}}}, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if r := did[0]; r.RC != 0 || len(r.Stderr) > 0 {
			return module.Change{}, module.Fail(string(r.Stderr), "rc", r.RC, "cmd", argv)
		}
		return module.Change{Result: c.Result}, nil
	}), nil
}

// where says which settings are meant, and in which folder git is to be asked:
// away from any repository, unless it is one that is meant.
func (a gitConfigArgs) where(g *module.Gather) (words []string, dir string) {
	dir = "/"
	if a.Repo != "" && (a.Scope == "local" || a.ListAll) {
		dir = g.Path(a.Repo)
	}
	switch {
	case a.Scope == "file":
		return []string{"-f", g.Path(a.File)}, dir
	case a.Scope != "":
		return []string{"--" + a.Scope}, dir
	case a.ListAll:
		return nil, dir
	}
	return []string{"--system"}, dir
}

// settings reads what git config -l prints.
func settings(text string) value.Value {
	m := value.NewMap()
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimRight(line, "\n"), "="); ok {
			m.Set(k, value.String(v).MarkDeep(value.Unsafe))
		}
	}
	return value.FromMap(m)
}
