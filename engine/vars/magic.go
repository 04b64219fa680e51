package vars

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Omit is what the variable omit holds: an argument with this value counts as
// not given.
const Omit = "__omit_place_holder__fairlead"

// IsOmit tells whether a value is the variable omit.
func IsOmit(v value.Value) bool { return v.IsString() && v.Str() == Omit }

// InventoryChanged must be called after hosts or groups were added.
func (e *Engine) InventoryChanged() { e.generation.Add(1) }

// EnterPlay must be called before a play runs: of the group_vars and host_vars beside
// playbooks those beside its own file count.
func (e *Engine) EnterPlay(p *playbook.Play) {
	if e.playDir != p.Dir {
		e.playDir = p.Dir
		e.generation.Add(1)
	}
}

// Generation is another one after each change of the inventory.
func (e *Engine) Generation() int64 { return e.generation.Load() }

func (e *Engine) inventoryLayers(h *Host) []inventory.Layer {
	gen := int(e.generation.Load())
	if h.layersGen != gen {
		h.layers, h.layersGen = e.Inventory.Layers(h.Host), gen
		if e.playDir != "" {
			h.layers = slices.DeleteFunc(h.layers, func(l inventory.Layer) bool { return l.PlaybookDir != "" && l.PlaybookDir != e.playDir })
		}
	}
	return h.layers
}

// pending is the value of what is known once operations on the way are applied.
func pending(what string) value.Value {
	return value.Unknown(&value.Origin{What: what, Pending: true})
}

// magic gives the variables that the engine itself defines. keep tells whether
// the value holds for the whole life of the scope.
func (s *Scope) magic(name string) (v value.Value, ok, keep bool) {
	if v, ok := s.eng.Fixed[name]; ok {
		return v, true, false
	}
	switch name {
	case "hostvars":
		return value.FromObject(&hostVars{s}), true, true
	case "vars":
		return value.FromObject(&varsObject{s}), true, true
	case "groups":
		return s.groups(), true, true
	case "omit":
		return value.String(Omit), true, false
	case "ansible_search_path":
		return value.Strings(distinct(s.SearchPath())...), true, true
	}
	if s.host != nil {
		if v, ok := s.hostMagic(name); ok {
			return v, true, true
		}
	}
	if s.play != nil && s.play.Play != nil {
		if v, ok := s.playMagic(name); ok {
			return v, true, false
		}
	}
	if s.at != nil {
		if v, ok := s.roleMagic(name); ok {
			return v, true, true
		}
		if name == "ansible_delegated_vars" {
			v, ok := s.delegatedVars()
			return v, ok, true
		}
		if name == "environment" {
			v, err := s.environment()
			return v, err == nil, true
		}
	}
	return value.Null, false, false
}

func (s *Scope) hostMagic(name string) (value.Value, bool) {
	switch name {
	case "inventory_hostname":
		return value.String(s.host.Name), true
	case "inventory_hostname_short":
		short, _, _ := strings.Cut(s.host.Name, ".")
		return value.String(short), true
	case "group_names":
		return value.Strings(s.eng.Inventory.HostGroups(s.host.Host)...), true
	case "inventory_file":
		if list, ok := strings.CutPrefix(s.host.Pos.File, "-i "); ok {
			return value.String(list), true
		}
		if f, err := filepath.Abs(s.host.Pos.File); err == nil && s.host.Pos.File != "" {
			return value.String(f), true
		}
	case "inventory_dir":
		if f := s.host.Pos.File; strings.HasPrefix(f, "-i ") { // a list of hosts lies nowhere, which Ansible says so
			return value.String("None"), true
		} else if f != "" {
			abs, err := filepath.Abs(filepath.Dir(f))
			if err == nil {
				return value.String(abs), true
			}
		}
	}
	return value.Null, false
}

func (s *Scope) playMagic(name string) (value.Value, bool) {
	p := s.play.Play
	switch name {
	case "playbook_dir":
		return value.String(p.Dir), true
	case "ansible_play_name":
		return s.eng.playName(s.play), true
	case "ansible_play_hosts", "play_hosts":
		return s.settled(s.world.PlayHosts())
	case "ansible_play_batch":
		return s.settled(s.world.Batch())
	case "ansible_play_hosts_all":
		return value.Strings(s.world.AllPlayHosts()...), true
	case "ansible_play_role_names", "role_names":
		var names []string
		for _, u := range s.playRoles() {
			names = append(names, u.FullName())
		}
		return value.Strings(names...), true
	case "ansible_role_names", "ansible_dependent_role_names":
		return value.Strings(roleNames(s.playRoles(), name == "ansible_dependent_role_names")...), true
	}
	return value.Null, false
}

func (s *Scope) settled(hosts []string, settled bool) (value.Value, bool) {
	if !settled {
		return pending("the hosts of the play"), true
	}
	return value.Strings(hosts...), true
}

// playRoles are the roles of the play with those that imports and public
// includes brought.
func (s *Scope) playRoles() []*playbook.RoleUse {
	return slices.Concat(s.play.Play.Roles, s.play.Play.Imported, s.play.Public)
}

// roleNames are the names of roles and their dependencies, each once.
func roleNames(uses []*playbook.RoleUse, onlyDeps bool) []string {
	seen := map[string]bool{}
	var names []string
	var walk func(us []*playbook.RoleUse, dep bool)
	walk = func(us []*playbook.RoleUse, dep bool) {
		for _, u := range us {
			walk(u.Deps, true)
			if (dep || !onlyDeps) && !seen[u.FullName()] {
				seen[u.FullName()] = true
				names = append(names, u.FullName())
			}
		}
	}
	walk(uses, false)
	return names
}

func (s *Scope) roleMagic(name string) (value.Value, bool) {
	r := s.at.Role()
	if r == nil || r.Role == nil {
		return value.Null, false
	}
	switch name {
	case "role_path":
		return value.String(r.Role.Path), true
	case "role_name":
		return value.String(r.Role.Name), true
	case "ansible_role_name":
		return value.String(r.FullName()), true
	case "ansible_collection_name":
		if r.Role.Collection == "" {
			return value.Null, true
		}
		return value.String(r.Role.Collection), true
	case "ansible_parent_role_names", "ansible_parent_role_paths":
		return parentRoles(r, name == "ansible_parent_role_names")
	}
	return value.Null, false
}

// parentRoles are the roles that included or imported the one at hand, the
// nearest first. Roles that depend on it are not among them, and without any
// there is no such variable.
func parentRoles(r *playbook.RoleUse, names bool) (value.Value, bool) {
	var out []string
	for ; r != nil; r = r.ParentRole {
		switch {
		case !r.FromInclude || r.ParentRole == nil:
		case names:
			out = append(out, r.ParentRole.FullName())
		default:
			out = append(out, r.ParentRole.Role.Path)
		}
	}
	return value.Strings(out...), len(out) > 0
}

// environment is the variable environment: the dicts of the task and around it.
func (s *Scope) environment() (value.Value, error) {
	var out []value.Value
	for _, n := range s.at.Environments() {
		v, err := s.Eval(n)
		if err != nil {
			return value.Null, err
		}
		out = append(out, v)
	}
	return value.List(out...), nil
}

// groups is the variable groups, made once for all hosts as long as the inventory
// stays as it is.
func (s *Scope) groups() value.Value {
	gen := s.eng.generation.Load()
	if g := s.eng.groups.Load(); g != nil && g.generation == gen {
		return g.val
	}
	m := value.NewMap()
	for _, g := range s.eng.Inventory.Groups() {
		var names []string
		for _, h := range s.eng.Inventory.GroupHosts(g) {
			names = append(names, h.Name)
		}
		m.Set(g.Name, value.Strings(names...))
	}
	g := &groupsValue{generation: gen, val: value.FromMap(m)}
	s.eng.groups.Store(g)
	return g.val
}

type groupsValue struct {
	generation int64
	val        value.Value
}

// SearchPath are the folders in which files of the task are looked for, in
// Ansible's order.
func (s *Scope) SearchPath() []string {
	var dirs []string
	if s.at != nil {
		for r := s.at.Role(); r != nil; r = r.ParentRole {
			if r.Role != nil {
				dirs = append(dirs, r.Role.Path)
			}
		}
		if s.at.File != "" {
			dirs = append(dirs, filepath.Dir(s.at.File))
		}
	}
	if s.play != nil && s.play.Play != nil {
		dirs = append(dirs, s.play.Play.Dir)
	}
	return dirs
}

// distinct leaves out what a list has already.
func distinct(list []string) []string {
	var out []string
	for _, x := range list {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

// varsObject is the variable vars: all variables by name.
type varsObject struct{ s *Scope }

func (o *varsObject) TypeName() string { return "dict" }
func (o *varsObject) Attr(name string) (value.Value, bool) {
	v, ok, _ := o.s.written(name)
	return v, ok
}
func (o *varsObject) IsMapping() {}

// AttrOf gives a variable as it is written: templates in it are not evaluated.
func (o *varsObject) AttrOf(_ *jinja.Context, name string) (value.Value, bool, error) {
	return orMethod(o, name)(o.s.written(name))
}

// orMethod gives a method of a mapping where it has no such key.
func orMethod(m jinja.Mapping, name string) func(value.Value, bool, error) (value.Value, bool, error) {
	return func(v value.Value, ok bool, err error) (value.Value, bool, error) {
		if ok || err != nil {
			return v, ok, err
		}
		v, ok = methodOf(m, name)
		return v, ok, nil
	}
}

// Elements are the names.
func (o *varsObject) Elements(*jinja.Context) ([]value.Value, error) {
	return value.Strings(o.s.AllNames()...).Items(), nil
}

// AllNames are the names of all variables, the magic ones last.
func (s *Scope) AllNames() []string {
	names := s.Names()
	names = append(names, slices.Sorted(maps.Keys(s.eng.Fixed))...)
	for _, n := range magicNames {
		if _, ok, _ := s.magic(n); ok && n != "vars" {
			names = append(names, n)
		}
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(names, func(n string) bool {
		was := seen[n]
		seen[n] = true
		return was
	})
}

// magicNames are the magic variables beside those that hold for a whole run and
// those about connections.
var magicNames = []string{
	"hostvars", "groups", "omit", "inventory_hostname", "inventory_hostname_short", "group_names", "inventory_file", "inventory_dir",
	"playbook_dir", "ansible_play_name", "ansible_play_hosts", "play_hosts", "ansible_play_batch", "ansible_play_hosts_all",
	"ansible_play_role_names", "role_names", "ansible_role_names", "ansible_dependent_role_names", "environment",
	"role_path", "role_name", "ansible_role_name", "ansible_collection_name", "ansible_parent_role_names", "ansible_parent_role_paths",
}

// hostVars is the variable hostvars: the variables of every host.
type hostVars struct{ s *Scope }

func (o *hostVars) TypeName() string { return "HostVars" }
func (o *hostVars) IsMapping()       {}
func (o *hostVars) Attr(name string) (value.Value, bool) {
	v, ok, _ := o.AttrOf(nil, name)
	return v, ok
}

// Missing is what is said of a host that there is not.
func (o *hostVars) Missing(name string) string { return `"hostvars['` + name + `']" is undefined` }

// AttrOf gives the variables of one host.
func (o *hostVars) AttrOf(_ *jinja.Context, name string) (value.Value, bool, error) {
	h, ok := o.s.world.HostState(name)
	if !ok {
		return orMethod(o, name)(value.Null, false, nil)
	}
	return value.FromObject(&oneHostVars{from: o.s, host: h}), true, nil
}

// Elements are the names of the hosts, localhost always among them: last, where
// no source names it.
func (o *hostVars) Elements(*jinja.Context) ([]value.Value, error) {
	var names []value.Value
	local := false
	for _, h := range o.s.eng.Inventory.Hosts() {
		names = append(names, value.String(h.Name))
		local = local || h.Name == "localhost"
	}
	if !local {
		names = append(names, value.String("localhost"))
	}
	return names, nil
}

// oneHostVars are the variables of one host as another sees them: inventory,
// facts, what tasks set, extra variables; neither play nor role variables.
type oneHostVars struct {
	from  *Scope
	host  *Host
	scope *Scope
}

func (o *oneHostVars) TypeName() string { return "HostVarsVars" }

// FullTypeName is the name of Ansible's class with its module, which its messages have.
func (o *oneHostVars) FullTypeName() string { return "ansible.vars.hostvars.HostVarsVars" }
func (o *oneHostVars) IsMapping()           {}
func (o *oneHostVars) Attr(name string) (value.Value, bool) {
	v, ok, _ := o.AttrOf(nil, name)
	return v, ok
}

func (o *oneHostVars) vars() *Scope {
	if o.scope == nil {
		o.scope = o.from.eng.Scope(o.from.world, o.host, nil, nil, o.from.moment)
		o.scope.depth = o.from.depth + 1
	}
	return o.scope
}

// AttrOf gives one variable. What another host set and what is not confirmed
// yet is unknown until its operations were applied.
func (o *oneHostVars) AttrOf(_ *jinja.Context, name string) (value.Value, bool, error) {
	if name == "playbook_dir" && o.from.play != nil {
		return o.from.Variable(name)
	}
	if o.host != o.from.host && o.host.Pending && o.unsettled(name) {
		return pending("variable " + name + " of host " + o.host.Name), true, nil
	}
	return orMethod(o, name)(o.vars().Variable(name))
}

func (o *oneHostVars) unsettled(name string) bool {
	fact := strings.TrimPrefix(name, FactPrefix)
	return o.host.Set.Pending(name) || o.host.Included.Pending(name) || o.host.Facts.Pending(fact) ||
		o.host.Facts.Pending("\x00"+name)
}

// Elements are the names of the variables.
func (o *oneHostVars) Elements(*jinja.Context) ([]value.Value, error) {
	names := slices.DeleteFunc(o.vars().AllNames(), func(n string) bool { return n == "hostvars" })
	if o.from.play != nil {
		names = append(names, "playbook_dir")
	}
	return value.Strings(names...).Items(), nil
}
