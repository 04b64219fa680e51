package run

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// endTask ends a task on a host: registers, notifies, counts, and goes on.
func (pl *play) endTask(h *host, t *playbook.Task) (*request, error) {
	in := h.inst
	pl.tellItems(h)
	o := in.last
	if in.looped || o == nil {
		o = pl.loopOutcome(in, t)
	}
	failed := o.status == event.Failed
	ignored := false
	if failed && !in.unbrought { // what an include cannot bring is never ignored
		var err error
		if ignored, err = pl.flagOf(h, t, func(k *playbook.Keywords) *yaml.Node { return k.IgnoreErrors }, false); err != nil {
			ignored = false
		}
	}
	told := false
	if pl.debugs(h, t, o.status, ignored) {
		if len(h.steps) > 0 {
			return &request{kind: reqFlushHost, host: h}, nil
		}
		e := pl.newEvent(h, t, event.Result, o)
		e.Ignored, told = ignored, true
		if redo, err := pl.debugged(h, t, o, e); err != nil {
			return nil, err
		} else if redo {
			h.inst = nil
			return again, nil
		}
	}
	changed, _ := o.result.Get("changed")
	var handlers, warnings []string
	if changed.Truthy() && !failed && len(t.Notifies()) > 0 {
		var err error
		if handlers, warnings, err = pl.notifications(h, t); err != nil {
			if len(h.steps) > 0 && !pl.Check {
				return &request{kind: reqFlushHost, host: h}, nil // what changed is applied before the run ends
			}
			return nil, err
		}
	}
	if failed {
		h.unlearn()
	}
	h.register(t, o)
	h.roles.ran = h.roles.ran || o.status != event.Skipped
	e := pl.newEvent(h, t, event.Result, o)
	e.Handlers, e.Warnings = pl.notify(h, handlers), append(e.Warnings, warnings...)
	e.Ignored, e.Told = ignored, told
	if t.Handler {
		h.notified = h.notified.clone()
		delete(h.notified, t.ID)
	}
	ended := o.endHost
	if failed && !ignored {
		pl.takeOver(h, t, o, e)
	} else {
		h.advance()
	}
	if ended {
		h.ended = true
	}
	pl.addEntry(h, e, pl.counter(e, o, changed))
	pl.shareOnce(h, t, o, e)
	if h.flushSoon && len(h.steps) > 0 {
		h.flushSoon = false
		return &request{kind: reqFlushHost, host: h}, nil
	}
	return done, nil
}

// takeOver sends a host whose task failed to what rescues it. A handler is in no
// block: its failure counts although the block around the flush goes on, and so
// does that of an include whose file or role cannot be brought.
func (pl *play) takeOver(h *host, t *playbook.Task, o *outcome, e *event.Event) {
	handler := slices.ContainsFunc(h.at, func(f frame) bool { return f.handlers })
	counts := h.inst.unbrought || handler
	task, result := pl.taskValue(h, t), value.FromMap(o.result).MarkDeep(value.Unsafe)
	lost := h.at.lost()
	rescued := h.unwind()
	h.lost = h.lost || !rescued
	e.Rescued = rescued && !counts
	if e.Rescued {
		h.failedTask, h.failedResult = task, result
	} else if rescued {
		pl.forgiven[h.Name]++
	}
	if h.failed && !h.counted {
		h.counted = true
		pl.ends.counted(h)
	}
	// With force_handlers the failure of a handler is its host's only.
	if lost && !(handler && h.force) && pl.mayEndAll(h, t) {
		pl.ends.trigger(h)
	}
	h.settleAfterFailure()
	h.inst = nil
}

// settleAfterFailure moves into the first task of what takes over.
func (h *host) settleAfterFailure() {
	if len(h.at) > 0 {
		h.settle()
	}
}

// counter counts a result as Ansible's recap does.
func (pl *play) counter(e *event.Event, o *outcome, changed value.Value) func(*event.HostStats) {
	return func(s *event.HostStats) {
		switch e.Status {
		case event.Skipped:
			s.Skipped++
		case event.Unknown:
			s.Unknown++
			pl.unknown = true
		case event.Unreachable:
			if e.Ignored {
				s.Ignored++
				s.OK++
				return
			}
			s.Unreachable++
			pl.failures = append(pl.failures, failureLine(e))
		case event.Failed, event.InDoubt:
			switch {
			case e.Ignored:
				s.OK++
				s.Ignored++
				if changed.Truthy() {
					s.Changed++
				}
			case e.Rescued:
				s.Rescued++
			default:
				s.Failed++
				pl.failures = append(pl.failures, failureLine(e))
			}
		default:
			s.OK++
			if changed.Truthy() || e.Status == event.Changed {
				s.Changed++
				pl.changed = true
			}
		}
	}
}

func failureLine(e *event.Event) string {
	what := e.Msg
	if i := strings.IndexByte(what, '\n'); i > 0 {
		what = what[:i]
	}
	if e.NoLog {
		what = "the output has been hidden because no_log was set"
	}
	return fmt.Sprintf("%s: %s: [%s] %s", e.Pos, e.Host, e.Task, what)
}
