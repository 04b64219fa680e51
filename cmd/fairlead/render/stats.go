package render

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/value"
)

// wholeRun is whose statistics those are that belong to no host.
const wholeRun = "_run"

// customStats are what set_stats gave, by host and by name, added up as
// ansible-core 2.14 does.
type customStats map[string]*value.Map

// note takes the statistics out of a task's result, or those of its items.
func (c customStats) note(e *event.Event) {
	if e.Res == nil || e.NoLog || e.Status == event.Failed {
		return
	}
	results := []value.Value{value.FromMap(e.Res)}
	if items, ok := e.Res.Get("results"); ok && items.Kind() == value.KindList {
		results = items.Items()
	}
	for _, r := range results {
		s, ok := r.Get("ansible_stats")
		data, _ := s.Get("data")
		if !ok || data.Map() == nil {
			continue
		}
		host := wholeRun
		if per, _ := s.Get("per_host"); per.Truthy() {
			host = e.Host
		}
		if c[host] == nil {
			c[host] = value.NewMap()
		}
		add, _ := s.Get("aggregate")
		for k, v := range data.Map().All() {
			if old, has := c[host].GetKey(k); has && add.Truthy() {
				v = sum(old, v)
			}
			c[host].SetKey(k, v)
		}
	}
}

// sum adds one value to another of its kind; of different kinds the first stays.
func sum(a, b value.Value) value.Value {
	if a.Kind() != b.Kind() {
		return a
	}
	switch a.Kind() {
	case value.KindInt:
		x, _ := a.AsInt()
		y, _ := b.AsInt()
		return value.Int(x + y)
	case value.KindFloat:
		x, _ := a.AsFloat()
		y, _ := b.AsFloat()
		return value.Float(x + y)
	case value.KindString:
		return value.String(a.Str() + b.Str())
	case value.KindList:
		return value.List(slices.Concat(a.Items(), b.Items())...)
	case value.KindMap:
		m := a.Map().Clone()
		for k, v := range b.Map().All() {
			if old, has := m.GetKey(k); has && old.Map() != nil && v.Map() != nil {
				v = sum(old, v)
			}
			m.SetKey(k, v)
		}
		return value.FromMap(m)
	}
	return b
}

// show writes them: those of hosts, then those of the run.
func (c customStats) show(t *Terminal, b *bytes.Buffer) {
	if len(c) == 0 {
		return
	}
	t.heading(b, "CUSTOM STATS:")
	for _, host := range slices.Sorted(maps.Keys(c)) {
		if host != wholeRun {
			fmt.Fprintf(b, "\t%s: %s\n", event.PrintableLine(host), joined(c[host]))
		}
	}
	if run := c[wholeRun]; run != nil {
		fmt.Fprintf(b, "\n\tRUN: %s\n", joined(run))
	}
	b.WriteString("\n")
}

// joined is a result as JSON whose lines, indented by one blank a level, are joined, as
// Ansible writes these.
func joined(m *value.Map) string {
	var b strings.Builder
	for line := range strings.Lines(indented(m)) {
		text := strings.TrimLeft(strings.TrimSuffix(line, "\n"), " ")
		b.WriteString(strings.Repeat(" ", (len(strings.TrimSuffix(line, "\n"))-len(text))/4) + text)
	}
	return b.String()
}
