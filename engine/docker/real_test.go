package docker

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/docker/dockertest"
	"github.com/fairlead-project/fairlead/engine/state"
)

func realClient(t testing.TB) *Client {
	t.Helper()
	c, err := New(dockertest.Dial(dockertest.Socket(t)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
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

	data := dockertest.Archive(t, ref)
	loaded := must(t, c.Apply(ctx, state.ImageLoad{Name: "image.tar", Content: state.Bytes(data)}, nil)).Data.(state.ImageLoaded)
	if len(loaded.Images) != 1 || loaded.Images[0] != ref {
		t.Fatalf("loaded %v", loaded)
	}
	img := askAs[state.ImageInfo](t, c, state.Image{Ref: ref})
	if !img.Exists || !strings.HasPrefix(img.ID, "sha256:") || img.Config.Labels["fairlead.test"] != "1" {
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
	testRemoved(t, c, name, spec)
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

// The end of a container that the engine removes is told, and it is gone then.
func testRemoved(t *testing.T, c *Client, name string, spec state.ContainerSpec) {
	spec.Config.Cmd = []string{"fail"}
	spec.Host.AutoRemove = true
	for range 3 {
		must(t, c.Apply(t.Context(), state.ContainerCreate{Name: name, Spec: spec}, nil))
		end := must(t, c.Apply(t.Context(), state.ContainerStart{Name: name, Await: true}, nil)).Data.(state.ContainerEnd)
		if end.ExitCode != 3 {
			t.Errorf("exit code %d", end.ExitCode)
		}
		if askAs[state.ContainerInfo](t, c, state.Container{Name: name}).Exists {
			t.Error("it is still there")
		}
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
