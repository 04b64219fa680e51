package run

import (
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
)

// How far a look-ahead goes.
const (
	aheadTasks   = 200
	aheadItems   = 500
	aheadQueries = 2000
)

// lookAhead adds to a gather what the tasks behind it will ask, so that one
// round trip serves them all. It evaluates nothing that depends on more than
// variables, changes nothing, and is never relied on: what it asks in vain
// costs little, what it misses is asked later.
func (pl *play) lookAhead(r *request) {
	if pl.NoLookAhead || r.host.inst == nil || r.lane.name != r.host.Name {
		return
	}
	a := &ahead{pl: pl, h: r.host, r: r, seen: map[state.Query]bool{}}
	for _, q := range r.ask {
		a.seen[q] = true
	}
	a.walk()
}

type ahead struct {
	pl    *play
	h     *host
	r     *request
	seen  map[state.Query]bool
	items int
}

func (a *ahead) walk() {
	// A copy of the host walks on; what tasks set while it walks is not seen.
	w := &host{Host: a.h.Host, r: a.h.r, at: a.h.at.clone(), notified: a.h.notified, parents: cloned(a.h.parents)}
	in := a.h.inst
	if in.looped {
		a.rest(in)
	}
	for n := 0; n < aheadTasks && len(a.r.ask) < aheadQueries; n++ {
		w.advance()
		t := w.task()
		if t == nil || t.Include != nil {
			return
		}
		if t.Module == "meta" {
			continue
		}
		if skip, err := a.pl.passesQuietly(w, t); err != nil || skip {
			continue
		}
		if !a.task(t) {
			return
		}
	}
}

// rest looks at the remaining items of the present loop.
func (a *ahead) rest(in *instance) {
	t := a.h.task()
	for i := in.idx + 1; i < len(in.items); i++ {
		c := in.clone()
		c.idx = i
		if !a.item(t, c) {
			return
		}
	}
}

// task looks at a task; false ends the look-ahead, because what the task does
// will have to be asked about anew.
func (a *ahead) task(t *playbook.Task) bool {
	in := &instance{started: a.h.inst.started, seedNo: -1}
	in.items = []value.Value{value.Null}
	if t.Loop != nil {
		s := a.scope(t, in)
		control, err := loopControl(s, t.Loop)
		if err != nil {
			return true
		}
		items, unknown, err := a.pl.loopItems(s, t)
		if err != nil || unknown != nil {
			return true
		}
		in.items, in.looped, in.control = items, true, control
	}
	for i := range in.items {
		in.idx = i
		if !a.item(t, in) {
			return false
		}
	}
	return true
}

func (a *ahead) scope(t *playbook.Task, in *instance) *vars.Scope {
	m := vars.Moment{Now: in.started, Prefetch: true}
	s := a.pl.inFrames(a.h, a.pl.Vars.Scope(a.pl.world(a.pl), a.h.Host, a.pl.vars, &t.Scope, m))
	if in.looped {
		s = s.WithItem(a.pl.loopVars(in, t))
	}
	return s
}

func (a *ahead) item(t *playbook.Task, in *instance) bool {
	if a.items++; a.items > aheadItems {
		return false
	}
	s := a.scope(t, in)
	if sh := a.pl.sharedOf(a.h, t); sh != nil {
		return a.shared(sh, t, s)
	}
	reads := a.pl.record(a.h, t, s)
	cond, err := a.pl.conditions(s, t.Whens())
	if err != nil || !cond.IsUnknown() && !cond.Truthy() {
		return true
	}
	mod, ok := a.pl.Modules.Lookup(t.Module)
	if !ok || mod.Spec().Traits.Control {
		return true
	}
	ev := &evaluated{mod: mod, scope: s}
	if unknown, err := a.pl.keywords(ev, a.h, t, s); err != nil || unknown != nil || ev.as != a.r.as || ev.lane != a.r.lane {
		return true
	}
	args, unknown, err := a.pl.arguments(s, t, mod.Spec())
	if err != nil || unknown != nil {
		return mod.Spec().Traits.Reach <= state.ReachPaths
	}
	if ev.args, err = mod.Decode(args, t.ActionPos); err != nil {
		return true
	}
	if ev.raw = args; !cond.IsUnknown() {
		a.pl.learnSecrets(mod.Spec(), args)
		a.pl.share(t, reads, cond, ev)
	}
	return a.plan(t, ev)
}

// shared is item of a task that was evaluated for another host.
func (a *ahead) shared(sh *shared, t *playbook.Task, s *vars.Scope) bool {
	if !sh.cond.Truthy() || sh.ev.mod.Spec().Traits.Control || sh.ev.as != a.r.as {
		return true
	}
	ev, err := a.pl.of(sh, a.h, t, s)
	return err != nil || a.plan(t, ev)
}

// plan asks a module what it needs, with what is known now.
func (a *ahead) plan(t *playbook.Task, ev *evaluated) (goOn bool) {
	defer func() {
		if recover() != nil { // the task itself will tell
			goOn = false
		}
	}()
	in := module.Inputs{Sources: ev.sources, Now: a.h.inst.started, Check: a.pl.Check, Diff: a.pl.Diff, Native: a.pl.Settings.Native,
		Vars: &taskVars{ev.scope, t.ActionPos}, Host: a.h.Name, Delegate: ev.named, Pos: t.ActionPos, Env: ev.env}
	view := a.r.lane.view(ev.as)
	c, err := ev.mod.Plan(ev.args, in, view)
	if ev.sources.takeUnknown() != nil || err != nil {
		return true
	}
	for _, q := range c.Need {
		if !a.seen[q] && !view.NeedsFlush(q) {
			a.seen[q] = true
			a.r.ask = append(a.r.ask, q)
		}
	}
	return widest(c.Ops) <= state.ReachPaths
}

// passesQuietly is passes without its effects on the walk.
func (pl *play) passesQuietly(w *host, t *playbook.Task) (bool, error) {
	if pl.starting {
		return true, nil
	}
	if f := w.at[len(w.at)-1]; f.handlers {
		return !pl.isNotified(w, t), nil
	}
	if t.Implicit {
		return false, nil
	}
	tags, err := pl.tagsOf(w, t)
	if err != nil {
		return false, err
	}
	return !playbook.TagsMatch(tags, pl.Tags, pl.SkipTags), nil
}
