package jinja

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
)

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
