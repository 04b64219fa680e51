package packages

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type apkArgs struct {
	Name        []string `arg:"name"`
	State       string   `arg:"state"`
	Repository  []string `arg:"repository"`
	UpdateCache bool     `arg:"update_cache"`
	Upgrade     bool     `arg:"upgrade"`
	Available   bool     `arg:"available"`
	NoCache     bool     `arg:"no_cache"`
	World       string   `arg:"world"`
}

// Apk is the module apk.
func Apk() module.Module {
	return module.New(module.Spec{
		Name:    "apk",
		Aliases: []string{"community.general.apk"},
		Summary: "Installs and removes packages of Alpine Linux",
		Doc:     "Asks apk what is installed and wanted, and runs it only when something must change. A dry run has apk simulate.",
		Args: []module.Arg{
			{Name: "name", Type: module.List, Elem: module.Str, Default: []string{}, Doc: "The packages."},
			{Name: "state", Choices: []string{"present", "absent", "latest", "installed", "removed"}, Default: "present", Doc: "Whether they are there, and whether in the newest version."},
			{Name: "repository", Type: module.List, Elem: module.Str, Default: []string{}, Doc: "Repositories to use in place of the host's."},
			{Name: "update_cache", Type: module.Bool, Default: false, Doc: "Fetch the lists of packages first."},
			{Name: "upgrade", Type: module.Bool, Default: false, Doc: "Upgrade everything."},
			{Name: "available", Type: module.Bool, Default: false, Doc: "With upgrade: put back what the repositories do not have any more."},
			{Name: "no_cache", Type: module.Bool, Default: false, Doc: "Use no local cache."},
			{Name: "world", Default: "/etc/apk/world", Doc: "The file of packages wanted for themselves."},
		},
		MutuallyExclusive: [][]string{{"name", "upgrade"}},
		RequiredOneOf:     [][]string{{"name", "update_cache", "upgrade"}},
		Returns: []module.Return{
			{Name: "packages", Type: "list", When: "packages changed", Doc: "The packages that changed."},
			{Name: "msg", Type: "str", When: "always", Doc: "What was done."},
			{Name: "stdout", Type: "str", When: "apk ran", Doc: "What it printed."},
			{Name: "stderr", Type: "str", When: "apk ran", Doc: "Its errors."},
		},
		Examples: "- apk: {name: [nginx, curl], update_cache: true}\n",
		Traits:   module.Traits{Reach: state.ReachHost},
	}, planApk)
}

// scriptApk tells of each package behind "--" whether it is a virtual one, wanted for
// itself, installed, and with latest ($1) whether it and what a virtual one depends on
// are the newest; $2 is the file of what is wanted, what follows it the call of apk.
const scriptApk = `command -v apk >/dev/null || exit 127
latest=$1 world=$2; shift 2
c=apk; shift; while [ "$1" != -- ]; do c="$c '$1'"; shift; done; shift
apk() { eval "$c \"\$@\""; }
c="command $c"
old() { set -- "$1" "$(apk version "$1" 2>/dev/null)"; case $2 in *"$1-"*'<'*) echo "old $1";; esac; }
for n do
if apk -v info --description "$n" 2>/dev/null | grep -q -F -e "$n: virtual meta package"; then
[ -z "$latest" ] || for d in $(apk -v info --depends "$n" 2>/dev/null | tail -n +2); do [ "$d" = on: ] || old "$d"; done
echo "virtual $n"
else
tr -s ' ' '\n' <"$world" | grep -q -x -e "$(printf %s "$n" | sed 's/[.[*^$\\]/\\&/g')\([@=<>~]..*\)\{0,1\}" && { echo "wanted $n"; [ -z "$latest" ] || old "$n"; }
fi
apk -v info --installed "$n" >/dev/null 2>&1 && echo "have $n"
done
:`

// apkRun is one run of the module.
type apkRun struct {
	apkArgs
	in   module.Inputs
	base []string // apk with its options
}

func planApk(a apkArgs, in module.Inputs, v state.View) (module.Change, error) {
	if s, old := map[string]string{"installed": "present", "removed": "absent"}[a.State]; old {
		a.State = s
	}
	r := &apkRun{a, in, []string{"apk"}}
	if a.NoCache {
		r.base = append(r.base, "--no-cache")
	}
	for _, repo := range a.Repository {
		r.base = append(r.base, "--repository", repo, "--repositories-file", "/dev/null")
	}
	if !a.UpdateCache {
		return r.plan(v)
	}
	if in.Check {
		if len(a.Name) == 0 && !a.Upgrade {
			return module.Change{Ops: []state.Op{r.command("update")}, Result: value.M("changed", true, "msg", "updated repository indexes", "stdout", module.Later(), "stderr", module.Later())}, nil
		}
		return r.plan(v)
	}
	return module.Steps([]state.Exec{r.command("update")}, r.unknown(), func(v state.View, did []state.OpResult) (module.Change, error) {
		d := did[0]
		switch {
		case d.RC != 0:
			return module.Change{}, r.failed("could not update package db", d, value.Null)
		case len(a.Name) == 0 && !a.Upgrade:
			return module.Change{Result: value.M("changed", true, "msg", "updated repository indexes", "stdout", text(d.Stdout), "stderr", text(d.Stderr))}, nil
		}
		return r.plan(v)
	}), nil
}

func (r *apkRun) command(words ...string) state.Exec {
	return state.Exec{Argv: slices.Concat(r.base, words), Env: english}
}

func (r *apkRun) unknown() module.Change {
	return module.Change{Result: value.M("changed", module.Later(), "msg", module.Later(), "packages", module.Later(), "stdout", module.Later(), "stderr", module.Later())}
}

func (r *apkRun) failed(msg string, d state.OpResult, packages value.Value) *module.Failure {
	f := module.Fail(msg, "stdout", text(d.Stdout), "stderr", text(d.Stderr))
	if !packages.IsNull() {
		f.Result.Set("packages", packages)
	}
	return f
}

// plan looks at the packages, once the lists are fetched.
func (r *apkRun) plan(v state.View) (module.Change, error) {
	latest := ""
	if r.State == "latest" {
		latest = "1"
	}
	g := module.Gathering(v)
	out := g.Output(scriptApk, slices.Concat([]string{latest, r.World}, r.base, []string{"--"}, r.Name)...)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if out.RC == 127 {
		return module.Change{}, module.Fail(`Failed to find required executable "apk" in paths of the host`)
	}
	if r.Upgrade {
		return r.upgrade(), nil
	}
	said := map[string][]string{}
	for line := range strings.Lines(out.Stdout) {
		word, n, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		said[word] = append(said[word], n)
	}
	if r.State == "absent" {
		return r.remove(said["have"]), nil
	}
	return r.install(said), nil
}

func (r *apkRun) upgrade() module.Change {
	words := append([]string{"upgrade"}, flags(r.Available, "--available")...)
	return r.run(words, "upgraded packages", "failed to upgrade packages", func(d state.OpResult) *value.Map {
		if strings.HasPrefix(string(d.Stdout), "OK") {
			return value.M("changed", false, "msg", "packages already upgraded")
		}
		return nil
	})
}

func (r *apkRun) install(said map[string][]string) module.Change {
	var todo []string
	for _, n := range r.Name {
		if !slices.Contains(said["wanted"], n) && !slices.Contains(said["virtual"], n) {
			todo = append(todo, n)
		}
	}
	todo = append(todo, said["old"]...)
	if len(todo) == 0 {
		return module.Change{Result: value.M("changed", false, "msg", "package(s) already installed")}
	}
	names := strings.Join(todo, " ")
	words := slices.Concat([]string{"add"}, flags(len(said["old"]) > 0, "--upgrade"), todo)
	return r.run(words, "installed "+names+" package(s)", "failed to install "+names, nil)
}

// remove removes packages and looks whether they went: others may need them.
func (r *apkRun) remove(have []string) module.Change {
	if len(have) == 0 {
		return module.Change{Result: value.M("changed", false, "msg", "package(s) already removed")}
	}
	names := strings.Join(have, " ")
	done, fails := "removed "+names+" package(s)", "failed to remove "+names+" package(s)"
	c := r.run(append([]string{"del", "--purge"}, have...), done, fails, nil)
	if r.in.Check {
		return c
	}
	left := r.command(append([]string{"-v", "info", "--installed"}, have...)...)
	left = state.Exec{Argv: slices.Concat([]string{"/bin/sh", "-c", `n=$1; shift; i=0; c=; while [ $i -lt $n ]; do c="$c '$1'"; shift; i=$((i + 1)); done
for p; do eval "$c -v info --installed \"\$p\"" >/dev/null 2>&1 && exit 1; done; exit 0`, "sh", strconv.Itoa(len(r.base))}, r.base, have), Env: left.Env, Shown: left.String()}
	del := r.command(append([]string{"del", "--purge"}, have...)...)
	return module.Steps([]state.Exec{del, left}, module.Change{Result: c.Result}, func(_ state.View, did []state.OpResult) (module.Change, error) {
		return r.end(did[0], done, fails, did[len(did)-1].RC != 0, nil)
	})
}

// run runs apk, or in a dry run has it simulate; verdict tells when nothing changed.
func (r *apkRun) run(words []string, done, fails string, verdict func(state.OpResult) *value.Map) module.Change {
	real := r.command(words...)
	predicted := r.unknown()
	if verdict == nil {
		predicted.Result.Set("changed", value.Bool(true))
		predicted.Result.Set("msg", value.String(done))
	}
	if !r.in.Check {
		return module.Steps([]state.Exec{real}, predicted, func(_ state.View, did []state.OpResult) (module.Change, error) {
			return r.end(did[0], done, fails, did[0].RC != 0, verdict)
		})
	}
	simulated := r.command(slices.Insert(slices.Clone(words), 1, "--simulate")...)
	return module.Look(simulated, predicted.Result, func(_ state.View, d state.OpResult) (module.Change, error) {
		c, err := r.end(d, done, fails, d.RC != 0, verdict)
		if err != nil {
			return c, err
		}
		if changed, _ := c.Result.Get("changed"); changed.Truthy() {
			c.Ops = []state.Op{real}
		}
		return c, nil
	})
}

var apkChanged = regexp.MustCompile(`(?m)^\(\d+/\d+\)\s+\S+\s+(\S+)`)

// end makes the result from what apk said.
func (r *apkRun) end(d state.OpResult, done, fails string, failed bool, verdict func(state.OpResult) *value.Map) (module.Change, error) {
	packages := []string{}
	for _, m := range apkChanged.FindAllStringSubmatch(string(d.Stdout), -1) {
		packages = append(packages, m[1])
	}
	if failed {
		return module.Change{}, r.failed(fails, d, value.Strings(packages...))
	}
	res := value.M("changed", true, "msg", done)
	if verdict != nil {
		if v := verdict(d); v != nil {
			res = v
		}
	}
	res.Set("stdout", text(d.Stdout))
	res.Set("stderr", text(d.Stderr))
	res.Set("packages", value.Strings(packages...))
	return module.Change{Result: res}, nil
}
