package security

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestCapabilities(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ out, cap, state, want string }{
		"first":     {"/f\n", "CAP_net_raw+ep", "present", "setcap cap_net_raw+ep /f"},
		"there":     {"/f cap_net_raw=ep\n", "cap_net_raw=ep", "present", ""},
		"other":     {"/f cap_net_raw=ep\n", "cap_net_raw=p", "present", "setcap cap_net_raw=p /f"},
		"another":   {"/f cap_a,cap_b=ep\n", "cap_c=p", "present", "setcap cap_a=ep cap_b=ep cap_c=p /f"},
		"older":     {"/f = cap_a+p cap_b+ep\n", "cap_b+ep", "present", ""},
		"away":      {"/f cap_a,cap_b=ep\n", "cap_a", "absent", "setcap cap_b=ep /f"},
		"the last":  {"/f cap_a=ep\n", "cap_a", "absent", "setcap  /f"},
		"away then": {"/f\n", "cap_a", "absent", ""},
		"no flags":  {"/f\n", "cap_a", "present", "! Couldn't find operator"},
	} {
		h := &moduletest.Host{Outs: moduletest.Printed(c.out)}
		h.Expect(t, name, Capabilities(), value.M("path", "/f", "capability", c.cap, "state", c.state), c.want)
	}
	h := &moduletest.Host{Outs: []state.OutputInfo{{Stderr: "/none (No such file or directory)\n"}}}
	h.Expect(t, "no file", Capabilities(), value.M("path", "/none", "capability", "a=p"), "! Unable to get capabilities of /none")
	h = &moduletest.Host{Outs: moduletest.Printed("/f\n"), Said: []state.OpResult{moduletest.Ended(1, "", "bad\n")}}
	h.Expect(t, "setcap fails", Capabilities(), value.M("path", "/f", "capability", "a=p"), "! Unable to set capabilities of /f")
	h = &moduletest.Host{Outs: []state.OutputInfo{{RC: 127, Stderr: "Failed to find required executable \"getcap\""}}}
	h.Expect(t, "no getcap", Capabilities(), value.M("path", "/f", "capability", "a=p"), "! Failed to find required executable")
}
