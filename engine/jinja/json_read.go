package jinja

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/fairlead-project/fairlead/engine/value"
)

// parseJSON reads JSON as Python's json does, with NaN and Infinity too; its
// errors are Python's.
func parseJSON(s string) (value.Value, error) {
	if v, err := value.ParseJSON([]byte(s)); err == nil {
		return v, nil
	}
	p := &jsonReader{s: s}
	v, err := p.document()
	if err != nil {
		return value.Null, err
	}
	return v, nil
}

// jsonReader finds out what is wrong, and reads what JSON itself does not know.
type jsonReader struct {
	s     string
	i     int
	depth int
}

func (p *jsonReader) fail(msg string, at int) error {
	line, col := 1, 1
	for _, r := range p.s[:at] {
		if col++; r == '\n' {
			line, col = line+1, 1
		}
	}
	return refusal("%s: line %d column %d (char %d)", msg, line, col, utf8.RuneCountInString(p.s[:at]))
}

func (p *jsonReader) blanks() {
	for p.i < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.i]) >= 0 {
		p.i++
	}
}

func (p *jsonReader) document() (value.Value, error) {
	p.blanks()
	v, err := p.value()
	if err != nil {
		return v, err
	}
	if p.blanks(); p.i < len(p.s) {
		return v, p.fail("Extra data", p.i)
	}
	return v, nil
}

var jsonWords = []struct {
	word string
	v    value.Value
}{{"null", value.Null}, {"true", value.Bool(true)}, {"false", value.Bool(false)}, {"NaN", value.Float(math.NaN())},
	{"Infinity", value.Float(math.Inf(1))}, {"-Infinity", value.Float(math.Inf(-1))}}

func (p *jsonReader) value() (value.Value, error) {
	if p.depth++; p.depth > maxNesting {
		return value.Null, p.fail("nested too deep", p.i)
	}
	defer func() { p.depth-- }()
	rest := p.s[p.i:]
	for _, w := range jsonWords {
		if strings.HasPrefix(rest, w.word) {
			p.i += len(w.word)
			return w.v, nil
		}
	}
	switch {
	case strings.HasPrefix(rest, "{"):
		return p.object()
	case strings.HasPrefix(rest, "["):
		return p.array()
	case strings.HasPrefix(rest, `"`):
		return p.str()
	}
	n := 0
	for n < len(rest) && strings.IndexByte("+-.eE0123456789", rest[n]) >= 0 {
		n++
	}
	for ; n > 0; n-- {
		if v, err := value.ParseJSON([]byte(rest[:n])); err == nil {
			p.i += n
			return v, nil
		}
	}
	return value.Null, p.fail("Expecting value", p.i)
}

func (p *jsonReader) str() (value.Value, error) {
	start := p.i
	for i := p.i + 1; i < len(p.s); i++ {
		switch c := p.s[i]; {
		case c == '\\':
			i++
		case c == '"':
			v, err := value.ParseJSON([]byte(p.s[start : i+1]))
			if err != nil {
				return v, p.fail("Invalid \\escape", start)
			}
			p.i = i + 1
			return v, nil
		case c < 0x20:
			return value.Null, p.fail("Invalid control character at", i)
		}
	}
	return value.Null, p.fail("Unterminated string starting at", start)
}

func (p *jsonReader) array() (value.Value, error) {
	p.i++
	out := []value.Value{}
	if p.blanks(); strings.HasPrefix(p.s[p.i:], "]") {
		p.i++
		return value.List(out...), nil
	}
	for {
		p.blanks()
		v, err := p.value()
		if err != nil {
			return v, err
		}
		out = append(out, v)
		p.blanks()
		switch rest := p.s[p.i:]; {
		case strings.HasPrefix(rest, "]"):
			p.i++
			return value.List(out...), nil
		case !strings.HasPrefix(rest, ","):
			return v, p.fail("Expecting ',' delimiter", p.i)
		}
		p.i++
	}
}

func (p *jsonReader) object() (value.Value, error) {
	p.i++
	m := value.NewMap()
	if p.blanks(); strings.HasPrefix(p.s[p.i:], "}") {
		p.i++
		return value.FromMap(m), nil
	}
	for {
		p.blanks()
		if !strings.HasPrefix(p.s[p.i:], `"`) {
			return value.Null, p.fail("Expecting property name enclosed in double quotes", p.i)
		}
		k, err := p.str()
		if err != nil {
			return k, err
		}
		if p.blanks(); !strings.HasPrefix(p.s[p.i:], ":") {
			return k, p.fail("Expecting ':' delimiter", p.i)
		}
		p.i++
		p.blanks()
		v, err := p.value()
		if err != nil {
			return v, err
		}
		m.SetKey(k, v)
		p.blanks()
		switch rest := p.s[p.i:]; {
		case strings.HasPrefix(rest, "}"):
			p.i++
			return value.FromMap(m), nil
		case !strings.HasPrefix(rest, ","):
			return v, p.fail("Expecting ',' delimiter", p.i)
		}
		p.i++
	}
}
