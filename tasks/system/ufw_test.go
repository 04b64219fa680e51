package system

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

const (
	ufwStatus = "Status: active\nLogging: on (low)\nDefault: deny (incoming), allow (outgoing), disabled (routed)\nNew profiles: skip\n"
	ufwTuples = "### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n### tuple ### allow tcp 22 ::/0 any ::/0 in\n"
	ufwNumber = "[ 1] 22/tcp ALLOW IN Anywhere\n[ 2] 80/tcp ALLOW IN Anywhere\n[ 3] 22/tcp (v6) ALLOW IN Anywhere (v6)\n"
)

// planUfwOn plans on a host with ufw, whose dry run prints dry.
func planUfwOn(t *testing.T, args *value.Map, dry state.OutputInfo) (module.Change, error) {
	t.Helper()
	m := Ufw()
	a, err := m.Decode(args, diag.Pos{})
	if err != nil {
		return module.Change{}, err
	}
	v := state.NewHostView()
	for {
		c, err := m.Plan(a, module.Inputs{}, v)
		if err != nil || len(c.Need) == 0 {
			return c, err
		}
		for _, q := range c.Need {
			out := dry
			if q.(state.Output).Script == scriptUfw {
				out = state.OutputInfo{Stdout: ufwStatus + "\n@\n" + ufwTuples + "\n@\n" + ufwNumber + "\n@\nufw 0.36.2\n"}
			}
			v.Learn(state.Answer{Query: q, Value: out})
		}
	}
}

func TestUfw(t *testing.T) {
	t.Parallel()
	const skip = "Skipping adding existing rule\nSkipping adding existing rule (v6)\n"
	four := strings.Split(ufwTuples, "\n")[0] + "\n"
	more := ufwTuples + "### tuple ### allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in\n"
	for name, c := range map[string]struct {
		args *value.Map
		dry  string
		want string // the first command, "" for none
	}{
		"is on":          {value.M("state", "enabled"), "", ""},
		"off":            {value.M("state", "disabled"), "", "ufw -f disable"},
		"reload":         {value.M("state", "reloaded"), "", "ufw -f reload"},
		"policy so":      {value.M("default", "deny"), "", ""},
		"policy":         {value.M("policy", "reject"), "", "ufw default reject"},
		"policy out":     {value.M("policy", "deny", "direction", "outgoing"), "", "ufw default deny outgoing"},
		"policy routed":  {value.M("policy", "deny", "direction", "routed"), "", ""},
		"logging so":     {value.M("logging", "on"), "", ""},
		"logging level":  {value.M("logging", "low"), "", ""},
		"logging":        {value.M("logging", "high"), "", "ufw logging high"},
		"rule there":     {value.M("rule", "allow", "port", 22, "proto", "tcp"), skip, ""},
		"rule":           {value.M("rule", "allow", "port", 80, "proto", "tcp"), more, "ufw allow from any to any port 80 proto tcp"},
		"same printed":   {value.M("rule", "allow", "port", 22), ufwTuples, ""},
		"one kind":       {value.M("rule", "allow", "src", "10.0.0.1"), four, ""},
		"delete":         {value.M("rule", "allow", "port", 22, "delete", true), four, "ufw delete allow from any to any port 22"},
		"insert":         {value.M("rule", "deny", "src", "192.0.2.1", "insert", 1), more, "ufw insert 1 deny from 192.0.2.1 to any"},
		"insert behind4": {value.M("rule", "deny", "insert", 0, "insert_relative_to", "last-ipv4"), more, "ufw insert 2 deny from any to any"},
		"insert too far": {value.M("rule", "deny", "insert", 1, "insert_relative_to", "last-ipv6"), more, "ufw deny from any to any"},
		"route": {value.M("rule", "allow", "route", true, "interface_in", "a", "interface_out", "b", "log", true, "comment", "for x"), more,
			"ufw route allow in on a out on b log from any to any comment for x"},
		"interface": {value.M("rule", "allow", "direction", "in", "interface", "eth0"), more, "ufw allow in on eth0 from any to any"},
	} {
		got, err := planUfwOn(t, c.args, state.OutputInfo{Stdout: c.dry})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		cmd := ""
		if len(got.Ops) > 0 {
			cmd = strings.Join(got.Ops[0].(state.Exec).Argv, " ")
		}
		if cmd != c.want || changed(got.Result) != (c.want != "") {
			t.Errorf("%s: changed %v, runs %q", name, changed(got.Result), cmd)
		}
	}
}

func TestUfwFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args *value.Map
		dry  state.OutputInfo
		want string
	}{
		{value.M("rule", "allow", "interface", "a"), state.OutputInfo{}, "required by 'interface'"},
		{value.M("rule", "allow", "direction", "incoming"), state.OutputInfo{}, "For rules, direction must be one of"},
		{value.M("default", "allow", "direction", "in"), state.OutputInfo{}, "For default, direction must be one of"},
		{value.M("rule", "allow", "interface_in", "a", "interface_out", "b"), state.OutputInfo{}, "Only route rules"},
		{value.M("rule", "allow", "port", "x"), state.OutputInfo{RC: 1, Stderr: "ERROR: Bad port\n"}, "ERROR: Bad port"},
	} {
		if _, err := planUfwOn(t, c.args, c.dry); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.want, err)
		}
	}
}
