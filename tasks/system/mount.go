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
		{Name: "state", Required: true, Choices: []string{"absent", "mounted", "present", "remounted", "unmounted"},
			Doc: "mounted: in fstab, and mounted so; present: only in fstab; unmounted: fstab is left as it is; absent: neither, and an empty folder goes; remounted: mounted again."},
		{Name: "fstab", Type: module.Path, Default: "/etc/fstab", Doc: "The file to edit."},
		{Name: "boot", Type: module.Bool, Default: true, Doc: "With false the option noauto is added."},
		{Name: "backup", Type: module.Bool, Default: false, Doc: "Keep the old fstab under a name with the time."},
	},
	RequiredIf: [][]string{{"state", "mounted", "src", "fstype"}, {"state", "present", "src", "fstype"}},
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

func (a mountArgs) opts() string {
	opts := a.Opts.Or("defaults")
	if !a.Boot && !strings.Contains(","+opts+",", ",noauto,") {
		opts += ",noauto"
	}
	return opts
}

func planMount(a mountArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	at, fstab := path.Clean(g.Path(a.Path)), g.Path(a.FSTab)
	tab, err := g.TryFile(fstab, state.WantContent)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return module.Change{}, module.Fail(err.Error())
	}
	mounts := g.File("/proc/mounts", state.WantContent)
	dir := g.File(at, 0)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	m := mounting{mountArgs: a, at: at, fstab: fstab, dir: dir, old: string(tab.Content), mounted: isMounted(string(mounts.Content), at)}
	return m.change(tab.Resolved, in)
}

// isMounted looks a folder up in /proc/mounts.
func isMounted(text, at string) bool {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 1 && f[1] == spaces.Replace(at) {
			return true
		}
	}
	return false
}

// mounting is one run of mount.
type mounting struct {
	mountArgs
	at, fstab, old string
	dir            state.File
	mounted        bool
}

// edit gives the new text of fstab.
func (m *mounting) edit() string {
	src := m.Src.Or("")
	line := strings.Join([]string{spaces.Replace(src), spaces.Replace(m.at), m.FSType.Or(""), spaces.Replace(m.opts()), m.Dump, m.Passno}, " ")
	var out []string
	have, changed := false, false
	for raw := range strings.Lines(m.old) {
		raw = strings.TrimRight(raw, "\n")
		f := strings.Fields(raw)
		if len(f) < 4 || strings.HasPrefix(f[0], "#") || f[1] != spaces.Replace(m.at) ||
			m.FSType.Or("") == "swap" && f[0] != spaces.Replace(src) {
			out = append(out, raw)
			continue
		}
		for len(f) < 6 {
			f = append(f, "0")
		}
		switch {
		case m.State == "absent", have:
			changed = true
			continue
		case strings.Join(f[:6], " ") != line:
			changed = true
			raw = line
		}
		have = true
		out = append(out, raw)
	}
	if m.State != "absent" && !have {
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
	if m.State == "present" || m.State == "mounted" || m.State == "absent" {
		text = m.edit()
	}
	c := module.Change{}
	backup := ""
	if text != m.old {
		if m.Backup && m.old != "" {
			backup = m.fstab + "." + in.Now.Format("2006-01-02@15:04:05") + "~"
		}
		c.Ops = append(c.Ops, state.WriteFile{Path: real, Content: state.Bytes([]byte(text)), Backup: backup})
		if in.Diff {
			c.Diff = state.Diff{{BeforeHeader: m.fstab, AfterHeader: m.fstab, Before: m.old, After: text}}
		}
	}
	tab := ""
	if m.fstab != "/etc/fstab" {
		tab = " -T " + shellWord(m.fstab)
	}
	run, fails := "", ""
	switch {
	case m.State == "mounted" && !m.mounted:
		run, fails = "mount"+tab+" "+shellWord(m.at), "Error mounting "+m.at+": "
	case m.State == "mounted" && text != m.old, m.State == "remounted" && m.mounted:
		p := shellWord(m.at)
		run, fails = "mount"+tab+" -o remount "+p+" || { umount "+p+" && mount"+tab+" "+p+"; }", "Error remounting "+m.at+": "
	case m.State == "remounted":
		return c, module.Fail("Error remounting " + m.at + ": not mounted")
	case (m.State == "unmounted" || m.State == "absent") && m.mounted:
		run, fails = "umount "+shellWord(m.at), "Error unmounting "+m.at+": "
	}
	if m.State == "absent" && m.dir.IsDir() {
		if run != "" {
			run += " && "
		}
		run, fails = run+"rmdir "+shellWord(m.at), "Error rmdir "+m.at+": "
	}
	if m.State == "mounted" && !m.dir.Exists() {
		run = "mkdir -p " + shellWord(m.at) + " && " + run
	}
	m.finish(&c, run, fails, backup)
	return c, nil
}

// finish adds the command, and what is registered.
func (m *mounting) finish(c *module.Change, run, fails, backup string) {
	boot := map[bool]string{true: "yes", false: "no"}[m.Boot]
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
			if r.RC != 0 {
				return module.Change{}, module.Fail(fails + string(r.Stderr))
			}
		}
		return done, nil
	}
}

// shellWord writes s as one word of a shell.
func shellWord(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
