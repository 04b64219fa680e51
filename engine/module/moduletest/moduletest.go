// Package moduletest runs modules in tests without a host: what a host would
// answer and how commands end is given, and what would be done is noted.
package moduletest

import (
	"context"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Host stands for a host on which root acts.
type Host struct {
	// Files holds contents by path; those that end in a slash are folders.
	Files map[string]string
	// Outs is what scripts that only look print, in the order in which they are
	// asked; the last one again and again. Said is how operations end, alike.
	Outs []state.OutputInfo
	Said []state.OpResult
	// Then, when set, is told of each operation that was done.
	Then func(op string)
	// Dial, when set, is how a talk with a server gets its connections; it has no
	// other ones.
	Dial state.Dialer
	// Check runs no operation, but those that only look.
	Check bool

	// Asked are the scripts' arguments, Ran the operations.
	Asked [][]string
	Ran   []string
}

// Printed are scripts that print something and end well.
func Printed(texts ...string) []state.OutputInfo {
	out := make([]state.OutputInfo, len(texts))
	for i, t := range texts {
		out[i].Stdout = t
	}
	return out
}

// Ended is how a command ends.
func Ended(rc int, stdout, stderr string) state.OpResult {
	return state.OpResult{OK: true, RC: rc, Stdout: []byte(stdout), Stderr: []byte(stderr)}
}

func (h *Host) answer(q state.Query) state.Answer {
	a := state.Answer{Query: q}
	switch q := q.(type) {
	case state.Login:
		a.Value = state.LoginInfo{User: "root", Home: "/root", Umask: 0o022}
	case state.Output:
		h.Asked = append(h.Asked, q.Params())
		out := state.OutputInfo{}
		if len(h.Outs) > 0 {
			out = h.Outs[0]
		}
		if len(h.Outs) > 1 {
			h.Outs = h.Outs[1:]
		}
		a.Value = out
	case state.Path:
		a.Value = h.file(q.Path)
	case state.User:
		a.Value = state.UserInfo{Exists: true, Name: q.Name}
	case state.Group:
		a.Value = state.GroupInfo{Exists: true, Name: q.Name}
	}
	return a
}

func (h *Host) file(p string) state.File {
	f := state.File{Canonical: p, Resolved: p}
	if h.isFolder(path.Dir(p)) {
		f.Parent = folder
	}
	text, is := h.Files[p]
	switch {
	case is:
		f.Stat = state.Stat{Type: state.TypeFile, Mode: 0o644, Size: int64(len(text)), Nlink: 1, User: "root", Group: "root"}
		f.Content, f.SHA256 = []byte(text), state.Bytes([]byte(text)).SHA256
	case h.isFolder(p):
		f.Stat = folder
	}
	f.Followed = f.Stat
	return f
}

var folder = state.Stat{Type: state.TypeDir, Mode: 0o755, Nlink: 2, User: "root", Group: "root"}

func (h *Host) isFolder(p string) bool {
	for name := range h.Files {
		if strings.HasPrefix(name, p+"/") {
			return true
		}
	}
	return p == "/"
}

// Run plans and applies until nothing is left, and gives what is registered.
// In check it gives what is predicted.
func (h *Host) Run(t *testing.T, m module.Module, args *value.Map) (*value.Map, error) {
	t.Helper()
	a, err := m.Decode(args, diag.Pos{})
	if err != nil {
		return nil, err
	}
	next := func(v state.View) (module.Change, error) {
		return m.Plan(a, module.Inputs{Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Diff: true, Check: h.Check}, v)
	}
	for range 20 {
		c, err := h.settle(next)
		if err != nil || len(c.Ops) == 0 || h.Check && !c.Looks {
			return c.Result, err
		}
		did := h.apply(c.Ops)
		if i := slices.IndexFunc(did, func(r state.OpResult) bool { return !r.OK }); i >= 0 {
			if c.Failed != nil {
				return nil, c.Failed(i, did[i])
			}
			return nil, module.Fail(did[i].Msg)
		}
		if c.Then == nil {
			return c.Result, nil
		}
		next = func(v state.View) (module.Change, error) { return c.Then(v, did) }
	}
	t.Fatalf("%s: it never ends", m.Spec().Name)
	return nil, nil
}

// settle calls a plan until it has all that it asks for.
func (h *Host) settle(next func(state.View) (module.Change, error)) (module.Change, error) {
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
	return c, err
}

func (h *Host) apply(ops []state.Op) (did []state.OpResult) {
	for _, op := range ops {
		r := state.OpResult{OK: true}
		text := op.String()
		switch o := op.(type) {
		case state.HTTPRequest:
			r = h.said(r)
		case state.Talk:
			said, err := o.With(context.Background(), h.Dial)
			end := state.TalkEnd{Said: said, Err: err}
			if err != nil {
				end.Msg = err.Error()
			}
			r.Data = end
		case state.Exec:
			r = h.said(r)
			if text = strings.Join(o.Argv, " "); o.Shell != "" {
				text = o.Shell
			}
			if o.HasStdin {
				text += " <" + strings.TrimRight(string(o.Stdin), "\n")
			}
		case state.WriteFile:
			text = "write " + o.Path + " " + value.String(string(o.Content.Data)).Repr()
			if h.Files == nil {
				h.Files = map[string]string{}
			}
			h.Files[o.Path] = string(o.Content.Data)
		}
		h.Ran, did = append(h.Ran, text), append(did, r)
		if h.Then != nil {
			h.Then(text)
		}
	}
	return did
}

// said is how the next operation ends.
func (h *Host) said(r state.OpResult) state.OpResult {
	if len(h.Said) > 0 {
		r = h.Said[0]
	}
	if len(h.Said) > 1 {
		h.Said = h.Said[1:]
	}
	return r
}

// Expect runs a module; it compares what ran, joined by "|", and whether the
// result says that something changed. A want that begins with "! " is how the
// message of the failure begins.
func (h *Host) Expect(t *testing.T, name string, m module.Module, args *value.Map, want string) *value.Map {
	t.Helper()
	got, err := h.Run(t, m, args)
	if fails, ok := strings.CutPrefix(want, "! "); ok {
		if err == nil || !strings.HasPrefix(err.Error(), fails) {
			t.Errorf("%s: got %v, want the failure %q", name, err, fails)
		}
		return got
	}
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return value.NewMap()
	}
	if ran := strings.Join(h.Ran, "|"); ran != want {
		t.Errorf("%s: ran %s\nwant %s", name, ran, want)
	}
	return got
}
