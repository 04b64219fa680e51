package registry

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func ask(t *testing.T, r *Registry, method, path, from, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	q := httptest.NewRequest(method, "http://registry"+path, strings.NewReader(body))
	q.RemoteAddr = from
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, q)
	return w
}

const (
	configText = "{}"
	configSum  = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
	manifest   = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":"` +
		configSum + `"},"layers":[]}`
	home, friend, stranger = "127.0.0.1:4000", "192.0.2.7:4000", "198.51.100.1:4000"
)

func push(t *testing.T, r *Registry, name, from string) int {
	t.Helper()
	if w := ask(t, r, http.MethodPost, "/v2/"+name+"/blobs/uploads/?digest="+configSum, from, configText, "Content-Type", "application/octet-stream"); w.Code != http.StatusCreated {
		return w.Code
	}
	return ask(t, r, http.MethodPut, "/v2/"+name+"/manifests/1", from, manifest, "Content-Type", "application/vnd.oci.image.manifest.v1+json").Code
}

// TestRegistry: who may push, what is kept, and what is listed.
func TestRegistry(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func() *Registry {
		r, err := Open(Options{Dir: dir, PushFrom: []string{"192.0.2.0/24"}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := open()
	for name, tt := range map[string]struct {
		from string
		code int
	}{"a/one": {home, http.StatusCreated}, "two": {friend, http.StatusCreated}, "three": {stranger, http.StatusForbidden}, "four": {"", http.StatusForbidden},
		"five": {"[::1]:80", http.StatusCreated}, "six": {"[::ffff:192.0.2.9]:80", http.StatusCreated}} {
		if code := push(t, r, name, tt.from); code != tt.code {
			t.Errorf("%s from %s: %d", name, tt.from, code)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = open()      // what was pushed outlives the server
	defer r.Close() //nolint:errcheck // a test
	for path, want := range map[string]string{
		"/v2/_catalog":               `{"repositories":["a/one","five","six","two"]}`,
		"/v2/_catalog?n=2":           `{"repositories":["a/one","five"]}`,
		"/v2/_catalog?n=2&last=five": `{"repositories":["six","two"]}`,
		"/v2/a/one/manifests/1":      manifest,
		"/v2/two/blobs/" + configSum: configText,
	} {
		w := ask(t, r, http.MethodGet, path, stranger, "", "Accept", "application/vnd.oci.image.manifest.v1+json")
		got, err := io.ReadAll(w.Result().Body)
		if err != nil || w.Code != http.StatusOK || strings.TrimSpace(string(got)) != want {
			t.Errorf("%s: %d %s", path, w.Code, got)
		}
	}
	if w := ask(t, r, http.MethodDelete, "/v2/two/manifests/1", stranger, ""); w.Code != http.StatusForbidden {
		t.Errorf("a stranger removes: %d", w.Code)
	}
	if w := ask(t, r, http.MethodDelete, "/v2/two/manifests/1", friend, ""); w.Code != http.StatusAccepted {
		t.Errorf("a friend removes: %d", w.Code)
	}
	if _, err := Open(Options{Dir: dir, PushFrom: []string{"here"}}); err == nil {
		t.Error("an address that is none")
	}
}
