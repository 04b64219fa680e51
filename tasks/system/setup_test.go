package system

import (
	"errors"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// plan runs setup with args against a host whose facts query is answered.
func plan(t *testing.T, args *value.Map, answer state.Answer) (module.Change, state.Query, error) {
	t.Helper()
	m := Setup()
	a, err := m.Decode(args, diag.Pos{})
	if err != nil {
		t.Fatal(err)
	}
	v := state.NewHostView()
	c, err := m.Plan(a, module.Inputs{}, v)
	if err != nil {
		return c, nil, err
	}
	if len(c.Need) != 1 {
		t.Fatalf("needs %v", c.Need)
	}
	answer.Query = c.Need[0]
	v.Learn(answer)
	c, err = m.Plan(a, module.Inputs{}, v)
	return c, answer.Query, err
}

func TestSetup(t *testing.T) {
	t.Parallel()
	facts := value.M("os_family", "Debian", "eth0", value.M("mtu", 1500), "eth1", value.M("mtu", 9000))
	for name, c := range map[string]struct {
		args *value.Map
		ask  string
		want string
	}{
		"all": {value.NewMap(), "facts local=/etc/ansible/facts.d,subset:all",
			`{"ansible_os_family":"Debian","ansible_eth0":{"mtu":1500},"ansible_eth1":{"mtu":9000},"gather_subset":["all"],"module_setup":true}`},
		"subset": {value.M("gather_subset", "!all,network", "fact_path", "/f"), "facts local=/f,subset:!all,subset:network",
			`{"ansible_os_family":"Debian","ansible_eth0":{"mtu":1500},"ansible_eth1":{"mtu":9000},"gather_subset":["!all","network"],"module_setup":true}`},
		"filter": {value.M("filter", "ansible_eth*"), "facts local=/etc/ansible/facts.d,subset:all,only:ansible_eth*",
			`{"ansible_eth0":{"mtu":1500},"ansible_eth1":{"mtu":9000}}`},
		"filter without prefix": {value.M("filter", "os_family"), "facts local=/etc/ansible/facts.d,subset:all,only:ansible_os_family",
			`{"ansible_os_family":"Debian"}`},
		"filter in the middle": {value.M("filter", "ansible_*[!0]"), "facts local=/etc/ansible/facts.d,subset:all",
			`{"ansible_os_family":"Debian","ansible_eth1":{"mtu":9000}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, q, err := plan(t, c.args, state.Answer{Value: facts})
			if err != nil {
				t.Fatal(err)
			}
			if q.Query() != c.ask {
				t.Errorf("asks %s, want %s", q.Query(), c.ask)
			}
			shown, _ := got.Result.Get("ansible_facts")
			if data, _ := shown.MarshalJSON(); string(data) != c.want {
				t.Errorf("facts %s, want %s", data, c.want)
			}
			set, ok := got.Do[0].(module.SetFacts)
			if !ok || !set.Gathered || set.Facts.Len() != shown.Len() {
				t.Errorf("directives %#v", got.Do)
			}
			if changed, _ := got.Result.Get("changed"); changed.AsBool() || len(got.Ops) > 0 {
				t.Error("setup changes something")
			}
		})
	}
}

func TestSetupFails(t *testing.T) {
	t.Parallel()
	var f *module.Failure
	_, _, err := plan(t, value.M("gather_subset", "nosuch"), state.Answer{Err: errors.New("Bad subset 'nosuch' given to Ansible.")})
	if !errors.As(err, &f) || f.Msg != "Bad subset 'nosuch' given to Ansible." {
		t.Errorf("error %v", err)
	}
	if _, _, err = plan(t, value.M("fact_path", "/a,b"), state.Answer{}); !errors.As(err, &f) {
		t.Errorf("error %v", err)
	}
}
