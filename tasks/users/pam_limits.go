package users

import (
	"errors"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type limitArgs struct {
	Domain  string `arg:"domain"`
	Type    string `arg:"limit_type"`
	Item    string `arg:"limit_item"`
	Value   string `arg:"value"`
	UseMax  bool   `arg:"use_max"`
	UseMin  bool   `arg:"use_min"`
	Backup  bool   `arg:"backup"`
	Dest    string `arg:"dest"`
	Comment string `arg:"comment"`
}

var limitItems = []string{"core", "data", "fsize", "memlock", "nofile", "rss", "stack", "cpu", "nproc", "as", "maxlogins",
	"maxsyslogins", "priority", "locks", "sigpending", "msgqueue", "nice", "rtprio", "chroot"}

var limitSpec = module.Spec{
	Name:    "pam_limits",
	Aliases: []string{"community.general.pam_limits"},
	Summary: "Have a limit of a user or group in limits.conf",
	Doc:     "Changes the line of one limit in /etc/security/limits.conf, or adds it.",
	Args: []module.Arg{
		{Name: "domain", Required: true, Doc: "A user, @group, or * for all."},
		{Name: "limit_type", Required: true, Choices: []string{"hard", "soft", "-"}, Doc: "Which of the two limits; - is both."},
		{Name: "limit_item", Required: true, Choices: limitItems, Doc: "What is limited."},
		{Name: "value", Required: true, Doc: "A number, or unlimited, infinity, -1."},
		{Name: "use_max", Type: module.Bool, Default: false, Doc: "The greater of this and the present value."},
		{Name: "use_min", Type: module.Bool, Default: false, Doc: "The smaller of this and the present value."},
		{Name: "backup", Type: module.Bool, Default: false, Doc: "Keep the old file under a name with the time."},
		{Name: "dest", Default: "/etc/security/limits.conf", Doc: "The file."},
		{Name: "comment", Default: "", Doc: "A comment behind the limit."},
	},
	Returns: []module.Return{
		{Name: "msg", Type: "str", When: "always", Doc: "The line."},
		{Name: "backup_file", Type: "str", When: "a backup was made", Doc: "Where the old file is."},
	},
	Examples: "- pam_limits: {domain: app, limit_type: \"-\", limit_item: nofile, value: 65536}\n",
	Traits:   module.Traits{Reach: state.ReachPaths},
}

// PamLimits is the module pam_limits.
func PamLimits() module.Module { return module.New(limitSpec, planLimit) }

func planLimit(a limitArgs, in module.Inputs, v state.View) (module.Change, error) {
	if a.UseMax && a.UseMin {
		return module.Change{}, module.Fail("Cannot use use_min and use_max at the same time.")
	}
	if err := checkLimit(a.Item, a.Value, ""); err != nil {
		return module.Change{}, err
	}
	g := module.Gathering(v)
	dest := g.Path(a.Dest)
	f, err := g.TryFile(dest, state.WantContent)
	if c, missing, gerr := g.Missing(); missing {
		return c, gerr
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return module.Change{}, module.Fail(err.Error())
	}
	if !f.Exists() && f.Parent.Type != state.TypeDir {
		return module.Change{}, module.Fail("directory " + path.Dir(dest) + " is not writable (check presence, access rights, use sudo)")
	}
	text, line, err := a.edit(string(f.Content), dest)
	if err != nil {
		return module.Change{}, err
	}
	changed := !f.Exists() || text != string(f.Content)
	c := module.Change{Result: value.M("changed", changed, "msg", line)}
	shown := state.Diff{{Before: string(f.Content), After: text}}
	c.Result.Set("diff", shown.Registered(false))
	if !changed {
		return c, nil
	}
	w := state.WriteFile{Path: f.Resolved, Content: state.Bytes([]byte(text))}
	if a.Backup && f.Exists() {
		w.Backup = module.BackupName(dest, in)
		c.Result.Set("backup_file", value.String(w.Backup))
	}
	c.Ops = []state.Op{w}
	if in.Diff {
		shown[0].BeforeHeader, shown[0].AfterHeader = dest, dest
		c.Diff = shown
	}
	return c, nil
}

// checkLimit tells whether a value is one of an item; where says in which file.
func checkLimit(item, text, where string) error {
	if where != "" {
		where += " "
	}
	n, err := strconv.Atoi(text)
	switch {
	case item == "nice" || item == "priority":
		if err != nil || n < -20 || n > 19 {
			return module.Fail(where + "Value of '" + text + "' for item '" + item + "' is invalid. Value must be a number in the range -20 to 19 inclusive. " +
				"Refer to the limits.conf(5) manual pages for more details.")
		}
	case unlimited(text), err == nil && n >= 0:
	default:
		return module.Fail(where + "Value of '" + text + "' for item '" + item + "' is invalid. Value must either be 'unlimited', 'infinity' or -1, " +
			"all of which indicate no limit, or a limit of 0 or larger. Refer to the limits.conf(5) manual pages for more details.")
	}
	return nil
}

func unlimited(text string) bool { return text == "unlimited" || text == "infinity" || text == "-1" }

// edit gives the new text and the line that says the limit in it.
func (a limitArgs) edit(old, dest string) (text, line string, err error) {
	var b strings.Builder
	comment, set := a.Comment, a.Value
	for raw := range strings.Lines(old) {
		fields, note, _ := strings.Cut(raw, "#")
		f := strings.Fields(fields)
		if strings.HasPrefix(raw, "#") || strings.TrimSpace(raw) == "" {
			b.WriteString(raw)
			continue
		}
		if comment == "" {
			comment = strings.TrimSuffix(note, "\n")
		}
		if len(f) != 4 {
			b.WriteString(raw)
			continue
		}
		if err := checkLimit(f[2], f[3], "Invalid configuration found in '"+dest+"'."); err != nil {
			return "", "", err
		}
		if f[0] != a.Domain || f[1] != a.Type || f[2] != a.Item {
			b.WriteString(raw)
			continue
		}
		set = a.pick(f[3])
		if line = raw; set != f[3] {
			line = a.line(set, comment)
		}
		b.WriteString(line)
	}
	if line == "" {
		line = a.line(set, comment)
		b.WriteString(line)
	}
	return b.String(), line, nil
}

func (a limitArgs) line(set, comment string) string {
	if comment != "" {
		comment = "\t#" + comment
	}
	return a.Domain + "\t" + a.Type + "\t" + a.Item + "\t" + set + comment + "\n"
}

// pick is the value to be, where there is one already.
func (a limitArgs) pick(now string) string {
	if now == a.Value || !a.UseMax && !a.UseMin {
		return a.Value
	}
	endless := unlimited(now) || unlimited(a.Value)
	if endless && a.Item != "nice" && a.Item != "priority" {
		if a.UseMax == unlimited(now) {
			return now
		}
		return a.Value
	}
	x, _ := strconv.Atoi(now) // both were checked
	y, _ := strconv.Atoi(a.Value)
	if a.UseMax {
		return strconv.Itoa(max(x, y))
	}
	return strconv.Itoa(min(x, y))
}
