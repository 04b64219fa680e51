package vars

import (
	"sort"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/pyre"
	"github.com/fairlead-project/fairlead/engine/value"
)

// lookupMergeVariables merges the variables whose names match: lists after each
// other, dicts into each other.
func lookupMergeVariables(s *Scope, terms []value.Value, o jinja.Args) ([]value.Value, error) {
	kind := textOption(o, "pattern_type", "regex")
	strict := textOption(o, "override", "error") == "error"
	var out []value.Value
	for _, t := range terms {
		if !t.IsString() {
			return nil, says("Non-string type '<class '%s'>' passed, only 'str' types are allowed!", t.TypeName())
		}
		names, err := s.matching(kind, t.Str())
		if err != nil {
			return nil, err
		}
		result := option(o, "initial_value")
		for _, n := range names {
			v, ok, err := s.Variable(n)
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
			if result, err = mergeVariable(result, v, n, strict); err != nil {
				return nil, err
			}
		}
		out = append(out, result)
	}
	return out, nil
}

// matching are the names of variables with a prefix, a suffix, or a pattern in
// them, sorted.
func (s *Scope) matching(kind, pattern string) ([]string, error) {
	hit := func(n string) (bool, error) { return strings.HasPrefix(n, pattern), nil }
	switch kind {
	case "suffix":
		hit = func(n string) (bool, error) { return strings.HasSuffix(n, pattern), nil }
	case "regex":
		re, err := pyre.CompileText(pattern)
		if err != nil {
			return nil, err
		}
		hit = func(n string) (bool, error) { m, err := re.Search([]byte(n)); return m != nil, err }
	case "prefix":
	default:
		return nil, says("pattern_type must be one of prefix, suffix, regex, not %s", kind)
	}
	var names []string
	for _, n := range s.Names() {
		ok, err := hit(n)
		if err != nil {
			return nil, err
		}
		if ok {
			names = append(names, n)
		}
	}
	sort.Strings(names)
	return names, nil
}

func mergeVariable(result, v value.Value, name string, strict bool) (value.Value, error) {
	switch {
	case v.Kind() != value.KindList && v.Map() == nil:
		return v, says("Not supported type detected, variable must be a list or a dict")
	case result.IsNull():
		return v, nil
	case result.Kind() != v.Kind():
		return v, says("Unable to merge, not all variables are of the same type")
	case v.Map() == nil:
		return value.List(append(append([]value.Value{}, result.Items()...), v.Items()...)...), nil
	}
	return mergeDict(v, result, name, strict)
}

func mergeDict(src, dest value.Value, path string, strict bool) (value.Value, error) {
	m := dest.Map().Clone()
	for k, v := range src.Map().All() {
		old, ok := m.GetKey(k)
		switch {
		case v.Map() != nil:
			if !ok || old.Map() == nil {
				old = value.FromMap(nil)
			}
			var err error
			if v, err = mergeDict(v, old, path+"."+k.Text(), strict); err != nil {
				return v, err
			}
		case v.Kind() == value.KindList && ok:
			v = value.List(append(append([]value.Value{}, old.Items()...), v.Items()...)...)
		case ok && strict && !value.Equal(old, v):
			return v, says("The key '%s' with value '%s' will be overwritten with value '%s' from '%s.%s'", k.Text(), old.Text(), v.Text(), path, k.Text())
		}
		m.SetKey(k, v)
	}
	return value.FromMap(m).WithMarks(src.Marks() | dest.Marks()), nil
}

// maxDependent bounds what one dependent lookup may bring.
const maxDependent = 100_000

// lookupDependent combines lists of which the later ones may depend on what was
// chosen of the earlier: expressions over item.
func lookupDependent(s *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	rows := []*value.Map{value.NewMap()}
	for i, t := range terms {
		m := t.Map()
		if m == nil || m.Len() != 1 {
			return nil, says("Parameter %d must be a one-element dictionary, got <class '%s'>", i, t.TypeName())
		}
		name := m.Keys()[0]
		source, _ := m.GetKey(name)
		var next []*value.Map
		for _, row := range rows {
			v := source
			if source.IsString() {
				x, err := s.With(map[string]value.Value{"item": value.FromMap(row)}).Expr(source.Str(), diag.Pos{})
				if err != nil {
					return nil, says("Caught while evaluating '%s': %w", source.Str(), err)
				}
				v = x
			}
			items := v.Items()
			if v.Map() != nil {
				items = nil
				for k, e := range v.Map().All() {
					items = append(items, value.FromMap(value.M("key", k, "value", e)))
				}
			} else if v.Kind() != value.KindList {
				return nil, says("Did not obtain dictionary or list while evaluating '%s', but <class '%s'>", source.Text(), v.TypeName())
			}
			for _, it := range items {
				r := row.Clone()
				r.SetKey(name, it)
				if next = append(next, r); len(next) > maxDependent {
					return nil, says("dependent is bounded to %d items", maxDependent)
				}
			}
		}
		rows = next
	}
	out := make([]value.Value, len(rows))
	for i, r := range rows {
		out[i] = value.FromMap(r)
	}
	return out, nil
}
