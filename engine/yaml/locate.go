package yaml

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/lazyregexp"
)

var reLine = lazyregexp.New(`^(?:yaml: )?(?:line (\d+): )?(.*)$`)

// locate turns the parser's error, which names a line at best and not always
// the right one, into a diagnostic with line, column and a hint. It looks for
// the classic mistakes in the text around.
func locate(file string, src *lines, err error) *diag.Diagnostic {
	m := reLine().FindStringSubmatch(strings.ReplaceAll(err.Error(), "\n", " "))
	line, _ := strconv.Atoi(m[1])
	l := &locator{file: file, src: src, line: max(line, 1), named: line > 0, msg: m[2]}
	d := l.find()
	d.Err = err
	return d
}

type locator struct {
	file  string
	src   *lines
	line  int  // as the parser says
	named bool // the parser named a line
	msg   string
}

func (l *locator) diagnostic(line, byteCol int, code, msg, hint string) *diag.Diagnostic {
	text := l.src.at(line)
	col := utf8.RuneCountInString(text[:min(max(byteCol, 0), len(text))]) + 1
	return diag.Errorf(diag.Pos{File: l.file, Line: line, Col: col}, code, "YAML syntax: %s", msg).WithHint("%s", hint)
}

func (l *locator) find() *diag.Diagnostic {
	for _, try := range []func() *diag.Diagnostic{
		l.badText, l.unknownAnchor, l.badAlias, l.unclosedQuote, l.tabIndent, l.badStart, l.textAfterQuote, l.unquotedTemplate,
		l.colonInPlain, l.openBracket, l.dedent,
	} {
		if d := try(); d != nil {
			return d
		}
	}
	line := l.nonEmptyFrom(l.line)
	return l.diagnostic(line, indentOf(l.src.at(line)), "yaml-syntax", l.msg,
		"compare the indentation of this line with the lines above; entries of one list or mapping begin in the same column")
}

// badText finds bytes that no YAML text may hold.
func (l *locator) badText() *diag.Diagnostic {
	if !strings.Contains(l.msg, "control characters") && !strings.Contains(l.msg, "UTF-8") && !strings.Contains(l.msg, "Unicode") {
		return nil
	}
	for i, text := range l.src.text {
		for j, r := range text {
			bad := r == utf8.RuneError && text[j] != 0xEF || r < 0x20 && r != '\t' && r != '\r' || r == 0x7f
			if bad {
				return l.diagnostic(i+1, j, "yaml-text", l.msg, "the file must be UTF-8 text without control characters")
			}
		}
	}
	return nil
}

var reAnchor = lazyregexp.New(`unknown anchor '([^']*)'`)

func (l *locator) unknownAnchor() *diag.Diagnostic {
	m := reAnchor().FindStringSubmatch(l.msg)
	if m == nil {
		return nil
	}
	for i, text := range l.src.text {
		j := strings.Index(text, "*"+m[1])
		if j < 0 || strings.HasPrefix(strings.TrimSpace(text), "#") {
			continue
		}
		return l.diagnostic(i+1, j, "yaml-anchor", "unknown anchor '"+m[1]+"'",
			"define it before with &"+m[1]+", or quote the value: a value that begins with * is an alias")
	}
	return nil
}

var reAliasStart = lazyregexp.New(`(?:^|: +|- +|[\[{,] *)([*&])`)

func (l *locator) badAlias() *diag.Diagnostic {
	if !strings.Contains(l.msg, "alphabetic or numeric") {
		return nil
	}
	for n := max(l.line-1, 1); n <= l.line+1; n++ {
		text := l.src.at(n)
		if m := reAliasStart().FindStringSubmatchIndex(text); m != nil {
			return l.diagnostic(n, m[2], "yaml-start", "a value cannot begin with "+text[m[2]:m[3]], "put the value in quotes")
		}
	}
	return nil
}

// unclosedQuote finds the quote that a scalar begins with and never ends.
func (l *locator) unclosedQuote() *diag.Diagnostic {
	if !strings.Contains(l.msg, "quoted scalar") && !strings.Contains(l.msg, "unexpected end of stream") &&
		!strings.Contains(l.msg, "unexpected document indicator") && !strings.Contains(l.msg, "escape") {
		return nil
	}
	if strings.Contains(l.msg, "escape") {
		if i := badEscape(l.src.at(l.line)); i >= 0 {
			return l.diagnostic(l.line, i, "yaml-escape", l.msg, `inside double quotes a backslash must be doubled; or use single quotes`)
		}
	}
	line, col := l.openQuote()
	if line == 0 {
		return nil
	}
	return l.diagnostic(line, col, "yaml-quote", "a quoted text begins here and does not end", "close the quote; inside single quotes a single quote is doubled")
}

func badEscape(text string) int {
	for i := 0; i+1 < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		if strings.IndexByte("0abt\tnvfre \"/\\N_LPxuU", text[i+1]) < 0 {
			return i
		}
		i++
	}
	return -1
}

// openQuote scans for the quoted scalar that is open at the end of the text.
func (l *locator) openQuote() (line, col int) {
	var quote byte
	block := -1 // indentation of the line that opened a block scalar
	for n, text := range l.src.text {
		if quote == 0 && block >= 0 {
			if strings.TrimSpace(text) == "" || indentOf(text) > block {
				continue
			}
			block = -1
		}
		for i := 0; i < len(text); i++ {
			c := text[i]
			switch {
			case quote == '"' && c == '\\':
				i++
			case quote == '\'' && c == '\'' && strings.HasPrefix(text[i+1:], "'"):
				i++
			case quote != 0:
				if c == quote {
					quote = 0
				}
			case c == '#' && (i == 0 || text[i-1] == ' ' || text[i-1] == '\t'):
				i = len(text)
			case (c == '"' || c == '\'') && startsToken(text[:i]):
				quote, line, col = c, n+1, i
			}
		}
		if quote == 0 && reBlockHead().MatchString(text) {
			block = indentOf(text)
		}
	}
	if quote == 0 {
		return 0, 0
	}
	return line, col
}

var reBlockHead = lazyregexp.New(`(?:^|[:\-] +)(?:![^ ]* +)?[|>][-+0-9]*[ \t]*(?:#.*)?$`)

// startsToken tells whether a scalar begins after this part of a line.
func startsToken(before string) bool {
	t := strings.TrimRight(before, " \t")
	if t == "" || strings.HasSuffix(t, "[") || strings.HasSuffix(t, "{") || strings.HasSuffix(t, ",") {
		return true
	}
	return len(t) < len(before) && (strings.HasSuffix(t, ":") || strings.HasSuffix(t, "-") || strings.HasSuffix(t, "?"))
}

// tabIndent finds a tab in the indentation at or after the line named.
func (l *locator) tabIndent() *diag.Diagnostic {
	if !strings.Contains(l.msg, "cannot start any token") && !strings.Contains(l.msg, "tab") {
		return nil
	}
	for n := l.line; n <= min(l.line+2, len(l.src.text)); n++ {
		text := l.src.at(n)
		trimmed := strings.TrimLeft(text, " \t-")
		if i := strings.IndexByte(text[:len(text)-len(trimmed)], '\t'); i >= 0 && trimmed != "" {
			return l.diagnostic(n, i, "yaml-tab", "a tab stands where only blanks may", "indent with blanks; YAML allows no tabs there")
		}
	}
	return nil
}

var reBadStart = lazyregexp.New("(?:^|: +|- +|[\\[{,] *)([@`%])")

func (l *locator) badStart() *diag.Diagnostic {
	if !strings.Contains(l.msg, "cannot start any token") && !strings.Contains(l.msg, "directive") {
		return nil
	}
	for n := max(l.line-1, 1); n <= l.line+1; n++ {
		text := l.src.at(n)
		for _, m := range reBadStart().FindAllStringSubmatchIndex(text, -1) {
			return l.diagnostic(n, m[2], "yaml-start", "a value cannot begin with "+text[m[2]:m[3]], "put the value in quotes")
		}
	}
	return nil
}

var reQuotedHead = lazyregexp.New(`(?:^\s*(?:- +)*|: +)("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')[ \t]*([^\s,:#\]}])`)

// textAfterQuote finds text behind a closing quote: key: "a" b.
func (l *locator) textAfterQuote() *diag.Diagnostic {
	if !strings.Contains(l.msg, "did not find expected") {
		return nil
	}
	for n := max(l.line-1, 1); n <= min(l.line+2, len(l.src.text)); n++ {
		text := l.src.at(n)
		if m := reQuotedHead().FindStringSubmatchIndex(text); m != nil {
			return l.diagnostic(n, m[4], "yaml-after-quote", "there is more text after the closing quote",
				"a value that begins with a quote must end with it: quote the whole value with the other kind of quote")
		}
	}
	return nil
}

var reTemplateStart = lazyregexp.New(`(?:: +|^\s*(?:- +)+)(\{[{%])`)

func (l *locator) unquotedTemplate() *diag.Diagnostic {
	from := max(l.line-1, 1)
	if !l.named {
		from = 1
	}
	for n := from; n <= min(l.line+1, len(l.src.text)) || !l.named && n <= len(l.src.text); n++ {
		if m := reTemplateStart().FindStringSubmatchIndex(l.src.at(n)); m != nil {
			return l.diagnostic(n, m[2], "yaml-unquoted-template", l.msg, `a value that begins with a template must be quoted: "{{ name }}"`)
		}
	}
	return nil
}

var reColon = lazyregexp.New(`:(?: |\t|$)`)

// colonInPlain finds the second colon of `a: b: c`.
func (l *locator) colonInPlain() *diag.Diagnostic {
	if !strings.Contains(l.msg, "mapping values are not allowed") {
		return nil
	}
	for _, n := range []int{l.line, l.line + 1, l.line - 1} {
		text := l.src.at(n)
		if cut := strings.Index(text, " #"); cut >= 0 {
			text = text[:cut]
		}
		if all := reColon().FindAllStringIndex(text, -1); len(all) > 1 {
			return l.diagnostic(n, all[1][0], "yaml-colon", "a second ': ' on this line would begin a mapping inside a value",
				"put the value in quotes")
		}
	}
	text := l.src.at(l.line)
	col := indentOf(text)
	if i := reColon().FindStringIndex(text); i != nil {
		col = i[0]
	}
	return l.diagnostic(l.line, col, "yaml-colon", l.msg, "check the indentation: this key stands deeper than the line above allows, or the line above lacks its ':'")
}

// openBracket finds the list or mapping in brackets that goes wrong.
func (l *locator) openBracket() *diag.Diagnostic {
	for _, b := range []string{"[]", "{}"} {
		if !strings.Contains(l.msg, "',' or '"+b[1:]+"'") {
			continue
		}
		for n := l.line; n <= min(l.line+1, len(l.src.text)); n++ {
			if i := strings.Index(l.src.at(n), b[:1]); i >= 0 {
				return l.diagnostic(n, i, "yaml-bracket", l.msg+" for the "+b[:1]+" here", "close it with "+b[1:]+" and separate its entries by commas; a text that begins with "+b[:1]+" must be quoted")
			}
		}
	}
	return nil
}

// dedent finds the first line that fits no column that an entry began in.
func (l *locator) dedent() *diag.Diagnostic {
	if !strings.Contains(l.msg, "expected key") && !strings.Contains(l.msg, "'-' indicator") {
		return nil
	}
	type column struct {
		at   int
		list bool
	}
	var open []column
	for n := l.line; n <= len(l.src.text); n++ {
		text := l.src.at(n)
		at := indentOf(text)
		if t := strings.TrimSpace(text); t == "" || t[0] == '#' {
			continue
		}
		popped := false
		for len(open) > 0 && open[len(open)-1].at > at {
			open, popped = open[:len(open)-1], true
		}
		dash := strings.HasPrefix(text[at:], "- ") || strings.TrimSpace(text) == "-"
		top := len(open) - 1
		if popped && (top < 0 || open[top].at < at) || top >= 0 && open[top].at == at && open[top].list && !dash && (top == 0 || open[top-1].at < at) {
			return l.diagnostic(n, at, "yaml-indent", "this line does not fit the indentation above", "entries of one list or mapping begin in the same column")
		}
		if top < 0 || open[top].at < at {
			open = append(open, column{at, dash})
		}
		for dash {
			rest := strings.TrimLeft(text[at+1:], " ")
			at = len(text) - len(rest)
			dash = strings.HasPrefix(rest, "- ")
			open = append(open, column{at, dash})
		}
	}
	return nil
}

func (l *locator) nonEmptyFrom(line int) int {
	for n := line; n <= len(l.src.text); n++ {
		if t := strings.TrimSpace(l.src.at(n)); t != "" && t[0] != '#' {
			return n
		}
	}
	return min(line, len(l.src.text))
}

func indentOf(text string) int { return len(text) - len(strings.TrimLeft(text, " \t")) }
