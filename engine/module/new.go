package module

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// New makes a module from its spec and its plan. T is a struct whose fields
// carry the tag `arg:"name"`, a name declared in the spec. A field may be
//
//   - string, bool, an int or float type, value.Value, *value.Map, FileMode,
//     a slice of these, map[string]string, map[string]value.Value;
//   - a struct of the same kind, or a slice of it, for an argument with Options;
//   - a pointer to one of these or an Opt of it: nil, or not Given, when the
//     argument was not given and has no default.
//
// An embedded struct counts as if its fields stood in T. The tag "*" gives a
// *value.Map of all arguments as converted, those of AnyArgs included. The tag of an
// alias gives the argument when it was given by that name.
// A value.Value keeps its marks, and those of a secret argument are added.
//
// T and the spec must fit: see [Check].
func New[T any](spec Spec, plan func(a T, in Inputs, v state.View) (Change, error)) Module {
	return &typed[T]{spec: &spec, plan: plan}
}

type typed[T any] struct {
	spec *Spec
	plan func(a T, in Inputs, v state.View) (Change, error)
	once sync.Once // checks that they fit

	lookPaths sync.Once
	paths     [][]int // of the fields for files of the host
}

// Check panics when a module's spec contradicts itself, or the struct of its arguments
// does not fit it. A module checks itself when it is first used, not when it is made: a
// run uses a few of them, and to look at all takes longer than the rest of its start.
func Check(m Module) {
	if m, ok := m.(interface{ check() }); ok {
		m.check()
	}
}

func (m *typed[T]) check() {
	m.once.Do(func() {
		t := reflect.TypeFor[T]()
		if t.Kind() != reflect.Struct {
			panic(fmt.Sprintf("module %s: arguments are a %s, not a struct", m.spec.Name, t))
		}
		checkSpec(m.spec.Name, m.spec.Args)
		checkFields(m.spec.Name, m.spec.Args, t)
	})
}

func (m *typed[T]) Spec() *Spec { return m.spec }

func (m *typed[T]) Decode(args *value.Map, pos diag.Pos) (any, error) {
	m.check()
	var a T
	given := make([]Given, 0, args.Len())
	for k, v := range args.All() {
		given = append(given, Given{Name: k.Text(), Pos: pos, ValuePos: pos, Value: v})
	}
	d := &decoder{spec: m.spec, partial: m.spec.Traits.Unknown}
	got := d.decode(given, pos, true)
	if err := d.refusal(); err != nil {
		return nil, err
	}
	d.fill(reflect.ValueOf(&a).Elem(), m.spec.Args, got, pos)
	if err := d.refusal(); err != nil {
		return nil, err
	}
	return a, nil
}

func (m *typed[T]) Plan(args any, in Inputs, v state.View) (Change, error) {
	a, ok := args.(T)
	if !ok {
		return Change{}, fmt.Errorf("module %s: arguments are a %T", m.spec.Name, args)
	}
	if len(in.Env) > 0 {
		v = within{v, in.Env}
	}
	c, err := m.plan(a, in, v)
	if asked, ok := any(a).(flagged); ok && err == nil {
		c, err = withFlags(asked, c, v)
	}
	if given := m.relatives(args); given != nil {
		c, err = asGiven(given, c, v), failedAsGiven(given, err, v)
	}
	if len(in.Env) > 0 {
		c = inEnvironment(in.Env, c)
	}
	return c, err
}

// checkSpec panics on argument declarations that contradict themselves.
func checkSpec(name string, args []Arg) {
	seen := map[string]bool{}
	for i := range args {
		for _, n := range append([]string{args[i].Name}, args[i].Aliases...) {
			if seen[n] {
				panic(fmt.Sprintf("module %s: argument %s is declared twice", name, n))
			}
			seen[n] = true
		}
		if args[i].Required && args[i].Default != nil {
			panic(fmt.Sprintf("module %s: argument %s is required and has a default", name, args[i].Name))
		}
		checkSpec(name+"."+args[i].Name, args[i].Options)
	}
}

// checkFields panics when a field of t names no argument or cannot hold it.
func checkFields(name string, args []Arg, t reflect.Type) {
	for _, f := range structFields(t) {
		tag := f.Tag.Get("arg")
		if tag == "*" {
			if f.Type != reflect.TypeFor[*value.Map]() {
				panic(fmt.Sprintf("module %s: field %s must be a *value.Map", name, f.Name))
			}
			continue
		}
		a := findArg(args, tag)
		if a == nil {
			panic(fmt.Sprintf("module %s: field %s names no argument: %q", name, f.Name, tag))
		}
		if s := elemStruct(f.Type); s != nil {
			checkFields(name+"."+tag, a.Options, s)
		}
	}
}

// structFields are the tagged fields of t, embedded structs included; found once
// for each type.
func structFields(t reflect.Type) []reflect.StructField {
	if known, ok := fieldsOf.Load(t); ok {
		return known.([]reflect.StructField)
	}
	var fields []reflect.StructField
	for _, f := range reflect.VisibleFields(t) {
		if f.Tag.Get("arg") != "" && f.IsExported() {
			fields = append(fields, f)
		}
	}
	fieldsOf.Store(t, fields)
	return fields
}

var fieldsOf sync.Map // reflect.Type to []reflect.StructField

// elemStruct is the struct of suboptions behind pointers, slices and Opts.
func elemStruct(t reflect.Type) reflect.Type {
	switch {
	case t == reflect.TypeFor[value.Value](), t == reflect.TypeFor[*value.Map](), t == reflect.TypeFor[FileMode]():
		return nil
	case t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice:
		return elemStruct(t.Elem())
	case reflect.PointerTo(t).Implements(reflect.TypeFor[slotter]()):
		f, _ := t.FieldByName("v")
		return elemStruct(f.Type)
	case t.Kind() == reflect.Struct:
		return t
	}
	return nil
}
