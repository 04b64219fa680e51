// Package vars finds variables: the levels of precedence of ansible-core,
// evaluated lazily for one host and one task, magic variables, the variables
// of other hosts, and lookups.
package vars

import (
	"slices"

	"github.com/fairlead-project/fairlead/engine/value"
)

// Memory holds what tasks set on a host while a play runs (facts, set_fact,
// registered results). It can be taken back to an earlier mark, because a plan
// may turn out to be wrong. It is not safe for concurrent use.
type Memory struct {
	log       []assignment
	last      map[string]int
	confirmed int
}

type assignment struct {
	name string
	val  value.Value
	prev int // index of the assignment before this one to the same name, or -1
}

// NewMemory makes an empty memory.
func NewMemory() *Memory { return &Memory{last: map[string]int{}} }

// Set assigns a name. Whoever reads in Ansible what a task has set finds lists where it
// was given tuples; a variable that is a template keeps them.
func (m *Memory) Set(name string, v value.Value) {
	prev, ok := m.last[name]
	if !ok {
		prev = -1
	}
	m.last[name] = len(m.log)
	m.log = append(m.log, assignment{name, v.Listed(), prev})
}

// Get gives the newest value of a name.
func (m *Memory) Get(name string) (value.Value, bool) {
	i, ok := m.last[name]
	if !ok {
		return value.Null, false
	}
	return m.log[i].val, true
}

// Pending tells whether the newest value of a name is not confirmed yet.
func (m *Memory) Pending(name string) bool {
	i, ok := m.last[name]
	return ok && i >= m.confirmed
}

// Names are all names, in no order.
func (m *Memory) Names() []string {
	names := make([]string, 0, len(m.last))
	for n := range m.last {
		names = append(names, n)
	}
	return names
}

// InOrder are all names, in the order of their newest values.
func (m *Memory) InOrder() []string {
	names := m.Names()
	slices.SortFunc(names, func(a, b string) int { return m.last[a] - m.last[b] })
	return names
}

// Mark is the present moment, for Rollback and Confirm.
func (m *Memory) Mark() int { return len(m.log) }

// Rollback forgets every assignment since the mark; one from before a Clear is void.
func (m *Memory) Rollback(mark int) {
	if mark > len(m.log) {
		return
	}
	for i := len(m.log) - 1; i >= mark; i-- {
		a := m.log[i]
		if a.prev < 0 {
			delete(m.last, a.name)
		} else {
			m.last[a.name] = a.prev
		}
	}
	m.log = m.log[:mark]
	m.confirmed = min(m.confirmed, mark)
}

// Confirm declares every assignment before the mark true.
func (m *Memory) Confirm(mark int) { m.confirmed = max(m.confirmed, mark) }

// Clear forgets everything; it cannot be taken back.
func (m *Memory) Clear() { *m = *NewMemory() }
