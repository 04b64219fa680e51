package roleconf_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fairlead-project/fairlead/engine/roleconf"
	"github.com/fairlead-project/fairlead/engine/value"
)

func parse(t *testing.T, text string) value.Value {
	t.Helper()
	v, err := value.ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

const schema = `{"roles": {
	"lb": {"title": "Balancer", "group": "contrail-lb", "image": "lb_image", "sections": {
		"GLOBAL": {"from": ["global_config"], "options": {"name": "str", "count": {"type": "str", "default": "3"}, "on": "bool",
			"nodes": "list", "extra": "dict", "level": {"choices": ["low", "high"]}}},
		"OLD": {"from": ["old_config"]},
		"FREE": {"open": true, "options": {"on": "bool"}}}},
	"any": {"file": "any-role.conf", "status": "any_role", "open": true, "sections": {"GLOBAL": {"options": {}}}}}}`

func TestParse(t *testing.T) {
	t.Parallel()
	s, err := roleconf.Parse(parse(t, schema))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"lb", "any"}, s.Names()); d != "" {
		t.Error(d)
	}
	lb, other := s.Role("lb"), s.Role("any")
	if lb.File != "lb.conf" || lb.Status != "lb" || lb.Group != "contrail-lb" || lb.Image != "lb_image" || other.File != "any-role.conf" || other.Status != "any_role" {
		t.Errorf("%+v, %+v", lb, other)
	}
	if o := lb.Section("GLOBAL").Options[1]; o.Default != "3" || o.Type != "str" {
		t.Errorf("%+v", o)
	}
	if s.Role("none") != nil || lb.Section("NONE") != nil {
		t.Error("what is not there is found")
	}
	for text, want := range map[string]string{
		`{}`:                       "no mapping 'roles'",
		`{"roles": {"a": {}}}`:     "role a of the schema: it has no mapping 'sections'",
		`{"roles": {"a": [1, 2]}}`: "role a of the schema",
		`{"roles": {"a": {"sections": {"S": {"options": {"o": "number"}}}}}}`: `role a of the schema: section S, option o: there is no type "number"`,
	} {
		if _, err := roleconf.Parse(parse(t, text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s, err := roleconf.Parse(parse(t, schema))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, role, sections, want string }{
		{"all right", "lb", `{"GLOBAL": {"name": "a", "count": 5, "on": "True", "nodes": "['a']", "extra": {}, "level": "high"}}`, ""},
		{"native types", "lb", `{"GLOBAL": {"count": "5", "on": false, "nodes": ["a"], "extra": "{'a': 1}"}}`, ""},
		{"names in capitals are read in lower case", "lb", `{"GLOBAL": {"NAME": "a"}}`, ""},
		{"null is an empty text", "lb", `{"GLOBAL": {"name": null}}`, ""},
		{"null is no boolean", "lb", `{"GLOBAL": {"on": null}}`, "lb.conf, section GLOBAL: on is empty, which is read as text (it takes a boolean (True or False))"},
		{"no text", "lb", `{"GLOBAL": {"name": "yes"}}`, "lb.conf, section GLOBAL: name is 'yes', which is read as a boolean (True or False) (it takes text)"},
		{"a list for a text", "lb", `{"GLOBAL": {"name": ["a"]}}`, "lb.conf, section GLOBAL: name is ['a'], which is read as a list (it takes text)"},
		{"a number for a boolean", "lb", `{"GLOBAL": {"on": 1}}`, "lb.conf, section GLOBAL: on is 1, which is read as text (it takes a boolean (True or False))"},
		{"words for a list", "lb", `{"GLOBAL": {"nodes": "a,b"}}`, "lb.conf, section GLOBAL: nodes is 'a,b', which is read as text (it takes a list)"},
		{"no choice", "lb", `{"GLOBAL": {"level": "medium"}}`, "lb.conf, section GLOBAL: level is 'medium' (it is one of low, high)"},
		{"an empty choice", "lb", `{"GLOBAL": {"level": ""}}`, "lb.conf, section GLOBAL: level is empty (it is one of low, high)"},
		{"no option", "lb", `{"GLOBAL": {"nmae": 1}}`, "unknown: lb.conf, section GLOBAL: there is no option nmae (did you mean name?)"},
		{"no section", "lb", `{"GLOBALS": {"a": 1}}`, "unknown: lb.conf, section GLOBALS: there is no such section (did you mean GLOBAL?)"},
		{"a section that only others know", "lb", `{"OLD": {"a": 1}}`, "unknown: lb.conf, section OLD: there is no such section"},
		{"an empty section", "lb", `{"NONE": {}}`, ""},
		{"an open section", "lb", `{"FREE": {"a": [1], "on": 5}}`, "lb.conf, section FREE: on is 5, which is read as text (it takes a boolean (True or False))"},
		{"an open role", "any", `{"WHATEVER": {"a": 1}}`, ""},
		{"no options", "lb", `{"GLOBAL": "name=a"}`, "lb.conf, section GLOBAL: it is str, no mapping of options"},
		{"no sections", "lb", `[]`, "lb.conf, section -: the sections are list, no mapping of sections"},
		{"all of them", "lb", `{"GLOBAL": {"a": 1, "on": 2}, "OLD": {"x": 1}}`,
			"unknown: lb.conf, section GLOBAL: there is no option a\n" +
				"lb.conf, section GLOBAL: on is 2, which is read as text (it takes a boolean (True or False))\nunknown: lb.conf, section OLD: there is no such section"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var lines []string
			for _, p := range s.Role(c.role).Check(parse(t, c.sections)) {
				line := p.String()
				if p.Unknown {
					line = "unknown: " + line
				}
				lines = append(lines, line)
			}
			if d := cmp.Diff(c.want, strings.Join(lines, "\n")); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestWhatIsNotKnownIsRight(t *testing.T) {
	t.Parallel()
	s, err := roleconf.Parse(parse(t, schema))
	if err != nil {
		t.Fatal(err)
	}
	later := value.Unknown(nil)
	for _, sections := range []value.Value{later, value.FromMap(value.M("GLOBAL", later)), value.FromMap(value.M("GLOBAL", value.FromMap(value.M("on", later))))} {
		if got := s.Role("lb").Check(sections); got != nil {
			t.Errorf("%s: %v", sections.Repr(), got)
		}
	}
	secret := value.FromMap(value.M("GLOBAL", value.FromMap(value.M("on", value.String("hunter2").MarkDeep(value.Secret)))))
	if got := s.Role("lb").Check(secret); len(got) != 1 || strings.Contains(got[0].String(), "hunter2") {
		t.Error(got)
	}
}

// TestCheckVariable: of a variable that several roles read, each looks at its
// own options; a list counts as its first mapping where the role takes it so.
func TestCheckVariable(t *testing.T) {
	t.Parallel()
	s, err := roleconf.Parse(parse(t, `{"roles": {"a": {"sections": {
		"PART": {"from": ["x"], "picks": true, "options": {"mode": {"choices": ["on", "off"]}}},
		"LIST": {"from": ["y"], "first": true, "options": {"n": "str"}},
		"PLAIN": {"from": ["z"], "options": {"n": "str"}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	r := s.Role("a")
	for _, c := range []struct{ section, value, want string }{
		{"PART", `{"mode": "on", "port": 1}`, ""},
		{"PART", `{"mode": "other", "port": 1}`, "a.conf, section PART: mode is 'other' (it is one of on, off)"},
		{"LIST", `[{"n": "1"}, {"m": 1}]`, ""},
		{"LIST", `[{"m": 1}]`, "a.conf, section LIST: there is no option m (did you mean n?)"},
		{"LIST", `{"n": [1]}`, "a.conf, section LIST: n is [1], which is read as a list (it takes text)"},
		{"LIST", `[]`, ""},
		{"PLAIN", `[{"n": "1"}]`, "a.conf, section PLAIN: it is list, no mapping of options"},
	} {
		var got []string
		for _, p := range r.CheckVariable(r.Section(c.section), parse(t, c.value)) {
			got = append(got, p.String())
		}
		if d := cmp.Diff(c.want, strings.Join(got, "\n")); d != "" {
			t.Errorf("%s %s: %s", c.section, c.value, d)
		}
	}
}
