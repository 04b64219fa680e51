package remote_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/remote"
	"github.com/fairlead-project/fairlead/engine/state"
)

// Several things relied on at once: each is compared, and what agrees is no
// reason to do nothing.
func TestRelyOnSeveral(t *testing.T) {
	shells(t, func(t *testing.T, h *remote.Host) {
		dir := t.TempDir()
		var ops []state.Op
		var ask []state.Query
		for _, name := range []string{"a", "b", "c"} {
			p := filepath.Join(dir, name)
			if err := os.WriteFile(p, []byte(name), 0o600); err != nil {
				t.Fatal(err)
			}
			ask = append(ask, state.Path{Path: p})
			ops = append(ops, state.SetAttrs{Path: p, Attrs: state.Attrs{Mode: mode(0o711)}})
		}
		out := do(t, h, state.Batch{Ask: ask})
		b := state.Batch{Ops: ops}
		for i := range ask {
			b.Rely = append(b.Rely, state.Relied{Path: ask[i].(state.Path).Path, Stat: file(t, out, i).Stat})
		}
		if out = do(t, h, b); len(out.Changed) > 0 || len(out.Results) != 3 {
			t.Fatalf("outcome = %+v", out)
		}
		for i := range ask {
			if got := file(t, do(t, h, state.Batch{Ask: ask}), i).Stat.Mode; got != 0o711 {
				t.Errorf("mode %o after an operation that is said to be done", got)
			}
		}
	})
}

func TestRely(t *testing.T) {
	shells(t, func(t *testing.T, h *remote.Host) {
		d := t.TempDir()
		p := func(name string) string { return filepath.Join(d, name) }
		_ = os.WriteFile(p("a"), []byte("1"), 0o600)
		_ = os.WriteFile(p("b"), []byte("1"), 0o600)
		ask := []state.Query{state.Path{Path: p("a")}, state.Path{Path: p("b")}, state.Path{Path: d}, state.Path{Path: p("none")}}
		out := do(t, h, state.Batch{Ask: ask})
		var rely []state.Relied
		for i := range ask {
			f := file(t, out, i)
			rely = append(rely, state.Relied{Path: f.Canonical, Stat: f.Stat})
		}
		_ = os.WriteFile(p("other"), nil, 0o600) // changes the folder's times, which nobody relies on
		out = do(t, h, state.Batch{Rely: rely, Ops: []state.Op{state.Mkdir{Path: p("x")}}})
		allOK(t, out, 1)
		_ = os.WriteFile(p("b"), []byte("22"), 0o600)
		_ = os.WriteFile(p("none"), nil, 0o600)
		out = do(t, h, state.Batch{Rely: rely, Ops: []state.Op{state.Mkdir{Path: p("y")}}, Ask: ask})
		if strings.Join(out.Changed, " ") != p("b")+" "+p("none") || out.Results != nil {
			t.Errorf("%+v", out)
		}
		if _, err := os.Stat(p("y")); err == nil {
			t.Error("it was done all the same")
		}
	})
}
