package module

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Given is one argument as it stands in a task.
type Given struct {
	Name          string
	Pos, ValuePos diag.Pos
	// Value is the constant value; value.Unknown for what is not known before
	// the task runs (a template), which is not checked.
	Value value.Value
}

// arg is an argument on its way into a typed struct.
type arg struct {
	given   Given
	value   value.Value
	set     bool // given, or has a default
	assumed bool // it is the default
	place   int  // among those given
}

// decoder checks and converts arguments by a spec, collecting problems.
type decoder struct {
	spec     *Spec
	partial  bool // unknown values are let through
	early    bool // before the run: a misspelt name stands for the argument that is probably meant
	problems diag.List
	meant    map[string]bool // arguments that a misspelt name was probably meant to be
	unknown  []string        // names that there are not
}

func (d *decoder) problem(pos diag.Pos, code, format string, a ...any) *diag.Diagnostic {
	p := diag.Errorf(pos, code, format, a...)
	d.problems = append(d.problems, p)
	return p
}

// decode checks the arguments of the module as a whole. Unless whole is set,
// others may come from elsewhere, and nothing is said about missing ones.
func (d *decoder) decode(given []Given, at diag.Pos, whole bool) map[string]arg {
	s := d.spec
	got := d.collect(given, s.Args, at, "")
	d.rules(rules{s.MutuallyExclusive, s.RequiredTogether, s.RequiredOneOf, s.RequiredIf, s.RequiredBy}, got, at, whole)
	if whole {
		d.required(s.Args, got, at, "")
	}
	return got
}

// collect resolves names and aliases, converts values and fills in defaults.
func (d *decoder) collect(given []Given, args []Arg, at diag.Pos, in string) map[string]arg {
	got := make(map[string]arg, len(args))
	for i, g := range given {
		a := findArg(args, g.Name)
		if a == nil {
			if in == "" && d.spec.AnyArgs {
				got[g.Name] = arg{given: g, value: g.Value, set: true, place: i}
				continue
			}
			d.unsupported(g, args, in)
			continue
		}
		if old, twice := got[a.Name]; twice && slices.Index(a.Aliases, old.given.Name) > slices.Index(a.Aliases, g.Name) {
			continue // the last alias of the specification wins, and the name itself is the first
		}
		v := d.typed(*a, g, in)
		got[a.Name] = arg{given: g, value: v, set: true}
	}
	for i := range args {
		a := &args[i]
		if _, ok := got[a.Name]; !ok && a.Default != nil {
			got[a.Name] = arg{given: Given{Name: a.Name, Pos: at, ValuePos: at}, value: value.FromGo(a.Default), set: true, assumed: true}
		}
	}
	return got
}

// GivenTwice are Ansible's warnings about arguments that are given by their name and by
// an alias, or by two aliases. The last alias of the specification wins.
func (s *Spec) GivenTwice(args *value.Map) []string {
	if args.Len() < 2 {
		return nil
	}
	var said []string
	for i := range s.Args {
		a := &s.Args[i]
		given := len(a.Aliases) > 0 && args.Has(a.Name)
		for _, alias := range a.Aliases {
			if !args.Has(alias) {
				continue
			}
			if given {
				said = append(said, fmt.Sprintf("Both option %s and its alias %s are set.", a.Name, alias))
			}
			given = true
		}
	}
	return said
}

func (d *decoder) unsupported(g Given, args []Arg, in string) {
	var names []string
	for i := range args {
		if strings.HasPrefix(args[i].Name, "_") {
			continue
		}
		names = append(append(names, args[i].Name), args[i].Aliases...)
	}
	what := "Unsupported parameters for (" + d.spec.Name + ") module"
	if d.spec.Controls {
		what = "Invalid options for " + d.spec.Name
	}
	p := d.problem(g.Pos, "unknown-argument", "%s: %s%s", what, prefix(in), g.Name)
	d.unknown = append(d.unknown, prefix(in)+g.Name)
	if near := nearest(g.Name, names, 1); len(near) > 0 {
		p.Hint = fmt.Sprintf("did you mean %q?", near[0])
		if d.early {
			d.meant[prefix(in)+findArg(args, near[0]).Name] = true
		}
		return
	}
	if !d.spec.Controls {
		p.Msg += ". " + supported(args)
	}
}

// supported lists the arguments that there are, in Ansible's words.
func supported(args []Arg) string {
	var names, aliases []string
	for i := range args {
		if strings.HasPrefix(args[i].Name, "_") {
			continue
		}
		names = append(names, args[i].Name)
		aliases = append(aliases, args[i].Aliases...)
	}
	sort.Strings(names)
	sort.Strings(aliases)
	text := "Supported parameters include: " + strings.Join(names, ", ")
	if len(aliases) > 0 {
		text += " (" + strings.Join(aliases, ", ") + ")"
	}
	return text + "."
}

func prefix(in string) string {
	if in == "" {
		return ""
	}
	return in + "."
}

// typed converts one given value and checks its choices and suboptions.
func (d *decoder) typed(a Arg, g Given, in string) value.Value {
	return d.converted(a, g, in, "argument '"+prefix(in)+a.Name+"'")
}

// converted is typed for a value that is called what if it is of a wrong type.
func (d *decoder) converted(a Arg, g Given, in, what string) value.Value {
	v := g.Value
	if a.Secret {
		v = v.WithMarks(value.Secret)
	}
	if v.IsUnknown() || (v.IsNull() && !a.Required && a.Default == nil) {
		return v
	}
	if v.IsUndefined() {
		d.problem(g.ValuePos, "undefined-variable", "%s", v.Undef().Message())
		return v
	}
	out, err := convert(v, a.Type)
	if err != nil {
		t := a.Type
		if t == "" {
			t = Str
		}
		p := d.problem(g.ValuePos, "bad-argument", "%s is of type %s and we were unable to convert to %s: %s",
			what, pyType(v), t, err)
		p.Hint = typeHint(t)
		return v
	}
	if a.Type == List {
		out = d.elements(a, g, out, in)
	} else if a.Type == Dict && a.Options != nil {
		out = d.suboptions(a, g, out, prefix(in)+a.Name)
	}
	return d.choices(a, g, out, in)
}

func typeHint(t Type) string {
	switch t {
	case Bool:
		return "write true or false"
	case Int:
		return "write a whole number"
	case Mode:
		return `write the mode as text, such as "0644"`
	case Bytes:
		return "write a size such as 512M"
	}
	return ""
}

func (d *decoder) elements(a Arg, g Given, v value.Value, in string) value.Value {
	items := slices.Clone(v.Items())
	what := "Elements value for option '" + a.Name + "'"
	if in != "" {
		what += " found in '" + in + "'"
	}
	for i, it := range items {
		e := Arg{Name: a.Name, Type: a.Elem, Options: a.Options, Required: true, Secret: a.Secret}
		if a.Elem == "" {
			e.Type = Raw
		}
		items[i] = d.converted(e, Given{Name: g.Name, Pos: g.Pos, ValuePos: g.ValuePos, Value: it}, in, what)
	}
	return value.List(items...).WithMarks(v.Marks())
}

// suboptions checks a dict against its declared options and gives it back with
// names and values as declared.
func (d *decoder) suboptions(a Arg, g Given, v value.Value, in string) value.Value {
	var given []Given
	for k, e := range v.Map().All() {
		given = append(given, Given{Name: k.Text(), Pos: g.ValuePos, ValuePos: g.ValuePos, Value: e.WithMarks(v.Marks())})
	}
	got := d.collect(given, a.Options, g.ValuePos, in)
	d.required(a.Options, got, g.ValuePos, in)
	m := value.NewMap()
	for i := range a.Options {
		if x, ok := got[a.Options[i].Name]; ok {
			m.Set(a.Options[i].Name, x.value)
		}
	}
	return value.FromMap(m).WithMarks(v.Marks())
}

func (d *decoder) choices(a Arg, g Given, v value.Value, in string) value.Value {
	if len(a.Choices) == 0 || v.HasUnknown() {
		return v
	}
	if a.Type == List {
		for _, it := range v.Items() {
			if !slices.Contains(a.Choices, it.Text()) {
				d.badChoice(a, g, it, in)
			}
		}
		return v
	}
	if slices.Contains(a.Choices, v.Text()) {
		return v
	}
	if b, ok := boolWords[strings.ToLower(v.Text())]; ok {
		// YAML made a boolean of a word; one choice that means the same is meant.
		var same []string
		for _, c := range a.Choices {
			if cb, ok := boolWords[strings.ToLower(c)]; ok && cb == b {
				same = append(same, c)
			}
		}
		if len(same) == 1 {
			return value.String(same[0]).WithMarks(v.Marks())
		}
	}
	d.badChoice(a, g, v, in)
	return v
}

func (d *decoder) badChoice(a Arg, g Given, v value.Value, in string) {
	shown := v.Text()
	if v.IsSecret() {
		shown = "(secret)"
	}
	where := ""
	if in != "" {
		where = " found in " + in
	}
	p := d.problem(g.ValuePos, "bad-choice", "value of %s must be one of: %s, got: %s%s",
		a.Name, strings.Join(a.Choices, ", "), shown, where)
	if near := nearest(shown, a.Choices, 1); len(near) > 0 {
		p.Hint = fmt.Sprintf("did you mean %q?", near[0])
	} else {
		p.Hint = d.see()
	}
}

// see points to the documentation of the module.
func (d *decoder) see() string { return "see fairlead module " + d.spec.Name }

func (d *decoder) required(args []Arg, got map[string]arg, at diag.Pos, in string) {
	var missing []string
	for i := range args {
		if _, ok := got[args[i].Name]; args[i].Required && !ok && !d.meant[prefix(in)+args[i].Name] {
			missing = append(missing, args[i].Name)
		}
	}
	if len(missing) == 0 {
		return
	}
	if d.spec.Missing != "" && in == "" {
		d.problem(at, "missing-argument", "%s", d.spec.Missing).Hint = d.see()
		return
	}
	where := ""
	if in != "" {
		where = " found in " + in
	}
	d.problem(at, "missing-argument", "missing required arguments: %s%s", strings.Join(missing, ", "), where).Hint = d.see()
}

// rules are the relations between arguments.
type rules struct {
	exclusive, together, oneOf, requiredIf [][]string
	requiredBy                             map[string][]string
}

func (d *decoder) rules(r rules, got map[string]arg, at diag.Pos, whole bool) {
	var clashes []string
	var clash diag.Pos
	for _, group := range r.exclusive {
		n := slices.DeleteFunc(present(group, got), func(name string) bool { return got[name].assumed })
		if len(n) > 1 {
			if len(clashes) == 0 {
				clash = got[n[1]].given.Pos
			}
			clashes = append(clashes, strings.Join(group, "|"))
		}
	}
	if len(clashes) > 0 {
		d.problem(clash, "exclusive-arguments", "parameters are mutually exclusive: %s", strings.Join(clashes, ", "))
	}
	if !whole {
		return
	}
	for _, group := range r.together {
		if n := present(group, got); len(n) > 0 && len(n) < len(group) {
			d.problem(at, "missing-argument", "parameters are required together: %s", strings.Join(group, ", "))
		}
	}
	for _, group := range r.oneOf {
		if len(present(group, got)) == 0 {
			d.problem(at, "missing-argument", "one of the following is required: %s", strings.Join(group, ", "))
		}
	}
	for _, rule := range r.requiredIf {
		d.requiredIf(rule, got, at)
	}
	for _, name := range sortedNames(r.requiredBy) {
		if x, ok := got[name]; ok && !x.value.IsNull() {
			if missing := absent(r.requiredBy[name], got); len(missing) > 0 {
				d.problem(at, "missing-argument", "missing parameter(s) required by '%s': %s", name, strings.Join(missing, ", "))
			}
		}
	}
}

func (d *decoder) requiredIf(rule []string, got map[string]arg, at diag.Pos) {
	x, ok := got[rule[0]]
	if !ok || x.value.HasUnknown() || x.value.Text() != rule[1] && !boolIs(x.value, rule[1]) {
		return
	}
	if missing := absent(rule[2:], got); len(missing) > 0 {
		d.problem(at, "missing-argument", "%s is %s but all of the following are missing: %s",
			rule[0], x.value.Text(), strings.Join(missing, ", "))
	}
}

func boolIs(v value.Value, word string) bool {
	b, ok := boolWords[strings.ToLower(word)]
	return ok && v.Kind() == value.KindBool && v.AsBool() == b
}

func present(names []string, got map[string]arg) (out []string) {
	for _, n := range names {
		if _, ok := got[n]; ok {
			out = append(out, n)
		}
	}
	return out
}

func absent(names []string, got map[string]arg) (out []string) {
	for _, n := range names {
		if _, ok := got[n]; !ok {
			out = append(out, n)
		}
	}
	return out
}

func sortedNames[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// findArg finds an argument by its name or an alias.
func findArg(args []Arg, name string) *Arg {
	for i := range args {
		if args[i].Name == name || slices.Contains(args[i].Aliases, name) {
			return &args[i]
		}
	}
	return nil
}
