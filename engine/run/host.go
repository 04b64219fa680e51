package run

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
)

// host is the state of one host in a run. Everything behind the first
// unconfirmed operation is a prediction: steps hold the snapshots to go back to.
type host struct {
	*vars.Host
	r *runner

	at   cursor
	inst *instance // of the task the host is at, once it began
	way  way

	failed, unreachable, ended bool
	// counted: the failure counts for max_fail_percentage and for whether anybody is left.
	counted bool
	// lost: a failure that nothing rescues takes the host out of the play, which still goes
	// through always parts and handlers; ansible_play_hosts leaves it out.
	lost bool
	// force: notified handlers run also after a failure; forced: they do now.
	force, forced bool
	roles         roleProgress
	// keptMark is how much of the facts is in the cache of facts.
	keptMark int

	notified notifications
	// entryPos is the place of the task whose results are being made; parents
	// are the looped includes the host is in.
	entryPos position
	parents  []*instance
	// steps are tasks or loop items whose operations wait, in order; entries
	// are results in order, of which those behind the first step wait too.
	steps   []*step
	entries []entry
	// failedTask and failedResult are what a rescue part sees.
	failedTask, failedResult value.Value
	// deviated counts how often the batch at hand had to be planned again.
	deviated int
	// flushSoon: what waits must be applied before the host goes on.
	flushSoon bool
}

func (h *host) done() bool {
	return h.failed || h.unreachable || h.ended || len(h.at) == 0
}

// lane is one target with what is known of it. Hosts use their own; delegated
// tasks that of the host they are delegated to.
type lane struct {
	name   string
	spec   HostSpec
	target Target
	views  map[state.Identity]*state.HostView
	ways   *[]*lane // all lanes to the host, this one too
	// as is the identity of the waiting operations, ops these operations.
	as  state.Identity
	ops []state.Op
	// assumed is the effect that a plan did not apply, "" for none; trusted is one of
	// which the author says that it changes nothing.
	assumed, trusted string
	// planned: a plan has operations that it did not apply.
	planned bool
	stats   laneStats
	busy    sync.Mutex // held while the target works
}

type laneStats struct{ batches, queries, ops int }

func (l *lane) view(as state.Identity) *state.HostView {
	v := l.views[as]
	if v == nil {
		v = state.NewHostView()
		if l.planned {
			if told := l.told(); told != nil {
				v.Adopt(told, state.Mark{})
				if u, coming := told.Coming(as.User); coming {
					v.BeginAs(u, told.Umask())
				}
			}
		}
		l.views[as] = v
	}
	v.Planned = l.planned
	return v
}

// told is a view that was told all that is planned on the host, nil for none: in a
// plan all views were.
func (l *lane) told() *state.HostView {
	for _, way := range *l.ways {
		for _, v := range way.views {
			return v
		}
	}
	return nil
}

// tellOthers tells the views of other identities and ways what was planned since a mark.
func (l *lane) tellOthers(v *state.HostView, since state.Mark) {
	for _, way := range *l.ways {
		for _, other := range way.views {
			if other != v {
				other.Adopt(v, since)
			}
		}
	}
}

// newLane adds a way to a host to those that there are.
func newLane(sp HostSpec, ways *[]*lane) *lane {
	l := &lane{name: sp.Name, spec: sp, ways: ways, views: map[state.Identity]*state.HostView{}}
	*ways = append(*ways, l)
	return l
}

// forget drops what is known of the host, under every identity and by every way.
func (l *lane) forget() {
	for _, way := range *l.ways {
		for _, v := range way.views {
			v.Forget()
		}
	}
}

// forgetOthers drops what other identities and ways know, because as changes
// something by this one.
func (l *lane) forgetOthers(as state.Identity) {
	for _, way := range *l.ways {
		for id, v := range way.views {
			if way != l || id != as {
				v.Forget()
			}
		}
	}
}

// roleProgress is which roles a host has been through: a role runs once, unless
// it allows duplicates or its parameters differ. One whose tasks were all skipped, or
// did not reach the host, does not count (Role._had_task_run of ansible-core 2.14).
type roleProgress struct {
	now  *playbook.RoleUse
	ran  bool // a task of now did
	done map[string]*playbook.RoleUse
}

func (r roleProgress) clone() roleProgress {
	r.done = maps.Clone(r.done)
	return r
}

// enter notes that the host is at a task of a role use (nil: of none), and tells
// whether that use repeats one that the host has been through.
func (r *roleProgress) enter(use *playbook.RoleUse, repeatable func(*playbook.RoleUse) bool) (repeated bool) {
	if r.now != nil && r.now != use {
		if r.done == nil {
			r.done = map[string]*playbook.RoleUse{}
		}
		if r.done[r.now.Key] == nil && r.ran {
			r.done[r.now.Key] = r.now
		}
		r.now, r.ran = nil, false
	}
	if use == nil {
		return false
	}
	if first := r.done[use.Key]; first != nil && first != use && !repeatable(use) {
		return true
	}
	r.now = use
	return false
}

// step is one task (or loop item) whose operations wait to be applied.
type step struct {
	snap     snapshot
	from, to int // its operations in lane.ops
	promised promised
	entry    int // index in host.entries of its result, -1 for none
	// maps are the results made from the prediction; what they could not know
	// is filled in when the operations were applied.
	maps []*value.Map
	// key names the item; notes are results to be noted when it is confirmed.
	key   string
	notes []pendingNote
}

// promised is what is still needed of a change while its operations wait.
type promised struct {
	result *value.Map
	then   func(state.View, []state.OpResult) (module.Change, error)
	failed func(int, state.OpResult) *module.Failure
	mark   string
}

func promisedBy(c module.Change) promised {
	return promised{result: c.Result, then: c.Then, failed: c.Failed, mark: c.Mark}
}

// addStep lets the operations of one more task wait.
func (h *host) addStep(s *step) {
	if len(h.steps) == 0 {
		h.r.waitingHosts++
	}
	h.steps = append(h.steps, s)
}

// takeSteps gives what waits and lets nothing wait any more.
func (h *host) takeSteps() []*step {
	steps := h.steps
	if len(steps) > 0 {
		h.r.waitingHosts--
	}
	h.steps = nil
	return steps
}

// snapshot is a host's state before a step.
type snapshot struct {
	at       cursor
	inst     *instance
	set      int
	facts    int
	included int
	notified notifications
	entries  int
	failed   bool
	counted  bool
	lost     bool
	forced   bool
	roles    roleProgress
	parents  []*instance
	task     value.Value
	result   value.Value
}

func (h *host) snapshot() snapshot {
	s := snapshot{at: h.at.clone(), set: h.Set.Mark(), facts: h.Facts.Mark(), included: h.Included.Mark(),
		notified: h.notified.clone(), entries: len(h.entries), failed: h.failed, counted: h.counted, lost: h.lost, forced: h.forced, roles: h.roles.clone(), parents: cloned(h.parents), task: h.failedTask, result: h.failedResult}
	if h.inst != nil {
		s.inst = h.inst.clone()
	}
	return s
}

// cloned copies instances, which go on to change.
func cloned(in []*instance) []*instance {
	out := make([]*instance, len(in))
	for i, x := range in {
		out[i] = x.clone()
	}
	return out
}

func (h *host) restore(s snapshot) {
	h.at, h.inst, h.failed, h.counted, h.lost, h.forced = s.at, s.inst, s.failed, s.counted, s.lost, s.forced
	h.Set.Rollback(s.set)
	h.Facts.Rollback(s.facts)
	h.Included.Rollback(s.included)
	h.notified, h.roles = s.notified, s.roles
	h.entries = h.entries[:s.entries]
	h.failedTask, h.failedResult = s.task, s.result
	h.ended, h.parents = false, s.parents
}

// settleMemory declares what the host set true, once nothing waits.
func (h *host) settleMemory() {
	h.Set.Confirm(h.Set.Mark())
	h.Facts.Confirm(h.Facts.Mark())
	h.Included.Confirm(h.Included.Mark())
	h.Pending = false
}

// entry is one result of a task or item, to be told when it is certain and
// its turn has come.
type entry struct {
	pos    position
	taskNo int64
	events []*event.Event
	count  func(*event.HostStats)
	// waits: an operation of a step before or at this entry is not applied.
	waits bool
}

// newInstance begins a task.
func (pl *play) newInstance(h *host) *instance {
	return &instance{taskNo: pl.taskNo(h), started: pl.Now(), setAt: h.Set.Mark(), factsAt: h.Facts.Mark(), includedAt: h.Included.Mark()}
}

// unlearn forgets the facts of a task that failed: those of the items that went well
// before it, too, as in Ansible.
func (h *host) unlearn() {
	in := h.inst
	h.Set.Rollback(in.setAt)
	h.Facts.Rollback(in.factsAt)
	h.Included.Rollback(in.includedAt)
}

// fillLater remembers a result of the step that waits last, if it was made from
// a prediction.
func (h *host) fillLater(m *value.Map) {
	if n := len(h.steps); n > 0 && value.FromMap(m).HasUnknown() {
		h.steps[n-1].maps = append(h.steps[n-1].maps, m)
	}
}

// fillAs remembers a copy of a result with the step that will tell what the
// result could not know.
func (h *host) fillAs(result, as *value.Map) {
	for i := range h.steps {
		if slices.Contains(h.steps[i].maps, result) {
			h.steps[i].maps = append(h.steps[i].maps, as)
			return
		}
	}
}

// notifications are the handlers and topics that a host notified.
type notifications map[string]bool

func (n notifications) clone() notifications { return maps.Clone(n) }

// instance is a task as it runs on one host: where it is in its loop and in
// the stages of a module.
type instance struct {
	taskNo  int64
	title   string // the name, where it has templates
	seedNo  int64
	started time.Time
	itemAt  time.Time // when the present item began
	begun   bool      // loop evaluated
	looped  bool
	control looping // of the loop
	items   []value.Value
	idx     int
	results []value.Value
	evaled  *evaluated
	// did are the results of operations that were applied.
	did []state.OpResult
	// change is the change whose operations (with the task's environment) are
	// applied at once, because they reach the whole host.
	change *module.Change
	ops    []state.Op
	// next is a module's next stage, whose operations are still to be sent.
	next *module.Change
	// outcome is a result to finish the item with.
	outcome *outcome
	// effects: operations that reach beyond paths were sent for this item.
	effects bool
	// job is the present item where it goes on by itself (async).
	job *job
	// last is the outcome of a task without loop.
	last    *outcome
	noLog   bool
	module  string // by its name, once it is known
	hushed  bool   // the result of an item so far must not be shown
	shown   bool   // the result is shown whole in any case
	attempt int
	paused  bool
	wait    time.Time     // not before
	rest    time.Duration // the pause before the present item, until it began
	replans int
	// included are the lists of an include that are still to be entered, entered
	// counts the others.
	included []inclusion
	told     []*event.Event // what the items of an include brought, until all were looked at
	entered  int
	// unbrought: an include names what cannot be loaded.
	unbrought bool
	// unrun: what the task says could not be evaluated, so its module did not run.
	unrun bool
	// raised: the arguments of the present item raised an exception that ends only it.
	raised bool
	// setAt, factsAt and includedAt mark what the host remembered when the task began.
	setAt, factsAt, includedAt int
}

func (i *instance) clone() *instance {
	c := *i
	c.results, c.included, c.told = slices.Clip(i.results), slices.Clip(i.included), slices.Clip(i.told) // only appended to: what is there is shared
	return &c
}

// nextItem forgets what belongs to the item that ended.
func (i *instance) nextItem() {
	i.idx++
	pause := i.control.pause
	i.evaled, i.did, i.ops, i.change, i.next, i.outcome = nil, nil, nil, nil, nil, nil
	i.itemAt = time.Time{}
	i.attempt, i.replans, i.wait, i.paused, i.effects, i.job = 0, 0, time.Time{}, false, false, nil
	if pause > 0 && i.idx < len(i.items) {
		i.rest = pause
	}
}
