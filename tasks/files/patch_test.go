package files

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestPatch(t *testing.T) {
	t.Parallel()
	const quiet = `run ["patch" "--quiet" "--forward" "--batch" "--reject-file=-" `
	for name, c := range map[string]struct {
		args *value.Map
		rc   int    // of the attempt
		did  string // "" nothing, "! " a failure
	}{
		"to a file":      {value.M("src", "a.patch", "dest", "/d/f"), 0, quiet + `"--strip=0" "--directory=/d" "/d/f"]`},
		"is there":       {value.M("src", "a.patch", "dest", "/d/f"), patchIsThere, ""},
		"to a folder":    {value.M("src", "a.patch", "basedir", "/d/", "strip", 1, "backup", true), 0, quiet + `"--strip=1" "--directory=/d" "--backup" "--version-control=numbered"]`},
		"taken back":     {value.M("src", "a.patch", "dest", "/d/f", "state", "absent", "binary", true), 0, quiet + `"--strip=0" "--directory=/d" "--binary" "/d/f" "--reverse"]`},
		"of the host":    {value.M("src", "/d/f", "remote_src", true, "basedir", "/d"), 0, quiet + `"--strip=0" "--directory=/d" "--input=/d/f"]`},
		"does not fit":   {value.M("src", "a.patch", "dest", "/d/f"), 1, "! hunk FAILED"},
		"no program":     {value.M("src", "a.patch", "dest", "/d/f"), noPatch, "! patch command not found"},
		"no such patch":  {value.M("src", "b.patch", "dest", "/d/f"), 0, "! Could not find or access 'b.patch'"},
		"no such folder": {value.M("src", "a.patch", "basedir", "/none"), 0, "! basedir /none doesn't exist"},
		"neither":        {value.M("src", "a.patch"), 0, "! one of the following is required: dest, basedir"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.file("/d/f", "text", 0o644)
			h.in.Sources = sources{"/c/files/a.patch": "--- a"}
			h.says, h.saysRC = "hunk FAILED", c.rc
			got, err := h.plan(Patch(), c.args)
			if want, fails := strings.CutPrefix(c.did, "! "); fails {
				if err == nil || !strings.HasPrefix(err.Error(), want) {
					t.Errorf("%v, want %s", err, want)
				}
				return
			}
			if err != nil || opsText(got.Ops) != c.did {
				t.Errorf("%v\ngot  %s\nwant %s", err, opsText(got.Ops), c.did)
			}
			if len(got.Ops) > 0 && !c.args.Has("remote_src") && string(got.Ops[0].(state.Exec).Stdin) != "--- a" {
				t.Errorf("the patch is %q", got.Ops[0].(state.Exec).Stdin)
			}
		})
	}
}
