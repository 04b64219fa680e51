package jinja

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// getter reads an attribute argument: a name, dotted path, number or a list of
// such with commas.
type getter func(v value.Value) (value.Value, error)

func (c *Context) attribute(v value.Value, def *value.Value, lower bool) getter {
	post := func(x value.Value) value.Value {
		if lower && x.IsString() {
			return value.String(strings.ToLower(x.Str())).WithMarks(x.Marks())
		}
		return x
	}
	if v.IsNull() {
		return func(x value.Value) (value.Value, error) { return post(x), nil }
	}
	parts := []value.Value{v}
	if v.IsString() {
		parts = nil
		for _, p := range strings.Split(v.Str(), ".") {
			if n, err := strconv.Atoi(p); err == nil && n >= 0 {
				parts = append(parts, value.Int(int64(n)))
			} else {
				parts = append(parts, value.String(p))
			}
		}
	}
	return func(x value.Value) (value.Value, error) {
		for _, p := range parts {
			var err error
			if x, err = c.getItem(nil, x, p); err != nil {
				return x, err
			}
			if x.IsUndefined() && def != nil {
				x = *def
			}
		}
		return post(x), nil
	}
}

// multi is attribute for "a,b": a list of keys.
func (c *Context) multi(v value.Value, lower bool) getter {
	if !v.IsString() || !strings.Contains(v.Str(), ",") {
		return c.attribute(v, nil, lower)
	}
	var gs []getter
	for _, p := range strings.Split(v.Str(), ",") {
		gs = append(gs, c.attribute(value.String(p), nil, lower))
	}
	return func(x value.Value) (value.Value, error) {
		out := make([]value.Value, len(gs))
		for i, g := range gs {
			var err error
			if out[i], err = g(x); err != nil {
				return x, err
			}
		}
		return value.List(out...), nil
	}
}

func mapped(c *Context, items []value.Value, g getter) ([]value.Value, error) {
	if err := c.step(len(items)); err != nil {
		return nil, err
	}
	out := make([]value.Value, len(items))
	for i, it := range items {
		var err error
		if out[i], err = g(it); err != nil {
			return nil, err
		}
		if out[i].IsUndefined() {
			return nil, undefinedError(out[i])
		}
	}
	return out, nil
}

type listFn func(c *Context, items []value.Value, a Args) (value.Value, error)

// over makes a filter of a function over the elements of its input.
func over(f listFn) Filter {
	return Filter{Passes: true, Fn: func(c *Context, in value.Value, a Args) (value.Value, error) {
		items, err := iterate(c, in)
		if err != nil {
			return in, err
		}
		return f(c, items, a)
	}}
}

// knownLen makes a filter that may see unknown elements, but no unknown input.
func knownLen(f Filter) Filter {
	inner := f.Fn
	f.TakesUnknown = true
	f.Fn = func(c *Context, in value.Value, a Args) (value.Value, error) {
		if in.IsUnknown() {
			return in, nil
		}
		return inner(c, in, a)
	}
	return f
}

func addSequenceFilters(f map[string]Filter) {
	f["list"] = knownLen(over(func(_ *Context, items []value.Value, a Args) (value.Value, error) {
		return value.List(append([]value.Value{}, items...)...), a.Bind().Err
	}))
	f["first"] = knownLen(over(func(_ *Context, items []value.Value, a Args) (value.Value, error) {
		if len(items) == 0 {
			return value.UndefinedOf(&value.Undef{Msg: "No first item, sequence was empty."}), a.Bind().Err
		}
		return items[0], a.Bind().Err
	}))
	f["last"] = knownLen(over(func(_ *Context, items []value.Value, a Args) (value.Value, error) {
		if len(items) == 0 {
			return value.UndefinedOf(&value.Undef{Msg: "No last item, sequence was empty."}), a.Bind().Err
		}
		return items[len(items)-1], a.Bind().Err
	}))
	f["length"] = knownLen(Filter{Fn: lengthFilter})
	f["count"] = f["length"]
	f["reverse"] = knownLen(Filter{Fn: reverseFilter})
	f["batch"] = over(batchFilter)
	f["slice"] = over(sliceFilter)
	f["min"] = over(func(c *Context, items []value.Value, a Args) (value.Value, error) { return extreme(c, items, a, -1) })
	f["max"] = over(func(c *Context, items []value.Value, a Args) (value.Value, error) { return extreme(c, items, a, 1) })
	f["sum"] = Filter{Fn: over(sumFilter).Fn}
	f["sort"] = over(sortFilter)
	f["unique"] = over(uniqueFilter)
	f["join"] = Filter{Fn: over(joinFilter).Fn}
	f["groupby"] = over(groupFilter)
	f["map"] = knownLen(Filter{Passes: true, Fn: mapFilter})
	f["select"] = selector(false, true)
	f["reject"] = selector(false, false)
	f["selectattr"] = selector(true, true)
	f["rejectattr"] = selector(true, false)
	f["random"] = Filter{Passes: true, Impure: true, Fn: randomFilter}
	f["dictsort"] = Filter{Passes: true, Fn: dictSortFilter}
	f["items"] = Filter{Passes: true, TakesUndefined: true, Fn: itemsFilter}
}

func lengthFilter(c *Context, in value.Value, a Args) (value.Value, error) {
	if s, ok := in.Object().(Sequence); ok {
		items, err := s.Elements(c)
		return value.Int(int64(len(items))), err
	}
	if n := in.Len(); n >= 0 {
		return value.Int(int64(n)), a.Bind().Err
	}
	return in, fmt.Errorf("object of type '%s' has no len()", in.TypeName())
}

func reverseFilter(c *Context, in value.Value, a Args) (value.Value, error) {
	items, err := iterate(c, in)
	if err != nil {
		return in, err
	}
	out := make([]value.Value, len(items))
	for i, it := range items {
		out[len(items)-1-i] = it
	}
	if !in.IsString() {
		return value.List(out...), a.Bind().Err
	}
	var b strings.Builder
	for _, it := range out {
		b.WriteString(it.Str())
	}
	return value.String(b.String()), a.Bind().Err
}

func batchFilter(_ *Context, items []value.Value, a Args) (value.Value, error) {
	b := a.Bind("linecount", "fill_with?")
	n := b.Int("linecount", 0)
	if b.Err != nil {
		return value.Null, b.Err
	}
	if n < 1 {
		return value.Null, errors.New("linecount must be positive")
	}
	out := []value.Value{}
	for len(items) > 0 {
		row := append([]value.Value{}, items[:min(n, len(items))]...)
		items = items[len(row):]
		for len(row) < n && !b.Value("fill_with").IsNull() && n < 1e6 {
			row = append(row, b.Value("fill_with"))
		}
		out = append(out, value.List(row...))
	}
	return value.List(out...), nil
}

func sliceFilter(c *Context, items []value.Value, a Args) (value.Value, error) {
	b := a.Bind("slices", "fill_with?")
	n := b.Int("slices", 0)
	if b.Err != nil {
		return value.Null, b.Err
	}
	if n == 0 {
		return value.Null, errors.New("integer division or modulo by zero")
	}
	if err := c.step(max(n, 0)); err != nil {
		return value.Null, err
	}
	out := []value.Value{}
	per, extra, at := len(items)/max(n, 1), len(items)%max(n, 1), 0
	for i := range max(n, 0) {
		size := per
		if i < extra {
			size++
		}
		row := append([]value.Value{}, items[at:at+size]...)
		at += size
		if fill := b.Value("fill_with"); !fill.IsNull() && i >= extra && extra > 0 {
			row = append(row, fill)
		}
		out = append(out, value.List(row...))
	}
	return value.List(out...), nil
}

func extreme(c *Context, items []value.Value, a Args, want int) (value.Value, error) {
	b := a.Bind("case_sensitive?", "attribute?")
	ks, err := mapped(c, items, c.attribute(b.Value("attribute"), nil, !b.Bool("case_sensitive", false)))
	if err = errors.Join(b.Err, err); err != nil {
		return value.Null, err
	}
	if len(items) == 0 {
		return value.UndefinedOf(&value.Undef{Msg: "No aggregated item, sequence was empty."}), nil
	}
	best := 0
	for i := range items {
		n, ok := compareValues(ks[i], ks[best])
		if !ok {
			return value.Null, fmt.Errorf("'<' not supported between instances of '%s' and '%s'", ks[i].TypeName(), ks[best].TypeName())
		}
		if n*want > 0 {
			best = i
		}
	}
	return items[best], nil
}

func sumFilter(c *Context, items []value.Value, a Args) (value.Value, error) {
	b := a.Bind("attribute?", "start?")
	ks, err := mapped(c, items, c.attribute(b.Value("attribute"), nil, false))
	if err = errors.Join(b.Err, err); err != nil {
		return value.Null, err
	}
	total := b.Or("start", value.Int(0))
	if total.IsString() {
		return total, errors.New("sum() can't sum strings [use ''.join(seq) instead]")
	}
	for _, k := range ks {
		if total, err = arith(c, "+", total, k); err != nil {
			return total, err
		}
	}
	return total, nil
}

func sortFilter(c *Context, items []value.Value, a Args) (value.Value, error) {
	b := a.Bind("reverse?", "case_sensitive?", "attribute?")
	ks, err := mapped(c, items, c.multi(b.Value("attribute"), !b.Bool("case_sensitive", false)))
	if err = errors.Join(b.Err, err); err != nil {
		return value.Null, err
	}
	out, err := sortValues(c, items, ks, b.Bool("reverse", false))
	return value.List(out...), err
}

func uniqueFilter(c *Context, items []value.Value, a Args) (value.Value, error) {
	b := a.Bind("case_sensitive?", "attribute?")
	ks, err := mapped(c, items, c.attribute(b.Value("attribute"), nil, !b.Bool("case_sensitive", false)))
	if err = errors.Join(b.Err, err); err != nil {
		return value.Null, err
	}
	out, err := uniqueBy(c, items, ks)
	return value.List(out...), err
}

func uniqueBy(c *Context, items, ks []value.Value) ([]value.Value, error) {
	s, out := &valueSet{}, []value.Value{}
	for i, k := range ks {
		fresh, err := s.add(c, k)
		if err != nil {
			return nil, err
		}
		if fresh {
			out = append(out, items[i])
		}
	}
	return out, nil
}

// valueSet holds values by equality: hashed where they can be.
type valueSet struct {
	m    value.Map
	rest []value.Value
}

func (s *valueSet) has(c *Context, v value.Value) (bool, error) {
	if v.Hashable() {
		_, ok := s.m.GetKey(v)
		return ok, nil
	}
	if err := c.step(len(s.rest)); err != nil {
		return false, err
	}
	for _, o := range s.rest {
		if equal(o, v) {
			return true, nil
		}
	}
	return false, nil
}

func (s *valueSet) add(c *Context, v value.Value) (bool, error) {
	has, err := s.has(c, v)
	if has || err != nil {
		return false, err
	}
	if v.Hashable() {
		s.m.SetKey(v, value.Null)
	} else {
		s.rest = append(s.rest, v)
	}
	return true, nil
}

func joinFilter(c *Context, items []value.Value, a Args) (value.Value, error) {
	b := a.Bind("d?", "attribute?")
	sep := b.Text("d", "")
	get := c.attribute(b.Value("attribute"), nil, false)
	var out strings.Builder
	for i, it := range items {
		v, err := get(it)
		if err != nil {
			return v, err
		}
		if err := definedDeep(v); err != nil {
			return v, err
		}
		if i > 0 {
			out.WriteString(sep)
		}
		out.WriteString(text(v))
		if out.Len() > c.Limits.Output {
			return v, limitError("a string longer than %d bytes", c.Limits.Output)
		}
	}
	return value.String(out.String()), b.Err
}

func groupFilter(c *Context, items []value.Value, a Args) (value.Value, error) {
	b := a.Bind("attribute", "default?", "case_sensitive?")
	var def *value.Value
	if d := b.Value("default"); b.Has("default") && !d.IsNull() {
		def = &d
	}
	attr := b.Value("attribute")
	ks, err := mapped(c, items, c.attribute(attr, def, !b.Bool("case_sensitive", false)))
	if err = errors.Join(b.Err, err); err != nil {
		return value.Null, err
	}
	names, err := mapped(c, items, c.attribute(attr, def, false))
	if err != nil {
		return value.Null, err
	}
	idx := make([]value.Value, len(items))
	for i := range idx {
		idx[i] = value.Int(int64(i))
	}
	if idx, err = sortValues(c, idx, ks, false); err != nil {
		return value.Null, err
	}
	out := []value.Value{}
	for i := 0; i < len(idx); {
		first, _ := idx[i].AsInt()
		var members []value.Value
		for ; i < len(idx); i++ {
			n, _ := idx[i].AsInt()
			if !equal(ks[n], ks[first]) {
				break
			}
			members = append(members, items[n])
		}
		out = append(out, value.Tuple(names[first], value.List(members...)))
	}
	return value.List(out...), nil
}

func mapFilter(c *Context, in value.Value, a Args) (value.Value, error) {
	items, err := iterate(c, in)
	if err != nil {
		return in, err
	}
	if err := c.step(len(items)); err != nil {
		return in, err
	}
	out := make([]value.Value, len(items))
	if attr, ok := a.Get("attribute"); ok && len(a.Pos) == 0 {
		var def *value.Value
		for _, k := range a.Kw {
			switch k.Name {
			case "default":
				def = &k.Value
			case "attribute":
			default:
				return in, fmt.Errorf("unexpected keyword argument '%s'", k.Name)
			}
		}
		get := c.attribute(attr, def, false)
		for i, it := range items {
			if out[i], err = get(it); err != nil {
				return in, err
			}
		}
		return value.List(out...), nil
	}
	if len(a.Pos) == 0 {
		return in, errors.New("map requires a filter argument")
	}
	for i, it := range items {
		if out[i], err = c.CallFilter(a.Pos[0].Text(), it, a.Rest(1)); err != nil {
			return in, err
		}
	}
	return value.List(out...), nil
}

// selector makes select, reject and their forms for attributes.
func selector(attr, keep bool) Filter {
	return knownLen(Filter{Passes: true, Fn: func(c *Context, in value.Value, a Args) (value.Value, error) {
		items, err := iterate(c, in)
		if err != nil {
			return in, err
		}
		get := func(v value.Value) (value.Value, error) { return v, nil }
		if attr {
			if len(a.Pos) == 0 {
				return in, errors.New("missing parameter for attribute name")
			}
			get = c.attribute(a.Pos[0], nil, false)
			a = a.Rest(1)
		}
		out := []value.Value{}
		for _, it := range items {
			v, err := get(it)
			if err != nil {
				return in, err
			}
			ok, unknown, err := c.accepts(v, a)
			if err != nil {
				return in, err
			}
			if unknown != nil {
				return *unknown, nil
			}
			if ok == keep {
				out = append(out, it)
			}
		}
		return value.List(out...), nil
	}})
}

func (c *Context) accepts(v value.Value, a Args) (bool, *value.Value, error) {
	if len(a.Pos) == 0 {
		if v.IsUndefined() {
			return false, nil, undefinedError(v)
		}
		if v.IsUnknown() {
			return false, &v, nil
		}
		return v.Truthy(), nil, c.step(1)
	}
	r, err := c.CallTest(a.Pos[0].Text(), v, a.Rest(1))
	if err == nil && r.IsUnknown() {
		return false, &r, nil
	}
	return r.AsBool(), nil, err
}

func (c *Context) random() *rand.Rand {
	if c.Rand == nil && c.NewRand != nil {
		c.Rand = c.NewRand()
	}
	if c.Rand == nil {
		c.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	return c.Rand
}

func randomFilter(c *Context, in value.Value, a Args) (value.Value, error) {
	items, err := iterate(c, in)
	if err != nil {
		return in, err
	}
	if len(items) == 0 {
		return value.UndefinedOf(&value.Undef{Msg: "No random item, sequence was empty."}), a.Bind().Err
	}
	return items[c.random().IntN(len(items))], a.Bind().Err
}

func dictSortFilter(c *Context, in value.Value, a Args) (value.Value, error) {
	b := a.Bind("case_sensitive?", "by?", "reverse?")
	by := b.Str("by", "key")
	m := in.Map()
	switch {
	case b.Err != nil:
		return in, b.Err
	case m == nil:
		return in, fmt.Errorf("'%s' object has no attribute 'items'", in.TypeName())
	case by != "key" && by != "value":
		return in, errors.New("you can only sort by either \"key\" or \"value\"")
	}
	items := value.List(pairs(m)...).WithMarks(in.Marks()).Items()
	n := value.Int(0)
	if by == "value" {
		n = value.Int(1)
	}
	ks, err := mapped(c, items, c.attribute(n, nil, !b.Bool("case_sensitive", false)))
	if err != nil {
		return in, err
	}
	out, err := sortValues(c, items, ks, b.Bool("reverse", false))
	return value.List(out...), err
}

func itemsFilter(_ *Context, in value.Value, a Args) (value.Value, error) {
	if in.IsUndefined() {
		return value.List(), a.Bind().Err
	}
	if in.Map() == nil {
		return in, errors.New("can only get item pairs from a mapping")
	}
	return value.List(pairs(in.Map())...).WithMarks(in.Marks()), a.Bind().Err
}
