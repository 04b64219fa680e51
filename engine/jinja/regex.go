package jinja

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// regex is a Python pattern: on Go's linear engine where it can express the
// pattern, on a backtracking one with a time limit otherwise.
type regex struct {
	re   *regexp.Regexp
	re2  *regexp2.Regexp
	name map[string]int
	n    int // number of groups
}

const matchTimeout = 2 * time.Second

// match is the byte offsets of the whole match and its groups; -1: not taken.
type match []int

func (m match) group(s string, i int) string {
	if m[2*i] < 0 {
		return ""
	}
	return s[m[2*i]:m[2*i+1]]
}

func compileRegex(pattern string, ignoreCase, multiLine bool) (*regex, error) {
	if len(pattern) > 1<<16 {
		return nil, errors.New("the regular expression is too long")
	}
	p := pythonPattern(pattern)
	flags := ""
	if ignoreCase {
		flags += "i"
	}
	if multiLine {
		flags += "m"
	}
	goPattern := p
	if flags != "" {
		goPattern = "(?" + flags + ")" + p
	}
	// Go's $ ends the text, Python's also stands before a last newline.
	if !strings.Contains(p, "$") && !usesUnicodeClass(p) {
		// A pattern that matches nothing at all also does so right behind
		// another match in Python, not in Go.
		if re, err := regexp.Compile(goPattern); err == nil && !re.MatchString("") {
			r := &regex{re: re, n: re.NumSubexp(), name: map[string]int{}}
			for i, n := range re.SubexpNames() {
				if n != "" {
					r.name[n] = i
				}
			}
			return r, nil
		}
	}
	return compileBacktracking(p, ignoreCase, multiLine)
}

func compileBacktracking(p string, ignoreCase, multiLine bool) (*regex, error) {
	opts := regexp2.None
	if ignoreCase {
		opts |= regexp2.IgnoreCase
	}
	if multiLine {
		opts |= regexp2.Multiline
	}
	p = strings.ReplaceAll(p, "(?P<", "(?<")
	re, err := regexp2.Compile(p, opts)
	if err != nil {
		return nil, raise("re.error", "regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	re.MatchTimeout = matchTimeout
	r := &regex{re2: re, n: len(re.GetGroupNumbers()) - 1, name: map[string]int{}}
	for _, n := range re.GetGroupNames() {
		if _, err := strconv.Atoi(n); err != nil {
			r.name[n] = re.GroupNumberFromName(n)
		}
	}
	return r, nil
}

// usesUnicodeClass: Python's \w, \d, \s and \b know all scripts, Go's only ASCII.
func usesUnicodeClass(p string) bool {
	for i := 0; i+1 < len(p); i++ {
		if p[i] == '\\' {
			if strings.IndexByte("wWdDsSbB", p[i+1]) >= 0 {
				return true
			}
			i++
		}
	}
	return false
}

// pythonPattern rewrites what Python spells differently.
func pythonPattern(p string) string {
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		switch {
		case p[i] == '\\' && i+1 < len(p):
			i++
			switch p[i] {
			case 'Z':
				b.WriteString(`\z`)
			case '/', '"', '\'', '&', '~', '@', '!', '%', ',', ';', ':', '=', '<', '>', '`':
				b.WriteByte(p[i]) // Python lets any punctuation be escaped
			default:
				b.WriteByte('\\')
				b.WriteByte(p[i])
			}
		case strings.HasPrefix(p[i:], "(?P="):
			end := strings.IndexByte(p[i:], ')')
			if end < 0 {
				b.WriteByte(p[i])
				continue
			}
			b.WriteString(`\k<` + p[i+4:i+end] + ">")
			i += end
		default:
			b.WriteByte(p[i])
		}
	}
	return b.String()
}

// find gives the first match, or nil.
func (r *regex) find(s string) (match, error) {
	ms, err := r.all(s, 1)
	if err != nil || len(ms) == 0 {
		return nil, err
	}
	return ms[0], nil
}

// all gives up to n matches, n < 0: every match.
func (r *regex) all(s string, n int) ([]match, error) {
	if r.re != nil {
		found := r.re.FindAllStringSubmatchIndex(s, n)
		out := make([]match, len(found))
		for i, m := range found {
			out[i] = m
		}
		return out, nil
	}
	// regexp2 counts runes; offsets are translated to bytes.
	var offs []int
	if utf8.RuneCountInString(s) != len(s) {
		for i := range s {
			offs = append(offs, i)
		}
		offs = append(offs, len(s))
	}
	at := func(i int) int {
		if offs == nil {
			return i
		}
		return offs[i]
	}
	var out []match
	m, err := r.re2.FindStringMatch(s)
	for m != nil && err == nil && (n < 0 || len(out) < n) {
		ix := make(match, 2*(r.n+1))
		for i, g := range m.Groups() {
			ix[2*i], ix[2*i+1] = -1, -1
			if len(g.Captures) > 0 {
				ix[2*i], ix[2*i+1] = at(g.Index), at(g.Index+g.Length)
			}
		}
		out = append(out, ix)
		m, err = r.re2.FindNextMatch(m)
	}
	if err != nil {
		return nil, errors.New("the regular expression takes too long on this text")
	}
	return out, nil
}

// replace is Python's re.subn: with the number of replacements made, count at
// most (-1: all).
func (r *regex) replace(s, template string, count, limit int) (string, int, error) {
	parts, err := r.template(template)
	if err != nil {
		return "", 0, err
	}
	ms, err := r.all(s, count)
	if err != nil {
		return "", 0, err
	}
	var b strings.Builder
	last := 0
	for _, m := range ms {
		b.WriteString(s[last:m[0]])
		for _, p := range parts {
			if p.group < 0 {
				b.WriteString(p.text)
			} else {
				b.WriteString(m.group(s, p.group))
			}
		}
		last = m[1]
		if b.Len() > limit {
			return "", 0, limitError("a string longer than %d bytes", limit)
		}
	}
	b.WriteString(s[last:])
	return b.String(), len(ms), nil
}

type replacePart struct {
	text  string
	group int
}

// replaceEscapes are the escapes that a replacement knows beside groups.
var replaceEscapes = map[byte]string{'n': "\n", 't': "\t", 'r': "\r", '\\': "\\", 'a': "\a", 'b': "\b", 'f': "\f", 'v': "\v"}

// template reads \1, \g<name> and escapes of a replacement.
func (r *regex) template(t string) ([]replacePart, error) {
	var out []replacePart
	var lit strings.Builder
	flush := func(group int) error {
		if group > r.n {
			return fmt.Errorf("invalid group reference %d", group)
		}
		if lit.Len() > 0 {
			out = append(out, replacePart{lit.String(), -1})
			lit.Reset()
		}
		out = append(out, replacePart{"", group})
		return nil
	}
	for i := 0; i < len(t); i++ {
		if t[i] != '\\' {
			lit.WriteByte(t[i])
			continue
		}
		if i++; i >= len(t) {
			return nil, errors.New("bad escape (end of pattern)")
		}
		switch c := t[i]; {
		case c == 'g' && i+1 < len(t) && t[i+1] == '<':
			end := strings.IndexByte(t[i:], '>')
			if end < 0 {
				return nil, errors.New("missing >, unterminated name")
			}
			g, err := r.groupNumber(t[i+2 : i+end])
			if err == nil {
				err = flush(g)
			}
			if err != nil {
				return nil, err
			}
			i += end
		case c == '0':
			lit.WriteByte(0)
		case c >= '1' && c <= '9':
			n := int(c - '0')
			if i+1 < len(t) && t[i+1] >= '0' && t[i+1] <= '9' {
				i++
				n = n*10 + int(t[i]-'0')
			}
			if err := flush(n); err != nil {
				return nil, err
			}
		default:
			if s, ok := replaceEscapes[c]; ok {
				lit.WriteString(s)
			} else if c|32 >= 'a' && c|32 <= 'z' {
				return nil, fmt.Errorf("bad escape \\%c", c)
			} else {
				lit.WriteString(t[i-1 : i+1])
			}
		}
	}
	if lit.Len() > 0 {
		out = append(out, replacePart{lit.String(), -1})
	}
	return out, nil
}

func (r *regex) groupNumber(name string) (int, error) {
	if n, err := strconv.Atoi(name); err == nil {
		if n < 0 || n > r.n {
			return 0, fmt.Errorf("invalid group reference %d", n)
		}
		return n, nil
	}
	if n, ok := r.name[name]; ok {
		return n, nil
	}
	return 0, fmt.Errorf("unknown group name '%s'", name)
}
