package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/state"
)

// realSocket is the API socket of a real engine, or the test is skipped.
func realSocket(t testing.TB) string {
	t.Helper()
	s := os.Getenv("FAIRLEAD_TESTBED_DOCKER_SOCKET")
	if s == "" {
		if os.Getenv("FAIRLEAD_NO_SKIP") == "1" {
			t.Fatal("FAIRLEAD_TESTBED_DOCKER_SOCKET is not set: scripts/testbed up")
		}
		t.Skip("no real container engine: FAIRLEAD_TESTBED_DOCKER_SOCKET is not set")
	}
	return s
}

func realClient(t testing.TB) *Client {
	t.Helper()
	socket := realSocket(t)
	c, err := New(func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// saveArchive writes a docker save archive with one image whose only file is a
// static program, and gives its path.
func saveArchive(t testing.TB, ref string) string {
	t.Helper()
	dir := t.TempDir()
	src := filepath.Join(dir, "main.go")
	prog := `package main
import ("fmt";"os";"os/signal";"syscall";"time")
func main() {
	fmt.Println("hello", os.Getenv("GREETING"))
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "fail": os.Exit(3)
		case "ok": return
		}
	}
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM)
	select { case <-c: case <-time.After(10*time.Minute): }
}`
	if err := os.WriteFile(src, []byte(prog), 0o600); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "prog")
	cmd := exec.Command("go", "build", "-o", bin, src)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	layer := tarOf(t, map[string][]byte{"prog": data})
	sum := sha256.Sum256(layer)
	config, err := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux",
		"config": map[string]any{"Entrypoint": []string{"/prog"}, "Env": []string{"PATH=/", "FROM_IMAGE=1"},
			"Labels": map[string]string{"contrail.role": "test"}, "Volumes": map[string]any{"/data": map[string]any{}},
			"ExposedPorts": map[string]any{"8080/tcp": map[string]any{}}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(sum[:])}},
	})
	if err != nil {
		t.Fatal(err)
	}
	csum := sha256.Sum256(config)
	cname := hex.EncodeToString(csum[:]) + ".json"
	manifest, err := json.Marshal([]map[string]any{{"Config": cname, "RepoTags": []string{ref}, "Layers": []string{"l/layer.tar"}}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "image.tar")
	all := tarOf(t, map[string][]byte{"manifest.json": manifest, cname: config, "l/layer.tar": layer})
	if err := os.WriteFile(path, all, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func tarOf(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, data := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(data)), ModTime: time.Unix(1, 0)}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func must(t *testing.T, r state.OpResult) state.OpResult {
	t.Helper()
	if !r.OK {
		t.Fatalf("%s (%v)", r.Msg, r.Err)
	}
	return r
}

func askAs[T any](t *testing.T, c *Client, q state.Query) T {
	t.Helper()
	a := c.Answer(t.Context(), []state.Query{q})[0]
	if a.Err != nil {
		t.Fatal(a.Err)
	}
	return a.Value.(T)
}

// TestRealLife walks an image and a container through a real engine: every
// operation, and what the queries say after it.
func TestRealLife(t *testing.T) {
	c := realClient(t)
	ctx := t.Context()
	const ref, name = "fairlead-test/life:1", "fairlead-test-life"
	cleanup := func() {
		ctx := context.Background()
		c.Apply(ctx, state.ContainerRemove{Name: name, Force: true, Volumes: true}, nil)
		c.Apply(ctx, state.ImageRemove{Ref: ref, Force: true}, nil)
		c.Apply(ctx, state.ImageRemove{Ref: "fairlead-test/life:2", Force: true}, nil)
	}
	cleanup()
	t.Cleanup(cleanup)

	data, err := os.ReadFile(saveArchive(t, ref))
	if err != nil {
		t.Fatal(err)
	}
	loaded := must(t, c.Apply(ctx, state.ImageLoad{Name: "image.tar", Content: state.Bytes(data)}, nil)).Data.(state.ImageLoaded)
	if len(loaded.Images) != 1 || loaded.Images[0] != ref {
		t.Fatalf("loaded %v", loaded)
	}
	img := askAs[state.ImageInfo](t, c, state.Image{Ref: ref})
	if !img.Exists || !strings.HasPrefix(img.ID, "sha256:") || img.Config.Labels["contrail.role"] != "test" {
		t.Fatalf("image %+v", img)
	}
	must(t, c.Apply(ctx, state.ImageTag{Source: ref, Target: "fairlead-test/life:2"}, nil))
	if again := askAs[state.ImageInfo](t, c, state.Image{Ref: "fairlead-test/life:2"}); again.ID != img.ID {
		t.Fatal("the tag leads elsewhere")
	}

	spec := state.ContainerSpec{Config: state.ContainerConfig{Image: ref, Env: []string{"GREETING=you"}, Cmd: []string{}},
		Host: state.HostConfig{NetworkMode: "host", CapAdd: []string{"AUDIT_WRITE"}}}
	must(t, c.Apply(ctx, state.ContainerCreate{Name: name, Spec: spec}, nil))
	must(t, c.Apply(ctx, state.ContainerStart{Name: name}, nil))
	info := askAs[state.ContainerInfo](t, c, state.Container{Name: name})
	if !info.State.Running || info.Image != img.ID || info.Spec.Host.NetworkMode != "host" {
		t.Fatalf("container %+v", info.State)
	}
	must(t, c.Apply(ctx, state.ContainerWait{Name: name, For: state.WaitHealthy, Timeout: 10 * time.Second}, nil))
	must(t, c.Apply(ctx, state.ContainerRestart{Name: name}, nil))
	must(t, c.Apply(ctx, state.ContainerUpdate{Name: name, Restart: &state.RestartPolicy{Name: "unless-stopped"}}, nil))
	if p := askAs[state.ContainerInfo](t, c, state.Container{Name: name}).Spec.Host.RestartPolicy.Name; p != "unless-stopped" {
		t.Fatalf("restart policy %q", p)
	}
	testReplace(t, c, name, info, spec)
	must(t, c.Apply(ctx, state.ContainerRemove{Name: name}, nil))
	must(t, c.Apply(ctx, state.ContainerRemove{Name: name}, nil)) // no failure when there is none
	if askAs[state.ContainerInfo](t, c, state.Container{Name: name}).Exists {
		t.Fatal("still there")
	}
}

func testReplace(t *testing.T, c *Client, name string, info state.ContainerInfo, spec state.ContainerSpec) {
	ctx := t.Context()
	// One that cannot be made, one that cannot start: the old one is back.
	for what, change := range map[string]func(*state.ContainerSpec){
		"no image": func(s *state.ContainerSpec) { s.Config.Image = "fairlead-test/none:1" },
		"no start": func(s *state.ContainerSpec) { s.Config.Entrypoint = []string{"/does/not/exist"} },
	} {
		bad := spec
		change(&bad)
		r := c.Apply(ctx, state.ContainerReplace{Name: name, Old: info.ID, Spec: bad, Start: true}, nil)
		if r.OK {
			t.Fatalf("%s: replaced", what)
		}
		now := askAs[state.ContainerInfo](t, c, state.Container{Name: name})
		if now.ID != info.ID || !now.State.Running {
			t.Fatalf("%s: %s is now %s %s: %s", what, name, now.ID, now.State.Status, r.Msg)
		}
	}
	good := spec
	good.Config.Cmd = []string{"fail"}
	made := must(t, c.Apply(ctx, state.ContainerReplace{Name: name, Old: info.ID, Spec: good, Start: true}, nil)).Data.(state.ContainerMade)
	end := must(t, c.Apply(ctx, state.ContainerWait{Name: name, For: state.WaitExited, Output: true}, nil)).Data.(state.ContainerEnd)
	if end.ExitCode != 3 || string(end.Output) != "hello you\n" {
		t.Fatalf("end %d %q", end.ExitCode, end.Output)
	}
	if now := askAs[state.ContainerInfo](t, c, state.Container{Name: name}); now.ID != made.ID {
		t.Fatal("another container")
	}
	if r := c.Apply(ctx, state.ContainerWait{Name: name, For: state.WaitHealthy}, nil); r.OK || !strings.Contains(r.Msg, "exit code 3") {
		t.Fatalf("an ended container is healthy: %s", r.Msg)
	}
	if askAs[state.ContainerInfo](t, c, state.Container{Name: info.ID}).Exists {
		t.Fatal("the old one is still there")
	}
}

func TestRealEngine(t *testing.T) {
	c := realClient(t)
	info := askAs[state.DockerInfo](t, c, state.Docker{})
	if info.Version == "" || info.APIVersion == "" {
		t.Fatalf("%+v", info)
	}
	t.Logf("engine %s, API %s", info.Version, info.APIVersion)
	as := c.Answer(t.Context(), []state.Query{state.Container{Name: "none-1"}, state.Container{Name: "none-2"},
		state.Container{Name: "none-3"}, state.Image{Ref: "fairlead-test/none"}, state.DockerNetwork{Name: "host"}})
	for _, a := range as {
		if a.Err != nil {
			t.Error(a)
		}
	}
	if n := as[4].Value.(state.DockerNetworkInfo); !n.Exists || n.Driver != "host" {
		t.Errorf("network %+v", n)
	}
}
