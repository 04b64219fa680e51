package event

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable makes s safe for a terminal: control characters (but line ends and
// tabs), invalid UTF-8, and characters that reorder or hide text are written
// as escapes such as \x1b. A CR before a line end is dropped.
func Printable(s string) string { return printable(s, true) }

// PrintableLine is Printable for a text that must stay on one line, as in log
// files: line ends and tabs are written as escapes too.
func PrintableLine(s string) string { return printable(s, false) }

func printable(s string, lines bool) string {
	i := 0
	for i < len(s) && s[i] >= 0x20 && s[i] < 0x7f {
		i++
	}
	if i == len(s) {
		return s
	}
	var b strings.Builder
	b.WriteString(s[:i])
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case lines && (r == '\n' || r == '\t'):
			b.WriteRune(r)
		case lines && r == '\r' && strings.HasPrefix(s[i:], "\r\n"):
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case !harmful(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += n
	}
	return b.String()
}

// harmful tells whether a terminal may do anything with r but show it.
func harmful(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r <= 0x9f: // C0, DEL, C1
		return true
	case r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x206f: // invisible, direction
		return r != 0x200d // joins emoji
	case r == 0x2028, r == 0x2029, r == 0xfeff, r == 0x061c:
		return true
	}
	return unicode.Is(unicode.Co, r) || r >= 0xe0000 && r <= 0xe007f // private use, tags
}
