package jmespath

import (
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

type token struct {
	kind string // an operator, or: name, number, literal, eof
	text string
	v    value.Value
	pos  int
}

const operators = `<= >= == != || && [? [] . * , : { } ( ) [ ] & | @ < > !`

func nameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|32 >= 'a' && c|32 <= 'z'
}

// until finds the end of what a quote began, over escaped quotes.
func until(s string, at int, quote byte) (string, int, bool) {
	for i := at; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		} else if s[i] == quote {
			return s[at:i], i + 1, true
		}
	}
	return "", 0, false
}

func lex(q string) ([]token, error) {
	var toks []token
next:
	for i := 0; i < len(q); {
		c := q[i]
		switch {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			i++
			continue
		case c == '_' || c|32 >= 'a' && c|32 <= 'z':
			j := i
			for j < len(q) && nameByte(q[j]) {
				j++
			}
			toks = append(toks, token{kind: "name", text: q[i:j], pos: i})
			i = j
			continue
		case c >= '0' && c <= '9' || c == '-' && i+1 < len(q) && q[i+1] >= '0' && q[i+1] <= '9':
			j := i + 1
			for j < len(q) && q[j] >= '0' && q[j] <= '9' {
				j++
			}
			toks = append(toks, token{kind: "number", text: q[i:j], pos: i})
			i = j
			continue
		case c == '"' || c == '\'' || c == '`':
			t, end, err := quoted(q, i)
			if err != nil {
				return nil, err
			}
			toks = append(toks, t)
			i = end
			continue
		}
		for _, op := range strings.Fields(operators) {
			if strings.HasPrefix(q[i:], op) {
				toks = append(toks, token{kind: op, text: op, pos: i})
				i += len(op)
				continue next
			}
		}
		return nil, refuse("Bad jmespath expression: Unknown token %s:\n%s\n%s^", string(rune(c)), q, strings.Repeat(" ", i))
	}
	return append(toks, token{kind: "eof", pos: len(q)}), nil
}

// quoted reads "name", 'text' and `JSON`.
func quoted(q string, i int) (token, int, error) {
	s, end, ok := until(q, i+1, q[i])
	if !ok {
		return token{}, 0, refuse("Bad jmespath expression: Unclosed %c delimiter:\n%s\n%s^", q[i], q, strings.Repeat(" ", i))
	}
	t := token{kind: "literal", text: s, pos: i}
	switch q[i] {
	case '"':
		v, err := value.ParseJSON([]byte(q[i:end]))
		if err != nil {
			return t, 0, refuse("Bad jmespath expression: error decoding string %s", q[i:end])
		}
		t.kind, t.text = "name", v.Str()
		t.v = value.Bool(true) // quoted: it calls no function
	case '\'':
		t.v = value.String(strings.ReplaceAll(s, `\'`, "'"))
	default:
		s = strings.TrimLeft(strings.ReplaceAll(s, "\\`", "`"), " \t\n")
		v, err := value.ParseJSON([]byte(s))
		if err != nil { // an old form: the quotes left out
			v = value.String(s)
		}
		t.v = v
	}
	return t, end, nil
}

// binding is how strongly an operator takes what stands to its left.
var binding = map[string]int{"|": 1, "||": 2, "&&": 3, "==": 5, "!=": 5, "<": 5, "<=": 5, ">": 5, ">=": 5,
	"[]": 9, "*": 20, "[?": 21, ".": 40, "!": 45, "{": 50, "[": 55, "(": 60}

// projectionStop: weaker operators end a projection.
const projectionStop = 10

type parser struct {
	query string
	toks  []token
	i     int
	depth int
}

func (p *parser) cur() token { return p.toks[p.i] }

func (p *parser) next() token {
	t := p.toks[p.i]
	if t.kind != "eof" {
		p.i++
	}
	return t
}

func (p *parser) unexpected() error {
	t := p.cur()
	if t.kind == "eof" {
		return refuse("Invalid jmespath expression: Incomplete expression:\n\"%s\"\n%s^", p.query, strings.Repeat(" ", t.pos+1))
	}
	return refuse("Invalid jmespath expression: Parse error at column %d, token \"%s\", for expression:\n\"%s\"\n%s^", t.pos, t.text, p.query,
		strings.Repeat(" ", t.pos+1))
}

func (p *parser) expect(kind string) (token, error) {
	if p.cur().kind != kind {
		return token{}, p.unexpected()
	}
	return p.next(), nil
}

const maxDepth = 200

func (p *parser) expression(bind int) (node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, refuse("the query is nested too deep")
	}
	defer func() { p.depth-- }()
	left, err := p.prefix()
	for err == nil && bind < binding[p.cur().kind] {
		left, err = p.infix(left)
	}
	return left, err
}

// prefix reads what begins an expression.
func (p *parser) prefix() (node, error) {
	t := p.cur()
	switch t.kind {
	case "literal":
		p.i++
		return literal{t.v}, nil
	case "name":
		p.i++
		if p.cur().kind == "(" && t.v.IsNull() {
			return p.call(t.text)
		}
		return field{t.text}, nil
	case "@":
		p.i++
		return current{}, nil
	case "*":
		p.i++
		then, err := p.projected(binding["*"])
		return values{current{}, then}, err
	case "[?":
		return p.filtered(current{})
	case "[]":
		p.i++
		then, err := p.projected(binding["[]"])
		return project{flatten{current{}}, then}, err
	case "!":
		p.i++
		n, err := p.expression(binding["!"])
		return not{n}, err
	case "&":
		p.i++
		n, err := p.expression(0)
		return reference{n}, err
	case "(":
		p.i++
		n, err := p.expression(0)
		if err == nil {
			_, err = p.expect(")")
		}
		return n, err
	case "{":
		return p.hash()
	case "[":
		p.i++
		if k := p.cur().kind; k == "number" || k == ":" {
			return p.bracket(current{})
		}
		if p.cur().kind == "*" && p.toks[p.i+1].kind == "]" {
			return p.star(current{})
		}
		return p.list()
	}
	return nil, p.unexpected()
}

// infix reads what goes on from left.
func (p *parser) infix(left node) (node, error) {
	t := p.next()
	bind := binding[t.kind]
	switch t.kind {
	case "|", "||", "&&":
		right, err := p.expression(bind)
		switch t.kind {
		case "|":
			return pipe{left, right}, err
		case "||":
			return or{left, right}, err
		}
		return and{left, right}, err
	case "==", "!=", "<", "<=", ">", ">=":
		right, err := p.expression(bind)
		return compare{t.kind, left, right}, err
	case ".":
		if p.cur().kind == "*" {
			p.i++
			then, err := p.projected(binding["*"])
			return values{left, then}, err
		}
		right, err := p.dotted(bind)
		return chain{left, right}, err
	case "[?":
		p.i--
		return p.filtered(left)
	case "[]":
		then, err := p.projected(bind)
		return project{flatten{left}, then}, err
	case "[":
		if p.cur().kind == "*" {
			return p.star(left)
		}
		return p.bracket(left)
	}
	p.i--
	return nil, p.unexpected()
}

// dotted is what may stand behind a dot.
func (p *parser) dotted(bind int) (node, error) {
	switch p.cur().kind {
	case "name", "*":
		return p.expression(bind)
	case "[":
		p.i++
		return p.list()
	case "{":
		return p.hash()
	}
	return nil, p.unexpected()
}

// projected is what a projection does with each element.
func (p *parser) projected(bind int) (node, error) {
	t := p.cur()
	switch {
	case binding[t.kind] < projectionStop:
		return current{}, nil
	case t.kind == "[" || t.kind == "[?":
		return p.expression2(bind)
	case t.kind == ".":
		p.i++
		return p.dotted(bind)
	}
	return nil, p.unexpected()
}

// expression2 goes on from the element itself.
func (p *parser) expression2(bind int) (node, error) {
	left, err := p.infix(current{})
	for err == nil && bind < binding[p.cur().kind] {
		left, err = p.infix(left)
	}
	return left, err
}

func (p *parser) star(left node) (node, error) {
	p.i++
	if _, err := p.expect("]"); err != nil {
		return nil, err
	}
	then, err := p.projected(binding["*"])
	return project{left, then}, err
}

func (p *parser) filtered(left node) (node, error) {
	p.i++
	cond, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if _, err := p.expect("]"); err != nil {
		return nil, err
	}
	then := node(current{})
	if p.cur().kind != "[]" {
		if then, err = p.projected(binding["[?"]); err != nil {
			return nil, err
		}
	}
	return filter{left, cond, then}, nil
}

// bracket reads an index or a slice behind its bracket.
func (p *parser) bracket(left node) (node, error) {
	var s slice
	part, colons := 0, 0
	for {
		t := p.next()
		switch t.kind {
		case "number":
			i, err := strconv.Atoi(t.text)
			if err != nil || s.part[part] != nil {
				p.i--
				return nil, p.unexpected()
			}
			s.part[part] = &i
		case ":":
			if part, colons = part+1, colons+1; part > 2 {
				p.i--
				return nil, p.unexpected()
			}
		case "]":
			if colons == 0 {
				if s.part[0] == nil {
					return nil, p.unexpected()
				}
				return chain{left, index{*s.part[0]}}, nil
			}
			if s.part[2] != nil && *s.part[2] == 0 {
				return nil, refuse("Invalid jmespath expression: slice step cannot be 0")
			}
			then, err := p.projected(binding["*"])
			return project{chain{left, s}, then}, err
		case "eof":
			return nil, p.unexpected()
		default:
			p.i--
			return nil, p.unexpected()
		}
	}
}

func (p *parser) list() (node, error) {
	items, err := p.items("]")
	return multiList{items}, err
}

func (p *parser) items(end string) ([]node, error) {
	var out []node
	for {
		n, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
		if p.cur().kind == "," {
			p.i++
			continue
		}
		_, err = p.expect(end)
		return out, err
	}
}

func (p *parser) call(name string) (node, error) {
	p.i++
	if p.cur().kind == ")" {
		p.i++
		return call{name, nil}, nil
	}
	args, err := p.items(")")
	return call{name, args}, err
}

func (p *parser) hash() (node, error) {
	p.i++
	var m multiHash
	for {
		k, err := p.expect("name")
		if err != nil {
			return nil, err
		}
		if _, err := p.expect(":"); err != nil {
			return nil, err
		}
		n, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		m.keys, m.items = append(m.keys, k.text), append(m.items, n)
		if p.cur().kind == "," {
			p.i++
			continue
		}
		_, err = p.expect("}")
		return m, err
	}
}
