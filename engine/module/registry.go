package module

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Registry finds modules by name. It is built once from an explicit list and
// does not change; it is safe for concurrent use.
type Registry struct {
	byName map[string]Module
	all    []Module
}

// NewRegistry makes a registry. It panics when two modules claim one name.
func NewRegistry(modules ...Module) *Registry {
	r := &Registry{byName: map[string]Module{}}
	for _, m := range modules {
		for _, n := range names(m.Spec()) {
			if old, taken := r.byName[n]; taken && old != m {
				panic(fmt.Sprintf("module: %s and %s both claim the name %q", old.Spec().Name, m.Spec().Name, n))
			}
			r.byName[n] = m
		}
		r.all = append(r.all, m)
	}
	sort.Slice(r.all, func(i, j int) bool { return r.all[i].Spec().Name < r.all[j].Spec().Name })
	return r
}

// names are all names of a module: its short name, its aliases, and the names
// in ansible.builtin and ansible.legacy unless it comes from another collection.
func names(s *Spec) []string {
	out := append([]string{s.Name}, s.Aliases...)
	for _, a := range s.Aliases {
		if strings.Count(a, ".") >= 2 && !isBuiltin(a) {
			return out
		}
	}
	for _, prefix := range builtin {
		if n := prefix + s.Name; !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

var builtin = []string{"ansible.builtin.", "ansible.legacy."}

func isBuiltin(name string) bool {
	return strings.HasPrefix(name, builtin[0]) || strings.HasPrefix(name, builtin[1])
}

// Lookup finds a module by any of its names.
func (r *Registry) Lookup(name string) (Module, bool) {
	m, ok := r.byName[name]
	return m, ok
}

// Canonical gives the one name of a module for all its spellings; a name that
// is not known comes back without ansible.builtin or ansible.legacy.
func (r *Registry) Canonical(name string) string {
	if m, ok := r.byName[name]; ok {
		return m.Spec().Name
	}
	for _, prefix := range builtin {
		name = strings.TrimPrefix(name, prefix)
	}
	return name
}

// All lists the modules by name.
func (r *Registry) All() []Module { return slices.Clone(r.all) }

// Nearest lists up to three names of modules that look like name, best first.
func (r *Registry) Nearest(name string) []string {
	short := name[strings.LastIndexByte(name, '.')+1:]
	known := make([]string, 0, len(r.all))
	for _, m := range r.all {
		known = append(known, m.Spec().Name)
		for _, a := range m.Spec().Aliases {
			if !strings.Contains(a, ".") {
				known = append(known, a)
			}
		}
	}
	return nearest(short, known, 3)
}

// nearest lists up to n of the known names that differ from name by few edits,
// or contain it, best first.
func nearest(name string, known []string, n int) []string {
	type scored struct {
		name string
		d    int
	}
	var found []scored
	low := strings.ToLower(name)
	for _, k := range known {
		d := distance(low, strings.ToLower(k))
		limit := max(1, min(len(low), len(k))/3)
		if d > limit && len(low) >= 4 && (strings.Contains(k, low) || strings.Contains(low, k) && len(k) >= 4) {
			d = limit
		}
		if d <= limit {
			found = append(found, scored{k, d})
		}
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].d < found[j].d })
	var out []string
	for _, f := range found {
		if len(out) < n {
			out = append(out, f.name)
		}
	}
	return out
}

// distance counts the edits (insert, delete, replace, swap of neighbours)
// between two texts.
func distance(a, b string) int {
	prev2 := make([]int, len(b)+1)
	prev := make([]int, len(b)+1)
	cur := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
