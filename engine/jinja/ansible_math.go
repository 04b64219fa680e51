package jinja

import (
	"errors"
	"math"
	"math/rand/v2"

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
	f["log"] = twoNumbers(math.E, func(x, base float64) (float64, error) {
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
	f["pow"] = twoNumbers(0, func(x, y float64) (float64, error) { return math.Pow(x, y), nil }, "x")
	f["root"] = twoNumbers(2, func(x, n float64) (float64, error) {
		switch {
		case x < 0:
			return 0, errors.New("math domain error")
		case n == 2:
			return math.Sqrt(x), nil
		case n == 0:
			return 0, errors.New("float division by zero")
		}
		r := math.Pow(x, 1/n)
		if whole := math.Round(r); math.Pow(whole, n) == x {
			return whole, nil // the last digit of Go's Pow may be off
		}
		return r, nil
	}, "base?")
}

func twoNumbers(def float64, fn func(x, y float64) (float64, error), param string) Filter {
	return Filter{Fn: func(_ *Context, in value.Value, a Args) (value.Value, error) {
		b := a.Bind(param)
		x, ok := in.AsFloat()
		y, ok2 := b.Or(b.names[0], value.Float(def)).AsFloat()
		if b.Err != nil {
			return in, b.Err
		}
		if !ok || !ok2 {
			return in, errors.New("can only be used on numbers")
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

// seeded is the randomness of random(seed=...): stable, though not Python's.
func (c *Context) seeded(seed value.Value) *rand.Rand {
	if seed.IsNull() {
		return c.random()
	}
	h := uint64(14695981039346656037)
	for _, b := range []byte(seed.Repr()) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return rand.New(rand.NewPCG(h, 0x9e3779b97f4a7c15))
}

func ansibleRandom(c *Context, in value.Value, a Args) (value.Value, error) {
	b := a.Bind("start?", "step?", "seed?")
	start, step := int64(b.Int("start", 0)), int64(b.Int("step", 1))
	if b.Err != nil {
		return in, b.Err
	}
	r := c.seeded(b.Value("seed"))
	if n, ok := in.AsInt(); ok {
		if step == 0 {
			step = 1
		}
		count := (n - start + step - sign64(step)) / step
		if count <= 0 {
			return in, errors.New("empty range for randrange()")
		}
		return value.Int(start + step*r.Int64N(count)), nil
	}
	items, err := iterate(c, in)
	switch {
	case err != nil || in.Kind() == value.KindMap:
		return in, errors.New("random can only be used on sequences and integers")
	case b.Has("start") || b.Has("step"):
		return in, errors.New("start and step can only be used with integer values")
	case len(items) == 0:
		return in, errors.New("cannot choose from an empty sequence")
	}
	return items[r.IntN(len(items))], nil
}

func shuffleFilter(c *Context, in value.Value, a Args) (value.Value, error) {
	b := a.Bind("seed?")
	items, err := iterate(c, in)
	if err != nil || b.Err != nil {
		return in, b.Err
	}
	out := append([]value.Value{}, items...)
	c.seeded(b.Value("seed")).Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return value.List(out...), nil
}
