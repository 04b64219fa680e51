package jinja

import (
	"math/big"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// literal reads Python literals: what ast.literal_eval accepts.
type literal struct {
	s     string
	i     int
	json  bool // true, false, null too
	depth int
}

// ParseLiteral reads a Python literal (numbers, strings, True, None, lists,
// tuples, dicts, sets as lists); ok is false when s is none.
func ParseLiteral(s string) (v value.Value, ok bool) { return parseLiteral(s, false) }

func parseLiteral(s string, json bool) (value.Value, bool) {
	p := &literal{s: strings.TrimLeft(s, " \t"), json: json}
	v, ok := p.value()
	if !ok {
		return v, false
	}
	if p.space(); p.peek() == ',' { // a tuple without parentheses
		p.i++
		items, ok := p.items(0)
		return value.Tuple(append([]value.Value{v}, items...)...), ok && p.i == len(p.s)
	}
	p.s = strings.TrimRight(p.s, " \t\n\r\f")
	return v, p.i >= len(p.s)
}

func (p *literal) peek() byte {
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

func (p *literal) space() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\t', '\f':
		case '\n', '\r':
			if p.depth == 0 {
				return
			}
		case '#':
			if p.depth == 0 {
				return
			}
			for p.i < len(p.s) && p.s[p.i] != '\n' {
				p.i++
			}
			continue
		default:
			return
		}
		p.i++
	}
}

func (p *literal) value() (value.Value, bool) {
	if p.space(); p.depth > 100 {
		return value.Null, false
	}
	switch c := p.peek(); {
	case c == '[' || c == '(' || c == '{':
		p.i++
		p.depth++
		v, ok := p.container(c)
		p.depth--
		return v, ok
	case c == '\'' || c == '"':
		return p.strings()
	case c == '-' || c == '+':
		p.i++
		v, ok := p.value()
		if !ok || !(v.Kind() == value.KindInt || v.Kind() == value.KindFloat) {
			return v, false
		}
		v, err := negate(v, c)
		return v, err == nil
	case c >= '0' && c <= '9' || c == '.':
		return p.number()
	}
	for _, w := range []struct {
		word string
		v    value.Value
		json bool
	}{{"True", value.Bool(true), false}, {"False", value.Bool(false), false}, {"None", value.Null, false},
		{"true", value.Bool(true), true}, {"false", value.Bool(false), true}, {"null", value.Null, true}} {
		if strings.HasPrefix(p.s[p.i:], w.word) && (p.json || !w.json) {
			p.i += len(w.word)
			if c := p.peek(); c == '_' || c >= '0' && c <= '9' || c|32 >= 'a' && c|32 <= 'z' || c >= 0x80 {
				return w.v, false
			}
			return w.v, true
		}
	}
	if c := p.peek() | 32; (c == 'u' || c == 'r') && p.i+1 < len(p.s) && (p.s[p.i+1] == '\'' || p.s[p.i+1] == '"') {
		return p.strings()
	}
	return value.Null, false
}

// items reads elements up to the closing character (0: the end), consumed.
func (p *literal) items(end byte) ([]value.Value, bool) {
	var out []value.Value
	for {
		p.space()
		if p.peek() == end && (end != 0 || p.i >= len(p.s)) {
			p.i += min(int(end), 1)
			return out, true
		}
		v, ok := p.value()
		if !ok {
			return nil, false
		}
		out = append(out, v)
		p.space()
		if p.peek() == ',' {
			p.i++
		} else if p.peek() != end {
			return nil, false
		}
	}
}

func (p *literal) container(open byte) (value.Value, bool) {
	switch open {
	case '[':
		items, ok := p.items(']')
		return value.List(items...), ok
	case '(':
		start := p.i
		items, ok := p.items(')')
		if !ok {
			return value.Null, false
		}
		inner := strings.TrimSpace(p.s[start : p.i-1])
		if len(items) == 1 && !strings.HasSuffix(inner, ",") {
			return items[0], true
		}
		return value.Tuple(items...), true
	}
	m := value.NewMap()
	var set []value.Value
	for {
		p.space()
		if p.peek() == '}' {
			p.i++
			if set != nil {
				return value.List(set...), true
			}
			return value.FromMap(m), true
		}
		k, ok := p.value()
		if !ok || !k.Hashable() {
			return value.Null, false
		}
		p.space()
		if p.peek() == ':' && set == nil {
			p.i++
			v, ok := p.value()
			if !ok {
				return v, false
			}
			m.SetKey(k, v)
		} else if m.Len() == 0 {
			set = append(set, k)
		} else {
			return value.Null, false
		}
		if p.space(); p.peek() == ',' {
			p.i++
		} else if p.peek() != '}' {
			return value.Null, false
		}
	}
}

// strings reads adjacent string literals.
func (p *literal) strings() (value.Value, bool) {
	var b strings.Builder
	for {
		raw := false
		for c := p.peek() | 32; c == 'u' || c == 'r'; c = p.peek() | 32 {
			raw = raw || c == 'r'
			p.i++
		}
		q := p.peek()
		if q != '\'' && q != '"' {
			return value.Null, false
		}
		delim := string(rune(q))
		if strings.HasPrefix(p.s[p.i:], strings.Repeat(delim, 3)) {
			delim = strings.Repeat(delim, 3)
		}
		p.i += len(delim)
		start := p.i
		for !strings.HasPrefix(p.s[p.i:], delim) {
			if p.i >= len(p.s) || (len(delim) == 1 && p.s[p.i] == '\n') {
				return value.Null, false
			}
			if p.s[p.i] == '\\' {
				p.i++
			}
			if p.i++; p.i > len(p.s) {
				return value.Null, false
			}
		}
		s := p.s[start:p.i]
		p.i += len(delim)
		if !raw {
			var err error
			if s, err = unescape(s); err != nil {
				return value.Null, false
			}
		}
		b.WriteString(s)
		save := p.i
		p.space()
		if c := p.peek(); c != '\'' && c != '"' {
			p.i = save
			return value.String(b.String()), true
		}
	}
}

func (p *literal) number() (value.Value, bool) {
	start := p.i
	for p.i < len(p.s) {
		c := p.s[p.i]
		if c == '+' || c == '-' {
			if e := p.s[p.i-1] | 32; e != 'e' || strings.HasPrefix(p.s[start:], "0x") || strings.HasPrefix(p.s[start:], "0X") {
				break
			}
		} else if !(c == '.' || c == '_' || c >= '0' && c <= '9' || c|32 >= 'a' && c|32 <= 'z') {
			break
		}
		p.i++
	}
	return parsePyNumber(p.s[start:p.i])
}

// parsePyNumber reads a number as Python's source code writes it.
func parsePyNumber(s string) (value.Value, bool) {
	if strings.HasSuffix(s, "_") || strings.HasPrefix(s, "_") || strings.Contains(s, "__") || len(s) > 4300 {
		return value.Null, false
	}
	plain := strings.ReplaceAll(s, "_", "")
	low := strings.ToLower(plain)
	for prefix, base := range map[string]int{"0x": 16, "0o": 8, "0b": 2} {
		if strings.HasPrefix(low, prefix) {
			i, ok := new(big.Int).SetString(low[2:], base)
			if !ok {
				return value.Null, false
			}
			return value.BigInt(i), true
		}
	}
	if strings.Trim(plain, "0123456789") == "" && plain != "" {
		if len(plain) > 1 && plain[0] == '0' && strings.Trim(plain, "0") != "" {
			return value.Null, false
		}
		i, _ := new(big.Int).SetString(plain, 10)
		return value.BigInt(i), true
	}
	if strings.Trim(low, "0123456789.e+-") != "" {
		return value.Null, false
	}
	f, err := parseFloat(low)
	return value.Float(f), err == nil
}
