package run

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// outcome is how an item ended, before the task's own words about it.
type outcome struct {
	// unrun: the task's words could not be evaluated before the module began,
	// which no failed_when forgives and no retry mends.
	unrun  bool
	result *value.Map
	own    int // how many of its fields are in front of Ansible's invocation
	// lateChanged: the module did not say whether it changed something.
	lateChanged bool
	owned       bool // nobody else has the result: it may be added to
	status      event.Status
	msg         string
	hint        string
	reason      string
	diff        state.Diff
	diffList    bool // it is registered as a list even with one entry
	warnings    []string
	do          []module.Directive
	assuming    string
	noLog       bool
	on          delegation
	jobLeft     bool // of a job that is not waited for
	restored    bool // as an earlier attempt of the run noted it
	given       bool // the facts went to the host it was delegated to
	endHost     bool
}

// outcomeOf turns a module's change into an outcome.
func (pl *play) outcomeOf(ev *evaluated, c module.Change) *outcome {
	o := &outcome{result: c.Result, owned: true, warnings: c.Warnings, do: c.Do, noLog: ev.noLog, status: event.OK}
	if o.result == nil {
		o.result = value.M("changed", len(c.Ops) > 0)
	}
	if ev.diff {
		o.diff, o.diffList = c.Diff, ev.mod.Spec().Traits.DiffList
		o.addDiff()
	}
	if v, ok := o.result.Get("changed"); ok && (v.Truthy() || v.IsUnknown()) {
		o.status = event.Changed
	}
	if v, ok := o.result.Get("changed"); ok && v.IsUnknown() && pl.Check {
		o.status = event.Unknown // and so is what it registers
	}
	if len(c.Warnings) > 0 && !o.result.Has("warnings") {
		o.result = o.result.Clone()
		o.result.Set("warnings", value.FromGo(c.Warnings))
	}
	if c.Skip {
		o.status = event.Skipped
		o.result = o.result.Clone()
		o.result.Set("skipped", value.Bool(true))
	}
	if v, ok := o.result.Get("failed"); ok && v.Truthy() {
		o.status = event.Failed
	}
	if v, ok := o.result.Get("msg"); ok && v.IsString() {
		o.msg = v.Str()
	} else if o.status == event.Unknown {
		o.msg = "only doing it can tell"
	}
	if pl.Check && ev.lane != nil && !ev.mod.Spec().Traits.Control {
		o.assuming = ev.lane.assumed
	}
	return o
}

// addDiff registers the difference, where the module has not said it itself.
func (o *outcome) addDiff() {
	if len(o.diff) == 0 || o.result.Has("diff") {
		return
	}
	o.result = o.result.Clone()
	o.result.Set("diff", o.diff.Registered(o.diffList))
}

// failed ends the present item with a failure. Nothing may wait on the host.
func (pl *play) failed(h *host, f *module.Failure) (*request, error) {
	t := h.task()
	pl.place(h)
	in := h.inst
	if in == nil {
		in = pl.newInstance(h)
		in.begun, in.items = true, []value.Value{value.Null}
		h.inst = in
	}
	if !in.begun {
		in.begun, in.items = true, []value.Value{value.Null}
	}
	in.unrun = in.unrun || f.Unrun
	r := value.NewMap()
	for k, v := range f.Result.All() {
		r.SetKey(k, v)
	}
	late := !r.Has("changed")
	if late {
		r.Set("changed", value.Bool(false))
	}
	r.Set("msg", value.String(f.Msg))
	r.Set("failed", value.Bool(true))
	o := &outcome{result: r, lateChanged: late, status: event.Failed, msg: f.Msg, unrun: in.unrun || in.evaled == nil && vars.IsUndefined(f.Err)}
	o.explain(f.Err)
	if said, ok := f.Result.Get("msg"); ok && !said.IsString() { // a list that assert was told to say
		r.Set("msg", said)
	} else {
		r.Set("msg", value.String(o.msg))
	}
	if f.OwnMsg {
		r.Delete("msg")
	}
	if o.warnings = f.Warnings; len(f.Warnings) > 0 {
		r.Set("warnings", value.FromGo(f.Warnings))
	}
	if in.evaled != nil {
		o.noLog = in.evaled.noLog
	} else {
		o.noLog = pl.saysNoLog(h, t)
	}
	if in.unrun && !in.raised {
		in.breakOff()
	}
	if req, err := pl.finishItem(h, t, o); req != nil || err != nil {
		return req, err
	}
	if in.idx < len(in.items) {
		return again, nil
	}
	return pl.endTask(h, t)
}

// breakOff makes the end of the present item that of the whole task, whatever
// items there were before it: Ansible drops a loop whose task it cannot evaluate.
func (i *instance) breakOff() {
	if i.looped {
		i.looped, i.items, i.results = false, i.items[:i.idx+1], nil
		i.included, i.told = nil, nil
	}
}

// saysNoLog reads no_log of a task whose other keywords could not be evaluated;
// when in doubt, it is secret.
func (pl *play) saysNoLog(h *host, t *playbook.Task) bool {
	b, err := pl.flagOf(h, t, func(k *playbook.Keywords) *yaml.Node { return k.NoLog }, pl.Settings.NoLog)
	return b || err != nil
}

// skip ends the present item because a condition is false.
func (pl *play) skip(h *host, t *playbook.Task, s *vars.Scope, why string) (*request, error) {
	o := &outcome{status: event.Skipped, result: value.M("changed", false, "skipped", true, "skip_reason", why), noLog: pl.saysNoLog(h, t)}
	return pl.finishItem(h, t, o)
}

// unknownItem ends the present item of a plan whose end cannot be told.
func (pl *play) unknownItem(h *host, t *playbook.Task, ev *evaluated, why string) (*request, error) {
	if !pl.Check {
		// In a run nothing waits any more and the value is still unknown: a
		// registered field that only exists after a change was applied.
		return pl.failed(h, module.Fail(fmt.Sprintf("a value this task needs is not known: it %s", why)))
	}
	pl.unknown = true
	o := &outcome{status: event.Unknown, msg: why, noLog: ev != nil && ev.noLog,
		result: value.M("changed", value.Unknown(&value.Origin{What: quoteTask(t)}))}
	looks := ev != nil && ev.mod != nil && ev.mod.Spec().Traits.Reach == state.ReachNone
	if ev != nil && ev.mod != nil && len(ev.mod.Spec().Traits.Facts) > 0 {
		facts := value.NewMap()
		for _, name := range ev.mod.Spec().Traits.Facts {
			facts.Set(name, value.Unknown(&value.Origin{What: quoteTask(t)}))
		}
		o.do = append(o.do, module.SetFacts{Facts: facts, Plain: true})
	}
	if ev != nil && ev.lane != nil && ev.lane.assumed == "" && !looks {
		ev.lane.assumed = quoteTask(t)
	}
	return pl.finishItem(h, t, o)
}

// unknownTask ends a whole task of a plan that cannot be seen into.
func (pl *play) unknownTask(h *host, why string) (*request, error) {
	in := h.inst
	in.begun, in.looped, in.items = true, false, []value.Value{value.Null}
	if !pl.Check {
		return pl.failed(h, module.Fail(why))
	}
	ev := &evaluated{lane: pl.lanes[h.Name]}
	r, err := pl.unknownItem(h, h.task(), ev, why)
	if r != nil || err != nil {
		return r, err
	}
	return pl.endTask(h, h.task())
}

// finishItem judges a result by the task's own words (changed_when,
// failed_when, until), keeps it, and moves to the next item. A nil request
// means that the item is finished.
func (pl *play) finishItem(h *host, t *playbook.Task, o *outcome) (*request, error) {
	in := h.inst
	if t.Module != "pause" { // which runs nothing, as in Ansible
		o.addLines()
	}
	if r, err := pl.asJob(h, t, o); r != nil || err != nil {
		return r, err
	}
	if t.Register.Str() != "" || o.status == event.Failed { // nothing else shows the order
		o.arrange(specOf(in.evaled))
	}
	if o.status != event.Skipped && o.status != event.Unknown && !o.unrun {
		pl.countAttempt(h, t, o)
		if err := pl.judge(h, t, o); err != nil {
			o.misjudged(err)
		}
		if again, err := pl.untilMet(h, t, o); err != nil {
			o.result = value.NewMap()
			o.fail(err)
			in.breakOff()
		} else if !again.IsZero() {
			// What was known is old by then: the next attempt asks again.
			if ev := in.evaled; ev != nil && ev.lane != nil && len(ev.lane.ops) == 0 && !(pl.Check && ev.lane.planned) {
				ev.lane.forget()
			}
			in.wait, in.outcome, in.evaled = again, nil, nil
			return &request{kind: reqWait, host: h, until: again}, nil
		}
	}
	if o.status == event.Failed && pl.behindPlan(in.evaled) {
		return pl.unknownItem(h, t, in.evaled, fmt.Sprintf("fails as things are now (%s), unknown until the changes before it are made", o.msg))
	}
	if err := pl.carryOut(h, t, o); err != nil {
		o.fail(err)
	}
	return pl.keep(h, t, o)
}

// addLines adds stdout_lines and stderr_lines to a result with stdout or stderr,
// as Ansible does whatever the module.
func (o *outcome) addLines() {
	var add []string
	for _, k := range []string{"stdout", "stderr"} {
		if v, ok := o.result.Get(k); ok && (v.IsString() || v.IsUnknown()) && !o.result.Has(k+"_lines") {
			add = append(add, k)
		}
	}
	if len(add) == 0 {
		return
	}
	o.result = o.result.Clone()
	for _, k := range add {
		v, _ := o.result.Get(k)
		if !v.IsUnknown() {
			v = value.Strings(value.SplitLines(v.Str())...).MarkDeep(v.Marks())
		}
		o.result.Set(k+"_lines", v)
	}
}

// keep keeps the result of the present item and moves to the next.
func (pl *play) keep(h *host, t *playbook.Task, o *outcome) (*request, error) {
	in := h.inst
	in.hushed = in.hushed || o.noLog
	if o.status != event.Skipped {
		o.on = pl.delegation(h, t)
	}
	r := o.result
	if !r.Has("failed") && !r.Has("skip_reason") {
		if !o.owned {
			r = r.Clone()
		}
		r.Set("failed", value.Bool(o.status == event.Failed))
	}
	o.result = r
	h.fillLater(r)
	pl.noteItem(h, t, o)
	if in.looped {
		pl.keepItem(h, t, o)
	} else {
		in.results = append(in.results, value.FromMap(r))
		in.last = o
	}
	in.nextItem()
	return nil, nil
}

// explain takes the class and the hint of an error's diagnostic; where the
// message is that diagnostic's, the hint is taken out of it; of several, positions and
// hints are.
func (o *outcome) explain(err error) {
	if err == nil {
		return
	}
	o.reason = diag.ClassOf(err).String()
	var d *diag.Diagnostic
	if !errors.As(err, &d) {
		return
	}
	o.hint = d.Hint
	if o.msg == d.Error() {
		o.msg = d.Msg
	}
	if all, ok := errors.AsType[diag.List](err); ok && o.msg == all.Error() {
		said := make([]string, len(all))
		for i, d := range all {
			said[i] = d.Msg
		}
		o.msg = strings.Join(said, "\n")
	}
}

func (o *outcome) fail(err error) {
	o.status, o.msg = event.Failed, err.Error()
	o.explain(err)
	o.result = o.result.Clone()
	o.result.Set("failed", value.Bool(true))
	o.result.Set("msg", value.String(o.msg))
}

// misjudged fails a task for its changed_when or failed_when that cannot be
// evaluated; what the module said stays, as in Ansible.
func (o *outcome) misjudged(err error) {
	var w *whenError
	msg, said := o.result.Get("msg")
	o.fail(err)
	if !errors.As(err, &w) {
		return
	}
	o.result.Set(w.which+"_when_result", value.String(o.msg))
	if said {
		o.result.Set("msg", msg)
	} else {
		o.result.Delete("msg")
	}
}

// whenError is the error of the condition "changed" or "failed".
type whenError struct {
	which string
	error
}

func (e *whenError) Unwrap() error { return e.error }

// keepItem records the result of one loop item.
func (pl *play) keepItem(h *host, t *playbook.Task, o *outcome) {
	in := h.inst
	item := in.items[in.idx].Listed()
	r := o.result.Clone()
	r.Set(in.control.loopVar, item)
	r.Set("ansible_loop_var", value.String(in.control.loopVar))
	if in.control.indexVar != "" {
		r.Set(in.control.indexVar, value.Int(int64(in.idx)))
		r.Set("ansible_index_var", value.String(in.control.indexVar))
	}
	if in.control.extended {
		r.Set("ansible_loop", extendedLoop(in))
	}
	h.fillLater(r)
	e := pl.newEvent(h, t, event.ItemResult, o)
	e.Item, e.HasItem, e.Res = item, true, r
	e.Label = pl.itemLabel(h, t, item)
	in.results = append(in.results, value.FromMap(pl.withInvocation(h, t, o, r)))
	pl.addEntry(h, e, nil)
}

// withInvocation adds to the result of an item the arguments of its module, which
// Ansible registers for the items of loops alone.
func (pl *play) withInvocation(h *host, t *playbook.Task, o *outcome, r *value.Map) *value.Map {
	in := h.inst
	if in.evaled == nil || o.jobLeft || o.status == event.Skipped || o.unrun || t.Register.Str() == "" || r.Has("invocation") {
		return r
	}
	inv := module.Invocation(in.evaled.mod.Spec(), in.evaled.raw)
	if inv == nil {
		return r
	}
	r = insert(r, o.own, "invocation", value.FromMap(inv))
	h.fillLater(r)
	return r
}

func (pl *play) itemLabel(h *host, t *playbook.Task, item value.Value) string {
	if n := t.Loop.Label; !n.IsNull() && !(n.IsString() && n.Str() == "") { // else the item, as in Ansible
		if v, err := pl.itemScope(h, t).Eval(t.Loop.Label); err == nil {
			return v.Text()
		}
	}
	if item.DeepMarks()&value.Secret != 0 {
		return "********"
	}
	text := item.Text()
	looksLikeData := item.IsString() && (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "["))
	if looksLikeData || strings.Contains(text, "{") && !pl.itemScope(h, t).IsLiteral(h.inst.control.loopVar) {
		// The label of Ansible is "{{ item }}", which makes data of a text that looks like some.
		n := yaml.FromValue(t.Pos, value.String("{{ "+h.inst.control.loopVar+" }}"))
		if v, err := pl.itemScope(h, t).Eval(n); err == nil {
			return v.Text()
		}
	}
	return text
}

// newEvent makes the event of a result.
func (pl *play) newEvent(h *host, t *playbook.Task, kind event.Kind, o *outcome) *event.Event {
	e := &event.Event{Kind: kind, Play: pl.title, PlayNo: pl.no, Task: h.title(t), TaskID: t.ID, TaskNo: h.inst.taskNo,
		Module: orElse(h.inst.module, t.Module), Pos: t.Pos, Handler: t.Handler, Check: pl.inCheckMode(&t.Scope), Host: h.Name, Status: o.status, Msg: o.msg, Hint: o.hint, Reason: o.reason,
		Res: o.result, NoLog: o.noLog, Warnings: o.warnings, Assuming: o.assuming, Duration: pl.Now().Sub(h.inst.started),
		Verbose: verbose(h, o), Loop: h.inst.looped, Delegate: o.on.host, DelegateAddress: o.on.address, Restored: o.restored, Args: pl.shownArgs(h, t)}
	if !o.noLog {
		e.Diff = o.diff
	}
	return e
}

// verbose tells whether a result is shown whole in any case; one of debug that failed
// itself, not by the task's own word, is shown as any failure, and so is one of assert
// whose conditions could not be evaluated.
func verbose(h *host, o *outcome) bool {
	return h.inst.shown && (o.status != event.Failed || h.inst.module == "assert" && o.result.Has("evaluated_to") || o.result.Has("failed_when_result"))
}

// alwaysShown tells whether a result is shown whole without -v, as Ansible marks
// those of debug, and of assert unless it is quiet.
func alwaysShown(ev *evaluated) bool {
	if name := ev.mod.Spec().Name; name != "assert" || ev.raw == nil {
		return name == "debug"
	}
	v, ok := ev.raw.Get("quiet")
	quiet, _ := boolean(v)
	return !ok || !quiet
}

// register keeps the result of a task under the name that it asks for.
func (h *host) register(t *playbook.Task, o *outcome) {
	name := t.Register.Str()
	if name == "" {
		return
	}
	v := value.FromMap(o.result)
	if o.status == event.Unknown {
		v = value.Unknown(&value.Origin{What: quoteTask(t)})
	}
	marks := value.Unsafe // its texts are never evaluated, whoever wrote them
	if (t.Module == "include_vars" || t.Module == "set_fact") && !h.inst.looped {
		marks = 0 // but those of variables, as in Ansible
	}
	if o.noLog {
		marks |= value.Secret
	}
	v = v.MarkDeep(marks) // a copy
	if results, ok := v.Get("results"); ok && h.inst.looped {
		for i, r := range results.Items() {
			h.fillAs(h.inst.results[i].Map(), r.Map())
		}
	} else {
		h.fillLater(v.Map())
	}
	h.Set.Set(name, v)
}

// skipsCheck is the end of a single task in check mode whose module has no such mode in Ansible; nil of others.
func (pl *play) skipsCheck(t *playbook.Task, ev *evaluated) *outcome {
	spec := ev.mod.Spec()
	if !spec.Traits.RunOnly || !ev.check || pl.Check && !ev.trial {
		return nil
	}
	name := t.Action
	if yaml.IsTemplate(name) {
		name = spec.Name
	}
	return pl.outcomeOf(ev, module.Change{Skip: true, Result: value.M("changed", false, "msg", "remote module ("+name+") does not support check mode")})
}

// allOf are the warnings of one stage and those of the next that it did not have.
func allOf(first, next []string) []string {
	out := slices.Clone(first)
	for _, w := range next {
		if !slices.Contains(first, w) {
			out = append(out, w)
		}
	}
	return out
}
