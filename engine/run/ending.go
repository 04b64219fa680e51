package run

import (
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// ending is how failures of some hosts end a play for all of the batch, by the rules of
// ansible-core 2.14's strategy linear: any_errors_fatal (and run_once, which implies it)
// breaks the play, but hosts that are in a rescue or always part, and with them all others,
// go on while not everybody counts as failed; max_fail_percentage stops all at once.
type ending struct {
	of int // hosts of the batch, those too that failed before it
	// at is the place of the failure that is still to be judged, once all hosts are past it;
	// fatal tells that it breaks the play.
	at    position
	fatal bool
	// broken: no other play follows; over: no host is left.
	broken, over bool
	banners      int // still to be told
}

// counted notes that one more host counts as failed.
func (e *ending) counted(h *host) {
	if e.at == nil || h.entryPos.compare(e.at) > 0 {
		e.at = h.entryPos
	}
}

// trigger notes a failure that breaks the play.
func (e *ending) trigger(h *host) {
	e.counted(h)
	e.fatal = true
}

// lost tells whether a failure at this place is the host's: not where a block around it
// has a rescue part, nor in a block whose own always part comes next (which ansible-core's
// _check_failed_state does not hold for a failure yet).
func (c cursor) lost() bool {
	own := true
	for i := len(c) - 1; i >= 0; i-- {
		f := c[i]
		if f.block != nil {
			if f.sect == inBlock && len(f.block.Rescue) > 0 || own && f.sect != inAlways && len(f.block.Always) > 0 {
				return false
			}
		}
		own = own && f.handlers
	}
	return true
}

// mends tells whether the host is in a rescue or always part, not in a block within it.
func (c cursor) mends() bool {
	return len(c) > 0 && c[len(c)-1].block != nil && c[len(c)-1].sect != inBlock
}

// mayEndAll tells whether a failure of the task breaks the play for everybody.
func (pl *play) mayEndAll(h *host, t *playbook.Task) bool {
	if once, err := pl.isRunOnce(h, t); err == nil && once {
		return true
	}
	fatal, err := pl.flagOf(h, t, func(k *playbook.Keywords) *yaml.Node { return k.AnyErrorsFatal }, pl.anyFatal)
	return err == nil && fatal
}

// checkEnd judges a failure when all hosts are past the task.
func (pl *play) checkEnd() {
	e := &pl.ends
	if e.at == nil || e.over || pl.isFree {
		return
	}
	for _, h := range pl.batch {
		if !h.done() && h.at.position().compare(e.at) <= 0 {
			return
		}
	}
	e.at = nil
	if e.fatal {
		e.fatal = false
		for _, h := range pl.batch {
			if !h.unreachable && (h.done() || !h.at.mends()) {
				h.counted, e.broken = true, true
			}
		}
	}
	failed, left := 0, 0
	for _, h := range pl.batch {
		if h.unreachable {
			continue
		}
		left++
		if h.counted {
			failed++
		}
	}
	if pl.maxFail >= 0 && float64(failed)/float64(e.of)*100 > pl.maxFail {
		e.broken, failed = true, left
		e.banners++
	}
	if e.broken && failed >= left {
		e.over = true
		e.banners++
		for _, h := range pl.batch {
			if !h.done() {
				h.ended, h.failed = true, true // out of the run, without a failure of its own
			}
		}
	}
}

// tellEnd tells, behind the results, that nobody is left: of max_fail_percentage twice, as
// ansible-core does, which tells it when the percentage is passed and when the play stops.
func (pl *play) tellEnd() {
	for ; pl.ends.banners > 0; pl.ends.banners-- {
		pl.emit(&event.Event{Kind: event.NoneLeft, Play: pl.title, PlayNo: pl.p.Index + 1})
	}
}
