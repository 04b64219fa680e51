package value

import (
	"iter"
	"maps"
	"slices"
)

// Map is a dict: it keeps the order in which keys were first set. Keys are
// scalars; 1, 1.0 and True are one key, as in Python.
type Map struct {
	keys []Value
	vals []Value
	idx  map[hashKey]int
}

// hashKey is what two equal scalar keys have in common.
type hashKey struct {
	kind Kind
	str  string
	flt  float64
}

// Hashable tells whether v can be a key of a dict: scalars and tuples of them.
func (v Value) Hashable() bool {
	switch v.kind {
	case KindList:
		if !v.IsTuple() {
			return false
		}
		for _, it := range v.ref.(*list).items {
			if !it.Hashable() {
				return false
			}
		}
		return true
	case KindMap, KindUnknown, KindUndefined:
		return false
	}
	return true
}

func keyOf(v Value) hashKey {
	switch v.kind {
	case KindString:
		return hashKey{kind: KindString, str: v.str}
	case KindBool, KindInt, KindFloat:
		if b := v.AsBigInt(); b != nil && !(b.IsInt64() && b.Int64() == int64(float64(b.Int64()))) {
			return hashKey{kind: KindInt, str: b.String()}
		}
		f, _ := v.AsFloat()
		return hashKey{kind: KindFloat, flt: f}
	case KindNull:
		return hashKey{kind: KindNull}
	}
	return hashKey{kind: v.kind, str: v.Repr()}
}

// maxSearched is how many entries a map may have without an index: searching few
// is cheaper than making one.
const maxSearched = 16

// NewMap makes an empty map.
func NewMap() *Map { return &Map{} }

// M makes a map from alternating string keys and values, in order.
func M(kv ...any) *Map {
	m := &Map{keys: make([]Value, 0, len(kv)/2+2), vals: make([]Value, 0, len(kv)/2+2)}
	for i := 0; i+1 < len(kv); i += 2 {
		m.Set(kv[i].(string), FromGo(kv[i+1]))
	}
	return m
}

// Len is the number of entries; 0 for a nil map.
func (m *Map) Len() int {
	if m == nil {
		return 0
	}
	return len(m.keys)
}

func (m *Map) find(k Value) int {
	if m == nil {
		return -1
	}
	if m.idx == nil {
		if k.kind == KindString {
			for i := range m.keys {
				if m.keys[i].kind == KindString && m.keys[i].str == k.str {
					return i
				}
			}
			return -1
		}
		h := keyOf(k)
		for i := range m.keys {
			if keyOf(m.keys[i]) == h {
				return i
			}
		}
		return -1
	}
	if i, ok := m.idx[keyOf(k)]; ok {
		return i
	}
	return -1
}

// Get looks a string key up.
func (m *Map) Get(key string) (Value, bool) { return m.GetKey(String(key)) }

// GetKey looks a key up.
func (m *Map) GetKey(key Value) (Value, bool) {
	if i := m.find(key); i >= 0 {
		return m.vals[i], true
	}
	return Null, false
}

// Has tells whether a string key is there.
func (m *Map) Has(key string) bool { return m.find(String(key)) >= 0 }

// Set sets a string key.
func (m *Map) Set(key string, v Value) { m.SetKey(String(key), v) }

// SetKey sets a key; a new one goes to the end. The key must be hashable.
func (m *Map) SetKey(key, v Value) {
	if i := m.find(key); i >= 0 {
		m.vals[i] = v
		return
	}
	m.keys = append(m.keys, key)
	m.vals = append(m.vals, v)
	switch {
	case m.idx != nil:
		m.idx[keyOf(key)] = len(m.keys) - 1
	case len(m.keys) > maxSearched:
		m.reindex()
	}
}

func (m *Map) reindex() {
	m.idx = make(map[hashKey]int, len(m.keys))
	for i, k := range m.keys {
		m.idx[keyOf(k)] = i
	}
}

// Delete removes a string key and tells whether it was there.
func (m *Map) Delete(key string) bool { return m.DeleteKey(String(key)) }

// DeleteKey removes a key and tells whether it was there.
func (m *Map) DeleteKey(key Value) bool {
	i := m.find(key)
	if i < 0 {
		return false
	}
	m.keys = append(m.keys[:i:i], m.keys[i+1:]...)
	m.vals = append(m.vals[:i:i], m.vals[i+1:]...)
	if m.idx != nil {
		m.reindex()
	}
	return true
}

// Clone copies the map; keys and values are shared.
func (m *Map) Clone() *Map {
	if m == nil {
		return NewMap()
	}
	return &Map{keys: slices.Clone(m.keys), vals: slices.Clone(m.vals), idx: maps.Clone(m.idx)}
}

// All ranges over the entries in order.
func (m *Map) All() iter.Seq2[Value, Value] {
	return func(yield func(Value, Value) bool) {
		if m == nil {
			return
		}
		for i := range m.keys {
			if !yield(m.keys[i], m.vals[i]) {
				return
			}
		}
	}
}

// Keys are the keys in order. The caller must not change the slice.
func (m *Map) Keys() []Value {
	if m == nil {
		return nil
	}
	return m.keys
}
