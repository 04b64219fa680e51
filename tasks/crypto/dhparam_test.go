package crypto

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// params are what openssl dhparam 512 prints.
const params = `-----BEGIN DH PARAMETERS-----
MEYCQQC/ytnRxBzpfWaYPZAGxHBS/2dMgCjGSkvWdi8eM7560RWpaOUIbKuvIUit
ws4pLMT0rPV+2ElPesn/kfcW/OaHAgEC
-----END DH PARAMETERS-----
`

func TestDHParam(t *testing.T) {
	t.Parallel()
	h := &moduletest.Host{Files: map[string]string{"/s/x": ""}, Said: []state.OpResult{moduletest.Ended(0, params, "Generating")}}
	r := run(t, h, DHParam(), "path", "/s/dh", "size", 512, "return_content", true)
	changed(t, r, true, "parameters")
	if h.Files["/s/dh"] != params || h.Ran[0] != "openssl dhparam 512" || field(r, "dhparams") != value.String(params).Repr() {
		t.Errorf("ran %q, wrote %q", h.Ran, h.Files["/s/dh"])
	}
	changed(t, run(t, h, DHParam(), "path", "/s/dh", "size", 512), false, "the same parameters")
	changed(t, run(t, h, DHParam(), "path", "/s/dh", "size", 1024, "backup", true), true, "another size")
	changed(t, run(t, h, DHParam(), "path", "/s/dh", "size", 512, "force", true), true, "forced parameters")
	if changed(t, run(t, h, DHParam(), "path", "/s/dh", "state", "absent"), true, "no parameters"); strings.Join(h.Ran, "") != "remove /s/dh" {
		t.Errorf("ran %q", h.Ran)
	}
	h.Said = []state.OpResult{moduletest.Ended(1, "", "no memory")}
	if _, err := h.Run(t, DHParam(), value.M("path", "/s/n")); err == nil || err.Error() != "no memory" || h.Files["/s/n"] != "" {
		t.Errorf("openssl fails: %v", err)
	}
	h = &moduletest.Host{Files: map[string]string{"/s/x": ""}, Check: true}
	if r := run(t, h, DHParam(), "path", "/s/dh", "return_content", true); len(h.Ran) > 0 {
		t.Errorf("a plan ran %q: %v", h.Ran, r)
	}
	if dhSize([]byte("nothing")) != 0 || dhSize([]byte("-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n")) != 0 {
		t.Error("what is none has a size")
	}
}
