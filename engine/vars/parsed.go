package vars

import (
	"maps"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// Template gives the parsed template of a string node, parsed once for lint
// and run alike.
func (e *Engine) Template(n *yaml.Node) (*jinja.Template, error) { return e.template(n) }

// Expression gives the parsed form of a bare expression.
func (e *Engine) Expression(src string, pos diag.Pos) (*jinja.Expr, error) {
	return e.expression(src, pos)
}

// HasLookup tells whether there is a lookup of that name, short or full.
func (e *Engine) HasLookup(name string) bool {
	_, ok := e.Lookups[name[strings.LastIndexByte(name, '.')+1:]]
	return ok
}

// LookupNames are the names of all lookups, sorted.
func (e *Engine) LookupNames() []string { return slices.Sorted(maps.Keys(e.Lookups)) }

// MagicNames are the variables that the engine itself defines, beside those
// that begin with ansible_.
func MagicNames() []string {
	return []string{
		"hostvars", "vars", "groups", "omit", "inventory_hostname", "inventory_hostname_short", "group_names", "inventory_file", "inventory_dir",
		"playbook_dir", "play_hosts", "role_names", "role_path", "role_name",
	}
}
