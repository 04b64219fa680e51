package control

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type argumentSpecArgs struct {
	Spec     *value.Map `arg:"argument_spec"`
	Provided *value.Map `arg:"provided_arguments"`
	Context  *value.Map `arg:"validate_args_context"`
}

// ValidateArgumentSpec is the module validate_argument_spec, which also checks
// the arguments of roles that declare them.
func ValidateArgumentSpec() module.Module {
	return module.New(module.Spec{
		Name: "validate_argument_spec", Missing: `"argument_spec" arg is required in args: {}`, Summary: "Check variables by a specification of arguments",
		Doc: "Checks variables of the task, and values given here, by a specification as in meta/argument_specs.yml: type, elements, " +
			"required, choices, default, aliases, options, and the relations of suboptions.",
		Args: []module.Arg{
			{Name: "argument_spec", Type: module.Dict, Required: true, Doc: "Names of arguments to what is asked of them."},
			{Name: "provided_arguments", Type: module.Dict, Doc: "Values; they win over variables of the same name."},
			{Name: "validate_args_context", Type: module.Dict, Doc: "What is checked, for the result."},
		},
		Returns: []module.Return{
			{Name: "argument_errors", Type: "list", When: "failure", Doc: "What is wrong, one text for each problem."},
			{Name: "argument_spec_data", Type: "dict", When: "failure", Doc: "The specification."},
			{Name: "validate_args_context", Type: "dict", When: "always", Doc: "What was checked."},
		},
		Traits: control,
	}, planValidate)
}

func planValidate(a argumentSpecArgs, in module.Inputs, _ state.View) (module.Change, error) {
	params := value.NewMap()
	for name := range a.Spec.All() {
		v, ok, err := in.Vars.Lookup(name.Text())
		if err != nil {
			return module.Change{}, err
		}
		if !ok {
			continue
		}
		if err := module.NotYet(v); err != nil {
			return module.Change{}, err
		}
		if v.IsUndefined() {
			return module.Change{}, module.Fail(v.Undef().Message())
		}
		params.SetKey(name, v)
	}
	if a.Provided != nil {
		for k, v := range a.Provided.All() {
			params.SetKey(k, v)
		}
	}
	context := a.Context
	if context == nil {
		context = value.NewMap()
	}
	s := &specCheck{}
	s.check(a.Spec, params, relations{})
	s.unsupportedNames()
	if len(s.problems) == 0 {
		return module.OK("msg", "The arg spec validation passed", "validate_args_context", context), nil
	}
	f := module.Fail("Validation of arguments failed:\n" + strings.Join(s.problems, "\n"))
	f.Result = value.M("validate_args_context", context, "argument_spec_data", a.Spec, "argument_errors", s.problems)
	return module.Change{}, f
}

// specCheck checks values by a specification that is data, in the order in
// which Ansible's ArgumentSpecValidator does, with its messages.
type specCheck struct {
	problems []string
	path     []string // the options around, outermost first
	strange  []string // names that the specification does not have
	known    string   // what it has where the last of these was found
}

// relations are those between the suboptions of one option.
type relations struct{ spec *value.Map }

func (r relations) lists(key string) [][]string {
	if r.spec == nil {
		return nil
	}
	v, _ := r.spec.Get(key)
	var out [][]string
	for _, group := range v.Items() {
		var names []string
		for _, n := range group.Items() {
			names = append(names, n.Text())
		}
		out = append(out, names)
	}
	return out
}

func (s *specCheck) add(format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	if len(s.path) > 0 {
		msg += " found in " + strings.Join(s.path, " -> ")
	}
	s.problems = append(s.problems, msg)
}

// attr is an attribute of one option.
func attr(option value.Value, key string) value.Value {
	v, _ := option.Get(key)
	return v
}

// check checks params, and fills in aliases and defaults.
func (s *specCheck) check(spec, params *value.Map, r relations) {
	s.names(spec, params)
	if len(s.path) == 0 {
		if err := s.unreadable(spec, params); err != nil {
			s.problems = append(s.problems, err.Error())
		}
	}
	for _, group := range r.lists("mutually_exclusive") {
		if len(given(group, params)) > 1 {
			s.add("parameters are mutually exclusive: %s", strings.Join(group, "|"))
		}
	}
	var missing []string
	for k, o := range spec.All() {
		if def := attr(o, "default"); !params.Has(k.Text()) && !def.IsNull() {
			params.SetKey(k, def)
		}
		if attr(o, "required").Truthy() && !params.Has(k.Text()) {
			missing = append(missing, k.Text())
		}
	}
	if slices.Sort(missing); len(missing) > 0 {
		s.add("missing required arguments: %s", strings.Join(missing, ", "))
	}
	for k, o := range spec.All() {
		if v, ok := params.GetKey(k); ok && !v.IsNull() {
			params.SetKey(k, s.typed(k.Text(), o, v))
		}
	}
	for k, o := range spec.All() {
		if v, ok := params.GetKey(k); ok {
			s.choices(k.Text(), o, v)
		}
	}
	s.related(r, params)
	for k, o := range spec.All() {
		s.suboptions(k.Text(), o, params)
	}
}

// names resolves aliases, and notes names that are not declared.
func (s *specCheck) names(spec, params *value.Map) {
	legal, aliases := map[string]bool{}, map[string]bool{}
	for k, o := range spec.All() {
		legal[k.Text()] = true
		for _, a := range attr(o, "aliases").Items() {
			aliases[a.Text()] = true
			if v, ok := params.GetKey(a); ok {
				params.SetKey(k, v)
			}
		}
	}
	for _, k := range params.Keys() {
		if name := k.Text(); !legal[name] && !aliases[name] {
			s.strange = append(s.strange, strings.Join(append(slices.Clone(s.path), name), "."))
			s.known = strings.Join(slices.Sorted(maps.Keys(legal)), ", ")
			if len(aliases) > 0 {
				s.known += " (" + strings.Join(slices.Sorted(maps.Keys(aliases)), ", ") + ")"
			}
		}
	}
}

// unreadable is the first value with suboptions that is no dict: Ansible, which looks for
// secrets in them before anything else, tells of it twice.
func (s *specCheck) unreadable(spec, params *value.Map) error {
	for k, o := range spec.All() {
		want, sub := attr(o, "type").Text(), attr(o, "options").Map()
		v, ok := params.GetKey(k)
		if sub == nil || !ok || v.IsNull() || want != "dict" && (want != "list" || attr(o, "elements").Text() != "dict") {
			continue
		}
		items := []value.Value{v}
		if v.Kind() == value.KindList {
			items = v.Items()
		}
		for _, it := range items {
			if it.IsString() {
				var err error
				if it, err = convertAs(it, "dict"); err != nil {
					return err
				}
			}
			if it.Map() == nil {
				//lint:ignore ST1005 it is Ansible's sentence
				return fmt.Errorf("Value '%s' in the sub parameter field '%s' must by a %s, not '%s'", it.Text(), k.Text(), want, it.TypeName())
			}
			if err := s.unreadable(sub, it.Map()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *specCheck) unsupportedNames() {
	if slices.Sort(s.strange); len(s.strange) > 0 {
		s.problems = append(s.problems, strings.Join(s.strange, ", ")+". Supported parameters include: "+s.known+".")
	}
}

func (s *specCheck) typed(name string, o, v value.Value) value.Value {
	want := attr(o, "type").Text()
	if attr(o, "type").IsNull() {
		want = "str"
	}
	out, err := convertAs(v, want)
	if err != nil {
		where := ""
		if len(s.path) > 0 {
			where = " found in '" + strings.Join(s.path, " -> ") + "'."
		}
		s.problems = append(s.problems, fmt.Sprintf("argument '%s' is of type %s%s and we were unable to convert to %s: %s", name, class(v), where, want, err))
		return v
	}
	elements := attr(o, "elements").Text()
	if attr(o, "elements").IsNull() || out.Kind() != value.KindList {
		return out
	}
	var items []value.Value
	for _, it := range out.Items() {
		e, err := convertAs(it, elements)
		if err == nil {
			items = append(items, e)
			continue
		}
		where := ""
		if len(s.path) > 0 {
			where = " found in '" + strings.Join(s.path, " -> ") + "'"
		}
		s.problems = append(s.problems, fmt.Sprintf("Elements value for option '%s'%s is of type %s and we were unable to convert to %s: %s", name, where, class(it), elements, err))
	}
	return value.List(items...)
}

func class(v value.Value) string { return "<class '" + v.TypeName() + "'>" }

// convertAs converts as the type that an argument specification names.
func convertAs(v value.Value, want string) (value.Value, error) {
	switch want {
	case "raw", "any":
		return v, nil
	case "str", "path", "":
		return value.String(v.Text()), nil
	case "bits":
		out, err := module.Convert(value.String(strings.TrimSuffix(v.Text(), "b")), module.Bytes)
		if err != nil {
			return v, fmt.Errorf("%s cannot be converted to a Bit value", class(v))
		}
		return out, nil
	case "json", "jsonarg":
		switch v.Kind() {
		case value.KindString, value.KindList, value.KindMap:
			return v, nil
		}
		return v, fmt.Errorf("%s cannot be converted to a json string", class(v))
	case "int", "float", "bool", "list", "dict", "bytes":
		return module.Convert(v, module.Type(want))
	}
	return v, errors.New("there is no type " + want)
}

func (s *specCheck) choices(name string, o, v value.Value) {
	list := attr(o, "choices")
	if list.Kind() != value.KindList {
		return
	}
	var all []string
	for _, c := range list.Items() {
		all = append(all, c.Text())
	}
	isOne := func(x value.Value) bool {
		return slices.ContainsFunc(list.Items(), func(c value.Value) bool { return value.Equal(c, x) })
	}
	if v.Kind() != value.KindList {
		if !isOne(v) {
			s.add("value of %s must be one of: %s, got: %s", name, strings.Join(all, ", "), v.Text())
		}
		return
	}
	var others []string
	for _, it := range v.Items() {
		if !isOne(it) {
			others = append(others, it.Text())
		}
	}
	if len(others) > 0 {
		s.add("value of %s must be one or more of: %s. Got no match for: %s", name, strings.Join(all, ", "), strings.Join(others, ", "))
	}
}

func given(names []string, params *value.Map) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !params.Has(n) })
}

func absent(names []string, params *value.Map) []string {
	return slices.DeleteFunc(slices.Clone(names), params.Has)
}

// related checks the relations between suboptions.
func (s *specCheck) related(r relations, params *value.Map) {
	for _, group := range r.lists("required_together") {
		if n := given(group, params); len(n) > 0 && len(n) < len(group) {
			s.add("parameters are required together: %s", strings.Join(group, ", "))
		}
	}
	for _, group := range r.lists("required_one_of") {
		if len(given(group, params)) == 0 {
			s.add("one of the following is required: %s", strings.Join(group, ", "))
		}
	}
	if r.spec == nil {
		return
	}
	requiredIf, _ := r.spec.Get("required_if")
	for _, rule := range requiredIf.Items() {
		s.requiredIf(rule.Items(), params)
	}
	by, _ := r.spec.Get("required_by")
	for name, needs := range by.Map().All() {
		v, ok := params.GetKey(name)
		if !ok || v.IsNull() {
			continue
		}
		names := []string{needs.Text()}
		if needs.Kind() == value.KindList {
			names = nil
			for _, n := range needs.Items() {
				names = append(names, n.Text())
			}
		}
		if missing := absent(names, params); len(missing) > 0 {
			s.add("missing parameter(s) required by '%s': %s", name.Text(), strings.Join(missing, ", "))
		}
	}
}

func (s *specCheck) requiredIf(rule []value.Value, params *value.Map) {
	if len(rule) < 3 {
		return
	}
	v, ok := params.GetKey(rule[0])
	if !ok || !value.Equal(v, rule[1]) {
		return
	}
	var names []string
	for _, n := range rule[2].Items() {
		names = append(names, n.Text())
	}
	missing := absent(names, params)
	if any := len(rule) > 3 && rule[3].Truthy(); any && len(missing) == len(names) && len(names) > 0 {
		s.add("%s is %s but any of the following are missing: %s", rule[0].Text(), rule[1].Text(), strings.Join(missing, ", "))
	} else if !any && len(missing) > 0 {
		s.add("%s is %s but all of the following are missing: %s", rule[0].Text(), rule[1].Text(), strings.Join(missing, ", "))
	}
}

// suboptions checks what is inside an option that is a dict, or a list of them.
func (s *specCheck) suboptions(name string, o value.Value, params *value.Map) {
	want := attr(o, "type").Text()
	inner := attr(o, "options").Map()
	if want != "dict" && (want != "list" || attr(o, "elements").Text() != "dict") || inner == nil {
		return
	}
	v, _ := params.Get(name)
	if v.IsNull() {
		if !attr(o, "apply_defaults").Truthy() {
			return
		}
		v = value.FromMap(value.NewMap())
	}
	elements := []value.Value{v}
	if v.Kind() == value.KindList {
		elements = v.Items()
	}
	s.path = append(s.path, name)
	for _, e := range elements {
		if e.Map() == nil {
			s.problems = append(s.problems, fmt.Sprintf("value of '%s' must be of type dict or list of dicts", name))
			continue
		}
		s.check(inner, e.Map().Clone(), relations{o.Map()})
	}
	s.path = s.path[:len(s.path)-1]
}
