package lint

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// module checks what a task asks of its module.
func (c *checker) module(u *user, t *playbook.Task) {
	m, ok := c.cfg.Modules.Lookup(t.Module)
	if !ok {
		if !yaml.IsTemplate(t.Action) { // the run will tell
			c.unknownModule(u, t)
		}
		u.node(t.Args)
		u.node(t.Raw)
		return
	}
	spec := m.Spec()
	if t.Raw != nil && spec.FreeForm == "" {
		c.report(diag.Errorf(t.Raw.Pos, CodeFreeForm, "module %s takes no free text", spec.Name).
			WithHint("give it arguments: %s: name=value, or a mapping", spec.Name))
	}
	v := *u
	v.shielded = u.shielded || len(t.FailedWhen) > 0 // which may forgive what the module refuses
	v.problems(module.CheckArgs(spec, given(t, spec), t.ActionPos, whole(t, spec, c.cfg.Modules)))
	for _, p := range t.Args.Pairs {
		u.node(p.Key)
		if slices.Contains(spec.Traits.RawArgs, p.Key.Str()) {
			c.rawArg(u, spec, p.Value)
			continue
		}
		u.node(p.Value)
	}
	u.node(t.Raw)
	switch spec.Name {
	case "command", "shell", "raw":
		c.secrets(t)
	}
	c.taskFiles(u, t, spec.Name)
}

// unknownModule reports a module that is not there. One that Ansible has is
// missed only by a host that comes to the task; a name that is nobody's is
// refused by Ansible too, when it reads the tasks.
func (c *checker) unknownModule(u *user, t *playbook.Task) {
	d := diag.Errorf(t.ActionPos, CodeModule, "couldn't resolve module/action '%s'. This often indicates a misspelling, missing collection, or incorrect module path", t.Action)
	collection, ansibles := module.Collection(t.Action)
	file := c.library(t)
	near := c.cfg.Modules.Nearest(t.Action)
	d.Warning = (ansibles || file != "") && (u.maybe || u.p.none)
	fails := ""
	if d.Warning {
		fails = "; a host that comes to this task fails"
	}
	switch {
	case file != "":
		d.Hint = file + " is a module in Python, which Fairlead does not run" + fails
	case ansibles:
		d.Hint = "it comes from " + collection + ", and Fairlead does not have it" + fails
	case len(near) > 0:
		d.Hint = "did you mean " + strings.Join(near, " or ") + "?"
	default:
		d.Hint = "'fairlead module list' shows what there is"
	}
	c.report(d)
}

// library finds the module of a task among those that come with the playbook or
// the role, as Ansible does; "" when there is none.
func (c *checker) library(t *playbook.Task) string {
	return playbook.First(playbook.FindFile(&t.Scope, "library", "library/"+t.Action+".py"), c.disk.exists)
}

// rawArg checks an argument that the module evaluates itself: conditions of
// assert, the variable of debug.
func (c *checker) rawArg(u *user, spec *module.Spec, n *yaml.Node) {
	v := *u
	v.lenient = v.lenient || spec.Name != "assert" // debug shows what is not defined
	for _, it := range n.List() {
		if it.IsString() {
			v.expr(it)
		}
	}
}

// given are a task's arguments as far as they are literal.
func given(t *playbook.Task, spec *module.Spec) []module.Given {
	var out []module.Given
	for _, p := range t.Args.Pairs {
		if p.Key.HasTemplate() {
			continue
		}
		g := module.Given{Name: p.Key.Value().Text(), Pos: p.Key.Pos, ValuePos: p.Value.Pos, Value: value.Unknown(nil)}
		if !slices.Contains(spec.Traits.RawArgs, g.Name) {
			g.Value = constant(p.Value)
		}
		out = append(out, g)
	}
	if t.Raw != nil && spec.FreeForm != "" {
		out = append(out, module.Given{Name: spec.FreeForm, Pos: t.Raw.Pos, ValuePos: t.Raw.Pos, Value: constant(t.Raw)})
	}
	return out
}

// whole tells whether the task itself gives all the arguments of its module.
func whole(t *playbook.Task, spec *module.Spec, mods *module.Registry) bool {
	if t.ArgsTemplate != nil {
		return false
	}
	for _, n := range t.AllModuleDefaults() {
		if n.Kind != yaml.Mapping {
			return false
		}
		for _, p := range n.Pairs {
			if p.Key.HasTemplate() || strings.HasPrefix(p.Key.Str(), "group/") || mods.Canonical(p.Key.Str()) == spec.Name {
				return false
			}
		}
	}
	return true
}

var (
	reBraces = lazyregexp.New(`(?s)\{\{.*?\}\}`)
	reSecret = lazyregexp.New(`(?i)\b\w*(?:password|passwd|secret|token)\w*`)
	reQuoted = lazyregexp.New(`'[^']*'|"[^"]*"`)
	reHarmle = lazyregexp.New(`(?i)(?:_file|_path|_dir|_name|_length|_url)$`)
)

// secrets warns of secrets that become part of a command line, where every
// user of the host can read them.
func (c *checker) secrets(t *playbook.Task) {
	nodes := []*yaml.Node{t.Raw, t.Args.Get("cmd"), t.Args.Get("argv")}
	for _, n := range nodes {
		scalars(n, func(s *yaml.Node) {
			for _, at := range reBraces().FindAllStringIndex(s.Str(), -1) {
				inside := reQuoted().ReplaceAllStringFunc(s.Str()[at[0]:at[1]], func(q string) string { return strings.Repeat(" ", len(q)) })
				for _, m := range reSecret().FindAllStringIndex(inside, -1) {
					name := inside[m[0]:m[1]]
					if reHarmle().MatchString(name) {
						continue
					}
					c.report(problem(s.PosAt(at[0]+m[0]), true, CodeSecret, "'%s' becomes part of a command line, where every user of the host can read it", name).
						WithHint("pass it by 'stdin:' or 'environment:', or in a file"))
				}
			}
		})
	}
}

// constant is the value of a node as far as it is known without evaluating
// templates; the rest is unknown.
func constant(n *yaml.Node) value.Value {
	switch {
	case n.Problem != nil:
		return value.Unknown(nil)
	case !n.HasTemplate() && !hasProblem(n):
		return n.Value()
	case n.Kind == yaml.Sequence:
		items := make([]value.Value, len(n.Items))
		for i, it := range n.Items {
			items[i] = constant(it)
		}
		return value.List(items...)
	case n.Kind == yaml.Mapping:
		m := value.NewMap()
		for _, p := range n.Pairs {
			if p.Key.HasTemplate() {
				return value.Unknown(nil)
			}
			m.SetKey(p.Key.Value(), constant(p.Value))
		}
		return value.FromMap(m)
	}
	return value.Unknown(nil)
}

func hasProblem(n *yaml.Node) bool { return problemOf(n) != nil }

// problemOf gives the first problem in a node, nil when there is none.
func problemOf(n *yaml.Node) *diag.Diagnostic {
	if n == nil {
		return nil
	}
	if n.Problem != nil {
		return n.Problem
	}
	for _, it := range n.Items {
		if p := problemOf(it); p != nil {
			return p
		}
	}
	for _, pair := range n.Pairs {
		if p := problemOf(pair.Value); p != nil {
			return p
		}
	}
	return nil
}
