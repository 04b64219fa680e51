package jinja

import "github.com/fairlead-project/fairlead/engine/value"

// A cell is the present content of a list or dict that the template changed
// (l.append(x)). Values stay immutable: the cell stands beside the original,
// found by its identity, so that every alias of the list sees the change, as in
// Python, and nothing outside of the evaluation does.
type cell struct {
	items  []value.Value
	m      *value.Map
	shared bool // m was handed out: copy before the next change
}

func (r *run) cell(v value.Value) *cell {
	if len(r.cells) == 0 {
		return nil
	}
	if k := v.Kind(); k != value.KindList && k != value.KindMap {
		return nil
	}
	return r.cells[v.Identity()]
}

// cellFor makes the cell of a list or dict that is about to change.
func (r *run) cellFor(v value.Value) *cell {
	if c := r.cell(v); c != nil {
		if c.m != nil && c.shared {
			c.m, c.shared = c.m.Clone(), false
		}
		return c
	}
	c := &cell{}
	if v.Kind() == value.KindMap {
		c.m = v.Map().Clone()
	} else {
		items := v.WithoutMarks(v.Marks()).Items()
		c.items = append(make([]value.Value, 0, len(items)+4), items...)
	}
	if r.cells == nil {
		r.cells = map[any]*cell{}
	}
	r.cells[v.Identity()] = c
	return c
}

// now is v with its present content; its elements may still be stale.
func (r *run) now(v value.Value) value.Value {
	c := r.cell(v)
	if c == nil {
		return v
	}
	if c.m != nil {
		c.shared = true
		return value.FromMap(c.m).WithMarks(v.Marks())
	}
	return value.List(c.items[:len(c.items):len(c.items)]...).WithMarks(v.Marks())
}

func (f *frame) now(v value.Value) value.Value {
	if len(f.r.cells) == 0 {
		return v
	}
	return f.r.now(v)
}

// deep is v with its present content at every level.
func (f *frame) deep(v value.Value) value.Value {
	if len(f.r.cells) == 0 || !f.r.stale(v, 0) {
		return v
	}
	return f.r.refresh(v, 0)
}

const maxNesting = 200

func (r *run) stale(v value.Value, depth int) bool {
	if r.cell(v) != nil {
		return true
	}
	if depth > maxNesting {
		return false
	}
	switch v.Kind() {
	case value.KindList:
		for _, it := range v.WithoutMarks(v.Marks()).Items() {
			if r.stale(it, depth+1) {
				return true
			}
		}
	case value.KindMap:
		for _, e := range v.Map().All() {
			if r.stale(e, depth+1) {
				return true
			}
		}
	}
	return false
}

func (r *run) refresh(v value.Value, depth int) value.Value {
	v = r.now(v)
	if depth > maxNesting {
		return value.String("...") // a list that contains itself
	}
	switch v.Kind() {
	case value.KindList:
		old := v.WithoutMarks(v.Marks()).Items()
		items := make([]value.Value, len(old))
		for i, it := range old {
			items[i] = r.refresh(it, depth+1)
		}
		if v.IsTuple() {
			return value.Tuple(items...).WithMarks(v.Marks())
		}
		return value.List(items...).WithMarks(v.Marks())
	case value.KindMap:
		m := value.NewMap()
		for k, e := range v.Map().All() {
			m.SetKey(k, r.refresh(e, depth+1))
		}
		return value.FromMap(m).WithMarks(v.Marks())
	}
	return v
}
