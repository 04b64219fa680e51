package jmespath

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/value"
)

// What the Python library answers for {"a": {"z": 1, "b": [3, 1.0, 2]}, "l": [{"n": "x", "v": 1}, {"n": "y"}], "s": "text", "e": []}.
func TestSearch(t *testing.T) {
	t.Parallel()
	v, err := value.ParseJSON([]byte(`{"a": {"z": 1, "b": [3, 1.0, 2]}, "l": [{"n": "x", "v": 1}, {"n": "y"}], "s": "text", "e": []}`))
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"a.b[0]": "3", "a.b[1]": "1.0", "a.b[-1]": "2", "a.b[9]": "None", "a.b[::-1]": "[2, 1.0, 3]", "a.b[:2]": "[3, 1.0]",
		"keys(a)": "['z', 'b']", "a.*": "[1, [3, 1.0, 2]]", "l[*].v": "[1]", "l[].n": "['x', 'y']", "l[?v].n": "['x']",
		"l[?n=='y'] | [0].n": "'y'", "l[*].[n, v]": "[['x', 1], ['y', None]]", "l[*].{k: n}": "[{'k': 'x'}, {'k': 'y'}]",
		"!e": "True", "e || s": "'text'", "a && s": "'text'", "length(s)": "4", "sort(a.b)": "[1.0, 2, 3]", "max(a.b)": "3",
		"sum(a.b)": "6.0", "map(&n, l)": "['x', 'y']", "reverse(s)": "'txet'", "to_string(a)": `'{"z":1,"b":[3,1.0,2]}'`,
		"type(`null`)": "'null'", "not_null(nope, s)": "'text'", "l[?v > `0`].n": "['x']", "nope.deep.er": "None", "'raw'": "'raw'",
		"contains(s, 'ex')": "True", "join(',', l[].n)": "'x,y'", "ceil(`1.2`)": "2", "@.s": "'text'", "\"s\"": "'text'",
	} {
		got, err := Search(query, v)
		if err != nil || got.Repr() != want {
			t.Errorf("%s = %s, %v; want %s", query, got.Repr(), err, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"a[":                      "Incomplete expression",
		"a b":                     "Parse error at column 2",
		"nofunc(@)":               "Unknown function: nofunc()",
		"abs('x')":                "invalid type for value",
		"abs(`1`, a)":             "Expected 1 argument",
		"'open":                   "Unclosed ' delimiter",
		"#":                       "Unknown token #",
		"a[::0]":                  "step cannot be 0",
		strings.Repeat("(", 1000): "nested too deep",
	} {
		if v, err := Search(query, value.FromMap(nil)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20s = %s, %v; want the error %s", query, v.Repr(), err, want)
		}
	}
}

func FuzzSearch(f *testing.F) {
	for _, q := range []string{"a.b[0]", "l[?x==`1`].{y: z}", "sort_by(@, &k)", "a[1:2:-1] | [0]"} {
		f.Add(q)
	}
	v := value.FromMap(value.M("a", value.List(value.Int(1), value.String("x"))))
	f.Fuzz(func(_ *testing.T, q string) { _, _ = Search(q, v) }) // it must end, and not panic
}
