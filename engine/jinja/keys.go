package jinja

import (
	"slices"
	"strings"

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
