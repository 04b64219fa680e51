package lint

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/roleconf"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// Codes of what is wrong with the configuration of a role.
const (
	CodeConfig        = "role-config"
	CodeUnknownConfig = "unknown-role-config"
)

// Variables that have to do with all roles that have a schema: sections given
// whole, by role, and what is to become of options that the schema lacks.
const (
	sectionsVariable = "contrail_sections"
	unknownVariable  = "contrail_unknown_options"
)

// configs compares what the inventory and the play say for the configuration
// files of roles with the roles' schemas: a role that has one names it in
// meta/config.yml. Values that are templates are checked by the run.
func (c *checker) configs(p *play) {
	if p.none {
		return
	}
	for _, u := range slices.Concat(p.Roles, p.Imported) {
		c.configsOf(p, u)
	}
}

func (c *checker) configsOf(p *play, u *playbook.RoleUse) {
	for _, d := range u.Deps {
		c.configsOf(p, d)
	}
	schema := c.roleSchema(u)
	if schema == nil {
		return
	}
	for _, n := range c.literals(p, sectionsVariable) {
		for name := range entries(n) {
			if schema.Role(name.text) == nil && !c.configured[name.pos.String()] {
				c.configured[name.pos.String()] = true
				c.report(diag.Errorf(name.pos, CodeConfig, "%s: there is no role %s", sectionsVariable, name.text).
					WithHint("the roles are %s", strings.Join(schema.Names(), ", ")))
			}
		}
	}
	role := schema.Role(u.Role.Name)
	if role == nil {
		return
	}
	for _, s := range role.Sections {
		for _, name := range s.From {
			for _, n := range c.literals(p, name) {
				c.section(p, role, s.Name, n, func(v value.Value) []roleconf.Problem { return role.CheckVariable(s, v) })
			}
		}
	}
	for _, n := range c.literals(p, sectionsVariable) {
		for name, sections := range entries(n) {
			if name.text == role.Name {
				for section, options := range entries(sections.node) {
					c.section(p, role, section.text, options.node, func(v value.Value) []roleconf.Problem { return role.CheckSection(section.text, v) })
				}
			}
		}
	}
}

// roleSchema gives the schema that a role names; nil when it names none.
func (c *checker) roleSchema(u *playbook.RoleUse) *roleconf.Schema {
	if u.Role == nil {
		return nil
	}
	file := filepath.Join(u.Role.Path, "meta", "config.yml")
	n := c.yamlFile(file)
	if n == nil {
		return nil
	}
	name := n.Get("schema")
	if name == nil {
		c.report(diag.Errorf(n.Pos, CodeConfig, "there is no 'schema' here").WithHint("name the file of the schema, relative to this one"))
		return nil
	}
	path := filepath.Join(filepath.Dir(file), name.Value().Text())
	if s, ok := c.schemas[path]; ok {
		return s
	}
	c.schemas[path] = nil // until it is read
	doc := c.yamlFile(path)
	if doc == nil {
		c.report(diag.Errorf(name.Pos, CodeFile, "the schema %s was not found", path))
		return nil
	}
	s, err := roleconf.Parse(doc.Value())
	if err != nil {
		c.report(diag.Errorf(doc.Pos, CodeConfig, "%w", err))
		return nil
	}
	c.schemas[path] = s
	return s
}

// yamlFile reads a file; nil when there is none.
func (c *checker) yamlFile(path string) *yaml.Node {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	n, err := yaml.ParseOne(path, data, yaml.Options{})
	c.reportAll(err, false)
	return n
}

// literals are the definitions of a variable outside of roles that do not come
// from a template or a run.
func (c *checker) literals(p *play, name string) []*yaml.Node {
	var out []*yaml.Node
	for _, n := range slices.Concat(c.global[name], p.known[name]) {
		if n != nil && n.Problem == nil && (n.Kind == yaml.Mapping || !n.HasTemplate()) && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// section reports what check finds wrong with the options of a section, each at
// its place.
func (c *checker) section(p *play, role *roleconf.Role, section string, n *yaml.Node, check func(value.Value) []roleconf.Problem) {
	places := map[string]diag.Pos{}
	options := n
	if n.Kind == yaml.Sequence && len(n.Items) > 0 {
		options = n.Items[0]
	}
	for k := range entries(options) {
		places[k.text] = k.pos
	}
	for _, pr := range check(constant(n)) {
		pos, ok := places[pr.Option]
		if !ok {
			pos = n.Pos
		}
		key := pos.String() + "\x00" + section + "\x00" + pr.Msg
		if c.configured[key] {
			continue // another role reads the same variable
		}
		c.configured[key] = true
		code := CodeConfig
		if pr.Unknown {
			code = CodeUnknownConfig
		}
		d := diag.Errorf(pos, code, "%s of role %s, section %s: %s", pr.File, role.Name, section, pr.Msg)
		d.Hint = pr.Hint
		d.Warning = pr.Unknown && c.unknownOptions(p) != "error"
		c.report(d)
	}
}

// unknownOptions is what the operator wants done about options that the schema
// lacks.
func (c *checker) unknownOptions(p *play) string {
	word := "warn"
	for _, n := range c.literals(p, unknownVariable) {
		if strings.TrimSpace(n.Value().Text()) == "error" {
			word = "error"
		}
	}
	return word
}

type entryKey struct {
	text string
	pos  diag.Pos
}

type entryValue struct{ node *yaml.Node }

// entries goes through a mapping, also one that was written on one line of an
// INI file or came as JSON: those have one place for all.
func entries(n *yaml.Node) func(yield func(entryKey, entryValue) bool) {
	return func(yield func(entryKey, entryValue) bool) {
		if n.Kind == yaml.Mapping {
			for _, p := range n.Pairs {
				if !yield(entryKey{p.Key.Value().Text(), p.Key.Pos}, entryValue{p.Value}) {
					return
				}
			}
			return
		}
		for k, v := range n.Value().Map().All() {
			if !yield(entryKey{k.Text(), n.Pos}, entryValue{yaml.FromValue(n.Pos, v)}) {
				return
			}
		}
	}
}
