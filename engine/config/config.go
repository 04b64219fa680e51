// Package config reads ansible.cfg and the ANSIBLE_* variables of the
// environment, and tells for each setting what it is, where that was said, and
// what of a file has no effect here. It only reads: nothing is changed by it.
//
// Names, sections, variables and defaults are those of ansible-core 2.14
// ("Ansible Configuration Settings").
package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// Kind is of what type a setting is.
type Kind uint8

// The kinds. Paths are made absolute: those of a file beside the file, those of
// the environment from the working folder.
const (
	Text Kind = iota
	Bool
	Int
	List     // at commas
	Path     // one path
	PathSpec // at colons
	PathList // at commas
)

// Key names a setting.
type Key string

// Source says what kind of place a value comes from.
type Source uint8

// The sources, weakest first.
const (
	Default Source = iota
	File
	Environment
)

// Value is a setting as it was found.
type Value struct {
	// Raw is the text as written; Words are the parts of a list, absolute for
	// paths.
	Raw    string
	Words  []string
	Source Source
	// Pos is the place in a file, Env the name of a variable.
	Pos diag.Pos
	Env string
}

// Where says for people where a value comes from.
func (v Value) Where() string {
	switch v.Source {
	case File:
		return v.Pos.String()
	case Environment:
		return "$" + v.Env
	}
	return "default"
}

// Ignored is an entry of a file, or a variable, that has no effect here.
type Ignored struct {
	// Name is the entry as "[section] key", or the variable's.
	Name string
	Pos  diag.Pos
	Why  string
	// Unknown: Ansible does not know it either.
	Unknown bool
}

// Config is every setting. It is read-only.
type Config struct {
	// Path is the file that was read, "" for none.
	Path    string
	Ignored []Ignored
	values  map[Key]Value
}

// Surroundings are where settings are looked for.
type Surroundings struct {
	// Environ are variables as NAME=value.
	Environ []string
	// Dir is the working folder, Home that of the user.
	Dir, Home string
	// System is the file that counts when no other does
	// (/etc/ansible/ansible.cfg if empty).
	System string
}

// Here is what surrounds this process.
func Here() Surroundings {
	s := Surroundings{Environ: os.Environ()}
	s.Dir, _ = os.Getwd()
	s.Home, _ = os.UserHomeDir()
	return s
}

func (s Surroundings) lookup(name string) (string, bool) {
	for _, e := range slices.Backward(s.Environ) {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v, true
		}
	}
	return "", false
}

// Load reads the settings. Problems (a file that cannot be read, a value that
// is no number) are an error, a diag.List; warnings are returned beside.
func Load(s Surroundings) (*Config, diag.List, error) {
	c := &Config{values: map[Key]Value{}}
	var warnings, problems diag.List
	path, warning := find(s)
	if warning != nil {
		warnings = append(warnings, warning)
	}
	var f *iniFile
	if path != "" {
		c.Path = path
		data, err := os.ReadFile(path)
		if err != nil {
			return c, warnings, diag.List{diag.Errorf(diag.Pos{File: path}, "ansible-cfg", "the configuration cannot be read: %w", err)}
		}
		if f, err = parse(path, string(data)); err != nil {
			return c, warnings, err
		}
	}
	for i := range settings {
		v, err := settings[i].look(s, f)
		problems.Add(err)
		c.values[settings[i].Key] = v
	}
	c.Ignored = append(ignoredEntries(f), ignoredVariables(s.Environ)...)
	return c, warnings, problems.Err()
}

// look finds a setting: in the environment, then in the file. Of several names
// the last that is set counts, as in Ansible.
func (d *Setting) look(s Surroundings, f *iniFile) (Value, error) {
	v := Value{Raw: d.Default}
	found := false
	for _, name := range d.Env {
		if text, ok := s.lookup(name); ok && (text != "" || d.Kind != Int) {
			v, found = Value{Raw: text, Source: Environment, Env: name}, true
		}
	}
	if !found && f != nil {
		for _, e := range d.Ini {
			if x := f.get(e); x != nil {
				x.used = true
				v = Value{Raw: x.value, Source: File, Pos: x.pos}
			}
		}
	}
	if f != nil {
		for _, e := range d.Ini { // also one that the environment hides is known
			if x := f.get(e); x != nil {
				x.used = true
			}
		}
	}
	err := d.convert(&v, s)
	return v, err
}

// convert checks a value's type and splits lists.
func (d *Setting) convert(v *Value, s Surroundings) error {
	base := s.Dir
	if v.Source == File {
		base = filepath.Dir(v.Pos.File)
	}
	path := func(p string) string { return resolve(p, base, s) }
	split := func(sep string) (out []string) {
		for w := range strings.SplitSeq(v.Raw, sep) {
			if w = unquote(strings.TrimSpace(w)); w != "" {
				out = append(out, w)
			}
		}
		return out
	}
	switch d.Kind {
	case Text:
		v.Raw = unquote(v.Raw)
		if len(d.Choices) > 0 && v.Raw != "" && !slices.Contains(d.Choices, v.Raw) {
			return d.wrong(*v, "one of "+strings.Join(d.Choices, ", "))
		}
	case Bool:
		v.Raw = unquote(v.Raw)
	case Int:
		v.Raw = strings.TrimSpace(unquote(v.Raw))
		if _, err := strconv.Atoi(v.Raw); err != nil && v.Raw != "" {
			return d.wrong(*v, "a whole number")
		}
	case List:
		v.Words = split(",")
	case Path:
		if v.Raw = unquote(strings.TrimSpace(v.Raw)); v.Raw != "" {
			v.Raw = path(v.Raw)
		}
	case PathSpec, PathList:
		sep := map[Kind]string{PathSpec: ":", PathList: ","}[d.Kind]
		for _, w := range split(sep) {
			v.Words = append(v.Words, path(w))
		}
		v.Raw = strings.Join(v.Words, sep)
	}
	return nil
}

func (d *Setting) wrong(v Value, want string) error {
	pos := v.Pos
	if v.Source == Environment {
		pos.File = "$" + v.Env
	}
	return diag.Errorf(pos, "setting", "%s must be %s, and is %q", d.Key, want, v.Raw).WithHint("fairlead config shows every setting and where it comes from")
}

// resolve makes a path absolute as Ansible does: ~, $VARIABLES, {{CWD}}.
func resolve(p, base string, s Surroundings) string {
	p = strings.ReplaceAll(p, "{{CWD}}", s.Dir)
	p = os.Expand(p, func(name string) string {
		if v, ok := s.lookup(name); ok {
			return v
		}
		return "$" + name
	})
	switch {
	case p == "~" || strings.HasPrefix(p, "~/"):
		p = s.Home + p[1:]
	case !filepath.IsAbs(p):
		p = filepath.Join(base, p)
	}
	return filepath.Clean(p)
}

func unquote(s string) string {
	if n := len(s); n > 1 && (s[0] == '"' || s[0] == '\'') && s[n-1] == s[0] && (n < 3 || s[n-2] != '\\') {
		return s[1 : n-1]
	}
	return s
}

// Get gives a setting; it panics on a key that is none.
func (c *Config) Get(k Key) Value {
	v, ok := c.values[k]
	if !ok {
		panic(fmt.Sprintf("config: there is no setting %q", k))
	}
	return v
}

// IsSet tells whether anybody said something about a setting.
func (c *Config) IsSet(k Key) bool { return c.Get(k).Source != Default }

// Text gives a setting as text.
func (c *Config) Text(k Key) string { return c.Get(k).Raw }

// Bool gives a setting as a boolean; what is no boolean is false.
func (c *Config) Bool(k Key) bool { return IsTrue(c.Get(k).Raw) }

// Int gives a setting as a number, 0 when it is empty.
func (c *Config) Int(k Key) int {
	n, _ := strconv.Atoi(c.Get(k).Raw) // it was checked when it was read
	return n
}

// List gives the parts of a setting.
func (c *Config) List(k Key) []string { return slices.Clone(c.Get(k).Words) }

// IsTrue tells whether a text means yes, as Ansible reads booleans.
func IsTrue(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "y", "yes", "on", "1", "true", "t", "1.0":
		return true
	}
	return false
}
