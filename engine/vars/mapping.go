package vars

import (
	"fmt"

	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/value"
)

// mapMethod is a method of a dict, on one of the mappings here.
type mapMethod struct {
	of   jinja.Mapping
	name string
}

// methodOf gives keys, values, items and get of a mapping; ok is false for
// other names.
func methodOf(m jinja.Mapping, name string) (v value.Value, ok bool) {
	switch name {
	case "keys", "values", "items", "get":
		return value.FromObject(&mapMethod{m, name}), true
	}
	return value.Null, false
}

// TypeName is Python's.
func (m *mapMethod) TypeName() string { return "method" }

// Attr implements value.Object: a method has none.
func (m *mapMethod) Attr(string) (value.Value, bool) { return value.Null, false }

// Call implements jinja.Callable.
func (m *mapMethod) Call(c *jinja.Context, args jinja.Args) (value.Value, error) {
	of, ok := m.of.(jinja.LazyObject)
	if !ok {
		return value.Null, fmt.Errorf("%s cannot be called here", m.name)
	}
	if m.name == "get" {
		if len(args.Pos) == 0 {
			return value.Null, fmt.Errorf("get expected at least 1 argument, got 0")
		}
		v, found, err := of.AttrOf(c, args.Pos[0].Text())
		if err != nil || found && !isMethod(v) {
			return v, err
		}
		if len(args.Pos) > 1 {
			return args.Pos[1], nil
		}
		return value.Null, nil
	}
	keys, err := m.of.Elements(c)
	if err != nil || m.name == "keys" {
		return value.List(keys...), err
	}
	out := make([]value.Value, len(keys))
	for i, k := range keys {
		v, _, err := of.AttrOf(c, k.Text())
		if err != nil {
			return value.Null, err
		}
		out[i] = v
		if m.name == "items" {
			out[i] = value.Tuple(k, v)
		}
	}
	return value.List(out...), nil
}

func isMethod(v value.Value) bool {
	if v.Kind() != value.KindObject {
		return false
	}
	_, ok := v.Object().(*mapMethod)
	return ok
}

var (
	_ jinja.Callable   = (*mapMethod)(nil)
	_ jinja.Mapping    = (*varsObject)(nil)
	_ jinja.Mapping    = (*hostVars)(nil)
	_ jinja.LazyObject = (*oneHostVars)(nil)
)
