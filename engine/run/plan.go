package run

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// plan lets the module plan the present item. A nil request means that the item
// is finished.
func (pl *play) plan(h *host, t *playbook.Task) (*request, error) {
	in, ev := h.inst, h.inst.evaled
	l := ev.lane
	if !ev.delegated(h) && !pl.goBy(h, l) {
		return &request{kind: reqFlushHost, host: h}, nil
	}
	if len(l.ops) > 0 && (l.as != ev.as || ev.mod.Spec().Traits.Reads) {
		return &request{kind: reqFlushHost, host: h}, nil
	}
	if ev.delegated(h) && pl.waiting() && !pl.Check {
		return &request{kind: reqFlushAll, host: h}, nil
	}
	if o := pl.skipsCheck(t, ev); o != nil {
		return pl.finishItem(h, t, o)
	}
	view := &watched{HostView: l.view(ev.as)}
	change, err := ev.mod.Plan(ev.args, pl.inputs(h, t, ev), view)
	if o := ev.sources.takeUnknown(); o != nil {
		if o.Pending && !pl.Check && pl.waiting() {
			return &request{kind: reqFlushAll, host: h}, nil
		}
		return pl.unknownItem(h, t, ev, "depends on "+describe(o))
	}
	if ny, ok := errors.AsType[*module.NotYetError](err); ok {
		if ny.Origin.Pending && !pl.Check && pl.waiting() {
			return &request{kind: reqFlushAll, host: h}, nil
		}
		return pl.unknownItem(h, t, ev, "depends on "+describe(ny.Origin))
	}
	if len(change.Need) > 0 && err == nil {
		return pl.gather(h, t, ev, change.Need)
	}
	if twice := ev.mod.Spec().GivenTwice(ev.raw); twice != nil {
		change.Warnings = append(twice, change.Warnings...)
	}
	if err != nil {
		return pl.planFailed(h, t, ev, warning(err, change.Warnings))
	}
	if pl.Check && view.predicted && ev.mod.Spec().Traits.Reads && !change.Foreseen {
		return pl.unknownItem(h, t, ev, "unknown until the changes before it are made")
	}
	in.replans = 0
	return pl.changeIs(h, t, ev, change)
}

// warning adds a module's warnings to its failure.
func warning(err error, warnings []string) error {
	if len(warnings) == 0 {
		return err
	}
	f := *asFailure(err)
	f.Warnings = append(f.Warnings, warnings...)
	return &f
}

// planFailed ends an item whose failure is found while planning. Behind an
// effect that a plan did not apply, the failure may not come about.
func (pl *play) planFailed(h *host, t *playbook.Task, ev *evaluated, err error) (*request, error) {
	if effect := orElse(ev.lane.assumed, ev.lane.trusted); pl.Check && effect != "" && !ev.mod.Spec().Traits.Control {
		return pl.unknownItem(h, t, ev, fmt.Sprintf("would fail as things are now (%s), unknown until %s", err, effect))
	}
	if f, ok := errors.AsType[*module.Failure](err); ok && f.Dry != nil && ev.check && (ev.trial || !pl.Check) {
		return pl.changeIs(h, t, ev, module.Change{Result: f.Dry, Warnings: f.Warnings})
	}
	return pl.failedOrFlush(h, err)
}

// gather asks the host for what the module needs.
func (pl *play) gather(h *host, t *playbook.Task, ev *evaluated, need []state.Query) (*request, error) {
	const patience = 64
	if h.inst.replans++; h.inst.replans > patience {
		return pl.failed(h, module.Fail(fmt.Sprintf("module %s keeps asking for %s", ev.mod.Spec().Name, need[0].Query())))
	}
	view := ev.lane.view(ev.as)
	_, coming := view.Coming(ev.as.User)
	for _, q := range need {
		if !coming && !view.NeedsFlush(q) {
			continue
		}
		if pl.Check {
			return pl.unknownItem(h, t, ev, "unknown until the changes before it are made")
		}
		return &request{kind: reqFlushHost, host: h}, nil
	}
	if ev.mod.Spec().Traits.Control {
		return pl.failed(h, module.Fail(fmt.Sprintf("module %s asks the host, but is declared not to", ev.mod.Spec().Name)))
	}
	return &request{kind: reqGather, host: h, lane: ev.lane, as: ev.as, ask: need}, nil
}

// changeIs decides what becomes of a planned change.
func (pl *play) changeIs(h *host, t *playbook.Task, ev *evaluated, c module.Change) (*request, error) {
	o := pl.outcomeOf(ev, c)
	if p, ok := pauseOf(c); ok && !h.inst.paused && !pl.Check {
		if pl.waiting() {
			return &request{kind: reqFlushAll, host: h}, nil
		}
		if done, err := pl.tellPause(h, p, o); errors.Is(err, ErrAborted) {
			return pl.failed(h, module.Fail(err.Error()))
		} else if err != nil {
			return nil, err
		} else if done {
			return pl.finishItem(h, t, o)
		}
		h.inst.paused, h.inst.wait = true, pl.Now().Add(p.For)
		return &request{kind: reqWait, host: h, until: h.inst.wait}, nil
	}
	if len(c.Ops) == 0 {
		if !ev.mod.Spec().Traits.Control {
			o = pl.recalled(h, o)
		}
		return pl.finishItem(h, t, o)
	}
	reach := widest(c.Ops)
	if op, ok := asCommand(ev, c); ok && !pl.Check {
		return pl.background(h, ev, op, c)
	}
	switch {
	case pl.Check && !ev.check:
		return pl.despiteCheck(h, ev, c)
	case c.Looks && !ev.lane.planned && (pl.Check || ev.check && c.NoCheck == ""):
		return pl.effect(h, ev, c)
	case pl.Check && !ev.trial:
		pl.assume(t, ev, c)
		return pl.finishItem(h, t, o)
	case ev.check:
		o.notRun(c, t.Action)
		return pl.finishItem(h, t, o)
	case reach > state.ReachPaths || ev.delegated(h) || c.Then != nil && reach == state.ReachNone:
		return pl.effect(h, ev, c)
	}
	return pl.later(h, t, ev, c, o)
}

// behindPlan tells whether what a task did in a plan (check_mode: false) came
// about on a host that lacks changes the plan only predicted.
func (pl *play) behindPlan(ev *evaluated) bool {
	return pl.Check && ev != nil && !ev.check && ev.lane != nil && ev.lane.planned && !ev.mod.Spec().Traits.Control
}

// notRun makes what a command would register in a plan certain, for a single
// task in check mode: it is skipped, and has no output.
func (o *outcome) notRun(c module.Change, action string) {
	if c.NoCheck != "" {
		o.result = value.M("changed", false, "skipped", true, "msg", strings.ReplaceAll(c.NoCheck, "{task}", action))
		if c.NoCheck == "-" {
			o.result.Delete("msg")
		}
		o.status = event.Skipped
		return
	}
	if rc, ok := o.result.Get("rc"); !ok || !rc.IsUnknown() {
		o.result = known(asStill(o.result, c.Still))
		return
	}
	o.result = o.result.Clone()
	for _, k := range []string{"start", "end", "delta"} {
		o.result.Set(k, value.Null)
	}
	o.result.Set("rc", value.Int(0))
	for _, k := range []string{"stdout", "stderr"} {
		o.result.Set(k, value.String(""))
		o.result.Set(k+"_lines", value.List())
	}
	if c.Guarded {
		return
	}
	o.result.Set("changed", value.Bool(false))
	o.result.Set("skipped", value.Bool(true))
	o.status = event.Skipped
}

func pauseOf(c module.Change) (module.Pause, bool) {
	for _, d := range c.Do {
		if p, ok := d.(module.Pause); ok {
			return p, true
		}
	}
	return module.Pause{}, false
}

func widest(ops []state.Op) state.Reach {
	r := state.ReachNone
	for _, op := range ops {
		r = max(r, op.Reach())
	}
	return r
}

// effect applies operations at once, after everything that waits anywhere.
func (pl *play) effect(h *host, ev *evaluated, c module.Change) (*request, error) {
	if pl.waiting() {
		return &request{kind: reqFlushAll, host: h}, nil
	}
	if h.inst.next == nil && pl.doubtful(h, h.task(), ev, c.Once) {
		return pl.endInDoubt(h, h.task())
	}
	h.inst.effects = h.inst.effects || widest(c.Ops) > state.ReachPaths
	h.inst.change = &c
	h.inst.ops = pl.prepared(c.Ops, ev)
	return &request{kind: reqEffect, host: h, lane: ev.lane, as: ev.as, ops: h.inst.ops}, nil
}

// prepared gives the task's environment to its commands, and says something
// else in place of those that hold a secret: these are kept out of argument
// lists on the host, too.
func (pl *play) prepared(ops []state.Op, ev *evaluated) []state.Op {
	env := ev.env
	if ev.mod.Spec().Traits.NoEnvironment {
		env = nil
	}
	out := make([]state.Op, len(ops))
	for i, op := range ops {
		if x, ok := op.(state.HTTPRequest); ok {
			x.Env = env
			op = x
		}
		if x, ok := op.(state.Exec); ok {
			x.Env = append(env[:len(env):len(env)], x.Env...)
			x.Shown = pl.shown(x, x.Shown, ev)
			op = x
		}
		if x, ok := op.(state.Expect); ok {
			x.Env, x.Shown = env, pl.shown(x, x.Shown, ev)
			op = x
		}
		out[i] = op
	}
	return out
}

// shown is what a command shows of itself: another text when it holds a secret.
func (pl *play) shown(op state.Op, as string, ev *evaluated) string {
	text := op.String()
	switch redacted := pl.Redactor.String(text); {
	case ev.noLog:
		return "a command that is not shown (no_log)"
	case redacted != text:
		return redacted
	}
	return as
}

// mostSteps is how many tasks (or loop items) of a host may wait: each keeps what
// going back to it needs, and nothing of them is told before they are applied.
const mostSteps = 128

// later lets path operations wait for the next flush and goes on as if they
// were done.
func (pl *play) later(h *host, t *playbook.Task, ev *evaluated, c module.Change, o *outcome) (*request, error) {
	l, v := ev.lane, ev.lane.view(ev.as)
	snap := h.snapshot()
	l.as = ev.as
	l.forgetOthers(ev.as)
	s := &step{snap: snap, from: len(l.ops), promised: promisedBy(c), entry: -1}
	if pl.Ledger != nil {
		s.key = pl.noteKey(h)
	}
	shared := false
	for _, op := range c.Ops {
		if v.WriteThrough(op) {
			shared = true
		}
	}
	l.ops = append(l.ops, c.Ops...)
	s.to = len(l.ops)
	h.addStep(s)
	ev.spend()
	h.Pending = true
	once, err := pl.isRunOnce(h, t)
	if err != nil {
		return nil, err
	}
	if once || pl.judges(t) {
		// What the task says about its own result is asked of the true result, and
		// only that is given to other hosts.
		h.inst.outcome = o
		return &request{kind: reqFlushHost, host: h}, nil
	}
	if shared || pl.Lockstep || len(h.steps) >= mostSteps || pl.mayEndAll(h, t) || pl.maxFail >= 0 || ev.lane.spec.Connection == "local" {
		h.flushSoon = true
	}
	h.steps[len(h.steps)-1].entry = len(h.entries)
	return pl.finishItem(h, t, o)
}

// judges tells whether the task evaluates expressions over its own result.
func (pl *play) judges(t *playbook.Task) bool {
	return len(t.FailedWhen) > 0 || len(t.ChangedWhen) > 0 || len(t.Until) > 0
}

// afterEffect goes on with what applied operations did.
func (pl *play) afterEffect(h *host, t *playbook.Task) (*request, error) {
	in, ev := h.inst, h.inst.evaled
	c := in.change
	in.next = nil
	pl.sayPins(in.did)
	if bad := failedOp(in.did, len(in.ops)); bad >= 0 {
		var r state.OpResult
		if bad < len(in.did) {
			r = in.did[bad]
		}
		in.did = nil
		if c.Failed != nil {
			if f := c.Failed(bad, r); f != nil {
				return pl.failed(h, f)
			}
		}
		return pl.failed(h, opFailure(in.ops[bad], r))
	}
	if c.Then == nil {
		in.did = nil
		o := pl.outcomeOf(ev, *c)
		o.result = known(o.result)
		return pl.finishItem(h, t, o)
	}
	next, err := c.Then(ev.lane.view(ev.as), in.did)
	if err != nil {
		in.did = nil
		return pl.failed(h, asFailure(err))
	}
	if len(next.Need) > 0 {
		return pl.gather(h, t, ev, next.Need)
	}
	in.did = nil
	if len(next.Diff) == 0 {
		next.Diff = c.Diff
	}
	if next.Mark == "" {
		next.Mark = c.Mark
	}
	next.Warnings = allOf(c.Warnings, next.Warnings)
	if len(next.Ops) > 0 && !ev.check && pl.Check {
		in.next = &next
		return pl.despiteCheck(h, ev, next)
	}
	if len(next.Ops) > 0 && (next.Looks || !ev.check) {
		in.next = &next
		return pl.effect(h, ev, next)
	}
	o := pl.outcomeOf(ev, next)
	switch {
	case pl.Check && !ev.trial && len(next.Ops) > 0:
		pl.assume(t, ev, next)
	case ev.check && (ev.trial || !pl.Check) && next.NoCheck != "":
		o.notRun(next, t.Action)
	case ev.check && (ev.trial || !pl.Check):
		o.result = known(asStill(o.result, next.Still))
	}
	return pl.finishItem(h, t, o)
}

// asStill puts what is there now in place of what a result could not know.
func asStill(result, still *value.Map) *value.Map {
	if still == nil {
		return result
	}
	out := result.Clone()
	for k, v := range still.All() {
		if r, ok := out.GetKey(k); ok && r.HasUnknown() {
			out.SetKey(k, v)
		}
	}
	return out
}

// known drops what a result could not know before it was applied.
func known(m *value.Map) *value.Map {
	out := value.NewMap()
	for k, v := range m.All() {
		if !v.HasUnknown() {
			out.SetKey(k, v)
		}
	}
	return out
}

// confirmResult replaces a predicted result by what is certain now.
func (pl *play) confirmResult(h *host, l *lane, s *step, did []state.OpResult) {
	pl.sayPins(did)
	result := s.promised.result
	defer func() { fillIn(s.maps, result) }()
	if s.promised.then != nil {
		if c, err := s.promised.then(l.view(l.as), did); err == nil && c.Result != nil {
			result = c.Result
		}
	}
	if h.inst != nil && h.inst.outcome != nil && s.entry < 0 {
		o := h.inst.outcome
		o.result = known(result)
		o.addDiff()
		return
	}
}

// fillIn replaces what predicted results could not know: by what the module
// tells now, or by nothing.
func fillIn(maps []*value.Map, actual *value.Map) {
	for _, m := range maps {
		for _, k := range append([]value.Value(nil), m.Keys()...) {
			if v, _ := m.GetKey(k); !v.HasUnknown() {
				continue
			}
			if v, ok := actual.GetKey(k); ok && !v.HasUnknown() {
				m.SetKey(k, v)
			} else {
				m.DeleteKey(k)
			}
		}
	}
}

func (pl *play) inputs(h *host, t *playbook.Task, ev *evaluated) module.Inputs {
	m := pl.moment(h)
	before, others := pl.before(h)
	return module.Inputs{Sources: ev.sources, Now: m.Now, Seed: m.Seed, Check: ev.check, Diff: ev.diff, Native: pl.Settings.Native,
		Vars: &taskVars{ev.scope, t.ActionPos}, Host: h.Name, Delegate: ev.named, Pos: t.ActionPos, Env: ev.env, Before: before, Others: others}
}

// watched notes whether a module was told something that is only predicted.
type watched struct {
	*state.HostView
	predicted bool
}

// File implements state.View.
func (w *watched) File(q state.Path) (state.File, bool, error) {
	f, known, err := w.HostView.File(q)
	w.predicted = w.predicted || known && w.Predicted(q)
	return f, known, err
}

// taskVars gives modules the variables of their task.
type taskVars struct {
	scope scopeVars
	pos   diag.Pos
}

type scopeVars interface {
	Expr(src string, pos diag.Pos) (value.Value, error)
	EvalValue(v value.Value, pos diag.Pos) (value.Value, error)
	Variable(name string) (value.Value, bool, error)
}

// Eval implements module.Vars.
func (v *taskVars) Eval(expr string) (value.Value, error) { return v.scope.Expr(expr, v.pos) }

// Render implements module.Vars.
func (v *taskVars) Render(x value.Value) (value.Value, error) { return v.scope.EvalValue(x, v.pos) }

// Lookup implements module.Vars.
func (v *taskVars) Lookup(name string) (value.Value, bool, error) { return v.scope.Variable(name) }
