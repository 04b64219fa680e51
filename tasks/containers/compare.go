package containers

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// method is how strictly a field is compared.
type method string

const (
	strict method = "strict"
	more   method = "allow_more_present" // what is there may hold more
	ignore method = "ignore"
)

// difference is one argument that is not as wanted.
type difference struct {
	name       string
	want, have value.Value
	live       bool
}

// methods says how each field is compared, from defaults and comparisons.
func methods(a *containerArgs, all []field) (map[string]method, error) {
	m := map[string]method{"image": strict, "networks": more}
	byName := map[string]string{"image": "image", "networks": "networks"}
	lists := map[string]bool{"networks": true}
	for _, f := range all {
		switch {
		case f.ignored:
			m[f.name] = ignore
		case f.kind == scalar || f.kind == ordered:
			m[f.name] = strict
		default:
			m[f.name] = more
		}
		lists[f.name] = f.kind != scalar
		if f.name == "volume_binds" {
			continue
		}
		byName[f.name] = f.name
		for _, al := range f.aliases {
			byName[al] = f.name
		}
	}
	if a.IgnoreImage {
		m["image"] = ignore
	}
	if a.PurgeNetworks {
		m["networks"] = strict
	}
	if err := asked(a, m, byName, lists); err != nil {
		return nil, err
	}
	m["volume_binds"] = m["volumes"]
	return m, nil
}

// asked puts what comparisons says over the defaults.
func asked(a *containerArgs, m map[string]method, byName map[string]string, lists map[string]bool) error {
	if all, ok := a.Comparisons["*"]; ok {
		if all != string(strict) && all != string(ignore) {
			return module.Fail("The wildcard can only be used with comparison modes 'strict' and 'ignore'!")
		}
		for name := range m {
			if name != "networks" || a.Networks != nil {
				m[name] = method(all)
			}
		}
	}
	used := map[string]string{}
	for _, key := range keys(a.Comparisons) {
		if key == "*" {
			continue
		}
		name, ok := byName[key]
		if !ok {
			return module.Fail(fmt.Sprintf("Unknown module option '%s' in comparisons dict!", key))
		}
		if old, twice := used[name]; twice {
			return module.Fail(fmt.Sprintf("Both '%s' and '%s' (aliases of %s) are specified in comparisons dict!", key, old, name))
		}
		used[name] = key
		switch how := method(a.Comparisons[key]); {
		case how == strict || how == ignore, how == more && lists[name]:
			m[name] = how
		case how == more:
			return module.Fail(fmt.Sprintf("Option '%s' is a value and not a set/list/dict, so its comparison cannot be %s", key, how))
		default:
			return module.Fail(fmt.Sprintf("Unknown comparison mode '%s'!", how))
		}
	}
	return nil
}

// differences compares what is wanted with what is there. What the image
// brings belongs to what is wanted.
func differences(w *want, have *spec, image *state.ContainerConfig, how map[string]method, all []field) []difference {
	expected := withImage(w, image, have)
	var out []difference
	for _, f := range all {
		if how[f.name] == ignore || !compared(w, f.name) && !imageTells(expected, f.name) {
			continue
		}
		want, got := f.of(expected), f.of(have)
		if f.kind == bag {
			want, got = unordered(want), unordered(got)
		}
		if same(want, got, how[f.name], f.kind) {
			continue
		}
		out = append(out, difference{name: f.name, want: want, have: got, live: f.live && want.Truthy()})
	}
	return out
}

// compared tells whether the arguments say anything about a field.
func compared(w *want, name string) bool {
	switch name {
	case "volume_binds":
		return w.given["volumes"]
	case "exposed_ports":
		return w.given["exposed_ports"] || w.given["published_ports"]
	}
	return w.given[name]
}

// imageTells tells whether a field is compared though no argument names it: what
// the image brings is wanted then, and nothing else where the comparison is
// strict.
func imageTells(expected *spec, name string) bool {
	return name == "env" || name == "exposed_ports" || name == "volume_binds" || name == "volumes" && len(expected.Config.Volumes) > 0
}

// withImage adds to a wanted spec what its image brings.
func withImage(w *want, image *state.ContainerConfig, have *spec) *spec {
	s := w.spec
	if image == nil {
		return &s
	}
	vars := map[string]string{}
	for _, e := range slices.Concat(image.Env, s.Config.Env) {
		name, val, _ := strings.Cut(e, "=")
		vars[name] = val
	}
	s.Config.Env = joined(vars, "=")
	if w.given["labels"] && !w.given["labels only"] {
		s.Config.Labels = maps.Clone(image.Labels)
		if s.Config.Labels == nil {
			s.Config.Labels = map[string]string{}
		}
		maps.Copy(s.Config.Labels, w.spec.Config.Labels)
	}
	s.Config.ExposedPorts = union(image.ExposedPorts, s.Config.ExposedPorts)
	s.Config.Volumes = union(image.Volumes, s.Config.Volumes)
	// An empty command or entry point means the image's: engines cannot be
	// told to have none.
	if w.given["command"] && len(s.Config.Cmd) == 0 && slices.Equal(have.Config.Cmd, image.Cmd) {
		s.Config.Cmd = image.Cmd
	}
	if w.given["entrypoint"] && len(s.Config.Entrypoint) == 0 && slices.Equal(have.Config.Entrypoint, image.Entrypoint) {
		s.Config.Entrypoint = image.Entrypoint
	}
	return &s
}

func union(a, b map[string]struct{}) map[string]struct{} {
	out := map[string]struct{}{}
	maps.Copy(out, a)
	maps.Copy(out, b)
	return out
}

func unordered(v value.Value) value.Value {
	items := slices.Clone(v.Items())
	slices.SortFunc(items, func(a, b value.Value) int { return strings.Compare(a.Text(), b.Text()) })
	return value.List(items...)
}

// same compares a wanted with a found value.
func same(want, have value.Value, how method, k kind) bool {
	if how == ignore {
		return true
	}
	switch k {
	case ordered:
		return how == more && within(want.Items(), have.Items()) || value.Equal(want, have)
	case bag:
		return every(want.Items(), have.Items(), value.Equal) &&
			(how == more || every(have.Items(), want.Items(), value.Equal))
	case bagOfDicts:
		return every(want.Items(), have.Items(), sameDict) &&
			(how == more || every(have.Items(), want.Items(), func(h, w value.Value) bool { return sameDict(w, h) }))
	case dictionary:
		return sameDict(want, have) && (how == more || value.Equal(want, have))
	}
	return value.Equal(want, have)
}

// within tells whether want is a subsequence of have.
func within(want, have []value.Value) bool {
	i := 0
	for _, h := range have {
		if i < len(want) && value.Equal(want[i], h) {
			i++
		}
	}
	return i == len(want)
}

func every(as, bs []value.Value, eq func(a, b value.Value) bool) bool {
	for _, a := range as {
		if !slices.ContainsFunc(bs, func(b value.Value) bool { return eq(a, b) }) {
			return false
		}
	}
	return true
}

// sameDict tells whether every entry of want is in have.
func sameDict(want, have value.Value) bool {
	for k, v := range want.Map().All() {
		h, ok := have.Map().GetKey(k)
		if !ok || !value.Equal(v, h) {
			return false
		}
	}
	return true
}

// networkDifferences compares the networks that are named.
func networkDifferences(w *want, have map[string]state.Endpoint) []difference {
	var out []difference
	for _, name := range keys(w.spec.Networks) {
		n := w.spec.Networks[name]
		at, ok := have[name]
		if !ok {
			out = append(out, difference{name: "network." + name, want: endpointValue(n), have: value.Null})
			continue
		}
		if n.IPv4Address != "" && n.IPv4Address != at.IPv4Address || n.IPv6Address != "" && n.IPv6Address != at.IPv6Address ||
			n.MacAddress != "" && !strings.EqualFold(n.MacAddress, at.MacAddress) ||
			!same(value.Strings(n.Aliases...), value.Strings(at.Aliases...), more, bag) ||
			!same(value.Strings(n.Links...), value.Strings(at.Links...), more, bag) {
			out = append(out, difference{name: "network." + name, want: endpointValue(n), have: endpointValue(at)})
		}
	}
	return out
}

// extraNetworks are those it is connected to without being asked for.
func extraNetworks(w *want, have map[string]state.Endpoint) []difference {
	var out []difference
	for _, name := range keys(have) {
		if _, asked := w.spec.Networks[name]; !asked {
			out = append(out, difference{name: "network." + name, want: value.Null, have: endpointValue(have[name])})
		}
	}
	return out
}

func endpointValue(e state.Endpoint) value.Value {
	m := value.NewMap()
	for _, f := range []struct{ name, text string }{
		{"ipv4_address", e.IPv4Address}, {"ipv6_address", e.IPv6Address}, {"mac_address", e.MacAddress}} {
		if f.text != "" {
			m.Set(f.name, value.String(f.text))
		}
	}
	if len(e.Aliases) > 0 {
		m.Set("aliases", value.Strings(e.Aliases...))
	}
	if len(e.Links) > 0 {
		m.Set("links", value.Strings(e.Links...))
	}
	return value.FromMap(m)
}
