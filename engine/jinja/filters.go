package jinja

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/value"
)

func addBuiltinFilters(e *Env) {
	f := e.Filters
	addSequenceFilters(f)
	addTextFilters(f)
	f["default"] = Filter{TakesUndefined: true, TakesUnknown: true, Passes: true, Fn: defaultFilter}
	f["d"] = f["default"]
	f["attr"] = Filter{Passes: true, Fn: func(c *Context, in value.Value, a Args) (value.Value, error) {
		b := a.Bind("name")
		if b.Err != nil {
			return in, b.Err
		}
		if in.Kind() == value.KindMap && !hasMethod(in, b.Str("name", "")) {
			return c.missing(in, b.Value("name")), b.Err
		}
		return c.GetAttr(in, b.Str("name", ""))
	}}
	f["abs"] = Filter{Fn: func(_ *Context, in value.Value, a Args) (value.Value, error) {
		if x, ok := in.AsFloat(); ok && in.Kind() == value.KindFloat {
			return value.Float(math.Abs(x)), a.Bind().Err
		}
		if i := in.AsBigInt(); i != nil {
			return value.BigInt(new(big.Int).Abs(i)), a.Bind().Err
		}
		return in, fmt.Errorf("bad operand type for abs(): '%s'", in.TypeName())
	}}
	f["int"] = Filter{Fn: intFilter}
	f["float"] = Filter{Fn: floatFilter}
	f["round"] = Filter{Fn: roundFilter}
	f["filesizeformat"] = Filter{Fn: fileSizeFilter}
	f["tojson"] = Filter{Fn: func(c *Context, in value.Value, a Args) (value.Value, error) {
		b := a.Bind("indent?")
		indent := b.Int("indent", 0)
		s, err := dumpJSON(in, jsonStyle{indent: indent, multiline: b.Has("indent"), sorted: true, ascii: true})
		for _, r := range [][2]string{{"<", `\u003c`}, {">", `\u003e`}, {"&", `\u0026`}, {"'", `\u0027`}} {
			s = strings.ReplaceAll(s, r[0], r[1])
		}
		return value.String(s), errors.Join(b.Err, err)
	}}
	f["pprint"] = Filter{Fn: func(_ *Context, in value.Value, a Args) (value.Value, error) {
		return value.String(sortedKeys(in).Repr()), a.Bind("verbose?").Err
	}}
	f["xmlattr"] = Filter{TakesUndefined: true, Fn: xmlAttrFilter}
}

// sortedKeys is v with every dict in the order of its keys.
func sortedKeys(v value.Value) value.Value {
	return v.Walk(func(x value.Value) value.Value {
		m := x.Map()
		if m == nil {
			return x
		}
		ks, err := sortValues(&Context{Limits: DefaultLimits()}, m.Keys(), nil, false)
		if err != nil {
			return x
		}
		out := value.NewMap()
		for _, k := range ks {
			e, _ := m.GetKey(k)
			out.SetKey(k, e)
		}
		return value.FromMap(out).WithMarks(x.Marks())
	})
}

func defaultFilter(_ *Context, in value.Value, a Args) (value.Value, error) {
	b := a.Bind("default_value?", "boolean?")
	d := b.Or("default_value", value.String(""))
	if b.Err != nil {
		return in, b.Err
	}
	if in.IsUndefined() {
		return d, nil
	}
	if in.IsUnknown() {
		return in, nil
	}
	if b.Bool("boolean", false) && !in.Truthy() {
		return d, nil
	}
	return in, nil
}

// toInt is Python's int(v) for the filter int; ok is false where it raises.
func toInt(v value.Value, base int) (value.Value, bool) {
	switch v.Kind() {
	case value.KindInt, value.KindBool:
		return value.BigInt(v.AsBigInt()), true
	case value.KindFloat:
		x, _ := v.AsFloat()
		if math.IsInf(x, 0) || math.IsNaN(x) {
			return v, false
		}
		return floatToInt(x), true
	case value.KindString:
		if i, ok := parseIntBase(v.Str(), base); ok {
			return value.BigInt(i), true
		}
		if x, err := pyFloat(v.Str()); err == nil && !math.IsInf(x, 0) && !math.IsNaN(x) {
			return floatToInt(x), true
		}
	}
	return v, false
}

func parseIntBase(s string, base int) (*big.Int, bool) {
	s = strings.TrimFunc(s, isSpace)
	neg := strings.HasPrefix(s, "-")
	if neg || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	low := strings.ToLower(s)
	for prefix, b := range map[string]int{"0x": 16, "0o": 8, "0b": 2} {
		if (base == b || base == 0) && strings.HasPrefix(low, prefix) {
			s, base = strings.TrimPrefix(s[2:], "_"), b
			break
		}
	}
	if base == 0 {
		base = 10
	}
	if s == "" || len(s) > 4300 || s[0] == '+' || s[0] == '-' || s[0] == '_' || strings.HasSuffix(s, "_") || strings.Contains(s, "__") || base < 2 || base > 36 {
		return nil, false
	}
	i, ok := new(big.Int).SetString(strings.ReplaceAll(s, "_", ""), base)
	if ok && neg {
		i.Neg(i)
	}
	return i, ok
}

// pyFloat is Python's float(s).
func pyFloat(s string) (float64, error) {
	s = strings.TrimFunc(s, isSpace)
	low := strings.ToLower(s)
	if strings.ContainsAny(low, "xp") || strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || strings.Contains(s, "__") {
		return 0, strconv.ErrSyntax
	}
	return parseFloat(strings.ReplaceAll(s, "_", ""))
}

func intFilter(_ *Context, in value.Value, a Args) (value.Value, error) {
	b := a.Bind("default?", "base?")
	base := b.Int("base", 10)
	if b.Err != nil {
		return in, b.Err
	}
	if v, ok := toInt(in, base); ok {
		return v, nil
	}
	return b.Or("default", value.Int(0)), nil
}

func floatFilter(_ *Context, in value.Value, a Args) (value.Value, error) {
	b := a.Bind("default?")
	if x, ok := in.AsFloat(); ok {
		return value.Float(x), b.Err
	}
	if in.IsString() {
		if x, err := pyFloat(in.Str()); err == nil {
			return value.Float(x), b.Err
		}
	}
	return b.Or("default", value.Float(0)), b.Err
}

func roundFilter(_ *Context, in value.Value, a Args) (value.Value, error) {
	b := a.Bind("precision?", "method?")
	prec, how := b.Int("precision", 0), b.Str("method", "common")
	x, ok := in.AsFloat()
	switch {
	case b.Err != nil:
		return in, b.Err
	case !ok:
		return in, fmt.Errorf("type %s doesn't define __round__ method", in.TypeName())
	}
	switch how {
	case "common":
		if in.Kind() != value.KindFloat && prec >= 0 {
			return value.BigInt(in.AsBigInt()), nil
		}
		if in.Kind() != value.KindFloat && prec > -300 {
			return floatToInt(roundHalfEven(x, prec)), nil
		}
		return value.Float(roundHalfEven(x, prec)), nil
	case "ceil", "floor":
		p := math.Pow(10, float64(prec))
		if how == "ceil" {
			return value.Float(math.Ceil(x*p) / p), nil
		}
		return value.Float(math.Floor(x*p) / p), nil
	}
	return in, errors.New("method must be common, ceil or floor")
}

// roundHalfEven rounds as Python's round: exact decimal, halves to even.
func roundHalfEven(x float64, prec int) float64 {
	if math.IsInf(x, 0) || math.IsNaN(x) || prec > 300 {
		return x
	}
	if prec >= 0 {
		f, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'f', prec, 64), 64)
		return f
	}
	p := math.Pow(10, float64(-prec))
	return math.RoundToEven(x/p) * p
}

func fileSizeFilter(_ *Context, in value.Value, a Args) (value.Value, error) {
	b := a.Bind("binary?")
	x, ok := in.AsFloat()
	if in.IsString() {
		f, err := pyFloat(in.Str())
		x, ok = f, err == nil
	}
	if !ok {
		return in, fmt.Errorf("could not convert %s to float", in.TypeName())
	}
	base, units := 1000.0, []string{"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"}
	if b.Bool("binary", false) {
		base, units = 1024, []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"}
	}
	switch {
	case x == 1:
		return value.String("1 Byte"), b.Err
	case x < base:
		return value.String(strconv.Itoa(int(x)) + " Bytes"), b.Err
	}
	unit := base
	for i, u := range units {
		unit = math.Pow(base, float64(i+2))
		if x < unit || i == len(units)-1 {
			return value.String(fmt.Sprintf("%.1f %s", base*x/unit, u)), b.Err
		}
	}
	return in, b.Err
}

func addTextFilters(f map[string]Filter) {
	str := func(fn func(string) string) Filter {
		return Filter{Fn: func(_ *Context, in value.Value, a Args) (value.Value, error) {
			return value.String(fn(text(in))), a.Bind().Err
		}}
	}
	f["upper"], f["lower"], f["capitalize"] = str(strings.ToUpper), str(strings.ToLower), str(capitalize)
	f["title"], f["escape"], f["forceescape"] = str(titleFilter), str(escapeHTML), str(escapeHTML)
	f["e"], f["safe"], f["string"] = f["escape"], str(func(s string) string { return s }), str(func(s string) string { return s })
	f["striptags"] = str(stripTags)
	f["wordcount"] = Filter{Fn: func(_ *Context, in value.Value, a Args) (value.Value, error) {
		return value.Int(int64(len(wordForm().FindAllString(text(in), -1)))), a.Bind().Err
	}}
	f["trim"] = Filter{Fn: func(c *Context, in value.Value, a Args) (value.Value, error) {
		return strip(true, true)(c, text(in), a)
	}}
	f["center"] = Filter{Fn: func(c *Context, in value.Value, a Args) (value.Value, error) {
		b := a.Bind("width?")
		w := b.Int("width", 80)
		if w > c.Limits.Output {
			return in, limitError("a string longer than %d bytes", c.Limits.Output)
		}
		return value.String(pad(text(in), w, " ", 0)), b.Err
	}}
	f["replace"] = Filter{Fn: func(c *Context, in value.Value, a Args) (value.Value, error) {
		b := a.Bind("old", "new", "count?")
		args := NewArgs(value.String(text(b.Value("old"))), value.String(text(b.Value("new"))))
		if n := b.Value("count"); !n.IsNull() {
			args.Pos = append(args.Pos, n)
		}
		if b.Err != nil {
			return in, b.Err
		}
		return replaceMethod(c, text(in), args)
	}}
	f["format"] = Filter{TakesUndefined: true, Fn: func(c *Context, in value.Value, a Args) (value.Value, error) {
		if in.IsUndefined() {
			return in, undefinedError(in)
		}
		if len(a.Pos) > 0 && len(a.Kw) > 0 {
			return in, errors.New("can't handle positional and keyword arguments at the same time")
		}
		args := value.Tuple(a.Pos...)
		if len(a.Kw) > 0 {
			m := value.NewMap()
			for _, k := range a.Kw {
				m.Set(k.Name, k.Value)
			}
			args = value.FromMap(m)
		}
		return percentFormat(c, value.String(text(in)), args)
	}}
	f["indent"] = Filter{Fn: indentFilter}
	f["truncate"] = Filter{Fn: truncateFilter}
	f["wordwrap"] = Filter{Fn: wordWrapFilter}
	f["urlencode"] = Filter{Fn: urlEncodeFilter}
	f["urlize"] = Filter{Fn: urlizeFilter}
}

func titleFilter(s string) string {
	start := true
	return strings.Map(func(r rune) rune {
		up := start
		start = r == '-' || isSpace(r) || strings.ContainsRune("({[<", r)
		if up {
			return unicode.ToUpper(r)
		}
		return unicode.ToLower(r)
	}, s)
}

var htmlEscapes = strings.NewReplacer("&", "&amp;", ">", "&gt;", "<", "&lt;", "'", "&#39;", `"`, "&#34;")

func escapeHTML(s string) string { return htmlEscapes.Replace(s) }

var tagPattern = lazyregexp.New(`(?s)<!--.*?-->|<[^>]*>`)
var htmlUnescapes = strings.NewReplacer("&amp;", "&", "&gt;", ">", "&lt;", "<", "&#39;", "'", "&#34;", `"`, "&quot;", `"`, "&nbsp;", "\u00a0")

func stripTags(s string) string {
	return htmlUnescapes.Replace(strings.Join(strings.FieldsFunc(tagPattern().ReplaceAllString(s, ""), isSpace), " "))
}

func indentFilter(c *Context, in value.Value, a Args) (value.Value, error) {
	b := a.Bind("width?", "first?", "blank?")
	pre := ""
	if w := b.Value("width"); w.IsString() {
		pre = w.Str()
	} else {
		pre = strings.Repeat(" ", min(max(b.Int("width", 4), 0), 100000))
	}
	if !in.IsString() {
		return in, fmt.Errorf("expected a string, not %s", in.TypeName())
	}
	s := in.Str() + "\n"
	lines := splitLines(s, false)
	if len(lines)*len(pre) > c.Limits.Output {
		return in, limitError("a string longer than %d bytes", c.Limits.Output)
	}
	var out strings.Builder
	for i, l := range lines {
		if i > 0 {
			out.WriteByte('\n')
		}
		if (i > 0 && (l != "" || b.Bool("blank", false))) || (i == 0 && b.Bool("first", false)) {
			out.WriteString(pre)
		}
		out.WriteString(l)
	}
	return value.String(out.String()), b.Err
}

func truncateFilter(_ *Context, in value.Value, a Args) (value.Value, error) {
	b := a.Bind("length?", "killwords?", "end?", "leeway?")
	n, end, leeway := b.Int("length", 255), b.Str("end", "..."), b.Int("leeway", 5)
	rs, tail := []rune(text(in)), utf8.RuneCountInString(end)
	switch {
	case b.Err != nil:
		return in, b.Err
	case n < tail:
		return in, fmt.Errorf("expected length >= %d, got %d", tail, n)
	case leeway < 0:
		return in, fmt.Errorf("expected leeway >= 0, got %d", leeway)
	case len(rs) <= n+leeway:
		return in, nil
	}
	cut := string(rs[:n-tail])
	if !b.Bool("killwords", false) {
		if i := strings.LastIndex(cut, " "); i >= 0 {
			cut = cut[:i]
		}
	}
	return value.String(cut + end), nil
}

func wordWrapFilter(_ *Context, in value.Value, a Args) (value.Value, error) {
	b := a.Bind("width?", "break_long_words?", "wrapstring?", "break_on_hyphens?")
	width, sep := b.Int("width", 79), b.Str("wrapstring", "\n")
	if b.Err == nil && width < 1 {
		return in, fmt.Errorf("invalid width %d (must be > 0)", width)
	}
	var out []string
	for _, line := range splitLines(text(in), false) {
		out = append(out, strings.Join(wrapLine(line, width, b.Bool("break_long_words", true), b.Bool("break_on_hyphens", true)), sep))
	}
	return value.String(strings.Join(out, sep)), b.Err
}

var (
	wordForm  = lazyregexp.New(`[\p{L}\p{N}_]+`)
	chunkForm = lazyregexp.New(`\s+|\S+`)
)

// wrapLine breaks one line into lines of at most width characters.
func wrapLine(line string, width int, breakLong, hyphens bool) []string {
	var chunks []string
	for _, f := range chunkForm().FindAllString(line, -1) {
		if hyphens && !isSpace(rune(f[0])) {
			for {
				i := hyphenBreak(f)
				if i < 0 {
					break
				}
				chunks, f = append(chunks, f[:i]), f[i:]
			}
		}
		chunks = append(chunks, f)
	}
	var lines []string
	for len(chunks) > 0 {
		if strings.TrimSpace(chunks[0]) == "" && len(lines) > 0 {
			chunks = chunks[1:]
			continue
		}
		var cur []string
		n := 0
		for len(chunks) > 0 {
			l := utf8.RuneCountInString(chunks[0])
			if n+l > width {
				break
			}
			cur, n, chunks = append(cur, chunks[0]), n+l, chunks[1:]
		}
		if len(chunks) > 0 && utf8.RuneCountInString(chunks[0]) > width {
			if breakLong {
				rs := []rune(chunks[0])
				cur = append(cur, string(rs[:max(width-n, 1)]))
				chunks[0] = string(rs[max(width-n, 1):])
			} else if len(cur) == 0 {
				cur, chunks = append(cur, chunks[0]), chunks[1:]
			}
		}
		if k := len(cur); k > 0 && strings.TrimSpace(cur[k-1]) == "" {
			cur = cur[:k-1]
		}
		if len(cur) > 0 {
			lines = append(lines, strings.Join(cur, ""))
		}
	}
	return lines
}

// hyphenBreak is where a word with a hyphen between letters may be broken.
func hyphenBreak(s string) int {
	for i := 1; i+1 < len(s); i++ {
		if s[i] == '-' && unicode.IsLetter(rune(s[i-1])) && unicode.IsLetter(rune(s[i+1])) {
			return i + 1
		}
	}
	return -1
}

func quoteURL(s, safe string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= '0' && c <= '9' || c|32 >= 'a' && c|32 <= 'z' || strings.IndexByte("_.-~"+safe, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func urlEncodeFilter(c *Context, in value.Value, a Args) (value.Value, error) {
	if in.Kind() != value.KindMap && in.Kind() != value.KindList {
		return value.String(quoteURL(text(in), "/")), a.Bind().Err
	}
	items := in.Items()
	if in.Map() != nil {
		items = pairs(in.Map())
	}
	parts := make([]string, len(items))
	for i, it := range items {
		kv, err := iterate(c, it)
		if err != nil {
			return in, err
		}
		if len(kv) != 2 {
			return in, fmt.Errorf("not enough values to unpack (expected 2, got %d)", len(kv))
		}
		enc := func(v value.Value) string { return strings.ReplaceAll(quoteURL(text(v), " "), " ", "+") }
		parts[i] = enc(kv[0]) + "=" + enc(kv[1])
	}
	return value.String(strings.Join(parts, "&")), a.Bind().Err
}

var urlPattern = lazyregexp.New(`\b(https?://|www\.)[^\s<>"']+[^\s<>"'.,;:!?)]`)

func urlizeFilter(_ *Context, in value.Value, a Args) (value.Value, error) {
	b := a.Bind("trim_url_limit?", "nofollow?", "target?", "rel?", "extra_schemes?")
	s := urlPattern().ReplaceAllStringFunc(escapeHTML(text(in)), func(u string) string {
		href := u
		if strings.HasPrefix(u, "www.") {
			href = "https://" + u
		}
		rel := "noopener"
		if b.Bool("nofollow", false) {
			rel = "nofollow " + rel
		}
		if n := b.Int("trim_url_limit", -1); n >= 0 && len(u) > n {
			u = u[:n] + "..."
		}
		return `<a href="` + href + `" rel="` + rel + `">` + u + "</a>"
	})
	return value.String(s), b.Err
}

func xmlAttrFilter(_ *Context, in value.Value, a Args) (value.Value, error) {
	b := a.Bind("autospace?")
	if in.Map() == nil {
		return in, fmt.Errorf("'%s' object has no attribute 'items'", in.TypeName())
	}
	var parts []string
	for k, v := range in.Map().All() {
		if v.IsNull() || v.IsUndefined() {
			continue
		}
		parts = append(parts, escapeHTML(text(k))+`="`+escapeHTML(text(v))+`"`)
	}
	s := strings.Join(parts, " ")
	if s != "" && b.Bool("autospace", true) {
		s = " " + s
	}
	return value.String(s), b.Err
}
