package jinja

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
)

type parser struct {
	env    *Env
	src    *source
	toks   []token
	i      int
	ends   [][]string // what may end the blocks that are open
	depth  int
	uses   []*uses
	blocks map[string]*blockStmt
}

// uses collects which special names the body of a loop or macro mentions.
type uses struct{ loop, varargs, kwargs, caller bool }

const maxParseDepth = 200

func (p *parser) cur() token { return p.toks[p.i] }

func (p *parser) next() token {
	t := p.toks[p.i]
	if t.kind != tokEOF {
		p.i++
	}
	return t
}

func (p *parser) peek() token { return p.toks[min(p.i+1, len(p.toks)-1)] }

func (p *parser) isOp(op string) bool {
	t := p.cur()
	return t.kind == tokOp && t.text == op
}

func (p *parser) isName(names ...string) bool {
	t := p.cur()
	if t.kind != tokName {
		return false
	}
	for _, n := range names {
		if t.text == n {
			return true
		}
	}
	return false
}

func (p *parser) skipOp(op string) bool {
	if p.isOp(op) {
		p.i++
		return true
	}
	return false
}

func (p *parser) skipName(name string) bool {
	if p.isName(name) {
		p.i++
		return true
	}
	return false
}

func (p *parser) expected(what string) error {
	t := p.cur()
	if t.kind == tokEOF {
		return p.src.errorf(t.pos, "unexpected end of template, expected '%s'.", what)
	}
	return p.src.errorf(t.pos, "expected token '%s', got '%s'", what, t.describe())
}

func (p *parser) expectOp(op string) error {
	if !p.skipOp(op) {
		return p.expected(op)
	}
	return nil
}

func (p *parser) expectName() (string, error) {
	t := p.cur()
	if t.kind != tokName {
		return "", p.expected("name")
	}
	p.i++
	return t.text, nil
}

func (p *parser) expectKind(k tokenKind) error {
	if p.cur().kind != k {
		return p.expected(tokenNames[k])
	}
	p.i++
	return nil
}

// enter bounds the nesting; leave undoes it.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxParseDepth {
		return p.src.errorf(p.cur().pos, "nested more than %d deep", maxParseDepth)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

// body reads statements until one of the tags in ends, whose name becomes the
// current token, or to the end of the source when ends is empty.
func (p *parser) body(ends ...string) ([]stmt, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	if len(ends) > 0 {
		p.ends = append(p.ends, ends)
		defer func() { p.ends = p.ends[:len(p.ends)-1] }()
	}
	var out []stmt
	for {
		t := p.cur()
		switch t.kind {
		case tokEOF:
			if len(ends) > 0 {
				return nil, p.unexpectedEnd()
			}
			return out, nil
		case tokData:
			p.i++
			out = append(out, &textStmt{at(t.pos), t.text})
		case tokVarBegin:
			p.i++
			x, err := p.tuple(tupleOpts{cond: true})
			if err != nil {
				return nil, err
			}
			if err := p.expectKind(tokVarEnd); err != nil {
				return nil, err
			}
			out = append(out, &outputStmt{at(t.pos), x})
		case tokBlockBegin:
			p.i++
			if len(ends) > 0 && p.isName(ends...) {
				return out, nil
			}
			s, err := p.statement(t.pos)
			if err != nil {
				return nil, err
			}
			out = append(out, s)
			if err := p.expectKind(tokBlockEnd); err != nil {
				return nil, err
			}
		default:
			return nil, p.src.errorf(t.pos, "unexpected '%s'", t.describe()).WithHint("is something missing before this place, or a quote or bracket not closed?")
		}
	}
}

// block reads a body that starts behind the current tag, and its end tag's name.
func (p *parser) block(ends ...string) ([]stmt, error) {
	p.skipOp(":") // Jinja2 tolerates Python's colon
	if err := p.expectKind(tokBlockEnd); err != nil {
		return nil, err
	}
	return p.body(ends...)
}

// lastBlock is block for bodies with one possible end, which it consumes.
func (p *parser) lastBlock(end string) ([]stmt, error) {
	b, err := p.block(end)
	if err == nil {
		p.i++
	}
	return b, err
}

func (p *parser) unexpectedEnd() error {
	d := p.src.errorf(p.cur().pos, "Unexpected end of template.")
	if n := len(p.ends); n > 0 {
		d = p.src.errorf(p.cur().pos, "Unexpected end of template. Jinja was looking for the following tags: '%s'.",
			strings.Join(p.ends[n-1], "' or '"))
	}
	return d
}

func (p *parser) unknownTag(t token) error {
	d := p.src.errorf(t.pos, "Encountered unknown tag '%s'.", t.text)
	if n := len(p.ends); n > 0 {
		return d.WithHint("looking for '%s'", strings.Join(p.ends[n-1], "' or '"))
	}
	if near := nearest(t.text, statementNames); near != "" {
		return d.WithHint("did you mean '%s'?", near)
	}
	return d
}

var statementNames = []string{"for", "if", "set", "include", "import", "from", "extends", "block", "macro", "call",
	"filter", "with", "do", "break", "continue", "raw", "autoescape", "print"}

func newParser(e *Env, src *source, toks []token) *parser {
	return &parser{env: e, src: src, toks: toks, blocks: map[string]*blockStmt{}, uses: []*uses{{}}}
}

// parseHeader reads a first line "#jinja2: key: value, ..." as options.
func parseHeader(text string, o Options, pos diag.Pos) (string, Options, diag.Pos, error) {
	const mark = "#jinja2:"
	if !strings.HasPrefix(text, mark) {
		return text, o, pos, nil
	}
	line, rest, _ := strings.Cut(text, "\n")
	for _, pair := range strings.Split(strings.TrimSpace(line[len(mark):]), ",") {
		key, val, ok := strings.Cut(pair, ":")
		if !ok {
			return "", o, pos, diag.Errorf(pos, CodeHeader,
				"failed to parse jinja2 override '%s'. Did you use something different from colon as key-value separator?", strings.TrimSpace(pair))
		}
		if err := setOption(&o, strings.TrimSpace(key), strings.TrimSpace(val)); err != nil {
			return "", o, pos, diag.Errorf(pos, "template-syntax", "the template's first line: %w", err)
		}
	}
	pos.Line = max(pos.Line, 1) + 1
	pos.Col = 1
	return rest, o, pos, nil
}
