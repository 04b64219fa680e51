package inventory

import (
	"strings"
	"unicode/utf8"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/pyliteral"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

var (
	reSection   = lazyregexp.New(`^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$`)
	reGroupName = lazyregexp.New(`^([^:\]\s]+)\s*(?:#.*)?$`)
)

// pending is a group that a :vars or :children section named before (or
// without) its own section.
type pending struct {
	pos     diag.Pos
	vars    bool // named by [x:vars]; else as a child
	name    string
	parents []*Group
	child   []diag.Pos // places of the children lines, one a parent
}

// iniReader reads one INI source. It goes on after a mistake, so that all are
// reported at once.
type iniReader struct {
	inv      *Inventory
	file     string // as messages call it
	source   string // inventory_file; "" for text that is no file
	problems diag.List
	pending  map[string]*pending
	order    []string // of pending names
	// old keeps values that contain # as text, as the inventories of
	// server-manager expect.
	old bool

	group *Group
	state string
}

func (inv *Inventory) newINI(file, source string) *iniReader {
	return &iniReader{inv: inv, file: file, source: source, pending: map[string]*pending{}, group: inv.ungrouped, state: "hosts"}
}

func (r *iniReader) readText(text string) {
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\v", "\n", "\f", "\n").Replace(strings.TrimPrefix(text, "\ufeff"))
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		r.line(diag.Pos{File: r.file, Line: n, Col: 1}, line)
	}
	r.finish()
}

func (r *iniReader) fail(pos diag.Pos, code, format string, args ...any) *diag.Diagnostic {
	d := diag.Errorf(pos, code, format, args...)
	r.problems.Add(d)
	return d
}

// after moves pos behind the first n bytes of s.
func after(pos diag.Pos, s string, n int) diag.Pos {
	pos.Col += utf8.RuneCountInString(s[:n])
	return pos
}

func (r *iniReader) line(pos diag.Pos, raw string) {
	line := strings.TrimSpace(raw)
	if line == "" || line[0] == '#' || line[0] == ';' {
		return
	}
	pos = after(pos, raw, strings.Index(raw, line))
	if m := reSection().FindStringSubmatch(line); m != nil {
		r.section(pos, m[1], m[2])
		return
	}
	if line[0] == '[' && line[len(line)-1] == ']' {
		r.fail(pos, "inventory-section", "%s is no section header", line).
			WithHint("write [group], [group:children] or [group:vars], without blanks")
		r.state = "skip"
		return
	}
	switch r.state {
	case "hosts":
		r.host(pos, line)
	case "vars":
		r.variable(pos, line)
	case "children":
		r.child(pos, line)
	}
}

func (r *iniReader) section(pos diag.Pos, name, state string) {
	if state == "" {
		state = "hosts"
	}
	if state != "hosts" && state != "children" && state != "vars" {
		r.fail(pos, "inventory-section", "section [%s:%s] has the unknown type %q", name, state, state).
			WithHint("a section is [group], [group:children] or [group:vars]")
		r.state = "skip"
		return
	}
	r.state = state
	name = r.inv.groupName(name)
	p := r.pending[name]
	if r.inv.groups[name] == nil && state == "vars" && p == nil {
		r.wait(&pending{pos: pos, vars: true, name: name})
	}
	r.group = r.inv.addGroup(name, pos)
	if p != nil && state != "vars" {
		r.declare(p)
	}
}

func (r *iniReader) wait(p *pending) {
	r.pending[p.name] = p
	r.order = append(r.order, p.name)
}

// declare settles a pending group whose own section came.
func (r *iniReader) declare(p *pending) {
	delete(r.pending, p.name)
	for i, parent := range p.parents {
		_, err := r.inv.addChild(parent, r.inv.addGroup(p.name, p.pos), p.child[i])
		r.problems.Add(err)
	}
}

func (r *iniReader) child(pos diag.Pos, line string) {
	m := reGroupName().FindStringSubmatch(line)
	if m == nil {
		r.fail(pos, "inventory-child", "expected the name of a group, but found %q", line).
			WithHint("a [...:children] section holds one group name a line")
		return
	}
	name := r.inv.groupName(m[1])
	p := r.pending[name]
	if g := r.inv.groups[name]; g != nil && p == nil {
		_, err := r.inv.addChild(r.group, g, pos)
		r.problems.Add(err)
		return
	}
	if p == nil {
		p = &pending{pos: pos, name: name}
		r.wait(p)
	}
	p.vars = false
	p.parents = append(p.parents, r.group)
	p.child = append(p.child, pos)
}

func (r *iniReader) variable(pos diag.Pos, line string) {
	k, v, ok := strings.Cut(line, "=")
	if !ok {
		r.fail(pos, "inventory-variable", "expected name=value, but found %q", line).
			WithHint("a [...:vars] section holds one name=value a line")
		return
	}
	text := strings.TrimSpace(v)
	at := after(pos, line, len(line)-len(strings.TrimLeft(v, " \t")))
	r.setGroup(yaml.Var{Name: strings.TrimSpace(k), Pos: pos, Node: r.node(at, text)})
}

func (r *iniReader) node(pos diag.Pos, text string) *yaml.Node {
	if r.old && strings.Contains(text, "#") {
		return yaml.FromValue(pos, value.String(text))
	}
	return yaml.FromValue(pos, iniValue(text))
}

// iniValue reads the text of a variable: a Python literal where it is one, else
// the text as it stands.
func iniValue(s string) value.Value {
	if v, ok := pyliteral.Parse(s); ok {
		return v
	}
	return value.String(s)
}

func (r *iniReader) setGroup(v yaml.Var) {
	r.problems.Add(r.group.set(v))
}

func (r *iniReader) host(pos diag.Pos, line string) {
	tokens, at, err := splitShell(line)
	if err != nil {
		r.fail(after(pos, line, at), "inventory-quote", "host line: %v", err).
			WithHint("quote a value that holds blanks or quotes as a whole: name='a value'")
		return
	}
	if len(tokens) == 0 || tokens[0].text == "" {
		r.fail(pos, "inventory-host", "this line names no host")
		return
	}
	names, port, err := expandPattern(tokens[0].text)
	if err != nil {
		r.fail(pos, "inventory-host", "host %q: %w", tokens[0].text, err).Hint = "a section is [group], a range of hosts web[1:9]"
		return
	}
	if names[0] == "---" {
		r.fail(pos, "inventory-yaml", "this looks like YAML, but the file is read as INI").WithHint("name the file with the extension .yml or .yaml")
		return
	}
	var vars []yaml.Var
	for _, t := range tokens[1:] {
		k, v, ok := strings.Cut(t.text, "=")
		if !ok {
			r.fail(after(pos, line, t.at), "inventory-variable", "expected name=value after the host name, but found %q", t.text).
				WithHint("quote a value that holds blanks: name='a value'; one line holds one host")
			continue
		}
		at := after(pos, line, t.at)
		valueAt := at
		if strings.HasPrefix(line[t.at:], k+"=") {
			valueAt = after(pos, line, t.at+len(k)+1)
		}
		vars = append(vars, yaml.Var{Name: k, Pos: at, Node: r.node(valueAt, v)})
	}
	for _, name := range names {
		r.inv.populate(name, pos, r.source, r.group, port, vars)
	}
}

// populate adds a host to a group with its variables.
func (inv *Inventory) populate(name string, pos diag.Pos, source string, g *Group, port int, vars []yaml.Var) {
	known := inv.hosts[name] != nil
	h := inv.addHost(name, pos, source)
	if port != 0 && !known {
		h.vars.SetValue("ansible_port", pos, value.Int(int64(port)))
	}
	g.addHost(h)
	for _, v := range vars {
		h.vars.Set(v)
	}
}

// finish reports groups that were named and never declared.
func (r *iniReader) finish() {
	for _, name := range r.order {
		p := r.pending[name]
		switch {
		case p == nil:
			continue
		case p.vars:
			r.fail(p.pos, "inventory-group", "section [%s:vars] is for a group that is not declared: %s", name, name).
				WithHint("add a section [%s], if it has no hosts an empty one", name)
		default:
			r.fail(p.pos, "inventory-group", "section [%s:children] includes a group that is not declared: %s", p.parents[len(p.parents)-1].Name, name).
				WithHint("add a section [%s], if it has no hosts an empty one", name)
		}
		delete(r.pending, name)
	}
}
