package jinja

import (
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/fairlead-project/fairlead/engine/jmespath"
	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/value"
)

// addGeneralFilters adds filters of community.general, known by their short
// names as well, as Ansible redirects those that were its own once.
func addGeneralFilters(f map[string]Filter) {
	all := map[string]Filter{
		"json_query": passing(bound(jsonQuery, "expr")),
		"random_mac": impure(bound(randomMAC, "seed?")),
	}
	for name, fl := range all {
		f[name] = fl
	}
	for name, fl := range map[string]Filter{
		"dict": {Passes: true, Fn: func(c *Context, in value.Value, a Args) (value.Value, error) {
			m, err := toDict(c, in)
			return value.FromMap(m), errors.Join(err, a.Bind().Err)
		}},
		"dict_kv": passing(bound(func(_ *Context, in value.Value, b *Bound) (value.Value, error) {
			m := value.NewMap()
			m.SetKey(b.Value("key"), in)
			return value.FromMap(m), nil
		}, "key")),
		"groupby_as_dict": passing(bound(groupByAsDict, "attribute")),
		"lists_mergeby":   {Passes: true, Fn: listsMergeBy},
		"from_csv":        bound(fromCSV, "dialect?", "fieldnames?", "delimiter?", "skipinitialspace?", "strict?"),
		"version_sort": {Passes: true, Fn: over(func(_ *Context, items []value.Value, a Args) (value.Value, error) {
			b := a.Bind("reverse?")
			out := slices.Clone(items)
			slices.SortStableFunc(out, func(x, y value.Value) int { return CompareLoose(text(x), text(y)) })
			if b.Bool("reverse", false) {
				slices.Reverse(out)
			}
			return value.List(out...), b.Err
		}).Fn},
		"unicode_normalize": bound(unicodeNormalize, "form?"),
		"counter":           bound(counter),
		"crc32": bound(func(_ *Context, in value.Value, _ *Bound) (value.Value, error) {
			return strResult(fmt.Sprintf("%x", crc32.ChecksumIEEE([]byte(text(in)))))
		}),
		"hashids_encode": bound(hashidsEncode, "salt?", "alphabet?", "min_length?"),
		"hashids_decode": bound(hashidsDecode, "salt?", "alphabet?", "min_length?"),
		"to_time_unit":   {Fn: toTimeUnit("")},
	} {
		all[name] = fl
	}
	for name, unit := range map[string]string{"to_milliseconds": "ms", "to_seconds": "s", "to_minutes": "m", "to_hours": "h", "to_days": "d",
		"to_weeks": "w", "to_months": "mo", "to_years": "y"} {
		all[name] = Filter{Fn: toTimeUnit(unit)}
	}
	for name, fl := range all {
		f["community.general."+name] = fl
	}
	f["hashids_encode"], f["hashids_decode"] = all["hashids_encode"], all["hashids_decode"]
}

func jsonQuery(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	v, err := jmespath.Search(b.Str("expr", ""), in)
	if err != nil {
		return in, refusal("JMESPathError in json_query filter plugin:\n%w", err)
	}
	return v, nil
}

var hexByte = lazyregexp.New(`[a-f0-9]{2}`)

// randomMAC completes a hardware address; with a seed as Python would.
func randomMAC(c *Context, in value.Value, b *Bound) (value.Value, error) {
	if !in.IsString() {
		return in, refusal("Invalid value type (<class '%s'>) for random_mac (%s)", in.TypeName(), text(in))
	}
	s := strings.ToLower(in.Str())
	parts := strings.Split(s, ":")
	if len(parts) > 5 {
		return in, refusal("Invalid value (%s) for random_mac: 5 colon(:) separated items max", s)
	}
	var bad []string
	for _, p := range parts {
		switch {
		case p == "":
			bad = append(bad, "empty item")
		case !hexByte().MatchString(p):
			bad = append(bad, p+" not hexa byte")
		}
	}
	if len(bad) > 0 {
		return in, refusal("Invalid value (%s) for random_mac: %s", s, strings.Join(bad, ", "))
	}
	r, err := c.seeded(b.Value("seed"))
	if err != nil {
		return in, err
	}
	const low, high = 68719476736, 1099511627775 // Ansible draws ten hexadecimal digits
	digits := strconv.FormatUint(low+r.Below(high-low+1), 16)
	for i := 0; i < 10 && len(parts) < 6; i += 2 {
		parts = append(parts, digits[i:i+2])
	}
	return strResult(strings.Join(parts, ":"))
}

func groupByAsDict(c *Context, in value.Value, b *Bound) (value.Value, error) {
	if in.Kind() != value.KindList {
		return in, refusal("Input is not a sequence")
	}
	m := value.NewMap()
	for i, it := range in.Items() {
		if it.Map() == nil {
			return in, refusal("Sequence element #%d is not a mapping", i)
		}
		k, ok := it.Map().GetKey(b.Value("attribute"))
		if !ok {
			return in, refusal("Attribute not contained in element #%d of sequence", i)
		}
		if !k.Hashable() {
			return in, fmt.Errorf("unhashable type: '%s'", k.TypeName())
		}
		if _, has := m.GetKey(k); has {
			return in, refusal("Multiple sequence entries have attribute value %s", k.Repr())
		}
		m.SetKey(k, it)
	}
	return value.FromMap(m), c.step(m.Len())
}

func listsMergeBy(c *Context, in value.Value, a Args) (value.Value, error) {
	recursive, merge := false, "replace"
	for _, k := range a.Kw {
		switch k.Name {
		case "recursive":
			recursive = k.Value.Truthy()
		case "list_merge":
			merge = text(k.Value)
		default:
			return in, refusal("'recursive' and 'list_merge' are the only valid keyword arguments.")
		}
	}
	if len(a.Pos) == 0 {
		return in, refusal("At least one list and index are needed.")
	}
	by := a.Pos[len(a.Pos)-1]
	var lists []value.Value
	for _, l := range append([]value.Value{in}, a.Pos[:len(a.Pos)-1]...) {
		if l.Kind() != value.KindList {
			return in, refusal("All arguments before the argument index for community.general.lists_mergeby must be lists. %s is <class '%s'>", text(l), l.TypeName())
		}
		nested := l.Len() > 0
		for _, it := range l.Items() {
			nested = nested && it.Kind() == value.KindList
		}
		if nested {
			lists = append(lists, l.Items()...)
		} else if l.Len() > 0 {
			lists = append(lists, l)
		}
	}
	switch {
	case len(lists) == 0:
		return value.List(), nil
	case len(lists) == 1:
		return lists[0], nil
	case !by.IsString():
		return in, refusal("First argument after the lists for community.general.lists_mergeby must be string. %s is <class '%s'>", text(by), by.TypeName())
	}
	result := lists[len(lists)-1]
	for i := len(lists) - 2; i >= 0; i-- {
		var err error
		if result, err = mergeBy(c, lists[i], result, by, recursive, merge); err != nil {
			return in, err
		}
	}
	return result, nil
}

// mergeBy merges the dicts of two lists that have the same value under a key.
func mergeBy(c *Context, x, y, by value.Value, recursive bool, merge string) (value.Value, error) {
	groups := value.NewMap()
	for _, l := range []value.Value{x, y} {
		for _, it := range l.Items() {
			if it.Map() == nil {
				return x, refusal("Elements of list arguments for lists_mergeby must be dictionaries. %s is <class '%s'>", text(it), it.TypeName())
			}
			k, ok := it.Map().GetKey(by)
			if !ok {
				continue
			}
			old, has := groups.GetKey(k)
			if !has {
				groups.SetKey(k, it)
				continue
			}
			merged, err := mergeDicts(c, old, it, recursive, merge)
			if err != nil {
				return x, err
			}
			groups.SetKey(k, merged)
		}
	}
	out, err := sortValues(c, mapValues(groups), groups.Keys(), false)
	return value.List(out...), err
}

func unicodeNormalize(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	if !in.IsString() {
		return in, fmt.Errorf("<class '%s'> is not a valid input type", in.TypeName())
	}
	forms := map[string]norm.Form{"NFC": norm.NFC, "NFD": norm.NFD, "NFKC": norm.NFKC, "NFKD": norm.NFKD}
	form, ok := forms[b.Str("form", "NFC")]
	if !ok {
		return in, refusal("%s is not a valid form", b.Str("form", ""))
	}
	return strResult(form.String(in.Str()))
}

func counter(c *Context, in value.Value, _ *Bound) (value.Value, error) {
	if in.Kind() != value.KindList && !in.IsString() {
		return in, refusal("Argument for community.general.counter must be a sequence (string or list). %s is <class '%s'>", text(in), in.TypeName())
	}
	items, err := iterate(c, in)
	if err != nil {
		return in, err
	}
	m := value.NewMap()
	for _, it := range items {
		if !it.Hashable() {
			return in, refusal("community.general.counter needs a sequence with hashable elements (int, float or str) - unhashable type: '%s'", it.TypeName())
		}
		n, _ := m.GetKey(it)
		i, _ := n.AsInt()
		m.SetKey(it, value.Int(i+1))
	}
	return value.FromMap(m), c.step(len(items))
}

// timeUnits are the short names of units in milliseconds.
var timeUnits = []struct {
	name string
	ms   float64
}{{"ms", 1}, {"s", 1000}, {"m", 60_000}, {"h", 3_600_000}, {"d", 86_400_000}, {"w", 604_800_000}, {"mo", 30 * 86_400_000}, {"y", 365 * 86_400_000}}

var longUnits = map[string]string{"millisecond": "ms", "msec": "ms", "msecond": "ms", "sec": "s", "second": "s", "hour": "h", "min": "m",
	"minute": "m", "day": "d", "week": "w", "month": "mo", "year": "y"}

var humanTime = lazyregexp.New(`^(-?\d+)(\w+)`)

// toTimeUnit reads a time such as "1h 20m" in a unit; "" takes it as argument.
func toTimeUnit(unit string) func(*Context, value.Value, Args) (value.Value, error) {
	return func(_ *Context, in value.Value, a Args) (value.Value, error) {
		for _, k := range a.Kw {
			if k.Name != "year" && k.Name != "month" && (unit != "" || k.Name != "unit") {
				return in, refusal("to_time_unit() got unknown keyword arguments: %s", k.Name)
			}
		}
		b := a.Bind("unit?", "year?", "month?")
		if unit != "" {
			b = a.Bind("year?", "month?")
		}
		of := map[string]float64{}
		for _, u := range timeUnits {
			of[u.name] = u.ms
		}
		for name, short := range map[string]string{"year": "y", "month": "mo"} {
			if days, ok := b.Value(name).AsFloat(); ok {
				of[short] = days * of["d"]
			}
		}
		short := func(u string) (float64, bool) {
			if s, ok := longUnits[strings.TrimRight(u, "s")]; ok {
				u = s
			}
			ms, ok := of[u]
			return ms, ok
		}
		target := unit
		if target == "" {
			target = b.Str("unit", "ms")
		}
		to, ok := short(target)
		switch {
		case b.Err != nil:
			return in, b.Err
		case !ok:
			return in, refusal("to_time_unit() can not convert to the following unit: %s. Available units (singular or plural): "+
				"millisecond, msec, msecond, sec, second, hour, min, minute, day, week, month, year. Available short units: ms, s, m, h, d, w, mo, y", target)
		case !in.IsString():
			return in, fmt.Errorf("'%s' object has no attribute 'split'", in.TypeName())
		case in.Str() == "0":
			return value.Int(0), nil
		}
		total := 0.0
		for _, word := range strings.Fields(in.Str()) {
			m := humanTime().FindStringSubmatch(word)
			if m == nil {
				return in, refusal("to_time_unit() can not interpret following string: %s", in.Str())
			}
			ms, ok := short(m[2])
			n, err := strconv.ParseFloat(m[1], 64)
			if !ok || err != nil {
				return in, refusal("to_time_unit() can not interpret following string: %s", in.Str())
			}
			total += n * ms
		}
		return value.Float(roundHalfEven(total/to, 12)), nil
	}
}
