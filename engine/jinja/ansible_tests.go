package jinja

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/fairlead-project/fairlead/engine/value"
)

func resultTest(what string, reads []string, f func(m value.Value) bool) Test {
	return Test{TakesUnknown: true, Fn: func(_ *Context, v value.Value, a Args) (bool, error) {
		if v.IsUnknown() {
			return false, unknownSignal{v}
		}
		if v.Map() == nil {
			return false, fmt.Errorf("the '%s' test expects a dictionary", what)
		}
		for _, k := range reads {
			if e, ok := v.Get(k); ok && e.HasUnknown() {
				o, _ := e.FindUnknown()
				return false, unknownSignal{value.Unknown(o)}
			}
		}
		return f(v), a.Bind().Err
	}}
}

func flagOf(m value.Value, key string) bool {
	v, ok := m.Get(key)
	return ok && v.Truthy()
}

func changedResult(m value.Value) bool {
	if _, ok := m.Get("changed"); ok {
		return flagOf(m, "changed")
	}
	results, _ := m.Get("results")
	for _, r := range results.Items() {
		if flagOf(r, "changed") {
			return true
		}
	}
	return false
}

func addAnsibleTests(e *Env) {
	t := e.Tests
	add := func(f func(value.Value) bool, reads string, names ...string) {
		for _, n := range names {
			t[n] = resultTest(n, strings.Fields(reads), f)
		}
	}
	add(func(m value.Value) bool { return flagOf(m, "failed") }, "failed", "failed", "failure")
	add(func(m value.Value) bool { return !flagOf(m, "failed") }, "failed", "succeeded", "success", "successful")
	add(changedResult, "changed", "changed", "change")
	add(func(m value.Value) bool { return flagOf(m, "skipped") }, "skipped", "skipped", "skip")
	add(func(m value.Value) bool { return flagOf(m, "unreachable") }, "unreachable", "unreachable")
	add(func(m value.Value) bool { return !flagOf(m, "unreachable") }, "unreachable", "reachable")
	for _, n := range []string{"finished", "started"} {
		add(func(m value.Value) bool { v, ok := m.Get(n); return !ok || equal(v, value.Int(1)) }, n, n)
	}
	t["match"], t["search"], t["regex"] = regexTest("match"), regexTest("search"), regexTest("")
	t["version"] = Test{Fn: versionTest}
	t["version_compare"] = t["version"]
	t["any"], t["all"] = Test{Fn: quantifier(true)}, Test{Fn: quantifier(false)}
	t["subset"], t["superset"] = setTest(false), setTest(true)
	t["issubset"], t["issuperset"] = t["subset"], t["superset"]
	t["contains"] = Test{Fn: func(c *Context, v value.Value, a Args) (bool, error) {
		b := a.Bind("item")
		if b.Err != nil {
			return false, b.Err
		}
		return contains(c, v, b.Value("item"))
	}}
	t["truthy"], t["falsy"] = truthTest(true), truthTest(false)
	t["vault_encrypted"] = is(func(v value.Value) bool { return strings.HasPrefix(v.Str(), "$ANSIBLE_VAULT;") })
	t["nan"] = Test{Fn: func(_ *Context, v value.Value, a Args) (bool, error) {
		x, ok := v.AsFloat()
		if !ok {
			return false, errors.New("expects a number")
		}
		return math.IsNaN(x), a.Bind().Err
	}}
	t["isnan"] = t["nan"]
	addFileTests(t)
}

func addFileTests(t map[string]Test) {
	t["abs"] = is(func(v value.Value) bool { return filepath.IsAbs(v.Str()) })
	t["is_abs"] = t["abs"]
	for names, p := range map[string]func(string) bool{
		"exists is_exists": func(s string) bool { _, err := os.Stat(s); return err == nil },
		"file is_file":     func(s string) bool { st, err := os.Stat(s); return err == nil && st.Mode().IsRegular() },
		"directory is_dir": func(s string) bool { st, err := os.Stat(s); return err == nil && st.IsDir() },
		"link is_link":     func(s string) bool { st, err := os.Lstat(s); return err == nil && st.Mode()&os.ModeSymlink != 0 },
		"link_exists":      func(s string) bool { _, err := os.Lstat(s); return err == nil },
	} {
		x := is(func(v value.Value) bool { return p(text(v)) })
		x.Impure = true
		for _, n := range strings.Fields(names) {
			t[n] = x
		}
	}
	scheme := func(ok func(scheme, rest string) bool) Test {
		return is(func(v value.Value) bool {
			s, rest, found := strings.Cut(text(v), ":")
			return found && ok(s, rest)
		})
	}
	t["uri"] = scheme(func(s, _ string) bool { return s != "" })
	t["url"] = scheme(func(s, r string) bool { return s != "" && strings.HasPrefix(r, "//") && len(r) > 2 })
	t["urn"] = scheme(func(s, _ string) bool { return s == "urn" })
}

func truthTest(want bool) Test {
	return Test{Fn: func(_ *Context, v value.Value, a Args) (bool, error) {
		b := a.Bind("convert_bool?")
		truth := v.Truthy()
		if b.Bool("convert_bool", false) && v.IsString() {
			switch strings.ToLower(strings.TrimSpace(v.Str())) {
			case "y", "yes", "on", "1", "true", "t":
				truth = true
			case "n", "no", "off", "0", "false", "f":
				truth = false
			}
		}
		return truth == want, b.Err
	}}
}

func regexTest(kind string) Test {
	return Test{Fn: func(_ *Context, v value.Value, a Args) (bool, error) {
		b := a.Bind("pattern?", "ignorecase?", "multiline?", "match_type?")
		how, p := kind, b.Text("pattern", "")
		if how == "" {
			how = b.Str("match_type", "search")
		}
		// match and fullmatch are anchored at the start of the text.
		if how != "search" {
			p = `\A(?:` + p + `)`
		}
		if how == "fullmatch" {
			p += `\Z`
		}
		r, err := compileRegex(p, b.Bool("ignorecase", false), b.Bool("multiline", false))
		if err = errors.Join(b.Err, err); err != nil {
			return false, err
		}
		m, err := r.find(text(v))
		return m != nil, err
	}}
}

func quantifier(anyOf bool) func(*Context, value.Value, Args) (bool, error) {
	return func(c *Context, v value.Value, a Args) (bool, error) {
		items, err := iterate(c, v)
		for _, it := range items {
			if it.Truthy() == anyOf {
				return anyOf, err
			}
		}
		return !anyOf, errors.Join(err, a.Bind().Err)
	}
}

func setTest(super bool) Test {
	return Test{Fn: func(c *Context, v value.Value, a Args) (bool, error) {
		b := a.Bind("other")
		small, big := v, b.Value("other")
		if super {
			small, big = big, small
		}
		items, err := iterate(c, small)
		if err = errors.Join(b.Err, err); err != nil {
			return false, err
		}
		for _, it := range items {
			if ok, err := contains(c, big, it); err != nil || !ok {
				return false, err
			}
		}
		return true, nil
	}}
}

func versionTest(_ *Context, v value.Value, a Args) (bool, error) {
	b := a.Bind("version", "operator?", "strict?", "version_type?")
	op, kind := b.Str("operator", "eq"), b.Str("version_type", "loose")
	x, y := text(v), text(b.Value("version"))
	switch {
	case b.Err != nil:
		return false, b.Err
	case x == "":
		return false, errors.New("input version value cannot be empty")
	case y == "":
		return false, errors.New("version parameter to compare against cannot be empty")
	case b.Bool("strict", false):
		kind = "strict"
	}
	n, err := compareVersions(kind, x, y)
	if err != nil {
		return false, err
	}
	switch op {
	case "==", "=", "eq":
		return n == 0, nil
	case "<", "lt":
		return n < 0, nil
	case "<=", "le":
		return n <= 0, nil
	case ">", "gt":
		return n > 0, nil
	case ">=", "ge":
		return n >= 0, nil
	case "!=", "<>", "ne":
		return n != 0, nil
	}
	return false, fmt.Errorf("invalid version operator (%s)", op)
}

func compareVersions(kind, x, y string) (int, error) {
	switch kind {
	case "loose", "strict":
		n, ok := value.Compare(looseVersion(x), looseVersion(y))
		if !ok {
			return 0, errors.New("the versions cannot be compared: a number meets a word")
		}
		return n, nil
	case "semver", "semantic", "pep440":
		a, err := semver.NewVersion(x)
		if err != nil {
			return 0, err
		}
		b, err := semver.NewVersion(y)
		if err != nil {
			return 0, err
		}
		return a.Compare(b), nil
	}
	return 0, fmt.Errorf("invalid version type (%s): one of loose, pep440, semantic, semver, strict", kind)
}

// looseVersion splits a version into numbers and words, as distutils did.
func looseVersion(s string) value.Value {
	class := func(c byte) int {
		switch {
		case c >= '0' && c <= '9':
			return 1
		case c >= 'a' && c <= 'z':
			return 2
		case c == '.':
			return 3
		}
		return 4
	}
	var out []value.Value
	for i := 0; i < len(s); {
		j, k := i, class(s[i])
		for j < len(s) && class(s[j]) == k {
			j++
		}
		switch k {
		case 1:
			n, _ := value.ParseNumber(s[i:j])
			out = append(out, n)
		case 2, 4:
			out = append(out, value.String(s[i:j]))
		}
		i = j
	}
	return value.List(out...)
}
