package value

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/big"
	"sort"
	"strings"
	"unicode/utf8"
)

// FromGo converts a Go value: nil, bool, ints, floats, string, []string,
// []any, map[string]any (sorted by key), map[string]string, Value, *Map,
// []Value. It panics on any other type: that is a programmer's error.
func FromGo(x any) Value {
	switch x := x.(type) {
	case nil:
		return Null
	case Value:
		return x
	case *Map:
		return FromMap(x)
	case []Value:
		return List(x...)
	case bool:
		return Bool(x)
	case int:
		return Int(int64(x))
	case int32:
		return Int(int64(x))
	case int64:
		return Int(x)
	case uint32:
		return Int(int64(x))
	case uint64:
		return BigInt(new(big.Int).SetUint64(x))
	case *big.Int:
		return BigInt(x)
	case float64:
		return Float(x)
	case string:
		return String(x)
	case []string:
		return Strings(x...)
	case []any:
		items := make([]Value, len(x))
		for i, e := range x {
			items[i] = FromGo(e)
		}
		return List(items...)
	case map[string]string:
		m := MRoom(len(x))
		for _, k := range sortedKeys(x) {
			m.Set(k, String(x[k]))
		}
		return FromMap(m)
	case map[string]any:
		m := MRoom(len(x))
		for _, k := range sortedKeys(x) {
			m.Set(k, FromGo(x[k]))
		}
		return FromMap(m)
	}
	panic(fmt.Sprintf("value: cannot convert %T", x))
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// MarshalJSON writes v as JSON with the order of dicts kept. Undefined and
// unknown become strings that say so; callers that must not write them check
// before. Secrets are written in clear: redaction is the business of sinks.
func (v Value) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	v.writeJSON(&b)
	return b.Bytes(), nil
}

// MarshalJSON writes the map as a JSON object in order.
func (m *Map) MarshalJSON() ([]byte, error) { return FromMap(m).MarshalJSON() }

func (v Value) writeJSON(b *bytes.Buffer) {
	switch v.kind {
	case KindNull:
		b.WriteString("null")
	case KindBool:
		fmt.Fprintf(b, "%t", v.num != 0)
	case KindInt:
		b.WriteString(v.AsBigInt().String())
	case KindFloat:
		if math.IsInf(v.float(), 0) || math.IsNaN(v.float()) {
			writeJSONString(b, FloatRepr(v.float()))
			return
		}
		b.WriteString(FloatRepr(v.float()))
	case KindString:
		writeJSONString(b, v.str())
	case KindList:
		b.WriteByte('[')
		for i, it := range v.list().items {
			if i > 0 {
				b.WriteByte(',')
			}
			it.writeJSON(b)
		}
		b.WriteByte(']')
	case KindMap:
		b.WriteByte('{')
		first := true
		for k, e := range v.dict().All() {
			if !first {
				b.WriteByte(',')
			}
			first = false
			writeJSONString(b, k.JSONKey())
			b.WriteByte(':')
			e.writeJSON(b)
		}
		b.WriteByte('}')
	default:
		writeJSONString(b, v.Text())
	}
}

// JSONKey is v as a key of a JSON object, as Python's json.dumps writes it.
func (v Value) JSONKey() string {
	switch v.kind {
	case KindNull:
		return "null"
	case KindBool:
		return fmt.Sprintf("%t", v.num != 0)
	}
	return v.Text()
}

func writeJSONString(b *bytes.Buffer, s string) {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s)       // a string always encodes into a buffer
	b.Truncate(b.Len() - 1) // the encoder's newline
}

// ParseJSON reads one JSON document; objects keep their order, whole numbers
// are ints of any size. Anything after the document is an error.
func ParseJSON(data []byte) (Value, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	v, err := readJSON(dec, 0)
	if err != nil {
		return Null, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return Null, fmt.Errorf("extra data after the JSON document at offset %d", dec.InputOffset())
	}
	return v, nil
}

// UnmarshalJSON reads v from JSON.
func (v *Value) UnmarshalJSON(data []byte) error {
	x, err := ParseJSON(data)
	if err == nil {
		*v = x
	}
	return err
}

const maxJSONDepth = 200

func readJSON(dec *json.Decoder, depth int) (Value, error) {
	if depth > maxJSONDepth {
		return Null, fmt.Errorf("JSON is nested more than %d deep", maxJSONDepth)
	}
	tok, err := dec.Token()
	if err != nil {
		return Null, err
	}
	switch t := tok.(type) {
	case nil:
		return Null, nil
	case bool:
		return Bool(t), nil
	case string:
		return String(t), nil
	case json.Number:
		return ParseNumber(t.String())
	case json.Delim:
		if t == '[' {
			var items []Value
			for dec.More() {
				it, err := readJSON(dec, depth+1)
				if err != nil {
					return Null, err
				}
				items = append(items, it)
			}
			_, err := dec.Token()
			return List(items...), err
		}
		m := NewMap()
		for dec.More() {
			key, err := dec.Token()
			if err != nil {
				return Null, err
			}
			e, err := readJSON(dec, depth+1)
			if err != nil {
				return Null, err
			}
			m.Set(key.(string), e)
		}
		_, err := dec.Token()
		return FromMap(m), err
	}
	return Null, fmt.Errorf("unexpected JSON token %v", tok)
}

// ParseNumber reads a decimal integer of any size or a float.
func ParseNumber(s string) (Value, error) {
	if !strings.ContainsAny(s, ".eE") {
		if i, ok := new(big.Int).SetString(s, 10); ok {
			return BigInt(i), nil
		}
	}
	var f float64
	if err := json.Unmarshal([]byte(s), &f); err != nil {
		return Null, fmt.Errorf("%q is no number", s)
	}
	return Float(f), nil
}
