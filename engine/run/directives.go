package run

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// carryOut does what a module directs the engine to do.
func (pl *play) carryOut(h *host, t *playbook.Task, o *outcome) error {
	target := h
	if ev := h.inst.evaled; ev != nil && ev.target != nil {
		target = ev.target
	}
	for _, d := range o.do {
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
			return pl.addHost(t, d)
		case module.GroupBy:
			return pl.groupBy(h, d)
		}
	}
	return nil
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

func (pl *play) addHost(t *playbook.Task, d module.AddHost) error {
	vs := &yaml.Vars{}
	for k, v := range d.Vars.All() {
		vs.SetValue(k.Text(), t.Pos, v)
	}
	if _, _, err := pl.Inventory.AddHost(d.Name, t.Pos, d.Groups, vs); err != nil {
		return err
	}
	pl.Vars.InventoryChanged()
	return nil
}

func (pl *play) groupBy(h *host, d module.GroupBy) error {
	for _, g := range d.Groups {
		if _, err := pl.Inventory.AddToGroup(h.Host.Host, g, d.Parents); err != nil {
			return err
		}
	}
	pl.Vars.InventoryChanged()
	return nil
}
