// Package jinja is Fairlead's own Jinja2: lexer, parser, syntax tree and a
// native evaluator over engine/value. Values keep their marks (secret, unsafe)
// through every operation, unknown values stay unknown, variables are looked up
// only when an expression reads them, and every evaluation is bounded.
//
// Behaviour follows Jinja2 3.1 and ansible-core 2.14; the cases under testdata
// were recorded from those engines (scripts/record-jinja.py).
package jinja

import (
	"math/rand/v2"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Scope resolves variables lazily: Lookup is called at most once for a name in
// one evaluation, and only when the name is read.
type Scope interface {
	// Lookup gives the value of a variable, templates in it already evaluated.
	// ok is false when there is no such variable. The value may be unknown.
	Lookup(c *Context, name string) (v value.Value, ok bool, err error)
}

// LiteralScope is a Scope that can tell which variables are stored as plain
// values. Ansible hands a playbook string that is nothing but the name of such
// a variable the number, boolean or null itself, while a variable that is a
// template becomes text. Without it every variable counts as plain.
type LiteralScope interface {
	Scope
	// IsLiteral tells whether the variable's stored value is no template.
	IsLiteral(name string) bool
}

// Vars is a Scope over a fixed set of values.
type Vars map[string]value.Value

// Lookup implements Scope.
func (v Vars) Lookup(_ *Context, name string) (value.Value, bool, error) {
	x, ok := v[name]
	return x, ok, nil
}

// Options are the settings of one template source.
type Options struct {
	// TrimBlocks drops the first newline after a block tag, LstripBlocks the
	// blanks before one at the start of a line, KeepTrailingNewline keeps the
	// newline that ends the source.
	TrimBlocks, LstripBlocks, KeepTrailingNewline bool
	// Newline is what the newlines of the source become in the result; those of
	// values stay what they are. Empty means "\n".
	Newline string
	// Delimiters; empty means Jinja2's own.
	BlockStart, BlockEnd, VarStart, VarEnd, CommentStart, CommentEnd string
	LineStatementPrefix, LineCommentPrefix                           string
	// LiteralBackslashes reads backslashes in the strings of {{ }} literally,
	// as Ansible does in playbook strings (not in template files, not in {% %}).
	LiteralBackslashes bool
	// SingleLine says that the source stands on one line of its file even if it
	// contains newlines (a quoted scalar): positions stay at the start.
	SingleLine bool
	// Native asks Template.Value for native values whatever the Context says.
	Native bool
}

// PlaybookOptions are those Ansible's templar uses for playbook strings.
func PlaybookOptions() Options { return Options{TrimBlocks: true, LiteralBackslashes: true} }

// FileOptions are those of Ansible's template module.
func FileOptions() Options { return Options{TrimBlocks: true} }

// Filter is a named filter.
type Filter struct {
	// Fn computes the filter. Errors without a position get that of the call.
	Fn func(c *Context, in value.Value, args Args) (value.Value, error)
	// Impure filters depend on more than their arguments (clock, randomness,
	// the controller's files): a prefetching evaluation takes them as unknown.
	Impure bool
	// TakesUnknown: Fn wants to see unknown values; otherwise the result is
	// unknown as soon as anything in an argument is.
	TakesUnknown bool
	// TakesUndefined: Fn accepts an undefined input or argument; otherwise it
	// is an error.
	TakesUndefined bool
	// Passes: Fn returns (parts of) its arguments, which carry their own marks;
	// otherwise a scalar result gets every mark found inside the arguments.
	Passes bool
}

// Test is a named test; the rules of Filter hold.
type Test struct {
	Fn                                   func(c *Context, in value.Value, args Args) (bool, error)
	Impure, TakesUnknown, TakesUndefined bool
}

// Function is a global function such as range or lookup.
type Function struct {
	Fn                                           func(c *Context, args Args) (value.Value, error)
	Impure, TakesUnknown, TakesUndefined, Passes bool
	// Uses: what is undefined is refused by Fn itself, but for some option.
	Uses bool
}

// Env is what templates may use. It is built first and not changed once
// templates are parsed; then it is safe for concurrent use.
type Env struct {
	Filters   map[string]Filter
	Tests     map[string]Test
	Globals   map[string]value.Value
	Functions map[string]Function
	// Loader gives the source of a template named by include, import, extends.
	// An error that is fs.ErrNotExist counts as missing.
	Loader func(name string) (src string, pos diag.Pos, err error)
	// LoadYAML reads the documents of from_yaml; nil means a plain reader of
	// YAML 1.2 that also knows yes, no, on and off.
	LoadYAML func(s string) ([]value.Value, error)
	// LoadOptions are used for loaded templates.
	LoadOptions Options
	// ChainUndefined: looking into an undefined value gives the undefined value
	// (Ansible) instead of an error (Jinja2).
	ChainUndefined bool
	// EmptyNone writes None as nothing (Ansible) instead of None (Jinja2).
	EmptyNone bool
	// Overrides reads a first line "#jinja2: key: value, ..." as options.
	Overrides bool
}

// Limits bound one evaluation.
type Limits struct {
	Steps  int // nodes evaluated and elements produced
	Depth  int // nested expressions, calls, includes, variables
	Output int // bytes of text, of one string or of all output
	Items  int // elements of one range or repetition
}

// DefaultLimits are generous for people and small for machines.
func DefaultLimits() Limits {
	return Limits{Steps: 10_000_000, Depth: 400, Output: 64 << 20, Items: 2_000_000}
}

// Context is one evaluation, or several after each other that share its
// budget. It is not safe for concurrent use.
type Context struct {
	Scope  Scope
	Env    *Env
	Limits Limits
	// Native makes Template.Value keep native values (jinja2_native).
	Native bool
	// NoneText writes None as None even where native values are not kept: in the
	// template files of a run with jinja2_native.
	NoneText bool
	// Prefetch takes impure functions as unknown instead of calling them.
	Prefetch bool
	// Now is the clock of now() and strftime; zero means the real one.
	Now time.Time
	// Rand is the randomness of random and shuffle without a seed; nil means
	// what NewRand makes when it is first asked for, or without that the real one.
	Rand    *rand.Rand
	NewRand func() *rand.Rand
	// OnImpure is told that an impure filter, test or function is called; nil: nobody.
	OnImpure func()
	// Extra is for the functions that an embedder adds; jinja never looks.
	Extra any

	steps, depth, output int
}

// NewContext makes a context with the default limits.
func NewContext(e *Env, s Scope) *Context {
	return &Context{Scope: s, Env: e, Limits: DefaultLimits()}
}

// Callable is an object that templates can call: macros, functions.
type Callable interface {
	value.Object
	Call(c *Context, args Args) (value.Value, error)
}

// LazyObject is an object whose attributes are computed on demand.
type LazyObject interface {
	value.Object
	// AttrOf is Attr with an error; it is asked instead of Attr.
	AttrOf(c *Context, name string) (value.Value, bool, error)
}

// Sequence is an object that can be iterated; a mapping gives its keys.
type Sequence interface {
	value.Object
	Elements(c *Context) ([]value.Value, error)
}

// Mapping marks a Sequence whose elements are keys for AttrOf.
type Mapping interface {
	Sequence
	IsMapping()
}

// HasMarkup tells quickly whether s can contain anything for the template
// engine: one of {{ {% {#.
func HasMarkup(s string) bool {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '{' && (s[i+1] == '{' || s[i+1] == '%' || s[i+1] == '#') {
			return true
		}
	}
	return false
}
