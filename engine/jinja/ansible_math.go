package jinja

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/fairlead-project/fairlead/engine/pyrand"
	"github.com/fairlead-project/fairlead/engine/value"
)

func addAnsibleMath(f map[string]Filter) {
	f["product"] = Filter{Passes: true, Fn: productFilter}
	f["permutations"] = over(func(c *Context, items []value.Value, a Args) (value.Value, error) {
		b := a.Bind("r?")
		return choose(c, items, b.Int("r", len(items)), true, b.Err)
	})
	f["combinations"] = over(func(c *Context, items []value.Value, a Args) (value.Value, error) {
		b := a.Bind("r")
		return choose(c, items, b.Int("r", 0), false, b.Err)
	})
	f["zip"] = Filter{Passes: true, Fn: func(c *Context, in value.Value, a Args) (value.Value, error) { return zip(c, in, a, false) }}
	f["zip_longest"] = Filter{Passes: true, Fn: func(c *Context, in value.Value, a Args) (value.Value, error) { return zip(c, in, a, true) }}
	f["random"] = Filter{Passes: true, Impure: true, Fn: ansibleRandom}
	f["shuffle"] = Filter{Passes: true, Impure: true, Fn: shuffleFilter}
	f["log"] = twoNumbers("log", math.E, func(x, base float64) (float64, error) {
		switch {
		case x <= 0 || base <= 0:
			return 0, errors.New("math domain error")
		case base == 10:
			return math.Log10(x), nil
		case base == math.E:
			return math.Log(x), nil
		}
		return math.Log(x) / math.Log(base), nil
	}, "base?")
	f["pow"] = twoNumbers("pow", 0, mathPow, "x")
	f["root"] = twoNumbers("root", 2, func(x, n float64) (float64, error) {
		switch {
		case x < 0:
			return 0, refusal("root() can only be used on numbers: math domain error")
		case n == 2:
			return math.Sqrt(x), nil
		case n == 0:
			return 0, raise("ZeroDivisionError", "float division by zero")
		}
		r := math.Pow(x, 1/n)
		if whole := math.Round(r); math.Pow(whole, n) == x {
			return whole, nil // the last digit of Go's Pow may be off
		}
		return r, nil
	}, "base?")
}

// mathPow is Python's math.pow.
func mathPow(x, y float64) (float64, error) {
	r := math.Pow(x, y)
	switch {
	case x == 0 && y < 0, x < 0 && math.IsNaN(r) && !math.IsNaN(y):
		return 0, errors.New("math domain error")
	case math.IsInf(r, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0):
		return 0, errors.New("math range error")
	}
	return r, nil
}

func twoNumbers(name string, def float64, fn func(x, y float64) (float64, error), param string) Filter {
	return Filter{Fn: func(_ *Context, in value.Value, a Args) (value.Value, error) {
		b := a.Bind(param)
		x, ok := in.AsFloat()
		y, ok2 := b.Or(b.names[0], value.Float(def)).AsFloat()
		if b.Err != nil {
			return in, b.Err
		}
		if !ok || !ok2 {
			return in, fmt.Errorf("%s() can only be used on numbers: must be real number, not %s", name, in.TypeName())
		}
		r, err := fn(x, y)
		return value.Float(r), err
	}}
}

func productFilter(c *Context, in value.Value, a Args) (value.Value, error) {
	rows := [][]value.Value{{}}
	sets := append([]value.Value{in}, a.Pos...)
	if r, ok := a.Get("repeat"); ok {
		n, _ := r.AsInt()
		base := sets
		for i := int64(1); i < min(n, 100); i++ {
			sets = append(sets, base...)
		}
	}
	for _, s := range sets {
		items, err := iterate(c, s)
		if err != nil {
			return in, err
		}
		if len(rows)*len(items) > c.Limits.Items {
			return in, limitError("a list of more than %d elements", c.Limits.Items)
		}
		if err := c.step(len(rows) * len(items)); err != nil {
			return in, err
		}
		next := make([][]value.Value, 0, len(rows)*len(items))
		for _, r := range rows {
			for _, it := range items {
				next = append(next, append(r[:len(r):len(r)], it))
			}
		}
		rows = next
	}
	out := make([]value.Value, len(rows))
	for i, r := range rows {
		out[i] = value.Tuple(r...)
	}
	return value.List(out...), nil
}

// choose is Python's permutations (ordered) and combinations.
func choose(c *Context, items []value.Value, r int, ordered bool, err error) (value.Value, error) {
	if err == nil && r < 0 {
		err = errors.New("r must be non-negative")
	}
	if err != nil {
		return value.Null, err
	}
	out := []value.Value{}
	used := make([]bool, len(items))
	var rec func(from int, cur []value.Value) error
	rec = func(from int, cur []value.Value) error {
		if err := c.step(len(items) + r); err != nil {
			return err
		}
		if len(cur) == r {
			if len(out) >= c.Limits.Items {
				return limitError("a list of more than %d elements", c.Limits.Items)
			}
			out = append(out, value.Tuple(append([]value.Value{}, cur...)...))
			return nil
		}
		for i := from; i < len(items); i++ {
			if used[i] {
				continue
			}
			used[i] = true
			next := i + 1
			if ordered {
				next = 0
			}
			if err := rec(next, append(cur, items[i])); err != nil {
				return err
			}
			used[i] = false
		}
		return nil
	}
	if r <= len(items) {
		err = rec(0, nil)
	}
	return value.List(out...), err
}

func zip(c *Context, in value.Value, a Args, longest bool) (value.Value, error) {
	var lists [][]value.Value
	n := -1
	for _, v := range append([]value.Value{in}, a.Pos...) {
		items, err := iterate(c, v)
		if err != nil {
			return in, err
		}
		lists = append(lists, items)
		if n < 0 || (longest && len(items) > n) || (!longest && len(items) < n) {
			n = len(items)
		}
	}
	if err := c.step(n * len(lists)); err != nil {
		return in, err
	}
	fill, _ := a.Get("fillvalue")
	out := make([]value.Value, n)
	for i := range out {
		row := make([]value.Value, len(lists))
		for j, l := range lists {
			row[j] = fill
			if i < len(l) {
				row[j] = l[i]
			}
		}
		out[i] = value.Tuple(row...)
	}
	return value.List(out...), nil
}

// dice are what random and shuffle need of a generator.
type dice interface {
	Below(n uint64) uint64
	Shuffle(n int, swap func(i, j int))
}

type freeDice struct{ *rand.Rand }

func (d freeDice) Below(n uint64) uint64 { return d.Uint64N(n) }

// seeded is the randomness of random(seed=...), which is Python's.
func (c *Context) seeded(seed value.Value) (dice, error) {
	switch seed.Kind() {
	case value.KindNull:
		return freeDice{c.random()}, nil
	case value.KindString:
		return pyrand.FromString(seed.Str()), nil
	case value.KindInt, value.KindBool:
		return pyrand.FromInt(seed.AsBigInt()), nil
	case value.KindFloat:
		f, _ := seed.AsFloat()
		return pyrand.FromFloat(f), nil
	}
	return nil, errors.New("the only supported seed types are: None, int, float, str, bytes, and bytearray")
}

func ansibleRandom(c *Context, in value.Value, a Args) (value.Value, error) {
	b := a.Bind("start?", "step?", "seed?")
	start, step := int64(b.Int("start", 0)), int64(b.Int("step", 1))
	if b.Err != nil {
		return in, b.Err
	}
	r, err := c.seeded(b.Value("seed"))
	if err != nil {
		return in, err
	}
	if n, ok := in.AsInt(); ok {
		if step == 0 {
			step = 1
		}
		count := (n - start + step - sign64(step)) / step
		if count <= 0 {
			return in, fmt.Errorf("empty range for randrange() (%d, %d, %d)", start, n, n-start)
		}
		return value.Int(start + step*int64(r.Below(uint64(count)))), nil
	}
	items, err := iterate(c, in)
	switch {
	case err != nil || in.Kind() == value.KindMap:
		return in, refusal("random can only be used on sequences and integers")
	case b.Has("start") || b.Has("step"):
		return in, refusal("start and step can only be used with integer values")
	case len(items) == 0:
		return in, raise("IndexError", "Cannot choose from an empty sequence")
	}
	return items[r.Below(uint64(len(items)))], nil
}

func shuffleFilter(c *Context, in value.Value, a Args) (value.Value, error) {
	b := a.Bind("seed?")
	items, err := iterate(c, in)
	if err != nil || b.Err != nil {
		return in, b.Err
	}
	r, err := c.seeded(b.Value("seed"))
	if err != nil {
		return in, err
	}
	out := append([]value.Value{}, items...)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return value.List(out...), nil
}
