package yaml

import (
	"encoding/base64"
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/value"
)

// The forms of YAML 1.1 scalars as PyYAML resolves them. A text that begins
// with none of firstChars is a string.
var (
	reFloat = lazyregexp.New(`^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?` +
		`|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$`)
	reInt = lazyregexp.New(`^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+` +
		`|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$`)
	reDate = lazyregexp.New(`^([0-9]{4})-([0-9]{2})-([0-9]{2})$`)
	reTime = lazyregexp.New(`^([0-9]{4})-([0-9][0-9]?)-([0-9][0-9]?)(?:[Tt]|[ \t]+)([0-9][0-9]?):([0-9]{2}):([0-9]{2})` +
		`(?:\.([0-9]*))?(?:[ \t]*(Z|([-+])([0-9][0-9]?)(?::?([0-9]{2}))?))?$`)
)

// ResolvePlain gives the value of an unquoted scalar. Dates, which Ansible
// reads as Python dates, become strings as Python writes them.
func ResolvePlain(s string) value.Value {
	if s == "" {
		return value.Null
	}
	switch c := s[0]; {
	case c >= '0' && c <= '9', c == '-', c == '+', c == '.':
		return resolveNumber(s)
	case strings.IndexByte("yYnNtTfFoO~", c) >= 0:
		return resolveWord(s)
	}
	return value.String(s)
}

func resolveWord(s string) value.Value {
	switch s {
	case "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
		return value.Bool(true)
	case "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		return value.Bool(false)
	case "~", "null", "Null", "NULL":
		return value.Null
	}
	return value.String(s)
}

func resolveNumber(s string) value.Value {
	if len(s) > 4096 { // no number anybody means
		return value.String(s)
	}
	var v value.Value
	err := errNotOne
	switch {
	case reFloat().MatchString(s):
		v, err = parseFloat(s)
	case reInt().MatchString(s):
		v, err = parseInt(s)
	default:
		if t, ok := parseTimestamp(s); ok {
			return value.String(t)
		}
	}
	if err != nil {
		return value.String(s)
	}
	return v
}

var (
	errNotOne     = errors.New("not of this type")
	errUnknownTag = errors.New("unknown tag")
)

// convertTagged gives the value of a scalar with an explicit tag of YAML.
func convertTagged(tag, s string) (value.Value, error) {
	switch tag {
	case "!!int":
		return parseInt(s)
	case "!!float":
		if v, err := parseFloat(s); err == nil {
			return v, nil
		}
		f, err := strconv.ParseFloat(s, 64)
		return value.Float(f), err
	case "!!bool":
		switch strings.ToLower(s) {
		case "yes", "true", "on":
			return value.Bool(true), nil
		case "no", "false", "off":
			return value.Bool(false), nil
		}
		return value.Null, errNotOne
	case "!!null":
		return value.Null, nil
	case "!!timestamp":
		if t, ok := parseTimestamp(s); ok {
			return value.String(t), nil
		}
		return value.Null, errNotOne
	case "!!binary":
		b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
		return value.String(string(b)), err
	}
	return value.Null, errUnknownTag
}

func splitSign(s string) (neg bool, rest string) {
	switch {
	case strings.HasPrefix(s, "-"):
		return true, s[1:]
	case strings.HasPrefix(s, "+"):
		return false, s[1:]
	}
	return false, s
}

func parseInt(s string) (value.Value, error) {
	neg, d := splitSign(strings.ReplaceAll(s, "_", ""))
	base := 10
	switch {
	case d == "0":
		return value.Int(0), nil
	case strings.HasPrefix(d, "0b"):
		base, d = 2, d[2:]
	case strings.HasPrefix(d, "0x"):
		base, d = 16, d[2:]
	case strings.HasPrefix(d, "0"):
		base = 8
	case strings.Contains(d, ":"):
		return base60Int(neg, d)
	}
	i, ok := new(big.Int).SetString(d, base)
	if !ok || strings.ContainsAny(d, "+-") {
		return value.Null, errNotOne
	}
	if neg {
		i.Neg(i)
	}
	return value.BigInt(i), nil
}

func base60Int(neg bool, d string) (value.Value, error) {
	sum := new(big.Int)
	for part := range strings.SplitSeq(d, ":") {
		n, err := strconv.ParseUint(part, 10, 63)
		if err != nil {
			return value.Null, errNotOne
		}
		sum.Mul(sum, big.NewInt(60)).Add(sum, big.NewInt(int64(n)))
	}
	if neg {
		sum.Neg(sum)
	}
	return value.BigInt(sum), nil
}

func parseFloat(s string) (value.Value, error) {
	neg, d := splitSign(strings.ToLower(strings.ReplaceAll(s, "_", "")))
	sign := 1.0
	if neg {
		sign = -1
	}
	switch {
	case d == ".inf":
		return value.Float(math.Inf(int(sign))), nil
	case d == ".nan":
		return value.Float(math.NaN()), nil
	case strings.Contains(d, ":"):
		sum := 0.0
		for part := range strings.SplitSeq(d, ":") {
			f, err := strconv.ParseFloat(part, 64)
			if err != nil {
				return value.Null, errNotOne
			}
			sum = sum*60 + f
		}
		return value.Float(sign * sum), nil
	}
	f, err := strconv.ParseFloat(d, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return value.Null, errNotOne
	}
	return value.Float(sign * f), nil
}

// parseTimestamp reads a date or a time and writes it as Python's str() does.
func parseTimestamp(s string) (string, bool) {
	if m := reDate().FindStringSubmatch(s); m != nil {
		if _, err := time.Parse("2006-01-02", s); err != nil {
			return "", false
		}
		return s, true
	}
	m := reTime().FindStringSubmatch(s)
	if m == nil {
		return "", false
	}
	n := func(i int) int { x, _ := strconv.Atoi(m[i]); return x }
	frac := m[7]
	if len(frac) > 6 {
		frac = frac[:6]
	}
	micro, _ := strconv.Atoi((frac + "000000")[:6])
	t := time.Date(n(1), time.Month(n(2)), n(3), n(4), n(5), n(6), micro*1000, time.UTC)
	if t.Day() != n(3) || t.Hour() != n(4) || t.Minute() != n(5) || t.Second() != n(6) {
		return "", false
	}
	out := t.Format("2006-01-02 15:04:05")
	if micro != 0 {
		out += t.Format(".000000")
	}
	switch {
	case m[8] == "Z":
		out += "+00:00"
	case m[8] != "":
		out += m[9] + (time.Time{}).Add(time.Duration(n(10))*time.Hour+time.Duration(n(11))*time.Minute).Format("15:04")
	}
	return out, true
}
