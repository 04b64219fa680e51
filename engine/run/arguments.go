package run

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// arguments evaluates a task's arguments: module_defaults, args, free form.
func (pl *play) arguments(s *vars.Scope, t *playbook.Task, spec *module.Spec) (*value.Map, *value.Origin, error) {
	args := value.NewMap()
	if err := pl.moduleDefaults(s, t, spec, args); err != nil {
		return nil, nil, undefinedField("module_defaults", err)
	}
	args, unknown, err := pl.ownArguments(s, t, spec, args)
	return args, unknown, undefinedIn("The task includes an option with an undefined variable. The error was: ", err)
}

// ownArguments adds what the task itself says: args, then names and free form.
func (pl *play) ownArguments(s *vars.Scope, t *playbook.Task, spec *module.Spec, args *value.Map) (*value.Map, *value.Origin, error) {
	if t.ArgsTemplate != nil {
		v, err := s.Eval(t.ArgsTemplate)
		if err != nil {
			return nil, nil, err
		}
		if v.IsUnknown() {
			return nil, v.Origin(), nil
		}
		if v.Map() == nil {
			return nil, nil, diag.Errorf(t.ArgsTemplate.Pos, "args-type", "invalid or malformed argument: '%s'", v.Text()).WithHint("what comes without a name must be a dict of arguments")
		}
		for k, e := range v.Map().All() {
			args.SetKey(k, e)
		}
	}
	for _, p := range t.Args.Pairs {
		name := p.Key.Value().Text()
		if t.Implicit && name == "gather_subset" && args.Has(name) && pl.p.GatherSubset.IsNull() && len(pl.Settings.GatherSubset) == 0 {
			continue // what the play does not say, module_defaults may
		}
		if spec.AnyArgs && p.Key.HasTemplate() {
			k, err := s.Eval(p.Key)
			if err != nil {
				return nil, nil, err
			}
			name = k.Text()
		}
		v, err := pl.argument(s, p.Value, spec, name)
		if err != nil {
			return nil, nil, err
		}
		args.Set(name, v)
	}
	if t.Raw != nil {
		v, err := pl.freeForm(s, t, spec)
		if err != nil {
			return nil, nil, err
		}
		args.Set(orElse(spec.FreeForm, "_raw_params"), v)
	}
	args = pl.debugging.overrideArgs(t, args)
	return dropOmitted(args, spec.Traits.Unknown && pl.Check)
}

func (pl *play) argument(s *vars.Scope, n *yaml.Node, spec *module.Spec, name string) (value.Value, error) {
	for _, raw := range spec.Traits.RawArgs {
		if raw == name {
			return n.Value(), nil
		}
	}
	return s.Eval(n)
}

func (pl *play) freeForm(s *vars.Scope, t *playbook.Task, spec *module.Spec) (value.Value, error) {
	if spec.FreeForm == "" {
		return value.Null, diag.Errorf(t.ActionPos, "no-free-form", "module %s takes no free text: %q", spec.Name, t.Raw.Text).
			WithHint("give it arguments: %s: name=value, or a mapping", spec.Name)
	}
	return s.Eval(t.Raw)
}

// dropOmitted leaves out arguments that are the variable omit, and finds the
// first unknown one.
func dropOmitted(args *value.Map, unknownToo bool) (*value.Map, *value.Origin, error) {
	out := value.NewMap()
	for k, v := range args.All() {
		if vars.IsOmit(v) {
			continue
		}
		v = v.Walk(withoutOmit)
		if o, unknown := v.FindUnknown(); unknown && !unknownToo {
			return nil, o, nil
		}
		if v.IsUndefined() {
			return nil, nil, vars.Undefined(v, diag.Pos{})
		}
		out.SetKey(k, v)
	}
	return out, nil, nil
}

// withoutOmit removes entries of dicts that are the variable omit.
func withoutOmit(v value.Value) value.Value {
	m := v.Map()
	if m == nil {
		return v
	}
	for _, k := range m.Keys() {
		if e, _ := m.GetKey(k); vars.IsOmit(e) {
			c := value.NewMap()
			for k, e := range m.All() {
				if !vars.IsOmit(e) {
					c.SetKey(k, e)
				}
			}
			return value.FromMap(c).WithMarks(v.Marks())
		}
	}
	return v
}

// actionGroups are the groups of modules that module_defaults may name, by the
// prefix of their modules: those whose modules exist here.
var actionGroups = map[string]string{"docker": "docker_", "community.docker.docker": "docker_", "community.general.docker": "docker_"}

// defaultsFor tells whether a key of module_defaults means a module: by its
// name, or by a group it is in.
func (pl *play) defaultsFor(key, module string) bool {
	if group, ok := strings.CutPrefix(key, "group/"); ok {
		prefix, known := actionGroups[strings.TrimPrefix(strings.TrimPrefix(group, "ansible.builtin."), "ansible.legacy.")]
		return known && strings.HasPrefix(module, prefix)
	}
	return pl.Modules.Canonical(key) == module
}

// moduleDefaults adds the defaults of a module: of its groups, then its own. What an
// inner scope says of a module or group replaces all that an outer one says of it, as in
// ansible-core 2.14 (get_action_args_with_defaults).
func (pl *play) moduleDefaults(s *vars.Scope, t *playbook.Task, spec *module.Spec, args *value.Map) error {
	var groups []yaml.Pair // the last of each name
	var own *yaml.Node
	for _, n := range t.AllModuleDefaults() {
		for _, p := range n.Pairs {
			switch key := p.Key.Str(); {
			case !pl.defaultsFor(key, spec.Name):
			case strings.HasPrefix(key, "group/"):
				groups = slices.DeleteFunc(groups, func(g yaml.Pair) bool { return g.Key.Str() == key })
				groups = append(groups, p)
			default:
				own = p.Value
			}
		}
	}
	for _, n := range append(valuesOf(groups), own) {
		if n == nil {
			continue
		}
		v, err := s.Eval(n)
		if err != nil {
			return err
		}
		if v.Map() == nil && !v.IsUnknown() {
			return diag.Errorf(n.Pos, "module-defaults", "the module_defaults of %s must be a dictionary of arguments, not: %s", spec.Name, v.Text())
		}
		for k, e := range v.Map().All() {
			args.SetKey(k, e)
		}
	}
	return nil
}

func valuesOf(pairs []yaml.Pair) []*yaml.Node {
	var out []*yaml.Node
	for _, p := range pairs {
		out = append(out, p.Value)
	}
	return out
}
