package system

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// applied runs a module on files until nothing is left to do; commands end as said.
func applied(t *testing.T, m module.Module, files map[string]string, said state.OpResult, args *value.Map) (*value.Map, []string, error) {
	t.Helper()
	a, err := m.Decode(args, diag.Pos{})
	if err != nil {
		return nil, nil, err
	}
	var ran []string
	next := func(v state.View) (module.Change, error) { return m.Plan(a, module.Inputs{Diff: true}, v) }
	for range 10 {
		v := state.NewHostView()
		c, err := next(v)
		for range 5 {
			for _, q := range c.Need {
				ans := state.Answer{Query: q, Value: state.LoginInfo{User: "root", Home: "/root"}}
				if p, ok := q.(state.Path); ok {
					f := state.File{Canonical: p.Path, Resolved: p.Path, Parent: state.Stat{Type: state.TypeDir}}
					if text, ok := files[p.Path]; ok {
						f.Stat, f.Content = state.Stat{Type: state.TypeFile, Mode: 0o644, Nlink: 1}, []byte(text)
					}
					f.Followed = f.Stat
					ans.Value = f
				}
				v.Learn(ans)
			}
			if len(c.Need) > 0 && err == nil {
				c, err = next(v)
			}
		}
		if err != nil || len(c.Ops) == 0 {
			return c.Result, ran, err
		}
		var did []state.OpResult
		for _, op := range c.Ops {
			r := state.OpResult{OK: true}
			switch o := op.(type) {
			case state.Exec:
				r = said
				r.OK = true
				ran = append(ran, strings.Join(o.Argv, " "))
			case state.WriteFile:
				files[o.Path] = string(o.Content.Data)
				ran = append(ran, "write")
			}
			did = append(did, r)
		}
		if c.Then == nil {
			return c.Result, ran, nil
		}
		next = func(v state.View) (module.Change, error) { return c.Then(v, did) }
	}
	t.Fatal("it never ends")
	return nil, nil, nil
}

func TestSysctl(t *testing.T) {
	t.Parallel()
	const file, proc = "/etc/sysctl.conf", "/proc/sys/net/ipv4/ip_forward"
	for name, c := range map[string]struct {
		old, live string
		args      *value.Map
		want      string
		ran       []string
	}{
		"new":            {"# c\nvm.x = 1\n", "0\n", value.M("value", 1), "# c\nvm.x = 1\nnet.ipv4.ip_forward=1\n", []string{"write", "sysctl -p " + file}},
		"other":          {"net.ipv4.ip_forward = 0\nnet.ipv4.ip_forward=0\n", "", value.M("value", true, "reload", false), "net.ipv4.ip_forward=1\n", []string{"write"}},
		"is so":          {"net.ipv4.ip_forward = 1\n", "0\n", value.M("value", "yes"), "net.ipv4.ip_forward = 1\n", nil},
		"blanks":         {"net.ipv4.ip_forward = 1\n", "0\n", value.M("name", " net.ipv4.ip_forward ", "value", " 1 "), "net.ipv4.ip_forward = 1\n", nil},
		"is so, both":    {"net.ipv4.ip_forward=1\n", "1\n", value.M("value", "1", "sysctl_set", true), "net.ipv4.ip_forward=1\n", nil},
		"only set":       {"net.ipv4.ip_forward=1\n", "0\n", value.M("value", "1", "sysctl_set", true), "net.ipv4.ip_forward=1\n", []string{"sysctl -w net.ipv4.ip_forward=1"}},
		"set and write":  {"", "0\n", value.M("value", "1", "sysctl_set", true, "ignoreerrors", true), "net.ipv4.ip_forward=1\n", []string{"sysctl -e -w net.ipv4.ip_forward=1", "write", "sysctl -e -p " + file}},
		"set, no reload": {"", "0\n", value.M("value", "1", "sysctl_set", true, "reload", false), "net.ipv4.ip_forward=1\n", []string{"sysctl -w net.ipv4.ip_forward=1", "write"}},
		"removed":        {"a=1\nnet.ipv4.ip_forward=1\n", "", value.M("state", "absent", "reload", false), "a=1\n", []string{"write"}},
		"not there":      {"a=1\n", "", value.M("state", "absent"), "a=1\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{file: c.old, proc: c.live}
			if !c.args.Has("name") {
				c.args.Set("name", value.String("net.ipv4.ip_forward"))
			}
			r, ran, err := applied(t, Sysctl(), files, state.OpResult{}, c.args)
			if err != nil || files[file] != c.want || !slices.Equal(ran, c.ran) {
				t.Fatalf("%v, file %q, ran %q; want %q, %q", err, files[file], ran, c.want, c.ran)
			}
			if changed, _ := r.Get("changed"); changed.AsBool() != (len(c.ran) > 0) {
				t.Errorf("changed %s", changed.Text())
			}
			files[proc] = "1\n"
			if _, ran, _ = applied(t, Sysctl(), files, state.OpResult{}, c.args); len(ran) > 0 {
				t.Errorf("again: %q", ran)
			}
		})
	}
	var f *module.Failure
	files := map[string]string{}
	_, _, err := applied(t, Sysctl(), files, state.OpResult{RC: 1, Stderr: []byte("no\n")}, value.M("name", "a.b", "value", "1", "sysctl_set", true))
	if !errors.As(err, &f) || f.Msg != "setting a.b failed: no\n" || len(files) > 0 {
		t.Errorf("%v, %v", err, files)
	}
	if _, _, err = applied(t, Sysctl(), nil, state.OpResult{}, value.M("name", "a.b")); err == nil || err.Error() != "state is present but all of the following are missing: value" {
		t.Error(err)
	}
	if p := procPath("net/ipv4/conf/eth0.1/x"); p != "/proc/sys/net/ipv4/conf/eth0.1/x" {
		t.Error(p)
	}
}
