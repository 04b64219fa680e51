package value

import (
	"slices"
	"unsafe"
)

// Marks are the marks of v itself; DeepMarks includes those of its elements.
func (v Value) Marks() Marks { return v.marks }

// WithMarks returns v with m added.
func (v Value) WithMarks(m Marks) Value {
	v.marks |= m
	return v
}

// WithoutMarks returns v without the marks of m (its elements keep theirs).
func (v Value) WithoutMarks(m Marks) Value {
	v.marks &^= m
	return v
}

// IsSecret tells whether v itself is marked secret.
func (v Value) IsSecret() bool { return v.marks&Secret != 0 }

// IsUnsafe tells whether v itself is marked unsafe.
func (v Value) IsUnsafe() bool { return v.marks&Unsafe != 0 }

// DeepMarks are the marks of v and of everything inside it.
func (v Value) DeepMarks() Marks {
	m := v.marks
	switch v.kind {
	case KindList:
		for _, it := range v.list().items {
			m |= it.DeepMarks()
		}
	case KindMap:
		for k, e := range v.dict().All() {
			m |= k.marks | e.DeepMarks()
		}
	}
	return m
}

// MarkDeep returns v with m added to it and to everything inside it.
func (v Value) MarkDeep(m Marks) Value {
	return v.Walk(func(x Value) Value { return x.WithMarks(m) })
}

// Walk rebuilds v from the leaves up: f is called for every scalar, and for
// every list and dict after its elements were replaced. Keys are left alone.
func (v Value) Walk(f func(Value) Value) Value {
	switch v.kind {
	case KindList:
		old := v.list()
		items := make([]Value, len(old.items))
		for i, it := range old.items {
			items[i] = it.Walk(f)
		}
		v.ptr = unsafe.Pointer(&list{items: items, tuple: old.tuple})
	case KindMap:
		m := NewMap()
		for k, e := range v.dict().All() {
			m.SetKey(k, e.Walk(f))
		}
		v.ptr = unsafe.Pointer(m)
	}
	return f(v)
}

// Listed gives v with lists in place of the tuples in it.
func (v Value) Listed() Value {
	if !v.hasTuple() {
		return v
	}
	return v.Walk(func(x Value) Value {
		if x.IsTuple() {
			return List(x.Items()...).WithMarks(x.Marks())
		}
		return x
	})
}

func (v Value) hasTuple() bool {
	switch v.kind {
	case KindList:
		return v.IsTuple() || slices.ContainsFunc(v.Items(), Value.hasTuple)
	case KindMap:
		for _, e := range v.dict().All() {
			if e.hasTuple() {
				return true
			}
		}
	}
	return false
}

// FindUnknown gives the first unknown value in v, in order.
func (v Value) FindUnknown() (*Origin, bool) {
	switch v.kind {
	case KindUnknown:
		return v.Origin(), true
	case KindList:
		for _, it := range v.list().items {
			if o, ok := it.FindUnknown(); ok {
				return o, true
			}
		}
	case KindMap:
		for _, e := range v.dict().All() {
			if o, ok := e.FindUnknown(); ok {
				return o, true
			}
		}
	}
	return nil, false
}

// HasUnknown tells whether v is unknown or holds anything unknown.
func (v Value) HasUnknown() bool {
	_, ok := v.FindUnknown()
	return ok
}
