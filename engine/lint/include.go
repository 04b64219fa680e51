package lint

import (
	"slices"

	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// includeVars reads a static file of variables.
func (w *walker) includeVars(t *playbook.Task) {
	if n := t.Args.Get("name"); n != nil && !n.HasTemplate() {
		w.c.global.add(n.Value().Text(), nil)
		return
	}
	file := t.Raw
	if file == nil {
		file = t.Args.Get("file")
	}
	if file == nil || t.ArgsTemplate != nil {
		w.open(true)
		w.c.cfg.Texts.untold(t, t.Args.Get("dir"))
		return
	}
	files, ok := w.c.variants(file, t)
	if !ok {
		w.open(true)
		w.c.cfg.Texts.untold(t, file)
	}
	for _, name := range files {
		for _, path := range playbook.FindFile(&t.Scope, "vars", name) {
			if !w.c.disk.exists(path) {
				continue
			}
			vs, err := w.c.loader.LoadVarsFile(path, file.Pos)
			w.c.reportAll(err, true)
			for v := range vs.All() {
				w.c.global.add(v.Name, nil)
			}
			break
		}
	}
}

// variants are the names that a node can stand for, when they are literal or
// come from the task's own literal loop alone.
func (c *checker) variants(n *yaml.Node, t *playbook.Task) ([]string, bool) {
	if !n.HasTemplate() {
		return []string{n.Value().Text()}, true
	}
	if s, ok := c.static(n, t.In, t.Role()); ok {
		return []string{s}, true
	}
	if t.Loop == nil || t.Loop.Node == nil || t.Loop.Node.HasTemplate() || t.Loop.Kind != "" && t.Loop.Kind != "items" {
		return nil, false
	}
	tmpl, err := c.eng.Template(n)
	if err != nil || !slices.Equal(tmpl.Reads(), []string{t.Loop.LoopVar}) || tmpl.Impure() {
		return nil, false
	}
	var out []string
	for _, it := range t.Loop.Node.List() {
		layer := &yaml.Vars{}
		layer.Set(yaml.Var{Name: t.Loop.LoopVar, Pos: it.Pos, Node: it})
		s, err := c.eng.RenderStatic(n, nil, nil, layer)
		if err != nil {
			return nil, false
		}
		out = append(out, s)
	}
	return out, true
}

// literalText is the text of an optional argument of an include.
func literalText(n *yaml.Node) (string, bool) {
	if n == nil {
		return "", true
	}
	return n.Value().Text(), !n.HasTemplate()
}

// include expands an include_tasks or include_role.
func (w *walker) include(s *step) {
	t := s.Task
	inc := t.Include
	name := inc.File
	if inc.Kind == playbook.IncludeRole {
		name = inc.Name
	}
	files, ok := w.c.variants(name, t)
	if !ok {
		w.open(true)
		w.p.anyHandlers = true
		if inc.Kind == playbook.IncludeRole {
			name = nil
		}
		w.c.cfg.Texts.untold(t, name)
		return
	}
	for _, file := range files {
		key := file + "\x00" + t.File
		if slices.Contains(s.around.files, key) || w.c.expanded > maxExpanded {
			if w.c.expanded > maxExpanded {
				w.open(true)
				w.c.cfg.Texts.untold(t, nil)
			}
			continue
		}
		w.c.expanded++
		inner := s.around.with(func(a *around) {
			a.files = append(a.files, key)
			a.conds = append(a.conds, t.When...)
			a.maybe = w.c.maybe(s)
			a.shielded = w.c.shielded(s)
			for _, n := range loopNames(t) {
				a.names.add(n, nil)
			}
			for v := range t.Vars.All() {
				a.names.add(v.Name, v.Node)
			}
		})
		if inc.Kind == playbook.IncludeRole {
			w.includeRole(s, file, inner)
			continue
		}
		brought, err := w.c.loader.IncludeTasks(t, file)
		for _, u := range brought.Imports {
			w.c.cfg.Texts.role(u)
			w.c.addUse(w.p.known, u)
		}
		w.c.reportAll(err, w.c.soft(w.p, s))
		w.items(brought.Items, inner)
	}
}

func (w *walker) includeRole(s *step, name string, inner *around) {
	inc := s.Include
	q := playbook.RoleRequest{Name: name, AllowDuplicates: true, Validate: true, Public: isTrue(inc.Public)}
	ok := true
	for _, f := range []struct {
		to   *string
		node *yaml.Node
	}{{&q.TasksFrom, inc.TasksFrom}, {&q.VarsFrom, inc.VarsFrom}, {&q.DefaultsFrom, inc.DefaultsFrom}, {&q.HandlersFrom, inc.HandlersFrom}} {
		text, good := literalText(f.node)
		*f.to, ok = text, ok && good
	}
	if !ok {
		w.open(true)
		w.p.anyHandlers = true
		w.c.cfg.Texts.untold(s.Task, nil)
		return
	}
	u, err := w.c.loader.IncludeRole(s.Task, q)
	w.c.reportAll(err, w.c.soft(w.p, s))
	w.c.cfg.Texts.role(u)
	if u == nil {
		w.open(true)
		w.p.anyHandlers = true
		return
	}
	if inc.Public != nil && !isFalse(inc.Public) {
		w.c.addUse(w.p.known, u)
	}
	for _, imported := range u.Imports {
		w.c.addUse(w.p.known, imported)
	}
	w.items(u.AllTasks(), inner)
	w.items(u.AllHandlers(), inner.with(func(a *around) { a.maybe = true }))
}
