package packages

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// fakeHost is a stand-in for a host: what the modules' own scripts print, in
// order (the last one again and again), files, and how commands end.
type fakeHost struct {
	outs  []state.OutputInfo
	asked []state.Output
	files map[string]string
	said  []state.OpResult
	ran   []string
	check bool
}

func printed(lines ...string) []state.OutputInfo {
	out := make([]state.OutputInfo, len(lines))
	for i, l := range lines {
		out[i].Stdout = l
	}
	return out
}

func (h *fakeHost) answer(q state.Query) state.Answer {
	a := state.Answer{Query: q}
	switch q := q.(type) {
	case state.Login:
		a.Value = state.LoginInfo{User: "root", Home: "/root", Umask: 0o022}
	case state.Output:
		h.asked = append(h.asked, q)
		out := state.OutputInfo{}
		if len(h.outs) > 0 {
			out = h.outs[0]
		}
		if len(h.outs) > 1 {
			h.outs = h.outs[1:]
		}
		a.Value = out
	case state.Apt:
		a.Value = lists
	case state.Path:
		f := state.File{Canonical: q.Path, Resolved: q.Path}
		if h.files != nil {
			f.Parent = state.Stat{Type: state.TypeDir, Mode: 0o755}
		}
		if text, ok := h.files[q.Path]; ok {
			f.Stat = state.Stat{Type: state.TypeFile, Mode: 0o644, Size: int64(len(text)), Nlink: 1, User: "root", Group: "root"}
			if f.Content = []byte(text); text == "dir" {
				f.Stat.Type, f.Stat.Mode = state.TypeDir, 0o755
			}
		}
		f.Followed = f.Stat
		a.Value = f
	case state.User:
		a.Value = state.UserInfo{Exists: true, Name: q.Name}
	case state.Group:
		a.Value = state.GroupInfo{Exists: true, Name: "root"}
	}
	return a
}

// run plans and applies until nothing is left.
func (h *fakeHost) run(t *testing.T, m module.Module, args *value.Map) (*value.Map, error) {
	t.Helper()
	a, err := m.Decode(args, diag.Pos{})
	if err != nil {
		return nil, err
	}
	next := func(v state.View) (module.Change, error) {
		return m.Plan(a, module.Inputs{Now: now, Diff: true, Check: h.check}, v)
	}
	for range 20 {
		v := state.NewHostView()
		c, err := next(v)
		for range 10 {
			if err != nil || len(c.Need) == 0 {
				break
			}
			for _, q := range c.Need {
				v.Learn(h.answer(q))
			}
			c, err = next(v)
		}
		if err != nil || len(c.Ops) == 0 || h.check {
			return c.Result, err
		}
		var did []state.OpResult
		for _, op := range c.Ops {
			r := state.OpResult{OK: true}
			text := op.String()
			switch o := op.(type) {
			case state.Exec:
				if len(h.said) > 0 {
					r, h.said = h.said[0], h.said[1:]
				}
				if o.HasStdin {
					text += " <" + strings.TrimRight(string(o.Stdin), "\n")
				}
			case state.WriteFile:
				text = "write " + o.Path + " " + value.String(string(o.Content.Data)).Repr()
			}
			h.ran, did = append(h.ran, text), append(did, r)
		}
		if c.Then == nil {
			return c.Result, nil
		}
		next = func(v state.View) (module.Change, error) { return c.Then(v, did) }
	}
	t.Fatal("it never ends")
	return nil, nil
}

// expect runs a module and compares what ran, whether something changed, or
// how the message of the failure begins.
func (h *fakeHost) expect(t *testing.T, name string, m module.Module, args *value.Map, ran, fails string) *value.Map {
	t.Helper()
	got, err := h.run(t, m, args)
	switch {
	case fails != "":
		if err == nil || !strings.HasPrefix(err.Error(), fails) {
			t.Errorf("%s: got %v, want %q", name, err, fails)
		}
		return got
	case err != nil:
		t.Errorf("%s: %v", name, err)
		return value.NewMap()
	}
	if strings.Join(h.ran, "|") != ran {
		t.Errorf("%s: ran %q", name, h.ran)
	}
	return got
}

func field(m *value.Map, name string) string {
	v, _ := m.Get(name)
	return v.Text()
}
