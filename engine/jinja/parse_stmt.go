package jinja

// statement reads what stands in {% %}, except the end of the tag.
func (p *parser) statement(pos int) (stmt, error) {
	t := p.cur()
	if t.kind != tokName {
		if t.kind == tokEOF {
			return nil, p.unexpectedEnd()
		}
		return nil, p.src.errorf(t.pos, "tag name expected")
	}
	p.i++
	a := at(pos)
	switch t.text {
	case "if":
		return p.ifStmt(a)
	case "for":
		return p.forStmt(a)
	case "set":
		return p.setStmt(a)
	case "do":
		x, err := p.tuple(tupleOpts{cond: true})
		return &doStmt{a, x}, err
	case "print":
		x, err := p.tuple(tupleOpts{cond: true})
		return &outputStmt{a, x}, err
	case "with":
		return p.withStmt(a)
	case "filter":
		f, err := p.filterChain()
		if err != nil {
			return nil, err
		}
		body, err := p.lastBlock("endfilter")
		return &filterStmt{a, f, body}, err
	case "macro":
		return p.macroStmt(a)
	case "call":
		return p.callStmt(a)
	case "include":
		return p.includeStmt(a)
	case "import", "from":
		return p.importStmt(a, t.text == "from")
	case "extends":
		x, err := p.expression()
		return &extendsStmt{a, x}, err
	case "block":
		return p.blockStmt(a)
	case "autoescape":
		if _, err := p.expression(); err != nil {
			return nil, err
		}
		body, err := p.lastBlock("endautoescape")
		return &scopeStmt{a, body}, err
	case "break", "continue":
		return &loopControl{a, t.text == "break"}, nil
	}
	return nil, p.unknownTag(t)
}

func (p *parser) ifStmt(a at) (stmt, error) {
	s := &ifStmt{at: a}
	for {
		test, err := p.tuple(tupleOpts{})
		if err != nil {
			return nil, err
		}
		body, err := p.block("elif", "else", "endif")
		if err != nil {
			return nil, err
		}
		s.tests, s.bodies = append(s.tests, test), append(s.bodies, body)
		switch p.next().text {
		case "else":
			s.orelse, err = p.lastBlock("endif")
			return s, err
		case "endif":
			return s, nil
		}
	}
}

func (p *parser) forStmt(a at) (stmt, error) {
	s := &forStmt{at: a}
	var err error
	if s.target, err = p.target("in", false); err != nil {
		return nil, err
	}
	if !p.skipName("in") {
		return nil, p.expected("in")
	}
	if s.iter, err = p.tuple(tupleOpts{end: "recursive"}); err != nil {
		return nil, err
	}
	if p.skipName("if") {
		if s.test, err = p.expression(); err != nil {
			return nil, err
		}
	}
	s.recursive = p.skipName("recursive")
	u := &uses{}
	p.uses = append(p.uses, u)
	s.body, err = p.block("endfor", "else")
	p.uses = p.uses[:len(p.uses)-1]
	if err != nil {
		return nil, err
	}
	s.usesLoop = u.loop || s.recursive
	s.target.each(func(name string) {
		if name == "loop" {
			err = p.src.errorf(int(a), "Can't assign to special loop variable in for-loop target")
		}
	})
	if err == nil && p.next().text == "else" {
		s.orelse, err = p.lastBlock("endfor")
	}
	return s, err
}

// target reads what is assigned to: names with commas, or ns.attr.
func (p *parser) target(end string, namespace bool) (target, error) {
	if n := p.peek(); namespace && p.cur().kind == tokName && n.kind == tokOp && n.text == "." {
		t := target{at: at(p.cur().pos), name: p.next().text}
		p.i++
		var err error
		t.attr, err = p.expectName()
		return t, err
	}
	x, err := p.tuple(tupleOpts{simple: true, end: end})
	if err != nil {
		return target{}, err
	}
	return p.asTarget(x)
}

func (p *parser) asTarget(x expr) (target, error) {
	switch x := x.(type) {
	case *nameExpr:
		return target{at: x.at, name: x.name}, nil
	case *listExpr:
		if !x.tuple {
			break
		}
		t := target{at: x.at, items: []target{}}
		for _, it := range x.items {
			s, err := p.asTarget(it)
			if err != nil {
				return t, err
			}
			t.items = append(t.items, s)
		}
		return t, nil
	}
	return target{}, p.src.errorf(x.where(), "can't assign to this expression")
}

func (p *parser) setStmt(a at) (stmt, error) {
	t, err := p.target("", true)
	if err != nil {
		return nil, err
	}
	if p.skipOp("=") {
		x, err := p.tuple(tupleOpts{cond: true})
		return &setStmt{a, t, x}, err
	}
	s := &setBlockStmt{at: a, target: t}
	if p.skipOp("|") {
		if s.filter, err = p.filterChain(); err != nil {
			return nil, err
		}
	}
	s.body, err = p.lastBlock("endset")
	return s, err
}

// filterChain reads f | g(x) | ... applied to a body.
func (p *parser) filterChain() (expr, error) {
	f, err := p.filter(nil)
	for err == nil && p.skipOp("|") {
		f, err = p.filter(f)
	}
	return f, err
}

func (p *parser) withStmt(a at) (stmt, error) {
	s := &withStmt{at: a}
	for p.cur().kind != tokBlockEnd {
		if len(s.targets) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
		}
		x, err := p.primary()
		if err != nil {
			return nil, err
		}
		t, err := p.asTarget(x)
		if err != nil {
			return nil, err
		}
		if err := p.expectOp("="); err != nil {
			return nil, err
		}
		v, err := p.expression()
		if err != nil {
			return nil, err
		}
		s.targets, s.values = append(s.targets, t), append(s.values, v)
	}
	var err error
	s.body, err = p.lastBlock("endwith")
	return s, err
}

func (p *parser) signature(sig *signature) error {
	if err := p.expectOp("("); err != nil {
		return err
	}
	for first := true; !p.isOp(")"); first = false {
		if !first {
			if err := p.expectOp(","); err != nil {
				return err
			}
		}
		pos := p.cur().pos
		name, err := p.expectName()
		if err != nil {
			return err
		}
		sig.params = append(sig.params, name)
		if p.skipOp("=") {
			x, err := p.expression()
			if err != nil {
				return err
			}
			sig.defaults = append(sig.defaults, x)
		} else if len(sig.defaults) > 0 {
			return p.src.errorf(pos, "non-default argument follows default argument")
		}
	}
	p.i++
	return nil
}

func (p *parser) macroBody(m *macroStmt, end string) error {
	u := &uses{}
	p.uses = append(p.uses, u)
	var err error
	m.body, err = p.lastBlock(end)
	p.uses = p.uses[:len(p.uses)-1]
	m.sig.varargs, m.sig.kwargs, m.sig.caller = u.varargs, u.kwargs, u.caller
	return err
}

func (p *parser) macroStmt(a at) (stmt, error) {
	name, err := p.expectName()
	if err != nil {
		return nil, err
	}
	m := &macroStmt{at: a, name: name}
	if err := p.signature(&m.sig); err != nil {
		return nil, err
	}
	return m, p.macroBody(m, "endmacro")
}

func (p *parser) callStmt(a at) (stmt, error) {
	m := &macroStmt{at: a, name: "caller"}
	if p.isOp("(") {
		if err := p.signature(&m.sig); err != nil {
			return nil, err
		}
	}
	x, err := p.expression()
	if err != nil {
		return nil, err
	}
	c, ok := x.(*callExpr)
	if !ok {
		return nil, p.src.errorf(int(a), "expected call")
	}
	return &callStmt{a, c, m}, p.macroBody(m, "endcall")
}

func (p *parser) withContext(def bool) bool {
	if p.isName("with", "without") && p.peek().kind == tokName && p.peek().text == "context" {
		def = p.next().text == "with"
		p.i++
	}
	return def
}

func (p *parser) includeStmt(a at) (stmt, error) {
	s := &includeStmt{at: a}
	var err error
	if s.name, err = p.expression(); err != nil {
		return nil, err
	}
	if p.isName("ignore") && p.peek().text == "missing" {
		p.i += 2
		s.ignoreMissing = true
	}
	s.context = p.withContext(true)
	return s, nil
}

func (p *parser) importStmt(a at, from bool) (stmt, error) {
	s := &importStmt{at: a}
	var err error
	if s.name, err = p.expression(); err != nil {
		return nil, err
	}
	if !from {
		if !p.skipName("as") {
			return nil, p.expected("as")
		}
		if s.as, err = p.expectName(); err != nil {
			return nil, err
		}
		s.context = p.withContext(false)
		return s, nil
	}
	if !p.skipName("import") {
		return nil, p.expected("import")
	}
	for p.cur().kind == tokName {
		if len(s.names) > 0 && p.isName("with", "without") && p.peek().text == "context" {
			break
		}
		name := p.next().text
		alias := name
		if p.skipName("as") {
			if alias, err = p.expectName(); err != nil {
				return nil, err
			}
		}
		s.names = append(s.names, [2]string{name, alias})
		if !p.skipOp(",") {
			break
		}
	}
	s.context = p.withContext(false)
	if len(s.names) == 0 {
		return nil, p.expected("name")
	}
	return s, nil
}

func (p *parser) blockStmt(a at) (stmt, error) {
	name, err := p.expectName()
	if err != nil {
		return nil, err
	}
	s := &blockStmt{at: a, name: name}
	p.skipName("scoped")
	s.required = p.skipName("required")
	p.skipName("scoped")
	if s.body, err = p.block("endblock"); err != nil {
		return nil, err
	}
	p.i++
	p.skipName(name)
	if p.blocks[name] != nil {
		return nil, p.src.errorf(int(a), "block '%s' defined twice", name)
	}
	p.blocks[name] = s
	return s, nil
}
