package packages

import (
	"slices"
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
		Doc:     "Asks apk what is installed and runs it only when something must change.",
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
			{Name: "stdout", Type: "str", When: "apk ran", Doc: "What it printed."},
			{Name: "stderr", Type: "str", When: "apk ran", Doc: "Its errors."},
		},
		Examples: "- apk: {name: [nginx, curl], update_cache: true}\n",
		Traits:   module.Traits{Reach: state.ReachHost},
	}, planApk)
}

// scriptApk tells of each package ($3 ...) whether it is installed, and with
// latest ($1) whether it is the newest; $2 is the file of what is wanted.
const scriptApk = `command -v apk >/dev/null || exit 127
latest=$1 world=$2; shift 2
for s do
n=${s%%[<>=~@]*}
if apk -e info "$n" >/dev/null 2>&1 && grep -q -x -e "$n\\([<>=~@].*\\)\\{0,1\\}" "$world"; then echo "have $s"; else
if apk -e info "$n" >/dev/null 2>&1; then echo "some $s"; else echo "lack $s"; fi; continue; fi
[ -z "$latest" ] || { o=$(apk version "$n" 2>/dev/null); case $o in *'<'*) echo "old $s";; esac; }
done
:`

func planApk(a apkArgs, in module.Inputs, v state.View) (module.Change, error) {
	st := map[string]string{"installed": "present", "removed": "absent"}[a.State]
	if st == "" {
		st = a.State
	}
	latest := ""
	if st == "latest" {
		latest = "1"
	}
	g := module.Gathering(v)
	out := g.Output(scriptApk, append([]string{latest, a.World}, a.Name...)...)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if out.RC == 127 {
		return module.Change{}, module.Fail(`Failed to find required executable "apk" in paths of the host`)
	}
	base := []string{"apk"}
	if a.NoCache {
		base = append(base, "--no-cache")
	}
	for _, r := range a.Repository {
		base = append(base, "--repository", r)
	}
	if len(a.Repository) > 0 {
		base = append(base, "--repositories-file", "/dev/null")
	}
	var cmds []state.Exec
	add := func(words ...string) { cmds = append(cmds, state.Exec{Argv: slices.Concat(base, words), Env: english}) }
	if a.UpdateCache {
		add("update")
	}
	changed, todo := value.Bool(a.UpdateCache && len(a.Name) == 0 && !a.Upgrade), a.todo(st, out.Stdout)
	switch {
	case a.Upgrade:
		add(append([]string{"upgrade"}, flags(a.Available, "--available")...)...)
		changed = module.Later()
	case len(todo) > 0 && st == "absent":
		add(append([]string{"del", "--purge"}, todo...)...)
		changed = value.Bool(true)
	case len(todo) > 0:
		add(slices.Concat([]string{"add"}, flags(st == "latest", "--upgrade"), todo)...)
		changed = value.Bool(true)
	}
	msg := map[bool]string{true: "package(s) already installed", false: "package(s) already removed"}[st != "absent"]
	result := value.M("changed", changed, "msg", msg)
	if len(todo) > 0 {
		result.Set("packages", value.Strings(todo...))
		result.Delete("msg")
	}
	return module.Steps(cmds, module.Change{Result: result}, func(_ state.View, did []state.OpResult) (module.Change, error) {
		d := did[len(did)-1]
		if d.RC != 0 {
			return module.Change{}, module.Fail("failed to "+strings.Join(cmds[len(did)-1].Argv[1:], " "), "rc", d.RC, "stdout", text(d.Stdout), "stderr", text(d.Stderr))
		}
		m := result.Clone()
		if changed.IsUnknown() {
			m.Set("changed", value.Bool(strings.Contains(string(d.Stdout), ") ")))
		}
		m.Set("stdout", text(d.Stdout))
		m.Set("stderr", text(d.Stderr))
		return module.Change{Result: m}, nil
	}), nil
}

// todo are the packages that must change.
func (a apkArgs) todo(st, said string) []string {
	want := map[string][]string{"present": {"lack", "some"}, "latest": {"lack", "some", "old"}, "absent": {"have", "some"}}[st]
	var out []string
	for line := range strings.Lines(said) {
		if word, s, _ := strings.Cut(strings.TrimRight(line, "\n"), " "); slices.Contains(want, word) {
			out = append(out, s)
		}
	}
	return out
}
