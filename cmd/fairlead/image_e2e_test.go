package main

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/docker/dockertest"
)

// freeAddress is an address of this machine that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // only its address is wanted
	return l.Addr().String()
}

// TestOwnRegistry brings an image through the program's own registry to two
// nodes and compares what runs there; docker and plain HTTP say what came of it.
func TestOwnRegistry(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	nodes := b.Nodes()[:2]
	c := newCLI(t)
	reg := freeAddress(t)
	server := c.start("serve", "--data", "data", "--listen", freeAddress(t), "--registry", "images", "--registry-listen", reg)
	t.Cleanup(func() { _ = server.cmd.Process.Kill() })
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) { // another process
		if res, err := http.Get("http://" + reg + "/v2/"); err == nil {
			_ = res.Body.Close()
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("no registry: %v\n%s", err, server.err.String())
		}
	}
	name := reg + "/clitest/own:1"
	if err := os.WriteFile(c.dir+"/old.tar", dockertest.Archive(t, "old:1"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.run("image", "push", "--plain-http", "old.tar", name).exits(0).tells("digest sha256:")
	c.run("image", "list", "--plain-http", reg).exits(0).tells(name, "sha256:")
	hosts := ""
	for i, n := range nodes {
		clean := func() { _, _ = b.ssh(n, "docker rm -f clitest-own; docker rmi -f "+name) }
		clean()
		t.Cleanup(clean)
		hosts += b.host("own"+string(rune('1'+i)), n, "ansible_user=root")
	}
	c.write("hosts.ini", hosts)
	c.write("site.yml", `
- hosts: all
  gather_facts: false
  tasks:
    - docker_container: {name: clitest-own, image: "`+name+`", network_mode: host}
`)
	run := append([]string{"run", "-i", "hosts.ini", "site.yml"}, b.flags()...)
	said := c.run(run...).exits(0).tells(name + " is sha256:")
	if n := strings.Count(said.out, "on every host of this run"); n != 1 {
		t.Errorf("the digest is told %d times:\n%s", n, said.out)
	}
	c.run(run...).exits(0).unchanged()
	digest := digestAt(t, reg, "clitest/own", "1")
	for _, n := range nodes {
		if got := b.on(n, "docker inspect --format '{{index .RepoDigests}}' "+name); !strings.Contains(got, digest) {
			t.Errorf("%s has %s, the registry %s", n, got, digest)
		}
	}
	verify := append([]string{"image", "verify", "-i", "hosts.ini", "--plain-http", "--json"}, b.flags()...)
	for host, v := range verdicts(t, c.run(verify...)) {
		if v != "same" {
			t.Errorf("%s: %s", host, v)
		}
	}
	// Somebody moves the tag.
	move(t, reg)
	for host, v := range verdicts(t, c.run(verify...)) {
		if v != "differs" {
			t.Errorf("%s after the tag moved: %s", host, v)
		}
	}
	c.run("image", "rm", "--plain-http", name).exits(0)
	for host, v := range verdicts(t, c.run(verify...)) {
		if v != "missing" {
			t.Errorf("%s after the tag was removed: %s", host, v)
		}
	}
	_ = server.cmd.Process.Signal(syscall.SIGTERM)
	server.wait().exits(0)
}

const manifestAccept = "application/vnd.docker.distribution.manifest.v2+json"

// manifestAt reads a manifest with nothing of ours.
func manifestAt(t *testing.T, reg, repo, tag string) (*http.Response, error) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+reg+"/v2/"+repo+"/manifests/"+tag, nil)
	if err != nil {
		return nil, err
	}
	q.Header.Set("Accept", manifestAccept)
	return http.DefaultClient.Do(q)
}

func digestAt(t *testing.T, reg, repo, tag string) string {
	t.Helper()
	res, err := manifestAt(t, reg, repo, tag)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.Header.Get("Docker-Content-Digest")
}

// move gives the tag another image: one without layers, whose configuration is
// another one.
func move(t *testing.T, reg string) {
	t.Helper()
	const config = "{}"
	const sum = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
	do := func(method, path, kind, body string) {
		t.Helper()
		q, err := http.NewRequestWithContext(t.Context(), method, "http://"+reg+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Content-Type", kind)
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusCreated {
			t.Fatalf("%s %s: %s", method, path, res.Status)
		}
	}
	do(http.MethodPost, "/v2/clitest/own/blobs/uploads/?digest="+sum, "application/octet-stream", config)
	do(http.MethodPut, "/v2/clitest/own/manifests/1", manifestAccept, `{"schemaVersion":2,"mediaType":"`+manifestAccept+
		`","config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":2,"digest":"`+sum+`"},"layers":[]}`)
}

// verdicts are those about the test's container, by host.
func verdicts(t *testing.T, s *said) map[string]string {
	t.Helper()
	var all []struct{ Host, Container, Verdict string }
	if err := json.Unmarshal([]byte(s.out), &all); err != nil {
		t.Fatalf("%v: %s%s", err, s.out, s.err)
	}
	out := map[string]string{}
	for _, v := range all {
		if v.Container == "clitest-own" {
			out[v.Host] = v.Verdict
		}
	}
	if len(out) != 2 {
		t.Fatalf("%d verdicts: %s%s", len(out), s.out, s.err)
	}
	return out
}

// TestPackageDryRun: what a package holds is told without a registry.
func TestPackageDryRun(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	c.write("no.tgz", strings.Repeat("x", 1024))
	c.run("image", "push", "no.tgz", "127.0.0.1:1").exits(1).tells("--image-id")
	c.run("image", "push", "no.tgz", "127.0.0.1:1", "--image-id", "img1").exits(1).tells("is no image archive", "no.tgz")
	c.run("image", "push", "none.tar", "127.0.0.1:1/x:1").exits(1).tells("none.tar: no such file")
}
