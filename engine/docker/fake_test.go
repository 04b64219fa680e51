package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/moby/moby/client"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is an engine that answers from a table and remembers what it was asked.
type fake struct {
	*httptest.Server
	mu    sync.Mutex
	calls []string
}

// newFake answers "METHOD /path" without the version; a missing one is 404.
func newFake(t *testing.T, api string, answers map[string]any) *fake {
	t.Helper()
	f := &fake{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, "/v"+api)
		f.mu.Lock()
		f.calls = append(f.calls, r.Method+" "+path)
		f.mu.Unlock()
		w.Header().Set("Api-Version", api)
		if path == "/_ping" {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		switch a := answers[r.Method+" "+path].(type) {
		case nil:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"message":"No such thing"}`)
		case string:
			fmt.Fprint(w, a)
		case func(http.ResponseWriter, *http.Request):
			a(w, r)
		default:
			_ = json.NewEncoder(w).Encode(a)
		}
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) client(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := New(func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", f.Listener.Addr().String())
	}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (f *fake) asked() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := strings.Join(f.calls, ", ")
	f.calls = nil
	return s
}

// TestFloor: the client library must go on to speak with Debian 12's engine.
func TestFloor(t *testing.T) {
	var major, minor int
	if _, err := fmt.Sscanf(client.MinAPIVersion, "%d.%d", &major, &minor); err != nil || major != 1 || minor > 41 {
		t.Fatalf("the client's floor is API %s; engine 20.10 has 1.41", client.MinAPIVersion)
	}
}

func TestVersions(t *testing.T) {
	for api, ok := range map[string]bool{"1.39": false, "1.40": true, "1.41": true, "1.99": true} {
		f := newFake(t, api, nil)
		c := f.client(t, Options{})
		err := c.Ping(t.Context())
		if (err == nil) != ok {
			t.Errorf("API %s: %v", api, err)
		}
		if ok && api != "1.99" && c.APIVersion() != api {
			t.Errorf("API %s: speaks %s", api, c.APIVersion())
		}
		if !ok && diag.ClassOf(err) != diag.Failed {
			t.Errorf("API %s: %v", api, err)
		}
	}
}

// TestCalls: how many requests questions cost.
func TestCalls(t *testing.T) {
	f := newFake(t, "1.41", map[string]any{
		"GET /containers/json":     []map[string]any{{"Id": "abc123", "Names": []string{"/web"}}},
		"GET /containers/web/json": `{"Id":"abc123","Name":"/web","State":{"Running":true},"Config":{},"HostConfig":{}}`,
		"GET /images/web:1/json":   `{"Id":"sha256:1","Config":{"Env":["A=1"]}}`,
	})
	c := f.client(t, Options{Parallel: 1})
	as := c.Answer(t.Context(), []state.Query{state.Container{Name: "web"}, state.Image{Ref: "web:1"}})
	if got := f.asked(); got != "HEAD /_ping, GET /containers/web/json, GET /images/web:1/json" {
		t.Errorf("one container: %s", got)
	}
	if as[0].Err != nil || !as[0].Value.(state.ContainerInfo).State.Running || as[1].Value.(state.ImageInfo).Config.Env[0] != "A=1" {
		t.Errorf("%+v", as)
	}
	as = c.Answer(t.Context(), []state.Query{state.Container{Name: "x"}, state.Container{Name: "y"}, state.Container{Name: "web"}})
	if got := f.asked(); got != "GET /containers/json, GET /containers/web/json" {
		t.Errorf("three containers: %s", got)
	}
	if as[0].Value.(state.ContainerInfo).Exists || !as[2].Value.(state.ContainerInfo).Exists {
		t.Errorf("%+v", as)
	}
	if !as[2].Value.(state.ContainerInfo).Inspect.IsUnsafe() {
		t.Error("what a host said is not marked unsafe")
	}
}

func TestNoEngine(t *testing.T) {
	socket := func(kind state.FileType, writable bool) func(context.Context) (state.File, error) {
		return func(context.Context) (state.File, error) {
			return state.File{Followed: state.Stat{Type: kind}, Writable: writable}, nil
		}
	}
	rejected := errors.New("ssh: rejected: connect failed (open failed)")
	for name, tt := range map[string]struct {
		dial error
		look func(context.Context) (state.File, error)
		is   error
		hint string
	}{
		"missing":               {fs.ErrNotExist, nil, ErrNoEngine, "install"},
		"permission":            {fs.ErrPermission, nil, ErrPermission, "become"},
		"stopped":               {syscall.ECONNREFUSED, nil, ErrNotRunning, "start it"},
		"rejected":              {rejected, nil, ErrNoEngine, "become"},
		"rejected, no socket":   {rejected, socket(state.TypeNone, false), ErrNoEngine, "install"},
		"rejected, not ours":    {rejected, socket(state.TypeSocket, false), ErrPermission, "become"},
		"rejected, nobody home": {rejected, socket(state.TypeSocket, true), ErrNotRunning, "start it"},
	} {
		c, err := New(func(context.Context) (net.Conn, error) { return nil, tt.dial }, Options{Where: "node1", Look: tt.look})
		if err != nil {
			t.Fatal(err)
		}
		a := c.Answer(t.Context(), []state.Query{state.Container{Name: "x"}})[0]
		if !errors.Is(a.Err, tt.is) || !strings.Contains(a.Err.Error(), tt.hint) || !strings.Contains(a.Err.Error(), "node1") {
			t.Errorf("%s: %v", name, a.Err)
		}
		if r := c.Apply(t.Context(), state.ContainerStart{Name: "x"}, nil); r.OK || !errors.Is(r.Err, tt.is) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// TestHostile: an engine that answers what it must not.
func TestHostile(t *testing.T) {
	flood := func(w http.ResponseWriter, _ *http.Request) {
		blank := []byte(strings.Repeat(" ", 1<<20))
		for range maxAnswer/len(blank) + 2 {
			if _, err := w.Write(blank); err != nil {
				return
			}
		}
	}
	f := newFake(t, "1.41", map[string]any{
		"GET /containers/flood/json": flood,
		"GET /containers/text/json":  "no json",
		"GET /containers/odd/json":   `{"Id":[1]}`,
		"GET /containers/moved/json": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://192.0.2.1/")
			w.WriteHeader(http.StatusFound)
		},
		"POST /images/create": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, "{\"status\":\"%s\"}\n", strings.Repeat("x", maxLine))
		},
	})
	c := f.client(t, Options{})
	for _, name := range []string{"flood", "text", "odd", "moved", "../images/json", "a?b", "", "x/../y"} {
		a := c.Answer(t.Context(), []state.Query{state.Container{Name: name}})[0]
		if a.Err == nil {
			t.Errorf("%s: %+v", name, a.Value)
		}
		if r := c.Apply(t.Context(), state.ContainerStart{Name: name}, nil); r.OK {
			t.Errorf("%s: started", name)
		}
	}
	for call := range strings.SplitSeq(f.asked(), ", ") {
		if strings.Contains(call, "images/json") || strings.Contains(call, "/y") {
			t.Errorf("a name led to %s", call)
		}
	}
	if r := c.Apply(t.Context(), state.ImagePull{Ref: "x:1"}, nil); r.OK || diag.ClassOf(r.Err) != diag.Protocol {
		t.Errorf("an endless line: %+v", r.Err)
	}
}

// TestLost: a connection that breaks during an effect leaves it in doubt.
func TestLost(t *testing.T) {
	cut := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}
	f := newFake(t, "1.41", map[string]any{"POST /containers/x/start": cut, "GET /containers/x/json": cut,
		"POST /images/create": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintln(w, `{"status":"Pulling"}`)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Second):
			}
		}})
	c := f.client(t, Options{Idle: 50 * time.Millisecond})
	if r := c.Apply(t.Context(), state.ContainerStart{Name: "x"}, nil); diag.ClassOf(r.Err) != diag.InDoubt {
		t.Errorf("start: %s %v", diag.ClassOf(r.Err), r.Err)
	}
	if a := c.Answer(t.Context(), []state.Query{state.Container{Name: "x"}})[0]; diag.ClassOf(a.Err) != diag.Unreachable {
		t.Errorf("query: %s %v", diag.ClassOf(a.Err), a.Err)
	}
	if r := c.Apply(t.Context(), state.ImagePull{Ref: "x:1"}, nil); diag.ClassOf(r.Err) != diag.Timeout || !errors.Is(r.Err, errIdle) {
		t.Errorf("a silent pull: %v", r.Err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := c.Apply(ctx, state.ImagePull{Ref: "x:1"}, nil); diag.ClassOf(r.Err) != diag.Cancelled {
		t.Errorf("cancelled: %v", r.Err)
	}
}

// TestManyContainers: they cost one list and one round trip, whatever they are;
// what that round trip does not tell is asked for by itself.
func TestManyContainers(t *testing.T) {
	answers := map[string]any{}
	var list []map[string]any
	var qs []state.Query
	for i := range 100 {
		name := fmt.Sprintf("c-%d", i)
		list = append(list, map[string]any{"Id": fmt.Sprintf("%064x", i), "Names": []string{"/" + name}})
		qs = append(qs, state.Container{Name: name})
		answers["GET /containers/"+name+"/json"] = fmt.Sprintf(`{"Id":"%064x","Name":"/%s","State":{"Running":true},"Config":{}}`, i, name)
	}
	answers["GET /containers/json"] = list
	broken := true
	answers["GET /containers/c-7/json"] = func(w http.ResponseWriter, _ *http.Request) {
		if broken {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, `{"Id":"%064x","Name":"/c-7","State":{"Running":true},"Config":{}}`, 7)
	}
	f := newFake(t, "1.41", answers)
	var dials atomic.Int32
	c, err := New(func(ctx context.Context) (net.Conn, error) {
		dials.Add(1)
		var d net.Dialer
		return d.DialContext(ctx, "tcp", f.Listener.Addr().String())
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	check := func(bad string) {
		t.Helper()
		for _, a := range c.Answer(t.Context(), append(qs, state.Container{Name: "none-1"})) {
			name := a.Query.(state.Container).Name
			info, _ := a.Value.(state.ContainerInfo)
			if ok := a.Err == nil && info.Exists == (name != "none-1"); ok != (name != bad) || ok && info.Exists && info.Name != name {
				t.Errorf("%s: %+v %v", name, info, a.Err)
			}
		}
	}
	check("c-7")
	f.asked()
	broken = false
	dials.Store(0)
	check("")
	if calls := strings.Split(f.asked(), ", "); len(calls) != 101 || dials.Load() != 1 {
		t.Errorf("%d calls, %d connections", len(calls), dials.Load())
	}
}

// TestMacAddress: it is in the place where engines up to 24 look for it.
func TestMacAddress(t *testing.T) {
	var body struct{ MacAddress, Image string }
	f := newFake(t, "1.41", map[string]any{"POST /containers/create": func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&body)
		fmt.Fprint(w, `{"Id":"abc"}`)
	}})
	op := state.ContainerCreate{Name: "x1", Spec: state.ContainerSpec{Config: state.ContainerConfig{Image: "i", MacAddress: "92:d0:c6:0a:29:33"}}}
	if r := f.client(t, Options{}).Apply(t.Context(), op, nil); !r.OK || body.MacAddress != op.Spec.Config.MacAddress || body.Image != "i" {
		t.Errorf("%+v, sent %+v", r, body)
	}
}

// TestKilledMeanwhile: a container that ended by itself needs no killing.
func TestKilledMeanwhile(t *testing.T) {
	f := newFake(t, "1.41", map[string]any{"POST /containers/x1/kill": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusConflict)
		fmt.Fprint(w, `{"message":"Cannot kill container: x1: Container abc is not running"}`)
	}})
	if r := f.client(t, Options{}).Apply(t.Context(), state.ContainerStop{Name: "x1", Kill: true}, nil); !r.OK {
		t.Error(r.Err)
	}
}

// TestNetworks: a new container is connected to all its networks, or is gone.
func TestNetworks(t *testing.T) {
	answers := map[string]any{"POST /containers/create": `{"Id":"abc"}`, "POST /networks/n2/connect": `{}`, "DELETE /containers/abc": `{}`}
	f := newFake(t, "1.41", answers)
	c := f.client(t, Options{})
	op := state.ContainerCreate{Name: "x", Spec: state.ContainerSpec{Config: state.ContainerConfig{Image: "i"},
		Host: state.HostConfig{NetworkMode: "n1"}, Networks: map[string]state.Endpoint{"n1": {IPv4Address: "192.0.2.7"}, "n2": {Aliases: []string{"a"}}}}}
	if r := c.Apply(t.Context(), op, nil); !r.OK || f.asked() != "HEAD /_ping, POST /containers/create, POST /networks/n2/connect" {
		t.Errorf("%+v", r)
	}
	delete(answers, "POST /networks/n2/connect")
	if r := c.Apply(t.Context(), op, nil); r.OK || !strings.HasSuffix(f.asked(), "DELETE /containers/abc") {
		t.Errorf("%+v", r)
	}
	op.Spec.Networks["n1"] = state.Endpoint{IPv4Address: "here"}
	if r := c.Apply(t.Context(), op, nil); r.OK || f.asked() != "" {
		t.Errorf("an address that is none: %+v", r)
	}
}

// TestPullStream: what a pull tells, its errors, and where credentials go.
func TestPullStream(t *testing.T) {
	const word = "planted-secret"
	var header string
	f := newFake(t, "1.41", map[string]any{
		"POST /images/create": func(w http.ResponseWriter, r *http.Request) {
			header = r.Header.Get("X-Registry-Auth")
			if r.URL.Query().Get("tag") == "bad" {
				fmt.Fprintln(w, `{"errorDetail":{"message":"unauthorized: authentication required"}}`)
				return
			}
			fmt.Fprint(w, `{"status":"Pulling","id":"1"}`+"\r\n"+
				`{"status":"Downloading","id":"aa","progressDetail":{"current":5,"total":10}}`+"\r\n"+
				`{"status":"Digest: sha256:dd"}`+"\r\n"+`{"status":"Status: Downloaded newer image for x"}`+"\r\n")
		},
		"GET /images/x:1/json": `{"Id":"sha256:1","Config":{}}`,
	})
	c := f.client(t, Options{})
	var lines []string
	op := state.ImagePull{Ref: "x:1", Auth: &state.RegistryAuth{Server: "r", Username: "u", Password: word}}
	r := c.Apply(t.Context(), op, func(s string) { lines = append(lines, s) })
	if !r.OK || r.Data.(state.ImagePulled) != (state.ImagePulled{ID: "sha256:1", Digest: "sha256:dd", Newer: true, Ref: "x:1"}) {
		t.Errorf("%+v", r)
	}
	if header == "" || len(lines) != 4 || lines[1] != "aa: Downloading 50%" {
		t.Errorf("header %q, lines %q", header, lines)
	}
	op.Ref = "x:bad"
	r = c.Apply(t.Context(), op, nil)
	if r.OK || !strings.Contains(r.Msg, "docker_login") {
		t.Errorf("%+v", r)
	}
	raw, err := json.Marshal(op)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{op.String(), fmt.Sprintf("%v %+v %#v", op, op, op), fmt.Sprintf("%+v %#v", *op.Auth, *op.Auth), string(raw), r.Msg, fmt.Sprint(r.Err)} {
		if strings.Contains(s, word) {
			t.Errorf("the password is in %s", s)
		}
	}
}
