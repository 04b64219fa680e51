package vars

import (
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/value"
)

// lookupSubelements pairs each dict of a list with each element of a list in it.
func lookupSubelements(_ *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	const expects = "subelements lookup expects a list of two or three items, "
	if len(terms) < 2 || len(terms) > 3 {
		return nil, says(expects)
	}
	if !terms[1].IsString() {
		return nil, says(expects + "first a dict or a list, second a string pointing to the subkey")
	}
	skipMissing := false
	if len(terms) > 2 {
		if terms[2].Map() == nil { // of other flags Ansible says nothing
			return nil, says(expects + "the optional third item must be a dict with flags skip_missing")
		}
		v, _ := terms[2].Get("skip_missing")
		skipMissing = jinja.ToBool(v)
	}
	elements := []value.Value{terms[0]}
	if terms[0].Kind() == value.KindList {
		elements = terms[0].Items()
	}
	if m := terms[0].Map(); m != nil && !isSkipped(terms[0]) {
		elements = nil
		for _, v := range m.All() {
			elements = append(elements, v)
		}
	}
	keys := strings.Split(terms[1].Str(), ".")
	var out []value.Value
	for _, e := range elements {
		if e.Map() == nil {
			return nil, says("subelements lookup expects a dictionary, got '%s'", e.Text())
		}
		if isSkipped(e) {
			continue
		}
		subs, err := subelementsOf(e, keys, skipMissing)
		if err != nil {
			return nil, err
		}
		for _, sub := range subs {
			out = append(out, value.Tuple(without(e, keys), sub))
		}
	}
	return out, nil
}

// isSkipped tells whether v is the result of a skipped task.
func isSkipped(v value.Value) bool {
	skipped, ok := v.Get("skipped")
	return ok && skipped.Truthy()
}

// subelementsOf gives the list that a path of keys leads to.
func subelementsOf(e value.Value, keys []string, skipMissing bool) ([]value.Value, error) {
	at := e
	for i, key := range keys {
		next, ok := at.Get(key)
		switch {
		case !ok && skipMissing:
			return nil, nil
		case !ok:
			return nil, says("could not find '%s' key in iterated item '%s'", key, at.Text())
		case i == len(keys)-1 && next.Kind() != value.KindList:
			return nil, says("the key %s should point to a list, got '%s'", key, next.Text())
		case i < len(keys)-1 && next.Map() == nil && skipMissing:
			return nil, nil
		case i < len(keys)-1 && next.Map() == nil:
			return nil, says("the key %s should point to a dictionary, got '%s'", key, next.Text())
		}
		at = next
	}
	return at.Items(), nil
}

// without is a dict without what a path of keys leads to.
func without(v value.Value, keys []string) value.Value {
	m := v.Map().Clone()
	if len(keys) == 1 {
		m.Delete(keys[0])
	} else if inner, ok := m.Get(keys[0]); ok && inner.Map() != nil {
		m.Set(keys[0], without(inner, keys[1:]))
	}
	return value.FromMap(m).WithMarks(v.Marks())
}

// sequence is what one term of with_sequence says.
type sequence struct {
	start, end, stride int64
	count              int64
	hasCount, hasEnd   bool
	format             string
}

var shortSequence = lazyregexp.New(`(?i)^(?:(-?(?:0x)?[0-9a-f]+)-)?(-?(?:0x)?[0-9a-f]+)(?:/(-?(?:0x)?[0-9a-f]+))?(?::(.+))?$`)

// leadingZero matches decimal numbers that Python refuses.
var leadingZero = lazyregexp.New(`^[-+]?0+[1-9]`)

// lookupSequence counts: "start=1 end=9 stride=2 format=n%02d", or "1-9/2:n%02d".
func lookupSequence(_ *Scope, terms []value.Value, opts jinja.Args) ([]value.Value, error) {
	var out []value.Value
	for _, t := range terms {
		q := sequence{start: 1, stride: 1, format: "%d"}
		for _, o := range opts.Kw {
			if err := q.set(o.Name, o.Value.Text()); err != nil {
				return nil, err
			}
		}
		if err := q.parse(t.Text()); err != nil {
			return nil, err
		}
		items, err := q.items()
		if err != nil {
			return nil, err
		}
		out = append(out, items...)
	}
	return out, nil
}

func (q *sequence) parse(text string) error {
	if m := shortSequence().FindStringSubmatch(strings.TrimSpace(text)); m != nil {
		for i, key := range []string{"start", "end", "stride", "format"} {
			if m[i+1] == "" {
				continue
			}
			if err := q.set(key, m[i+1]); err != nil {
				return err
			}
		}
		return nil
	}
	for _, word := range strings.Fields(text) {
		key, v, ok := strings.Cut(word, "=")
		if !ok {
			return says("unknown error parsing with_sequence arguments: %q", text)
		}
		if err := q.set(key, unquoted(v)); err != nil {
			return err
		}
	}
	return nil
}

func (q *sequence) set(key, text string) error {
	if key == "format" {
		q.format = text
		return nil
	}
	n, err := strconv.ParseInt(text, 0, 64)
	if err != nil || leadingZero().MatchString(text) {
		return says("can't parse %s=%s as integer", key, text)
	}
	switch key {
	case "start":
		q.start = n
	case "end":
		q.end, q.hasEnd = n, true
	case "stride":
		q.stride = n
	case "count":
		q.count, q.hasCount = n, true
	default:
		return says("unrecognized arguments to with_sequence: ['%s']", key)
	}
	return nil
}

// maxSequence bounds what one with_sequence may bring.
const maxSequence = 1_000_000

func (q *sequence) items() ([]value.Value, error) {
	switch {
	case !q.hasCount && !q.hasEnd:
		return nil, says("must specify count or end in with_sequence")
	case q.hasCount && q.hasEnd:
		return nil, says("can't specify both count and end in with_sequence")
	case q.hasCount && q.count == 0, q.stride == 0:
		return nil, nil
	case q.hasCount:
		q.end = q.start + q.count*q.stride - 1 // with a negative stride more than count, as in Ansible
	}
	switch {
	case q.stride > 0 && q.end < q.start:
		return nil, says("to count backwards make stride negative")
	case q.stride < 0 && q.end > q.start:
		return nil, says("to count forward don't make stride negative")
	case strings.Count(strings.ReplaceAll(q.format, "%%", ""), "%") != 1:
		return nil, says("bad formatting string: %s", q.format)
	case (q.end-q.start)/q.stride >= maxSequence:
		return nil, says("with_sequence is bounded to %d items", maxSequence)
	}
	var out []value.Value
	for i := q.start; q.stride > 0 && i <= q.end || q.stride < 0 && i >= q.end; i += q.stride {
		text, err := jinja.Percent(q.format, value.Int(i))
		if err != nil {
			return nil, says("problem formatting %d with '%s'", i, q.format)
		}
		out = append(out, value.String(text))
	}
	return out, nil
}

// lookupRandomChoice takes one of its terms.
func lookupRandomChoice(s *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	if len(terms) == 0 {
		return nil, nil
	}
	n := int(s.moment.Seed[0])<<8 | int(s.moment.Seed[1])
	return []value.Value{terms[n%len(terms)]}, nil
}
