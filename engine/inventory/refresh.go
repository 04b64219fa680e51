package inventory

import (
	"slices"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// addition is what a task added during the run: a host, or a host's place in a group.
type addition struct {
	host, group string // without a group it is add_host's
	pos         diag.Pos
	groups      []string // add_host's, or the parents of the group
	vars        *yaml.Vars
}

// Refresh reads all sources again (meta: refresh_inventory) and puts what tasks have
// added since the beginning on top of them. Hosts are other values afterwards: whoever
// holds one asks for it by its name again. With problems the inventory stays as it was.
func (inv *Inventory) Refresh() error {
	fresh, err := Load(inv.loaded)
	if err != nil {
		return err
	}
	inv.mu.RLock()
	dirs, added := slices.Clone(inv.dirs), slices.Clone(inv.added)
	inv.mu.RUnlock()
	for _, d := range dirs {
		if err := fresh.addDir(d.dir, d.playbook); err != nil {
			return err
		}
	}
	for _, a := range added {
		if err := fresh.addAgain(a); err != nil {
			return err
		}
	}
	inv.mu.Lock()
	defer inv.mu.Unlock()
	inv.hosts, inv.groups, inv.order, inv.gorder = fresh.hosts, fresh.groups, fresh.order, fresh.gorder
	inv.all, inv.ungrouped, inv.localhost = fresh.all, fresh.ungrouped, fresh.localhost
	inv.dirs, inv.renamed = fresh.dirs, fresh.renamed
	inv.forget()
	return nil
}

// addAgain repeats an addition; a host that is gone is in no group any more.
func (inv *Inventory) addAgain(a addition) error {
	if a.group == "" {
		_, _, err := inv.AddHost(a.host, a.pos, a.groups, a.vars)
		return err
	}
	h := inv.Host(a.host)
	if h == nil {
		return nil
	}
	_, err := inv.AddToGroup(h, a.group, a.groups)
	return err
}
