package pyliteral

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// strings reads one string or several that follow each other.
func (p *literalParser) strings() (value.Value, error) {
	var b strings.Builder
	for {
		w := strings.ToLower(reWord().FindString(p.s[p.i:]))
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
	for start := p.i; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; {
		case strings.HasPrefix(p.s[p.i:], quote):
			text := p.s[start:p.i]
			p.i += len(quote)
			if !raw {
				var err error
				if text, err = Unescape(text); err != nil {
					return err
				}
			}
			b.WriteString(text)
			return nil
		case c == '\\':
			if p.i++; !raw && p.i < len(p.s) && p.s[p.i] == 'N' {
				return errNoLiteral // a character by its name
			}
		case c == '\n' && len(quote) == 1:
			return errNoLiteral
		}
	}
	return errNoLiteral
}

var simpleEscapes = map[byte]string{'n': "\n", 't': "\t", 'r': "\r", '\\': "\\", '\'': "'", '"': "\"",
	'a': "\a", 'b': "\b", 'f': "\f", 'v': "\v", '\n': ""}

// Unescape reads the backslash escapes of a Python string. Unknown ones stay
// as they are; a malformed \x, \u or \U is an error.
func Unescape(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '\\' || i+1 >= len(s) {
			b.WriteByte(c)
			continue
		}
		i++
		c = s[i]
		if r, ok := simpleEscapes[c]; ok {
			b.WriteString(r)
			continue
		}
		switch {
		case c >= '0' && c <= '7':
			n, j := 0, i
			for ; j < len(s) && j < i+3 && s[j] >= '0' && s[j] <= '7'; j++ {
				n = n*8 + int(s[j]-'0')
			}
			b.WriteRune(rune(n))
			i = j - 1
		case c == 'x' || c == 'u' || c == 'U':
			width := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
			if i+1+width > len(s) {
				return "", fmt.Errorf("truncated \\%c escape", c)
			}
			n, err := strconv.ParseUint(s[i+1:i+1+width], 16, 32)
			if err != nil || n > 0x10ffff {
				return "", fmt.Errorf("truncated \\%c escape", c)
			}
			b.WriteRune(rune(n))
			i += width
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}
