package run

import (
	"crypto/sha256"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
)

// async is what a task says about going on by itself: for how many seconds at
// most, and how often it is asked after (0: never). The zero value is a task
// that is waited for.
type async struct {
	limit, poll int
	dir         string
}

// defaultPoll is how many seconds are between two questions when poll is not given.
const defaultPoll = 15

// notAsync are modules that have no async, by Ansible's own list.
var notAsync = map[string]bool{
	"add_host": true, "assemble": true, "assert": true, "async_status": true, "copy": true, "debug": true, "fail": true, "fetch": true, "group_by": true,
	"include_vars": true, "pause": true, "raw": true, "script": true, "set_fact": true, "set_stats": true, "template": true, "unarchive": true,
	"validate_argument_spec": true, "wait_for_connection": true,
}

func asyncOf(s *vars.Scope, t *playbook.Task) (async, error) {
	a := async{poll: defaultPoll}
	limit, err := keyword(s, t.Async)
	if err != nil || limit == "" {
		return async{}, err
	}
	if a.limit, err = strconv.Atoi(limit); err != nil {
		return a, diag.Errorf(t.Async.Pos, "async", "async is %q, not a number of seconds", limit)
	}
	poll, err := keyword(s, t.Poll)
	if err != nil {
		return a, err
	}
	if poll != "" {
		if a.poll, err = strconv.Atoi(poll); err != nil {
			return a, diag.Errorf(t.Poll.Pos, "poll", "poll is %q, not a number of seconds", poll)
		}
	}
	return a, nil
}

// jobDir is the folder of job files: the variable ansible_async_dir, or
// ANSIBLE_ASYNC_DIR in the task's environment.
func (pl *play) jobDir(s *vars.Scope, env []string) (string, error) {
	for _, e := range env {
		if dir, ok := cutEnv(e, "ANSIBLE_ASYNC_DIR"); ok {
			return dir, nil
		}
	}
	dir, err := text(s, "ansible_async_dir")
	if dir == "" {
		dir = module.JobDir
	}
	return dir, err
}

func cutEnv(e, name string) (string, bool) {
	if len(e) > len(name) && e[:len(name)] == name && e[len(name)] == '=' {
		return e[len(name)+1:], true
	}
	return "", false
}

// refusesAsync says why a task cannot go on by itself; nil when it can.
func refusesAsync(ev *evaluated, check bool) error {
	switch {
	case ev.async.limit <= 0:
		return nil
	case notAsync[ev.mod.Spec().Name]:
		return module.Fail("async is not supported for this task.")
	case ev.check && !check:
		return module.Fail("check mode and async cannot be used on same task.")
	}
	return nil
}

// jobStage is how far a task with async is.
type jobStage uint8

const (
	jobStarts  jobStage = iota // the job is being started
	jobGoesOn                  // it is asked after once it is time
	jobIsAsked                 // it is being asked after
	jobStores                  // a result that is known is being stored as a job's
	jobCleans                  // its file is being removed
)

// job is a task that goes on by itself. It is not changed once made.
type job struct {
	module.Job
	stage jobStage
	op    state.Exec // to be sent at this stage
	left  int        // seconds until nobody waits any longer
	file  string
	o     *outcome // the result, where it is known
}

// background starts the command of a task as a job. Only commands go on by
// themselves; what other modules do is done before their result is stored as
// a job's.
func (pl *play) background(h *host, ev *evaluated, op state.Exec, c module.Change) (*request, error) {
	if pl.waiting() {
		return &request{kind: reqFlushAll, host: h}, nil
	}
	j := &job{Job: module.Job{ID: module.NewJobID(pl.jobSeed(h)), Dir: ev.async.dir}, left: ev.async.limit}
	if d := pl.jobEnded(h); d != nil { // all that is left to do is to remove its file
		j.stage, j.o = jobCleans, pl.outcomeFrom(h, d)
		j.o.restored = false
		return pl.jobRequest(h, ev, j, j.Erase())
	}
	cmd, _ := c.Result.Get("cmd")
	prepared, ok := pl.prepared([]state.Op{op}, ev)[0].(state.Exec)
	if !ok {
		return nil, fmt.Errorf("a command became something else")
	}
	limit := ev.async.limit
	if ev.async.poll > 0 {
		limit += ev.async.poll + 5 // who waits for it says first that its time is over
	}
	start, err := j.Start(prepared, cmd, limit)
	if err != nil {
		return pl.failed(h, asFailure(err))
	}
	return pl.jobRequest(h, ev, j, start)
}

// jobSeed is the randomness of a job's id: the same in every attempt of the run,
// so that a job that survived the end of one is taken up by the next.
func (pl *play) jobSeed(h *host) [32]byte {
	d := sha256.New()
	d.Write(pl.seed[:])
	d.Write([]byte(h.Name + "\x00" + pl.noteKey(h)))
	return [32]byte(d.Sum(nil))
}

// jobEnded is the result of the present item's job when an earlier attempt saw
// its end; it is told once, for until may start another.
func (pl *play) jobEnded(h *host) *doneItem {
	id := noteID{h.Name, pl.noteKey(h)}
	d := pl.memory.jobs[id]
	delete(pl.memory.jobs, id)
	return d
}

// asCommand is the one command that a task with async runs; ok is false for
// what cannot go on by itself.
func asCommand(ev *evaluated, c module.Change) (op state.Exec, ok bool) {
	name := ev.mod.Spec().Name
	if ev.async.limit <= 0 || len(c.Ops) != 1 || name != "command" && name != "shell" {
		return op, false
	}
	op, ok = c.Ops[0].(state.Exec)
	return op, ok
}

func (pl *play) jobRequest(h *host, ev *evaluated, j *job, op state.Exec) (*request, error) {
	j.op = op
	h.inst.job = j
	h.inst.effects = true
	return &request{kind: reqEffect, host: h, lane: ev.lane, as: ev.as, ops: []state.Op{op}}, nil
}

// jobStep goes on with a job after an answer, or when it is time to ask.
func (pl *play) jobStep(h *host, t *playbook.Task) (*request, error) {
	in, ev, j := h.inst, h.inst.evaled, h.inst.job
	if in.did == nil {
		next := *j
		if j.stage == jobGoesOn {
			next.stage, next.op = jobIsAsked, j.Ask()
		}
		return pl.jobRequest(h, ev, &next, next.op)
	}
	r := in.did[0]
	in.did = nil
	if !r.OK || j.stage == jobStarts && r.RC != 0 {
		in.job, ev.async.limit = nil, 0
		return pl.failed(h, opFailure(state.Exec{Shown: "start of a job"}, r))
	}
	next := *j
	s := j.Answer(r)
	switch j.stage {
	case jobCleans:
		pl.jobEndTold(h, t, j, j.o.status == event.Failed)
		return pl.jobEnds(h, t, j.o)
	case jobStores:
		return pl.jobEnds(h, t, jobLeft(j, s.File))
	case jobStarts:
		next.file = s.File
		if ev.async.poll <= 0 {
			return pl.jobEnds(h, t, jobLeft(j, s.File))
		}
		return pl.jobWaits(h, &next, ev)
	}
	if s.Finished {
		next.stage, next.o = jobCleans, jobDone(j, s)
		next.o.noLog = ev.noLog
		if pl.Ledger != nil { // it is known nowhere else once its file is gone
			pl.noteResult(noteJob, pendingNote{id: noteID{h.Name, pl.noteKey(h)}, o: next.o})
		}
		return pl.jobRequest(h, ev, &next, j.Erase())
	}
	limit := ev.async.limit
	if next.left -= ev.async.poll; next.left <= 0 {
		in.job, ev.async.limit = nil, 0
		pl.jobEndTold(h, t, j, true)
		return pl.failed(h, module.Fail(fmt.Sprintf("async task did not complete within the requested time - %ds", limit),
			"async_result", j.JobFields(s.File, false)))
	}
	pl.polled(h, t, fmt.Sprintf("ASYNC POLL on %s: jid=%s started=1 finished=0", h.Name, j.ID))
	return pl.jobWaits(h, &next, ev)
}

// polled tells what became of a job.
func (pl *play) polled(h *host, t *playbook.Task, msg string) {
	pl.tellHeading(h, pl.newEvent(h, t, event.Polled, &outcome{result: value.NewMap()}))
	pl.emit(&event.Event{Kind: event.Polled, Host: h.Name, Task: h.title(t), TaskID: t.ID, Msg: msg})
}

// jobEndTold tells how a job ended that somebody waited for.
func (pl *play) jobEndTold(h *host, t *playbook.Task, j *job, failed bool) {
	word := "OK"
	if failed {
		word = "FAILED"
	}
	id := j.ID
	if ev := h.inst.evaled; ev != nil && ev.noLog { // Ansible takes it from what is shown of the result
		id = "None"
	}
	pl.polled(h, t, fmt.Sprintf("ASYNC %s on %s: jid=%s", word, h.Name, id))
}

func (pl *play) jobWaits(h *host, j *job, ev *evaluated) (*request, error) {
	j.stage = jobGoesOn
	h.inst.job = j
	h.inst.wait = pl.Now().Add(module.JobTime(ev.async.poll))
	return &request{kind: reqWait, host: h, until: h.inst.wait}, nil
}

// jobEnds ends the item with a result.
func (pl *play) jobEnds(h *host, t *playbook.Task, o *outcome) (*request, error) {
	h.inst.job, h.inst.evaled.async = nil, async{}
	return pl.finishItem(h, t, o)
}

// jobLeft is the result of a task whose job is left to itself.
func jobLeft(j *job, file string) *outcome {
	m := j.JobFields(file, false)
	m.Set("changed", value.Bool(true))
	m.Set("failed", value.Int(0)) // a number, as Ansible's wrapper says it
	return &outcome{status: event.Changed, result: m, jobLeft: true, noLog: j.o != nil && j.o.noLog}
}

// jobDone is the result of a task whose job ended.
func jobDone(j *job, s module.JobState) *outcome {
	m := s.Result.Clone()
	for k, v := range j.JobFields(s.File, true).All() {
		m.SetKey(k, v)
	}
	if !m.Has("changed") {
		m.Set("changed", value.Bool(false))
	}
	o := &outcome{result: m}
	changed, _ := m.Get("changed")
	o.status = statusOf(changed.Truthy())
	if msg, ok := m.Get("msg"); ok {
		o.msg = msg.Text()
	}
	if failed, _ := m.Get("failed"); failed.Truthy() {
		o.status = event.Failed
	}
	return o
}

// jobDir is the folder of jobs, with the home where that is known.
func jobDir(ev *evaluated) string {
	rest, below := strings.CutPrefix(ev.async.dir, "~/")
	if ev.lane == nil || !below {
		return ev.async.dir
	}
	g := module.Gathering(ev.lane.view(ev.as))
	if login := g.Login(); g.Complete() {
		return path.Join(login.Home, rest)
	}
	return ev.async.dir
}

// asJob gives a result of a module that ran at once the form that its task
// asked for with async. A nil request means that the outcome is final.
func (pl *play) asJob(h *host, t *playbook.Task, o *outcome) (*request, error) {
	in := h.inst
	ev := in.evaled
	if ev == nil || ev.async.limit <= 0 || pl.Check || o.status == event.Skipped || o.status == event.Unreachable || in.job != nil {
		return nil, nil
	}
	if pl.waiting() { // its end is told, or stored, once it is there
		in.outcome = o
		return &request{kind: reqFlushAll, host: h}, nil
	}
	j := &job{Job: module.Job{ID: module.NewJobID(pl.moment(h).Seed), Dir: ev.async.dir}, stage: jobStores, o: o}
	if ev.async.poll > 0 {
		o.result = o.result.Clone()
		for k, v := range j.JobFields(jobDir(ev)+"/"+j.ID, true).All() {
			o.result.SetKey(k, v)
		}
		for _, k := range []string{"stdout", "stderr"} {
			if !o.result.Has(k) {
				o.result.Set(k, value.String(""))
				o.result.Set(k+"_lines", value.List())
			}
		}
		pl.jobEndTold(h, t, j, o.status == event.Failed)
		return nil, nil
	}
	op, err := j.Store(known(o.result))
	if err != nil {
		return nil, err
	}
	in.outcome = nil
	return pl.jobRequest(h, ev, j, op)
}
