package system

import (
	"encoding/hex"
	"path"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type cronArgs struct {
	Name         string             `arg:"name"`
	User         string             `arg:"user"`
	Job          module.Opt[string] `arg:"job"`
	File         string             `arg:"cron_file"`
	State        string             `arg:"state"`
	Backup       bool               `arg:"backup"`
	Minute       string             `arg:"minute"`
	Hour         string             `arg:"hour"`
	Day          string             `arg:"day"`
	Month        string             `arg:"month"`
	Weekday      string             `arg:"weekday"`
	Special      string             `arg:"special_time"`
	Disabled     bool               `arg:"disabled"`
	Env          bool               `arg:"env"`
	InsertAfter  string             `arg:"insertafter"`
	InsertBefore string             `arg:"insertbefore"`
}

var cronSpec = module.Spec{
	Name:    "cron",
	Summary: "Have a job or a variable in a crontab, or not",
	Doc: "Keeps one entry of a user's crontab, or of a file in /etc/cron.d. A job is found again by the comment " +
		"\"#Ansible: NAME\" above it, a variable by its name.",
	Args: []module.Arg{
		{Name: "name", Required: true, Doc: "What the entry is called; with env the variable."},
		{Name: "user", Doc: "Whose crontab; with cron_file who runs the job."},
		{Name: "job", Aliases: []string{"value"}, Doc: "The command; with env the variable's value."},
		{Name: "cron_file", Type: module.Path, Doc: "A file in place of a user's crontab, below /etc/cron.d when it is relative."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether the entry is to be there."},
		{Name: "backup", Type: module.Bool, Default: false, Doc: "Keep the old crontab in a file below /tmp."},
		{Name: "minute", Default: "*", Doc: "When it runs: 0 to 59, lists, ranges, */2."},
		{Name: "hour", Default: "*", Doc: "When it runs: 0 to 23."},
		{Name: "day", Aliases: []string{"dom"}, Default: "*", Doc: "When it runs: day of the month, 1 to 31."},
		{Name: "month", Default: "*", Doc: "When it runs: 1 to 12."},
		{Name: "weekday", Aliases: []string{"dow"}, Default: "*", Doc: "When it runs: 0 to 6 from Sunday, or names."},
		{Name: "special_time", Choices: []string{"annually", "daily", "hourly", "monthly", "reboot", "weekly", "yearly"}, Doc: "When it runs, in one word."},
		{Name: "disabled", Type: module.Bool, Default: false, Doc: "Write the job as a comment."},
		{Name: "env", Type: module.Bool, Default: false, Doc: "The entry is a variable; new ones go to the top."},
		{Name: "insertafter", Doc: "With env: behind this variable."},
		{Name: "insertbefore", Doc: "With env: in front of this variable."},
	},
	MutuallyExclusive: [][]string{{"insertafter", "insertbefore"}},
	Order:             [][]string{{"jobs", "envs", "changed", "cron_file"}},
	Returns: []module.Return{
		{Name: "jobs", Type: "list", When: "always", Doc: "The names of the jobs."},
		{Name: "envs", Type: "list", When: "always", Doc: "The names of the variables."},
		{Name: "cron_file", Type: "str", When: "cron_file is given", Doc: "The file, as given."},
		{Name: "backup_file", Type: "str", When: "backup, and something changed", Doc: "Where the old crontab is."},
	},
	Examples: "- cron: {name: nightly, hour: '2', minute: '30', job: /usr/local/bin/nightly}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// Cron is the module cron.
func Cron() module.Module { return module.New(cronSpec, planCron) }

// scriptCrontab prints a crontab of $1 (of the identity without it).
const scriptCrontab = `command -v crontab >/dev/null || exit 127
if [ -n "$1" ]; then crontab -u "$1" -l; else crontab -l; fi`

const cronMark = "#Ansible: "

// cronTab is one crontab on its way to what is asked.
type cronTab struct {
	cronArgs
	file string // "" for a user's
	// unknown is what crontab says of a user who is not there, "" for one who is.
	unknown string
	real    string // where file leads
	whose   string // the user to name to crontab, "" for the identity's own
	old     string
	had     bool // the file is there
	lines   []string
	warn    []string
}

func planCron(a cronArgs, in module.Inputs, v state.View) (module.Change, error) {
	c := &cronTab{cronArgs: a}
	if err := c.check(); err != nil {
		return module.Change{}, err
	}
	if need, missing, err := c.read(v); missing {
		return need, err
	}
	before := slices.Clone(c.lines)
	changed, gone, err := c.edit()
	if err != nil {
		return module.Change{}, err
	}
	out := c.change(in, before, changed, gone)
	return out, c.refused(in, out)
}

// refused is the failure that writing would be met with, where a dry run can tell: the
// user is not there.
func (c *cronTab) refused(in module.Inputs, out module.Change) error {
	if c.unknown == "" || !in.Check || len(out.Ops) == 0 {
		return nil
	}
	f := module.Fail(c.unknown)
	f.Dry = out.Result
	return f
}

var plainFile = lazyregexp.New(`^[A-Za-z0-9_-]+$`)

// check looks at what does not depend on the host.
func (c *cronTab) check() error {
	if c.File != "" {
		if c.File == "/etc/crontab" {
			return module.Fail("Will not manage /etc/crontab via cron_file, see documentation.")
		}
		if c.file = c.File; !path.IsAbs(c.file) {
			c.file = path.Join("/etc/cron.d", c.file)
		}
		if base := path.Base(c.File); !plainFile().MatchString(base) {
			c.warn = append(c.warn, `Filename portion of cron_file ("`+base+`") should consist solely of upper- and lower-case letters, digits, underscores, and hyphens`)
		}
	}
	timed := slices.ContainsFunc([]string{c.Minute, c.Hour, c.Day, c.Month, c.Weekday}, func(s string) bool { return s != "*" })
	switch {
	case c.Special != "" && timed:
		return module.Fail("You must specify time and date fields or special time.")
	case c.State == "absent":
	case c.File != "" && c.User == "":
		return module.Fail("To use cron_file=... parameter you must specify user=... as well")
	case !c.Job.Given():
		return module.Fail("You must specify 'job' to install a new cron job or variable")
	case (c.InsertAfter != "" || c.InsertBefore != "") && !c.Env:
		return module.Fail("Insertafter and insertbefore parameters are valid only with env=yes")
	}
	if c.Env && strings.Contains(c.Name, " ") {
		return module.Fail("Invalid name for environment variable")
	}
	return nil
}

// paths are where crontab looks; another user's also needs the user to be there.
func (c *cronTab) paths() []string {
	all := []string{"/var/spool/cron", "/etc/crontabs", "/etc/cron.allow", "/etc/cron.deny", "/etc/pam.d", "/etc/security"}
	if c.whose != "" && c.whose != "root" {
		all = append(all, "/etc/passwd", "/etc/nsswitch.conf")
	}
	return all
}

// read takes the crontab's text in.
func (c *cronTab) read(v state.View) (module.Change, bool, error) {
	g := module.Gathering(v)
	if c.file != "" {
		f := g.File(c.file, state.WantContent)
		if need, missing, err := g.Missing(); missing {
			return need, true, err
		}
		c.old, c.real, c.had = string(f.Content), f.Resolved, f.IsRegular()
		c.lines = lines(c.old)
		return module.Change{}, false, nil
	}
	login := g.Login()
	if need, missing, err := g.Missing(); missing {
		return need, true, err
	}
	if c.User != login.User {
		c.whose = c.User
	}
	out := g.OutputUnder(c.paths(), scriptCrontab, c.whose)
	if need, missing, err := g.Missing(); missing {
		return need, true, err
	}
	switch out.RC {
	case 0:
	case 1: // there is none
		out.Stdout = ""
		if strings.Contains(out.Stderr, "unknown") {
			c.unknown = out.Stderr
		}
	case 127:
		return module.Change{}, true, module.Fail(`Failed to find required executable "crontab" in paths of the host`)
	default:
		return module.Change{}, true, module.Fail("Unable to read crontab: " + strings.TrimSpace(out.Stderr))
	}
	c.take(out.Stdout)
	return module.Change{}, false, nil
}

var cronHeads = lazyregexp.New(`^# (DO NOT EDIT THIS FILE - edit the master and reinstall.|\(/tmp/.*installed on.*\)|\(.*version.*\))`)

// take reads the text without the comments that some crontab programs put in
// front of it.
func (c *cronTab) take(text string) {
	c.old = text
	for i, l := range lines(text) {
		if i <= 2 && cronHeads().MatchString(l) {
			c.old = strings.Replace(c.old, l+"\n", "", 1)
			continue
		}
		c.lines = append(c.lines, l)
	}
}

// lines are the lines of a text without their ends.
func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// edit makes the lines as asked; gone tells that the whole file goes.
func (c *cronTab) edit() (changed, gone bool, err error) {
	want := c.State == "present"
	if c.Env {
		changed, err = c.editEnv(want)
	} else if want {
		changed = c.editJob()
	} else if _, _, ok := c.find(""); ok {
		c.replace()
		changed = true
		gone = c.file != "" && strings.TrimSpace(strings.Join(c.lines, "")) == ""
	}
	return changed || c.old != "" && !strings.HasSuffix(c.old, "\n") && !strings.HasSuffix(c.old, "\r"), gone, err
}

func (c *cronTab) editEnv(want bool) (bool, error) {
	at := func(name string) int {
		return slices.IndexFunc(c.lines, func(l string) bool { return strings.HasPrefix(l, name+"=") })
	}
	i, decl := at(c.Name), c.Name+`="`+c.Job.Or("")+`"`
	switch {
	case !want && i < 0, want && i >= 0 && c.lines[i] == decl:
		return false, nil
	case i >= 0:
		var out []string
		for _, l := range c.lines {
			if !strings.HasPrefix(l, c.Name+"=") {
				out = append(out, l)
			} else if want {
				out = append(out, decl)
			}
		}
		c.lines = out
		return true, nil
	}
	other, behind := c.InsertBefore, 0
	if c.InsertAfter != "" {
		other, behind = c.InsertAfter, 1
	}
	place := 0
	if other != "" {
		if place = at(other); place < 0 {
			return false, module.Fail("Variable named '" + other + "' not found.")
		}
		place += behind
	}
	c.lines = slices.Insert(c.lines, place, decl)
	return true, nil
}

func (c *cronTab) editJob() bool {
	job := c.line()
	old, fresh, ok := c.find(job)
	switch {
	case !ok:
		c.lines = append(c.lines, cronMark+c.Name, job)
	case old == job && !fresh:
		return false
	default:
		c.replace(cronMark+c.Name, job)
	}
	return true
}

// line is the job as it stands in the crontab.
func (c *cronTab) line() string {
	job := strings.Trim(c.Job.Or(""), "\r\n")
	if strings.ContainsAny(job, "\r\n") {
		c.warn = append(c.warn, "Job should not contain line breaks")
	}
	var f []string
	if c.Special != "" {
		f = []string{"@" + c.Special}
	} else {
		f = []string{c.Minute, c.Hour, c.Day, c.Month, c.Weekday}
	}
	if c.file != "" {
		f = append(f, c.User)
	}
	line := strings.Join(append(f, job), " ")
	if c.Disabled {
		return "#" + line
	}
	return line
}

// find looks the job up by name; a job that stands there without a name gets
// it (fresh).
func (c *cronTab) find(job string) (line string, fresh, ok bool) {
	comment, open := "", false
	for _, l := range c.lines {
		if open {
			if comment == c.Name {
				return l, false, true
			}
			open = false
		} else if rest, is := strings.CutPrefix(l, cronMark); is {
			comment, open = rest, true
		}
	}
	if job == "" {
		return "", false, false
	}
	for i, l := range c.lines {
		if l != job {
			continue
		}
		switch above := c.lines[(i+len(c.lines)-1)%len(c.lines)]; {
		case !strings.HasPrefix(above, cronMark):
			c.lines = slices.Insert(c.lines, i, cronMark+c.Name)
			return l, true, true
		case i > 0 && above == cronMark+"None":
			c.lines[i-1] = cronMark + c.Name
			return l, true, true
		}
	}
	return "", false, false
}

// replace puts lines in place of the job's comment and the line behind it.
func (c *cronTab) replace(with ...string) {
	var out []string
	skip := false
	for _, l := range c.lines {
		switch {
		case skip:
			out = append(out, with...)
			skip = false
		case l == cronMark+c.Name:
			skip = true
		default:
			out = append(out, l)
		}
	}
	c.lines = out
}

// render writes lines as a crontab.
func render(lines []string) string {
	text := strings.Join(lines, "\n")
	if text == "" {
		return ""
	}
	return strings.TrimRight(text, "\r\n") + "\n"
}

// change makes the operations and the result.
func (c *cronTab) change(in module.Inputs, before []string, changed, gone bool) module.Change {
	out := module.Change{Warnings: c.warn}
	text := render(c.lines)
	if gone {
		out.Ops = []state.Op{state.Remove{Path: c.file}}
		out.Result = value.M("changed", c.had, "cron_file", c.File, "state", c.State)
		if in.Diff {
			out.Diff = state.Diff{{BeforeHeader: c.file, AfterHeader: "/dev/null", Before: c.old}}
		}
		return out
	}
	out.Result = value.M("changed", changed, "jobs", c.names(jobName), "envs", c.names(envName))
	if c.File != "" {
		out.Result.Set("cron_file", value.String(c.File))
	}
	if !changed {
		return out
	}
	if in.Diff {
		head := c.file
		if head == "" {
			if head = "crontab"; c.User != "" {
				head += ` for user "` + c.User + `"`
			}
		}
		out.Diff = state.Diff{{BeforeHeader: head, AfterHeader: head, Before: c.old, After: text}}
	}
	if c.Backup {
		kept, mode := "/tmp/crontab"+hex.EncodeToString(in.Seed[:4]), uint32(0o600)
		out.Ops = append(out.Ops, state.WriteFile{Path: kept, Content: state.Bytes([]byte(render(before))), Attrs: state.Attrs{Mode: &mode}})
		out.Result.Set("backup_file", value.String(kept))
	}
	if c.file != "" {
		w := state.WriteFile{Path: c.real, Content: state.Bytes([]byte(text))}
		if mode := uint32(0o644); !c.had {
			w.Attrs.Mode = &mode
		}
		out.Ops = append(out.Ops, w)
		return out
	}
	argv := []string{"crontab"}
	if c.whose != "" {
		argv = append(argv, "-u", c.whose)
	}
	out.Ops = append(out.Ops, state.Exec{Argv: append(argv, "-"), Stdin: []byte(text), HasStdin: true, Env: []string{"LC_ALL=C"}})
	done := module.Change{Result: out.Result, Warnings: c.warn}
	out.Then = func(_ state.View, did []state.OpResult) (module.Change, error) {
		if r := did[len(did)-1]; r.RC != 0 {
			return module.Change{}, module.Fail(string(r.Stderr))
		}
		return done, nil
	}
	return out
}

func jobName(l string) (string, bool) { return strings.CutPrefix(l, cronMark) }

var envLine = lazyregexp.New(`^\S+=`)

func envName(l string) (string, bool) {
	if !envLine().MatchString(l) {
		return "", false
	}
	name, _, _ := strings.Cut(l, "=")
	return name, true
}

func (c *cronTab) names(of func(string) (string, bool)) value.Value {
	out := []string{}
	for _, l := range c.lines {
		if name, ok := of(l); ok {
			out = append(out, name)
		}
	}
	return value.Strings(out...).MarkDeep(value.Unsafe)
}
