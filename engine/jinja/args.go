package jinja

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// Kw is one keyword argument.
type Kw struct {
	Name  string
	Value value.Value
}

// Args are the arguments of a call: positional ones and keywords in order.
type Args struct {
	Pos []value.Value
	Kw  []Kw
}

// NewArgs makes positional arguments.
func NewArgs(pos ...value.Value) Args { return Args{Pos: pos} }

// With adds a keyword argument.
func (a Args) With(name string, v value.Value) Args {
	a.Kw = append(a.Kw[:len(a.Kw):len(a.Kw)], Kw{name, v})
	return a
}

// Get gives a keyword argument.
func (a Args) Get(name string) (value.Value, bool) {
	for _, k := range a.Kw {
		if k.Name == name {
			return k.Value, true
		}
	}
	return value.Null, false
}

// All calls f for every argument until it returns false.
func (a Args) All(f func(value.Value) bool) bool {
	for _, v := range a.Pos {
		if !f(v) {
			return false
		}
	}
	for _, k := range a.Kw {
		if !f(k.Value) {
			return false
		}
	}
	return true
}

// Rest is a without its first n positional arguments.
func (a Args) Rest(n int) Args {
	return Args{Pos: a.Pos[min(n, len(a.Pos)):], Kw: a.Kw}
}

// saying is an error in Ansible's own words.
type saying struct{ err error }

func (s *saying) Error() string { return s.err.Error() }
func (s *saying) Unwrap() error { return s.err }

// Says makes an error in Ansible's own words, which playbooks look for in
// messages: no name of a filter or lookup is put before it.
func Says(format string, args ...any) error { return &saying{fmt.Errorf(format, args...)} }

// IsSaying tells whether an error says it all itself.
func IsSaying(err error) bool { _, ok := errors.AsType[*saying](err); return ok }

// raised is an error that Python raises as an exception of its own (a division by
// zero), not as an error of types or values, which Ansible tells in words of its own.
type raised struct {
	class string // Python's
	err   error
}

func (r *raised) Error() string { return r.err.Error() }
func (r *raised) Unwrap() error { return r.err }

func raise(class, format string, args ...any) error {
	return &raised{class, fmt.Errorf(format, args...)}
}

// Raised is the class of err where it is an exception that Ansible does not expect
// in a template, and empty otherwise. Such an exception ends one item of a loop,
// where other errors end the loop.
func Raised(err error) string {
	if r, ok := errors.AsType[*raised](err); ok {
		return r.class
	}
	return ""
}

func refusal(format string, args ...any) error { return Says(format, args...) }

// Bound are arguments matched to parameters. The first mistake is kept in Err;
// getters after it return their defaults, so that Err is checked once.
type Bound struct {
	Err   error
	names []string
	vals  []value.Value
	has   []bool
}

// Bind matches the arguments to parameters in Python's way. A name that ends
// in ? is optional. Too many, unknown, repeated and missing arguments are errors.
func (a Args) Bind(params ...string) *Bound {
	b := &Bound{names: make([]string, len(params)), vals: make([]value.Value, len(params)), has: make([]bool, len(params))}
	for i, p := range params {
		b.names[i] = strings.TrimSuffix(p, "?")
	}
	if len(a.Pos) > len(params) {
		b.fail("takes at most %d arguments (%d given)", len(params), len(a.Pos))
		return b
	}
	for i, v := range a.Pos {
		b.vals[i], b.has[i] = v, true
	}
	for _, k := range a.Kw {
		i := b.index(k.Name)
		switch {
		case i < 0:
			b.fail("got an unexpected keyword argument '%s'", k.Name)
			return b
		case b.has[i]:
			b.fail("got multiple values for argument '%s'", k.Name)
			return b
		}
		b.vals[i], b.has[i] = k.Value, true
	}
	for i, p := range params {
		if !b.has[i] && !strings.HasSuffix(p, "?") {
			b.fail("missing required argument: '%s'", p)
			return b
		}
	}
	return b
}

func (b *Bound) fail(format string, args ...any) {
	if b.Err == nil {
		b.Err = fmt.Errorf(format, args...)
	}
}

func (b *Bound) index(name string) int {
	for i, n := range b.names {
		if n == name {
			return i
		}
	}
	return -1
}

// Has tells whether the argument was given.
func (b *Bound) Has(name string) bool {
	i := b.index(name)
	return i >= 0 && b.has[i]
}

// Value is the argument, or None.
func (b *Bound) Value(name string) value.Value {
	if i := b.index(name); i >= 0 && b.Err == nil {
		return b.vals[i]
	}
	return value.Null
}

// Or is the argument, or def when it was not given.
func (b *Bound) Or(name string, def value.Value) value.Value {
	if b.Has(name) {
		return b.Value(name)
	}
	return def
}

// Str is a string argument; None counts as not given.
func (b *Bound) Str(name, def string) string {
	v := b.Value(name)
	switch {
	case v.IsNull():
		return def
	case !v.IsString():
		b.fail("argument '%s' must be a string, not %s", name, v.TypeName())
		return def
	}
	return v.Str()
}

// Text is an argument converted to text as str() does; None counts as not given.
func (b *Bound) Text(name, def string) string {
	v := b.Value(name)
	if v.IsNull() {
		return def
	}
	return v.Text()
}

// Int is a whole number; None counts as not given.
func (b *Bound) Int(name string, def int) int {
	v := b.Value(name)
	if v.IsNull() {
		return def
	}
	i, ok := v.AsInt()
	if !ok || int64(int(i)) != i {
		b.fail("argument '%s' must be an integer, not %s", name, v.TypeName())
		return def
	}
	return int(i)
}

// Bool is the truth of an argument, or def when it was not given.
func (b *Bound) Bool(name string, def bool) bool {
	if !b.Has(name) {
		return def
	}
	return b.Value(name).Truthy()
}
