package build

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type pipxArgs struct {
	State           string   `arg:"state"`
	Name            string   `arg:"name"`
	Source          string   `arg:"source"`
	InstallApps     bool     `arg:"install_apps"`
	InstallDeps     bool     `arg:"install_deps"`
	InjectPackages  []string `arg:"inject_packages"`
	Force           bool     `arg:"force"`
	IncludeInjected bool     `arg:"include_injected"`
	IndexURL        string   `arg:"index_url"`
	Python          string   `arg:"python"`
	SitePackages    bool     `arg:"system_site_packages"`
	Executable      string   `arg:"executable"`
	Editable        bool     `arg:"editable"`
	PipArgs         string   `arg:"pip_args"`
}

var pipxSpec = module.Spec{
	Name:    "pipx",
	Aliases: []string{"community.general.pipx"},
	Summary: "Installs and removes applications in Python with pipx",
	Doc:     "Asks pipx what is installed, in a plan too. What an upgrade would change only pipx knows: a plan calls it unknown.",
	Args: []module.Arg{
		{Name: "state", Choices: []string{"present", "absent", "install", "uninstall", "uninstall_all", "inject", "upgrade", "upgrade_all", "reinstall", "reinstall_all", "latest"}, Default: "install", Doc: "What is to be done; present is install, absent uninstall, and latest install and then upgrade."},
		{Name: "name", Doc: "The application."},
		{Name: "source", Doc: "Where it comes from, in place of its name: with a version, an address, a folder."},
		{Name: "install_apps", Type: module.Bool, Default: false, Doc: "With inject: also the programs of the packages."},
		{Name: "install_deps", Type: module.Bool, Default: false, Doc: "Also the programs of what it depends on."},
		{Name: "inject_packages", Type: module.List, Elem: module.Str, Doc: "What is put into the application's environment."},
		{Name: "force", Type: module.Bool, Default: false, Doc: "Do it in any case."},
		{Name: "include_injected", Type: module.Bool, Default: false, Doc: "With an upgrade: also what was injected."},
		{Name: "index_url", Doc: "The index of packages."},
		{Name: "python", Doc: "The Python of the application's environment."},
		{Name: "system_site_packages", Type: module.Bool, Default: false, Doc: "The environment sees the system's packages."},
		{Name: "executable", Type: module.Path, Doc: "The program; without it the module pipx of python3, or where that has none the program pipx."},
		{Name: "editable", Type: module.Bool, Default: false, Doc: "Install it so that its source can be edited."},
		{Name: "pip_args", Doc: "Arguments for pip."},
	},
	RequiredIf: [][]string{
		{"state", "present", "name"}, {"state", "install", "name"}, {"state", "absent", "name"}, {"state", "uninstall", "name"}, {"state", "upgrade", "name"},
		{"state", "reinstall", "name"}, {"state", "latest", "name"}, {"state", "inject", "name", "inject_packages"},
	},
	Returns: []module.Return{
		{Name: "application", Type: "dict", When: "always", Doc: "The application, or all of them: version and injected (packages with their versions) by name."},
		{Name: "cmd", Type: "list", When: "pipx did something", Doc: "The last command."},
		{Name: "stdout", Type: "str", When: "pipx did something", Doc: "What it wrote."},
		{Name: "stderr", Type: "str", When: "pipx did something", Doc: "What it wrote to stderr."},
	},
	Examples: "- pipx: {name: tox}\n- pipx: {name: tox, state: inject, inject_packages: [tox-docker]}\n",
	Traits:   module.Traits{Reach: state.ReachExternal},
}

// Pipx is the module pipx.
func Pipx() module.Module { return module.New(pipxSpec, planPipx) }

// pipxRun is one use of pipx.
type pipxRun struct {
	pipxArgs
	program []string
	before  map[string]pipxApp
}

// pipxApp is an application that pipx knows.
type pipxApp struct {
	Version  string
	Injected map[string]string
}

// scriptPipx says how pipx is called where nobody says it.
const scriptPipx = `p=$(command -v python3) && "$p" -c 'import importlib.util as u, sys; sys.exit(not u.find_spec("pipx"))' 2>/dev/null && { echo "$p"; exit; }
command -v pipx`

var pipxEnv = []string{"USE_EMOJI=0", "LC_ALL=C", "LANGUAGE=C"}

func planPipx(a pipxArgs, _ module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	r := &pipxRun{pipxArgs: a}
	if a.Executable != "" {
		r.program = []string{g.Path(a.Executable)}
	} else {
		said := g.Output(scriptPipx)
		if c, missing, err := g.Missing(); missing {
			return c, err
		}
		lines := value.SplitLines(said.Stdout)
		switch {
		case len(lines) == 0:
			return module.Change{}, module.Fail("pipx was not found, neither among the modules of python3 nor in the PATH: install it with pip, or say its executable")
		case strings.HasSuffix(lines[0], "pipx"):
			r.program = lines[:1]
		default:
			r.program = []string{lines[0], "-m", "pipx"}
		}
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	return r.list(func(apps map[string]pipxApp) (module.Change, error) {
		r.before = apps
		return r.settle()
	}), nil
}

// list asks what is installed.
func (r *pipxRun) list(then func(map[string]pipxApp) (module.Change, error)) module.Change {
	cmd := state.Exec{Argv: append(slices.Clone(r.program), "list", "--include-injected", "--json"), Env: pipxEnv}
	return module.Look(cmd, r.result(module.Later(), module.Later()), func(_ state.View, x state.OpResult) (module.Change, error) {
		if x.RC != 0 || !x.OK {
			return module.Change{}, module.CommandFailed(cmd.Argv, x)
		}
		apps, err := parsePipx(x.Stdout, r.Name)
		if err != nil {
			return module.Change{}, module.Fail("what pipx list prints is not understood: " + err.Error())
		}
		return then(apps)
	})
}

// parsePipx reads what pipx list prints as JSON: all applications, or the one of a name.
func parsePipx(out []byte, name string) (map[string]pipxApp, error) {
	type pkg struct {
		Version string `json:"package_version"`
	}
	var said struct {
		Venvs map[string]struct {
			Metadata struct {
				Main     pkg            `json:"main_package"`
				Injected map[string]pkg `json:"injected_packages"`
			} `json:"metadata"`
		} `json:"venvs"`
	}
	if len(out) > 0 {
		if err := json.Unmarshal(out, &said); err != nil {
			return nil, err
		}
	}
	apps := map[string]pipxApp{}
	for n, v := range said.Venvs {
		if name != "" && n != name {
			continue
		}
		app := pipxApp{Version: v.Metadata.Main.Version, Injected: map[string]string{}}
		for p, i := range v.Metadata.Injected {
			app.Injected[p] = i.Version
		}
		apps[n] = app
	}
	return apps, nil
}

// settle says what must be done where the applications are known.
func (r *pipxRun) settle() (module.Change, error) {
	there := len(r.before) > 0
	refuse := func(doing string) (module.Change, error) {
		return module.Change{}, module.Fail("Trying to "+doing+" a non-existent application: "+r.Name, "name", r.Name, "application", value.M())
	}
	switch r.State {
	case "present", "install":
		if there && !r.Force {
			return module.Change{Result: r.result(false, pipxValue(r.before))}, nil
		}
		return r.do(true, r.install()), nil
	case "latest":
		if there && !r.Force {
			return r.do(false, r.upgrade()), nil
		}
		return r.do(true, r.install(), r.upgrade()), nil
	case "absent", "uninstall":
		if !there {
			return module.Change{Result: r.result(false, pipxValue(r.before))}, nil
		}
		return r.do(true, []string{"uninstall", r.Name}), nil
	case "upgrade":
		if !there {
			return refuse("upgrade")
		}
		return r.do(r.Force, r.upgrade()), nil
	case "reinstall":
		if !there {
			return refuse("reinstall")
		}
		return r.do(true, pipxWords("reinstall").add(true, r.Name).with("--python", r.Python)), nil
	case "inject":
		if !there {
			return refuse("inject packages into")
		}
		w := pipxWords("inject").with("--index-url", r.IndexURL).add(r.InstallApps, "--include-apps").add(r.InstallDeps, "--include-deps").
			add(r.Force, "--force").add(r.Editable, "--editable").with("--pip-args", r.PipArgs).add(true, r.Name).add(true, r.InjectPackages...)
		return r.do(r.Force, w), nil
	case "upgrade_all":
		return r.do(r.Force, pipxWords("upgrade-all").add(r.IncludeInjected, "--include-injected").add(r.Force, "--force")), nil
	case "reinstall_all":
		return r.do(false, pipxWords("reinstall-all").with("--python", r.Python)), nil
	}
	return r.do(len(r.before) > 0, pipxWords("uninstall-all")), nil
}

// words are arguments of pipx.
type words []string

func pipxWords(verb string) words { return words{verb} }

func (w words) add(yes bool, more ...string) words {
	if yes {
		return append(w, more...)
	}
	return w
}

func (w words) with(option, text string) words { return w.add(text != "", option, text) }

func (r *pipxRun) install() words {
	what := r.Name
	if r.Source != "" {
		what = r.Source
	}
	return pipxWords("install").with("--index-url", r.IndexURL).add(r.InstallDeps, "--include-deps").add(r.Force, "--force").with("--python", r.Python).
		add(r.SitePackages, "--system-site-packages").add(r.Editable, "--editable").with("--pip-args", r.PipArgs).add(true, what)
}

func (r *pipxRun) upgrade() words {
	return pipxWords("upgrade").add(r.IncludeInjected, "--include-injected").with("--index-url", r.IndexURL).add(r.Force, "--force").
		add(r.Editable, "--editable").with("--pip-args", r.PipArgs).add(true, r.Name)
}

// do runs pipx for each step, and looks again. It has changed something for sure, or
// where what is installed is not what it was.
func (r *pipxRun) do(sure bool, steps ...words) module.Change {
	var cmds []state.Exec
	for _, w := range steps {
		cmds = append(cmds, state.Exec{Argv: slices.Concat(r.program, w), Env: pipxEnv})
	}
	last := cmds[len(cmds)-1].Argv
	changed := module.Later()
	if sure || len(r.before) == 0 { // where nothing is, only what is sure can change
		changed = value.Bool(sure)
	}
	predicted := module.Change{
		Result: r.result(changed, module.Later()),
		Still:  value.M("changed", sure, "application", pipxValue(r.before), "stdout", nil, "stderr", nil, "stdout_lines", []string{}, "stderr_lines", []string{}),
	}
	predicted.Result.Set("cmd", value.Strings(last...))
	for _, k := range []string{"stdout", "stderr", "stdout_lines", "stderr_lines"} {
		predicted.Result.Set(k, module.Later())
	}
	return module.Steps(cmds, predicted, func(_ state.View, did []state.OpResult) (module.Change, error) {
		ran := did[len(did)-1]
		if ran.RC != 0 {
			return module.Change{}, module.CommandFailed(cmds[len(did)-1].Argv, ran)
		}
		return r.list(func(after map[string]pipxApp) (module.Change, error) {
			m := r.result(sure || !reflect.DeepEqual(r.before, after), pipxValue(after))
			m.Set("cmd", value.Strings(last...))
			for name, text := range map[string][]byte{"stdout": ran.Stdout, "stderr": ran.Stderr} {
				m.Set(name, value.String(string(text)).WithMarks(value.Unsafe))
				m.Set(name+"_lines", value.Strings(value.SplitLines(string(text))...).MarkDeep(value.Unsafe))
			}
			return module.Change{Result: m}, nil
		}), nil
	})
}

func (r *pipxRun) result(changed, application any) *value.Map {
	text := func(s string) value.Value {
		if s == "" {
			return value.Null
		}
		return value.String(s)
	}
	return value.M("changed", changed, "name", text(r.Name), "source", text(r.Source), "index_url", text(r.IndexURL), "force", r.Force, "application", application)
}

func pipxValue(apps map[string]pipxApp) value.Value {
	all := value.NewMap()
	for _, n := range slices.Sorted(maps.Keys(apps)) {
		injected := value.NewMap()
		for _, p := range slices.Sorted(maps.Keys(apps[n].Injected)) {
			injected.Set(p, value.String(apps[n].Injected[p]).WithMarks(value.Unsafe))
		}
		all.Set(n, value.FromMap(value.M("version", value.String(apps[n].Version).WithMarks(value.Unsafe), "injected", value.FromMap(injected))))
	}
	return value.FromMap(all)
}
