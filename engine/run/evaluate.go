package run

import (
	"errors"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

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
	trial    bool // the task is in check mode by its own word: a run does not do it either
	diff     bool
	noLog    bool
	scope    *vars.Scope
	sources  *sources
	delegate string
	named    string // by delegate_to, whatever comes of it
	async    async
	timeout  time.Duration // of the task; 0 for none
	deadline time.Time     // when it is over
}

// spend drops what only planning needs: the item's operations wait now, and where
// it has to be planned again it is evaluated again.
func (ev *evaluated) spend() { ev.scope, ev.sources = nil, nil }

// spent tells whether the item cannot be planned with this any more.
func (ev *evaluated) spent() bool { return ev.scope == nil }

// stepItem takes one item (or the task without loop) further. A nil request
// means that the item is finished.
func (pl *play) stepItem(h *host, t *playbook.Task) (*request, error) {
	in := h.inst
	if in.outcome != nil { // flushed: finish with what is certain now
		return pl.finishItem(h, t, in.outcome)
	}
	if in.rest > 0 && !pl.Check {
		if pl.waiting() {
			return &request{kind: reqFlushAll, host: h}, nil
		}
		in.wait, in.rest = pl.Now().Add(in.rest), 0
	}
	if wait := in.wait; !wait.IsZero() && pl.Now().Before(wait) {
		return &request{kind: reqWait, host: h, until: wait}, nil
	}
	if in.itemAt.IsZero() {
		in.itemAt = pl.Now()
	}
	if o := pl.restored(h); o != nil {
		return pl.keep(h, t, o)
	}
	if in.evaled == nil || in.evaled.spent() {
		ev, r, err := pl.evaluate(h, t)
		if err != nil {
			var refused *refusedError
			in.unrun = !errors.As(err, &refused)
			return pl.failedOrFlush(h, err)
		}
		if r != nil || ev == nil {
			return r, nil
		}
		in.evaled = ev
	}
	if in.job != nil {
		return pl.jobStep(h, t)
	}
	if in.did != nil {
		return pl.afterEffect(h, t)
	}
	if in.next != nil {
		return pl.effect(h, in.evaled, *in.next)
	}
	return pl.plan(h, t)
}

// evaluate evaluates conditions and arguments. A nil evaluated with a nil
// request means that the item is finished (skipped).
func (pl *play) evaluate(h *host, t *playbook.Task) (*evaluated, *request, error) {
	s := pl.itemScope(h, t)
	if err := s.Err(); err != nil {
		return nil, nil, err
	}
	if sh := pl.sharedOf(h, t); sh != nil {
		return pl.evaluateShared(sh, h, t, s)
	}
	reads := pl.record(h, t, s)
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
		pl.share(t, reads, cond, nil)
		r, err := pl.skip(h, t, s, "Conditional result was False")
		return nil, r, err
	}
	ev, r, err := pl.evaluateArgs(h, t, s)
	h.inst.raised = jinja.Raised(err) != ""
	if err == nil && ev != nil {
		pl.share(t, reads, cond, ev)
	}
	return ev, r, err
}

// evaluateShared is evaluate of a task that was evaluated for another host.
func (pl *play) evaluateShared(sh *shared, h *host, t *playbook.Task, s *vars.Scope) (*evaluated, *request, error) {
	if !sh.cond.Truthy() {
		r, err := pl.skip(h, t, s, "Conditional result was False")
		return nil, r, err
	}
	ev, err := pl.of(sh, h, t, s)
	if err != nil {
		return nil, nil, err
	}
	h.inst.noLog, h.inst.shown, h.inst.module = ev.noLog, alwaysShown(ev), ev.mod.Spec().Name
	return ev, nil, nil
}

func (pl *play) evaluateArgs(h *host, t *playbook.Task, s *vars.Scope) (*evaluated, *request, error) {
	action, err := actionName(s, t)
	if err != nil {
		return nil, nil, err
	}
	mod, ok := pl.Modules.Lookup(action)
	if !ok {
		return nil, nil, diag.Errorf(t.ActionPos, "unknown-module", "couldn't resolve module/action '%s'. This often indicates a misspelling, missing collection, or incorrect module path", action)
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
	h.inst.noLog, h.inst.shown, h.inst.module = ev.noLog, alwaysShown(ev), ev.mod.Spec().Name
	if err := refusesAsync(ev, pl.Check); err != nil {
		return nil, nil, &refusedError{err}
	}
	if mod.Spec().Name == "async_status" {
		ev.raw.Set("_async_dir", value.String(ev.async.dir))
	}
	pl.learnSecrets(mod.Spec(), ev.raw)
	if ev.args, err = mod.Decode(ev.raw, pos); err != nil {
		return nil, nil, &refusedError{asWritten(err, mod.Spec().Name, t)}
	}
	return ev, nil, nil
}

// asWritten calls the module in a complaint about its arguments as the task does.
func asWritten(err error, name string, t *playbook.Task) error {
	var d *diag.Diagnostic
	if t.Action == name || yaml.IsTemplate(t.Action) || !errors.As(err, &d) || d.Code != "unknown-argument" {
		return err
	}
	said := *d
	said.Msg = strings.Replace(d.Msg, "("+name+") module", "("+t.Action+") module", 1)
	return &said
}

// refusedError is what a module says of its arguments: a result as any other.
type refusedError struct{ error }

func (e *refusedError) Unwrap() error { return e.error }

// undefinedIn puts an introduction before the message of an error that says that
// something is undefined.
func undefinedIn(intro string, err error) error {
	if err == nil { // the way of every task, without what the rest takes
		return nil
	}
	var d *diag.Diagnostic
	if !errors.As(err, &d) || !vars.IsUndefined(err) {
		return err
	}
	said := *d
	said.Msg = intro + d.Msg
	return &said
}

// undefinedField is undefinedIn for a keyword.
func undefinedField(name string, err error) error {
	return undefinedIn("The field '"+name+"' has an invalid value, which includes an undefined variable. The error was: ", err)
}

// actionName is the task's module; action: may name it by a template.
func actionName(s *vars.Scope, t *playbook.Task) (string, error) {
	if !yaml.IsTemplate(t.Action) {
		return t.Module, nil
	}
	v, err := s.Eval(yaml.FromValue(t.ActionPos, value.String(t.Action)))
	return v.Text(), err
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
	if broken := t.BrokenKeyword(); broken != nil {
		return broken
	}
	var err error
	kw := func(get func(*playbook.Keywords) *yaml.Node) *yaml.Node { return nearest(s, &t.Scope, get) }
	if ev.noLog, err = flag(s, kw(func(k *playbook.Keywords) *yaml.Node { return k.NoLog }), pl.Settings.NoLog); err != nil {
		return err
	}
	mode := kw(func(k *playbook.Keywords) *yaml.Node { return k.CheckMode })
	if ev.trial, err = flag(s, mode, false); err != nil {
		return err
	}
	if ev.check, err = flag(s, mode, pl.Check); err != nil {
		return err
	}
	if ev.diff, err = flag(s, kw(func(k *playbook.Keywords) *yaml.Node { return k.Diff }), pl.Diff); err != nil {
		return err
	}
	if err = judgedLater(kw, s); err != nil {
		return err
	}
	if ev.as, err = pl.identity(s, &t.Scope); err != nil {
		return err
	}
	if ev.env, err = environment(s, t); err != nil {
		return undefinedField("environment", err)
	}
	if ev.async, err = asyncOf(s, t); err != nil {
		return err
	}
	if ev.async.dir, err = pl.jobDir(s, ev.env); err != nil {
		return err
	}
	if ev.timeout, err = taskTimeout(s, t, pl.Settings.TaskTimeout); err != nil {
		return err
	}
	ev.deadline = pl.Now().Add(ev.timeout)
	if err := pl.delegate(ev, h, t, s); err != nil {
		return err
	}
	if ev.lane != nil && ev.as.Method != "" && ev.as.User == ev.lane.spec.login() {
		ev.as = state.Identity{}
	}
	return nil
}

// judgedLater fails for a keyword that counts only when the task has failed and that can
// be no boolean: as in Ansible, the task does not run then.
func judgedLater(kw func(func(*playbook.Keywords) *yaml.Node) *yaml.Node, s *vars.Scope) error {
	for _, k := range []struct {
		name string
		get  func(*playbook.Keywords) *yaml.Node
	}{
		{"any_errors_fatal", func(k *playbook.Keywords) *yaml.Node { return k.AnyErrorsFatal }},
		{"ignore_errors", func(k *playbook.Keywords) *yaml.Node { return k.IgnoreErrors }},
		{"ignore_unreachable", func(k *playbook.Keywords) *yaml.Node { return k.IgnoreUnreachable }},
	} {
		_, err := flag(s, kw(k.get), false)
		var nk *needKnown
		if err != nil && !errors.As(err, &nk) {
			return undefinedField(k.name, err)
		}
	}
	return nil
}

// entries evaluates the dict that a node of environment is. Entries of one that is written
// out are left out where they need ansible_env before there is one, as in Ansible: who
// gathers facts has yet to find it.
func entries(s *vars.Scope, n *yaml.Node) (value.Value, error) {
	if n.Kind != yaml.Mapping {
		return s.Eval(n)
	}
	m := value.NewMap()
	for _, p := range n.Pairs {
		v, err := s.Eval(p.Value)
		if err != nil {
			if vars.IsUndefined(err) && strings.Contains(err.Error(), "ansible_env") {
				continue
			}
			return value.Value{}, err
		}
		k, err := s.Eval(p.Key)
		if err != nil {
			return value.Value{}, err
		}
		m.SetKey(k, v)
	}
	return value.FromMap(m), nil
}

// environment merges the environment dicts of a task, inner ones win; what is no dict is
// passed over with a warning, as in Ansible.
func environment(s *vars.Scope, t *playbook.Task) ([]string, error) {
	m := value.NewMap()
	for _, n := range t.Environments() {
		v, err := entries(s, n)
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
			s.Warn("could not parse environment value, skipping: " + value.List(n.Value()).Repr())
			continue
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
