package system

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type sysctlArgs struct {
	Name   string      `arg:"name"`
	Value  value.Value `arg:"value"`
	State  string      `arg:"state"`
	File   string      `arg:"sysctl_file"`
	Reload bool        `arg:"reload"`
	Set    bool        `arg:"sysctl_set"`
	Ignore bool        `arg:"ignoreerrors"`
}

var sysctlSpec = module.Spec{
	Name:    "sysctl",
	Aliases: []string{"ansible.posix.sysctl"},
	Summary: "Have a setting of the kernel in a file of sysctl, or not",
	Doc:     "Writes a setting into a file, reads the file into the kernel when it changed, and with sysctl_set sees that the kernel has the value.",
	Args: []module.Arg{
		{Name: "name", Aliases: []string{"key"}, Required: true, Doc: "The setting, such as net.ipv4.ip_forward."},
		{Name: "value", Aliases: []string{"val"}, Doc: "Its value."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether the file is to have it."},
		{Name: "sysctl_file", Type: module.Path, Default: "/etc/sysctl.conf", Doc: "The file."},
		{Name: "reload", Type: module.Bool, Default: true, Doc: "Read the file into the kernel when it changed."},
		{Name: "sysctl_set", Type: module.Bool, Default: false, Doc: "Give the kernel the value when it has another one."},
		{Name: "ignoreerrors", Type: module.Bool, Default: false, Doc: "Let unknown settings pass."},
	},
	RequiredIf: [][]string{{"state", "present", "value"}},
	Examples:   "- sysctl: {name: net.ipv4.ip_forward, value: '1', sysctl_set: true}\n",
	Traits:     module.Traits{Reach: state.ReachHost},
}

// Sysctl is the module sysctl.
func Sysctl() module.Module { return module.New(sysctlSpec, planSysctl) }

// procPath is where the kernel shows a setting: dots separate, and where the
// first separator is a slash, slashes do.
func procPath(name string) string {
	if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '.' {
		name = strings.NewReplacer(".", "/", "/", ".").Replace(name)
	}
	return "/proc/sys/" + name
}

// words makes one blank of all blanks between the words of a value.
func words(s string) string { return strings.Join(strings.Fields(s), " ") }

func (a sysctlArgs) text() string {
	text := strings.TrimSpace(a.Value.Text())
	switch strings.ToLower(text) {
	case "true", "yes", "on", "y", "t":
		return "1"
	case "false", "no", "off", "n", "f":
		return "0"
	}
	return text
}

func planSysctl(a sysctlArgs, in module.Inputs, v state.View) (module.Change, error) {
	a.Name = strings.TrimSpace(a.Name)
	switch {
	case a.State == "present" && a.text() == "":
		return module.Change{}, module.Fail("value cannot be blank")
	case a.Name == "":
		return module.Change{}, module.Fail("name cannot be blank")
	}
	g := module.Gathering(v)
	p := g.Path(a.File)
	f, err := g.TryFile(p, state.WantContent)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return module.Change{}, module.Fail(err.Error())
	}
	live := ""
	if a.Set && a.State == "present" {
		if k, err := g.TryFile(procPath(a.Name), state.WantContent); err == nil {
			live = string(k.Content)
		}
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	old := string(f.Content)
	text := a.edit(old)
	set := a.Set && a.State == "present" && words(live) != words(a.text())
	c := module.Change{Result: value.M("changed", text != old || set)}
	if text != old {
		c.Ops = append(c.Ops, state.WriteFile{Path: f.Resolved, Content: state.Bytes([]byte(text))})
		if in.Diff {
			c.Diff = state.Diff{{BeforeHeader: p, AfterHeader: p, Before: old, After: text}}
		}
	}
	return a.kernel(c, p, set, text != old && a.Reload), nil
}

// kernel adds the commands that tell the kernel.
func (a sysctlArgs) kernel(c module.Change, file string, set, load bool) module.Change {
	type step struct {
		argv []string
		what string
	}
	var steps []step
	e := []string{}
	if a.Ignore {
		e = append(e, "-e")
	}
	if set {
		steps = append(steps, step{slices.Concat([]string{"sysctl"}, e, []string{"-w", a.Name + "=" + a.text()}), "setting " + a.Name + " failed: "})
	}
	if load {
		steps = append(steps, step{slices.Concat([]string{"sysctl"}, e, []string{"-p", file}), "Failed to reload sysctl: "})
	}
	if len(steps) == 0 {
		return c
	}
	// The value is set first: a name that the kernel does not know is not written.
	var ops []state.Op
	write := c.Ops
	for i, s := range steps {
		if !set && i == 0 || set && i == 1 {
			ops, write = append(ops, write...), nil
		}
		ops = append(ops, state.Exec{Argv: s.argv, Env: []string{"LC_ALL=C"}})
	}
	result := c.Result
	var rest func(ops []state.Op, n int) module.Change
	rest = func(ops []state.Op, n int) module.Change {
		at := slices.IndexFunc(ops, func(o state.Op) bool { _, ok := o.(state.Exec); return ok })
		if at < 0 {
			return module.Change{Result: result, Ops: ops}
		}
		return module.Change{Result: result, Ops: ops[:at+1], Then: func(_ state.View, did []state.OpResult) (module.Change, error) {
			if r := did[len(did)-1]; r.RC != 0 || strings.Contains(string(r.Stderr), "Invalid argument") {
				return module.Change{}, module.Fail(steps[n].what + string(r.Stdout) + string(r.Stderr))
			}
			return rest(ops[at+1:], n+1), nil
		}}
	}
	out := rest(append(ops, write...), 0)
	out.Diff = c.Diff
	return out
}

// edit gives the new text of the file.
func (a sysctlArgs) edit(old string) string {
	var out []string
	have, changed := false, false
	for line := range strings.Lines(old) {
		line = strings.TrimRight(line, "\n")
		k, val, ok := strings.Cut(line, "=")
		if t := strings.TrimSpace(line); !ok || strings.HasPrefix(t, "#") || strings.HasPrefix(t, ";") || strings.TrimSpace(k) != a.Name {
			out = append(out, line)
			continue
		}
		switch {
		case a.State == "absent", have:
			changed = true
			continue
		case words(val) != words(a.text()):
			changed = true
			line = a.Name + "=" + a.text()
		}
		have = true
		out = append(out, line)
	}
	if a.State == "present" && !have {
		changed = true
		out = append(out, a.Name+"="+a.text())
	}
	if !changed {
		return old
	}
	return strings.TrimLeft(strings.Join(out, "\n")+"\n", "\n")
}
