// Package packages holds the modules that install and remove software.
package packages

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Modules lists the modules of this family.
func Modules() []module.Module {
	return []module.Module{Apt(), AptKey(), Debconf(), DpkgSelections(), Package(), PackageFacts()}
}

type aptArgs struct {
	Package         []string         `arg:"package"`
	State           string           `arg:"state"`
	UpdateCache     bool             `arg:"update_cache"`
	CacheValidTime  int              `arg:"cache_valid_time"`
	Retries         int              `arg:"update_cache_retries"`
	Upgrade         string           `arg:"upgrade"`
	Purge           bool             `arg:"purge"`
	Autoremove      bool             `arg:"autoremove"`
	DefaultRelease  string           `arg:"default_release"`
	Recommends      module.Opt[bool] `arg:"install_recommends"`
	Force           bool             `arg:"force"`
	OnlyUpgrade     bool             `arg:"only_upgrade"`
	NoRemove        bool             `arg:"fail_on_autoremove"`
	Unauthenticated bool             `arg:"allow_unauthenticated"`
	Downgrade       bool             `arg:"allow_downgrade"`
	Held            bool             `arg:"allow_change_held_packages"`
	DpkgOptions     string           `arg:"dpkg_options"`
	LockTimeout     int              `arg:"lock_timeout"`
}

// Apt manages the packages of Debian and its kin.
func Apt() module.Module {
	flag := func(name, doc string, aliases ...string) module.Arg {
		return module.Arg{Name: name, Aliases: aliases, Type: module.Bool, Default: false, Doc: doc}
	}
	return module.New(module.Spec{
		Name:    "apt",
		Summary: "Installs and removes packages with APT",
		Doc: `Asks APT and dpkg what is installed and what could be, and runs apt-get only when
something must change. No Python library is needed on the host.`,
		Args: []module.Arg{
			{Name: "package", Aliases: []string{"pkg", "name"}, Type: module.List, Elem: module.Str, Doc: "The packages; name=version or name>=version asks for a version (* in it stands for anything)."},
			{Name: "state", Default: "present", Choices: []string{"absent", "fixed", "latest", "present"}, Doc: "Whether they are there, and whether in the newest version. fixed also repairs broken dependencies."},
			{Name: "update_cache", Aliases: []string{"update-cache"}, Type: module.Bool, Default: false, Doc: "Fetch the lists of packages first."},
			{Name: "cache_valid_time", Type: module.Int, Default: 0, Doc: "Fetch the lists only when they are older than so many seconds."},
			{Name: "update_cache_retries", Type: module.Int, Default: 5, Doc: "How often fetching is tried."},
			{Name: "update_cache_retry_max_delay", Type: module.Int, Default: 12, Doc: "Accepted; the delay between tries grows up to this anyway."},
			{Name: "upgrade", Default: "no", Choices: []string{"dist", "full", "no", "safe", "yes"}, Doc: "Upgrade everything: safe and yes remove nothing, dist and full may."},
			flag("purge", "Remove configuration files too."),
			flag("autoremove", "Remove packages that nothing needs any more."),
			{Name: "default_release", Aliases: []string{"default-release"}, Doc: "The release that packages are taken from."},
			{Name: "install_recommends", Aliases: []string{"install-recommends"}, Type: module.Bool, Doc: "Install recommended packages; the host's setting decides without it."},
			flag("force", "Answer yes to what may do harm."),
			flag("only_upgrade", "Install nothing that is not installed."),
			flag("fail_on_autoremove", "Fail when something would have to be removed."),
			flag("allow_unauthenticated", "Install what is not signed.", "allow-unauthenticated"),
			flag("allow_downgrade", "Allow older versions.", "allow-downgrade", "allow_downgrades", "allow-downgrades"),
			flag("allow_change_held_packages", "Change packages that are on hold."),
			flag("force_apt_get", "Accepted; apt-get is always used."),
			{Name: "dpkg_options", Default: "force-confdef,force-confold", Doc: "Options of dpkg, joined by commas."},
			{Name: "lock_timeout", Type: module.Int, Default: 60, Doc: "Seconds to wait for another process that installs."},
		},
		RequiredOneOf: [][]string{{"autoremove", "package", "update_cache", "upgrade"}},
		Returns: []module.Return{
			{Name: "cache_updated", Type: "bool", When: "always", Doc: "Whether the lists were fetched."},
			{Name: "cache_update_time", Type: "int", When: "always", Doc: "When the lists were fetched, in seconds since 1970."},
			{Name: "stdout", Type: "str", When: "apt-get ran", Doc: "What it printed."},
			{Name: "stderr", Type: "str", When: "apt-get ran", Doc: "Its errors."},
		},
		Examples: `- apt:
    name: [nginx, curl]
    update_cache: true
    cache_valid_time: 3600`,
		Traits: module.Traits{Reach: state.ReachHost},
	}, planApt)
}

// aptRun is one run of the module.
type aptRun struct {
	aptArgs
	in      module.Inputs
	specs   []spec
	updated bool // the lists were fetched
}

// spec is one package as asked.
type spec struct{ name, op, version string }

func planApt(a aptArgs, in module.Inputs, v state.View) (module.Change, error) {
	r := &aptRun{aptArgs: a, in: in}
	if a.Upgrade == "no" {
		r.Upgrade = ""
	}
	for _, p := range a.Package {
		s, err := parseSpec(strings.TrimSpace(p))
		if err != nil {
			return module.Change{}, err
		}
		if s.name == "*" && a.State == "latest" && len(a.Package) == 1 {
			r.Upgrade = "yes"
			continue
		}
		r.specs = append(r.specs, s)
	}
	return r.plan(v)
}

func parseSpec(p string) (spec, error) {
	if strings.Count(p, "=") > 1 {
		return spec{}, module.Fail("invalid package spec: " + p)
	}
	if name, version, ok := strings.Cut(p, "="); ok {
		if n, ok := strings.CutSuffix(name, ">"); ok {
			return spec{n, ">=", version}, nil
		}
		return spec{name, "=", version}, nil
	}
	if p != "*" && strings.ContainsAny(p, "*?[]! \t") || strings.HasPrefix(p, "-") {
		return spec{}, module.Fail("No package(s) matching '" + p + "' available")
	}
	return spec{name: p}, nil
}

func (r *aptRun) plan(v state.View) (module.Change, error) {
	names := make([]string, len(r.specs))
	for i, s := range r.specs {
		names[i] = s.name
	}
	slices.Sort(names)
	q := state.Apt{Names: strings.Join(slices.Compact(names), " "), Release: r.DefaultRelease}
	info, known, err := state.AskAs[state.AptInfo](v, q)
	switch {
	case err != nil:
		return module.Change{}, err
	case !known:
		return module.Need(q), nil
	case !info.Present:
		return module.Change{}, module.Fail(`Failed to find required executable "apt-get" in paths of the host`)
	}
	if r.stale(info) && !r.updated {
		return r.update(info)
	}
	return r.change(info)
}

// stale tells whether the lists must be fetched first.
func (r *aptRun) stale(info state.AptInfo) bool {
	if !r.UpdateCache && r.CacheValidTime == 0 {
		return false
	}
	age := time.Duration(r.CacheValidTime) * time.Second
	return time.Unix(info.Updated, 0).Add(age).Before(r.in.Now)
}

// update fetches the lists, then plans again from what they say. Without a
// fetch (a plan), what the old lists say is the best prediction.
func (r *aptRun) update(info state.AptInfo) (module.Change, error) {
	after := *r
	after.updated = true
	predicted, err := after.change(info)
	if err != nil {
		// A package that is not known yet may be in the new lists.
		predicted = module.Change{Result: value.M("changed", module.Later(), "cache_updated", true, "cache_update_time", module.Later())}
	}
	if predicted.Result != nil {
		predicted.Result.Set("cache_update_time", module.Later())
	}
	loop := fmt.Sprintf("n=0; until %s; do r=$?; n=$((n + 1)); [ $n -ge %d ] && exit $r; sleep $n; done", r.lock()+" update", max(1, r.Retries))
	return module.Change{
		Ops: []state.Op{r.exec(loop, "apt-get update")}, Result: predicted.Result, Diff: predicted.Diff,
		Then: func(v state.View, did []state.OpResult) (module.Change, error) {
			if d := did[len(did)-1]; d.RC != 0 {
				return module.Change{}, module.Fail("Failed to update apt cache: "+orElse(string(d.Stderr), "unknown reason"), "rc", d.RC)
			}
			return after.plan(v)
		},
	}, nil
}

func orElse(s, other string) string {
	if strings.TrimSpace(s) == "" {
		return other
	}
	return s
}

// lock is apt-get, waiting for whoever holds dpkg's lock.
func (r *aptRun) lock() string {
	return fmt.Sprintf("apt-get -o DPkg::Lock::Timeout=%d", r.LockTimeout)
}

func (r *aptRun) exec(shell, shown string) state.Exec {
	return state.Exec{Shell: shell, Shown: shown, Env: []string{"DEBIAN_FRONTEND=noninteractive", "DEBIAN_PRIORITY=critical",
		"LANG=C.UTF-8", "LC_ALL=C.UTF-8", "LC_MESSAGES=C.UTF-8"}}
}

// change plans what is left once the lists are fresh.
func (r *aptRun) change(info state.AptInfo) (module.Change, error) {
	base := func(changed any) *value.Map {
		return value.M("changed", changed, "cache_updated", r.updated, "cache_update_time", info.Updated)
	}
	var words []string
	var err error
	unsure := false
	switch {
	case r.Upgrade != "":
		words, unsure = r.upgrade(), true
	case len(r.specs) == 0 && r.Autoremove:
		words, unsure = []string{"autoremove"}, true
	case len(r.specs) == 0:
		return module.Change{Result: base(r.updated)}, nil
	case r.State == "absent":
		words = r.remove(info)
	default:
		words, err = r.install(info)
	}
	if err != nil || len(words) == 0 {
		return module.Change{Result: base(false)}, err
	}
	result := base(true)
	if unsure {
		result.Set("changed", module.Later())
	}
	result.Set("stdout", module.Later())
	result.Set("stderr", module.Later())
	return r.run(words, result), nil
}

// zero is what apt-get prints when it did nothing.
const zero = "\n0 upgraded, 0 newly installed, 0 to remove"

// run makes the change that runs apt-get with the words.
func (r *aptRun) run(words []string, result *value.Map) module.Change {
	cmd := r.lock() + " " + strings.Join(append([]string{"-y"}, append(r.options(), words...)...), " ")
	return module.Change{
		Ops: []state.Op{r.exec(cmd, "apt-get "+strings.Join(words, " "))}, Result: result,
		Then: func(_ state.View, did []state.OpResult) (module.Change, error) {
			d := did[len(did)-1]
			if d.RC != 0 {
				return module.Change{}, module.Fail(fmt.Sprintf("'%s' failed: %s", cmd, d.Stderr), "rc", d.RC,
					"stdout", text(d.Stdout), "stderr", text(d.Stderr))
			}
			m := result.Clone()
			if v, _ := m.Get("changed"); v.IsUnknown() {
				m.Set("changed", value.Bool(!strings.Contains("\n"+string(d.Stdout), zero)))
			}
			m.Set("stdout", text(d.Stdout))
			m.Set("stderr", text(d.Stderr))
			return module.Change{Result: m}, nil
		},
	}
}

func text(b []byte) value.Value { return value.String(string(b)).WithMarks(value.Unsafe) }

// options are those of apt-get that arguments ask for.
func (r *aptRun) options() (out []string) {
	for o := range strings.SplitSeq(r.DpkgOptions, ",") {
		if o != "" {
			out = append(out, "-o", quote("Dpkg::Options::=--"+o))
		}
	}
	for _, f := range []struct {
		on   bool
		flag string
	}{
		{r.OnlyUpgrade, "--only-upgrade"}, {r.State == "fixed", "--fix-broken"}, {r.Force, "--force-yes"},
		{r.Autoremove, "--auto-remove"}, {r.NoRemove, "--no-remove"}, {r.Purge && r.State == "absent", "--purge"},
		{r.Unauthenticated, "--allow-unauthenticated"}, {r.Downgrade, "--allow-downgrades"}, {r.Held, "--allow-change-held-packages"},
	} {
		if f.on {
			out = append(out, f.flag)
		}
	}
	if r.DefaultRelease != "" {
		out = append(out, "-t", quote(r.DefaultRelease))
	}
	if want, given := r.Recommends.Get(); given {
		out = append(out, "-o", "APT::Install-Recommends="+map[bool]string{true: "yes", false: "no"}[want])
	}
	return out
}

func (r *aptRun) upgrade() []string {
	switch r.Upgrade {
	case "dist", "full":
		return []string{"dist-upgrade"}
	}
	return []string{"upgrade", "--with-new-pkgs"}
}

// install gives the words for what must be installed, none when all is there.
func (r *aptRun) install(info state.AptInfo) ([]string, error) {
	words := []string{"install"}
	for _, s := range r.specs {
		p := info.Packages[s.name]
		if !p.Known() {
			return nil, module.Fail("No package matching '" + s.name + "' is available")
		}
		if p.Virtual {
			if !p.Provided {
				words = append(words, quote(s.name))
			}
			continue
		}
		word, err := r.one(s, p)
		if err != nil {
			return nil, err
		}
		if word != "" {
			words = append(words, quote(word))
		}
	}
	if len(words) == 1 {
		return nil, nil
	}
	return words, nil
}

// one is the word for one real package, "" when it is as asked.
func (r *aptRun) one(s spec, p state.AptPackage) (string, error) {
	if p.Installed == "" && r.OnlyUpgrade {
		return "", nil
	}
	matches := func(v string) bool {
		switch s.op {
		case "=":
			ok, err := path.Match(s.version, v)
			return v != "" && (v == s.version || ok && err == nil)
		case ">=":
			return v != "" && CompareVersions(v, s.version) >= 0
		}
		return v != ""
	}
	fits := matches(p.Installed)
	newer := p.Candidate != p.Installed && matches(p.Candidate)
	switch {
	case fits && (r.State != "latest" || !newer):
		return "", nil
	case newer:
		return s.name + "=" + p.Candidate, nil
	case s.op == "=" && !strings.ContainsAny(s.version, "*?["):
		// It may be in the lists without being the candidate: apt-get decides.
		return s.name + "=" + s.version, nil
	}
	return "", module.Fail("no available installation candidate for " + s.name + s.op + s.version)
}

// remove gives the words for what must go.
func (r *aptRun) remove(info state.AptInfo) []string {
	words := []string{"remove"}
	for _, s := range r.specs {
		if p := info.Packages[s.name]; p.Installed != "" || r.Purge && p.Configured {
			words = append(words, quote(s.name))
		}
	}
	if len(words) == 1 {
		return nil
	}
	return words
}

// quote writes s as one word of a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
