package run

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// include expands include_tasks and include_role when a host reaches them: the
// included tasks become a list of their own, one per loop item.
func (pl *play) include(h *host, t *playbook.Task) (*request, error) {
	if !h.inst.begun {
		if r, err := pl.beginLoop(h, t); r != nil || err != nil {
			return r, err
		}
	}
	in := h.inst
	if in.idx >= len(in.items) {
		return pl.enterNext(h, t)
	}
	s := pl.itemScope(h, t)
	cond, err := pl.conditions(s, t.Whens())
	if err != nil {
		f := asFailure(err)
		f.Unrun = true // which ends the whole loop
		return pl.failedOrFlush(h, f)
	}
	if cond.IsUnknown() {
		return pl.needs(h, cond.Origin(), "cannot see beyond: whether this is included depends on "+describe(cond.Origin()))
	}
	if !cond.Truthy() {
		r, err := pl.skip(h, t, s, "Conditional result was False")
		if r != nil || err != nil {
			return r, err
		}
		if in.looped {
			return again, nil
		}
		return pl.endTask(h, t)
	}
	once, err := pl.isRunOnce(h, t)
	if err != nil {
		return pl.failedOrFlush(h, err)
	}
	if once && pl.waiting() && !pl.Check { // the others go past it: nothing may take them back
		return &request{kind: reqFlushAll, host: h}, nil
	}
	items, file, what, err := pl.included(h, s, t)
	if err != nil {
		if errors.As(err, new(*bringError)) {
			in.unbrought = true
			var d *diag.Diagnostic
			reason := err.Error()
			if errors.As(err, &d) {
				reason = d.Msg
			}
			err = &module.Failure{Msg: err.Error(), Err: err, Result: value.M("reason", reason)}
		}
		return pl.failedOrFlush(h, err)
	}
	pl.tellIncluded(h, t, file)
	pl.willEnter(h, t, items, what)
	return again, nil
}

// bringError is that what an include names cannot be loaded: unlike a name that cannot
// be evaluated it fails the host whatever the task says of errors, as in Ansible.
type bringError struct{ error }

func (e *bringError) Unwrap() error { return e.error }

// bringing keeps what includes brought in one round, in which hosts that are at one
// include come one after another and nothing is applied: those that name the same get
// the same tasks, which are then evaluated once for all of them.
type bringing struct {
	on    bool
	lists map[bringKey]playbook.Included
}

type bringKey struct {
	task *playbook.Task
	idx  int // of the loop's item
	what any // the file, or the playbook.RoleRequest
}

// begin starts a round; end forgets what it brought.
func (b *bringing) begin() { b.on, b.lists = true, nil }
func (b *bringing) end()   { b.on, b.lists = false, nil }

// once gives what was brought in this round, or loads it.
func (b *bringing) once(k bringKey, load func() (playbook.Included, error)) (playbook.Included, error) {
	if brought, ok := b.lists[k]; ok && b.on {
		return brought, nil
	}
	brought, err := load()
	if err != nil {
		return brought, &bringError{err}
	}
	if !b.on {
		return brought, nil
	}
	if b.lists == nil {
		b.lists = map[bringKey]playbook.Included{}
	}
	b.lists[k] = brought
	return brought, nil
}

// included loads what an include names, and tells what that is: the file as named and
// where it was found, or the role with its parts.
func (pl *play) included(h *host, s *vars.Scope, t *playbook.Task) (items []playbook.Item, file, what string, err error) {
	inc := t.Include
	if inc.Kind == playbook.IncludeTasks {
		name, err := keyword(s, inc.File)
		if err != nil {
			return nil, "", "", err
		}
		brought, err := pl.brings.once(bringKey{t, h.inst.idx, name}, func() (playbook.Included, error) {
			brought, err := pl.Loader.IncludeTasks(t, name)
			if err == nil {
				pl.expose(brought.Imports...)
			}
			return brought, err
		})
		return brought.Items, brought.File, name, err
	}
	var req playbook.RoleRequest
	for _, f := range []struct {
		dst *string
		n   *yaml.Node
	}{{&req.Name, inc.Name}, {&req.TasksFrom, inc.TasksFrom}, {&req.VarsFrom, inc.VarsFrom},
		{&req.DefaultsFrom, inc.DefaultsFrom}, {&req.HandlersFrom, inc.HandlersFrom}} {
		if *f.dst, err = keyword(s, f.n); err != nil {
			return nil, "", "", err
		}
	}
	for _, f := range []struct {
		dst *bool
		n   *yaml.Node
		def bool
	}{{&req.Public, inc.Public, false}, {&req.AllowDuplicates, inc.AllowDuplicates, true}, {&req.Validate, inc.RolespecValidate, true}} {
		if *f.dst, err = flag(s, f.n, f.def); err != nil {
			return nil, "", "", err
		}
	}
	key := strings.Join([]string{req.Name, req.TasksFrom, req.VarsFrom, req.DefaultsFrom}, "\x00")
	brought, err := pl.brings.once(bringKey{t, h.inst.idx, req}, func() (playbook.Included, error) {
		item := ""
		if h.inst.looped {
			vars := pl.loopVars(h.inst, t)
			for _, n := range slices.Sorted(maps.Keys(vars)) {
				item += n + "=" + vars[n].Repr() + " "
			}
		}
		items, err := pl.role(t, req, item)
		return playbook.Included{Items: items}, err
	})
	return brought.Items, "", key, err
}

// role loads a role that an include names, with its handlers; item is what the loop of the
// include gave, "" without one.
func (pl *play) role(t *playbook.Task, req playbook.RoleRequest, item string) ([]playbook.Item, error) {
	use, err := pl.Loader.IncludeRole(t, req)
	if err != nil {
		return nil, err
	}
	if pl.repeats == nil {
		pl.repeats = map[string]bool{}
	}
	pl.repeats[use.Key] = use.AllowDuplicates
	if err := pl.addHandlers(pl.playScope(), use.AllHandlers(), inclusionOf{use, item}); err != nil {
		return nil, err
	}
	if req.Public {
		pl.expose(use)
	}
	pl.expose(use.Imports...)
	return use.AllTasks(), nil
}

// repeatable tells whether a role may run again: Ansible has one role for all equal uses,
// and what the one that was loaded last says of duplicates holds for all of them.
func (pl *play) repeatable(use *playbook.RoleUse) bool {
	if may, ok := pl.repeats[use.Key]; ok {
		return may
	}
	may := use.AllowDuplicates
	for _, u := range pl.p.Imported {
		if u.Key == use.Key {
			may = u.AllowDuplicates
		}
	}
	return may
}

// expose lets the rest of the play see the variables of roles.
func (pl *play) expose(uses ...*playbook.RoleUse) {
	for _, use := range uses {
		if !slices.ContainsFunc(pl.vars.Public, func(u *playbook.RoleUse) bool { return u.Key == use.Key }) {
			pl.vars.Public = append(pl.vars.Public, use)
		}
	}
}

// tellIncluded tells which file an item of an include brings, and counts it as Ansible
// does: each file that holds something, and no role.
func (pl *play) tellIncluded(h *host, t *playbook.Task, file string) {
	e := pl.newEvent(h, t, event.Included, &outcome{})
	e.Host, e.Hosts, e.Msg = "", []string{h.Name}, file
	in := h.inst
	switch {
	case file == "": // the heading alone tells of a role, and of an empty file
		pl.addEntry(h, e, nil)
	case in.looped:
		e.Label = pl.itemLabel(h, t, in.items[in.idx])
		in.told = append(in.told, e)
	default:
		pl.addEntry(h, e, countOK)
	}
}

func countOK(s *event.HostStats) { s.OK++ }

// tellItems tells what the items of an include brought, once all of them have been
// looked at: those that were skipped or failed are told before.
func (pl *play) tellItems(h *host) {
	for _, e := range h.inst.told {
		pl.addEntry(h, e, countOK)
	}
	h.inst.told = nil
}

// togetherIncluded makes one event of those of hosts that include the same file; the
// others say nothing any more. A host that includes it for two items of one label stands
// in two events.
func togetherIncluded(entries []ready) {
	type same struct {
		task        int64
		file, label string
	}
	type of struct {
		same
		host string
	}
	told, times := map[same][]*event.Event{}, map[of]int{}
	for i, r := range entries {
		for _, e := range r.events {
			if e.Kind != event.Included {
				continue
			}
			k := same{e.TaskNo, e.Msg, e.Label}
			nth := times[of{k, e.Hosts[0]}]
			times[of{k, e.Hosts[0]}]++
			if nth == len(told[k]) {
				told[k] = append(told[k], e)
				continue
			}
			f := told[k][nth]
			f.Hosts = append(f.Hosts, e.Hosts...)
			entries[i].events = nil
		}
	}
}

// inclusion is a list that an include brought, with the loop variables that are
// seen inside.
type inclusion struct {
	items  []playbook.Item
	ord    int32
	id     string
	locals map[string]value.Value
}

// willEnter notes what an item of the include brings. Like Ansible, an include
// evaluates all of its items before the first of them runs. Hosts that include
// the same run it together.
func (pl *play) willEnter(h *host, t *playbook.Task, items []playbook.Item, what string) {
	in := h.inst
	key := t.ID + "\x00" + what
	key += "\x00" + strconv.Itoa(in.idx)
	if in.looped {
		key += "\x00" + in.items[in.idx].Repr()
	}
	ord, ok := pl.includes[key]
	if !ok {
		ord = int32(len(pl.includes) + 1)
		pl.includes[key] = ord
	}
	x := inclusion{items: items, ord: ord, id: key}
	if in.looped {
		x.locals = pl.loopVars(in, t)
	}
	in.included = append(in.included, x)
	in.results = append(in.results, pl.broughtResult(h, t, what))
	in.nextItem()
}

// enterNext puts the host into the next list that the include brought; without
// one, the include ends.
func (pl *play) enterNext(h *host, t *playbook.Task) (*request, error) {
	in := h.inst
	pl.tellItems(h)
	if len(in.included) == 0 && in.entered == 0 {
		return pl.endTask(h, t)
	}
	if len(in.included) == 0 {
		h.advance()
		return done, nil
	}
	if t.Handler {
		h.notified = h.notified.clone()
		delete(h.notified, t.ID)
	}
	if in.entered == 0 {
		if failed, err := pl.beforeEntering(h, t); err != nil {
			return nil, err
		} else if failed {
			in.included = nil
			return pl.endTask(h, t)
		}
	}
	x := in.included[0]
	in.included = in.included[1:]
	in.entered++
	h.parents = append(h.parents, in)
	h.at = append(h.at, frame{items: x.items, ord: x.ord, include: true, id: x.id, locals: x.locals})
	h.inst = nil
	h.settle()
	return done, nil
}

// beforeEntering registers the include's result, as Ansible does before what it brings
// runs. An item that failed fails the whole.
func (pl *play) beforeEntering(h *host, t *playbook.Task) (failed bool, err error) {
	in := h.inst
	var o *outcome
	if in.looped {
		if o = pl.loopOutcome(in, t); o.status == event.Failed {
			return true, nil
		}
	} else {
		o = &outcome{result: in.results[len(in.results)-1].Map()}
	}
	h.register(t, o)
	return false, pl.passOnce(h, t)
}

// broughtResult is the result of an include's present item.
func (pl *play) broughtResult(h *host, t *playbook.Task, what string) value.Value {
	in, r := h.inst, value.NewMap()
	args := value.FromMap(value.NewMap())
	if t.Include.Kind == playbook.IncludeTasks {
		r.Set("include", value.String(what))
	}
	if t.Register.Str() != "" {
		if v, err := pl.itemScope(h, t).Eval(t.Args); err == nil && v.Map() != nil {
			args = v
			if args.Map().Has("file") && t.Include.Kind == playbook.IncludeTasks {
				m := args.Map().Clone()
				m.Delete("file") // free form, for Ansible
				args = value.FromMap(m)
			}
		}
	}
	r.Set("include_args", args)
	if !in.looped {
		r.Set("changed", value.Bool(false))
		return value.FromMap(r)
	}
	for k, v := range pl.loopVars(in, t) {
		r.Set(k, v)
	}
	return value.FromMap(r)
}

// passOnce takes the other hosts past an include that is run once: as in Ansible, what
// it brings is for the host that reached it first.
func (pl *play) passOnce(h *host, t *playbook.Task) error {
	once, err := pl.isRunOnce(h, t)
	if err != nil || !once {
		return err
	}
	at := h.at.position()
	for _, other := range pl.batch {
		if other != h && !other.done() && other.at.position().compare(at) == 0 {
			other.advance()
		}
	}
	return nil
}
