package system

import (
	"path"
	"slices"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
)

type cronVarArgs struct {
	Name         string             `arg:"name"`
	Value        module.Opt[string] `arg:"value"`
	User         string             `arg:"user"`
	File         string             `arg:"cron_file"`
	State        string             `arg:"state"`
	Backup       bool               `arg:"backup"`
	InsertAfter  string             `arg:"insertafter"`
	InsertBefore string             `arg:"insertbefore"`
}

var cronVarSpec = module.Spec{
	Name:    "cronvar",
	Aliases: []string{"community.general.cronvar"},
	Summary: "Have a variable in a crontab, or not",
	Doc:     "Keeps one variable of a user's crontab, or of a file in /etc/cron.d. A value is written as it is given, without quotes.",
	Args: []module.Arg{
		{Name: "name", Required: true, Doc: "The variable."},
		{Name: "value", Doc: "Its value."},
		{Name: "user", Doc: "Whose crontab."},
		{Name: "cron_file", Type: module.Path, Doc: "A file in place of a user's crontab, below /etc/cron.d when it is relative."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether the variable is to be there."},
		{Name: "backup", Type: module.Bool, Default: false, Doc: "Keep the old crontab in a file below /tmp."},
		{Name: "insertafter", Doc: "A new one goes behind this variable."},
		{Name: "insertbefore", Doc: "A new one goes in front of this variable; without either it goes to the top."},
	},
	MutuallyExclusive: [][]string{{"insertafter", "insertbefore"}},
	Returns: []module.Return{
		{Name: "vars", Type: "list", When: "always", Doc: "The names of the variables."},
		{Name: "cron_file", Type: "str", When: "cron_file is given", Doc: "The file, as given."},
		{Name: "backup_file", Type: "str", When: "backup, and something changed", Doc: "Where the old crontab is."},
	},
	Examples: "- cronvar: {name: MAILTO, value: ops@example.org}\n",
	Traits:   module.Traits{RunOnly: true, Reach: state.ReachHost},
}

// CronVar is the module cronvar.
func CronVar() module.Module { return module.New(cronVarSpec, planCronVar) }

// cronVarLine is a variable of a crontab: a name, quoted or not, and a value.
var cronVarLine = lazyregexp.New(`^\s*("[^"]*"|'[^']*'|[^\s="'#][^="']*?)\s*=\s*(.*?)\s*$`)

func planCronVar(a cronVarArgs, in module.Inputs, v state.View) (module.Change, error) {
	if a.State == "present" && !a.Value.Given() {
		return module.Change{}, module.Fail("You must specify 'value' to insert a new cron variable")
	}
	c := &cronTab{cronArgs: cronArgs{Name: a.Name, User: a.User, File: a.File, State: a.State, Backup: a.Backup}}
	if c.file = a.File; a.File != "" && !path.IsAbs(a.File) {
		c.file = path.Join("/etc/cron.d", a.File)
	}
	if need, missing, err := c.read(v); missing {
		return need, err
	}
	if c.file != "" && !c.had {
		g := module.Gathering(v)
		dir := g.File(path.Dir(c.file), 0)
		if need, missing, err := g.Missing(); missing {
			return need, err
		}
		if !dir.IsDir() && a.State == "present" {
			return module.Change{}, module.Fail("Parent directory '" + path.Dir(c.file) + "' does not exist for cron_file: '" + a.File + "'")
		}
	}
	before := slices.Clone(c.lines)
	changed, err := a.edit(c)
	if err != nil {
		return module.Change{}, err
	}
	out := c.change(in, before, changed, false)
	out.Result.Delete("jobs")
	out.Result.Delete("envs")
	out.Result.Set("vars", c.names(func(l string) (string, bool) {
		m := cronVarLine().FindStringSubmatch(l)
		if m == nil {
			return "", false
		}
		return m[1], true
	}))
	return out, c.refused(in, out)
}

// edit makes the lines as asked.
func (a cronVarArgs) edit(c *cronTab) (bool, error) {
	is := func(name string) func(string) bool {
		return func(l string) bool {
			m := cronVarLine().FindStringSubmatch(l)
			return m != nil && m[1] == name
		}
	}
	text := a.Value.Or("")
	if text == "" {
		text = `""` // crontab refuses a line that ends in the equals sign
	}
	line := a.Name + "=" + text
	i := slices.IndexFunc(c.lines, is(a.Name))
	switch {
	case a.State == "absent":
		c.lines = slices.DeleteFunc(c.lines, is(a.Name))
		return i >= 0, nil
	case i >= 0:
		if m := cronVarLine().FindStringSubmatch(c.lines[i]); m[2] == text {
			return false, nil
		}
		for j, l := range c.lines {
			if is(a.Name)(l) {
				c.lines[j] = line
			}
		}
		return true, nil
	}
	place := 0
	if other := a.InsertAfter + a.InsertBefore; other != "" {
		if place = slices.IndexFunc(c.lines, is(other)); place < 0 {
			return false, module.Fail("Variable named '" + other + "' not found.")
		}
		if a.InsertAfter != "" {
			place++
		}
	}
	c.lines = slices.Insert(c.lines, place, line)
	return true, nil
}
