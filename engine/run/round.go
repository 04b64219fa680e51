package run

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// request is what a host needs to go on with its task.
type request struct {
	kind  requestKind
	host  *host
	lane  *lane
	as    state.Identity
	ask   []state.Query
	ops   []state.Op
	until time.Time
}

type requestKind uint8

const (
	// reqNone: the task is finished on this host.
	reqNone requestKind = iota
	// reqAgain: step the host once more.
	reqAgain
	// reqGather: ask the host, then step again.
	reqGather
	// reqEffect: apply operations at once, then step again.
	reqEffect
	// reqFlushHost, reqFlushAll: apply what waits, then step again.
	reqFlushHost
	reqFlushAll
	// reqWait: step again at a time.
	reqWait
)

// round takes hosts that are at one task a bit further: each plans as far as it
// can, then what they need goes out to all of them at once.
func (pl *play) round(ctx context.Context, hosts []*host) error {
	hosts, err := pl.runOnce(hosts)
	if err != nil {
		return err
	}
	if hosts, err = pl.throttled(hosts); err != nil {
		return err
	}
	var reqs []*request
	flushAll := false
	pl.brings.begin()
	for _, h := range hosts {
		r, err := pl.stepSafely(h)
		for err == nil && r.kind == reqAgain {
			r, err = pl.stepSafely(h)
		}
		if err != nil {
			return err
		}
		switch r.kind {
		case reqNone:
		case reqFlushAll:
			flushAll = true
		default:
			reqs = append(reqs, r)
		}
	}
	pl.brings.end()
	if flushAll {
		return pl.flush(ctx, pl.batch)
	}
	return pl.serve(ctx, reqs)
}

// runOnce keeps only the host that runs a run_once task; the others take over
// its result when it is done.
func (pl *play) runOnce(hosts []*host) ([]*host, error) {
	t := hosts[0].task()
	if len(hosts) == 1 && !pl.hasOnce(t) {
		return hosts, nil
	}
	if t.Module == "meta" && metaOnce(t) {
		return hosts[:1], nil
	}
	once, err := pl.isRunOnce(hosts[0], t)
	if err != nil || !once {
		return hosts, err
	}
	return hosts[:1], nil
}

// throttled keeps as many hosts as the task lets run at once; the others stay
// at it until these are past.
func (pl *play) throttled(hosts []*host) ([]*host, error) {
	limit, err := pl.throttle(hosts[0])
	if err != nil || limit <= 0 || limit > len(hosts) {
		return hosts, err
	}
	return hosts[:limit], nil
}

// throttle is on how many hosts a task may run at once; 0 for any number.
func (pl *play) throttle(h *host) (int, error) {
	t := h.task()
	if t == nil {
		return 0, nil
	}
	get := func(k *playbook.Keywords) *yaml.Node { return k.Throttle }
	if t.Nearest(get) == nil {
		return 0, nil
	}
	s := pl.scope(h, t)
	n := nearest(s, &t.Scope, get)
	text, err := keyword(s, n)
	if err == nil && text == "" {
		return 0, nil
	}
	limit := 0
	if err == nil {
		limit, err = strconv.Atoi(text)
	} else {
		text = err.Error()
	}
	if err != nil {
		return 0, diag.Errorf(n.Pos, "throttle", "Failed to convert the throttle value to an integer.").WithHint("throttle is %q", text)
	}
	return limit, nil
}

// serve does the input and output of a round.
func (pl *play) serve(ctx context.Context, reqs []*request) error {
	if len(reqs) == 0 {
		return nil
	}
	var flush []*host
	var wait time.Time
	pl.release() // before the heading of an effect
	low := pl.lowWater()
	if err := pl.intend(ctx, pl.intentsOf(reqs)); err != nil {
		return err
	}
	g, gctx := newWorkers(ctx, pl.Forks)
	lanes := map[*lane]*sync.Mutex{}
	var mu sync.Mutex
	for _, r := range reqs {
		if r.lane != nil && r.lane.name != r.host.Name && lanes[r.lane] != nil {
			continue // one after the other: each must see what the one before it did
		}
		switch r.kind {
		case reqFlushHost:
			flush = append(flush, r.host)
			continue
		case reqWait:
			if wait.IsZero() || r.until.Before(wait) {
				wait = r.until
			}
			continue
		}
		mu.Lock() // hosts that were asked first may be answering already
		pl.prepare(r)
		mu.Unlock()
		if lanes[r.lane] == nil {
			lanes[r.lane] = &sync.Mutex{}
		}
		laneMu := lanes[r.lane]
		g.Go(func() error {
			laneMu.Lock()
			defer laneMu.Unlock()
			out, err := pl.doInTime(gctx, r, pl.batchOf(r))
			mu.Lock()
			defer mu.Unlock()
			return pl.answered(ctx, r, low, out, err)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if len(flush) > 0 {
		return pl.flush(ctx, flush)
	}
	if len(reqs) > 0 && !wait.IsZero() && onlyWaits(reqs) {
		return sleepUntil(ctx, wait, pl.Now)
	}
	return nil
}

// prepare adds to a request what can be asked in the same round trip, and tells
// of an effect that is about to be sent.
func (pl *play) prepare(r *request) {
	switch r.kind {
	case reqGather:
		pl.lookAhead(r)
	case reqEffect:
		pl.tellStart(r.host)
		if widest(r.ops) > state.ReachNone && !(pl.Check && r.lane.planned) {
			r.lane.forget()
			pl.lookAhead(r) // what comes next is asked behind the effect
		}
	}
}

func onlyWaits(reqs []*request) bool {
	for _, r := range reqs {
		if r.kind != reqWait {
			return false
		}
	}
	return true
}

func sleepUntil(ctx context.Context, t time.Time, now func() time.Time) error {
	timer := time.NewTimer(t.Sub(now()))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (pl *play) batchOf(r *request) state.Batch {
	b := state.Batch{As: r.as, Ask: r.ask}
	if r.kind == reqEffect {
		b.Ops, b.Reads = r.ops, saidToRead(r.host.task(), r.host.inst.evaled, r.ops)
		b.Live, b.Sent = pl.live(r.host), pl.sent(r.host)
	}
	return b
}

// sent tells how far large contents are.
func (pl *play) sent(h *host) func(op int, done, total int64) {
	return func(_ int, done, total int64) {
		const mib = 1 << 20
		pl.emit(&event.Event{Kind: event.Progress, Host: h.Name, Msg: fmt.Sprintf("sent %d of %d MiB", done/mib, total/mib)})
	}
}

// live passes a command's output on as it comes.
func (pl *play) live(h *host) func(int, bool, []byte) {
	t := h.task()
	if t == nil {
		return nil
	}
	e := event.Event{Kind: event.Output, Host: h.Name, Task: h.title(t), TaskID: t.ID, NoLog: h.inst != nil && h.inst.noLog}
	return func(_ int, stderr bool, chunk []byte) {
		x := e
		x.Stderr, x.Chunk = stderr, string(chunk)
		pl.emit(&x)
	}
}

// answered takes the outcome of a gather or an effect in; low is the place that
// all hosts have come to. It returns only errors that end the run.
func (pl *play) answered(ctx context.Context, r *request, low position, out state.Outcome, err error) error {
	h := r.host
	if err != nil {
		if isCancelled(ctx, err) {
			pl.effectInDoubt(r)
			return err
		}
		if errors.Is(err, errOverdue) {
			r.lane.forget()
			pl.finishFailed(h, overdue(h.task(), h.inst.evaled.timeout))
			return nil
		}
		pl.connectionFailed(h, r, err)
		return nil
	}
	view := r.lane.view(r.as)
	if r.kind == reqEffect {
		h.inst.did = out.Results
	}
	for _, a := range out.Answers {
		view.Learn(a)
	}
	if r.kind == reqEffect {
		// What this host can tell now need not wait for the others.
		q, serr := pl.stepSafely(h)
		if serr != nil {
			return serr
		}
		_ = q // whatever it needs is asked for in the next round
		if low != nil {
			pl.releaseOf([]*host{h}, low)
		}
	}
	return nil
}

// effectInDoubt notes that an effect was under way when the run was cancelled.
func (pl *play) effectInDoubt(r *request) {
	if r.kind != reqEffect {
		return
	}
	pl.doubt = true
	h, t := r.host, r.host.task()
	if in := h.inst; in.job == nil && in.change != nil && in.evaled != nil && unaskable(t, in.evaled, in.change.Once) {
		pl.inDoubt(h, t)
	}
	pl.emit(&event.Event{Kind: event.Result, Host: h.Name, Task: taskTitle(t), TaskID: t.ID, Module: t.Module, Pos: t.Pos,
		Status: event.InDoubt, Reason: diag.InDoubt.String(), Msg: "the run was stopped while this was being applied: whether it was done is not known"})
}

// stepSafely steps a host; a panic of a module fails the task on that host with
// its stack instead of ending the program.
func (pl *play) stepSafely(h *host) (r *request, err error) {
	defer func() {
		if p := recover(); p != nil {
			fail := module.Fail(fmt.Sprintf("internal error in module %s: %v", h.task().Module, p), "exception", string(debug.Stack()))
			r, err = pl.failed(h, fail)
		}
	}()
	return pl.step(h)
}

// flush applies what waits on the given hosts, all at once.
func (pl *play) flush(ctx context.Context, hosts []*host) error {
	var intents []event.Note
	for _, h := range hosts {
		intents = append(intents, pl.intentsOfSteps(h)...)
	}
	if err := pl.intend(ctx, intents); err != nil {
		return err
	}
	g, gctx := newWorkers(ctx, pl.Forks)
	var mu sync.Mutex
	for _, h := range hosts {
		if len(h.steps) == 0 {
			h.settleMemory()
			continue
		}
		l := pl.lanes[h.Name]
		b := pl.flushBatch(h, l)
		g.Go(func() error {
			out, err := pl.do(gctx, l, b)
			mu.Lock()
			defer mu.Unlock()
			return pl.flushed(ctx, h, l, b, out, err)
		})
	}
	err := g.Wait()
	pl.release()
	return err
}

func (pl *play) flushBatch(h *host, l *lane) state.Batch {
	v := l.view(l.as)
	return state.Batch{As: l.as, Ops: l.ops, Rely: v.Relied(), Ask: v.Touched(), Live: pl.live(h), Sent: pl.sent(h)}
}

// flushed takes the outcome of a flush in.
func (pl *play) flushed(ctx context.Context, h *host, l *lane, b state.Batch, out state.Outcome, err error) error {
	steps, ops := h.takeSteps(), l.ops
	l.ops = nil
	if err != nil {
		h.restore(steps[0].snap)
		l.forget()
		if isCancelled(ctx, err) {
			return err
		}
		pl.connectionFailed(h, &request{kind: reqEffect, host: h, lane: l, as: b.As}, err)
		return nil
	}
	if len(out.Changed) > 0 {
		return pl.planAgain(h, l, steps[0], out.Changed)
	}
	bad := failedOp(out.Results, len(ops))
	if bad < 0 {
		for _, p := range l.view(b.As).Confirm(out.Answers) {
			pl.notice("warn", fmt.Sprintf("%s: %s was written, and is not as it was to be: its mode, owner or size differs from what was planned", h.Name, p))
		}
		pl.confirmed(h, l, steps, out.Results)
		return nil
	}
	for _, a := range out.Answers { // for the results of what was done before it
		l.view(b.As).Learn(a)
	}
	pl.deviation(h, l, steps, ops, out.Results, bad)
	return nil
}

// failedOp is the index of the operation that did not end as predicted; -1
// when all did.
func failedOp(results []state.OpResult, n int) int {
	for i, r := range results {
		if !r.OK {
			return i
		}
	}
	if len(results) < n {
		return len(results)
	}
	return -1
}

// planAgain goes back to the first waiting step: the host changed between
// gathering and applying, nothing was done.
func (pl *play) planAgain(h *host, l *lane, first *step, changed []string) error {
	const patience = 5
	h.deviated++
	h.restore(first.snap)
	l.forget()
	if h.deviated > patience {
		h.deviated = 0
		_, err := pl.failed(h, module.Fail(fmt.Sprintf("something else keeps changing %s on this host while Fairlead plans; gave up after %d attempts", changed[0], patience)))
		return err
	}
	return nil
}

// confirmed commits steps whose operations all ended as predicted.
func (pl *play) confirmed(h *host, l *lane, steps []*step, results []state.OpResult) {
	h.deviated = 0
	for _, s := range steps {
		pl.confirmResult(h, l, s, results[s.from:min(s.to, len(results))])
		pl.noteDone(s.notes...)
	}
	for i := range h.entries {
		h.entries[i].waits = false
	}
	h.settleMemory()
}

// deviation commits what was done before the operation that failed, takes the
// host back to that task (or item) with its true result, and forgets the view.
func (pl *play) deviation(h *host, l *lane, steps []*step, ops []state.Op, results []state.OpResult, bad int) {
	for _, s := range steps {
		if s.to <= bad {
			pl.confirmResult(h, l, s, results[s.from:s.to])
			pl.noteDone(s.notes...)
			continue
		}
		h.restore(s.snap)
		l.forget()
		for i := range h.entries {
			h.entries[i].waits = false
		}
		h.settleMemory()
		var r state.OpResult
		if bad < len(results) {
			r = results[bad]
		} else {
			r = state.OpResult{Msg: "the operation was not carried out"}
		}
		if s.promised.failed != nil {
			if f := s.promised.failed(bad-s.from, r); f != nil {
				pl.finishFailed(h, f)
				return
			}
		}
		pl.finishFailed(h, opFailure(ops[bad], r))
		return
	}
}

// finishFailed ends the present task or item of a host with a failure that
// shows only now.
func (pl *play) finishFailed(h *host, f *module.Failure) {
	if _, err := pl.failed(h, f); err != nil && pl.emitErr == nil {
		pl.emitErr = err
	}
}

// connectionFailed ends the task: the host cannot be used, or (become) the
// identity cannot.
func (pl *play) connectionFailed(h *host, r *request, err error) {
	class := diag.ClassOf(err)
	if class.NoConnection() || class == diag.Timeout || class == diag.Internal && r.lane.target == nil {
		pl.unreachable(h, r, err)
		return
	}
	r.lane.forget()
	pl.finishFailed(h, &module.Failure{Msg: err.Error(), Err: err})
}

var _ playbook.Item = (*playbook.Task)(nil)
