package module

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestFlags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		asked, listed string
		want          string // the chattr that is run, "" for none
	}{
		{"A", "--------e------- /d/f\n", "=A"},
		{"e", "--------e------- /d/f\n", ""},
		{"+i", "----i----------- /d/f\n", ""},
		{"-i", "---------------- /d/f\n", "-i"},
		{"", "---------------- /d/f\n", ""},
		{"a", "", "=a"},
	} {
		v := state.NewHostView()
		v.Learn(state.Answer{Query: state.OutputOf(listFlags, "/d/f"), Value: state.OutputInfo{Stdout: c.listed}})
		side := value.M("path", "/d/f")
		in := Change{Result: value.M("changed", false, "path", "/d/f", "diff", value.M("before", side, "after", side))}
		got, err := withFlags(FileAttrs{Attributes: Some(c.asked)}, in, v)
		if err != nil {
			t.Fatal(err)
		}
		ran := ""
		for _, op := range got.Ops {
			ran = strings.Join(op.(state.Exec).Argv[1:2], " ")
		}
		if ran != c.want {
			t.Errorf("%q over %q: chattr %q, not %q", c.asked, c.listed, ran, c.want)
		}
		if changed, _ := got.Result.Get("changed"); changed.Truthy() != (c.want != "") {
			t.Errorf("%q over %q: changed %s", c.asked, c.listed, changed.Text())
		}
		if c.want == "" {
			continue
		}
		after, _ := got.Result.Get("diff")
		if x, _ := after.Map().Get("after"); x.Map() == nil || !x.Map().Has("attributes") {
			t.Errorf("%q: the difference has no attributes: %s", c.asked, after.Repr())
		}
		if _, err := got.Then(v, []state.OpResult{{RC: 1, Stderr: []byte("chattr: Operation not supported")}}); err == nil {
			t.Errorf("%q: chattr failed and the task did not", c.asked)
		}
		if end, err := got.Then(v, []state.OpResult{{}}); err != nil || end.Result == nil {
			t.Errorf("%q: %v", c.asked, err)
		}
	}
}
