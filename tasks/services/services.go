// Package services holds the modules that start, stop and enable services.
package services

import (
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Modules lists the modules of this family.
func Modules() []module.Module {
	return []module.Module{Service(), Supervisorctl(), Systemd(), SysVInit(), Facts(), Apache2Module(), RabbitMQPlugin(), RabbitMQUser(), RabbitMQVhost(), HAProxy()}
}

// step is one command that changes a service, and the failure that a return
// code other than 0 means.
type step struct {
	argv  []string
	shell string                                 // in place of argv
	fail  func(r state.OpResult) *module.Failure // nil: the command may fail, with a warning
}

// english is the environment that programs are read in.
var english = []string{"LANG=C", "LC_ALL=C", "LC_MESSAGES=C"}

// inOrder makes a change that takes the steps one after the other, each only
// when the one before it succeeded, and registers result at the end.
func inOrder(steps []step, result *value.Map, warnings []string) module.Change {
	c := module.Change{Result: result, Warnings: warnings}
	if len(steps) == 0 {
		return c
	}
	s := steps[0]
	c.Ops = []state.Op{state.Exec{Argv: s.argv, Shell: s.shell, Env: english}}
	c.Then = func(_ state.View, did []state.OpResult) (module.Change, error) {
		if r := did[len(did)-1]; r.RC != 0 {
			if f := s.fail(r); f != nil {
				return module.Change{}, f
			}
			warnings = append(warnings, strings.TrimSpace(said(r)))
		}
		return inOrder(steps[1:], result, warnings), nil
	}
	return c
}

// said is what a command that failed printed: its errors, else its output.
func said(r state.OpResult) string {
	if len(strings.TrimSpace(string(r.Stderr))) > 0 {
		return string(r.Stderr)
	}
	return string(r.Stdout)
}

// quote writes s as one word of a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func missing(name string) *module.Failure {
	return module.Fail("Could not find the requested service " + name + ": host")
}

// managers are the names that use accepts.
var managers = map[string]state.ServiceManager{
	"auto": "", "service": "", "systemd": state.Systemd, "sysvinit": state.SysV, "openrc": state.OpenRC, "upstart": state.Upstart,
}

// actions are the words of managers for the states that are asked for.
var actions = map[string]string{"started": "start", "stopped": "stop", "restarted": "restart", "reloaded": "reload"}

func manager(use string) (state.ServiceManager, error) {
	m, ok := managers[use]
	if !ok {
		return "", module.Fail(fmt.Sprintf("there is no service manager %q: use auto, systemd, openrc, sysvinit or upstart", use))
	}
	return m, nil
}
