package users

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestGetent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args *value.Map
		said state.OpResult
		ran  string
		want string // or "! failure"
	}{
		"a user":        {value.M("database", "passwd", "key", "root"), state.OpResult{Stdout: []byte("root:x:0:0:root:/root:/bin/sh\n")}, "getent passwd root", `{"changed":false,"ansible_facts":{"getent_passwd":{"root":["x","0","0","root","/root","/bin/sh"]}}}`},
		"blanks":        {value.M("database", "services", "service", "files"), state.OpResult{Stdout: []byte("ssh                   22/tcp\n")}, "getent services -s files", `{"changed":false,"ansible_facts":{"getent_services":{"ssh":["22/tcp"]}}}`},
		"split":         {value.M("database", "own", "split", "=", "key", "a"), state.OpResult{Stdout: []byte("a=1=2\n")}, "getent own a", `{"changed":false,"ansible_facts":{"getent_own":{"a":["1","2"]}}}`},
		"no such key":   {value.M("database", "passwd", "key", "x"), state.OpResult{RC: 2}, "getent passwd x", "! " + noKey},
		"may be none":   {value.M("database", "passwd", "key", "x", "fail_key", false), state.OpResult{RC: 2}, "getent passwd x", `{"changed":false,"ansible_facts":{"getent_passwd":{"x":null}},"msg":"` + noKey + `"}`},
		"no database":   {value.M("database", "none"), state.OpResult{RC: 1}, "getent none", "! Missing arguments, or database unknown."},
		"no list":       {value.M("database", "ahosts"), state.OpResult{RC: 3}, "getent ahosts", "! Enumeration not supported on this database."},
		"other":         {value.M("database", "ahosts"), state.OpResult{RC: 9}, "getent ahosts", "! Unexpected failure!"},
		"nothing in it": {value.M("database", "aliases"), state.OpResult{}, "getent aliases", `{"changed":false,"ansible_facts":{"getent_aliases":{}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost()
			h.said = c.said
			_, last, err := h.run(t, Getent(), c.args)
			if len(h.ran) != 1 || h.ran[0] != c.ran {
				t.Errorf("ran %q, want %q", h.ran, c.ran)
			}
			if c.want[0] == '!' {
				checkFails(t, err, c.want[2:])
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := jsonOf(last.Result); got != c.want {
				t.Errorf("result %s, want %s", got, c.want)
			}
			if _, ok := last.Do[0].(module.SetFacts); !ok {
				t.Errorf("directives %#v", last.Do)
			}
		})
	}
}
