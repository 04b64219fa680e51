package pyre

import (
	"fmt"
	"strings"
)

// translator rewrites a Python pattern for regexp2: named groups are numbered
// with the others, $ \Z and classes mean what they do on bytes.
type translator struct {
	src   string
	i     int
	out   strings.Builder
	names map[string]int
	count int
	text  bool // classes are those of Unicode
}

func (t *translator) run() error {
	for t.i < len(t.src) {
		var err error
		switch c := t.src[t.i]; c {
		case '\\':
			err = t.escape(false)
		case '[':
			err = t.class()
		case '(':
			err = t.group()
		case '{':
			t.brace()
		default:
			t.out.WriteByte(c)
			t.i++
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// classes are what letters mean on bytes, for the inside of a class.
var classes = map[byte]string{'d': "0-9", 'w': "a-zA-Z0-9_", 's': ` \t\n\r\f\v`}

func (t *translator) escape(inClass bool) error {
	if t.i+1 == len(t.src) {
		return fmt.Errorf("bad escape (end of pattern) at position %d", t.i)
	}
	c := t.src[t.i+1]
	at := t.i
	t.i += 2
	low := c | 32
	switch {
	case t.text && classes[low] != "":
		t.out.WriteString(t.src[at:t.i])
	case classes[c] != "" && inClass:
		t.out.WriteString(classes[c])
	case classes[c] != "":
		t.out.WriteString("[" + classes[c] + "]")
	case c < 'a' && classes[low] != "" && !inClass:
		t.out.WriteString("[^" + classes[low] + "]")
	case c == 'Z' && !inClass:
		t.out.WriteString(`\z`)
	case c >= '0' && c <= '9', strings.IndexByte("abfnrtvxABSDW", c) >= 0:
		t.out.WriteString(t.src[at:t.i])
	case low >= 'a' && low <= 'z':
		return fmt.Errorf("bad escape \\%c at position %d", c, at)
	case c == '_' || c >= 0x80:
		t.out.WriteByte(c) // is a letter to regexp2
	default:
		t.out.WriteString(t.src[at:t.i])
	}
	return nil
}

func (t *translator) class() error {
	at := t.i
	t.out.WriteByte('[')
	t.i++
	if t.i < len(t.src) && t.src[t.i] == '^' {
		t.out.WriteByte('^')
		t.i++
	}
	if t.i < len(t.src) && t.src[t.i] == ']' {
		t.out.WriteString(`\]`)
		t.i++
	}
	for t.i < len(t.src) {
		switch c := t.src[t.i]; c {
		case ']':
			t.out.WriteByte(']')
			t.i++
			return nil
		case '\\':
			if err := t.escape(true); err != nil {
				return err
			}
		case '[':
			t.out.WriteString(`\[`)
			t.i++
		default:
			t.out.WriteByte(c)
			t.i++
		}
	}
	return fmt.Errorf("unterminated character set at position %d", at)
}

func (t *translator) group() error {
	rest := t.src[t.i:]
	switch {
	case strings.HasPrefix(rest, "(?P<"):
		name, _, ok := strings.Cut(rest[4:], ">")
		if !ok || name == "" {
			return fmt.Errorf("missing >, unterminated name at position %d", t.i+4)
		}
		t.count++
		t.names[name] = t.count
		t.out.WriteByte('(')
		t.i += 5 + len(name)
	case strings.HasPrefix(rest, "(?P="):
		name, _, ok := strings.Cut(rest[4:], ")")
		n, known := t.names[name]
		if !ok || !known {
			return fmt.Errorf("unknown group name '%s' at position %d", name, t.i+4)
		}
		fmt.Fprintf(&t.out, `(?:\%d)`, n)
		t.i += 5 + len(name)
	case strings.HasPrefix(rest, "(?<=") || strings.HasPrefix(rest, "(?<!"):
		t.out.WriteString(rest[:4])
		t.i += 4
	case strings.HasPrefix(rest, "(?<") || strings.HasPrefix(rest, "(?'"):
		return fmt.Errorf("unknown extension ?%c at position %d", rest[2], t.i+1)
	case strings.HasPrefix(rest, "(?"):
		t.out.WriteString("(?")
		t.i += 2
	default:
		t.count++
		t.out.WriteByte('(')
		t.i++
	}
	return nil
}

// brace: {,n} means from none; anything else is as it is.
func (t *translator) brace() {
	t.out.WriteByte('{')
	t.i++
	rest := t.src[t.i:]
	if end := strings.IndexByte(rest, '}'); end > 1 && rest[0] == ',' && strings.Trim(rest[1:end], "0123456789") == "" {
		t.out.WriteByte('0')
	}
}
