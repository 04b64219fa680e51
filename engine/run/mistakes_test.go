package run

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// TestSeveralMistakes: what a task registers has the words alone, whether one thing is
// wrong or several.
func TestSeveralMistakes(t *testing.T) {
	t.Parallel()
	at := func(line int, msg string) *diag.Diagnostic {
		return diag.New(diag.Usage, diag.Pos{File: "p.yml", Line: line}, "x", "%s", msg)
	}
	for want, err := range map[string]error{
		"a":    at(1, "a"),
		"b":    diag.List{at(1, "b")},
		"c\nd": diag.List{at(1, "c").WithHint("h"), at(2, "d")},
	} {
		o := outcome{msg: err.Error()}
		if o.explain(err); o.msg != want {
			t.Errorf("%q, not %q", o.msg, want)
		}
	}
}
