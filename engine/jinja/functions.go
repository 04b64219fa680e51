package jinja

import (
	"errors"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

func addBuiltinFunctions(e *Env) {
	e.Functions["range"] = Function{Fn: rangeFunc}
	e.Functions["dict"] = Function{TakesUnknown: true, TakesUndefined: true, Fn: dictFunc}
	e.Functions["namespace"] = Function{TakesUnknown: true, TakesUndefined: true, Passes: true,
		Fn: func(c *Context, a Args) (value.Value, error) {
			v, err := dictFunc(c, a)
			return value.FromObject(&namespace{v.Map().Clone()}), err
		}}
	e.Functions["cycler"] = Function{TakesUnknown: true, TakesUndefined: true, Passes: true,
		Fn: func(_ *Context, a Args) (value.Value, error) {
			if len(a.Pos) == 0 {
				return value.Null, errors.New("at least one item has to be provided")
			}
			return value.FromObject(&cycler{items: a.Pos}), nil
		}}
	e.Functions["joiner"] = Function{Passes: true, Fn: func(_ *Context, a Args) (value.Value, error) {
		b := a.Bind("sep?")
		return value.FromObject(&joiner{sep: b.Or("sep", value.String(", "))}), b.Err
	}}
	e.Functions["lipsum"] = Function{Impure: true, Fn: func(_ *Context, a Args) (value.Value, error) {
		b := a.Bind("n?", "html?", "min?", "max?")
		words := "Lorem ipsum dolor sit amet, consectetur adipiscing elit."
		parts := make([]string, min(max(b.Int("n", 5), 0), 1000))
		for i := range parts {
			parts[i] = words
			if b.Bool("html", true) {
				parts[i] = "<p>" + words + "</p>"
			}
		}
		return value.String(strings.Join(parts, "\n\n")), b.Err
	}}
}

func rangeFunc(c *Context, a Args) (value.Value, error) {
	if len(a.Pos) == 0 || len(a.Pos) > 3 || len(a.Kw) > 0 {
		return value.Null, errors.New("range expected 1 to 3 positional arguments")
	}
	nums := [3]int64{0, 0, 1}
	for i, v := range a.Pos {
		n, ok := v.AsInt()
		if !ok {
			return value.Null, errors.New("'" + v.TypeName() + "' object cannot be interpreted as an integer")
		}
		nums[i] = n
	}
	if len(a.Pos) == 1 {
		nums[0], nums[1] = 0, nums[0]
	}
	from, to, by := nums[0], nums[1], nums[2]
	if by == 0 {
		return value.Null, errors.New("range() arg 3 must not be zero")
	}
	n := 0
	if (by > 0 && from < to) || (by < 0 && from > to) {
		span := float64(to) - float64(from)
		if span/float64(by) > float64(c.Limits.Items) {
			return value.Null, limitError("a range of more than %d elements", c.Limits.Items)
		}
		n = int((to - from + by - sign64(by)) / by)
	}
	if err := c.step(n); err != nil {
		return value.Null, err
	}
	out := make([]value.Value, n)
	for i := range out {
		out[i] = value.Int(from + int64(i)*by)
	}
	return value.List(out...), nil
}

func sign64(i int64) int64 {
	if i < 0 {
		return -1
	}
	return 1
}

func dictFunc(c *Context, a Args) (value.Value, error) {
	m := value.NewMap()
	if len(a.Pos) > 1 {
		return value.FromMap(m), errors.New("dict expected at most 1 argument")
	}
	if len(a.Pos) == 1 {
		if a.Pos[0].IsUnknown() {
			return value.FromMap(m), unknownSignal{a.Pos[0]}
		}
		src, err := toDict(c, a.Pos[0])
		if err != nil {
			return value.FromMap(m), err
		}
		m = src.Clone()
	}
	for _, k := range a.Kw {
		m.Set(k.Name, k.Value)
	}
	return value.FromMap(m), nil
}
