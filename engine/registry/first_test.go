package registry

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

func TestRepository(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/v2/": "", "/v2/_catalog": "", "/v2/a/b/blobs/uploads/": "a/b", "/v2/a/manifests/latest": "a",
		"/v2/x/blobs/y/tags/list": "x/blobs/y", "/v2/../../etc/blobs/uploads/": "", "/other": "",
	} {
		if got := repository(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// TestFirstPush: many uploads into a repository that is not there yet begin at
// once; the race detector watches.
func TestFirstPush(t *testing.T) {
	t.Parallel()
	r, err := Open(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			a, err := http.Post(s.URL+"/v2/new/image/blobs/uploads/", "application/octet-stream", strings.NewReader(""))
			if err != nil {
				t.Error(err)
				return
			}
			_ = a.Body.Close()
			if a.StatusCode != http.StatusAccepted {
				t.Errorf("status %d", a.StatusCode)
			}
		})
	}
	wg.Wait()
}
