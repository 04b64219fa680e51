package jinja

import (
	"errors"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
)

// TestKeyFilters has what later versions of ansible-core and community.general
// answer; those of ansible.utils are recorded (engine/vars/testdata/plugins/keys.txt).
func TestKeyFilters(t *testing.T) {
	t.Parallel()
	env := NewAnsible()
	scope := dictScope{value.M(
		"tree", value.M("name", "sw1", "id", 7, "ports", []any{value.FromMap(value.M("name", "e0", "mtu", 1500)), value.FromMap(value.M("mtu", 9000, "tags", []any{"a"}))}, "none", value.FromMap(value.NewMap())),
		"rows", []any{value.FromMap(value.M("k0", 1, "k1", 2, "x", 3)), value.FromMap(value.M("k0", 4))},
		"words", []any{"a", "b", "c", "b"},
	)}
	for src, want := range map[string]string{
		"rows | community.general.keep_keys(target=['k0'])":                                                               "[{'k0': 1}, {'k0': 4}]",
		"rows | community.general.remove_keys(target='^k', matching_parameter='regex')":                                   "[{'x': 3}, {}]",
		"rows | community.general.replace_keys(target=[{'before': 'k', 'after': 'z'}], matching_parameter='starts_with')": "[{'x': 3, 'z': 2}, {'z': 4}]",
		"tree | community.general.keep_keys(target=['k0'])":                                                               "! First argument must be a list.",
		"words | community.general.lists_union(['d', 'a'], ['e'])":                                                        "['a', 'b', 'c', 'd', 'e']",
		"words | community.general.lists_intersect(['c', 'b'])":                                                           "['b', 'c']",
		"words | community.general.lists_difference(['c'])":                                                               "['a', 'b']",
		"words | community.general.lists_symmetric_difference(['c', 'd'])":                                                "['a', 'b', 'd']",
		"[words, ['z']] | community.general.lists_union(flatten=true)":                                                    "['a', 'b', 'c', 'z']",
		"[1, 2, 3] | community.general.accumulate":                                                                        "[1, 3, 6]",
		"'/a/./b/../c//d' | normpath":                                                                                     "'/a/c/d'",
		"'a=b=c' | regex_replace('=', ':', count=1)":                                                                      "'a:b=c'",
		"'a=b=c' | regex_replace('=', ':', mandatory_count=2)":                                                            "'a:b:c'",
		"'a=b=c' | regex_replace('=', ':', mandatory_count=1)":                                                            "! '=' should match 1 times, but matches 2 times in 'a=b=c'",
	} {
		x, err := env.ParseExpr(src, diag.Pos{})
		if err != nil {
			t.Fatal(src, err)
		}
		v, err := x.Eval(NewContext(env, scope))
		got := v.Repr()
		if d, ok := errors.AsType[*diag.Diagnostic](err); ok {
			got = "! " + d.Msg
		}
		if got != want && (err == nil || !strings.HasPrefix(got, want)) {
			t.Errorf("%s\n\tis   %s\n\tnot  %s", src, got, want)
		}
	}
}
