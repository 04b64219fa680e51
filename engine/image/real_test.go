package image

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/docker"
	"github.com/fairlead-project/fairlead/engine/docker/dockertest"
	"github.com/fairlead-project/fairlead/engine/state"
)

// TestRealRegistry pushes to the test bed's registry; the archive is docker
// save's own when there is an engine, which then pulls the image back and runs
// what it got.
func TestRealRegistry(t *testing.T) {
	reg := os.Getenv("FAIRLEAD_TESTBED_REGISTRY")
	if reg == "" {
		if os.Getenv("FAIRLEAD_NO_SKIP") == "1" {
			t.Fatal("FAIRLEAD_TESTBED_REGISTRY is not set: scripts/testbed up")
		}
		t.Skip("no real registry: FAIRLEAD_TESTBED_REGISTRY is not set")
	}
	ref := Name(reg, "img1", "contrail-test", "4.1.0.0-1")
	o := Options{PlainHTTP: true}
	res, err := Push(t.Context(), write(t, "image.tar", dockertest.Archive(t)), ref, o)
	if err != nil {
		t.Fatal(err)
	}
	// Somebody else says the same.
	got, err := http.Get("http://" + reg + "/v2/img1-contrail-test/manifests/4.1.0.0-1")
	if err != nil {
		t.Fatal(err)
	}
	_ = got.Body.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, got.Request.URL.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", manifestType)
	if got, err = http.DefaultClient.Do(req); err != nil {
		t.Fatal(err)
	}
	_ = got.Body.Close()
	if d := got.Header.Get("Docker-Content-Digest"); d != res.Digest {
		t.Errorf("the registry says %s, the push %s", d, res.Digest)
	}
	http.DefaultClient.CloseIdleConnections()
	again, err := Push(t.Context(), write(t, "image.tar", dockertest.Archive(t)), ref, o)
	if err != nil || again.Sent != 0 || again.Digest != res.Digest {
		t.Errorf("again: %+v %v", again, err)
	}
	pullBack(t, ref, res, o)
}

// pullBack lets a real engine pull, save, and push what it saved.
func pullBack(t *testing.T, ref string, res Result, o Options) {
	if !dockertest.Available() {
		return
	}
	socket := dockertest.Socket(t)
	c, err := docker.New(dockertest.Dial(socket), docker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // a test
	ctx := t.Context()
	c.Apply(ctx, state.ImageRemove{Ref: ref, Force: true}, nil)
	var lines []string
	r := c.Apply(ctx, state.ImagePull{Ref: ref}, func(s string) { lines = append(lines, s) })
	if !r.OK {
		t.Fatal(r.Msg)
	}
	if p := r.Data.(state.ImagePulled); p.Digest != res.Digest || p.ID != res.ID || !p.Newer {
		t.Errorf("pulled %+v, pushed %+v", p, res)
	}
	if len(lines) < 3 {
		t.Errorf("progress %q", lines)
	}
	if r = c.Apply(ctx, state.ImagePull{Ref: ref}, nil); !r.OK || r.Data.(state.ImagePulled).Newer {
		t.Errorf("pulled again: %+v", r)
	}
	if _, err := exec.LookPath("docker"); err != nil {
		return // saved by somebody else than the command it cannot be
	}
	saved := t.TempDir() + "/saved.tar"
	cmd := exec.Command("docker", "save", "-o", saved, ref)
	cmd.Env = append(os.Environ(), "DOCKER_HOST=unix://"+socket)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	same, err := Push(ctx, saved, ref, o)
	if err != nil || same.Digest != res.Digest || same.Sent != 0 {
		t.Errorf("what docker saved: %+v %v", same, err)
	}
	if r = c.Apply(ctx, state.ImagePush{Ref: ref}, nil); !r.OK || r.Data.(state.ImagePushed).Digest == "" {
		t.Errorf("pushed by the engine: %+v", r)
	}
	r = c.Apply(ctx, state.ImagePull{Ref: strings.Replace(ref, "4.1.0.0-1", "none", 1)}, nil)
	if r.OK || !strings.Contains(r.Msg, "no such image or tag") {
		t.Errorf("no such tag: %s", r.Msg)
	}
	c.Apply(ctx, state.ImageRemove{Ref: ref, Force: true}, nil)
}
