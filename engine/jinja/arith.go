package jinja

import (
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

func negate(v value.Value, op byte) (value.Value, error) {
	switch v.Kind() {
	case value.KindFloat:
		x, _ := v.AsFloat()
		if op == '-' {
			x = -x
		}
		return value.Float(x).WithMarks(marksOf(v)), nil
	case value.KindInt, value.KindBool:
		i := v.AsBigInt()
		if op == '-' {
			i = new(big.Int).Neg(i)
		}
		return value.BigInt(i).WithMarks(marksOf(v)), nil
	}
	return v, fmt.Errorf("bad operand type for unary %c: '%s'", op, v.TypeName())
}

// arith is one of + - * / // % ** on known values, with Python's rules.
func arith(c *Context, op string, a, b value.Value) (value.Value, error) {
	for _, v := range []value.Value{a, b} {
		if v.IsUndefined() {
			return v, undefinedError(v)
		}
	}
	switch {
	case op == "%" && a.IsString():
		return percentFormat(c, a, b)
	case a.IsNumber() && b.IsNumber():
		return numbers(c, op, a, b)
	case op == "+":
		if v, ok, err := plus(c, a, b); ok || err != nil {
			return v, err
		}
	case op == "*":
		if n, ok := b.AsInt(); ok && repeatable(a) {
			return repeat(c, a, n)
		}
		if n, ok := a.AsInt(); ok && repeatable(b) {
			return repeat(c, b, n)
		}
	}
	if v, ok := timeArith(op, a, b); ok {
		return v, nil
	}
	if op == "**" {
		op = "** or pow()"
	}
	return a, fmt.Errorf("unsupported operand type(s) for %s: '%s' and '%s'", op, a.TypeName(), b.TypeName())
}

func repeatable(v value.Value) bool {
	return v.Kind() == value.KindString || v.Kind() == value.KindList
}

func plus(c *Context, a, b value.Value) (value.Value, bool, error) {
	switch {
	case a.IsString() && b.IsString():
		if len(a.Str())+len(b.Str()) > c.Limits.Output {
			return a, true, limitError("a string longer than %d bytes", c.Limits.Output)
		}
		return value.String(a.Str() + b.Str()), true, nil
	case a.IsString():
		return a, true, fmt.Errorf("can only concatenate str (not \"%s\") to str", b.TypeName())
	case a.Kind() == value.KindList && b.Kind() == value.KindList && a.IsTuple() == b.IsTuple():
		if err := c.step(a.Len() + b.Len()); err != nil {
			return a, true, err
		}
		items := make([]value.Value, 0, a.Len()+b.Len())
		items = append(append(items, a.Items()...), b.Items()...)
		if a.IsTuple() {
			return value.Tuple(items...), true, nil
		}
		return value.List(items...), true, nil
	case a.Kind() == value.KindList:
		return a, true, fmt.Errorf("can only concatenate %s (not \"%s\") to %s", a.TypeName(), b.TypeName(), a.TypeName())
	}
	return a, false, nil
}

func repeat(c *Context, v value.Value, n int64) (value.Value, error) {
	n = max(n, 0)
	size := int64(len(v.Str()) + v.Len())
	if v.IsString() {
		size = int64(len(v.Str()))
		if n > 0 && size > int64(c.Limits.Output)/n {
			return v, limitError("a string longer than %d bytes", c.Limits.Output)
		}
		if err := c.step(int(size * n / 64)); err != nil {
			return v, err
		}
		return value.String(strings.Repeat(v.Str(), int(n))), nil
	}
	if n > 0 && size > int64(c.Limits.Items)/n {
		return v, limitError("a list of more than %d elements", c.Limits.Items)
	}
	if err := c.step(int(size * n)); err != nil {
		return v, err
	}
	var out []value.Value
	for range n {
		out = append(out, v.Items()...)
	}
	if v.IsTuple() {
		return value.Tuple(out...), nil
	}
	return value.List(out...), nil
}

func numbers(c *Context, op string, a, b value.Value) (value.Value, error) {
	if a.Kind() != value.KindFloat && b.Kind() != value.KindFloat && op != "/" {
		return integers(c, op, a, b)
	}
	x, _ := a.AsFloat()
	y, _ := b.AsFloat()
	switch op {
	case "+":
		return value.Float(x + y), nil
	case "-":
		return value.Float(x - y), nil
	case "*":
		return value.Float(x * y), nil
	case "**":
		if x == 0 && y < 0 {
			return a, raise("ZeroDivisionError", "0.0 cannot be raised to a negative power")
		}
		r := math.Pow(x, y)
		if math.IsInf(r, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
			return a, raise("OverflowError", "numerical result out of range")
		}
		return value.Float(r), nil
	}
	if y == 0 {
		if a.Kind() != value.KindFloat && b.Kind() != value.KindFloat {
			return a, raise("ZeroDivisionError", "division by zero")
		}
		return a, raise("ZeroDivisionError", "%s", map[string]string{"/": "float division by zero", "//": "float floor division by zero", "%": "float modulo"}[op])
	}
	if math.IsInf(x, 0) && op == "/" {
		return a, raise("OverflowError", "integer division result too large for a float")
	}
	switch op {
	case "/":
		return value.Float(x / y), nil
	case "//":
		return value.Float(math.Floor(x / y)), nil
	}
	m := math.Mod(x, y)
	if m != 0 && (m < 0) != (y < 0) {
		m += y
	}
	return value.Float(m), nil
}

const maxBits = 1 << 16

func integers(c *Context, op string, a, b value.Value) (value.Value, error) {
	if x, ok := a.AsInt(); ok {
		if y, ok := b.AsInt(); ok {
			switch op {
			case "+":
				if s := x + y; (s > x) == (y > 0) {
					return value.Int(s), nil
				}
			case "-":
				if s := x - y; (s < x) == (y > 0) {
					return value.Int(s), nil
				}
			}
		}
	}
	x, y := a.AsBigInt(), b.AsBigInt()
	z := new(big.Int)
	switch op {
	case "+":
		return value.BigInt(z.Add(x, y)), nil
	case "-":
		return value.BigInt(z.Sub(x, y)), nil
	case "*":
		if x.BitLen()+y.BitLen() > maxBits {
			return a, limitError("an integer of more than %d bits", maxBits)
		}
		return value.BigInt(z.Mul(x, y)), nil
	case "**":
		return power(c, x, y)
	}
	if y.Sign() == 0 {
		return a, raise("ZeroDivisionError", "%s", map[string]string{"//": "integer division or modulo by zero", "%": "integer modulo by zero"}[op])
	}
	m := new(big.Int)
	z.QuoRem(x, y, m)
	if m.Sign() != 0 && m.Sign() != y.Sign() {
		z.Sub(z, big.NewInt(1))
		m.Add(m, y)
	}
	if op == "//" {
		return value.BigInt(z), nil
	}
	return value.BigInt(m), nil
}

func power(_ *Context, x, y *big.Int) (value.Value, error) {
	if y.Sign() < 0 {
		if x.Sign() == 0 {
			return value.Null, raise("ZeroDivisionError", "0.0 cannot be raised to a negative power")
		}
		f, _ := new(big.Float).SetInt(x).Float64()
		g, _ := new(big.Float).SetInt(y).Float64()
		return value.Float(math.Pow(f, g)), nil
	}
	if x.BitLen() > 1 && (!y.IsInt64() || y.Int64() > maxBits || int64(x.BitLen())*y.Int64() > maxBits) {
		return value.Null, limitError("an integer of more than %d bits", maxBits)
	}
	if x.BitLen() <= 1 && !y.IsInt64() {
		y = new(big.Int).Add(new(big.Int).And(y, big.NewInt(1)), big.NewInt(2))
	}
	return value.BigInt(new(big.Int).Exp(x, y, nil)), nil
}
