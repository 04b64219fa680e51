package jinja

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// spec is a format specification of % or str.format.
type spec struct {
	fill        rune
	align       byte // < > ^ =
	sign        byte // + space
	alt, zero   bool
	comma       byte // , or _
	width, prec int
	verb        byte
}

const maxWidth = 1 << 20

// percentFormat is Python's s % args.
func percentFormat(c *Context, s, args value.Value) (value.Value, error) {
	p := &percent{c: c, s: s.Str(), args: args}
	if args.IsTuple() {
		p.items = args.Items()
	} else {
		p.items = []value.Value{args}
	}
	out, err := p.run()
	return value.String(out).WithMarks((s.Marks() | args.DeepMarks()) &^ transient), err
}

// Percent is Python's format % v of one value that is no container.
func Percent(format string, v value.Value) (string, error) {
	p := &percent{c: &Context{Limits: DefaultLimits()}, s: format, args: v, items: []value.Value{v}}
	return p.run()
}

type percent struct {
	c     *Context
	s     string
	i, n  int
	args  value.Value
	items []value.Value
	named bool
}

func (p *percent) next() (value.Value, error) {
	if p.n >= len(p.items) {
		return value.Null, errors.New("not enough arguments for format string")
	}
	p.n++
	return p.items[p.n-1], nil
}

func (p *percent) run() (string, error) {
	var b strings.Builder
	for p.i < len(p.s) {
		j := strings.IndexByte(p.s[p.i:], '%')
		if j < 0 {
			b.WriteString(p.s[p.i:])
			break
		}
		b.WriteString(p.s[p.i : p.i+j])
		p.i += j + 1
		piece, err := p.one()
		if err != nil {
			return "", err
		}
		b.WriteString(piece)
		if b.Len() > p.c.Limits.Output {
			return "", limitError("a string longer than %d bytes", p.c.Limits.Output)
		}
	}
	if p.n < len(p.items) && !p.named && !(p.args.Kind() == value.KindMap || (p.args.Kind() == value.KindList && !p.args.IsTuple() && p.n > 0)) {
		return "", errors.New("not all arguments converted during string formatting")
	}
	return b.String(), nil
}

func (p *percent) one() (string, error) {
	sp := spec{fill: ' ', align: '>', prec: -1}
	var v value.Value
	have := false
	if p.i < len(p.s) && p.s[p.i] == '(' {
		end := strings.IndexByte(p.s[p.i:], ')')
		if end < 0 {
			return "", errors.New("incomplete format key")
		}
		if p.args.Map() == nil {
			return "", errors.New("format requires a mapping")
		}
		key := p.s[p.i+1 : p.i+end]
		var ok bool
		if v, ok = p.args.Get(key); !ok {
			return "", fmt.Errorf("KeyError: '%s'", key)
		}
		have, p.named = true, true
		p.i += end + 1
	}
	for ; p.i < len(p.s); p.i++ {
		switch p.s[p.i] {
		case '-':
			sp.align = '<'
			continue
		case '+', ' ':
			if sp.sign != '+' {
				sp.sign = p.s[p.i]
			}
			continue
		case '#':
			sp.alt = true
			continue
		case '0':
			sp.zero = true
			continue
		}
		break
	}
	var err error
	if sp.width, err = p.number(0); err != nil {
		return "", err
	}
	if sp.width < 0 {
		sp.align, sp.width = '<', -sp.width
	}
	if p.i < len(p.s) && p.s[p.i] == '.' {
		p.i++
		if sp.prec, err = p.number(0); err != nil {
			return "", err
		}
	}
	for p.i < len(p.s) && strings.IndexByte("hlL", p.s[p.i]) >= 0 {
		p.i++
	}
	if p.i >= len(p.s) {
		return "", errors.New("incomplete format")
	}
	sp.verb = p.s[p.i]
	p.i++
	if sp.verb == '%' {
		return "%", nil
	}
	if !have {
		if v, err = p.next(); err != nil {
			return "", err
		}
	}
	return percentVerb(sp, v)
}

func (p *percent) number(def int) (int, error) {
	if p.i < len(p.s) && p.s[p.i] == '*' {
		p.i++
		v, err := p.next()
		n, ok := v.AsInt()
		if err == nil && !ok {
			err = errors.New("* wants int")
		}
		return int(max(min(n, maxWidth), -maxWidth)), err
	}
	start := p.i
	for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		p.i++
	}
	if start == p.i {
		return def, nil
	}
	n, err := strconv.Atoi(p.s[start:p.i])
	if err != nil || n > maxWidth {
		return 0, errors.New("width too big")
	}
	return n, nil
}

func percentVerb(sp spec, v value.Value) (string, error) {
	if v.IsUndefined() && sp.verb != 'r' && sp.verb != 'a' {
		return "", undefinedError(v)
	}
	switch sp.verb {
	case 's', 'r', 'a':
		s := v.Text()
		if sp.verb != 's' {
			s = v.Repr()
		}
		if v.IsUndefined() {
			s = v.Undef().Repr()
		}
		sp.zero = false
		return sp.text(s), nil
	case 'c':
		if i, ok := v.AsInt(); ok {
			return sp.text(string(rune(i))), nil
		}
		if v.IsString() && v.Len() == 1 {
			return sp.text(v.Str()), nil
		}
		return "", errors.New("%c requires int or char")
	case 'd', 'i', 'u', 'x', 'X', 'o':
		if !v.IsNumber() || (v.Kind() == value.KindFloat && sp.verb != 'd' && sp.verb != 'i' && sp.verb != 'u') {
			return "", fmt.Errorf("%%%c format: a real number is required, not %s", sp.verb, v.TypeName())
		}
		if f, ok := v.AsFloat(); ok && v.Kind() == value.KindFloat {
			if math.IsInf(f, 0) || math.IsNaN(f) {
				return "", errors.New("cannot convert float infinity or NaN to integer")
			}
			v = floatToInt(f)
		}
		if sp.verb == 'i' || sp.verb == 'u' {
			sp.verb = 'd'
		}
		if sp.prec > 0 && !sp.zero {
			sp.zero = false
		}
		return sp.integer(v)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		f, ok := v.AsFloat()
		if !ok {
			return "", fmt.Errorf("must be real number, not %s", v.TypeName())
		}
		return sp.float(f), nil
	}
	return "", fmt.Errorf("unsupported format character '%c'", sp.verb)
}

func (sp spec) text(s string) string {
	if sp.prec >= 0 {
		if rs := []rune(s); len(rs) > sp.prec {
			s = string(rs[:sp.prec])
		}
	}
	return sp.pad("", s)
}

func (sp spec) pad(sign, s string) string {
	if sp.zero && (sp.align == '>' || sp.align == '=') {
		return sign + pad(s, sp.width-len(sign), "0", -1)
	}
	switch sp.align {
	case '=':
		return sign + pad(s, sp.width-len(sign), string(sp.fill), -1)
	case '<':
		return pad(sign+s, sp.width, string(sp.fill), 1)
	case '^':
		n := sp.width - len([]rune(sign+s))
		if n <= 0 {
			return sign + s
		}
		return strings.Repeat(string(sp.fill), n/2) + sign + s + strings.Repeat(string(sp.fill), n-n/2)
	}
	return pad(sign+s, sp.width, string(sp.fill), -1)
}

func (sp spec) signOf(neg bool) string {
	switch {
	case neg:
		return "-"
	case sp.sign != 0 && sp.sign != '-':
		return string(rune(sp.sign))
	}
	return ""
}

func (sp spec) integer(v value.Value) (string, error) {
	i := v.AsBigInt()
	base, prefix := 10, ""
	switch sp.verb {
	case 'x', 'X':
		base, prefix = 16, "0"+string(rune(sp.verb))
	case 'o':
		base, prefix = 8, "0o"
	case 'b':
		base, prefix = 2, "0b"
	}
	s := strings.TrimPrefix(i.Text(base), "-")
	if sp.verb == 'X' {
		s = strings.ToUpper(s)
	}
	if sp.prec > 0 {
		s = pad(s, sp.prec, "0", -1)
	}
	if sp.comma != 0 {
		s = group(s, sp.comma)
	}
	sign := sp.signOf(i.Sign() < 0)
	if sp.alt {
		sign += prefix
	}
	return sp.pad(sign, s), nil
}

func group(s string, sep byte) string {
	var b strings.Builder
	for i := range len(s) {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(sep)
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func (sp spec) float(f float64) string {
	prec := sp.prec
	if prec < 0 {
		prec = 6
	}
	neg := math.Signbit(f) && !math.IsNaN(f)
	f = math.Abs(f)
	verb := sp.verb
	var s string
	switch {
	case math.IsInf(f, 0):
		s = "inf"
		sp.zero = false
	case math.IsNaN(f):
		s = "nan"
		sp.zero = false
	case verb == 'g' || verb == 'G':
		if prec == 0 {
			prec = 1
		}
		exp := 0
		if f != 0 {
			e := strconv.FormatFloat(f, 'e', prec-1, 64)
			exp, _ = strconv.Atoi(e[strings.IndexByte(e, 'e')+1:])
		}
		if exp < -4 || exp >= prec {
			s = strconv.FormatFloat(f, 'e', prec-1, 64)
			if m, e, _ := strings.Cut(s, "e"); !sp.alt && strings.Contains(m, ".") {
				s = strings.TrimRight(strings.TrimRight(m, "0"), ".") + "e" + e
			}
		} else {
			s = strconv.FormatFloat(f, 'f', prec-1-exp, 64)
			if !sp.alt && strings.Contains(s, ".") {
				s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
			}
		}
	case verb == 'e' || verb == 'E':
		s = strconv.FormatFloat(f, 'e', prec, 64)
	case verb == '%':
		s = strconv.FormatFloat(f*100, 'f', prec, 64) + "%"
	default:
		s = strconv.FormatFloat(f, 'f', prec, 64)
	}
	if verb == 'E' || verb == 'G' || verb == 'F' {
		s = strings.ToUpper(s)
	}
	if sp.comma != 0 {
		whole, frac, dot := strings.Cut(s, ".")
		s = group(whole, sp.comma)
		if dot {
			s += "." + frac
		}
	}
	return sp.pad(sp.signOf(neg), s)
}
