package inventory

import (
	"slices"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// groupLevels are the levels of the variables of groups by their names in Ansible's
// setting of their order (VARIABLE_PRECEDENCE), lowest first as they are without it.
var groupLevels = []struct {
	name  string
	level Level
}{
	{"all_inventory", AllInventory}, {"groups_inventory", GroupInventory},
	{"all_plugins_inventory", AllInventoryDir}, {"all_plugins_play", AllPlaybookDir},
	{"groups_plugins_inventory", GroupInventoryDir}, {"groups_plugins_play", GroupPlaybookDir},
}

// orderLevels settles the order of the levels of groups: that of Rules.Precedence, in
// which levels that are not named do not count. It warns of names that nobody knows.
func (inv *Inventory) orderLevels() {
	if len(inv.rules.Precedence) == 0 {
		for _, l := range groupLevels {
			inv.levels = append(inv.levels, l.level)
		}
	}
	for _, name := range inv.rules.Precedence {
		known := false
		for _, l := range groupLevels {
			if l.name == name {
				inv.levels, known = append(inv.levels, l.level), true
			}
		}
		if !known {
			inv.opts.Warning(diag.Errorf(diag.Pos{}, "precedence", "Ignoring unknown variable precedence entry: %s", name))
		}
	}
}

// Layers are all sets of variables that apply to a host, lowest precedence
// first. Empty sets are left out.
func (inv *Inventory) Layers(h *Host) []Layer {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	groups := inv.sortedGroups(h)
	var layers []Layer
	add := func(level Level, owner string, vars *yaml.Vars) {
		if vars.Len() > 0 {
			layers = append(layers, Layer{Level: level, Owner: owner, Vars: vars})
		}
	}
	addLevel := func(all []Layer, level Level) {
		for _, l := range all {
			if l.Level == level {
				layers = append(layers, l)
			}
		}
	}
	for _, level := range inv.levels {
		switch level {
		case AllInventory:
			add(level, "all", inv.all.vars)
		case GroupInventory:
			for _, g := range groups {
				add(level, g.Name, g.vars)
			}
		case AllInventoryDir, AllPlaybookDir:
			addLevel(inv.all.layers, level)
		default:
			layers = slices.Concat(layers, inv.dirLayers(groups, level))
		}
	}
	add(HostInventory, h.Name, h.vars)
	addLevel(h.layers, HostInventoryDir)
	addLevel(h.layers, HostPlaybookDir)
	return layers
}

// dirLayers are the layers of a level from folders: one folder after the other, in each
// the groups.
func (inv *Inventory) dirLayers(groups []*Group, level Level) (layers []Layer) {
	for i := range inv.dirs {
		for _, g := range groups {
			for _, l := range g.layers {
				if l.Level == level && l.dir == i {
					layers = append(layers, l)
				}
			}
		}
	}
	return layers
}
