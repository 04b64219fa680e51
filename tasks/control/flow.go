package control

import (
	"fmt"
	"time"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type metaArgs struct {
	Action string `arg:"_raw_params"`
}

// Meta is the module meta.
func Meta() module.Module {
	return module.New(module.Spec{
		Name: "meta", Summary: "Steer the run",
		Doc:      "Runs notified handlers now, ends the play for a host or for all, forgets facts, and the like.",
		FreeForm: "_raw_params",
		Args: []module.Arg{{Name: "_raw_params", Aliases: []string{"free_form"}, Required: true, Doc: "What to do.", Choices: []string{
			"flush_handlers", "end_play", "end_host", "end_batch", "clear_facts", "clear_host_errors", "refresh_inventory", "reset_connection", "noop"}}},
		Traits: control,
	}, func(a metaArgs, _ module.Inputs, _ state.View) (module.Change, error) {
		c := module.OK("msg", a.Action)
		c.Do = []module.Directive{module.Meta{Action: a.Action}}
		return c, nil
	})
}

type pauseArgs struct {
	Minutes module.Opt[float64] `arg:"minutes"`
	Seconds module.Opt[float64] `arg:"seconds"`
	Prompt  module.Opt[string]  `arg:"prompt"`
	Echo    bool                `arg:"echo"`
}

// Pause is the module pause.
func Pause() module.Module {
	return module.New(module.Spec{
		Name: "pause", Summary: "Wait for a time or for an answer",
		Doc: "Waits on the controller; without a time it asks for a key.",
		Args: []module.Arg{
			{Name: "minutes", Type: module.Float, Doc: "How many minutes."},
			{Name: "seconds", Type: module.Float, Doc: "How many seconds."},
			{Name: "prompt", Doc: "What to ask; the answer is registered."},
			{Name: "echo", Type: module.Bool, Default: true, Doc: "Show what is typed."},
		},
		MutuallyExclusive: [][]string{{"minutes", "seconds"}},
		Returns: []module.Return{
			{Name: "user_input", Type: "str", When: "a prompt was shown", Doc: "The answer."},
			{Name: "delta", Type: "int", When: "always", Doc: "Seconds waited."},
		},
		Traits: control,
	}, planPause)
}

func planPause(a pauseArgs, in module.Inputs, _ state.View) (module.Change, error) {
	p := module.Pause{Prompt: a.Prompt.Or(""), Echo: a.Echo, Ask: true}
	said := "Paused for 0.0 minutes"
	if m, ok := a.Minutes.Get(); ok {
		p.Ask = false
		p.For = time.Duration(m * float64(time.Minute))
		said = fmt.Sprintf("Paused for %s minutes", value.FloatRepr(m))
	}
	if s, ok := a.Seconds.Get(); ok {
		p.Ask = false
		p.For = time.Duration(s * float64(time.Second))
		said = fmt.Sprintf("Paused for %s seconds", value.FloatRepr(s))
	}
	if p.For < 0 {
		p.For = 0
	}
	const layout = "2006-01-02 15:04:05.000000"
	c := module.OK("stderr", "", "rc", 0, "stdout", said, "start", in.Now.Format(layout), "stop", in.Now.Add(p.For).Format(layout),
		"delta", int64(p.For/time.Second), "echo", a.Echo, "user_input", "")
	c.Do = []module.Directive{p}
	return c, nil
}
