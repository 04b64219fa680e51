package jinja

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

func (p *parser) expression() (expr, error) { return p.cond() }

// cond: a [if test [else b]]...
func (p *parser) cond() (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	x, err := p.or()
	for err == nil && p.isName("if") {
		pos := p.next().pos
		c := &condExpr{at: at(pos), then: x}
		if c.test, err = p.or(); err != nil {
			return nil, err
		}
		if p.skipName("else") {
			c.orelse, err = p.cond()
		}
		x = c
	}
	return x, err
}

func (p *parser) or() (expr, error)  { return p.logic("or", p.and) }
func (p *parser) and() (expr, error) { return p.logic("and", p.not) }

func (p *parser) logic(word string, operand func() (expr, error)) (expr, error) {
	x, err := operand()
	for err == nil && p.isName(word) {
		pos := p.next().pos
		var y expr
		if y, err = operand(); err == nil {
			x = &logicExpr{at(pos), word == "or", x, y}
		}
	}
	return x, err
}

func (p *parser) not() (expr, error) {
	if !p.isName("not") {
		return p.compare()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	pos := p.next().pos
	x, err := p.not()
	return &unaryExpr{at(pos), '!', x}, err
}

func (p *parser) compare() (expr, error) {
	x, err := p.sum()
	if err != nil {
		return nil, err
	}
	c := &compareExpr{first: x}
	for {
		t, op := p.cur(), ""
		switch {
		case t.kind == tokOp && strings.Contains(" == != < <= > >= ", " "+t.text+" "):
			op = t.text
			p.i++
		case p.isName("in"):
			op = "in"
			p.i++
		case p.isName("not") && p.peek().kind == tokName && p.peek().text == "in":
			op = "notin"
			p.i += 2
		default:
			if len(c.ops) == 0 {
				return x, nil
			}
			return c, nil
		}
		y, err := p.sum()
		if err != nil {
			return nil, err
		}
		if len(c.ops) == 0 {
			c.at = at(t.pos)
		}
		c.ops = append(c.ops, compareOp{op, y})
	}
}

func (p *parser) sum() (expr, error)     { return p.binary("+ -", p.concat) }
func (p *parser) product() (expr, error) { return p.binary("* / // %", p.power) }
func (p *parser) power() (expr, error) {
	return p.binary("**", func() (expr, error) { return p.unary(true) })
}

func (p *parser) binary(ops string, operand func() (expr, error)) (expr, error) {
	x, err := operand()
	for err == nil {
		t := p.cur()
		if t.kind != tokOp || !strings.Contains(" "+ops+" ", " "+t.text+" ") {
			break
		}
		p.i++
		var y expr
		if y, err = operand(); err == nil {
			x = &binaryExpr{at(t.pos), t.text, x, y}
		}
	}
	return x, err
}

func (p *parser) concat() (expr, error) {
	x, err := p.product()
	if err != nil || !p.isOp("~") {
		return x, err
	}
	c := &concatExpr{at(p.cur().pos), []expr{x}}
	for p.skipOp("~") {
		y, err := p.product()
		if err != nil {
			return nil, err
		}
		c.parts = append(c.parts, y)
	}
	return c, nil
}

func (p *parser) unary(filters bool) (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	var x expr
	var err error
	if t := p.cur(); p.isOp("-") || p.isOp("+") {
		p.i++
		y, e := p.unary(false)
		x, err = &unaryExpr{at(t.pos), t.text[0], y}, e
	} else {
		x, err = p.primary()
	}
	if err == nil {
		x, err = p.postfix(x)
	}
	if err == nil && filters {
		x, err = p.filters(x)
	}
	return x, err
}

func (p *parser) primary() (expr, error) {
	t := p.cur()
	switch t.kind {
	case tokName:
		p.i++
		return p.name(t), nil
	case tokString:
		p.i++
		if p.cur().kind != tokString {
			return &constExpr{at(t.pos), t.val}, nil
		}
		s := t.val.Str()
		for p.cur().kind == tokString {
			s += p.next().val.Str()
		}
		return &constExpr{at(t.pos), value.String(s)}, nil
	case tokInt, tokFloat:
		p.i++
		return &constExpr{at(t.pos), t.val}, nil
	case tokOp:
		switch t.text {
		case "(":
			p.i++
			x, err := p.tuple(tupleOpts{cond: true, parens: true})
			if err != nil {
				return nil, err
			}
			return x, p.expectOp(")")
		case "[":
			return p.list()
		case "{":
			return p.dict()
		}
	case tokEOF:
		return nil, p.src.errorf(t.pos, "unexpected end of template")
	}
	return nil, p.src.errorf(t.pos, "unexpected '%s'", t.describe()).WithHint("is something missing before this place, or a quote or bracket not closed?")
}

func (p *parser) name(t token) expr {
	pos := at(t.pos)
	switch t.text {
	case "true", "True":
		return &constExpr{pos, value.Bool(true)}
	case "false", "False":
		return &constExpr{pos, value.Bool(false)}
	case "none", "None":
		return &constExpr{pos, value.Null}
	}
	for _, u := range p.uses {
		switch t.text {
		case "loop":
			u.loop = true
		case "varargs":
			u.varargs = true
		case "kwargs":
			u.kwargs = true
		case "caller":
			u.caller = true
		}
	}
	return &nameExpr{pos, t.text}
}

type tupleOpts struct {
	simple, cond, parens bool
	end                  string // a name that ends the tuple
}

func (p *parser) tupleEnd(end string) bool {
	t := p.cur()
	return t.kind == tokVarEnd || t.kind == tokBlockEnd || p.isOp(")") || (end != "" && p.isName(end))
}

// tuple reads one expression, or several with commas as a tuple.
func (p *parser) tuple(o tupleOpts) (expr, error) {
	parse := p.or
	if o.simple {
		parse = p.primary
	} else if o.cond {
		parse = p.cond
	}
	t := &listExpr{at: at(p.cur().pos), tuple: true}
	comma := false
	for {
		if len(t.items) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
		}
		if p.tupleEnd(o.end) {
			break
		}
		x, err := parse()
		if err != nil {
			return nil, err
		}
		t.items = append(t.items, x)
		if !p.isOp(",") {
			break
		}
		comma = true
	}
	if !comma {
		if len(t.items) == 1 {
			return t.items[0], nil
		}
		if !o.parens {
			c := p.cur()
			return nil, p.src.errorf(c.pos, "Expected an expression, got '%s'", c.describe())
		}
	}
	return t, nil
}

func (p *parser) list() (expr, error) {
	l := &listExpr{at: at(p.next().pos)}
	for !p.isOp("]") {
		if len(l.items) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
			if p.isOp("]") {
				break
			}
		}
		x, err := p.expression()
		if err != nil {
			return nil, err
		}
		l.items = append(l.items, x)
	}
	p.i++
	return l, nil
}

func (p *parser) dict() (expr, error) {
	d := &dictExpr{at: at(p.next().pos)}
	for !p.isOp("}") {
		if len(d.keys) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
			if p.isOp("}") {
				break
			}
		}
		k, err := p.expression()
		if err != nil {
			return nil, err
		}
		if err := p.expectOp(":"); err != nil {
			return nil, err
		}
		v, err := p.expression()
		if err != nil {
			return nil, err
		}
		d.keys, d.vals = append(d.keys, k), append(d.vals, v)
	}
	p.i++
	return d, nil
}
