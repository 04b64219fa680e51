package users

import (
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/value"
)

func TestAuthorizedKey(t *testing.T) {
	t.Parallel()
	const (
		k1   = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJbtVGC2 me@here"
		k2   = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJbtVGC3 two"
		opt2 = `no-pty,command="a b" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJbtVGC3 two`
		file = "/home/app/.ssh/authorized_keys"
	)
	for name, c := range map[string]struct {
		old  string // "": no file and no folder
		args *value.Map
		want string // the new text, "" for no change
	}{
		"first":            {"", value.M("key", k1), k1 + "\n"},
		"is there":         {k1 + "\n", value.M("key", k1+"\n"), ""},
		"another":          {"# mine\n" + k1, value.M("key", k2, "key_options", `no-pty,command="a b"`), "# mine\n" + k1 + "\n" + opt2 + "\n"},
		"options go":       {opt2 + "\n" + k1 + "\n", value.M("key", k2), k1 + "\n" + k2 + "\n"},
		"comment":          {k1 + "\n", value.M("key", k1, "comment", "x"), strings.Replace(k1, "me@here", "x", 1) + "\n"},
		"exclusive":        {"# mine\n" + k1 + "\n" + k2 + "\n", value.M("key", k2, "exclusive", true), k2 + "\n"},
		"several":          {k1 + "\n", value.M("key", k1+"\n# x\n"+k2+"\n"+k2), k1 + "\n" + k2 + "\n"},
		"removed":          {k1 + "\n" + opt2 + "\n", value.M("key", k2, "state", "absent"), k1 + "\n"},
		"nothing to do":    {k1 + "\n", value.M("key", k2, "state", "absent"), ""},
		"no comment":       {"", value.M("key", "ssh-dss DATA"), "ssh-dss DATA \n"},
		"order of options": {opt2 + "\n", value.M("key", k2, "key_options", `command="a b",no-pty`), ""},
		"said twice":       {"# x\n# x\n" + k1 + "\nno-pty " + k1 + "\n", value.M("key", k2), "# x\n" + k2 + "\nno-pty " + k1 + "\n"},
		"odd lines stay":   {"what is this\n", value.M("key", k1), "what is this\n" + k1 + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost()
			var ran []string
			if c.old == "" {
				ran = append(ran, "mkdir /home/app/.ssh")
			} else {
				h.files["/home/app/.ssh"], h.files[file] = "", c.old
				if c.want != "" {
					ran = append(ran, "set attributes of /home/app/.ssh")
				}
			}
			if c.want != "" {
				ran = append(ran, "write "+file+" "+value.String(c.want).Repr())
			}
			c.args.Set("user", value.String("app"))
			_, last, err := h.run(t, AuthorizedKey(), c.args)
			if err != nil || !slices.Equal(h.ran, ran) {
				t.Fatalf("%v, ran %q\nwant %q", err, h.ran, ran)
			}
			if kf, _ := last.Result.Get("keyfile"); kf.Text() != file {
				t.Errorf("result %s", jsonOf(last.Result))
			}
			h.ran = nil
			if _, _, err = h.run(t, AuthorizedKey(), c.args); err != nil || slices.ContainsFunc(h.ran, func(s string) bool { return strings.HasPrefix(s, "write") }) {
				t.Errorf("again: %v, %q", err, h.ran)
			}
		})
	}
}

func TestAuthorizedKeyFails(t *testing.T) {
	t.Parallel()
	_, _, err := newHost().run(t, AuthorizedKey(), value.M("user", "app", "key", "bad key"))
	checkFails(t, err, "invalid key specified: bad key")
	_, _, err = newHost().run(t, AuthorizedKey(), value.M("user", "none", "key", "ssh-rsa AAAA"))
	checkFails(t, err, `Failed to lookup user none: "getpwnam(): name not found: 'none'"`)
	_, _, err = newHost().run(t, AuthorizedKey(), value.M("user", "app", "key", "ssh-new AAAA"))
	checkFails(t, err, "invalid key specified: ssh-new AAAA")
}
