package lint

import (
	"maps"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/vars"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// text is a parsed template or expression of a playbook.
type text struct {
	needs    []jinja.Need
	reads    []string
	problems diag.List // of syntax, unknown filters, tests and lookups
}

// textOf parses a string node once; asExpr takes it for a bare expression.
func (c *checker) textOf(n *yaml.Node, asExpr bool) *text {
	if t, ok := c.texts[n]; ok {
		return t
	}
	t := &text{}
	c.texts[n] = t
	if asExpr && !n.HasTemplate() {
		x, err := c.eng.Expression(n.Str(), n.PosAt(0))
		t.problems = c.inBlock(n, diagnostics(err))
		if x != nil {
			t.needs, t.reads = x.Needs(), x.Reads()
			t.problems = append(t.problems, c.inBlock(n, x.Unresolved())...)
		}
	} else {
		x, err := c.eng.Template(n)
		t.problems = c.inBlock(n, diagnostics(err))
		if x != nil {
			t.needs, t.reads = x.Needs(), x.Reads()
			t.problems = append(t.problems, c.inBlock(n, x.Unresolved())...)
		}
	}
	t.problems = append(t.problems, c.lookups(n.Str(), n.PosAt)...)
	return t
}

// inBlock puts the columns right of problems in the later lines of a text that
// stands indented.
func (c *checker) inBlock(n *yaml.Node, list diag.List) diag.List {
	start := n.PosAt(0)
	if n.Style != yaml.Literal && n.Style != yaml.Folded {
		return list
	}
	out := make(diag.List, len(list))
	for i, d := range list {
		e := *d
		if e.Pos.Line > start.Line {
			e.Pos.Col += start.Col - 1
		}
		out[i] = &e
	}
	return out
}

var reLookup = lazyregexp.New(`\b(?:lookup|query|q)\(\s*['"]([A-Za-z0-9_.]+)['"]`)

// lookups finds calls of lookups that do not exist.
func (c *checker) lookups(src string, at func(int) diag.Pos) diag.List {
	if !strings.Contains(src, "(") {
		return nil
	}
	var out diag.List
	for _, m := range reLookup().FindAllStringSubmatchIndex(src, -1) {
		if d := c.lookup(src[m[2]:m[3]], at(m[2])); d != nil {
			out = append(out, d)
		}
	}
	return out
}

func (c *checker) lookup(name string, pos diag.Pos) *diag.Diagnostic {
	if c.eng.HasLookup(name) {
		return nil
	}
	d := diag.Errorf(pos, CodeLookup, "there is no lookup named '%s'", name)
	if near := diag.Nearest(name, c.eng.LookupNames()); near != "" {
		return d.WithHint("did you mean '%s'?", near)
	}
	return d.WithHint("the lookups are %s", strings.Join(c.eng.LookupNames(), ", "))
}

// scalars calls f for every string below a node that holds a template.
func scalars(n *yaml.Node, f func(*yaml.Node)) {
	if n == nil || n.Problem != nil {
		return
	}
	switch n.Kind {
	case yaml.Sequence:
		for _, it := range n.Items {
			scalars(it, f)
		}
	case yaml.Mapping:
		for _, p := range n.Pairs {
			scalars(p.Key, f)
			scalars(p.Value, f)
		}
	default:
		if n.HasTemplate() {
			f(n)
		}
	}
}

// user is who reads variables: a task, or a play itself.
type user struct {
	c *checker
	p *play
	s *step // nil for a play
	// maybe: it may not come to the reading; mentions are the names in the
	// conditions it stands under.
	maybe    bool
	mentions map[string]bool
	// lenient: nothing is said about variables; shielded: a failure is caught.
	lenient, shielded bool
	// local are variables only this reading knows.
	local map[string]bool
}

// known finds a variable as the user sees it, with what defines it; inPlay
// tells that all of the play sees it.
func (u *user) known(name string) (defs []*yaml.Node, ok, inPlay bool) {
	if strings.HasPrefix(name, "ansible_") || magic[name] || strings.HasPrefix(name, "getent_") {
		return nil, true, true
	}
	if u.s != nil {
		if u.local[name] || slices.Contains(loopNames(u.s.Task), name) {
			return nil, true, false
		}
		for x := range u.s.Outward() {
			if v, found := x.Vars.Get(name); found && x.Kind != playbook.PlayScope {
				defs, ok = append(defs, v.Node), true
			}
			if x.Kind == playbook.RoleScope && x.Use != nil {
				if nodes, found := u.c.use(x.Use)[name]; found {
					defs, ok = append(defs, nodes...), true
				}
			}
		}
		if nodes, found := u.s.around.names[name]; found {
			defs, ok = append(defs, nodes...), true
		}
	}
	if ok { // play and inventory may define it too
		return append(defs, nil), true, false
	}
	nodes, inGlobal := u.c.global[name]
	more, found := u.p.known[name]
	return append(nodes[:len(nodes):len(nodes)], more...), inGlobal || found, true
}

// magic are names that need no definition.
var magic = func() map[string]bool {
	m := map[string]bool{"environment": true, "services": true, "packages": true, "deploy_helper": true, "tcp_listen": true, "udp_listen": true, "cloud_init_data_facts": true, "module_setup": true, "gather_subset": true,
		"discovered_interpreter_python": true, "self": true, "varargs": true, "kwargs": true}
	for _, n := range vars.MagicNames() {
		m[n] = true
	}
	return m
}()

// names are all that the user sees, for hints.
func (u *user) names() []string {
	seen := map[string]bool{}
	add := func(n names) {
		for k := range n {
			seen[k] = true
		}
	}
	add(u.c.global)
	add(u.p.known)
	for k := range magic {
		seen[k] = true
	}
	for k := range u.local {
		seen[k] = true
	}
	for _, n := range []string{"ansible_host", "ansible_hostname", "ansible_fqdn", "ansible_facts", "ansible_distribution", "ansible_user"} {
		seen[n] = true
	}
	if u.s != nil {
		for _, n := range loopNames(u.s.Task) {
			seen[n] = true
		}
		add(u.s.around.names)
		for x := range u.s.Outward() {
			for v := range x.Vars.All() {
				seen[v.Name] = true
			}
			if x.Kind == playbook.RoleScope && x.Use != nil {
				add(u.c.use(x.Use))
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// node checks every template in a node: that it parses, and what it reads.
func (u *user) node(n *yaml.Node) { scalars(n, func(s *yaml.Node) { u.text(s, u.c.textOf(s, false)) }) }

// expr checks a bare expression.
func (u *user) expr(n *yaml.Node) {
	if n != nil && n.IsString() && n.Problem == nil && n.Str() != "" {
		u.text(n, u.c.textOf(n, true))
	}
}

func (u *user) text(n *yaml.Node, t *text) {
	u.problems(t.problems)
	u.reads(t, n.PosAt)
}

// problems reports what does not parse; where it may not come to that, or where
// failures are caught, it stops nothing.
func (u *user) problems(l diag.List) {
	if len(l) == 0 {
		return
	}
	told := slices.Clone(l)
	for i, d := range told {
		told[i] = u.c.foreign(d, u.p.Dir)
	}
	u.c.reportAll(told, u.p.none || u.shielded || u.maybe)
}

// reads checks the variables of a text; at maps its offsets to places.
func (u *user) reads(t *text, at func(int) diag.Pos) {
	for _, r := range t.reads {
		u.definitions(r)
	}
	if u.silent() {
		return
	}
	for _, need := range t.needs {
		u.need(need.Name, at(need.Offset), need.Maybe, map[string]bool{})
	}
}

func (u *user) silent() bool {
	return u.lenient || u.p.open || u.p.none || u.c.cfg.Inventory == nil
}

// definitions checks that what defines a variable parses: it is used. What only
// a user read who may not come to it is checked again for one who will.
func (u *user) definitions(name string) {
	defs, _, inPlay := u.known(name)
	done := func(certain, seen bool) bool { return certain || seen && u.maybe }
	if inPlay {
		certain, seen := u.p.checked[name]
		if done(certain, seen) {
			return
		}
		u.p.checked[name] = !u.maybe
	}
	for _, d := range defs {
		if certain, seen := u.p.visited[d]; !done(certain, seen) {
			if p := problemOf(d); p != nil { // a vault text without its password
				u.p.visited[d] = !u.maybe
				problem := *p
				problem.Warning = u.maybe || u.shielded || u.p.none || len(defs) > 1
				u.c.report(&problem)
			}
		}
		scalars(d, func(n *yaml.Node) {
			if certain, seen := u.p.visited[n]; done(certain, seen) {
				return
			}
			u.p.visited[n] = !u.maybe
			t := u.c.textOf(n, false)
			u.problems(t.problems)
			for _, r := range t.reads {
				u.definitions(r)
			}
		})
	}
}

// need reports a variable that nothing defines, or, when it has one definition
// alone, what that one needs. It is clean when that holds for every reader in
// the play.
func (u *user) need(name string, pos diag.Pos, maybe bool, through map[string]bool) (clean bool) {
	if u.mentions[name] || through[name] {
		return false
	}
	defs, ok, inPlay := u.known(name)
	if inPlay && u.p.clean[name] {
		return true
	}
	if !ok {
		d := diag.Errorf(pos, CodeUndefined, "the variable '%s' is not defined anywhere", name)
		if near := diag.Nearest(name, u.names()); near != "" {
			d.Hint = "did you mean '" + near + "'?"
		} else {
			d.Hint = "define it, pass it with -e, or say what counts without it: " + name + " | default(...)"
		}
		d.Warning = maybe || u.maybe
		u.c.report(d)
		return false
	}
	if !inPlay || len(defs) != 1 || defs[0] == nil {
		return inPlay
	}
	clean = true
	through[name] = true
	scalars(defs[0], func(n *yaml.Node) {
		for _, x := range u.c.textOf(n, false).needs {
			if !u.need(x.Name, n.PosAt(x.Offset), maybe || x.Maybe, through) {
				clean = false
			}
		}
	})
	delete(through, name)
	if clean {
		u.p.clean[name] = true
	}
	return clean
}
