package jmespath

import (
	"math"
	"sort"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// argument is a value, or an expression given with &.
type argument struct {
	v   value.Value
	ref node
}

func typeName(v value.Value) string {
	switch v.Kind() {
	case value.KindBool:
		return "boolean"
	case value.KindInt, value.KindFloat:
		return "number"
	case value.KindList:
		return "array"
	case value.KindMap:
		return "object"
	case value.KindNull, value.KindUndefined:
		return "null"
	}
	return "string"
}

// check tells whether an argument has one of the types, divided by |; a type
// such as array-number asks for the elements too.
func (a argument) check(fn, types string) error {
	if types == "any" {
		return nil
	}
	have := "expref"
	if a.ref == nil {
		have = typeName(a.v)
	}
	var plain []string
	for _, t := range strings.Split(types, "|") {
		kind, of, _ := strings.Cut(t, "-")
		plain = append(plain, "'"+t+"'")
		if kind != have {
			continue
		}
		ok := true
		for _, it := range a.v.Items() {
			ok = ok && (of == "" || typeName(it) == of)
		}
		if ok {
			return nil
		}
	}
	shown := a.v.Repr()
	if a.v.IsSecret() {
		shown = "(secret)"
	}
	return refuse("In function %s(), invalid type for value: %s, expected one of: [%s], received: \"%s\"", fn, shown, strings.Join(plain, ", "), have)
}

type function struct {
	types []string // of the arguments; ... behind the last lets it repeat
	run   func(args []argument) (value.Value, error)
}

func fn(types string, run func(args []argument) (value.Value, error)) function {
	return function{strings.Fields(types), run}
}

// numeric makes a function from a number to a number.
func numeric(f func(x float64) float64) function {
	return fn("number", func(a []argument) (value.Value, error) {
		if a[0].v.Kind() == value.KindInt {
			return a[0].v, nil
		}
		x, _ := a[0].v.AsFloat()
		if y := f(x); isWhole(y) {
			return value.Int(int64(y)), nil
		}
		return value.Float(f(x)), nil
	})
}

func add(items []value.Value) value.Value {
	whole, total, f := true, int64(0), 0.0
	for _, it := range items {
		i, isInt := it.AsInt()
		whole = whole && isInt
		total += i
		x, _ := it.AsFloat()
		f += x
	}
	if whole {
		return value.Int(total)
	}
	return value.Float(f)
}

// extreme takes the element whose key compares best; want is -1 or 1.
func extreme(items, keys []value.Value, want int) value.Value {
	if len(items) == 0 {
		return value.Null
	}
	best := 0
	for i := range items {
		if n, _ := value.Compare(keys[i], keys[best]); n*want > 0 {
			best = i
		}
	}
	return items[best]
}

// keyed evaluates an expression for every element: all numbers, or all texts.
func keyed(name string, a []argument) (items, keys []value.Value, err error) {
	items = a[0].v.Items()
	for i, it := range items {
		k, err := a[1].ref.eval(it)
		if err != nil {
			return nil, nil, err
		}
		t := typeName(k)
		if t != "number" && t != "string" || i > 0 && t != typeName(keys[0]) {
			return nil, nil, refuse("In function %s(), invalid type for value: %s, expected one of: ['string', 'number'], received: \"%s\"", name, k.Repr(), t)
		}
		keys = append(keys, k)
	}
	return items, keys, nil
}

func sorted(items, keys []value.Value) value.Value {
	idx := make([]int, len(items))
	for i := range idx {
		idx[i] = i
	}
	sort.SliceStable(idx, func(i, j int) bool { n, _ := value.Compare(keys[idx[i]], keys[idx[j]]); return n < 0 })
	out := make([]value.Value, len(items))
	for i, j := range idx {
		out[i] = items[j]
	}
	return value.List(out...)
}

// json writes a value without blanks, as to_string does.
func json(v value.Value) string {
	data, err := v.MarshalJSON()
	if err != nil {
		return v.Text()
	}
	return string(data)
}

var functions map[string]function

func init() { // the table refers to itself through the evaluation of arguments
	functions = map[string]function{
		"abs":   fn("number", abs),
		"ceil":  numeric(math.Ceil),
		"floor": numeric(math.Floor),
		"sum":   fn("array-number", func(a []argument) (value.Value, error) { return add(a[0].v.Items()), nil }),
		"avg": fn("array-number", func(a []argument) (value.Value, error) {
			items := a[0].v.Items()
			if len(items) == 0 {
				return value.Null, nil
			}
			x, _ := add(items).AsFloat()
			return value.Float(x / float64(len(items))), nil
		}),
		"contains": fn("array|string any", contains),
		"starts_with": fn("string string", func(a []argument) (value.Value, error) {
			return value.Bool(strings.HasPrefix(a[0].v.Str(), a[1].v.Str())), nil
		}),
		"ends_with": fn("string string", func(a []argument) (value.Value, error) {
			return value.Bool(strings.HasSuffix(a[0].v.Str(), a[1].v.Str())), nil
		}),
		"join": fn("string array-string", func(a []argument) (value.Value, error) {
			parts := make([]string, 0, a[1].v.Len())
			for _, it := range a[1].v.Items() {
				parts = append(parts, it.Str())
			}
			return value.String(strings.Join(parts, a[0].v.Str())), nil
		}),
		"keys":   fn("object", func(a []argument) (value.Value, error) { return value.List(a[0].v.Map().Keys()...), nil }),
		"values": fn("object", func(a []argument) (value.Value, error) { return value.List(mapValues(a[0].v)...), nil }),
		"length": fn("string|array|object", func(a []argument) (value.Value, error) { return value.Int(int64(a[0].v.Len())), nil }),
		"map": fn("expref array", func(a []argument) (value.Value, error) {
			out := []value.Value{}
			for _, it := range a[1].v.Items() {
				r, err := a[0].ref.eval(it)
				if err != nil {
					return r, err
				}
				out = append(out, r)
			}
			return value.List(out...), nil
		}),
		"merge": fn("object...", func(a []argument) (value.Value, error) {
			m := value.NewMap()
			for _, x := range a {
				for k, v := range x.v.Map().All() {
					m.SetKey(k, v)
				}
			}
			return value.FromMap(m), nil
		}),
		"max": fn("array-number|array-string", func(a []argument) (value.Value, error) { return extreme(a[0].v.Items(), a[0].v.Items(), 1), nil }),
		"min": fn("array-number|array-string", func(a []argument) (value.Value, error) { return extreme(a[0].v.Items(), a[0].v.Items(), -1), nil }),
		"max_by": fn("array expref", func(a []argument) (value.Value, error) {
			items, keys, err := keyed("max_by", a)
			return extreme(items, keys, 1), err
		}),
		"min_by": fn("array expref", func(a []argument) (value.Value, error) {
			items, keys, err := keyed("min_by", a)
			return extreme(items, keys, -1), err
		}),
		"sort": fn("array-number|array-string", func(a []argument) (value.Value, error) { return sorted(a[0].v.Items(), a[0].v.Items()), nil }),
		"sort_by": fn("array expref", func(a []argument) (value.Value, error) {
			items, keys, err := keyed("sort_by", a)
			return sorted(items, keys), err
		}),
		"not_null": fn("any...", func(a []argument) (value.Value, error) {
			for _, x := range a {
				if !x.v.IsNull() {
					return x.v, nil
				}
			}
			return value.Null, nil
		}),
		"reverse":   fn("array|string", reverse),
		"to_array":  fn("any", toArray),
		"to_number": fn("any", toNumber),
		"to_string": fn("any", func(a []argument) (value.Value, error) {
			if a[0].v.IsString() {
				return a[0].v, nil
			}
			return value.String(json(a[0].v)), nil
		}),
		"type": fn("any", func(a []argument) (value.Value, error) { return value.String(typeName(a[0].v)), nil }),
	}
}

func abs(a []argument) (value.Value, error) {
	if i, ok := a[0].v.AsInt(); ok {
		return value.Int(max(i, -i)), nil
	}
	x, _ := a[0].v.AsFloat()
	return value.Float(math.Abs(x)), nil
}

func contains(a []argument) (value.Value, error) {
	if a[0].v.IsString() {
		return value.Bool(a[1].v.IsString() && strings.Contains(a[0].v.Str(), a[1].v.Str())), nil
	}
	for _, it := range a[0].v.Items() {
		if equal(it, a[1].v) {
			return value.Bool(true), nil
		}
	}
	return value.Bool(false), nil
}

func reverse(a []argument) (value.Value, error) {
	if a[0].v.IsString() {
		rs := []rune(a[0].v.Str())
		for i, j := 0, len(rs)-1; i < j; i, j = i+1, j-1 {
			rs[i], rs[j] = rs[j], rs[i]
		}
		return value.String(string(rs)), nil
	}
	items := a[0].v.Items()
	out := make([]value.Value, len(items))
	for i, it := range items {
		out[len(items)-1-i] = it
	}
	return value.List(out...), nil
}

func toArray(a []argument) (value.Value, error) {
	if a[0].v.Kind() == value.KindList {
		return a[0].v, nil
	}
	return value.List(a[0].v), nil
}

func toNumber(a []argument) (value.Value, error) {
	switch v := a[0].v; v.Kind() {
	case value.KindInt, value.KindFloat:
		return v, nil
	case value.KindString:
		if i, err := strconv.ParseInt(strings.TrimSpace(v.Str()), 10, 64); err == nil {
			return value.Int(i), nil
		}
		if x, err := strconv.ParseFloat(strings.TrimSpace(v.Str()), 64); err == nil {
			return value.Float(x), nil
		}
	}
	return value.Null, nil
}
