package jinja

import (
	"fmt"
	"math/big"
	"strings"
	"unicode"

	"github.com/fairlead-project/fairlead/engine/value"
)

type pred func(v value.Value) bool

func is(p pred) Test {
	return Test{Fn: func(_ *Context, v value.Value, a Args) (bool, error) { return p(v), a.Bind().Err }}
}

func ofKind(ks ...value.Kind) Test {
	return is(func(v value.Value) bool {
		for _, k := range ks {
			if v.Kind() == k {
				return true
			}
		}
		return false
	})
}

func cmpTest(op string) Test {
	return Test{Fn: func(c *Context, v value.Value, a Args) (bool, error) {
		b := a.Bind("other")
		if b.Err != nil {
			return false, b.Err
		}
		if op == "in" {
			return contains(c, b.Value("other"), v)
		}
		return ordered(op, v, b.Value("other"))
	}}
}

func cased2(want, not func(rune) bool) Test {
	return is(func(v value.Value) bool {
		s := v.Text()
		return strings.IndexFunc(s, want) >= 0 && strings.IndexFunc(s, not) < 0
	})
}

func modTest(f func(v value.Value, n *big.Int) (bool, error)) func(*Context, value.Value, Args) (bool, error) {
	return func(_ *Context, v value.Value, a Args) (bool, error) {
		b := a.Bind("num?")
		n := big.NewInt(2)
		if b.Has("num") {
			n = b.Value("num").AsBigInt()
		}
		if b.Err != nil {
			return false, b.Err
		}
		if v.Kind() == value.KindFloat {
			x, _ := v.AsFloat()
			v = floatToInt(x)
			if y, _ := v.AsFloat(); y != x {
				return false, nil
			}
		}
		if v.AsBigInt() == nil || n == nil {
			return false, fmt.Errorf("unsupported operand type(s) for %%: '%s' and 'int'", v.TypeName())
		}
		if n.Sign() == 0 {
			return false, fmt.Errorf("integer modulo by zero")
		}
		return f(v, new(big.Int).Mod(v.AsBigInt(), n))
	}
}

func isObject[T value.Object](v value.Value) bool {
	_, ok := v.Object().(T)
	return ok
}

func addBuiltinTests(e *Env) {
	t := e.Tests
	t["boolean"] = ofKind(value.KindBool)
	t["callable"] = is(isObject[Callable])
	t["defined"] = Test{TakesUndefined: true, TakesUnknown: true, Fn: func(_ *Context, v value.Value, a Args) (bool, error) {
		return !v.IsUndefined(), a.Bind().Err
	}}
	t["undefined"] = Test{TakesUndefined: true, TakesUnknown: true, Fn: func(_ *Context, v value.Value, a Args) (bool, error) {
		return v.IsUndefined(), a.Bind().Err
	}}
	t["divisibleby"] = Test{Fn: modTest(func(_ value.Value, n *big.Int) (bool, error) { return n.Sign() == 0, nil })}
	t["even"] = Test{Fn: modTest(func(_ value.Value, n *big.Int) (bool, error) { return n.Sign() == 0, nil })}
	t["odd"] = Test{Fn: modTest(func(_ value.Value, n *big.Int) (bool, error) { return n.Sign() != 0, nil })}
	t["escaped"] = is(func(value.Value) bool { return false })
	t["false"] = is(func(v value.Value) bool { return v.Kind() == value.KindBool && !v.AsBool() })
	t["true"] = is(func(v value.Value) bool { return v.AsBool() })
	t["filter"] = Test{Fn: func(c *Context, v value.Value, _ Args) (bool, error) {
		_, ok := c.Env.Filters[v.Text()]
		return ok, nil
	}}
	t["test"] = Test{Fn: func(c *Context, v value.Value, _ Args) (bool, error) { _, ok := c.Env.Tests[v.Text()]; return ok, nil }}
	t["float"] = ofKind(value.KindFloat)
	t["integer"] = ofKind(value.KindInt)
	t["number"] = is(value.Value.IsNumber)
	t["mapping"] = is(func(v value.Value) bool { return v.Kind() == value.KindMap || isObject[Mapping](v) })
	t["none"] = ofKind(value.KindNull)
	t["string"] = ofKind(value.KindString)
	t["sequence"] = is(func(v value.Value) bool {
		return v.Kind() == value.KindList || v.Kind() == value.KindMap || v.IsString() || isObject[Sequence](v)
	})
	t["iterable"] = t["sequence"]
	t["lower"] = cased2(unicode.IsLower, unicode.IsUpper)
	t["upper"] = cased2(unicode.IsUpper, unicode.IsLower)
	t["sameas"] = Test{Fn: func(_ *Context, v value.Value, a Args) (bool, error) {
		b := a.Bind("other")
		o := b.Value("other")
		if v.IsUndefined() || o.IsUndefined() {
			return v.Undef() == o.Undef(), b.Err
		}
		if v.Kind() != o.Kind() {
			return false, b.Err
		}
		if id := v.Identity(); id != nil {
			return id == o.Identity(), b.Err
		}
		return equal(v, o), b.Err
	}}
	for name, op := range map[string]string{"eq": "==", "equalto": "==", "==": "==", "ne": "!=", "!=": "!=", "lt": "<", "lessthan": "<",
		"<": "<", "le": "<=", "<=": "<=", "gt": ">", "greaterthan": ">", ">": ">", "ge": ">=", ">=": ">=", "in": "in"} {
		t[name] = cmpTest(op)
	}
	// These only look at the kind, which an undefined value has too.
	for _, name := range []string{"mapping", "sequence", "string", "number", "none", "boolean", "integer", "float", "true", "false", "sameas"} {
		x := t[name]
		x.TakesUndefined = true
		t[name] = x
	}
	// Containers keep unknown elements: what kind of thing one is stays known.
	for _, name := range []string{"mapping", "sequence", "iterable", "string", "number", "none", "boolean"} {
		x := t[name]
		inner := x.Fn
		x.TakesUnknown = true
		x.Fn = func(c *Context, v value.Value, a Args) (bool, error) {
			if v.IsUnknown() {
				return false, unknownSignal{v}
			}
			return inner(c, v, a)
		}
		t[name] = x
	}
}
