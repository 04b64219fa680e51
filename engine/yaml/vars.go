package yaml

import (
	"iter"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Var is a named value with the places of both. The value may be a template:
// nothing is evaluated here.
type Var struct {
	Name string
	Pos  diag.Pos // of the name
	Node *Node
}

// Vars is an ordered set of variables by name; the zero value and nil are
// empty. It is built by Set and read-only once it has been handed out.
type Vars struct {
	list []Var
	idx  map[string]int
}

// VarsOf makes variables from the pairs of a mapping; keys that are no strings
// are taken by their text. A nil or null node gives no variables.
func VarsOf(n *Node) *Vars {
	vs := &Vars{}
	if n == nil {
		return vs
	}
	for _, p := range n.Pairs {
		vs.Set(Var{Name: p.Key.val.Text(), Pos: p.Key.Pos, Node: p.Value})
	}
	return vs
}

// Set adds a variable or replaces the one of that name.
func (vs *Vars) Set(v Var) {
	if i := vs.find(v.Name); i >= 0 {
		vs.list[i] = v
		return
	}
	vs.list = append(vs.list, v)
	switch {
	case vs.idx != nil:
		vs.idx[v.Name] = len(vs.list) - 1
	case len(vs.list) > 8:
		vs.idx = make(map[string]int, len(vs.list))
		for i := range vs.list {
			vs.idx[vs.list[i].Name] = i
		}
	}
}

// SetValue adds a variable that was not written as YAML.
func (vs *Vars) SetValue(name string, pos diag.Pos, v value.Value) {
	vs.Set(Var{Name: name, Pos: pos, Node: FromValue(pos, v)})
}

func (vs *Vars) find(name string) int {
	if vs == nil {
		return -1
	}
	if vs.idx != nil {
		if i, ok := vs.idx[name]; ok {
			return i
		}
		return -1
	}
	for i := range vs.list {
		if vs.list[i].Name == name {
			return i
		}
	}
	return -1
}

// Get looks a variable up.
func (vs *Vars) Get(name string) (Var, bool) {
	if i := vs.find(name); i >= 0 {
		return vs.list[i], true
	}
	return Var{}, false
}

// Node is the value of a variable, nil when there is none.
func (vs *Vars) Node(name string) *Node {
	v, _ := vs.Get(name)
	return v.Node
}

// Len is the number of variables.
func (vs *Vars) Len() int {
	if vs == nil {
		return 0
	}
	return len(vs.list)
}

// All ranges over the variables in order.
func (vs *Vars) All() iter.Seq[Var] {
	return func(yield func(Var) bool) {
		if vs == nil {
			return
		}
		for _, v := range vs.list {
			if !yield(v) {
				return
			}
		}
	}
}

// Merge sets every variable of other, which win.
func (vs *Vars) Merge(other *Vars) {
	for v := range other.All() {
		vs.Set(v)
	}
}
