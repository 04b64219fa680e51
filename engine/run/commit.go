package run

import (
	"sort"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// taskTitle is the name under which a task is shown: its role and its name, or
// its module.
func taskTitle(t *playbook.Task) string {
	if t == nil {
		return ""
	}
	name := t.Keywords.Name.Str()
	if name == "" {
		name = t.Action
		if t.Include != nil && t.Include.Kind == playbook.IncludeRole {
			name += " : " + t.Include.Name.Str()
		}
	}
	return inRole(t, name)
}

// inRole puts the name of a task's role before its own; not so that of an include_role,
// as in Ansible.
func inRole(t *playbook.Task, name string) string {
	if t.Include != nil && t.Include.Kind == playbook.IncludeRole {
		return name
	}
	if r := t.Role(); r != nil && r.Role != nil {
		return r.FullName() + " : " + name
	}
	return name
}

// title is a task's name as this host sees it: templates in it are evaluated
// when the task begins, and left as they are where that is too early.
func (h *host) title(t *playbook.Task) string {
	if h.inst != nil && h.inst.title != "" {
		return h.inst.title
	}
	return taskTitle(t)
}

// titled evaluates the name of a task.
func (pl *play) titled(h *host, t *playbook.Task) string {
	n := t.Keywords.Name
	if !n.HasTemplate() {
		return ""
	}
	if name, ok := pl.names.named[t.ID]; ok { // a handler is called what it can be notified by
		return inRole(t, name)
	}
	v, err := pl.scope(h, t).Eval(n)
	if err != nil || v.IsUnknown() || v.DeepMarks()&value.Secret != 0 {
		return ""
	}
	return inRole(t, v.Text())
}

func quoteTask(t *playbook.Task) string { return "task '" + taskTitle(t) + "'" }

// taskNo numbers the tasks of a run in the order in which they are reached; all
// hosts at one place have one number.
func (pl *play) taskNo(h *host) int64 {
	var b strings.Builder
	for _, n := range h.at.position() {
		b.WriteString(strconv.Itoa(int(n)))
		b.WriteByte('.')
	}
	key := b.String()
	if n, ok := pl.taskNos[key]; ok {
		return n
	}
	pl.runner.taskNo++
	pl.taskNos[key] = pl.runner.taskNo
	return pl.runner.taskNo
}

// addEntry keeps the event of a result until it is certain and its turn comes.
func (pl *play) addEntry(h *host, e *event.Event, count func(*event.HostStats)) {
	en := entry{taskNo: e.TaskNo, events: []*event.Event{e}, count: count, waits: len(h.steps) > 0}
	en.pos = h.entryPos
	h.entries = append(h.entries, en)
}

// release tells what is certain, in the order of tasks: nothing of a task is
// told while a host may still have something to say about an earlier one.
func (pl *play) release() {
	if pl.isFree { // nobody waits for the others, and neither do their results
		pl.releaseOf(pl.batch, nil)
		return
	}
	pl.releaseOf(pl.batch, pl.lowWater())
}

// ready is an entry that can be told.
type ready struct {
	entry
	h *host
}

// releaseOf tells what is certain of some hosts, up to a place that all hosts
// have come to (nil: all of it).
func (pl *play) releaseOf(hosts []*host, low position) {
	var out []ready
	for _, h := range hosts {
		n := 0
		for n < len(h.entries) && !h.entries[n].waits && (low == nil || h.entries[n].pos.compare(low) <= 0) {
			out = append(out, ready{h.entries[n], h})
			n++
		}
		if n == 0 {
			continue
		}
		h.entries = append(h.entries[:0:0], h.entries[n:]...)
		for i := range h.steps {
			h.steps[i].entry -= n
			h.steps[i].snap.entries -= n
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].pos.compare(out[j].pos) < 0 })
	togetherIncluded(out)
	for _, r := range out {
		for _, e := range r.events {
			pl.tellTask(e)
			pl.emit(e)
		}
		if r.count != nil {
			r.count(pl.statsOf(r.h.Name))
		}
	}
}

// lowWater is the earliest place at which something may still be said; nil when
// every host is done and nothing waits.
func (pl *play) lowWater() position {
	var low position
	lower := func(p position) {
		if low == nil || p.compare(low) < 0 {
			low = p
		}
	}
	for _, h := range pl.batch {
		for _, e := range h.entries {
			if e.waits {
				lower(e.pos)
				break
			}
		}
		if len(h.steps) > 0 && h.steps[0].snap.at != nil {
			lower(h.steps[0].snap.at.position())
		}
		if !h.done() {
			lower(h.at.position())
		}
	}
	return low
}

// tellTask tells the heading of a task before its first result. Meta tasks that each host
// carries out for itself have one for each, as in Ansible.
func (pl *play) tellTask(e *event.Event) {
	own := ""
	if e.Module == "meta" && (e.Kind == event.Meta || e.Status == event.Skipped) {
		own = e.Host
	}
	if pl.told == e.TaskNo && (own == "" || own == pl.toldFor) {
		return
	}
	pl.told, pl.toldFor = e.TaskNo, own
	pl.emit(&event.Event{Kind: event.TaskStarted, Play: e.Play, PlayNo: e.PlayNo, Task: e.Task, TaskID: e.TaskID, TaskNo: e.TaskNo,
		Module: e.Module, Pos: e.Pos, Handler: e.Handler, Check: e.Check, Args: e.Args})
	e.Args = "" // the heading has them
}

// shownArgs are the arguments of a task as they are written, for its heading, where a
// setting asks for them and no_log does not forbid it.
func (pl *play) shownArgs(h *host, t *playbook.Task) string {
	if !pl.Settings.ShowArgs || pl.saysNoLog(h, t) {
		return ""
	}
	var args []string
	if t.Raw != nil {
		args = append(args, "_raw_params="+t.Raw.Str())
	}
	for _, p := range t.Args.Pairs {
		args = append(args, p.Key.Str()+"="+p.Value.Value().Text())
	}
	return strings.Join(args, ", ")
}

// inCheckMode tells what a scope's check_mode says, as far as that stands written.
func (r *runner) inCheckMode(s *playbook.Scope) bool {
	if n := s.Nearest(func(k *playbook.Keywords) *yaml.Node { return k.CheckMode }); n != nil {
		b, _ := boolean(n.Value())
		return b
	}
	return r.Check
}

// tellStart tells the heading of a task whose effect is about to be sent, once
// everything before it was told.
func (pl *play) tellStart(h *host) {
	t := h.task()
	if t == nil || h.inst == nil {
		return
	}
	pl.tellTask(&event.Event{Play: pl.title, PlayNo: pl.no, Task: h.title(t), TaskID: t.ID, TaskNo: h.inst.taskNo,
		Module: t.Module, Pos: t.Pos, Handler: t.Handler, Check: pl.inCheckMode(&t.Scope), Args: pl.shownArgs(h, t)})
}

// unreachable ends the task on a host that cannot be used.
func (pl *play) unreachable(h *host, r *request, err error) {
	t := h.task()
	if t == nil {
		h.unreachable = true
		return
	}
	if h.inst == nil {
		h.inst = pl.newInstance(h)
	}
	o := &outcome{status: event.Unreachable, msg: err.Error(), reason: diag.ClassOf(err).String()}
	o.explain(err)
	o.on.host = pl.delegation(h, t).host
	o.result = value.M("unreachable", true, "changed", false, "msg", o.msg)
	e := pl.newEvent(h, t, event.Result, o)
	e.Loop = false
	ignored, ferr := pl.flagOf(h, t, func(k *playbook.Keywords) *yaml.Node { return k.IgnoreUnreachable }, false)
	e.Ignored = ferr == nil && ignored
	if pl.debugs(h, t, event.Unreachable, e.Ignored) {
		redo, err := pl.debugged(h, t, o, e)
		if err != nil && pl.emitErr == nil {
			pl.emitErr = err
		}
		if redo {
			if r.lane != nil {
				r.lane.drop()
			}
			h.inst = nil
			return
		}
	}
	if e.Ignored {
		if r.lane != nil && r.lane.target != nil {
			_ = r.lane.target.Close()
			r.lane.target = nil
		}
		if name := t.Register.Str(); name != "" {
			h.Set.Set(name, value.FromMap(o.result))
		}
		pl.place(h)
		h.advance()
	} else {
		pl.place(h)
		h.unreachable = true
		if pl.mayEndAll(h, t) {
			pl.ends.trigger(h)
		}
	}
	pl.addEntry(h, e, pl.counter(e, o, value.Bool(false)))
}

// place notes where the host is, for the entries of the task it is at.
func (pl *play) place(h *host) { h.entryPos = h.at.position() }

// hasOnce tells whether run_once is said anywhere around a task, or its module is one
// that runs for the first host alone whatever is said.
func (pl *play) hasOnce(t *playbook.Task) bool {
	return t != nil && (onceForAll(t) || pl.saysOnce(t))
}

// onceForAll tells whether a module's work is that of the play, not of a host.
func onceForAll(t *playbook.Task) bool { return t.Module == "add_host" || t.Module == "pause" }

func (pl *play) saysOnce(t *playbook.Task) bool {
	return t.Nearest(func(k *playbook.Keywords) *yaml.Node { return k.RunOnce }) != nil
}

func (pl *play) isRunOnce(h *host, t *playbook.Task) (bool, error) {
	if t == nil || pl.isFree || !pl.hasOnce(t) { // free does not know run_once, in Ansible either
		return false, nil
	}
	return pl.flagOf(h, t, func(k *playbook.Keywords) *yaml.Node { return k.RunOnce }, onceForAll(t))
}

// shareOnce gives the result of a run_once task to the other hosts, and takes those
// that wait at it past it.
func (pl *play) shareOnce(h *host, t *playbook.Task, o *outcome, e *event.Event) {
	once, err := pl.isRunOnce(h, t)
	if err != nil || !once {
		return
	}
	at, fails := h.entryPos, e.Status == event.Failed && !e.Ignored
	for _, other := range pl.batch {
		if other == h || other.unreachable {
			continue
		}
		if name := t.Register.Str(); name != "" && pl.saysOnce(t) {
			v, _ := h.Set.Get(name)
			other.Set.Set(name, v)
		}
		pl.shareFacts(other, o)
		if other.done() || other.at.position().compare(at) != 0 {
			continue
		}
		if fails { // a failure is that of all of them
			other.unwind()
			other.settleAfterFailure()
			other.inst = nil
			continue
		}
		other.advance()
	}
}

func splitComma(s string) []string {
	var out []string
	for _, p := range strings.Split(s, ",") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}
