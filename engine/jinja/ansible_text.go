package jinja

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/value"
)

type simpleFn func(c *Context, in value.Value, b *Bound) (value.Value, error)

// bound makes a filter of a function and its parameters.
func bound(fn simpleFn, params ...string) Filter {
	return Filter{Fn: func(c *Context, in value.Value, a Args) (value.Value, error) {
		b := a.Bind(params...)
		if b.Err != nil {
			return in, b.Err
		}
		v, err := fn(c, in, b)
		if b.Err != nil {
			return in, b.Err
		}
		return v, err
	}}
}

func passing(f Filter) Filter {
	f.Passes = true
	return f
}

func impure(f Filter) Filter {
	f.Impure = true
	return f
}

func strResult(s string) (value.Value, error) { return value.String(s), nil }

func addAnsibleText(f map[string]Filter) {
	f["regex_replace"] = bound(regexReplace, "pattern?", "replacement?", "ignorecase?", "multiline?", "count?", "mandatory_count?")
	f["regex_findall"] = bound(regexFindAll, "regex", "multiline?", "ignorecase?")
	f["regex_search"] = Filter{Fn: regexSearch}
	f["regex_escape"] = bound(regexEscape, "re_type?")
	f["quote"] = bound(func(_ *Context, in value.Value, _ *Bound) (value.Value, error) {
		if in.IsNull() {
			return strResult("''")
		}
		return strResult(shellQuote(text(in)))
	})
	f["comment"] = Filter{Fn: commentFilter}
	f["split"] = bound(func(c *Context, in value.Value, b *Bound) (value.Value, error) {
		if !in.IsString() {
			return in, fmt.Errorf("'%s' object has no attribute 'split'", in.TypeName())
		}
		return splitMethod(false)(c, in.Str(), NewArgs(b.Value("sep"), b.Or("maxsplit", value.Int(-1))))
	}, "sep?", "maxsplit?")
	f["type_debug"] = Filter{TakesUndefined: true, Fn: func(_ *Context, in value.Value, a Args) (value.Value, error) {
		if in.IsUndefined() {
			return value.String("AnsibleUndefined"), nil
		}
		name := in.TypeName()
		switch marks := in.Marks(); {
		case !in.IsString():
		case marks&(Verbatim|value.Unsafe) == Verbatim|value.Unsafe:
			name = "NativeJinjaUnsafeText"
		case marks&Verbatim != 0:
			name = "NativeJinjaText"
		case marks&value.Unsafe != 0:
			name = "AnsibleUnsafeText"
		case marks&value.Vaulted != 0:
			name = "AnsibleVaultEncryptedUnicode"
		case marks&value.Written != 0:
			name = "AnsibleUnicode"
		}
		return value.String(name), a.Bind().Err
	}}
	f["bool"] = bound(func(_ *Context, in value.Value, _ *Bound) (value.Value, error) {
		if in.IsNull() {
			return in, nil
		}
		return value.Bool(ToBool(in)), nil
	})
	f["mandatory"] = Filter{TakesUndefined: true, TakesUnknown: true, Passes: true, Fn: mandatory}
	f["ternary"] = Filter{TakesUndefined: true, TakesUnknown: true, Passes: true, Fn: ternary}
}

func regexReplace(c *Context, in value.Value, b *Bound) (value.Value, error) {
	r, err := compileRegex(b.Text("pattern", ""), b.Bool("ignorecase", false), b.Bool("multiline", false))
	if err != nil {
		return in, err
	}
	count := b.Int("count", 0)
	if count <= 0 {
		count = -1
	}
	s, n, err := r.replace(text(in), b.Text("replacement", ""), count, c.Limits.Output)
	if want := b.Int("mandatory_count", 0); err == nil && want > 0 && n != want {
		return in, refusal("'%s' should match %d times, but matches %d times in '%s'", b.Text("pattern", ""), want, n, text(in))
	}
	return value.String(s), err
}

func regexFindAll(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	r, err := compileRegex(b.Text("regex", ""), b.Bool("ignorecase", false), b.Bool("multiline", false))
	if err != nil {
		return in, err
	}
	s := text(in)
	ms, err := r.all(s, -1)
	out := []value.Value{}
	for _, m := range ms {
		switch r.n {
		case 0, 1:
			out = append(out, value.String(m.group(s, r.n)))
		default:
			gs := make([]value.Value, r.n)
			for i := range gs {
				gs[i] = value.String(m.group(s, i+1))
			}
			out = append(out, value.Tuple(gs...))
		}
	}
	return value.List(out...), err
}

func regexSearch(_ *Context, in value.Value, a Args) (value.Value, error) {
	if len(a.Pos) == 0 {
		return in, errors.New("missing required argument: 'regex'")
	}
	flag := func(name string) bool { v, _ := a.Get(name); return v.Truthy() }
	r, err := compileRegex(text(a.Pos[0]), flag("ignorecase"), flag("multiline"))
	if err != nil {
		return in, err
	}
	var groups []int
	for _, g := range a.Pos[1:] {
		s := text(g)
		if strings.HasPrefix(s, `\g<`) {
			s = strings.TrimSuffix(s[3:], ">")
		} else if strings.HasPrefix(s, `\`) {
			s = s[1:]
		} else {
			return in, refusal("Unknown argument")
		}
		n, err := r.groupNumber(s)
		if err != nil {
			return in, err
		}
		groups = append(groups, n)
	}
	s := text(in)
	m, err := r.find(s)
	if err != nil || m == nil {
		return value.Null, err
	}
	if len(groups) == 0 {
		return value.String(m.group(s, 0)), nil
	}
	out := make([]value.Value, len(groups))
	for i, g := range groups {
		if m[2*g] >= 0 {
			out[i] = value.String(m.group(s, g))
		}
	}
	return value.List(out...), nil
}

var posixSpecial = lazyregexp.New(`[\]\.\[^$*\\]`)

func regexEscape(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	s := text(in)
	switch kind := b.Str("re_type", "python"); kind {
	case "python":
		var out strings.Builder
		for _, r := range s {
			if strings.ContainsRune("()[]{}?*+-|^$\\.&~# \t\n\r\v\f", r) {
				out.WriteByte('\\')
			}
			out.WriteRune(r)
		}
		return strResult(out.String())
	case "posix_basic":
		return strResult(posixSpecial().ReplaceAllString(s, `\$0`))
	case "posix_extended":
		return in, refusal("Regex type (%s) not yet implemented", kind)
	default:
		return in, refusal("Invalid regex type (%s)", kind)
	}
}

// shellQuote is Python's shlex.quote.
func shellQuote(s string) string {
	if s == "" {
		return "''"
	}
	for _, r := range s {
		if !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("_@%+=:,./-", r)) {
			return "'" + strings.ReplaceAll(s, "'", `'"'"'`) + "'"
		}
	}
	return s
}

var commentStyles = map[string][3]string{"plain": {"", "# ", ""}, "erlang": {"", "% ", ""}, "c": {"", "// ", ""},
	"cblock": {"/*", " * ", " */"}, "xml": {"<!--", " - ", "-->"}}

func commentFilter(_ *Context, in value.Value, a Args) (value.Value, error) {
	b := a.Bind("style?", "decoration?", "newline?", "beginning?", "prefix?", "prefix_count?", "postfix?", "postfix_count?", "end?")
	st, ok := commentStyles[b.Str("style", "plain")]
	if b.Err == nil && !ok {
		return in, refusal("Invalid style '%s' in comment: one of plain, erlang, c, cblock, xml", b.Str("style", ""))
	}
	dec, nl := b.Str("decoration", st[1]), b.Str("newline", "\n")
	edge := strings.TrimRight(dec, " \t\n")
	prefix, postfix := b.Str("prefix", edge), b.Str("postfix", edge)
	begin, end := b.Str("beginning", st[0]), b.Str("end", st[2])
	if begin != "" {
		begin += nl
	}
	if prefix != "" {
		if prefix != nl {
			prefix += nl
		}
		prefix = strings.Repeat(prefix, min(max(b.Int("prefix_count", 1), 0), 1000))
	}
	body := dec + strings.ReplaceAll(text(in), nl, nl+dec)
	body = strings.ReplaceAll(body, dec+nl, strings.TrimRight(dec, " \t\n")+nl)
	tail := strings.Repeat(nl+postfix, min(max(b.Int("postfix_count", 1), 0), 1000))
	if end != "" {
		end = nl + end
	}
	return value.String(begin + prefix + body + tail + end), b.Err
}

func mandatory(_ *Context, in value.Value, a Args) (value.Value, error) {
	b := a.Bind("msg?")
	if !in.IsUndefined() {
		return in, b.Err
	}
	if m := b.Value("msg"); !m.IsNull() {
		return in, refusal("%s", text(m))
	}
	name := ""
	if u := in.Undef(); u.Name != "" {
		name = "'" + u.Name + "' "
	}
	return in, refusal("Mandatory variable %s not defined.", name)
}

func ternary(_ *Context, in value.Value, a Args) (value.Value, error) {
	b := a.Bind("true_val", "false_val", "none_val?")
	switch {
	case b.Err != nil:
		return in, b.Err
	case in.IsUndefined():
		return in, undefinedError(in)
	case in.IsUnknown():
		return in, nil
	case in.IsNull() && b.Has("none_val") && !b.Value("none_val").IsNull():
		return b.Value("none_val"), nil
	case in.Truthy():
		return b.Value("true_val").WithMarks(marksOf(in)), nil
	}
	return b.Value("false_val").WithMarks(marksOf(in)), nil
}
