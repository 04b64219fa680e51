package playbook

import (
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// validation is the task that checks a role's arguments, which goes before its
// own tasks; nil when the entry point declares none. Like Ansible's it is
// tagged always, and knows the entry point by the name of its file as written.
func (r *reader) validation(u *RoleUse) *Task {
	if !u.Validate || u.Role.ArgumentSpecs == nil {
		return nil
	}
	spec := u.Role.ArgumentSpecs.Get(u.Entry)
	if spec.IsNull() || spec.Kind != yaml.Mapping {
		return nil
	}
	name := "Validating arguments against arg spec '" + u.Entry + "'"
	if d := spec.Get("short_description"); d != nil {
		name += " - " + d.Value().Text()
	}
	pos := spec.Pos
	text := func(s string) *yaml.Node { return yaml.FromValue(pos, value.String(s)) }
	options := spec.Get("options")
	if options.IsNull() {
		options = yaml.NewMapping(pos, nil)
	}
	var params []yaml.Pair
	for v := range u.Params.All() {
		params = append(params, yaml.Pair{Key: yaml.FromValue(v.Pos, value.String(v.Name)), Value: v.Node})
	}
	context := value.M("type", "role", "name", u.Role.Name, "argument_spec_name", u.Entry, "path", u.Role.Path)
	t := &Task{ID: u.ID + "/validate", Action: "ansible.builtin.validate_argument_spec", ActionPos: pos}
	t.Scope = Scope{Kind: TaskScope, Pos: pos, Up: &u.Scope, In: r.play, File: pos.File}
	t.Module = r.opts.canonical(t.Action)
	t.Keywords.Name, t.Tags = text(name), []*yaml.Node{text("always")}
	t.Args = yaml.NewMapping(pos, []yaml.Pair{
		{Key: text("argument_spec"), Value: options},
		{Key: text("provided_arguments"), Value: yaml.NewMapping(pos, params)},
		{Key: text("validate_args_context"), Value: yaml.FromValue(pos, value.FromMap(context))},
	})
	return t
}
