package jinja

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

func addAnsibleData(f map[string]Filter) {
	f["combine"] = Filter{Passes: true, Fn: combineFilter}
	f["dict2items"] = knownLen(passing(bound(func(_ *Context, in value.Value, b *Bound) (value.Value, error) {
		if in.Map() == nil {
			return in, refusal("dict2items requires a dictionary, got <class '%s'> instead.", in.TypeName())
		}
		kn, vn := b.Str("key_name", "key"), b.Str("value_name", "value")
		out := []value.Value{}
		for k, v := range in.Map().All() {
			out = append(out, value.FromMap(value.M(kn, k, vn, v)))
		}
		return value.List(out...).WithMarks(in.Marks()), nil
	}, "key_name?", "value_name?")))
	f["items2dict"] = passing(bound(items2dict, "key_name?", "value_name?"))
	f["flatten"] = over(func(c *Context, items []value.Value, a Args) (value.Value, error) {
		b := a.Bind("levels?", "skip_nulls?")
		out, err := flatten(c, items, b.Int("levels", -1), b.Bool("skip_nulls", true), 0)
		return value.List(out...), errors.Join(b.Err, err)
	})
	for _, name := range []string{"union", "difference", "intersect", "symmetric_difference"} {
		f[name] = passing(bound(func(c *Context, in value.Value, b *Bound) (value.Value, error) {
			return setOperation(c, name, in, b.Value("b"))
		}, "b"))
	}
	f["extract"] = Filter{Passes: true, TakesUndefined: true, Fn: extractFilter}
	f["subelements"] = passing(bound(subelements, "subelements", "skip_missing?"))
	f["rekey_on_member"] = passing(bound(rekey, "key", "duplicates?"))
}

func combineFilter(c *Context, in value.Value, a Args) (value.Value, error) {
	recursive, merge := false, "replace"
	for _, k := range a.Kw {
		switch k.Name {
		case "recursive":
			recursive = k.Value.Truthy()
		case "list_merge":
			merge = text(k.Value)
		default:
			return in, refusal("'recursive' and 'list_merge' are the only valid keyword arguments")
		}
	}
	if !set("replace", "keep", "append", "prepend", "append_rp", "prepend_rp")[merge] {
		return in, refusal("merge_hash: 'list_merge' argument can only be equal to 'replace', 'keep', 'append', 'prepend', 'append_rp' or 'prepend_rp'")
	}
	dicts, err := flatten(c, append([]value.Value{in}, a.Pos...), 1, true, 0)
	if err != nil || len(dicts) == 0 {
		return value.FromMap(nil), err
	}
	for _, d := range dicts {
		if err := definedDeep(d); err != nil {
			return in, err
		}
	}
	result := dicts[0]
	for i := len(dicts) - 2; i >= 0; i-- { // as Ansible merges: from the end
		if x, y := dicts[i], dicts[i+1]; x.Map() == nil || y.Map() == nil {
			return in, refusal("failed to combine variables, expected dicts but got a '%s' and a '%s': \n%s\n%s", x.TypeName(), y.TypeName(), x.PythonJSON(), y.PythonJSON())
		}
	}
	for _, d := range dicts[1:] {
		if result, err = mergeDicts(c, result, d, recursive, merge); err != nil {
			return in, err
		}
	}
	return result, nil
}

func mergeDicts(c *Context, x, y value.Value, recursive bool, merge string) (value.Value, error) {
	m := x.Map().Clone()
	for k, v := range y.Map().All() {
		if err := c.step(1); err != nil {
			return x, err
		}
		old, ok := m.GetKey(k)
		switch {
		case ok && recursive && old.Map() != nil && v.Map() != nil:
			var err error
			if v, err = mergeDicts(c, old, v, recursive, merge); err != nil {
				return x, err
			}
		case ok && old.Kind() == value.KindList && v.Kind() == value.KindList:
			v = mergeLists(old, v, merge)
		}
		m.SetKey(k, v)
	}
	return value.FromMap(m).WithMarks(marksOf(x, y)), nil
}

func mergeLists(x, y value.Value, merge string) value.Value {
	a, b := x.Items(), y.Items()
	var rest []value.Value // of a, what b does not hold
	for _, v := range a {
		in := false
		for _, o := range b {
			in = in || equal(o, v)
		}
		if !in {
			rest = append(rest, v)
		}
	}
	join := func(p, q []value.Value) value.Value {
		return value.List(append(append([]value.Value{}, p...), q...)...)
	}
	switch merge {
	case "keep":
		return x
	case "append":
		return join(a, b)
	case "prepend":
		return join(b, a)
	case "append_rp":
		return join(rest, b)
	case "prepend_rp":
		return join(b, rest)
	}
	return y
}

func items2dict(c *Context, in value.Value, b *Bound) (value.Value, error) {
	if in.Kind() != value.KindList {
		return in, refusal("items2dict requires a list, got <class '%s'> instead.", in.TypeName())
	}
	kn, vn := b.Str("key_name", "key"), b.Str("value_name", "value")
	m := value.NewMap()
	for _, it := range in.Items() {
		if it.Map() == nil {
			return in, refusal("items2dict requires a list of dictionaries, got %s instead.", text(in))
		}
		k, ok := it.Get(kn)
		v, ok2 := it.Get(vn)
		switch {
		case !ok || !ok2:
			return in, refusal("items2dict requires each dictionary in the list to contain the keys '%s' and '%s', got %s instead.", kn, vn, text(in))
		case !k.Hashable():
			return in, fmt.Errorf("unhashable type: '%s'", k.TypeName())
		}
		m.SetKey(k, v)
	}
	return value.FromMap(m), c.step(m.Len())
}

func flatten(c *Context, items []value.Value, levels int, skipNulls bool, depth int) ([]value.Value, error) {
	if depth > maxNesting {
		return nil, errors.New("nested too deep")
	}
	out := []value.Value{}
	for _, it := range items {
		if err := c.step(1); err != nil {
			return nil, err
		}
		if skipNulls && (it.IsNull() || (it.IsString() && (it.Str() == "None" || it.Str() == "null"))) {
			continue
		}
		if it.Kind() != value.KindList || levels == 0 {
			out = append(out, it)
			continue
		}
		inner, err := flatten(c, it.Items(), max(levels-1, -1), skipNulls, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, inner...)
	}
	return out, nil
}

func setOf(c *Context, items []value.Value) (*valueSet, error) {
	s := &valueSet{}
	for _, v := range items {
		if _, err := s.add(c, v); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func setOperation(c *Context, name string, x, y value.Value) (value.Value, error) {
	a, err := iterate(c, x)
	if err != nil {
		return x, err
	}
	b, err := iterate(c, y)
	if err != nil {
		return x, err
	}
	if err := c.step(len(a) + len(b)); err != nil {
		return x, err
	}
	sa, err := setOf(c, a)
	if err != nil {
		return x, err
	}
	sb, err := setOf(c, b)
	if err != nil {
		return x, err
	}
	out, seen := []value.Value{}, &valueSet{}
	take := func(items []value.Value, other *valueSet, want bool) {
		for _, v := range items {
			if has, e := other.has(c, v); e != nil || has != want {
				err = errors.Join(err, e)
				continue
			}
			if fresh, e := seen.add(c, v); e == nil && fresh {
				out = append(out, v)
			}
		}
	}
	switch name {
	case "union":
		take(a, sa, true)
		take(b, sb, true)
	case "difference":
		take(a, sb, false)
	case "intersect":
		take(a, sb, true)
	default:
		take(a, sb, false)
		take(b, sa, false)
	}
	return value.List(out...), err
}

func extractFilter(c *Context, in value.Value, a Args) (value.Value, error) {
	b := a.Bind("container", "morekeys?")
	keys := []value.Value{in}
	if more := b.Value("morekeys"); more.Kind() == value.KindList {
		keys = append(keys, more.Items()...)
	} else if !more.IsNull() {
		keys = append(keys, more)
	}
	v := b.Value("container")
	for _, k := range keys {
		switch {
		case b.Err != nil:
			return in, b.Err
		case k.IsUndefined():
			return k, undefinedError(k)
		case v.IsUndefined():
			return v, nil
		}
		var err error
		if v, err = c.GetItem(v, k); err != nil {
			return v, err
		}
	}
	return v, b.Err
}

func subelements(c *Context, in value.Value, b *Bound) (value.Value, error) {
	items := in.Items()
	if in.Map() != nil {
		items = mapValues(in.Map())
	} else if in.Kind() != value.KindList {
		return in, refusal("obj must be a list of dicts or a nested dict")
	}
	path := b.Value("subelements").Items()
	if s := b.Value("subelements"); s.IsString() {
		path = value.Strings(strings.Split(s.Str(), ".")...).Items()
	} else if s.Kind() != value.KindList {
		return in, refusal("subelements must be a list or a string")
	}
	if len(path) == 0 {
		return in, refusal("subelements is empty")
	}
	out := []value.Value{}
	for _, it := range items {
		v := it
		for _, p := range path {
			if v.Map() == nil {
				return in, refusal("the key %s should point to a dictionary, got '%s'", text(p), text(v))
			}
			e, ok := v.Get(text(p))
			if !ok {
				if !b.Bool("skip_missing", false) {
					return in, refusal("could not find %s key in iterated item %s", p.Repr(), v.Repr())
				}
				v = value.List()
				break
			}
			v = e
		}
		if v.Kind() != value.KindList {
			return in, refusal("the key %s should point to a list, got %s", path[len(path)-1].Repr(), v.Repr())
		}
		for _, e := range v.Items() {
			if err := c.step(1); err != nil {
				return in, err
			}
			out = append(out, value.Tuple(it, e))
		}
	}
	return value.List(out...), nil
}

func rekey(c *Context, in value.Value, b *Bound) (value.Value, error) {
	dup := b.Str("duplicates", "error")
	if dup != "error" && dup != "overwrite" {
		return in, fmt.Errorf("duplicates parameter to rekey_on_member has unknown value: %s", dup)
	}
	items := in.Items()
	if in.Map() != nil {
		items = mapValues(in.Map())
	} else if in.Kind() != value.KindList {
		return in, refusal("Type is not a valid list, set, or dict")
	}
	m := value.NewMap()
	for _, it := range items {
		if it.Map() == nil {
			return in, refusal("List item is not a valid dict")
		}
		k, ok := it.Map().GetKey(b.Value("key"))
		if !ok || !k.Hashable() {
			return in, refusal("Key %s was not found", text(b.Value("key")))
		}
		if _, has := m.GetKey(k); has && dup == "error" {
			return in, refusal("Key %s is not unique, cannot correctly turn into dict", text(k))
		}
		m.SetKey(k, it)
	}
	return value.FromMap(m), c.step(m.Len())
}
