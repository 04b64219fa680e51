package users

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// planned plans in check mode on a host of which these answers are known.
func planned(t *testing.T, m module.Module, args *value.Map, files map[string]string, others ...state.Answer) module.Change {
	t.Helper()
	a, err := m.Decode(args, diag.Pos{})
	if err != nil {
		t.Fatal(err)
	}
	v := state.NewHostView()
	v.Learn(state.Answer{Query: state.Login{}, Value: state.LoginInfo{User: "root", Home: "/root", Umask: 0o022}})
	for _, o := range others {
		v.Learn(o)
	}
	dir := state.Stat{Type: state.TypeDir, Mode: 0o755}
	for range 20 {
		c, err := m.Plan(a, module.Inputs{Check: true}, v)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Need) == 0 {
			return c
		}
		for _, q := range c.Need {
			answer := state.Answer{Query: q}
			switch q := q.(type) {
			case state.User:
				answer.Value = state.UserInfo{}
			case state.Group:
				answer.Value = state.GroupInfo{}
			case state.Tree:
				answer.Value = []state.TreeEntry{{Rel: ".profile", Stat: state.Stat{Type: state.TypeFile, Mode: 0o644}}, {Rel: "bin", Stat: dir}}
			case state.Path:
				f := state.File{Canonical: q.Path, Resolved: q.Path, Parent: dir}
				if text, is := files[q.Path]; is {
					f.Stat, f.Content, f.SHA256 = state.Stat{Type: state.TypeFile, Mode: 0o644, Size: int64(len(text))}, []byte(text), state.Bytes([]byte(text)).SHA256
				} else if q.Path == "/home" || q.Path == "/etc/skel" {
					f.Stat = dir
				}
				f.Followed = f.Stat
				answer.Value = f
			}
			v.Learn(answer)
		}
	}
	t.Fatal("it never ends")
	return module.Change{}
}

// What a plan goes on with where a user is to be made.
func TestForetoldUser(t *testing.T) {
	t.Parallel()
	skel := map[string]string{"/etc/skel/.profile": "p"}
	for name, c := range map[string]struct {
		args  []any
		files map[string]string
		ops   string
		user  state.UserInfo
		group int // of the group that is made, 0 for none
	}{
		"new": {nil, skel, "mkdir /home/zed 0755|copy /etc/skel/.profile to /home/zed/.profile|mkdir /home/zed/bin",
			state.UserInfo{Exists: true, Name: "zed", UID: state.ToCome("zed"), GID: state.ToCome("zed"), Home: "/home/zed"}, state.ToCome("zed")},
		"home mode": {[]any{"uid", 70}, map[string]string{"/etc/login.defs": "UMASK 027\nHOME_MODE\t0700\n", "/etc/skel/.profile": "p"},
			"mkdir /home/zed 0700|copy /etc/skel/.profile to /home/zed/.profile|mkdir /home/zed/bin",
			state.UserInfo{Exists: true, Name: "zed", UID: 70, GID: state.ToCome("zed"), Home: "/home/zed"}, state.ToCome("zed")},
		"no home": {[]any{"create_home", false, "shell", "/bin/sh"}, nil, "",
			state.UserInfo{Exists: true, Name: "zed", UID: state.ToCome("zed"), GID: state.ToCome("zed"), Home: "/home/zed", Shell: "/bin/sh"}, state.ToCome("zed")},
		"no groups of their own": {[]any{"create_home", false}, map[string]string{"/etc/login.defs": "USERGROUPS_ENAB no\n", "/etc/default/useradd": "SHELL=/bin/bash\nHOME=/home\n"}, "",
			state.UserInfo{Exists: true, Name: "zed", UID: state.ToCome("zed"), GID: 100, Home: "/home/zed", Shell: "/bin/bash"}, 0},
	} {
		got := planned(t, User(), value.M(append([]any{"name", "zed"}, c.args...)...), c.files).Foretold
		if got == nil || len(got.Users) != 1 || got.Users[0] != c.user || !got.New {
			t.Errorf("%s: %+v, want the user %+v", name, got, c.user)
			continue
		}
		var ops []string
		for _, op := range got.Ops {
			text := op.String()
			if d, is := op.(state.Mkdir); is && d.Path == "/home/zed" {
				text += " " + module.ModeString(*d.Attrs.Mode)
			}
			ops = append(ops, text)
		}
		if text := strings.Join(ops, "|"); text != c.ops {
			t.Errorf("%s: %s, want %s", name, text, c.ops)
		}
		if len(got.Groups) > 0 && got.Groups[0].GID != c.group || len(got.Groups) == 0 && c.group != 0 {
			t.Errorf("%s: groups %+v, want %d", name, got.Groups, c.group)
		}
	}
	moves := planned(t, User(), value.M("name", "zed", "home", "/srv/zed", "move_home", true), map[string]string{},
		state.Answer{Query: state.User{Name: "zed"}, Value: state.UserInfo{Exists: true, Name: "zed", UID: 5, GID: 5, Home: "/home/zed"}})
	if moves.Foretold != nil {
		t.Error("a home that moves is foretold, though nobody looked what is in it")
	}
	if g := planned(t, Group(), value.M("name", "crew", "gid", 44), nil).Foretold; g == nil || !g.Groups[0].Exists || g.Groups[0].Name != "crew" || g.Groups[0].GID != 44 {
		t.Errorf("a group: %+v", g)
	}
}
