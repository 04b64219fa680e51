package containers

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/docker/dockertest"
	"github.com/fairlead-project/fairlead/engine/value"
)

const (
	realRef  = "fairlead-test/tasks:1"
	realName = "fairlead-test-tasks"
)

func changed(t *testing.T, r *value.Map, want bool) *value.Map {
	t.Helper()
	if f, _ := r.Get("failed"); f.Truthy() {
		msg, _ := r.Get("msg")
		t.Fatalf("failed: %s", msg.Text())
	}
	if c, _ := r.Get("changed"); c.AsBool() != want {
		d, _ := r.Get("differences")
		t.Fatalf("changed is %v, want %v; differences %s", c.AsBool(), want, d.Text())
	}
	return r
}

// realImage loads the test image with docker_image itself.
func realImage(t *testing.T, h *host) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(path, dockertest.Archive(t, realRef), 0o600); err != nil {
		t.Fatal(err)
	}
	clean := func() {
		h.run(newContainer(), false, "name", realName, "state", "absent", "keep_volumes", false, "force_kill", true)
		h.run(newImage(), false, "name", realRef, "state", "absent", "force_absent", true)
	}
	clean()
	t.Cleanup(func() {
		if t.Context().Err() == nil {
			clean()
		}
	})
	args := []any{"name", "fairlead-test/tasks", "tag", "1", "timeout", 300, "load_path", path}
	changed(t, h.run(newImage(), true, args...), true)
	changed(t, h.run(newImage(), false, args...), true)
	changed(t, h.run(newImage(), false, args...), false)
	if len(h.ops) != 0 {
		t.Fatalf("an image that is there: %v", h.ops)
	}
	r := h.run(newImage(), false, "name", "fairlead-test/other", "source", "load", "load_path", path)
	if msg, _ := r.Get("msg"); !strings.Contains(msg.Text(), "did not contain image 'fairlead-test/other:latest'") {
		t.Fatalf("another name: %s", msg.Text())
	}
}

// fullArgs uses most arguments that an engine without networks can do.
func fullArgs(more ...any) []any {
	args := value.M("name", realName, "image", realRef, "network_mode", "host", "restart_policy", "unless-stopped",
		"capabilities", []string{"AUDIT_WRITE"}, "cap_drop", []string{"MKNOD"}, "env", value.M("GREETING", "you", "EMPTY", ""),
		"labels", value.M("a", "b"), "tty", false, "interactive", false, "detach", true,
		"volumes", []string{"/tmp:/mnt/tmp/", "/etc/hostname:/mnt/h:ro", "/anon"},
		"tmpfs", []string{"/scratch:size=1m"}, "log_driver", "json-file", "log_options", value.M("max-size", "1m"),
		"ulimits", []string{"nofile:1024:2048"}, "stop_timeout", 3, "stop_signal", "SIGTERM", "user", "0",
		"working_dir", "/", "read_only", false, "init", false, "shm_size", "32M", "memory", "256M", "cpu_shares", 512,
		"cpus", 1.5, "pids_limit", 100, "oom_score_adj", 5, "pid_mode", "host", "ipc_mode", "private", "privileged", false,
		"dns_servers", []string{"127.0.0.1"}, "etc_hosts", value.M("puppet", "127.0.0.9"), "exposed_ports", []string{"80", "90/udp"},
		"security_opts", []string{"no-new-privileges"}, "groups", []string{"5"},
		"mounts", []any{value.M("target", "/mnt/m", "source", "/opt", "type", "bind", "read_only", true, "propagation", "rprivate")},
		"healthcheck", value.M("test", []string{"CMD", "/prog", "ok"}, "interval", "1s", "retries", 3),
		"devices", []string{"/dev/null:/dev/mynull:r"}, "runtime", "runc", "platform", "linux/amd64")
	for i := 0; i < len(more); i += 2 {
		args.Set(more[i].(string), value.FromGo(more[i+1]))
	}
	var out []any
	for k, v := range args.All() {
		out = append(out, k.Str(), v)
	}
	return out
}

// TestRealUnchanged: what was created is, to the module, as described, and
// costs two questions and no operation; each change names its field.
func TestRealUnchanged(t *testing.T) {
	h := realHost(t)
	realImage(t, h)
	m := newContainer()
	changed(t, h.run(m, true, fullArgs()...), true)
	r := changed(t, h.run(m, false, fullArgs()...), true)
	c, _ := r.Get("container")
	if s, _ := c.Get("State"); !s.IsUnsafe() {
		t.Error("what the engine says is not marked unsafe")
	}
	changed(t, h.run(m, false, fullArgs()...), false)
	if len(h.ops) != 0 || h.asked != 2 {
		t.Errorf("unchanged: %d questions, operations %v", h.asked, h.ops)
	}
	for name, to := range map[string]any{
		"env": value.M("GREETING", "me"), "labels": value.M("a", "c"), "tty": true, "working_dir": "/data",
		"volumes": []string{"/etc:/mnt/etc:ro"}, "user": "1", "shm_size": "16M", "stop_signal": "SIGINT",
		"capabilities": []string{"NET_ADMIN"}, "ulimits": []string{"nofile:1024:4096"}, "pid_mode": "",
		"command": []string{"ok"}, "entrypoint": []string{"/prog", "ok"}, "log_options": value.M("max-size", "2m"),
		"etc_hosts": value.M("puppet", "127.0.0.8"), "exposed_ports": []string{"81"}, "restart_policy": "always",
		"memory": "300M", "mounts": []any{value.M("target", "/mnt/m", "source", "/opt", "type", "bind", "read_only", false, "propagation", "rprivate")},
		"healthcheck": value.M("test", "true"), "devices": []string{"/dev/zero"}, "dns_servers": []string{"127.0.0.2"},
	} {
		r := changed(t, h.run(m, true, fullArgs(name, to)...), true)
		d, _ := r.Get("differences")
		var names []string
		for _, it := range d.Items() {
			names = append(names, it.Map().Keys()[0].Str())
		}
		if name == "volumes" {
			name = "volume_binds" // as the original calls it
		}
		if !slices.Equal(names, []string{name}) {
			t.Errorf("%s: differences %v: %s", name, names, d.Text())
		}
	}
}

// TestRealStates walks the states.
func TestRealStates(t *testing.T) {
	h := realHost(t)
	realImage(t, h)
	m := newContainer()
	args := func(more ...any) []any {
		return append([]any{"name", realName, "image", realRef, "network_mode", "host"}, more...)
	}
	step := func(wantChange bool, ops []string, more ...any) *value.Map {
		t.Helper()
		r := changed(t, h.run(m, false, args(more...)...), wantChange)
		if !slices.Equal(h.ops, ops) {
			t.Fatalf("operations %v, want %v", h.ops, ops)
		}
		return r
	}
	step(true, []string{"ContainerCreate"}, "state", "present")
	step(true, []string{"ContainerStart"})
	step(false, nil)
	step(false, nil, "state", "present")
	step(true, []string{"ContainerRestart"}, "restart", true)
	step(true, []string{"ContainerUpdate"}, "restart_policy", "always", "memory", "200M")
	step(false, nil, "restart_policy", "always", "memory", "200M")
	step(true, []string{"ContainerStop"}, "state", "stopped", "force_kill", true)
	step(false, nil, "state", "stopped")
	step(true, []string{"ContainerReplace"}, "env", value.M("A", "1"))
	step(true, []string{"ContainerReplace"}, "recreate", true)
	check := value.M("test", []string{"CMD", "/prog", "ok"}, "interval", "500ms")
	step(true, []string{"ContainerReplace", "ContainerWait"}, "state", "healthy", "healthcheck", check)
	step(false, nil, "state", "healthy", "healthcheck", check)
	step(true, []string{"ContainerPause"}, "paused", true)
	step(true, []string{"ContainerPause"}, "paused", false)
	changed(t, h.run(newContainerInfo(), false, "name", realName), false)
	changed(t, h.run(m, false, "name", realName, "state", "absent"), true)
	changed(t, h.run(m, false, "name", realName, "state", "absent"), false)

	r := step(true, []string{"ContainerCreate", "ContainerStart", "ContainerWait", "ContainerRemove"},
		"command", "ok", "env", value.M("GREETING", "you"), "detach", false, "cleanup", true)
	c, _ := r.Get("container")
	if out, _ := c.Get("Output"); out.Text() != "hello you\n" {
		t.Errorf("output %q", out.Text())
	}
	r = h.run(m, false, args("command", []string{"fail"}, "detach", false, "cleanup", true)...)
	if s, _ := r.Get("status"); s.Text() != "3" {
		t.Errorf("status %s", s.Text())
	}
	r = h.run(m, false, args("image", "fairlead-test/none:1", "pull", "never")...)
	if msg, _ := r.Get("msg"); !strings.Contains(msg.Text(), "pull=never") {
		t.Error(msg.Text())
	}
}
