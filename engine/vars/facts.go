package vars

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// factLayer shows facts under their names with the prefix ansible_.
type factLayer struct {
	mem    *Memory
	hidden bool // they are in ansible_facts only
}

// FactPrefix is before the names of facts that are variables.
const FactPrefix = "ansible_"

// bareFact tells whether a fact of setup is a variable by its own name.
func bareFact(name string) bool { return name == "module_setup" || name == "gather_subset" }

func (l factLayer) find(name string) (*yaml.Node, value.Value, bool) {
	if name == "ansible_facts" {
		return nil, factsValue(l.mem), true
	}
	if !l.hidden && len(name) > len(FactPrefix) && name[:len(FactPrefix)] == FactPrefix {
		if v, ok := l.mem.Get(name[len(FactPrefix):]); ok {
			return nil, v, true
		}
	}
	if l.hidden {
		return nil, value.Null, false
	}
	if bareFact(name) {
		v, ok := l.mem.Get(name)
		return nil, v, ok
	}
	v, ok := l.mem.Get("\x00" + name)
	return nil, v, ok
}

func (l factLayer) names(add func(string)) {
	add("ansible_facts")
	for _, n := range l.mem.Names() {
		switch {
		case l.hidden:
		case n[0] == 0:
			add(n[1:])
		case bareFact(n):
			add(n)
		default:
			add(FactPrefix + n)
		}
	}
}

func factsValue(mem *Memory) value.Value {
	m := value.NewMap()
	for _, n := range mem.InOrder() {
		v, _ := mem.Get(n)
		switch {
		case n[0] == 0:
			n = n[1:]
		case n == "local": // the only fact that keeps its prefix
			n = "ansible_local"
		}
		m.Set(n, v)
	}
	return value.FromMap(m)
}

// SetPlain sets a fact whose name has no prefix: services, getent_passwd, and what a
// set_fact with cacheable says.
func (h *Host) SetPlain(name string, v value.Value) { h.Facts.Set("\x00"+name, v) }

// factsGathered is what Ansible notes beside the facts of setup.
const factsGathered = "_ansible_facts_gathered"

// KeptFacts are the facts as a cache of facts holds them: by the names of their variables.
func (h *Host) KeptFacts() *value.Map {
	m := value.NewMap()
	for _, n := range h.Facts.InOrder() {
		v, _ := h.Facts.Get(n)
		switch {
		case v.HasUnknown():
		case n[0] == 0:
			m.Set(n[1:], v)
		case bareFact(n):
			m.Set(n, v)
		default:
			m.Set(FactPrefix+n, v)
		}
	}
	if m.Has("module_setup") {
		m.Set(factsGathered, value.Bool(true))
	}
	return m
}

// SetKept sets what a cache of facts holds.
func (h *Host) SetKept(name string, v value.Value) {
	bare, prefixed := strings.CutPrefix(name, FactPrefix)
	switch {
	case name == factsGathered:
	case prefixed || bareFact(name):
		h.Facts.Set(bare, v)
	default:
		h.SetPlain(name, v)
	}
}
