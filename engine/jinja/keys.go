package jinja

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
)

// addKeyFilters adds the filters of ansible.utils and community.general that
// choose and rename keys, find paths and places, and work on lists of lists.
func addKeyFilters(f map[string]Filter) {
	const utils, general = "ansible.utils.", "community.general."
	f[utils+"keep_keys"] = passing(bound(deepKeys("keep"), "target", "matching_parameter?"))
	f[utils+"remove_keys"] = passing(bound(deepKeys("attribute removal"), "target", "matching_parameter?"))
	f[utils+"replace_keys"] = passing(bound(deepKeys("replace"), "target", "matching_parameter?"))
	f[utils+"to_paths"] = passing(bound(toPaths, "prepend?", "wantlist?"))
	f[utils+"get_path"] = passing(bound(getPath, "path", "wantlist?"))
	f[utils+"index_of"] = bound(indexOf, "test", "value?", "key?", "fail_on_missing?", "wantlist?")

	f[general+"keep_keys"] = passing(bound(shallowKeys(func(hit bool) bool { return hit }), "target?", "matching_parameter?"))
	f[general+"remove_keys"] = passing(bound(shallowKeys(func(hit bool) bool { return !hit }), "target?", "matching_parameter?"))
	f[general+"replace_keys"] = passing(bound(replaceShallow, "target?", "matching_parameter?"))
	f[general+"lists_union"] = listsFilter(func(a, b []value.Value) []value.Value { return append(slices.Clone(a), b...) })
	f[general+"lists_intersect"] = listsFilter(func(a, b []value.Value) []value.Value { return those(a, b, true) })
	f[general+"lists_difference"] = listsFilter(func(a, b []value.Value) []value.Value { return those(a, b, false) })
	f[general+"lists_symmetric_difference"] = listsFilter(func(a, b []value.Value) []value.Value {
		return append(those(a, b, false), those(b, a, false)...)
	})
	f[general+"accumulate"] = passing(over(accumulate))
}

// keyMatcher is how matching_parameter compares a key with what is looked for.
func keyMatcher(how string) (func(want, key string) (bool, error), error) {
	switch how {
	case "equality", "equal":
		return func(want, key string) (bool, error) { return want == key, nil }, nil
	case "starts_with":
		return func(want, key string) (bool, error) { return strings.HasPrefix(key, want), nil }, nil
	case "ends_with":
		return func(want, key string) (bool, error) { return strings.HasSuffix(key, want), nil }, nil
	case "regex":
		return func(want, key string) (bool, error) {
			re, err := compileRegex(`\A(?:`+want+`)`, false, false)
			if err != nil {
				return false, err
			}
			m, err := re.find(key)
			return m != nil, err
		}, nil
	}
	return nil, refusal("value of matching_parameter must be one of: starts_with, ends_with, regex, got: %s", how)
}

// keyRules are what target and matching_parameter say.
type keyRules struct {
	match func(want, key string) (bool, error)
	want  []string
	after []value.Value // replacements for want, of replace_keys
}

func (r *keyRules) hit(key value.Value) (bool, error) {
	for _, w := range r.want {
		if ok, err := r.match(w, key.Text()); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func rulesOf(b *Bound, def string, pairs bool) (r keyRules, err error) {
	if r.match, err = keyMatcher(b.Str("matching_parameter", def)); err != nil {
		return r, err
	}
	target := b.Value("target")
	items := target.Items()
	if target.IsString() || target.Map() != nil {
		items = []value.Value{target}
	}
	for _, it := range items {
		if !pairs {
			r.want = append(r.want, it.Text())
			continue
		}
		before, ok := it.Get("before")
		after, ok2 := it.Get("after")
		if !ok || !ok2 {
			return r, refusal("each element of target must have the keys before and after: %s", text(it))
		}
		r.want, r.after = append(r.want, before.Text()), append(r.after, after)
	}
	return r, nil
}

// deepKeys are keep_keys, remove_keys and replace_keys of ansible.utils, which
// go down into dicts and lists.
func deepKeys(what string) simpleFn {
	return func(_ *Context, in value.Value, b *Bound) (value.Value, error) {
		if in.Map() == nil && in.Kind() != value.KindList {
			return in, refusal("Error when using plugin '%s_keys': Input is not valid for %s operation", strings.Replace(what, "attribute removal", "remove", 1), what)
		}
		r, err := rulesOf(b, "equality", what == "replace")
		if err != nil {
			return in, err
		}
		switch what {
		case "keep":
			return r.keep(in)
		case "replace":
			return r.replace(in)
		}
		v, err := r.remove(in)
		return withoutEmpty(v), err
	}
}

func (r *keyRules) keep(v value.Value) (value.Value, error) {
	if v.Kind() == value.KindList {
		return each(v, r.keep)
	}
	if v.Map() == nil {
		return v, nil
	}
	out := value.NewMap()
	for k, e := range v.Map().All() {
		if e.Kind() != value.KindList && e.Map() == nil {
			hit, err := r.hit(k)
			if err != nil {
				return v, err
			}
			if hit {
				out.SetKey(k, e)
			}
			continue
		}
		inner, err := r.keep(e)
		if err != nil {
			return v, err
		}
		if inner.Kind() == value.KindList {
			inner = value.List(slices.DeleteFunc(slices.Clone(inner.Items()), isHollow)...)
			if !slices.ContainsFunc(inner.Items(), func(it value.Value) bool { return !it.IsString() }) {
				continue // nothing but texts, which have no keys
			}
		}
		if !isHollow(inner) {
			out.SetKey(k, inner)
		}
	}
	return value.FromMap(out), nil
}

// isHollow tells whether v is a list or a dict with nothing in it.
func isHollow(v value.Value) bool {
	return (v.Kind() == value.KindList || v.Map() != nil) && v.Len() == 0
}

func (r *keyRules) remove(v value.Value) (value.Value, error) {
	if v.Kind() == value.KindList {
		return each(v, r.remove)
	}
	if v.Map() == nil {
		return v, nil
	}
	out := value.NewMap()
	for k, e := range v.Map().All() {
		hit, err := r.hit(k)
		if err != nil {
			return v, err
		}
		if hit {
			continue
		}
		inner, err := r.remove(e)
		if err != nil {
			return v, err
		}
		out.SetKey(k, inner)
	}
	return value.FromMap(out), nil
}

// withoutEmpty drops what counts as false out of lists.
func withoutEmpty(v value.Value) value.Value {
	switch {
	case v.Kind() == value.KindList:
		var full []value.Value
		for _, it := range v.Items() {
			if it.Truthy() {
				full = append(full, withoutEmpty(it))
			}
		}
		return value.List(full...)
	case v.Map() != nil:
		out := value.NewMap()
		for k, e := range v.Map().All() {
			out.SetKey(k, withoutEmpty(e))
		}
		return value.FromMap(out)
	}
	return v
}

func (r *keyRules) replace(v value.Value) (value.Value, error) {
	if v.Kind() == value.KindList {
		return each(v, r.replace)
	}
	if v.Map() == nil {
		return v, nil
	}
	out, err := r.renamed(v.Map())
	if err != nil {
		return v, err
	}
	for _, k := range out.Keys() {
		e, _ := out.GetKey(k)
		inner, err := r.replace(e)
		if err != nil {
			return v, err
		}
		out.SetKey(k, inner)
	}
	return value.FromMap(out), nil
}

// renamed gives keys their new names; those go to the end, as in Python.
func (r *keyRules) renamed(m *value.Map) (*value.Map, error) {
	out := m.Clone()
	for i, w := range r.want {
		for _, k := range out.Keys() {
			hit, err := r.match(w, k.Text())
			if err != nil {
				return nil, err
			}
			if hit {
				e, _ := out.GetKey(k)
				out.Delete(k.Text())
				out.SetKey(r.after[i], e)
			}
		}
	}
	return out, nil
}

// each applies fn to the elements of a list.
func each(v value.Value, fn func(value.Value) (value.Value, error)) (value.Value, error) {
	items := slices.Clone(v.Items())
	for i, it := range items {
		var err error
		if items[i], err = fn(it); err != nil {
			return v, err
		}
	}
	return value.List(items...), nil
}

// dicts tells whether a list holds nothing but dicts.
func dicts(in value.Value) error {
	if in.Kind() != value.KindList {
		return refusal("First argument must be a list. %s is <class '%s'>", text(in), in.TypeName())
	}
	for _, it := range in.Items() {
		if it.Map() == nil {
			return refusal("Elements of the data list must be dictionaries. %s is <class '%s'>", text(it), it.TypeName())
		}
	}
	return nil
}

// shallowKeys are keep_keys and remove_keys of community.general, which work on
// lists of dicts.
func shallowKeys(keep func(hit bool) bool) simpleFn {
	return func(_ *Context, in value.Value, b *Bound) (value.Value, error) {
		if err := dicts(in); err != nil {
			return in, err
		}
		r, err := rulesOf(b, "equal", false)
		if err != nil {
			return in, err
		}
		return each(in, func(v value.Value) (value.Value, error) {
			out := value.NewMap()
			for k, e := range v.Map().All() {
				hit, err := r.hit(k)
				if err != nil {
					return v, err
				}
				if keep(hit) {
					out.SetKey(k, e)
				}
			}
			return value.FromMap(out), nil
		})
	}
}

// replaceShallow is replace_keys of community.general.
func replaceShallow(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	if err := dicts(in); err != nil {
		return in, err
	}
	r, err := rulesOf(b, "equal", true)
	if err != nil {
		return in, err
	}
	return each(in, func(v value.Value) (value.Value, error) {
		m, err := r.renamed(v.Map())
		return value.FromMap(m), err
	})
}

// isName tells whether a key can stand behind a dot.
func isName(s string) bool {
	for i, r := range s {
		if r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// toPaths gives each value in nested dicts and lists under its path.
func toPaths(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	if p := b.Str("prepend", ""); p != "" {
		in = value.FromMap(value.M(p, in))
	}
	out := value.NewMap()
	var flatten func(v value.Value, name string)
	flatten = func(v value.Value, name string) {
		switch {
		case v.Map() != nil && v.Len() > 0:
			for k, e := range v.Map().All() {
				at := k.Text()
				switch {
				case name == "":
				case isName(at):
					at = name + "." + at
				default:
					at = name + "['" + at + "']"
				}
				flatten(e, at)
			}
		case v.Kind() == value.KindList && v.Len() > 0:
			for i, e := range v.Items() {
				flatten(e, name+"["+strconv.Itoa(i)+"]")
			}
		case name != "":
			out.Set(name, v)
		}
	}
	flatten(in, "")
	if in.Kind() == value.KindList && in.Len() == 0 {
		return listed(in, b), nil
	}
	return listed(value.FromMap(out), b), nil
}

// listed wraps a result where wantlist asks for it.
func listed(v value.Value, b *Bound) value.Value {
	if b.Bool("wantlist", false) {
		return value.List(v)
	}
	return v
}

// dictScope has the entries of a dict as variables.
type dictScope struct{ m *value.Map }

func (s dictScope) Lookup(_ *Context, name string) (value.Value, bool, error) {
	v, ok := s.m.Get(name)
	return v, ok, nil
}

// getPath gives what stands at a path ("a.b[0]['c']") of a dict.
func getPath(c *Context, in value.Value, b *Bound) (value.Value, error) {
	if in.Map() == nil {
		return in, refusal("get_path needs a dict, not <class '%s'>", in.TypeName())
	}
	t, err := c.Env.Parse("{{ "+b.Str("path", "")+" }}", diag.Pos{}, Options{})
	if err != nil {
		return in, err
	}
	inner := *c
	inner.Scope = dictScope{in.Map()}
	v, err := t.Value(&inner)
	return listed(v, b), err
}

// indexOf gives the places of the elements that pass a test.
func indexOf(c *Context, in value.Value, b *Bound) (value.Value, error) {
	items, err := iterate(c, in)
	if err != nil {
		return in, err
	}
	name, negative := strings.CutPrefix(b.Str("test", ""), "not ")
	if rest, not := strings.CutPrefix(name, "!"); not {
		name, negative = rest, true
	}
	if name == "=" {
		name = "=="
	}
	test, ok := c.Env.Tests[strings.TrimSpace(name)]
	if !ok {
		return in, refusal("Error when using plugin 'index_of': the test '%s' was not found.", name)
	}
	var args Args
	if right := b.Value("value"); !right.IsNull() {
		if name == "in" && right.Kind() != value.KindList {
			right = value.List(right)
		}
		args.Pos = []value.Value{right}
	}
	found := []value.Value{}
	var missing []string
	for i, it := range items {
		if key := b.Value("key"); !key.IsNull() {
			if it.Map() == nil {
				return in, refusal("Error when using plugin 'index_of': When a key name is provided, all list entries are required to be dictionaries, got %s", it.TypeName())
			}
			e, ok := it.Map().GetKey(key)
			if !ok {
				missing = append(missing, fmt.Sprintf("'%s' was not found in '%s' at [%d]", key.Text(), text(it), i))
				continue
			}
			it = e
		}
		hit, err := c.callTest(name, &test, it, args)
		if err != nil {
			return in, refusal("Error when using plugin 'index_of': %w", err)
		}
		if hit.Truthy() != negative {
			found = append(found, value.Int(int64(i)))
		}
	}
	if len(missing) > 0 && b.Bool("fail_on_missing", false) {
		return in, refusal("Error when using plugin 'index_of': %s. fail_on_missing=True", strings.Join(missing, " and "))
	}
	if len(found) == 1 && !b.Bool("wantlist", false) {
		return found[0], nil
	}
	return value.List(found...), nil
}

// listsFilter is a filter that joins its input and its arguments, all lists, two by
// two. Each element of the result stands in it once. With flatten the input is a
// list of such lists.
func listsFilter(join func(a, b []value.Value) []value.Value) Filter {
	return passing(Filter{Fn: func(c *Context, in value.Value, a Args) (value.Value, error) {
		lists := append([]value.Value{in}, a.Pos...)
		b := Args{Kw: a.Kw}.Bind("flatten?")
		if b.Bool("flatten", false) {
			if !slices.ContainsFunc(in.Items(), func(it value.Value) bool { return it.Kind() != value.KindList }) {
				lists = append(slices.Clone(in.Items()), a.Pos...)
			}
		}
		if b.Err != nil {
			return in, b.Err
		}
		var out []value.Value
		for i, l := range lists {
			if l.Kind() != value.KindList {
				return in, refusal("All arguments must be lists, but %s is <class '%s'>", text(l), l.TypeName())
			}
			if i == 0 {
				out = once(l.Items())
			} else {
				out = once(join(out, l.Items()))
			}
		}
		return value.List(out...), nil
	}})
}

// once leaves repetitions out.
func once(items []value.Value) []value.Value {
	out := []value.Value{}
	for _, it := range items {
		if !holds(out, it) {
			out = append(out, it)
		}
	}
	return out
}

// those are the elements of a that b has, or has not.
func those(a, b []value.Value, has bool) []value.Value {
	return slices.DeleteFunc(slices.Clone(a), func(it value.Value) bool { return holds(b, it) != has })
}

func holds(items []value.Value, v value.Value) bool {
	return slices.ContainsFunc(items, func(it value.Value) bool { return equal(it, v) })
}

// accumulate adds up the elements of a list, keeping what each step gives.
func accumulate(c *Context, items []value.Value, a Args) (value.Value, error) {
	out := make([]value.Value, 0, len(items))
	for i, it := range items {
		if i > 0 {
			sum, err := arith(c, "+", out[i-1], it)
			if err != nil {
				return value.Null, err
			}
			it = sum
		}
		out = append(out, it)
	}
	return value.List(out...), a.Bind().Err
}
