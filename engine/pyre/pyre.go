// Package pyre runs Python's regular expressions on bytes, as Python's re
// does on bytes patterns: one byte is one character. CompileText makes those
// that work on text. Matching has a time limit.
package pyre

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
)

// MatchTimeout bounds one search.
const MatchTimeout = 2 * time.Second

const maxPattern = 1 << 16

// Regexp is a compiled pattern, safe for concurrent use.
type Regexp struct {
	re    *regexp2.Regexp
	names map[string]int
	text  bool
}

// Match is what a search found: the whole and its groups.
type Match struct {
	groups []string // bytes; "" for a group that took no part
	spans  [][2]int // in characters: bytes, or runes of text
	names  map[string]int
}

// Compile reads a pattern for bytes.
func Compile(pattern string) (*Regexp, error) { return compile(pattern, false) }

// CompileText reads a pattern for text in UTF-8: a character is a code point,
// and the classes know letters and digits of all scripts.
func CompileText(pattern string) (*Regexp, error) { return compile(pattern, true) }

func compile(pattern string, text bool) (*Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, errors.New("the regular expression is too long")
	}
	t := &translator{src: pattern, names: map[string]int{}, text: text}
	if err := t.run(); err != nil {
		return nil, err
	}
	r := &Regexp{names: t.names, text: text}
	re, err := regexp2.Compile(string(r.runes(t.out.String())), regexp2.None)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	re.MatchTimeout = MatchTimeout
	r.re = re
	return r, nil
}

// runes are the characters of s.
func (r *Regexp) runes(s string) []rune {
	if r.text {
		return []rune(s)
	}
	return latin(s)
}

// bytes is the reverse of runes.
func (r *Regexp) bytes(s string) string {
	if r.text {
		return s
	}
	return narrow(s)
}

var errSlow = errors.New("the regular expression takes too long on this text")

// Search finds the first match in text; nil when there is none.
func (r *Regexp) Search(text []byte) (*Match, error) {
	m, err := r.re.FindRunesMatch(r.runes(string(text)))
	if err != nil {
		return nil, errSlow
	}
	if m == nil {
		return nil, nil
	}
	return r.match(m), nil
}

func (r *Regexp) match(m *regexp2.Match) *Match {
	out := &Match{names: r.names}
	for _, g := range m.Groups() {
		out.groups = append(out.groups, r.bytes(g.String()))
		out.spans = append(out.spans, [2]int{g.Index, g.Index + g.Length})
	}
	return out
}

// Replace puts a template (see Expand) in place of every match, as Python's
// re.subn does, and tells how many there were.
func (r *Regexp) Replace(text []byte, template string) ([]byte, int, error) {
	chars := r.runes(string(text))
	var b strings.Builder
	at, n := 0, 0
	m, err := r.re.FindRunesMatch(chars)
	for ; err == nil && m != nil; m, err = r.re.FindNextMatch(m) {
		found := r.match(m)
		put, err := found.Expand(template)
		if err != nil {
			return nil, 0, err
		}
		b.WriteString(r.bytes(string(chars[at:found.spans[0][0]])))
		b.WriteString(put)
		at = found.spans[0][1]
		n++
	}
	if err != nil {
		return nil, 0, errSlow
	}
	b.WriteString(r.bytes(string(chars[at:])))
	return []byte(b.String()), n, nil
}

// Around gives what is before and behind a group of a match in the text that
// was searched.
func (r *Regexp) Around(m *Match, group string, text []byte) (before, behind []byte, err error) {
	n, err := m.number(group)
	if err != nil {
		return nil, nil, err
	}
	chars := r.runes(string(text))
	return []byte(r.bytes(string(chars[:m.spans[n][0]]))), []byte(r.bytes(string(chars[m.spans[n][1]:]))), nil
}

// End is where the match ends in the text that was searched, in bytes (of a
// pattern for bytes).
func (m *Match) End() int { return m.spans[0][1] }

// Start is where it starts.
func (m *Match) Start() int { return m.spans[0][0] }

// Group gives the text of a group; 0 is the whole match.
func (m *Match) Group(n int) string {
	if n < 0 || n >= len(m.groups) {
		return ""
	}
	return m.groups[n]
}

// latin makes each byte one character.
func latin(s string) []rune {
	rs := make([]rune, len(s))
	for i := range len(s) {
		rs[i] = rune(s[i])
	}
	return rs
}

func narrow(s string) string {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		out = append(out, byte(r))
	}
	return string(out)
}

// simple are the escapes of one letter in replacements.
var simple = map[byte]byte{'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', '\\': '\\'}

// Expand puts groups and escapes into a template: \1, \g<1>, \g<name>, \n.
func (m *Match) Expand(template string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(template); i++ {
		c := template[i]
		if c != '\\' {
			b.WriteByte(c)
			continue
		}
		if i++; i == len(template) {
			return "", errors.New("bad escape (end of pattern)")
		}
		c = template[i]
		switch {
		case c == 'g':
			name, rest, ok := strings.Cut(template[i+1:], ">")
			if !ok || !strings.HasPrefix(name, "<") {
				return "", errors.New("missing group name")
			}
			n, err := m.number(name[1:])
			if err != nil {
				return "", err
			}
			b.WriteString(m.groups[n])
			i = len(template) - len(rest) - 1
		case c >= '0' && c <= '9':
			n, used := digits(template[i:])
			if used < 0 {
				b.WriteByte(byte(n))
				i -= used + 1
				continue
			}
			if n >= len(m.groups) {
				return "", fmt.Errorf("invalid group reference %d", n)
			}
			b.WriteString(m.groups[n])
			i += used - 1
		case simple[c] != 0:
			b.WriteByte(simple[c])
		case c|32 >= 'a' && c|32 <= 'z':
			return "", fmt.Errorf("bad escape \\%c", c)
		default:
			b.WriteString(`\` + string(c))
		}
	}
	return b.String(), nil
}

// digits reads a group number of one or two digits, or an octal character
// (used is then negative).
func digits(s string) (n, used int) {
	octal := func(k int) bool {
		return len(s) >= k && strings.Trim(s[:k], "01234567") == ""
	}
	switch {
	case s[0] == '0':
		k := 1
		for k < 3 && octal(k+1) {
			k++
		}
		v, _ := strconv.ParseUint(s[:k], 8, 16) // octal digits
		return int(v), -k
	case octal(3):
		v, _ := strconv.ParseUint(s[:3], 8, 16) // octal digits
		return int(v), -3
	case len(s) > 1 && s[1] >= '0' && s[1] <= '9':
		return int(s[0]-'0')*10 + int(s[1]-'0'), 2
	}
	return int(s[0] - '0'), 1
}

func (m *Match) number(name string) (int, error) {
	if n, err := strconv.Atoi(name); err == nil {
		if n < 0 || n >= len(m.groups) {
			return 0, fmt.Errorf("invalid group reference %d", n)
		}
		return n, nil
	}
	if n, ok := m.names[name]; ok && n < len(m.groups) {
		return n, nil
	}
	return 0, fmt.Errorf("unknown group name '%s'", name)
}

// Groups are the texts of all groups but the whole match.
func (m *Match) Groups() []string { return m.groups[1:] }

// Named are the texts of the groups that have names.
func (m *Match) Named() map[string]string {
	out := make(map[string]string, len(m.names))
	for name, n := range m.names {
		out[name] = m.Group(n)
	}
	return out
}
