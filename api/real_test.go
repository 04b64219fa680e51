package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/api"
	"github.com/fairlead-project/fairlead/api/jobs"
	"github.com/fairlead-project/fairlead/engine/store"
	"github.com/fairlead-project/fairlead/tasks/all"
	"github.com/fairlead-project/fairlead/templates"
)

// The roles in the order in which they are asked for, and the port of the first.
var realRoles = []string{"lb", "controller", "analytics"}

const realPort = 18089

func realRequest(node, password, conf string) string {
	var els []string
	for i, role := range realRoles {
		els = append(els, fmt.Sprintf(`{"server_id": "node-2", "parameters": {"ansible_host": %[1]q, "ansible_user": "root", "ansible_password": %[2]q,
			"ansible_port": %[3]q, "contrailctl_config_directory": %[4]q, "contrail_config_sync": false,
			"configdb_data_dir": "%[4]s/db", "config_zookeeper_data_dir": "%[4]s/zk", "lb_container": "fairlead-api-test-lb",
			"controller_container": "fairlead-api-test-controller", "analytics_container": "fairlead-api-test-analytics",
			"container_name": %[5]q, "container_image": "fairlead-api-test-%[5]s:4.0.0-1",
			%[5]q: {"GLOBAL": {"listen": "%[1]s:%[6]d", "n": 5, "markup": "{{ 1 + 1 }}"}, "KEYSTONE": {"admin_password": "another-secret-7"}}}}`,
			node, password, os.Getenv("FAIRLEAD_TESTBED_SSH_PORT"), conf, role, realPort+i))
	}
	return "[" + strings.Join(els, ",") + "]"
}

// TestRealNode provisions a node of the test bed by server-manager's request,
// with the real engine, and looks at the node with ssh and docker.
func TestRealNode(t *testing.T) {
	for _, k := range []string{"FAIRLEAD_TESTBED_KEY", "FAIRLEAD_TESTBED_NODE2", "FAIRLEAD_TESTBED_ROOT_PASSWORD"} {
		if os.Getenv(k) == "" {
			if os.Getenv("FAIRLEAD_NO_SKIP") != "" {
				t.Fatal("the test bed is not up: ", k, " is not set")
			}
			t.Skip("the test bed is not up")
		}
	}
	node, rootPassword := os.Getenv("FAIRLEAD_TESTBED_NODE2"), os.Getenv("FAIRLEAD_TESTBED_ROOT_PASSWORD")
	ssh := func(command string) *exec.Cmd {
		return exec.Command("ssh", "-F", "none", "-i", os.Getenv("FAIRLEAD_TESTBED_KEY"), "-o", "UserKnownHostsFile="+os.Getenv("FAIRLEAD_TESTBED_KNOWN_HOSTS"),
			"-o", "BatchMode=yes", "-p", os.Getenv("FAIRLEAD_TESTBED_SSH_PORT"), "root@"+node, command)
	}
	on := func(command string) string {
		t.Helper()
		out, err := ssh(command).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	const conf = "/var/tmp/fairlead-api-test"
	var names []string
	for _, role := range realRoles {
		names = append(names, "fairlead-api-test-"+role)
	}
	clean := func() { on("docker rm -f " + strings.Join(names, " ") + " >/dev/null 2>&1; rm -rf " + conf) }
	for _, role := range realRoles {
		archive := filepath.Join(t.TempDir(), role+".tar")
		if out, err := exec.Command("../scripts/demo-image", "--role", role, "fairlead-api-test-"+role+":4.0.0-1", archive).CombinedOutput(); err != nil {
			t.Fatalf("demo-image: %v\n%s", err, out)
		}
		tar, err := os.Open(archive)
		if err != nil {
			t.Fatal(err)
		}
		load := ssh("docker load")
		load.Stdin = tar
		out, err := load.CombinedOutput()
		if err := errors.Join(err, tar.Close()); err != nil {
			t.Fatalf("docker load: %v\n%s", err, out)
		}
	}
	clean()
	t.Cleanup(clean)

	sm, dir := newStandIn(t), t.TempDir()
	engine := &jobs.Engine{Modules: all.Registry(), Embedded: templates.Files, Dir: filepath.Join(dir, "playbooks"), Log: slog.New(slog.DiscardHandler), Controller: "test"}
	ts := serve(t, dir, engine, func(c *api.Config) { c.SMAddr = sm.addr() })
	body := realRequest(node, rootPassword, conf)
	var counts []map[string]int
	for _, want := range []string{"node-2=In_Progress node-2=Provision_Success", "node-2=In_Progress node-2=Provision_Success node-2=In_Progress node-2=Provision_Success"} {
		if status, _, got := ts.do("POST", "/run_playbook", body); status != http.StatusOK {
			t.Fatal(got)
		}
		eventuallyIn(t, 2*time.Minute, "pushes", func() bool { // the containers' health is waited for
			got := sm.all()
			if strings.Contains(got, "Failed") {
				_, _, why := ts.do("GET", "/playbook_status", "")
				t.Fatal(why)
			}
			return got == want
		})
		var poll struct {
			Statuses []struct {
				store.Status
				Progress struct{ Counts map[string]int }
			}
		}
		_, _, text := ts.do("GET", "/playbook_status?server_id=node-2&role=lb", "")
		if err := json.Unmarshal([]byte(text), &poll); err != nil {
			t.Fatal(err)
		}
		counts = append(counts, poll.Statuses[0].Progress.Counts)
	}
	if counts[0]["changed"] == 0 || counts[1]["changed"] != 0 || counts[1]["ok"] == 0 {
		t.Errorf("changes of the first and second run: %v", counts)
	}
	for i, role := range realRoles {
		file := on("cat " + conf + "/" + role + ".conf")
		for _, want := range []string{fmt.Sprintf("listen = %s:%d", node, realPort+i), "n = 5", "markup = {{ 1 + 1 }}", "admin_password = another-secret-7"} {
			if !strings.Contains(file, want) {
				t.Errorf("%q is not in %s", want, file)
			}
		}
		if got := on("stat -c %a " + conf + "/" + role + ".conf"); got != "600" {
			t.Error("mode", got)
		}
		if got := on("docker inspect -f '{{.State.Running}},{{.HostConfig.NetworkMode}},{{.HostConfig.RestartPolicy.Name}},{{.HostConfig.CapAdd}}' " + names[i]); !strings.HasPrefix(got, "true,host,unless-stopped,[") {
			t.Error(got)
		}
	}
	if got := on("docker inspect -f '{{.HostConfig.Binds}}' " + names[1]); !strings.Contains(got, "/etc/localtime:/etc/localtime") || strings.Contains(got, "/var/crashes") {
		t.Error("what the host has is not what the container sees:", got)
	}
	for name, text := range map[string]string{"log": ts.log.String(), "poll": func() string { _, _, b := ts.do("GET", "/playbook_status?history=1", ""); return b }()} {
		if strings.Contains(text, rootPassword) {
			t.Errorf("the password is in the %s", name)
		}
	}
	noSecrets(t, ts)
}
