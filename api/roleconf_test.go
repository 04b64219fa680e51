package api_test

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/api"
)

// TestRoleConfiguration: the call says which option of which role is wrong, in
// the generations with sections and in those with an inventory.
func TestRoleConfiguration(t *testing.T) {
	t.Parallel()
	sm := newStandIn(t)
	runner := &fakeRunner{}
	ts := serve(t, t.TempDir(), runner, func(c *api.Config) { c.SMAddr = sm.addr() })
	section := func(text, more string) string {
		return `[{"server_id": "n", "parameters": {"ansible_host": "127.0.2.1", "ansible_user": "root", "ansible_password": "p", "container_name": "control",
			"container_image": "i:1"` + more + `, "control": ` + text + `}}]`
	}
	const wrong = "controller.conf, section API: aaa_mode is 'none' (it is one of no-auth, cloud-admin, rbac)"
	status, _, got := ts.do("POST", "/run_playbook", section(`{"API": {"aaa_mode": "none"}}`, ""))
	if status != 400 || !strings.Contains(got, wrong) || !strings.Contains(got, `"role":"control"`) {
		t.Errorf("generation A: %d %s", status, got)
	}
	eventually(t, "push", func() bool { return strings.Contains(sm.all(), wrong) })
	status, _, got = ts.do("POST", "/run_playbook", section(`{"API": {"lisen_port": 1}}`, `, "contrail_unknown_options": "error"`))
	if status != 400 || !strings.Contains(got, "there is no option lisen_port (did you mean listen_port?)") {
		t.Errorf("an option nobody knows, by choice: %d %s", status, got)
	}
	if status, _, got = ts.do("POST", "/run_playbook", section(`{"API": {"lisen_port": 1}}`, "")); status != 200 {
		t.Errorf("an option nobody knows is written: %d %s", status, got)
	}

	cluster := func(vars string) string {
		return `[{"hosts_in_inv": ["127.0.2.1"], "cluster_id": "c1", "tasks": "contrail_deploy", "parameters": {
			"contrail_deploy_pb": "/opt/contrail/server_manager/ansible/playbooks/img1/playbooks/site.yml",
			"inventory": {"[all:children]": ["contrail-controllers"], "[contrail-controllers]": ["127.0.2.1"],
			"[all:vars]": {"ansible_user": "root", "ansible_password": "p", "controller_image": "i:1", ` + vars + `}}}}]`
	}
	if status, _, got = ts.do("POST", "/run_ansible_playbooks", cluster(`"api_config": {"aaa_mode": "none"}, "analytics_collector_config": {"no": "host"}`)); status != 200 {
		t.Errorf("generation C answers %d %s", status, got)
	}
	eventually(t, "the failure of the task", func() bool {
		_, _, got := ts.do("GET", "/playbook_status?server_id=127.0.2.1", "")
		return strings.Contains(got, wrong)
	})
	if strings.Contains(got, "analytics") {
		t.Errorf("roles without hosts are checked: %s", got)
	}
	// What other roles take from a variable is nothing to this one, and
	// server-manager's lists are taken.
	before := len(runner.seen())
	ok := cluster(`"analytics_api_config": {"aaa_mode": "rbac", "listen_port": 8081}, "vc_plugin_config": [{"vc_url": "u"}], "contrail_unknown_options": "error"`)
	ok = strings.Replace(ok, `"contrail-controllers"], `, `"contrail-controllers", "contrail-vc-plugin"], "[contrail-vc-plugin]": ["127.0.2.1"], `, 1)
	if status, _, got = ts.do("POST", "/run_ansible_playbooks", ok); status != 200 {
		t.Errorf("what is right: %d %s", status, got)
	}
	eventually(t, "the run", func() bool { return len(runner.seen()) > before })
}
