package jinja

import (
	"errors"
	"fmt"

	"github.com/fairlead-project/fairlead/engine/value"
)

// loopObj is the variable loop inside a for.
type loopObj struct {
	s     *forStmt
	f     *frame // where the for stands
	items []value.Value
	i     int
	depth int
	last  []value.Value // arguments of the previous changed()
	seen  bool
}

func (l *loopObj) TypeName() string { return "LoopContext" }

// Attr implements value.Object.
func (l *loopObj) Attr(name string) (value.Value, bool) {
	n := len(l.items)
	num := func(i int) (value.Value, bool) { return value.Int(int64(i)), true }
	switch name {
	case "index":
		return num(l.i + 1)
	case "index0":
		return num(l.i)
	case "revindex":
		return num(n - l.i)
	case "revindex0":
		return num(n - l.i - 1)
	case "first":
		return value.Bool(l.i == 0), true
	case "last":
		return value.Bool(l.i == n-1), true
	case "length":
		return num(n)
	case "depth":
		return num(l.depth + 1)
	case "depth0":
		return num(l.depth)
	case "previtem":
		if l.i == 0 {
			return value.UndefinedOf(&value.Undef{Msg: "there is no previous item"}), true
		}
		return l.items[l.i-1], true
	case "nextitem":
		if l.i+1 >= n {
			return value.UndefinedOf(&value.Undef{Msg: "there is no next item"}), true
		}
		return l.items[l.i+1], true
	case "cycle":
		return goFunc("cycle", func(_ *Context, a Args) (value.Value, error) {
			if len(a.Pos) == 0 {
				return value.Null, errors.New("no items for cycling given")
			}
			return a.Pos[l.i%len(a.Pos)], nil
		}), true
	case "changed":
		return goFunc("changed", func(_ *Context, a Args) (value.Value, error) {
			same := l.seen && equal(value.List(l.last...), value.List(a.Pos...))
			l.last, l.seen = a.Pos, true
			return value.Bool(!same), nil
		}), true
	}
	return value.Null, false
}

// Call is loop(children) of a recursive for.
func (l *loopObj) Call(c *Context, a Args) (value.Value, error) {
	if !l.s.recursive {
		return value.Null, errors.New("the loop must have the 'recursive' marker to be called recursively")
	}
	if len(a.Pos) != 1 {
		return value.Null, fmt.Errorf("loop() takes 1 argument (%d given)", len(a.Pos))
	}
	s := &sink{c: c}
	if err := l.s.loop(l.f, l.f.now(a.Pos[0]), l.depth+1, s); err != nil {
		return value.Null, err
	}
	return s.result(l.f.r.reads), nil
}

func (s *forStmt) exec(f *frame, out *sink) error {
	v, err := f.evalNow(s.iter)
	if err != nil {
		return err
	}
	return f.fail2(s.iter, s.loop(f, v, 0, out))
}

func (s *forStmt) loop(f *frame, v value.Value, depth int, out *sink) error {
	c := f.r.c
	items, err := iterate(c, v)
	if err != nil {
		return err
	}
	if s.test != nil {
		if items, err = s.filtered(f, items); err != nil {
			return err
		}
	}
	l := &loopObj{s: s, f: f, items: items, depth: depth}
	for i, it := range items {
		if err := c.step(1); err != nil {
			return err
		}
		g := f.child()
		l.i = i
		if s.usesLoop {
			g.set("loop", value.FromObject(l))
		}
		if err := g.assign(&s.target, it); err != nil {
			return err
		}
		err := g.exec(s.body, out)
		if sig, ok := err.(loopSignal); ok {
			if sig.brk {
				break
			}
			continue
		}
		if err != nil {
			return err
		}
	}
	if len(items) == 0 {
		return f.child().exec(s.orelse, out)
	}
	return nil
}

func (s *forStmt) filtered(f *frame, items []value.Value) ([]value.Value, error) {
	var kept []value.Value
	for _, it := range items {
		if err := f.r.c.step(1); err != nil {
			return nil, err
		}
		g := f.child()
		if err := g.assign(&s.target, it); err != nil {
			return nil, err
		}
		ok, err := g.decide(s.test)
		if err != nil {
			return nil, err
		}
		if ok {
			kept = append(kept, it)
		}
	}
	return kept, nil
}
