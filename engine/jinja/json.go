package jinja

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf16"

	"github.com/fairlead-project/fairlead/engine/value"
)

// jsonStyle is how Python's json.dumps is asked to write.
type jsonStyle struct {
	indent     int
	pad        string // in place of blanks
	multiline  bool   // an indent was given, even 0
	sorted     bool
	ascii      bool
	separators *[2]string
}

func dumpJSON(v value.Value, st jsonStyle) (string, error) {
	w := &jsonWriter{st: st, item: ", ", colon: ": "}
	if st.multiline {
		w.item = ","
	}
	if st.separators != nil {
		w.item, w.colon = st.separators[0], st.separators[1]
	}
	err := w.write(v, 0)
	return w.b.String(), err
}

// NiceJSON writes a value as Python's json.dumps does with sorted keys and an indentation of four.
func NiceJSON(v value.Value) (string, error) {
	return dumpJSON(v, jsonStyle{indent: 4, multiline: true, sorted: true, ascii: true})
}

type jsonWriter struct {
	b           strings.Builder
	st          jsonStyle
	item, colon string
}

func (w *jsonWriter) newline(depth int) {
	if w.st.multiline {
		w.b.WriteByte('\n')
		if w.st.pad != "" {
			w.b.WriteString(strings.Repeat(w.st.pad, depth))
		} else {
			w.b.WriteString(strings.Repeat(" ", w.st.indent*depth))
		}
	}
}

func (w *jsonWriter) write(v value.Value, depth int) error {
	if depth > maxNesting {
		return fmt.Errorf("nested more than %d deep", maxNesting)
	}
	switch v.Kind() {
	case value.KindString:
		w.str(v.Str())
	case value.KindFloat:
		f, _ := v.AsFloat()
		switch {
		case math.IsNaN(f):
			w.b.WriteString("NaN")
		case math.IsInf(f, 0):
			w.b.WriteString(strings.Replace(value.FloatRepr(f), "inf", "Infinity", 1))
		default:
			w.b.WriteString(value.FloatRepr(f))
		}
	case value.KindList:
		return w.list(v, depth)
	case value.KindMap:
		return w.dict(v, depth)
	case value.KindUndefined:
		return undefinedError(v)
	case value.KindObject:
		if m, ok := v.Object().(*moment); ok {
			w.str(m.iso("T"))
			return nil
		}
		return fmt.Errorf("object of type %s is not JSON serializable", v.TypeName())
	default:
		w.b.WriteString(v.JSONKey())
	}
	return nil
}

func (w *jsonWriter) list(v value.Value, depth int) error {
	items := v.Items()
	if len(items) == 0 {
		w.b.WriteString("[]")
		return nil
	}
	w.b.WriteByte('[')
	for i, it := range items {
		if i > 0 {
			w.b.WriteString(w.item)
		}
		w.newline(depth + 1)
		if err := w.write(it, depth+1); err != nil {
			return err
		}
	}
	w.newline(depth)
	w.b.WriteByte(']')
	return nil
}

func (w *jsonWriter) dict(v value.Value, depth int) error {
	m := v.Map()
	if m.Len() == 0 {
		w.b.WriteString("{}")
		return nil
	}
	ks := m.Keys()
	if w.st.sorted {
		var err error
		if ks, err = sortValues(&Context{Limits: DefaultLimits()}, ks, nil, false); err != nil {
			return err
		}
	}
	w.b.WriteByte('{')
	for i, k := range ks {
		if i > 0 {
			w.b.WriteString(w.item)
		}
		w.newline(depth + 1)
		if k.Kind() == value.KindList {
			return fmt.Errorf("keys must be str, int, float, bool or None, not %s", k.TypeName())
		}
		w.str(k.JSONKey())
		w.b.WriteString(w.colon)
		e, _ := m.GetKey(k)
		if err := w.write(e, depth+1); err != nil {
			return err
		}
	}
	w.newline(depth)
	w.b.WriteByte('}')
	return nil
}

func (w *jsonWriter) str(s string) {
	w.b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			w.b.WriteByte('\\')
			w.b.WriteRune(r)
		case r == '\n':
			w.b.WriteString(`\n`)
		case r == '\r':
			w.b.WriteString(`\r`)
		case r == '\t':
			w.b.WriteString(`\t`)
		case r == '\b':
			w.b.WriteString(`\b`)
		case r == '\f':
			w.b.WriteString(`\f`)
		case r < 0x20 || (w.st.ascii && r > 0x7e && r < 0x10000):
			fmt.Fprintf(&w.b, `\u%04x`, r)
		case w.st.ascii && r >= 0x10000:
			a, b := utf16.EncodeRune(r)
			fmt.Fprintf(&w.b, `\u%04x\u%04x`, a, b)
		default:
			w.b.WriteRune(r)
		}
	}
	w.b.WriteByte('"')
}
