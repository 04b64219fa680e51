package run

import (
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
)

// Most tasks say the same to every host: what they read are variables of the play,
// of a role, of the task. Such a task is evaluated for one host and holds for all
// that have no variable of their own in front of those read. It saves nothing else:
// what is planned from it is planned for each host.

// shared is a task without loop, evaluated.
type shared struct {
	reads *vars.Reads
	// generation and public are those of the inventory and of the play's roles.
	generation int64
	public     int
	// cond is the task's condition; where it is false, ev is empty.
	cond value.Value
	ev   evaluated
}

// mostOwn is on how many hosts a task may turn out to be the host's own before
// nobody looks any more.
const mostOwn = 3

// sharedTasks are the evaluated tasks of a play.
type sharedTasks struct {
	tasks map[*playbook.Task]*shared
	own   map[*playbook.Task]int
}

// plain tells whether nothing of the host's place in the play is seen by its task.
func (h *host) plain() bool {
	for i := range h.at {
		if h.at[i].locals != nil {
			return false
		}
	}
	return h.failedTask.IsNull()
}

// sharedOf gives a task as it was evaluated for another host, when it is the same
// for this one; nil when it is not known to be.
func (pl *play) sharedOf(h *host, t *playbook.Task) *shared {
	sh := pl.shared.tasks[t]
	if sh == nil || sh.generation != pl.Vars.Generation() || sh.public != len(pl.vars.Public) || !h.plain() || !sh.reads.HoldFor(pl.Vars, h.Host) {
		return nil
	}
	return sh
}

// record lets a scope note what a task reads that may turn out to be shared.
func (pl *play) record(h *host, t *playbook.Task, s *vars.Scope) *vars.Reads {
	if t.Loop != nil || t.Local || pl.shared.own[t] >= mostOwn || !h.plain() {
		return nil
	}
	return s.Record()
}

// share keeps an evaluated task for other hosts, if it holds for them too. ev is nil
// where the condition is false.
func (pl *play) share(t *playbook.Task, reads *vars.Reads, cond value.Value, ev *evaluated) {
	if reads == nil {
		return
	}
	if pl.shared.tasks == nil {
		pl.shared.tasks, pl.shared.own = map[*playbook.Task]*shared{}, map[*playbook.Task]int{}
	}
	if reads.Own() || ev != nil && (ev.delegate != "" || ev.async.limit > 0 || ev.mod.Spec().Name == "async_status") {
		pl.shared.own[t]++
		return
	}
	sh := &shared{reads: reads.Copy(), generation: pl.Vars.Generation(), public: len(pl.vars.Public), cond: cond}
	if ev != nil {
		sh.ev = *ev
		sh.ev.lane, sh.ev.target, sh.ev.scope, sh.ev.sources = nil, nil, nil, nil
	}
	pl.shared.tasks[t] = sh
}

// of gives a shared task to a host: what it is for all, with what is the host's.
func (pl *play) of(sh *shared, h *host, t *playbook.Task, s *vars.Scope) (*evaluated, error) {
	ev := sh.ev
	ev.scope = s
	ev.deadline = pl.Now().Add(ev.timeout)
	if err := pl.delegate(&ev, h, t, s); err != nil {
		return nil, err
	}
	return &ev, nil
}
