package run

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// handlerNames finds handlers by name and by topic.
type handlerNames struct {
	byName map[string]*playbook.Task
	topics map[string][]*playbook.Task
	// named are the evaluated names of handlers whose names are templates, by ID.
	named map[string]string
	// known are the handlers of roles by role use, the variables of the loop that
	// included it, and place: what a play uses twice has its handlers once, but all that a
	// loop brought hear their topics.
	known map[string]bool
	// unusable are handlers that nothing can notify, until that was told.
	unusable []unusable
}

// unusable is a handler whose name cannot be evaluated.
type unusable struct {
	name string
	err  error
}

// collectHandlers lists the handlers of the play and evaluates their names. Of
// two lists that have one name the later wins, within a list the first.
func (pl *play) collectHandlers(s *vars.Scope) error {
	pl.names = handlerNames{byName: map[string]*playbook.Task{}, topics: map[string][]*playbook.Task{}, named: map[string]string{}, known: map[string]bool{}}
	return pl.addHandlers(s, pl.p.AllHandlers(), inclusionOf{})
}

// list is the list that a handler is written in: the play's or a role's.
func (x *handlerNames) list(t *playbook.Task) string {
	if r := t.Role(); r != nil {
		return r.ID
	}
	return ""
}

// inclusionOf is a role that a loop included, and the item's variables.
type inclusionOf struct {
	use  *playbook.RoleUse // nil: no loop did
	item string
}

func (pl *play) addHandlers(s *vars.Scope, items []playbook.Item, by inclusionOf) error {
	for _, it := range items {
		switch x := it.(type) {
		case *playbook.Block:
			if err := pl.addHandlers(s, x.Block, by); err != nil {
				return err
			}
		case *playbook.Task:
			if r := x.Role(); r != nil {
				key := r.Key + "\x00" + strings.TrimPrefix(x.ID, r.ID)
				if r == by.use && by.item != "" {
					key += "\x00" + by.item
					own := *x
					own.ID += "/" + by.item
					x = &own
				}
				if pl.names.known[key] {
					continue
				}
				pl.names.known[key] = true
			}
			pl.handlers = append(pl.handlers, x)
			if err := pl.nameHandler(s, x); err != nil {
				return err
			}
		}
	}
	return nil
}

func (pl *play) nameHandler(s *vars.Scope, t *playbook.Task) error {
	name := t.Keywords.Name.Str()
	if t.Keywords.Name.HasTemplate() {
		v, err := s.Eval(t.Keywords.Name)
		if err == nil && v.IsString() {
			name = v.Str()
			pl.names.named[t.ID] = name
		} else if len(t.Listen) == 0 { // then nothing can notify it
			pl.names.unusable = append(pl.names.unusable, unusable{name, err})
		}
	}
	if name != "" {
		names := []string{name}
		if r := t.Role(); r != nil && r.Role != nil {
			names = append(names, r.Role.Name+" : "+name, r.FullName()+" : "+name)
		}
		for _, n := range names {
			if old := pl.names.byName[n]; old == nil || pl.names.list(old) != pl.names.list(t) {
				pl.names.byName[n] = t
			}
		}
	}
	for _, n := range t.Listen { // as written: Ansible evaluates no templates in topics
		for _, topic := range listOfTexts(n.Value()) {
			pl.names.topics[topic] = append(pl.names.topics[topic], t)
		}
	}
	return nil
}

// tellUnusable warns, when somebody notifies a handler, of those whose names cannot be
// evaluated, once.
func (pl *play) tellUnusable() {
	for _, u := range pl.names.unusable {
		why := "it is no text"
		if d, ok := errors.AsType[*diag.Diagnostic](u.err); ok {
			why = d.Msg
		} else if u.err != nil {
			why = u.err.Error()
		}
		pl.notice("warn", fmt.Sprintf("Handler '%s' is unusable because it has no listen topics and the name could not be templated (host-specific variables are not supported in handler names). The error: %s", u.name, why))
	}
	pl.names.unusable = nil
}

// notify notes which handlers a changed task wants, by the names and topics that it
// notifies. It gives the names of those that were not notified before.
func (pl *play) notify(h *host, names []string) (titles []string) {
	note := func(t *playbook.Task) {
		if !h.notified[t.ID] {
			h.notified[t.ID] = true
			titles = append(titles, taskTitle(t))
		}
	}
	for _, name := range names {
		h.notified = h.notified.clone()
		if h.notified == nil {
			h.notified = notifications{}
		}
		if t, ok := pl.names.byName[name]; ok {
			note(t)
		}
		for _, t := range pl.names.topics[name] {
			note(t)
		}
	}
	return titles
}

// notifications evaluates what a task notifies: once, or for each of its items
// that was not passed over where the names depend on them. A name that nothing hears ends the run, as in
// Ansible: it is a mistake that no host made.
func (pl *play) notifications(h *host, t *playbook.Task) (names, warnings []string, err error) {
	scopes := []*vars.Scope{pl.scope(h, t)}
	if in := h.inst; in.looped && slices.ContainsFunc(t.Notifies(), (*yaml.Node).HasTemplate) {
		item := in.clone()
		scopes = nil
		for item.idx = range item.items {
			if r := in.results[item.idx]; r.Map().Has("skip_reason") { // by its condition
				continue
			}
			scopes = append(scopes, pl.scope(h, t).WithItem(pl.loopVars(item, t)))
		}
	}
	pl.tellUnusable()
	for _, s := range scopes {
		for _, n := range t.Notifies() {
			v, err := s.Eval(n)
			if err != nil {
				warnings = append(warnings, err.Error())
				continue
			}
			for _, name := range listOfNames(v) {
				if _, ok := pl.names.byName[name]; !ok && len(pl.names.topics[name]) == 0 {
					if pl.Settings.UnheardIsWarning {
						warnings = append(warnings, "The requested handler '"+name+"' was not found in either the main handlers list nor in the listening handlers list")
						continue
					}
					return nil, nil, diag.Errorf(n.PosAt(0), "handler", "The requested handler '%s' was not found in either the main handlers list nor in the listening handlers list", name).
						WithHint("handlers of an included file of tasks cannot be notified by name; those of roles can, once the role was reached")
				}
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names, warnings, nil
}

// listOfNames gives the elements of a list, or the one text.
func listOfNames(v value.Value) []string {
	if v.Kind() != value.KindList {
		return []string{v.Text()}
	}
	var names []string
	for _, it := range v.Items() {
		names = append(names, listOfNames(it)...)
	}
	return names
}

func (pl *play) isNotified(h *host, t *playbook.Task) bool { return h.notified[t.ID] }

// meta carries out a meta task.
func (pl *play) meta(h *host, t *playbook.Task) (*request, error) {
	action := metaAction(t)
	if action == "flush_handlers" && t.Handler { // which would begin with itself
		if pl.waiting() && !pl.Check {
			return &request{kind: reqFlushAll, host: h}, nil
		}
		return nil, diag.Errorf(t.ActionPos, "handler", "flush_handlers cannot be used as a handler")
	}
	if action == "flush_handlers" && t.Implicit {
		return pl.flushHandlers(h, t)
	}
	if metaAlways(action) {
		return pl.flushedMeta(h, t, action)
	}
	s := pl.scope(h, t)
	cond, err := pl.conditions(s, t.Whens())
	if err != nil {
		return pl.failedOrFlush(h, err)
	}
	if cond.IsUnknown() {
		if o := cond.Origin(); o.Pending && !pl.Check && pl.waiting() {
			return &request{kind: reqFlushAll, host: h}, nil
		}
		return pl.unknownTask(h, "may run: the condition depends on "+describe(cond.Origin()))
	}
	if !cond.Truthy() {
		pl.metaSkipped(h, t, action)
		pl.pastMeta(h, t)
		return done, nil
	}
	if action == "flush_handlers" {
		pl.tellMeta(h, t, metaDone(action, h.Name))
		return pl.flushHandlers(h, t)
	}
	return pl.flushedMeta(h, t, action)
}

// metaAlways tells whether a meta action is carried out whatever its condition says, as
// in Ansible, which warns of it.
func metaAlways(action string) bool {
	return action == "noop" || action == "refresh_inventory" || action == "reset_connection"
}

// flushedMeta carries out a meta action once nothing waits.
func (pl *play) flushedMeta(h *host, t *playbook.Task, action string) (*request, error) {
	if pl.waiting() && !pl.Check && action != "noop" {
		return &request{kind: reqFlushAll, host: h}, nil
	}
	return pl.doMeta(h, t, action)
}

// refreshInventory reads the inventory again; the hosts of the play at hand stay what
// they are, those of the next are chosen anew.
func (pl *play) refreshInventory() error {
	if err := pl.Inventory.Refresh(); err != nil {
		return err
	}
	for name, h := range pl.hosts {
		if in := pl.Inventory.Host(name); in != nil {
			h.Relist(in)
		}
	}
	pl.Vars.InventoryChanged()
	return nil
}

// metaOnce tells whether a meta task is carried out once for all hosts that are
// at it, on the word of the first: all but these.
func metaOnce(t *playbook.Task) bool {
	switch metaAction(t) {
	case "noop", "reset_connection", "end_host", "flush_handlers":
		return false
	}
	return true
}

func metaAction(t *playbook.Task) string {
	if action := t.Raw.Str(); action != "" {
		return action
	}
	return t.Args.Get("free_form").Str()
}

// pastMeta moves on from a meta task, with all hosts when it is done once.
func (pl *play) pastMeta(h *host, t *playbook.Task) {
	if metaOnce(t) && !pl.isFree {
		at := h.at.position()
		for _, other := range pl.batch {
			if other != h && !other.done() && other.at.position().compare(at) == 0 {
				other.advance()
			}
		}
	}
	h.advance()
}

// metaSkipped tells of a meta task whose condition is false; it is not counted.
func (pl *play) metaSkipped(h *host, t *playbook.Task, action string) {
	why := action + " conditional evaluated to False"
	switch action {
	case "end_host":
		why += ", continuing execution for " + h.Name
	case "flush_handlers":
		why += ", not running handlers for " + h.Name
	case "clear_facts":
		why += ", not clearing facts and fact cache for " + h.Name
	case "clear_host_errors":
		why += ", not clearing host error state for " + h.Name
	case "end_play":
		why += ", continuing play"
	case "end_batch":
		why += ", continuing current batch"
	}
	pl.tellMeta(h, t, why)
	o := &outcome{status: event.Skipped, result: value.M("msg", action, "skip_reason", why, "skipped", true)}
	if action == "end_host" {
		o.msg = "end_host conditional evaluated to false, continuing execution for " + h.Name
		o.result.Set("msg", value.String(o.msg))
	}
	pl.addEntry(h, pl.newEvent(h, t, event.Result, o), nil)
}

// tellMeta tells what a meta task did; it counts nothing.
func (pl *play) tellMeta(h *host, t *playbook.Task, what string) {
	e := pl.newEvent(h, t, event.Meta, &outcome{})
	e.Msg = what
	pl.addEntry(h, e, nil)
}

// metaDone is what a meta action says of itself, in Ansible's words.
func metaDone(action, host string) string {
	switch action {
	case "flush_handlers":
		return "triggered running handlers for " + host
	case "refresh_inventory":
		return "inventory successfully refreshed"
	case "clear_facts":
		return "facts cleared"
	case "clear_host_errors":
		return "cleared host errors"
	case "end_batch":
		return "ending batch"
	case "end_play":
		return "ending play"
	case "end_host":
		return "ending play for " + host
	case "reset_connection":
		return "reset connection"
	}
	return action
}

// endHost ends the play for a host. One that leaves the rescue part of a block of the play
// (or of a role) has failed, though nothing counts it, as in Ansible.
func (pl *play) endHost(h *host) {
	h.ended = true
	for i := range h.at {
		if f := &h.at[i]; f.include {
			return
		} else if f.block != nil {
			if f.sect == inRescue {
				h.failed, pl.leftRescue = true, true
			}
			return
		}
	}
}

func (pl *play) doMeta(h *host, t *playbook.Task, action string) (*request, error) {
	pl.tellMeta(h, t, metaDone(action, h.Name))
	if metaAlways(action) && len(t.Whens()) > 0 {
		pl.notice("warn", action+" task does not support when conditional")
	}
	switch action {
	case "noop":
	case "end_host":
		pl.endHost(h)
		return done, nil
	case "end_play", "end_batch":
		for _, x := range pl.batch {
			pl.endHost(x)
		}
		pl.endPlay = pl.endPlay || action == "end_play"
		return done, nil
	case "clear_facts":
		for _, x := range pl.named {
			pl.clearFacts(x)
		}
	case "clear_host_errors":
		pl.clearHostErrors()
	case "refresh_inventory":
		if err := pl.refreshInventory(); err != nil {
			return nil, err
		}
	case "reset_connection":
		if l := pl.lanes[h.Name]; l != nil && l.target != nil {
			l.drop()
		}
	default:
		return pl.failed(h, &module.Failure{Msg: "invalid meta action requested: " + action,
			Err: diag.Errorf(t.Pos, "meta", "there is no meta action %q", action)})
	}
	pl.pastMeta(h, t)
	return done, nil
}

// clearHostErrors takes the failures of all hosts back: who is in an always part
// because of one goes on behind it, who is out of the play is back in the next.
func (pl *play) clearHostErrors() {
	pl.release()     // what is counted is forgiven
	pl.ends.at = nil // and nothing ends because of it
	for _, x := range pl.named {
		failed := x.failed || x.unreachable
		if x.unreachable && !x.failed && len(x.at) > 0 && slices.Contains(pl.batch, x) {
			pl.tryAgain(x)
		} else if failed {
			x.failed, x.unreachable, x.ended = false, false, true
		}
		for i := range x.at {
			failed = failed || x.at[i].failed
			x.at[i].failed = false
		}
		if failed {
			s := pl.statsOf(x.Name)
			pl.forgiven[x.Name] = s.Failed + s.Unreachable
		}
	}
}

// tryAgain lets a host that became unreachable in this play go on behind the task at
// which it did.
func (pl *play) tryAgain(h *host) {
	if l := pl.lanes[h.Name]; l != nil && l.target != nil {
		l.drop()
	}
	h.unreachable = false
	h.advance()
}

// flushHandlers sends the host into the handlers it notified.
func (pl *play) flushHandlers(h *host, t *playbook.Task) (*request, error) {
	any := false
	for _, x := range pl.handlers {
		any = any || h.notified[x.ID]
	}
	if !any {
		h.notified = notifications{}
		h.advance()
		return done, nil
	}
	items := make([]playbook.Item, len(pl.handlers))
	for i, x := range pl.handlers {
		items[i] = x
	}
	h.inst = nil
	// When the list ends, the cursor moves past the flush itself.
	h.at = append(h.at, frame{items: items, handlers: true})
	h.settle()
	return done, nil
}

func globMatch(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}
