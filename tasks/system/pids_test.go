package system

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestPids(t *testing.T) {
	t.Parallel()
	listed := strings.Join([]string{
		"1200", "sh", "/usr/bin/dash", "sh\x01-c\x01sleep 9\x01",
		"2", "kthreadd", "", "",
		"31", "a-very-long-nam", "/opt/a-very-long-name", "/opt/a-very-long-name\x01-x\x01",
		"45", "nginx", "/usr/sbin/nginx", "nginx: master process /usr/sbin/nginx\x01",
		"46", "python3", "/usr/bin/python3.11", "Sleep\x01\x01",
	}, "\n") + "\n"
	for name, c := range map[string]struct {
		args []any
		want string
	}{
		"name":        {[]any{"name", "NGINX"}, "[45]"},
		"first word":  {[]any{"name", "sleep"}, "[46]"},
		"long name":   {[]any{"name", "a-very-long-name"}, "[31]"},
		"kernel":      {[]any{"name", "kthreadd"}, "[2]"},
		"none":        {[]any{"name", "none"}, "[]"},
		"pattern":     {[]any{"pattern", "sleep"}, "[1200]"},
		"any case":    {[]any{"pattern", "sleep", "ignore_case", true}, "[46, 1200]"},
		"its file":    {[]any{"pattern", "^python3\\.1"}, "[46]"},
		"broken":      {[]any{"pattern", "("}, "! '(' is not a valid regular expression: "},
		"both":        {[]any{"pattern", "x", "name", "y"}, "! parameters are mutually exclusive: name|pattern"},
		"no argument": {nil, "! one of the following is required: name, pattern"},
	} {
		h := &moduletest.Host{Outs: moduletest.Printed(listed)}
		r, err := h.Run(t, Pids(), value.M(c.args...))
		if fails, ok := strings.CutPrefix(c.want, "! "); ok {
			if err == nil || !strings.HasPrefix(err.Error(), fails) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if v, _ := r.Get("pids"); v.Repr() != c.want {
			t.Errorf("%s: %s, want %s", name, v.Repr(), c.want)
		}
	}
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []any
		said string
		want string
	}{
		"linux":  {nil, "/sbin/shutdown\nshutdown\nlinux\n", `run /sbin/shutdown -h 0 "Shut down initiated by Ansible" and wait for the host`},
		"delay":  {[]any{"delay", 150, "msg", "now"}, "/sbin/shutdown\nshutdown\nlinux\n", `run /sbin/shutdown -h 2 "now" and wait for the host`},
		"void":   {[]any{"delay", -1}, "/sbin/shutdown\nshutdown\nvoid\n", `run /sbin/shutdown -h +0 "Shut down initiated by Ansible" and wait for the host`},
		"alpine": {nil, "/sbin/poweroff\npoweroff\nalpine\n", `run /sbin/poweroff  and wait for the host`},
		"none":   {[]any{"search_paths", value.Strings("/x")}, "\nshutdown\nlinux\n", `! Unable to find command "shutdown" in search paths: ['/x']`},
	} {
		h := &moduletest.Host{Outs: moduletest.Printed(c.said)}
		r := h.Expect(t, name, Shutdown(), value.M(c.args...), c.want)
		if v, _ := r.Get("shutdown"); !strings.HasPrefix(c.want, "!") && v.Repr() != "True" {
			t.Errorf("%s: %v", name, r)
		}
	}
}
