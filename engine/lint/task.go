package lint

import (
	"slices"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// maybe tells whether a task may be passed over in a run.
func (c *checker) maybe(s *step) bool {
	if s.around.maybe {
		return true
	}
	uncertain := func(n *yaml.Node) bool { return !isTrue(n) }
	if slices.ContainsFunc(s.Whens(), uncertain) || slices.ContainsFunc(s.around.conds, uncertain) {
		return true
	}
	for _, tag := range s.AllTags() {
		if tag.HasTemplate() || tag.Str() == "never" {
			return true
		}
	}
	tags, ok := s.StaticTags()
	return !ok || !s.Handler && !playbook.TagsMatch(tags, c.cfg.Tags, c.cfg.SkipTags)
}

// shielded tells whether a failure of a task stops nothing.
func (c *checker) shielded(s *step) bool {
	n := s.Nearest(func(k *playbook.Keywords) *yaml.Node { return k.IgnoreErrors })
	return s.around.shielded || n != nil && !isFalse(n)
}

// soft tells whether what is wrong with a task's files is only a warning.
func (c *checker) soft(p *play, s *step) bool { return p.none || c.maybe(s) || c.shielded(s) }

// play checks a play and all of its tasks.
func (c *checker) play(p *play) {
	u := &user{c: c, p: p}
	k := &p.Keywords
	if len(p.steps) == 0 {
		u.lenient = true
	}
	for _, get := range single {
		u.node(get(k))
	}
	for _, n := range slices.Concat(k.Environment, p.Serial, []*yaml.Node{p.GatherFacts, p.GatherSubset, p.GatherTimeout, p.FactPath, p.MaxFailPercentage, p.Strategy}) {
		u.node(n)
	}
	c.pattern(u)
	for _, s := range p.steps {
		c.step(p, s)
	}
	c.notified(p)
	c.duplicates(p)
}

// single are the keywords of which the nearest counts.
var single = []func(*playbook.Keywords) *yaml.Node{
	func(k *playbook.Keywords) *yaml.Node { return k.Connection },
	func(k *playbook.Keywords) *yaml.Node { return k.Port },
	func(k *playbook.Keywords) *yaml.Node { return k.RemoteUser },
	func(k *playbook.Keywords) *yaml.Node { return k.Become },
	func(k *playbook.Keywords) *yaml.Node { return k.BecomeMethod },
	func(k *playbook.Keywords) *yaml.Node { return k.BecomeUser },
	func(k *playbook.Keywords) *yaml.Node { return k.BecomeFlags },
	func(k *playbook.Keywords) *yaml.Node { return k.BecomeExe },
	func(k *playbook.Keywords) *yaml.Node { return k.NoLog },
	func(k *playbook.Keywords) *yaml.Node { return k.RunOnce },
	func(k *playbook.Keywords) *yaml.Node { return k.IgnoreErrors },
	func(k *playbook.Keywords) *yaml.Node { return k.IgnoreUnreachable },
	func(k *playbook.Keywords) *yaml.Node { return k.CheckMode },
	func(k *playbook.Keywords) *yaml.Node { return k.Diff },
	func(k *playbook.Keywords) *yaml.Node { return k.AnyErrorsFatal },
	func(k *playbook.Keywords) *yaml.Node { return k.Timeout },
	func(k *playbook.Keywords) *yaml.Node { return k.DelegateTo },
	func(k *playbook.Keywords) *yaml.Node { return k.DelegateFacts },
}

// step checks one task.
func (c *checker) step(p *play, s *step) {
	t := s.Task
	u := &user{c: c, p: p, s: s, maybe: c.maybe(s) || t.Handler && !c.sure(p, t), shielded: c.shielded(s), mentions: map[string]bool{}}
	u.lenient = u.shielded
	for _, n := range s.around.conds {
		u.mention(n)
	}
	if t.Loop != nil && t.Loop.LoopVarNode.HasTemplate() || t.Loop != nil && t.Loop.IndexVarNode.HasTemplate() {
		u.lenient = true
	}
	c.debugger(t)
	c.name(u, t)
	c.conditions(u, t)
	c.loop(u, t)
	for _, get := range single {
		u.node(t.Nearest(get))
	}
	for _, n := range t.Environments() {
		u.node(n)
	}
	for _, n := range []*yaml.Node{t.Retries, t.Delay, t.Async, t.Poll, t.ArgsTemplate} {
		u.node(n)
	}
	for _, list := range [][]*yaml.Node{t.ChangedWhen, t.FailedWhen, t.Until} {
		for _, n := range list {
			u.expr(n)
		}
	}
	if t.Include != nil {
		c.included(u, t)
		return
	}
	c.module(u, t)
}

// name checks the name of a task: names that nothing defines stay as they are.
func (c *checker) name(u *user, t *playbook.Task) {
	v := *u
	v.lenient = true
	v.node(t.Keywords.Name)
}

// mention notes the names that a condition reads.
func (u *user) mention(n *yaml.Node) {
	if n != nil && n.IsString() && n.Problem == nil {
		for _, r := range u.c.textOf(n, true).reads {
			u.mentions[r] = true
		}
	}
}

// conditions checks each condition under those before it; what all of them
// mention then guards the rest of the task.
func (c *checker) conditions(u *user, t *playbook.Task) {
	v := *u
	v.maybe = u.s.around.maybe || len(u.s.around.conds) > 0 || t.Handler && u.maybe || hasEmptyLoop(t)
	for _, n := range t.Whens() {
		v.expr(n)
		if !isTrue(n) {
			v.maybe = true
		}
		u.mention(n)
	}
}

// hasEmptyLoop tells whether a loop may have no elements.
func hasEmptyLoop(t *playbook.Task) bool {
	if t.Loop == nil || t.Loop.Node == nil {
		return false
	}
	return t.Loop.Node.Kind != yaml.Sequence || len(t.Loop.Node.Items) == 0 || t.Loop.Kind != "" && t.Loop.Node.HasTemplate()
}

// loop checks a task's loop; the rest of the task runs only if it has elements.
func (c *checker) loop(u *user, t *playbook.Task) {
	if t.Loop == nil {
		return
	}
	if t.Loop.Kind != "" {
		if d := c.lookup(t.Loop.Kind, t.Loop.Pos); d != nil {
			c.report(d)
		}
	}
	if t.Loop.Kind == "first_found" { // names that cannot be made are skipped
		v := *u
		v.maybe = true
		v.node(t.Loop.Node)
	} else {
		u.node(t.Loop.Node)
	}
	u.maybe = u.maybe || hasEmptyLoop(t)
	for _, n := range []*yaml.Node{t.Loop.Label, t.Loop.Pause, t.Loop.Extended} {
		u.node(n)
	}
}

// included checks what an include says itself; what it brings is checked on
// its own.
func (c *checker) included(u *user, t *playbook.Task) {
	inc := t.Include
	for _, n := range []*yaml.Node{inc.File, inc.Name, inc.TasksFrom, inc.VarsFrom, inc.DefaultsFrom, inc.HandlersFrom, inc.Public} {
		u.node(n)
	}
}

// unread checks the definitions of variables that nobody reads: what does not
// parse there stops nothing.
func (c *checker) unread() {
	sweep := func(vs *yaml.Vars) {
		for v := range vs.All() {
			scalars(v.Node, func(n *yaml.Node) { c.reportAll(c.textOf(n, false).problems, true) })
		}
	}
	var use func(*playbook.RoleUse)
	use = func(r *playbook.RoleUse) {
		for _, vs := range []*yaml.Vars{r.Defaults, r.RoleVars, r.Params, r.Keywords.Vars} {
			sweep(vs)
		}
		for _, d := range r.Deps {
			use(d)
		}
	}
	for _, p := range c.plays {
		sweep(p.Keywords.Vars)
		for _, u := range slices.Concat(p.Roles, p.Imported) {
			use(u)
		}
		seen := map[*playbook.Scope]bool{}
		for _, s := range p.steps {
			for x := range s.Outward() {
				if seen[x] {
					break
				}
				seen[x] = true
				sweep(x.Vars)
				if x.Use != nil {
					use(x.Use)
				}
			}
			for _, n := range s.AllModuleDefaults() {
				scalars(n, func(n *yaml.Node) { c.reportAll(c.textOf(n, false).problems, true) })
			}
		}
	}
}

// sure tells whether a handler is certainly notified if anything changes.
func (c *checker) sure(p *play, t *playbook.Task) bool {
	if p.sureNotified[t.Keywords.Name.Str()] {
		return true
	}
	return slices.ContainsFunc(t.Listen, func(n *yaml.Node) bool { return p.sureNotified[n.Str()] })
}

func problem(pos diag.Pos, warn bool, code, format string, args ...any) *diag.Diagnostic {
	d := diag.Errorf(pos, code, format, args...)
	d.Warning = warn
	return d
}
