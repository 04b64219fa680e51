package jinja

import (
	"errors"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
)

// run is one evaluation of one template with all that it includes.
type run struct {
	c       *Context
	env     *Env
	globals map[string]value.Value // what the scope answered
	cells   map[any]*cell          // lists and dicts changed by the template
	blocks  map[string][]blockRef
	reads   reading // how captured text is read again
}

// reading is how the text of a whole string, a set block or a macro is read.
type reading uint8

const (
	asText    reading = iota // template files: not at all
	asLiteral                // playbook strings: lists, dicts and booleans
	asNative                 // jinja2_native: every literal
)

type blockRef struct {
	t *Template
	b *blockStmt
}

// frame is one scope of local variables.
type frame struct {
	parent *frame
	r      *run
	t      *Template
	names  []string
	vals   []value.Value
	// isolated frames do not see the Scope (imports, includes without context).
	isolated bool
}

func newRun(c *Context, t *Template) (*frame, error) {
	if c.Env == nil {
		c.Env = t.env
	}
	if c.Limits == (Limits{}) {
		c.Limits = DefaultLimits()
	}
	r := &run{c: c, env: t.env}
	return &frame{r: r, t: t}, nil
}

func (f *frame) child() *frame { return &frame{parent: f, r: f.r, t: f.t} }

func (f *frame) local(name string) (value.Value, bool) {
	for i := len(f.names) - 1; i >= 0; i-- {
		if f.names[i] == name {
			return f.vals[i], true
		}
	}
	return value.Null, false
}

func (f *frame) set(name string, v value.Value) {
	for i, n := range f.names {
		if n == name {
			f.vals[i] = v
			return
		}
	}
	f.names = append(f.names, name)
	f.vals = append(f.vals, v)
}

// snapshot is a frame of the variables that f sees now: an import with context
// does not see what is set after it.
func (f *frame) snapshot() *frame {
	out := &frame{r: f.r, t: f.t}
	for g := f; g != nil && !out.isolated; g = g.parent {
		for i, n := range g.names {
			if _, ok := out.local(n); !ok {
				out.names, out.vals = append(out.names, n), append(out.vals, g.vals[i])
			}
		}
		out.isolated = g.isolated
	}
	return out
}

// lookup finds a variable: local frames, then the scope, then globals.
func (f *frame) lookup(name string) (value.Value, error) {
	isolated := false
	for g := f; g != nil; g = g.parent {
		if v, ok := g.local(name); ok {
			return v, nil
		}
		if g.isolated {
			isolated = true
			break
		}
	}
	r := f.r
	if !isolated && r.c.Scope != nil {
		if v, ok := r.globals[name]; ok {
			return v, nil
		}
		if r.c.depth++; r.c.depth > r.c.Limits.Depth {
			r.c.depth--
			return value.Null, limitError("recursion deeper than %d, at variable '%s'", r.c.Limits.Depth, name)
		}
		v, ok, err := r.c.Scope.Lookup(r.c, name)
		r.c.depth--
		if err != nil {
			return value.Null, err
		}
		if ok {
			if r.globals == nil {
				r.globals = make(map[string]value.Value, 4)
			}
			r.globals[name] = v
			return v, nil
		}
	}
	if v, ok := r.env.Globals[name]; ok {
		return v, nil
	}
	if fn, ok := r.env.Functions[name]; ok {
		return value.FromObject(&function{name, fn}), nil
	}
	if name == "self" {
		return value.FromObject(&selfObj{f}), nil
	}
	return value.Undefined(name), nil
}

// step charges n units of work.
func (c *Context) step(n int) error {
	if c.steps += n; c.steps > c.Limits.Steps {
		return limitError("more than %d evaluation steps", c.Limits.Steps)
	}
	return nil
}

// Step charges n units of work to the budget; filters call it for long loops.
func (c *Context) Step(n int) error { return c.step(n) }

func (c *Context) enter() error {
	if c.depth++; c.depth > c.Limits.Depth {
		return limitError("recursion deeper than %d", c.Limits.Depth)
	}
	return nil
}

func (c *Context) leave() { c.depth-- }

// Codes of the diagnostics that an evaluation ends with.
const (
	CodeUndefined = diag.CodeUndefined
	CodeLimit     = "template-limit"
	CodeEval      = "template-error"
	CodeFilter    = "unknown-filter"
	CodeHeader    = "template-header" // the line "#jinja2: ..." of a template file
	CodeTest      = "unknown-test"
)

func limitError(format string, args ...any) error {
	return diag.Errorf(diag.Pos{}, CodeLimit, "template: "+format, args...)
}

func undefinedError(v value.Value) error {
	return diag.Errorf(diag.Pos{}, CodeUndefined, "%s", v.Undef().Message())
}

// IsUndefined tells whether err says that something is not defined.
func IsUndefined(err error) bool {
	var d *diag.Diagnostic
	return errors.As(err, &d) && d.Code == CodeUndefined
}

// unknownSignal unwinds an evaluation whose outcome depends on an unknown value.
type unknownSignal struct{ v value.Value }

func (unknownSignal) Error() string { return "value is not known yet" }

// fail gives err the place of n unless it has one.
func (f *frame) fail(n interface{ where() int }, err error) error {
	return f.t.fail(n.where(), err)
}

func (t *Template) fail(off int, err error) error {
	switch e := err.(type) {
	case *diag.Diagnostic:
		if !e.Pos.IsValid() {
			c := *e
			c.Pos = t.src.pos(off)
			return &c
		}
		return err
	case unknownSignal, loopSignal, diag.List:
		return err
	}
	return diag.Errorf(t.src.pos(off), CodeEval, "%w", err)
}

// sink collects what is written.
type sink struct {
	c      *Context
	b      strings.Builder
	marks  value.Marks
	n      int // how many pieces
	single value.Value
}

func (s *sink) text(t string) error {
	s.n++
	s.single = value.String(t)
	return s.add(t)
}

func (s *sink) add(t string) error {
	if s.c.output += len(t); s.c.output > s.c.Limits.Output {
		return limitError("more than %d bytes of output", s.c.Limits.Output)
	}
	s.b.WriteString(t)
	return nil
}

// write writes a value as Jinja2 does.
func (s *sink) write(f *frame, v value.Value) error {
	v, err := f.r.c.Spelled(f.deep(v))
	if err != nil {
		return err
	}
	if o, ok := v.FindUnknown(); ok {
		return unknownSignal{value.Unknown(o).WithMarks(v.DeepMarks())}
	}
	if err := definedDeep(v); err != nil {
		return err
	}
	if v.IsNull() && f.r.env.EmptyNone && !f.r.c.Native && !f.r.c.NoneText {
		v = value.String("").WithMarks(v.Marks())
	}
	s.n++
	s.single = v
	s.marks |= v.DeepMarks() &^ transient
	return s.add(text(v))
}

// definedDeep refuses an undefined value anywhere in v.
func definedDeep(v value.Value) error {
	switch v.Kind() {
	case value.KindUndefined:
		if v.IsSoft() {
			return nil
		}
		return undefinedError(v)
	case value.KindList:
		for _, it := range v.Items() {
			if err := definedDeep(it); err != nil {
				return err
			}
		}
	case value.KindMap:
		for _, e := range v.Map().All() {
			if err := definedDeep(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// capture runs a body into text.
func (f *frame) capture(body []stmt) (value.Value, error) {
	s := &sink{c: f.r.c}
	err := f.exec(body, s)
	if u, ok := err.(unknownSignal); ok {
		return u.v, nil
	}
	if err != nil {
		return value.Null, err
	}
	return s.result(f.r.reads), nil
}

func (s *sink) result(how reading) value.Value {
	switch how {
	case asLiteral:
		return s.converted()
	case asNative:
		return s.native()
	}
	return value.String(s.b.String()).WithMarks(s.marks)
}
