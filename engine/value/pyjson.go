package value

import (
	"strings"
	"unicode/utf16"
)

// PythonJSON writes v as Python's json.dumps does: blanks after commas and
// colons, everything beyond ASCII escaped.
func (v Value) PythonJSON() string {
	var b strings.Builder
	writePyJSON(&b, v)
	return b.String()
}

func writePyJSON(b *strings.Builder, v Value) {
	switch v.Kind() {
	case KindList:
		b.WriteByte('[')
		for i, it := range v.Items() {
			if i > 0 {
				b.WriteString(", ")
			}
			writePyJSON(b, it)
		}
		b.WriteByte(']')
	case KindMap:
		b.WriteByte('{')
		first := true
		for k, e := range v.Map().All() {
			if !first {
				b.WriteString(", ")
			}
			first = false
			writePyJSON(b, String(k.JSONKey()))
			b.WriteString(": ")
			writePyJSON(b, e)
		}
		b.WriteByte('}')
	default:
		j, err := v.MarshalJSON()
		if err != nil {
			j = []byte("null")
		}
		b.WriteString(ascii(string(j)))
	}
}

func ascii(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < 0x80 {
			b.WriteRune(r)
			continue
		}
		for _, u := range utf16.Encode([]rune{r}) {
			b.WriteString(`\u` + hex4(u))
		}
	}
	return b.String()
}

func hex4(u uint16) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[u>>12], digits[u>>8&15], digits[u>>4&15], digits[u&15]})
}
