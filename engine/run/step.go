package run

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
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
		h.inst = pl.newInstance(h)
		h.inst.seedNo = h.inst.taskNo
		h.inst.title = pl.titled(h, t)
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
	if h.roles.enter(t.Role(), pl.repeatable) {
		return true, nil
	}
	if !t.Implicit || t.Module != "meta" {
		if pl.starting && !t.Implicit {
			if !pl.startsAt(t) {
				return true, nil
			}
			pl.starting = false
		}
	}
	if t.Implicit {
		if t.Module == "setup" {
			if pl.starting { // a play before the one with the start asks for nothing
				if found, _ := pl.startIn(pl.p); !found {
					return true, nil
				}
			}
			tags := []string{"always"} // unless the play has its own, as in Ansible (PlayIterator)
			if len(pl.p.Tags) > 0 {
				var err error
				if tags, err = pl.tagsOf(h, t); err != nil {
					return false, err
				}
			}
			return !playbook.TagsMatch(tags, pl.Tags, pl.SkipTags), nil
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
	if m.Now = h.inst.started; !h.inst.itemAt.IsZero() {
		m.Now = h.inst.itemAt
	}
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
	s := pl.inFrames(h, pl.Vars.Scope(pl.world(pl), h.Host, pl.vars, &t.Scope, pl.moment(h)))
	if set := pl.debugging.locals(h, t); set != nil {
		s = s.With(set)
	}
	return s
}

// inFrames adds what the lists around the host's place define: loop variables
// of includes, and what a rescue part sees.
func (pl *play) inFrames(h *host, s *vars.Scope) *vars.Scope {
	for _, f := range h.at {
		if f.locals != nil {
			s = s.WithItem(f.locals)
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
	control, err := loopControl(s, t.Loop)
	if err != nil {
		h.inst.looped = false
		return pl.failedOrFlush(h, err)
	}
	h.inst.control = control
	items, unknown, err := pl.loopItems(s, t)
	if err != nil {
		h.inst.looped = false
		// What a loop is over need not be defined where the task would not run;
		// any other mistake in it is one before the condition is asked.
		if vars.IsUndefined(err) {
			if c, cerr := pl.conditions(s, t.Whens()); cerr == nil && !c.IsUnknown() && !c.Truthy() {
				h.inst.items = []value.Value{value.Null}
				return nil, nil
			}
		}
		return pl.failed(h, asFailure(err))
	}
	if unknown != nil {
		h.inst.begun = false
		return pl.needs(h, unknown, "cannot see beyond: the loop depends on "+describe(unknown))
	}
	h.inst.items = items
	return nil, nil
}

// loopTerms are the terms of with_*.
func loopTerms(l *playbook.Loop, v value.Value) ([]value.Value, error) {
	switch {
	case v.Map() == nil:
	case l.Kind == "dict" || l.Kind == "first_found":
		return []value.Value{v}, nil
	case l.Kind == "list" || l.Kind == "indexed_items" || l.Kind == "flattened":
		return nil, diag.Errorf(l.Node.Pos, "loop-type", "with_%s expects a list", l.Kind)
	}
	return vars.Elements(v), nil
}

func (pl *play) loopItems(s *vars.Scope, t *playbook.Task) ([]value.Value, *value.Origin, error) {
	l := t.Loop
	eval := s.Eval
	if l.Kind == "first_found" { // it skips names that cannot be made
		eval = s.EvalDefined
		s = s.LookingIn(searchedFolder(t.Module))
	}
	v, err := eval(l.Node)
	if err != nil {
		return nil, nil, err
	}
	if v.IsUnknown() {
		return nil, v.Origin(), nil
	}
	if l.Kind == "" {
		if v.Kind() != value.KindList {
			return nil, nil, diag.Errorf(l.Node.Pos, "loop-type", "Invalid data passed to 'loop', it requires a list, got this instead: %s. "+
				"Hint: If you passed a list/dict of just one element, try adding wantlist=True to your lookup invocation or use q/query instead of lookup.", v.Text()).
				WithHint("use dict2items for a dict, or range() for numbers")
		}
		return v.Items(), nil, nil
	}
	terms, err := loopTerms(l, v)
	if err != nil {
		return nil, nil, err
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
	for i, it := range items { // what a lookup gives is never evaluated again
		items[i] = it.MarkDeep(value.Unsafe)
	}
	return items, nil, nil
}

// searchedFolder is where with_first_found looks for a module's files.
func searchedFolder(module string) string {
	for _, kind := range []string{"template", "var"} {
		if strings.Contains(module, kind) {
			return kind + "s"
		}
	}
	return "files"
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
	if name := t.Register.Str(); name != "" {
		if r, ok := h.inst.itemBefore(); ok {
			s = s.With(map[string]value.Value{name: r})
		}
	}
	return s.WithItem(pl.loopVars(h.inst, t))
}
