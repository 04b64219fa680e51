package packages

import (
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type divertArgs struct {
	Path   string `arg:"path"`
	State  string `arg:"state"`
	Holder string `arg:"holder"`
	Divert string `arg:"divert"`
	Rename bool   `arg:"rename"`
	Force  bool   `arg:"force"`
}

// DpkgDivert is the module dpkg_divert.
func DpkgDivert() module.Module {
	return module.New(module.Spec{
		Name:    "dpkg_divert",
		Aliases: []string{"community.general.dpkg_divert"},
		Summary: "Keeps packages from installing their version of a file",
		Doc: "Makes or removes a diversion: packages install their version of the file elsewhere, so that the file stays as it is. " +
			"What a diversion that exists says otherwise (holder, divert) is made anew.",
		Args: []module.Arg{
			{Name: "path", Type: module.Path, Required: true, Doc: "The file, by its absolute path."},
			{Name: "state", Default: "present", Choices: []string{"absent", "present"}, Doc: "Whether there is a diversion."},
			{Name: "holder", Doc: "The package whose version is not diverted; without it, or with LOCAL, those of all packages are. Not used with state absent."},
			{Name: "divert", Type: module.Path, Doc: "Where the packages' version goes; by default the path with .distrib added. Not used with state absent."},
			{Name: "rename", Type: module.Bool, Default: false, Doc: "Move the file aside, or back, when the diversion is made or removed."},
			{Name: "force", Type: module.Bool, Default: false, Doc: "Move it even onto a file that is there, which is lost."},
		},
		Returns: []module.Return{
			{Name: "diversion", Type: "dict", When: "always", Doc: "The diversion as it is then: path, state, holder, divert."},
			{Name: "commands", Type: "list", When: "success", Doc: "The commands that make the change."},
			{Name: "messages", Type: "list", When: "success", Doc: "What dpkg-divert said."},
		},
		Examples: "- community.general.dpkg_divert: {path: /etc/logrotate.conf}\n" +
			"- community.general.dpkg_divert: {path: /usr/bin/busybox, divert: /usr/bin/busybox.dpkg-divert, rename: true}\n",
		Traits: module.Traits{Reach: state.ReachHost},
	}, planDivert)
}

// lookDivert tells about the diversion of $1 and tries what dpkg-divert would make of
// the rest of the arguments: a line each for the program, its option against renaming,
// the holder, the place, which of the files are there (p, the target $2 t, the place
// d) and the exit status, then what it said. $3 is 1 to rename.
const lookDivert = `p=$1; t=$2; r=$3; shift 3
tool=$(command -v dpkg-divert) || exit 127
v=$(dpkg-divert --version | sed -n '1s/^[^0-9]*\([0-9][0-9.]*\).*/\1/p')
n=; ! dpkg --compare-versions "${v%.}" ge 1.19.1 || n=--no-rename
h=$(dpkg-divert --listpackage "$p") || exit
d=; [ -z "$h" ] || d=$(dpkg-divert --truename "$p") || exit
e=; [ ! -e "$p" ] || e=p; [ ! -e "$t" ] || e=${e}t; [ ! -e "$d" ] || e=${e}d
o=$n; [ "$r" != 1 ] || o=--rename
out=$(dpkg-divert --test $o "$@"); rc=$?
printf '%s\n' "$tool" "$n" "$h" "$d" "$e" $rc "$out"`

// divertPlan is what is known when a diversion is planned.
type divertPlan struct {
	divertArgs
	tool, noRename       string
	before, wanted, diff *value.Map
	oldPlace, target     string
	files                string // which are there, as lookDivert says it
	rc                   int    // of the trial
	stdout, stderr       string
	main                 []string // the command that makes the change
	commands             []string
}

func planDivert(a divertArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	p := &divertPlan{divertArgs: a}
	p.Path, p.target = g.Expand(a.Path), g.Expand(a.Path)+".distrib"
	if a.Divert != "" {
		p.Divert = g.Expand(a.Divert)
		p.target = p.Divert
	}
	p.wanted = diversion(p.Path, a.State, value.Null, value.Null)
	if a.State == "present" {
		p.wanted = diversion(p.Path, a.State, value.String(p.target), value.String(p.holder()))
	}
	rename := "0"
	if a.Rename {
		rename = "1"
	}
	out := g.Output(lookDivert, append([]string{p.Path, p.target, rename}, p.options()...)...)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	switch {
	case out.RC == 127:
		return module.Change{}, module.Fail(`Failed to find required executable "dpkg-divert" in paths of the host`)
	case out.RC != 0 || !p.parse(out):
		return module.Change{}, commandFailed(out.RC, out.Stdout, out.Stderr)
	}
	p.diff = value.NewMap()
	if in.Diff {
		p.diff = value.M("before", p.before, "after", p.wanted)
	}
	c, err := p.change()
	if in.Diff && !p.same() {
		c.Diff = state.Diff{{Before: shownDiversion(p.before), After: shownDiversion(p.wanted)}}
	}
	return c, err
}

func (p *divertPlan) same() bool {
	return value.Equal(value.FromMap(p.before), value.FromMap(p.wanted))
}

// shownDiversion is a diversion as a difference shows it.
func shownDiversion(m *value.Map) string {
	var lines []string
	for k, v := range m.All() {
		lines = append(lines, k.Text()+": "+v.Text())
	}
	return strings.Join(lines, "\n") + "\n"
}

func diversion(path, st string, divert, holder value.Value) *value.Map {
	return value.M("path", path, "state", st, "divert", divert, "holder", holder)
}

func (p *divertPlan) holder() string {
	if p.Holder == "" {
		return "LOCAL"
	}
	return p.Holder
}

// options is what dpkg-divert is told, after whether to rename.
func (p *divertPlan) options() []string {
	if p.State == "absent" {
		return []string{"--remove", p.Path}
	}
	opts := []string{"--local"}
	if h := p.holder(); h != "LOCAL" {
		opts = []string{"--package", h}
	}
	if p.Divert != "" {
		opts = append(opts, "--divert", p.Divert)
	}
	return append(opts, "--add", p.Path)
}

// parse reads what lookDivert printed.
func (p *divertPlan) parse(out state.OutputInfo) bool {
	f := strings.SplitN(out.Stdout, "\n", 7)
	if len(f) < 7 {
		return false
	}
	var err error
	if p.rc, err = strconv.Atoi(f[5]); err != nil {
		return false
	}
	p.tool, p.noRename, p.oldPlace, p.files = f[0], f[1], f[3], f[4]
	p.stdout, p.stderr = f[6], out.Stderr
	p.before = diversion(p.Path, "absent", value.Null, value.Null)
	if f[2] != "" {
		p.before = diversion(p.Path, "present", value.String(f[3]), value.String(f[2]))
	}
	p.main = p.command(p.Rename, p.options()...)
	return true
}

// command is a call of dpkg-divert, which renames nothing unless rename is set.
func (p *divertPlan) command(rename bool, opts ...string) []string {
	cmd := []string{p.tool}
	switch {
	case rename:
		cmd = append(cmd, "--rename")
	case p.noRename != "":
		cmd = append(cmd, p.noRename)
	}
	return append(cmd, opts...)
}

func (p *divertPlan) change() (module.Change, error) {
	st, _ := p.before.Get("state")
	cmds := [][]string{p.main}
	switch {
	case p.rc == 0 && p.same():
		return p.result(false, p.stdout), nil
	case p.rc == 0:
	case st.Str() != p.State:
		if err := p.refused(); err != nil {
			return module.Change{}, err
		}
		away := p.target
		if p.State == "absent" {
			away = p.Path
		}
		cmds = [][]string{{"rm", "--", away}, p.main}
	default:
		return p.anew(), nil
	}
	return p.steps(cmds, func(did []state.OpResult) module.Change {
		return p.result(true, string(did[len(did)-1].Stdout))
	}), nil
}

// refused is why dpkg-divert does not make or remove the diversion; nil when force
// takes the file out of its way.
func (p *divertPlan) refused() *module.Failure {
	msg := "Unexpected error while changing state of the diversion."
	there := "t"
	if p.State == "absent" {
		there = "d"
	}
	if p.Rename && strings.Contains(p.files, "p") && strings.Contains(p.files, there) {
		if p.Force {
			return nil
		}
		msg = "Set 'force' param to True to force renaming of files."
	}
	return module.Fail(msg, "cmd", strings.Join(p.main, " "), "rc", p.rc, "stdout", p.stdout, "stderr", p.stderr, "diversion", value.FromMap(p.before))
}

// anew removes a diversion that says something else and makes it again. The file
// that was diverted goes to its new place, if that is free.
func (p *divertPlan) anew() module.Change {
	remove := p.command(false, "--remove", p.Path)
	add := p.command(false, p.options()...)
	p.commands = []string{strings.Join(remove, " "), strings.Join(add, " ")}
	cmds := [][]string{remove, add}
	if p.oldPlace != p.target && strings.Contains(p.files, "d") && !strings.Contains(p.files, "t") {
		cmds = append(cmds, []string{"sh", "-c", `mv -- "$1" "$2" || true`, "sh", p.oldPlace, p.target})
	}
	c := p.steps(cmds, func(did []state.OpResult) module.Change {
		return p.result(true, string(did[0].Stdout), string(did[1].Stdout))
	})
	c.Result.Set("messages", module.Later())
	return c
}

// steps runs commands one after the other, each of which has to return 0.
func (p *divertPlan) steps(cmds [][]string, end func(did []state.OpResult) module.Change) module.Change {
	var ops []state.Exec
	for _, cmd := range cmds {
		ops = append(ops, state.Exec{Argv: slices.Clone(cmd), Env: []string{"LC_ALL=C"}})
	}
	return module.Steps(ops, p.result(true, p.stdout), func(_ state.View, did []state.OpResult) (module.Change, error) {
		if r := did[len(did)-1]; r.RC != 0 {
			return module.Change{}, commandFailed(r.RC, string(r.Stdout), string(r.Stderr))
		}
		return end(did), nil
	})
}

// result is what is registered; said is what the commands printed.
func (p *divertPlan) result(changed bool, said ...string) module.Change {
	commands := p.commands
	if commands == nil {
		commands = []string{strings.Join(p.main, " ")}
	}
	messages := make([]value.Value, len(said))
	for i, s := range said {
		messages[i] = value.String(strings.TrimRight(s, "\n"))
	}
	return module.Change{Result: value.M("changed", changed, "diversion", value.FromMap(p.wanted),
		"commands", value.Strings(commands...), "messages", value.List(messages...), "diff", value.FromMap(p.diff))}
}
