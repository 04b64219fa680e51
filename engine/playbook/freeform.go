package playbook

import (
	"errors"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

var errUnbalanced = errors.New("a quote or a template brace is not closed")

// argSplitter cuts free-form arguments at blanks, but not inside of quotes or
// of Jinja2 braces. Blanks and newlines between the words of one argument stay.
type argSplitter struct {
	words []string
	quote byte
	depth [3]int // of {{ }}, {% %}, {# #}
}

var braces = [3][2]string{{"{{", "}}"}, {"{%", "%}"}, {"{#", "#}"}}

func (s *argSplitter) inside() bool {
	return s.quote != 0 || s.depth[0]+s.depth[1]+s.depth[2] > 0
}

// splitArgs cuts text into arguments.
func splitArgs(text string) ([]string, error) {
	s := &argSplitter{}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		continued := s.line(line)
		if i < len(lines)-1 && !continued {
			s.extend("\n")
		}
	}
	if s.inside() {
		return nil, errUnbalanced
	}
	return s.words, nil
}

// extend adds to the last word.
func (s *argSplitter) extend(text string) {
	if len(s.words) == 0 {
		s.words = append(s.words, "")
	}
	s.words[len(s.words)-1] += text
}

func (s *argSplitter) line(line string) (continued bool) {
	tokens := strings.Split(line, " ")
	for i, tok := range tokens {
		switch {
		case tok == "" && i > 0:
			s.extend(" ")
		case tok == `\` && s.quote == 0:
			continued = true
		default:
			s.token(tok, i, len(tokens))
		}
	}
	return continued
}

func (s *argSplitter) token(tok string, i, n int) {
	wasQuoted, inBraces := s.quote != 0, s.depth[0]+s.depth[1]+s.depth[2] > 0
	s.scanQuotes(tok)
	added := true
	switch {
	case s.quote != 0 && !wasQuoted && !inBraces:
		s.words = append(s.words, tok)
	case inBraces || s.quote != 0 || wasQuoted:
		switch {
		case i == 0 && wasQuoted:
			s.extend(tok)
		case n > 1 && i > 0:
			s.extend(" " + tok)
		case n > 1:
			s.extend(tok)
		default:
			s.extend("\n" + tok)
		}
	default:
		added = false
	}
	for k, b := range braces {
		open, end := strings.Count(tok, b[0]), strings.Count(tok, b[1])
		if open == end {
			continue
		}
		before := s.depth[k]
		s.depth[k] = max(0, before+open-end)
		if s.depth[k] != before && !added {
			s.words = append(s.words, tok)
			added = true
		}
	}
	if !added && tok != "" {
		s.words = append(s.words, tok)
	}
}

func (s *argSplitter) scanQuotes(tok string) {
	for i := 0; i < len(tok); i++ {
		c := tok[i]
		if c != '"' && c != '\'' || i > 0 && tok[i-1] == '\\' {
			continue
		}
		switch s.quote {
		case 0:
			s.quote = c
		case c:
			s.quote = 0
		}
	}
}

var reEscape = lazyregexp.New(`\\U[a-fA-F0-9]{8}|\\u[a-fA-F0-9]{4}|\\x[a-fA-F0-9]{2}|\\[\\'"abfnrtv]`)

func decodeEscapes(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return reEscape().ReplaceAllStringFunc(s, func(m string) string {
		if len(m) > 2 {
			n, err := strconv.ParseUint(m[2:], 16, 32)
			if err != nil || n > 0x10FFFF {
				return m
			}
			return string(rune(n))
		}
		const from, to = `\'"abfnrtv`, "\\'\"\a\b\f\n\r\t\v"
		return to[strings.IndexByte(from, m[1]):][:1]
	})
}

func unquote(s string) string {
	if len(s) > 1 && (s[0] == '"' || s[0] == '\'') && s[0] == s[len(s)-1] && s[len(s)-2] != '\\' {
		return s[1 : len(s)-1]
	}
	return s
}

// rawOptions are the arguments that a module with free-form text takes as k=v
// inside of that text.
var rawOptions = map[string]bool{
	"creates": true, "removes": true, "chdir": true, "executable": true, "warn": true, "stdin": true, "stdin_add_newline": true, "strip_empty_ends": true,
}

// freeForm is text taken apart: k=v arguments, and what is left as it stood.
type freeForm struct {
	pairs []yaml.Pair
	raw   *yaml.Node
}

// parseKV takes free-form text apart. With keepRaw only rawOptions count as
// arguments. What is no k=v is left as raw text.
func parseKV(n *yaml.Node, keepRaw bool) (freeForm, error) {
	text := n.Str()
	// Ansible fails on text that begins with two blanks; there is no reason to.
	words, err := splitArgs(strings.TrimLeft(text, " \n"))
	if err != nil {
		return freeForm{}, err
	}
	var ff freeForm
	var raw []string
	rawAt, from := -1, 0
	for _, orig := range words {
		at := from
		if i := strings.Index(text[min(from, len(text)):], strings.TrimSpace(orig)); i >= 0 {
			at = from + i
			from = at + len(strings.TrimSpace(orig))
		}
		x := decodeEscapes(orig)
		eq := equalSign(x)
		switch {
		case eq < 0 && strings.Contains(x, "="):
			raw = append(raw, strings.ReplaceAll(x, `\=`, "="))
		case eq < 0, keepRaw && !rawOptions[x[:eq]]:
			raw = append(raw, orig)
		default:
			k, v := strings.TrimSpace(x[:eq]), unquote(strings.TrimSpace(x[eq+1:]))
			ff.pairs = append(ff.pairs, yaml.Pair{
				Key:   yaml.FromValue(n.PosAt(at), value.String(k)),
				Value: yaml.FromValue(n.PosAt(at+min(eq+1, len(orig))), value.String(v).WithMarks(n.Value().Marks()&^value.Written)),
			})
			continue
		}
		if rawAt < 0 {
			rawAt = at
		}
	}
	if len(raw) > 0 {
		joined := joinArgs(raw)
		if !keepRaw { // a name written as a block scalar (include_vars: >)
			joined = strings.TrimRight(joined, "\n")
		}
		ff.raw = n // keeps exact places where nothing was taken out
		if joined != text {
			ff.raw = yaml.FromValue(n.PosAt(rawAt), value.String(joined).WithMarks(n.Value().Marks()&^value.Written))
		}
	}
	return ff, nil
}

// KeyValues takes a text apart as free-form arguments are: pairs of names and
// values, and the words that are no k=v.
func KeyValues(text string) (pairs [][2]string, rest string, err error) {
	ff, err := parseKV(yaml.FromValue(diag.Pos{}, value.String(text)), false)
	if err != nil {
		return nil, "", err
	}
	for _, p := range ff.pairs {
		pairs = append(pairs, [2]string{p.Key.Str(), p.Value.Str()})
	}
	if ff.raw != nil {
		rest = ff.raw.Str()
	}
	return pairs, rest, nil
}

// equalSign finds the = that ends a key: not the first byte, not escaped.
func equalSign(x string) int {
	for i := 1; i < len(x); i++ {
		if x[i] == '=' && x[i-1] != '\\' {
			return i
		}
	}
	return -1
}

func joinArgs(words []string) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 && !strings.HasSuffix(b.String(), "\n") {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	return b.String()
}
