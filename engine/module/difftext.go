package module

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/fairlead-project/fairlead/engine/value"
)

// DiffJSON is one side of a difference that is a dict, as Ansible shows it: JSON with
// sorted keys and without anything but ASCII.
func DiffJSON(m *value.Map) string {
	sorted := make(map[string]value.Value, m.Len())
	for k, v := range m.All() {
		sorted[k.Text()] = v
	}
	var b bytes.Buffer
	w := json.NewEncoder(&b)
	w.SetEscapeHTML(false)
	w.SetIndent("", "    ")
	if w.Encode(sorted) != nil {
		return fmt.Sprint(m)
	}
	return ascii(b.String())
}

// ascii escapes what is not ASCII, as Python's json does.
func ascii(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return s
	}
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		if u < utf8.RuneSelf {
			b.WriteByte(byte(u))
		} else {
			fmt.Fprintf(&b, `\u%04x`, u)
		}
	}
	return b.String()
}
