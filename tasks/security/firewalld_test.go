package security

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestFirewalld(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args       *value.Map
		said, want string
	}{
		"there":          {value.M("service", "http", "state", "enabled"), "online\npublic\nyes\n", ""},
		"what runs":      {value.M("service", "http", "state", "enabled", "timeout", 5), "online\npublic\nno\n", "firewall-cmd --zone=public --add-service=http --timeout=5"},
		"what is kept":   {value.M("port", "80/tcp", "state", "enabled", "permanent", true), "online\nz\nno\n", "firewall-cmd --permanent --zone=z --add-port=80/tcp"},
		"both":           {value.M("protocol", "ospf", "state", "disabled", "permanent", true, "immediate", true), "online\nz\nyes\nyes\n", "firewall-cmd --permanent --zone=z --remove-protocol=ospf|firewall-cmd --zone=z --remove-protocol=ospf"},
		"one of both":    {value.M("protocol", "ospf", "state", "enabled", "permanent", true, "immediate", true), "online\nz\nyes\nno\n", "firewall-cmd --zone=z --add-protocol=ospf"},
		"offline":        {value.M("source", "10.0.0.0/8", "state", "enabled", "permanent", true), "offline\nz\nno\n", "firewall-offline-cmd --zone=z --add-source=10.0.0.0/8"},
		"interface":      {value.M("interface", "eth0", "zone", "z", "state", "enabled", "permanent", true), "online\nz\nno\n", "firewall-cmd --permanent --zone=z --change-interface=eth0"},
		"no masquerade":  {value.M("masquerade", "no", "state", "disabled", "permanent", true), "offline\nz\nno\n", "firewall-offline-cmd --zone=z --add-masquerade"},
		"inversion":      {value.M("icmp_block_inversion", "no", "state", "enabled"), "online\nz\nyes\n", "firewall-cmd --zone=z --remove-icmp-block-inversion"},
		"forward":        {value.M("port_forward", []any{map[string]any{"port": "1", "proto": "tcp", "toport": 2}}, "state", "enabled"), "online\nz\nno\n", "firewall-cmd --zone=z --add-forward-port=port=1:proto=tcp:toport=2"},
		"target":         {value.M("target", "DROP", "zone", "z", "state", "present", "permanent", true), "offline\nz\ndefault\n", "firewall-offline-cmd --zone=z --set-target=DROP"},
		"target away":    {value.M("target", "DROP", "zone", "z", "state", "absent", "permanent", true), "offline\nz\nDROP\n", "firewall-offline-cmd --zone=z --set-target=default"},
		"zone":           {value.M("zone", "new", "state", "present", "permanent", true), "online\nnew\nblock public\n", "firewall-cmd --permanent --new-zone=new"},
		"zone there":     {value.M("zone", "public", "state", "present", "permanent", true), "online\npublic\nblock public\n", ""},
		"zone away":      {value.M("zone", "public", "state", "absent", "permanent", true), "online\npublic\nblock public\n", "firewall-cmd --permanent --delete-zone=public"},
		"nothing":        {value.M("zone", "public", "state", "enabled"), "online\npublic\n", ""},
		"not running":    {value.M("service", "http", "state", "enabled"), "offline\npublic\n", "! firewall is not currently running"},
		"running zone":   {value.M("zone", "public", "state", "present"), "online\npublic\nblock public\n", "! Zone operations must be permanent."},
		"wrong state":    {value.M("service", "http", "state", "present"), "", "! absent and present state can only be used in zone level operations"},
		"no protocol":    {value.M("port", "80", "state", "enabled"), "", "! improper port format"},
		"two things":     {value.M("port", "80/tcp", "service", "http", "state", "enabled"), "", "! parameters are mutually exclusive"},
		"no zone for it": {value.M("interface", "eth0", "state", "enabled"), "", "! missing parameter(s) required by 'interface': zone"},
	} {
		h := &moduletest.Host{Outs: moduletest.Printed(c.said)}
		h.Expect(t, name, Firewalld(), c.args, c.want)
	}
	on := value.M("service", "x", "state", "enabled")
	h := &moduletest.Host{Outs: moduletest.Printed("online\nz\nno\n"), Said: []state.OpResult{moduletest.Ended(101, "", "Error: INVALID_SERVICE: x\n")}}
	h.Expect(t, "unknown service", Firewalld(), on, "! ERROR: Exception caught: INVALID_SERVICE: x Non-permanent operation, Services are defined by")
	h = &moduletest.Host{Outs: []state.OutputInfo{{RC: 112, Stdout: "online\nq\n", Stderr: "Error: INVALID_ZONE: q\n"}}}
	h.Expect(t, "unknown zone", Firewalld(), on, "! ERROR: Exception caught: INVALID_ZONE: q")
	h = &moduletest.Host{Outs: []state.OutputInfo{{RC: 127, Stderr: "Failed to find required executable \"firewall-cmd\"\n"}}}
	h.Expect(t, "no firewalld", Firewalld(), on, `! Failed to find required executable "firewall-cmd"`)
}
