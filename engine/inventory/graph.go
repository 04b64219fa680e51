package inventory

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"sort"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

func newInventory(opts yaml.Options) *Inventory {
	inv := &Inventory{hosts: map[string]*Host{}, groups: map[string]*Group{}, opts: opts}
	inv.all = inv.addGroup("all", diag.Pos{})
	inv.ungrouped = inv.addGroup("ungrouped", diag.Pos{})
	link(inv.all, inv.ungrouped)
	return inv
}

// isLocal tells whether name is one of localhost's names.
func isLocal(name string) bool { return name == "localhost" || name == "127.0.0.1" || name == "::1" }

func (inv *Inventory) addGroup(name string, pos diag.Pos) *Group {
	name = inv.groupName(name)
	if g := inv.groups[name]; g != nil {
		if !g.Pos.IsValid() {
			g.Pos = pos
		}
		return g
	}
	g := &Group{Name: name, Pos: pos, Priority: 1, vars: &yaml.Vars{}, hostSet: map[*Host]bool{}}
	inv.groups[name] = g
	inv.gorder = append(inv.gorder, g)
	return g
}

// addHost finds or makes a host; source is the file that names it first.
func (inv *Inventory) addHost(name string, pos diag.Pos, source string) *Host {
	if h := inv.hosts[name]; h != nil {
		return h
	}
	h := &Host{Name: name, Pos: pos, Index: len(inv.order), vars: &yaml.Vars{}}
	file, dir := value.Null, value.Null
	if source != "" {
		file, dir = value.String(source), value.String(sourceDir(source))
	}
	h.vars.SetValue("inventory_file", pos, file)
	h.vars.SetValue("inventory_dir", pos, dir)
	inv.hosts[name] = h
	inv.order = append(inv.order, h)
	if isLocal(name) && (inv.localhost == nil || inv.localhost.Implicit) {
		inv.localhost = h
	}
	return h
}

func sourceDir(source string) string {
	if source == "" {
		return ""
	}
	return filepath.Dir(source)
}

func (g *Group) addHost(h *Host) bool {
	if g.hostSet[h] {
		return false
	}
	g.hostSet[h] = true
	g.hosts = append(g.hosts, h)
	h.groups = append(h.groups, g)
	return true
}

func (g *Group) removeHost(h *Host) {
	delete(g.hostSet, h)
	h.groups = slices.DeleteFunc(h.groups, func(x *Group) bool { return x == g })
}

// link puts child below parent without a check for loops.
func link(parent, child *Group) bool {
	if slices.Contains(parent.children, child) {
		return false
	}
	parent.children = append(parent.children, child)
	child.parents = append(child.parents, parent)
	return true
}

// addChild puts child below parent.
func (inv *Inventory) addChild(parent, child *Group, pos diag.Pos) (bool, error) {
	if parent == child || ancestors([]*Group{parent})[child] {
		return false, diag.Errorf(pos, "group-loop", "the group %q cannot be a child of %q: it contains it", child.Name, parent.Name).
			WithHint("take one of the two out of the other's children")
	}
	return link(parent, child), nil
}

// set sets a variable of a group; ansible_group_priority is not kept
// as a variable, as in Ansible.
func (g *Group) set(v yaml.Var) error {
	if v.Name != "ansible_group_priority" {
		g.vars.Set(v)
		return nil
	}
	n, ok := v.Node.Value().AsInt()
	if !ok {
		if _, err := fmt.Sscan(v.Node.Value().Text(), &n); err != nil {
			return diag.Errorf(v.Node.Pos, "group-priority", "ansible_group_priority must be a whole number, but is %s", v.Node.Describe())
		}
	}
	g.Priority = int(n)
	return nil
}

// ancestors are the groups and all above them.
func ancestors(groups []*Group) map[*Group]bool {
	seen := map[*Group]bool{}
	for todo := slices.Clone(groups); len(todo) > 0; {
		g := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !seen[g] {
			seen[g] = true
			todo = append(todo, g.parents...)
		}
	}
	return seen
}

// reconcile applies the rules of every inventory: each group is below all,
// hosts in no group are in ungrouped and no others are, depths are right.
func (inv *Inventory) reconcile() {
	for _, g := range inv.gorder {
		if g != inv.all && len(g.parents) == 0 {
			link(inv.all, g)
		}
	}
	var moved bool
	for _, h := range inv.order {
		in, own := inv.ungrouped.hostSet[h], 0
		for _, g := range h.groups {
			if g != inv.all && g != inv.ungrouped {
				own++
			}
		}
		switch {
		case in && own > 0:
			inv.ungrouped.removeHost(h)
			moved = true
		case !in && own == 0 && !h.Implicit:
			inv.ungrouped.addHost(h)
		}
	}
	if moved {
		u := inv.ungrouped
		u.hosts = slices.DeleteFunc(u.hosts, func(h *Host) bool { return !u.hostSet[h] })
	}
	inv.computeDepths()
	inv.forget()
}

func (inv *Inventory) computeDepths() {
	done := map[*Group]bool{}
	var depth func(g *Group) int
	depth = func(g *Group) int {
		if !done[g] {
			done[g] = true
			g.depth = 0
			for _, p := range g.parents {
				g.depth = max(g.depth, depth(p)+1)
			}
		}
		return g.depth
	}
	for _, g := range inv.gorder {
		depth(g)
	}
}

func (inv *Inventory) forget() {
	inv.cache.Lock()
	inv.cache.hosts = map[*Group][]*Host{}
	inv.cache.Unlock()
}

// Hosts are all hosts in order of definition, without the implicit localhost.
func (inv *Inventory) Hosts() []*Host {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	return slices.Clone(inv.order)
}

// Host gives a host by name. "localhost" and its other names (127.0.0.1, ::1)
// exist also where no source names them: they mean the localhost that some
// source names under another of these names, or else an implicit one with a
// local connection. nil when there is no such host.
func (inv *Inventory) Host(name string) *Host {
	inv.mu.RLock()
	h := inv.hosts[name]
	inv.mu.RUnlock()
	if h != nil || !isLocal(name) {
		return h
	}
	inv.mu.Lock()
	defer inv.mu.Unlock()
	return inv.implicitHost(name)
}

// Unlisted makes a host that a task names and no source does. It is in no group,
// and Hosts does not give it.
func (inv *Inventory) Unlisted(name string, pos diag.Pos) *Host {
	return &Host{Name: name, Pos: pos, Index: -1, vars: &yaml.Vars{}}
}

func (inv *Inventory) implicitHost(name string) *Host {
	if inv.localhost == nil {
		h := &Host{Name: name, Implicit: true, Index: -1, vars: &yaml.Vars{}}
		h.vars.SetValue("ansible_connection", diag.Pos{}, value.String("local"))
		h.vars.SetValue("ansible_python_interpreter", diag.Pos{}, value.String("{{ ansible_playbook_python }}"))
		inv.localhost = h
		for _, d := range inv.dirs {
			// A broken file was reported when the folder was added, if the
			// host was known then; here it only brings no variables.
			h.layers = append(h.layers, d.hostLayers(inv.opts, name, nil)...)
		}
	}
	return inv.localhost
}

// Groups are all groups in order of definition, "all" first, "ungrouped" second.
func (inv *Inventory) Groups() []*Group {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	return slices.Clone(inv.gorder)
}

// Group gives a group by name, nil when there is none.
func (inv *Inventory) Group(name string) *Group {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	return inv.groups[name]
}

// GroupHosts are all hosts of a group and of the groups below it, in Ansible's
// order: the group's own hosts as named, then those of its children, then
// those of theirs. The implicit localhost is not among all, even where a task put
// it into a group. The caller must not change the slice.
func (inv *Inventory) GroupHosts(g *Group) []*Host {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	return inv.groupHosts(g)
}

func (inv *Inventory) groupHosts(g *Group) []*Host {
	inv.cache.Lock()
	defer inv.cache.Unlock()
	if hosts, ok := inv.cache.hosts[g]; ok {
		return hosts
	}
	var hosts []*Host
	seen := map[*Host]bool{}
	below := map[*Group]bool{g: true}
	for todo := []*Group{g}; len(todo) > 0; todo = todo[1:] {
		for _, h := range todo[0].hosts {
			if !seen[h] && !(g == inv.all && h.Implicit) {
				seen[h] = true
				hosts = append(hosts, h)
			}
		}
		for _, c := range todo[0].children {
			if !below[c] {
				below[c] = true
				todo = append(todo, c)
			}
		}
	}
	inv.cache.hosts[g] = hosts
	return hosts
}

// Children are the groups directly below g.
func (inv *Inventory) Children(g *Group) []*Group {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	return slices.Clone(g.children)
}

// GroupVars are the variables that inventory sources give a group.
func (inv *Inventory) GroupVars(g *Group) *yaml.Vars {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	return g.vars
}

// HostVars are the variables that inventory sources give a host.
func (inv *Inventory) HostVars(h *Host) *yaml.Vars {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	return h.vars
}

// HostGroups are the names of all groups a host is in, without "all", sorted
// by name: the variable group_names.
func (inv *Inventory) HostGroups(h *Host) []string {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	var names []string
	for g := range ancestors(h.groups) {
		if g != inv.all {
			names = append(names, g.Name)
		}
	}
	sort.Strings(names)
	return names
}

// sortedGroups are the groups of a host but "all", from weak to strong: by
// depth, priority, name.
func (inv *Inventory) sortedGroups(h *Host) []*Group {
	var groups []*Group
	for g := range ancestors(h.groups) {
		if g != inv.all {
			groups = append(groups, g)
		}
	}
	slices.SortFunc(groups, func(a, b *Group) int {
		return cmp.Or(cmp.Compare(a.depth, b.depth), cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Name, b.Name))
	})
	return groups
}

// GroupLayers are the sets of variables of one group, lowest precedence first.
func (inv *Inventory) GroupLayers(g *Group) []Layer {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	level := GroupInventory
	if g == inv.all {
		level = AllInventory
	}
	return append([]Layer{{Level: level, Owner: g.Name, Vars: g.vars}}, g.layers...)
}

// AddHost adds a host during a run (add_host), or finds it, puts it into
// groups (created as needed) and sets variables of the host. It tells whether
// anything changed.
func (inv *Inventory) AddHost(name string, pos diag.Pos, groups []string, vars *yaml.Vars) (*Host, bool, error) {
	if name == "" {
		return nil, false, diag.Errorf(pos, "host-name", "the name of the host to add is empty")
	}
	inv.mu.Lock()
	defer inv.mu.Unlock()
	inv.added = append(inv.added, addition{host: name, pos: pos, groups: groups, vars: vars})
	var problems diag.List
	h, changed := inv.hosts[name], false
	if h == nil {
		h, changed = inv.addHost(name, pos, ""), true
		inv.all.addHost(h) // itself: it comes before those of sources
		for _, d := range inv.dirs {
			h.layers = append(h.layers, d.hostLayers(inv.opts, name, &problems)...)
		}
	}
	merged := &yaml.Vars{} // readers may hold the old set
	merged.Merge(h.vars)
	for v := range vars.All() {
		if old := merged.Node(v.Name); old == nil || !value.Equal(old.Value(), v.Node.Value()) {
			merged.Set(v)
			changed = true
		}
	}
	h.vars = merged
	for _, name := range groups {
		if inv.dynamicGroup(name, pos, &problems).addHost(h) {
			changed = true
		}
	}
	if changed {
		inv.reconcile()
	}
	return h, changed, problems.Err()
}

// dynamicGroup finds or makes a group during a run.
func (inv *Inventory) dynamicGroup(name string, pos diag.Pos, problems *diag.List) *Group {
	name = inv.groupName(name)
	if g := inv.groups[name]; g != nil {
		return g
	}
	g := inv.addGroup(name, pos)
	for _, d := range inv.dirs {
		g.layers = append(g.layers, d.groupLayers(inv.opts, name, problems)...)
	}
	return g
}

// AddToGroup puts a host into a group below the named parents (group_by) and
// tells whether that changed anything.
func (inv *Inventory) AddToGroup(h *Host, group string, parents []string) (bool, error) {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	inv.added = append(inv.added, addition{host: h.Name, group: group, groups: parents})
	var problems diag.List
	g := inv.dynamicGroup(group, h.Pos, &problems)
	changed := false
	for _, name := range parents {
		p := inv.dynamicGroup(name, h.Pos, &problems)
		added, err := inv.addChild(p, g, diag.Pos{})
		problems.Add(err)
		changed = changed || added
	}
	if g.addHost(h) {
		changed = true
	}
	if changed {
		inv.reconcile()
	}
	return changed, problems.Err()
}

// DirectHosts are the hosts that a group names itself, in order.
func (inv *Inventory) DirectHosts(g *Group) []*Host {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	return slices.Clone(g.hosts)
}
