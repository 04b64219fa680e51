package value

import (
	"math"
	"strconv"
	"strings"
	"unicode"
)

// Truthy is Python's truth of v. An unknown value is not truthy: ask IsUnknown
// first where it matters.
func (v Value) Truthy() bool {
	switch v.kind {
	case KindNull, KindUndefined, KindUnknown:
		return false
	case KindBool:
		return v.num != 0
	case KindInt:
		return v.num != 0 || v.big() != nil
	case KindFloat:
		return v.float() != 0
	case KindString:
		return v.num > 0
	case KindList, KindMap:
		return v.Len() > 0
	}
	return true
}

// Text is Python's str(v): a string as it is, everything else as Repr.
// Undefined is the empty string.
func (v Value) Text() string {
	switch v.kind {
	case KindString:
		return v.str()
	case KindUndefined:
		return ""
	}
	return v.Repr()
}

// Repr is Python's repr(v).
func (v Value) Repr() string {
	var b strings.Builder
	v.repr(&b)
	return b.String()
}

func (v Value) repr(b *strings.Builder) {
	switch v.kind {
	case KindNull:
		b.WriteString("None")
	case KindBool:
		if v.num != 0 {
			b.WriteString("True")
		} else {
			b.WriteString("False")
		}
	case KindInt:
		b.WriteString(v.AsBigInt().String())
	case KindFloat:
		b.WriteString(FloatRepr(v.float()))
	case KindString:
		reprString(b, v.str())
	case KindList:
		l := v.list()
		open, end := byte('['), byte(']')
		if l.tuple {
			open, end = '(', ')'
		}
		b.WriteByte(open)
		for i, it := range l.items {
			if i > 0 {
				b.WriteString(", ")
			}
			it.repr(b)
		}
		if l.tuple && len(l.items) == 1 {
			b.WriteByte(',')
		}
		b.WriteByte(end)
	case KindMap:
		b.WriteByte('{')
		first := true
		for k, e := range v.dict().All() {
			if !first {
				b.WriteString(", ")
			}
			first = false
			k.repr(b)
			b.WriteString(": ")
			e.repr(b)
		}
		b.WriteByte('}')
	case KindUndefined:
		b.WriteString(v.Undef().Repr())
	case KindUnknown:
		b.WriteString("(unknown)")
	case KindObject:
		b.WriteString("<" + v.Object().TypeName() + ">")
	}
}

// FloatRepr is Python's repr of a float.
func FloatRepr(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	abs := math.Abs(f)
	if abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		// Python writes at least two digits of exponent, as Go does.
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func reprString(b *strings.Builder, s string) {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	b.WriteByte(quote)
	for i, r := range s {
		switch {
		case r == rune(quote) || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == unicode.ReplacementChar && s[i] != 0xEF:
			b.WriteString(`\udc` + hex(uint32(s[i]), 2))
		case r < 0x20 || r == 0x7f || (r < 0x100 && !unicode.IsPrint(r)):
			b.WriteString(`\x` + hex(uint32(r), 2))
		case !unicode.IsPrint(r) && r < 0x10000:
			b.WriteString(`\u` + hex(uint32(r), 4))
		case !unicode.IsPrint(r):
			b.WriteString(`\U` + hex(uint32(r), 8))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte(quote)
}

func hex(n uint32, width int) string {
	s := strconv.FormatUint(uint64(n), 16)
	return strings.Repeat("0", max(0, width-len(s))) + s
}

// TypeName is the name of Python's type of v, as messages say it.
func (v Value) TypeName() string {
	switch v.kind {
	case KindNull:
		return "NoneType"
	case KindString:
		return "str"
	case KindList:
		if v.IsTuple() {
			return "tuple"
		}
	case KindUndefined:
		return "Undefined"
	case KindObject:
		return v.Object().TypeName()
	}
	return v.kind.String()
}

// Equal is Python's ==: numbers compare across types, dicts without order,
// lists and tuples never equal each other. Undefined equals undefined; unknown
// equals nothing: ask IsUnknown first. Marks do not count.
func Equal(a, b Value) bool {
	if a.IsNumber() && b.IsNumber() {
		c, ok := compareNumbers(a, b)
		return ok && c == 0
	}
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case KindNull, KindUndefined:
		return true
	case KindString:
		return a.str() == b.str()
	case KindList:
		x, y := a.list(), b.list()
		if x.tuple != y.tuple || len(x.items) != len(y.items) {
			return false
		}
		for i := range x.items {
			if !Equal(x.items[i], y.items[i]) {
				return false
			}
		}
		return true
	case KindMap:
		x, y := a.dict(), b.dict()
		if x.Len() != y.Len() {
			return false
		}
		for k, e := range x.All() {
			o, ok := y.GetKey(k)
			if !ok || !Equal(e, o) {
				return false
			}
		}
		return true
	case KindObject:
		return a.Object() == b.Object()
	}
	return false
}

func compareNumbers(a, b Value) (int, bool) {
	if a.kind != KindFloat && b.kind != KindFloat {
		if a.big() == nil && b.big() == nil {
			switch {
			case a.num < b.num:
				return -1, true
			case a.num > b.num:
				return 1, true
			}
			return 0, true
		}
		return a.AsBigInt().Cmp(b.AsBigInt()), true
	}
	x, _ := a.AsFloat()
	y, _ := b.AsFloat()
	switch {
	case x < y:
		return -1, true
	case x > y:
		return 1, true
	case x == y:
		return 0, true
	}
	return 0, false // NaN
}

// Compare orders two values as Python's < does: numbers, strings, and lists or
// tuples of these. ok is false where Python raises a TypeError.
func Compare(a, b Value) (c int, ok bool) {
	switch {
	case a.IsNumber() && b.IsNumber():
		return compareNumbers(a, b)
	case a.kind == KindString && b.kind == KindString:
		return strings.Compare(a.str(), b.str()), true
	case a.kind == KindList && b.kind == KindList && a.IsTuple() == b.IsTuple():
		x, y := a.list().items, b.list().items
		for i := 0; i < len(x) && i < len(y); i++ {
			if Equal(x[i], y[i]) {
				continue
			}
			return Compare(x[i], y[i])
		}
		return len(x) - len(y), true
	}
	return 0, false
}
