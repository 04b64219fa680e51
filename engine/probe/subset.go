package probe

import (
	"fmt"
	"sort"
	"strings"

	"github.com/fairlead-project/fairlead/engine/state"
)

// minimal are the subsets that a gathering always includes unless !min or
// their own names exclude them.
var minimal = strings.Fields(`apparmor caps cmdline date_time distribution dns env fips local lsb pkg_mgr
	platform python selinux service_mgr ssh_pub_keys user`)

// subsetOnly are names that gather_subset accepts and that give nothing here.
var subsetOnly = []string{"facter", "ohai"}

// Subset gives the families of a gather_subset list as the setup module reads
// it: all, min, the names of Ansible's collectors and of single facts, and !
// before a name to leave it out.
func Subset(list []string) (string, error) {
	want, minus, explicit := set(minimal), map[string]bool{}, map[string]bool{}
	alone := false
	for _, name := range list {
		base, not := strings.CutPrefix(name, "!")
		switch {
		case name == state.FactsAlone:
			alone = true
		case name == "min":
			add(want, minimal...)
		case name == "all":
			add(want, subsets()...)
		case name == "!min":
			add(minus, minimal...)
		case name == "!all":
			for _, s := range subsets() {
				if !set(minimal)[s] {
					minus[s] = true
				}
			}
		case not:
			minus[base] = true
			add(minus, factsOf(base)...)
		default:
			if !validSubset(name) {
				//lint:ignore ST1005 it is Ansible's text
				return "", fmt.Errorf("Bad subset '%s' given to Ansible. gather_subset options allowed: all, %s",
					name, strings.Join(allSubsets(), ", "))
			}
			want[name], explicit[name] = true, true
		}
	}
	for n := range minus {
		if !explicit[n] {
			delete(want, n)
		}
	}
	if len(list) == 0 || want[All] {
		return All, nil
	}
	if !alone {
		addPrerequisites(want)
		addWhole(want)
	}
	return familiesOfSubsets(want), nil
}

// addPrerequisites adds the subsets that Ansible's collectors of others need.
func addPrerequisites(want map[string]bool) {
	for _, f := range families {
		chosen := want[f.subset] || want[f.name]
		for n := range want {
			chosen = chosen || f.gives(n)
		}
		if !chosen {
			continue
		}
		switch f.subset {
		case "network", "service_mgr":
			add(want, "platform", "distribution")
		case "hardware":
			add(want, "platform")
		case "pkg_mgr":
			add(want, "distribution")
		}
	}
}

// addWhole adds the subset of every fact that is named: Ansible's collectors give
// all that they have.
func addWhole(want map[string]bool) {
	for _, f := range families {
		chosen := want[f.name]
		for n := range want {
			chosen = chosen || f.gives(n)
		}
		if chosen {
			want[f.subset] = true
		}
	}
}

// familiesOfSubsets are the families behind names of subsets and of facts.
func familiesOfSubsets(names map[string]bool) string {
	out := map[string]bool{}
	complete := true
	for _, f := range families {
		if names[f.subset] || names[f.name] {
			out[f.name] = true
			continue
		}
		for n := range names {
			if f.gives(n) {
				out[f.name] = true
			}
		}
		complete = complete && out[f.name]
	}
	if complete {
		return All
	}
	return joinSorted(out)
}

func subsets() []string {
	seen := set(subsetOnly)
	for _, f := range families {
		seen[f.subset] = true
	}
	return strings.Split(joinSorted(seen), ",")
}

// factsOf are the facts that belong to a subset, so that excluding it excludes
// them too.
func factsOf(subset string) []string {
	var out []string
	for _, f := range families {
		if f.subset == subset {
			out = append(out, f.name)
			out = append(out, strings.Fields(f.facts)...)
		}
	}
	return out
}

func validSubset(name string) bool {
	for _, s := range allSubsets() {
		if s == name {
			return true
		}
	}
	for _, f := range families {
		if f.gives(name) {
			return true
		}
	}
	return false
}

// allSubsets are the names that may be given, sorted: subsets, families and
// facts with fixed names.
func allSubsets() []string {
	seen := set(subsets())
	for _, f := range families {
		seen[f.name] = true
		for _, n := range strings.Fields(f.facts) {
			if !strings.HasSuffix(n, "*") {
				seen[n] = true
			}
		}
	}
	out := make([]string, 0, len(seen))
	for n := range seen {
		out = append(out, n)
	}
	sort.Strings(out)
	return out
}

func set(names []string) map[string]bool {
	m := map[string]bool{}
	add(m, names...)
	return m
}

func add(m map[string]bool, names ...string) {
	for _, n := range names {
		m[n] = true
	}
}
