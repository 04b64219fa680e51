package services

import (
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type systemdArgs struct {
	Name         string           `arg:"name"`
	State        string           `arg:"state"`
	Enabled      module.Opt[bool] `arg:"enabled"`
	Masked       module.Opt[bool] `arg:"masked"`
	Force        bool             `arg:"force"`
	DaemonReload bool             `arg:"daemon_reload"`
	DaemonReexec bool             `arg:"daemon_reexec"`
	Scope        string           `arg:"scope"`
	NoBlock      bool             `arg:"no_block"`
}

// Systemd controls units of systemd.
func Systemd() module.Module {
	return module.New(module.Spec{
		Name: "systemd", Aliases: []string{"systemd_service", "ansible.builtin.systemd_service"},
		Summary: "Controls units of systemd",
		Doc:     `Starts, stops, enables and masks units, and makes systemd read its files again.`,
		Args: []module.Arg{
			{Name: "name", Aliases: []string{"service", "unit"}, Doc: "The unit; .service is added where there is no dot."},
			{Name: "state", Choices: []string{"reloaded", "restarted", "started", "stopped"}, Doc: "Started and stopped do nothing when it is so already; restarted always restarts; reloaded reloads, or starts what does not run."},
			{Name: "enabled", Type: module.Bool, Doc: "Whether it starts with the host."},
			{Name: "masked", Type: module.Bool, Doc: "Whether it cannot be started at all."},
			{Name: "force", Type: module.Bool, Doc: "Replace links that stand in the way."},
			{Name: "daemon_reload", Aliases: []string{"daemon-reload"}, Type: module.Bool, Default: false, Doc: "Read unit files again first. Does not count as a change."},
			{Name: "daemon_reexec", Aliases: []string{"daemon-reexec"}, Type: module.Bool, Default: false, Doc: "Start systemd anew first. Does not count as a change."},
			{Name: "scope", Default: "system", Choices: []string{"system", "user", "global"}, Doc: "Units of the system, of the user's own manager, or of all users' managers."},
			{Name: "no_block", Type: module.Bool, Default: false, Doc: "Do not wait for the operation to end."},
		},
		RequiredOneOf: [][]string{{"state", "enabled", "masked", "daemon_reload", "daemon_reexec"}},
		RequiredBy:    map[string][]string{"state": {"name"}, "enabled": {"name"}, "masked": {"name"}},
		Order:         [][]string{{"name", "changed", "status", "enabled", "state"}},
		Returns:       append([]module.Return{{Name: "status", Type: "dict", When: "a name is given", Doc: "What systemctl show said of the unit before."}}, serviceReturns...),
		Examples: `- systemd:
    name: chrony
    state: restarted
    daemon_reload: true`,
		Traits: module.Traits{Reach: state.ReachHost},
	}, planSystemd)
}

func planSystemd(a systemdArgs, in module.Inputs, v state.View) (module.Change, error) {
	u, err := newUnit(a)
	if err != nil {
		return module.Change{}, err
	}
	if first := u.readAgain(in.Check); len(first) > 0 {
		return u.after(first, v)
	}
	return u.plan(v)
}

func newUnit(a systemdArgs) (*unit, error) {
	if strings.ContainsAny(a.Name, "*?[") {
		g := a.Name[strings.IndexAny(a.Name, "*?[")]
		return nil, module.Fail(fmt.Sprintf(
			"This module does not currently support using glob patterns, found '%c' in service name: %s", g, a.Name))
	}
	u := &unit{args: a, systemctl: []string{"systemctl"}}
	if a.Scope != "system" {
		u.systemctl = append(u.systemctl, "--"+a.Scope)
		u.scope = a.Scope
	}
	if a.NoBlock {
		u.systemctl = append(u.systemctl, "--no-block")
	}
	if a.Force {
		u.systemctl = append(u.systemctl, "--force")
	}
	return u, nil
}

// readAgain are the steps that let systemd read its files again, none in check mode.
func (u *unit) readAgain(check bool) []step {
	var first []step
	for _, d := range []struct {
		want bool
		verb string
	}{{u.args.DaemonReload, "daemon-reload"}, {u.args.DaemonReexec, "daemon-reexec"}} {
		if d.want && !check {
			first = append(first, u.step(func(r state.OpResult) *module.Failure {
				return module.Fail(fmt.Sprintf("failure %d during %s: %s", r.RC, d.verb, r.Stderr))
			}, d.verb))
		}
	}
	return first
}

// unit is one run of the module.
type unit struct {
	args      systemdArgs
	systemctl []string
	scope     string
	// warn are warnings of the module that handed its arguments over.
	warn []string
}

// after makes the change whose first steps let systemd read its files; the unit
// is looked at again behind them.
func (u *unit) after(first []step, v state.View) (module.Change, error) {
	c, err := u.plan(v)
	if err != nil || len(c.Need) > 0 {
		if err == nil {
			return c, nil
		}
		// What fails now may be there once systemd has read its files.
		c = module.Change{Result: value.M("name", u.args.Name, "changed", module.Later(), "status", module.Later())}
	}
	s := first[0]
	return module.Change{
		Ops: []state.Op{state.Exec{Argv: s.argv, Shell: s.shell}}, Result: c.Result, Warnings: c.Warnings,
		Then: func(v state.View, did []state.OpResult) (module.Change, error) {
			if r := did[len(did)-1]; r.RC != 0 {
				return module.Change{}, s.fail(r)
			}
			if len(first) > 1 {
				return u.after(first[1:], v)
			}
			return u.plan(v)
		},
	}, nil
}

// step is a call of systemctl. A user's manager is found by a variable that
// logins by SSH set and others may not.
func (u *unit) step(fail func(state.OpResult) *module.Failure, words ...string) step {
	argv := append(append([]string{}, u.systemctl...), words...)
	if u.scope == "" {
		return step{argv: argv, fail: fail}
	}
	quoted := make([]string, len(argv))
	for i, w := range argv {
		quoted[i] = quote(w)
	}
	return step{shell: "XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}; export XDG_RUNTIME_DIR; exec " + strings.Join(quoted, " "), fail: fail}
}

func (u *unit) plan(v state.View) (module.Change, error) {
	a := u.args
	if a.Name == "" {
		return module.Change{Result: value.M("name", nil, "changed", false, "status", value.NewMap())}, nil
	}
	q := state.Service{Name: a.Name, Scope: u.scope, Use: state.Systemd}
	i, known, err := state.AskAs[state.ServiceInfo](v, q)
	if err != nil {
		return module.Change{}, err
	}
	if !known {
		return module.Need(q), nil
	}
	return u.change(i)
}

// change plans from what is known of the unit.
func (u *unit) change(i state.ServiceInfo) (module.Change, error) {
	a := u.args
	if !i.Has("systemctl") {
		return module.Change{}, module.Fail(`Failed to find required executable "systemctl" in paths of the host`)
	}
	result := value.M("name", a.Name, "changed", false, "status", statusOf(i))
	if i.Properties != nil && i.Exists && !i.Masked && i.Err != "" {
		return module.Change{}, module.Fail("Error loading unit file '" + a.Name + "': " + i.Err)
	}
	warnings := u.warn
	if i.Script != "" && i.Exists {
		warnings = append(warnings, "The service ("+a.Name+") is actually an init script but the system is managed by systemd")
	}
	var steps []step
	if want, given := a.Masked.Get(); given && want != i.Masked {
		result.Set("changed", value.Bool(true))
		verb := map[bool]string{true: "mask", false: "unmask"}[want]
		steps = append(steps, u.step(func(state.OpResult) *module.Failure {
			if i.Exists { // Ansible passes over it, too: a unit in /etc cannot be masked
				return nil
			}
			return missing(a.Name)
		}, verb, a.Name))
	}
	if (a.Enabled.Given() || a.State != "") && !i.Exists {
		return module.Change{}, missing(a.Name)
	}
	if want, given := a.Enabled.Get(); given {
		if result.Set("enabled", value.Bool(want)); want != i.Enabled {
			result.Set("changed", value.Bool(true))
			verb := map[bool]string{true: "enable", false: "disable"}[want]
			steps = append(steps, u.step(func(r state.OpResult) *module.Failure {
				return module.Fail(fmt.Sprintf("Unable to %s service %s: %s%s", verb, a.Name, r.Stdout, r.Stderr))
			}, verb, a.Name))
		}
	}
	if a.State != "" {
		verb, warning, err := u.action(i)
		if err != nil {
			return module.Change{}, err
		}
		if warning != "" {
			warnings = append(warnings, warning)
		}
		result.Set("state", value.String(settled(a.State, i.State != "")))
		if verb != "" {
			result.Set("changed", value.Bool(true))
			steps = append(steps, u.step(func(r state.OpResult) *module.Failure {
				return module.Fail(fmt.Sprintf("Unable to %s service %s: %s", verb, a.Name, r.Stderr))
			}, verb, a.Name))
		}
	}
	return inOrder(steps, result, warnings), nil
}

// settled is the state that a service is in at the end.
func settled(asked string, known bool) string {
	if known && asked != "stopped" {
		return "started"
	}
	return asked
}

// action is what systemctl must do for the state that is asked, "" for nothing.
func (u *unit) action(i state.ServiceInfo) (verb, warning string, err error) {
	if i.State == "" {
		if i.Offline {
			return "", "Target is a chroot or systemd is offline. This can lead to false positives or prevent the init system tools from working.", nil
		}
		msg := "Service is in unknown state"
		if i.Err != "" {
			msg += ": " + i.Err
		}
		return "", "", module.Fail(msg, "status", statusOf(i))
	}
	switch u.args.State {
	case "started":
		if !i.Active {
			verb = "start"
		}
	case "stopped":
		if i.Active || i.State == "deactivating" {
			verb = "stop"
		}
	default:
		if verb = actions[u.args.State]; !i.Active {
			verb = "start"
		}
	}
	return verb, "", nil
}

func statusOf(i state.ServiceInfo) *value.Map {
	m := value.NewMap()
	for _, p := range i.Properties {
		m.Set(p[0], value.String(p[1]).WithMarks(value.Unsafe))
	}
	return m
}
