package jinja

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// yamlStyle is how PyYAML's dump is asked to write.
type yamlStyle struct {
	indent, width int
	flowLeaves    bool // collections of scalars in flow style
	flowAll       bool
	sorted        bool
}

func isContainer(v value.Value) bool {
	return v.Kind() == value.KindList || v.Kind() == value.KindMap
}

func dumpYAML(v value.Value, st yamlStyle) (string, error) {
	w := &yamlWriter{st: st}
	if isContainer(v) {
		if v.Len() > 0 && !w.inFlow(v) {
			err := w.block(v, 0, 0)
			return w.b.String(), err
		}
		s, err := w.flow(v, 0)
		return s + "\n", err
	}
	s, err := w.scalar(v, 0, -1)
	return s + "\n", err
}

type yamlWriter struct {
	b  strings.Builder
	st yamlStyle
}

// inFlow tells whether a collection is written on one line.
func (w *yamlWriter) inFlow(v value.Value) bool {
	if !w.st.flowLeaves || w.st.flowAll {
		return w.st.flowAll
	}
	items := v.Items()
	if m := v.Map(); m != nil {
		items = mapValues(m)
	}
	for _, it := range items {
		if isContainer(it) {
			return false
		}
	}
	return true
}

func (w *yamlWriter) keys(m *value.Map) []value.Value {
	if w.st.sorted {
		if ks, err := sortValues(&Context{Limits: DefaultLimits()}, m.Keys(), nil, false); err == nil {
			return ks
		}
	}
	return m.Keys() // PyYAML too keeps the order of keys it cannot sort
}

// block writes a collection that is not empty, whose first line continues the
// present one.
func (w *yamlWriter) block(v value.Value, col, depth int) error {
	if depth > maxNesting {
		return errors.New("nested too deep")
	}
	pad := strings.Repeat(" ", col)
	if m := v.Map(); m != nil {
		for i, k := range w.keys(m) {
			if i > 0 {
				w.b.WriteString(pad)
			}
			key, err := w.scalar(k, col, -1)
			if err != nil {
				return err
			}
			w.b.WriteString(key + ":")
			e, _ := m.GetKey(k)
			if err := w.child(e, col, depth, false); err != nil {
				return err
			}
		}
		return nil
	}
	for i, e := range v.Items() {
		if i > 0 {
			w.b.WriteString(pad)
		}
		w.b.WriteString("-")
		if err := w.child(e, col, depth, true); err != nil {
			return err
		}
	}
	return nil
}

func (w *yamlWriter) child(e value.Value, col, depth int, inList bool) error {
	deeper := col + w.st.indent
	switch {
	case isContainer(e) && e.Len() > 0 && !w.inFlow(e):
		if !inList && e.Kind() == value.KindList {
			deeper = col
		}
		if inList {
			w.b.WriteString(strings.Repeat(" ", w.st.indent-1))
		} else {
			w.b.WriteString("\n" + strings.Repeat(" ", deeper))
		}
		return w.block(e, deeper, depth+1)
	case isContainer(e):
		s, err := w.flow(e, depth)
		w.b.WriteString(" " + s + "\n")
		return err
	}
	line := w.b.String()
	at := len(line) - strings.LastIndexByte(line, '\n')
	s, err := w.scalar(e, deeper, at)
	w.b.WriteString(" " + s + "\n")
	return err
}

func (w *yamlWriter) flow(v value.Value, depth int) (string, error) {
	if depth > maxNesting {
		return "", errors.New("nested too deep")
	}
	one := func(e value.Value) (string, error) {
		if isContainer(e) {
			return w.flow(e, depth+1)
		}
		return w.scalar(e, 0, -1)
	}
	var parts []string
	if m := v.Map(); m != nil {
		for _, k := range w.keys(m) {
			e, _ := m.GetKey(k)
			key, err := one(k)
			if err != nil {
				return "", err
			}
			s, err := one(e)
			if err != nil {
				return "", err
			}
			parts = append(parts, key+": "+s)
		}
		return "{" + strings.Join(parts, ", ") + "}", nil
	}
	for _, e := range v.Items() {
		s, err := one(e)
		if err != nil {
			return "", err
		}
		parts = append(parts, s)
	}
	return "[" + strings.Join(parts, ", ") + "]", nil
}

// scalar writes a scalar that starts at column at; -1: it is never folded.
func (w *yamlWriter) scalar(v value.Value, col, at int) (string, error) {
	switch v.Kind() {
	case value.KindNull, value.KindBool, value.KindInt:
		return v.JSONKey(), nil
	case value.KindFloat:
		s := v.Text()
		if strings.ContainsAny(s, "n") {
			return strings.NewReplacer("inf", ".inf", "nan", ".nan").Replace(s), nil
		}
		if !strings.Contains(s, ".") {
			s = strings.Replace(s, "e", ".0e", 1)
		}
		return s, nil
	case value.KindString:
		return w.fold(yamlString(v.Str(), col), col, at), nil
	case value.KindUndefined:
		return "", undefinedError(v)
	}
	return "", fmt.Errorf("cannot represent an object of type %s", v.TypeName())
}

// fold breaks long text at single blanks once a line passes the width.
func (w *yamlWriter) fold(s string, col, at int) string {
	if at < 0 || at+len(s) <= w.st.width || strings.Contains(s, "\n") || strings.HasPrefix(s, `"`) {
		return s
	}
	var b strings.Builder
	pos := at
	for i, word := range strings.Split(s, " ") {
		if i > 0 && pos > w.st.width && word != "" {
			b.WriteString("\n" + strings.Repeat(" ", col))
			pos = col
		} else if i > 0 {
			b.WriteByte(' ')
			pos++
		}
		b.WriteString(word)
		pos += len([]rune(word))
	}
	return b.String()
}

var yamlResolves = regexp.MustCompile(`^(?:(?i:yes|no|true|false|on|off|null)|~|<<|=|` +
	`[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?|` +
	`[-+]?\.(?i:inf)|\.(?i:nan)|[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|` +
	`\d{4}-\d\d-\d\d|\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)$`)

// yamlString writes a string as PyYAML does: plain, single or double quoted.
func yamlString(s string, col int) string {
	control := func(r rune) bool {
		return r != '\n' && (r < 0x20 || r == 0x7f || r == 0xfeff || (r >= 0x80 && r < 0xa0 && r != 0x85))
	}
	single := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	switch {
	case strings.IndexFunc(s, control) >= 0, strings.Contains(s, "\n") && (strings.Contains(s, " \n") || strings.Contains(s, "\n ")):
		return yamlDouble(s)
	case strings.Contains(s, "\n"):
		return foldNewlines.ReplaceAllString(single, "\n$0"+strings.Repeat(" ", col))
	case s == "" || yamlResolves.MatchString(s) || strings.TrimSpace(s) != s:
		return single
	}
	first := s[0]
	switch {
	case strings.IndexByte("#,[]{}&*!|>'\"%@`", first) >= 0, strings.IndexByte("?:", first) >= 0 && (len(s) == 1 || s[1] == ' '),
		first == '-' && (len(s) == 1 || s[1] == ' '), strings.HasPrefix(s, "---"), strings.HasPrefix(s, "..."),
		strings.Contains(s, ": "), strings.Contains(s, " #"), strings.HasSuffix(s, ":"):
		return single
	}
	return s
}

var foldNewlines = regexp.MustCompile(`\n+`)

func yamlDouble(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	names := map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\t': `\t`, '\r': `\r`, 0x1b: `\e`, 0: `\0`, '\a': `\a`, '\b': `\b`, '\v': `\v`, '\f': `\f`}
	for _, r := range s {
		switch n, ok := names[r]; {
		case ok:
			b.WriteString(n)
		case r < 0x20 || r >= 0x7f && r < 0xa0:
			fmt.Fprintf(&b, `\x%02X`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}
