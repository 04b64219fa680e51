package jinja

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/fairlead-project/fairlead/engine/value"
)

func formatMethod(c *Context, s string, a Args) (value.Value, error) {
	return strFormat(c, s, a.Pos, a.Get)
}

func formatMapMethod(c *Context, s string, a Args) (value.Value, error) {
	b := a.Bind("mapping")
	m := b.Value("mapping")
	if b.Err == nil && m.Map() == nil {
		return value.Null, errors.New("format_map() wants a mapping")
	}
	if b.Err != nil {
		return value.Null, b.Err
	}
	return strFormat(c, s, nil, m.Get)
}

// strFormat is Python's str.format.
func strFormat(c *Context, s string, pos []value.Value, kw func(string) (value.Value, bool)) (value.Value, error) {
	f := &formatter{c: c, pos: pos, kw: kw}
	out, err := f.run(s, 0)
	return value.String(out), err
}

type formatter struct {
	c    *Context
	pos  []value.Value
	kw   func(string) (value.Value, bool)
	auto int
}

func (f *formatter) run(s string, depth int) (string, error) {
	if depth > 2 {
		return "", errors.New("max string recursion exceeded")
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{':
			if strings.HasPrefix(s[i:], "{{") {
				b.WriteByte('{')
				i++
				continue
			}
			end, level := i+1, 1
			for ; end < len(s) && level > 0; end++ {
				switch s[end] {
				case '{':
					level++
				case '}':
					level--
				}
			}
			if level > 0 {
				return "", errors.New("expected '}' before end of string")
			}
			piece, err := f.field(s[i+1:end-1], depth)
			if err != nil {
				return "", err
			}
			b.WriteString(piece)
			i = end - 1
		case '}':
			if !strings.HasPrefix(s[i:], "}}") {
				return "", errors.New("single '}' encountered in format string")
			}
			b.WriteByte('}')
			i++
		default:
			b.WriteByte(s[i])
		}
		if b.Len() > f.c.Limits.Output {
			return "", limitError("a string longer than %d bytes", f.c.Limits.Output)
		}
	}
	return b.String(), nil
}

func (f *formatter) field(field string, depth int) (string, error) {
	name, format := field, ""
	conv := byte(0)
	if i := strings.IndexAny(field, "!:"); i >= 0 {
		name = field[:i]
		rest := field[i:]
		if rest[0] == '!' {
			if len(rest) < 2 || (len(rest) > 2 && rest[2] != ':') {
				return "", errors.New("expected ':' after conversion specifier")
			}
			conv, rest = rest[1], rest[2:]
		}
		format = strings.TrimPrefix(rest, ":")
	}
	v, err := f.lookup(name)
	if err != nil {
		return "", err
	}
	if v.IsUndefined() {
		return "", undefinedError(v)
	}
	switch conv {
	case 'r', 'a':
		v = value.String(v.Repr())
	case 's':
		v = value.String(v.Text())
	case 0:
	default:
		return "", fmt.Errorf("unknown conversion specifier %c", conv)
	}
	if format, err = f.run(format, depth+1); err != nil {
		return "", err
	}
	return formatValue(v, format)
}

func (f *formatter) lookup(name string) (value.Value, error) {
	end := strings.IndexAny(name, ".[")
	if end < 0 {
		end = len(name)
	}
	first, rest := name[:end], name[end:]
	if first == "" {
		first = strconv.Itoa(f.auto)
		f.auto++
	}
	var v value.Value
	if n, err := strconv.Atoi(first); err == nil {
		if n >= len(f.pos) {
			return v, fmt.Errorf("replacement index %d out of range for positional args tuple", n)
		}
		v = f.pos[n]
	} else {
		var ok bool
		if v, ok = f.kw(first); !ok {
			return v, fmt.Errorf("KeyError: '%s'", first)
		}
	}
	for rest != "" {
		var err error
		if rest[0] == '[' {
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return v, errors.New("missing ']' in format string")
			}
			key := value.String(rest[1:end])
			if n, err := strconv.Atoi(rest[1:end]); err == nil {
				key = value.Int(int64(n))
			}
			v, err = f.c.GetItem(v, key)
			rest = rest[end+1:]
		} else {
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			if v.Kind() == value.KindMap {
				return v, fmt.Errorf("'dict' object has no attribute '%s'", rest[1:end+1])
			}
			v, err = f.c.GetAttr(v, rest[1:end+1])
			rest = rest[end+1:]
		}
		if err != nil {
			return v, err
		}
	}
	return v, nil
}

func parseSpec(s string) (spec, error) {
	sp := spec{fill: ' ', prec: -1}
	orig := s
	if r, n := utf8.DecodeRuneInString(s); n < len(s) && strings.IndexByte("<>^=", s[n]) >= 0 {
		sp.fill, sp.align, s = r, s[n], s[n+1:]
	} else if s != "" && strings.IndexByte("<>^=", s[0]) >= 0 {
		sp.align, s = s[0], s[1:]
	}
	take := func(chars string) byte {
		if s != "" && strings.IndexByte(chars, s[0]) >= 0 {
			c := s[0]
			s = s[1:]
			return c
		}
		return 0
	}
	number := func() int {
		n, i := 0, 0
		for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
			n = min(n*10+int(s[i]-'0'), maxWidth)
		}
		s = s[i:]
		return n
	}
	sp.sign = take("+- ")
	sp.alt = take("#") != 0
	if take("0") != 0 && sp.align == 0 {
		sp.zero, sp.align = true, '='
	}
	sp.width = number()
	sp.comma = take(",_")
	if take(".") != 0 {
		sp.prec = number()
	}
	sp.verb = take("bcdeEfFgGnosxX%")
	if s != "" {
		return sp, fmt.Errorf("invalid format specifier '%s'", orig)
	}
	return sp, nil
}

func formatValue(v value.Value, format string) (string, error) {
	if format == "" {
		return v.Text(), nil
	}
	sp, err := parseSpec(format)
	if err != nil {
		return "", err
	}
	bad := func() (string, error) {
		return "", fmt.Errorf("unknown format code '%c' for object of type '%s'", sp.verb, v.TypeName())
	}
	switch v.Kind() {
	case value.KindString:
		if sp.verb != 0 && sp.verb != 's' {
			return bad()
		}
		if sp.align == 0 {
			sp.align = '<'
		}
		if sp.zero {
			sp.zero, sp.fill, sp.align = false, '0', '<'
		}
		return sp.text(v.Text()), nil
	case value.KindInt, value.KindBool, value.KindFloat:
		if sp.align == 0 {
			sp.align = '>'
		}
		switch sp.verb {
		case 'd', 'x', 'X', 'o', 'b', 'n', 'c':
			if v.Kind() == value.KindFloat {
				return bad()
			}
			if sp.verb == 'c' {
				i, _ := v.AsInt()
				return sp.text(string(rune(i))), nil
			}
			return sp.integer(v)
		case 's':
			return bad()
		case 0:
			if v.Kind() != value.KindFloat {
				return sp.integer(v)
			}
			x, _ := v.AsFloat()
			if sp.prec < 0 {
				s := strings.TrimPrefix(value.FloatRepr(x), "-")
				return sp.pad(sp.signOf(x < 0), s), nil
			}
			sp.verb = 'g'
			return sp.float(x), nil
		}
		x, _ := v.AsFloat()
		return sp.float(x), nil
	}
	return "", fmt.Errorf("unsupported format string passed to %s.__format__", v.TypeName())
}
