package users

import (
	"errors"
	"path"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// host is the host of a test: its accounts and files, what commands end with,
// and what they leave behind.
type host struct {
	users  map[string]state.UserInfo
	groups map[string]state.GroupInfo
	files  map[string]string
	said   state.OpResult
	after  func(h *host) // what the commands do
	ran    []string
}

func newHost() *host {
	app := state.UserInfo{Exists: true, Name: "app", UID: 1000, GID: 1000, Gecos: "an app", Home: "/home/app", Shell: "/bin/sh"}
	return &host{
		users: map[string]state.UserInfo{"app": app, "root": {Exists: true, Name: "root", Home: "/root"}},
		groups: map[string]state.GroupInfo{"app": {Exists: true, Name: "app", GID: 1000}, "1000": {Exists: true, Name: "app", GID: 1000},
			"adm": {Exists: true, Name: "adm", GID: 4}, "www": {Exists: true, Name: "www", GID: 33}, "0": {Exists: true, Name: "root"}},
		files: map[string]string{"/etc/group": "app:x:1000:\nadm:x:4:root,app\nwww:x:33:\n",
			"/etc/shadow": "app:$6$salt$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:19000:0:99999:7:::\n", "/home/app": "", "/home": "", "/": ""},
	}
}

func (h *host) answer(q state.Query) state.Answer {
	a := state.Answer{Query: q}
	switch q := q.(type) {
	case state.Login:
		a.Value = state.LoginInfo{User: "root", Home: "/root", Umask: 0o022}
	case state.User:
		a.Value = h.users[q.Name]
	case state.Group:
		a.Value = h.groups[q.Name]
	case state.Path:
		f := state.File{Canonical: q.Path, Resolved: q.Path}
		if text, ok := h.files[q.Path]; ok {
			f.Stat = state.Stat{Type: state.TypeFile, Mode: 0o600, Size: int64(len(text)), Nlink: 1, UID: 1000, GID: 1000}
			if text == "" {
				f.Stat.Type, f.Stat.Mode = state.TypeDir, 0o755
			}
			f.Content = []byte(text)
		}
		if _, ok := h.files[path.Dir(q.Path)]; ok {
			f.Parent = state.Stat{Type: state.TypeDir, Mode: 0o755}
		}
		f.Followed = f.Stat
		a.Value = f
	}
	return a
}

// run plans and applies a task until nothing is left to do. It gives what was
// predicted, and what is registered in the end.
func (h *host) run(t *testing.T, m module.Module, args *value.Map) (first, last module.Change, err error) {
	t.Helper()
	a, err := m.Decode(args, diag.Pos{})
	if err != nil {
		return first, last, err
	}
	next := func(v state.View) (module.Change, error) { return m.Plan(a, module.Inputs{Diff: true}, v) }
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
			return first, c, err
		}
		did := h.apply(c.Ops)
		if c.Then == nil {
			return first, c, nil
		}
		next = func(v state.View) (module.Change, error) { return c.Then(v, did) }
	}
	t.Fatal("it never ends")
	return first, last, nil
}

func (h *host) apply(ops []state.Op) (did []state.OpResult) {
	for _, op := range ops {
		text := op.String()
		switch o := op.(type) {
		case state.Exec:
			text = strings.Join(o.Argv, " ")
			if o.Shell != "" {
				text = o.Shell
			}
			if o.HasStdin {
				text += " <" + strings.TrimSuffix(string(o.Stdin), "\n")
			}
		case state.WriteFile:
			text = "write " + o.Path + " " + value.String(string(o.Content.Data)).Repr()
			h.files[o.Path] = string(o.Content.Data)
		case state.Mkdir:
			h.files[o.Path] = ""
		}
		h.ran = append(h.ran, text)
		r := h.said
		r.OK = true
		did = append(did, r)
	}
	if h.after != nil {
		h.after(h)
	}
	return did
}

// checkFails tells whether err is a failure that starts with want.
func checkFails(t *testing.T, err error, want string) {
	t.Helper()
	if f, ok := errors.AsType[*module.Failure](err); !ok || !strings.HasPrefix(f.Msg, want) {
		t.Errorf("got %v, want a failure %q", err, want)
	}
}

func jsonOf(m *value.Map) string {
	data, err := m.MarshalJSON()
	if err != nil {
		return err.Error()
	}
	return string(data)
}
