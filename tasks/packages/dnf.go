package packages

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type dnfArgs struct {
	Name          []string `arg:"name"`
	State         string   `arg:"state"`
	EnableRepo    []string `arg:"enablerepo"`
	DisableRepo   []string `arg:"disablerepo"`
	Exclude       []string `arg:"exclude"`
	EnablePlugin  []string `arg:"enable_plugin"`
	DisablePlugin []string `arg:"disable_plugin"`
	Conf          string   `arg:"conf_file"`
	NoGPG         bool     `arg:"disable_gpg_check"`
	InstallRoot   string   `arg:"installroot"`
	ReleaseVer    string   `arg:"releasever"`
	UpdateCache   bool     `arg:"update_cache"`
	UpdateOnly    bool     `arg:"update_only"`
	Autoremove    bool     `arg:"autoremove"`
	AllowErasing  bool     `arg:"allowerasing"`
	Downgrade     bool     `arg:"allow_downgrade"`
	SkipBroken    bool     `arg:"skip_broken"`
	Security      bool     `arg:"security"`
	Bugfix        bool     `arg:"bugfix"`
	DownloadOnly  bool     `arg:"download_only"`
	DownloadDir   string   `arg:"download_dir"`
	CacheOnly     bool     `arg:"cacheonly"`
	NoBest        bool     `arg:"nobest"`
	WeakDeps      bool     `arg:"install_weak_deps"`
	SSLVerify     bool     `arg:"sslverify"`
	NoExcludes    string   `arg:"disable_excludes"`
	LegacyVerify  bool     `arg:"validate_certs"`
	LockTimeout   int      `arg:"lock_timeout"`
	InstallQuery  bool     `arg:"install_repoquery"`
	List          string   `arg:"list"`
}

// Dnf is the module dnf; Yum is the same by yum's name.
func Dnf() module.Module { return module.New(dnfSpec("dnf"), planDnf("dnf")) }

// Yum is the module yum.
func Yum() module.Module { return module.New(dnfSpec("yum"), planDnf("yum")) }

func dnfSpec(name string) module.Spec {
	on := func(name, doc string, def bool, aliases ...string) module.Arg {
		return module.Arg{Name: name, Aliases: aliases, Type: module.Bool, Default: def, Doc: doc}
	}
	list := func(name, doc string, aliases ...string) module.Arg {
		return module.Arg{Name: name, Aliases: aliases, Type: module.List, Elem: module.Str, Default: []string{}, Doc: doc}
	}
	s := module.Spec{
		Name:    name,
		Summary: "Installs and removes packages of the Red Hat family with " + name,
		Doc: `Asks rpm what is installed and runs ` + name + ` (the other one of dnf and yum where it is missing) only when something
must change.`,
		Args: []module.Arg{
			list("name", "The packages: names, name-version, groups (@name), files and addresses of .rpm; * with latest is everything.", "pkg"),
			{Name: "state", Choices: []string{"absent", "installed", "latest", "present", "removed"}, Doc: "Whether they are there, and whether in the newest version; present without it, absent with autoremove."},
			list("enablerepo", "Repositories to use, too."), list("disablerepo", "Repositories not to use."),
			list("exclude", "Packages to leave out."), list("enable_plugin", "Plug-ins to use, too."), list("disable_plugin", "Plug-ins not to use."),
			{Name: "conf_file", Doc: "The configuration file."},
			on("disable_gpg_check", "Install what is not signed.", false),
			{Name: "disable_excludes", Doc: "all, main or a repository whose exclusions do not count."},
			{Name: "installroot", Default: "/", Doc: "The root folder to install below."},
			{Name: "releasever", Doc: "The release to take packages of."},
			on("update_cache", "Fetch the lists of packages anew.", false, "expire-cache"),
			on("update_only", "With latest: install nothing that is not installed.", false),
			on("autoremove", "Remove packages that nothing needs any more.", false),
			on("allowerasing", "Remove packages that stand in the way.", false),
			on("allow_downgrade", "Allow older versions.", false),
			on("skip_broken", "Leave out what cannot be installed.", false),
			on("security", "With latest: only what is a security fix.", false),
			on("bugfix", "With latest: only what fixes a defect.", false),
			on("download_only", "Only download.", false),
			{Name: "download_dir", Doc: "Where to."},
			on("cacheonly", "Use only what was downloaded before.", false),
			on("nobest", "Do not insist on the newest version.", false),
			on("install_weak_deps", "Install what is recommended.", true),
			on("sslverify", "Check the servers' certificates.", true),
			on("validate_certs", "Check the certificate behind an address.", true),
			{Name: "lock_timeout", Type: module.Int, Default: 30, Doc: "Accepted; the program waits for others by itself."},
			on("install_repoquery", "Accepted.", true),
			{Name: "list", Doc: "Only tell of packages: installed, available, updates, repos, or a name or pattern."},
		},
		MutuallyExclusive: [][]string{{"name", "list"}},
		Returns: []module.Return{
			{Name: "results", Type: "list", When: "always", Doc: "What was installed and removed; with list what there is: name, epoch, version, release, arch, repo, nevra, envra, yumstate."},
			{Name: "rc", Type: "int", When: "always", Doc: "What the program returned."},
			{Name: "msg", Type: "str", When: "always", Doc: "\"Nothing to do\", or nothing."},
		},
		Examples: "- " + name + ": {name: [nginx, '@development'], state: present}\n",
		Traits:   module.Traits{Reach: state.ReachHost},
	}
	if name == "yum" {
		s.Args = append(s.Args, module.Arg{Name: "use_backend", Choices: []string{"auto", "yum", "yum4", "dnf"}, Default: "auto", Doc: "Accepted; the program that is there is used."})
	}
	return s
}

// scriptRPM prints which program there is, then what of each package ($4 ...)
// is installed: "have SPEC" or "lack SPEC"; with latest ($2) "old SPEC" where
// there is a newer version. $3 are options; with $4 an older version may take the
// place of a newer one, else "newer SPEC" says that a newer one is installed. $5 is
// the folder that the system is below.
const scriptRPM = `p=$1 latest=$2 o=$3 down=$4 root=$5; shift 5
db() { [ "$root" = / ] || [ -e "$root$(rpm --eval %_dbpath)" ] || return; rpm --root "$root" "$@"; }
newer() {
case $1 in
*.rpm) set -- $(rpm -qp --qf '%{NAME} %{EVR}' "$1" 2>/dev/null);;
*-[0-9]*-*[0-9A-Za-z]) set -- $(eval "$p -q $o repoquery --latest-limit=1 --qf '%{name} %{evr}' \"\$1\"" 2>/dev/null);;
*) return 1;;
esac
[ $# = 2 ] || return
have=$(db -q --qf '%{EVR}\n' "$1" 2>/dev/null) || return
have=${have##*
}
[ "$(rpm --eval "%{lua:print(rpm.vercmp('$2', '$have'))}")" = -1 ]
}
case $p in dnf) q=yum;; *) q=dnf;; esac
command -v $p >/dev/null || p=$q
command -v $p >/dev/null && command -v rpm >/dev/null || exit 127
echo "program $p"
for s do
case $s in
@*) if $p -q group list --installed "${s#@}" 2>/dev/null | grep -q .; then echo "have $s"; else echo "lack $s"; fi; continue;;
*://*) echo "lack $s"; continue;;
*.rpm) n=$(rpm -qp --qf '%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}' "$s" 2>/dev/null) || { echo "none $s"; continue; };;
*) n=$s;;
esac
if db -q "$n" >/dev/null 2>&1 || db -q --whatprovides "$n" >/dev/null 2>&1; then echo "have $s"; else
wild=
case $n in *'*'*|*'?'*|*'['*) wild=$(db -qa "$n");; esac
if [ "$wild" ]; then echo "have $s"
elif [ -z "$down" ] && newer "$s"; then echo "newer $s"; continue
else echo "lack $s"; continue; fi
fi
[ -z "$latest" ] || { eval "$p -q $o check-update \"\$n\"" >/dev/null 2>&1; [ $? = 100 ] && echo "old $s"; }
done
:`

// dnfRun is one run of dnf or yum.
type dnfRun struct {
	dnfArgs
	in      module.Inputs
	program string
}

func planDnf(program string) func(a dnfArgs, in module.Inputs, v state.View) (module.Change, error) {
	return func(a dnfArgs, in module.Inputs, v state.View) (module.Change, error) {
		r := &dnfRun{dnfArgs: a, in: in, program: program}
		switch {
		case a.List != "":
			return r.list(v)
		case a.State == "" && a.Autoremove:
			r.State = "absent"
		case a.State == "" || a.State == "installed":
			r.State = "present"
		case a.State == "removed":
			r.State = "absent"
		case a.Autoremove && a.State != "absent":
			return module.Change{}, module.Fail("Autoremove should be used alone or with state=absent", "results", []string{})
		}
		return r.plan(v)
	}
}

// options are those of every call.
func (r *dnfRun) options() []string {
	var out []string
	add := func(flag string, list ...string) {
		for _, x := range list {
			if x != "" {
				out = append(out, flag+x)
			}
		}
	}
	add("--enablerepo=", r.EnableRepo...)
	add("--disablerepo=", r.DisableRepo...)
	add("--exclude=", r.Exclude...)
	add("--enableplugin=", r.EnablePlugin...)
	add("--disableplugin=", r.DisablePlugin...)
	add("--config=", r.Conf)
	add("--releasever=", r.ReleaseVer)
	add("--disableexcludes=", r.NoExcludes)
	add("--downloaddir=", r.DownloadDir)
	if r.InstallRoot != "/" {
		add("--installroot=", r.InstallRoot)
	}
	return append(out, flags(r.NoGPG, "--nogpgcheck", r.AllowErasing, "--allowerasing", r.SkipBroken, "--skip-broken", r.NoBest, "--nobest",
		r.DownloadOnly, "--downloadonly", r.CacheOnly, "--cacheonly", r.UpdateCache, "--refresh", !r.WeakDeps, "--setopt=install_weak_deps=False",
		!r.SSLVerify, "--setopt=sslverify=0", r.State == "latest" && r.Security, "--security", r.State == "latest" && r.Bugfix, "--bugfix")...)
}

func (r *dnfRun) plan(v state.View) (module.Change, error) {
	latest := ""
	if r.State == "latest" {
		latest = "1"
	}
	everything := slices.Contains(r.Name, "*") && r.State == "latest"
	specs := slices.DeleteFunc(slices.Clone(r.Name), func(s string) bool { return s == "*" || strings.TrimSpace(s) == "" })
	for i := range specs {
		specs[i] = strings.TrimSpace(specs[i])
	}
	g := module.Gathering(v)
	conf, down := state.File{}, ""
	if r.Conf != "" {
		conf = g.File(g.Path(r.Conf), 0)
	}
	if r.Downgrade || r.State == "absent" {
		down = "1"
	}
	out := g.Output(scriptRPM, append([]string{r.program, latest, module.QuoteAll(r.options()...), down, r.InstallRoot}, specs...)...)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if r.Conf != "" && !conf.IsRegular() {
		return module.Change{}, module.Fail("cannot read configuration file", "conf_file", r.Conf, "results", []string{})
	}
	if out.RC == 127 {
		return module.Change{}, module.Fail(`Failed to find required executable "`+r.program+`" in paths of the host`, "rc", 127, "results", []string{})
	}
	program := r.program
	if p, ok := strings.CutPrefix(strings.SplitN(out.Stdout, "\n", 2)[0], "program "); ok {
		program = p
	}
	call := append([]string{program, "-y"}, r.options()...)
	if len(r.Name) == 0 && r.UpdateCache {
		return r.refresh(append(call, "makecache")), nil
	}
	words := r.words(out.Stdout, everything)
	if words == nil {
		return r.nothing(), nil
	}
	return r.transact(g, append(call, words...), words)
}

// nothing is the change where all is as it is to be.
func (r *dnfRun) nothing() module.Change {
	return module.Change{Result: value.M("changed", false, "msg", "Nothing to do", "rc", 0, "results", r.files())}
}

// refresh fetches the lists of packages, which is no change in the original.
func (r *dnfRun) refresh(cmd []string) module.Change {
	done := value.M("changed", false, "msg", "Cache updated", "rc", 0, "results", []string{})
	op := state.Exec{Argv: cmd, Env: english}
	return module.Steps([]state.Exec{op}, module.Change{Result: done}, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if d := did[len(did)-1]; d.RC != 0 {
			return module.Change{}, refusal(d, nil)
		}
		return module.Change{Result: done}, nil
	})
}

// transact runs a command whose last words are a verb and packages.
func (r *dnfRun) transact(g *module.Gather, cmd, words []string) (module.Change, error) {
	if words[0] == "upgrade" && len(words) == 1 || words[0] == "autoremove" {
		trial := g.Output(scriptTrial, append(cmd, "--assumeno")...)
		if c, missing, err := g.Missing(); missing {
			return c, err
		}
		if strings.Contains(trial.Stdout, "\nNothing to do.") {
			return r.nothing(), nil
		}
	}
	moves, msg := module.Later(), ""
	if r.in.Check {
		msg = "Check mode: No changes made, but would have if not in check mode"
		moved, c, err := r.forecast(g, cmd, words[1:])
		switch {
		case err != nil || len(c.Need) > 0:
			return c, err
		case moved != nil && len(moved) == 0:
			return r.nothing(), nil
		case moved != nil:
			moves = r.moved(moved)
		}
	}
	predicted := value.M("changed", true, "msg", msg, "rc", 0, "results", moves)
	steps := []state.Exec{{Argv: cmd, Env: english}}
	if words[0] == "remove" && r.Autoremove { // which takes what nothing needed before, too
		rest := append(slices.Clone(cmd[:len(cmd)-len(words)]), "autoremove")
		steps = append(steps, state.Exec{Argv: rest, Env: english})
	}
	return module.Steps(steps, module.Change{Result: predicted}, func(_ state.View, did []state.OpResult) (module.Change, error) {
		var moved []string
		for _, d := range did {
			if d.RC != 0 {
				return module.Change{}, refusal(d, words[1:])
			}
			moved = append(moved, transaction(string(d.Stdout))...)
		}
		m := predicted.Clone()
		m.Set("changed", value.Bool(len(moved) > 0))
		m.Set("results", r.moved(moved))
		if len(moved) == 0 {
			m.Set("msg", value.String("Nothing to do"))
		}
		return module.Change{Result: m}, nil
	}), nil
}

// moved is what is registered of packages that came and went.
func (r *dnfRun) moved(list []string) value.Value {
	return value.Strings(append(r.files(), list...)...).MarkDeep(value.Unsafe)
}

// How the program says that it knows no such package or group, and that there is
// no such file.
var (
	noRepository = lazyregexp.New(`(?m)^Error: There are no enabled repositories in `)
	nothingFound = lazyregexp.New(`(?m)^Error: Unable to find a match: (.+)$`)
	noGroup      = lazyregexp.New(`(?m)^Module or Group '(.+)' is not available\.$`)
	noFile       = lazyregexp.New(`(?m)^Could not open: .+$`)
)

// refusal is the failure of a call about specs, in the words of the original where it has some.
func refusal(d state.OpResult, specs []string) error {
	said := orElse(strings.TrimSpace(string(d.Stderr)), strings.TrimSpace(string(d.Stdout)))
	var failures []string
	if m := noGroup().FindStringSubmatch(said); m != nil {
		return module.Fail("No group "+m[1]+" available.", "results", []string{})
	}
	unknown := specs // to a program that has nowhere to look
	if m := nothingFound().FindStringSubmatch(said); m != nil {
		unknown = strings.Fields(m[1])
	} else if !noRepository().MatchString(said) {
		unknown = nil
	}
	for _, name := range unknown {
		if !strings.HasPrefix(name, "@") {
			failures = append(failures, "No package "+name+" available.")
		}
	}
	if len(failures) > 0 {
		return module.Fail("Failed to install some of the specified packages", "failures", failures, "rc", 1, "results", []string{})
	}
	if _, problem, ok := strings.Cut(said, "Error: \n Problem"); ok {
		problem, _, _ = strings.Cut(problem, "\n(try to ")
		return module.Fail("Depsolve Error occurred: \n Problem"+problem, "failures", []string{}, "rc", 1, "results", []string{})
	}
	if m := noFile().FindString(said); m != "" {
		return module.Fail("Error occurred attempting remote rpm operation: "+m, "failures", []string{}, "rc", 1, "results", []string{})
	}
	return module.Fail(said, "rc", d.RC, "results", []string{}, "changed", false)
}

// words are the verb and the packages for what must change, nil for nothing.
func (r *dnfRun) words(said string, everything bool) []string {
	if everything {
		return []string{"upgrade"}
	}
	var lack, have, old []string
	for line := range strings.Lines(said) {
		word, s, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		switch word {
		case "lack", "none":
			lack = append(lack, s)
		case "have":
			have = append(have, s)
		case "old":
			old = append(old, s)
		}
	}
	switch {
	case r.State == "absent" && r.Autoremove && (len(r.Name) == 0 || len(have) == 0):
		return []string{"autoremove"}
	case r.State == "absent" && len(have) > 0:
		verb := []string{"remove"}
		if !r.Autoremove { // the program would take what nothing needs any more, too
			verb = []string{"--setopt=clean_requirements_on_remove=0", "remove"}
		}
		return append(verb, have...)
	case r.State == "absent":
		return nil
	case r.UpdateOnly:
		lack = nil
	}
	if all := append(lack, old...); len(all) > 0 {
		if len(lack) == 0 && r.State == "latest" {
			return append([]string{"upgrade"}, all...)
		}
		return append([]string{"install"}, all...)
	}
	return nil
}

// scriptTrial says what a call would do, or "Nothing to do." in a line of its own.
const scriptTrial = `echo; "$@" 2>&1; :`

// files is what the original says of files of packages, whether or not they were installed already.
func (r *dnfRun) files() []string {
	said := []string{}
	for _, s := range r.Name {
		if s = strings.TrimSpace(s); strings.HasSuffix(s, ".rpm") && !strings.Contains(s, "://") && r.State != "absent" {
			said = append(said, "Installed "+s)
		}
	}
	return said
}

// How the program's lists at its end name what came ("Installed: a") and went, and how
// the lines of its work name what an upgrade replaced.
var (
	dnfLists   = map[string]string{"Removed": "Removed", "Installed": "Installed", "Upgraded": "Installed", "Updated": "Installed", "Downgraded": "Installed", "Reinstalled": "Installed", "Dependency Installed": "Installed", "Dependency Updated": "Installed"}
	dnfCleanup = lazyregexp.New(`^  Cleanup +: (\S+)`)
)

// transaction reads from the program's output what was done: what came first, as in the original.
func transaction(out string) []string {
	var came, went []string
	kind := ""
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\n")
		if m := dnfCleanup().FindStringSubmatch(line); m != nil {
			went = append(went, "Removed: "+m[1])
			continue
		}
		word, list := strings.CutSuffix(line, ":")
		switch {
		case list && dnfLists[strings.TrimSpace(word)] != "":
			kind = dnfLists[strings.TrimSpace(word)]
		case !strings.HasPrefix(line, " "):
			kind = ""
		case kind == "Removed":
			for _, p := range strings.Fields(line) {
				went = append(went, "Removed: "+p)
			}
		case kind != "":
			for _, p := range strings.Fields(line) {
				came = append(came, "Installed: "+p)
			}
		}
	}
	return append(came, went...)
}
