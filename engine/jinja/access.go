package jinja

import (
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// objectName names a value as Jinja2's messages about missing attributes do.
func objectName(v value.Value) string {
	if v.IsNull() {
		return "None"
	}
	if o, ok := v.Object().(interface{ FullTypeName() string }); ok {
		return o.FullTypeName() + " object"
	}
	return v.TypeName() + " object"
}

func (c *Context) missing(v value.Value, k value.Value) value.Value {
	of := objectName(v)
	if o, ok := v.Object().(interface{ Missing(name string) string }); ok && k.IsString() && !k.IsSecret() {
		return value.UndefinedOf(&value.Undef{Msg: o.Missing(k.Str())})
	}
	switch {
	case k.IsString() && v.IsNull():
		return value.UndefinedOf(&value.Undef{Msg: "'None' has no attribute " + k.Repr()})
	case k.IsString():
		name := k.Str()
		if k.IsSecret() {
			name = "(secret)"
		}
		return value.UndefinedOf(&value.Undef{Of: of, Name: name})
	case k.IsSecret():
		return value.UndefinedOf(&value.Undef{Msg: of + " has no element (secret)"})
	}
	return value.UndefinedOf(&value.Undef{Msg: of + " has no element " + k.Repr()})
}

// into handles looking into what is not there or not known.
func (c *Context) into(v value.Value) (value.Value, bool, error) {
	switch v.Kind() {
	case value.KindUnknown:
		return v, true, nil
	case value.KindUndefined:
		if c.Env.ChainUndefined {
			return v, true, nil
		}
		return v, true, undefinedError(v)
	}
	return v, false, nil
}

// GetAttr is v.name in a template.
func (c *Context) GetAttr(v value.Value, name string) (value.Value, error) {
	return c.getAttr(nil, v, name)
}

// GetItem is v[key] in a template.
func (c *Context) GetItem(v, key value.Value) (value.Value, error) { return c.getItem(nil, v, key) }

func (c *Context) getAttr(_ *run, v value.Value, name string) (value.Value, error) {
	if r, done, err := c.into(v); done {
		return r, err
	}
	if hasMethod(v, name) {
		return value.FromObject(&method{v, name}), nil
	}
	if e, ok := pairField(v, name); ok {
		return e, nil
	}
	return c.attrOrItem(v, value.String(name))
}

// pairField names the parts of groupby's pairs; no other tuple is asked for
// these names.
func pairField(v value.Value, name string) (value.Value, bool) {
	if v.IsTuple() && v.Len() == 2 {
		switch name {
		case "grouper":
			return v.Items()[0], true
		case "list":
			return v.Items()[1], true
		}
	}
	return value.Null, false
}

// attrOrItem looks a name up in objects and dicts.
func (c *Context) attrOrItem(v, key value.Value) (value.Value, error) {
	switch v.Kind() {
	case value.KindMap:
		if !key.Hashable() {
			break
		}
		if e, ok := v.Map().GetKey(key); ok {
			return e.WithMarks(v.Marks()), nil
		}
	case value.KindObject:
		name := key.Text()
		if l, ok := v.Object().(LazyObject); ok {
			e, found, err := l.AttrOf(c, name)
			if err != nil || found {
				return e.WithMarks(v.Marks()), err
			}
		} else if e, ok := v.Object().Attr(name); ok {
			return e.WithMarks(v.Marks()), nil
		}
	}
	return c.missing(v, key), nil
}

func (c *Context) getItem(_ *run, v, key value.Value) (value.Value, error) {
	if r, done, err := c.into(v); done {
		return r, err
	}
	if key.IsUnknown() {
		return key.WithMarks(marksOf(v)), nil
	}
	if key.IsUndefined() {
		return key, undefinedError(key)
	}
	i, isInt := key.AsInt()
	switch v.Kind() {
	case value.KindString:
		if isInt {
			return stringItem(c, v, int(i))
		}
	case value.KindList:
		if isInt {
			n := int64(v.Len())
			if i < 0 {
				i += n
			}
			if i < 0 || i >= n {
				return c.missing(v, key), nil
			}
			items := v.WithoutMarks(v.Marks()).Items()
			return items[i].WithMarks(marksOf(v, key)), nil
		}
	case value.KindMap, value.KindObject:
		r, err := c.attrOrItem(v, key)
		if err != nil || !r.IsUndefined() {
			return r, err
		}
	}
	if e, ok := pairField(v, key.Str()); ok && key.IsString() {
		return e, nil
	}
	if key.IsString() && hasMethod(v, key.Str()) {
		return value.FromObject(&method{v, key.Str()}), nil
	}
	return c.missing(v, key), nil
}

func stringItem(c *Context, v value.Value, i int) (value.Value, error) {
	rs := []rune(v.Str())
	n := i
	if n < 0 {
		n += len(rs)
	}
	if n < 0 || n >= len(rs) {
		return c.missing(v, value.Int(int64(i))), nil
	}
	return value.String(string(rs[n])).WithMarks(marksOf(v)), nil
}

// slice is v[start:stop:step].
func slice(c *Context, v, start, stop, step value.Value) (value.Value, error) {
	if r, done, err := c.into(v); done {
		return r, err
	}
	if u, ok := anyUnknown(start, stop, step); ok {
		return u.WithMarks(marksOf(v)), nil
	}
	n := v.Len()
	if k := v.Kind(); k != value.KindString && k != value.KindList {
		return value.UndefinedOf(&value.Undef{Msg: objectName(v) + " has no element slice"}), nil
	}
	idx := func(p value.Value, def int) (int, error) {
		if p.IsNull() {
			return def, nil
		}
		if p.IsUndefined() {
			return 0, undefinedError(p)
		}
		i, ok := p.AsInt()
		if !ok {
			return 0, fmt.Errorf("slice indices must be integers or None, not %s", p.TypeName())
		}
		return int(max(min(i, 1<<40), -1<<40)), nil
	}
	by, err := idx(step, 1)
	if err != nil {
		return v, err
	}
	if by == 0 {
		return v, fmt.Errorf("slice step cannot be zero")
	}
	lo, hi := 0, n
	if by < 0 {
		lo, hi = n-1, -1
	}
	bound := func(p value.Value, def int) (int, error) {
		i, err := idx(p, def)
		if err != nil || p.IsNull() {
			return i, err
		}
		if i < 0 {
			i += n
		}
		if by < 0 {
			return max(min(i, n-1), -1), nil
		}
		return max(min(i, n), 0), nil
	}
	from, err := bound(start, lo)
	if err != nil {
		return v, err
	}
	to, err := bound(stop, hi)
	if err != nil {
		return v, err
	}
	marks := marksOf(v, start, stop, step)
	if v.IsString() {
		rs := []rune(v.Str())
		var b strings.Builder
		for i := from; (by > 0 && i < to) || (by < 0 && i > to); i += by {
			b.WriteRune(rs[i])
		}
		return value.String(b.String()).WithMarks(marks), nil
	}
	items := v.WithoutMarks(v.Marks()).Items()
	out := []value.Value{}
	for i := from; (by > 0 && i < to) || (by < 0 && i > to); i += by {
		out = append(out, items[i])
	}
	if v.IsTuple() {
		return value.Tuple(out...).WithMarks(marks), nil
	}
	return value.List(out...).WithMarks(marks), nil
}

// Iterate gives the elements of v as Python's iter() does: characters of a
// string, keys of a dict.
func (c *Context) Iterate(v value.Value) ([]value.Value, error) { return iterate(c, v) }

func iterate(c *Context, v value.Value) ([]value.Value, error) {
	switch v.Kind() {
	case value.KindList:
		return v.Items(), nil
	case value.KindMap:
		keys := v.Map().Keys()
		if v.Marks() == 0 {
			return keys[:len(keys):len(keys)], nil
		}
		return value.List(keys...).WithMarks(v.Marks()).Items(), nil
	case value.KindString:
		s := v.Str()
		if err := c.step(len(s)); err != nil {
			return nil, err
		}
		out := make([]value.Value, 0, len(s))
		for _, r := range s {
			out = append(out, value.String(string(r)).WithMarks(marksOf(v)))
		}
		return out, nil
	case value.KindUndefined:
		if v.IsSoft() {
			return nil, nil
		}
		return nil, undefinedError(v)
	case value.KindUnknown:
		return nil, unknownSignal{v}
	case value.KindObject:
		if s, ok := v.Object().(Sequence); ok {
			return s.Elements(c)
		}
	}
	return nil, fmt.Errorf("'%s' object is not iterable", v.TypeName())
}

// contains is x in v.
func contains(c *Context, v, x value.Value) (bool, error) {
	switch v.Kind() {
	case value.KindString:
		if !x.IsString() {
			return false, fmt.Errorf("'in <string>' requires string as left operand, not %s", x.TypeName())
		}
		return strings.Contains(v.Str(), x.Str()), nil
	case value.KindMap:
		if !x.Hashable() {
			return false, fmt.Errorf("unhashable type: '%s'", x.TypeName())
		}
		_, ok := v.Map().GetKey(x)
		return ok, nil
	case value.KindList, value.KindObject:
		if l, ok := v.Object().(LazyObject); ok {
			if _, isMap := v.Object().(Mapping); isMap {
				_, found, err := l.AttrOf(c, x.Text())
				return found, err
			}
		}
		items, err := iterate(c, v)
		if err != nil {
			return false, err
		}
		if err := c.step(len(items)); err != nil {
			return false, err
		}
		for _, it := range items {
			if value.Equal(it, x) {
				return true, nil
			}
		}
		return false, nil
	case value.KindUndefined:
		return false, undefinedError(v)
	}
	return false, fmt.Errorf("argument of type '%s' is not iterable", v.TypeName())
}

// ordered is == != < <= > >=.
func ordered(op string, a, b value.Value) (bool, error) {
	switch op {
	case "==":
		return equal(a, b), nil
	case "!=":
		return !equal(a, b), nil
	}
	n, ok := compareValues(a, b)
	if !ok {
		if a.Kind() == value.KindFloat || b.Kind() == value.KindFloat {
			if a.IsNumber() && b.IsNumber() {
				return false, nil // NaN
			}
		}
		return false, fmt.Errorf("'%s' not supported between instances of '%s' and '%s'", op, a.TypeName(), b.TypeName())
	}
	switch op {
	case "<":
		return n < 0, nil
	case "<=":
		return n <= 0, nil
	case ">":
		return n > 0, nil
	}
	return n >= 0, nil
}
