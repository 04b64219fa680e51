package databases

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
)

// pgPiece is one statement of a text of several.
type pgPiece struct {
	// text goes to the server as it is.
	text string
	// plain is the statement as psql may read it: without comments, and with no
	// colon that psql could take for one of its variables. It is "" where psql
	// would see something of its own in it, or where the statement has no end.
	plain string
}

var (
	pgDollar = lazyregexp.New(`^\$(?:[A-Za-z_\x{80}-\x{10ffff}][A-Za-z0-9_\x{80}-\x{10ffff}]*)?\$`)
	// pgBody begins a function whose body is statements in no quotes.
	pgBody = lazyregexp.New(`(?i)\bbegin\s+atomic\b`)
)

// pgSplit takes a text of SQL apart into its statements; those that are empty are
// left out.
func pgSplit(text string) []pgPiece {
	if pgBody().MatchString(text) {
		return []pgPiece{{text: text}}
	}
	var all []pgPiece
	l := pgLexer{text: text, clear: true}
	for l.at < len(text) {
		if text[l.at] == ';' && l.depth == 0 {
			all = l.cut(all)
			l.at++
			l.from = l.at
			continue
		}
		l.step()
	}
	return l.cut(all)
}

// pgLexer goes through a text of SQL.
type pgLexer struct {
	text     string
	at, from int // where it is, where the statement begins
	depth    int // of parentheses
	plain    strings.Builder
	clear    bool // whether psql may read the statement
}

func (l *pgLexer) cut(all []pgPiece) []pgPiece {
	p := pgPiece{text: l.text[l.from:l.at], plain: strings.TrimSpace(l.plain.String())}
	empty := p.plain == "" && l.clear
	if !l.clear {
		p.plain = ""
	}
	l.plain.Reset()
	l.clear, l.depth = true, 0
	if empty {
		return all
	}
	return append(all, p)
}

// step goes over one token, or one character of it.
func (l *pgLexer) step() {
	rest := l.text[l.at:]
	switch c := rest[0]; {
	case c == '\'':
		l.quoted(pgQuoteEnd(rest, l.escapes()))
	case c == '"':
		l.quoted(strings.IndexByte(rest[1:], '"') + 2)
	case c == '$' && !l.afterWord():
		tag := pgDollar().FindString(rest)
		if tag == "" {
			l.keep(1)
			return
		}
		if end := strings.Index(rest[len(tag):], tag); end >= 0 {
			l.keep(end + 2*len(tag))
		} else {
			l.open()
		}
	case strings.HasPrefix(rest, "--"):
		n := strings.IndexByte(rest, '\n')
		if n < 0 {
			n = len(rest)
		}
		l.skip(n)
	case strings.HasPrefix(rest, "/*"):
		l.comment(rest)
	case strings.HasPrefix(rest, "::") || strings.HasPrefix(rest, ":="):
		l.keep(2)
	case c == ':':
		l.keep(1)
		l.plain.WriteByte(' ')
	case c == '\\':
		l.clear = false
		l.at++
	default:
		if c == '(' {
			l.depth++
		} else if c == ')' && l.depth > 0 {
			l.depth--
		}
		l.keep(1)
	}
}

func (l *pgLexer) keep(n int) {
	l.plain.WriteString(l.text[l.at : l.at+n])
	l.at += n
}

// skip goes over a comment.
func (l *pgLexer) skip(n int) {
	l.plain.WriteByte(' ')
	l.at += n
}

// open is something without an end.
func (l *pgLexer) open() {
	l.clear = false
	l.at = len(l.text)
}

// quoted goes over what is in quotes, n bytes, less than 2 without an end.
func (l *pgLexer) quoted(n int) {
	if n < 2 {
		l.open()
		return
	}
	text := l.text[l.at : l.at+n]
	if text[0] != '\'' || l.escapes() || !strings.Contains(text, `\`) {
		l.keep(n)
		return
	}
	// The same whatever standard_conforming_strings is.
	l.plain.WriteString(" E" + strings.ReplaceAll(text, `\`, `\\`))
	l.at += n
}

// comment goes over a comment, in which others may be.
func (l *pgLexer) comment(rest string) {
	depth := 0
	for i := 0; i+1 < len(rest); i++ {
		switch rest[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
		}
		if depth == 0 {
			l.skip(i + 1)
			return
		}
	}
	l.open()
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// afterWord tells whether a name ends here.
func (l *pgLexer) afterWord() bool { return l.at > l.from && isWord(l.text[l.at-1]) }

// escapes tells whether a text that begins here has escapes: E'a\tb'.
func (l *pgLexer) escapes() bool {
	i := l.at - 1
	return i >= l.from && l.text[i]|0x20 == 'e' && (i == l.from || !isWord(l.text[i-1]))
}

// pgQuoteEnd is where a text in quotes ends, behind its quote; 0 for nowhere. A
// quote that stands twice ends one text and begins the next, which is no
// difference here.
func pgQuoteEnd(s string, escapes bool) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && escapes:
			i++
		case s[i] == '\'' && escapes && i+1 < len(s) && s[i+1] == '\'':
			i++
		case s[i] == '\'':
			return i + 1
		}
	}
	return 0
}
