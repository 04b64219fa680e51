package jinja

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// factSource is one of consolidate's sources: its dicts by what each holds under the key
// that they are matched by.
type factSource struct {
	name, key string
	byMatch   *value.Map
	missing   []int // dicts without the key, counted from 1
	twice     bool
}

func factSourceOf(v value.Value) (*factSource, error) {
	m := v.Map()
	if m == nil {
		return nil, refusal("argspec validation failed for consolidate plugin: a data source is a dict, not %s", v.TypeName())
	}
	s := &factSource{byMatch: value.NewMap()}
	for name, to := range map[string]*string{"name": &s.name, "match_key": &s.key} {
		e, ok := m.Get(name)
		if !ok {
			return nil, refusal("argspec validation failed for consolidate plugin: missing required arguments: %s found in data_sources", name)
		}
		*to = e.Text()
	}
	data, _ := m.Get("data")
	for i, d := range data.Items() {
		match, ok := value.Null, false
		if entry := d.Map(); entry != nil {
			match, ok = entry.Get(s.key)
		}
		if !ok {
			s.missing = append(s.missing, i+1)
			continue
		}
		_, again := s.byMatch.GetKey(match)
		s.twice = s.twice || again
		s.byMatch.SetKey(match, d)
	}
	return s, nil
}

// reported joins what one check of consolidate found.
func reported(check string, found []string) string {
	if found == nil {
		return ""
	}
	return "Error when using plugin 'consolidate': '" + check + "' reported " + strings.Join(found, ", ")
}

// consolidate of ansible.utils brings dicts of several sources together by a value that
// they share: {value: {source: dict}}.
func consolidate(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	noKey, noValue, noTwice := b.Bool("fail_missing_match_key", true), b.Bool("fail_missing_match_value", true), b.Bool("fail_duplicate", true)
	if b.Err != nil {
		return in, b.Err
	}
	var sources []*factSource
	var keyless, double, matches []string
	all := value.NewMap()
	for i, v := range in.Items() {
		s, err := factSourceOf(v)
		if err != nil {
			return in, err
		}
		sources = append(sources, s)
		for _, n := range s.missing {
			if noKey {
				keyless = append(keyless, fmt.Sprintf("missing match key '%s' in data source %d in list entry %d", s.key, i+1, n))
			}
		}
		if s.twice && noTwice {
			double = append(double, fmt.Sprintf("duplicate values in data source %d", i+1))
		}
		for k := range s.byMatch.All() {
			all.SetKey(k, k)
		}
	}
	if keyless != nil || double != nil {
		said := []string{reported("fail_missing_match_key", keyless), reported("fail_duplicate", double)}
		return in, refusal("%s", strings.Join(slices.DeleteFunc(said, func(s string) bool { return s == "" }), "; "))
	}
	values := all.Keys()
	slices.SortStableFunc(values, func(x, y value.Value) int {
		if a, ok := x.AsFloat(); ok {
			if b, ok := y.AsFloat(); ok {
				return cmp.Compare(a, b)
			}
		}
		return cmp.Compare(x.Text(), y.Text())
	})
	for i, s := range sources {
		var lacks []string
		for _, v := range values {
			if _, ok := s.byMatch.GetKey(v); !ok {
				lacks = append(lacks, v.Text())
			}
		}
		if lacks != nil && noValue {
			matches = append(matches, fmt.Sprintf("missing match value %s in data source %d", strings.Join(lacks, ", "), i+1))
		}
	}
	if matches != nil {
		return in, refusal("%s", reported("fail_missing_match_value", matches))
	}
	out := value.NewMap()
	for _, v := range values {
		facts := value.NewMap()
		for _, s := range sources {
			d, ok := s.byMatch.GetKey(v)
			if !ok {
				d = value.FromMap(value.NewMap())
			}
			facts.Set(s.name, d)
		}
		out.SetKey(v, value.FromMap(facts))
	}
	return value.FromMap(out), nil
}
