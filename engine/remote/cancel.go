package remote

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/state"
)

// grace is what a process gets between TERM and KILL.
const grace = 2 * time.Second

// watch ends commands at their deadlines. Call the returned function when the
// frame is over.
func (s *shell) watch(ctx context.Context, ops []state.Op, rx *receiver) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var mu sync.Mutex
	var wg sync.WaitGroup
	timers := map[int]*time.Timer{}
	rx.onStart = func(i, pid int) {
		o, ok := ops[i].(state.Exec)
		if !ok || o.Deadline <= 0 {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		timers[i] = time.AfterFunc(o.Deadline, func() {
			mu.Lock()
			if ctx.Err() != nil {
				mu.Unlock()
				return
			}
			wg.Add(1)
			mu.Unlock()
			defer wg.Done()
			rx.expire(i)
			s.signal(ctx, pid, 0)
		})
	}
	rx.onEnd = func(i int) {
		mu.Lock()
		defer mu.Unlock()
		if t := timers[i]; t != nil {
			t.Stop()
		}
	}
	return func() {
		mu.Lock()
		cancel()
		for _, t := range timers {
			t.Stop()
		}
		mu.Unlock()
		wg.Wait()
	}
}

// expire notes that a command is being ended because its time is over.
func (r *receiver) expire(op int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if x := r.execs[op]; x != nil {
		x.expired = true
	}
}

// signal ends every process of a session: TERM, and KILL for what is left. It
// goes by a second shell of the same identity, because the first one waits for
// what is to be ended. loopPID, when set, is the kept shell, ended first so that
// nothing behind the command runs.
func (s *shell) signal(ctx context.Context, session, loopPID int) {
	if session <= 1 && loopPID <= 1 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	k, err := s.host.start(ctx, s.id)
	if err != nil {
		s.host.log.Warn("cannot end a command", "host", s.host.name(), "err", err)
		return
	}
	defer k.close()
	f := newFrame()
	f.text.WriteString(killScript())
	f.line("_kill", strconv.Itoa(loopPID), strconv.Itoa(session), fmt.Sprint(int(grace/time.Second)))
	k.seq++
	rx := newReceiver(k.nonce, k.seq, s.host.opts.Limits)
	if err := k.exchange(ctx, f, rx); err != nil {
		s.host.log.Warn("cannot end a command", "host", s.host.name(), "err", err)
	}
}

// endSession ends a kept shell that was given up, and the command it waits for.
func (s *shell) session(rx *receiver) (loopPID, session int) {
	if s.hello != nil {
		loopPID = s.hello.pid
	} else if rx != nil {
		rx.mu.Lock()
		if out := rx.sections[0]; len(out) > 0 && out[0].kind == "h" {
			loopPID, _ = out[0].num(0)
		}
		rx.mu.Unlock()
	}
	if rx != nil {
		rx.mu.Lock()
		for _, x := range rx.execs {
			if x.started && !x.outEnd {
				session = x.pid
			}
		}
		rx.mu.Unlock()
	}
	return loopPID, session
}

// endSession ends what a given-up shell runs. The context of the batch is over,
// so it has its own time.
func (h *Host) endSession(s *shell, rx *receiver) {
	loopPID, session := s.session(rx)
	if loopPID <= 1 || s.isDead() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	s.signal(ctx, session, loopPID)
}

// expiredResult is the result of a command that was ended at its deadline.
func expiredResult(o state.Exec, r state.OpResult) state.OpResult {
	r.OK = false
	r.Msg = fmt.Sprintf("the command did not end within %s and was ended", o.Deadline)
	r.Err = diag.New(diag.Timeout, diag.Pos{}, "command-deadline", "%s", r.Msg)
	return r
}
