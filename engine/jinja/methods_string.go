package jinja

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fairlead-project/fairlead/engine/value"
)

type stringMethod func(c *Context, s string, a Args) (value.Value, error)

var stringMethods map[string]stringMethod

// The table is filled here because format looks methods up itself.
func init() {
	stringMethods = map[string]stringMethod{
		"upper":        noArgs(strings.ToUpper),
		"lower":        noArgs(strings.ToLower),
		"casefold":     noArgs(strings.ToLower),
		"title":        noArgs(pyTitle),
		"capitalize":   noArgs(capitalize),
		"swapcase":     noArgs(swapCase),
		"strip":        strip(true, true),
		"lstrip":       strip(true, false),
		"rstrip":       strip(false, true),
		"split":        splitMethod(false),
		"rsplit":       splitMethod(true),
		"splitlines":   splitLinesMethod,
		"replace":      replaceMethod,
		"find":         findMethod(false, false),
		"rfind":        findMethod(true, false),
		"index":        findMethod(false, true),
		"rindex":       findMethod(true, true),
		"count":        countMethod,
		"startswith":   affix(strings.HasPrefix),
		"endswith":     affix(strings.HasSuffix),
		"join":         joinMethod,
		"format":       formatMethod,
		"format_map":   formatMapMethod,
		"partition":    partition(false),
		"rpartition":   partition(true),
		"zfill":        zfill,
		"rjust":        justify(-1),
		"ljust":        justify(1),
		"center":       justify(0),
		"encode":       noArgsAny(func(s string) string { return s }),
		"decode":       noArgsAny(func(s string) string { return s }),
		"expandtabs":   expandTabs,
		"removeprefix": cutAffix(strings.TrimPrefix),
		"removesuffix": cutAffix(strings.TrimSuffix),
		"isdigit":      isAll(unicode.IsDigit),
		"isdecimal":    isAll(unicode.IsDigit),
		"isnumeric":    isAll(unicode.IsNumber),
		"isalpha":      isAll(unicode.IsLetter),
		"isalnum":      isAll(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }),
		"isspace":      isAll(unicode.IsSpace),
		"isprintable": func(_ *Context, s string, _ Args) (value.Value, error) {
			return value.Bool(strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0), nil
		},
		"isascii": func(_ *Context, s string, _ Args) (value.Value, error) {
			return value.Bool(strings.IndexFunc(s, func(r rune) bool { return r > 127 }) < 0), nil
		},
		"islower": cased(unicode.IsLower, unicode.IsUpper),
		"isupper": cased(unicode.IsUpper, unicode.IsLower),
		"istitle": func(_ *Context, s string, _ Args) (value.Value, error) {
			return value.Bool(s != "" && strings.IndexFunc(s, unicode.IsLetter) >= 0 && pyTitle(s) == s), nil
		},
		"isidentifier": func(_ *Context, s string, _ Args) (value.Value, error) {
			for i, r := range s {
				if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
					return value.Bool(false), nil
				}
			}
			return value.Bool(s != ""), nil
		},
	}
}

func noArgs(f func(string) string) stringMethod {
	return func(_ *Context, s string, a Args) (value.Value, error) {
		return value.String(f(s)), a.Bind().Err
	}
}

func noArgsAny(f func(string) string) stringMethod {
	return func(_ *Context, s string, a Args) (value.Value, error) {
		return value.String(f(s)), a.Bind("encoding?", "errors?").Err
	}
}

func capitalize(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return ""
	}
	return string(unicode.ToTitle(r)) + strings.ToLower(s[n:])
}

func pyTitle(s string) string {
	prev := false
	return strings.Map(func(r rune) rune {
		up := !prev
		prev = unicode.IsLetter(r)
		if up {
			return unicode.ToTitle(r)
		}
		return unicode.ToLower(r)
	}, s)
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}

func isAll(is func(rune) bool) stringMethod {
	return func(_ *Context, s string, a Args) (value.Value, error) {
		return value.Bool(s != "" && strings.IndexFunc(s, func(r rune) bool { return !is(r) }) < 0), a.Bind().Err
	}
}

func cased(want, not func(rune) bool) stringMethod {
	return func(_ *Context, s string, a Args) (value.Value, error) {
		return value.Bool(strings.IndexFunc(s, want) >= 0 && strings.IndexFunc(s, not) < 0), a.Bind().Err
	}
}

func isSpace(r rune) bool { return unicode.IsSpace(r) || (r >= 0x1c && r <= 0x1f) }

func strip(left, right bool) stringMethod {
	return func(_ *Context, s string, a Args) (value.Value, error) {
		b := a.Bind("chars?")
		cut := isSpace
		if chars := b.Value("chars"); !chars.IsNull() {
			set := b.Str("chars", "")
			cut = func(r rune) bool { return strings.ContainsRune(set, r) }
		}
		if left {
			s = strings.TrimLeftFunc(s, cut)
		}
		if right {
			s = strings.TrimRightFunc(s, cut)
		}
		return value.String(s), b.Err
	}
}

func splitMethod(fromRight bool) stringMethod {
	return func(c *Context, s string, a Args) (value.Value, error) {
		b := a.Bind("sep?", "maxsplit?")
		n := b.Int("maxsplit", -1)
		sep := b.Str("sep", "")
		if b.Err != nil {
			return value.Null, b.Err
		}
		if err := c.step(len(s) / 8); err != nil {
			return value.Null, err
		}
		if b.Value("sep").IsNull() {
			return value.Strings(splitSpace(s, n, fromRight)...), nil
		}
		if sep == "" {
			return value.Null, errors.New("empty separator")
		}
		if n < 0 {
			return value.Strings(strings.Split(s, sep)...), nil
		}
		if !fromRight {
			return value.Strings(strings.SplitN(s, sep, n+1)...), nil
		}
		var tail []string
		for ; n > 0; n-- {
			i := strings.LastIndex(s, sep)
			if i < 0 {
				break
			}
			tail = append([]string{s[i+len(sep):]}, tail...)
			s = s[:i]
		}
		return value.Strings(append([]string{s}, tail...)...), nil
	}
}

func splitSpace(s string, n int, fromRight bool) []string {
	if n < 0 {
		return strings.FieldsFunc(s, isSpace)
	}
	out := []string{}
	if fromRight {
		for s = strings.TrimRightFunc(s, isSpace); s != ""; s = strings.TrimRightFunc(s, isSpace) {
			i := strings.LastIndexFunc(s, isSpace)
			if n == 0 || i < 0 {
				return append([]string{s}, out...)
			}
			_, w := utf8.DecodeRuneInString(s[i:])
			out = append([]string{s[i+w:]}, out...)
			s, n = s[:i], n-1
		}
		return out
	}
	for s = strings.TrimLeftFunc(s, isSpace); s != ""; s = strings.TrimLeftFunc(s, isSpace) {
		i := strings.IndexFunc(s, isSpace)
		if n == 0 || i < 0 {
			return append(out, s)
		}
		out = append(out, s[:i])
		s, n = s[i:], n-1
	}
	return out
}

// splitLines splits as Python's splitlines: no empty line at the end.
func splitLines(s string, keep bool) []string {
	out := []string{}
	for s != "" {
		i := strings.IndexFunc(s, func(r rune) bool {
			return r >= '\n' && r <= '\r' || r >= 0x1c && r <= 0x1e || r == 0x85 || r == 0x2028 || r == 0x2029
		})
		if i < 0 {
			return append(out, s)
		}
		_, w := utf8.DecodeRuneInString(s[i:])
		if strings.HasPrefix(s[i:], "\r\n") {
			w = 2
		}
		if keep {
			out = append(out, s[:i+w])
		} else {
			out = append(out, s[:i])
		}
		s = s[i+w:]
	}
	return out
}

func splitLinesMethod(_ *Context, s string, a Args) (value.Value, error) {
	b := a.Bind("keepends?")
	return value.Strings(splitLines(s, b.Bool("keepends", false))...), b.Err
}

func replaceMethod(c *Context, s string, a Args) (value.Value, error) {
	b := a.Bind("old", "new", "count?")
	old, with, n := b.Str("old", ""), b.Str("new", ""), b.Int("count", -1)
	if b.Err == nil && (b.Value("old").IsNull() || b.Value("new").IsNull()) {
		return value.Null, errors.New("replace() argument must be str, not NoneType")
	}
	if b.Err == nil && len(with) > 0 && (strings.Count(s, old)+1)*len(with) > c.Limits.Output {
		return value.Null, limitError("a string longer than %d bytes", c.Limits.Output)
	}
	return value.String(strings.Replace(s, old, with, n)), b.Err
}

// window cuts s by the optional start and end of find and its kin, in characters.
func window(b *Bound, s string) (string, int) {
	if !b.Has("start") && !b.Has("end") {
		return s, 0
	}
	rs := []rune(s)
	from, to := b.Int("start", 0), b.Int("end", len(rs))
	if from < 0 {
		from += len(rs)
	}
	if to < 0 {
		to += len(rs)
	}
	from, to = max(min(from, len(rs)), 0), max(min(to, len(rs)), 0)
	if from > to {
		return "", from
	}
	return string(rs[from:to]), from
}

func findMethod(last, must bool) stringMethod {
	return func(_ *Context, s string, a Args) (value.Value, error) {
		b := a.Bind("sub", "start?", "end?")
		part, off := window(b, s)
		find := strings.Index
		if last {
			find = strings.LastIndex
		}
		i := find(part, b.Str("sub", ""))
		if b.Err != nil {
			return value.Null, b.Err
		}
		if i < 0 {
			if must {
				return value.Null, errors.New("substring not found")
			}
			return value.Int(-1), nil
		}
		return value.Int(int64(utf8.RuneCountInString(part[:i]) + off)), nil
	}
}

func countMethod(_ *Context, s string, a Args) (value.Value, error) {
	b := a.Bind("sub", "start?", "end?")
	part, _ := window(b, s)
	return value.Int(int64(strings.Count(part, b.Str("sub", "")))), b.Err
}

func affix(has func(s, x string) bool) stringMethod {
	return func(_ *Context, s string, a Args) (value.Value, error) {
		b := a.Bind("affix", "start?", "end?")
		part, _ := window(b, s)
		x := b.Value("affix")
		options := []value.Value{x}
		if x.IsTuple() {
			options = x.Items()
		}
		for _, o := range options {
			if !o.IsString() {
				b.fail("first arg must be str or a tuple of str, not %s", o.TypeName())
			} else if has(part, o.Str()) {
				return value.Bool(true), b.Err
			}
		}
		return value.Bool(false), b.Err
	}
}

func cutAffix(cut func(s, x string) string) stringMethod {
	return func(_ *Context, s string, a Args) (value.Value, error) {
		b := a.Bind("affix")
		return value.String(cut(s, b.Str("affix", ""))), b.Err
	}
}

func joinMethod(c *Context, s string, a Args) (value.Value, error) {
	b := a.Bind("iterable")
	if b.Err != nil {
		return value.Null, b.Err
	}
	items, err := iterate(c, b.Value("iterable"))
	if err != nil {
		return value.Null, err
	}
	parts := make([]string, len(items))
	for i, it := range items {
		if !it.IsString() {
			return value.Null, fmt.Errorf("sequence item %d: expected str instance, %s found", i, it.TypeName())
		}
		parts[i] = it.Str()
	}
	return value.String(strings.Join(parts, s)), nil
}

func partition(last bool) stringMethod {
	return func(_ *Context, s string, a Args) (value.Value, error) {
		b := a.Bind("sep")
		sep := b.Str("sep", "")
		if b.Err == nil && sep == "" {
			return value.Null, errors.New("empty separator")
		}
		i := strings.Index(s, sep)
		if last {
			i = strings.LastIndex(s, sep)
		}
		parts := []string{s, "", ""}
		switch {
		case i >= 0:
			parts = []string{s[:i], sep, s[i+len(sep):]}
		case last:
			parts = []string{"", "", s}
		}
		return tupleOf(parts), b.Err
	}
}

func zfill(c *Context, s string, a Args) (value.Value, error) {
	b := a.Bind("width")
	n := b.Int("width", 0) - utf8.RuneCountInString(s)
	if b.Err != nil || n <= 0 {
		return value.String(s), b.Err
	}
	if n > c.Limits.Output {
		return value.Null, limitError("a string longer than %d bytes", c.Limits.Output)
	}
	sign := ""
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign, s = s[:1], s[1:]
	}
	return value.String(sign + strings.Repeat("0", n) + s), nil
}

func justify(side int) stringMethod {
	return func(c *Context, s string, a Args) (value.Value, error) {
		b := a.Bind("width", "fillchar?")
		width, fill := b.Int("width", 0), b.Str("fillchar", " ")
		if b.Err == nil && utf8.RuneCountInString(fill) != 1 {
			return value.Null, errors.New("the fill character must be exactly one character long")
		}
		if width > c.Limits.Output {
			return value.Null, limitError("a string longer than %d bytes", c.Limits.Output)
		}
		return value.String(pad(s, width, fill, side)), b.Err
	}
}

// pad fills s to width: on the right (1), on the left (-1) or both (0).
func pad(s string, width int, fill string, side int) string {
	n := width - utf8.RuneCountInString(s)
	if n <= 0 {
		return s
	}
	switch side {
	case 1:
		return s + strings.Repeat(fill, n)
	case -1:
		return strings.Repeat(fill, n) + s
	}
	left := n/2 + (n & width & 1)
	return strings.Repeat(fill, left) + s + strings.Repeat(fill, n-left)
}

func expandTabs(_ *Context, s string, a Args) (value.Value, error) {
	b := a.Bind("tabsize?")
	return value.String(tabsToBlanks(s, min(b.Int("tabsize", 8), 1000))), b.Err
}

// tabsToBlanks is Python's expandtabs.
func tabsToBlanks(s string, size int) string {
	var out strings.Builder
	col := 0
	for _, r := range s {
		switch r {
		case '\t':
			if size > 0 {
				n := size - col%size
				out.WriteString(strings.Repeat(" ", n))
				col += n
			}
		case '\n', '\r':
			out.WriteRune(r)
			col = 0
		default:
			out.WriteRune(r)
			col++
		}
	}
	return out.String()
}
