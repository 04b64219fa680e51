package system

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type mountArgs struct {
	Path   string             `arg:"path"`
	Src    module.Opt[string] `arg:"src"`
	FSType module.Opt[string] `arg:"fstype"`
	Opts   module.Opt[string] `arg:"opts"`
	Dump   string             `arg:"dump"`
	Passno string             `arg:"passno"`
	State  string             `arg:"state"`
	FSTab  string             `arg:"fstab"`
	Boot   bool               `arg:"boot"`
	Backup bool               `arg:"backup"`
}

var mountSpec = module.Spec{
	Name:    "mount",
	Aliases: []string{"ansible.posix.mount"},
	Summary: "Have a file system in fstab and mounted, or not",
	Doc:     "Edits /etc/fstab and mounts or unmounts what it says.",
	Args: []module.Arg{
		{Name: "path", Aliases: []string{"name"}, Type: module.Path, Required: true, Doc: "Where it is mounted."},
		{Name: "src", Type: module.Path, Doc: "What is mounted there."},
		{Name: "fstype", Doc: "The kind of file system."},
		{Name: "opts", Doc: "Options of mount; defaults without it."},
		{Name: "dump", Default: "0", Doc: "The fifth field of fstab."},
		{Name: "passno", Default: "0", Doc: "The sixth field of fstab."},
		{Name: "state", Required: true, Choices: []string{"absent", "absent_from_fstab", "ephemeral", "mounted", "present", "remounted", "unmounted"},
			Doc: "mounted: in fstab, and mounted so; present: only in fstab; ephemeral: mounted, and fstab is left as it is; unmounted: fstab is left as it is; absent: neither, and an empty folder goes; absent_from_fstab: not in fstab; remounted: mounted again."},
		{Name: "fstab", Type: module.Path, Default: "/etc/fstab", Doc: "The file to edit."},
		{Name: "boot", Type: module.Bool, Default: true, Doc: "With false the option noauto is added."},
		{Name: "backup", Type: module.Bool, Default: false, Doc: "Keep the old fstab under a name with the time."},
	},
	RequiredIf: [][]string{{"state", "mounted", "src", "fstype"}, {"state", "present", "src", "fstype"}, {"state", "ephemeral", "src", "fstype"}},
	Order:      [][]string{{"changed", "name", "opts", "dump", "passno", "fstab", "boot", "backup_file", "src", "fstype"}},
	Returns: []module.Return{
		{Name: "name", Type: "str", When: "always", Doc: "Where it is mounted."},
		{Name: "opts", Type: "str", When: "always", Doc: "Its options."},
		{Name: "fstab", Type: "str", When: "always", Doc: "The file that was edited."},
		{Name: "backup_file", Type: "str", When: "always", Doc: "Where the old fstab is, or empty."},
	},
	Examples: "- mount: {path: /srv, src: /dev/sdb1, fstype: ext4, state: mounted}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// Mount is the module mount.
func Mount() module.Module { return module.New(mountSpec, planMount) }

var spaces = strings.NewReplacer(" ", `\040`, "\t", `\011`)

// options are the options as written, what is registered as boot, and a warning.
// noauto is added to what boot=false means, but not where defaults are asked for.
func (a mountArgs) options() (opts, boot, warning string) {
	opts = a.Opts.Or("defaults")
	has := func(o string) bool { return strings.Contains(","+opts+",", ","+o+",") }
	switch {
	case has("noauto"):
		return opts, "yes", "Ignore the 'boot' due to 'opts' contains 'noauto'."
	case a.Boot:
		return opts, "yes", ""
	case has("defaults"):
		return opts, "no", "Ignore the 'boot' due to 'opts' contains 'defaults'."
	}
	return opts + ",noauto", "no", ""
}

func (a mountArgs) opts() string {
	opts, _, _ := a.options()
	return opts
}

func planMount(a mountArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	at, fstab := path.Clean(g.Expand(a.Path)), g.Path(a.FSTab)
	tab, err := g.TryFile(fstab, state.WantContent)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return module.Change{}, module.Fail(err.Error())
	}
	mounts := g.File("/proc/mounts", state.WantContent)
	dir := g.File(g.Path(at), 0)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	m := mounting{mountArgs: a, at: at, fstab: fstab, dir: dir, old: string(tab.Content)}
	m.source, m.mounted = mountedFrom(string(mounts.Content), at)
	return m.change(tab.Resolved, in)
}

// mountedFrom looks a folder up in /proc/mounts: what was mounted there last.
func mountedFrom(text, at string) (source string, mounted bool) {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 1 && f[1] == spaces.Replace(at) {
			source, mounted = f[0], true
		}
	}
	return source, mounted
}

// mounting is one run of mount.
type mounting struct {
	mountArgs
	at, fstab, old string
	dir            state.File
	source         string // what is mounted there
	mounted        bool
}

// forgets tells whether the line of fstab goes.
func (m *mounting) forgets() bool { return m.State == "absent" || m.State == "absent_from_fstab" }

// edit gives the new text of fstab.
func (m *mounting) edit() string {
	src := m.Src.Or("")
	line := strings.Join([]string{spaces.Replace(src), spaces.Replace(m.at), m.FSType.Or(""), spaces.Replace(m.opts()), m.Dump, m.Passno}, " ")
	var out []string
	have, changed := false, false
	least := 4 // fields of a line that is looked at: the last two may be missing, but not where it is to go
	if m.forgets() {
		least = 6
	}
	for raw := range strings.Lines(m.old) {
		raw = strings.TrimRight(raw, "\n")
		f := strings.Fields(raw)
		if len(f) < least || len(f) > 6 || strings.HasPrefix(f[0], "#") || f[1] != spaces.Replace(m.at) ||
			m.Src.Given() && f[1] == "none" && f[2] == "swap" && f[0] != spaces.Replace(src) {
			out = append(out, raw)
			continue
		}
		for len(f) < 6 {
			f = append(f, "0")
		}
		switch {
		case m.forgets():
			changed = true
			continue
		case strings.Join(f, " ") != line:
			changed = true
			raw = line
		}
		have = true
		out = append(out, raw)
	}
	if !m.forgets() && !have {
		changed = true
		out = append(out, line)
	}
	if !changed {
		return m.old
	}
	if len(out) == 0 {
		return ""
	}
	return strings.Join(out, "\n") + "\n"
}

func (m *mounting) change(real string, in module.Inputs) (module.Change, error) {
	text := m.old
	if m.State == "present" || m.State == "mounted" || m.forgets() {
		text = m.edit()
	}
	c := module.Change{}
	backup := ""
	if text != m.old {
		if m.Backup && m.old != "" {
			backup = module.BackupName(m.fstab, in)
		}
		c.Ops = append(c.Ops, state.WriteFile{Path: real, Content: state.Bytes([]byte(text)), Backup: backup})
		if in.Diff {
			c.Diff = state.Diff{{BeforeHeader: m.fstab, AfterHeader: m.fstab, Before: m.old, After: text}}
		}
	}
	run, fails, err := m.command(text != m.old)
	if err != nil {
		return c, err
	}
	if (m.State == "mounted" || m.State == "ephemeral") && !m.dir.Exists() {
		run = "mkdir -p " + shellWord(m.at) + " && " + run
	}
	var undo []state.Op
	if m.State == "mounted" && text != m.old { // an entry that cannot be mounted may break the next start
		undo = []state.Op{state.WriteFile{Path: real, Content: state.Bytes([]byte(m.old))}}
	}
	m.finish(&c, run, fails, backup, undo)
	return c, nil
}

// command is the shell text that mounts or unmounts, "" for none, and what is
// said when it fails. edited tells whether the line of fstab changes.
func (m *mounting) command(edited bool) (run, fails string, err error) {
	tab, p := "", shellWord(m.at)
	if m.fstab != "/etc/fstab" {
		tab = " -T " + shellWord(m.fstab)
	}
	switch {
	case m.State == "ephemeral":
		mount := "mount -t " + shellWord(m.FSType.Or("")) + " -o "
		what := " " + shellWord(m.Src.Or("")) + " " + p
		if !m.mounted {
			return mount + shellWord(m.opts()) + what, "Error mounting " + m.at + ": ", nil
		}
		if m.source != spaces.Replace(m.Src.Or("")) {
			return "", "", module.Fail("Ephemeral mount point is already mounted with a different source than the specified one. " +
				"Unmount it first, or use another path.")
		}
		return mount + shellWord("remount,"+m.opts()) + what, "Error mounting " + m.at + ": ", nil
	case m.State == "mounted" && !m.mounted:
		return "mount" + tab + " " + p, "Error mounting " + m.at + ": ", nil
	case m.State == "mounted" && edited, m.State == "remounted" && m.mounted:
		return "mount" + tab + " -o remount " + p + " || { umount " + p + " && mount" + tab + " " + p + "; }", "Error remounting " + m.at + ": ", nil
	case m.State == "remounted":
		return "", "", module.Fail("Error remounting " + m.at + ": not mounted")
	case m.State == "unmounted" && m.mounted:
		return "umount " + p, "Error unmounting " + m.at + ": ", nil
	case m.State == "absent" && edited:
		fails = "Error unmounting " + m.at + ": "
		if m.mounted {
			run = "umount " + p
		}
		if m.dir.IsDir() {
			if run != "" {
				run += " && "
			}
			run, fails = run+"rmdir "+p, "Error rmdir "+m.at+": "
		}
	}
	return run, fails, nil
}

// finish adds the command, what is registered, and what is undone when it fails.
func (m *mounting) finish(c *module.Change, run, fails, backup string, undo []state.Op) {
	_, boot, warning := m.options()
	if warning != "" {
		c.Warnings = []string{warning}
	}
	c.Result = value.M("changed", len(c.Ops) > 0 || run != "", "name", m.at, "opts", m.opts(), "dump", m.Dump, "passno", m.Passno,
		"fstab", m.fstab, "boot", boot, "backup_file", backup)
	for k, o := range map[string]module.Opt[string]{"src": m.Src, "fstype": m.FSType} {
		if text, ok := o.Get(); ok {
			c.Result.Set(k, value.String(text))
		}
	}
	if run == "" && len(c.Ops) == 0 {
		return
	}
	if run != "" {
		c.Ops = append(c.Ops, state.Exec{Shell: run, Env: []string{"LC_ALL=C"}})
	}
	done := module.Change{Result: c.Result}
	c.Then = func(_ state.View, did []state.OpResult) (module.Change, error) {
		for _, r := range did {
			if r.RC == 0 {
				continue
			}
			failed := module.Fail(fails + string(r.Stderr))
			if len(undo) == 0 {
				return module.Change{}, failed
			}
			return module.Change{Ops: undo, Result: c.Result, Then: func(state.View, []state.OpResult) (module.Change, error) {
				return module.Change{}, failed
			}}, nil
		}
		return done, nil
	}
}

// shellWord writes s as one word of a shell.
func shellWord(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
