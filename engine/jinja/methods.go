package jinja

import (
	"errors"
	"fmt"
	"slices"
	"sort"

	"github.com/fairlead-project/fairlead/engine/value"
)

// hasMethod tells whether v has a method of that name.
func hasMethod(v value.Value, name string) bool {
	switch v.Kind() {
	case value.KindString:
		_, ok := stringMethods[name]
		return ok
	case value.KindList:
		if v.IsTuple() {
			return name == "count" || name == "index"
		}
		return listMethods[name]
	case value.KindMap:
		return dictMethods[name]
	case value.KindFloat:
		return name == "is_integer"
	case value.KindInt:
		return name == "bit_length"
	}
	return false
}

var listMethods = set("append", "extend", "insert", "remove", "pop", "sort", "reverse", "clear", "copy", "count", "index")
var dictMethods = set("keys", "values", "items", "get", "update", "pop", "popitem", "setdefault", "clear", "copy", "fromkeys")

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// method calls recv.name(args). Lists and dicts change in their cells.
func (f *frame) method(recv value.Value, name string, args Args) (value.Value, error) {
	v := f.now(recv)
	c := f.r.c
	if err := c.step(1); err != nil {
		return v, err
	}
	for _, a := range args.Pos {
		if a.IsUndefined() && v.Kind() == value.KindString {
			return a, undefinedError(a)
		}
	}
	switch v.Kind() {
	case value.KindString:
		args = f.deepArgs(args)
		if u, ok := unknownArg(value.Null, args); ok {
			return u.WithMarks(marksOf(v)), nil
		}
		r, err := stringMethods[name](c, v.Str(), args)
		if err != nil {
			return r, err
		}
		return r.WithMarks(argMarks(v, args, true)), nil
	case value.KindFloat:
		x, _ := v.AsFloat()
		return value.Bool(x == float64(int64(x))).WithMarks(marksOf(v)), nil
	case value.KindInt:
		return value.Int(int64(v.AsBigInt().BitLen())).WithMarks(marksOf(v)), nil
	case value.KindMap:
		r, err := f.dictMethod(recv, v, name, args)
		return r.WithMarks(marksOf(v)), err
	}
	r, err := f.listMethod(recv, v, name, args)
	return r.WithMarks(marksOf(v)), err
}

func (f *frame) listMethod(recv, v value.Value, name string, args Args) (value.Value, error) {
	switch name {
	case "count", "index":
		return listSearch(f, v, name, args)
	case "copy":
		return value.List(slices.Clone(v.Items())...), nil
	}
	cl := f.r.cellFor(recv)
	switch name {
	case "append", "extend", "insert":
		return f.listAdd(cl, name, args)
	case "clear":
		cl.items = nil
	case "remove":
		b := args.Bind("value")
		x := f.deep(b.Value("value"))
		for i, it := range cl.items {
			if b.Err == nil && equal(f.deep(it), x) {
				cl.items = slices.Delete(slices.Clone(cl.items), i, i+1)
				return value.Null, nil
			}
		}
		return value.Null, errors.Join(b.Err, errors.New("list.remove(x): x not in list"))
	case "pop":
		b := args.Bind("index?")
		i, n := b.Int("index", -1), len(cl.items)
		if i < 0 {
			i += n
		}
		switch {
		case b.Err != nil:
			return value.Null, b.Err
		case n == 0:
			return value.Null, raise("IndexError", "pop from empty list")
		case i < 0 || i >= n:
			return value.Null, raise("IndexError", "pop index out of range")
		}
		x := cl.items[i]
		cl.items = slices.Delete(slices.Clone(cl.items), i, i+1)
		return x, nil
	case "reverse":
		cl.items = slices.Clone(cl.items)
		slices.Reverse(cl.items)
	case "sort":
		b := args.Bind("key?", "reverse?")
		items, err := sortValues(f.r.c, f.deep(value.List(cl.items...)).Items(), nil, b.Bool("reverse", false))
		if err = errors.Join(b.Err, err); err != nil {
			return value.Null, err
		}
		cl.items = items
	}
	return value.Null, nil
}

func (f *frame) listAdd(cl *cell, name string, args Args) (value.Value, error) {
	if len(cl.items) > f.r.c.Limits.Items {
		return value.Null, limitError("a list of more than %d elements", f.r.c.Limits.Items)
	}
	switch name {
	case "append":
		b := args.Bind("object")
		if b.Err == nil {
			cl.items = append(cl.items, b.Value("object"))
		}
		return value.Null, b.Err
	case "extend":
		b := args.Bind("iterable")
		if b.Err != nil {
			return value.Null, b.Err
		}
		more, err := iterate(f.r.c, f.now(b.Value("iterable")))
		if err != nil {
			return value.Null, err
		}
		if err := f.r.c.step(len(more)); err != nil {
			return value.Null, err
		}
		cl.items = append(cl.items, more...)
		return value.Null, nil
	}
	b := args.Bind("index", "object")
	i, n := b.Int("index", 0), len(cl.items)
	if b.Err != nil {
		return value.Null, b.Err
	}
	if i < 0 {
		i += n
	}
	cl.items = slices.Insert(slices.Clone(cl.items), max(min(i, n), 0), b.Value("object"))
	return value.Null, nil
}

func listSearch(f *frame, v value.Value, name string, args Args) (value.Value, error) {
	b := args.Bind("value", "start?", "stop?")
	items, x := f.deep(v).Items(), f.deep(b.Value("value"))
	from, to := b.Int("start", 0), b.Int("stop", len(items))
	if b.Err != nil {
		return value.Null, b.Err
	}
	if from < 0 {
		from = max(0, from+len(items))
	}
	if to < 0 {
		to += len(items)
	}
	n := 0
	for i := from; i < min(to, len(items)); i++ {
		if !equal(items[i], x) {
			continue
		}
		if name == "index" {
			return value.Int(int64(i)), nil
		}
		n++
	}
	if name == "index" {
		return value.Null, fmt.Errorf("%s is not in list", show(x))
	}
	return value.Int(int64(n)), nil
}

// show is a value in a message: its repr, unless it is secret.
func show(v value.Value) string {
	if v.DeepMarks()&value.Secret != 0 {
		return "(secret)"
	}
	r := v.Repr()
	if len(r) > 200 {
		r = r[:200] + "..."
	}
	return r
}

func pairs(m *value.Map) []value.Value {
	out := make([]value.Value, 0, m.Len())
	for k, e := range m.All() {
		out = append(out, value.Tuple(k, e))
	}
	return out
}

func mapValues(m *value.Map) []value.Value {
	out := make([]value.Value, 0, m.Len())
	for _, e := range m.All() {
		out = append(out, e)
	}
	return out
}

func (f *frame) dictMethod(recv, v value.Value, name string, args Args) (value.Value, error) {
	m := v.Map()
	switch name {
	case "keys":
		return value.List(slices.Clone(m.Keys())...), args.Bind().Err
	case "values":
		return value.List(mapValues(m)...), args.Bind().Err
	case "items":
		return value.List(pairs(m)...), args.Bind().Err
	case "copy":
		return value.FromMap(m.Clone()), args.Bind().Err
	case "get", "setdefault", "pop":
		b := args.Bind("key", "default?")
		k := b.Value("key")
		if b.Err != nil {
			return value.Null, b.Err
		}
		if k.IsUnknown() {
			return k, nil
		}
		if k.IsUndefined() {
			return k, undefinedError(k)
		}
		if !k.Hashable() {
			return value.Null, fmt.Errorf("unhashable type: '%s'", k.TypeName())
		}
		e, ok := m.GetKey(k)
		if !ok {
			e = b.Value("default")
		}
		switch {
		case name == "pop" && ok:
			f.r.cellFor(recv).m.DeleteKey(k)
		case name == "pop" && !b.Has("default"):
			return e, fmt.Errorf("KeyError: %s", show(k))
		case name == "setdefault" && !ok:
			f.r.cellFor(recv).m.SetKey(k, e)
		}
		return e, nil
	}
	cl := f.r.cellFor(recv)
	switch name {
	case "clear":
		cl.m = value.NewMap()
	case "popitem":
		ks := cl.m.Keys()
		if len(ks) == 0 {
			return value.Null, errors.New("popitem(): dictionary is empty")
		}
		k := ks[len(ks)-1]
		e, _ := cl.m.GetKey(k)
		cl.m.DeleteKey(k)
		return value.Tuple(k, e), nil
	case "update":
		for i, a := range args.Pos {
			if i > 0 {
				return value.Null, errors.New("update expected at most 1 argument")
			}
			more, err := toDict(f.r.c, f.now(a))
			if err != nil {
				return value.Null, err
			}
			for k, e := range more.All() {
				cl.m.SetKey(k, e.WithMarks(marksOf(a)))
			}
		}
		for _, k := range args.Kw {
			cl.m.Set(k.Name, k.Value)
		}
	default:
		return value.Null, fmt.Errorf("dict.%s is not supported", name)
	}
	return value.Null, nil
}

// toDict is Python's dict(v): of a dict, or of pairs.
func toDict(c *Context, v value.Value) (*value.Map, error) {
	if m := v.Map(); m != nil {
		return m, nil
	}
	items, err := iterate(c, v)
	if err != nil {
		return nil, err
	}
	m := value.NewMap()
	for i, it := range items {
		kv, err := iterate(c, it)
		if err != nil {
			return nil, fmt.Errorf("cannot convert dictionary update sequence element #%d to a sequence", i)
		}
		if len(kv) != 2 {
			return nil, fmt.Errorf("dictionary update sequence element #%d has length %d; 2 is required", i, len(kv))
		}
		if !kv[0].Hashable() {
			return nil, fmt.Errorf("unhashable type: '%s'", kv[0].TypeName())
		}
		m.SetKey(kv[0], kv[1])
	}
	return m, nil
}

// sortValues sorts by keys (the values themselves when keys is nil), stable.
func sortValues(c *Context, items, keys []value.Value, reverse bool) ([]value.Value, error) {
	if keys == nil {
		keys = items
	}
	if err := c.step(len(items) * 4); err != nil {
		return nil, err
	}
	idx := make([]int, len(items))
	for i := range idx {
		idx[i] = i
	}
	var err error
	sort.SliceStable(idx, func(i, j int) bool {
		a, b := keys[idx[i]], keys[idx[j]]
		if reverse {
			a, b = b, a
		}
		n, ok := compareValues(a, b)
		if !ok && err == nil {
			err = fmt.Errorf("'<' not supported between instances of '%s' and '%s'", a.TypeName(), b.TypeName())
		}
		return n < 0
	})
	out := make([]value.Value, len(items))
	for i, j := range idx {
		out[i] = items[j]
	}
	return out, err
}
