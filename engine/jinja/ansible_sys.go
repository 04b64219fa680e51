package jinja

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/value"
)

func pathFilter(fn func(string) string) Filter {
	return bound(func(_ *Context, in value.Value, _ *Bound) (value.Value, error) {
		if !in.IsString() {
			return in, fmt.Errorf("expected str, bytes or os.PathLike object, not %s", in.TypeName())
		}
		return strResult(fn(in.Str()))
	})
}

func addAnsibleSystem(f map[string]Filter) {
	f["basename"] = pathFilter(func(s string) string { return s[strings.LastIndexByte(s, '/')+1:] })
	f["dirname"] = pathFilter(dirname)
	f["expanduser"] = impure(pathFilter(ExpandUser))
	f["expandvars"] = impure(pathFilter(expandVars))
	f["realpath"] = impure(pathFilter(func(s string) string {
		if abs, err := filepath.Abs(s); err == nil {
			s = abs
		}
		if real, err := filepath.EvalSymlinks(s); err == nil {
			return real
		}
		return s
	}))
	f["relpath"] = bound(func(_ *Context, in value.Value, b *Bound) (value.Value, error) {
		start, err := filepath.Abs(b.Str("start", "."))
		if err != nil {
			return in, err
		}
		if text(in) == "" {
			return in, errors.New("no path specified")
		}
		abs, err := filepath.Abs(text(in))
		if err != nil {
			return in, err
		}
		s, err := filepath.Rel(start, abs)
		return value.String(s), err
	}, "start?")
	f["splitext"] = bound(splitExt)
	for name, fn := range map[string]func(string) value.Value{
		"win_basename": func(s string) value.Value { _, tail := splitWindows(s); return value.String(tail) },
		"win_dirname":  func(s string) value.Value { head, _ := splitWindows(s); return value.String(head) },
		"win_splitdrive": func(s string) value.Value {
			drive, rest := splitDrive(s)
			return tupleOf([]string{drive, rest})
		},
	} {
		f[name] = bound(func(_ *Context, in value.Value, _ *Bound) (value.Value, error) { return fn(text(in)), nil })
	}
	f["path_join"] = bound(pathJoin)
	f["commonpath"] = bound(commonPath)
	f["normpath"] = bound(func(_ *Context, in value.Value, _ *Bound) (value.Value, error) {
		if !in.IsString() {
			return in, refusal("|normpath expects string, got <class '%s'> instead.", in.TypeName())
		}
		return value.String(filepath.Clean(in.Str())), nil
	})
	f["fileglob"] = impure(bound(func(_ *Context, in value.Value, _ *Bound) (value.Value, error) {
		names, err := filepath.Glob(text(in))
		var out []string
		for _, n := range names {
			if st, e := os.Stat(n); e == nil && st.Mode().IsRegular() {
				out = append(out, n)
			}
		}
		return value.Strings(out...), err
	}))
	f["human_readable"] = bound(humanReadable, "isbits?", "unit?")
	f["human_to_bytes"] = bound(humanToBytes, "default_unit?", "isbits?")
	f["to_datetime"] = bound(func(_ *Context, in value.Value, b *Bound) (value.Value, error) {
		if !in.IsString() {
			return in, fmt.Errorf("strptime() argument 1 must be str, not %s", in.TypeName())
		}
		t, err := strptime(in.Str(), b.Str("format", "%Y-%m-%d %H:%M:%S"))
		return value.FromObject(&moment{t, strings.Contains(b.Str("format", ""), "%z")}), err
	}, "format?")
	f["strftime"] = Filter{Fn: strftimeFilter, Impure: true}
}

// ExpandUser is Python's os.path.expanduser: ~ and ~name at the start.
func ExpandUser(s string) string {
	if !strings.HasPrefix(s, "~") {
		return s
	}
	name, rest, _ := strings.Cut(s[1:], "/")
	home := ""
	if name == "" {
		home, _ = os.UserHomeDir()
	} else if u, err := user.Lookup(name); err == nil {
		home = u.HomeDir
	}
	if home == "" {
		return s
	}
	return strings.TrimRight(home, "/") + s[1+len(name):len(s)-len(rest)] + rest
}

var variablePattern = lazyregexp.New(`\$(\w+|\{[^}]*\})`)

// expandVars is Python's os.path.expandvars: what is not set stays as it is.
func expandVars(s string) string {
	return variablePattern().ReplaceAllStringFunc(s, func(m string) string {
		if v, ok := os.LookupEnv(strings.Trim(m[1:], "{}")); ok {
			return v
		}
		return m
	})
}

func splitExt(_ *Context, in value.Value, _ *Bound) (value.Value, error) {
	if !in.IsString() {
		return in, fmt.Errorf("expected a path, not %s", in.TypeName())
	}
	s := in.Str()
	base := s[strings.LastIndexByte(s, '/')+1:]
	i := strings.LastIndexByte(base, '.')
	if i < 0 || strings.Trim(base[:i], ".") == "" {
		return tupleOf([]string{s, ""}), nil
	}
	cut := len(s) - len(base) + i
	return tupleOf([]string{s[:cut], s[cut:]}), nil
}

func dirname(s string) string {
	i := strings.LastIndexByte(s, '/') + 1
	if head := strings.TrimRight(s[:i], "/"); head != "" {
		return head
	}
	return s[:i]
}

func pathJoin(_ *Context, in value.Value, _ *Bound) (value.Value, error) {
	if in.IsString() {
		return in, nil
	}
	if in.Kind() != value.KindList {
		return in, refusal("|path_join expects string or sequence, got <class '%s'> instead.", in.TypeName())
	}
	if in.Len() == 0 {
		return in, errors.New("join() needs at least one element")
	}
	out := ""
	for i, it := range in.Items() {
		if !it.IsString() {
			return in, fmt.Errorf("join() argument must be str, not '%s'", it.TypeName())
		}
		s := it.Str()
		switch {
		case i == 0 || strings.HasPrefix(s, "/"):
			out = s
		case out == "" || strings.HasSuffix(out, "/"):
			out += s
		default:
			out += "/" + s
		}
	}
	return strResult(out)
}

func commonPath(_ *Context, in value.Value, _ *Bound) (value.Value, error) {
	if in.Kind() != value.KindList || in.Len() == 0 {
		return in, errors.New("expects a sequence of paths that is not empty")
	}
	var common []string
	for i, it := range in.Items() {
		parts := strings.Split(strings.TrimRight(text(it), "/"), "/")
		if i == 0 {
			common = parts
		}
		n := 0
		for n < len(common) && n < len(parts) && common[n] == parts[n] {
			n++
		}
		common = common[:n]
	}
	s := strings.Join(common, "/")
	if s == "" && strings.HasPrefix(text(in.Items()[0]), "/") {
		s = "/"
	}
	return strResult(s)
}

const sizeUnits = "YZEPTGMKB"

func unitFactor(u byte) float64 {
	i := strings.IndexByte(sizeUnits, u)
	if i < 0 {
		return 0
	}
	return math.Pow(1024, float64(len(sizeUnits)-1-i))
}

func humanReadable(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	x, ok := in.AsFloat()
	if !ok {
		return in, refusal("human_readable() failed on bad input: '>=' not supported between instances of '%s' and 'int'", in.TypeName())
	}
	suffix, factor := "Bytes", 1.0
	if b.Bool("isbits", false) {
		suffix = "bits"
	}
	unit := strings.ToUpper(b.Str("unit", ""))
	for i := range len(sizeUnits) - 1 {
		u := sizeUnits[i]
		if (unit == "" && x >= unitFactor(u)) || (unit != "" && unit[0] == u) {
			suffix, factor = string(rune(u))+suffix[:1], unitFactor(u)
			break
		}
	}
	return strResult(fmt.Sprintf("%.2f %s", x/factor, suffix))
}

var sizePattern = lazyregexp.New(`^\s*(\d*\.?\d*)\s*([A-Za-z]+)?`)

func humanToBytes(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	bad := refusal("human_to_bytes() can't interpret following string: %s", text(in))
	m := sizePattern().FindStringSubmatch(text(in))
	x, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return in, bad
	}
	unit := m[2]
	if unit == "" {
		unit = b.Str("default_unit", "")
	}
	if unit == "" {
		return floatToInt(math.RoundToEven(x)), nil
	}
	factor, word, letter := unitFactor(strings.ToUpper(unit)[0]), "byte", byte('B')
	if b.Bool("isbits", false) {
		word, letter = "bit", 'b'
	}
	// Ansible looks at two letters, or for the word anywhere.
	if factor == 0 || (len(unit) > 1 && unit[1] != letter && !strings.Contains(strings.ToLower(unit), word)) {
		return in, bad
	}
	return floatToInt(math.RoundToEven(x * factor)), nil
}

func (c *Context) clock() time.Time {
	if c.Now.IsZero() {
		return time.Now()
	}
	return c.Now
}

func strftimeFilter(c *Context, in value.Value, a Args) (value.Value, error) {
	b := a.Bind("second?", "utc?")
	t := c.clock()
	if s := b.Value("second"); !s.IsNull() {
		x, ok := s.AsFloat()
		if s.IsString() {
			f, err := pyFloat(s.Str())
			x, ok = f, err == nil
		}
		if !ok {
			return in, refusal("Invalid value for epoch value (%s)", text(s))
		}
		t = time.Unix(int64(math.Floor(x)), 0).In(t.Location())
	}
	if b.Bool("utc", false) {
		t = t.In(gmt)
	}
	return value.String(strftime(text(in), t)), b.Err
}

// gmt is what the C library calls the zone of gmtime.
var gmt = time.FixedZone("GMT", 0)

func addAnsibleFunctions(e *Env) {
	e.Functions["now"] = Function{Impure: true, Fn: func(c *Context, a Args) (value.Value, error) {
		b := a.Bind("utc?", "fmt?")
		t := c.clock()
		if b.Bool("utc", false) {
			t = t.UTC()
		}
		if f := b.Str("fmt", ""); f != "" {
			return value.String((&moment{t: t}).strftime(f)), b.Err
		}
		return value.FromObject(&moment{t: t}), b.Err
	}}
	e.Functions["undef"] = Function{TakesUndefined: true, Passes: true, Fn: func(_ *Context, a Args) (value.Value, error) {
		b := a.Bind("hint?")
		return value.UndefinedOf(&value.Undef{Msg: b.Str("hint", "Mandatory variable has not been overridden")}), b.Err
	}}
}
