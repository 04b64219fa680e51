package control

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestCheckConfig(t *testing.T) {
	t.Parallel()
	schema, err := value.ParseJSON([]byte(`{"roles": {"lb": {"sections": {"GLOBAL": {"options": {"name": "str", "on": "bool"}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, role, unknown, sections, fails, warns string }{
		{"right", "lb", "error", `{"GLOBAL": {"name": "a", "on": true}}`, "", ""},
		{"wrong type", "lb", "warn", `{"GLOBAL": {"on": "maybe"}}`, "lb.conf, section GLOBAL: on is 'maybe'", ""},
		{"unknown, an error", "lb", "error", `{"GLOBAL": {"nme": 1}}`, "there is no option nme (did you mean name?)", ""},
		{"unknown, a warning", "lb", "warn", `{"GLOBAL": {"nme": 1}}`, "", "there is no option nme (did you mean name?)"},
		{"no such role", "bl", "warn", `{}`, "the schema has no role bl; it has lb", ""},
	} {
		sections, err := value.ParseJSON([]byte(c.sections))
		if err != nil {
			t.Fatal(err)
		}
		change, err := planCheckConfig(checkConfigArgs{Schema: schema, Role: c.role, Sections: sections, Unknown: c.unknown}, module.Inputs{}, nil)
		if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := strings.Join(change.Warnings, "\n"); !strings.Contains(got, c.warns) || (got == "") != (c.warns == "") {
			t.Errorf("%s: warnings %q", c.name, got)
		}
		if len(change.Ops) != 0 {
			t.Errorf("%s: it does something", c.name)
		}
	}
}
