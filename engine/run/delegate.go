package run

import (
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/vars"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// delegate finds out where a task acts: on its own host, or on another.
func (pl *play) delegate(ev *evaluated, h *host, t *playbook.Task, s *vars.Scope) error {
	ev.sources = &sources{scope: s, cache: pl.files, loader: pl.Loader, pos: t.ActionPos}
	ev.target = h
	to, err := keyword(s, nearest(s, &t.Scope, func(k *playbook.Keywords) *yaml.Node { return k.DelegateTo }))
	if err != nil {
		return undefinedField("delegate_to", err)
	}
	if t.Local {
		to = "localhost"
	}
	ev.named = to
	if ev.mod != nil && ev.mod.Spec().Traits.FromController && isController(to) {
		to = ""
	}
	if to == "" || to == h.Name {
		if ev.lane = pl.lanes[h.Name]; ev.lane == nil || ev.mod == nil || !ev.mod.Spec().Traits.Control {
			ev.lane, err = pl.lane(s, &t.Scope, h.Name)
		}
		return err
	}
	ev.delegate = to
	inv := pl.Inventory.Host(to)
	if inv == nil {
		inv = pl.Inventory.Unlisted(to, t.Pos)
	}
	target := pl.host(inv)
	ds := pl.Vars.Scope(pl.world(pl), target.Host, pl.vars, &t.Scope, pl.moment(h)).Here(to)
	if ev.lane, err = pl.lane(ds, &t.Scope, to); err != nil {
		return err
	}
	facts, err := flag(s, nearest(s, &t.Scope, func(k *playbook.Keywords) *yaml.Node { return k.DelegateFacts }), false)
	if facts {
		ev.target = target
	}
	return err
}

// isController tells whether delegate_to means the machine we are on.
func isController(name string) bool {
	return name == "localhost" || name == "127.0.0.1" || name == "::1"
}

// delegated tells whether the task acts on another host.
func (ev *evaluated) delegated(h *host) bool { return ev.delegate != "" && ev.delegate != h.Name }

// delegation is another host that a task acts on, as its results tell it.
type delegation struct {
	host    string
	address string // where that is reached; "" while nothing has been done there
}

// delegation is where the present item of a task acted, or was to act; nothing for
// the host itself.
func (pl *play) delegation(h *host, t *playbook.Task) delegation {
	if h.inst == nil {
		return delegation{}
	}
	ev := h.inst.evaled
	if ev != nil && ev.delegated(h) {
		return delegation{ev.delegate, ev.lane.spec.Address}
	}
	to, err := "", error(nil)
	if ev != nil {
		to = ev.named
	} else {
		s := pl.itemScope(h, t)
		to, err = keyword(s, nearest(s, &t.Scope, func(k *playbook.Keywords) *yaml.Node { return k.DelegateTo }))
	}
	if err != nil || to == h.Name {
		return delegation{}
	}
	return delegation{host: to}
}

// label names a host, and the one that acts for it.
func (d delegation) label(h *host) string {
	if d.host == "" {
		return h.Name
	}
	return h.Name + " -> " + d.host
}

// shareFacts gives the facts that a run_once task set to another host.
func (pl *play) shareFacts(other *host, o *outcome) {
	if o.given || o.status != event.OK && o.status != event.Changed {
		return
	}
	for _, d := range o.do {
		if f, ok := d.(module.SetFacts); ok {
			pl.setFacts(other, f)
		}
	}
}
