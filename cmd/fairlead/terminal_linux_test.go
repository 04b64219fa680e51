package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/fairlead-project/fairlead/engine/docker/dockertest"
	"github.com/fairlead-project/fairlead/engine/registry"
)

// terminal opens a terminal, 80 columns wide: what is at its other end, and it.
func terminal(t testing.TB) (master, tty *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	}
	if err != nil {
		t.Fatal(err)
	}
	if tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tty.Close() })
	return master, tty
}

// onTerminal runs the program with a terminal of its own and gives all that was written there.
func (c *cli) onTerminal(args ...string) string {
	c.t.Helper()
	master, tty := terminal(c.t)
	cmd := exec.CommandContext(c.t.Context(), "fairlead", args...)
	cmd.Dir, cmd.Env = c.dir, append(c.env, "TERM=xterm")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	_ = tty.Close()
	var text strings.Builder
	_, _ = bufio.NewReader(master).WriteTo(&text) // ends with an error when nobody has the terminal any more
	if err := cmd.Wait(); err != nil {
		c.t.Fatalf("%v: %v\n%s", args, err, text.String())
	}
	return text.String()
}

// TestPushOnTerminal: every layer has a bar, the digest is printed, and noted.
func TestPushOnTerminal(t *testing.T) {
	t.Parallel()
	reg, err := registry.Open(registry.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(reg)
	t.Cleanup(func() { server.Close(); _ = reg.Close() })
	c := newCLI(t)
	c.write("image.tar", string(dockertest.Archive(t, "old:1")))
	name := server.Listener.Addr().String() + "/terminal/image:1"
	out := c.onTerminal("image", "push", "--plain-http", "--data", "notes", "image.tar", name)
	digest := digestAt(t, server.Listener.Addr().String(), "terminal/image", "1")
	if !strings.Contains(out, "digest "+digest) || !strings.Contains(out, "[====") || !strings.Contains(out, "iB / ") {
		t.Errorf("the terminal shows\n%q", out)
	}
	text, err := os.ReadFile(c.dir + "/notes/images.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var note struct{ Time, Source, Image, Digest, ID string }
	if err := json.Unmarshal(text, &note); err != nil || note.Digest != digest || note.Image != name || note.Source != "image.tar" || note.Time == "" || note.ID == "" {
		t.Errorf("%v: %s", err, text)
	}
}
