package jinja

import (
	"slices"

	"github.com/fairlead-project/fairlead/engine/value"
)

// listsFilter is a filter that joins its input and its arguments, all lists, two by
// two. Each element of the result stands in it once. With flatten the input is a
// list of such lists.
func listsFilter(join func(a, b []value.Value) []value.Value) Filter {
	return passing(Filter{Fn: func(c *Context, in value.Value, a Args) (value.Value, error) {
		lists := append([]value.Value{in}, a.Pos...)
		b := Args{Kw: a.Kw}.Bind("flatten?")
		if b.Bool("flatten", false) {
			if !slices.ContainsFunc(in.Items(), func(it value.Value) bool { return it.Kind() != value.KindList }) {
				lists = append(slices.Clone(in.Items()), a.Pos...)
			}
		}
		if b.Err != nil {
			return in, b.Err
		}
		var out []value.Value
		for i, l := range lists {
			if l.Kind() != value.KindList {
				return in, refusal("All arguments must be lists, but %s is <class '%s'>", text(l), l.TypeName())
			}
			if i == 0 {
				out = once(l.Items())
			} else {
				out = once(join(out, l.Items()))
			}
		}
		return value.List(out...), nil
	}})
}

// once leaves repetitions out.
func once(items []value.Value) []value.Value {
	out := []value.Value{}
	for _, it := range items {
		if !holds(out, it) {
			out = append(out, it)
		}
	}
	return out
}

// those are the elements of a that b has, or has not.
func those(a, b []value.Value, has bool) []value.Value {
	return slices.DeleteFunc(slices.Clone(a), func(it value.Value) bool { return holds(b, it) != has })
}

func holds(items []value.Value, v value.Value) bool {
	return slices.ContainsFunc(items, func(it value.Value) bool { return equal(it, v) })
}

// accumulate adds up the elements of a list, keeping what each step gives.
func accumulate(c *Context, items []value.Value, a Args) (value.Value, error) {
	out := make([]value.Value, 0, len(items))
	for i, it := range items {
		if i > 0 {
			sum, err := arith(c, "+", out[i-1], it)
			if err != nil {
				return value.Null, err
			}
			it = sum
		}
		out = append(out, it)
	}
	return value.List(out...), a.Bind().Err
}
