package system

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestKernelBlacklist(t *testing.T) {
	t.Parallel()
	const text = "# blacklist pcspkr\n  blacklist \t usb.x  \nblacklist a b\nblacklistab\n\nblacklist usb-x"
	for name, c := range map[string]struct {
		module, state string
		changed       bool
		lines         int
	}{
		"there":     {"usb.x", "present", false, 6},
		"new":       {"pcspkr", "present", true, 7},
		"away":      {"usb.x", "absent", true, 5},
		"away then": {"nouveau", "absent", false, 6},
		"a pattern": {"usb?x", "absent", false, 6},
		"no blank":  {"ab", "absent", false, 6},
	} {
		h := &moduletest.Host{Files: map[string]string{"/etc/b": text}}
		r, err := h.Run(t, KernelBlacklist(), value.M("name", c.module, "state", c.state, "blacklist_file", "/etc/b"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		lines, _ := r.Get("lines")
		changed, _ := r.Get("changed")
		if lines.Len() != c.lines || changed.Truthy() != c.changed || (len(h.Ran) > 0) != c.changed {
			t.Errorf("%s: %d lines, changed %v, ran %q", name, lines.Len(), changed, h.Ran)
		}
	}
	h := &moduletest.Host{Files: map[string]string{"/etc/x": ""}}
	if r, err := h.Run(t, KernelBlacklist(), value.M("name", "m", "state", "absent", "blacklist_file", "/etc/b")); err != nil || len(h.Ran) != 1 {
		t.Errorf("a file that is missing: %v, %v, ran %q", r, err, h.Ran)
	}
	h.Expect(t, "no folder", KernelBlacklist(), value.M("name", "m", "blacklist_file", "/none/b"), "! Module failed with exception: [Errno 2]")
}
