// Package pyliteral reads values as Python's source code writes them: what
// ast.literal_eval accepts, but for complex numbers. Sets become lists, bytes
// texts.
package pyliteral

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/value"
)

var errNoLiteral = errors.New("no Python literal")

const maxLiteralDepth = 100

// Parse reads a Python literal (numbers, strings, True, None, lists, tuples,
// dicts, sets as lists); ok is false when s is none.
func Parse(s string) (v value.Value, ok bool) { return parse(s, false) }

// ParseWithJSON is Parse where JSON's true, false and null count too.
func ParseWithJSON(s string) (v value.Value, ok bool) { return parse(s, true) }

func parse(s string, json bool) (value.Value, bool) {
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return value.Null, false
	}
	p := &literalParser{s: strings.TrimLeft(s, " \t"), json: json}
	v, err := p.tuple()
	if err != nil {
		return value.Null, false
	}
	p.space()
	return v, p.i >= len(p.s)
}

type literalParser struct {
	s       string
	i       int
	depth   int
	bracket int  // open brackets: newlines are blanks inside
	json    bool // true, false, null too
}

// space skips blanks and comments.
func (p *literalParser) space() {
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c == ' ' || c == '\t' || c == '\f':
		case c == '\n' || c == '\r':
			if p.bracket == 0 && strings.TrimSpace(p.s[p.i:]) != "" {
				return
			}
		case c == '\\' && strings.HasPrefix(p.s[p.i+1:], "\n"):
			p.i++
		case c == '#':
			if n := strings.IndexByte(p.s[p.i:], '\n'); n >= 0 {
				p.i += n
				continue
			}
			p.i = len(p.s)
			return
		default:
			return
		}
		p.i++
	}
}

func (p *literalParser) peek() byte {
	p.space()
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

func (p *literalParser) accept(c byte) bool {
	if p.peek() == c {
		p.i++
		return true
	}
	return false
}

// tuple reads one value, or several separated by commas outside of brackets.
func (p *literalParser) tuple() (value.Value, error) {
	v, err := p.value()
	if err != nil || p.peek() != ',' {
		return v, err
	}
	items, err := p.rest(v, 0)
	return value.Tuple(items...), err
}

// rest reads ", value" until the end byte, which it consumes (0: end of text).
func (p *literalParser) rest(first value.Value, end byte) ([]value.Value, error) {
	items := []value.Value{first}
	for p.accept(',') {
		if p.peek() == end {
			break
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	if end != 0 && !p.accept(end) {
		return nil, errNoLiteral
	}
	return items, nil
}

func (p *literalParser) value() (value.Value, error) {
	if p.depth++; p.depth > maxLiteralDepth {
		return value.Null, errNoLiteral
	}
	defer func() { p.depth-- }()
	switch c := p.peek(); {
	case c == '[' || c == '(' || c == '{':
		p.i++
		p.bracket++
		v, err := p.collection(c)
		p.bracket--
		return v, err
	case c == '+' || c == '-':
		p.i++
		p.space()
		v, err := p.number()
		if err == nil && c == '-' {
			v = negate(v)
		}
		return v, err
	case c >= '0' && c <= '9' || c == '.':
		return p.number()
	}
	return p.word()
}

func (p *literalParser) collection(open byte) (value.Value, error) {
	end := map[byte]byte{'[': ']', '(': ')', '{': '}'}[open]
	if p.accept(end) {
		switch open {
		case '[':
			return value.List(), nil
		case '(':
			return value.Tuple(), nil
		}
		return value.FromMap(nil), nil
	}
	first, err := p.value()
	if err != nil {
		return value.Null, err
	}
	if open == '{' && p.peek() == ':' {
		return p.dict(first)
	}
	if open == '(' && p.accept(')') {
		return first, nil
	}
	items, err := p.rest(first, end)
	if open == '(' {
		return value.Tuple(items...), err
	}
	return value.List(items...), err
}

func (p *literalParser) dict(key value.Value) (value.Value, error) {
	m := value.NewMap()
	for {
		if !p.accept(':') || !key.Hashable() {
			return value.Null, errNoLiteral
		}
		v, err := p.value()
		if err != nil {
			return value.Null, err
		}
		m.SetKey(key, v)
		comma := p.accept(',')
		if p.accept('}') {
			return value.FromMap(m), nil
		}
		if !comma {
			return value.Null, errNoLiteral
		}
		if key, err = p.value(); err != nil {
			return value.Null, err
		}
	}
}

var (
	words     = map[string]value.Value{"True": value.Bool(true), "False": value.Bool(false), "None": value.Null}
	jsonWords = map[string]value.Value{"true": value.Bool(true), "false": value.Bool(false), "null": value.Null}
)

var reWord = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*`)

// word reads True, False, None, set() and strings with their prefixes.
func (p *literalParser) word() (value.Value, error) {
	w := reWord().FindString(p.s[p.i:])
	next := byte(0)
	if p.i+len(w) < len(p.s) {
		next = p.s[p.i+len(w)]
	}
	if next == '"' || next == '\'' {
		return p.strings()
	}
	p.i += len(w)
	if v, ok := words[w]; ok {
		return v, nil
	}
	if v, ok := jsonWords[w]; ok && p.json {
		return v, nil
	}
	if w == "set" && p.accept('(') && p.accept(')') {
		return value.List(), nil
	}
	return value.Null, errNoLiteral
}
