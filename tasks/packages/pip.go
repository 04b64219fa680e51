package packages

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type pipArgs struct {
	Name         module.Opt[[]string] `arg:"name"`
	Version      string               `arg:"version"`
	Requirements string               `arg:"requirements"`
	State        string               `arg:"state"`
	Env          string               `arg:"virtualenv"`
	SitePackages bool                 `arg:"virtualenv_site_packages"`
	EnvCommand   string               `arg:"virtualenv_command"`
	EnvPython    string               `arg:"virtualenv_python"`
	Extra        string               `arg:"extra_args"`
	Editable     bool                 `arg:"editable"`
	Chdir        string               `arg:"chdir"`
	Executable   string               `arg:"executable"`
	Umask        string               `arg:"umask"`
	BreakSystem  bool                 `arg:"break_system_packages"`
}

// Pip is the module pip.
func Pip() module.Module {
	return module.New(module.Spec{
		Name:    "pip",
		Summary: "Installs and removes Python packages with pip",
		Doc:     `Runs pip on the host, in a virtual environment if one is named, which is made when it is missing.`,
		Args: []module.Arg{
			{Name: "name", Type: module.List, Elem: module.Str, Doc: "The packages, as pip takes them: name, name==1.0, an address."},
			{Name: "version", Doc: "The version of a single package."},
			{Name: "requirements", Doc: "A file of requirements on the host."},
			{Name: "state", Choices: []string{"absent", "forcereinstall", "latest", "present"}, Default: "present", Doc: "Whether they are there, and whether in the newest version."},
			{Name: "virtualenv", Type: module.Path, Doc: "The folder of a virtual environment."},
			{Name: "virtualenv_site_packages", Type: module.Bool, Default: false, Doc: "A new environment sees the system's packages."},
			{Name: "virtualenv_command", Type: module.Path, Default: "virtualenv", Doc: "What makes an environment, such as python3 -m venv."},
			{Name: "virtualenv_python", Doc: "The Python of a new environment; not with python3 -m venv."},
			{Name: "extra_args", Doc: "More words for pip."},
			{Name: "editable", Type: module.Bool, Default: false, Doc: "Install it editable (-e)."},
			{Name: "chdir", Type: module.Path, Doc: "The folder to run in."},
			{Name: "executable", Type: module.Path, Doc: "The program pip, by name or path."},
			{Name: "umask", Doc: "The umask, in octal digits."},
			{Name: "break_system_packages", Type: module.Bool, Default: false, Unlisted: true, Doc: "Let pip change an environment that the system's packages own."},
		},
		RequiredOneOf:     [][]string{{"name", "requirements"}},
		MutuallyExclusive: [][]string{{"name", "requirements"}, {"executable", "virtualenv"}},
		Returns: []module.Return{
			{Name: "cmd", Type: "list", When: "pip ran", Doc: "What ran."},
			{Name: "name", Type: "list", When: "pip ran", Doc: "The packages as asked."},
			{Name: "version", Type: "str", When: "pip ran", Doc: "The version as asked."},
			{Name: "requirements", Type: "str", When: "pip ran", Doc: "The file as asked."},
			{Name: "virtualenv", Type: "str", When: "pip ran", Doc: "The environment."},
			{Name: "stdout", Type: "str", When: "pip ran", Doc: "What it printed."},
			{Name: "stderr", Type: "str", When: "pip ran", Doc: "Its errors."},
		},
		Examples: "- pip: {name: 'requests>=2', virtualenv: /opt/app, virtualenv_command: python3 -m venv}\n",
		Traits:   module.Traits{Reach: state.ReachExternal},
	}, planPip)
}

// scriptPip finds pip for an environment ($1) or a program ($2), and what makes
// an environment ($3); it prints one word of a command a line.
const scriptPip = `if [ -n "$1" ] && [ ! -e "$1/bin/activate" ]; then
echo new; command -v "$3" || { printf '!Failed to find required executable "%s" in paths of the host\n' "$3"; exit; }
command -v python3 || echo python3; "$3" --help 2>/dev/null | grep -q -e --no-site-packages && echo --no-site-packages; exit 0
fi
echo pip
if [ -n "$1" ]; then
for b in "$1/bin/pip3" "$1/bin/pip"; do [ -x "$b" ] && { echo "$b"; exit 0; }; done
printf '!Unable to find pip in the virtualenv, %s, under any of these names: pip3, pip. Make sure pip is present in the virtualenv.\n' "$1"; exit 0
fi
case $2 in
'') p=$(command -v python3) && "$p" -c 'import importlib.util as u, sys; sys.exit(not u.find_spec("pip"))' 2>/dev/null && { printf '%s\n-m\npip.__main__\n' "$p"; exit 0; }
b=pip3;;
/*) [ -x "$2" ] || echo gone; echo "$2"; exit 0;;
*) b=$2;;
esac
command -v "$b" || printf '!Unable to find any of %s to use.  pip needs to be installed.\n' "$b"`

// scriptPipHas tells for each requirement behind "--" whether what the command
// before it lists fits: "yes" or "no" a line, after the list and an empty line.
const scriptPipHas = `d=$1; shift; cd "$d" || exit
n=0; for w; do [ "$w" = -- ] && break; n=$((n + 1)); done
c=; i=0; for w; do i=$((i + 1)); [ $i -le $n ] && c="$c '$w'"; done
o=$(eval "$c list --format=freeze" 2>/dev/null) || o=$(eval "$c freeze" 2>/dev/null)
printf '%s\n\n' "$o"; shift $((n + 1))
eval "p=\${c#* \'}"; p=${p%%\'*}; case $p in */python*) ;; *) p=$(dirname "$p")/python3; [ -x "$p" ] || p=python3;; esac
printf '%s\n' "$o" | "$p" -c 'import re, sys
try: from packaging.requirements import Requirement
except ImportError: from pip._vendor.packaging.requirements import Requirement
n = lambda s: re.sub(r"[-_.]+", "-", s).lower()
have = dict((n(a), b) for a, s, b in (l.strip().partition("==") for l in sys.stdin) if s)
for w in sys.argv[1:]:
    try: r = Requirement(w)
    except Exception: print("no"); continue
    v = have.get(n(r.name)); print("yes" if v is not None and r.specifier.contains(v, prereleases=True) else "no")' "$@"`

// pipRun is one run of pip.
type pipRun struct {
	pipArgs
	in       module.Inputs
	pip      []string // the command
	names    []string
	venv     *state.Exec // makes the environment
	env, dir string
}

func planPip(a pipArgs, in module.Inputs, v state.View) (module.Change, error) {
	r := &pipRun{pipArgs: a, in: in}
	if a.Umask != "" {
		if _, err := strconv.ParseUint(a.Umask, 8, 32); err != nil {
			return module.Change{}, module.Fail("umask must be an octal integer")
		}
	}
	if a.State == "latest" && a.Version != "" {
		return module.Change{}, module.Fail("version is incompatible with state=latest")
	}
	if err := r.requirements(); err != nil {
		return module.Change{}, err
	}
	g := module.Gathering(v)
	r.dir = "/tmp"
	if a.Chdir != "" {
		r.dir = g.Path(a.Chdir)
	}
	if r.env = a.Env; r.env != "" && a.Chdir != "" && !path.IsAbs(r.env) && !strings.HasPrefix(r.env, "~") {
		r.env = path.Join(r.dir, r.env)
	} else if r.env != "" {
		r.env = g.Path(r.env)
	}
	words := strings.Fields(a.EnvCommand)
	if len(words) == 0 {
		words = []string{"virtualenv"}
	}
	out := g.Output(scriptPip, r.env, a.Executable, words[0])
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	found := strings.Split(strings.TrimSpace(out.Stdout), "\n")
	if last := found[len(found)-1]; strings.HasPrefix(last, "!") {
		if found[0] == "new" && strings.HasPrefix(words[0], "/") {
			return module.Change{}, module.Fail(last[1:], "cmd", words[0]+" --help", "rc", 2, "stdout", "", "stderr", "")
		}
		return module.Change{}, module.Fail(last[1:])
	}
	if found[0] == "new" {
		return r.newEnv(found[1:], words)
	}
	r.pip = found[1:]
	if r.pip[0] == "gone" {
		r.pip = r.pip[1:]
		return r.cannotRun()
	}
	if in.Check {
		return r.foresee(g)
	}
	return r.install(), nil
}

var (
	pipVCS     = lazyregexp.New(`(svn|git|hg|bzr)\+`)
	pipName    = lazyregexp.New(`^(?:[a-zA-Z0-9][a-zA-Z0-9._-]*|[a-zA-Z0-9])`)
	pipSpec    = lazyregexp.New(`^([A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?\s*([<>=!~].*)?$`)
	pipOp      = lazyregexp.New(`\s*([<>=!~]=?=?)\s*`)
	pipDigit   = lazyregexp.New(`^\s*[0-9]`)
	pipVersion = lazyregexp.New(`^\s*(===?|!=|~=|<=?|>=?)`)
)

// requirements puts the names together again that a comma took apart, and adds
// the version.
func (r *pipRun) requirements() error {
	list, _ := r.Name.Get()
	var parts []string
	var all []string
	for _, n := range list {
		for p := range strings.SplitSeq(n, ",") {
			all = append(all, strings.TrimSpace(p))
		}
	}
	open := false
	flush := func() {
		if len(parts) > 0 {
			r.names = append(r.names, strings.Join(parts, ","))
		}
		parts = nil
	}
	for _, n := range all {
		if !pipVersion().MatchString(n) && !open {
			flush()
		}
		if strings.Contains(n, "[") {
			open = true
		}
		if open && strings.Contains(n, "]") {
			open = false
		}
		parts = append(parts, n)
	}
	flush()
	for i, n := range r.names {
		r.names[i] = plainRequirement(n)
	}
	if r.Version == "" {
		return nil
	}
	switch {
	case len(r.names) > 1:
		return module.Fail("'version' argument is ambiguous when installing multiple package distributions. Please specify version restrictions next to each package in 'name' argument.")
	case len(r.names) == 1:
		if m := pipSpec().FindStringSubmatch(r.names[0]); m != nil && m[3] != "" {
			return module.Fail("The 'version' argument conflicts with any version specifier provided along with a package name. Please keep the version specifier, but remove the 'version' argument.")
		}
		if pipDigit().MatchString(r.Version) {
			r.names[0] = plainRequirement(r.names[0] + "==" + strings.TrimSpace(r.Version))
		} else {
			r.names[0] = plainRequirement(r.names[0] + " " + strings.TrimSpace(r.Version))
		}
	}
	return nil
}

// plainRequirement writes a requirement without blanks; what is none (a path,
// an address) stays.
func plainRequirement(s string) string {
	m := pipSpec().FindStringSubmatch(s)
	if m == nil || !pipName().MatchString(s) {
		return s
	}
	specs := strings.Split(m[3], ",")
	for i, p := range specs {
		specs[i] = strings.TrimSpace(pipOp().ReplaceAllString(p, "$1"))
	}
	slices.Sort(specs)
	return m[1] + m[2] + strings.Join(specs, ",")
}

// newEnv makes the environment, then looks again.
func (r *pipRun) newEnv(found, words []string) (module.Change, error) {
	cmd := append([]string{found[0]}, words[1:]...)
	if r.SitePackages {
		cmd = append(cmd, "--system-site-packages")
	} else if slices.Contains(found, "--no-site-packages") {
		cmd = append(cmd, "--no-site-packages")
	}
	builtin := strings.Contains(r.EnvCommand, "pyvenv") || strings.Contains(r.EnvCommand, "-m venv")
	switch {
	case builtin && r.EnvPython != "":
		return module.Change{}, module.Fail("virtualenv_python should not be used when using the venv module or pyvenv as virtualenv_command")
	case !builtin && r.EnvPython != "":
		cmd = append(cmd, "-p"+r.EnvPython)
	case !builtin && len(found) > 1:
		cmd = append(cmd, "-p"+found[1])
	}
	cmd = append(cmd, r.env)
	op := r.exec(cmd)
	r.venv = &op
	r.pip = []string{r.env + "/bin/pip3"}
	if r.in.Check {
		return module.Change{Ops: []state.Op{op}, Result: value.M("changed", true)}, nil
	}
	return r.install(), nil
}

// exec runs a command in the folder, with the umask and the environment's PATH.
func (r *pipRun) exec(argv []string) state.Exec {
	text := "exec " + module.QuoteAll(argv...)
	if r.env != "" && r.venv != nil || r.env != "" && len(r.pip) > 0 {
		text = "PATH=" + quote(r.env+"/bin") + ":$PATH; export PATH; " + text
	}
	if r.Umask != "" {
		text = "umask " + r.Umask + "; " + text
	}
	env := []string{"LANG=C.UTF-8", "LC_ALL=C.UTF-8", "LC_MESSAGES=C.UTF-8"}
	if r.BreakSystem {
		env = append(env, "PIP_BREAK_SYSTEM_PACKAGES=1")
	}
	return state.Exec{Shell: text, Chdir: r.dir, Shown: strings.Join(argv, " "), Env: env}
}

// command is the call of pip.
func (r *pipRun) command() ([]string, error) {
	verb := map[string][]string{"present": {"install"}, "absent": {"uninstall", "-y"}, "latest": {"install", "-U"},
		"forcereinstall": {"install", "-U", "--force-reinstall"}}[r.State]
	cmd := slices.Concat(r.pip, verb)
	extra := r.Extra
	if r.Editable && !slices.Contains(strings.Split(extra, " "), "-e") {
		extra = strings.TrimSpace(extra + " -e")
	}
	words, err := module.ShlexSplit(extra)
	if err != nil {
		return nil, err
	}
	cmd = append(cmd, words...)
	if len(r.names) > 0 {
		return append(cmd, r.names...), nil
	}
	if r.Requirements != "" {
		return append(cmd, "-r", r.Requirements), nil
	}
	return nil, nil
}

// cannotRun is the failure to start a program that is not there.
func (r *pipRun) cannotRun() (module.Change, error) {
	cmd, err := r.command()
	if err != nil || cmd == nil {
		return nothingToInstall(), err
	}
	if r.in.Check && (r.Extra != "" || r.Editable || r.Requirements != "" || r.State == "latest") {
		return module.Change{Result: value.M("changed", true)}, nil
	}
	return module.Change{}, module.Fail("[Errno 2] No such file or directory: b"+value.String(r.pip[0]).Repr(), "cmd", module.ShlexJoin(cmd), "rc", 2, "stdout", "", "stderr", "")
}

// foresee tells in a dry run what pip's own list tells.
func (r *pipRun) foresee(g *module.Gather) (module.Change, error) {
	cmd, err := r.command()
	if err != nil || cmd == nil {
		return nothingToInstall(), err
	}
	op := r.exec(cmd)
	if r.Extra != "" || r.Editable || r.Requirements != "" || r.State == "latest" {
		return module.Change{Ops: []state.Op{op}, Result: value.M("changed", true)}, nil
	}
	out := g.Output(scriptPipHas, slices.Concat([]string{r.dir}, r.pip, []string{"--"}, r.names)...)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	list, verdicts, _ := strings.Cut(out.Stdout, "\n\n")
	if list = strings.TrimLeft(list, "\n"); list != "" {
		list += "\n"
	}
	has := strings.Fields(verdicts)
	changed := r.State == "present" && slices.Contains(has, "no") || r.State == "absent" && slices.Contains(has, "yes")
	c := module.Change{Result: value.M("changed", changed, "cmd", strings.Join(r.pip, " ")+" list --format=freeze", "stdout", text([]byte(list)), "stderr", "")}
	if changed {
		c.Ops = []state.Op{op}
	}
	return c, nil
}

func nothingToInstall() module.Change {
	return module.Change{Result: value.M("changed", false), Warnings: []string{"No valid name or requirements file found."}}
}

// install makes the environment where it is missing and runs pip.
func (r *pipRun) install() module.Change {
	cmd, err := r.command()
	if err != nil || cmd == nil {
		return nothingToInstall()
	}
	compare := r.Requirements != "" || slices.ContainsFunc(r.names, pipVCS().MatchString)
	list := r.exec(append(slices.Clone(r.pip), "list", "--format=freeze"))
	var steps []state.Exec
	if r.venv != nil {
		steps = append(steps, *r.venv)
	}
	at := len(steps)
	if compare {
		steps = append(steps, list)
		at++
	}
	steps = append(steps, r.exec(cmd))
	if compare && r.State != "absent" {
		steps = append(steps, list)
	}
	predicted := value.M("changed", module.Later(), "cmd", value.Strings(cmd...))
	return module.Steps(steps, module.Change{Result: predicted}, func(_ state.View, did []state.OpResult) (module.Change, error) {
		return r.end(cmd, at, did)
	})
}

// end makes the result; did[at] is pip's own run.
func (r *pipRun) end(cmd []string, at int, did []state.OpResult) (module.Change, error) {
	var stdout, stderr string
	for i, d := range did {
		if i == at || r.venv != nil && i == 0 {
			stdout, stderr = stdout+string(d.Stdout), stderr+string(d.Stderr)
		}
	}
	last := did[len(did)-1]
	gone := len(did) == at+1 && r.State == "absent" && last.RC == 1 && strings.Contains(string(last.Stdout)+string(last.Stderr), "not installed")
	if last.RC != 0 && !gone {
		msg := ""
		if stdout != "" {
			msg = "stdout: " + stdout
		}
		if stderr != "" {
			msg += "\n:stderr: " + stderr
		}
		ran := cmd
		if len(did) <= at && r.venv != nil {
			ran = strings.Fields(r.venv.Shown)
		}
		return module.Change{}, module.Fail(msg, "cmd", value.Strings(ran...))
	}
	changed := r.venv != nil
	switch out := string(did[at].Stdout); {
	case r.State == "absent":
		changed = changed || strings.Contains(out, "Successfully uninstalled")
	case len(did) > at+1:
		changed = changed || string(did[at-1].Stdout) != string(did[at+1].Stdout)
	default:
		changed = changed || strings.Contains(out, "Successfully installed")
	}
	name := value.Null
	if list, given := r.Name.Get(); given {
		name = value.Strings(list...)
	}
	orNone := func(s string) value.Value {
		if s == "" {
			return value.Null
		}
		return value.String(s)
	}
	return module.Change{Result: value.M("changed", changed, "cmd", value.Strings(cmd...), "name", name, "version", orNone(r.Version), "state", r.State,
		"requirements", orNone(r.Requirements), "virtualenv", orNone(r.env), "stdout", text([]byte(stdout)), "stderr", text([]byte(stderr)))}, nil
}
