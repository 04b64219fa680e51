package value

import (
	"iter"
	"maps"
	"slices"
)

// Map is a dict: it keeps the order in which keys were first set. Keys are
// scalars; 1, 1.0 and True are one key, as in Python.
type Map struct {
	names []string // the keys, while all are plain strings
	keys  []Value  // the keys, once one is not
	vals  []Value
	idx   map[hashKey]int
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
		for _, it := range v.list().items {
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
		return hashKey{kind: KindString, str: v.str()}
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

// fewEntries is room for the first entries of a map.
const fewEntries = 4

// NewMap makes an empty map.
func NewMap() *Map { return &Map{} }

// M makes a map from alternating string keys and values, in order.
func M(kv ...any) *Map { return MRoom(2, kv...) }

// MRoom is M with room for so many further entries.
func MRoom(room int, kv ...any) *Map {
	m := &Map{names: make([]string, 0, len(kv)/2+room), vals: make([]Value, 0, len(kv)/2+room)}
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
	return len(m.vals)
}

// plain tells whether a key is a string and nothing else.
func (v Value) plain() bool { return v.kind == KindString && v.marks&^Written == 0 }

// key is the key of an entry.
func (m *Map) key(i int) Value {
	if m.keys == nil {
		return String(m.names[i])
	}
	return m.keys[i]
}

func (m *Map) find(k Value) int {
	switch {
	case m == nil:
		return -1
	case m.idx != nil:
		if i, ok := m.idx[keyOf(k)]; ok {
			return i
		}
		return -1
	case k.kind == KindString && m.keys == nil:
		return slices.Index(m.names, k.str())
	case m.keys == nil:
		return -1
	case k.kind == KindString:
		return slices.IndexFunc(m.keys, func(x Value) bool { return x.kind == KindString && x.str() == k.str() })
	}
	h := keyOf(k)
	return slices.IndexFunc(m.keys, func(x Value) bool { return keyOf(x) == h })
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
	if m.keys == nil && !key.plain() {
		m.keys = make([]Value, len(m.names), len(m.names)+1)
		for i := range m.names {
			m.keys[i] = String(m.names[i])
		}
		m.names = nil
	}
	if m.vals == nil {
		m.vals = make([]Value, 0, fewEntries)
	}
	if m.keys != nil {
		m.keys = append(m.keys, key)
	} else {
		if m.names == nil {
			m.names = make([]string, 0, fewEntries)
		}
		m.names = append(m.names, key.str())
	}
	m.vals = append(m.vals, v)
	switch {
	case m.idx != nil:
		m.idx[keyOf(key)] = len(m.vals) - 1
	case len(m.vals) > maxSearched:
		m.reindex()
	}
}

func (m *Map) reindex() {
	m.idx = make(map[hashKey]int, len(m.vals))
	for i := range m.vals {
		m.idx[keyOf(m.key(i))] = i
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
	if m.keys != nil {
		m.keys = append(m.keys[:i:i], m.keys[i+1:]...)
	} else {
		m.names = append(m.names[:i:i], m.names[i+1:]...)
	}
	m.vals = append(m.vals[:i:i], m.vals[i+1:]...)
	if m.idx != nil {
		m.reindex()
	}
	return true
}

// Clone copies the map, with room for an entry or two, which is what most copies are
// made for; keys and values are shared.
func (m *Map) Clone() *Map {
	if m == nil {
		return NewMap()
	}
	const room = 2
	c := &Map{vals: append(make([]Value, 0, len(m.vals)+room), m.vals...), idx: maps.Clone(m.idx)}
	if m.keys != nil {
		c.keys = append(make([]Value, 0, len(m.keys)+room), m.keys...)
	} else {
		c.names = append(make([]string, 0, len(m.names)+room), m.names...)
	}
	return c
}

// All ranges over the entries in order.
func (m *Map) All() iter.Seq2[Value, Value] {
	return func(yield func(Value, Value) bool) {
		if m == nil {
			return
		}
		for i := range m.vals {
			if !yield(m.key(i), m.vals[i]) {
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
	if m.keys != nil {
		return m.keys
	}
	keys := make([]Value, len(m.names))
	for i := range keys {
		keys[i] = m.key(i)
	}
	return keys
}
