package run

import (
	"slices"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/value"
)

// behind are the fields that stand behind those of a module, in this order: Ansible's
// executor adds them to every result.
var behind = []string{"warnings", "deprecations", "stdout_lines", "stderr_lines"}

// arrange gives the fields of a result the order in which Ansible has them, which is seen
// wherever a registered result is written out: as the label of a loop over results, in a
// template that goes through it. What the module returned comes first, a failure's failed
// and msg behind it, then what the executor adds.
func (o *outcome) arrange(spec *module.Spec) {
	if o.status == event.Unknown || o.result.Has("skip_reason") {
		return
	}
	order := fieldOrder(spec, o.status)
	late := slices.Clone(behind)
	failed, _ := o.result.Get("failed")
	if failed.Truthy() {
		late = append(late, "failed", "msg")
	}
	if o.lateChanged || order != nil && !slices.Contains(order, "changed") {
		late = append(late, "changed")
	}
	m := value.NewMap()
	take := func(names ...string) {
		for _, k := range names {
			if v, ok := o.result.Get(k); ok {
				m.Set(k, v)
			}
		}
	}
	ahead, rest := order, []string(nil)
	if i := slices.Index(order, "invocation"); i >= 0 {
		ahead, rest = order[:i], order[i+1:]
	}
	for _, k := range ahead {
		if !slices.Contains(late, k) {
			take(k)
		}
	}
	o.own = m.Len()
	take(rest...)
	for k, v := range o.result.All() {
		if !m.Has(k.Text()) && !slices.Contains(late, k.Text()) {
			m.SetKey(k, v)
		}
	}
	if failed.Truthy() {
		take("failed", "msg")
	}
	if rest == nil {
		o.own = m.Len()
	}
	take(behind...)
	if !o.result.Has("failed") {
		m.Set("failed", value.Bool(o.status == event.Failed))
	}
	take("failed")
	take("changed")
	o.result, o.owned = m, true
}

// fieldOrder is the order of a module's fields: of a result that changed something, and
// of another one where that differs. It is nil where it is that of the module's result.
func fieldOrder(spec *module.Spec, s event.Status) []string {
	switch {
	case spec == nil || len(spec.Order) == 0:
		return nil
	case s == event.OK && len(spec.Order) > 1:
		return spec.Order[1]
	}
	return spec.Order[0]
}

// insert puts a field behind the first n of a map.
func insert(m *value.Map, n int, key string, v value.Value) *value.Map {
	out := value.NewMap()
	for k, x := range m.All() {
		if out.Len() == n {
			out.Set(key, v)
		}
		out.SetKey(k, x)
	}
	out.Set(key, v)
	return out
}

// specOf is the description of the module that ran; nil where none did.
func specOf(ev *evaluated) *module.Spec {
	if ev == nil || ev.mod == nil {
		return nil
	}
	return ev.mod.Spec()
}
