package security

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestSEFContext(t *testing.T) {
	t.Parallel()
	const list = `/srv/git(/.*)?                                     all files          system_u:object_r:git_t:s0 
/srv/git(/.*)?                                     directory          staff_u:object_r:dir_t:s0-s0:c0.c1023 
/srv/git(/.*)?/none                                all files          <<None>>
/srv/a = /srv/b
`
	git, a := "/srv/git(/.*)?", "/srv/a"
	for name, c := range map[string]struct {
		args *value.Map
		want string
	}{
		"there":          {value.M("target", git, "setype", "git_t"), ""},
		"another type":   {value.M("target", git, "setype", "x_t"), "semanage fcontext -m -f a -t x_t -s system_u -r s0 /srv/git(/.*)?"},
		"keeps the rest": {value.M("path", git, "setype", "x_t", "ftype", "d"), "semanage fcontext -m -f d -t x_t -s staff_u -r s0-s0:c0.c1023 /srv/git(/.*)?"},
		"another user":   {value.M("target", git, "setype", "git_t", "seuser", "u", "serange", "s1"), "semanage fcontext -m -f a -t git_t -s u -r s1 /srv/git(/.*)?"},
		"new":            {value.M("target", git, "setype", "x_t", "ftype", "f", "reload", false), "semanage fcontext -N -a -f f -t x_t -s system_u -r s0 /srv/git(/.*)?"},
		"away":           {value.M("target", git, "state", "absent"), "semanage fcontext -d -f a /srv/git(/.*)?"},
		"away then":      {value.M("target", "/q", "state", "absent"), ""},
		"equal there":    {value.M("target", a, "substitute", "/srv/b"), ""},
		"equal":          {value.M("target", a, "equal", "/srv/c"), "semanage fcontext -m -e /srv/c /srv/a"},
		"equal new":      {value.M("target", "/srv", "equal", "/srv/c"), "semanage fcontext -a -e /srv/c /srv"},
		"equal away":     {value.M("target", a, "state", "absent"), "semanage fcontext -d -e /srv/b /srv/a"},
		"another equal":  {value.M("target", a, "state", "absent", "equal", "/z"), ""},
		"only a type":    {value.M("target", a, "state", "absent", "setype", "x"), ""},
		"neither":        {value.M("target", a), "! state is present but any of the following are missing: setype, substitute"},
		"both":           {value.M("target", a, "setype", "x", "equal", "y"), "! parameters are mutually exclusive"},
	} {
		h := &moduletest.Host{Outs: moduletest.Printed(list)}
		h.Expect(t, name, SEFContext(), c.args, c.want)
	}
	h := &moduletest.Host{Outs: []state.OutputInfo{{RC: 3}}}
	h.Expect(t, "SELinux is off", SEFContext(), value.M("target", a, "setype", "x"), "! SELinux is disabled on this host.")
	h = &moduletest.Host{Outs: moduletest.Printed(""), Said: []state.OpResult{moduletest.Ended(1, "", "ValueError: Type x is invalid\n")}}
	h.Expect(t, "no such type", SEFContext(), value.M("target", a, "setype", "x"), "! ValueError: Type x is invalid")
}

func TestSEPort(t *testing.T) {
	t.Parallel()
	const list = `http_port_t                    tcp      80, 81, 443, 9000
http_port_t                    udp      82
pki_port_t                     tcp      829, 9443-9447
`
	ports := func(state string, ports ...any) *value.Map {
		return value.M("ports", ports, "proto", "tcp", "setype", "http_port_t", "state", state)
	}
	for name, c := range map[string]struct {
		args *value.Map
		want string
	}{
		"there":       {ports("present", 80, "443"), ""},
		"new":         {ports("present", 80, 8888, "10000-10100"), "semanage port -a -t http_port_t -p tcp -r s0 8888|semanage port -a -t http_port_t -p tcp -r s0 10000-10100"},
		"of another":  {ports("present", "9443-9447"), "semanage port -m -t http_port_t -p tcp -r s0 9443-9447"},
		"within one":  {ports("present", 9443), "semanage port -a -t http_port_t -p tcp -r s0 9443"},
		"other proto": {ports("present", 82), "semanage port -a -t http_port_t -p tcp -r s0 82"},
		"away":        {ports("absent", 81, 829), "semanage port -d -p tcp 81"},
	} {
		h := &moduletest.Host{Outs: moduletest.Printed(list)}
		h.Expect(t, name, SEPort(), c.args, c.want)
	}
	local := ports("absent", 80)
	local.Set("local", value.Bool(true))
	h := &moduletest.Host{Outs: moduletest.Printed(list, "")}
	h.Expect(t, "not set here", SEPort(), local, "")
	h = &moduletest.Host{Outs: []state.OutputInfo{{RC: 127, Stderr: `Failed to find required executable "semanage"`}}}
	h.Expect(t, "no semanage", SEPort(), ports("present", 1), "! Failed to find required executable")
}
