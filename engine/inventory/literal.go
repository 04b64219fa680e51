package inventory

import (
	"errors"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/fairlead-project/fairlead/engine/value"
)

// parseValue reads the text of a variable of an INI inventory: a Python
// literal where it is one, else the text as it stands.
func parseValue(s string) value.Value {
	if v, err := parseLiteral(s); err == nil {
		return v
	}
	return value.String(s)
}

var errNoLiteral = errors.New("no Python literal")

const maxLiteralDepth = 100

// parseLiteral reads what Python's ast.literal_eval accepts, but for complex
// numbers; a set becomes a list.
func parseLiteral(s string) (value.Value, error) {
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return value.Null, errNoLiteral
	}
	p := &literalParser{s: strings.TrimLeft(s, " \t")}
	v, err := p.tuple()
	if err != nil {
		return value.Null, err
	}
	p.space()
	if p.i < len(p.s) {
		return value.Null, errNoLiteral
	}
	return v, nil
}

type literalParser struct {
	s       string
	i       int
	depth   int
	bracket int // open brackets: newlines are blanks inside
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

func negate(v value.Value) value.Value {
	if f, ok := v.AsFloat(); ok && v.Kind() == value.KindFloat {
		return value.Float(-f)
	}
	return value.BigInt(new(big.Int).Neg(v.AsBigInt()))
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
	reLiteralInt   = regexp.MustCompile(`^(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|[1-9](?:_?[0-9])*|0(?:_?0)*)`)
	reLiteralFloat = regexp.MustCompile(`^(?:[0-9](?:_?[0-9])*\.(?:[0-9](?:_?[0-9])*)?|\.[0-9](?:_?[0-9])*|[0-9](?:_?[0-9])*(?:[eE]))`)
	reExponent     = regexp.MustCompile(`^[eE][-+]?[0-9](?:_?[0-9])*`)
	reNumberTail   = regexp.MustCompile(`^[A-Za-z0-9_.]`)
)

const maxIntDigits = 4300 // Python's own limit

func (p *literalParser) number() (value.Value, error) {
	rest := p.s[p.i:]
	if m := reLiteralFloat.FindString(rest); m != "" {
		m = strings.TrimRight(m, "eE")
		if e := reExponent.FindString(rest[len(m):]); e != "" || strings.Contains(m, ".") {
			return p.float(m + e)
		}
		return value.Null, errNoLiteral
	}
	m := reLiteralInt.FindString(rest)
	if m == "" || len(m) > maxIntDigits || reNumberTail.MatchString(rest[len(m):]) {
		return value.Null, errNoLiteral
	}
	i, ok := new(big.Int).SetString(m, 0)
	if !ok {
		return value.Null, errNoLiteral
	}
	p.i += len(m)
	return value.BigInt(i), nil
}

func (p *literalParser) float(text string) (value.Value, error) {
	if reNumberTail.MatchString(p.s[p.i+len(text):]) {
		return value.Null, errNoLiteral
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return value.Null, errNoLiteral
	}
	p.i += len(text)
	return value.Float(f), nil
}

var reWord = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*`)

// word reads True, False, None, set() and strings with their prefixes.
func (p *literalParser) word() (value.Value, error) {
	w := reWord.FindString(p.s[p.i:])
	next := byte(0)
	if p.i+len(w) < len(p.s) {
		next = p.s[p.i+len(w)]
	}
	if next == '"' || next == '\'' {
		return p.strings()
	}
	p.i += len(w)
	switch w {
	case "True":
		return value.Bool(true), nil
	case "False":
		return value.Bool(false), nil
	case "None":
		return value.Null, nil
	case "set":
		if p.accept('(') && p.accept(')') {
			return value.List(), nil
		}
	}
	return value.Null, errNoLiteral
}

// strings reads one string or several that follow each other.
func (p *literalParser) strings() (value.Value, error) {
	var b strings.Builder
	for {
		w := strings.ToLower(reWord.FindString(p.s[p.i:]))
		at := p.i + len(w)
		if at >= len(p.s) || p.s[at] != '"' && p.s[at] != '\'' {
			return value.String(b.String()), nil
		}
		switch w {
		case "", "u", "b", "r", "br", "rb":
		default:
			return value.Null, errNoLiteral
		}
		p.i = at
		if err := p.string(&b, strings.Contains(w, "r")); err != nil {
			return value.Null, err
		}
		p.space()
	}
}

func (p *literalParser) string(b *strings.Builder, raw bool) error {
	quote := p.s[p.i : p.i+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(p.s[p.i:], triple) {
		quote = triple
	}
	p.i += len(quote)
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case strings.HasPrefix(p.s[p.i:], quote):
			p.i += len(quote)
			return nil
		case c == '\\' && raw && p.i+1 < len(p.s):
			b.WriteString(p.s[p.i : p.i+2])
			p.i += 2
		case c == '\\' && !raw:
			if err := p.escape(b); err != nil {
				return err
			}
		case c == '\n' && len(quote) == 1:
			return errNoLiteral
		default:
			b.WriteByte(c)
			p.i++
		}
	}
	return errNoLiteral
}

const plainEscapes = "\\\\''\"\"a\ab\bf\fn\nr\rt\tv\v"

func (p *literalParser) escape(b *strings.Builder) error {
	if p.i+1 >= len(p.s) {
		return errNoLiteral
	}
	c := p.s[p.i+1]
	p.i += 2
	for i := 0; i < len(plainEscapes); i += 2 {
		if plainEscapes[i] == c {
			b.WriteByte(plainEscapes[i+1])
			return nil
		}
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
	switch {
	case c == '\n':
	case digits > 0:
		if p.i+digits > len(p.s) {
			return errNoLiteral
		}
		n, err := strconv.ParseUint(p.s[p.i:p.i+digits], 16, 32)
		if err != nil || n > utf8.MaxRune {
			return errNoLiteral
		}
		b.WriteRune(rune(n))
		p.i += digits
	case c >= '0' && c <= '7':
		n := rune(c - '0')
		for k := 0; k < 2 && p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '7'; k++ {
			n = n*8 + rune(p.s[p.i]-'0')
			p.i++
		}
		b.WriteRune(n)
	case c == 'N':
		return errNoLiteral
	default:
		b.WriteByte('\\')
		b.WriteByte(c)
	}
	return nil
}
