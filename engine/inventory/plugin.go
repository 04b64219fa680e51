package inventory

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// Evaluator evaluates the templates in the files of inventory plugins.
type Evaluator interface {
	// Template evaluates a text with the inventory's variables of a host, as far
	// as they are known so far, and with extra variables where the file asks
	// for them. Without a host it sees locals only.
	Template(text string, pos diag.Pos, sees Sees) (value.Value, error)
}

// Sees says which variables a template of an inventory plugin sees.
type Sees struct {
	Host   *Host
	Extra  bool // extra variables too
	Locals map[string]value.Value
}

// pluginFile is the YAML file that configures an inventory plugin.
type pluginFile struct {
	inv      *Inventory
	source   string
	top      *yaml.Node
	eval     Evaluator
	strict   bool
	sees     Sees
	problems diag.List
}

// readPlugin reads a file that names a plugin. constructed and generator are
// those of ansible-core 2.14.
func (inv *Inventory) readPlugin(source string, top *yaml.Node) diag.List {
	p := top.Pair("plugin")
	f := &pluginFile{inv: inv, source: source, top: top}
	name := strings.TrimPrefix(p.Value.Str(), "ansible.builtin.")
	if inv.evaluator == nil || name != "constructed" && name != "generator" {
		f.fail(p.Value.Pos, "inventory-plugin", "the inventory plugin is not supported: %s", p.Value.Describe()).
			WithHint("constructed and generator are; write what others give to a file with ansible-inventory --list -y")
		return f.problems
	}
	f.eval = inv.evaluator(inv)
	if name == "generator" {
		f.only("plugin", "hosts", "layers")
		f.generate()
		return f.problems
	}
	f.only("plugin", "strict", "compose", "groups", "keyed_groups", "use_extra_vars", "leading_separator", "use_vars_plugins")
	f.strict, f.sees.Extra = f.flag(top, "strict", false), f.flag(top, "use_extra_vars", inv.rules.UseExtraVars)
	f.construct()
	return f.problems
}

func (f *pluginFile) fail(pos diag.Pos, code, format string, args ...any) *diag.Diagnostic {
	d := diag.Errorf(pos, code, format, args...)
	f.problems.Add(d)
	return d
}

// wrong reports a part of the file that is not of the kind it must be.
func (f *pluginFile) wrong(n *yaml.Node, want string) {
	f.fail(n.Pos, "inventory-plugin", "this must be %s, but is %s", want, n.Describe())
}

// only reports options that the plugin does not have.
func (f *pluginFile) only(names ...string) {
	for _, p := range f.top.Pairs {
		if !slices.Contains(names, p.Key.Str()) {
			f.fail(p.Key.Pos, "inventory-plugin", "the plugin has no option %q", p.Key.Str()).WithHint("it has %s", strings.Join(names[1:], ", "))
		}
	}
}

func (f *pluginFile) flag(n *yaml.Node, name string, def bool) bool {
	p := n.Pair(name)
	if p == nil || p.Value.IsNull() {
		return def
	}
	switch strings.ToLower(p.Value.Value().Text()) {
	case "y", "yes", "on", "1", "true", "t":
		return true
	case "n", "no", "off", "0", "false", "f":
		return false
	}
	f.wrong(p.Value, "true or false")
	return def
}

// part gives a part of the file that must be of a kind, nil when it is absent.
func (f *pluginFile) part(n *yaml.Node, name string, kind yaml.Kind, want string) *yaml.Node {
	p := n.Pair(name)
	if p == nil || p.Value.IsNull() {
		return nil
	}
	if p.Value.Kind != kind {
		f.wrong(p.Value, want)
		return nil
	}
	return p.Value
}

func pairsOf(n *yaml.Node) []yaml.Pair {
	if n == nil {
		return nil
	}
	return n.Pairs
}

func itemsOf(n *yaml.Node) []*yaml.Node {
	if n == nil {
		return nil
	}
	return n.Items
}

// expression evaluates a node as an expression without braces.
func (f *pluginFile) expression(n *yaml.Node) (value.Value, error) {
	if n == nil {
		return value.Null, nil
	}
	return f.eval.Template("{{"+n.Value().Text()+"}}", n.PosAt(0), f.sees)
}

// construct makes variables and groups of those that hosts have.
func (f *pluginFile) construct() {
	f.inv.reconcile()
	compose := f.part(f.top, "compose", yaml.Mapping, "a mapping from variables to expressions")
	groups := f.part(f.top, "groups", yaml.Mapping, "a mapping from groups to conditions")
	keyed := f.part(f.top, "keyed_groups", yaml.Sequence, "a list of mappings")
	for _, h := range slices.Clone(f.inv.order) {
		if len(f.problems) > 0 { // the next host has the same
			break
		}
		f.sees.Host = h
		var made []yaml.Var
		for _, p := range pairsOf(compose) {
			v, err := f.expression(p.Value)
			if err != nil {
				f.unless(p.Value, "Could not set %s for host %s: %s", p.Key.Str(), h.Name, err)
				continue
			}
			made = append(made, yaml.Var{Name: p.Key.Value().Text(), Pos: p.Key.Pos, Node: yaml.FromValue(p.Value.Pos, v)})
		}
		for _, v := range made {
			h.vars.Set(v)
		}
		for _, p := range pairsOf(groups) {
			f.conditional(h, p)
		}
		for _, n := range itemsOf(keyed) {
			f.keyed(h, n)
		}
	}
	f.inv.reconcile()
}

// unless reports what could not be evaluated, where the file is strict.
func (f *pluginFile) unless(n *yaml.Node, format string, args ...any) {
	if !f.strict {
		return
	}
	for i, a := range args {
		if err, ok := a.(error); ok {
			if d, ok := errors.AsType[*diag.Diagnostic](err); ok {
				args[i] = d.Msg
			}
		}
	}
	f.fail(n.Pos, "inventory-plugin", format, args...)
}

// group is a constructed group: its name is made a plain one whatever the settings
// say, as in Ansible.
func (f *pluginFile) group(name string, pos diag.Pos) *Group {
	return f.inv.addGroup(plainName(name), pos)
}

// conditional puts a host into a group when a condition holds.
func (f *pluginFile) conditional(h *Host, p yaml.Pair) {
	v, err := f.eval.Template("{% if "+p.Value.Value().Text()+" %} True {% else %} False {% endif %}", p.Value.PosAt(0), f.sees)
	if err != nil {
		f.unless(p.Value, "Could not add host %s to group %s: %s", h.Name, p.Key.Str(), err)
		return
	}
	if strings.TrimSpace(v.Text()) == "True" {
		f.group(p.Key.Value().Text(), p.Key.Pos).addHost(h)
	}
}

// keyed puts a host into the groups that the value of an expression names.
func (f *pluginFile) keyed(h *Host, n *yaml.Node) {
	if n.Kind != yaml.Mapping {
		f.wrong(n, "a mapping with a key")
		return
	}
	key := n.Pair("key")
	if key == nil {
		return
	}
	v, err := f.expression(key.Value)
	if err != nil {
		f.unless(n, "Could not generate group for host %s from %s entry: %s", h.Name, key.Value.Value().Text(), err)
		return
	}
	def, trailing := n.Pair("default_value"), n.Pair("trailing_separator")
	if def != nil && trailing != nil {
		f.fail(n.Pos, "inventory-plugin", "parameters are mutually exclusive for keyed groups: default_value|trailing_separator")
		return
	}
	if !v.Truthy() && (!v.IsString() || def == nil) {
		if !v.IsNull() && (v.Kind() == value.KindList || v.Kind() == value.KindMap) {
			return
		}
		f.unless(n, "No key or key resulted empty for key %s in host %s, invalid entry", key.Value.Value().Text(), h.Name)
		return
	}
	names, ok := keyNames(v, textOf(n, "separator", "_"), textOf(n, "default_value", ""), def == nil && !f.flag(n, "trailing_separator", true))
	if !ok {
		f.fail(n.Pos, "inventory-plugin", "Invalid group name format, expected a string or a list of them or dictionary, got: %s", v.TypeName())
		return
	}
	parent := textOf(n, "parent_group", "")
	if parent != "" {
		p, err := f.eval.Template(parent, n.Pos, f.sees)
		if err != nil {
			f.unless(n, "Could not generate parent group %s: %s", parent, err)
			return
		}
		parent = p.Text()
	}
	prefix, sep := textOf(n, "prefix", ""), textOf(n, "separator", "_")
	if prefix == "" && !f.flag(f.top, "leading_separator", true) {
		sep = ""
	}
	for _, name := range names {
		g := f.group(prefix+sep+name, n.Pos)
		g.addHost(h)
		if parent != "" {
			_, err := f.inv.addChild(f.group(parent, n.Pos), g, n.Pos)
			f.problems.Add(err)
		}
	}
}

// keyNames are the names that a key's value gives: of a text, of each element
// of a list, of each entry of a dict. def stands for empty ones; bare leaves the
// separator behind the keys of empty entries out.
func keyNames(v value.Value, sep, def string, bare bool) (names []string, ok bool) {
	or := func(s string) string {
		if s == "" {
			return def
		}
		return s
	}
	switch v.Kind() {
	case value.KindString:
		return []string{or(v.Str())}, true
	case value.KindList:
		for _, it := range v.Items() {
			names = append(names, or(it.Text()))
		}
		return names, true
	case value.KindMap:
		for k, e := range v.Map().All() {
			name := k.Text() + sep + or(e.Text())
			if e.IsString() && e.Str() == "" && bare {
				name = k.Text()
			}
			names = append(names, name)
		}
		return names, true
	}
	return nil, false
}

func textOf(n *yaml.Node, name, def string) string {
	if p := n.Pair(name); p != nil && !p.Value.IsNull() {
		return p.Value.Value().Text()
	}
	return def
}

// maxGenerated bounds the hosts of a generator.
const maxGenerated = 1_000_000

// generate makes a host of each combination of the values of layers.
func (f *pluginFile) generate() {
	layers := f.part(f.top, "layers", yaml.Mapping, "a mapping from names to lists")
	hosts := f.part(f.top, "hosts", yaml.Mapping, "a mapping with a name and parents")
	if layers == nil || hosts == nil {
		f.fail(f.top.Pos, "inventory-plugin", "a generator needs hosts and layers")
		return
	}
	combinations := []map[string]value.Value{{}}
	for _, p := range layers.Pairs {
		if p.Value.Kind != yaml.Sequence {
			f.wrong(p.Value, "a list")
			return
		}
		var next []map[string]value.Value
		for _, c := range combinations {
			for _, it := range p.Value.Items {
				with := map[string]value.Value{p.Key.Value().Text(): it.Value()}
				for k, v := range c {
					with[k] = v
				}
				next = append(next, with)
			}
		}
		if combinations = next; len(next) > maxGenerated {
			f.fail(p.Key.Pos, "inventory-plugin", "a generator makes %d hosts at most", maxGenerated)
			return
		}
	}
	for _, c := range combinations {
		f.sees.Locals = c
		name, ok := f.named(hosts)
		if !ok {
			return
		}
		h := f.inv.addHost(name, hosts.Pos, f.source)
		f.parents(hosts, func(g *Group) error { g.addHost(h); return nil }, 0)
	}
}

// named evaluates the name of a host or a parent.
func (f *pluginFile) named(n *yaml.Node) (string, bool) {
	p := n.Pair("name")
	if p == nil {
		f.fail(n.Pos, "inventory-plugin", "this element has no name")
		return "", false
	}
	v, err := f.eval.Template(p.Value.Str(), p.Value.PosAt(0), f.sees)
	if err != nil {
		f.problems.Add(err)
	}
	return v.Text(), err == nil
}

// parents makes the groups above a host or a group; join puts it into one.
func (f *pluginFile) parents(n *yaml.Node, join func(*Group) error, depth int) {
	if depth > maxGroupDepth {
		f.fail(n.Pos, "inventory-group", "groups are nested more than %d deep", maxGroupDepth)
		return
	}
	for _, p := range itemsOf(f.part(n, "parents", yaml.Sequence, "a list of mappings with names")) {
		name, ok := f.named(p)
		if !ok {
			return
		}
		g := f.inv.addGroup(name, p.Pos)
		for _, e := range pairsOf(f.part(p, "vars", yaml.Mapping, "a mapping")) {
			v, err := f.eval.Template(e.Value.Value().Text(), e.Value.PosAt(0), f.sees)
			if v.IsNumber() { // as text, as in Ansible
				v = value.String(v.Text())
			}
			if err == nil {
				err = g.set(yaml.Var{Name: e.Key.Value().Text(), Pos: e.Key.Pos, Node: yaml.FromValue(e.Value.Pos, v)})
			}
			if err != nil {
				f.problems.Add(fmt.Errorf("the variable %s of the group %s: %w", e.Key.Value().Text(), name, err))
			}
		}
		f.problems.Add(join(g))
		f.parents(p, func(above *Group) error { _, err := f.inv.addChild(above, g, p.Pos); return err }, depth+1)
	}
}
