package image

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/olareg/olareg"
	"github.com/olareg/olareg/config"
)

// TestTokens: a registry that wants a token of another server, which wants the
// password; both speak TLS of one private authority.
func TestTokens(t *testing.T) {
	t.Parallel()
	back := olareg.New(config.Config{Storage: config.ConfigStorage{StoreType: config.StoreMem}})
	t.Cleanup(func() { _ = back.Close() })
	var asked atomic.Int32
	var self *httptest.Server
	self = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/token":
			asked.Add(1)
			if u, p, _ := r.BasicAuth(); u != "pusher" || p != "s3cret-word" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			if s := r.URL.Query().Get("service"); s != "the registry" {
				t.Errorf("a token for %q", s)
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"token": "t0ken", "expires_in": 300})
		case r.Header.Get("Authorization") != "Bearer t0ken":
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+self.URL+`/token",service="the registry",scope="repository:x:pull,push"`)
			w.WriteHeader(http.StatusUnauthorized)
		default:
			back.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(self.Close)
	reg := &registry{Server: self}
	source := archive(t, testImage{nil, [][]byte{testLayer(t, "x")}})
	conf := write(t, "config.json", []byte(`{"auths":{"`+reg.name()+`":{"auth":"cHVzaGVyOnMzY3JldC13b3Jk"}}}`))
	for name, tt := range map[string]struct {
		o    Options
		code string
	}{
		"password":       {Options{CA: caOf(reg), Username: "pusher", Password: "s3cret-word"}, ""},
		"docker's file":  {Options{CA: caOf(reg), DockerConfig: conf}, ""},
		"wrong password": {Options{CA: caOf(reg), Username: "pusher", Password: "other"}, "registry-auth"},
		"nobody":         {Options{CA: caOf(reg)}, "registry-auth"},
	} {
		if _, err := Push(t.Context(), source, reg.name()+"/x:1", tt.o); code(err) != tt.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if asked.Load() == 0 {
		t.Error("nobody asked for a token")
	}
}

// TestCutLayer: when the connection breaks in the middle of a large layer, the
// same push sends the rest of it, not all again.
func TestCutLayer(t *testing.T) {
	t.Parallel()
	back := olareg.New(config.Config{Storage: config.ConfigStorage{StoreType: config.StoreMem}})
	t.Cleanup(func() { _ = back.Close() })
	var sent, patches atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch || r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/blobs/") {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			sent.Add(int64(len(body)))
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		if r.Method == http.MethodPatch && patches.Add(1) == 3 {
			// It has the piece, and nobody is told.
			back.ServeHTTP(httptest.NewRecorder(), r)
			if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
				_ = c.Close()
			}
			return
		}
		back.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	noise := make([]byte, 4<<20)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	source := archive(t, testImage{nil, [][]byte{testLayer(t, string(noise))}})
	reg := &registry{Server: server}
	o := Options{PlainHTTP: true, large: 1 << 20}
	res, err := Push(t.Context(), source, reg.name()+"/x:1", o)
	if err != nil || res.Sent != 1 {
		t.Fatalf("%+v %v", res, err)
	}
	if n := patches.Load(); n < 16 {
		t.Errorf("%d pieces", n)
	}
	if n := sent.Load(); n > 5<<20 {
		t.Errorf("%d bytes for a layer of %d", n, len(noise))
	}
	again, err := Push(t.Context(), source, reg.name()+"/x:1", o)
	if err != nil || again.Sent != 0 || again.Digest != res.Digest {
		t.Errorf("again: %+v %v", again, err)
	}
}
