package jinja

import (
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// Verbatim marks text made by a filter whose result Ansible never reads again
// as a literal (to_json and its kin). It is a mark of this package only.
const Verbatim value.Marks = 1 << 7

// transient marks stay with the value that has them.
const transient = Verbatim | value.Vaulted | value.Written

func marksOf(vs ...value.Value) value.Marks {
	var m value.Marks
	for _, v := range vs {
		m |= v.Marks()
	}
	return m &^ transient
}

func (f *frame) eval(x expr) (value.Value, error) {
	if err := f.r.c.step(1); err != nil {
		return value.Null, f.fail(x, err)
	}
	v, err := x.eval(f)
	if err != nil {
		return value.Null, f.fail(x, err)
	}
	return v, nil
}

// evalNow is eval with the present content of a changed list or dict.
func (f *frame) evalNow(x expr) (value.Value, error) {
	v, err := f.eval(x)
	return f.now(v), err
}

func (x *constExpr) eval(*frame) (value.Value, error)  { return x.v, nil }
func (x *nameExpr) eval(f *frame) (value.Value, error) { return f.lookup(x.name) }

func (x *attrExpr) eval(f *frame) (value.Value, error) {
	v, err := f.evalNow(x.x)
	if err != nil {
		return v, err
	}
	return f.r.c.getAttr(f.r, v, x.name)
}

func (x *itemExpr) eval(f *frame) (value.Value, error) {
	v, err := f.evalNow(x.x)
	if err != nil {
		return v, err
	}
	k, err := f.eval(x.key)
	if err != nil {
		return v, err
	}
	return f.r.c.getItem(f.r, v, k)
}

func (x *sliceExpr) eval(f *frame) (value.Value, error) {
	v, err := f.evalNow(x.x)
	if err != nil {
		return v, err
	}
	var parts [3]value.Value
	for i, p := range []expr{x.start, x.stop, x.step} {
		if p != nil {
			if parts[i], err = f.eval(p); err != nil {
				return v, err
			}
		}
	}
	return slice(f.r.c, v, parts[0], parts[1], parts[2])
}

func (x *listExpr) eval(f *frame) (value.Value, error) {
	items, err := f.evalAll(x.items)
	if err != nil {
		return value.Null, err
	}
	if x.tuple {
		return value.Tuple(items...), nil
	}
	return value.List(items...), nil
}

func (f *frame) evalAll(xs []expr) ([]value.Value, error) {
	items := make([]value.Value, len(xs))
	for i, e := range xs {
		var err error
		if items[i], err = f.eval(e); err != nil {
			return nil, err
		}
	}
	return items, nil
}

func (x *dictExpr) eval(f *frame) (value.Value, error) {
	m := value.NewMap()
	for i := range x.keys {
		k, err := f.eval(x.keys[i])
		if err != nil {
			return k, err
		}
		if k.IsUnknown() {
			return k, nil
		}
		if k.IsUndefined() {
			return k, f.fail(x.keys[i], undefinedError(k))
		}
		if !k.Hashable() {
			return k, f.fail(x.keys[i], fmt.Errorf("unhashable type: '%s'", k.TypeName()))
		}
		v, err := f.eval(x.vals[i])
		if err != nil {
			return v, err
		}
		m.SetKey(k, v)
	}
	return value.FromMap(m), nil
}

func (x *unaryExpr) eval(f *frame) (value.Value, error) {
	v, err := f.eval(x.x)
	if err != nil || v.IsUnknown() {
		return v, err
	}
	if v.IsUndefined() {
		return v, undefinedError(v)
	}
	if x.op == '!' {
		t, err := f.truth(v)
		return value.Bool(!t).WithMarks(marksOf(v)), err
	}
	return negate(v, x.op)
}

// truth is Python's truth of a defined, known value.
func (f *frame) truth(v value.Value) (bool, error) {
	v = f.now(v)
	switch v.Kind() {
	case value.KindUndefined:
		if v.IsSoft() {
			return false, nil
		}
		return false, undefinedError(v)
	case value.KindUnknown:
		return false, unknownSignal{v}
	case value.KindObject:
		if s, ok := v.Object().(Sequence); ok {
			items, err := s.Elements(f.r.c)
			return len(items) > 0, err
		}
		if d, ok := v.Object().(*duration); ok {
			return d.d != 0, nil
		}
	}
	return v.Truthy(), nil
}

func (x *binaryExpr) eval(f *frame) (value.Value, error) {
	a, err := f.evalNow(x.a)
	if err != nil {
		return a, err
	}
	b, err := f.evalNow(x.b)
	if err != nil {
		return b, err
	}
	if u, ok := anyUnknown(a, b); ok {
		return u, nil
	}
	if x.op == "%" && a.IsString() {
		b = f.deep(b)
	}
	v, err := arith(f.r.c, x.op, a, b)
	return v.WithMarks(marksOf(a, b)), err
}

// anyUnknown gives an unknown value with everybody's marks when one is unknown.
func anyUnknown(vs ...value.Value) (value.Value, bool) {
	for _, v := range vs {
		if v.IsUnknown() {
			return v.WithMarks(marksOf(vs...)), true
		}
	}
	return value.Null, false
}

func (x *concatExpr) eval(f *frame) (value.Value, error) {
	var b strings.Builder
	var marks value.Marks
	var unknown *value.Value
	for _, p := range x.parts {
		v, err := f.eval(p)
		if err != nil {
			return v, err
		}
		v = f.deep(v)
		marks |= v.DeepMarks() &^ transient
		if o, ok := v.FindUnknown(); ok {
			u := value.Unknown(o)
			unknown = &u
			continue
		}
		if err := definedDeep(v); err != nil {
			return v, f.fail(p, err)
		}
		b.WriteString(text(v))
		if b.Len() > f.r.c.Limits.Output {
			return v, limitError("a string longer than %d bytes", f.r.c.Limits.Output)
		}
	}
	if unknown != nil {
		return unknown.WithMarks(marks), nil
	}
	return value.String(b.String()).WithMarks(marks), nil
}

func (x *logicExpr) eval(f *frame) (value.Value, error) {
	a, err := f.eval(x.a)
	if err != nil {
		return a, err
	}
	if a.IsUnknown() {
		// The other side may decide alone; what it would raise must not count.
		b, err := f.eval(x.b)
		if err != nil || b.IsUnknown() || b.IsUndefined() {
			return a, nil
		}
		if t, err := f.truth(b); err == nil && t == x.or {
			return b, nil
		}
		return a, nil
	}
	t, err := f.truth(a)
	if err != nil {
		return a, f.fail(x.a, err)
	}
	if t == x.or {
		return a, nil
	}
	b, err := f.eval(x.b)
	return b, err
}

func (x *condExpr) eval(f *frame) (value.Value, error) {
	c, err := f.eval(x.test)
	if err != nil {
		return c, err
	}
	if c.IsUnknown() {
		return c, nil
	}
	t, err := f.truth(c)
	switch {
	case err != nil:
		return c, f.fail(x.test, err)
	case t:
		return f.eval(x.then)
	case x.orelse != nil:
		return f.eval(x.orelse)
	}
	return value.UndefinedOf(&value.Undef{Soft: true, Msg: "the inline if-expression evaluated to false and no else section was defined."}), nil
}

func (x *compareExpr) eval(f *frame) (value.Value, error) {
	a, err := f.eval(x.first)
	if err != nil {
		return a, err
	}
	marks := marksOf(a)
	var unknown *value.Value
	for i, o := range x.ops {
		b, err := f.eval(o.x)
		if err != nil {
			return b, err
		}
		marks |= marksOf(b)
		ok, u, err := f.compare(o.op, f.deep(a), f.deep(b))
		switch {
		case err != nil:
			return a, err
		case u != nil:
			unknown = u
		case !ok:
			return value.Bool(false).WithMarks(marks), nil
		}
		_ = i
		a = b
	}
	if unknown != nil {
		return unknown.WithMarks(marks), nil
	}
	return value.Bool(true).WithMarks(marks), nil
}

// compare is one comparison; u is set when its outcome is unknown.
func (f *frame) compare(op string, a, b value.Value) (ok bool, u *value.Value, err error) {
	if x, unknown := anyUnknown(a, b); unknown {
		return false, &x, nil
	}
	for _, v := range []value.Value{a, b} {
		if v.IsUndefined() && !v.IsSoft() {
			return false, nil, undefinedError(v)
		}
	}
	unknownIn := func(vs ...value.Value) *value.Value {
		for _, v := range vs {
			if o, has := v.FindUnknown(); has {
				x := value.Unknown(o)
				return &x
			}
		}
		return nil
	}
	switch op {
	case "in", "notin":
		in, err := contains(f.r.c, b, a)
		if err != nil {
			return false, nil, err
		}
		if !in {
			if u := unknownIn(b, a); u != nil && b.Kind() == value.KindList {
				return false, u, nil
			}
		}
		return in == (op == "in"), nil, nil
	}
	if u := unknownIn(a, b); u != nil {
		return false, u, nil
	}
	ok, err = ordered(op, a, b)
	return ok, nil, err
}
