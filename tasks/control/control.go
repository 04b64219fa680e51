// Package control has the modules that need no host: they compute, print,
// check and steer the run.
package control

import (
	"errors"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Modules lists the modules of this family.
func Modules() []module.Module {
	return []module.Module{
		SetFact(), Debug(), Assert(), Fail(), Ping(), Meta(), IncludeVars(), AddHost(), GroupBy(), SetStats(), Pause(), CheckConfig(),
		ValidateArgumentSpec(), AsyncStatus(),
	}
}

var control = module.Traits{Control: true}

// undefined tells whether an evaluation ended because something is undefined.
func undefined(v value.Value, err error) bool {
	if err == nil {
		return v.IsUndefined()
	}
	d, ok := errors.AsType[*diag.Diagnostic](err)
	return ok && (d.Code == diag.CodeUndefined || d.Code == "undefined")
}

type failArgs struct {
	Msg value.Value `arg:"msg"`
}

// Fail is the module fail.
func Fail() module.Module {
	return module.New(module.Spec{
		Name: "fail", Controls: true, Summary: "Fail with a message",
		Doc:    "Fails the host at this task; with a condition it guards what comes behind.",
		Args:   []module.Arg{{Name: "msg", Type: module.Raw, Default: "Failed as requested from task", Doc: "What to say."}},
		Traits: control,
	}, func(a failArgs, _ module.Inputs, _ state.View) (module.Change, error) {
		f := module.Fail(a.Msg.Text())
		f.Result = value.M("changed", false, "msg", a.Msg)
		return module.Change{}, f
	})
}

type pingArgs struct {
	Data string `arg:"data"`
}

// Ping is the module ping. It asks who it is logged in as, so that a host that
// cannot be used is found out.
func Ping() module.Module {
	return module.New(module.Spec{
		Name: "ping", Summary: "Find out whether a host can be used",
		Doc:     "Connects, changes identity where that is asked for, and answers pong.",
		Args:    []module.Arg{{Name: "data", Default: "pong", Doc: "What to answer; \"crash\" fails."}},
		Order:   [][]string{{"ping"}},
		Returns: []module.Return{{Name: "ping", Type: "str", When: "success", Doc: "The text of data."}},
	}, func(a pingArgs, _ module.Inputs, v state.View) (module.Change, error) {
		g := module.Gathering(v)
		g.Login()
		if c, missing, err := g.Missing(); missing {
			return c, err
		}
		if a.Data == "crash" {
			return module.Change{}, module.Fail("boom", "rc", 1)
		}
		return module.OK("ping", a.Data), nil
	})
}
