package services

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type supervisorArgs struct {
	Name      string `arg:"name"`
	State     string `arg:"state"`
	Signal    string `arg:"signal"`
	Config    string `arg:"config"`
	ServerURL string `arg:"server_url"`
	Username  string `arg:"username"`
	Password  string `arg:"password"`
	Path      string `arg:"supervisorctl_path"`
}

var supervisorSpec = module.Spec{
	Name:    "supervisorctl",
	Aliases: []string{"community.general.supervisorctl"},
	Summary: "Starts, stops and adds programs of supervisord",
	Doc:     "Asks supervisorctl which programs there are, in a plan too, and tells it what to do with those that are not as wanted.",
	Args: []module.Arg{
		{Name: "name", Required: true, Doc: "The program; with a colon at its end a group; all means all."},
		{Name: "state", Required: true, Choices: []string{"present", "started", "stopped", "restarted", "absent", "signalled"},
			Doc: "What becomes of it. present adds it from the configuration that is read anew, absent removes it; restarted takes changed configuration first."},
		{Name: "signal", Doc: "The signal of signalled."},
		{Name: "config", Type: module.Path, Doc: "The configuration of supervisor."},
		{Name: "server_url", Doc: "Where supervisord listens."},
		{Name: "username", Doc: "Who logs in there."},
		{Name: "password", Secret: true, Doc: "With which password."},
		{Name: "supervisorctl_path", Type: module.Path, Doc: "The program, when it is another."},
	},
	RequiredIf: [][]string{{"state", "signalled", "signal"}},
	Returns: []module.Return{
		{Name: "name", Type: "str", When: "success", Doc: "The program or group."},
		{Name: "state", Type: "str", When: "success", Doc: "As given."},
		{Name: "affected", Type: "list", When: "programs were started, stopped or signalled", Doc: "Which."},
	},
	Examples: "- supervisorctl: {name: app, state: restarted}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// Supervisorctl is the module supervisorctl.
func Supervisorctl() module.Module { return module.New(supervisorSpec, planSupervisor) }

// supervised is one task, with the program that does it.
type supervised struct {
	supervisorArgs
	name  string // without the colon of a group
	group bool
	argv  []string
	check bool
}

// process is one line of supervisorctl status.
type process struct{ name, status string }

func planSupervisor(a supervisorArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	s := &supervised{supervisorArgs: a, name: strings.TrimRight(a.Name, ":"), group: strings.HasSuffix(a.Name, ":"), argv: []string{"supervisorctl"}, check: in.Check}
	if a.Path != "" {
		p := g.Path(a.Path)
		f := g.File(strings.TrimRight(p, "/"), state.WantAccess)
		if c, missing, err := g.Missing(); missing {
			return c, err
		}
		if !f.Executable {
			return module.Change{}, module.Fail("Provided path to supervisorctl does not exist or isn't executable: " + p)
		}
		s.argv = []string{p}
	}
	config := ""
	if a.Config != "" {
		config = g.Path(a.Config)
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	for _, o := range []struct{ flag, text string }{{"-c", config}, {"-s", a.ServerURL}, {"-u", a.Username}, {"-p", a.Password}} {
		if o.text != "" {
			s.argv = append(s.argv, o.flag, o.text)
		}
	}
	if a.State != "restarted" || in.Check {
		return s.status(), nil
	}
	update := s.command("update")
	return module.Steps([]state.Exec{update}, module.Change{Result: s.unknown()}, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if did[0].RC != 0 {
			return module.Change{}, module.CommandFailed(update.Argv, did[0])
		}
		return s.status(), nil
	}), nil
}

func (s *supervised) command(words ...string) state.Exec {
	return state.Exec{Argv: append(slices.Clone(s.argv), words...), Env: []string{"LANG=C", "LC_ALL=C"}}
}

func (s *supervised) unknown() *value.Map {
	return value.M("changed", module.Later(), "name", s.name, "state", s.State)
}

// status asks which programs there are.
func (s *supervised) status() module.Change {
	return module.Look(s.command("status"), s.unknown(), func(_ state.View, r state.OpResult) (module.Change, error) {
		if r.RC == 127 {
			return module.Change{}, module.CommandFailed(s.argv, r)
		}
		return s.settle(s.mine(string(r.Stdout)))
	})
}

// mine are the programs that the task is about, of all.
func (s *supervised) mine(out string) []process {
	var ps []process
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		group, _, in := strings.Cut(f[0], ":")
		switch {
		case s.group && (!in || group != s.name), !s.group && s.name != "all" && f[0] != s.name:
			continue
		}
		ps = append(ps, process{f[0], f[1]})
	}
	return ps
}

// settle says what must be done with the programs.
func (s *supervised) settle(ps []process) (module.Change, error) {
	running := func(p process) bool { return p.status == "RUNNING" || p.status == "STARTING" }
	switch s.State {
	case "present":
		return s.list(len(ps) == 0, "add", ": added process group"), nil
	case "absent":
		return s.list(len(ps) > 0, "remove", ": removed process group"), nil
	}
	if len(ps) == 0 {
		return module.Change{}, module.Fail("ERROR (no such process)", "name", s.name)
	}
	switch s.State {
	case "restarted":
		return s.act(ps, "restart", "started"), nil
	case "started":
		return s.act(slices.DeleteFunc(ps, running), "start", "started"), nil
	case "stopped":
		return s.act(slices.DeleteFunc(ps, func(p process) bool { return !running(p) }), "stop", "stopped"), nil
	}
	return s.act(slices.DeleteFunc(ps, func(p process) bool { return p.status != "RUNNING" }), "signal "+s.Signal, "signalled"), nil
}

// list adds or removes the program, after the configuration was read anew.
func (s *supervised) list(needed bool, action, says string) module.Change {
	result := value.M("changed", needed, "name", s.name, "state", s.State)
	if !needed {
		return module.Change{Result: result}
	}
	cmds := []state.Exec{s.command("reread"), s.command(action, s.name)}
	return module.Steps(cmds, module.Change{Result: result}, func(_ state.View, did []state.OpResult) (module.Change, error) {
		last := did[len(did)-1]
		if len(did) == 1 {
			return module.Change{}, module.CommandFailed(cmds[0].Argv, last)
		}
		if out := string(last.Stdout); !strings.Contains(out, s.name+says) {
			return module.Change{}, module.Fail(out, "name", s.name, "state", s.State)
		}
		return module.Change{Result: result}, nil
	})
}

// act does something with each program.
func (s *supervised) act(ps []process, action, expected string) module.Change {
	if len(ps) == 0 {
		return module.OK("name", s.name, "state", s.State)
	}
	var cmds []state.Exec
	var names []string
	for _, p := range ps {
		cmds, names = append(cmds, s.command(action, p.name)), append(names, p.name)
	}
	result := value.M("changed", true, "name", s.name, "state", s.State, "affected", value.Strings(names...).MarkDeep(value.Unsafe))
	return s.acting(cmds, names, expected, result)
}

// acting runs one command after the other; each must say that it worked.
func (s *supervised) acting(cmds []state.Exec, names []string, expected string, result *value.Map) module.Change {
	return module.Change{Ops: []state.Op{cmds[0]}, Result: result, Then: func(_ state.View, did []state.OpResult) (module.Change, error) {
		r := did[len(did)-1]
		switch out := string(r.Stdout); {
		case r.RC != 0:
			return module.Change{}, module.CommandFailed(cmds[0].Argv, r)
		case !strings.Contains(out, names[0]+": "+expected):
			return module.Change{}, module.Fail(out)
		case len(cmds) > 1:
			return s.acting(cmds[1:], names[1:], expected, result), nil
		}
		return module.Change{Result: result}, nil
	}}
}
