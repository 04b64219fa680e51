package vars

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"

	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Lookup is a lookup plugin: it gives a list from terms and options.
type Lookup struct {
	Run func(s *Scope, terms []value.Value, opts jinja.Args) ([]value.Value, error)
	// Impure lookups read the controller or a clock; look-ahead takes them as
	// unknown.
	Impure bool
}

func builtinLookups() map[string]Lookup {
	return map[string]Lookup{
		"items":         {Run: lookupItems},
		"list":          {Run: func(_ *Scope, t []value.Value, _ jinja.Args) ([]value.Value, error) { return t, nil }},
		"dict":          {Run: lookupDict},
		"together":      {Run: lookupTogether},
		"nested":        {Run: lookupNested},
		"indexed_items": {Run: lookupIndexed},
		"flattened":     {Run: lookupFlattened},
		"subelements":   {Run: lookupSubelements},
		"sequence":      {Run: lookupSequence},
		"random_choice": {Run: lookupRandomChoice, Impure: true},
		"vars":          {Run: lookupVars},
		"env":           {Run: lookupEnv, Impure: true},
		"file":          {Run: lookupFile, Impure: true},
		"template":      {Run: lookupTemplate, Impure: true},
		"fileglob":      {Run: lookupFileglob, Impure: true},
		"first_found":   {Run: lookupFirstFound, Impure: true},
		"lines":         {Run: lookupLines, Impure: true},
		"pipe":          {Run: lookupPipe, Impure: true},
	}
}

func lookupItems(_ *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	var out []value.Value
	for _, t := range terms {
		if t.Kind() == value.KindList {
			out = append(out, t.Items()...)
		} else {
			out = append(out, t)
		}
	}
	return out, nil
}

func lookupDict(_ *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	var out []value.Value
	for _, t := range terms {
		m := t.Map()
		if m == nil {
			return nil, fmt.Errorf("with_dict expects a dict, not a %s", t.TypeName())
		}
		for k, v := range m.All() {
			out = append(out, value.FromMap(value.M("key", k, "value", v.WithMarks(t.Marks()))))
		}
	}
	return out, nil
}

func lookupTogether(_ *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	if len(terms) == 0 {
		return nil, errors.New("with_together needs at least one list")
	}
	longest := 0
	for _, t := range terms {
		longest = max(longest, t.Len())
	}
	out := make([]value.Value, longest)
	for i := range out {
		row := make([]value.Value, len(terms))
		for j, t := range terms {
			if items := t.Items(); i < len(items) {
				row[j] = items[i]
			}
		}
		out[i] = value.List(row...)
	}
	return out, nil
}

func lookupNested(_ *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	rows := [][]value.Value{nil}
	for _, t := range terms {
		items := t.Items()
		if t.Kind() != value.KindList {
			items = []value.Value{t}
		}
		var next [][]value.Value
		for _, r := range rows {
			for _, it := range items {
				next = append(next, append(r[:len(r):len(r)], it))
			}
		}
		rows = next
	}
	out := make([]value.Value, len(rows))
	for i, r := range rows {
		out[i] = value.List(r...)
	}
	return out, nil
}

func lookupIndexed(s *Scope, terms []value.Value, o jinja.Args) ([]value.Value, error) {
	items, err := lookupItems(s, terms, o)
	for i, it := range items {
		items[i] = value.List(value.Int(int64(i)), it)
	}
	return items, err
}

func lookupFlattened(_ *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	var out []value.Value
	var flatten func(v value.Value)
	flatten = func(v value.Value) {
		if v.Kind() != value.KindList {
			out = append(out, v)
			return
		}
		for _, it := range v.Items() {
			flatten(it)
		}
	}
	for _, t := range terms {
		flatten(t)
	}
	return out, nil
}

func lookupVars(s *Scope, terms []value.Value, o jinja.Args) ([]value.Value, error) {
	var out []value.Value
	for _, t := range terms {
		v, ok, err := s.Variable(t.Str())
		if err != nil {
			return nil, err
		}
		if !ok || v.IsUndefined() {
			def, has := o.Get("default")
			if !has {
				return nil, fmt.Errorf("no variable found with this name: %s", t.Str())
			}
			v = def
		}
		out = append(out, v)
	}
	return out, nil
}

func lookupEnv(_ *Scope, terms []value.Value, o jinja.Args) ([]value.Value, error) {
	var out []value.Value
	for _, t := range terms {
		name, _, _ := strings.Cut(t.Text(), " ")
		x, ok := os.LookupEnv(name)
		v := value.String(x)
		if def, has := o.Get("default"); !ok && has {
			v = def
		}
		out = append(out, v.WithMarks(value.Unsafe))
	}
	return out, nil
}

// FindFile resolves a name against the search path: kind is "files",
// "templates", "vars" or "tasks".
func (s *Scope) FindFile(kind, name string) (string, error) {
	name = expandHome(name)
	if filepath.IsAbs(name) {
		if _, err := os.Stat(name); err != nil {
			return "", fmt.Errorf("cannot find %s on the controller", name)
		}
		return name, nil
	}
	var tried []string
	for _, dir := range s.SearchPath() {
		for _, p := range []string{filepath.Join(dir, kind, name), filepath.Join(dir, name)} {
			if _, err := os.Stat(p); err == nil {
				return p, nil
			}
			tried = append(tried, p)
		}
	}
	return "", fmt.Errorf("cannot find %s on the controller; looked for %s", name, strings.Join(tried, ", "))
}

func expandHome(p string) string {
	if p == "~" || strings.HasPrefix(p, "~/") {
		if home, err := os.UserHomeDir(); err == nil {
			return home + p[1:]
		}
	}
	return p
}

func lookupFile(s *Scope, terms []value.Value, o jinja.Args) ([]value.Value, error) {
	rstrip, lstrip := true, false
	if v, ok := o.Get("rstrip"); ok {
		rstrip = jinja.ToBool(v)
	}
	if v, ok := o.Get("lstrip"); ok {
		lstrip = jinja.ToBool(v)
	}
	var out []value.Value
	for _, t := range terms {
		p, err := s.FindFile("files", t.Text())
		if err != nil {
			return nil, err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return nil, err
		}
		text := string(data)
		if lstrip {
			text = strings.TrimLeft(text, " \t\r\n")
		}
		if rstrip {
			text = strings.TrimRight(text, " \t\r\n")
		}
		out = append(out, value.String(text).WithMarks(value.Unsafe))
	}
	return out, nil
}

func lookupTemplate(s *Scope, terms []value.Value, o jinja.Args) ([]value.Value, error) {
	var out []value.Value
	for _, t := range terms {
		p, err := s.FindFile("templates", t.Text())
		if err != nil {
			return nil, err
		}
		extra, _ := o.Get("template_vars")
		v, err := s.RenderFile(p, jinja.FileOptions(), extra.Map())
		if err != nil {
			return nil, err
		}
		out = append(out, v.WithMarks(value.Unsafe))
	}
	return out, nil
}

func lookupFileglob(s *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	var out []value.Value
	for _, t := range terms {
		pattern := expandHome(t.Text())
		patterns := []string{pattern}
		if !filepath.IsAbs(pattern) {
			patterns = nil
			for _, dir := range s.SearchPath() {
				patterns = append(patterns, filepath.Join(dir, "files", pattern), filepath.Join(dir, pattern))
			}
		}
		for _, p := range patterns {
			found, err := filepath.Glob(p)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p, err)
			}
			sort.Strings(found)
			any := false
			for _, f := range found {
				if st, err := os.Stat(f); err == nil && st.Mode().IsRegular() {
					out, any = append(out, value.String(f)), true
				}
			}
			if any {
				break
			}
		}
	}
	return out, nil
}

// firstFoundTerms takes the forms of first_found: names, or dicts with files,
// paths and skip.
func lookupFirstFound(s *Scope, terms []value.Value, o jinja.Args) ([]value.Value, error) {
	skip := false
	if v, ok := o.Get("skip"); ok {
		skip = jinja.ToBool(v)
	}
	var candidates []string
	add := func(files, paths []string) {
		if len(paths) == 0 {
			candidates = append(candidates, files...)
			return
		}
		for _, p := range paths {
			for _, f := range files {
				candidates = append(candidates, filepath.Join(p, f))
			}
		}
	}
	kwFiles, _ := o.Get("files")
	kwPaths, _ := o.Get("paths")
	if !kwFiles.IsNull() {
		add(texts(kwFiles), texts(kwPaths))
	}
	flat, _ := lookupFlattened(s, terms, o)
	for _, t := range flat {
		if t.Kind() == value.KindMap {
			f, _ := t.Get("files")
			p, _ := t.Get("paths")
			add(texts(f), texts(p))
			if v, ok := t.Get("skip"); ok && jinja.ToBool(v) {
				skip = true
			}
			continue
		}
		add([]string{t.Text()}, texts(kwPaths))
	}
	for _, c := range candidates {
		for _, kind := range []string{"", "files", "templates", "vars", "tasks"} {
			if p, err := s.FindFile(kind, c); err == nil {
				return []value.Value{value.String(p)}, nil
			}
		}
	}
	if skip {
		return nil, nil
	}
	return nil, fmt.Errorf("no file was found when using first_found; looked for %s", strings.Join(candidates, ", "))
}

func texts(v value.Value) []string {
	switch v.Kind() {
	case value.KindNull:
		return nil
	case value.KindList:
		var out []string
		for _, it := range v.Items() {
			out = append(out, it.Text())
		}
		return out
	}
	return strings.FieldsFunc(v.Text(), func(r rune) bool { return strings.ContainsRune(",;:\n", r) })
}

func lookupLines(s *Scope, terms []value.Value, o jinja.Args) ([]value.Value, error) {
	var out []value.Value
	for _, t := range terms {
		text, err := pipe(s, t.Text())
		if err != nil {
			return nil, err
		}
		for _, l := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
			out = append(out, value.String(l).WithMarks(value.Unsafe))
		}
	}
	return out, nil
}

func lookupPipe(s *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	var out []value.Value
	for _, t := range terms {
		text, err := pipe(s, t.Text())
		if err != nil {
			return nil, err
		}
		out = append(out, value.String(strings.TrimRight(text, "\n")).WithMarks(value.Unsafe))
	}
	return out, nil
}

func pipe(s *Scope, command string) (string, error) {
	cmd := exec.Command("/bin/sh", "-c", command)
	if s.play != nil && s.play.Play != nil {
		cmd.Dir = s.play.Play.Dir
	}
	data, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("lookup_plugin.pipe(%s) returned an error: %w", command, err)
	}
	return string(data), nil
}

// RenderFile renders a template file of the controller.
func (s *Scope) RenderFile(path string, o jinja.Options, extra *value.Map) (value.Value, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return value.Null, err
	}
	return s.RenderText(path, string(data), o, extra)
}
