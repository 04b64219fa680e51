package control

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/roleconf"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type checkConfigArgs struct {
	Schema   value.Value `arg:"schema"`
	Role     string      `arg:"role"`
	Sections value.Value `arg:"sections"`
	Unknown  string      `arg:"unknown"`
}

// CheckConfig is the module check_config, which Ansible does not have.
func CheckConfig() module.Module {
	return module.New(module.Spec{
		Name: "check_config", Summary: "Check the configuration of a role before it is written",
		Doc: `Compares sections and options with the schema of the role's configuration file and
fails where one is of the wrong type or not among the choices, naming all of them.
Sections and options that the schema does not know are warnings or errors by choice.
Nothing is changed. This module is Fairlead's own; the Contrail roles use it.`,
		Args: []module.Arg{
			{Name: "schema", Type: module.Raw, Required: true, Doc: "The schema: a mapping with roles, their sections and options."},
			{Name: "role", Required: true, Doc: "Name of the role in the schema."},
			{Name: "sections", Type: module.Raw, Required: true, Doc: "The configuration: section to option to value."},
			{Name: "unknown", Default: "error", Choices: []string{"error", "warn"}, Doc: "What a section or option is that the schema does not know."},
		},
		Returns: []module.Return{{Name: "problems", Type: "list", Doc: "What is wrong, errors and warnings, one text each."}},
		Examples: `- check_config:
    schema: "{{ lookup('file', 'schema.yml') | from_yaml }}"
    role: controller
    sections: {API: {listen_port: 8082}}
`,
		Traits: control,
	}, planCheckConfig)
}

func planCheckConfig(a checkConfigArgs, _ module.Inputs, _ state.View) (module.Change, error) {
	if err := module.NotYet(a.Schema); err != nil {
		return module.Change{}, err
	}
	schema, err := roleconf.Parse(a.Schema)
	if err != nil {
		return module.Change{}, module.Fail(err.Error())
	}
	role := schema.Role(a.Role)
	if role == nil {
		return module.Change{}, module.Fail("the schema has no role " + a.Role + "; it has " + strings.Join(schema.Names(), ", "))
	}
	var all, errs, warns []string
	for _, p := range role.Check(a.Sections) {
		all = append(all, p.String())
		if p.Unknown && a.Unknown == "warn" {
			warns = append(warns, p.String())
		} else {
			errs = append(errs, p.String())
		}
	}
	problems := value.Strings(all...)
	if len(errs) > 0 {
		return module.Change{}, module.Fail(strings.Join(errs, "; "), "changed", false, "problems", problems)
	}
	c := module.OK("problems", problems)
	c.Warnings = warns
	return c, nil
}
