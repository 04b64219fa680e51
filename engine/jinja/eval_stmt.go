package jinja

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/fairlead-project/fairlead/engine/value"
)

// loopSignal unwinds to the nearest loop: break or continue.
type loopSignal struct{ brk bool }

func (loopSignal) Error() string { return "break or continue outside of a loop" }

func (f *frame) exec(body []stmt, out *sink) error {
	for _, s := range body {
		if err := f.r.c.step(1); err != nil {
			return f.fail(s, err)
		}
		if err := s.exec(f, out); err != nil {
			return f.fail(s, err)
		}
	}
	return nil
}

func (s *textStmt) exec(_ *frame, out *sink) error { return out.text(s.text) }

func (s *outputStmt) exec(f *frame, out *sink) error {
	v, err := f.eval(s.x)
	if err != nil {
		return err
	}
	return f.fail2(s.x, out.write(f, v))
}

func (f *frame) fail2(n expr, err error) error {
	if err == nil {
		return nil
	}
	return f.fail(n, err)
}

// decide evaluates the condition of a statement; unknown unwinds.
func (f *frame) decide(x expr) (bool, error) {
	v, err := f.eval(x)
	if err != nil {
		return false, err
	}
	t, err := f.truth(v)
	return t, f.fail2(x, err)
}

func (s *ifStmt) exec(f *frame, out *sink) error {
	for i, t := range s.tests {
		ok, err := f.decide(t)
		if err != nil {
			return err
		}
		if ok {
			return f.exec(s.bodies[i], out)
		}
	}
	return f.exec(s.orelse, out)
}

func (s *setStmt) exec(f *frame, _ *sink) error {
	v, err := f.eval(s.x)
	if err != nil {
		return err
	}
	return f.assign(&s.target, v)
}

func (f *frame) assign(t *target, v value.Value) error {
	switch {
	case t.items != nil:
		if v.IsUnknown() {
			for i := range t.items {
				if err := f.assign(&t.items[i], v); err != nil {
					return err
				}
			}
			return nil
		}
		items, err := iterate(f.r.c, f.now(v))
		if err != nil {
			return f.fail(t, err)
		}
		if len(items) < len(t.items) {
			return f.fail(t, fmt.Errorf("not enough values to unpack (expected %d, got %d)", len(t.items), len(items)))
		}
		if len(items) > len(t.items) {
			return f.fail(t, fmt.Errorf("too many values to unpack (expected %d)", len(t.items)))
		}
		for i := range t.items {
			if err := f.assign(&t.items[i], items[i]); err != nil {
				return err
			}
		}
	case t.attr != "":
		ns, err := f.lookup(t.name)
		if err != nil {
			return f.fail(t, err)
		}
		n, ok := ns.Object().(*namespace)
		if !ok {
			return f.fail(t, errors.New("cannot assign attribute on non-namespace object"))
		}
		n.m.Set(t.attr, v)
	default:
		f.set(t.name, v)
	}
	return nil
}

func (s *setBlockStmt) exec(f *frame, _ *sink) error {
	v, err := f.child().capture(s.body)
	if err != nil {
		return err
	}
	if s.filter != nil {
		if v, err = f.applyChain(s.filter, v); err != nil {
			return err
		}
	}
	return f.assign(&s.target, v)
}

func (s *doStmt) exec(f *frame, _ *sink) error {
	_, err := f.eval(s.x)
	return err
}

func (s *withStmt) exec(f *frame, out *sink) error {
	g := f.child()
	for i := range s.targets {
		v, err := f.eval(s.values[i])
		if err != nil {
			return err
		}
		if err := g.assign(&s.targets[i], v); err != nil {
			return err
		}
	}
	return g.exec(s.body, out)
}

func (s *scopeStmt) exec(f *frame, out *sink) error { return f.child().exec(s.body, out) }

func (s *filterStmt) exec(f *frame, out *sink) error {
	v, err := f.child().capture(s.body)
	if err != nil {
		return err
	}
	if v, err = f.applyChain(s.filter, v); err != nil {
		return err
	}
	return out.write(f, v)
}

func (s *loopControl) exec(*frame, *sink) error { return loopSignal{s.brk} }

func (s *macroStmt) exec(f *frame, _ *sink) error {
	f.set(s.name, value.FromObject(&macro{s, f}))
	return nil
}

func (s *callStmt) exec(f *frame, out *sink) error {
	fn, err := f.eval(s.call.fn)
	if err != nil {
		return err
	}
	args, err := f.args(&s.call.args)
	if err != nil {
		return err
	}
	if err := f.r.c.enter(); err != nil {
		return err
	}
	defer f.r.c.leave()
	v, err := f.call(fn, args.With("caller", value.FromObject(&macro{s.m, f})))
	if err != nil {
		return err
	}
	return out.write(f, v)
}

// load parses another template; missing is fs.ErrNotExist.
func (f *frame) load(name string) (*Template, error) {
	env := f.r.env
	if env.Loader == nil {
		return nil, fmt.Errorf("template '%s': %w", name, fs.ErrNotExist)
	}
	src, pos, err := env.Loader(name)
	if err != nil {
		return nil, fmt.Errorf("template '%s': %w", name, err)
	}
	return env.Parse(src, pos, env.LoadOptions)
}

func (f *frame) templateName(x expr) (value.Value, error) {
	v, err := f.evalNow(x)
	if err != nil {
		return v, err
	}
	if v.IsUnknown() {
		return v, unknownSignal{v}
	}
	if v.IsUndefined() {
		return v, f.fail(x, undefinedError(v))
	}
	return v, nil
}

func (s *includeStmt) exec(f *frame, out *sink) error {
	v, err := f.templateName(s.name)
	if err != nil {
		return err
	}
	names := []value.Value{v}
	if v.Kind() == value.KindList {
		names = v.Items()
	}
	var t *Template
	err = fs.ErrNotExist
	for _, n := range names {
		if t, err = f.load(n.Text()); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if errors.Is(err, fs.ErrNotExist) && s.ignoreMissing {
		return nil
	}
	if err != nil {
		return err
	}
	g := &frame{parent: f, r: f.r, t: t}
	if !s.context {
		g.parent, g.isolated = nil, true
	}
	if err := f.r.c.enter(); err != nil {
		return err
	}
	defer f.r.c.leave()
	saved := f.r.blocks
	defer func() { f.r.blocks = saved }()
	f.r.blocks = nil
	return g.render(out)
}

func (s *importStmt) exec(f *frame, _ *sink) error {
	v, err := f.templateName(s.name)
	if err != nil {
		return err
	}
	t, err := f.load(v.Text())
	if err != nil {
		return err
	}
	g := &frame{r: f.r, t: t, isolated: true}
	if s.context {
		g.isolated, g.parent = false, f.snapshot()
	}
	if err := f.r.c.enter(); err != nil {
		return err
	}
	defer f.r.c.leave()
	out := &sink{c: f.r.c}
	if err := g.render(out); err != nil {
		return err
	}
	m := &module{g, out.result(asText)}
	if s.as != "" {
		f.set(s.as, value.FromObject(m))
		return nil
	}
	for _, n := range s.names {
		e, ok := m.Attr(n[0])
		if !ok {
			e = value.UndefinedOf(&value.Undef{Msg: fmt.Sprintf("the template '%s' does not export the requested name '%s'", v.Text(), n[0])})
		}
		f.set(n[1], e)
	}
	return nil
}

// module is what {% import %} gives: as a text it is what the template wrote.
type module struct {
	f    *frame
	text value.Value
}

func (m *module) TypeName() string { return "TemplateModule" }
func (m *module) Attr(name string) (value.Value, bool) {
	if len(name) > 0 && name[0] == '_' {
		return value.Null, false
	}
	return m.f.local(name)
}

func (s *extendsStmt) exec(f *frame, _ *sink) error {
	v, err := f.templateName(s.name)
	if err != nil {
		return err
	}
	t, err := f.load(v.Text())
	if err != nil {
		return err
	}
	return &extendsError{t}
}

// extendsError unwinds from the child template to its parent.
type extendsError struct{ t *Template }

func (*extendsError) Error() string { return "extends" }

// render runs a template's body in f, and its parents'.
func (f *frame) render(out *sink) error {
	for {
		if f.r.blocks == nil {
			f.r.blocks = map[string][]blockRef{}
		}
		for name, b := range f.t.blocks {
			f.r.blocks[name] = append(f.r.blocks[name], blockRef{f.t, b})
		}
		body := out
		if f.t.extends {
			body = &sink{c: f.r.c} // text outside of blocks is not written
		}
		err := f.exec(f.t.body, body)
		ext, ok := errors.AsType[*extendsError](err)
		if !ok {
			return err
		}
		if err := f.r.c.step(100); err != nil {
			return err
		}
		if err := f.r.c.enter(); err != nil {
			return err
		}
		defer f.r.c.leave()
		f.t = ext.t
	}
}

func (s *blockStmt) exec(f *frame, out *sink) error {
	if f.t.extends {
		return nil
	}
	return f.block(s.name, 0, out)
}

// block writes the definition number level of a block, the most derived first.
func (f *frame) block(name string, level int, out *sink) error {
	refs := f.r.blocks[name]
	if level >= len(refs) {
		return diagUndefined("there is no parent block called '" + name + "'.")
	}
	ref := refs[level]
	if ref.b.required {
		return fmt.Errorf("required block '%s' not found", name)
	}
	if err := f.r.c.enter(); err != nil {
		return err
	}
	defer f.r.c.leave()
	g := &frame{parent: f, r: f.r, t: ref.t}
	g.set("super", goFunc("super", func(c *Context, _ Args) (value.Value, error) {
		s := &sink{c: c}
		if err := g.block(name, level+1, s); err != nil {
			return value.Null, err
		}
		return s.result(f.r.reads), nil
	}))
	return g.exec(ref.b.body, out)
}

func diagUndefined(msg string) error {
	return undefinedError(value.UndefinedOf(&value.Undef{Msg: msg}))
}

// selfObj is the variable self: the template's blocks as functions.
type selfObj struct{ f *frame }

func (s *selfObj) TypeName() string { return "TemplateReference" }

// Attr implements value.Object.
func (s *selfObj) Attr(name string) (value.Value, bool) {
	if len(s.f.r.blocks[name]) == 0 {
		return value.Null, false
	}
	return goFunc(name, func(c *Context, _ Args) (value.Value, error) {
		out := &sink{c: c}
		if err := s.f.block(name, 0, out); err != nil {
			return value.Null, err
		}
		return out.result(s.f.r.reads), nil
	}), true
}
