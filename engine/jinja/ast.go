package jinja

import "github.com/fairlead-project/fairlead/engine/value"

// at is a node's offset in its source.
type at int

func (a at) where() int { return int(a) }

// expr is a node of an expression.
type expr interface {
	where() int
	// eval computes the node; errors carry the node's place.
	eval(f *frame) (value.Value, error)
	// check resolves names of filters and tests and notes what is read.
	check(a *analysis)
}

type (
	constExpr struct {
		at
		v value.Value
	}
	nameExpr struct {
		at
		name string
	}
	// attrExpr is x.name: attribute first, item second.
	attrExpr struct {
		at
		x    expr
		name string
	}
	// itemExpr is x[key]: item first, attribute second.
	itemExpr struct {
		at
		x, key expr
	}
	// sliceExpr is a slice between brackets; absent parts are nil.
	sliceExpr struct {
		at
		x                 expr
		start, stop, step expr
	}
	listExpr struct {
		at
		items []expr
		tuple bool
	}
	dictExpr struct {
		at
		keys, vals []expr
	}
	unaryExpr struct {
		at
		op byte // - + !
		x  expr
	}
	binaryExpr struct {
		at
		op   string // + - * / // % **
		a, b expr
	}
	concatExpr struct {
		at
		parts []expr
	}
	logicExpr struct {
		at
		or   bool
		a, b expr
	}
	compareExpr struct {
		at
		first expr
		ops   []compareOp
	}
	compareOp struct {
		op string // == != < <= > >= in notin
		x  expr
	}
	condExpr struct {
		at
		test, then, orelse expr // orelse may be nil
	}
	callExpr struct {
		at
		fn   expr
		args callArgs
	}
	filterExpr struct {
		at
		x    expr // nil in a filter block: the body
		name string
		args callArgs
		f    *Filter // nil when there is no such filter (inside a condition)
	}
	testExpr struct {
		at
		x    expr
		name string
		args callArgs
		t    *Test
	}
)

// callArgs are the arguments as written.
type callArgs struct {
	pos       []expr
	kwNames   []string
	kwVals    []expr
	star, kws expr // *args, **kwargs
}

// stmt is a statement or text of a template.
type stmt interface {
	where() int
	exec(f *frame, out *sink) error
	check(a *analysis)
}

type (
	textStmt struct {
		at
		text string
	}
	outputStmt struct {
		at
		x expr
	}
	ifStmt struct {
		at
		tests  []expr
		bodies [][]stmt
		orelse []stmt
	}
	forStmt struct {
		at
		target    target
		iter      expr
		test      expr
		body      []stmt
		orelse    []stmt
		recursive bool
		usesLoop  bool
	}
	setStmt struct {
		at
		target target
		x      expr
	}
	setBlockStmt struct {
		at
		target target
		filter expr
		body   []stmt
	}
	doStmt struct {
		at
		x expr
	}
	withStmt struct {
		at
		targets []target
		values  []expr
		body    []stmt
	}
	filterStmt struct {
		at
		filter expr
		body   []stmt
	}
	macroStmt struct {
		at
		name string
		sig  signature
		body []stmt
	}
	callStmt struct {
		at
		call *callExpr
		m    *macroStmt
	}
	includeStmt struct {
		at
		name          expr
		ignoreMissing bool
		context       bool
	}
	importStmt struct {
		at
		name    expr
		as      string      // import x as y
		names   [][2]string // from x import a as b
		context bool
	}
	extendsStmt struct {
		at
		name expr
	}
	blockStmt struct {
		at
		name     string
		body     []stmt
		required bool
	}
	scopeStmt struct {
		at
		body []stmt
	}
	loopControl struct {
		at
		brk bool
	}
)

// signature is what a macro takes.
type signature struct {
	params   []string
	defaults []expr // for the last parameters
	// caught: the body names these special variables.
	varargs, kwargs, caller bool
}

// target is what an assignment assigns to: a name, an attribute of a
// namespace, or a tuple of targets.
type target struct {
	at
	name  string
	attr  string
	items []target
}

func (t target) each(f func(name string)) {
	if t.items == nil {
		f(t.name)
	}
	for _, it := range t.items {
		it.each(f)
	}
}
