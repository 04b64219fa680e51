package system

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// fakeHost answers the questions of modules: a stand-in for a host, with files,
// what the modules' own scripts print, and how commands end.
type fakeHost struct {
	files map[string]string
	// out is what every script prints; facts are the host's.
	out   state.OutputInfo
	facts *value.Map
	said  state.OpResult
	ran   []string
	// before is what an attempt that was cut off noted.
	before string
	check  bool // it is a plan
}

func (h *fakeHost) answer(q state.Query) state.Answer {
	a := state.Answer{Query: q}
	switch q := q.(type) {
	case state.Login:
		a.Value = state.LoginInfo{User: "root", Home: "/root", Umask: 0o022}
	case state.Output:
		a.Value = h.out
	case state.Facts:
		a.Value = h.facts
	case state.Tree:
		var below []state.TreeEntry
		for _, p := range slices.Sorted(maps.Keys(h.files)) {
			if rel, ok := strings.CutPrefix(p, q.Path+"/"); ok {
				below = append(below, state.TreeEntry{Rel: rel, Stat: state.Stat{Type: state.TypeFile, Mode: 0o644}})
			}
		}
		a.Value = below
	case state.Path:
		f := state.File{Canonical: q.Path, Resolved: q.Path, Parent: state.Stat{Type: state.TypeDir, Mode: 0o755}}
		if text, ok := h.files[q.Path]; ok {
			f.Stat = state.Stat{Type: state.TypeFile, Mode: 0o644, Size: int64(len(text)), Nlink: 1}
			f.Content = []byte(text)
		}
		for p := range h.files {
			if strings.HasPrefix(p, q.Path+"/") {
				f.Stat = state.Stat{Type: state.TypeDir, Mode: 0o755, Nlink: 2}
			}
		}
		f.Followed = f.Stat
		a.Value = f
	}
	return a
}

// run plans and applies until nothing is left; it gives the first change and
// what is registered in the end.
func (h *fakeHost) run(t *testing.T, m module.Module, args *value.Map) (first module.Change, result *value.Map, err error) {
	t.Helper()
	a, err := m.Decode(args, diag.Pos{})
	if err != nil {
		return first, nil, err
	}
	next := func(v state.View) (module.Change, error) {
		return m.Plan(a, module.Inputs{Diff: true, Check: h.check, Before: h.before}, v)
	}
	for stage := range 20 {
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
		if stage == 0 {
			first = c
		}
		if err != nil || len(c.Ops) == 0 {
			return first, c.Result, err
		}
		did := h.apply(c.Ops)
		if c.Then == nil {
			return first, c.Result, nil
		}
		next = func(v state.View) (module.Change, error) { return c.Then(v, did) }
	}
	t.Fatal("it never ends")
	return first, nil, nil
}

func (h *fakeHost) apply(ops []state.Op) (did []state.OpResult) {
	for _, op := range ops {
		r := state.OpResult{OK: true}
		text := op.String()
		switch o := op.(type) {
		case state.Exec:
			r = h.said
			r.OK = true
			if text = o.Shell; text == "" {
				text = strings.Join(o.Argv, " ")
			}
			if o.HasStdin {
				text += " <" + string(o.Stdin)
			}
		case state.WriteFile:
			h.files[o.Path] = string(o.Content.Data)
			text = "write " + o.Path
		case state.Reconnect:
			r.Data = h.said.Data
			r.RC, r.Stdout, r.Stderr = h.said.RC, h.said.Stdout, h.said.Stderr
			text = o.Shell + "; until " + o.Check + " is not " + o.Not + "; " + o.Test
		}
		h.ran = append(h.ran, text)
		did = append(did, r)
	}
	return did
}

// failsWith checks the message of a failure.
func failsWith(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func changed(m *value.Map) bool {
	v, _ := m.Get("changed")
	return v.AsBool()
}
