package lint

import (
	"maps"
	"slices"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// handlerNames notes under which names a handler can be notified.
func (w *walker) handlerNames(t *playbook.Task) {
	p := w.p
	for x := range t.Outward() {
		if x.Kind != playbook.TaskScope && x.Kind != playbook.PlayScope && x.Kind != playbook.RoleScope {
			p.namesOfImports[x.Keywords.Name.Str()] = true
		}
	}
	if n := t.Keywords.Name; n != nil {
		if n.HasTemplate() {
			p.anyHandlers = true
		}
		p.handlers[n.Str()] = true
		if r := t.Role(); r != nil {
			p.handlers[r.Name+" : "+n.Str()] = true
			if r.Role != nil {
				p.handlers[r.Role.Name+" : "+n.Str()] = true
				p.handlers[r.FullName()+" : "+n.Str()] = true
			}
		}
	}
	for _, n := range t.Listen {
		p.handlers[n.Value().Text()] = true
	}
}

// notified reports notifications that no handler hears.
func (c *checker) notified(p *play) {
	if p.anyHandlers {
		return
	}
	for _, s := range p.steps {
		for _, n := range s.Notifies() {
			name := n.Value().Text()
			if n.HasTemplate() || n.Kind != yaml.Scalar || p.handlers[name] {
				continue
			}
			d := problem(n.Pos, c.cfg.UnheardIsWarning || c.soft(p, s) || p.namesOfImports[name], CodeHandler, "The requested handler '%s' was not found in either the main handlers list nor in the listening handlers list", name)
			names := slices.Sorted(maps.Keys(p.handlers))
			if near := diag.Nearest(name, names); near != "" {
				d.Hint = "did you mean '" + near + "'?"
			} else if len(names) == 0 {
				d.Hint = "the play and its roles have no handlers"
			}
			c.report(d)
		}
	}
}

// duplicates warns of handlers of one file that have the same name: only the
// first one is ever notified by it.
func (c *checker) duplicates(p *play) {
	type key struct{ file, name string }
	first := map[key]diag.Pos{}
	for _, s := range p.steps {
		n := s.Keywords.Name
		if !s.Handler || n == nil || n.HasTemplate() {
			continue
		}
		k := key{n.Pos.File, n.Str()}
		at, twice := first[k]
		if !twice {
			first[k] = n.Pos
		} else if at != n.Pos {
			c.report(problem(n.Pos, true, CodeTwice, "two handlers are called '%s'; this one is never notified by its name", k.name).
				WithHint("the other one stands in line %d; let both listen to a topic instead", at.Line))
		}
	}
}
