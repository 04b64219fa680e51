package remote

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/state"
)

// lockToken tells our locks from those of other processes. With the run's id
// it makes a lock ours: by another identity, or under another name of the host.
var lockToken = randomHex(8)

// heldError says that somebody else holds the host's lock.
type heldError struct {
	Holder
	born   string
	orphan bool // its connection is gone, its shell is not
}

func (e *heldError) Error() string {
	who := "run " + e.Run
	if e.Controller != "" {
		who += " of " + e.Controller
	}
	return "held by " + who
}

// wantsLock tells whether a batch must hold the host's lock; ahead: its contents
// are sent before it.
func (s *shell) wantsLock(b state.Batch, ahead bool) bool {
	if s.host.opts.Lock == nil || s.locked || s.host.within.Load() {
		return false
	}
	if ahead {
		return true
	}
	if b.Reads {
		return false
	}
	for _, op := range b.Ops {
		if op.Reach() != state.ReachNone {
			return true
		}
	}
	return false
}

// putLock adds the taking of the lock in front of everything else.
func (s *shell) putLock(f *frame, b state.Batch, ahead bool) {
	if !s.wantsLock(b, ahead) {
		return
	}
	l := s.host.opts.Lock
	f.needs |= partLock
	f.line("_lock", lockToken, lockWord(l.Run)+" "+lockWord(l.Controller))
	f.procs++
}

// lockWord makes a name one printable word.
func lockWord(s string) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f {
			return '_'
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	return s
}

// lockAnswer reads what became of the lock.
func (s *shell) lockAnswer(sec *section) error {
	if s.host.opts.Lock == nil || len(sec.args) == 0 {
		return protocolError("no lock was asked for")
	}
	switch sec.args[0] {
	case "ok":
		s.locked = true
		return nil
	case "ours": // by another shell of this run: another identity, or another name of the host
		return nil
	case "no":
		return diag.New(diag.Failed, diag.Pos{}, "lock", "the lock of %s cannot be taken: its file cannot be written", s.host.name())
	case "held":
		if len(sec.args) != 5 || len(sec.data) > maxHeader {
			break
		}
		pid, err := strconv.Atoi(sec.args[2])
		f := strings.Fields(cleanMessage(sec.data))
		if err != nil {
			break
		}
		e := &heldError{born: sec.args[3], orphan: sec.args[1] == "orphan", Holder: Holder{PID: pid}}
		if len(f) > 0 {
			e.Run = f[0]
		}
		if len(f) > 1 {
			e.Controller = f[1]
		}
		return e
	}
	return protocolError("the host's lock says %q", strings.Join(sec.args, " "))
}

// contest is what was done so far about a lock that somebody else holds.
type contest struct {
	since   time.Time
	tries   int
	evicted bool
}

// A run that has ended is not waited for: its shells are told to end, and may hold the
// lock for a moment longer on a host that has much to do. So that whoever comes next
// neither stumbles over it nor takes it for dead, a held lock is tried for so often, with a
// pause between.
const (
	leavingTries = 10
	leavingPause = 100 * time.Millisecond
)

// waitForLock does what can be done about a held lock: end a dead holder, or
// wait. It returns nil when it is worth trying again.
func (h *Host) waitForLock(ctx context.Context, id state.Identity, e *heldError, c *contest) error {
	l := h.opts.Lock
	if l.Within != nil && l.Within(e.Holder) {
		h.within.Store(true)
		return nil
	}
	dead := e.orphan || (l.Dead != nil && l.Dead(e.Holder))
	if dead && c.tries > 0 && !c.evicted {
		c.evicted = true
		h.log.Warn("taking over the lock of a dead run", "host", h.name(), "run_id", e.Run)
		return h.evict(ctx, id, e)
	}
	if c.tries == 0 {
		c.since = time.Now()
	}
	if c.tries++; c.tries <= leavingTries || time.Since(c.since) < l.Wait {
		pause := 500 * time.Millisecond
		if c.tries <= leavingTries {
			pause = leavingPause
		}
		select {
		case <-time.After(pause):
			return nil
		case <-ctx.Done():
			return cancelled(ctx.Err())
		}
	}
	return diag.New(diag.Conflict, diag.Pos{}, "locked", "%s is %s", h.name(), e.Error()).
		WithHint("wait until that run is over, or cancel it")
}

// evict ends the recorded session of a dead run.
func (h *Host) evict(ctx context.Context, id state.Identity, e *heldError) error {
	if e.PID <= 1 || strings.Trim(e.born, "0123456789") != "" {
		return nil
	}
	s, err := h.acquire(ctx, id)
	if err != nil {
		return err
	}
	defer s.release()
	f := newFrame()
	f.needs |= partLock
	f.text.WriteString(killScript())
	f.line("_evict", strconv.Itoa(e.PID), e.born, fmt.Sprint(int(grace/time.Second)))
	s.seq++
	return s.exchange(ctx, f, newReceiver(s.nonce, s.seq, h.opts.Limits))
}

func asHeld(err error) (*heldError, bool) {
	var e *heldError
	ok := errors.As(err, &e)
	return e, ok
}
