package vars

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

func TestExtraWords(t *testing.T) {
	for arg, want := range map[string]struct {
		raw, a string
		warned int
	}{
		"foo":                 {"foo", "", 1},
		"a=1 foo 'b c'":       {"foo b c", "1", 2},
		`a="x y"`:             {"", "x y", 0},
		"a={{ 'p' ~ 'q' }} z": {"z", "{{ 'p' ~ 'q' }}", 1},
		"a=":                  {"", "", 0},
		"":                    {"", "", 0},
	} {
		warned := 0
		vs, err := ParseExtra(arg, yaml.Options{Warn: func(*diag.Diagnostic) { warned++ }})
		if err != nil {
			t.Errorf("%q: %v", arg, err)
			continue
		}
		got := func(name string) string {
			if n := vs.Node(name); n != nil {
				return n.Value().Text()
			}
			return ""
		}
		if got("_raw_params") != want.raw || got("a") != want.a || warned != want.warned {
			t.Errorf("%q: raw %q, a %q, %d warnings; want %v", arg, got("_raw_params"), got("a"), warned, want)
		}
	}
}
