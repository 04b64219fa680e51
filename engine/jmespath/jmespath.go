// Package jmespath is the query language of jmespath.org over playbook values.
// The libraries that exist compute with Go's maps and floats, and would lose
// the order of keys, the difference of 2 and 2.0, and the marks of values.
package jmespath

import (
	"fmt"
	"math"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// Search evaluates a query. Mistakes in it and wrong types are errors in the
// words of the Python library that json_query uses.
func Search(query string, v value.Value) (value.Value, error) {
	toks, err := lex(query)
	if err != nil {
		return value.Null, err
	}
	p := &parser{query: query, toks: toks}
	n, err := p.expression(0)
	if err == nil && p.cur().kind != "eof" {
		err = p.unexpected()
	}
	if err != nil {
		return value.Null, err
	}
	return n.eval(v)
}

// node is one part of a parsed query.
type node interface {
	eval(v value.Value) (value.Value, error)
}

type (
	current struct{}
	literal struct{ v value.Value }
	field   struct{ name string }
	index   struct{ i int }
	slice   struct{ part [3]*int }
	chain   struct{ a, b node } // a, then b on what it gives; null stops
	pipe    struct{ a, b node }
	or      struct{ a, b node }
	and     struct{ a, b node }
	not     struct{ a node }
	compare struct {
		op   string
		a, b node
	}
	// project applies then to every element of what base gives, and drops nulls.
	project   struct{ base, then node }
	values    struct{ base, then node } // the same over the values of a dict
	flatten   struct{ base node }
	filter    struct{ base, cond, then node }
	multiList struct{ items []node }
	multiHash struct {
		keys  []string
		items []node
	}
	reference struct{ n node } // &expression
	call      struct {
		name string
		args []node
	}
)

// truth: false, null, and what is empty are false; 0 is true.
func truth(v value.Value) bool {
	switch v.Kind() {
	case value.KindNull, value.KindUndefined:
		return false
	case value.KindBool:
		return v.AsBool()
	case value.KindString, value.KindList, value.KindMap:
		return v.Len() > 0
	}
	return true
}

func (current) eval(v value.Value) (value.Value, error)   { return v, nil }
func (l literal) eval(value.Value) (value.Value, error)   { return l.v, nil }
func (r reference) eval(value.Value) (value.Value, error) { return value.Null, nil }

func (f field) eval(v value.Value) (value.Value, error) {
	e, _ := v.Get(f.name)
	return e, nil
}

func (x index) eval(v value.Value) (value.Value, error) {
	items := v.Items()
	i := x.i
	if i < 0 {
		i += len(items)
	}
	if i < 0 || i >= len(items) {
		return value.Null, nil
	}
	return items[i], nil
}

func (s slice) eval(v value.Value) (value.Value, error) {
	if v.Kind() != value.KindList {
		return value.Null, nil
	}
	items, step := v.Items(), 1
	if s.part[2] != nil {
		step = *s.part[2]
	}
	n := len(items)
	bound := func(p *int, def int) int {
		if p == nil {
			return def
		}
		i := *p
		if i < 0 {
			i += n
		}
		if step < 0 {
			return max(min(i, n-1), -1)
		}
		return max(min(i, n), 0)
	}
	from, to := bound(s.part[0], 0), bound(s.part[1], n)
	if step < 0 {
		from, to = bound(s.part[0], n-1), bound(s.part[1], -1)
	}
	out := []value.Value{}
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		out = append(out, items[i])
	}
	return value.List(out...), nil
}

func (c chain) eval(v value.Value) (value.Value, error) {
	v, err := c.a.eval(v)
	if err != nil || v.IsNull() {
		return v, err
	}
	return c.b.eval(v)
}

func (p pipe) eval(v value.Value) (value.Value, error) {
	v, err := p.a.eval(v)
	if err != nil {
		return v, err
	}
	return p.b.eval(v)
}

func (o or) eval(v value.Value) (value.Value, error) {
	a, err := o.a.eval(v)
	if err != nil || truth(a) {
		return a, err
	}
	return o.b.eval(v)
}

func (x and) eval(v value.Value) (value.Value, error) {
	a, err := x.a.eval(v)
	if err != nil || !truth(a) {
		return a, err
	}
	return x.b.eval(v)
}

func (x not) eval(v value.Value) (value.Value, error) {
	a, err := x.a.eval(v)
	return value.Bool(!truth(a)), err
}

// equal is JMESPath's: a boolean equals no number.
func equal(a, b value.Value) bool {
	if (a.Kind() == value.KindBool) != (b.Kind() == value.KindBool) {
		return false
	}
	return value.Equal(a, b)
}

func (c compare) eval(v value.Value) (value.Value, error) {
	a, err := c.a.eval(v)
	if err != nil {
		return a, err
	}
	b, err := c.b.eval(v)
	if err != nil {
		return b, err
	}
	switch c.op {
	case "==":
		return value.Bool(equal(a, b)), nil
	case "!=":
		return value.Bool(!equal(a, b)), nil
	}
	orderable := func(v value.Value) bool { return v.IsString() || v.IsNumber() && v.Kind() != value.KindBool }
	n, ok := value.Compare(a, b)
	if !orderable(a) || !orderable(b) || !ok {
		return value.Null, nil
	}
	return value.Bool(map[string]bool{"<": n < 0, "<=": n <= 0, ">": n > 0, ">=": n >= 0}[c.op]), nil
}

func each(items []value.Value, then node) (value.Value, error) {
	out := []value.Value{}
	for _, it := range items {
		r, err := then.eval(it)
		if err != nil {
			return r, err
		}
		if !r.IsNull() {
			out = append(out, r)
		}
	}
	return value.List(out...), nil
}

func (p project) eval(v value.Value) (value.Value, error) {
	base, err := p.base.eval(v)
	if err != nil || base.Kind() != value.KindList {
		return value.Null, err
	}
	return each(base.Items(), p.then)
}

func (p values) eval(v value.Value) (value.Value, error) {
	base, err := p.base.eval(v)
	if err != nil || base.Map() == nil {
		return value.Null, err
	}
	return each(mapValues(base), p.then)
}

func mapValues(v value.Value) []value.Value {
	var out []value.Value
	for _, e := range v.Map().All() {
		out = append(out, e.WithMarks(v.Marks()))
	}
	return out
}

func (f flatten) eval(v value.Value) (value.Value, error) {
	base, err := f.base.eval(v)
	if err != nil || base.Kind() != value.KindList {
		return value.Null, err
	}
	out := []value.Value{}
	for _, it := range base.Items() {
		if it.Kind() == value.KindList {
			out = append(out, it.Items()...)
		} else {
			out = append(out, it)
		}
	}
	return value.List(out...), nil
}

func (f filter) eval(v value.Value) (value.Value, error) {
	base, err := f.base.eval(v)
	if err != nil || base.Kind() != value.KindList {
		return value.Null, err
	}
	kept := []value.Value{}
	for _, it := range base.Items() {
		ok, err := f.cond.eval(it)
		if err != nil {
			return ok, err
		}
		if truth(ok) {
			kept = append(kept, it)
		}
	}
	return each(kept, f.then)
}

func (m multiList) eval(v value.Value) (value.Value, error) {
	if v.IsNull() {
		return v, nil
	}
	out := make([]value.Value, len(m.items))
	for i, n := range m.items {
		var err error
		if out[i], err = n.eval(v); err != nil {
			return v, err
		}
	}
	return value.List(out...), nil
}

func (m multiHash) eval(v value.Value) (value.Value, error) {
	if v.IsNull() {
		return v, nil
	}
	out := value.NewMap()
	for i, n := range m.items {
		e, err := n.eval(v)
		if err != nil {
			return v, err
		}
		out.Set(m.keys[i], e)
	}
	return value.FromMap(out), nil
}

func (c call) eval(v value.Value) (value.Value, error) {
	f, ok := functions[c.name]
	if !ok {
		return v, refuse("Unknown function: %s()", c.name)
	}
	variadic := strings.HasSuffix(f.types[len(f.types)-1], "...")
	if len(c.args) < len(f.types) || len(c.args) > len(f.types) && !variadic {
		return v, refuse("Expected %d argument for function %s(), received %d", len(f.types), c.name, len(c.args))
	}
	args := make([]argument, len(c.args))
	for i, n := range c.args {
		if r, ok := n.(reference); ok {
			args[i].ref = r.n
		} else {
			x, err := n.eval(v)
			if err != nil {
				return x, err
			}
			args[i].v = x
		}
		if err := args[i].check(c.name, strings.TrimSuffix(f.types[min(i, len(f.types)-1)], "...")); err != nil {
			return v, err
		}
	}
	return f.run(args)
}

// refuse is an error in the words of the Python library.
func refuse(format string, args ...any) error { return fmt.Errorf(format, args...) }

func isWhole(f float64) bool { return f == math.Trunc(f) && math.Abs(f) < 1<<53 }
