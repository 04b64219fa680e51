package jinja

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// TestNeeds lists what each template cannot do without; a trailing ? marks
// what it needs only under a condition.
func TestNeeds(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"{{ a.b[c] }}":                                 "a@3 c@7",
		"{{ a | default(b) }}":                         "b@15?",
		"{{ a.b.c | d }} {{ a }}":                      "a@19",
		"{{ a is defined }} {{ b is none }}":           "",
		"{{ a if a is defined else b }}":               "b@26?",
		"{{ a and a.x or b }}":                         "a@3 b@16?",
		"{{ a is not defined or a == 1 }}":             "",
		"{{ x | ternary(a, b) }}":                      "x@3 a@15? b@18?",
		"{{ {}.get('k', a) }}":                         "a@15?",
		"{{ '%r' | format(a) }}":                       "a@17?",
		"{{ range(a) }}":                               "a@9",
		"{% set x = a %}{{ x }}":                       "a@11?",
		"{% if c %}{% set x = 1 %}{% endif %}{{ x }}":  "c@6",
		"{% if c %}{{ c.x }}{{ d }}{% endif %}":        "c@6 d@22?",
		"{% for i in l %}{{ i }}{{ z }}{% endfor %}":   "l@12 z@26?",
		"{% for i in [] %}{% endfor %}{{ i }}":         "i@32",
		"{% macro m(p) %}{{ p }}{{ q }}{% endmacro %}": "q@26?",
		"{% set v = undefined %}{{ v is defined }}":    "",
		"{% macro m(p, q) %}{% if p is defined %}{{ p }}{% endif %}{{ q }}{% endmacro %}{{ m(a, b) }}":                             "b@87?",
		"{% macro m(p) %}{{ p | d }}{% endmacro %}{% macro n(q) %}{{ m(q) }}{{ n(q) }}{% endmacro %}{{ n(a) }}{{ m(p=b, q=c.x) }}": "c@113?",
		"{% with w = a %}{{ w }}{% endwith %}":            "a@12",
		"{{ a ~ b + c }}":                                 "a@3 b@7 c@11",
		"{% raw %}{{ a }}{% endraw %}{# {{ b }} #}":       "",
		"{% include 'x' %}{% import 'y' as m %}{{ m.z }}": "",
		"{% include n %}":                                 "n@11",
	} {
		tm, err := NewAnsible().Parse(src, diag.Pos{}, PlaybookOptions())
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		var got []string
		for _, n := range tm.Needs() {
			s := fmt.Sprintf("%s@%d", n.Name, n.Offset)
			if n.Maybe {
				s += "?"
			}
			got = append(got, s)
		}
		if d := cmp.Diff(want, strings.Join(got, " ")); d != "" {
			t.Errorf("%s:\n%s", src, d)
		}
	}
}

func TestRefs(t *testing.T) {
	t.Parallel()
	tm, err := NewAnsible().Parse("{% include ['a', 'b'] ignore missing %}{% if x %}{% include 'c' %}{% endif %}{% from 'd' import e %}", diag.Pos{}, FileOptions())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range tm.Refs() {
		got = append(got, fmt.Sprint(r.Names, r.Optional, r.Maybe, r.Import))
	}
	want := []string{"[a b] true false false", "[c] false true false", "[d] false false true"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if !tm.Assigned()["e"] {
		t.Error("e is assigned by the import")
	}
}
