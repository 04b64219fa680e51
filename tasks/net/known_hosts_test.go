package net

import (
	"errors"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// planKnownOn plans known_hosts where the file holds a text; "-": there is none.
func planKnownOn(t *testing.T, text string, args *value.Map) (module.Change, error) {
	t.Helper()
	m := KnownHosts()
	a, err := m.Decode(args, diag.Pos{})
	if err != nil {
		return module.Change{}, err
	}
	v := state.NewHostView()
	for range 6 {
		c, err := m.Plan(a, module.Inputs{Diff: true}, v)
		if err != nil || len(c.Need) == 0 {
			return c, err
		}
		for _, q := range c.Need {
			ans := state.Answer{Query: q, Value: state.LoginInfo{User: "root", Group: "root", Home: "/root", Umask: 0o022}}
			if p, ok := q.(state.Path); ok {
				dir := state.Stat{Type: state.TypeDir, Mode: 0o700, Nlink: 2}
				f := state.File{Canonical: p.Path, Resolved: p.Path, Parent: dir}
				switch {
				case text == "-":
				case p.Path == "/root/.ssh":
					f.Stat = dir
				default:
					f.Stat = state.Stat{Type: state.TypeFile, Mode: 0o600, Size: int64(len(text)), Nlink: 1, User: "root", Group: "root"}
					f.Content = []byte(text)
				}
				f.Followed = f.Stat
				ans.Value = f
			}
			v.Learn(ans)
		}
	}
	t.Fatal("it never has what it needs")
	return module.Change{}, nil
}

func TestKnownHosts(t *testing.T) {
	t.Parallel()
	const (
		k1     = "h1 ssh-ed25519 AAAAone"
		k2     = "h1 ssh-ed25519 AAAAtwo"
		rsa    = "h1 ssh-rsa AAAArsa"
		hashed = "|1|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|"
	)
	hash := hashed + sumOf(make([]byte, 20), "h1") + " ssh-ed25519 AAAAone"
	for name, c := range map[string]struct {
		old  string
		args *value.Map
		want string // new text, "=" unchanged, "! failure"
	}{
		"first":          {"", value.M("key", k1), k1 + "\n"},
		"is there":       {"# c\n" + k1 + "\n", value.M("key", k1), "="},
		"among names":    {"x,h1 ssh-ed25519 AAAAone\n", value.M("key", k1), "="},
		"other key":      {k1 + "\n" + rsa + "\n", value.M("key", k2), rsa + "\n" + k2 + "\n"},
		"other kind":     {rsa, value.M("key", k1), rsa + "\n" + k1 + "\n"},
		"hashed":         {k1 + "\n", value.M("key", k1, "hash_host", true), hash + "\n"},
		"hashed already": {hash + "\n", value.M("key", k1, "hash_host", true), "="},
		"all removed":    {hash + "\n" + rsa + "\nh2 ssh-rsa AAAA\n", value.M("state", "absent"), "h2 ssh-rsa AAAA\n"},
		"one removed":    {k1 + "\n" + rsa + "\n", value.M("state", "absent", "key", rsa), k1 + "\n"},
		"nothing there":  {"-", value.M("state", "absent"), "="},
		"no key":         {"", value.M(), "! No key specified when adding a host"},
		"other host":     {"", value.M("key", "h2 ssh-rsa AAAA"), "! Host parameter does not match hashed host field in supplied key"},
		"no line":        {"", value.M("key", "h1"), "! Host parameter does not match hashed host field in supplied key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.args.Set("name", value.String("h1"))
			got, err := planKnownOn(t, c.old, c.args)
			if want, fails := strings.CutPrefix(c.want, "! "); fails {
				if f, ok := errors.AsType[*module.Failure](err); !ok || f.Msg != want {
					t.Errorf("got %v, want a failure %q", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			text := "="
			for _, op := range got.Ops {
				if w, ok := op.(state.WriteFile); ok {
					text = string(w.Content.Data)
				}
			}
			if text != c.want {
				t.Fatalf("text %q, want %q", text, c.want)
			}
			if changed, _ := got.Result.Get("changed"); changed.AsBool() != (c.want != "=") {
				t.Errorf("changed %s", changed.Text())
			}
			if c.want != "=" {
				if again, err := planKnownOn(t, text, c.args); err != nil || len(again.Ops) > 0 {
					t.Errorf("again: %v %v", err, again.Ops)
				}
			}
		})
	}
}
