package jinja

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// resultTest looks at a task's result; reads says what of it.
func resultTest(what string, reads []string, f func(m value.Value) bool) Test {
	return Test{TakesUnknown: true, TakesUndefined: true, Fn: func(_ *Context, v value.Value, a Args) (bool, error) {
		if v.IsUnknown() {
			return false, unknownSignal{v}
		}
		if v.Map() == nil {
			return false, refusal("The '%s' test expects a dictionary", what)
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
			t[n] = resultTest(reads, []string{reads}, f)
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
	t["vault_encrypted"] = is(func(v value.Value) bool { return v.Marks()&value.Vaulted != 0 })
	t["nan"] = Test{Fn: func(_ *Context, v value.Value, a Args) (bool, error) {
		x, ok := v.AsFloat()
		return ok && math.IsNaN(x), a.Bind().Err
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
	t["mount"] = impureTest(func(s string, _ *Bound) (bool, error) { return isMount(s), nil })
	t["is_mount"] = t["mount"]
	t["same_file"] = impureTest(func(s string, b *Bound) (bool, error) {
		x, err := os.Stat(s)
		if err != nil {
			return false, refusal("[Errno 2] No such file or directory: '%s'", s)
		}
		y, err := os.Stat(b.Text("other", ""))
		if err != nil {
			return false, refusal("[Errno 2] No such file or directory: '%s'", b.Text("other", ""))
		}
		return os.SameFile(x, y), nil
	}, "other")
	t["is_same_file"] = t["same_file"]
	t["uri"], t["url"], t["urn"] = uriTest("uri"), uriTest("url"), uriTest("urn")
}

func impureTest(fn func(path string, b *Bound) (bool, error), params ...string) Test {
	return Test{Impure: true, Fn: func(_ *Context, v value.Value, a Args) (bool, error) {
		b := a.Bind(params...)
		if b.Err != nil {
			return false, b.Err
		}
		return fn(text(v), b)
	}}
}

// isMount is Python's os.path.ismount: another device than the parent's, or
// the root of everything.
func isMount(p string) bool {
	st, err := os.Lstat(p)
	if err != nil || st.Mode()&os.ModeSymlink != 0 {
		return false
	}
	up, err := os.Lstat(filepath.Join(p, ".."))
	if err != nil {
		return false
	}
	return device(st) != device(up) || os.SameFile(st, up)
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
		if how != "search" && how != "match" && how != "fullmatch" {
			return false, fmt.Errorf("there is no match_type '%s': search, match or fullmatch", how)
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
		of, err := iterate(c, big)
		if err != nil {
			return false, err
		}
		for _, it := range append(items[:len(items):len(items)], of...) {
			if !it.Hashable() {
				return false, fmt.Errorf("unhashable type: '%s'", it.TypeName())
			}
		}
		set, err := setOf(c, of)
		if err != nil {
			return false, err
		}
		for _, it := range items {
			if ok, err := set.has(c, it); err != nil || !ok {
				return false, err
			}
		}
		return true, nil
	}}
}
