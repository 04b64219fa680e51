package control

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
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
	Minutes module.Opt[value.Value] `arg:"minutes"`
	Seconds module.Opt[value.Value] `arg:"seconds"`
	Prompt  module.Opt[string]      `arg:"prompt"`
	Echo    bool                    `arg:"echo"`
}

// Pause is the module pause.
func Pause() module.Module {
	return module.New(module.Spec{
		Name: "pause", Summary: "Wait for a time or for an answer",
		Doc: "Waits on the controller; without a time it asks for a key. At a terminal Ctrl+C asks what becomes of the pause: C goes on with the play, A fails the task.",
		Args: []module.Arg{
			{Name: "minutes", Type: module.Raw, Doc: "How many minutes, a whole number; of another number that part counts."},
			{Name: "seconds", Type: module.Raw, Doc: "How many seconds, likewise; less than one is one."},
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
	for _, u := range []struct {
		name string
		of   module.Opt[value.Value]
		unit time.Duration
	}{{"minutes", a.Minutes, time.Minute}, {"seconds", a.Seconds, time.Second}} {
		v, given := u.of.Get()
		if !given {
			continue
		}
		p.Ask = false
		if v.IsUnknown() {
			continue // in a plan, which does not wait
		}
		n, err := wholeNumber(v)
		if err != nil {
			return module.Change{}, module.Fail(fmt.Sprintf("argument '%s' is of type <class '%s'> and we were unable to convert to int: %s", u.name, v.TypeName(), err))
		}
		p.For = max(time.Second, time.Duration(n)*u.unit)
		said = fmt.Sprintf("Paused for %s %s", value.FloatRepr(float64(p.For)/float64(u.unit)), u.name)
		if u.unit == time.Minute {
			said = fmt.Sprintf("Paused for %s minutes", value.FloatRepr(math.Round(p.For.Minutes()*100)/100))
		}
	}
	const layout = "2006-01-02 15:04:05.000000"
	c := module.OK("stderr", "", "rc", 0, "stdout", said, "start", in.Now.Format(layout), "stop", in.Now.Add(p.For).Format(layout),
		"delta", int64(p.For/time.Second), "echo", a.Echo, "user_input", "")
	c.Do = []module.Directive{p}
	return c, nil
}

// wholeNumber reads a number as Python's int() does: a part of one is cut off, but not
// from a text.
func wholeNumber(v value.Value) (int64, error) {
	if f, ok := v.AsFloat(); ok && !v.IsString() {
		return int64(f), nil
	}
	if n, err := strconv.ParseInt(strings.TrimSpace(v.Text()), 10, 64); err == nil {
		return n, nil
	}
	return 0, errors.New("invalid literal for int() with base 10: " + v.Repr())
}
