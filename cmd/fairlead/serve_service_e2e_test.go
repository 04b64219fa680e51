package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fairlead-project/fairlead/engine/store"
)

func (p *serveProcess) post(body string) {
	p.t.Helper()
	resp, err := http.Post("http://"+p.addr+"/run_ansible_playbooks", "application/json", strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		p.t.Fatal(resp.Status)
	}
}

// registryNow is the registry that the server's configuration gives to requests.
func (p *serveProcess) registryNow(cluster string) string {
	p.t.Helper()
	p.post(fmt.Sprintf(`[{"hosts_in_inv": ["h"], "cluster_id": %q, "tasks": "contrail_deploy", "parameters": {"inventory": {}, "contrail_deploy_pb": "contrail/site.yml", "no_run": 1}}]`, cluster))
	var text []byte
	p.until("an inventory", func() bool {
		var err error
		text, err = os.ReadFile(filepath.Join(p.dir, "data", "inventory", cluster+".inv"))
		return err == nil
	})
	_, rest, _ := strings.Cut(string(text), "docker_registry=")
	line, _, _ := strings.Cut(rest, "\n")
	return line
}

// TestServeDrains: SIGTERM lets what runs end, and begins nothing new; what waits
// is run by the next server.
func TestServeDrains(t *testing.T) {
	t.Parallel()
	p := newServeProcess(t)
	p.write("slow.yml", `
- hosts: all
  gather_facts: false
  tasks:
    - {name: slow, shell: "touch {{ begun }}; sleep 1; touch {{ ended }}"}
`)
	request := func(name string) string {
		return fmt.Sprintf(`[{"hosts_in_inv": ["h"], "cluster_id": %q, "tasks": "contrail_deploy", "parameters": {"contrail_deploy_pb": %q,
			"inventory": {"[g]": ["h ansible_connection=local ansible_become=false"], "[all:vars]": {"begun": "%[3]s/%[1]s-begun", "ended": "%[3]s/%[1]s-ended"}}}}]`,
			name, filepath.Join(p.dir, "pb", "slow.yml"), p.dir)
	}
	there := func(name string) bool { _, err := os.Stat(filepath.Join(p.dir, name)); return err == nil }
	p.start()
	p.post(request("one"))
	p.post(request("two")) // of the same host: it waits
	p.until("one begins", func() bool { return there("one-begun") })
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
	if !there("one-ended") || there("two-begun") {
		t.Errorf("one has ended: %v, two has begun: %v", there("one-ended"), there("two-begun"))
	}
	st, err := store.Open(t.Context(), filepath.Join(p.dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	runs, err := st.Runs(t.Context(), store.RunFilter{})
	if err := errors.Join(err, st.Close()); err != nil || len(runs) != 1 || runs[0].Status != store.RunDone {
		t.Errorf("%+v %v", runs, err)
	}
	p.start()
	p.until("two is run", func() bool { return there("two-ended") })
	p.until("two has ended", func() bool { return p.inState("done") == 2 })
}

// TestUnit has systemd look at the unit that is printed.
func TestUnit(t *testing.T) {
	t.Parallel()
	p := newServeProcess(t)
	out, err := exec.Command(filepath.Join(p.dir, "fairlead"), "serve", "--print-unit", "--open-to", "192.0.2.1", "--playbooks", "/srv/a b,/srv/100%", "--drain", "45s").Output()
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(p.dir, "fairlead.service")
	if err := os.WriteFile(unit, out, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{` serve --drain 45s --open-to 192.0.2.1 --playbooks "/srv/a b,/srv/100%%" --data /var/lib/fairlead`, "Type=notify\n", "TimeoutStopSec=75\n", "ExecReload=/bin/kill -HUP $MAINPID\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	said, err := exec.Command("systemd-analyze", "verify", "--man=no", unit).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		if os.Getenv("FAIRLEAD_NO_SKIP") == "1" {
			t.Fatal("systemd-analyze is not installed")
		}
		t.Skip("systemd-analyze is not installed")
	}
	if err != nil || strings.Contains(string(said), "fairlead.service") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, said)
	}
}
