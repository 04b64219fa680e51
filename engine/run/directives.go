package run

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// carryOut does what a module directs the engine to do.
func (pl *play) carryOut(h *host, t *playbook.Task, o *outcome) error {
	target := h
	if ev := h.inst.evaled; ev != nil && ev.target != nil {
		target = ev.target
	}
	for _, d := range o.do {
		if o.status == event.Failed && changesInventory(d) { // by the task's own word
			o.result = o.result.Clone()
			o.result.Set("changed", value.Bool(false))
			continue
		}
		switch d := d.(type) {
		case module.SetFacts:
			o.given = target != h
			pl.setFacts(target, d)
		case module.IncludeVars:
			for k, v := range d.Vars.All() {
				target.Included.Set(k.Text(), v)
			}
		case module.Meta:
			if d.Action == "end_host" {
				o.endHost = true
			}
		case module.AddHost:
			changed, err := pl.addHost(t, d)
			if err != nil {
				return err
			}
			return pl.changedInventory(h, t, o, changed)
		case module.GroupBy:
			changed, err := pl.groupBy(h, d)
			if err != nil {
				return err
			}
			return pl.changedInventory(h, t, o, changed)
		}
	}
	return nil
}

// changesInventory tells whether a directive adds hosts or groups, which a task that
// failed does not, as in Ansible.
func changesInventory(d module.Directive) bool {
	switch d.(type) {
	case module.AddHost, module.GroupBy:
		return true
	}
	return false
}

func (pl *play) setFacts(h *host, d module.SetFacts) {
	for k, v := range d.Facts.All() {
		switch {
		case d.Gathered:
			h.Facts.Set(strings.TrimPrefix(k.Text(), "ansible_"), v)
		case d.Plain:
			h.SetPlain(k.Text(), v)
		case d.Cacheable:
			if name, prefixed := strings.CutPrefix(k.Text(), "ansible_"); prefixed {
				h.Facts.Set(name, v)
			} else {
				h.SetPlain(name, v)
			}
			h.Host.Set.Set(k.Text(), v)
		default:
			h.Host.Set.Set(k.Text(), v)
		}
	}
}

// changedInventory registers whether the inventory is another one now, which only the
// engine can tell, and lets the task's own words judge that anew, as in Ansible.
func (pl *play) changedInventory(h *host, t *playbook.Task, o *outcome, changed bool) error {
	if changed {
		pl.Vars.InventoryChanged()
	}
	o.result = o.result.Clone()
	o.result.Set("changed", value.Bool(changed))
	if o.status == event.OK || o.status == event.Changed {
		o.status = statusOf(changed)
	}
	return pl.judge(h, t, o)
}

// addHost tells whether the host, its groups or its variables are new.
func (pl *play) addHost(t *playbook.Task, d module.AddHost) (bool, error) {
	vs := &yaml.Vars{}
	for k, v := range d.Vars.All() {
		vs.SetValue(k.Text(), t.Pos, v)
	}
	_, changed, err := pl.Inventory.AddHost(d.Name, t.Pos, d.Groups, vs)
	return changed, err
}

// groupBy tells whether a group or the host in it is new.
func (pl *play) groupBy(h *host, d module.GroupBy) (bool, error) {
	changed := false
	for _, g := range d.Groups {
		put, err := pl.Inventory.AddToGroup(h.Host.Host, g, d.Parents)
		if err != nil {
			return false, err
		}
		changed = changed || put
	}
	return changed, nil
}
