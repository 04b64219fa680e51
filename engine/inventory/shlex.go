package inventory

import (
	"errors"
	"strings"
)

// token is one word of a host line with the byte offset it begins at.
type token struct {
	text string
	at   int
}

var (
	errQuote  = errors.New("a quote is opened here and not closed")
	errEscape = errors.New("nothing follows this backslash")
)

// splitShell cuts a line into words as Python's shlex.split with comments
// does: a # begins a comment anywhere outside of quotes. On an error the
// offset is where the quote or backslash stands.
func splitShell(line string) (tokens []token, at int, err error) {
	var b strings.Builder
	begin := -1
	flush := func() {
		if begin >= 0 {
			tokens = append(tokens, token{b.String(), begin})
		}
		b.Reset()
		begin = -1
	}
	for i := 0; i < len(line); i++ {
		c := line[i]
		if strings.IndexByte(" \t\r\n#", c) >= 0 {
			flush()
			if c == '#' {
				return tokens, 0, nil
			}
			continue
		}
		if begin < 0 {
			begin = i
		}
		switch c {
		case '\\':
			if i+1 == len(line) {
				return nil, i, errEscape
			}
			i++
			b.WriteByte(line[i])
		case '\'', '"':
			end := quoted(&b, line[i:])
			if end < 0 {
				return nil, i, errQuote
			}
			i += end
		default:
			b.WriteByte(c)
		}
	}
	flush()
	return tokens, 0, nil
}

// quoted writes the contents of the quoted text that s begins with and gives
// the offset of the closing quote, -1 when there is none.
func quoted(b *strings.Builder, s string) int {
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return i
		case s[i] == '\\' && quote == '"' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
		}
		b.WriteByte(s[i])
	}
	return -1
}
