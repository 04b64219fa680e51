package pyliteral

import (
	"errors"
	"math/big"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/value"
)

var (
	reLiteralInt   = lazyregexp.New(`^(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|[1-9](?:_?[0-9])*|0(?:_?0)*)`)
	reLiteralFloat = lazyregexp.New(`^(?:[0-9](?:_?[0-9])*\.(?:[0-9](?:_?[0-9])*)?|\.[0-9](?:_?[0-9])*|[0-9](?:_?[0-9])*(?:[eE]))`)
	reExponent     = lazyregexp.New(`^[eE][-+]?[0-9](?:_?[0-9])*`)
	reNumberTail   = lazyregexp.New(`^[A-Za-z0-9_.]`)
)

const maxIntDigits = 4300 // Python's own limit

func (p *literalParser) number() (value.Value, error) {
	rest := p.s[p.i:]
	if m := reLiteralFloat().FindString(rest); m != "" {
		m = strings.TrimRight(m, "eE")
		if e := reExponent().FindString(rest[len(m):]); e != "" || strings.Contains(m, ".") {
			return p.float(m + e)
		}
		return value.Null, errNoLiteral
	}
	m := reLiteralInt().FindString(rest)
	if m == "" || len(m) > maxIntDigits || reNumberTail().MatchString(rest[len(m):]) {
		return value.Null, errNoLiteral
	}
	i, ok := new(big.Int).SetString(m, 0)
	if !ok {
		return value.Null, errNoLiteral
	}
	p.i += len(m)
	return value.BigInt(i), nil
}

func (p *literalParser) float(text string) (value.Value, error) {
	if reNumberTail().MatchString(p.s[p.i+len(text):]) {
		return value.Null, errNoLiteral
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return value.Null, errNoLiteral
	}
	p.i += len(text)
	return value.Float(f), nil
}

func negate(v value.Value) value.Value {
	if f, ok := v.AsFloat(); ok && v.Kind() == value.KindFloat {
		return value.Float(-f)
	}
	return value.BigInt(new(big.Int).Neg(v.AsBigInt()))
}
