package jinja

import "github.com/fairlead-project/fairlead/engine/value"

// asMapping are the filters that take a lazy mapping as it is: they need its
// keys alone, or nothing of it.
var asMapping = map[string]bool{"length": true, "count": true, "list": true, "default": true, "d": true, "type_debug": true, "sort": true,
	"first": true, "last": true, "random": true, "join": true, "map": true, "select": true, "reject": true}

// Spelled makes a dict of a lazy mapping such as hostvars, with all that is in it
// evaluated, where its content is asked for as a whole, and of an imported template
// its text. An entry that cannot be evaluated is left out. Any other value stays what it is.
func (c *Context) Spelled(v value.Value) (value.Value, error) {
	if v.Kind() != value.KindObject {
		return v, nil
	}
	if m, ok := v.Object().(*module); ok {
		return m.text, nil
	}
	m, ok := v.Object().(Mapping)
	if !ok {
		return v, nil
	}
	of, ok := v.Object().(LazyObject)
	if !ok {
		return v, nil
	}
	if err := c.enter(); err != nil {
		return v, err
	}
	defer c.leave()
	keys, err := m.Elements(c)
	if err != nil {
		return v, err
	}
	if err := c.step(len(keys)); err != nil {
		return v, err
	}
	out := value.NewMap()
	for _, k := range keys {
		e, found, err := of.AttrOf(c, k.Text())
		if err != nil || !found || e.IsUndefined() {
			continue
		}
		if e, err = c.Spelled(e); err != nil {
			return v, err
		}
		out.SetKey(k, e)
	}
	return value.FromMap(out).WithMarks(v.Marks()), nil
}
