package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/state"
)

// local is a host that is the machine we are on; files are what it holds.
func local(files map[string][]byte) Host {
	return Host{
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		},
		ReadFile: func(_ context.Context, p string) ([]byte, error) {
			if b, ok := files[p]; ok {
				return b, nil
			}
			return nil, fmt.Errorf("%s: %w", p, fs.ErrNotExist)
		},
	}
}

func handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s agent=%s type=%s one=%s auth=%s cookie=%s since=%s fresh=%s", r.Method, body, r.UserAgent(),
			r.Header.Get("Content-Type"), r.Header.Get("X-One"), r.Header.Get("Authorization"), r.Header.Get("Cookie"),
			r.Header.Get("If-Modified-Since"), r.Header.Get("Cache-Control"))
	})
	mux.HandleFunc("/go/{code}", func(w http.ResponseWriter, r *http.Request) {
		code := 0
		_, _ = fmt.Sscan(r.PathValue("code"), &code)
		http.SetCookie(w, &http.Cookie{Name: "c", Value: "1", Path: "/"})
		w.Header().Set("Location", "/echo")
		w.WriteHeader(code)
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/none", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "nothing", http.StatusNotFound) })
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write([]byte("unpacked"))
		_ = z.Close()
	})
	mux.HandleFunc("/basic", func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != "me" || p != "pass" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, "in")
	})
	mux.HandleFunc("/digest", func(w http.ResponseWriter, r *http.Request) {
		if !digestOK(r) {
			w.Header().Set("WWW-Authenticate", `Digest realm="r", nonce="n1", qop="auth", opaque="o", algorithm=MD5`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, "in")
	})
	mux.HandleFunc("/cookies", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Set-Cookie", "a=1; Path=/")
		w.Header().Add("Set-Cookie", `b="2"; Path=/`)
		w.Header().Add("Set-Cookie", "gone=; Path=/; Max-Age=0")
		w.Header().Add("Set-Cookie", "other=3; Domain=elsewhere.test")
	})
	mux.HandleFunc("/big", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("x"), inMemory+5)) })
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	return mux
}

// digestOK recomputes the answer to the challenge of /digest.
func digestOK(r *http.Request) bool {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	p := parseParams(rest)
	if scheme != "Digest" || p["username"] != "me" || p["nonce"] != "n1" || p["opaque"] != "o" {
		return false
	}
	sum := func(s string) string {
		h := digests["MD5"]()
		_, _ = h.Write([]byte(s))
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	want := sum(sum("me:r:pass") + ":n1:" + p["nc"] + ":" + p["cnonce"] + ":auth:" + sum(r.Method+":"+p["uri"]))
	return p["response"] == want
}

func do(t *testing.T, h Host, o state.HTTPRequest) (state.HTTPResponse, string) {
	t.Helper()
	if o.Method == "" {
		o.Method = "GET"
	}
	r, err := Do(t.Context(), h, o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Body == nil {
		return r, ""
	}
	rd, err := r.Body.Reader()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(rd)
	if err != nil || int64(len(b)) != r.Body.Size {
		t.Fatal(err, len(b), r.Body.Size)
	}
	return r, string(b)
}

func TestRequests(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(handler())
	t.Cleanup(s.Close)
	body := state.Bytes([]byte("b=1"))
	one := []state.Header{{Name: "x-one", Value: "1"}}
	const form = "application/x-www-form-urlencoded"
	for _, c := range []struct {
		name string
		o    state.HTTPRequest
		code int
		body string
		msg  string
	}{
		{"get", state.HTTPRequest{URL: "/echo", Agent: "a", Headers: one}, 200, "GET  agent=a type= one=1 auth= cookie= since= fresh=", ""},
		{"post", state.HTTPRequest{URL: "/echo", Method: "POST", Body: body}, 200, "POST b=1 agent=Python-urllib/3 type=" + form + " one= auth= cookie= since= fresh=", ""},
		{"since", state.HTTPRequest{URL: "/echo", Agent: "a", Since: time.Unix(0, 0)}, 200, "GET  agent=a type= one= auth= cookie= since=Thu, 01 Jan 1970 00:00:00 GMT fresh=", ""},
		{"fresh", state.HTTPRequest{URL: "/echo", Agent: "a", Since: time.Unix(0, 0), Fresh: true}, 200, "GET  agent=a type= one= auth= cookie= since= fresh=no-cache", ""},
		{"not found", state.HTTPRequest{URL: "/none"}, 404, "nothing\n", "HTTP Error 404: Not Found"},
		{"followed, with cookies", state.HTTPRequest{URL: "/go/302", Agent: "a", Follow: "safe"}, 200, "GET  agent=a type= one= auth= cookie=c=1 since= fresh=", ""},
		{"not followed", state.HTTPRequest{URL: "/go/302", Follow: "none"}, 302, "", "HTTP Error 302: Found"},
		{"a post is not followed safely", state.HTTPRequest{URL: "/go/302", Method: "POST", Body: body, Follow: "safe"}, 302, "", "HTTP Error 302: Found"},
		{"302 makes a get", state.HTTPRequest{URL: "/go/302", Method: "POST", Body: body, Agent: "a", Follow: "all"}, 200, "GET  agent=a type= one= auth= cookie=c=1 since= fresh=", ""},
		{"301 keeps a put", state.HTTPRequest{URL: "/go/301", Method: "PUT", Body: body, Agent: "a", Follow: "all"}, 200, "PUT  agent=a type= one= auth= cookie=c=1 since= fresh=", ""},
		{"307 keeps all", state.HTTPRequest{URL: "/go/307", Method: "POST", Body: body, Agent: "a", Follow: "all"}, 200, "POST b=1 agent=a type=" + form + " one= auth= cookie=c=1 since= fresh=", ""},
		{"urllib goes on with GET for HEAD", state.HTTPRequest{URL: "/go/302", Method: "HEAD", Agent: "a", Follow: "urllib2"}, 200, "GET  agent=a type= one= auth= cookie=c=1 since= fresh=", ""},
		{"urllib does not repeat a post", state.HTTPRequest{URL: "/go/307", Method: "POST", Body: body, Follow: "urllib2"}, 307, "", ""},
		{"a header that stays behind", state.HTTPRequest{URL: "/go/302", Agent: "a", Headers: one, Unredirected: []string{"X-One"}, Follow: "safe"}, 200, "GET  agent=a type= one= auth= cookie=c=1 since= fresh=", ""},
		{"a circle", state.HTTPRequest{URL: "/loop", Follow: "safe"}, 302, "", "HTTP Error 302 Found: The HTTP server returned a redirect error that would lead to an infinite loop."},
		{"gzip", state.HTTPRequest{URL: "/gzip", Decompress: true}, 200, "unpacked", ""},
		{"basic", state.HTTPRequest{URL: "/basic", User: "me", Password: "pass"}, 200, "in", "OK (2 bytes)"},
		{"basic at once", state.HTTPRequest{URL: "/echo", Agent: "a", User: "me", Password: "pass", ForceBasic: true}, 200, "GET  agent=a type= one= auth=Basic bWU6cGFzcw== cookie= since= fresh=", ""},
		{"wrong", state.HTTPRequest{URL: "/basic", User: "me", Password: "no"}, 401, "", "HTTP Error 401: Unauthorized"},
		{"digest", state.HTTPRequest{URL: "/digest", User: "me", Password: "pass"}, 200, "in", ""},
		{"wrong digest", state.HTTPRequest{URL: "/digest", User: "me", Password: "no"}, 401, "", ""},
		{"late", state.HTTPRequest{URL: "/slow", Timeout: 50 * time.Millisecond}, -1, "", "Connection failure: timed out"},
		{"big", state.HTTPRequest{URL: "/big"}, 200, strings.Repeat("x", inMemory+5), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.o.URL = s.URL + c.o.URL
			r, body := do(t, local(nil), c.o)
			if r.Status != c.code || body != c.body || c.msg != "" && r.Msg != c.msg {
				t.Errorf("%d %q %.200q, want %d %q %.200q", r.Status, r.Msg, body, c.code, c.msg, c.body)
			}
		})
	}
	t.Run("cookies", func(t *testing.T) {
		r, _ := do(t, local(nil), state.HTTPRequest{URL: s.URL + "/cookies"})
		if got := fmt.Sprint(r.Cookies); got != "[{a 1} {b 2}]" {
			t.Error(got)
		}
	})
	t.Run("where it came from", func(t *testing.T) {
		r, _ := do(t, local(nil), state.HTTPRequest{URL: s.URL + "/go/302", Follow: "safe"})
		if r.URL != s.URL+"/echo" {
			t.Error(r.URL)
		}
	})
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"http://127.0.0.1:1/": "Request failed: <urlopen error [Errno 111] Connection refused>",
		"foo://x/":            "<urlopen error unknown url type: foo>",
		"nothing":             "unknown url type: 'nothing'",
	} {
		r, _ := do(t, local(nil), state.HTTPRequest{URL: in})
		if r.Status != -1 || r.Msg != want {
			t.Errorf("%s: %d %q, want %q", in, r.Status, r.Msg, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Do(ctx, local(nil), state.HTTPRequest{Method: "GET", URL: "http://127.0.0.1:1/"}); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that ended: %v", err)
	}
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(handler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes
	s.StartTLS()
	defer s.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	o := state.HTTPRequest{URL: s.URL + "/echo"}
	if r, _ := do(t, local(nil), o); r.Status != -1 || !strings.Contains(r.Msg, "CERTIFICATE_VERIFY_FAILED") {
		t.Errorf("a server that the host does not know: %d %s", r.Status, r.Msg)
	}
	if r, _ := do(t, local(map[string][]byte{"/etc/ssl/cert.pem": ca}), o); r.Status != 200 {
		t.Errorf("a server that the host trusts: %s", r.Msg)
	}
	o.CAFile = "/my/ca"
	if r, _ := do(t, local(map[string][]byte{"/my/ca": ca}), o); r.Status != 200 {
		t.Errorf("ca_path: %s", r.Msg)
	}
	if r, _ := do(t, local(nil), state.HTTPRequest{URL: s.URL + "/echo", Insecure: true}); r.Status != 200 {
		t.Errorf("insecure: %s", r.Msg)
	}
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	at := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", at)
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: handler()}} //nolint:gosec // a test
	s.Start()
	defer s.Close()
	if r, _ := do(t, local(nil), state.HTTPRequest{URL: "http://any/none", UnixSocket: at}); r.Status != 404 {
		t.Errorf("%d %s", r.Status, r.Msg)
	}
}

func TestProxy(t *testing.T) {
	t.Parallel()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "for ", r.URL.Host) }))
	defer proxy.Close()
	o := state.HTTPRequest{URL: "http://far.test/x", Env: []string{"http_proxy=" + proxy.URL}}
	if _, body := do(t, local(nil), o); body != "for far.test" {
		t.Errorf("through the proxy: %q", body)
	}
	for no, want := range map[string]string{"": "for 127.0.0.7", "other,::1": "for 127.0.0.7", "a, 127.0.0.7": "", "*": ""} { // loopback is no exception
		o := state.HTTPRequest{URL: "http://127.0.0.7/x", Env: []string{"http_proxy=" + proxy.URL, "no_proxy=" + no}}
		if _, body := do(t, local(nil), o); body != want {
			t.Errorf("loopback, no_proxy %q: %q", no, body)
		}
	}
	o.NoProxy = true
	if r, _ := do(t, Host{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("direct") }}, o); !strings.Contains(r.Msg, "direct") {
		t.Errorf("without it: %q", r.Msg)
	}
}
