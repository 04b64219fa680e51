package system

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type modprobeArgs struct {
	Name       string `arg:"name"`
	State      string `arg:"state"`
	Params     string `arg:"params"`
	Persistent string `arg:"persistent"`
}

var modprobeSpec = module.Spec{
	Name:    "modprobe",
	Aliases: []string{"community.general.modprobe"},
	Summary: "Have a module of the kernel loaded, or not",
	Doc:     "Loads and unloads modules with modprobe. Modules that are built into the kernel count as loaded.",
	Args: []module.Arg{
		{Name: "name", Required: true, Doc: "The module."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether it is to be loaded."},
		{Name: "params", Default: "", Doc: "Parameters for loading it."},
		{Name: "persistent", Choices: []string{"disabled", "present", "absent"}, Default: "disabled", Doc: "Whether it is loaded when the host starts: present writes it to /etc/modules-load.d, and its parameters to /etc/modprobe.d; absent takes it out of all files there; disabled leaves them alone."},
	},
	Returns: []module.Return{
		{Name: "name", Type: "str", When: "always", Doc: "The module."},
		{Name: "state", Type: "str", When: "always", Doc: "As asked."},
		{Name: "params", Type: "str", When: "always", Doc: "As asked."},
	},
	Examples: "- modprobe: {name: br_netfilter}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// Modprobe is the module modprobe.
func Modprobe() module.Module { return module.New(modprobeSpec, planModprobe) }

// modprobePaths are what modprobe reads.
var modprobePaths = []string{"/lib/modules", "/usr/lib/modules", "/etc/modprobe.d", "/etc/modprobe.conf", "/run/modprobe.d", "/lib/modprobe.d", "/usr/lib/modprobe.d", "/usr/local/lib/modprobe.d", "/proc"}

func planModprobe(a modprobeArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	name := strings.ReplaceAll(a.Name, "-", "_")
	// /sys/module has what is loaded, and of what is built in that which has parameters.
	there := g.File("/sys/module/"+name, 0).Exists()
	loaded, err := g.TryFile("/proc/modules", state.WantContent)
	if err == nil && slices.ContainsFunc(strings.Split(string(loaded.Content), "\n"), func(l string) bool { return strings.HasPrefix(l, name+" ") }) {
		there = true
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	want := a.State == "present"
	writes, err := a.persist(g)
	if c, missing, gerr := g.Missing(); missing {
		return c, gerr
	}
	if err != nil {
		return module.Change{}, err
	}
	c := module.Change{Result: value.M("changed", there != want || len(writes) > 0, "name", a.Name, "params", a.Params, "state", a.State)}
	if there == want {
		c.Ops = writes
		return c, nil
	}
	argv := append([]string{"modprobe", a.Name}, strings.Fields(a.Params)...)
	if !want {
		argv = []string{"modprobe", "-r", a.Name}
	}
	if in.Check { // as the original does, the program is asked whether it could
		r := g.OutputUnder(modprobePaths, tryModprobe, argv[1:]...)
		if need, missing, err := g.Missing(); missing {
			return need, err
		}
		switch r.RC {
		case 0:
		case noModprobe:
			return module.Change{}, module.Fail(`Failed to find required executable "modprobe"`)
		default:
			return module.Change{}, a.fail(r.RC, r.Stdout, r.Stderr)
		}
	}
	done := module.Change{Result: c.Result, Ops: writes}
	c.Ops = []state.Op{state.Exec{Argv: argv, Env: []string{"LC_ALL=C"}}}
	c.Then = func(_ state.View, did []state.OpResult) (module.Change, error) {
		if r := did[len(did)-1]; r.RC != 0 {
			return module.Change{}, a.fail(r.RC, string(r.Stdout), string(r.Stderr))
		}
		return done, nil
	}
	return c, nil
}

// tryModprobe is what modprobe would do. A modprobe that knows no dry run (that
// of busybox) is believed.
const tryModprobe = `command -v modprobe >/dev/null 2>&1 || exit 127
modprobe -n -V >/dev/null 2>&1 || exit 0
modprobe -n "$@"`

// noModprobe is what tryModprobe returns where there is no such program.
const noModprobe = 127

func (a modprobeArgs) fail(rc int, stdout, stderr string) *module.Failure {
	return module.Fail(stderr, "name", a.Name, "params", a.Params, "state", a.State, "rc", rc, "stdout", stdout, "stderr", stderr)
}

const (
	loadFolder  = "/etc/modules-load.d"
	paramFolder = "/etc/modprobe.d"
)

// persist gives what must be written for the next start of the host.
func (a modprobeArgs) persist(g *module.Gather) ([]state.Op, error) {
	if a.Persistent == "disabled" {
		return nil, nil
	}
	name := regexp.QuoteMeta(a.Name)
	isModule := regexp.MustCompile(`^ *` + name + ` *(?:[#;].*)?$`)
	isParam := regexp.MustCompile(`^options ` + name + ` (\w+=\S+) *(?:[#;].*)?$`)
	loads, params := folderOf(g, loadFolder), folderOf(g, paramFolder)
	if !g.Complete() {
		return nil, nil
	}
	listed, have := loads.find(isModule), params.find(isParam)
	if a.Persistent == "absent" {
		return append(loads.comment(isModule), params.comment(isParam)...), nil
	}
	var ops []state.Op
	if len(listed) == 0 {
		ops = append(ops, state.WriteFile{Path: loadFolder + "/" + a.Name + ".conf", Content: state.Bytes([]byte(a.Name + "\n"))})
	}
	if want := strings.Fields(a.Params); !sameSet(want, have) {
		ops = append(ops, params.comment(isParam)...)
		text := ""
		for _, p := range want {
			text += "options " + a.Name + " " + p + "\n"
		}
		ops = append(ops, state.WriteFile{Path: paramFolder + "/" + a.Name + ".conf", Content: state.Bytes([]byte(text))})
	}
	return ops, nil
}

// confFolder is the text of every file of a folder, by path.
type confFolder map[string]string

func folderOf(g *module.Gather, dir string) confFolder {
	files := confFolder{}
	if !g.File(dir, 0).IsDir() {
		return files
	}
	for _, e := range g.Tree(dir) {
		if strings.Contains(e.Rel, "/") {
			continue
		}
		if f := g.File(path.Join(dir, e.Rel), state.WantContent); f.IsRegular() {
			files[path.Join(dir, e.Rel)] = string(f.Content)
		}
	}
	return files
}

// find gives the first group, or the whole, of every line that matches.
func (c confFolder) find(re *regexp.Regexp) []string {
	var found []string
	for _, text := range c {
		for line := range strings.Lines(text) {
			if m := re.FindStringSubmatch(strings.TrimSuffix(line, "\n")); m != nil {
				found = append(found, m[len(m)-1])
			}
		}
	}
	return found
}

// comment writes the files in which lines match, with # before these.
func (c confFolder) comment(re *regexp.Regexp) []state.Op {
	var ops []state.Op
	for _, p := range slices.Sorted(maps.Keys(c)) {
		var b strings.Builder
		for line := range strings.Lines(c[p]) {
			if re.MatchString(strings.TrimSuffix(line, "\n")) {
				b.WriteByte('#')
			}
			b.WriteString(line)
		}
		if b.String() != c[p] {
			ops = append(ops, state.WriteFile{Path: p, Content: state.Bytes([]byte(b.String()))})
		}
	}
	return ops
}

func sameSet(a, b []string) bool {
	set := func(s []string) []string { return slices.Compact(slices.Sorted(slices.Values(s))) }
	return slices.Equal(set(a), set(b))
}
