// Package examples holds what the documentation shows; its test runs all of it.
package examples

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/docker/dockertest"
)

var program string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "fairlead-examples")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "fairlead")
	if out, err := exec.Command("go", "build", "-o", program, "../cmd/fairlead").CombinedOutput(); err != nil {
		panic(string(out))
	}
	return m.Run()
}

// fairlead runs the program and holds it to an exit code.
func fairlead(t *testing.T, home string, code int, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_STATE_HOME="+home, "SSH_AUTH_SOCK=", "FAIRLEAD_LOCK_WAIT=5m")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || cmd.ProcessState.ExitCode() != code {
		t.Fatalf("fairlead %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestLint: every example is in order as it stands.
func TestLint(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"-i", "first/hosts.ini", "first/site.yml"}, {"-i", "roles/hosts.yml", "roles/site.yml"}, {"-i", "rolling/hosts.ini", "rolling/site.yml"},
		{"-i", "demo/inventory.ini", "-e", "registry=x", "demo/site.yml"}, {"-i", "one,", "bench/site.yml"}, {"-i", "one,", "bench/wipe.yml"},
	} {
		if out := fairlead(t, t.TempDir(), 0, append([]string{"lint"}, args...)...); strings.Contains(out, "warning") {
			t.Errorf("%v:\n%s", args, out)
		}
	}
}

func env(t *testing.T, name string) string {
	t.Helper()
	v := os.Getenv("FAIRLEAD_TESTBED" + name)
	if v == "" && os.Getenv("FAIRLEAD_NO_SKIP") == "1" {
		t.Fatalf("FAIRLEAD_TESTBED%s is not set", name)
	} else if v == "" {
		t.Skip(`no test bed: run scripts/testbed up, then eval "$(scripts/testbed env)"`)
	}
	return v
}

func ssh(t *testing.T, addr, command string) string {
	t.Helper()
	out, _ := exec.Command("ssh", "-F", "none", "-i", env(t, "_KEY"), "-o", "UserKnownHostsFile="+env(t, "_KNOWN_HOSTS"), "-o", "BatchMode=yes",
		"-p", env(t, "_SSH_PORT"), "root@"+addr, command).CombinedOutput()
	return strings.TrimSpace(string(out))
}

// inventory is an example's, with the test bed's addresses in it.
func inventory(t *testing.T, file string, addrs ...string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for i, a := range addrs {
		text = strings.ReplaceAll(text, "192.0.2.1"+string(rune('0'+i)), a)
	}
	if strings.Contains(text, "192.0.2.") {
		t.Fatalf("%s has more hosts than the test gives it", file)
	}
	to := filepath.Join(t.TempDir(), filepath.Base(file))
	if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

// walk plans, runs, and runs again; looks is what to see on the hosts.
func walk(t *testing.T, wipe string, addrs []string, args ...string) {
	t.Helper()
	home := t.TempDir()
	clean := func() {
		for _, a := range addrs {
			ssh(t, a, wipe)
		}
	}
	clean()
	t.Cleanup(clean)
	args = append(args, "--private-key", env(t, "_KEY"), "--known-hosts", env(t, "_KNOWN_HOSTS"), "-e", "ansible_port="+env(t, "_SSH_PORT"))
	fairlead(t, home, 2, append([]string{"plan", "--detailed-exitcode"}, args...)...)
	fairlead(t, home, 0, append([]string{"run"}, args...)...)
	out := fairlead(t, home, 0, append([]string{"run"}, args...)...)
	if strings.Count(out, "changed=0 ") != len(addrs) {
		t.Errorf("the second run changed something:\n%s", out)
	}
}

func TestFirst(t *testing.T) {
	t.Parallel()
	host := env(t, "_DASH")
	walk(t, "rm -rf /srv/greeting", []string{host}, "-i", inventory(t, "first/hosts.ini", host), "first/site.yml")
	if got := ssh(t, host, "cat /srv/greeting/*"); got != "Hello from web1, which runs Debian.\nUser-agent: *\nDisallow: /\nlast=fairlead" {
		t.Errorf("the host has %q", got)
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	hosts := []string{env(t, "_DASH"), env(t, "_BUSYBOX")}
	walk(t, "rm -rf /srv/site", hosts, "-i", inventory(t, "roles/hosts.yml", hosts...), "roles/site.yml")
	for i, h := range hosts {
		want := []string{"web1", "web2"}[i] + ", written by Fairlead\n[site]\nlog = /srv/site/log/site.log\nlevel = info\n\n[upstreams]\nserver1 = web1 weight=3\nserver2 = web2 weight=1\nreload\nmade on "
		if got := ssh(t, h, "cat /srv/site/etc/site.conf /srv/site/log/reloads /srv/site/data/marker"); !strings.Contains(got, want) {
			t.Errorf("host %s has %q", h, got)
		}
	}
}

func push(t *testing.T, ref string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(file, dockertest.Archive(t, ref), 0o600); err != nil {
		t.Fatal(err)
	}
	fairlead(t, t.TempDir(), 0, "image", "push", "--plain-http", file, ref)
}

func TestRolling(t *testing.T) {
	t.Parallel()
	nodes := strings.Fields(env(t, "_NODES"))
	if len(nodes) < 2 {
		t.Skip("two nodes are needed")
	}
	nodes = nodes[:2]
	ref := env(t, "_REGISTRY") + "/fairlead-examples/app:1"
	push(t, ref)
	walk(t, "docker rm -f example-app; docker rmi "+ref+"; rm -f /etc/example-app.conf", nodes,
		"-i", inventory(t, "rolling/hosts.ini", nodes...), "-e", "image="+ref, "rolling/site.yml")
	for _, n := range nodes {
		if got := ssh(t, n, "docker inspect -f '{{.State.Running}} {{.Config.Image}}' example-app"); got != "true "+ref {
			t.Errorf("node %s has %q", n, got)
		}
	}
}

// TestServerManager sends the request as it stands, with the test bed's names.
func TestServerManager(t *testing.T) {
	t.Parallel()
	node, registry := env(t, "_NODE1"), env(t, "_REGISTRY")
	push(t, registry+"/fairlead-examples/analytics:4.1")
	wipe := "docker rm -f analytics; docker rmi " + registry + "/fairlead-examples/analytics:4.1; rm -rf /etc/contrailctl/analytics.conf"
	ssh(t, node, wipe)
	t.Cleanup(func() { ssh(t, node, wipe) })
	b, err := os.ReadFile("server-manager/request.json")
	if err != nil {
		t.Fatal(err)
	}
	body := strings.NewReplacer("192.0.2.10", node, "registry.example:5000/analytics", registry+"/fairlead-examples/analytics", "registry.example:5000", registry,
		"the password of root", env(t, "_ROOT_PASSWORD"), `"container_name": "analytics"`, `"container_name": "analytics", "ansible_port": "`+env(t, "_SSH_PORT")+`"`).Replace(string(b))
	base := serve(t)
	if answer := post(t, base+"/run_playbook", body); !strings.Contains(answer, "Provision") {
		t.Fatalf("the answer is %s", answer)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		status := get(t, base+"/playbook_status?server_id=node1&role=analytics")
		low := strings.ToLower(status)
		if strings.Contains(low, "completed") || strings.Contains(low, "success") {
			break
		}
		if strings.Contains(low, "failed") || time.Now().After(deadline) {
			t.Fatalf("the status is %s", status)
		}
	}
	if got := ssh(t, node, "docker inspect -f '{{.State.Running}}' analytics; cat /etc/contrailctl/analytics.conf"); !strings.HasPrefix(got, "true\n") || !strings.Contains(got, "aggregate_mode") {
		t.Errorf("the node has %q", got)
	}
}

// serve starts the server on a free port and gives its address.
func serve(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	dir := t.TempDir()
	var log bytes.Buffer
	cmd := exec.Command(program, "serve", "--listen", addr, "--data", dir)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), "HOME="+dir), &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the server's log:\n%s", log.String())
		}
		if strings.Contains(log.String(), env(t, "_ROOT_PASSWORD")) {
			t.Error("the password of the request is in the server's log")
		}
	})
	for range 200 {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return "http://" + addr
		}
		time.Sleep(50 * time.Millisecond) // until it listens
	}
	t.Fatalf("the server does not listen:\n%s", log.String())
	return ""
}

func post(t *testing.T, url, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	return do(t, req)
}

func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, req)
}

func do(t *testing.T, req *http.Request) string {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
