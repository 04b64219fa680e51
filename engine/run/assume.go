package run

import (
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// assume notes in a plan what a change would do.
func (pl *play) assume(t *playbook.Task, ev *evaluated, c module.Change) {
	l := ev.lane
	l.planned = true
	v := l.view(ev.as)
	mark := v.Mark()
	switch {
	case widest(c.Ops) <= state.ReachPaths:
		for _, op := range c.Ops {
			v.WriteThrough(op)
		}
	case c.Foretold != nil:
		v.Foretell(*c.Foretold)
	case saidToRead(t, ev, c.Ops):
		l.trusted = orElse(l.trusted, quoteTask(t))
		return
	default:
		l.assumed = orElse(l.assumed, quoteTask(t))
		return
	}
	l.tellOthers(v, mark)
}

// despiteCheck applies the operations of a task that says check_mode: false in
// a plan, as Ansible does in check mode. What the plan has predicted of the host
// stays so, with what these operations write.
func (pl *play) despiteCheck(h *host, ev *evaluated, c module.Change) (*request, error) {
	r, err := pl.effect(h, ev, c)
	if err == nil && r.kind == reqEffect && ev.lane.planned {
		v := ev.lane.view(ev.as)
		mark := v.Mark()
		for _, op := range c.Ops {
			if op.Reach() <= state.ReachPaths {
				v.WriteThrough(op)
			}
		}
		ev.lane.tellOthers(v, mark)
	}
	return r, err
}

// mayRun ends an item of a plan whose condition cannot be told: what it touches
// is not known any more.
func (pl *play) mayRun(h *host, t *playbook.Task, s interface{}, o *value.Origin) (*request, error) {
	ev := &evaluated{lane: pl.lanes[h.Name]}
	if mod, ok := pl.Modules.Lookup(t.Module); ok {
		ev.mod = mod
	}
	if l := ev.lane; l != nil && (ev.mod == nil || ev.mod.Spec().Traits.Reach > state.ReachNone) {
		if l.assumed == "" {
			l.assumed = quoteTask(t)
		}
		l.planned = true
	}
	return pl.unknownItem(h, t, ev, "may run: the condition depends on "+describe(o))
}
