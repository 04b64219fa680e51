package jinja

import (
	"errors"
	"fmt"

	"github.com/fairlead-project/fairlead/engine/value"
)

// function is a global function as a value.
type function struct {
	name string
	fn   Function
}

func (f *function) TypeName() string                             { return "function" }
func (f *function) Attr(string) (value.Value, bool)              { return value.Null, false }
func (f *function) Call(c *Context, a Args) (value.Value, error) { return f.call(c, a) }

func (f *function) call(c *Context, args Args) (value.Value, error) {
	fl := Filter{Impure: f.fn.Impure, TakesUnknown: f.fn.TakesUnknown, TakesUndefined: f.fn.TakesUndefined, Passes: f.fn.Passes,
		Fn: func(c *Context, _ value.Value, args Args) (value.Value, error) { return f.fn.Fn(c, args) }}
	v, err := c.callFilter(f.name, &fl, value.Null, args)
	if err != nil && errors.Unwrap(err) != nil {
		if inner := errors.Unwrap(err); err.Error() == "filter '"+f.name+"': "+inner.Error() {
			return v, fmt.Errorf("%s(): %w", f.name, inner)
		}
	}
	return v, err
}

// method is a bound method as a value: {% set up = s.upper %}.
type method struct {
	recv value.Value
	name string
}

func (m *method) TypeName() string                { return "method" }
func (m *method) Attr(string) (value.Value, bool) { return value.Null, false }

// Call implements Callable; a template calls methods with its own frame.
func (m *method) Call(c *Context, a Args) (value.Value, error) {
	f := &frame{r: &run{c: c, env: c.Env}}
	return f.method(m.recv, m.name, a)
}

// namespace is Jinja2's namespace(): attributes that a template may set.
type namespace struct{ m *value.Map }

func (n *namespace) TypeName() string { return "Namespace" }
func (n *namespace) Attr(name string) (value.Value, bool) {
	return n.m.Get(name)
}

type cycler struct {
	items []value.Value
	i     int
}

func (y *cycler) TypeName() string { return "Cycler" }
func (y *cycler) Attr(name string) (value.Value, bool) {
	switch name {
	case "current":
		return y.items[y.i], true
	case "next":
		return goFunc("next", func(*Context, Args) (value.Value, error) {
			v := y.items[y.i]
			y.i = (y.i + 1) % len(y.items)
			return v, nil
		}), true
	case "reset":
		return goFunc("reset", func(*Context, Args) (value.Value, error) { y.i = 0; return value.Null, nil }), true
	}
	return value.Null, false
}

type joiner struct {
	sep  value.Value
	used bool
}

func (j *joiner) TypeName() string                { return "Joiner" }
func (j *joiner) Attr(string) (value.Value, bool) { return value.Null, false }
func (j *joiner) Call(*Context, Args) (value.Value, error) {
	if !j.used {
		j.used = true
		return value.String(""), nil
	}
	return j.sep, nil
}

func goFunc(name string, fn func(*Context, Args) (value.Value, error)) value.Value {
	return value.FromObject(&function{name, Function{Fn: fn, TakesUndefined: true, TakesUnknown: true, Passes: true}})
}

// macro is a macro as a value, with the frame it was defined in.
type macro struct {
	m *macroStmt
	f *frame
}

func (m *macro) TypeName() string { return "Macro" }
func (m *macro) Attr(name string) (value.Value, bool) {
	switch name {
	case "name":
		return value.String(m.m.name), true
	case "arguments":
		return tupleOf(m.m.sig.params), true
	case "catch_kwargs":
		return value.Bool(m.m.sig.kwargs), true
	case "catch_varargs":
		return value.Bool(m.m.sig.varargs), true
	case "caller":
		return value.Bool(m.m.sig.caller), true
	}
	return value.Null, false
}

func tupleOf(names []string) value.Value {
	return value.Tuple(value.Strings(names...).Items()...)
}

// Call implements Callable.
func (m *macro) Call(c *Context, a Args) (value.Value, error) {
	f, sig := m.f.child(), &m.m.sig
	n := len(sig.params)
	extra := value.NewMap()
	given := make(map[string]value.Value, len(a.Kw))
	for _, k := range a.Kw {
		given[k.Name] = k.Value
	}
	for i, p := range sig.params {
		v, kw := given[p]
		switch {
		case i < len(a.Pos):
			if kw {
				return v, fmt.Errorf("macro '%s' got multiple values for argument '%s'", m.m.name, p)
			}
			v = a.Pos[i]
		case kw:
			delete(given, p)
		case i >= n-len(sig.defaults):
			var err error
			if v, err = f.eval(sig.defaults[i-(n-len(sig.defaults))]); err != nil {
				return v, err
			}
		default:
			v = value.UndefinedOf(&value.Undef{Msg: "parameter '" + p + "' was not provided"})
		}
		f.set(p, v)
	}
	for _, k := range a.Kw {
		if v, left := given[k.Name]; left && k.Name != "caller" {
			extra.Set(k.Name, v)
		}
	}
	if sig.caller {
		v, ok := given["caller"]
		if !ok {
			v = value.UndefinedOf(&value.Undef{Msg: "No caller defined"})
		}
		f.set("caller", v)
	} else if _, ok := given["caller"]; ok && !sig.kwargs {
		return value.Null, fmt.Errorf("macro '%s' was invoked with two values for the special caller argument or takes no caller", m.m.name)
	}
	if sig.kwargs {
		f.set("kwargs", value.FromMap(extra))
	} else if extra.Len() > 0 {
		return value.Null, fmt.Errorf("macro '%s' takes no keyword argument '%s'", m.m.name, extra.Keys()[0].Text())
	}
	if sig.varargs {
		f.set("varargs", value.Tuple(a.Pos[min(n, len(a.Pos)):]...))
	} else if len(a.Pos) > n {
		return value.Null, fmt.Errorf("macro '%s' takes not more than %d argument(s)", m.m.name, n)
	}
	return f.capture(m.m.body)
}
