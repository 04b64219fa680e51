package containers

import (
	"errors"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

const loginFile = "/home/x/.docker/config.json"

// loginView is a host whose user x has this docker configuration ("": none).
func loginView(config string) *view {
	dir := state.File{Stat: state.Stat{Type: state.TypeDir}, Followed: state.Stat{Type: state.TypeDir}}
	v := &view{known: map[state.Query]any{state.Login{}: state.LoginInfo{User: "x", Home: "/home/x"}},
		files: map[string]state.File{"/home/x": dir}}
	if config != "" {
		v.files["/home/x/.docker"], v.files[loginFile] = dir, file(config)
	}
	return v
}

func planned(t *testing.T, m module.Module, v state.View, args ...any) module.Change {
	t.Helper()
	c, err := m.Plan(decode(t, m, args...), module.Inputs{}, v)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Need) > 0 {
		t.Fatalf("asks for %v", c.Need)
	}
	return c
}

func ops(c module.Change) string {
	var out []string
	for _, op := range c.Ops {
		out = append(out, op.String())
	}
	return strings.Join(out, "; ")
}

func TestLogin(t *testing.T) {
	t.Parallel()
	const kept = `{"auths": {"r.example.com:5000": {"auth": "dTpw"}, "other": {"auth": "YTpi"}}, "HttpHeaders": {"A": "<b>"}}`
	args := func(more ...any) []any {
		return append([]any{"registry", "r.example.com:5000", "username", "u", "password", "p"}, more...)
	}
	for name, tt := range map[string]struct {
		config string
		args   []any
		ops    string
		write  string // in the file that is written
	}{
		"first": {"", args(), "log into r.example.com:5000 as u; mkdir /home/x/.docker; write " + loginFile + " (93 bytes)",
			"{\n    \"auths\": {\n        \"r.example.com:5000\": {\n            \"auth\": \"dTpw\"\n        }\n    }\n}"},
		"kept": {kept, args(), "", ""},
		"again": {kept, args("reauth", true), "log into r.example.com:5000 as u; write " + loginFile + " (197 bytes)",
			`"A": "<b>"`},
		"other password":  {kept, args("password", "q"), "log into r.example.com:5000 as u; write " + loginFile + " (197 bytes)", "dTpx"},
		"other registry":  {kept, args("registry", "new"), "log into new as u; write " + loginFile + " (252 bytes)", `"new"`},
		"out":             {kept, args("state", "absent"), "write " + loginFile + " (127 bytes)", `"other"`},
		"out, not in":     {kept, []any{"state", "absent", "url", "none"}, "", ""},
		"helper":          {`{"credsStore": "pass"}`, args(), "run docker-credential-pass get", ""},
		"helper for one":  {`{"credHelpers": {"r.example.com:5000": "x"}}`, args(), "run docker-credential-x get", ""},
		"helper for none": {`{"credHelpers": {"else": "x"}, "auths": {"r.example.com:5000": {"auth": "dTpw"}}}`, args(), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := planned(t, newLogin(), loginView(tt.config), tt.args...)
			if got := ops(c); got != tt.ops {
				t.Errorf("operations %s\nwant %s", got, tt.ops)
			}
			for _, op := range c.Ops {
				w, ok := op.(state.WriteFile)
				if ok && !strings.Contains(string(w.Content.Data), tt.write) {
					t.Errorf("wrote %s", w.Content.Data)
				}
				if ok && (w.Attrs.Mode == nil) != (tt.config != "") {
					t.Error("a new file is for its user alone, the mode of an old one stays")
				}
			}
			changed, _ := c.Result.Get("changed")
			if !changed.IsUnknown() && changed.AsBool() != (len(c.Ops) > 0) {
				t.Errorf("changed %v with %s", changed, ops(c))
			}
		})
	}
}

func TestLoginFails(t *testing.T) {
	t.Parallel()
	m := newLogin()
	if _, err := m.Decode(value.M("username", "u"), diag.Pos{}); err == nil || !strings.Contains(err.Error(), "password") {
		t.Errorf("no password: %v", err)
	}
	_, err := m.Plan(decode(t, m, "username", "u", "password", "p"), module.Inputs{}, loginView("{"))
	if f := (*module.Failure)(nil); !errors.As(err, &f) || !strings.Contains(f.Msg, "is no docker configuration") {
		t.Errorf("a broken file: %v", err)
	}
	c := planned(t, m, loginView(""), "username", "u", "password", "p")
	if f := c.Failed(0, state.OpResult{Msg: "unauthorized"}); !strings.Contains(f.Msg, "Logging into https://index.docker.io/v1/ for user u failed - unauthorized") {
		t.Error(f.Msg)
	}
}

// TestLoginHelper: what the helper keeps decides, and it gets the secret on its
// standard input.
func TestLoginHelper(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		get   state.OpResult
		state string
		ops   string
		fails string
	}{
		"none":      {state.OpResult{RC: 1, Stdout: []byte("credentials not found")}, "present", "log into r as u; run docker-credential-pass store", ""},
		"kept":      {state.OpResult{Stdout: []byte(`{"Username":"u","Secret":"p"}`)}, "present", "", ""},
		"other":     {state.OpResult{Stdout: []byte(`{"Username":"u","Secret":"q"}`)}, "present", "log into r as u; run docker-credential-pass store", ""},
		"out":       {state.OpResult{Stdout: []byte(`{"Username":"u","Secret":"q"}`)}, "absent", "run docker-credential-pass erase", ""},
		"out, none": {state.OpResult{RC: 1}, "absent", "", ""},
		"no helper": {state.OpResult{RC: 127}, "present", "", "is not on the host's path"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := loginView(`{"credsStore": "pass"}`)
			c := planned(t, newLogin(), v, "registry", "r", "username", "u", "password", "p", "state", tt.state)
			next, err := c.Then(v, []state.OpResult{tt.get})
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) {
					t.Fatalf("%v", err)
				}
				return
			}
			if err != nil || ops(next) != tt.ops {
				t.Fatalf("%v: operations %s, want %s", err, ops(next), tt.ops)
			}
			for _, op := range next.Ops {
				if x, ok := op.(state.Exec); ok && strings.Contains(strings.Join(x.Argv, " ")+x.String(), "p\"") {
					t.Error("the secret is in the command")
				}
			}
		})
	}
}
