// Package packages holds the modules that install and remove software.
package packages

import (
	"slices"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Modules lists the modules of this family.
func Modules() []module.Module {
	return []module.Module{Apk(), Apt(), AptKey(), AptRepository(), Deb822Repository(), Debconf(), Dnf(), DpkgDivert(), DpkgSelections(), Git(), GitConfig(), Package(), PackageFacts(), Pip(), PipPackageInfo(), RPMKey(), Snap(), Subversion(), Yum(), YumRepository()}
}

type aptArgs struct {
	Package         []string         `arg:"package"`
	Deb             string           `arg:"deb"`
	State           string           `arg:"state"`
	UpdateCache     bool             `arg:"update_cache"`
	CacheValidTime  int              `arg:"cache_valid_time"`
	Retries         int              `arg:"update_cache_retries"`
	MaxDelay        int              `arg:"update_cache_retry_max_delay"`
	Upgrade         string           `arg:"upgrade"`
	Purge           bool             `arg:"purge"`
	Autoremove      bool             `arg:"autoremove"`
	Autoclean       bool             `arg:"autoclean"`
	Clean           bool             `arg:"clean"`
	DefaultRelease  string           `arg:"default_release"`
	Recommends      module.Opt[bool] `arg:"install_recommends"`
	Force           bool             `arg:"force"`
	OnlyUpgrade     bool             `arg:"only_upgrade"`
	NoRemove        bool             `arg:"fail_on_autoremove"`
	Unauthenticated bool             `arg:"allow_unauthenticated"`
	Downgrade       bool             `arg:"allow_downgrade"`
	Held            bool             `arg:"allow_change_held_packages"`
	PolicyRCD       module.Opt[int]  `arg:"policy_rc_d"`
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
			{Name: "package", Aliases: []string{"pkg", "name"}, Type: module.List, Elem: module.Str, Doc: "The packages; name=version or name>=version asks for a version (* in it stands for anything); names may be patterns."},
			{Name: "deb", Type: module.Path, Doc: "A .deb file on the host to install, with what it needs, or several joined by commas, or a URL."},
			{Name: "state", Default: "present", Choices: []string{"absent", "build-dep", "fixed", "latest", "present"}, Doc: "Whether they are there, and whether in the newest version. fixed also repairs broken dependencies, build-dep installs what is needed to build them."},
			{Name: "update_cache", Aliases: []string{"update-cache"}, Type: module.Bool, Default: false, Doc: "Fetch the lists of packages first."},
			{Name: "cache_valid_time", Type: module.Int, Default: 0, Doc: "Fetch the lists only when they are older than so many seconds."},
			{Name: "update_cache_retries", Type: module.Int, Default: 5, Doc: "How often fetching is tried."},
			{Name: "update_cache_retry_max_delay", Type: module.Int, Default: 12, Doc: "The longest wait between two tries, in seconds."},
			{Name: "upgrade", Default: "no", Choices: []string{"dist", "full", "no", "safe", "yes"}, Doc: "Upgrade everything: safe and yes remove nothing, dist and full may."},
			flag("purge", "Remove configuration files too."),
			flag("autoremove", "Remove packages that nothing needs any more."),
			flag("autoclean", "Without packages: remove package files that cannot be downloaded any more."),
			flag("clean", "Remove all package files that were downloaded, first."),
			{Name: "default_release", Aliases: []string{"default-release"}, Doc: "The release that packages are taken from."},
			{Name: "install_recommends", Aliases: []string{"install-recommends"}, Type: module.Bool, Doc: "Install recommended packages; the host's setting decides without it."},
			flag("force", "Answer yes to what may do harm."),
			flag("only_upgrade", "Install nothing that is not installed."),
			flag("fail_on_autoremove", "Fail when something would have to be removed."),
			flag("allow_unauthenticated", "Install what is not signed.", "allow-unauthenticated"),
			flag("allow_downgrade", "Allow older versions.", "allow-downgrade", "allow_downgrades", "allow-downgrades"),
			flag("allow_change_held_packages", "Change packages that are on hold."),
			{Name: "policy_rc_d", Type: module.Int, Doc: "What /usr/sbin/policy-rc.d answers meanwhile; 101 keeps services from being started."},
			flag("force_apt_get", "Accepted; apt-get is always used."),
			{Name: "dpkg_options", Default: "force-confdef,force-confold", Doc: "Options of dpkg, joined by commas."},
			{Name: "lock_timeout", Type: module.Int, Default: 60, Doc: "Seconds to wait for another process that installs."},
		},
		MutuallyExclusive: [][]string{{"deb", "package", "upgrade"}},
		Returns: []module.Return{
			{Name: "cache_updated", Type: "bool", When: "packages were to be installed, or lists fetched", Doc: "Whether the lists were fetched."},
			{Name: "cache_update_time", Type: "int", When: "packages were to be installed, or lists fetched", Doc: "When the lists were fetched, in seconds since 1970."},
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
	cleaned bool
	fetched bool  // the lists were
	old     int64 // when they were fetched before
	updated bool  // they became newer
}

// spec is one package as asked.
type spec struct {
	name, op, version string
	glob              bool // it came of a pattern
}

// word is the package as asked.
func (s spec) word() string { return s.name + s.op + s.version }

func planApt(a aptArgs, in module.Inputs, v state.View) (module.Change, error) {
	r := &aptRun{aptArgs: a, in: in}
	if a.Upgrade == "no" {
		r.Upgrade = ""
	}
	all := slices.Contains(a.Package, "*")
	for _, p := range a.Package {
		if p == "*" {
			continue
		}
		if p = strings.TrimSpace(p); strings.Count(p, "=") > 1 {
			return module.Change{}, module.Fail("invalid package spec: " + p)
		}
		r.specs = append(r.specs, parseSpec(p))
	}
	switch {
	case all && a.State == "latest" && len(r.specs) > 0:
		return module.Change{}, module.Fail("unable to install additional packages when upgrading all installed packages")
	case all && a.State == "latest":
		r.Upgrade = "yes"
	case a.Deb != "" && a.State != "present":
		return module.Change{}, module.Fail("deb only supports state=present")
	}
	return r.plan(v)
}

func parseSpec(p string) spec {
	if name, version, ok := strings.Cut(p, "="); ok {
		if n, ok := strings.CutSuffix(name, ">"); ok {
			return spec{name: n, op: ">=", version: version}
		}
		return spec{name: name, op: "=", version: version}
	}
	return spec{name: p}
}

func (r *aptRun) plan(v state.View) (module.Change, error) {
	g := module.Gathering(v)
	specs, err := r.expand(g)
	if err != nil {
		return module.Change{}, err
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.name
	}
	slices.Sort(names)
	info := module.Answer[state.AptInfo](g, state.Apt{Names: strings.Join(slices.Compact(names), " "), Release: r.DefaultRelease})
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	switch {
	case !info.Present:
		return module.Change{}, module.Fail(`Failed to find required executable "apt-get" in paths of the host`)
	case r.Clean && !r.cleaned:
		return r.clean()
	case r.stale(info) && !r.fetched:
		return r.update(g, info, specs)
	}
	r.updated = r.fetched && (info.Updated != r.old || r.in.Check)
	return r.change(g, info, specs)
}

// expand puts the packages in place of patterns of names.
func (r *aptRun) expand(g *module.Gather) ([]spec, error) {
	var out []spec
	for _, s := range r.specs {
		switch {
		case strings.HasPrefix(s.name, "-") || strings.ContainsAny(s.name, " \t\n'\""):
			return nil, module.Fail("No package matching '" + s.name + "' is available")
		case !strings.ContainsAny(s.name, "*?[]!"):
			out = append(out, s)
			continue
		}
		names := g.Output(`apt-cache pkgnames | grep -x -e "$1" | sort`, globRegexp(s.name))
		if g.Complete() && strings.TrimSpace(names.Stdout) == "" {
			return nil, module.Fail("No package(s) matching '" + s.name + "' available")
		}
		for _, name := range strings.Fields(names.Stdout) {
			out = append(out, spec{name: name, glob: true})
		}
	}
	return out, nil
}

// stale tells whether the lists must be fetched first.
func (r *aptRun) stale(info state.AptInfo) bool {
	if !r.UpdateCache && r.CacheValidTime == 0 {
		return false
	}
	age := time.Duration(r.CacheValidTime) * time.Second
	return time.Unix(info.Updated, 0).Add(age).Before(r.in.Now)
}

// clean removes what was downloaded, then goes on. It is no change by itself: Ansible
// means to say so where there is nothing else to do, but takes upgrade, which is "no"
// by default, for something.
func (r *aptRun) clean() (module.Change, error) {
	after := *r
	after.cleaned = true
	c := module.Change{Ops: []state.Op{state.Exec{Argv: []string{"apt-get", "clean"}, Env: aptEnv}},
		Result: value.M("changed", module.Later())}
	c.Then = func(v state.View, did []state.OpResult) (module.Change, error) {
		switch d := did[len(did)-1]; {
		case d.RC != 0:
			return module.Change{}, module.Fail("apt-get clean failed", "stdout", text(d.Stdout), "rc", d.RC)
		case len(d.Stderr) > 0:
			return module.Change{}, module.Fail("apt-get clean failed: "+string(d.Stderr), "stdout", text(d.Stdout), "rc", d.RC)
		}
		return after.plan(v)
	}
	return c, nil
}

// update fetches the lists, then plans again from what they say. Without a
// fetch (a plan), what the old lists say is the best prediction.
func (r *aptRun) update(g *module.Gather, info state.AptInfo, specs []spec) (module.Change, error) {
	after := *r
	after.fetched, after.updated, after.old = true, true, info.Updated
	predicted, err := after.change(g, info, specs)
	if len(predicted.Need) > 0 && err == nil {
		return predicted, nil
	}
	if err != nil {
		// A package that is not known yet may be in the new lists.
		predicted = module.Change{Result: value.M("changed", module.Later(), "cache_updated", true, "cache_update_time", module.Later())}
	}
	if predicted.Result.Has("cache_update_time") {
		predicted.Result.Set("cache_update_time", module.Later())
	}
	return module.Change{
		Ops: []state.Op{state.Exec{Shell: updateLoop(r.lock(), r.Retries, r.MaxDelay), Shown: "apt-get update", Env: aptEnv}}, Result: predicted.Result, Diff: predicted.Diff,
		Then: func(v state.View, did []state.OpResult) (module.Change, error) {
			if d := did[len(did)-1]; d.RC != 0 {
				return module.Change{}, module.Fail("Failed to update apt cache: " + orElse(complaints(d), "unknown reason"))
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

// cache adds what is registered of the lists.
func (r *aptRun) cache(m *value.Map, info state.AptInfo) *value.Map {
	m.Set("cache_updated", value.Bool(r.updated))
	m.Set("cache_update_time", value.Int(info.Updated))
	return m
}

// change plans what is left once the lists are fresh.
func (r *aptRun) change(g *module.Gather, info state.AptInfo, specs []spec) (module.Change, error) {
	idle := r.Upgrade == "" && r.Deb == "" && len(r.Package) == 0
	switch {
	case idle && (r.UpdateCache || r.CacheValidTime > 0):
		return module.Change{Result: r.cache(value.M("changed", r.updated), info)}, nil
	case r.Upgrade != "":
		return r.apply(g, r.upgrade())
	case r.Deb != "":
		return r.deb(g)
	case len(specs) == 0 && r.Autoclean:
		return r.apply(g, r.cleanup("autoclean", "Del "))
	case len(specs) == 0 && r.Autoremove:
		return r.apply(g, r.cleanup("autoremove", "The following packages will be REMOVED"))
	case r.State == "absent":
		return r.apply(g, r.remove(info, specs))
	case r.State == "build-dep":
		j := r.buildDep(specs)
		j.cache = func(m *value.Map) { r.cache(m, info) }
		return r.apply(g, j)
	}
	j, err := r.install(info, specs)
	if err != nil {
		return module.Change{}, err
	}
	j.cache = func(m *value.Map) { r.cache(m, info) }
	return r.apply(g, j)
}
