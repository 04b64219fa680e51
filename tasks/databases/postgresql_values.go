package databases

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/value"
)

var (
	pgModifier = lazyregexp.New(`\(\d+(?:,-?\d+)?\)`)
	pgMoment   = lazyregexp.New(`^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d+))?([+-]\d\d(?::\d\d)*)?$`)
	pgSpan     = lazyregexp.New(`^(?:(-?\d+) years? ?)?(?:(-?\d+) mons? ?)?(?:(-?\d+) days? ?)?(?:(-?)(\d+):(\d\d):(\d\d)(?:\.(\d+))?)?$`)
)

// pgValue is a field of an answer as JSON has it: typ is its type as format_type
// names it, text what the server says with DateStyle ISO and IntervalStyle
// postgres. A type that JSON has not stays text.
func pgValue(typ, text string) value.Value {
	typ = pgModifier().ReplaceAllString(typ, "")
	if elem, ok := strings.CutSuffix(typ, "[]"); ok {
		return pgArray(elem, text)
	}
	switch typ {
	case "smallint", "integer", "bigint", "oid":
		if n, err := value.ParseNumber(text); err == nil {
			return n
		}
	case "real", "double precision", "numeric":
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return value.Float(f)
		}
	case "boolean":
		return value.Bool(text == "t")
	case "json", "jsonb":
		if v, err := value.ParseJSON([]byte(text)); err == nil {
			return v
		}
	case "timestamp without time zone", "timestamp with time zone":
		return value.String(pgTime(text))
	case "interval":
		return value.String(pgInterval(text))
	}
	return value.String(text)
}

// pgTime writes a moment in ISO 8601.
func pgTime(text string) string {
	m := pgMoment().FindStringSubmatch(text)
	if m == nil { // infinity, years before 1
		return text
	}
	out := m[1] + "T" + m[2]
	if m[3] != "" {
		out += "." + (m[3] + "000000")[:6]
	}
	if out += m[4]; len(m[4]) == 3 {
		out += ":00"
	}
	return out
}

// pgInterval writes a span of time as days and hours, a month as 30 days and a
// year as 365: "1 day, 2:03:04".
func pgInterval(text string) string {
	m := pgSpan().FindStringSubmatch(text)
	if m == nil {
		return text
	}
	n := func(i int) int64 { x, _ := strconv.ParseInt(m[i], 10, 64); return x }
	const day = 24 * 60 * 60 * 1_000_000 // in microseconds
	clock := ((n(5)*60+n(6))*60+n(7))*1_000_000 + func() int64 { x, _ := strconv.ParseInt((m[8] + "000000")[:6], 10, 64); return x }()
	if m[4] == "-" {
		clock = -clock
	}
	all := (n(1)*365+n(2)*30+n(3))*day + clock
	days := int64(math.Floor(float64(all) / day))
	all -= days * day
	out := ""
	switch {
	case days == 1 || days == -1:
		out = fmt.Sprintf("%d day, ", days)
	case days != 0:
		out = fmt.Sprintf("%d days, ", days)
	}
	s := all / 1_000_000
	out += fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	if us := all % 1_000_000; us != 0 {
		out += fmt.Sprintf(".%06d", us)
	}
	return out
}

// pgArray reads an array as the server writes it: {1,NULL,"a b",{2}}.
func pgArray(elem, text string) value.Value {
	switch elem {
	case "uuid", "inet", "cidr", "macaddr", "interval", "bytea", "money", "xml", "bit":
		return value.String(text)
	}
	i := strings.IndexByte(text, '{')
	if i < 0 {
		return value.String(text)
	}
	v, rest, ok := pgArrayItems(elem, text[i+1:])
	if !ok || rest != "" {
		return value.String(text)
	}
	return v
}

func pgArrayItems(elem, s string) (value.Value, string, bool) {
	items := []value.Value{}
	for s != "" {
		var item value.Value
		switch s[0] {
		case '}':
			return value.List(items...), s[1:], true
		case ',':
			s = s[1:]
			continue
		case '{':
			var ok bool
			if item, s, ok = pgArrayItems(elem, s[1:]); !ok {
				return value.Null, "", false
			}
		case '"':
			var b strings.Builder
			i := 1
			for ; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' && i+1 < len(s) {
					i++
				}
				b.WriteByte(s[i])
			}
			if i >= len(s) {
				return value.Null, "", false
			}
			item, s = pgValue(elem, b.String()), s[i+1:]
		default:
			i := strings.IndexAny(s, ",}")
			if i < 0 {
				return value.Null, "", false
			}
			if item = value.Null; s[:i] != "NULL" {
				item = pgValue(elem, s[:i])
			}
			s = s[i:]
		}
		items = append(items, item)
	}
	return value.Null, "", false
}

// pgLiteral writes a value of an argument as SQL has it with
// standard_conforming_strings on.
func pgLiteral(v value.Value) (string, error) {
	switch v.Kind() {
	case value.KindNull:
		return "NULL", nil
	case value.KindBool:
		return strconv.FormatBool(v.AsBool()), nil
	case value.KindInt, value.KindFloat:
		if text := v.Text(); strings.HasPrefix(text, "-") {
			return " " + text, nil // "1 - -1", not a comment
		} else if strings.Trim(text, "0123456789.e+-") == "" {
			return text, nil
		}
		return "'" + map[bool]string{true: "NaN", false: "Infinity"}[v.Text() == "nan"] + "'::float", nil
	case value.KindString:
		return "'" + strings.ReplaceAll(v.Str(), "'", "''") + "'", nil
	case value.KindList:
		return pgLiteral(value.String("{" + strings.Trim(v.Repr(), "[]") + "}"))
	}
	return "", fmt.Errorf("can't adapt type '%s'", v.TypeName())
}

// sqlBind puts arguments in the places of a statement, %s or %(name)s; %% is a
// percent sign. literal writes one.
func sqlBind(query string, args value.Value, literal func(value.Value) (string, error)) (string, error) {
	var b strings.Builder
	used := 0
	for {
		head, rest, found := strings.Cut(query, "%")
		b.WriteString(head)
		if !found {
			break
		}
		var v value.Value
		switch {
		case strings.HasPrefix(rest, "%"):
			b.WriteByte('%')
			query = rest[1:]
			continue
		case strings.HasPrefix(rest, "s") && args.Kind() == value.KindList:
			if used >= args.Len() {
				return "", fmt.Errorf("the statement has more places %%s than there are positional_args (%d)", args.Len())
			}
			v, query = args.Items()[used], rest[1:]
			used++
		case strings.HasPrefix(rest, "("):
			name, after, ok := strings.Cut(rest[1:], ")s")
			if !ok || args.Kind() != value.KindMap {
				return "", fmt.Errorf("%%(%s is no place for an argument: write %%(name)s and give named_args", rest[1:min(len(rest), 12)])
			}
			if v, ok = args.Get(name); !ok {
				return "", fmt.Errorf("named_args has no %q", name)
			}
			query = after
		default:
			return "", fmt.Errorf("%%%.1s is no place for an argument: write %%s, %%(name)s, or %%%% for a percent sign", rest)
		}
		text, err := literal(v)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
	}
	if args.Kind() == value.KindList && used < args.Len() {
		return "", fmt.Errorf("not all of positional_args have a place %%s in the statement (%d of %d)", used, args.Len())
	}
	return b.String(), nil
}

// boundArgs are the arguments for a statement, null for none.
func boundArgs(positional module.Opt[[]value.Value], named *value.Map) value.Value {
	if p, ok := positional.Get(); ok && len(p) > 0 {
		return value.List(p...)
	}
	if named != nil && named.Len() > 0 {
		return value.FromMap(named)
	}
	return value.Null
}

// csvRows takes CSV apart as psql writes it: an empty line is a row of one empty
// field, which encoding/csv leaves out.
func csvRows(text string) (all [][]string) {
	for text != "" {
		var row []string
		for more := true; more; {
			var field string
			if strings.HasPrefix(text, `"`) {
				var b strings.Builder
				for text = text[1:]; ; {
					part, rest, found := strings.Cut(text, `"`)
					b.WriteString(part)
					if text = rest; !found || !strings.HasPrefix(rest, `"`) {
						break
					}
					b.WriteByte('"')
					text = rest[1:]
				}
				field = b.String()
			} else {
				n := strings.IndexAny(text, ",\n")
				if n < 0 {
					n = len(text)
				}
				field, text = text[:n], text[n:]
			}
			row = append(row, field)
			more = strings.HasPrefix(text, ",")
			if text != "" {
				text = text[1:]
			}
		}
		all = append(all, row)
	}
	return all
}
