package jinja

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// Need is a free variable that an evaluation needs: reading it while it is not
// defined would be an error.
type Need struct {
	Name string
	// Offset is where the name stands in the text as given to Parse.
	Offset int
	Pos    diag.Pos
	// Maybe marks what is read only under a condition: in a branch, in the body
	// of a loop, as the alternative of something.
	Maybe bool
}

// Ref is a template that a template names literally.
type Ref struct {
	Names []string // of several the first that exists is meant
	Pos   diag.Pos
	// Optional: it may be missing. Maybe: it is read only under a condition.
	// Import marks import and extends, which do not share the variables of the
	// place.
	Optional, Maybe, Import bool
}

// Needs lists the free variables that must be defined, each occurrence, in
// order of evaluation. A name is left out where something guards it: default
// and its like, "is defined", or a condition around it that mentions it.
func (t *Template) Needs() []Need {
	w := newNeeds(t)
	w.maybe = t.extends
	w.body(t.body)
	return w.out
}

// Needs is Template.Needs for an expression.
func (x *Expr) Needs() []Need {
	w := newNeeds(x.t)
	w.expr(x.x)
	return w.out
}

// Refs lists the templates that are included, imported or extended by a
// literal name.
func (t *Template) Refs() []Ref {
	w := newNeeds(t)
	w.body(t.body)
	return w.refs
}

// Assigned are the names that the template assigns anywhere: an included
// template may see them.
func (t *Template) Assigned() map[string]bool {
	w := newNeeds(t)
	w.body(t.body)
	return w.assigned
}

// needs walks a tree for what it needs.
type needs struct {
	t        *Template
	shift    int // of the source's text in the text as given
	scopes   []map[string]bool
	mentions []map[string]bool // names in conditions around
	maybe    bool
	guarded  bool
	assigned map[string]bool
	macros   map[string]*macroStmt // that stand before
	uses     map[*macroStmt]map[string]bool
	out      []Need
	refs     []Ref
}

func newNeeds(t *Template) *needs {
	w := &needs{t: t, scopes: []map[string]bool{{}}, assigned: map[string]bool{},
		macros: map[string]*macroStmt{}, uses: map[*macroStmt]map[string]bool{}}
	if i := strings.Index(t.raw, t.src.text); i > 0 {
		w.shift = i
	}
	return w
}

func (w *needs) declare(name string) {
	w.scopes[len(w.scopes)-1][name], w.assigned[name] = true, true
}

// under walks below a condition; conds are the expressions it is made of.
func (w *needs) under(conds []expr, f func()) {
	names := map[string]bool{}
	a := newAnalysis(w.t.env, w.t.src)
	a.exprs(conds...)
	for n := range a.reads {
		names[n] = true
	}
	saved := w.maybe
	w.maybe, w.mentions = true, append(w.mentions, names)
	f()
	w.maybe, w.mentions = saved, w.mentions[:len(w.mentions)-1]
}

func (w *needs) perhaps(f func()) { w.under(nil, f) }

func (w *needs) guard(f func()) {
	saved := w.guarded
	w.guarded = true
	f()
	w.guarded = saved
}

func (w *needs) scoped(f func()) {
	w.scopes = append(w.scopes, map[string]bool{})
	f()
	w.scopes = w.scopes[:len(w.scopes)-1]
}

func (w *needs) name(x *nameExpr) {
	if w.guarded || x.name == "undefined" { // which templates write for what is not defined
		return
	}
	for _, maps := range [][]map[string]bool{w.scopes, w.mentions} {
		for _, m := range maps {
			if m[x.name] {
				return
			}
		}
	}
	env := w.t.env
	if _, ok := env.Functions[x.name]; ok {
		return
	}
	if _, ok := env.Globals[x.name]; ok {
		return
	}
	w.out = append(w.out, Need{Name: x.name, Offset: x.where() + w.shift, Pos: w.t.src.pos(x.where()), Maybe: w.maybe})
}

func (w *needs) exprs(xs ...expr) {
	for _, x := range xs {
		w.expr(x)
	}
}

func (w *needs) expr(x expr) {
	switch x := x.(type) {
	case nil, *constExpr:
	case *nameExpr:
		w.name(x)
	case *attrExpr:
		w.expr(x.x)
	case *itemExpr:
		w.exprs(x.x, x.key)
	case *sliceExpr:
		w.exprs(x.x, x.start, x.stop, x.step)
	case *listExpr:
		w.exprs(x.items...)
	case *dictExpr:
		w.exprs(x.keys...)
		w.exprs(x.vals...)
	case *unaryExpr:
		w.expr(x.x)
	case *binaryExpr:
		w.exprs(x.a, x.b)
	case *concatExpr:
		w.exprs(x.parts...)
	case *logicExpr:
		w.expr(x.a)
		w.under([]expr{x.a}, func() { w.expr(x.b) })
	case *compareExpr:
		w.expr(x.first)
		for _, o := range x.ops {
			w.expr(o.x)
		}
	case *condExpr:
		w.expr(x.test)
		w.under([]expr{x.test}, func() { w.exprs(x.then, x.orelse) })
	case *callExpr:
		w.call(x)
	case *filterExpr:
		w.filter(x)
	case *testExpr:
		w.test(x)
	}
}

func (w *needs) args(a *callArgs) {
	w.exprs(a.pos...)
	w.exprs(a.kwVals...)
	w.exprs(a.star, a.kws)
}

// call: what a method or macro gets need not be used; a function uses it,
// unless it was told not to mind errors.
func (w *needs) call(x *callExpr) {
	fn, isName := x.fn.(*nameExpr)
	w.expr(x.fn)
	if isName {
		if f, ok := w.t.env.Functions[fn.name]; ok && (!f.TakesUndefined || f.Uses) && !forgiving(&x.args) {
			w.args(&x.args)
			return
		}
	}
	if isName && w.macros[fn.name] != nil {
		m := w.macros[fn.name]
		w.perhaps(func() { w.macroArgs(m, &x.args) })
		return
	}
	w.perhaps(func() { w.args(&x.args) })
}

// macroArgs: an argument of a macro may be undefined where the macro minds that.
func (w *needs) macroArgs(m *macroStmt, a *callArgs) {
	used := w.usedBy(m)
	give := func(param string, x expr) {
		if _, plain := x.(*nameExpr); plain && !used[param] {
			w.guard(func() { w.expr(x) })
			return
		}
		w.expr(x)
	}
	for i, x := range a.pos {
		if i < len(m.sig.params) {
			give(m.sig.params[i], x)
		} else {
			w.expr(x)
		}
	}
	for i, x := range a.kwVals {
		give(a.kwNames[i], x)
	}
	w.exprs(a.star, a.kws)
}

// usedBy are the names that a macro's body cannot do without.
func (w *needs) usedBy(m *macroStmt) map[string]bool {
	if used, ok := w.uses[m]; ok {
		return used
	}
	used := map[string]bool{}
	w.uses[m] = used // for a macro that calls itself
	in := newNeeds(w.t)
	in.macros, in.uses = w.macros, w.uses
	in.body(m.body)
	for _, n := range in.out {
		used[n.Name] = true
	}
	return used
}

func forgiving(a *callArgs) bool {
	for _, n := range a.kwNames {
		if n == "errors" || n == "default" {
			return true
		}
	}
	return a.kws != nil
}

// takesUndefined are filters and tests that Ansible lets an undefined value
// through to.
var takesUndefined = map[string]bool{
	"default": true, "d": true, "type_debug": true, "defined": true, "undefined": true, "none": true, "string": true, "number": true, "mapping": true,
	"boolean": true, "integer": true, "float": true, "true": true, "false": true, "callable": true, "sameas": true, "sequence": true, "iterable": true,
	"escaped": true,
}

func (w *needs) filter(x *filterExpr) {
	short := shortName(x.name)
	switch {
	case takesUndefined[short]:
		w.guard(func() { w.expr(x.x) })
		w.perhaps(func() { w.args(&x.args) })
	case short == "ternary" || short == "format" || x.f == nil: // format may write what is undefined
		w.expr(x.x)
		w.perhaps(func() { w.args(&x.args) })
	default:
		w.expr(x.x)
		w.args(&x.args)
	}
}

func (w *needs) test(x *testExpr) {
	if takesUndefined[shortName(x.name)] {
		w.guard(func() { w.expr(x.x) })
	} else {
		w.expr(x.x)
	}
	w.args(&x.args)
}

func (w *needs) body(ss []stmt) {
	for _, s := range ss {
		w.stmt(s)
	}
}

func (w *needs) stmt(s stmt) {
	switch s := s.(type) {
	case *outputStmt:
		w.expr(s.x)
	case *doStmt:
		w.expr(s.x)
	case *ifStmt:
		w.ifStmt(s)
	case *forStmt:
		w.expr(s.iter)
		w.scoped(func() {
			w.target(s.target)
			w.declare("loop")
			w.perhaps(func() { w.expr(s.test) })
			w.under([]expr{s.test}, func() { w.body(s.body) })
		})
		w.perhaps(func() { w.body(s.orelse) })
	case *setStmt:
		w.perhaps(func() { w.expr(s.x) })
		w.target(s.target)
	case *setBlockStmt:
		w.scoped(func() { w.body(s.body) })
		w.expr(s.filter)
		w.target(s.target)
	case *withStmt:
		w.exprs(s.values...)
		w.scoped(func() {
			for _, t := range s.targets {
				w.target(t)
			}
			w.body(s.body)
		})
	case *scopeStmt:
		w.scoped(func() { w.body(s.body) })
	case *filterStmt:
		w.scoped(func() { w.body(s.body) })
		w.expr(s.filter)
	case *blockStmt:
		w.scoped(func() {
			w.declare("super")
			w.perhaps(func() { w.body(s.body) })
		})
	default:
		w.definition(s)
	}
}

// definition walks macros and the statements that name other templates.
func (w *needs) definition(s stmt) {
	switch s := s.(type) {
	case *macroStmt:
		w.declare(s.name)
		w.macros[s.name] = s
		w.macro(s)
	case *callStmt:
		w.call(s.call)
		w.macro(s.m)
	case *includeStmt:
		w.ref(s.name, s.ignoreMissing, !s.context)
	case *importStmt:
		w.ref(s.name, false, true)
		if s.as != "" {
			w.declare(s.as)
		}
		for _, n := range s.names {
			w.declare(n[1])
		}
	case *extendsStmt:
		w.ref(s.name, false, true)
	}
}

func (w *needs) target(t target) {
	if t.attr != "" {
		return
	}
	t.each(w.declare)
}

func (w *needs) ifStmt(s *ifStmt) {
	for i, t := range s.tests {
		if i == 0 {
			w.expr(t)
		} else {
			w.under(s.tests[:i], func() { w.expr(t) })
		}
		w.under(s.tests[:i+1], func() { w.body(s.bodies[i]) })
	}
	w.under(s.tests, func() { w.body(s.orelse) })
}

func (w *needs) macro(s *macroStmt) {
	w.scoped(func() {
		for _, p := range append([]string{"varargs", "kwargs", "caller"}, s.sig.params...) {
			w.declare(p)
		}
		w.perhaps(func() {
			w.exprs(s.sig.defaults...)
			w.body(s.body)
		})
	})
}

func (w *needs) ref(name expr, optional, isolated bool) {
	r := Ref{Pos: w.t.src.pos(name.where()), Optional: optional, Maybe: w.maybe, Import: isolated}
	switch x := name.(type) {
	case *constExpr:
		if x.v.IsString() {
			r.Names = append(r.Names, x.v.Str())
		}
	case *listExpr:
		for _, it := range x.items {
			c, ok := it.(*constExpr)
			if !ok || !c.v.IsString() {
				return
			}
			r.Names = append(r.Names, c.v.Str())
		}
	}
	if len(r.Names) == 0 {
		w.expr(name)
		return
	}
	w.refs = append(w.refs, r)
}
