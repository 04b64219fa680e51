package api_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/api"
	"github.com/fairlead-project/fairlead/api/servermanager"
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/store"
)

func TestProvisionTwoRoles(t *testing.T) {
	t.Parallel()
	sm, run := newStandIn(t), &fakeRunner{}
	ts := serve(t, t.TempDir(), run, func(c *api.Config) { c.SMAddr = sm.addr() })
	status, ctype, body := ts.do("POST", "/start_provision", `{"a": 1}`)
	if status != 200 || !strings.HasPrefix(ctype, "text/html") || body != `{"status": "Provision Started"}` {
		t.Error(status, ctype, body)
	}
	status, ctype, body = ts.do("POST", "/run_playbook", request("node-a", "127.0.2.1", "", "control", "lb"), "Content-Type", "application/json")
	if status != 200 || ctype != "application/json" || body != `{"status": "Provision in Progress"}` {
		t.Error(status, ctype, body)
	}
	eventually(t, "pushes", func() bool { return sm.all() == "node-a=In_Progress node-a=Provision_Success" })
	jobs := run.seen()
	if len(jobs) != 1 {
		t.Fatalf("%d runs", len(jobs))
	}
	j := jobs[0]
	sections, _ := j.ExtraVars.Get("contrail_sections")
	if got := sections.Map().Keys(); len(got) != 2 || got[0].Str() != "controller" || got[1].Str() != "lb" {
		t.Errorf("sections %v", sections.Repr())
	}
	for k, want := range map[string]string{"contrailctl_config_mode": "copy", "lb_image": "192.0.2.1:5100/img1-lb:4.0.0-1", "controller_image": "192.0.2.1:5100/img1-control:4.0.0-1"} {
		if v, _ := j.ExtraVars.Get(k); v.Text() != want {
			t.Errorf("%s = %s", k, v.Text())
		}
	}
	if pw, _ := j.ExtraVars.Get("ansible_password"); !pw.IsSecret() || j.SSH.Password != password || !j.Embedded || j.SSH.HostKeys != "accept-new" {
		t.Errorf("job %+v", j.SSH)
	}
	if got := j.Inventory.Repr(); !strings.Contains(got, "'[contrail-lb]': ['127.0.2.1']") || strings.Contains(got, password) {
		t.Error(got)
	}
	var poll struct {
		Statuses []struct {
			store.Status
			Progress struct{ Tasks, Counts any }
			History  []store.Status
		}
	}
	_, _, body = ts.do("GET", "/playbook_status?server_id=node-a&role=lb&history=1", "")
	if err := json.Unmarshal([]byte(body), &poll); err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, h := range poll.Statuses[0].History {
		states = append(states, h.State)
	}
	if len(poll.Statuses) != 1 || strings.Join(states, " ") != "Queued In_Progress Provision_Success Provision_Success" || poll.Statuses[0].Run != j.ID {
		t.Error(body)
	}
	noSecrets(t, ts, body)
	line := regexp.MustCompile(`(?m)^"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}-INFO-sm_ansible_callback\.py:\d+-append\(\):  (.*)"$`)
	log, err := os.ReadFile(filepath.Join(ts.dir, "log", "debug.log"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, m := range line.FindAllStringSubmatch(string(log), -1) {
		lines = append(lines, m[1])
	}
	if err := os.Rename(filepath.Join(ts.dir, "log", "debug.log"), filepath.Join(ts.dir, "log", "debug.log.1")); err != nil {
		t.Fatal(err)
	}
	ts.do("POST", "/run_playbook", request("node-a", "127.0.2.1", "", "lb"))
	eventually(t, "a line in the new log, in the same form", func() bool {
		log, err := os.ReadFile(filepath.Join(ts.dir, "log", "debug.log"))
		return err == nil && strings.Contains(string(log), "PLAY RECAP") && len(line.FindAllString(string(log), -1)) > 3
	})
	want := "CLUSTER = None|PLAY [contrail]|TASK [controller : sm_status_report controller_started]|ok: [127.0.2.1]|TASK [controller : configuration]|changed: [127.0.2.1]"
	if got := strings.Join(lines, "|"); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "PLAY RECAP [127.0.2.1] : ok: 6 changed: 2 unreachable: 0 skipped: 0 failed: 0") {
		t.Error(got)
	}
}

// noSecrets looks for the planted passwords in all that the server leaves.
func noSecrets(t *testing.T, ts *testServer, more ...string) {
	t.Helper()
	_, _, runs := ts.do("GET", "/api/v1/runs", "")
	texts := append(more, ts.log.String(), runs)
	var list struct{ Runs []store.Run }
	if err := json.Unmarshal([]byte(runs), &list); err != nil || len(list.Runs) == 0 {
		t.Fatal(err, runs)
	}
	for _, r := range list.Runs {
		_, _, events := ts.do("GET", "/api/v1/runs/"+r.ID+"/events", "")
		texts = append(texts, events)
	}
	err := filepath.WalkDir(ts.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		texts = append(texts, string(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		for _, secret := range []string{password, "another-secret-7"} {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("a password in %q", text[max(0, i-60):i+30])
			}
		}
	}
}

func TestProvisionFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		run    *fakeRunner
		reason string
	}{
		"a role":  {&fakeRunner{fail: "lb"}, "lb : configuration: failed: no room for ********"},
		"no run":  {&fakeRunner{err: diag.New(diag.Auth, diag.Pos{}, "", "password %s refused", password)}, "password ******** refused"},
		"a panic": {&fakeRunner{panic: true}, "panic: with the ********"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sm := newStandIn(t)
			ts := serve(t, t.TempDir(), c.run, func(c *api.Config) { c.SMAddr = sm.addr() })
			ts.do("POST", "/run_playbook", request("node-a", "127.0.2.1", "", "control", "lb"))
			eventually(t, "pushes", func() bool { return sm.all() == "node-a=In_Progress node-a=Provision_Failed" })
			_, _, body := ts.do("GET", "/playbook_status?server_id=node-a&role=lb", "")
			if !strings.Contains(body, c.reason) || !strings.Contains(body, "Provision_Failed") {
				t.Error(body)
			}
			_, _, body = ts.do("GET", "/playbook_status?role=control", "")
			if want := map[bool]string{true: "Provision_Success", false: "Provision_Failed"}[c.run.fail != ""]; !strings.Contains(body, `"state":"`+want) {
				t.Error(body)
			}
			noSecrets(t, ts)
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	sm := newStandIn(t)
	ts := serve(t, t.TempDir(), &fakeRunner{}, func(c *api.Config) { c.SMAddr = sm.addr() })
	ok := request("n", "127.0.2.1", "", "lb")
	for body, want := range map[string]string{
		"":                     "the body is not JSON",
		"{":                    "the body is not JSON",
		"[]":                   "the body is no list of objects",
		"[5]":                  "element 1 of the list is no object",
		`[{"parameters": {}}]`: "server_id not defined",
		`[{"server_id": "n"}]`: "parameters not defined",
		strings.Replace(ok, "ansible_password", "x", 1):                                                                            "ansible_password not defined in parameters",
		strings.Replace(ok, "container_image", "x", 1):                                                                             "container_image not defined in parameters",
		strings.Replace(ok, "\"container_name\": \"lb\"", "\"container_name\": \"zz\"", 1):                                         "Invalid Role:zz",
		strings.Replace(ok, "\"lb\": {", "\"other\": {", 1):                                                                        "lb not defined in parameters",
		strings.Replace(ok, "127.0.2.1", "h k=v", 1):                                                                               "ansible_host in parameters is no address",
		request("n", "127.0.2.1", `, "ansible_playbook": "/etc/passwd"`, "lb"):                                                     "Playbook not found : /etc/passwd",
		request("n", "127.0.2.1", `, "ansible_playbook": "/opt/contrail/server_manager/ansible/playbooks/../../x/site.yml"`, "lb"): "Playbook not found : /opt",
	} {
		status, ctype, got := ts.do("POST", "/run_playbook", body)
		if status != 400 || !strings.HasPrefix(ctype, "application/json") || !strings.Contains(got, `"status":"`+want) {
			t.Errorf("%.60s: %d %s %s", body, status, ctype, got)
		}
	}
	eventually(t, "push", func() bool { return strings.Contains(sm.all(), "n=Playbook not found : /etc/passwd") })
	if status, _, got := ts.do("PUT", "/playbook_status?server_id=x", ""); status != 400 || !strings.Contains(got, "state not defined") {
		t.Error(status, got)
	}
	if status, _, _ := ts.do("GET", "/run_playbook", ""); status != 405 {
		t.Error(status)
	}
	if status, _, got := ts.do("GET", "/playbook_status?run=none", ""); status != 404 || !strings.Contains(got, "not_found") {
		t.Error(status, got)
	}
	if status, _, got := ts.do("GET", "/playbook_status?server_id=none", ""); status != 200 || got != "{\"statuses\":[]}\n" {
		t.Error(status, got)
	}
}

func TestOddClients(t *testing.T) {
	t.Parallel()
	ts := serve(t, t.TempDir(), &fakeRunner{}, nil)
	for name, c := range map[string]struct{ send, want string }{
		"chunked empty body": {"PUT /playbook_status?server_id=n1&role=lb&state=Playbook+not+found+%3A+%2Fx HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type:application/json\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n0\r\n\r\n",
			`{"server_id": "n1", "state": "Playbook not found : /x"}`},
		"unescaped": {"PUT /playbook_status?server_id=n2&role=lb&state=Playbook not found : /x%zz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
			`{"server_id": "n2", "state": "Playbook not found : /x%zz"}`},
		"body only": {"PUT /playbook_status?server_id=n3 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 36\r\nConnection: close\r\n\r\n{\"state\": \"In_Progress\", \"role\":\"a\"}",
			`{"server_id": "n3", "state": "In_Progress"}`},
		"http 1.0":   {"PUT /playbook_status?server_id=n4&state=a&role=b HTTP/1.0\r\n\r\n", `{"server_id": "n4", "state": "a"}`},
		"rebound":    {"GET /playbook_status HTTP/1.1\r\nHost: evil.example.com\r\nConnection: close\r\n\r\n", "421"},
		"cross site": {"POST /run_playbook HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://evil.example.com\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "403"},
	} {
		got := strings.ReplaceAll(ts.raw(c.send), `":"`, `": "`)
		if !strings.Contains(strings.ReplaceAll(got, `","`, `", "`), c.want) {
			t.Errorf("%s: %s", name, got)
		}
		if name == "chunked empty body" && !strings.HasPrefix(got, "HTTP/1.1 100") {
			t.Errorf("no 100-continue: %s", got)
		}
	}
	// The largest request that is taken, to the byte, and one byte more: with its
	// length told beforehand and without.
	const most = 64 << 20
	padding := `, "padding": "` + strings.Repeat("x", 8<<20) + `"`
	if status, _, got := ts.do("POST", "/run_playbook", request("much", "127.0.2.8", padding, "lb")); status != 200 {
		t.Error(status, got)
	}
	padded := func(n int) string {
		body := request("big", "127.0.2.9", "", "lb")
		return body + strings.Repeat(" ", n-len(body))
	}
	if status, _, got := ts.do("POST", "/run_playbook", padded(most), "Expect", "100-continue"); status != 200 {
		t.Error(status, got)
	}
	for name, body := range map[string]io.Reader{"told": strings.NewReader(padded(most + 1)), "not told": io.MultiReader(strings.NewReader(padded(most + 1)))} {
		status, got := ts.post413(body)
		if status != 413 || !strings.Contains(got, "more than 67108864 bytes") {
			t.Error(name, status, got)
		}
	}
	if status, _, _ := ts.do("GET", "/healthz", ""); status != 200 {
		t.Error("not healthy", status)
	}
}

// post413 sends a body that may be refused before all of it is read.
func (ts *testServer) post413(body io.Reader) (int, string) {
	ts.t.Helper()
	req, err := http.NewRequestWithContext(ts.t.Context(), "POST", ts.url+"/run_playbook", body)
	if err != nil {
		ts.t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		ts.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		ts.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestServerManagerAway(t *testing.T) {
	t.Parallel()
	sm := newStandIn(t)
	sm.status = http.StatusServiceUnavailable
	dir := t.TempDir()
	ts := serve(t, dir, &fakeRunner{}, func(c *api.Config) { c.SMAddr = "127.0.0.1:1" })
	ts.do("PUT", "/playbook_status?server_id=n&role=lb&state=one", "")
	ts.do("PUT", "/playbook_status?server_id=n&role=lb&state=two", "")
	eventually(t, "a first attempt", func() bool {
		p, _, ok, err := ts.st.NextPush(t.Context())
		return err == nil && ok && p.Attempts > 1 && p.State == "one"
	})
	ts.stop()
	// After a restart, what waits is still sent.
	ts = serve(t, dir, &fakeRunner{}, nil)
	if _, _, ok, err := ts.st.NextPush(t.Context()); !ok || err != nil {
		t.Error("a push was lost", err)
	}
	ts.stop()
	ts = serve(t, t.TempDir(), &fakeRunner{}, func(c *api.Config) { c.SMAddr = sm.addr() })
	ts.do("PUT", "/playbook_status?server_id=n&role=lb&state=one", "")
	eventually(t, "refused twice", func() bool { return strings.Count(sm.all(), "n=one") > 1 })
	sm.mu.Lock()
	sm.status = http.StatusNotFound
	sm.mu.Unlock()
	ts.do("PUT", "/playbook_status?server_id=n&role=lb&state=two", "")
	eventually(t, "the second", func() bool { return strings.HasSuffix(sm.all(), "n=one n=two") })
}

func TestRestartTakesUpRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stuck := &fakeRunner{block: make(chan struct{})}
	ts := serve(t, dir, stuck, func(c *api.Config) { c.Drain = 50 * time.Millisecond })
	ts.do("POST", "/run_playbook", request("a", "127.0.2.1", "", "lb"))
	ts.do("POST", "/run_playbook", request("b", "127.0.2.1", "", "lb")) // waits for the first
	ts.do("POST", "/run_playbook", request("c", "127.0.2.2", "", "lb"))
	eventually(t, "two runs", func() bool { return len(stuck.seen()) == 2 })
	time.Sleep(50 * time.Millisecond)
	if len(stuck.seen()) != 2 {
		t.Error("two runs on one host at once")
	}
	first := stuck.seen()[0].ID
	ts.stop()
	run := &fakeRunner{}
	ts = serve(t, dir, run, nil)
	eventually(t, "all done", func() bool {
		_, _, body := ts.do("GET", "/playbook_status", "")
		return strings.Count(body, `"state":"Provision_Success"`) == 3
	})
	if r, err := ts.st.Run(t.Context(), first); err != nil || r.Status != store.RunInterrupted && r.Status != store.RunError {
		t.Errorf("%+v %v", r, err)
	}
	// A run's end is recorded after its last status.
	eventually(t, "no unfinished run", func() bool {
		un, err := ts.st.Unfinished(t.Context())
		return err == nil && len(un) == 0
	})
	noSecrets(t, ts)
}

func TestEventStream(t *testing.T) {
	t.Parallel()
	run := &fakeRunner{block: make(chan struct{})}
	ts := serve(t, t.TempDir(), run, nil)
	ts.do("POST", "/run_playbook", request("a", "127.0.2.1", "", "lb"))
	eventually(t, "a run", func() bool { return len(run.seen()) == 1 })
	id := run.seen()[0].ID
	req, err := http.NewRequestWithContext(t.Context(), "GET", ts.url+"/api/v1/runs/"+id+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Last-Event-ID", "1")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var ids []string
	sc := bufio.NewScanner(resp.Body)
	for sc.Scan() {
		if s, ok := strings.CutPrefix(sc.Text(), "id: "); ok {
			if ids = append(ids, s); len(ids) == 1 {
				close(run.block)
			}
		}
	}
	if got := strings.Join(ids, " "); got != "2 3 4 5 6 7 8 9 10" {
		t.Error(got)
	}
	if status, _, _ := ts.do("GET", "/api/v1/runs/"+id+"/events", "", "Accept", "text/event-stream", "Last-Event-ID", "10"); status != http.StatusNoContent {
		t.Error(status)
	}
	for path, want := range map[string]int{"/api/v1/runs/none": 404, "/api/v1/runs/none/events": 404, "/api/v1/runs?limit=x": 400, "/api/v1/runs/" + id: 200} {
		if status, _, body := ts.do("GET", path, ""); status != want {
			t.Error(path, status, body)
		}
	}
}

func TestListenOnlyLoopback(t *testing.T) {
	t.Parallel()
	st, err := store.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	_, err = api.New(api.Config{Listen: "0.0.0.0:9003", Store: st, Runner: &fakeRunner{}})
	var d *diag.Diagnostic
	if !errors.As(err, &d) || d.Code != "open-server" || d.Hint == "" {
		t.Error(err)
	}
	for name, c := range map[string]api.Config{
		"parallel":    {Parallel: -1},
		"host-keys":   {HostKeys: "maybe"},
		"playbooks":   {Settings: servermanager.Settings{PlaybookDirs: []string{"/nonexistent"}}},
		"bad-address": {Settings: servermanager.Settings{SMAddr: "1:2:3"}},
	} {
		c.Store, c.Runner = st, &fakeRunner{}
		if _, err := api.New(c); !errors.As(err, &d) || d.Code != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := api.New(api.Config{Listen: "0.0.0.0:9003", AllowFrom: []string{"192.0.2.1", "198.51.100.0/24"}, Store: st, Runner: &fakeRunner{}}); err != nil {
		t.Error(err)
	}
}

// TestRealClient sends generation A's calls by libcurl, as server-manager's
// own client does.
func TestRealClient(t *testing.T) {
	t.Parallel()
	python := "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import pycurl").Run(); err != nil {
		if os.Getenv("FAIRLEAD_NO_SKIP") != "" {
			t.Fatal("python3-pycurl is not installed")
		}
		t.Skip("python3-pycurl is not installed")
	}
	sm := newStandIn(t)
	ts := serve(t, t.TempDir(), &fakeRunner{}, func(c *api.Config) { c.SMAddr = sm.addr() })
	addr := strings.TrimPrefix(ts.url, "http://")
	client := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(python, append([]string{"../scripts/sm-client.py", "--server", addr}, args...)...)
		cmd.Env = append(os.Environ(), "SM_PASSWORD="+password)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if got := client("provision", "--server-id", "node-a", "--host", "127.0.2.1", "--role", "control", "--role", "lb"); got != "200 {\"status\": \"Provision Started\"}\n200 {\"status\": \"Provision in Progress\"}" {
		t.Error(got)
	}
	eventually(t, "pushes", func() bool { return sm.all() == "node-a=In_Progress node-a=Provision_Success" })
	if got := client("status", "--server-id", "node-b", "--role", "lb", "--state", "In_Progress"); !strings.HasPrefix(got, `200 {"server_id"`) {
		t.Error(got)
	}
	if got := client("status", "--urlencode", "--server-id", "node-b", "--role", "lb", "--state", "Playbook not found : /x"); !strings.HasPrefix(got, `200 {"server_id"`) {
		t.Error(got)
	}
	eventually(t, "a status forwarded", func() bool { return strings.HasSuffix(sm.all(), "node-b=In_Progress node-b=Playbook not found : /x") })
	noSecrets(t, ts)
}
