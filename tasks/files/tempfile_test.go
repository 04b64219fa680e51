package files

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/value"
)

func TestTempfile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		args         *value.Map
		ops, results string
	}{
		{"a file", value.M("path", "/d"), `write /d/ansible.aaaaaaaa "" 0600`, "changed=True path=/d/ansible.aaaaaaaa mode=0600 state=file size=0 owner=root"},
		{"a folder", value.M("path", "/d", "state", "directory", "prefix", "p.", "suffix", ".s"), "mkdir /d/p.aaaaaaaa.s 0700", "changed=True path=/d/p.aaaaaaaa.s mode=0700 state=directory"},
		{"the name is taken", value.M("path", "/d", "prefix", "x"), `write /d/xbaaaaaaa "" 0600`, "path=/d/xbaaaaaaa"},
		{"default folder", value.M(), `write /tmp/ansible.aaaaaaaa "" 0600`, "changed=True"},
		{"no folder", value.M("path", "/d/none"), "! [Errno 2] No such file or directory: '/d/none/ansible.aaaaaaaa'", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.dir("/tmp", 0o1777)
			h.file("/d/xaaaaaaaa", "", 0o600)
			check(t, h, Tempfile(), c.args, c.ops, c.results, true)
		})
	}
}
