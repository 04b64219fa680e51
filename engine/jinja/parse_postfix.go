package jinja

// postfix reads attributes, items and calls behind x.
func (p *parser) postfix(x expr) (expr, error) {
	var err error
	for err == nil {
		switch {
		case p.isOp("."):
			x, err = p.dot(x)
		case p.isOp("["):
			x, err = p.subscript(x)
		case p.isOp("("):
			x, err = p.call(x)
		default:
			return x, nil
		}
	}
	return nil, err
}

// filters reads filters, tests and calls behind x.
func (p *parser) filters(x expr) (expr, error) {
	var err error
	for err == nil {
		switch {
		case p.isOp("|"):
			p.i++
			x, err = p.filter(x)
		case p.isName("is"):
			x, err = p.test(x)
		case p.isOp("("):
			x, err = p.call(x)
		default:
			return x, nil
		}
	}
	return nil, err
}

func (p *parser) dot(x expr) (expr, error) {
	p.i++
	t := p.next()
	switch t.kind {
	case tokName:
		return &attrExpr{at(t.pos), x, t.text}, nil
	case tokInt:
		return &itemExpr{at(t.pos), x, &constExpr{at(t.pos), t.val}}, nil
	}
	return nil, p.src.errorf(t.pos, "expected name or number")
}

func (p *parser) subscript(x expr) (expr, error) {
	pos := at(p.next().pos)
	var keys []expr
	comma := false
	for !p.isOp("]") {
		if len(keys) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
			comma = true
			if p.isOp("]") {
				break
			}
		}
		k, isSlice, err := p.subscriptPart(pos, x)
		if err != nil {
			return nil, err
		}
		if isSlice {
			return k, p.expectOp("]")
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, p.src.errorf(p.cur().pos, "expected subscript expression")
	}
	p.i++
	if !comma {
		return &itemExpr{pos, x, keys[0]}, nil
	}
	return &itemExpr{pos, x, &listExpr{at: pos, items: keys, tuple: true}}, nil
}

// subscriptPart reads a key, or a whole slice of x.
func (p *parser) subscriptPart(pos at, x expr) (expr, bool, error) {
	var parts [3]expr
	var err error
	if !p.isOp(":") {
		if parts[0], err = p.expression(); err != nil || !p.isOp(":") {
			return parts[0], false, err
		}
	}
	for i := 1; i < 3 && p.skipOp(":"); i++ {
		if !p.isOp(":") && !p.isOp("]") && !p.isOp(",") {
			if parts[i], err = p.expression(); err != nil {
				return nil, false, err
			}
		}
	}
	return &sliceExpr{pos, x, parts[0], parts[1], parts[2]}, true, nil
}

func (p *parser) call(fn expr) (expr, error) {
	pos := at(p.cur().pos)
	if w := fn.where(); w < int(pos) {
		pos = at(w)
	}
	args, err := p.callArgs()
	return &callExpr{pos, fn, args}, err
}

func (p *parser) callArgs() (callArgs, error) {
	var a callArgs
	p.i++ // (
	first := true
	for !p.isOp(")") {
		if !first {
			if err := p.expectOp(","); err != nil {
				return a, err
			}
			if p.isOp(")") {
				break
			}
		}
		first = false
		if err := p.oneArg(&a); err != nil {
			return a, err
		}
	}
	p.i++
	return a, nil
}

func (p *parser) oneArg(a *callArgs) error {
	t := p.cur()
	bad := func() error {
		return p.src.errorf(t.pos, "invalid syntax for function call expression")
	}
	var err error
	switch {
	case p.isOp("*"):
		p.i++
		if a.star != nil || a.kws != nil {
			return bad()
		}
		a.star, err = p.expression()
	case p.isOp("**"):
		p.i++
		if a.kws != nil {
			return bad()
		}
		a.kws, err = p.expression()
	case t.kind == tokName && p.peek().kind == tokOp && p.peek().text == "=":
		p.i += 2
		if a.kws != nil {
			return bad()
		}
		var x expr
		if x, err = p.expression(); err == nil {
			a.kwNames, a.kwVals = append(a.kwNames, t.text), append(a.kwVals, x)
		}
	default:
		if a.star != nil || a.kws != nil || len(a.kwNames) > 0 {
			return bad()
		}
		var x expr
		if x, err = p.expression(); err == nil {
			a.pos = append(a.pos, x)
		}
	}
	return err
}

// dotted reads name(.name)*.
func (p *parser) dotted() (string, error) {
	name, err := p.expectName()
	for err == nil && p.skipOp(".") {
		var part string
		part, err = p.expectName()
		name += "." + part
	}
	return name, err
}

// filter reads one filter whose | is consumed.
func (p *parser) filter(x expr) (expr, error) {
	f := &filterExpr{at: at(p.cur().pos), x: x}
	var err error
	if f.name, err = p.dotted(); err == nil && p.isOp("(") {
		f.args, err = p.callArgs()
	}
	return f, err
}

func (p *parser) test(x expr) (expr, error) {
	pos := p.next().pos
	negated := p.skipName("not")
	t := &testExpr{at: at(p.cur().pos), x: x}
	var err error
	if t.name, err = p.dotted(); err != nil {
		return nil, err
	}
	switch c := p.cur(); {
	case p.isOp("("):
		t.args, err = p.callArgs()
	case p.isName("else", "or", "and"):
	case c.kind == tokName || c.kind == tokString || c.kind == tokInt || c.kind == tokFloat || p.isOp("[") || p.isOp("{"):
		if p.isName("is") {
			return nil, p.src.errorf(c.pos, "You cannot chain multiple tests with is")
		}
		var arg expr
		if arg, err = p.primary(); err == nil {
			arg, err = p.postfix(arg)
		}
		t.args.pos = []expr{arg}
	}
	if err == nil && negated {
		return &unaryExpr{at(pos), '!', t}, nil
	}
	return t, err
}
