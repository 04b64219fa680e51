package jinja

import (
	"errors"
	"fmt"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
)

func (f *frame) args(a *callArgs) (Args, error) {
	var out Args
	var err error
	if out.Pos, err = f.evalAll(a.pos); err != nil {
		return out, err
	}
	for i, n := range a.kwNames {
		v, err := f.eval(a.kwVals[i])
		if err != nil {
			return out, err
		}
		out.Kw = append(out.Kw, Kw{n, v})
	}
	if a.star != nil {
		v, err := f.evalNow(a.star)
		if err != nil {
			return out, err
		}
		items, err := iterate(f.r.c, v)
		if err != nil {
			return out, f.fail(a.star, err)
		}
		out.Pos = append(out.Pos, items...)
	}
	if a.kws != nil {
		v, err := f.evalNow(a.kws)
		if err != nil {
			return out, err
		}
		if v.IsUnknown() {
			return out, unknownSignal{v}
		}
		if v.Map() == nil {
			return out, f.fail(a.kws, fmt.Errorf("argument after ** must be a mapping, not %s", v.TypeName()))
		}
		for k := range v.Map().All() {
			e, _ := v.Map().GetKey(k)
			out.Kw = append(out.Kw, Kw{k.Text(), e.WithMarks(v.Marks())})
		}
	}
	return out, nil
}

func (f *frame) deepArgs(a Args) Args {
	if len(f.r.cells) == 0 {
		return a
	}
	out := Args{Pos: make([]value.Value, len(a.Pos)), Kw: make([]Kw, len(a.Kw))}
	for i, v := range a.Pos {
		out.Pos[i] = f.deep(v)
	}
	for i, k := range a.Kw {
		out.Kw[i] = Kw{k.Name, f.deep(k.Value)}
	}
	return out
}

func (x *callExpr) eval(f *frame) (value.Value, error) {
	var recv, fn value.Value
	var name string
	var err error
	if a, ok := x.fn.(*attrExpr); ok {
		if recv, err = f.eval(a.x); err != nil {
			return recv, err
		}
		if now := f.now(recv); hasMethod(now, a.name) {
			name = a.name
		} else if fn, err = f.r.c.getAttr(f.r, now, a.name); err != nil {
			return fn, f.fail(a, err)
		}
	} else if fn, err = f.eval(x.fn); err != nil {
		return fn, err
	}
	args, err := f.args(&x.args)
	if err != nil {
		if u, ok := err.(unknownSignal); ok {
			return u.v, nil
		}
		return fn, err
	}
	if err := f.r.c.enter(); err != nil {
		return fn, err
	}
	defer f.r.c.leave()
	if name != "" {
		return f.method(recv, name, args)
	}
	return f.call(fn, args)
}

func (f *frame) call(fn value.Value, args Args) (value.Value, error) {
	if fn.IsUnknown() {
		return fn, nil
	}
	if fn.IsUndefined() {
		return fn, undefinedError(fn)
	}
	c, ok := fn.Object().(Callable)
	if !ok {
		return fn, fmt.Errorf("'%s' object is not callable", fn.TypeName())
	}
	switch c := c.(type) {
	case *function:
		return c.call(f.r.c, f.deepArgs(args))
	case *method:
		return f.method(c.recv, c.name, args)
	}
	v, err := c.Call(f.r.c, args)
	if u, ok := err.(unknownSignal); ok {
		return u.v, nil
	}
	return v, err
}

// argMarks are the top marks, or all marks found, of arguments.
func argMarks(in value.Value, args Args, deep bool) value.Marks {
	m := in.Marks()
	if deep {
		m = in.DeepMarks()
	}
	args.All(func(v value.Value) bool {
		if deep {
			m |= v.DeepMarks()
		} else {
			m |= v.Marks()
		}
		return true
	})
	return m &^ transient
}

// unknownArg finds what keeps a call from being made.
func unknownArg(in value.Value, args Args) (value.Value, bool) {
	o, found := in.FindUnknown()
	if !found {
		args.All(func(v value.Value) bool {
			o, found = v.FindUnknown()
			return !found
		})
	}
	if !found {
		return value.Null, false
	}
	return value.Unknown(o).WithMarks(argMarks(in, args, true)), true
}

func undefinedArg(in value.Value, args Args) error {
	if in.IsUndefined() {
		return undefinedError(in)
	}
	var err error
	args.All(func(v value.Value) bool {
		if v.IsUndefined() {
			err = undefinedError(v)
		}
		return err == nil
	})
	return err
}

var prefetchOrigin = &value.Origin{What: "evaluated only when the task runs", Pending: true}

// impure says that something impure is called, and whether it is unknown instead.
func (c *Context) impure() bool {
	if c.OnImpure != nil {
		c.OnImpure()
	}
	return c.Prefetch
}

// callFilter applies the rules that every filter follows.
func (c *Context) callFilter(name string, fl *Filter, in value.Value, args Args) (value.Value, error) {
	if fl.Impure && c.impure() {
		return value.Unknown(prefetchOrigin).WithMarks(argMarks(in, args, true)), nil
	}
	if !fl.TakesUndefined {
		if err := undefinedArg(in, args); err != nil {
			return in, err
		}
	}
	if !fl.TakesUnknown {
		if u, ok := unknownArg(in, args); ok {
			return u, nil
		}
	}
	if !asMapping[name] {
		var err error
		if in, err = c.Spelled(in); err != nil {
			return in, err
		}
	}
	if err := c.step(1 + max(in.Len(), 0)/16); err != nil {
		return in, err
	}
	if err := c.enter(); err != nil {
		return in, err
	}
	defer c.leave()
	v, err := fl.Fn(c, in, args)
	if err != nil {
		return v, wrapCall("filter", name, err)
	}
	if fl.Passes {
		return v, nil
	}
	scalar := v.Kind() != value.KindList && v.Kind() != value.KindMap
	keep := v.Marks() & Verbatim
	return v.WithoutMarks(Verbatim).WithMarks(keep | argMarks(in, args, scalar)), nil
}

// wrapCall names the filter or test in an error that says nothing about it.
func wrapCall(what, name string, err error) error {
	switch err.(type) {
	case *diag.Diagnostic, unknownSignal, diag.List:
		return err
	}
	if d, ok := errors.AsType[*diag.Diagnostic](err); ok && d.Code == CodeUndefined {
		return d // also where it came with others: what is undefined has a meaning of its own
	}
	if IsSaying(err) {
		return err
	}
	return fmt.Errorf("%s '%s': %w", what, name, err)
}

// CallFilter calls a filter of the environment by name, as a template would.
func (c *Context) CallFilter(name string, in value.Value, args Args) (value.Value, error) {
	fl, ok := c.Env.Filters[name]
	if !ok {
		return in, unknownName(CodeFilter, "filter", name, keys(c.Env.Filters))
	}
	return c.callFilter(name, &fl, in, args)
}

func (x *filterExpr) eval(f *frame) (value.Value, error) {
	in, err := f.eval(x.x)
	if err != nil {
		return in, err
	}
	return x.apply(f, in)
}

func (x *filterExpr) apply(f *frame, in value.Value) (value.Value, error) {
	if x.f == nil {
		return in, unknownName(CodeFilter, "filter", x.name, keys(f.r.env.Filters))
	}
	args, err := f.args(&x.args)
	if u, ok := err.(unknownSignal); ok {
		return u.v, nil
	}
	if err != nil {
		return in, err
	}
	return f.r.c.callFilter(x.name, x.f, f.deep(in), f.deepArgs(args))
}

// applyChain applies the filters of a filter block, innermost first.
func (f *frame) applyChain(x expr, in value.Value) (value.Value, error) {
	fx := x.(*filterExpr)
	if fx.x != nil {
		var err error
		if in, err = f.applyChain(fx.x, in); err != nil {
			return in, err
		}
	}
	v, err := fx.apply(f, in)
	if err != nil {
		return v, f.fail(fx, err)
	}
	return v, nil
}

// callTest applies the rules that every test follows. The result is a bool or
// unknown.
func (c *Context) callTest(name string, t *Test, in value.Value, args Args) (value.Value, error) {
	if t.Impure && c.impure() {
		return value.Unknown(prefetchOrigin), nil
	}
	if !t.TakesUndefined {
		if err := undefinedArg(in, args); err != nil {
			return in, err
		}
	}
	if !t.TakesUnknown {
		if u, ok := unknownArg(in, args); ok {
			return u, nil
		}
	}
	if err := c.step(1); err != nil {
		return in, err
	}
	ok, err := t.Fn(c, in, args)
	if u, is := err.(unknownSignal); is {
		return u.v, nil
	}
	if err != nil {
		return in, wrapCall("test", name, err)
	}
	if t.TakesUndefined {
		return value.Bool(ok), nil
	}
	return value.Bool(ok).WithMarks(argMarks(in, args, true)), nil
}

// CallTest calls a test of the environment by name; the result is a bool or unknown.
func (c *Context) CallTest(name string, in value.Value, args Args) (value.Value, error) {
	t, ok := c.Env.Tests[name]
	if !ok {
		return in, unknownName(CodeTest, "test", name, keys(c.Env.Tests))
	}
	return c.callTest(name, &t, in, args)
}

func (x *testExpr) eval(f *frame) (value.Value, error) {
	in, err := f.eval(x.x)
	if err != nil {
		return in, err
	}
	if x.t == nil {
		return in, unknownName(CodeTest, "test", x.name, keys(f.r.env.Tests))
	}
	args, err := f.args(&x.args)
	if u, ok := err.(unknownSignal); ok {
		return u.v, nil
	}
	if err != nil {
		return in, err
	}
	if x.name != "sameas" {
		in, args = f.deep(in), f.deepArgs(args)
	}
	return f.r.c.callTest(x.name, x.t, in, args)
}
