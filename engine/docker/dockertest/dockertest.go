// Package dockertest helps tests that want a real container engine.
package dockertest

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
	"sync"
	"testing"
	"time"
)

// Env names the environment variable with the API socket of a real engine on
// this machine; without it the first node of the test bed is used.
const Env = "FAIRLEAD_TESTBED_DOCKER_SOCKET"

// Socket is the API socket of a real engine; without one the test is skipped,
// or fails where skipping is forbidden. That of the test bed's node is brought
// here by OpenSSH, so that these tests do not test our own SSH too.
func Socket(t testing.TB) string {
	t.Helper()
	if s := os.Getenv(Env); s != "" {
		return s
	}
	config, nodes := os.Getenv("FAIRLEAD_TESTBED_SSH_CONFIG"), strings.Fields(os.Getenv("FAIRLEAD_TESTBED_NODES"))
	if config == "" || len(nodes) == 0 {
		if os.Getenv("FAIRLEAD_NO_SKIP") == "1" {
			t.Fatal("no real container engine: scripts/testbed up")
		}
		t.Skip("no real container engine: run scripts/testbed up, then eval \"$(scripts/testbed env)\"")
	}
	dir, err := os.MkdirTemp("", "dockertest") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	cmd := exec.Command("ssh", "-F", config, "-p", os.Getenv("FAIRLEAD_TESTBED_SSH_PORT"), "-i", os.Getenv("FAIRLEAD_TESTBED_KEY"),
		"-o", "UserKnownHostsFile="+os.Getenv("FAIRLEAD_TESTBED_KNOWN_HOSTS"), "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes",
		"-N", "-L", socket+":/var/run/docker.sock", "root@"+nodes[0])
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		_ = os.RemoveAll(dir)
	})
	for range 200 {
		// The file is there a moment before anybody listens.
		if c, err := net.Dial("unix", socket); err == nil {
			_ = c.Close()
			return socket
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("ssh to %s: %v: %s", nodes[0], err, said.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatalf("ssh to %s: no socket after ten seconds", nodes[0])
	return ""
}

// Available tells whether Socket would give one.
func Available() bool {
	return os.Getenv(Env) != "" || os.Getenv("FAIRLEAD_TESTBED_NODES") != "" && os.Getenv("FAIRLEAD_TESTBED_SSH_CONFIG") != ""
}

// Dial dials the socket.
func Dial(socket string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
}

// The program of the test image: it greets, and then ends with a code or stays.
const program = `package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	fmt.Println("hello", os.Getenv("GREETING"))
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "fail":
			os.Exit(3)
		case "ok":
			return
		}
	}
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM, syscall.SIGINT)
	select {
	case <-c:
	case <-time.After(10 * time.Minute):
	}
}
`

var built = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "dockertest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // best effort
	src, bin := filepath.Join(dir, "main.go"), filepath.Join(dir, "prog")
	if err := os.WriteFile(src, []byte(program), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", bin, src)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return out, err
	}
	return os.ReadFile(bin)
})

// Archive is a docker save archive with one image whose entry point is /prog:
// it prints "hello $GREETING" and ends at once with code 0 ("ok") or 3
// ("fail"), or stays until it is told to end. No refs: the archive's RepoTags
// is null, as docker save by id writes it.
func Archive(t testing.TB, refs ...string) []byte {
	t.Helper()
	prog, err := built()
	if err != nil {
		t.Fatalf("%v\n%s", err, prog)
	}
	return Image(t, map[string]any{"Entrypoint": []string{"/prog"}, "Env": []string{"PATH=/", "FROM_IMAGE=1"},
		"Labels": map[string]string{"fairlead.test": "1"}, "Volumes": map[string]any{"/data": map[string]any{}},
		"ExposedPorts": map[string]any{"8080/tcp": map[string]any{}}}, []File{{Name: "prog", Data: prog}}, refs...)
}

// Image is a docker save archive of one image with these files in one layer;
// config is what its containers start with. The same gives the same bytes.
func Image(t testing.TB, config map[string]any, files []File, refs ...string) []byte {
	t.Helper()
	layer := Tar(t, files...)
	sum := sha256.Sum256(layer)
	whole := toJSON(t, map[string]any{"architecture": "amd64", "os": "linux", "config": config,
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(sum[:])}},
	})
	csum := sha256.Sum256(whole)
	name := hex.EncodeToString(csum[:]) + ".json"
	manifest := toJSON(t, []map[string]any{{"Config": name, "RepoTags": refs, "Layers": []string{"l/layer.tar"}}})
	return Tar(t, File{Name: name, Data: whole}, File{Name: "l/layer.tar", Data: layer}, File{Name: "manifest.json", Data: manifest})
}

// File is one file of an archive: a symbolic link when Link is set.
type File struct {
	Name string
	Data []byte
	Link string
}

// Tar makes an archive.
func Tar(t testing.TB, files ...File) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.Name, Mode: 0o755, Size: int64(len(f.Data)), ModTime: time.Unix(1, 0), Typeflag: tar.TypeReg}
		if f.Link != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.Link
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func toJSON(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
