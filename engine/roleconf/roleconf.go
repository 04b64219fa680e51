// Package roleconf knows the configuration files of roles: the sections and
// options that a role's file may have, of which types, and what is wrong with a
// configuration. It only computes; whoever asks brings the schema (as data) and
// says what becomes of what is wrong.
package roleconf

import (
	"fmt"
	"slices"

	"github.com/fairlead-project/fairlead/engine/value"
)

// Schema describes the files of several roles, in the order in which the roles
// are provisioned.
type Schema struct{ Roles []*Role }

// Role is one role with its file.
type Role struct {
	Name  string // of the role
	File  string // of its configuration, without folders
	Title string // for people
	Group string // of the inventory whose hosts have the role
	// Status is what statuses call the role (<status>_started), Image the
	// variable that names its image.
	Status, Image string
	Sections      []*Section
	// Open: other sections are fine.
	Open bool
}

// Section is one section of a file.
type Section struct {
	Name string
	// From are the variables whose values go into the section.
	From    []string
	Options []Option
	// Open: other options are fine. Foreign: the reader of the file does not
	// know the section, though there are variables for it.
	Open, Foreign bool
	// Picks: what else the variables hold is for other roles. First: a variable
	// may be a list, of which the first mapping counts.
	Picks, First bool
}

// Option is one option. A type is str, bool, list or dict.
type Option struct {
	Name, Type string
	Choices    []string
	Default    string
}

// Parse makes a schema of its data: a mapping whose entry `roles` has one
// mapping for each role.
func Parse(v value.Value) (*Schema, error) {
	roles, ok := v.Get("roles")
	if !ok || roles.Kind() != value.KindMap {
		return nil, fmt.Errorf("the schema has no mapping 'roles'")
	}
	s := &Schema{}
	for name, spec := range roles.Map().All() {
		r, err := parseRole(name.Text(), spec)
		if err != nil {
			return nil, fmt.Errorf("role %s of the schema: %w", name.Text(), err)
		}
		s.Roles = append(s.Roles, r)
	}
	return s, nil
}

func parseRole(name string, v value.Value) (*Role, error) {
	text := func(key string) string {
		t, ok := v.Get(key)
		if !ok {
			return ""
		}
		return t.Text()
	}
	r := &Role{Name: name, File: text("file"), Title: text("title"), Group: text("group"), Status: text("status"), Image: text("image"), Open: text("open") == "True"}
	if r.Status == "" {
		r.Status = name
	}
	if r.File == "" {
		r.File = name + ".conf"
	}
	sections, _ := v.Get("sections")
	if sections.Kind() != value.KindMap {
		return nil, fmt.Errorf("it has no mapping 'sections'")
	}
	for key, spec := range sections.Map().All() {
		sec := &Section{Name: key.Text()}
		if from, ok := spec.Get("from"); ok {
			for _, f := range from.Items() {
				sec.From = append(sec.From, f.Text())
			}
		}
		for key, to := range map[string]*bool{"open": &sec.Open, "picks": &sec.Picks, "first": &sec.First} {
			if v, ok := spec.Get(key); ok {
				*to = v.Truthy()
			}
		}
		options, known := spec.Get("options")
		sec.Foreign = !known
		for o, spec := range options.Map().All() {
			opt, err := parseOption(o.Text(), spec)
			if err != nil {
				return nil, fmt.Errorf("section %s, option %s: %w", sec.Name, o.Text(), err)
			}
			sec.Options = append(sec.Options, opt)
		}
		r.Sections = append(r.Sections, sec)
	}
	return r, nil
}

var types = []string{"str", "bool", "list", "dict"}

func parseOption(name string, v value.Value) (Option, error) {
	o := Option{Name: name, Type: "str"}
	if v.IsString() {
		o.Type = v.Str()
	} else {
		if t, ok := v.Get("type"); ok {
			o.Type = t.Text()
		}
		if d, ok := v.Get("default"); ok {
			o.Default = d.Text()
		}
		if c, ok := v.Get("choices"); ok {
			for _, it := range c.Items() {
				o.Choices = append(o.Choices, it.Text())
			}
		}
	}
	if !slices.Contains(types, o.Type) {
		return o, fmt.Errorf("there is no type %q", o.Type)
	}
	return o, nil
}

// Role finds a role, nil when there is none.
func (s *Schema) Role(name string) *Role {
	for _, r := range s.Roles {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// Names are the names of the roles, in their order.
func (s *Schema) Names() []string {
	out := make([]string, len(s.Roles))
	for i, r := range s.Roles {
		out[i] = r.Name
	}
	return out
}

// Section finds a section, nil when there is none.
func (r *Role) Section(name string) *Section {
	for _, s := range r.Sections {
		if s.Name == name {
			return s
		}
	}
	return nil
}

func (s *Section) option(name string) (Option, bool) {
	for _, o := range s.Options {
		if o.Name == name {
			return o, true
		}
	}
	return Option{}, false
}
