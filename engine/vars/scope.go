package vars

import (
	"errors"
	"maps"
	"slices"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// Host is what a run knows about a host beside the inventory.
type Host struct {
	*inventory.Host
	// Facts have no prefix; Set holds set_fact and registered results,
	// Included what include_vars read.
	Facts, Set, Included *Memory
	// Pending tells whether operations of the host wait to be applied, so that
	// what it set since is not certain.
	Pending bool

	layers    []inventory.Layer
	layersGen int
}

// NewHost starts a host's state.
func NewHost(h *inventory.Host) *Host {
	return &Host{Host: h, Facts: NewMemory(), Set: NewMemory(), Included: NewMemory(), layersGen: -1}
}

// Relist makes it the state of a host of the inventory that was known by its name
// alone before.
func (h *Host) Relist(in *inventory.Host) { h.Host, h.layersGen = in, -1 }

// World is what magic variables tell about the run.
type World interface {
	// HostState gives the state of a host of the inventory; it may make it.
	HostState(name string) (*Host, bool)
	// PlayHosts are the hosts of the play that are still in it, Batch those of
	// the present batch; settled is false while operations are pending whose
	// failure could change them.
	PlayHosts() (hosts []string, settled bool)
	Batch() (hosts []string, settled bool)
	// AllPlayHosts are all hosts of the play, failed ones too.
	AllPlayHosts() []string
	// ConnectionDefault is what the command line and the settings say of how
	// hosts are reached: connection, user, port, timeout or key; "" for nothing.
	ConnectionDefault(what string) string
}

// Scope finds variables for one host and one task (or play). Values are
// evaluated when they are asked for, once. It is not safe for concurrent use.
type Scope struct {
	eng     *Engine
	world   World
	host    *Host
	play    *PlayVars
	at      *playbook.Scope // of the task; nil outside tasks
	layers  []layer         // highest precedence first
	locals  map[string]value.Value
	markup  map[string]bool // which of them hold templates
	moment  Moment
	cache   map[string]cached
	busy    map[string]bool
	depth   int
	strict  bool   // hostvars' view: neither play nor task
	textual bool   // a template file reads it: variables are templated as without jinja2_native
	here    bool   // delegate_to has no say: see delegate
	calls   string // what the task calls the host; empty is its name
	// reads notes what is read; nil: nobody wants to know. The layers of the host are
	// those from memoryAt to memoryEnd and from factsAt to inventoryEnd.
	reads                                      *Reads
	memoryAt, memoryEnd, factsAt, inventoryEnd int
	// hostFiles: some of vars_files are the host's own; broken: one cannot be read.
	hostFiles bool
	broken    error
	// fileKind is the folder that first_found looks in beside the task's own;
	// empty is files.
	fileKind string
}

type cached struct {
	val value.Value
	ok  bool
	err error
}

// layer is one level of variables. A node is evaluated when used.
type layer interface {
	find(name string) (n *yaml.Node, v value.Value, ok bool)
	names(add func(string))
}

type nodeLayer struct{ vars *yaml.Vars }

func (l nodeLayer) find(name string) (*yaml.Node, value.Value, bool) {
	v, ok := l.vars.Get(name)
	return v.Node, value.Null, ok
}

func (l nodeLayer) names(add func(string)) {
	for v := range l.vars.All() {
		add(v.Name)
	}
}

type memoryLayer struct{ mem *Memory }

func (l memoryLayer) find(name string) (*yaml.Node, value.Value, bool) {
	v, ok := l.mem.Get(name)
	return nil, v, ok
}

func (l memoryLayer) names(add func(string)) {
	for _, n := range l.mem.InOrder() {
		add(n)
	}
}

// PlayVars are the variables of a play; read-only after NewPlayVars.
type PlayVars struct {
	Play  *playbook.Play
	Files []*yaml.Vars // vars_files, in order; nil: none, or each host's own
	// HostFile gives for a host an entry that is nil in Files; nil where no name in
	// vars_files is a host's own.
	HostFile func(h *Host, entry int) (*yaml.Vars, error)
	// Prompted are the answers to vars_prompt.
	Prompted *yaml.Vars
	// Public are the roles that include_role brought with public: true, whose
	// variables the rest of the play sees. It grows while the play runs.
	Public []*playbook.RoleUse
}

// Scope makes the scope of a task on a host; at nil is the play itself, play
// nil is hostvars' view (inventory, facts, what tasks set, extra variables).
func (e *Engine) Scope(w World, h *Host, play *PlayVars, at *playbook.Scope, m Moment) *Scope {
	s := &Scope{eng: e, world: w, host: h, play: play, at: at, moment: m, layers: make([]layer, 0, 12)}
	s.strict = play == nil
	s.build()
	return s
}

// With makes a scope that also sees locals, above all else, as they are.
func (s *Scope) With(locals map[string]value.Value) *Scope {
	c := *s
	c.locals = make(map[string]value.Value, len(s.locals)+len(locals))
	for n, v := range s.locals {
		c.locals[n] = v
	}
	c.markup = maps.Clone(s.markup)
	for n, v := range locals {
		c.locals[n] = v.Listed()
		delete(c.markup, n)
	}
	c.cache, c.busy = nil, nil
	return &c
}

// WithItem is With for the variables of a loop: templates in them, if they are not unsafe,
// are evaluated like those of any variable.
func (s *Scope) WithItem(locals map[string]value.Value) *Scope {
	c := s.With(locals)
	for n, v := range locals {
		if hasMarkup(v) {
			if c.markup == nil {
				c.markup = map[string]bool{}
			}
			c.markup[n] = true
		}
	}
	return c
}

// LookingIn makes a scope whose first_found looks in templates, vars or files.
func (s *Scope) LookingIn(kind string) *Scope {
	c := *s
	c.fileKind = kind
	return &c
}

// Host is the host the scope is for.
func (s *Scope) Host() *Host { return s.host }

func (s *Scope) add(l *yaml.Vars) {
	if l.Len() > 0 {
		s.layers = append(s.layers, nodeLayer{l})
	}
}

// build lists the levels, highest first, by the table of ansible-core 2.14
// ("Understanding variable precedence").
func (s *Scope) build() {
	s.add(s.eng.Extra) // 22
	var role *playbook.RoleUse
	if s.at != nil {
		role = s.at.Role()
		s.addIncludeParams()  // 21
		s.addRoleParams(role) // 20
	}
	s.memoryAt = len(s.layers)
	if s.host != nil {
		s.layers = append(s.layers, memoryLayer{s.host.Set}, memoryLayer{s.host.Included}) // 19, 18
	}
	s.memoryEnd = len(s.layers)
	if s.at != nil {
		s.addTaskVars() // 17, 16
	}
	if s.play != nil {
		s.addRoles(role, roleVars, !s.eng.PrivateRoles) // 15
		s.addFiles()                                    // 14
		s.add(s.play.Prompted)                          // 13
		s.add(s.play.Play.Keywords.Vars)                // 12
	}
	s.factsAt = len(s.layers)
	if s.host != nil {
		s.layers = append(s.layers, factLayer{s.host.Facts, s.eng.HideFacts}) // 11
		layers := s.eng.inventoryLayers(s.host)
		for i := len(layers) - 1; i >= 0; i-- {
			s.add(layers[i].Vars) // 10 to 3
		}
	}
	s.inventoryEnd = len(s.layers)
	if s.play != nil {
		s.addRoles(role, roleDefaults, true) // 2
	}
}

func (s *Scope) addFiles() {
	for i := len(s.play.Files) - 1; i >= 0; i-- {
		f := s.play.Files[i]
		if f == nil && s.host != nil && s.play.HostFile != nil {
			var err error
			if f, err = s.play.HostFile(s.host, i); err != nil && s.broken == nil {
				s.broken = err
			}
			s.hostFiles = true
		}
		s.add(f)
	}
}

// Err tells why the variables of the host cannot be told: what one of vars_files is.
func (s *Scope) Err() error { return s.broken }

func (s *Scope) addIncludeParams() {
	for x := range s.at.Outward() {
		switch {
		case x.Kind == playbook.IncludeScope:
			s.add(x.Vars)
		case x.Kind == playbook.RoleScope && x.Use.FromInclude && x.Use.ParentRole != nil:
			// The parameters of the role around win over what the include passes.
			s.add(x.Use.ParentRole.Params)
		}
	}
}

func (s *Scope) addRoleParams(role *playbook.RoleUse) {
	for r := role; r != nil; r = r.ParentRole {
		s.add(r.Params)
	}
}

func (s *Scope) addTaskVars() {
	for x := range s.at.Outward() {
		if x.Kind == playbook.TaskScope || x.Kind == playbook.BlockScope || x.Kind == playbook.ImportScope {
			s.add(x.Vars)
		}
	}
}

// A role's own variables win over those of its dependencies.
func roleVars(s *Scope, r *playbook.RoleUse) {
	s.add(r.RoleVars)
	s.add(r.Keywords.Vars)
}

func roleDefaults(s *Scope, r *playbook.RoleUse) { s.add(r.Defaults) }

// addRoles adds the task's own role first (it wins), with the roles that depend
// on it behind, then (shared) every role of the play, the last one first.
func (s *Scope) addRoles(role *playbook.RoleUse, one func(*Scope, *playbook.RoleUse), shared bool) {
	for r := role; r != nil; r = r.ParentRole {
		s.addRoleTree(r, one)
	}
	if s.play.Play == nil || !shared {
		return
	}
	uses := slices.Concat(s.play.Play.Roles, s.play.Play.Imported, s.play.Public)
	for i := len(uses) - 1; i >= 0; i-- {
		s.addRoleTree(uses[i], one)
	}
}

func (s *Scope) addRoleTree(r *playbook.RoleUse, one func(*Scope, *playbook.RoleUse)) {
	one(s, r)
	for i := len(r.Deps) - 1; i >= 0; i-- {
		s.addRoleTree(r.Deps[i], one)
	}
}

// Lookup gives an evaluated variable; it implements jinja.Scope.
func (s *Scope) Lookup(_ *jinja.Context, name string) (value.Value, bool, error) {
	if v, ok := s.locals[name]; ok {
		s.readsOwn()
		if !s.markup[name] {
			return v, true, nil
		}
	}
	if c, ok := s.cache[name]; ok {
		return c.val, c.ok, c.err
	}
	if v, ok := s.locals[name]; ok {
		v, err := s.evalVariable(name, yaml.FromValue(diag.Pos{}, v))
		return v, true, err
	}
	if v, ok, keep := s.magic(name); ok {
		s.readsMagic(name)
		if keep {
			s.keep(name, cached{val: v, ok: true})
		}
		return v, true, nil
	}
	for i, l := range s.layers {
		n, v, ok := l.find(name)
		if !ok {
			continue
		}
		s.readsLayer(name, i)
		if s.eng.Merge {
			if m := s.merged(name, i); m != nil {
				v, err := s.evalVariable(name, m)
				return v, true, err
			}
		}
		if n == nil {
			n = yaml.FromValue(diag.Pos{}, v)
			if !hasMarkup(v) {
				return v, true, nil
			}
		}
		v, err := s.evalVariable(name, n)
		return v, true, err
	}
	s.readsLayer(name, len(s.layers))
	if s.at != nil && s.host != nil {
		return s.connection(name)
	}
	return value.Null, false, nil
}

// keep remembers a variable that was evaluated.
func (s *Scope) keep(name string, c cached) {
	if s.cache == nil {
		s.cache = map[string]cached{}
	}
	s.cache[name] = c
}

// IsLiteral implements jinja.LiteralScope.
func (s *Scope) IsLiteral(name string) bool {
	if _, ok := s.locals[name]; ok {
		s.readsOwn()
		return !s.markup[name]
	}
	for i, l := range s.layers {
		if n, v, ok := l.find(name); ok {
			s.readsLayer(name, i)
			return n == nil && !hasMarkup(v) || n != nil && !n.HasTemplate()
		}
	}
	s.readsLayer(name, len(s.layers))
	return true
}

// evalVariable evaluates a variable's own template. What is undefined because
// something in its definition is undefined counts as undefined itself.
func (s *Scope) evalVariable(name string, n *yaml.Node) (value.Value, error) {
	if s.busy[name] {
		return value.Null, diag.Errorf(n.Pos, "recursive-variable", "recursive loop detected in template string: the variable '%s' is defined by itself", name).
			WithHint("give one of the two another name")
	}
	if s.busy == nil {
		s.busy = map[string]bool{}
	}
	s.busy[name] = true
	defer delete(s.busy, name)
	v, err := s.Eval(n)
	text := n.Text
	if err != nil && n.Kind != yaml.Scalar {
		text = n.Value().Repr()
	}
	err = inVariable(text, err)
	if err != nil && IsUndefined(err) {
		var d *diag.Diagnostic
		errors.As(err, &d)
		v, err = value.UndefinedOf(&value.Undef{Name: name, Msg: text + ": " + d.Msg}), nil
	}
	s.keep(name, cached{v, true, err})
	return v, err
}

// Variable gives an evaluated variable by name.
func (s *Scope) Variable(name string) (value.Value, bool, error) { return s.Lookup(nil, name) }

// written gives a variable without evaluating what it is made of.
func (s *Scope) written(name string) (value.Value, bool, error) {
	if _, local := s.locals[name]; local {
		return s.Lookup(nil, name)
	}
	if _, magic, _ := s.magic(name); magic {
		return s.Lookup(nil, name)
	}
	for i, l := range s.layers {
		n, v, ok := l.find(name)
		if !ok {
			continue
		}
		s.readsLayer(name, i)
		if s.eng.Merge {
			if m := s.merged(name, i); m != nil {
				n = m
			}
		}
		if n != nil {
			v = n.Value()
		}
		return v, true, nil
	}
	return s.Lookup(nil, name)
}

// Source gives the node a variable comes from, without evaluating it; nil when
// a task set it or it does not exist.
func (s *Scope) Source(name string) *yaml.Node {
	s.readsOwn()
	for _, l := range s.layers {
		if n, _, ok := l.find(name); ok {
			return n
		}
	}
	return nil
}

// Names are the names of all variables but the magic ones, in the order in which
// Ansible puts them together: those of the lowest precedence first, as they were
// said.
func (s *Scope) Names() []string {
	s.readsOwn()
	set := map[string]bool{}
	var names []string
	add := func(n string) {
		if !set[n] {
			set[n] = true
			names = append(names, n)
		}
	}
	for _, l := range slices.Backward(s.layers) {
		l.names(add)
	}
	for _, n := range slices.Sorted(maps.Keys(s.locals)) {
		add(n)
	}
	return names
}
