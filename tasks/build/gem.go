package build

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type gemArgs struct {
	Name        string             `arg:"name"`
	State       string             `arg:"state"`
	Source      module.Opt[string] `arg:"gem_source"`
	Deps        bool               `arg:"include_dependencies"`
	Repository  string             `arg:"repository"`
	UserInstall bool               `arg:"user_install"`
	Executable  string             `arg:"executable"`
	InstallDir  string             `arg:"install_dir"`
	BinDir      string             `arg:"bindir"`
	NoRC        bool               `arg:"norc"`
	Pre         bool               `arg:"pre_release"`
	Docs        bool               `arg:"include_doc"`
	EnvShebang  bool               `arg:"env_shebang"`
	Version     string             `arg:"version"`
	BuildFlags  string             `arg:"build_flags"`
	Force       bool               `arg:"force"`
}

var gemSpec = module.Spec{
	Name:    "gem",
	Aliases: []string{"community.general.gem"},
	Summary: "Installs and removes packages of Ruby with gem",
	Doc:     "Asks gem what is installed, and with latest what there is, in a plan too.",
	Args: []module.Arg{
		{Name: "name", Required: true, Doc: "The package."},
		{Name: "state", Choices: []string{"present", "absent", "latest"}, Default: "present", Doc: "Whether it is to be there, in its newest version with latest."},
		{Name: "gem_source", Type: module.Path, Doc: "A file with the package."},
		{Name: "include_dependencies", Type: module.Bool, Default: true, Doc: "With those that it needs."},
		{Name: "repository", Aliases: []string{"source"}, Doc: "Where it comes from."},
		{Name: "user_install", Type: module.Bool, Default: true, Doc: "Install for who acts, not for all."},
		{Name: "executable", Type: module.Path, Doc: "The program, when it is another; words behind it are arguments."},
		{Name: "install_dir", Type: module.Path, Doc: "The folder to install into."},
		{Name: "bindir", Type: module.Path, Doc: "The folder for its programs."},
		{Name: "norc", Type: module.Bool, Default: true, Doc: "Read no gemrc (from gem 2.5.2 on)."},
		{Name: "pre_release", Type: module.Bool, Default: false, Doc: "Also versions before a release."},
		{Name: "include_doc", Type: module.Bool, Default: false, Doc: "With its documentation."},
		{Name: "env_shebang", Type: module.Bool, Default: false, Doc: "Programs begin with /usr/bin/env."},
		{Name: "version", Doc: "The version."},
		{Name: "build_flags", Doc: "Flags for its build."},
		{Name: "force", Type: module.Bool, Default: false, Doc: "Install or remove it in any case."},
	},
	MutuallyExclusive: [][]string{{"gem_source", "repository"}, {"gem_source", "version"}},
	Returns: []module.Return{
		{Name: "name", Type: "str", When: "always", Doc: "The package."},
		{Name: "state", Type: "str", When: "always", Doc: "As asked."},
		{Name: "version", Type: "str", When: "a version was asked for", Doc: "The version."},
	},
	Examples: "- gem: {name: bundler, user_install: false}\n",
	Traits:   module.Traits{Reach: state.ReachExternal},
}

// Gem is the module gem.
func Gem() module.Module { return module.New(gemSpec, planGem) }

// gemRun is one use of gem.
type gemRun struct {
	gemArgs
	program []string
	source  string
	env     []string
	version [3]int // of gem; zero when it is not known
}

func planGem(a gemArgs, _ module.Inputs, v state.View) (module.Change, error) {
	switch {
	case a.Version != "" && a.State == "latest":
		return module.Change{}, module.Fail("Cannot specify version when state=latest")
	case a.Source.Given() && a.State == "latest":
		return module.Change{}, module.Fail("Cannot maintain state=latest when installing from local source")
	case a.UserInstall && a.InstallDir != "":
		return module.Change{}, module.Fail("install_dir requires user_install=false")
	}
	g := module.Gathering(v)
	r := &gemRun{gemArgs: a, program: []string{"gem"}, source: a.Name}
	if a.Executable != "" {
		r.program = strings.Split(g.Path(a.Executable), " ")
	}
	if s, given := a.Source.Get(); given {
		r.source = g.Path(s)
	}
	if a.BinDir != "" {
		r.BinDir = g.Path(a.BinDir)
	}
	if a.InstallDir != "" {
		r.InstallDir = g.Path(a.InstallDir)
		r.env = []string{"GEM_HOME=" + r.InstallDir}
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	return r.look([]string{"--version"}, nil, func(out string) module.Change {
		_, _ = fmt.Sscanf(out, "%d.%d.%d", &r.version[0], &r.version[1], &r.version[2]) // else not known
		if r.State != "latest" {
			return r.installed()
		}
		q := append(r.query(), "--remote")
		if r.Repository != "" {
			q = append(q, "--source", r.Repository)
		}
		return r.look(append(q, "-n", "^"+r.Name+"$"), r.env, func(out string) module.Change {
			if all := gemVersions(out); len(all) > 0 {
				r.Version = all[0]
			}
			return r.installed()
		})
	}), nil
}

// look asks gem something.
func (r *gemRun) look(words, env []string, then func(out string) module.Change) module.Change {
	cmd := state.Exec{Argv: append(slices.Clone(r.program), words...), Env: env}
	return module.Look(cmd, r.result(module.Later()), func(_ state.View, x state.OpResult) (module.Change, error) {
		if x.RC != 0 {
			return module.Change{}, module.CommandFailed(cmd.Argv, x)
		}
		return then(string(x.Stdout)), nil
	})
}

func (r *gemRun) query() []string { return append([]string{"query"}, r.common()...) }

// common are the options of each use.
func (r *gemRun) common() []string {
	if r.NoRC && slices.Compare(r.version[:], []int{2, 5, 2}) >= 0 {
		return []string{"--norc"}
	}
	return nil
}

func (r *gemRun) result(changed any) *value.Map {
	m := value.M("name", r.Name, "state", r.State)
	if r.Version != "" {
		m.Set("version", value.String(r.Version).WithMarks(value.Unsafe))
	}
	m.Set("changed", value.FromGo(changed))
	return m
}

// installed asks what is installed, and says what must be done.
func (r *gemRun) installed() module.Change {
	return r.look(append(r.query(), "-n", "^"+r.Name+"$"), r.env, func(out string) module.Change {
		all := gemVersions(out)
		exists := len(all) > 0
		if r.Version != "" {
			exists = slices.Contains(all, r.Version)
		}
		switch {
		case exists && r.State == "absent":
			return r.run(r.uninstall(), r.env)
		case !exists && r.State != "absent":
			return r.run(r.install(), nil)
		}
		return module.Change{Result: r.result(false)}
	})
}

var gemLine = lazyregexp.New(`^\S+\s+\((?:default: )?(.+)\)`)

// gemVersions are the versions in what gem query prints.
func gemVersions(out string) (all []string) {
	for _, line := range value.SplitLines(out) {
		if m := gemLine().FindStringSubmatch(line); m != nil {
			for v := range strings.SplitSeq(m[1], ", ") {
				if f := strings.Fields(v); len(f) > 0 {
					all = append(all, f[0])
				}
			}
		}
	}
	return all
}

func (r *gemRun) run(words, env []string) module.Change {
	cmd := state.Exec{Argv: append(slices.Clone(r.program), words...), Env: env}
	c := module.Change{Result: r.result(true)}
	return module.Steps([]state.Exec{cmd}, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if did[0].RC != 0 {
			return module.Change{}, module.CommandFailed(cmd.Argv, did[0])
		}
		return module.Change{Result: c.Result}, nil
	})
}

func (r *gemRun) uninstall() []string {
	w := append([]string{"uninstall"}, r.common()...)
	if r.InstallDir != "" {
		w = append(w, "--install-dir", r.InstallDir)
	}
	if r.BinDir != "" {
		w = append(w, "--bindir", r.BinDir)
	}
	if r.Version != "" {
		w = append(w, "--version", r.Version)
	} else {
		w = append(w, "--all")
	}
	w = append(w, "--executable")
	if r.Force {
		w = append(w, "--force")
	}
	return append(w, r.Name)
}

func (r *gemRun) install() []string {
	w := append([]string{"install"}, r.common()...)
	add := func(yes bool, words ...string) {
		if yes {
			w = append(w, words...)
		}
	}
	old := r.version != [3]int{} && r.version[0] < 2
	add(r.Version != "", "--version", r.Version)
	add(r.Repository != "", "--source", r.Repository)
	add(!r.Deps, "--ignore-dependencies")
	add(r.Deps && old, "--include-dependencies")
	add(r.UserInstall, "--user-install")
	add(!r.UserInstall, "--no-user-install")
	add(r.InstallDir != "", "--install-dir", r.InstallDir)
	add(r.BinDir != "", "--bindir", r.BinDir)
	add(r.Pre, "--pre")
	add(!r.Docs && old, "--no-rdoc", "--no-ri")
	add(!r.Docs && !old, "--no-document")
	add(r.EnvShebang, "--env-shebang")
	add(true, r.source)
	add(r.BuildFlags != "", "--", r.BuildFlags)
	add(r.Force, "--force")
	return w
}
