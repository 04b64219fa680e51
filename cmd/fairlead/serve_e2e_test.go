package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/api/smclient"
)

// smStandIn receives statuses as server-manager does on port 9002: now and then
// it refuses one, or is away.
type smStandIn struct {
	*httptest.Server
	mu     sync.Mutex
	got    []string
	refuse int // the next so many are answered with 500
}

func newSMStandIn(t *testing.T) *smStandIn {
	s := &smStandIn{}
	s.Server = httptest.NewServer(s.receive())
	t.Cleanup(func() { s.Close() })
	return s
}

// again listens where it did before it was closed.
func (s *smStandIn) again(t *testing.T) {
	t.Helper()
	addr := s.Listener.Addr().String()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewUnstartedServer(s.receive())
	if err := s.Listener.Close(); err != nil {
		t.Fatal(err)
	}
	s.Listener = ln
	s.Start()
}

func (s *smStandIn) receive() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if r.Method != http.MethodPut || r.URL.Path != "/ansible_status" {
			http.Error(w, "not routed", http.StatusMethodNotAllowed)
			return
		}
		if s.refuse > 0 {
			s.refuse--
			http.Error(w, "not now", http.StatusInternalServerError)
			return
		}
		s.got = append(s.got, r.URL.Query().Get("server_id")+"="+r.URL.Query().Get("state"))
	})
}

func (s *smStandIn) refuseNext(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = n
}

func (s *smStandIn) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

func (s *smStandIn) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = nil
}

// serveProcess is a server in a process of its own, which can be killed.
type serveProcess struct {
	t    *testing.T
	dir  string
	addr string
	args []string
	cmd  *exec.Cmd
	log  *bytes.Buffer
}

func newServeProcess(t *testing.T, args ...string) *serveProcess {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &serveProcess{t: t, dir: t.TempDir(), addr: ln.Addr().String(), log: &bytes.Buffer{}}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	p.args = append([]string{"serve", "--data", filepath.Join(p.dir, "data"), "--listen", p.addr, "--playbooks", filepath.Join(p.dir, "pb")}, args...)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(p.dir, "fairlead")); err != nil { // run by that name, this program is fairlead
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(p.dir, "pb"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Log(p.log.String()[max(0, p.log.Len()-4000):])
		}
	})
	return p
}

func (p *serveProcess) write(name, text string) {
	p.t.Helper()
	file := filepath.Join(p.dir, "pb", name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *serveProcess) start(env ...string) {
	p.t.Helper()
	p.cmd = exec.Command(filepath.Join(p.dir, "fairlead"), p.args...)
	p.cmd.Stderr = p.log
	p.cmd.Env = append(os.Environ(), env...)
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.until("ready", func() bool {
		resp, err := http.Get("http://" + p.addr + "/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func (p *serveProcess) kill() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // it was killed
		p.cmd = nil
	}
}

func (p *serveProcess) until(what string, ok func() bool) {
	p.t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	p.t.Fatalf("%s: did not happen", what)
}

func (p *serveProcess) get(path string) string {
	p.t.Helper()
	resp, err := http.Get("http://" + p.addr + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(b)
}

// send sends the calls of a description by libcurl, as server-manager does.
func (p *serveProcess) send(d smclient.Description) {
	p.t.Helper()
	calls, err := d.Calls()
	if err != nil {
		p.t.Fatal(err)
	}
	var in bytes.Buffer
	for _, c := range calls {
		if err := json.NewEncoder(&in).Encode(c); err != nil {
			p.t.Fatal(err)
		}
	}
	cmd := exec.Command("/usr/bin/python3", "../../scripts/sm-client.py", "--server", p.addr, "calls")
	cmd.Stdin = &in
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("sm-client: %v\n%s", err, out)
	}
	if n := strings.Count(string(out), `200 {"status": "Provision`); n != len(calls) {
		p.t.Fatalf("answers: %s", out)
	}
}

func needPycurl(t *testing.T) {
	t.Helper()
	if err := exec.Command("/usr/bin/python3", "-c", "import pycurl").Run(); err != nil {
		if os.Getenv("FAIRLEAD_NO_SKIP") == "1" {
			t.Fatal("python3-pycurl is not installed")
		}
		t.Skip("python3-pycurl is not installed")
	}
}

// serverNodes are two nodes that the session keeps for these tests.
func serverNodes(b bed) []string { return []string{b.env("_NODE1"), b.env("_NODE2")} }

func (p *serveProcess) describe(b bed, gen, playbook string, hosts ...string) smclient.Description {
	d := smclient.Description{Generation: gen, ServerID: "server-of-" + gen, ClusterID: "e2e", Password: b.Password("root"), Playbook: filepath.Join(p.dir, "pb", playbook),
		Vars: map[string]any{"ansible_port": b.Port(), "ansible_timeout": 90, "gen": strings.ReplaceAll(gen, "'", "x")}}
	for _, h := range hosts {
		d.Hosts = append(d.Hosts, smclient.Host{Address: h, Roles: []string{"lb"}})
	}
	return d
}

// TestServeEveryGeneration provisions real nodes by every generation's calls.
func TestServeEveryGeneration(t *testing.T) {
	b := newBed(t)
	needPycurl(t)
	nodes := serverNodes(b)
	sm := newSMStandIn(t)
	p := newServeProcess(t, "--sm", sm.Listener.Addr().String())
	p.write("site.yml", `
- hosts: all
  gather_facts: false
  tasks:
    - {name: sm_status_report lb_started, debug: {msg: ""}}
    - {name: folder, file: {path: /var/tmp/fairlead-generations, state: directory}}
    - {name: what the request says, copy: {content: "{{ gen }}\n", dest: "/var/tmp/fairlead-generations/{{ gen }}"}}
    - {name: sm_status_report lb_completed, debug: {msg: ""}}
`)
	p.start()
	for _, node := range nodes {
		b.on(node, "rm -rf /var/tmp/fairlead-generations")
		t.Cleanup(func() { b.on(node, "rm -rf /var/tmp/fairlead-generations") })
	}
	for i, gen := range smclient.Generations {
		hosts := nodes
		if gen[0] == 'A' || gen == "B1" || gen == "B2" {
			hosts = nodes[:1]
		}
		sm.forget()
		sm.refuseNext(i % 3)
		away := i == len(smclient.Generations)-1
		if away { // server-manager is restarted meanwhile
			sm.Close()
		}
		p.send(p.describe(b, gen, "site.yml", hosts...))
		if away {
			p.until("a push that nobody took", func() bool { return strings.Contains(p.get("/metrics"), `fairlead_pushes_waiting{state="retrying"}`) })
			sm.again(t)
		}
		last, n := "provision_completed", len(hosts)
		if len(hosts) == 1 {
			last = "Provision_Success"
		}
		p.until("generation "+gen, func() bool {
			got := strings.Join(sm.all(), " ")
			if strings.Contains(strings.ToLower(got), "failed") {
				t.Fatalf("%s: %s\n%s", gen, got, p.get("/playbook_status"))
			}
			return strings.Count(got, last) >= n
		})
		for _, h := range hosts {
			name := strings.ReplaceAll(gen, "'", "x")
			if got := b.on(h, "cat /var/tmp/fairlead-generations/"+name); strings.TrimSpace(got) != name {
				t.Errorf("%s: %q", gen, got)
			}
		}
	}
}

const killPlaybook = `
- hosts: all
  gather_facts: false
  vars: {dir: "/var/tmp/fairlead-kill/{{ try }}"}
  handlers:
    - {name: handled, shell: "mkdir {{ dir }}/handled && echo once >> {{ dir }}/handler", args: {creates: "{{ dir }}/handled"}}
  tasks:
    - {name: sm_status_report lb_started, debug: {msg: ""}}
    - {name: folder, file: {path: "{{ dir }}", state: directory}}
    - {name: conf, copy: {content: "x\n", dest: "{{ dir }}/conf"}, notify: handled}
    - {name: first, shell: "echo 1 >> {{ dir }}/log; echo said", register: first}
    - {name: guarded, shell: "mkdir {{ dir }}/{{ item }}; sleep 0.05", args: {creates: "{{ dir }}/{{ item }}"}, loop: [a, b, c, d, e, f, g, h]}
    - {name: second, shell: "echo 2 >> {{ dir }}/log"}
    - {name: job, shell: "echo j >> {{ dir }}/jobs; sleep 0.5; echo of the job", async: 60, poll: 1, register: job}
    - {name: third, shell: "echo 3 {{ first.stdout }} {{ first.changed }} {{ job.stdout }} >> {{ dir }}/log"}
    - {name: sm_status_report lb_completed, debug: {msg: ""}}
`

// TestServeKilled kills the server at random points of runs and starts it again:
// what is finished is not repeated, handlers run, what is in doubt is said to be
// so, and server-manager is told how it ended.
func TestServeKilled(t *testing.T) {
	b := newBed(t)
	needPycurl(t)
	nodes := serverNodes(b)
	sm := newSMStandIn(t)
	p := newServeProcess(t, "--sm", sm.Listener.Addr().String())
	p.write("kill.yml", killPlaybook)
	clean := func() {
		for _, node := range nodes {
			b.on(node, "rm -rf /var/tmp/fairlead-kill; mkdir /var/tmp/fairlead-kill")
		}
	}
	clean()
	t.Cleanup(func() {
		for _, node := range nodes {
			b.on(node, "rm -rf /var/tmp/fairlead-kill")
		}
	})
	p.start()
	rng := rand.New(rand.NewPCG(6, 9003))
	kills, doubts := 0, 0
	const wantLog = "1\n2\n3 said True of the job"
	for try := range 10 {
		sm.forget()
		d := p.describe(b, "C", "kill.yml", nodes...)
		d.Vars["try"] = fmt.Sprint("t", try)
		p.send(d)
		for range 2 {
			time.Sleep(time.Duration(rng.IntN(1500)) * time.Millisecond) // a random point; nothing depends on which
			p.kill()
			kills++
			p.start()
		}
		ended := func(node string) string {
			for _, s := range slices.Backward(sm.all()) {
				if state, ok := strings.CutPrefix(s, node+"=provision_"); ok {
					return state
				}
			}
			return ""
		}
		for _, node := range nodes {
			p.until("an end on "+node, func() bool { return ended(node) != "" })
			log := b.on(node, fmt.Sprintf("cat /var/tmp/fairlead-kill/t%d/log 2>/dev/null || true", try))
			if ended(node) == "completed" {
				if log != wantLog {
					t.Errorf("try %d on %s: %q", try, node, log)
				}
				if got := b.on(node, fmt.Sprintf("cd /var/tmp/fairlead-kill/t%d && cat handler jobs", try)); got != "once\nj" {
					t.Errorf("try %d on %s: handler and job: %q", try, node, got)
				}
				continue
			} else if !strings.HasPrefix(wantLog, log) {
				t.Errorf("try %d on %s, in doubt: %q", try, node, log)
			}
			doubts++
			if poll := p.get("/playbook_status?server_id=" + node); !strings.Contains(poll, "whether it was done is not known") {
				t.Errorf("try %d on %s failed for another reason: %s", try, node, poll)
			}
		}
	}
	t.Logf("%d kills, %d hosts in doubt", kills, doubts)
	if kills < 20 || doubts >= len(nodes)*10 {
		t.Error("too few kills, or no run came through")
	}
	if left := p.get("/metrics"); strings.Contains(left, "fairlead_pushes_waiting{") {
		t.Errorf("pushes are left: %s", left)
	}
}

// TestServeAsAService: readiness is told to systemd, the pid file is written
// when it listens, SIGHUP reads the configuration again, SIGTERM lets runs end.
func TestServeAsAService(t *testing.T) {
	t.Parallel()
	p := newServeProcess(t)
	socket := filepath.Join(p.dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	told := func() string {
		t.Helper()
		if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 4096)
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		word, _, _ := strings.Cut(string(buf[:n]), "\n")
		return word
	}
	host, port, err := net.SplitHostPort(p.addr)
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(p.dir, "sm-config.ini")
	write := func(registry string) {
		t.Helper()
		text := fmt.Sprintf("[SERVER-MANAGER]\nlisten_ip_addr = 127.0.0.1\n[ANSIBLE-SERVER]\nansible_srvr_ip = %s\nAnsible_Srvr_Port: %s\ndocker_registry = %s\nansible_log_path = %s/log/debug.log\nanything = else\n",
			host, port, registry, p.dir)
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("r1:5100")
	pid := filepath.Join(p.dir, "run", "server.pid")
	p.args = []string{"serve", "-c", conf, "--data", filepath.Join(p.dir, "data"), "--pid-file", pid}
	p.start("NOTIFY_SOCKET=" + socket)
	if got := told(); got != "READY=1" {
		t.Error(got)
	}
	if text, err := os.ReadFile(pid); err != nil || string(text) != fmt.Sprint(p.cmd.Process.Pid) {
		t.Errorf("%s %v", text, err)
	}
	if got := p.registryNow("c1"); got != "r1:5100" {
		t.Errorf("before the reload: %q", got)
	}
	write("r2:5100")
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if got := told() + " " + told(); got != "RELOADING=1 READY=1" {
		t.Error(got)
	}
	if got := p.registryNow("c2"); got != "r2:5100" {
		t.Errorf("after the reload: %q", got)
	}
	// A configuration that cannot be read leaves the old one.
	if err := os.WriteFile(conf, []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	_, _ = told(), told()
	if got := p.registryNow("c3"); got != "r2:5100" {
		t.Errorf("after a reload that failed: %q", got)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := told(); got != "STOPPING=1" {
		t.Error(got)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
	p.cmd = nil
	if _, err := os.Stat(pid); err == nil {
		t.Error("the pid file is left")
	}
	if !strings.Contains(p.log.String(), "not reloaded") {
		t.Error(p.log.String())
	}
}

// TestRunsCancelAndResume ends a run of this program from outside: its process
// on the host is ended too. Resumed, it says what is in doubt and repeats
// nothing; with a guard it goes on.
func TestRunsCancelAndResume(t *testing.T) {
	b := newBed(t)
	node := serverNodes(b)[0]
	const dir = "/var/tmp/fairlead-cancel"
	b.on(node, "rm -rf "+dir)
	t.Cleanup(func() { b.on(node, "rm -rf "+dir) })
	p := newServeProcess(t)
	p.write("hosts.ini", b.host("node", node, "ansible_user=root"))
	p.write("site.yml", `
- hosts: all
  gather_facts: false
  handlers:
    - {name: told, shell: "echo told >> `+dir+`/log"}
  tasks:
    - {name: dir, file: {path: `+dir+`, state: directory}, notify: told}
    - {name: one, shell: "echo one >> `+dir+`/log"}
    - {name: slow, shell: "touch `+dir+`/begun; test -e `+dir+`/quick || exec sleep 1234; touch `+dir+`/done", args: {creates: "`+dir+`/done"}}
`)
	run := func(args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(p.dir, "fairlead"), args...)
		cmd.Dir = filepath.Join(p.dir, "pb")
		return cmd
	}
	data := filepath.Join(p.dir, "cli")
	first := run(append(append([]string{"run"}, b.flags()...), "--data", data, "-i", "hosts.ini", "site.yml")...)
	var out bytes.Buffer
	first.Stdout, first.Stderr = &out, &out
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	b.until(node, "test -e "+dir+"/begun")
	if o, err := run("runs", "cancel", "last", "--data", data).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, o)
	}
	if err := first.Wait(); err == nil {
		t.Error("a cancelled run ended well")
	}
	if !strings.Contains(out.String(), "fairlead runs resume ") {
		t.Error(out.String())
	}
	b.until(node, "! pgrep -f '[s]leep 1234'")
	b.on(node, "touch "+dir+"/quick")
	if o, err := run("runs", "resume", "last", "--data", data).CombinedOutput(); err != nil {
		t.Errorf("%v %s", err, o)
	}
	if got := b.on(node, "cat "+dir+"/log; ls "+dir+"/done"); got != "one\ntold\n"+dir+"/done" {
		t.Errorf("%q", got)
	}
	if o, err := run("runs", "resume", "last", "--data", data).CombinedOutput(); err == nil || !strings.Contains(string(o), "nothing to resume") {
		t.Errorf("%v %s", err, o)
	}
}
