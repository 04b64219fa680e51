package run

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
)

// judge applies changed_when and failed_when.
func (pl *play) judge(h *host, t *playbook.Task, o *outcome) error {
	if len(t.ChangedWhen) == 0 && len(t.FailedWhen) == 0 || o.status == event.Unreachable {
		return nil
	}
	s := pl.resultScope(h, t, o.result)
	if len(t.ChangedWhen) > 0 {
		v, err := pl.conditions(s, t.ChangedWhen)
		if err != nil {
			return &whenError{"changed", err}
		}
		o.result = o.result.Clone()
		if v.IsUnknown() {
			o.result.Set("changed", v)
		} else {
			o.result.Set("changed", value.Bool(v.Truthy()))
			if o.status == event.OK || o.status == event.Changed {
				o.status = statusOf(v.Truthy())
			}
		}
	}
	if len(t.FailedWhen) == 0 {
		return nil
	}
	v, err := pl.conditions(s, t.FailedWhen)
	if err != nil {
		return &whenError{"failed", err}
	}
	if v.IsUnknown() {
		return nil
	}
	o.result = o.result.Clone()
	failed := v.Truthy()
	o.result.Set("failed", value.Bool(failed))
	o.result.Set("failed_when_result", value.Bool(failed))
	changed, _ := o.result.Get("changed")
	if failed {
		o.status = event.Failed
	} else {
		o.status = statusOf(changed.Truthy())
	}
	return nil
}

func statusOf(changed bool) event.Status {
	if changed {
		return event.Changed
	}
	return event.OK
}

// resultScope sees the result under the name the task registers it by, and the facts
// that it brings.
func (pl *play) resultScope(h *host, t *playbook.Task, result *value.Map) *vars.Scope {
	seen := map[string]value.Value{}
	if facts, ok := result.Get("ansible_facts"); ok && facts.Map() != nil {
		for k, v := range facts.Map().All() {
			seen[k.Text()] = v
		}
	}
	if name := t.Register.Str(); name != "" {
		seen[name] = value.FromMap(result).MarkDeep(value.Unsafe)
	}
	return pl.itemScope(h, t).With(seen)
}

// countAttempt registers which attempt of a task with until this is, before its own words
// judge it: they may ask for that.
func (pl *play) countAttempt(h *host, t *playbook.Task, o *outcome) {
	in := h.inst
	switch {
	case len(t.Until) == 0:
	case pl.triesOnce(in):
		if in.evaled != nil {
			o.result = o.result.Clone()
			o.result.Set("attempts", value.Unknown(&value.Origin{What: quoteTask(t)}))
		}
	default:
		in.attempt++
		o.result = o.result.Clone()
		o.result.Set("attempts", value.Int(int64(in.attempt)))
	}
}

// triesOnce is true in a plan, but for what is done there.
func (pl *play) triesOnce(in *instance) bool {
	return pl.Check && (in.evaled == nil || in.evaled.check && !in.evaled.mod.Spec().Traits.Control)
}

// untilMet tells when to try again; zero when there is nothing to try.
func (pl *play) untilMet(h *host, t *playbook.Task, o *outcome) (time.Time, error) {
	var zero time.Time
	in := h.inst
	if len(t.Until) == 0 || pl.triesOnce(in) {
		return zero, nil
	}
	s := pl.itemScope(h, t)
	retries, delay := 3, 5.0
	if txt, err := keyword(s, t.Retries); err != nil {
		return zero, err
	} else if txt != "" {
		if retries, err = strconv.Atoi(txt); err != nil {
			return zero, diag.Errorf(t.Retries.Pos, "retries", "retries is %q, not a number", txt)
		}
	}
	if txt, err := keyword(s, t.Delay); err != nil {
		return zero, err
	} else if txt != "" {
		if delay, err = strconv.ParseFloat(txt, 64); err != nil {
			return zero, diag.Errorf(t.Delay.Pos, "delay", "delay is %q, not a number of seconds", txt)
		}
	}
	if retries <= 0 { // one try, whatever comes of it
		return zero, nil
	}
	met, err := pl.conditions(pl.resultScope(h, t, o.result), t.Until)
	if err != nil {
		return zero, err
	}
	if met.Truthy() || met.IsUnknown() {
		return zero, nil
	}
	if in.attempt > retries {
		if len(t.FailedWhen) == 0 { // whose word stands, though failed is registered
			o.status = event.Failed
		}
		o.result = o.result.Clone()
		o.result.Set("failed", value.Bool(true))
		o.result.Set("attempts", value.Int(int64(retries))) // the first try is not counted then
		return zero, nil
	}
	pl.tellRetry(h, t, o, retries)
	return pl.Now().Add(time.Duration(delay * float64(time.Second))), nil
}

// tellRetry tells that a task will be tried again, below its heading where nobody has to
// say anything about an earlier task.
func (pl *play) tellRetry(h *host, t *playbook.Task, o *outcome, retries int) {
	e := pl.newEvent(h, t, event.Retry, o)
	pl.tellHeading(h, e)
	n := h.inst.attempt
	pl.emit(&event.Event{Kind: event.Retry, Host: h.Name, Task: e.Task, TaskID: t.ID, Attempt: n, Retries: retries,
		Msg: fmt.Sprintf("FAILED - RETRYING: [%s]: %s (%d retries left).", pl.delegation(h, t).label(h), retryTitle(h, t), retries-n+1)})
}

// tellHeading tells what is certain, and the heading of the task of an event that tells of
// the task before its end, where nobody has to say anything about an earlier task.
func (pl *play) tellHeading(h *host, e *event.Event) {
	pl.release()
	if low := pl.lowWater(); low != nil && low.compare(h.at.position()) >= 0 {
		pl.tellTask(e)
	}
}

// retryTitle is what a task is called when it is tried again: by its own name alone, as in
// Ansible, where it has one.
func retryTitle(h *host, t *playbook.Task) string {
	if t.Keywords.Name.Str() == "" {
		return h.title(t)
	}
	return strings.TrimPrefix(h.title(t), inRole(t, ""))
}

// loopOutcome sums up the results of a loop as Ansible does.
func (pl *play) loopOutcome(in *instance, t *playbook.Task) *outcome {
	o := &outcome{status: event.OK}
	m := value.NewMap()
	changed, failed, skipped, unknown := false, false, len(in.results) > 0, false
	for _, r := range in.results {
		c, _ := r.Get("changed")
		f, _ := r.Get("failed")
		s, _ := r.Get("skipped")
		changed = changed || c.Truthy()
		unknown = unknown || c.IsUnknown()
		failed = failed || f.Truthy()
		skipped = skipped && s.Truthy()
	}
	if len(in.items) == 0 {
		return &outcome{status: event.Skipped, noLog: in.hushed, result: value.M("changed", false, "skipped", true,
			"skipped_reason", "No items in the list", "results", value.List())}
	}
	m.Set("results", value.List(in.results...))
	m.Set("skipped", value.Bool(skipped)) // failed is there only where something did
	if changed {
		m.Set("changed", value.Bool(true))
	}
	switch {
	case failed:
		o.status = event.Failed
		m.Set("failed", value.Bool(true))
		o.msg = "One or more items failed"
		m.Set("msg", value.String(o.msg))
	case skipped:
		o.status = event.Skipped
		m.Set("msg", value.String("All items skipped"))
	default:
		o.status = statusOf(changed)
		if unknown && !changed {
			o.status = event.Unknown
		}
		m.Set("msg", value.String("All items completed"))
	}
	m.Set("changed", value.Bool(changed))
	o.result = m
	o.noLog = in.hushed
	return o
}

// saidToRead tells whether the operations of a task are commands of which the author
// says that they change nothing.
func saidToRead(t *playbook.Task, ev *evaluated, ops []state.Op) bool {
	if t == nil || ev == nil || !ev.mod.Spec().Traits.Opaque || len(t.ChangedWhen) != 1 || !strings.EqualFold(t.ChangedWhen[0].Value().Text(), "false") {
		return false
	}
	return !slices.ContainsFunc(ops, func(op state.Op) bool {
		_, command := op.(state.Exec)
		return !command
	})
}
