package vars

import "slices"

// Reads is what evaluations in a scope depended on: which variables, and whether
// anything of the host alone, of the moment or of the world outside. What depended
// on none of the latter is the same for every host of the same task that has no
// variable of its own in front of those read. It is not safe for concurrent use.
type Reads struct {
	own   bool
	names []read
}

// read is a variable, and which of a host's levels are above the place where it was
// found: one there would have been found in its stead.
type read struct {
	name  string
	above hostLevels
}

type hostLevels uint8

const (
	noLevels     hostLevels = iota // found in front of all of them
	memoryLevels                   // behind what tasks set and include_vars read
	allLevels                      // behind facts and the inventory, too; or not found at all
)

// Record lets the scope, and those made from it by With, note what they read. It is
// called before anything is evaluated.
func (s *Scope) Record() *Reads {
	s.reads = &Reads{own: s.eng.Merge || s.hostFiles || len(s.locals) > 0}
	return s.reads
}

// Aside makes a scope whose reading is not noted.
func (s *Scope) Aside() *Scope {
	c := *s
	c.reads, c.cache, c.busy = nil, nil, nil
	return &c
}

// Knows tells whether tasks, include_vars or facts say any of these variables.
func (h *Host) Knows(e *Engine, names []string) bool {
	for _, name := range names {
		for _, m := range [...]*Memory{h.Set, h.Included} {
			if _, ok := m.Get(name); ok {
				return true
			}
		}
		if _, _, ok := (factLayer{h.Facts, e.HideFacts}).find(name); ok {
			return true
		}
	}
	return false
}

// Whole tells whether the scope is what its task, its host and its play make it:
// no loop variable, no file of variables that is the host's own.
func (s *Scope) Whole() bool { return len(s.locals) == 0 && !s.hostFiles }

// Copy is what was read so far.
func (r *Reads) Copy() *Reads { return &Reads{own: r.own, names: slices.Clip(r.names)} }

// Own tells whether something was read that may be another on another host or at
// another time.
func (r *Reads) Own() bool { return r.own }

// HoldFor tells whether a host has nothing of its own in front of what was read. The
// task, the play and the inventory must be those that it was read in.
func (r *Reads) HoldFor(e *Engine, h *Host) bool {
	if r.own {
		return false
	}
	for _, x := range r.names {
		if x.above == noLevels {
			continue
		}
		if _, ok := h.Set.Get(x.name); ok {
			return false
		}
		if _, ok := h.Included.Get(x.name); ok {
			return false
		}
		if x.above == memoryLevels {
			continue
		}
		if _, _, ok := (factLayer{h.Facts, e.HideFacts}).find(x.name); ok {
			return false
		}
		for _, l := range e.inventoryLayers(h) {
			if _, ok := l.Vars.Get(x.name); ok {
				return false
			}
		}
	}
	return true
}

// readsOwn notes that something was read that holds for this host and moment only.
func (s *Scope) readsOwn() {
	if s.reads != nil {
		s.reads.own = true
	}
}

// readsMagic notes a magic variable: few are the same for every host of a task.
func (s *Scope) readsMagic(name string) {
	if s.reads == nil {
		return
	}
	switch name {
	case "omit", "groups", "ansible_search_path", "playbook_dir", "ansible_play_name", "role_path", "role_name", "ansible_role_name":
		return
	}
	if _, fixed := s.eng.Fixed[name]; !fixed {
		s.reads.own = true
	}
}

// readsLayer notes a variable that was found in a layer; len(s.layers): in none.
func (s *Scope) readsLayer(name string, at int) {
	r := s.reads
	if r == nil || r.own {
		return
	}
	above := allLevels
	switch {
	case at < s.memoryAt:
		above = noLevels
	case at < s.memoryEnd:
		r.own = true
		return
	case at < s.factsAt:
		above = memoryLevels
	case at < s.inventoryEnd:
		r.own = true
		return
	}
	for _, x := range r.names {
		if x.name == name {
			return
		}
	}
	r.names = append(r.names, read{name, above})
}
