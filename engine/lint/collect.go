package lint

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// play is what is known about a play before its tasks are checked.
type play struct {
	*playbook.Play
	known names
	steps []*step
	open  bool
	// none: no host will run it. matched are the hosts known now.
	none     bool
	matched  []*inventory.Host
	hostsErr diag.List

	handlers    map[string]bool
	anyHandlers bool // handlers may come from what cannot be seen
	// namesOfImports are names of what brings handlers: nobody misspells these, though
	// Ansible does not know them while the play runs.
	namesOfImports map[string]bool
	sureNotified   map[string]bool

	// visited are definitions that were checked to parse, checked variables whose
	// definitions were: true for a reader who certainly comes to them.
	visited map[*yaml.Node]bool
	checked map[string]bool
	clean   map[string]bool // variables that need nothing undefined
}

// step is a task with what is around it beside its scope.
type step struct {
	*playbook.Task
	around *around
}

// around is what holds for a list of tasks beside their scopes.
type around struct {
	names    names        // loop variables of includes around
	conds    []*yaml.Node // conditions of includes around
	maybe    bool         // it may not run
	shielded bool         // failures are caught
	files    []string     // the dynamic includes being expanded
}

func (a *around) with(change func(*around)) *around {
	b := *a
	b.names, b.conds, b.files = maps.Clone(a.names), slices.Clip(a.conds), slices.Clip(a.files)
	if b.names == nil {
		b.names = names{}
	}
	change(&b)
	return &b
}

// maxExpanded bounds what dynamic includes may bring.
const maxExpanded = 100_000

// inventoryNames collects the variables of the inventory and extra ones.
func (c *checker) inventoryNames() {
	c.global.addVars(c.eng.Extra)
	for n := range c.eng.Fixed {
		c.global.add(n, nil)
	}
	if c.cfg.Inventory == nil {
		return
	}
	seen := map[*yaml.Vars]bool{}
	for _, h := range c.cfg.Inventory.Hosts() {
		c.layers(h, seen)
	}
	for _, g := range c.cfg.Inventory.Groups() {
		if vs := c.cfg.Inventory.GroupVars(g); vs != nil && !seen[vs] {
			c.global.addVars(vs)
		}
	}
}

func (c *checker) layers(h *inventory.Host, seen map[*yaml.Vars]bool) {
	for _, l := range c.cfg.Inventory.Layers(h) {
		if !seen[l.Vars] {
			seen[l.Vars] = true
			c.global.addVars(l.Vars)
		}
	}
}

// collect walks all plays, expands what can be expanded and notes what tasks
// define.
func (c *checker) collect(pb *playbook.Playbook) {
	for _, p := range pb.Plays {
		pl := &play{Play: p, known: names{}, handlers: map[string]bool{}, namesOfImports: map[string]bool{}, sureNotified: map[string]bool{}, open: c.open,
			visited: map[*yaml.Node]bool{}, checked: map[string]bool{}, clean: map[string]bool{}}
		c.plays = append(c.plays, pl)
		for _, q := range p.VarsPrompt {
			pl.known.add(q.Name, nil)
		}
		missing := c.varsFiles(pl)
		c.matchHosts(pl) // a template in it may read those
		c.reportAll(missing, pl.none)
		pl.known.addVars(p.Keywords.Vars)
		for _, u := range slices.Concat(p.Roles, p.Imported) {
			c.addUse(pl.known, u)
		}
		pre, roles, tasks, post := p.Items()
		w := &walker{c: c, p: pl}
		for _, items := range [][]playbook.Item{pre, roles, tasks, post} {
			w.items(items, &around{})
		}
		w.items(p.AllHandlers(), &around{})
		c.open = pl.open
	}
}

// addUse adds the variables that a use of a role defines, its dependencies'
// included.
func (c *checker) addUse(to names, u *playbook.RoleUse) {
	to.addVars(u.Defaults)
	to.addVars(u.RoleVars)
	to.addVars(u.Params)
	to.addVars(u.Keywords.Vars)
	for _, d := range u.Deps {
		c.addUse(to, d)
	}
}

// use gives those variables for lookups from inside the role.
func (c *checker) use(u *playbook.RoleUse) names {
	if n, ok := c.useNames[u]; ok {
		return n
	}
	n := names{}
	c.addUse(n, u)
	c.useNames[u] = n
	return n
}

// varsFiles reads the vars_files of a play. A name that only a run can tell
// makes the play an open world. It gives what is wrong with the files.
func (c *checker) varsFiles(p *play) (problems diag.List) {
	for _, n := range p.VarsFiles {
		var tried []string
		found := false
		for _, name := range n.List() {
			file, ok := c.static(name, p.Play, nil)
			if !ok {
				p.open, found = true, true
				break
			}
			path := file
			if !filepath.IsAbs(path) {
				path = filepath.Join(p.Dir, path)
			}
			if !c.disk.exists(path) {
				tried = append(tried, path)
				continue
			}
			vs, err := c.loader.LoadPlayVars(path, name.Pos)
			problems = append(problems, diagnostics(err)...)
			p.known.addVars(vs)
			found = true
			break
		}
		if !found && len(tried) > 0 {
			problems = append(problems, diag.Errorf(n.Pos, CodeFile, "the file of variables %s was not found", n.Value().Text()).
				WithHint("looked for %s", strings.Join(tried, ", ")))
		}
	}
	return problems
}

// static gives a name that can be told before the run: it reads only what
// nothing of the run or the inventory can set.
func (c *checker) static(n *yaml.Node, p *playbook.Play, role *playbook.RoleUse) (string, bool) {
	if !n.HasTemplate() {
		return n.Value().Text(), true
	}
	t, err := c.eng.Template(n)
	if err != nil {
		return "", false
	}
	fixed := &yaml.Vars{}
	if role != nil && role.Role != nil {
		fixed.SetValue("role_path", n.Pos, value.String(role.Role.Path))
		fixed.SetValue("role_name", n.Pos, value.String(role.Role.Name))
	}
	for _, name := range t.Reads() {
		if c.eng.Extra.Node(name) == nil && fixed.Node(name) == nil && name != "playbook_dir" {
			return "", false
		}
	}
	s, err := c.eng.RenderStatic(n, p, nil, fixed)
	return s, err == nil
}

// disk remembers what exists, and what the playbook may bring about.
type disk struct {
	known map[string]bool
	dests []string // what earlier tasks write on the controller
	wild  bool     // earlier tasks may write anything there
	// python are the files of plug-ins in folders that were asked for.
	python map[string][]pluginFile
}

func (d *disk) exists(path string) bool {
	if ok, done := d.known[path]; done {
		return ok
	}
	_, err := os.Stat(path)
	if d.known == nil {
		d.known = map[string]bool{}
	}
	d.known[path] = err == nil
	return err == nil
}

// walker flattens the tasks of a play.
type walker struct {
	c     *checker
	p     *play
	ended bool // a meta task may have ended the play
}

func (w *walker) items(items []playbook.Item, a *around) {
	for _, it := range items {
		switch it := it.(type) {
		case *playbook.Block:
			w.block(it, a)
		case *playbook.Task:
			w.task(it, a)
		}
	}
}

func (w *walker) block(b *playbook.Block, a *around) {
	inner := a
	if len(b.Rescue) > 0 {
		inner = a.with(func(x *around) { x.shielded = true })
	}
	w.items(b.Block, inner)
	if len(b.Rescue) > 0 {
		w.items(b.Rescue, a.with(func(x *around) { x.maybe = true }))
	}
	w.items(b.Always, a)
}

// never tells whether a task can never run.
func never(t *playbook.Task) bool { return slices.ContainsFunc(t.Whens(), isFalse) }

func (w *walker) task(t *playbook.Task, a *around) {
	if never(t) {
		if t.Register != nil { // a task that is passed over registers that
			w.c.global.add(t.Register.Value().Text(), nil)
		}
		if t.Handler { // and a handler that is passed over can be notified
			w.handlerNames(t)
		}
		return
	}
	if w.ended && !a.maybe {
		a = a.with(func(x *around) { x.maybe = true })
	}
	s := &step{Task: t, around: a}
	w.p.steps = append(w.p.steps, s)
	if t.Handler {
		w.handlerNames(t)
	}
	for _, n := range t.Notifies() {
		if n.IsString() && !n.HasTemplate() && !w.c.maybe(s) {
			w.p.sureNotified[n.Str()] = true
		}
	}
	if l := t.Loop; l != nil && t.Include != nil && (l.LoopVarNode.HasTemplate() || l.IndexVarNode.HasTemplate()) {
		w.p.open = true
	}
	if t.Register != nil {
		w.c.global.add(t.Register.Value().Text(), nil)
	}
	if t.Include != nil {
		w.include(s)
		return
	}
	w.defines(t)
}

// defines notes what a task adds to the world.
func (w *walker) defines(t *playbook.Task) {
	switch t.Module {
	case "set_fact":
		w.open(t.ArgsTemplate != nil || t.Raw != nil)
		w.argNames(t, "cacheable")
	case "add_host":
		w.c.dynamic = true
		w.open(t.ArgsTemplate != nil || t.Raw != nil)
		w.argNames(t, "name", "hostname", "host", "groups", "group", "groupname")
	case "group_by":
		w.c.dynamic = true
	case "meta":
		w.ended = w.ended || t.Raw != nil && strings.HasPrefix(t.Raw.Str(), "end_")
	case "include_vars":
		w.includeVars(t)
	}
}

func (w *walker) open(yes bool) { w.p.open = w.p.open || yes }

func (w *walker) argNames(t *playbook.Task, except ...string) {
	for _, p := range t.Args.Pairs {
		if p.Key.HasTemplate() {
			w.open(true)
		}
		if name := p.Key.Value().Text(); !slices.Contains(except, name) {
			w.c.global.add(name, nil)
		}
	}
}

// loopNames are the variables of a task's loop.
func loopNames(t *playbook.Task) []string {
	if t.Loop == nil {
		return nil
	}
	out := []string{t.Loop.LoopVar}
	if t.Loop.IndexVar != "" {
		out = append(out, t.Loop.IndexVar)
	}
	return out
}
