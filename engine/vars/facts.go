package vars

import (
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// factLayer shows facts under their names with the prefix ansible_.
type factLayer struct {
	mem    *Memory
	hidden bool // they are in ansible_facts only
}

const factPrefix = "ansible_"

// bareFact tells whether a fact of setup is a variable by its own name.
func bareFact(name string) bool { return name == "module_setup" || name == "gather_subset" }

func (l factLayer) find(name string) (*yaml.Node, value.Value, bool) {
	if name == "ansible_facts" {
		return nil, factsValue(l.mem), true
	}
	if !l.hidden && len(name) > len(factPrefix) && name[:len(factPrefix)] == factPrefix {
		if v, ok := l.mem.Get(name[len(factPrefix):]); ok {
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
			add(factPrefix + n)
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
