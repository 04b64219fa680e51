package api_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/fairlead-project/fairlead/api"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/store"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "correct-horse-battery"

// fakeRunner stands in for the engine in tests of the endpoints: it emits what
// a run of the embedded playbook emits, and on purpose shows the password.
type fakeRunner struct {
	mu    sync.Mutex
	jobs  []api.Job
	block chan struct{} // when set, a run waits for it or for its end
	fail  string        // the role that fails
	err   error
	panic bool
}

func (f *fakeRunner) Run(ctx context.Context, j api.Job) error {
	f.mu.Lock()
	f.jobs = append(f.jobs, j)
	f.mu.Unlock()
	if f.panic {
		panic("with the " + password)
	}
	if f.err != nil {
		return f.err
	}
	var seq, task int64
	emit := func(e event.Event) {
		if e.Kind == event.TaskStarted {
			task++
		}
		seq++
		e.Seq, e.Run, e.Time, e.TaskNo = seq, j.ID, time.Now(), task
		for _, s := range j.Sinks {
			if err := s.Emit(context.WithoutCancel(ctx), &e); err != nil {
				panic(err)
			}
		}
	}
	emit(event.Event{Kind: event.RunStarted, Playbooks: []string{j.Playbook}})
	emit(event.Event{Kind: event.PlayStarted, Play: "contrail"})
	if f.block != nil {
		select {
		case <-f.block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	roles, _ := j.ExtraVars.Get("contrail_roles")
	host := "127.0.2.1"
	stats := &event.HostStats{}
	exit := 0
	for _, r := range roles.Items() {
		name := r.Str() + " : sm_status_report " + r.Str()
		emit(event.Event{Kind: event.TaskStarted, Task: name + "_started"})
		emit(event.Event{Kind: event.Result, Host: host, Task: name + "_started", Status: event.OK})
		conf := r.Str() + " : configuration"
		emit(event.Event{Kind: event.TaskStarted, Task: conf})
		if f.fail == r.Str() {
			emit(event.Event{Kind: event.Result, Host: host, Task: conf, Status: event.Failed, Msg: "no room for " + password, Res: value.M("rc", 1)})
			stats.Failed, exit = 1, 2
			break
		}
		emit(event.Event{Kind: event.Result, Host: host, Task: conf, Status: event.Changed, Res: value.M("changed", true, "stdout", "x"+password)})
		emit(event.Event{Kind: event.TaskStarted, Task: name + "_completed"})
		emit(event.Event{Kind: event.Result, Host: host, Task: name + "_completed", Status: event.OK})
		stats.OK, stats.Changed = stats.OK+3, stats.Changed+1
	}
	all := map[string]*event.HostStats{host: stats}
	emit(event.Event{Kind: event.Recap, Stats: all})
	emit(event.Event{Kind: event.RunEnded, Exit: exit, Stats: all})
	return nil
}

func (f *fakeRunner) seen() []api.Job {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]api.Job(nil), f.jobs...)
}

// standIn receives statuses as server-manager does on port 9002.
type standIn struct {
	*httptest.Server
	mu     sync.Mutex
	got    []string
	status int
}

func newStandIn(t *testing.T) *standIn {
	s := &standIn{status: http.StatusOK}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if r.Method != http.MethodPut || r.URL.Path != "/ansible_status" {
			http.Error(w, "not routed", http.StatusMethodNotAllowed)
			return
		}
		q := r.URL.Query()
		s.got = append(s.got, q.Get("server_id")+"="+q.Get("state"))
		w.WriteHeader(s.status)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *standIn) addr() string { return strings.TrimPrefix(s.URL, "http://") }

func (s *standIn) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.got, " ")
}

type testServer struct {
	t    testing.TB
	url  string
	dir  string
	st   *store.Store
	log  *lockedBuffer
	stop func()
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// serve runs a server in this process until the test ends or stop is called.
func serve(t testing.TB, dir string, r api.Runner, change func(*api.Config)) *testServer {
	t.Helper()
	st, err := store.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	ts := &testServer{t: t, dir: dir, st: st, log: &lockedBuffer{}}
	cfg := api.Config{
		Listen: "127.0.0.1:0", Store: st, Runner: r, Log: slog.New(slog.NewTextHandler(ts.log, nil)),
		DebugLog: filepath.Join(dir, "log", "debug.log"), PushRetry: 10 * time.Millisecond,
		AnswerWithin: 10 * time.Minute, // however busy this machine is
	}
	if change != nil {
		change(&cfg)
	}
	srv, err := api.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	addr, err := srv.Addr(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ts.url = "http://" + addr.String()
	var once sync.Once
	ts.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if err := st.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(ts.stop)
	return ts
}

// do sends a request and gives status, content type and body.
func (ts *testServer) do(method, path, body string, header ...string) (int, string, string) {
	ts.t.Helper()
	req, err := http.NewRequestWithContext(ts.t.Context(), method, ts.url+path, strings.NewReader(body))
	if err != nil {
		ts.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		ts.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		ts.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(b)
}

// raw sends bytes as they are and gives all that comes back.
func (ts *testServer) raw(text string) string {
	ts.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(ts.url, "http://"))
	if err != nil {
		ts.t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		ts.t.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		ts.t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil {
		ts.t.Fatal(err)
	}
	return string(b)
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	eventuallyIn(t, 15*time.Second, what, ok)
}

func eventuallyIn(t testing.TB, wait time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s: did not happen", what)
}

// request is the body of POST /run_playbook for roles on one server.
func request(server, host string, more string, roles ...string) string {
	var els []string
	for _, r := range roles {
		els = append(els, fmt.Sprintf(`{"server_id": %q, "parameters": {"ansible_host": %q, "ansible_user": "root", "ansible_password": %q,
			"container_name": %q, "container_image": "192.0.2.1:5100/img1-%s:4.0.0-1", %q: {"GLOBAL": {"controller_nodes": "192.0.2.11", "n": 5}, "KEYSTONE": {"admin_password": "another-secret-7"}}%s}}`,
			server, host, password, r, r, r, more))
	}
	return "[" + strings.Join(els, ", ") + "]"
}
