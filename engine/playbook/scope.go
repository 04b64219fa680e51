package playbook

import (
	"iter"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// ScopeKind is what a scope belongs to.
type ScopeKind uint8

// The kinds of scopes.
const (
	PlayScope ScopeKind = iota
	RoleScope
	BlockScope
	ImportScope  // import_tasks, import_role
	IncludeScope // the apply: and vars: of an expanded include
	TaskScope
)

// Keywords are what plays, roles, blocks and tasks may all say. A nil node was
// not given. Lists are as written, one node an element.
type Keywords struct {
	Name *yaml.Node

	Connection, Port, RemoteUser                                 *yaml.Node
	Become, BecomeMethod, BecomeUser, BecomeFlags, BecomeExe     *yaml.Node
	NoLog, RunOnce, IgnoreErrors, IgnoreUnreachable              *yaml.Node
	CheckMode, Diff, AnyErrorsFatal, Throttle, Timeout           *yaml.Node
	Debugger, DelegateTo, DelegateFacts                          *yaml.Node
	When, Tags, Notify, Environment, ModuleDefaults, Collections []*yaml.Node

	// Vars is never evaluated here; nil when not given.
	Vars *yaml.Vars
}

// Scope is a thing whose keywords hold for what stands inside it.
type Scope struct {
	Kind ScopeKind
	Pos  diag.Pos
	Keywords
	// Up is the enclosing scope, nil for a play.
	Up *Scope
	// Use is the role use a RoleScope belongs to; see Role.
	Use *RoleUse
	// In is the play.
	In *Play
	// File is the file the scope is written in.
	File string
	// Broken says that a keyword of a task or block has a value that it cannot take: a
	// host that comes to such a task fails, as in Ansible.
	Broken *diag.Diagnostic
}

// BrokenKeyword is what is wrong with the keywords that hold for the scope; nil if
// nothing is.
func (s *Scope) BrokenKeyword() *diag.Diagnostic {
	for x := range s.Outward() {
		if x.Broken != nil {
			return x.Broken
		}
	}
	return nil
}

// Inherits is the scope itself; it makes Task and Block items.
func (s *Scope) Inherits() *Scope { return s }

// Outward ranges over the scope and those around it, innermost first.
func (s *Scope) Outward() iter.Seq[*Scope] {
	return func(yield func(*Scope) bool) {
		for ; s != nil; s = s.Up {
			if !yield(s) {
				return
			}
		}
	}
}

// Inward ranges over the scopes from the play to s itself.
func (s *Scope) Inward() iter.Seq[*Scope] {
	return func(yield func(*Scope) bool) {
		var chain []*Scope
		for x := s; x != nil; x = x.Up {
			chain = append(chain, x)
		}
		for i := len(chain) - 1; i >= 0; i-- {
			if !yield(chain[i]) {
				return
			}
		}
	}
}

// Nearest gives a keyword from the innermost scope that says it:
//
//	task.Nearest(func(k *Keywords) *yaml.Node { return k.Become })
func (s *Scope) Nearest(get func(*Keywords) *yaml.Node) *yaml.Node {
	for x := range s.Outward() {
		if n := get(&x.Keywords); n != nil {
			return n
		}
	}
	return nil
}

// Collected gives a list keyword from all scopes, outermost first: when, tags,
// environment and module_defaults add up, an inner one comes later and wins.
func (s *Scope) Collected(get func(*Keywords) []*yaml.Node) []*yaml.Node {
	var all []*yaml.Node
	for x := range s.Inward() {
		all = append(all, get(&x.Keywords)...)
	}
	return all
}

// NearestList gives a list keyword from the innermost scope that says it.
func (s *Scope) NearestList(get func(*Keywords) []*yaml.Node) []*yaml.Node {
	for x := range s.Outward() {
		if n := get(&x.Keywords); n != nil {
			return n
		}
	}
	return nil
}

// Whens are all conditions that must hold, in order of evaluation.
func (s *Scope) Whens() []*yaml.Node {
	return s.Collected(func(k *Keywords) []*yaml.Node { return k.When })
}

// AllTags are the tags of the scope and of all around it, as written (a node
// may be a template).
func (s *Scope) AllTags() []*yaml.Node {
	return s.Collected(func(k *Keywords) []*yaml.Node { return k.Tags })
}

// Environments are the environment dictionaries, outermost first; later win.
func (s *Scope) Environments() []*yaml.Node {
	return s.Collected(func(k *Keywords) []*yaml.Node { return k.Environment })
}

// AllModuleDefaults are the module_defaults, outermost first; later win.
func (s *Scope) AllModuleDefaults() []*yaml.Node {
	return s.Collected(func(k *Keywords) []*yaml.Node { return k.ModuleDefaults })
}

// Notifies are what a change of the task notifies: its own notify, else that
// of the nearest block.
func (s *Scope) Notifies() []*yaml.Node {
	return s.NearestList(func(k *Keywords) []*yaml.Node { return k.Notify })
}

// VarLayers are the variables of blocks, imports and the task itself around
// this scope, lowest precedence first: blocks outermost first, the task last.
// Variables of plays and roles are not among them: they have their own levels.
func (s *Scope) VarLayers() []*yaml.Vars {
	var layers []*yaml.Vars
	for x := range s.Inward() {
		if x.Kind != PlayScope && x.Kind != RoleScope && x.Vars.Len() > 0 {
			layers = append(layers, x.Vars)
		}
	}
	return layers
}

// Role is the innermost role use the scope is in, nil outside roles.
func (s *Scope) Role() *RoleUse {
	for x := range s.Outward() {
		if x.Kind == RoleScope {
			return x.Use
		}
	}
	return nil
}
