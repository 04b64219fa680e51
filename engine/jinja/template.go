package jinja

import (
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Template is a parsed template: immutable, safe for concurrent use.
type Template struct{}

// Expr is a parsed expression: immutable, safe for concurrent use.
type Expr struct{}

// New makes an environment with Jinja2's filters, tests and globals.
func New() *Env { return &Env{} }

// NewAnsible makes an environment with Ansible's filters, tests and rules too.
func NewAnsible() *Env { return New() }

// Parse reads a template that starts at pos. Syntax errors and names of
// filters and tests that do not exist are *diag.Diagnostic.
func (e *Env) Parse(src string, pos diag.Pos, o Options) (*Template, error) { return nil, nil }

// ParseExpr reads a bare expression, as in when:.
func (e *Env) ParseExpr(src string, pos diag.Pos) (*Expr, error) { return nil, nil }

// Render writes the template to text: a string that carries the marks of all
// that was written, or unknown when any part or decision of it is.
func (t *Template) Render(c *Context) (value.Value, error) { return value.Null, nil }

// RenderString is Render for callers that can use nothing but known text.
func (t *Template) RenderString(c *Context) (string, error) { return "", nil }

// Value is what a playbook string becomes: text that Ansible reads again as a
// literal in some cases, or the native value when the context asks for it.
func (t *Template) Value(c *Context) (value.Value, error) { return value.Null, nil }

// Reads are the free variables, sorted.
func (t *Template) Reads() []string { return nil }

// Impure tells whether an impure filter, test or function may be called.
func (t *Template) Impure() bool { return false }

// IsPlain tells whether the source is text without any markup.
func (t *Template) IsPlain() bool { return false }

// Eval computes the expression. The result may be undefined or unknown.
func (x *Expr) Eval(c *Context) (value.Value, error) { return value.Null, nil }

// Reads are the free variables, sorted.
func (x *Expr) Reads() []string { return nil }

// Impure tells whether an impure filter, test or function may be called.
func (x *Expr) Impure() bool { return false }

// ToBool reads v as Ansible's bool filter and conditionals do.
func ToBool(v value.Value) bool { return false }
