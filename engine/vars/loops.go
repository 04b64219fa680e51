package vars

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/value"
)

// lookupSubelements pairs each dict of a list with each element of a list in it.
func lookupSubelements(_ *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	if len(terms) < 2 || !terms[1].IsString() {
		return nil, says("subelements lookup expects a list of two or three items, ")
	}
	skipMissing := false
	if len(terms) > 2 {
		v, _ := terms[2].Get("skip_missing")
		skipMissing = jinja.ToBool(v)
	}
	elements := terms[0].Items()
	if m := terms[0].Map(); m != nil {
		for _, v := range m.All() {
			elements = append(elements, v)
		}
	} else if terms[0].Kind() != value.KindList {
		return nil, fmt.Errorf("subelements lookup expects a dict or a list first, not a %s", terms[0].TypeName())
	}
	keys := strings.Split(terms[1].Str(), ".")
	var out []value.Value
	for _, e := range elements {
		if e.Map() == nil {
			return nil, fmt.Errorf("subelements lookup expects a dictionary, got '%s'", e.Text())
		}
		if skipped, ok := e.Get("skipped"); ok && skipped.Truthy() {
			continue
		}
		subs, found := e, true
		for _, key := range keys {
			if subs, found = subs.Get(key); !found {
				break
			}
		}
		switch {
		case found && subs.Kind() == value.KindList:
			for _, sub := range subs.Items() {
				out = append(out, value.List(without(e, keys), sub))
			}
		case skipMissing:
		case !found:
			return nil, fmt.Errorf("could not find '%s' key in iterated item '%s'", terms[1].Str(), e.Text())
		default:
			return nil, fmt.Errorf("the key %s should point to a list, got '%s'", terms[1].Str(), subs.Text())
		}
	}
	return out, nil
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

var shortSequence = regexp.MustCompile(`^(?:(-?(?:0x)?[0-9a-f]+)-)?(-?(?:0x)?[0-9a-f]+)(?:/(-?(?:0x)?[0-9a-f]+))?(?::(.+))?$`)

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
	if m := shortSequence.FindStringSubmatch(strings.TrimSpace(text)); m != nil {
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
			return fmt.Errorf("unknown error parsing with_sequence arguments: %q", text)
		}
		if err := q.set(key, v); err != nil {
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
	if err != nil {
		return fmt.Errorf("can't parse %s=%s as integer", key, text)
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
	case q.hasCount == q.hasEnd:
		return nil, errors.New("must specify count or end in with_sequence, and not both")
	case q.hasCount && q.count == 0, q.stride == 0:
		return nil, nil
	case q.hasCount:
		q.end = q.start + q.count*q.stride - q.stride
	}
	switch {
	case q.stride > 0 && q.end < q.start:
		return nil, errors.New("to count backwards make stride negative")
	case q.stride < 0 && q.end > q.start:
		return nil, errors.New("to count forward don't make stride negative")
	case strings.Count(strings.ReplaceAll(q.format, "%%", ""), "%") != 1:
		return nil, fmt.Errorf("bad formatting string: %s", q.format)
	case (q.end-q.start)/q.stride >= maxSequence:
		return nil, fmt.Errorf("with_sequence is bounded to %d items", maxSequence)
	}
	var out []value.Value
	for i := q.start; q.stride > 0 && i <= q.end || q.stride < 0 && i >= q.end; i += q.stride {
		out = append(out, value.String(fmt.Sprintf(q.format, i)))
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
