package run

import (
	"context"
	"sync"

	"github.com/fairlead-project/fairlead/engine/state"
)

// free is the strategy in which no host waits for another. The play's state is
// one, so hosts plan one at a time; they wait for their answers together. The
// changes of a task are applied before its host goes on to the next one.
type free struct {
	mu  sync.Mutex // held by whoever looks at or changes the play
	now *host      // the host that plans
	// settled wakes those that wait for what other hosts have not applied yet.
	settled *sync.Cond
}

// runFree takes every host through the play at its own pace, as many at once
// as there are forks: a host that began is taken to its end (host_pinned), and
// others begin when one is done.
func (pl *play) runFree(ctx context.Context) error {
	pl.free.settled = sync.NewCond(&pl.free.mu)
	g, gctx := newWorkers(ctx, pl.Forks)
	for _, h := range pl.batch {
		g.Go(func() error {
			pl.free.mu.Lock()
			defer pl.free.mu.Unlock()
			defer pl.free.settled.Broadcast()
			err := pl.freely(gctx, h)
			pl.release()
			return err
		})
	}
	stop := context.AfterFunc(gctx, func() {
		pl.free.mu.Lock()
		defer pl.free.mu.Unlock()
		pl.free.settled.Broadcast()
	})
	defer stop()
	err := g.Wait()
	if err != nil && ctx.Err() != nil {
		pl.abandon()
	}
	return err
}

// freely takes one host through the play. The play is locked, but for the time
// of input and output.
func (pl *play) freely(ctx context.Context, h *host) error {
	for !h.done() || len(h.steps) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		if pl.emitErr != nil {
			return pl.emitErr
		}
		pl.free.now = h
		if h.done() || len(h.steps) > 0 && h.inst == nil {
			if err := pl.flushFree(ctx, h); err != nil {
				return err
			}
			continue
		}
		if full, err := pl.full(h); err != nil {
			return err
		} else if full {
			pl.free.settled.Wait()
			continue
		}
		r, err := pl.stepSafely(h)
		if err != nil {
			return err
		}
		if err := pl.serveFree(ctx, h, r); err != nil {
			return err
		}
		pl.checkEnd()
		pl.release()
		pl.tellEnd()
	}
	return nil
}

// serveFree gives a host what it asks for.
func (pl *play) serveFree(ctx context.Context, h *host, r *request) error {
	switch r.kind {
	case reqFlushHost, reqFlushAll:
		if len(h.steps) > 0 {
			return pl.flushFree(ctx, h)
		}
		if r.kind == reqFlushAll && pl.othersWait(h) {
			pl.free.settled.Wait() // for what another host is about to apply
		}
	case reqWait:
		return pl.unlocked(func() error { return sleepUntil(ctx, r.until, pl.Now) })
	case reqGather, reqEffect:
		if err := pl.intend(ctx, pl.intentsOf([]*request{r})); err != nil {
			return err
		}
		if r.kind == reqEffect {
			pl.tellStart(h)
			if widest(r.ops) > state.ReachNone {
				r.lane.forget()
			}
		}
		if r.lane.name != h.Name { // another host's lane: nobody may plan on it meanwhile
			out, err := pl.doInTime(ctx, r, pl.batchOf(r))
			return pl.answered(ctx, r, nil, out, err)
		}
		pl.lookAhead(r)
		b := pl.batchOf(r)
		var out state.Outcome
		err := pl.unlocked(func() (err error) { out, err = pl.doInTime(ctx, r, b); return err })
		pl.free.now = h
		return pl.answered(ctx, r, nil, out, err)
	}
	return nil
}

// unlocked does something while other hosts plan.
func (pl *play) unlocked(do func() error) error {
	pl.free.mu.Unlock()
	defer func() {
		pl.free.mu.Lock()
		pl.free.settled.Broadcast()
	}()
	return do()
}

// flushFree applies what waits on one host.
func (pl *play) flushFree(ctx context.Context, h *host) error {
	l := pl.lanes[h.Name]
	if err := pl.intend(ctx, pl.intentsOfSteps(h)); err != nil {
		return err
	}
	b := pl.flushBatch(h, l)
	var out state.Outcome
	err := pl.unlocked(func() (err error) { out, err = pl.do(ctx, l, b); return err })
	pl.free.now = h
	err = pl.flushed(ctx, h, l, b, out, err)
	pl.release()
	return err
}

// full tells whether as many hosts are at the task that h is about to begin as
// it lets run at once.
func (pl *play) full(h *host) (bool, error) {
	if h.inst != nil {
		return false, nil
	}
	limit, err := pl.throttle(h)
	if err != nil || limit <= 0 {
		return false, err
	}
	n := 0
	for _, x := range pl.batch {
		if x != h && x.inst != nil && !x.done() && x.task() == h.task() {
			n++
		}
	}
	return n >= limit, nil
}

func (pl *play) othersWait(h *host) bool {
	for _, x := range pl.batch {
		if x != h && len(x.steps) > 0 {
			return true
		}
	}
	return false
}
