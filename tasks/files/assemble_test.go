package files

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/value"
)

func TestAssemble(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		args         *value.Map
		ops, results string
	}{
		{"joined", value.M(), `write /d/out ".h\n2\n3\n4"`, "changed=True msg=OK src=/d/parts dest=/d/out size=8 state=file"},
		{"delimiter", value.M("delimiter", "D", "ignore_hidden", true), `write /d/out "2\nD\n3\nD\n4"`, "changed=True"},
		{"delimiter with a newline", value.M("delimiter", `\n-\n`, "regexp", "^[bc]"), `write /d/out "2\n\n-\n3\n"`, "changed=True"},
		{"mode", value.M("regexp", "^b$", "mode", "0600"), `write /d/out "2\n" 0600`, "mode=0600"},
		{"is so", value.M("dest", "/d/same"), "", ""},
		{"from here", value.M("remote_src", false, "src", "parts", "delimiter", `-\n`), `write /d/out "one\n-\n\ntwo"`, "changed=True src=/c/files/parts"},
		{"no source", value.M("src", "/d/none"), "! Source (/d/none) does not exist", ""},
		{"no folder", value.M("src", "/d/same"), "! Source (/d/same) is not a directory", ""},
		{"not found here", value.M("remote_src", false, "src", "nope"), "! Could not find or access 'nope'", ""},
		{"onto a folder", value.M("dest", "/d"), "! attempted to take checksum of directory: /d", ""},
		{"into nowhere", value.M("dest", "/d/x/y"), "! Destination directory /d/x does not exist", ""},
		{"bad pattern", value.M("regexp", "("), "! Invalid Regexp (", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.dir("/d/parts", 0o755)
			h.file("/d/parts/c", "3\n", 0o644)
			h.file("/d/parts/b", "2\n", 0o644)
			h.file("/d/parts/.h", ".h", 0o644)
			h.link("/d/parts/e", "/d/four")
			h.file("/d/four", "4", 0o644)
			h.dir("/d/parts/sub", 0o755)
			h.file("/d/parts/sub/z", "no", 0o644)
			h.file("/d/same", ".h\n2\n3\n4", 0o644)
			h.in.Sources = sources{"/c/files/parts/1": "one\n", "/c/files/parts/2": "two", "/c/files/parts/s/3": "no"}
			for k, v := range value.M("src", "/d/parts", "dest", "/d/out").All() {
				if !c.args.Has(k.Text()) {
					c.args.SetKey(k, v)
				}
			}
			if want, _ := sums(".h\n2\n3\n4"); c.name == "is so" {
				c.results = "changed=False msg=OK checksum=" + want
			}
			check(t, h, Assemble(), c.args, c.ops, c.results, false)
		})
	}
}
