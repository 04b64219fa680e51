package remote_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/internal/sshsim"
	"github.com/fairlead-project/fairlead/engine/internal/testbed"
	"github.com/fairlead-project/fairlead/engine/remote"
	"github.com/fairlead-project/fairlead/engine/state"
)

// rsyncHost reaches this machine through an SSH server.
func rsyncHost(t *testing.T) *remote.Host {
	t.Helper()
	if _, err := exec.LookPath("rsync"); err != nil {
		testbed.Missing(t, "no rsync: run scripts/apt-need rsync")
	}
	return simHost(t, sshsim.Options{}, remote.Options{OpTimeout: 20 * time.Second})
}

// TestRsync runs the real rsync, with its other end behind the wire, and between
// two folders of this machine.
func TestRsync(t *testing.T) {
	t.Run("ssh", func(t *testing.T) { syncsFolders(t, rsyncHost(t)) })
	t.Run("local", func(t *testing.T) {
		h := remote.Local(remote.Options{OpTimeout: 20 * time.Second})
		t.Cleanup(func() { _ = h.Close() })
		syncsFolders(t, h)
	})
}

func syncsFolders(t *testing.T, h *remote.Host) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	big := bytes.Repeat([]byte("0123456789abcdef\x00\n"), 100000)
	src, there, back := filepath.Join(dir, "src"), filepath.Join(dir, "the re"), filepath.Join(dir, "back")
	if err := os.MkdirAll(filepath.Join(src, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"big": big, "sub/it's": []byte("x")} {
		if err := os.WriteFile(filepath.Join(src, name), text, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	rsync := func(o state.Rsync) state.OpResult {
		t.Helper()
		o.Program, o.Options = "rsync", append(o.Options, "--archive", "--out-format=%i %n")
		r, err := h.Rsync(ctx, state.Identity{}, o)
		if err != nil || !r.OK {
			t.Fatalf("%s: %+v %v", o, r, err)
		}
		return r
	}
	dry := rsync(state.Rsync{Here: src + "/", There: there, Options: []string{"--dry-run"}, Read: true})
	if _, err := os.Stat(there); dry.RC != 0 || err == nil || !strings.Contains(string(dry.Stdout), "sub/it's") {
		t.Errorf("a dry run: %+v %s %v", dry, dry.Stdout, err)
	}
	if r := rsync(state.Rsync{Here: src + "/", There: there}); r.RC != 0 {
		t.Fatalf("%d %s", r.RC, r.Stderr)
	}
	if r := rsync(state.Rsync{Here: src + "/", There: there}); r.RC != 0 || len(r.Stdout) > 0 {
		t.Errorf("again: %d %s %s", r.RC, r.Stdout, r.Stderr)
	}
	if r := rsync(state.Rsync{Here: back, There: there + "/", Pull: true}); r.RC != 0 {
		t.Fatalf("%d %s", r.RC, r.Stderr)
	}
	got, err := os.ReadFile(filepath.Join(back, "big"))
	if small, serr := os.ReadFile(filepath.Join(back, "sub", "it's")); err != nil || serr != nil || !bytes.Equal(got, big) || string(small) != "x" {
		t.Errorf("what came back: %d bytes, %v, %v", len(got), err, serr)
	}
	if r := rsync(state.Rsync{Here: src, There: dir + "/no/such/dir/x"}); r.RC == 0 || !strings.Contains(string(r.Stderr), "No such file") {
		t.Errorf("no folder to put it into: %+v", r)
	}
	if r := rsync(state.Rsync{Here: dir + "/none", There: there}); r.RC == 0 || !strings.Contains(string(r.Stderr), "none") {
		t.Errorf("nothing to send: %+v", r)
	}
	if r := rsync(state.Rsync{Here: src, There: dir + "/alone", Alone: true}); r.RC != 0 {
		t.Errorf("alone: %+v", r)
	}
	r, err := h.Rsync(ctx, state.Identity{}, state.Rsync{Program: "/no/rsync", Here: src, There: there, Alone: true})
	if err != nil || r.OK || !strings.Contains(r.Msg, "/no/rsync") {
		t.Errorf("no rsync here: %+v %v", r, err)
	}
}

// TestRsyncEnds: where the host's end never begins, or never ends, the whole ends.
func TestRsyncEnds(t *testing.T) {
	h := rsyncHost(t)
	src := t.TempDir()
	r, err := h.Rsync(t.Context(), state.Identity{}, state.Rsync{Program: "rsync", Options: []string{"--rsync-path=/no/rsync"}, Here: src, There: "/x"})
	if err != nil || r.RC == 0 || !strings.Contains(string(r.Stderr), "/no/rsync") {
		t.Errorf("no rsync there: %+v %v %s", r, err, r.Stderr)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	began := time.Now()
	_, err = h.Rsync(ctx, state.Identity{}, state.Rsync{Program: "rsync", Options: []string{"--rsync-path=sleep 6; true"}, Here: src, There: "/x"})
	if err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("it does not end: after %s: %v", time.Since(began), err)
	}
	if _, err = h.Rsync(t.Context(), state.Identity{Method: "sudo", Exe: "/no/sudo"}, state.Rsync{Program: "rsync", Here: src, There: "/x"}); err == nil {
		t.Error("nobody to become, and no error")
	}
}
