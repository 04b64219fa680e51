package users

import (
	"path"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type sudoersArgs struct {
	Name       string             `arg:"name"`
	Commands   []string           `arg:"commands"`
	User       string             `arg:"user"`
	Group      string             `arg:"group"`
	Host       string             `arg:"host"`
	RunAs      module.Opt[string] `arg:"runas"`
	NoPassword bool               `arg:"nopassword"`
	NoExec     bool               `arg:"noexec"`
	SetEnv     bool               `arg:"setenv"`
	Folder     string             `arg:"sudoers_path"`
	State      string             `arg:"state"`
	Validation string             `arg:"validation"`
}

var sudoersSpec = module.Spec{
	Name:    "sudoers",
	Aliases: []string{"community.general.sudoers"},
	Summary: "Have a rule for sudo, or not",
	Doc:     "Keeps one rule in a file of its own in /etc/sudoers.d, with the mode 0440. visudo is asked first whether the rule can be read.",
	Args: []module.Arg{
		{Name: "name", Required: true, Doc: "The name of the file."},
		{Name: "commands", Type: module.List, Elem: module.Str, Doc: "The commands, with their paths, or ALL."},
		{Name: "user", Doc: "Who may run them; or give a group."},
		{Name: "group", Doc: "The group whose members may run them."},
		{Name: "host", Default: "ALL", Doc: "The hosts on which the rule holds."},
		{Name: "runas", Doc: "Whom they may be run as."},
		{Name: "nopassword", Type: module.Bool, Default: true, Doc: "Without asking for the password."},
		{Name: "noexec", Type: module.Bool, Default: false, Doc: "The commands may run no further programs."},
		{Name: "setenv", Type: module.Bool, Default: false, Doc: "The environment may be kept (sudo -E)."},
		{Name: "sudoers_path", Default: "/etc/sudoers.d", Doc: "The folder of the file."},
		{Name: "state", Choices: []string{"present", "absent"}, Default: "present", Doc: "Whether the rule is to be there."},
		{Name: "validation", Choices: []string{"absent", "detect", "required"}, Default: "detect", Doc: "Whether visudo looks at the rule: never, where there is one, or always."},
	},
	MutuallyExclusive: [][]string{{"user", "group"}},
	RequiredIf:        [][]string{{"state", "present", "commands"}},
	Examples:          "- sudoers: {name: backup, user: backup, commands: /usr/local/bin/backup}\n",
	Traits:            module.Traits{Reach: state.ReachPaths},
}

// Sudoers is the module sudoers.
func Sudoers() module.Module { return module.New(sudoersSpec, planSudoers) }

// scriptVisudo lets visudo judge the rule $1; it returns 127 where there is none.
const scriptVisudo = `command -v visudo >/dev/null || exit 127
printf %s "$1" | visudo -c -f - 2>&1`

const sudoersMode = 0o440

func planSudoers(a sudoersArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	file := path.Join(a.Folder, a.Name)
	f := g.File(file, state.WantContent)
	if a.State == "absent" {
		if c, missing, err := g.Missing(); missing {
			return c, err
		}
		c := module.Change{Result: value.M("changed", f.Exists())}
		if f.Exists() {
			c.Ops = []state.Op{state.Remove{Path: file}}
			c.Diff = state.Diff{{BeforeHeader: file, AfterHeader: "/dev/null", Before: string(f.Content)}}
		}
		return c, nil
	}
	if a.User == "" && a.Group == "" {
		return module.Change{}, module.Fail("user or group is needed: whose rule is it?")
	}
	rule := a.rule()
	judged := state.OutputInfo{}
	if a.Validation != "absent" {
		judged = g.Output(scriptVisudo, rule)
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	switch {
	case judged.RC == 127 && a.Validation == "required":
		return module.Change{}, module.Fail(`Failed to find required executable "visudo" in paths of the host`)
	case judged.RC != 0 && judged.RC != 127:
		return module.Change{}, module.Fail("Failed to validate sudoers rule:\n" + judged.Stdout)
	}
	mode := uint32(sudoersMode)
	if f.IsRegular() && string(f.Content) == rule && f.Followed.Mode&0o777 == mode {
		return module.OK(), nil
	}
	c := module.Change{Result: value.M("changed", true)}
	c.Ops = []state.Op{state.WriteFile{Path: f.Resolved, Content: state.Bytes([]byte(rule)), Attrs: state.Attrs{Mode: &mode}}}
	if in.Diff {
		c.Diff = state.Diff{{BeforeHeader: file, AfterHeader: file, Before: string(f.Content), After: rule}}
	}
	return c, nil
}

// rule is the line of the file.
func (a sudoersArgs) rule() string {
	who := a.User
	if who == "" {
		who = "%" + a.Group
	}
	as := ""
	if user, ok := a.RunAs.Get(); ok {
		as = "(" + user + ")"
	}
	for _, tag := range []struct {
		on   bool
		word string
	}{{a.NoPassword, "NOPASSWD:"}, {a.NoExec, "NOEXEC:"}, {a.SetEnv, "SETENV:"}} {
		if tag.on {
			as += tag.word
		}
	}
	return who + " " + a.Host + "=" + as + " " + strings.Join(a.Commands, ", ") + "\n"
}
