package module

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/pyliteral"
	"github.com/fairlead-project/fairlead/engine/value"
)

// convert turns v into the type t (elements of a list into elem), as Ansible
// converts arguments. Marks are kept.
func convert(v value.Value, t Type) (value.Value, error) {
	if v.IsUnknown() {
		return v, nil
	}
	out, err := convertTo(v, t)
	return out.WithMarks(v.Marks()), err
}

// Convert turns a value into the type t as Ansible converts arguments, for
// modules that check values by a specification of their own.
func Convert(v value.Value, t Type) (value.Value, error) { return convert(v, t) }

func convertTo(v value.Value, t Type) (value.Value, error) {
	switch t {
	case Str, Path, "":
		if v.IsNull() {
			return v, fmt.Errorf("'None' is not a string and conversion is not allowed")
		}
		return value.String(v.Text()), nil
	case Bool:
		return toBool(v)
	case Int:
		return toInt(v)
	case Float:
		return toFloat(v)
	case List:
		return toList(v)
	case Dict:
		return toDict(v)
	case Mode:
		return toMode(v)
	case Bytes:
		return toBytes(v)
	}
	return v, nil
}

// boolWords are the texts that Ansible takes for a boolean, in lower case.
var boolWords = map[string]bool{
	"y": true, "yes": true, "on": true, "1": true, "true": true, "t": true, "1.0": true,
	"n": false, "no": false, "off": false, "0": false, "false": false, "f": false, "0.0": false,
}

// BoolWord reads a text as Ansible's boolean() does; known is false for one that is none.
func BoolWord(text string) (b, known bool) {
	b, known = boolWords[strings.ToLower(strings.TrimSpace(text))]
	return b, known
}

func toBool(v value.Value) (value.Value, error) {
	switch v.Kind() {
	case value.KindBool:
		return v, nil
	case value.KindString, value.KindInt, value.KindFloat:
		text := v.Text()
		if b, ok := BoolWord(text); ok {
			return value.Bool(b), nil
		}
		return v, NotBool(text)
	}
	return v, cannot(v, "a bool")
}

// NotBool is a text that is no boolean.
type NotBool string

// Error is a sentence, as Ansible's is.
func (e NotBool) Error() string {
	return "The value '" + string(e) + "' is not a valid boolean.  Valid booleans include: " +
		"0, 1, '0', '1', 'f', 'false', 'n', 'no', 'off', 'on', 't', 'true', 'y', 'yes'"
}

func toInt(v value.Value) (value.Value, error) {
	switch v.Kind() {
	case value.KindInt:
		return v, nil
	case value.KindBool:
		n, _ := v.AsInt()
		return value.Int(n), nil
	case value.KindString:
		s := strings.ReplaceAll(strings.TrimSpace(v.Str()), "_", "")
		if n, ok := new(big.Int).SetString(s, 10); ok && s != "" {
			return value.BigInt(n), nil
		}
	}
	return v, cannot(v, "an int")
}

func toFloat(v value.Value) (value.Value, error) {
	if v.Kind() == value.KindString {
		if f, err := strconv.ParseFloat(strings.TrimSpace(v.Str()), 64); err == nil {
			return value.Float(f), nil
		}
		return v, cannot(v, "a float")
	}
	if f, ok := v.AsFloat(); ok && v.Kind() != value.KindBool {
		return value.Float(f), nil
	}
	return v, cannot(v, "a float")
}

func toList(v value.Value) (value.Value, error) {
	switch v.Kind() {
	case value.KindList:
		return value.List(v.Items()...), nil
	case value.KindString:
		parts := strings.Split(v.Str(), ",")
		items := make([]value.Value, len(parts))
		for i, p := range parts {
			items[i] = value.String(p).WithMarks(v.Marks())
		}
		return value.List(items...), nil
	case value.KindInt, value.KindFloat, value.KindBool:
		return value.List(value.String(v.Text())), nil
	}
	return v, cannot(v, "a list")
}

func toDict(v value.Value) (value.Value, error) {
	switch v.Kind() {
	case value.KindMap:
		return v, nil
	case value.KindString:
		s := v.Str()
		switch {
		case strings.HasPrefix(s, "{"):
			if d, err := value.ParseJSON([]byte(s)); err == nil && d.Kind() == value.KindMap {
				return d.MarkDeep(v.Marks()), nil
			}
			if d, ok := pyliteral.Parse(s); ok && d.Kind() == value.KindMap {
				return d.MarkDeep(v.Marks()), nil
			}
			return v, fmt.Errorf("unable to evaluate string as dictionary")
		case strings.Contains(s, "="):
			return keyValues(strings.TrimSpace(s), v.Marks())
		}
		return v, fmt.Errorf("dictionary requested, could not parse JSON or key=value")
	}
	return v, cannot(v, "a dict")
}

// keyValues reads "a=1, b='x y'" where commas and blanks separate.
func keyValues(s string, marks value.Marks) (value.Value, error) {
	m := value.NewMap()
	var field strings.Builder
	var quote byte
	var escaped bool
	fields := 0
	flush := func() error {
		if field.Len() == 0 {
			return nil
		}
		k, val, ok := strings.Cut(field.String(), "=")
		if !ok {
			return fmt.Errorf("dictionary update sequence element #%d has length 1; 2 is required", fields)
		}
		fields++
		m.Set(k, value.String(val).WithMarks(marks))
		field.Reset()
		return nil
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case escaped:
			field.WriteByte(c)
			escaped = false
		case c == '\\':
			escaped = true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case quote == 0 && (c == ',' || c == ' '):
			if err := flush(); err != nil {
				return value.Null, err
			}
		default:
			field.WriteByte(c)
		}
	}
	err := flush()
	return value.FromMap(m), err
}

// toMode accepts numbers and texts; the value itself is kept, since a number
// and a text are read differently.
func toMode(v value.Value) (value.Value, error) {
	switch v.Kind() {
	case value.KindString:
		return v, nil
	case value.KindInt:
		if n, ok := v.AsInt(); ok && n >= 0 {
			return v, nil
		}
	}
	return v, fmt.Errorf("%s cannot be converted to a file mode", pyType(v))
}

// modeText is the text of a mode: a number as octal digits.
func modeText(v value.Value) string {
	if n, ok := v.AsInt(); ok && v.Kind() == value.KindInt {
		return fmt.Sprintf("0%03o", n)
	}
	return v.Text()
}

var sizeText = lazyregexp.New(`^\s*(\d*\.?\d*)\s*([A-Za-z]+)?\s*$`)

// toBytes reads a size: a number, or a number with a unit of 1024s (K, MB, GiB ...).
func toBytes(v value.Value) (value.Value, error) {
	if v.Kind() == value.KindInt {
		return v, nil
	}
	m := sizeText().FindStringSubmatch(v.Text())
	if v.Kind() == value.KindList || v.Kind() == value.KindMap || m == nil || m[1] == "" {
		return v, fmt.Errorf("%s cannot be converted to a Byte value", pyType(v))
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return v, fmt.Errorf("%s cannot be converted to a Byte value", pyType(v))
	}
	unit := strings.ToUpper(m[2])
	if unit == "" || unit == "B" || unit == "BYTES" || unit == "BYTE" {
		return value.Int(int64(math.Round(n))), nil
	}
	power := strings.IndexByte("BKMGTPEZY", unit[0])
	if power <= 0 || (unit[1:] != "" && unit[1:] != "B" && unit[1:] != "IB") {
		return v, fmt.Errorf("%s cannot be converted to a Byte value", pyType(v))
	}
	return value.Int(int64(math.Round(n * math.Pow(1024, float64(power))))), nil
}

func cannot(v value.Value, what string) error {
	return fmt.Errorf("%s cannot be converted to %s", pyType(v), what)
}

// pyType is how Python writes the type of v.
func pyType(v value.Value) string { return "<class '" + v.TypeName() + "'>" }

// jsonText is v as JSON on one line, for default values in documentation.
func jsonText(v value.Value) string {
	b, err := json.Marshal(v)
	if err != nil {
		return v.Text()
	}
	return string(b)
}
