package system

import (
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type atArgs struct {
	Command    module.Opt[string] `arg:"command"`
	ScriptFile module.Opt[string] `arg:"script_file"`
	Count      module.Opt[int]    `arg:"count"`
	Units      string             `arg:"units"`
	State      string             `arg:"state"`
	Unique     bool               `arg:"unique"`
}

var atSpec = module.Spec{
	Name:    "at",
	Aliases: []string{"ansible.posix.at"},
	Summary: "Have a command run once, some time from now",
	Doc:     "Gives a command or a script of the host to at, or takes the jobs that hold it away.",
	Args: []module.Arg{
		{Name: "command", Doc: "The command."},
		{Name: "script_file", Doc: "A script on the host, in place of command."},
		{Name: "count", Type: module.Int, Doc: "In how many units it is to run."},
		{Name: "units", Choices: []string{"minutes", "hours", "days", "weeks"}, Doc: "The unit of count."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether it is to be run. absent takes away every job that holds the command."},
		{Name: "unique", Type: module.Bool, Default: false, Doc: "Add nothing when there is such a job already."},
	},
	MutuallyExclusive: [][]string{{"command", "script_file"}},
	RequiredOneOf:     [][]string{{"command", "script_file"}},
	Returns: []module.Return{
		{Name: "state", Type: "str", When: "always", Doc: "As asked."},
		{Name: "script_file", Type: "str", When: "a job of a script was added", Doc: "The script."},
		{Name: "count", Type: "int", When: "a job was added", Doc: "As asked."},
		{Name: "units", Type: "str", When: "a job was added", Doc: "As asked."},
	},
	Examples: "- at: {command: reboot, count: 10, units: minutes, unique: true}\n",
	Traits:   module.Traits{RunOnly: true, Reach: state.ReachHost, Opaque: true},
}

// At is the module at.
func At() module.Module { return module.New(atSpec, planAt) }

// findJobs prints the numbers of the jobs that hold the text $1. It returns 127
// where there is no at.
const findJobs = `command -v at >/dev/null 2>&1 && command -v atq >/dev/null 2>&1 || exit 127
jobs=$(atq) || exit
printf '%s\n' "$jobs" | while read -r n _; do
  [ "$n" ] || continue
  case $(at -c "$n") in *"$1"*) echo "$n" ;; esac
done`

func planAt(a atArgs, _ module.Inputs, v state.View) (module.Change, error) {
	count, _ := a.Count.Get()
	if a.State == "present" && (count == 0 || a.Units == "") {
		return module.Change{}, module.Fail("present state requires count and units")
	}
	g := module.Gathering(v)
	text := a.Command.Or("")
	if p, ok := a.ScriptFile.Get(); ok {
		f := g.File(g.Path(p), state.WantContent)
		if g.Complete() && !f.IsRegular() {
			return module.Change{}, module.Fail("script_file " + p + " is no file of the host")
		}
		text = string(f.Content)
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	found := g.Output(findJobs, strings.TrimSpace(text))
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	switch found.RC {
	case 0:
	case 127:
		return module.Change{}, module.Fail(`Failed to find required executable "at"`)
	default:
		return module.Change{}, module.Fail(found.Stderr, "rc", found.RC)
	}
	jobs := strings.Fields(found.Stdout)
	run := state.Exec{Argv: append([]string{"at", "-r"}, jobs...), Env: []string{"LC_ALL=C"}}
	result := value.M("changed", true, "state", a.State)
	switch {
	case a.State == "absent" && len(jobs) == 0, a.State == "present" && a.Unique && len(jobs) > 0:
		return module.OK("state", a.State), nil
	case a.State == "present":
		run.Argv = []string{"at", "now", "+", strconv.Itoa(count), a.Units}
		run.Stdin, run.HasStdin = []byte(strings.TrimSuffix(text, "\n")+"\n"), true
		result.Set("count", value.Int(int64(count)))
		result.Set("units", value.String(a.Units))
		if p, ok := a.ScriptFile.Get(); ok {
			result.Set("script_file", value.String(p))
		}
	}
	return module.Change{Ops: []state.Op{run}, Result: result, Then: func(_ state.View, did []state.OpResult) (module.Change, error) {
		if r := did[len(did)-1]; r.RC != 0 {
			return module.Change{}, module.Fail(string(r.Stderr), "rc", r.RC, "stdout", string(r.Stdout), "stderr", string(r.Stderr))
		}
		return module.Change{Result: result}, nil
	}}, nil
}
