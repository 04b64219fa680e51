package vars

import (
	"errors"
	"fmt"
	"slices"
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
	override := textOption(o, "override", "error")
	for _, c := range []struct {
		option, given string
		choices       []string
	}{{"override", override, []string{"error", "warn", "ignore"}}, {"pattern_type", kind, []string{"prefix", "suffix", "regex"}}} {
		if !slices.Contains(c.choices, c.given) {
			return nil, says("Invalid value \"%s\" for configuration option \"plugin_type: lookup plugin: "+
				"ansible_collections.community.general.plugins.lookup.merge_variables setting: %s \", valid values are: %s",
				c.given, c.option, strings.Join(c.choices, ", "))
		}
	}
	clash := func(text string) error {
		switch override {
		case "error":
			return says("%s", text)
		case "warn":
			s.Warn(text)
		}
		return nil
	}
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
			if result, err = mergeVariable(result, v, n, clash); err != nil {
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

func mergeVariable(result, v value.Value, name string, clash func(string) error) (value.Value, error) {
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
	return mergeDict(v, result, name, clash)
}

func mergeDict(src, dest value.Value, path string, clash func(string) error) (value.Value, error) {
	m := dest.Map().Clone()
	for k, v := range src.Map().All() {
		old, ok := m.GetKey(k)
		switch {
		case v.Map() != nil:
			if !ok || old.Map() == nil {
				old = value.FromMap(nil)
			}
			var err error
			if v, err = mergeDict(v, old, path+"."+k.Text(), clash); err != nil {
				return v, err
			}
		case v.Kind() == value.KindList && ok:
			v = value.List(append(append([]value.Value{}, old.Items()...), v.Items()...)...)
		case ok && !value.Equal(old, v):
			if err := clash(fmt.Sprintf("The key '%s' with value '%s' will be overwritten with value '%s' from '%s.%s'", k.Text(), old.Text(), v.Text(), path, k.Text())); err != nil {
				return v, err
			}
		}
		m.SetKey(k, v)
	}
	return value.FromMap(m).WithMarks(src.Marks() | dest.Marks()), nil
}

// maxDependent bounds what one dependent lookup may bring.
const maxDependent = 100_000

// dependentTerm is one variable of a dependent lookup and where its values come from.
type dependentTerm struct {
	name, source value.Value
}

// dependentTerms checks the terms of a dependent lookup: dicts with one key each.
func dependentTerms(terms []value.Value) ([]dependentTerm, error) {
	out := make([]dependentTerm, 0, len(terms))
	seen := value.NewMap()
	for i, t := range terms {
		m := t.Map()
		switch {
		case m == nil:
			return nil, says("Parameter %d must be a dictionary, got <class '%s'>", i, t.TypeName())
		case m.Len() != 1:
			return nil, says("Parameter %d must be a one-element dictionary, got %d elements", i, m.Len())
		}
		name := m.Keys()[0]
		if _, ok := seen.GetKey(name); ok {
			return nil, says("The variable %s appears more than once", name.Repr())
		}
		seen.SetKey(name, value.Null)
		source, _ := m.GetKey(name)
		if !source.IsString() && source.Kind() != value.KindList && source.Map() == nil {
			return nil, says("Parameter %s (index %d) must have a value of type string, dictionary or list, got type <class '%s'>",
				name.Repr(), i, source.TypeName())
		}
		out = append(out, dependentTerm{name, source})
	}
	return out, nil
}

// values are what the term stands for when row was chosen of the terms before: the items of a list, the
// pairs of a dict in the order of its keys, the characters of a text.
func (t dependentTerm) values(s *Scope, row *value.Map) ([]value.Value, error) {
	v := t.source
	if v.IsString() {
		x, err := s.With(map[string]value.Value{"item": value.FromMap(row)}).Expr(v.Str(), diag.Pos{})
		if err == nil && x.IsUndefined() {
			err = says("%s", x.Undef().Message())
		}
		if err != nil {
			return nil, says("Caught \"%s\" while evaluating %s with item == %s", sentence(err), t.name.Repr(), value.FromMap(row).Repr())
		}
		v = x
		if v.Kind() != value.KindList && v.Map() == nil { // what a template makes of it is a text, and that a list of characters
			chars := strings.Split(v.Text(), "")
			return value.Strings(chars...).Items(), nil
		}
	}
	m := v.Map()
	if m == nil {
		return v.Items(), nil
	}
	keys := m.Keys()
	sort.SliceStable(keys, func(i, j int) bool { c, ok := value.Compare(keys[i], keys[j]); return ok && c < 0 })
	out := make([]value.Value, 0, len(keys))
	for _, k := range keys {
		e, _ := m.GetKey(k)
		out = append(out, value.FromMap(value.M("key", k, "value", e)))
	}
	return out, nil
}

// sentence is the text of an error without where in an expression it arose.
func sentence(err error) string {
	var d *diag.Diagnostic
	if errors.As(err, &d) {
		return d.Msg
	}
	return err.Error()
}

// lookupDependent combines lists of which the later ones may depend on what was
// chosen of the earlier: expressions over item.
func lookupDependent(s *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	list, err := dependentTerms(terms)
	if err != nil {
		return nil, err
	}
	rows := []*value.Map{value.NewMap()}
	for _, t := range list {
		var next []*value.Map
		for _, row := range rows {
			items, err := t.values(s, row)
			if err != nil {
				return nil, err
			}
			for _, it := range items {
				r := row.Clone()
				r.SetKey(t.name, it)
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
