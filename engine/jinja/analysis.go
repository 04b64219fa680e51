package jinja

import (
	"maps"
	"slices"
	"sort"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// analysis is the pass behind the parser: it binds filters and tests, and
// collects what the template reads.
type analysis struct {
	env    *Env
	src    *source
	scopes []map[string]bool
	reads  map[string]bool
	impure bool
	// soft > 0 inside conditions, where Jinja2 looks names of filters and
	// tests up only when it gets there.
	soft    int
	hard    diag.List
	missing diag.List
	extends bool
}

func newAnalysis(e *Env, src *source) *analysis {
	return &analysis{env: e, src: src, scopes: []map[string]bool{{}}, reads: map[string]bool{}}
}

func (a *analysis) sorted() []string { return slices.Sorted(maps.Keys(a.reads)) }

func (a *analysis) declare(name string) { a.scopes[len(a.scopes)-1][name] = true }

func (a *analysis) target(t target) {
	if t.attr != "" {
		a.read(t.name)
		return
	}
	t.each(a.declare)
}

func (a *analysis) read(name string) {
	for _, s := range a.scopes {
		if s[name] {
			return
		}
	}
	if name == "self" {
		return
	}
	if fn, ok := a.env.Functions[name]; ok {
		a.impure = a.impure || fn.Impure
		return
	}
	if _, ok := a.env.Globals[name]; ok {
		return
	}
	a.reads[name] = true
}

func (a *analysis) scoped(fn func()) {
	a.scopes = append(a.scopes, map[string]bool{})
	fn()
	a.scopes = a.scopes[:len(a.scopes)-1]
}

func (a *analysis) body(ss []stmt) {
	for _, s := range ss {
		s.check(a)
	}
}

func (a *analysis) exprs(xs ...expr) {
	for _, x := range xs {
		if x != nil {
			x.check(a)
		}
	}
}

func (a *analysis) args(c *callArgs) {
	a.exprs(c.pos...)
	a.exprs(c.kwVals...)
	a.exprs(c.star, c.kws)
}

func (a *analysis) unknown(code, what, name string, known []string, off int) {
	d := unknownName(code, what, name, known)
	if _, isTest := a.env.Tests[name]; isTest && code == CodeFilter {
		d = d.WithHint("'%s' is a test: write 'x is %s'", name, name)
	}
	d.Pos = a.src.pos(off)
	if a.soft > 0 {
		a.missing = append(a.missing, d)
	} else {
		a.hard = append(a.hard, d)
	}
}

func unknownName(code, what, name string, known []string) *diag.Diagnostic {
	d := diag.Errorf(diag.Pos{}, code, "No %s named '%s'.", what, name)
	if near := nearest(name, known); near != "" {
		d = d.WithHint("did you mean '%s'?", near)
	}
	return d
}

func keys[T any](m map[string]T) []string { return slices.Collect(maps.Keys(m)) }

// nearest is the known name with the smallest edit distance, if it is small.
func nearest(name string, known []string) string {
	sort.Strings(known)
	best, dist := "", max(2, len(name)/3)+1
	for _, k := range known {
		if d := editDistance(name, k); d < dist {
			best, dist = k, d
		}
	}
	return best
}

func editDistance(a, b string) int {
	prev := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range len(a) {
		cur := make([]int, len(b)+1)
		cur[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			cur[j+1] = min(prev[j]+cost, prev[j+1]+1, cur[j]+1)
		}
		prev = cur
	}
	return prev[len(b)]
}

func (x *constExpr) check(*analysis)  {}
func (x *nameExpr) check(a *analysis) { a.read(x.name) }
func (x *attrExpr) check(a *analysis) { a.exprs(x.x) }
func (x *itemExpr) check(a *analysis) { a.exprs(x.x, x.key) }
func (x *sliceExpr) check(a *analysis) {
	a.exprs(x.x, x.start, x.stop, x.step)
}
func (x *listExpr) check(a *analysis) { a.exprs(x.items...) }
func (x *dictExpr) check(a *analysis) {
	a.exprs(x.keys...)
	a.exprs(x.vals...)
}
func (x *unaryExpr) check(a *analysis)  { a.exprs(x.x) }
func (x *binaryExpr) check(a *analysis) { a.exprs(x.a, x.b) }
func (x *concatExpr) check(a *analysis) { a.exprs(x.parts...) }
func (x *logicExpr) check(a *analysis)  { a.exprs(x.a, x.b) }
func (x *compareExpr) check(a *analysis) {
	a.exprs(x.first)
	for _, o := range x.ops {
		a.exprs(o.x)
	}
}

func (x *condExpr) check(a *analysis) {
	a.soft++
	a.exprs(x.test, x.then, x.orelse)
	a.soft--
}

func (x *callExpr) check(a *analysis) {
	a.exprs(x.fn)
	a.args(&x.args)
}

func (x *filterExpr) check(a *analysis) {
	a.exprs(x.x)
	a.args(&x.args)
	if f, ok := a.env.Filters[x.name]; ok {
		x.f = &f
		a.impure = a.impure || f.Impure
	} else {
		a.unknown(CodeFilter, "filter", x.name, keys(a.env.Filters), x.where())
	}
	a.indirect(x.name, &x.args)
}

// indirect notes filters and tests that are named in an argument: map('x').
func (a *analysis) indirect(name string, args *callArgs) {
	i := map[string]int{"map": 0, "select": 0, "reject": 0, "selectattr": 1, "rejectattr": 1}
	n, ok := i[shortName(name)]
	if !ok || len(args.pos) <= n {
		return
	}
	c, ok := args.pos[n].(*constExpr)
	if !ok || !c.v.IsString() {
		return
	}
	if shortName(name) == "map" {
		if f, ok := a.env.Filters[c.v.Str()]; ok {
			a.impure = a.impure || f.Impure
			return
		}
		a.soft++
		a.unknown(CodeFilter, "filter", c.v.Str(), keys(a.env.Filters), c.where())
		a.soft--
		return
	}
	if t, ok := a.env.Tests[c.v.Str()]; ok {
		a.impure = a.impure || t.Impure
		return
	}
	a.soft++
	a.unknown(CodeTest, "test", c.v.Str(), keys(a.env.Tests), c.where())
	a.soft--
}

func (x *testExpr) check(a *analysis) {
	a.exprs(x.x)
	a.args(&x.args)
	t, ok := a.env.Tests[x.name]
	if !ok {
		a.unknown(CodeTest, "test", x.name, keys(a.env.Tests), x.where())
		return
	}
	x.t = &t
	a.impure = a.impure || t.Impure
}

func (s *textStmt) check(*analysis)     {}
func (s *outputStmt) check(a *analysis) { a.exprs(s.x) }
func (s *doStmt) check(a *analysis)     { a.exprs(s.x) }
func (s *loopControl) check(*analysis)  {}

// check of a conditional body: what it assigns may stay unassigned.
func (s *ifStmt) check(a *analysis) {
	a.soft++
	for i := range s.tests {
		a.exprs(s.tests[i])
		a.scoped(func() { a.body(s.bodies[i]) })
	}
	a.scoped(func() { a.body(s.orelse) })
	a.soft--
}

func (s *forStmt) check(a *analysis) {
	a.exprs(s.iter)
	a.scoped(func() {
		a.target(s.target)
		a.exprs(s.test)
		a.declare("loop")
		a.body(s.body)
	})
	a.scoped(func() { a.body(s.orelse) })
}

func (s *setStmt) check(a *analysis) {
	a.exprs(s.x)
	a.target(s.target)
}

func (s *setBlockStmt) check(a *analysis) {
	a.scoped(func() { a.body(s.body) })
	a.chain(s.filter)
	a.target(s.target)
}

// chain checks the filters of a filter block, whose innermost has no operand.
func (a *analysis) chain(x expr) {
	if x != nil {
		x.check(a)
	}
}

func (s *withStmt) check(a *analysis) {
	a.exprs(s.values...)
	a.scoped(func() {
		for _, t := range s.targets {
			a.target(t)
		}
		a.body(s.body)
	})
}

func (s *scopeStmt) check(a *analysis) { a.scoped(func() { a.body(s.body) }) }
func (s *filterStmt) check(a *analysis) {
	a.scoped(func() { a.body(s.body) })
	a.chain(s.filter)
}

func (s *macroStmt) check(a *analysis) {
	a.declare(s.name)
	a.macro(s)
}

func (a *analysis) macro(s *macroStmt) {
	a.scoped(func() {
		for _, p := range append([]string{"varargs", "kwargs", "caller"}, s.sig.params...) {
			a.declare(p)
		}
		a.exprs(s.sig.defaults...)
		a.body(s.body)
	})
}

func (s *callStmt) check(a *analysis) {
	s.call.check(a)
	a.macro(s.m)
}

func (s *includeStmt) check(a *analysis) { a.exprs(s.name) }
func (s *importStmt) check(a *analysis) {
	a.exprs(s.name)
	if s.as != "" {
		a.declare(s.as)
	}
	for _, n := range s.names {
		a.declare(n[1])
	}
}

func (s *extendsStmt) check(a *analysis) {
	a.extends = true
	a.exprs(s.name)
}

func (s *blockStmt) check(a *analysis) {
	a.scoped(func() {
		a.declare("super")
		a.body(s.body)
	})
}
