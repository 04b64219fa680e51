package commands

import (
	"errors"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type rawArgs struct {
	Free       value.Value `arg:"_raw_params"`
	Executable string      `arg:"executable"`
}

var rawSpec = module.Spec{
	Name:     "raw",
	Summary:  "Run a shell text on a host as it is",
	Doc:      "Runs text through the shell without looking at anything first. shell does the same with more to it. The task's environment has no effect, as in Ansible.",
	FreeForm: "_raw_params",
	Args: []module.Arg{
		{Name: "_raw_params", Required: true, Doc: "The text to run."},
		{Name: "executable", Doc: "The shell to use."},
	},
	Returns: commandReturns[1:6],
	Traits:  module.Traits{Reach: state.ReachHost, Opaque: true, NoEnvironment: true},
}

// Raw is the module raw.
func Raw() module.Module { return module.New(rawSpec, planRaw) }

func planRaw(a rawArgs, in module.Inputs, _ state.View) (module.Change, error) {
	op := state.Exec{Shell: a.Free.Text(), Executable: a.Executable}
	if a.Free.IsSecret() {
		op.Shown = "a command with a secret"
	}
	c := bare(op, in)
	c.NoCheck = "-"
	if len(in.Env) > 0 {
		c.Warnings = []string{"raw module does not support the environment keyword"}
	}
	return c, nil
}

// bare runs a command and registers only its outputs and what it returned.
func bare(op state.Exec, in module.Inputs) module.Change {
	m := value.M("changed", true)
	for _, k := range []string{"rc", "stdout", "stderr", "stdout_lines", "stderr_lines"} {
		m.Set(k, later(in))
	}
	return module.Change{
		Ops: []state.Op{op}, Result: m,
		Then: func(_ state.View, did []state.OpResult) (module.Change, error) {
			c, err := ended(did, value.Null, false)
			keep := c.Result
			if f, ok := errors.AsType[*module.Failure](err); ok {
				keep = f.Result
			}
			for _, k := range []string{"cmd", "start", "end", "delta", "msg"} {
				keep.Delete(k)
			}
			return c, err
		},
		Failed: func(_ int, r state.OpResult) *module.Failure { return notRun(r, value.Null) },
	}
}
