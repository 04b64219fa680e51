package inventory

import (
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// yamlReader reads a YAML inventory: groups with hosts, vars and children.
type yamlReader struct {
	inv      *Inventory
	source   string
	problems diag.List
	depth    int
}

const maxGroupDepth = 200

func (inv *Inventory) readYAML(source string, top *yaml.Node) diag.List {
	r := &yamlReader{inv: inv, source: source}
	if top.Pair("plugin") != nil {
		return inv.readPlugin(source, top)
	}
	for _, p := range top.Pairs {
		r.group(p.Key, p.Value)
	}
	return r.problems
}

func (r *yamlReader) fail(pos diag.Pos, code, format string, args ...any) *diag.Diagnostic {
	d := diag.Errorf(pos, code, format, args...)
	r.problems.Add(d)
	return d
}

func (r *yamlReader) warn(pos diag.Pos, format string, args ...any) {
	r.inv.opts.Warning(diag.Errorf(pos, "inventory-ignored", format, args...))
}

func (r *yamlReader) group(key, data *yaml.Node) *Group {
	if r.depth++; r.depth > maxGroupDepth {
		r.fail(key.Pos, "inventory-group", "groups are nested more than %d deep", maxGroupDepth)
		return nil
	}
	defer func() { r.depth-- }()
	if !key.IsString() || key.Str() == "" {
		r.fail(key.Pos, "inventory-group", "the name of a group must be text, but is %s", key.Describe()).WithHint("put it in quotes")
		return nil
	}
	if !data.IsNull() && data.Kind != yaml.Mapping {
		r.warn(data.Pos, "the group %q is ignored: expected a mapping with hosts, vars, children, but found %s", key.Str(), data.Describe())
		return nil
	}
	g := r.inv.addGroup(key.Str(), key.Pos)
	for _, p := range data.Pairs {
		switch p.Key.Str() {
		case "vars":
			for _, e := range r.entries(p, g) {
				r.problems.Add(g.set(yaml.Var{Name: e.Key.Value().Text(), Pos: e.Key.Pos, Node: e.Value}))
			}
		case "children":
			for _, e := range r.entries(p, g) {
				if c := r.group(e.Key, e.Value); c != nil {
					_, err := r.inv.addChild(g, c, e.Key.Pos)
					r.problems.Add(err)
				}
			}
		case "hosts":
			for _, e := range r.entries(p, g) {
				r.host(g, e)
			}
		default:
			r.warn(p.Key.Pos, "%s in the group %q is ignored: only vars, children and hosts have a meaning", p.Key.Describe(), g.Name)
		}
	}
	return g
}

// entries are the entries of vars, children or hosts; a single text stands for
// a mapping with that key.
func (r *yamlReader) entries(p yaml.Pair, g *Group) []yaml.Pair {
	switch {
	case p.Value.IsNull():
		return nil
	case p.Value.IsString():
		return []yaml.Pair{{Key: p.Value, Value: yaml.FromValue(p.Value.Pos, nullValue)}}
	case p.Value.Kind != yaml.Mapping:
		r.fail(p.Value.Pos, "inventory-structure", "%s of the group %q must be a mapping, but is %s", p.Key.Str(), g.Name, p.Value.Describe()).
			WithHint("end each name with a colon instead of writing a list: 'web1:'")
		return nil
	}
	return p.Value.Pairs
}

func (r *yamlReader) host(g *Group, e yaml.Pair) {
	if !e.Key.IsString() {
		r.fail(e.Key.Pos, "inventory-host", "the name of a host must be text, but is %s", e.Key.Describe()).WithHint("put it in quotes")
		return
	}
	names, port, err := expandPattern(e.Key.Str())
	if err != nil {
		r.fail(e.Key.Pos, "inventory-host", "host %q: %w", e.Key.Str(), err)
		return
	}
	if !e.Value.IsNull() && e.Value.Kind != yaml.Mapping {
		r.fail(e.Value.Pos, "inventory-structure", "the variables of host %q must be a mapping, but are %s", e.Key.Str(), e.Value.Describe())
		return
	}
	vars := make([]yaml.Var, 0, len(e.Value.Pairs))
	for _, v := range e.Value.Pairs {
		vars = append(vars, yaml.Var{Name: v.Key.Value().Text(), Pos: v.Key.Pos, Node: v.Value})
	}
	for _, name := range names {
		r.inv.populate(name, e.Key.Pos, r.source, g, port, vars)
	}
}
