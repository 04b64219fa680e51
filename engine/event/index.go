package event

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fairlead-project/fairlead/engine/value"
)

// keyLen is how many bytes of a pattern are its key in the index. No pattern
// is shorter: it has at least MinSecret characters.
const keyLen = 6

type key [keyLen]byte

// index finds secrets in texts. Its cost for a text does not grow with the
// number of secrets: most places are dismissed by one bit of a small table,
// the others by one look into a map. A nil index holds nothing.
type index struct {
	first    [1 << 13]uint64  // which pairs of bytes begin a pattern
	patterns map[key][]string // by key, longest first
	heads    map[string]bool  // beginnings shorter than a key
	exact    map[string]bool  // the secrets themselves
	longest  int              // pattern
}

func newIndex() *index {
	return &index{patterns: map[key][]string{}, heads: map[string]bool{}, exact: map[string]bool{}}
}

// addSecret adds a secret in all its forms.
func (x *index) addSecret(s string) {
	if x.exact[s] {
		return
	}
	x.exact[s] = true
	for _, p := range forms(s) {
		if len(p) >= keyLen {
			x.add(p)
		}
	}
}

func (x *index) add(p string) {
	k := key([]byte(p[:keyLen]))
	ps := x.patterns[k]
	if slices.Contains(ps, p) {
		return
	}
	at, _ := slices.BinarySearchFunc(ps, p, func(a, b string) int { return len(b) - len(a) })
	x.patterns[k] = slices.Insert(ps, at, p)
	pair := uint(p[0])<<8 | uint(p[1])
	x.first[pair>>3] |= 1 << (pair & 7)
	for n := 1; n < keyLen; n++ {
		x.heads[p[:n]] = true
	}
	x.longest = max(x.longest, len(p))
}

// match is the length of the longest secret that begins at s[i]; 0 if none.
func (x *index) match(s string, i int) int {
	if i+keyLen > len(s) {
		return 0
	}
	pair := uint(s[i])<<8 | uint(s[i+1])
	if x.first[pair>>3]&(1<<(pair&7)) == 0 {
		return 0
	}
	for _, p := range x.patterns[key([]byte(s[i:i+keyLen]))] {
		if strings.HasPrefix(s[i:], p) {
			return len(p)
		}
	}
	return 0
}

// has tells whether s as a whole is a secret.
func (x *index) has(s string) bool { return x != nil && x.exact[s] }

// replace gives s with each stretch covered by secrets replaced by Hidden.
func (x *index) replace(s string) string {
	if x == nil || len(s) < keyLen {
		return s
	}
	var b strings.Builder
	done, until := 0, -1 // s[:done] is written; a hidden stretch ends at until
	for i := 0; i+keyLen <= len(s); i++ {
		n := x.match(s, i)
		if n == 0 {
			continue
		}
		if i >= until { // a new stretch
			if until >= 0 {
				done = until
			}
			b.WriteString(s[done:i])
			b.WriteString(Hidden)
		}
		until = max(until, i+n)
	}
	if until < 0 {
		return s
	}
	b.WriteString(s[until:])
	return b.String()
}

// split divides s where what follows may be the beginning of a secret whose
// rest is still to come.
func (x *index) split(s string) (ready, held string) {
	if x == nil {
		return s, ""
	}
	for i := max(0, len(s)-x.longest+1); i < len(s); i++ {
		tail := s[i:]
		if len(tail) < keyLen {
			if x.heads[tail] {
				return x.cut(s, i)
			}
			continue
		}
		for _, p := range x.patterns[key([]byte(tail[:keyLen]))] {
			if len(p) > len(tail) && strings.HasPrefix(p, tail) {
				return x.cut(s, i)
			}
		}
	}
	return s, ""
}

// cut splits s at i, or before a secret that i lies in.
func (x *index) cut(s string, i int) (string, string) {
	for j := max(0, i-x.longest); j < i; j++ {
		if n := x.match(s, j); j+n > i {
			return s[:j], s[j:]
		}
	}
	return s[:i], s[i:]
}

// forms are the texts by which a secret may show up.
func forms(s string) []string {
	out := plainForms(s)
	if t := strings.TrimSpace(s); t != s {
		out = append(out, plainForms(t)...)
	}
	if strings.Contains(strings.TrimSpace(s), "\n") {
		// A key or certificate may be shown line by line, indented.
		for line := range strings.Lines(s) {
			line = strings.TrimSpace(line)
			if len(line) >= 16 && !strings.HasPrefix(line, "-----") {
				out = append(out, line)
			}
		}
	}
	return out
}

func plainForms(s string) []string {
	j := jsonInner(s)
	ascii := asciiJSON(j)
	html := htmlJSON(s)
	out := []string{
		s, j, jsonInner(j), ascii, html, htmlJSON(html), asciiJSON(html),
		strings.ReplaceAll(s, "'", `'\''`), strings.ReplaceAll(s, "'", `'"'"'`), bashEscape(s),
		strings.ReplaceAll(s, "%", "%%"),
		trimQuotes(value.String(s).Repr()),
	}
	for _, u := range []string{url.QueryEscape(s), url.PathEscape(s)} {
		out = append(out, u, lowerHex(u), strings.ReplaceAll(u, "%2F", "/"))
	}
	out = append(out, base64Forms(s)...)
	return append(out, base64Forms(s+"\n")...)
}

// jsonInner is s as it stands inside a JSON string.
func jsonInner(s string) string {
	b, err := value.String(s).MarshalJSON()
	if err != nil {
		return s
	}
	return trimQuotes(string(b))
}

// htmlJSON is s inside a JSON string as Go writes it by default.
func htmlJSON(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return s
	}
	return trimQuotes(string(b))
}

// asciiJSON escapes what is not ASCII, as Python's json does.
func asciiJSON(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
			continue
		}
		if r <= 0xffff {
			b.WriteString(`\u` + hex4(r))
			continue
		}
		r -= 0x10000
		b.WriteString(`\u` + hex4(0xd800+(r>>10)) + `\u` + hex4(0xdc00+(r&0x3ff)))
	}
	return b.String()
}

func hex4(r rune) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15]})
}

func trimQuotes(s string) string {
	if len(s) < 2 {
		return s
	}
	return s[1 : len(s)-1]
}

// bashEscape puts a backslash before every character that means something to
// a shell, as printf %q does.
func bashEscape(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf && !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+,", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// lowerHex writes the digits of %XX escapes in lower case.
func lowerHex(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:], strings.ToLower(string(b[i+1:i+3])))
		}
	}
	return string(b)
}

// base64Forms are what s looks like in base64 at each of the three places a
// byte can have in a group, without the characters its neighbours decide.
func base64Forms(s string) []string {
	var out []string
	for off := range 3 {
		enc := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", off) + s))
		from := (off*8 + 5) / 6
		to := (off + len(s)) * 8 / 6
		if to-from < keyLen+2 {
			continue
		}
		std := enc[from:to]
		out = append(out, std, strings.NewReplacer("+", "-", "/", "_").Replace(std))
	}
	return out
}
