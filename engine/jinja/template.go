package jinja

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/pyliteral"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Template is a parsed template: immutable, safe for concurrent use.
type Template struct {
	env     *Env
	src     *source
	raw     string // the source as given
	o       Options
	body    []stmt
	blocks  map[string]*blockStmt
	extends bool
	reads   []string
	impure  bool
	missing diag.List
	// verbatim: Ansible sees no template in it, whatever its first line says.
	verbatim bool
	single   string // the name, when the template is {{ name }}
}

// Expr is a parsed expression: immutable, safe for concurrent use.
type Expr struct {
	t *Template
	x expr
}

// Parse reads a template that starts at pos. Syntax errors and names of
// filters and tests that do not exist are *diag.Diagnostic.
func (e *Env) Parse(src string, pos diag.Pos, o Options) (*Template, error) {
	raw := src
	verbatim := o.VarStart == "" && o.BlockStart == "" && o.CommentStart == "" && o.LineStatementPrefix == "" && !HasMarkup(src)
	if e.Overrides {
		var err error
		if src, o, pos, err = parseHeader(src, o, pos); err != nil {
			return nil, err
		}
	}
	s := newSource(src, pos, o)
	toks, err := lexTemplate(s, o)
	if err != nil {
		return nil, err
	}
	p := newParser(e, s, toks)
	body, err := p.body()
	if err != nil {
		return nil, err
	}
	t := &Template{env: e, src: s, raw: raw, o: o, body: body, blocks: p.blocks, verbatim: verbatim}
	a := newAnalysis(e, s)
	a.body(body)
	if len(body) == 1 {
		if out, ok := body[0].(*outputStmt); ok {
			if n, ok := out.x.(*nameExpr); ok {
				t.single = n.name
			}
		}
	}
	return t, t.finish(a)
}

func (t *Template) finish(a *analysis) error {
	t.reads, t.impure, t.missing, t.extends = a.sorted(), a.impure, a.missing, a.extends
	switch len(a.hard) {
	case 0:
		return nil
	case 1:
		return a.hard[0]
	}
	return a.hard
}

// ParseExpr reads a bare expression, as in when:.
func (e *Env) ParseExpr(src string, pos diag.Pos) (*Expr, error) {
	s := newSource(src, pos, Options{})
	toks, err := lexExpr(s)
	if err != nil {
		return nil, err
	}
	p := newParser(e, s, toks)
	x, err := p.expression()
	if err != nil {
		return nil, err
	}
	if c := p.cur(); c.kind != tokEOF {
		return nil, s.errorf(c.pos, "chunk after expression").WithHint("nothing may follow here; found '%s'", c.describe())
	}
	t := &Template{env: e, src: s, raw: src}
	a := newAnalysis(e, s)
	x.check(a)
	return &Expr{t, x}, t.finish(a)
}

// Eval computes the expression. The result may be undefined or unknown.
func (x *Expr) Eval(c *Context) (value.Value, error) {
	f, err := newRun(c, x.t)
	if err != nil {
		return value.Null, err
	}
	if err := c.enter(); err != nil {
		return value.Null, f.fail(x.x, err)
	}
	defer c.leave()
	v, err := f.eval(x.x)
	if u, ok := err.(unknownSignal); ok {
		return u.v, nil
	}
	return f.deep(v), err
}

// run writes the template to a sink. An unknown outcome is returned as value.
func (t *Template) run(c *Context, how reading) (*sink, value.Value, error) {
	f, err := newRun(c, t)
	if err != nil {
		return nil, value.Null, err
	}
	if err := c.enter(); err != nil {
		return nil, value.Null, t.fail(0, err)
	}
	defer c.leave()
	f.r.reads = how
	s := &sink{c: c}
	before := c.output
	err = f.render(s)
	c.output = before
	if u, ok := err.(unknownSignal); ok {
		return nil, u.v, nil
	}
	if err != nil {
		return nil, value.Null, t.fail(0, err)
	}
	return s, value.Null, nil
}

// Render writes the template to text: a string that carries the marks of all
// that was written, or unknown when any part or decision of it is.
func (t *Template) Render(c *Context) (value.Value, error) {
	s, unknown, err := t.run(c, asText)
	if s == nil {
		return unknown, err
	}
	return value.String(s.b.String()).WithMarks(s.marks), nil
}

// FileReading is how the text of a template file is read again.
type FileReading struct {
	Convert bool // lists, dicts and booleans are read as such
	Native  bool // every literal is
}

// Read renders a template file as Ansible does: with the newlines that end the
// source, and read again where that is asked for.
func (t *Template) Read(c *Context, r FileReading) (value.Value, error) {
	if !r.Convert {
		v, err := t.Render(c)
		if v.IsString() {
			v = t.withNewlines(v).WithMarks(Verbatim)
		}
		return v, err
	}
	how := asLiteral
	if r.Native {
		how = asNative
	}
	s, unknown, err := t.run(c, how)
	if s == nil {
		return unknown, err
	}
	return t.withNewlines(s.result(how)), nil
}

// RenderString is Render for callers that can use nothing but known text: an
// unknown result is an error. The marks are lost.
func (t *Template) RenderString(c *Context) (string, error) {
	v, err := t.Render(c)
	if err != nil {
		return "", err
	}
	if v.IsUnknown() {
		what := ""
		if o := v.Origin(); o != nil && o.What != "" {
			what = " before: " + o.What
		}
		return "", diag.Errorf(t.src.pos(0), "unknown-value", "the template's result is not known%s", what)
	}
	return v.Str(), nil
}

// Value is what a playbook string becomes: text that Ansible reads again as a
// literal in some cases, or the native value when the context asks for it.
func (t *Template) Value(c *Context) (value.Value, error) {
	if t.IsPlain() || t.verbatim {
		return value.String(t.raw), nil
	}
	native := c.Native || t.o.Native
	if t.single != "" && !native && c.Scope != nil {
		if v, done, err := t.singleValue(c); done {
			return v, err
		}
	}
	saved := c.Native
	c.Native = native
	defer func() { c.Native = saved }()
	how := asLiteral
	if native {
		how = asNative
	}
	s, unknown, err := t.run(c, how)
	if s == nil {
		return unknown, err
	}
	var v value.Value
	if native {
		v = s.native()
	} else {
		v = s.converted()
	}
	return t.withNewlines(v), nil
}

// withNewlines gives a text as many newlines at its end as the source has:
// Jinja2 drops the last one, and blocks may drop more. A text that they were added
// to is read again where it is used, as in Ansible, whatever filter it came from.
func (t *Template) withNewlines(v value.Value) value.Value {
	if !v.IsString() {
		return v
	}
	have := len(v.Str()) - len(strings.TrimRight(v.Str(), "\n"))
	want := len(t.raw) - len(strings.TrimRight(t.raw, "\n"))
	if want <= have {
		return v
	}
	return value.String(v.Str() + strings.Repeat(cmp.Or(t.o.Newline, "\n"), want-have)).WithMarks(v.Marks() &^ Verbatim)
}

// singleValue is Ansible's short cut for {{ name }}: numbers, booleans and
// null that are stored as such stay what they are.
func (t *Template) singleValue(c *Context) (value.Value, bool, error) {
	if l, ok := c.Scope.(LiteralScope); ok && !l.IsLiteral(t.single) {
		return value.Null, false, nil
	}
	v, ok, err := c.Scope.Lookup(c, t.single)
	if err != nil {
		return v, true, t.fail(0, err)
	}
	return v, ok && (v.IsNumber() || v.IsNull()), nil
}

// Reads are the free variables, sorted.
func (t *Template) Reads() []string { return t.reads }

// Impure tells whether an impure filter, test or function may be called.
func (t *Template) Impure() bool { return t.impure }

// Unresolved are names of filters and tests inside conditions that do not
// exist: Jinja2 complains only when it gets there, a linter at once.
func (t *Template) Unresolved() diag.List { return t.missing }

// IsPlain tells whether the source is text without any markup.
func (t *Template) IsPlain() bool {
	if len(t.body) == 0 {
		return t.raw == ""
	}
	x, ok := t.body[0].(*textStmt)
	return ok && len(t.body) == 1 && x.text == t.src.text && !HasMarkup(t.raw)
}

// Reads are the free variables, sorted.
func (x *Expr) Reads() []string { return x.t.reads }

// Impure tells whether an impure filter, test or function may be called.
func (x *Expr) Impure() bool { return x.t.impure }

// Unresolved is Template.Unresolved for an expression.
func (x *Expr) Unresolved() diag.List { return x.t.missing }

// ErrUnknown is what Truth returns for a value that is not known yet.
var ErrUnknown = errors.New("value is not known yet")

// Options are those the template was read with, its first line included.
func (t *Template) Options() Options { return t.o }

func setOption(o *Options, key, val string) error {
	lit, ok := pyliteral.ParseWithJSON(val)
	if !ok {
		return fmt.Errorf("'%s' has the value %s, which is no literal", key, val)
	}
	str := map[string]*string{"block_start_string": &o.BlockStart, "block_end_string": &o.BlockEnd,
		"variable_start_string": &o.VarStart, "variable_end_string": &o.VarEnd, "comment_start_string": &o.CommentStart,
		"comment_end_string": &o.CommentEnd, "line_statement_prefix": &o.LineStatementPrefix, "line_comment_prefix": &o.LineCommentPrefix,
		"newline_sequence": &o.Newline}
	flag := map[string]*bool{"trim_blocks": &o.TrimBlocks, "lstrip_blocks": &o.LstripBlocks, "keep_trailing_newline": &o.KeepTrailingNewline}
	if p := str[key]; p != nil && lit.IsString() {
		*p = lit.Str()
	} else if p := flag[key]; p != nil {
		*p = lit.Truthy()
	}
	return nil
}
