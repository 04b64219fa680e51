package build

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type cpanmArgs struct {
	Name        module.Opt[string] `arg:"name"`
	Version     module.Opt[string] `arg:"version"`
	FromPath    string             `arg:"from_path"`
	NoTest      bool               `arg:"notest"`
	LocalLib    string             `arg:"locallib"`
	Mirror      string             `arg:"mirror"`
	MirrorOnly  bool               `arg:"mirror_only"`
	InstallDeps bool               `arg:"installdeps"`
	Executable  string             `arg:"executable"`
	Mode        string             `arg:"mode"`
	NameCheck   string             `arg:"name_check"`
}

var cpanmSpec = module.Spec{
	Name:    "cpanm",
	Aliases: []string{"community.general.cpanm"},
	Summary: "Installs packages of Perl with cpanm",
	Doc:     "Asks perl whether the package is there, in a plan too.",
	Args: []module.Arg{
		{Name: "name", Aliases: []string{"pkg"}, Doc: "The module of Perl, or a file of a distribution; with mode new also an address."},
		{Name: "version", Doc: "The least version. With mode new cpanm is given it, as ~1.0, @1.0, or what else it knows."},
		{Name: "from_path", Type: module.Path, Doc: "A folder to install from."},
		{Name: "notest", Type: module.Bool, Default: false, Doc: "Without its tests."},
		{Name: "locallib", Type: module.Path, Doc: "The folder to install into."},
		{Name: "mirror", Doc: "Where packages come from."},
		{Name: "mirror_only", Type: module.Bool, Default: false, Doc: "And its index, too."},
		{Name: "installdeps", Type: module.Bool, Default: false, Doc: "Only what it depends on."},
		{Name: "executable", Type: module.Path, Doc: "The program."},
		{Name: "mode", Choices: []string{"compatibility", "new"}, Default: "compatibility", Doc: "compatibility gives cpanm the name alone when perl has no such version; new gives it what is asked for, with name_check as the module to look for."},
		{Name: "name_check", Doc: "With mode new: do nothing when perl has this module."},
	},
	RequiredOneOf: [][]string{{"name", "from_path"}},
	Returns: []module.Return{
		{Name: "name", Type: "str", When: "always", Doc: "As asked."},
		{Name: "version", Type: "str", When: "always", Doc: "As asked."},
		{Name: "binary", Type: "str", When: "always", Doc: "The program."},
	},
	Examples: "- cpanm: {name: Dancer, notest: true}\n",
	Traits:   module.Traits{RunOnly: true, Reach: state.ReachExternal},
}

// Cpanm is the module cpanm.
func Cpanm() module.Module { return module.New(cpanmSpec, planCpanm) }

// scriptCpanm finds the program $1, and tells with a word whether perl has the module
// that $2 uses ("": none).
const scriptCpanm = `p=$(PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin command -v "$1") || exit 127
echo "$p"; [ -z "$2" ] || ! perl -le "$2" >/dev/null 2>&1 || echo has`

func planCpanm(a cpanmArgs, _ module.Inputs, v state.View) (module.Change, error) {
	name, named := a.Name.Get()
	version, versioned := a.Version.Get()
	switch {
	case a.Mode != "new" && a.NameCheck != "":
		return module.Change{}, module.Fail("Parameter name_check can only be used with mode=new")
	case a.Mode == "new" && name != "" && a.FromPath != "":
		return module.Change{}, module.Fail("Parameters 'name' and 'from_path' are mutually exclusive when 'mode=new'")
	}
	g := module.Gathering(v)
	program, check := "cpanm", name
	if a.Executable != "" {
		program = g.Path(a.Executable)
	}
	spec, isDir := name, false
	if a.FromPath != "" {
		spec = g.Path(a.FromPath)
	}
	if a.Mode == "new" {
		check = a.NameCheck
		isDir = strings.HasPrefix(spec, "/") && g.File(spec, 0).IsDir()
	}
	if a.LocalLib != "" {
		a.LocalLib = g.Path(a.LocalLib)
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	use := ""
	if check != "" && !strings.HasSuffix(check, ".tar.gz") {
		use = "use " + strings.TrimRight(check+" "+version, " ") + ";"
	}
	result := value.M("changed", false, "name", nil, "version", nil)
	if named {
		result.Set("name", value.String(name))
	}
	if versioned {
		result.Set("version", value.String(version))
	}
	ask := state.Exec{Argv: []string{"sh", "-c", scriptCpanm, "sh", program, use}}
	if a.LocalLib != "" {
		ask.Env = []string{"PERL5LIB=" + a.LocalLib + "/lib/perl5"}
	}
	return module.Look(ask, result, func(_ state.View, r state.OpResult) (module.Change, error) {
		if r.RC == 127 {
			return module.Change{}, module.Fail(`Failed to find required executable "` + program + `" in paths of the host`)
		}
		said := value.SplitLines(string(r.Stdout))
		if r.RC != 0 || len(said) == 0 {
			return module.Change{}, module.CommandFailed(ask.Argv, r)
		}
		result.Set("binary", value.String(said[0]).WithMarks(value.Unsafe))
		if len(said) > 1 {
			return module.Change{Result: result}, nil
		}
		if a.Mode == "new" && versioned {
			var err error
			if spec, err = cpanmVersion(spec, version, isDir); err != nil {
				return module.Change{}, err
			}
		}
		return a.install(said[0], spec, result), nil
	}), nil
}

// cpanmVersion is a package with its version as cpanm wants both.
func cpanmVersion(spec, version string, isDir bool) (string, error) {
	switch {
	case strings.HasSuffix(spec, ".tar.gz"):
		return "", module.Fail("parameter 'version' must not be used when installing from a file")
	case isDir:
		return "", module.Fail("parameter 'version' must not be used when installing from a directory")
	case strings.HasSuffix(spec, ".git"):
		if strings.HasPrefix(version, "~") {
			return "", module.Fail("operator '~' not allowed in version parameter when installing from git repository")
		}
		return spec + "@" + strings.TrimPrefix(version, "@"), nil
	case strings.HasPrefix(version, "@"), strings.HasPrefix(version, "~"):
		return spec + version, nil
	}
	return spec + "~" + version, nil
}

// install runs cpanm, which says itself whether there was something to do.
func (a cpanmArgs) install(program, spec string, result *value.Map) module.Change {
	argv := []string{program}
	add := func(yes bool, words ...string) {
		if yes {
			argv = append(argv, words...)
		}
	}
	add(a.NoTest, "--notest")
	add(a.LocalLib != "", "--local-lib", a.LocalLib)
	add(a.Mirror != "", "--mirror", a.Mirror)
	add(a.MirrorOnly, "--mirror-only")
	add(a.InstallDeps, "--installdeps")
	add(spec != "", spec)
	result.Set("changed", value.Bool(true))
	predicted := module.Change{Result: result}
	return module.Steps([]state.Exec{{Argv: argv, Env: []string{"LC_ALL=C", "LANGUAGE=C"}}}, predicted, func(_ state.View, did []state.OpResult) (module.Change, error) {
		r := did[0]
		if r.RC != 0 {
			return module.Change{}, module.CommandFailed(argv, r)
		}
		done := result.Clone()
		done.Set("changed", value.Bool(!slices.ContainsFunc([][]byte{r.Stdout, r.Stderr}, func(b []byte) bool { return strings.Contains(string(b), "is up to date") })))
		return module.Change{Result: done}, nil
	})
}
