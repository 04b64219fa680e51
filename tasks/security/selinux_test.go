package security

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestSELinux(t *testing.T) {
	t.Parallel()
	const config = "# c\nSELINUX=enforcing\nSELINUXTYPE=targeted\n"
	const on, lax, off = "enforce=1\npolicy=targeted\n", "enforce=0\npolicy=targeted\n", "enforce=\npolicy=targeted\n"
	for name, c := range map[string]struct {
		out    string
		args   *value.Map
		want   string
		msg    string
		reboot string
	}{
		"as it is":        {on, value.M("state", "enforcing", "policy", "targeted"), "", "", "False"},
		"permissive":      {on, value.M("state", "permissive", "policy", "targeted"), `write /etc/selinux/config '# c\nSELINUX=permissive\nSELINUXTYPE=targeted\n'|setenforce 0`, "SELinux state changed from 'enforcing' to 'permissive', Config SELinux state changed from 'enforcing' to 'permissive'", "False"},
		"enforcing":       {lax, value.M("state", "enforcing", "policy", "targeted"), "setenforce 1", "SELinux state changed from 'permissive' to 'enforcing'", "False"},
		"disabled":        {on, value.M("state", "disabled"), `write /etc/selinux/config '# c\nSELINUX=disabled\nSELINUXTYPE=targeted\n'|setenforce 0`, "Config SELinux state changed from 'enforcing' to 'disabled'", "True"},
		"disabled before": {lax, value.M("state", "disabled"), `write /etc/selinux/config '# c\nSELINUX=disabled\nSELINUXTYPE=targeted\n'`, "Config SELinux state changed from 'enforcing' to 'disabled'", "True"},
		"from off":        {off, value.M("state", "enforcing", "policy", "targeted"), "", "", "True"},
		"kernel":          {on + "args=\"ro selinux=0 quiet\"\n", value.M("state", "enforcing", "policy", "targeted", "update_kernel_param", true), "grubby --update-kernel=ALL --remove-args selinux=0", "Kernel SELinux state changed from 'disabled' to 'enabled'", "False"},
		"kernels":         {on + "args=\"ro selinux=0\"\nargs=\"ro\"\n", value.M("state", "enforcing", "policy", "targeted", "update_kernel_param", true), "grubby --update-kernel=ALL --remove-args selinux=0", "Kernel SELinux state changed from '<inconsistent>' to 'enabled'", "False"},
		"kernel is so":    {on + "args=\"ro quiet\"\n", value.M("state", "enforcing", "policy", "targeted", "update_kernel_param", true), "", "", "False"},
		"another policy":  {on, value.M("state", "enforcing", "policy", "mls"), `write /etc/selinux/config '# c\nSELINUX=enforcing\nSELINUXTYPE=mls\n'`, "Running SELinux policy changed from 'targeted' to 'mls', SELinux policy configuration in '/etc/selinux/config' changed from 'targeted' to 'mls'", "False"},
		"no policy":       {on, value.M("state", "enforcing"), "! Policy is required if state is not 'disabled'", "", ""},
		"unknown policy":  {on, value.M("state", "enforcing", "policy", "none"), "! Policy none does not exist in /etc/selinux/", "", ""},
		"no file":         {on, value.M("state", "disabled", "configfile", "/none"), "! Unable to find file /none", "", ""},
	} {
		h := &moduletest.Host{Files: map[string]string{"/etc/selinux/config": config, "/etc/selinux/mls/policy/x": "x"}, Outs: moduletest.Printed(c.out), Said: []state.OpResult{{OK: true}}}
		got := h.Expect(t, name, SELinux(), c.args, c.want)
		if c.reboot == "" {
			continue
		}
		msg, _ := got.Get("msg")
		reboot, _ := got.Get("reboot_required")
		if msg.Text() != c.msg || reboot.Text() != c.reboot {
			t.Errorf("%s: %q, reboot %s", name, msg.Text(), reboot.Text())
		}
	}
	h := &moduletest.Host{Files: map[string]string{"/etc/selinux/config": config}, Outs: moduletest.Printed(lax), Said: []state.OpResult{moduletest.Ended(1, "", "denied\n")}}
	h.Expect(t, "it fails", SELinux(), value.M("state", "enforcing", "policy", "targeted"), "! denied")
	h = &moduletest.Host{Files: map[string]string{"/etc/selinux/config": config}, Outs: []state.OutputInfo{{RC: 127, Stderr: "'grubby' command not found on host\n"}}}
	h.Expect(t, "no grubby", SELinux(), value.M("state", "disabled", "update_kernel_param", true), "! 'grubby' command not found on host")
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"", "SELINUX=x\n"}, {"A=1", "A=1\nSELINUX=x\n"}, {"SELINUX=a\nSELINUXTYPE=b\n", "SELINUX=x\nSELINUXTYPE=b\n"}, {"#SELINUX=a\nSELINUX= a = b", "#SELINUX=a\nSELINUX=x\n"},
	} {
		if got := withSetting(c.text, "SELINUX", "x"); got != c.want {
			t.Errorf("%q became %q", c.text, got)
		}
	}
}

func TestSEBoolean(t *testing.T) {
	t.Parallel()
	const list = "b                              (on   ,  off)  Allow b\nab (off , on) No\n"
	for name, c := range map[string]struct {
		out  string
		args *value.Map
		want string
	}{
		"on":           {"b --> off\n", value.M("state", true), "setsebool b 1"},
		"on before":    {"b --> on\n", value.M("state", true), ""},
		"kept":         {"b --> on\n" + list, value.M("state", true, "persistent", true), "setsebool -P b 1"},
		"kept before":  {"b --> on\n" + list, value.M("state", false, "persistent", true), ""},
		"another name": {"b --> on\n" + list, value.M("name", "old", "state", true, "persistent", true), "setsebool -P old 1"},
		"not kept":     {"c --> on\n" + list, value.M("name", "c", "state", true, "persistent", true), "! SELinux boolean c is not defined in persistent policy"},
		"odd":          {"what\n", value.M("state", true), "! Failed to determine current state for boolean b"},
	} {
		h := &moduletest.Host{Outs: moduletest.Printed(c.out), Said: []state.OpResult{{OK: true}}}
		if _, given := c.args.Get("name"); !given {
			c.args.Set("name", value.String("b"))
		}
		h.Expect(t, name, SEBoolean(), c.args, c.want)
	}
	for want, out := range map[string]state.OutputInfo{
		"SELinux is disabled on this host.":              {RC: 3},
		"SELinux boolean b does not exist.":              {RC: 4, Stderr: "Error getting active value for b\n"},
		`Failed to find required executable "getsebool"`: {RC: 127, Stderr: "Failed to find required executable \"getsebool\"\n"},
	} {
		h := &moduletest.Host{Outs: []state.OutputInfo{out}}
		h.Expect(t, want, SEBoolean(), value.M("name", "b", "state", true), "! "+want)
	}
	h := &moduletest.Host{Outs: moduletest.Printed("b --> off\n"), Said: []state.OpResult{moduletest.Ended(1, "", "denied\n")}}
	h.Expect(t, "it fails", SEBoolean(), value.M("name", "b", "state", true), "! denied")
}
