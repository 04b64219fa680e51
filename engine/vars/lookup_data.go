package vars

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/pycodec"
	"github.com/fairlead-project/fairlead/engine/pycsv"
	"github.com/fairlead-project/fairlead/engine/pyre"
	"github.com/fairlead-project/fairlead/engine/value"
)

// inline reads the old form of a term, "key words name=value name=value": the
// words before the first option are the key. A value may hold blanks.
func inline(term string, known []string) (key string, opts map[string]string, err error) {
	opts = map[string]string{}
	at := ""
	for _, w := range strings.Fields(term) {
		name, v, ok := strings.Cut(w, "=")
		isOption := false
		for _, k := range known {
			isOption = isOption || ok && k == name
		}
		switch {
		case isOption:
			at, opts[name] = name, v
		case at != "":
			opts[at] += " " + w
		case ok:
			return "", nil, says("%s is not a valid option.", name)
		case key == "":
			key = w
		default:
			key += " " + w
		}
	}
	for n, v := range opts {
		opts[n] = unquoted(v)
	}
	return key, opts, nil
}

func unquoted(s string) string {
	if len(s) > 1 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// inlineOptions are a lookup's options: those of the call, and above them those
// in the term itself.
func inlineOptions(term value.Value, o jinja.Args, known ...string) (key string, get func(name, def string) string, err error) {
	key, over := term.Text(), map[string]string{}
	if strings.Contains(key, "=") || strings.Contains(strings.TrimSpace(key), " ") {
		if key, over, err = inline(key, known); err != nil {
			return "", nil, err
		}
	}
	return key, func(name, def string) string {
		if v, ok := over[name]; ok {
			return v
		}
		return textOption(o, name, def)
	}, nil
}

// decoded reads a file of the controller in a character set.
func (s *Scope) decoded(name, encoding string) (string, error) {
	p, err := s.FindFile("files", name)
	if err != nil {
		return "", err
	}
	text, _, err := s.readFile(p)
	if err != nil {
		return "", err
	}
	return pycodec.Decode(text, encoding)
}

// lookupCSV finds a row by its first column and gives another.
func lookupCSV(s *Scope, terms []value.Value, o jinja.Args) ([]value.Value, error) {
	var out []value.Value
	for _, t := range terms {
		key, get, err := csvOptions(t, o)
		if err != nil {
			return nil, err
		}
		if key == "" {
			return nil, says("Search key is required but was not found")
		}
		d, _ := pycsv.Named("excel")
		switch del := get("delimiter", "TAB"); del {
		case "TAB", `\t`:
			d.Delimiter = '\t'
		default:
			rs := []rune(del)
			if len(rs) != 1 {
				return nil, says("csvfile: \"delimiter\" must be a 1-character string")
			}
			d.Delimiter = rs[0]
		}
		text, err := s.decoded(get("file", "ansible.csv"), get("encoding", "utf-8"))
		if err != nil {
			return nil, says("csvfile: %w", err)
		}
		rows, err := d.Read(text)
		if err != nil {
			return nil, says("csvfile: %w", err)
		}
		v, err := csvCell(rows, key, get("col", "1"))
		if err != nil {
			return nil, err
		}
		if def := get("default", ""); v.IsNull() && (def != "" || !option(o, "default").IsNull()) {
			v = value.String(def)
		}
		if !v.IsNull() {
			out = append(out, v)
		}
	}
	return out, nil
}

// csvOptions are the options of csvfile; those in the term are free-form
// arguments, as of a module.
func csvOptions(t value.Value, o jinja.Args) (key string, get func(name, def string) string, err error) {
	pairs, key, err := playbook.KeyValues(t.Text())
	if err != nil {
		return "", nil, says("csvfile: %w", err)
	}
	over := map[string]string{}
	for _, p := range pairs {
		if !slices.Contains([]string{"col", "default", "delimiter", "file", "encoding"}, p[0]) {
			return "", nil, says("%s is not a valid option", p[0])
		}
		over[p[0]] = p[1]
	}
	return key, func(name, def string) string {
		if v, ok := over[name]; ok {
			return v
		}
		return textOption(o, name, def)
	}, nil
}

func csvCell(rows [][]string, key, col string) (value.Value, error) {
	for _, row := range rows {
		if len(row) == 0 || row[0] != key {
			continue
		}
		n, err := strconv.Atoi(col)
		if err != nil {
			return value.Null, says("csvfile: invalid literal for int() with base 10: '%s'", col)
		}
		at := n
		if at < 0 {
			at += len(row)
		}
		if at < 0 || at >= len(row) {
			return value.Null, says("csvfile: list index out of range")
		}
		return value.String(row[at]), nil
	}
	return value.Null, nil
}

// lookupINI gives values of an INI or properties file.
func lookupINI(s *Scope, terms []value.Value, o jinja.Args) ([]value.Value, error) {
	var out []value.Value
	for _, t := range terms {
		key, get, err := inlineOptions(t, o, "type", "file", "section", "re", "encoding", "default", "case_sensitive", "allow_no_value", "allow_none")
		if err != nil {
			return nil, err
		}
		if key == "" {
			return nil, says("No key to lookup was provided as first term with in string inline options: %s", t.Text())
		}
		file, section := get("file", "ansible.ini"), get("section", "global")
		text, err := s.decoded(file, get("encoding", "utf-8"))
		if err != nil {
			return nil, err
		}
		if get("type", "ini") == "properties" {
			section, text = "java_properties", "[java_properties]\n"+text
		}
		truth := func(name string) bool { return jinja.ToBool(value.String(get(name, "no"))) }
		f, err := parseINI(text, truth("case_sensitive"), truth("allow_no_value") || truth("allow_none"))
		if dup, ok := errors.AsType[*duplicateOption](err); ok {
			return nil, says("Duplicate option in '%s': %w", file, dup)
		}
		if err != nil {
			return nil, says("%w in %s", err, file)
		}
		vals, err := f.find(section, key, truth("re"))
		if err != nil {
			return nil, says("%w in %s", err, file)
		}
		if vals == nil && !truth("re") {
			vals = []value.Value{value.String(get("default", ""))}
		}
		for _, v := range vals {
			if !v.IsNull() {
				out = append(out, v)
			}
		}
	}
	return out, nil
}

// iniFile is what Python's ConfigParser reads.
type iniFile struct {
	sections map[string]*value.Map
	defaults *value.Map
	fold     bool
}

// duplicateOption is an option that stands twice in a section.
type duplicateOption struct {
	option, section string
	line            int
}

func (d *duplicateOption) Error() string {
	return fmt.Sprintf("[line %2d]: option '%s' in section '%s' already exists", d.line, d.option, d.section)
}

func parseINI(text string, caseSensitive, noValue bool) (*iniFile, error) {
	f := &iniFile{sections: map[string]*value.Map{}, defaults: value.NewMap(), fold: !caseSensitive}
	var cur *value.Map
	name, last, indent := "", "", 0
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, " \t\r")
		body := strings.TrimLeft(line, " \t")
		if strings.HasPrefix(body, "#") || strings.HasPrefix(body, ";") {
			continue
		}
		in := len(line) - len(body)
		if cur != nil && last != "" && (in > indent || body == "") {
			old, _ := cur.Get(last)
			if !old.IsNull() {
				cur.Set(last, value.String(old.Str()+"\n"+body))
			}
			continue
		}
		if body == "" {
			continue
		}
		indent = in
		if strings.HasPrefix(body, "[") && strings.Contains(body, "]") {
			name, last = body[1:strings.LastIndexByte(body, ']')], ""
			if cur = f.sections[name]; cur == nil {
				cur = value.NewMap()
				f.sections[name] = cur
			}
			if name == "DEFAULT" {
				cur = f.defaults
			}
			continue
		}
		if cur == nil {
			return nil, says("File contains no section headers")
		}
		k, v, ok := cutINI(body)
		if !ok && !noValue {
			return nil, says("Source contains parsing errors: %s", strconv.Quote(body))
		}
		if last = f.key(k); cur.Has(last) {
			return nil, &duplicateOption{option: last, section: name, line: n + 1}
		}
		cur.Set(last, value.Null)
		if ok {
			cur.Set(last, value.String(v))
		}
	}
	f.trim()
	return f, nil
}

// trim drops the empty lines that ended a value.
func (f *iniFile) trim() {
	for _, m := range f.sections {
		for _, k := range m.Keys() {
			if v, _ := m.GetKey(k); v.IsString() {
				m.SetKey(k, value.String(strings.TrimRight(v.Str(), "\n")))
			}
		}
	}
}

func (f *iniFile) key(k string) string {
	if f.fold {
		return strings.ToLower(k)
	}
	return k
}

func cutINI(s string) (k, v string, ok bool) {
	i := strings.IndexAny(s, "=:")
	if i < 0 {
		return strings.TrimSpace(s), "", false
	}
	return strings.TrimSpace(s[:i]), strings.TrimSpace(s[i+1:]), true
}

func (f *iniFile) find(section, key string, regexp bool) ([]value.Value, error) {
	m := f.sections[section]
	if m == nil {
		return nil, says("No section '%s'", section)
	}
	if !regexp {
		if v, ok := m.Get(f.key(key)); ok {
			return f.interpolated(m, v)
		}
		if v, ok := f.defaults.Get(f.key(key)); ok {
			return f.interpolated(m, v)
		}
		return nil, nil
	}
	re, err := pyre.CompileText(`\A(?:` + key + `)`)
	if err != nil {
		return nil, err
	}
	out := []value.Value{}
	for k, v := range m.All() {
		hit, err := re.Search([]byte(k.Str()))
		if err != nil {
			return nil, err
		}
		if hit != nil {
			vs, err := f.interpolated(m, v)
			if err != nil {
				return nil, err
			}
			out = append(out, vs...)
		}
	}
	return out, nil
}

// interpolated replaces %(name)s and %% as ConfigParser does.
func (f *iniFile) interpolated(m *value.Map, v value.Value) ([]value.Value, error) {
	s := v.Str()
	for depth := 0; strings.Contains(s, "%("); depth++ {
		i := strings.Index(s, "%(")
		end := strings.Index(s[i:], ")s")
		if end < 0 || depth > 50 {
			return nil, says("bad interpolation variable reference %s", strconv.Quote(s[i:]))
		}
		name := f.key(s[i+2 : i+end])
		x, ok := m.Get(name)
		if !ok {
			if x, ok = f.defaults.Get(name); !ok {
				return nil, says("Bad value substitution: option '%s' contains an interpolation key which is not a valid option name", name)
			}
		}
		s = s[:i] + x.Str() + s[i+end+2:]
	}
	if v.IsNull() {
		return []value.Value{v}, nil
	}
	return []value.Value{value.String(strings.ReplaceAll(s, "%%", "%")).WithMarks(value.Unsafe)}, nil
}

// expandHome makes ~ and ~name folders.
func expandHome(p string) string { return jinja.ExpandUser(p) }
