package run

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

var (
	done  = &request{kind: reqNone}
	again = &request{kind: reqAgain}
)

// step takes a host as far with its task as it can go without input or output.
func (pl *play) step(h *host) (*request, error) {
	t := h.task()
	if t == nil {
		return done, nil
	}
	pl.place(h)
	if h.inst == nil {
		if skip, err := pl.passes(h, t); err != nil {
			return pl.failed(h, asFailure(err))
		} else if skip {
			h.advance()
			return done, nil
		}
		h.inst = &instance{taskNo: pl.taskNo(h), started: pl.Now()}
		h.inst.seedNo = h.inst.taskNo
	}
	if t.Module == "meta" {
		return pl.meta(h, t)
	}
	if t.Include != nil {
		return pl.include(h, t)
	}
	if !h.inst.begun {
		if r, err := pl.beginLoop(h, t); r != nil || err != nil {
			return r, err
		}
	}
	for h.inst.idx < len(h.inst.items) {
		r, err := pl.stepItem(h, t)
		if r != nil || err != nil {
			return r, err
		}
	}
	return pl.endTask(h, t)
}

// passes tells whether the host goes past the task without a word: other tags,
// a handler that was not notified, before --start-at-task.
func (pl *play) passes(h *host, t *playbook.Task) (bool, error) {
	if f := h.at[len(h.at)-1]; f.handlers && !pl.isNotified(h, t) {
		return true, nil
	}
	if t.Handler {
		return false, nil
	}
	if !t.Implicit || t.Module != "meta" {
		if pl.starting && !t.Implicit {
			if !pl.isStart(t) {
				return true, nil
			}
			pl.starting = false
		}
	}
	if t.Implicit {
		if t.Module == "setup" {
			return len(pl.Tags) > 0 && !playbook.TagsMatch([]string{"always"}, pl.Tags, pl.SkipTags), nil
		}
		return false, nil
	}
	tags, err := pl.tagsOf(h, t)
	if err != nil {
		return false, err
	}
	return !playbook.TagsMatch(tags, pl.Tags, pl.SkipTags), nil
}

func (pl *play) tagsOf(h *host, t *playbook.Task) ([]string, error) {
	var tags []string
	for _, n := range t.AllTags() {
		v := n.Value()
		if n.HasTemplate() {
			var err error
			if v, err = pl.scope(h, t).Eval(n); err != nil {
				return nil, err
			}
		}
		tags = append(tags, listOfTexts(v)...)
	}
	return tags, nil
}

// moment makes evaluation repeatable: the same task on the same host sees the
// same clock and randomness however often it is planned.
func (pl *play) moment(h *host) vars.Moment {
	m := vars.Moment{Now: pl.Now()}
	if h == nil || h.inst == nil {
		return m
	}
	m.Now = h.inst.started
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(h.inst.seedNo))
	binary.BigEndian.PutUint64(b[8:], uint64(h.inst.idx))
	d := sha256.New()
	d.Write(pl.seed[:])
	d.Write([]byte(h.Name))
	d.Write(b[:])
	copy(m.Seed[:], d.Sum(nil))
	return m
}

func (pl *play) scope(h *host, t *playbook.Task) *vars.Scope {
	return pl.inFrames(h, pl.Vars.Scope(pl.world(pl), h.Host, pl.vars, &t.Scope, pl.moment(h)))
}

// inFrames adds what the lists around the host's place define: loop variables
// of includes, and what a rescue part sees.
func (pl *play) inFrames(h *host, s *vars.Scope) *vars.Scope {
	for _, f := range h.at {
		if f.locals != nil {
			s = s.With(f.locals)
		}
	}
	if !h.failedTask.IsNull() {
		s = s.With(map[string]value.Value{"ansible_failed_task": h.failedTask, "ansible_failed_result": h.failedResult})
	}
	return s
}

// beginLoop evaluates the loop of a task. A nil request means go on.
func (pl *play) beginLoop(h *host, t *playbook.Task) (*request, error) {
	h.inst.begun = true
	if t.Loop == nil {
		h.inst.items = []value.Value{value.Null}
		return nil, nil
	}
	h.inst.looped = true
	s := pl.scope(h, t)
	items, unknown, err := pl.loopItems(s, t)
	if err != nil {
		// A loop that cannot be evaluated matters only where the task would run.
		if c, cerr := pl.conditions(s, t.Whens()); cerr == nil && !c.IsUnknown() && !c.Truthy() {
			h.inst.looped, h.inst.items = false, []value.Value{value.Null}
			return nil, nil
		}
		h.inst.looped = false
		return pl.failed(h, asFailure(err))
	}
	if unknown != nil {
		h.inst.begun = false
		return pl.needs(h, unknown, "cannot see beyond: the loop depends on "+describe(unknown))
	}
	h.inst.items = items
	return nil, nil
}

func (pl *play) loopItems(s *vars.Scope, t *playbook.Task) ([]value.Value, *value.Origin, error) {
	l := t.Loop
	v, err := s.Eval(l.Node)
	if err != nil {
		return nil, nil, err
	}
	if v.IsUnknown() {
		return nil, v.Origin(), nil
	}
	if l.Kind == "" {
		if v.Kind() != value.KindList {
			return nil, nil, diag.Errorf(l.Node.Pos, "loop-type", "loop needs a list, and this is a %s", v.TypeName()).
				WithHint("use dict2items for a dict, or range() for numbers")
		}
		return v.Items(), nil, nil
	}
	terms := []value.Value{v}
	if v.Kind() == value.KindList {
		terms = v.Items()
	}
	items, un, err := s.Lookups(l.Kind, terms, jinja.Args{})
	if err != nil {
		var d *diag.Diagnostic
		if !errors.As(err, &d) {
			err = diag.Errorf(l.Pos, "loop", "%w", err)
		}
		return nil, nil, err
	}
	if un.IsUnknown() {
		return nil, un.Origin(), nil
	}
	return items, nil, nil
}

func describe(o *value.Origin) string {
	if o == nil || o.What == "" {
		return "what is not known yet"
	}
	return o.What
}

// needs says what to do about an unknown value: apply what waits and look
// again, or, where only a run can tell, end the item as unknown.
func (pl *play) needs(h *host, o *value.Origin, why string) (*request, error) {
	if o != nil && o.Pending && !pl.Check && pl.waiting() {
		return &request{kind: reqFlushAll, host: h}, nil
	}
	return pl.unknownTask(h, why)
}

// itemScope is the scope of the present item.
func (pl *play) itemScope(h *host, t *playbook.Task) *vars.Scope {
	s := pl.scope(h, t)
	if !h.inst.looped {
		return s
	}
	return s.With(pl.loopVars(h.inst, t))
}

func (pl *play) loopVars(in *instance, t *playbook.Task) map[string]value.Value {
	item := in.items[in.idx]
	locals := map[string]value.Value{t.Loop.LoopVar: item, "ansible_loop_var": value.String(t.Loop.LoopVar)}
	if t.Loop.IndexVar != "" {
		locals[t.Loop.IndexVar] = value.Int(int64(in.idx))
		locals["ansible_index_var"] = value.String(t.Loop.IndexVar)
	}
	if t.Loop.Extended != nil {
		locals["ansible_loop"] = extendedLoop(in)
	}
	return locals
}

func extendedLoop(in *instance) value.Value {
	n, i := len(in.items), in.idx
	m := value.M("allitems", value.List(in.items...), "index", i+1, "index0", i, "first", i == 0, "last", i == n-1,
		"length", n, "revindex", n-i, "revindex0", n-i-1)
	if i > 0 {
		m.Set("previtem", in.items[i-1])
	}
	if i < n-1 {
		m.Set("nextitem", in.items[i+1])
	}
	return value.FromMap(m)
}

// evaluated is a task's item with everything evaluated, once.
type evaluated struct {
	mod      module.Module
	args     any
	raw      *value.Map
	as       state.Identity
	env      []string
	lane     *lane
	target   *host // whose variables facts go to; the host, or its delegate
	check    bool
	diff     bool
	noLog    bool
	scope    *vars.Scope
	sources  *sources
	delegate string
}

// stepItem takes one item (or the task without loop) further. A nil request
// means that the item is finished.
func (pl *play) stepItem(h *host, t *playbook.Task) (*request, error) {
	in := h.inst
	if in.outcome != nil { // flushed: finish with what is certain now
		return pl.finishItem(h, t, in.outcome)
	}
	if wait := in.wait; !wait.IsZero() && pl.Now().Before(wait) {
		return &request{kind: reqWait, host: h, until: wait}, nil
	}
	if in.evaled == nil {
		ev, r, err := pl.evaluate(h, t)
		if err != nil {
			return pl.failedOrFlush(h, err)
		}
		if r != nil || ev == nil {
			return r, nil
		}
		in.evaled = ev
	}
	if in.did != nil {
		return pl.afterEffect(h, t)
	}
	return pl.plan(h, t)
}

// evaluate evaluates conditions and arguments. A nil evaluated with a nil
// request means that the item is finished (skipped).
func (pl *play) evaluate(h *host, t *playbook.Task) (*evaluated, *request, error) {
	s := pl.itemScope(h, t)
	cond, err := pl.conditions(s, t.Whens())
	if err != nil {
		return nil, nil, err
	}
	if cond.IsUnknown() {
		if o := cond.Origin(); o.Pending && !pl.Check && pl.waiting() {
			return nil, &request{kind: reqFlushAll, host: h}, nil
		}
		r, err := pl.mayRun(h, t, s, cond.Origin())
		return nil, r, err
	}
	if !cond.Truthy() {
		r, err := pl.skip(h, t, s, "Conditional result was False")
		return nil, r, err
	}
	return pl.evaluateArgs(h, t, s)
}

func (pl *play) evaluateArgs(h *host, t *playbook.Task, s *vars.Scope) (*evaluated, *request, error) {
	mod, ok := pl.Modules.Lookup(t.Action)
	if !ok {
		return nil, nil, diag.Errorf(t.ActionPos, "unknown-module", "there is no module named %q", t.Action)
	}
	ev := &evaluated{mod: mod, scope: s}
	unknown, err := pl.keywords(ev, h, t, s)
	if err != nil {
		return nil, nil, err
	}
	if unknown == nil {
		ev.raw, unknown, err = pl.arguments(s, t, mod.Spec())
		if err != nil {
			return nil, nil, err
		}
	}
	if unknown != nil {
		if unknown.Pending && !pl.Check && pl.waiting() {
			return nil, &request{kind: reqFlushAll, host: h}, nil
		}
		r, err := pl.unknownItem(h, t, ev, "depends on "+describe(unknown))
		return nil, r, err
	}
	pos := t.ActionPos
	h.inst.noLog = ev.noLog
	pl.learnSecrets(mod.Spec(), ev.raw)
	if ev.args, err = mod.Decode(ev.raw, pos); err != nil {
		return nil, nil, err
	}
	return ev, nil, nil
}

// conditions evaluates when: lists; a false one ends it.
func (pl *play) conditions(s *vars.Scope, conds []*yaml.Node) (value.Value, error) {
	result := value.Bool(true)
	for _, c := range conds {
		v, err := s.Condition(c)
		if err != nil {
			return value.Null, err
		}
		if v.IsUnknown() {
			if !result.IsUnknown() {
				result = v
			}
			continue
		}
		if !v.Truthy() {
			return v, nil
		}
	}
	return result, nil
}

// arguments evaluates a task's arguments: module_defaults, args, free form.
func (pl *play) arguments(s *vars.Scope, t *playbook.Task, spec *module.Spec) (*value.Map, *value.Origin, error) {
	args := value.NewMap()
	if err := pl.moduleDefaults(s, t, spec, args); err != nil {
		return nil, nil, err
	}
	if t.ArgsTemplate != nil {
		v, err := s.Eval(t.ArgsTemplate)
		if err != nil {
			return nil, nil, err
		}
		if v.IsUnknown() {
			return nil, v.Origin(), nil
		}
		if v.Map() == nil {
			return nil, nil, diag.Errorf(t.ArgsTemplate.Pos, "args-type", "the arguments are a %s, not a dict", v.TypeName())
		}
		for k, e := range v.Map().All() {
			args.SetKey(k, e)
		}
	}
	for _, p := range t.Args.Pairs {
		name := p.Key.Value().Text()
		v, err := pl.argument(s, p.Value, spec, name)
		if err != nil {
			return nil, nil, err
		}
		args.Set(name, v)
	}
	if t.Raw != nil {
		v, err := pl.freeForm(s, t, spec)
		if err != nil {
			return nil, nil, err
		}
		args.Set(orElse(spec.FreeForm, "_raw_params"), v)
	}
	return dropOmitted(args, spec.Traits.Unknown && pl.Check)
}

func (pl *play) argument(s *vars.Scope, n *yaml.Node, spec *module.Spec, name string) (value.Value, error) {
	for _, raw := range spec.Traits.RawArgs {
		if raw == name {
			return n.Value(), nil
		}
	}
	return s.Eval(n)
}

func (pl *play) freeForm(s *vars.Scope, t *playbook.Task, spec *module.Spec) (value.Value, error) {
	if spec.FreeForm == "" {
		return value.Null, diag.Errorf(t.ActionPos, "no-free-form", "module %s takes no free text: %q", spec.Name, t.Raw.Text).
			WithHint("give it arguments: %s: name=value, or a mapping", spec.Name)
	}
	return s.Eval(t.Raw)
}

// dropOmitted leaves out arguments that are the variable omit, and finds the
// first unknown one.
func dropOmitted(args *value.Map, unknownToo bool) (*value.Map, *value.Origin, error) {
	out := value.NewMap()
	for k, v := range args.All() {
		if vars.IsOmit(v) {
			continue
		}
		v = v.Walk(withoutOmit)
		if o, unknown := v.FindUnknown(); unknown && !unknownToo {
			return nil, o, nil
		}
		if v.IsUndefined() {
			return nil, nil, vars.Undefined(v, diag.Pos{})
		}
		out.SetKey(k, v)
	}
	return out, nil, nil
}

// withoutOmit removes entries of dicts that are the variable omit.
func withoutOmit(v value.Value) value.Value {
	m := v.Map()
	if m == nil {
		return v
	}
	for _, k := range m.Keys() {
		if e, _ := m.GetKey(k); vars.IsOmit(e) {
			c := value.NewMap()
			for k, e := range m.All() {
				if !vars.IsOmit(e) {
					c.SetKey(k, e)
				}
			}
			return value.FromMap(c).WithMarks(v.Marks())
		}
	}
	return v
}

func (pl *play) moduleDefaults(s *vars.Scope, t *playbook.Task, spec *module.Spec, args *value.Map) error {
	for _, n := range t.AllModuleDefaults() {
		for _, p := range n.Pairs {
			name := p.Key.Str()
			if pl.Modules.Canonical(name) != spec.Name {
				continue
			}
			v, err := s.Eval(p.Value)
			if err != nil {
				return err
			}
			for k, e := range v.Map().All() {
				args.SetKey(k, e)
			}
		}
	}
	return nil
}

// keywords evaluates what a task says beside its module. An unknown value is
// returned as its origin.
func (pl *play) keywords(ev *evaluated, h *host, t *playbook.Task, s *vars.Scope) (*value.Origin, error) {
	err := pl.evalKeywords(ev, h, t, s)
	var nk *needKnown
	if errors.As(err, &nk) {
		return nk.origin, nil
	}
	return nil, err
}

func (pl *play) evalKeywords(ev *evaluated, h *host, t *playbook.Task, s *vars.Scope) error {
	var err error
	kw := func(get func(*playbook.Keywords) *yaml.Node) *yaml.Node { return t.Nearest(get) }
	if ev.noLog, err = flag(s, kw(func(k *playbook.Keywords) *yaml.Node { return k.NoLog }), false); err != nil {
		return err
	}
	if ev.check, err = flag(s, kw(func(k *playbook.Keywords) *yaml.Node { return k.CheckMode }), pl.Check); err != nil {
		return err
	}
	if ev.diff, err = flag(s, kw(func(k *playbook.Keywords) *yaml.Node { return k.Diff }), pl.Diff); err != nil {
		return err
	}
	if ev.as, err = pl.identity(s, &t.Scope); err != nil {
		return err
	}
	if ev.env, err = environment(s, t); err != nil {
		return err
	}
	return pl.delegate(ev, h, t, s)
}

// environment merges the environment dicts of a task, inner ones win.
func environment(s *vars.Scope, t *playbook.Task) ([]string, error) {
	m := value.NewMap()
	for _, n := range t.Environments() {
		v, err := s.Eval(n)
		if err != nil {
			return nil, err
		}
		if o, unknown := v.FindUnknown(); unknown {
			return nil, &needKnown{o}
		}
		if v.IsNull() || v.IsString() && v.Str() == "" {
			continue
		}
		if v.Map() == nil {
			return nil, diag.Errorf(n.Pos, "environment-type", "environment is a %s, not a dict", v.TypeName())
		}
		for k, e := range v.Map().All() {
			m.SetKey(k, e)
		}
	}
	var env []string
	for k, e := range m.All() {
		if !envName(k.Text()) {
			return nil, diag.Errorf(t.Pos, "environment-name", "%q cannot be the name of an environment variable", k.Text())
		}
		if !vars.IsOmit(e) {
			env = append(env, k.Text()+"="+e.Text())
		}
	}
	return env, nil
}

func envName(s string) bool {
	for i, r := range s {
		if r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// learnSecrets tells the redactor what must not appear anywhere.
func (pl *play) learnSecrets(spec *module.Spec, args *value.Map) {
	if pl.Redactor == nil {
		return
	}
	for k, v := range args.All() {
		secret := false
		for _, a := range spec.Args {
			secret = secret || a.Secret && a.Name == k.Text()
		}
		pl.addSecrets(v, secret)
	}
}

func (pl *play) addSecrets(v value.Value, secret bool) {
	secret = secret || v.IsSecret()
	switch v.Kind() {
	case value.KindList:
		for _, it := range v.Items() {
			pl.addSecrets(it, secret)
		}
	case value.KindMap:
		for _, e := range v.Map().All() {
			pl.addSecrets(e, secret)
		}
	case value.KindString:
		if secret {
			pl.secret(v.Str())
		}
	}
}

func asFailure(err error) *module.Failure {
	var f *module.Failure
	if errors.As(err, &f) {
		return f
	}
	return &module.Failure{Msg: err.Error(), Err: err}
}

// failedOrFlush fails the item; operations before it are applied first.
func (pl *play) failedOrFlush(h *host, err error) (*request, error) {
	var nk *needKnown
	if errors.As(err, &nk) {
		return pl.needs(h, nk.origin, err.Error())
	}
	if len(h.steps) > 0 && !pl.Check {
		h.inst.evaled = nil
		return &request{kind: reqFlushHost, host: h}, nil
	}
	return pl.failed(h, asFailure(err))
}

func listOfTexts(v value.Value) []string {
	if v.Kind() == value.KindList {
		var out []string
		for _, it := range v.Items() {
			out = append(out, listOfTexts(it)...)
		}
		return out
	}
	var out []string
	return append(out, splitComma(v.Text())...)
}
