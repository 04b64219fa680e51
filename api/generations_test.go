package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fairlead-project/fairlead/api"
	"github.com/fairlead-project/fairlead/api/jobs"
	"github.com/fairlead-project/fairlead/api/smclient"
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/store"
	"github.com/fairlead-project/fairlead/engine/value"
)

// clusterRunner stands in for the engine where only the statuses of a cluster's
// run are tested: each host reports the start and the end of role lb.
type clusterRunner struct {
	mu      sync.Mutex
	jobs    []api.Job
	fails   map[string]event.Status // by host
	stopped bool
}

func (f *clusterRunner) Run(ctx context.Context, j api.Job) error {
	f.mu.Lock()
	f.jobs = append(f.jobs, j)
	f.mu.Unlock()
	lines, _ := j.Inventory.Get("[contrail-lb]")
	if lines.Kind() != value.KindList {
		lines, _ = j.Inventory.Get("[control]")
	}
	var hosts []string
	for _, l := range lines.Items() {
		hosts = append(hosts, strings.Fields(l.Text())[0])
	}
	var seq int64
	emit := func(e event.Event) {
		seq++
		e.Seq, e.Run, e.Time = seq, j.ID, time.Now()
		for _, s := range j.Sinks {
			if err := s.Emit(context.WithoutCancel(ctx), &e); err != nil {
				panic(err)
			}
		}
	}
	emit(event.Event{Kind: event.RunStarted, Playbooks: []string{j.Playbook}})
	emit(event.Event{Kind: event.PlayStarted, Play: "p"})
	stats, exit := map[string]*event.HostStats{}, 0
	for i, step := range []string{"sm_status_report lb_started", "work", "sm_status_report lb_completed"} {
		emit(event.Event{Kind: event.TaskStarted, Task: step, TaskNo: int64(i + 1)})
		for _, h := range hosts {
			if stats[h] == nil {
				stats[h] = &event.HostStats{}
			}
			switch bad := f.fails[h]; {
			case stats[h].Failed+stats[h].Unreachable > 0:
				continue
			case bad == event.Failed && step == "work":
				stats[h].Failed, exit = 1, max(exit, 2)
				emit(event.Event{Kind: event.Result, Host: h, Task: step, Status: bad, Msg: "no room for " + password})
				continue
			case bad == event.Unreachable && i == 0:
				stats[h].Unreachable, exit = 1, 4
				emit(event.Event{Kind: event.Result, Host: h, Task: step, Status: bad, Msg: "no route"})
				continue
			}
			stats[h].OK++
			emit(event.Event{Kind: event.Result, Host: h, Task: step, Status: event.OK})
		}
	}
	emit(event.Event{Kind: event.Recap, Stats: stats, Stopped: f.stopped})
	emit(event.Event{Kind: event.RunEnded, Exit: exit, Stats: stats, Stopped: f.stopped})
	return nil
}

func (f *clusterRunner) seen() []api.Job {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]api.Job(nil), f.jobs...)
}

func description(gen string, hosts ...string) smclient.Description {
	d := smclient.Description{Generation: gen, Password: password, ClusterID: "c1", ServerID: "node-a"}
	for _, h := range hosts {
		d.Hosts = append(d.Hosts, smclient.Host{Address: h, Roles: []string{"lb"}})
	}
	return d
}

func (ts *testServer) post(d smclient.Description) string {
	ts.t.Helper()
	calls, err := d.Calls()
	if err != nil {
		ts.t.Fatal(err)
	}
	last := ""
	for _, c := range calls {
		status, _, answer := ts.do(c.Method, c.Path, string(c.Body), "Content-Type", "application/json")
		if status != 200 {
			ts.t.Fatalf("%s: %d %s", c.Path, status, answer)
		}
		last = answer
	}
	return last
}

// TestGenerations pins what server-manager is told, in which order, by each
// generation of its calls.
func TestGenerations(t *testing.T) {
	t.Parallel()
	each := func(state string) string { return "10.0.0.1=" + state + " 10.0.0.2=" + state }
	reports := " " + each("lb_started") + " " + each("lb_completed") + " " + each("provision_completed")
	for gen, want := range map[string]string{
		"B2": "node-a=In_Progress node-a=Provision_Success",
		"B3": each("provision_in_progress") + reports,
		"B4": each("contrail-deploy") + reports,
		"B5": each("contrail-deploy") + reports,
		"C":  each("contrail-deploy") + reports,
		"C1": each("contrail-deploy") + reports,
		"C2": each("contrail-deploy") + reports,
	} {
		t.Run(gen, func(t *testing.T) {
			t.Parallel()
			sm, run := newStandIn(t), &clusterRunner{}
			ts := serve(t, t.TempDir(), run, func(c *api.Config) { c.SMAddr = sm.addr() })
			if got := ts.post(description(gen, "10.0.0.1", "10.0.0.2")); got != `{"status": "Provision in Progress"}` {
				t.Error(got)
			}
			eventually(t, "pushes", func() bool { return len(sm.all()) >= len(want) })
			if d := cmp.Diff(strings.Fields(want), strings.Fields(sm.all())); d != "" {
				t.Error(d)
			}
			j := run.seen()[0]
			if !j.Embedded || j.Playbook != "contrail/site.yml" || j.SSH.Password != password || j.SSH.User != "root" || j.Ledger == nil {
				t.Errorf("%+v", j.SSH)
			}
			all, _ := j.Inventory.Get("[all:vars]")
			if v, _ := all.Get("docker_insecure_registries"); v.Text() != "0.0.0.0:5100" {
				t.Error("the server's options do not fill the inventory:", v)
			}
			_, _, poll := ts.do("GET", "/playbook_status?cluster_id=c1", "")
			if gen != "B2" && (strings.Count(poll, `"state":"provision_completed"`) != 2 || strings.Count(poll, `"role":"lb","state":"lb_completed"`) != 2) {
				t.Error(poll)
			}
			if gen == "B2" { // known by its id: what all hosts of its run did is its progress
				_, _, poll = ts.do("GET", "/playbook_status?server_id=node-a&history=1", "")
				for _, want := range []string{`"role":"lb","state":"lb_completed"`, `"task":"work","host":"10.0.0.1","status":"ok"`, `"task":"work","host":"10.0.0.2","status":"ok"`} {
					if !strings.Contains(poll, want) || strings.Count(poll, `"state":"lb_completed"`) != 3 { // told once: it is the last one, and in two histories
						t.Errorf("no %s in %s", want, poll)
					}
				}
			}
			if gen != "B2" {
				_, _, poll = ts.do("GET", "/playbook_status?server_id=10.0.0.1", "")
				if !strings.Contains(poll, `"task":"work","host":"10.0.0.1","status":"ok"`) || strings.Contains(poll, `"host":"10.0.0.2"`) {
					t.Error(poll)
				}
				log, err := os.ReadFile(filepath.Join(ts.dir, "log", "provision", "c1_provision.log"))
				if err != nil || !strings.HasPrefix(string(log), "CLUSTER = c1\nPLAY [p]\nTASK [sm_status_report lb_started]\nok: [10.0.0.1]\n") {
					t.Errorf("%v %s", err, log)
				}
			}
			noSecrets(t, ts, poll)
		})
	}
}

// TestHostsThatFail: each host is told how it fared, and only once.
func TestHostsThatFail(t *testing.T) {
	t.Parallel()
	begin := "10.0.0.1=contrail-deploy 10.0.0.2=contrail-deploy"
	for name, c := range map[string]struct {
		run  *clusterRunner
		want string
	}{
		"one fails": {&clusterRunner{fails: map[string]event.Status{"10.0.0.1": event.Failed}},
			begin + " 10.0.0.1=lb_started 10.0.0.2=lb_started 10.0.0.2=lb_completed 10.0.0.1=provision_failed 10.0.0.2=provision_completed"},
		"one is unreachable": {&clusterRunner{fails: map[string]event.Status{"10.0.0.2": event.Unreachable}},
			begin + " 10.0.0.1=lb_started 10.0.0.1=lb_completed 10.0.0.1=provision_completed 10.0.0.2=provision_failed"},
		"all are stopped": {&clusterRunner{stopped: true, fails: map[string]event.Status{"10.0.0.2": event.Failed}},
			begin + " 10.0.0.1=lb_started 10.0.0.2=lb_started 10.0.0.1=lb_completed 10.0.0.1=provision_failed 10.0.0.2=provision_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sm := newStandIn(t)
			ts := serve(t, t.TempDir(), c.run, func(c *api.Config) { c.SMAddr = sm.addr() })
			ts.post(description("C", "10.0.0.1", "10.0.0.2"))
			eventually(t, "pushes", func() bool { return len(sm.all()) >= len(c.want) })
			if d := cmp.Diff(strings.Fields(c.want), strings.Fields(sm.all())); d != "" {
				t.Error(d)
			}
			if name == "one fails" {
				_, _, poll := ts.do("GET", "/playbook_status?server_id=10.0.0.1&role=lb", "")
				if !strings.Contains(poll, `"state":"lb_failed"`) || !strings.Contains(poll, "work: failed: no room for ********") {
					t.Error(poll)
				}
			}
			noSecrets(t, ts)
		})
	}
}

// TestKolla: OpenStack's tasks run in their order, with the playbooks of an
// allowed folder; what Fairlead has no playbook for is told as failed.
func TestKolla(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, f := range []string{"deploy.yml", "post.yml", "site.yml"} {
		if err := os.WriteFile(filepath.Join(dir, f), []byte("[]"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d := description("C", "10.0.0.1")
	d.Tasks = "contrail_deploy , openstack_post_deploy_contrail,openstack_deploy no_such_task"
	d.Kolla = map[string]any{"kolla_inv": map[string]any{"[control]": []string{"10.0.0.9 ansible_ssh_pass=another-secret-7"}, "[nova:children]": []string{"control"}},
		"kolla_deploy_pb": filepath.Join(dir, "deploy.yml"), "kolla_post_deploy_contrail_pb": filepath.Join(dir, "post.yml"),
		"kolla_passwords": map[string]any{"database_password": "another-secret-7"}, "kolla_globals": map[string]any{"enable_x": "no"}}
	sm, run := newStandIn(t), &clusterRunner{}
	ts := serve(t, t.TempDir(), run, func(c *api.Config) {
		c.SMAddr = sm.addr()
		c.PlaybookDirs = []string{dir}
	})
	ts.post(d)
	want := "10.0.0.9=openstack_deploy 10.0.0.9=lb_started 10.0.0.9=lb_completed 10.0.0.9=provision_completed " +
		"10.0.0.1=contrail-deploy 10.0.0.1=lb_started 10.0.0.1=lb_completed 10.0.0.1=provision_completed " +
		"10.0.0.9=openstack_post-deploy-contrail 10.0.0.9=lb_started 10.0.0.9=lb_completed 10.0.0.9=provision_completed"
	eventually(t, "pushes", func() bool { return len(sm.all()) >= len(want) })
	if d := cmp.Diff(strings.Fields(want), strings.Fields(sm.all())); d != "" {
		t.Error(d)
	}
	jobs := run.seen()
	if a, _ := jobs[0].ExtraVars.Get("action"); a.Text() != "deploy" || jobs[0].ExtraVars.Len() != 3 || jobs[0].Playbook != filepath.Join(dir, "deploy.yml") {
		t.Errorf("%v", jobs[0].ExtraVars)
	}
	if jobs[1].ExtraVars.Len() != 0 {
		t.Error("Contrail's playbook has extra variables")
	}
	noSecrets(t, ts)

	d.Kolla["kolla_deploy_pb"] = "/opt/contrail/server_manager/ansible/playbooks/img1/kolla-ansible/ansible/site.yml"
	sm2 := newStandIn(t)
	ts = serve(t, t.TempDir(), run, func(c *api.Config) { c.SMAddr = sm2.addr() })
	ts.post(d)
	want = "10.0.0.9=openstack_deploy 10.0.0.9=provision_failed 10.0.0.1=provision_failed"
	eventually(t, "failure", func() bool { return sm2.all() == want })
	_, _, poll := ts.do("GET", "/playbook_status?server_id=10.0.0.9", "")
	if !strings.Contains(poll, "Playbook not found : /opt/") || !strings.Contains(poll, "kolla's playbooks are not part of Fairlead") {
		t.Error(poll)
	}
	log, err := os.ReadFile(filepath.Join(ts.dir, "log", "debug.log"))
	if err != nil || !strings.Contains(string(log), "Playbook Failed: /opt/") || !strings.Contains(string(log), "Executing Ansible Playbook Actions: ['openstack_deploy', 'contrail_deploy', 'openstack_post_deploy_contrail']") {
		t.Errorf("%v %s", err, log)
	}
}

// TestNoRun only writes the inventories, without the passwords, where they were
// written by the original when that is an allowed folder.
func TestNoRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "site.yml"), []byte("[]"), 0o644); err != nil {
		t.Fatal(err)
	}
	sm, run := newStandIn(t), &clusterRunner{}
	ts := serve(t, t.TempDir(), run, func(c *api.Config) {
		c.SMAddr = sm.addr()
		c.PlaybookDirs = []string{dir}
	})
	d := description("C2", "10.0.0.1")
	d.NoRun, d.ClusterID, d.Playbook = 1, "../c/1", filepath.Join(dir, "site.yml")
	d.Hosts[0].Vars = map[string]any{"ansible_ssh_pass": password, "ctrl_data_ip": "10.1.0.1"}
	d.Vars = map[string]any{"keystone_config": map[string]any{"admin_password": "another-secret-7", "admin_port": 35357}, "n": 5}
	ts.post(d)
	file := filepath.Join(dir, "inventory", ".._c_1.inv")
	eventually(t, "an inventory", func() bool { _, err := os.Stat(file); return err == nil })
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"[contrail-lb]\n10.0.0.1 ansible_ssh_pass=******** ctrl_data_ip=10.1.0.1\n", "ansible_password=********\n",
		"keystone_config={'admin_password': '********', 'admin_port': 35357}", "n=5\n", "docker_registry_insecure=True\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	eventually(t, "an end", func() bool {
		_, _, poll := ts.do("GET", "/playbook_status?server_id=10.0.0.1", "")
		return strings.Contains(poll, `"state":"no_run"`)
	})
	if len(run.seen()) > 0 || sm.all() != "" {
		t.Error("something was run, or told:", sm.all())
	}
}

func TestClusterRefusals(t *testing.T) {
	t.Parallel()
	sm := newStandIn(t)
	ts := serve(t, t.TempDir(), &clusterRunner{}, func(c *api.Config) { c.SMAddr = sm.addr() })
	for _, c := range []struct {
		path, body string
		status     int
		want       string // pushed, with the host's name before it; "" for nothing
	}{
		{"/run_playbook", `[{"server_id": "h1", "parameters": {"inventory": {}}}]`, 400, "[all:vars] not defined"},
		{"/run_playbook", `[{"server_id": "h2", "parameters": {"inventory": {"[all:vars]": {"ansible_user": "root"}}}}]`, 400, "ansible_password not defined in parameters"},
		{"/run_playbook", `[{"hosts_in_inv": ["h3"], "cluster_id": "c", "parameters": {"inventory": {"[all:vars]": {"ansible_password": "x"}}}}]`, 400, "ansible_user not defined in inventory"},
		{"/run_playbook", `[{"hosts_in_inv": ["h4"], "parameters": {"inventory": {"[all:vars]": {"ansible_user": "root", "ansible_password": "x", "ansible_playbook": "/etc/site.yml"}}}}]`, 400, "Playbook not found : /etc/site.yml"},
		{"/run_ansible_playbooks", `[{"cluster_id": "c", "tasks": "contrail_deploy", "parameters": {}}]`, 400, ""},
		{"/run_ansible_playbooks", `[{"hosts_in_inv": ["h5"], "cluster_id": "c", "tasks": "contrail_deploy"}]`, 400, "provision_failed"},
		{"/run_ansible_playbooks", `[{"hosts_in_inv": ["h6"], "cluster_id": "c", "parameters": {}}]`, 400, "provision_failed"},
		{"/run_ansible_playbooks", `[{"hosts_in_inv": ["h7"], "cluster_id": "c", "tasks": "nothing", "parameters": {}}]`, 400, "provision_failed"},
		// As the original these are accepted; unlike it, what becomes of them is told.
		{"/run_ansible_playbooks", `[{"hosts_in_inv": ["h8"], "cluster_id": "c", "tasks": "contrail_deploy", "parameters": {"contrail_deploy_pb": "contrail/site.yml"}}]`, 200, "contrail-deploy"},
		{"/run_openstack_playbook", `[{"hosts_in_inv": ["h9"], "tasks": "contrail_deploy", "parameters": {"inventory": {}, "contrail_deploy_pb": "contrail/site.yml"}}]`, 200, "contrail-deploy"},
		{"/run_contrail_playbook", `[{"hosts_in_inv": ["h10"], "cluster_id": "c", "parameters": {"inventory": {}, "contrail_deploy_pb": "/x/site.yml"}}]`, 200, "contrail-deploy"},
	} {
		status, _, answer := ts.do("POST", c.path, c.body)
		if status != c.status {
			t.Errorf("%s: %d %s", c.body, status, answer)
		}
		if c.want == "" {
			continue
		}
		host := c.body[strings.Index(c.body, `"h`)+1:]
		if strings.HasPrefix(host, "hosts") {
			host = host[strings.Index(host, `"h`)+1:]
		}
		host, _, _ = strings.Cut(host, `"`)
		eventually(t, host+" is told", func() bool { return strings.Contains(sm.all(), host+"="+c.want) })
		if c.status == 200 {
			eventually(t, host+" is told of the failure", func() bool { return strings.Contains(sm.all(), host+"=provision_failed") })
		}
	}
}

// TestRepeatedRequest: while a request waits or runs, the same one again is it.
func TestRepeatedRequest(t *testing.T) {
	t.Parallel()
	run := &fakeRunner{block: make(chan struct{})}
	ts := serve(t, t.TempDir(), run, nil)
	ids := map[string]bool{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	// The order of hosts_in_inv and of keys is any.
	bodies := []string{
		`[{"hosts_in_inv": ["h1", "h2"], "cluster_id": "c", "tasks": "contrail_deploy", "parameters": {"inventory": {"[g]": ["h1"]}, "contrail_deploy_pb": "contrail/site.yml"}}]`,
		`[{"cluster_id": "c", "hosts_in_inv": ["h2", "h1"], "tasks": "contrail_deploy", "parameters": {"contrail_deploy_pb": "contrail/site.yml", "inventory": {"[g]": ["h1"]}}}]`,
	}
	for i := range 20 {
		wg.Go(func() {
			id := ts.runOf("/run_ansible_playbooks", bodies[i%2])
			mu.Lock()
			defer mu.Unlock()
			ids[id] = true
		})
	}
	wg.Wait()
	eventually(t, "a run", func() bool { return len(run.seen()) > 0 })
	if len(ids) != 1 || len(run.seen()) != 1 {
		t.Errorf("ids %v, %d runs", ids, len(run.seen()))
	}
	close(run.block)
	eventually(t, "an end", func() bool {
		un, err := ts.st.Unfinished(t.Context())
		return err == nil && len(un) == 0
	})
	if again := ts.runOf("/run_ansible_playbooks", bodies[0]); ids[again] {
		t.Error("a request after the end of the first is that one")
	}
}

// runOf posts a body and gives the id of the run.
func (ts *testServer) runOf(path, body string) string {
	ts.t.Helper()
	req, err := http.NewRequestWithContext(ts.t.Context(), http.MethodPost, ts.url+path, strings.NewReader(body))
	if err != nil {
		ts.t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		ts.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		ts.t.Errorf("%s: %s", path, resp.Status)
	}
	return resp.Header.Get("X-Fairlead-Run")
}

// TestCancelAndResume ends a run over REST and carries it on.
func TestCancelAndResume(t *testing.T) {
	t.Parallel()
	sm, run := newStandIn(t), &fakeRunner{block: make(chan struct{})}
	ts := serve(t, t.TempDir(), run, func(c *api.Config) { c.SMAddr = sm.addr() })
	id := ts.runOf("/run_ansible_playbooks", `[{"hosts_in_inv": ["h1"], "cluster_id": "c", "tasks": "contrail_deploy", "parameters": {"inventory": {"[g]": ["h1"]}, "contrail_deploy_pb": "contrail/site.yml"}}]`)
	waits := ts.runOf("/run_ansible_playbooks", `[{"hosts_in_inv": ["h1"], "cluster_id": "d", "tasks": "contrail_deploy", "parameters": {"inventory": {"[g]": ["h1"]}, "contrail_deploy_pb": "contrail/site.yml"}}]`)
	eventually(t, "a run", func() bool { return len(run.seen()) == 1 })
	for _, x := range []string{waits, id} {
		if status, _, answer := ts.do("POST", "/api/v1/runs/"+x+"/cancel", ""); status != 202 {
			t.Fatal(status, answer)
		}
	}
	eventually(t, "an end", func() bool {
		r, err := ts.st.Run(t.Context(), id)
		return err == nil && r.Status == store.RunCancelled
	})
	eventually(t, "told", func() bool { return sm.all() == "h1=contrail-deploy h1=provision_failed" })
	if status, _, _ := ts.do("POST", "/api/v1/runs/"+id+"/cancel", ""); status != 409 {
		t.Error(status)
	}
	if status, _, _ := ts.do("POST", "/api/v1/runs/none/cancel", ""); status != 404 {
		t.Error(status)
	}
	close(run.block)
	if status, _, answer := ts.do("POST", "/api/v1/runs/"+id+"/resume", ""); status != 202 {
		t.Fatal(status, answer)
	}
	eventually(t, "the second attempt", func() bool {
		r, err := ts.st.Run(t.Context(), id+"-2")
		return err == nil && r.Status == store.RunDone && r.Root == id
	})
	// The request ends a moment after its run does; until then it goes on anyway.
	eventually(t, "nothing left to resume", func() bool {
		status, _, _ := ts.do("POST", "/api/v1/runs/"+id+"/resume", "")
		return status == 409
	})
	if n := len(run.seen()); n != 2 {
		t.Errorf("%d runs: what was cancelled while it waited was run, or what was done was run again", n)
	}
}

// TestManyRequests sends 1,000 different requests at once: each is accepted, and
// none is lost.
func TestManyRequests(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	runner := jobs.RunnerFunc(func(context.Context, jobs.Job) error {
		return diag.New(diag.Usage, diag.Pos{}, "", "nothing is run here")
	})
	ts := serve(t, dir, runner, func(c *api.Config) { c.Log = nil })
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]bool{}
	for i := range 1000 {
		wg.Go(func() {
			id := ts.runOf("/run_ansible_playbooks", fmt.Sprintf(`[{"hosts_in_inv": ["h%d"], "cluster_id": "c%d", "tasks": "contrail_deploy", "parameters": {"inventory": {"[g]": ["h%d"]}, "contrail_deploy_pb": "contrail/site.yml"}}]`, i, i, i))
			mu.Lock()
			defer mu.Unlock()
			ids[id] = true
		})
	}
	wg.Wait()
	if len(ids) != 1000 {
		t.Fatalf("%d ids", len(ids))
	}
	for done := 0; done < 1000; time.Sleep(50 * time.Millisecond) { // the test's own deadline ends it
		g, err := ts.st.Gauges(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		done = g.Requests["failed"]
	}
	_, _, text := ts.do("GET", "/metrics", "")
	for _, want := range []string{`fairlead_requests{state="failed"} 1000`, `fairlead_http_requests_total{method="POST",path="/run_ansible_playbooks",status="200"} 1000`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	if status, _, body := ts.do("GET", "/readyz", ""); status != 200 {
		t.Error(status, body)
	}
	var list struct{ Runs []store.Run }
	_, _, text = ts.do("GET", "/api/v1/runs?limit=1", "")
	if err := json.Unmarshal([]byte(text), &list); err != nil || list.Runs[0].Status != store.RunError {
		t.Error(err, text)
	}
}
