package run

import (
	"slices"

	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
)

// section is the part of a block a host is in.
type section int8

const (
	inBlock section = iota
	inRescue
	inAlways
)

// frame is one level of a host's place in a play: a list of items and the index
// of the present one. The lists of a block are one frame in three sections.
type frame struct {
	block *playbook.Block
	sect  section
	items []playbook.Item
	idx   int
	// ord tells lists apart that hosts entered at one place by includes of
	// different files; it orders them.
	ord int32
	// failed: the block failed and its always part is running.
	failed bool
	// handlers marks the list of handlers: a host runs those it notified.
	handlers bool
	// include marks an included list: when it ends, the include goes on with
	// its next item.
	include bool
	// id names the include and what it brought, the same in every attempt.
	id string
	// locals are the loop variables of the include.
	locals map[string]value.Value
}

// cursor is a host's place, outermost frame first. The item of the last frame
// is the task the host is at.
type cursor []frame

func (c cursor) clone() cursor { return slices.Clone(c) }

// position is a cursor as a number that can be compared: earlier in the play
// is smaller.
type position []int32

func (c cursor) position() position {
	p := make(position, 0, 3*len(c))
	for _, f := range c {
		p = append(p, f.ord, int32(f.sect), int32(f.idx))
	}
	return p
}

func (p position) compare(q position) int { return slices.Compare(p, q) }

// settle moves the cursor to the next task: into blocks, out of lists that
// ended.
func (h *host) settle() {
	for len(h.at) > 0 {
		f := &h.at[len(h.at)-1]
		if f.idx < len(f.items) {
			b, ok := f.items[f.idx].(*playbook.Block)
			if !ok {
				return
			}
			h.at = append(h.at, frame{block: b, items: b.Block})
			continue
		}
		h.leave()
		if h.inst != nil { // back at a looped include
			return
		}
	}
}

// resumeInclude goes back to the include whose list ended: to its next list,
// or past it.
func (h *host) resumeInclude() {
	in := h.parents[len(h.parents)-1]
	h.parents = h.parents[:len(h.parents)-1]
	if len(in.included) > 0 {
		h.inst = in
		return
	}
	h.at[len(h.at)-1].idx++
}

// leave ends the list of the last frame.
func (h *host) leave() {
	f := &h.at[len(h.at)-1]
	if f.block != nil && f.sect != inAlways && len(f.block.Always) > 0 {
		f.sect, f.items, f.idx = inAlways, f.block.Always, 0
		return
	}
	failed, include := f.failed, f.include
	h.at = h.at[:len(h.at)-1]
	if len(h.at) == 0 {
		return
	}
	if include && !failed {
		h.resumeInclude()
		return
	}
	h.at[len(h.at)-1].idx++
	if failed {
		h.unwind()
	}
}

// unwind takes the host, whose task failed, to the rescue or always part that
// takes over. It tells whether the failure is rescued; without one that is
// left the host is done with the play.
func (h *host) unwind() (rescued bool) {
	root, inHandlers := h.at[0], false
	for len(h.at) > 0 {
		f := &h.at[len(h.at)-1]
		if f.block != nil {
			if f.sect == inBlock && len(f.block.Rescue) > 0 {
				f.sect, f.items, f.idx = inRescue, f.block.Rescue, 0
				return true
			}
			if f.sect != inAlways && len(f.block.Always) > 0 {
				f.sect, f.items, f.idx, f.failed = inAlways, f.block.Always, 0, true
				return f.rescuedOutside(h)
			}
		}
		if f.include {
			h.parents = h.parents[:len(h.parents)-1]
		}
		inHandlers = inHandlers || f.handlers
		h.at = h.at[:len(h.at)-1]
	}
	if h.force && !h.forced && !inHandlers && len(h.notified) > 0 {
		// On to the flush of handlers behind this part of the play, and no further.
		for i, it := range root.items[root.idx:] {
			if t, ok := it.(*playbook.Task); ok && t.Implicit && t.Module == "meta" {
				root.idx += i
				break
			}
		}
		root.items = root.items[:root.idx+1]
		h.at, h.forced, h.parents = cursor{root}, true, nil
		return false
	}
	h.failed = true
	return false
}

// rescuedOutside tells whether a block around one whose always part runs now
// will rescue the failure.
func (f *frame) rescuedOutside(h *host) bool {
	for i := len(h.at) - 2; i >= 0; i-- {
		if o := h.at[i]; o.block != nil && o.sect == inBlock && len(o.block.Rescue) > 0 {
			return true
		}
	}
	return false
}

// task is the task the host is at; nil when it is done.
func (h *host) task() *playbook.Task {
	if len(h.at) == 0 {
		return nil
	}
	f := h.at[len(h.at)-1]
	t, _ := f.items[f.idx].(*playbook.Task)
	return t
}

// advance moves to the next task.
func (h *host) advance() {
	h.inst = nil
	if len(h.at) == 0 {
		return
	}
	h.at[len(h.at)-1].idx++
	h.settle()
	if len(h.at) == 0 && h.forced {
		h.failed = true
	}
}
