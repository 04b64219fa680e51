package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/fairlead-project/fairlead/engine/value"
)

// plain is Event without its methods.
type plain Event

// wire is an event as JSON: the item is there if the result has one, even if
// it is null.
type wire struct {
	plain
	Item *value.Value `json:"item,omitempty"`
	Res  *value.Value `json:"result,omitempty"`
}

// MarshalJSON writes the event as one JSON object. Marks are not kept: what is
// written should have been redacted before.
func (e Event) MarshalJSON() ([]byte, error) {
	w := wire{plain: plain(e)}
	if e.HasItem || !e.Item.IsNull() {
		w.Item = &e.Item
	}
	if e.Res != nil {
		res := value.FromMap(e.Res)
		w.Res = &res
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(w); err != nil {
		return nil, fmt.Errorf("event %d of run %s: %w", e.Seq, e.Run, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *Event) UnmarshalJSON(data []byte) error {
	var w struct {
		wire
		Item json.RawMessage `json:"item"`
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*e = Event(w.plain)
	if w.Item != nil {
		e.HasItem = true
		if err := e.Item.UnmarshalJSON(w.Item); err != nil {
			return fmt.Errorf("item: %w", err)
		}
	}
	if w.Res != nil {
		if e.Res = w.Res.Map(); e.Res == nil {
			return fmt.Errorf("result: not an object but %s", w.Res.Kind())
		}
	}
	return nil
}

// escapeControls escapes what JSON lets through but terminals obey: DEL, the C1
// controls, and characters that reorder or hide text.
func escapeControls(b []byte) []byte {
	plain := 0
	for plain < len(b) && b[plain] < 0x7f {
		plain++
	}
	if plain == len(b) {
		return b
	}
	out := append(make([]byte, 0, len(b)+16), b[:plain]...)
	for i := plain; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case r < 0x20 || !harmful(r): // what is below 0x20 is the encoder's
			out = append(out, b[i:i+n]...)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += n
	}
	return out
}
