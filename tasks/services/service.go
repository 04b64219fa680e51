package services

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type serviceArgs struct {
	Name      string           `arg:"name"`
	State     string           `arg:"state"`
	Enabled   module.Opt[bool] `arg:"enabled"`
	Pattern   string           `arg:"pattern"`
	Sleep     int              `arg:"sleep"`
	Runlevel  string           `arg:"runlevel"`
	Arguments string           `arg:"arguments"`
	Use       string           `arg:"use"`

	Masked       module.Opt[bool]   `arg:"masked"`
	Force        module.Opt[bool]   `arg:"force"`
	DaemonReload module.Opt[bool]   `arg:"daemon_reload"`
	DaemonReexec module.Opt[bool]   `arg:"daemon_reexec"`
	Scope        module.Opt[string] `arg:"scope"`
	NoBlock      module.Opt[bool]   `arg:"no_block"`
}

// ofSystemd are the arguments that only hosts with systemd know, those that were given.
func (a serviceArgs) ofSystemd() []string {
	var given []string
	for _, x := range []struct {
		name  string
		given bool
	}{
		{"daemon_reexec", a.DaemonReexec.Given()}, {"daemon_reload", a.DaemonReload.Given()}, {"force", a.Force.Given()},
		{"masked", a.Masked.Given()}, {"no_block", a.NoBlock.Given()}, {"scope", a.Scope.Given()},
	} {
		if x.given {
			given = append(given, x.name)
		}
	}
	return given
}

// systemd are the arguments as the module systemd gets them.
func (a serviceArgs) systemd() systemdArgs {
	return systemdArgs{Name: a.Name, State: a.State, Enabled: a.Enabled, Masked: a.Masked, Force: a.Force.Or(false),
		DaemonReload: a.DaemonReload.Or(false), DaemonReexec: a.DaemonReexec.Or(false), Scope: a.Scope.Or("system"), NoBlock: a.NoBlock.Or(false)}
}

var serviceReturns = []module.Return{
	{Name: "name", Type: "str", When: "always", Doc: "The service."},
	{Name: "state", Type: "str", When: "a state was asked", Doc: "started or stopped: how it is now."},
	{Name: "enabled", Type: "bool", When: "enabled was asked", Doc: "Whether it starts with the host."},
}

// Service controls services of any manager.
func Service() module.Module {
	return module.New(module.Spec{
		Name:    "service",
		Summary: "Starts, stops and enables services",
		Doc: `Finds out whether the host runs systemd, OpenRC, Upstart or init scripts, and uses it.
On hosts with systemd it is the module systemd, whose arguments it hands on; elsewhere these are refused.`,
		Args: []module.Arg{
			{Name: "name", Doc: "The service."},
			{Name: "state", Choices: []string{"reloaded", "restarted", "started", "stopped"}, Doc: "Started and stopped do nothing when it is so already; restarted always restarts; reloaded always reloads, or starts what does not run."},
			{Name: "enabled", Type: module.Bool, Doc: "Whether it starts with the host."},
			{Name: "pattern", Doc: "Text to look for in the list of processes, where a service cannot tell whether it runs. Not for systemd."},
			{Name: "sleep", Type: module.Int, Doc: "Seconds between stop and start of a restart. Not for systemd."},
			{Name: "runlevel", Default: "default", Doc: "The runlevel of OpenRC that is meant by enabled."},
			{Name: "arguments", Aliases: []string{"args"}, Default: "", Doc: "More words for the init script. Not for systemd."},
			{Name: "use", Default: "auto", Doc: "The manager: auto, systemd, openrc, sysvinit, upstart."},
			{Name: "masked", Type: module.Bool, Doc: "Whether it cannot be started at all. Only for systemd."},
			{Name: "force", Type: module.Bool, Doc: "Replace links that stand in the way. Only for systemd."},
			{Name: "daemon_reload", Aliases: []string{"daemon-reload"}, Type: module.Bool, Doc: "Read unit files again first; alone, it needs no name. Only for systemd."},
			{Name: "daemon_reexec", Aliases: []string{"daemon-reexec"}, Type: module.Bool, Doc: "Start systemd anew first. Only for systemd."},
			{Name: "scope", Choices: []string{"system", "user", "global"}, Doc: "Units of the system, of the user's own manager, or of all users' managers. Only for systemd."},
			{Name: "no_block", Type: module.Bool, Doc: "Do not wait for the operation to end. Only for systemd."},
		},
		RequiredOneOf: [][]string{{"name", "daemon_reload", "daemon_reexec"}},
		Returns:       serviceReturns,
		Examples: `- service:
    name: docker
    state: started
    enabled: true`,
		Traits: module.Traits{Reach: state.ReachHost},
	}, planService)
}

func planService(a serviceArgs, in module.Inputs, v state.View) (module.Change, error) {
	use, err := manager(a.Use)
	if err != nil {
		return module.Change{}, err
	}
	own := a.State != "" || a.Enabled.Given()
	if more := a.ofSystemd(); !own && len(more) == 0 {
		return module.Change{}, module.Fail("one of the following is required: state, enabled")
	}
	q := state.Service{Name: a.Name, Use: use, Processes: a.Pattern != "", Arguments: a.Arguments}
	i, known, err := state.AskAs[state.ServiceInfo](v, q)
	if err != nil {
		return module.Change{}, err
	}
	if !known {
		return module.Need(q), nil
	}
	switch i.Manager {
	case "":
		return module.Change{}, module.Fail("cannot find 'service' binary or init script for service,  possible typo in service name?, aborting")
	case state.Systemd:
		u, err := newUnit(a.systemd())
		if err != nil {
			return module.Change{}, err
		}
		for _, unused := range []struct{ name, given string }{
			{"pattern", a.Pattern}, {"sleep", nonZero(a.Sleep)}, {"arguments", a.Arguments},
		} {
			if unused.given != "" {
				u.warn = append(u.warn, `Ignoring "`+unused.name+`" as it is not used in "systemd"`)
			}
		}
		switch first := u.readAgain(in.Check); {
		case len(first) > 0:
			return u.after(first, v)
		case u.scope != "" || a.Name == "":
			return u.plan(v)
		}
		return u.change(i)
	}
	if more := a.ofSystemd(); len(more) > 0 {
		return module.Change{}, module.Fail("Unsupported parameters for (service) module: " + strings.Join(more, ", ") +
			". Supported parameters include: arguments, enabled, name, pattern, runlevel, sleep, state (args).")
	}
	if !i.Exists {
		return module.Change{}, module.Fail("Could not find the requested service " + a.Name + ": ") // where systemd is, the sentence goes on
	}
	s := &script{args: a, info: i}
	return s.plan()
}

func nonZero(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// script is a service of a manager other than systemd.
type script struct {
	args serviceArgs
	info state.ServiceInfo
}

func (s *script) plan() (module.Change, error) {
	a := s.args
	result := value.M("name", a.Name, "changed", false)
	var steps []step
	if want, given := a.Enabled.Get(); given {
		enable, err := s.enable(want)
		if err != nil {
			return module.Change{}, err
		}
		steps = append(steps, enable...)
		result.Set("enabled", value.Bool(want))
	}
	if a.State != "" {
		act, err := s.control()
		if err != nil {
			return module.Change{}, err
		}
		steps = append(steps, act...)
		result.Set("state", value.String(settled(a.State, true)))
	}
	result.Set("changed", value.Bool(len(steps) > 0))
	return inOrder(steps, result, nil), nil
}

// running tells whether the service runs, by the list of processes where a
// pattern was given.
func (s *script) running() (running, known bool) {
	if s.args.Pattern == "" {
		return s.info.Active, s.info.ActiveKnown
	}
	return slices.ContainsFunc(s.info.Processes, func(l string) bool {
		return strings.Contains(l, s.args.Pattern) && !strings.Contains(l, "pattern=")
	}), true
}

// control gives the steps that bring the service into the state asked.
func (s *script) control() ([]step, error) {
	running, known := s.running()
	if !known {
		return nil, module.Fail("failed determining service state, possible typo of service name?")
	}
	verb := actions[s.args.State]
	switch s.args.State {
	case "started":
		if running {
			return nil, nil
		}
	case "stopped":
		if !running {
			return nil, nil
		}
	case "reloaded":
		if !running {
			verb = "start"
		}
	}
	return []step{{shell: s.command(verb), fail: func(r state.OpResult) *module.Failure { return module.Fail(said(r)) }}}, nil
}

// command is the shell text for an action. Not every init script knows restart:
// it is a stop and a start, which decides, except where only OpenRC is asked.
func (s *script) command(verb string) string {
	name := quote(s.args.Name)
	call := func(verb string) string {
		var words []string
		switch {
		case s.info.Manager == state.Upstart:
			words = []string{"initctl", verb, name}
		case s.info.Manager == state.OpenRC:
			words = []string{"rc-service", name, verb}
		case s.info.Has("service"):
			words = []string{"service", name, verb}
		default:
			words = []string{quote(s.info.Script), verb}
		}
		if s.args.Arguments != "" {
			for w := range strings.FieldsSeq(s.args.Arguments) {
				words = append(words, quote(w))
			}
		}
		return strings.Join(words, " ")
	}
	switch {
	case s.info.Manager == state.OpenRC && verb == "start" && s.info.Crashed:
		return call("zap") + "; " + call("start")
	case s.info.Manager == state.OpenRC || verb != "restart":
		return call(verb)
	case s.args.Sleep > 0:
		return fmt.Sprintf("%s; a=$?; sleep %d; %s; b=$?; [ $b = 0 ] && a=0; exit $((a + b))", call("stop"), s.args.Sleep, call("start"))
	}
	return fmt.Sprintf("%s; a=$?; %s; b=$?; [ $b = 0 ] && a=0; exit $((a + b))", call("stop"), call("start"))
}

// enable gives the steps that make the service start with the host, or not.
func (s *script) enable(want bool) ([]step, error) {
	name := s.args.Name
	fail := func(verb string) func(state.OpResult) *module.Failure {
		return func(r state.OpResult) *module.Failure {
			if len(r.Stderr) > 0 {
				return module.Fail(fmt.Sprintf("Error when trying to %s %s: rc=%d %s", verb, name, r.RC, r.Stderr))
			}
			return module.Fail(fmt.Sprintf("Failure for %s %s: rc=%d %s", verb, name, r.RC, r.Stdout))
		}
	}
	one := func(argv ...string) []step { return []step{{argv: argv, fail: fail(argv[len(argv)-1])}} }
	pick := func(yes, no string) string { return map[bool]string{true: yes, false: no}[want] }
	i := s.info
	switch {
	case i.Manager == state.OpenRC && i.Has("rc-update"):
		if slices.Contains(i.Runlevels, s.args.Runlevel) == want {
			return nil, nil
		}
		verb := pick("add", "delete")
		return []step{{argv: []string{"rc-update", verb, name, s.args.Runlevel}, fail: fail(verb)}}, nil
	case i.Manager == state.Upstart:
		return s.upstart(want)
	case i.Manager != state.SysV || i.Script == "":
	case i.Has("update-rc.d"):
		switch {
		case i.Enabled == want:
			return nil, nil
		case want && !i.Stops:
			return append(one("update-rc.d", name, "defaults"), one("update-rc.d", name, "enable")...), nil
		}
		return one("update-rc.d", name, pick("enable", "disable")), nil
	case i.Has("insserv"):
		if i.Enabled == want {
			return nil, nil
		}
		if want {
			return one("insserv", name), nil
		}
		return one("insserv", "-r", name), nil
	case i.Has("chkconfig"):
		switch {
		case !i.EnabledKnown:
			return nil, module.Fail("service " + name + " does not support chkconfig")
		case i.Enabled == want:
			return nil, nil
		}
		return one("chkconfig", name, pick("on", "off")), nil
	}
	return nil, module.Fail("cannot detect command to enable service " + name + ", typo or init system potentially unknown")
}

// upstart disables a job by a line in its override file.
func (s *script) upstart(want bool) ([]step, error) {
	isManual := func(text string) bool {
		return slices.ContainsFunc(strings.Split(text, "\n"), func(l string) bool {
			return strings.EqualFold(strings.TrimRight(l, " \t"), "manual")
		})
	}
	if isManual(s.info.Conf) {
		return nil, module.Fail("manual stanza not supported in a .conf file")
	}
	if isManual(s.info.Override) != want {
		return nil, nil
	}
	file := quote("/etc/init/" + s.args.Name + ".override")
	text := "echo manual >>" + file
	if want {
		text = "sed -i '/^[Mm][Aa][Nn][Uu][Aa][Ll][[:space:]]*$/d' " + file
	}
	return []step{{shell: text, fail: func(state.OpResult) *module.Failure { return module.Fail("Could not modify override file") }}}, nil
}
