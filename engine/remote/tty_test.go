package remote_test

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/internal/testbed"
	"github.com/fairlead-project/fairlead/engine/remote"
	"github.com/fairlead-project/fairlead/engine/state"
)

// A host that lets nobody become another without a terminal.
func TestBedRequireTTY(t *testing.T) {
	b := testbed.Need(t)
	for name, as := range map[string]state.Identity{
		"no password": {Method: "sudo"}, "password": {Method: "sudo", Password: b.Password("strict")}, "other": {Method: "sudo", User: "ops"},
	} {
		t.Run(name, func(t *testing.T) {
			h := bedHost(t, bedConfig(b, b.Sudo(), "strict"), remote.Options{})
			out := do(t, h, state.Batch{As: as, Ops: []state.Op{
				state.Exec{Shell: `id -un; printf '\000\377\r\n\003\004'; printf 'a\nb\r\n' >&2`},
			}, Ask: []state.Query{state.Login{}}})
			allOK(t, out, 1)
			user := map[bool]string{true: "ops", false: "root"}[as.User == "ops"]
			if got := string(out.Results[0].Stdout); got != user+"\n\x00\xff\r\n\x03\x04" {
				t.Errorf("stdout %q", got)
			}
			if got := string(out.Results[0].Stderr); got != "a\nb\r\n" {
				t.Errorf("stderr %q", got)
			}
			if user == "root" {
				dir, names := uploadDir(t, h, as, "strict")
				content, _ := made(9, 10*mib, nil)
				small, _ := made(10, 2*mib, nil)
				out = do(t, h, state.Batch{As: as, Ops: []state.Op{state.WriteFile{Path: dir + "/f", Content: content}, state.WriteFile{Path: dir + "/g", Content: small}},
					Ask: []state.Query{state.Path{Path: dir + "/f", Want: state.WantSHA256}, state.Path{Path: dir + "/g", Want: state.WantSHA256}}})
				allOK(t, out, 2)
				sumOf(t, out, 0, content)
				sumOf(t, out, 1, small)
				if got := names(); got != "f g" {
					t.Errorf("there is %q", got)
				}
			}
			out = do(t, h, state.Batch{Ops: []state.Op{state.Exec{Shell: "ls -A /tmp"}}})
			if got := string(out.Results[0].Stdout); strings.Contains(got, ".fairlead-tty") {
				t.Errorf("left in /tmp: %s", got)
			}
			t.Logf("%+v", h.Stats())
		})
	}
}
