// Package value holds the values that playbooks compute with: Python's scalars,
// lists, tuples and ordered maps as Jinja2 sees them, the two values that only
// an engine knows (undefined and unknown), and the marks that follow a value
// through every operation (secret, unsafe).
//
// A Value is immutable once it has been handed out. Code that builds a list or
// a map owns it until then.
package value

import (
	"math"
	"math/big"
	"unsafe"
)

// Kind is the type of a value.
type Kind uint8

// The kinds. The zero Value is null.
const (
	KindNull Kind = iota
	KindBool
	KindInt // 64 bits, or more through BigInt
	KindFloat
	KindString
	KindList // Python's list, or tuple (see IsTuple)
	KindMap  // Python's dict: ordered, keys are scalars
	// KindUndefined is the result of looking up what does not exist.
	KindUndefined
	// KindUnknown is a value that exists but cannot be known before something
	// was applied. It carries its origin.
	KindUnknown
	// KindObject is a Go object that templates may call or look into:
	// macros, loop, namespaces, lazily evaluated variables.
	KindObject
)

var kindNames = [...]string{"null", "bool", "int", "float", "string", "list", "dict", "undefined", "unknown", "object"}

// String is the name of the kind.
func (k Kind) String() string { return kindNames[k] }

// Marks follow a value through every operation on it.
type Marks uint8

const (
	// Secret values never reach an output.
	Secret Marks = 1 << iota
	// Unsafe values came from a host or were tagged !unsafe: they are never
	// evaluated as templates.
	Unsafe
	// Vaulted values are encrypted where they stand (!vault). It is what the
	// test vault_encrypted asks for, and no operation passes it on.
	Vaulted
	// Written texts are those of files of YAML as they stand there. The filter
	// type_debug tells them from others, and no operation passes it on.
	Written
)

// Value is one playbook value. The zero Value is null.
type Value struct {
	_     [0]func() // no == : see Equal, Identity
	kind  Kind
	marks Marks
	num   int64 // bool, int, the bits of a float; the length of a string
	// ptr is what the kind says: the bytes of a string, or a *big.Int, *list, *Map,
	// *Undef, *Origin, *Object. Half of what a run keeps are values, and this way one
	// takes 24 bytes where a string and an interface beside each other took 48.
	ptr unsafe.Pointer
}

type list struct {
	items []Value
	tuple bool
}

// Undef says what was looked up and not found.
type Undef struct {
	// Name is the name looked up; Of describes what it was looked up in
	// ("" for a variable). Msg, when set, is the whole message instead.
	Name, Of, Msg string
	// Soft marks what an inline if without else gives: as text and as a list
	// it is empty, and false as a condition; anything else with it is an error.
	Soft bool
}

// Repr is how Ansible 2.14 shows an undefined value to people who debug, and within
// lists and mappings that become texts: hint and name, as far as there are any.
func (u *Undef) Repr() string {
	hint, name := "None", "None"
	if u == nil {
		u = &Undef{}
	}
	if u.Msg != "" {
		hint = String(u.Msg).Repr()
	}
	if u.Name != "" {
		name = String(u.Name).Repr()
	}
	return "AnsibleUndefined(hint=" + hint + ", obj=missing, name=" + name + ")"
}

// Message is Jinja2's sentence about the undefined value.
func (u *Undef) Message() string {
	switch {
	case u.Msg != "":
		return u.Msg
	case u.Of != "":
		return "'" + u.Of + "' has no attribute '" + u.Name + "'"
	}
	return "'" + u.Name + "' is undefined"
}

// Origin says why a value is unknown: what must be applied before it is known.
type Origin struct {
	// What is a short description for people, such as the task's name.
	What string
	// Pending marks a value that becomes known by a flush (it waits for
	// operations that are already planned); without it, only a run can tell.
	Pending bool
}

// Object is a Go value that templates may look into or call.
type Object interface {
	// TypeName is Python's name of such a thing, for messages.
	TypeName() string
	// Attr gives an attribute or an item by name.
	Attr(name string) (Value, bool)
}

// Null is Python's None.
var Null = Value{}

// Bool makes a boolean.
func Bool(b bool) Value {
	v := Value{kind: KindBool}
	if b {
		v.num = 1
	}
	return v
}

// Int makes an integer.
func Int(i int64) Value { return Value{kind: KindInt, num: i} }

// BigInt makes an integer of any size; small ones become plain integers.
func BigInt(i *big.Int) Value {
	if i.IsInt64() {
		return Int(i.Int64())
	}
	return Value{kind: KindInt, ptr: unsafe.Pointer(i)}
}

// Float makes a floating point number.
func Float(f float64) Value { return Value{kind: KindFloat, num: int64(math.Float64bits(f))} }

// float is the number of a float.
func (v Value) float() float64 { return math.Float64frombits(uint64(v.num)) }

// String makes a string.
func String(s string) Value {
	return Value{kind: KindString, num: int64(len(s)), ptr: unsafe.Pointer(unsafe.StringData(s))}
}

// str is the payload of a string.
func (v Value) str() string { return unsafe.String((*byte)(v.ptr), int(v.num)) }

// list is the payload of a list or tuple.
func (v Value) list() *list { return (*list)(v.ptr) }

// dict is the payload of a dict.
func (v Value) dict() *Map { return (*Map)(v.ptr) }

// big is the payload of an int beyond 64 bits, nil for others.
func (v Value) big() *big.Int {
	if v.kind != KindInt {
		return nil
	}
	return (*big.Int)(v.ptr)
}

// List makes a list that takes over items.
func List(items ...Value) Value { return listed(&list{items: items}) }

func listed(l *list) Value { return Value{kind: KindList, ptr: unsafe.Pointer(l)} }

// Strings makes a list of strings.
func Strings(ss ...string) Value {
	items := make([]Value, len(ss))
	for i, s := range ss {
		items[i] = String(s)
	}
	return List(items...)
}

// Tuple makes a tuple that takes over items. It differs from a list only in
// how it is written and compared.
func Tuple(items ...Value) Value {
	return listed(&list{items: items, tuple: true})
}

// FromMap makes a dict that takes over m; nil is an empty dict.
func FromMap(m *Map) Value {
	if m == nil {
		m = NewMap()
	}
	return Value{kind: KindMap, ptr: unsafe.Pointer(m)}
}

// Undefined makes an undefined value for the variable name.
func Undefined(name string) Value { return UndefinedOf(&Undef{Name: name}) }

// UndefinedOf makes an undefined value from a full description.
func UndefinedOf(u *Undef) Value { return Value{kind: KindUndefined, ptr: unsafe.Pointer(u)} }

// Unknown makes an unknown value.
func Unknown(o *Origin) Value { return Value{kind: KindUnknown, ptr: unsafe.Pointer(o)} }

// FromObject wraps a Go object.
func FromObject(o Object) Value { return Value{kind: KindObject, ptr: unsafe.Pointer(&o)} }

// Kind is the type of v.
func (v Value) Kind() Kind { return v.kind }

// IsNull tells whether v is None.
func (v Value) IsNull() bool { return v.kind == KindNull }

// IsUndefined tells whether v is undefined.
func (v Value) IsUndefined() bool { return v.kind == KindUndefined }

// IsUnknown tells whether v itself is unknown; HasUnknown looks inside too.
func (v Value) IsUnknown() bool { return v.kind == KindUnknown }

// IsString tells whether v is a string.
func (v Value) IsString() bool { return v.kind == KindString }

// IsNumber tells whether v is an int, a float or (as in Python) a bool.
func (v Value) IsNumber() bool {
	return v.kind == KindInt || v.kind == KindFloat || v.kind == KindBool
}

// IsTuple tells whether v is a tuple.
func (v Value) IsTuple() bool {
	return v.kind == KindList && v.list().tuple
}

// AsBool is the payload of a bool (false for other kinds); see Truthy for
// Python's truth.
func (v Value) AsBool() bool { return v.kind == KindBool && v.num != 0 }

// AsInt is the payload of an int or a bool, when it fits 64 bits.
func (v Value) AsInt() (int64, bool) {
	if (v.kind == KindInt || v.kind == KindBool) && v.big() == nil {
		return v.num, true
	}
	return 0, false
}

// AsBigInt is the payload of an int or a bool of any size, nil for other kinds.
// The caller must not change it.
func (v Value) AsBigInt() *big.Int {
	if v.kind != KindInt && v.kind != KindBool {
		return nil
	}
	if b := v.big(); b != nil {
		return b
	}
	return big.NewInt(v.num)
}

// AsFloat is the payload of a float, or an int or bool converted.
func (v Value) AsFloat() (float64, bool) {
	switch v.kind {
	case KindFloat:
		return v.float(), true
	case KindInt, KindBool:
		if b := v.big(); b != nil {
			f, _ := new(big.Float).SetInt(b).Float64()
			return f, true
		}
		return float64(v.num), true
	}
	return 0, false
}

// Str is the payload of a string, "" for other kinds; see Text for Python's str().
func (v Value) Str() string {
	if v.kind != KindString {
		return ""
	}
	return v.str()
}

// Items are the elements of a list or tuple, nil for other kinds. The caller
// must not change the slice. Elements carry the marks of the list.
func (v Value) Items() []Value {
	if v.kind != KindList {
		return nil
	}
	l := v.list()
	if v.marks == 0 {
		return l.items
	}
	out := make([]Value, len(l.items))
	for i, it := range l.items {
		out[i] = it.WithMarks(v.marks)
	}
	return out
}

// Map is the payload of a dict, nil for other kinds. The caller must not
// change it. Values taken from it directly lack the marks of v: see Get.
func (v Value) Map() *Map {
	if v.kind != KindMap {
		return nil
	}
	return v.dict()
}

// Get looks a string key up in a dict; the result carries the marks of v.
func (v Value) Get(key string) (Value, bool) {
	m := v.Map()
	if m == nil {
		return Null, false
	}
	e, ok := m.Get(key)
	return e.WithMarks(v.marks), ok
}

// Undef is the description of an undefined value, nil for other kinds.
func (v Value) Undef() *Undef {
	if v.kind != KindUndefined {
		return nil
	}
	return (*Undef)(v.ptr)
}

// IsSoft tells whether v is undefined softly: see Undef.
func (v Value) IsSoft() bool { u := v.Undef(); return u != nil && u.Soft }

// Origin says why the value is unknown, nil for other kinds.
func (v Value) Origin() *Origin {
	if v.kind != KindUnknown {
		return nil
	}
	return (*Origin)(v.ptr)
}

// Object is the payload of an object, nil for other kinds.
func (v Value) Object() Object {
	if v.kind != KindObject {
		return nil
	}
	return *(*Object)(v.ptr)
}

// Len is the number of elements of a list or dict, of characters of a string;
// -1 for kinds without a length.
func (v Value) Len() int {
	switch v.kind {
	case KindString:
		n := 0
		for range v.str() {
			n++
		}
		return n
	case KindList:
		return len(v.list().items)
	case KindMap:
		return v.dict().Len()
	}
	return -1
}
