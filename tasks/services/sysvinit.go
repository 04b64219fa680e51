package services

import (
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type sysvArgs struct {
	Name      string             `arg:"name"`
	State     string             `arg:"state"`
	Enabled   module.Opt[bool]   `arg:"enabled"`
	Sleep     int                `arg:"sleep"`
	Pattern   string             `arg:"pattern"`
	Arguments module.Opt[string] `arg:"arguments"`
	Runlevels []string           `arg:"runlevels"`
}

var sysvSpec = module.Spec{
	Name:    "sysvinit",
	Summary: "Starts, stops and enables services by their init scripts",
	Doc:     "Runs the script in /etc/init.d, whatever else manages services on the host.",
	Args: []module.Arg{
		{Name: "name", Aliases: []string{"service"}, Required: true, Doc: "The service."},
		{Name: "state", Choices: []string{"started", "stopped", "restarted", "reloaded"}, Doc: "Started and stopped do nothing when it is so already; restarted stops and starts; reloaded always reloads."},
		{Name: "enabled", Type: module.Bool, Doc: "Whether it starts with the host."},
		{Name: "sleep", Type: module.Int, Default: 1, Doc: "Seconds to wait behind the stop and the start of a restart."},
		{Name: "pattern", Doc: "Text to look for in the list of processes, where the script cannot tell whether it runs."},
		{Name: "arguments", Aliases: []string{"args"}, Doc: "More words for the script."},
		{Name: "runlevels", Type: module.List, Elem: module.Str, Doc: "The runlevels that are meant by enabled."},
		{Name: "daemonize", Type: module.Bool, Default: false, Doc: "Accepted; what a script leaves running is not waited for."},
	},
	RequiredOneOf: [][]string{{"state", "enabled"}},
	Returns: []module.Return{
		{Name: "name", Type: "str", When: "always", Doc: "The service."},
		{Name: "status", Type: "dict", When: "always", Doc: "For enabled and for the state: whether it changed, and rc, stdout and stderr of what was run."},
	},
	Examples: "- sysvinit: {name: legacy, state: started, enabled: true, runlevels: [3, 5]}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// SysVInit controls services by their init scripts.
func SysVInit() module.Module { return module.New(sysvSpec, planSysV) }

// scriptRunlevels prints those of the runlevels behind $1 in which the service
// $1 is started.
const scriptRunlevels = `s=$1; shift
for l; do set -- /etc/rc"$l".d/S[0-9][0-9]"$s"; [ ! -e "$1" ] || echo "$l"; done`

// sysv is one task of the module.
type sysv struct {
	sysvArgs
	script
	status *value.Map
	still  *value.Map // the status of a single task in check mode
	cmds   []state.Exec
	parts  []string // which entry of the status each command belongs to
}

func planSysV(a sysvArgs, _ module.Inputs, v state.View) (module.Change, error) {
	q := state.Service{Name: a.Name, Use: state.SysV, Processes: a.Pattern != "", Arguments: a.Arguments.Or("")}
	i, known, err := state.AskAs[state.ServiceInfo](v, q)
	if err != nil {
		return module.Change{}, err
	}
	g := module.Gathering(v)
	var levels string
	if len(a.Runlevels) > 0 {
		levels = g.Output(scriptRunlevels, append([]string{a.Name}, a.Runlevels...)...).Stdout
	}
	if c, missing, err := g.Missing(); missing || !known {
		if !known {
			c.Need = append(c.Need, q)
		}
		return c, err
	}
	if !i.Exists || i.Script == "" {
		return module.Change{}, module.Fail("Could not find the requested service " + a.Name + ": ")
	}
	s := &sysv{sysvArgs: a, status: value.NewMap(), still: value.NewMap(), script: script{info: i, args: serviceArgs{Name: a.Name, State: a.State,
		Pattern: a.Pattern, Arguments: a.Arguments.Or("")}}}
	s.entry("enabled")
	s.entry(a.State)
	if err := s.enable(strings.Fields(levels)); err != nil {
		return module.Change{}, err
	}
	var warn []string
	if a.State != "" {
		warn = s.control()
	}
	return s.change(warn), nil
}

// entry makes the part of the status about what is asked; without a state the
// original has one under this name, too.
func (s *sysv) entry(name string) {
	if name == "" {
		name = "null"
	}
	e := value.M("changed", false, "rc", value.Null, "stdout", value.Null, "stderr", value.Null)
	if name == "enabled" && len(s.Runlevels) > 0 {
		e.Set("runlevels", value.Strings(s.Runlevels...))
	}
	s.status.Set(name, value.FromMap(e))
	s.still.Set(name, value.FromMap(e.Clone()))
}

func (s *sysv) do(part string, cmd state.Exec) {
	cmd.Env = english
	s.cmds, s.parts = append(s.cmds, cmd), append(s.parts, part)
	e, _ := s.status.Get(part)
	e.Map().Set("changed", value.Bool(true))
	said := e.Map().Clone()
	for _, k := range []string{"rc", "stdout", "stderr"} {
		said.Set(k, value.Null)
	}
	s.still.Set(part, value.FromMap(said))
	for _, k := range []string{"rc", "stdout", "stderr"} {
		e.Map().Set(k, module.Later())
	}
}

// enable notes what makes the service start with the host, or not; levels are
// those of the runlevels asked in which it does.
func (s *sysv) enable(levels []string) error {
	want, given := s.Enabled.Get()
	if !given {
		return nil
	}
	if len(s.Runlevels) == 0 {
		steps, err := s.script.enable(want)
		for _, st := range steps {
			s.do("enabled", state.Exec{Argv: st.argv, Shell: st.shell})
		}
		return err
	}
	if all := len(levels) == len(s.Runlevels); want && all || !want && len(levels) == 0 {
		return nil
	}
	verb, on := "disable", "off"
	if want {
		verb, on = "enable", "on"
	}
	switch {
	case s.info.Has("update-rc.d"):
		s.do("enabled", state.Exec{Argv: append([]string{"update-rc.d", s.Name, verb}, s.Runlevels...)})
	case s.info.Has("chkconfig"):
		s.do("enabled", state.Exec{Argv: []string{"chkconfig", "--level", strings.Join(s.Runlevels, ""), s.Name, on}})
	default:
		return module.Fail("cannot enable or disable service " + s.Name + " for runlevels: the host has neither update-rc.d nor chkconfig")
	}
	return nil
}

// control notes what brings the service into the state asked.
func (s *sysv) control() (warn []string) {
	running, known := s.running()
	if !known {
		warn = []string{"Unable to determine if service is up, assuming it is down"}
	}
	call := func(verb string) string {
		return module.Quote(s.info.Script) + " " + verb + " " + s.Arguments.Or("")
	}
	switch st := s.sysvArgs.State; {
	case st == "restarted":
		for _, verb := range []string{"stop", "start"} {
			s.do(st, state.Exec{Shell: fmt.Sprintf("%s; r=$?; [ $r != 0 ] || sleep %d; exit $r", call(verb), s.sysvArgs.Sleep)})
		}
	case st == "reloaded", st == "started" && !running, st == "stopped" && running:
		s.do(st, state.Exec{Shell: call(actions[st])})
	}
	return warn
}

func (s *sysv) change(warn []string) module.Change {
	result := value.M("changed", len(s.cmds) > 0, "name", s.Name, "status", s.status)
	c := module.Change{Result: result, Warnings: warn, Still: value.M("status", s.still)}
	return module.Steps(s.cmds, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		done := map[string]*value.Map{}
		for n, r := range did {
			done[s.parts[n]] = value.M("changed", true, "rc", r.RC, "stdout", string(r.Stdout), "stderr", string(r.Stderr))
			if r.RC != 0 {
				return module.Change{}, s.fail(s.parts[n], r)
			}
		}
		status := s.status.Clone()
		for part, m := range done {
			if part == "enabled" && len(s.Runlevels) > 0 {
				m.Set("runlevels", value.Strings(s.Runlevels...))
			}
			status.Set(part, value.FromMap(m).MarkDeep(value.Unsafe))
		}
		out := result.Clone()
		out.Set("status", value.FromMap(status))
		return module.Change{Result: out, Warnings: warn}, nil
	})
}

func (s *sysv) fail(part string, r state.OpResult) *module.Failure {
	kv := []any{"rc", r.RC, "stdout", string(r.Stdout), "stderr", string(r.Stderr), "name", s.Name}
	if part != "enabled" {
		return module.Fail("Failed to "+actions[part]+" service: "+s.Name, kv...)
	}
	if strings.Contains(string(r.Stderr), "illegal runlevel specified") {
		return module.Fail("Illegal runlevel specified for enable operation on service "+s.Name, kv...)
	}
	return module.Fail("Failed to enable or disable service "+s.Name+": "+said(r), kv...)
}
