package jinja

import (
	"math/big"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fairlead-project/fairlead/engine/pyliteral"
	"github.com/fairlead-project/fairlead/engine/value"
)

type tokenKind uint8

const (
	tokEOF tokenKind = iota
	tokData
	tokVarBegin
	tokVarEnd
	tokBlockBegin
	tokBlockEnd
	tokName
	tokString
	tokInt
	tokFloat
	tokOp
)

var tokenNames = [...]string{"end of template", "template data", "begin of print statement", "end of print statement",
	"begin of statement block", "end of statement block", "name", "string", "integer", "float", "operator"}

type token struct {
	kind tokenKind
	pos  int
	text string      // data, name, operator
	val  value.Value // string, int, float
}

// describe is the token as messages name it.
func (t token) describe() string {
	switch t.kind {
	case tokName, tokOp:
		return t.text
	}
	return tokenNames[t.kind]
}

type lexer struct {
	src  *source
	text string
	at   int
	o    Options
	toks []token
	// literal: strings of the current tag have no escapes.
	literal bool
}

func withDefaults(o Options) Options {
	def := func(s *string, d string) {
		if *s == "" {
			*s = d
		}
	}
	def(&o.BlockStart, "{%")
	def(&o.BlockEnd, "%}")
	def(&o.VarStart, "{{")
	def(&o.VarEnd, "}}")
	def(&o.CommentStart, "{#")
	def(&o.CommentEnd, "#}")
	return o
}

// lexTemplate splits a whole template into tokens.
func lexTemplate(src *source, o Options) ([]token, error) {
	l := &lexer{src: src, text: src.text, o: withDefaults(o)}
	for l.at < len(l.text) {
		if err := l.root(); err != nil {
			return nil, err
		}
	}
	return append(l.toks, token{kind: tokEOF, pos: len(l.text)}), nil
}

// lexExpr splits a bare expression into tokens.
func lexExpr(src *source) ([]token, error) {
	l := &lexer{src: src, text: src.text}
	for l.skipSpace(); l.at < len(l.text); l.skipSpace() {
		if err := l.token(); err != nil {
			return nil, err
		}
	}
	return append(l.toks, token{kind: tokEOF, pos: len(l.text)}), nil
}

type opening struct {
	at, len int
	kind    byte // v, b, c, L (line statement), C (line comment); 0: none
}

// next finds the nearest opening delimiter; of two at one place the longer.
func (l *lexer) next() opening {
	best := opening{at: len(l.text)}
	try := func(delim string, kind byte) {
		i := strings.Index(l.text[l.at:min(len(l.text), best.at+len(delim))], delim)
		if i < 0 {
			return
		}
		if i += l.at; i < best.at || (i == best.at && len(delim) > best.len) {
			best = opening{i, len(delim), kind}
		}
	}
	try(l.o.BlockStart, 'b')
	try(l.o.CommentStart, 'c')
	try(l.o.VarStart, 'v')
	l.linePrefix(&best)
	return best
}

// linePrefix looks for line statements and line comments.
func (l *lexer) linePrefix(best *opening) {
	if l.o.LineStatementPrefix == "" && l.o.LineCommentPrefix == "" {
		return
	}
	for at := l.at; at < best.at; {
		if at == 0 || l.text[at-1] == '\n' {
			i := at
			for i < len(l.text) && strings.IndexByte(" \t\v", l.text[i]) >= 0 {
				i++
			}
			if p := l.o.LineStatementPrefix; p != "" && strings.HasPrefix(l.text[i:], p) {
				*best = opening{at, i - at + len(p), 'L'}
				return
			}
		}
		if p := l.o.LineCommentPrefix; p != "" && strings.HasPrefix(l.text[at:], p) {
			*best = opening{at, len(p), 'C'}
			return
		}
		at++
	}
}

func (l *lexer) root() error {
	o := l.next()
	data, start := l.text[l.at:o.at], l.at
	if o.kind == 0 {
		l.data(start, data)
		l.at = len(l.text)
		return nil
	}
	l.at = o.at + o.len
	sign := l.sign(o.kind)
	data = l.strip(data, start, sign, o.kind != 'v')
	l.data(start, data)
	switch o.kind {
	case 'c':
		return l.comment(o)
	case 'C':
		if i := strings.IndexByte(l.text[l.at:], '\n'); i >= 0 {
			l.at += i
		} else {
			l.at = len(l.text)
		}
		return nil
	case 'L':
		return l.lineStatement(o)
	case 'b':
		if done, err := l.raw(o); done {
			return err
		}
		return l.tag(o, tokBlockBegin, tokBlockEnd, l.o.BlockEnd)
	}
	return l.tag(o, tokVarBegin, tokVarEnd, l.o.VarEnd)
}

func (l *lexer) sign(kind byte) byte {
	if l.at < len(l.text) && (l.text[l.at] == '-' || l.text[l.at] == '+') && kind != 'L' && kind != 'C' {
		l.at++
		return l.text[l.at-1]
	}
	return 0
}

// strip applies whitespace control to the data before a tag.
func (l *lexer) strip(data string, start int, sign byte, lstrip bool) string {
	switch {
	case sign == '-':
		return strings.TrimRightFunc(data, unicode.IsSpace)
	case sign == 0 && lstrip && l.o.LstripBlocks:
		i := strings.LastIndexByte(data, '\n') + 1
		lineStart := i > 0 || start == 0 || l.text[start-1] == '\n'
		if lineStart && strings.TrimSpace(data[i:]) == "" {
			return data[:i]
		}
	}
	return data
}

func (l *lexer) data(start int, data string) {
	if data != "" {
		if l.o.Newline != "" {
			data = strings.ReplaceAll(data, "\n", l.o.Newline)
		}
		l.toks = append(l.toks, token{kind: tokData, pos: start, text: data})
	}
}

// closeTag consumes an end delimiter with its whitespace control, or tells false.
func (l *lexer) closeTag(end string, block bool) bool {
	rest := l.text[l.at:]
	switch {
	case strings.HasPrefix(rest, "-"+end):
		l.at += 1 + len(end)
		l.skipSpace()
	case block && strings.HasPrefix(rest, "+"+end):
		l.at += 1 + len(end)
	case strings.HasPrefix(rest, end):
		l.at += len(end)
		if block && l.o.TrimBlocks && strings.HasPrefix(l.text[l.at:], "\n") {
			l.at++
		}
	default:
		return false
	}
	return true
}

func (l *lexer) comment(o opening) error {
	i := strings.Index(l.text[l.at:], l.o.CommentEnd)
	if i < 0 {
		return l.src.errorf(o.at, "Missing end of comment tag")
	}
	l.at += i
	if i > 0 && (l.text[l.at-1] == '-' || l.text[l.at-1] == '+') {
		l.at--
	}
	l.closeTag(l.o.CommentEnd, true)
	return nil
}

// raw handles {% raw %}; done is false when the block is another one.
func (l *lexer) raw(o opening) (done bool, err error) {
	save := l.at
	l.skipSpace()
	if !strings.HasPrefix(l.text[l.at:], "raw") {
		l.at = save
		return false, nil
	}
	l.at += 3
	l.skipSpace()
	switch end := l.o.BlockEnd; {
	case strings.HasPrefix(l.text[l.at:], "-"+end):
		l.at += 1 + len(end)
		l.skipSpace()
	case strings.HasPrefix(l.text[l.at:], end):
		l.at += len(end)
	default:
		l.at = save
		return false, nil
	}
	start := l.at
	for from := start; ; {
		i := strings.Index(l.text[from:], l.o.BlockStart)
		if i < 0 {
			return true, l.src.errorf(o.at, "Missing end of raw directive")
		}
		end := from + i
		l.at = end + len(l.o.BlockStart)
		sign := l.sign('b')
		l.skipSpace()
		if strings.HasPrefix(l.text[l.at:], "endraw") {
			l.at += len("endraw")
			l.skipSpace()
			if l.closeTag(l.o.BlockEnd, true) {
				l.data(start, l.strip(l.text[start:end], start, sign, true))
				return true, nil
			}
		}
		from = end + len(l.o.BlockStart)
	}
}

// tag reads the tokens of {{ }} or {% %} up to its end.
func (l *lexer) tag(o opening, begin, end tokenKind, delim string) error {
	l.toks = append(l.toks, token{kind: begin, pos: o.at})
	l.literal = begin == tokVarBegin && l.o.LiteralBackslashes
	var open []byte
	for {
		if len(open) == 0 {
			at := l.at
			if l.closeTag(delim, end == tokBlockEnd) {
				l.toks = append(l.toks, token{kind: end, pos: at})
				return nil
			}
		}
		if l.at >= len(l.text) {
			// The parser reports it with what it expected.
			return nil
		}
		if c := l.text[l.at]; c == ' ' || c == '\n' || c == '\t' {
			l.at++
			continue
		}
		at := l.at
		if err := l.token(); err != nil {
			return err
		}
		if err := l.balance(&open, at); err != nil {
			return err
		}
	}
}

func (l *lexer) lineStatement(o opening) error {
	l.toks = append(l.toks, token{kind: tokBlockBegin, pos: o.at})
	l.literal = false
	var open []byte
	for l.at < len(l.text) {
		c := l.text[l.at]
		if c == '\n' && len(open) == 0 {
			l.at++
			break
		}
		if unicode.IsSpace(rune(c)) {
			l.at++
			continue
		}
		at := l.at
		if err := l.token(); err != nil {
			return err
		}
		if err := l.balance(&open, at); err != nil {
			return err
		}
	}
	l.toks = append(l.toks, token{kind: tokBlockEnd, pos: l.at})
	return nil
}

// balance keeps track of the brackets that hide an end delimiter.
func (l *lexer) balance(open *[]byte, at int) error {
	t := l.toks[len(l.toks)-1]
	if t.kind != tokOp {
		return nil
	}
	switch t.text {
	case "(":
		*open = append(*open, ')')
	case "[":
		*open = append(*open, ']')
	case "{":
		*open = append(*open, '}')
	case ")", "]", "}":
		if len(*open) == 0 {
			return l.src.errorf(at, "unexpected '%s'", t.text)
		}
		want := (*open)[len(*open)-1]
		if t.text[0] != want {
			return l.src.errorf(at, "unexpected '%s', expected '%c'", t.text, want)
		}
		*open = (*open)[:len(*open)-1]
	}
	return nil
}

func (l *lexer) skipSpace() {
	for l.at < len(l.text) {
		r, n := utf8.DecodeRuneInString(l.text[l.at:])
		if !unicode.IsSpace(r) && !(r >= 0x1c && r <= 0x1f) {
			return
		}
		l.at += n
	}
}

const operators2 = "// ** == != >= <= "

// token reads one token inside a tag; blanks are skipped before.
func (l *lexer) token() error {
	at := l.at
	r, n := utf8.DecodeRuneInString(l.text[at:])
	switch {
	case r >= '0' && r <= '9':
		return l.number()
	case r == '"' || r == '\'':
		return l.str()
	case r == '_' || unicode.IsLetter(r):
		for l.at < len(l.text) {
			r, n := utf8.DecodeRuneInString(l.text[l.at:])
			if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.M, r) {
				break
			}
			l.at += n
		}
		l.toks = append(l.toks, token{kind: tokName, pos: at, text: l.text[at:l.at]})
		return nil
	case unicode.IsSpace(r):
		l.at += n
		l.skipSpace()
		return nil
	}
	if at+2 <= len(l.text) && strings.Contains(operators2, l.text[at:at+2]+" ") {
		l.at += 2
	} else if strings.ContainsRune("+-/*%~[](){}=<>.:|,;", r) {
		l.at++
	} else {
		return l.src.errorf(at, "unexpected char %s", value.String(string(r)).Repr())
	}
	l.toks = append(l.toks, token{kind: tokOp, pos: at, text: l.text[at:l.at]})
	return nil
}

// digits consumes digits of a base with single underscores between them.
func (l *lexer) digits(at int, valid string) int {
	for at < len(l.text) {
		c := l.text[at]
		if c == '_' && at+1 < len(l.text) && strings.IndexByte(valid, l.text[at+1]) >= 0 {
			at++
			continue
		}
		if strings.IndexByte(valid, c) < 0 {
			break
		}
		at++
	}
	return at
}

func (l *lexer) number() error {
	const dec = "0123456789"
	at := l.at
	if l.text[at] == '0' && at+2 < len(l.text) {
		for _, b := range []struct {
			letters, valid string
			base           int
		}{{"xX", "0123456789abcdefABCDEF", 16}, {"oO", "01234567", 8}, {"bB", "01", 2}} {
			if strings.IndexByte(b.letters, l.text[at+1]) < 0 {
				continue
			}
			if end := l.digits(at+2, b.valid); end > at+2 {
				return l.integer(strings.TrimPrefix(l.text[at+2:end], "_"), b.base, end)
			}
		}
	}
	end := l.digits(at, dec)
	if at == 0 || l.text[at-1] != '.' {
		float := end
		if end+1 < len(l.text) && l.text[end] == '.' && strings.IndexByte(dec, l.text[end+1]) >= 0 {
			float = l.digits(end+1, dec)
		}
		if e := float; e < len(l.text) && (l.text[e] == 'e' || l.text[e] == 'E') {
			e++
			if e < len(l.text) && (l.text[e] == '+' || l.text[e] == '-') {
				e++
			}
			if x := l.digits(e, dec); x > e {
				float = x
			}
		}
		if float > end {
			v, err := parseFloat(strings.ReplaceAll(l.text[at:float], "_", ""))
			if err != nil {
				return l.src.errorf(at, "bad number %s", l.text[at:float])
			}
			l.toks = append(l.toks, token{kind: tokFloat, pos: at, val: value.Float(v)})
			l.at = float
			return nil
		}
	}
	if l.text[at] == '0' {
		end = l.digits(at, "0") // 08 is 0 and 8, as in Jinja2: the parser refuses it
	}
	return l.integer(l.text[at:end], 10, end)
}

func (l *lexer) integer(digits string, base, end int) error {
	digits = strings.ReplaceAll(digits, "_", "")
	i, ok := new(big.Int).SetString(digits, base)
	if !ok || len(digits) > 4300 {
		return l.src.errorf(l.at, "bad number")
	}
	l.toks = append(l.toks, token{kind: tokInt, pos: l.at, val: value.BigInt(i), text: digits})
	l.at = end
	return nil
}

func (l *lexer) str() error {
	at, quote := l.at, l.text[l.at]
	i := at + 1
	for ; i < len(l.text) && l.text[i] != quote; i++ {
		if l.text[i] == '\\' && !l.literal {
			i++
		}
	}
	if i >= len(l.text) {
		return l.src.errorf(at, "unexpected char %s", value.String(string(rune(quote))).Repr()).
			WithHint("the string that starts here has no end")
	}
	s := l.text[at+1 : i]
	if !l.literal && strings.Contains(s, "\\") {
		var err error
		if s, err = pyliteral.Unescape(s); err != nil {
			return l.src.errorf(at, "%w", err)
		}
	}
	l.at = i + 1
	l.toks = append(l.toks, token{kind: tokString, pos: at, val: value.String(s)})
	return nil
}
