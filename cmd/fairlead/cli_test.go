package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A cli is a user with a home and a folder of playbooks, who runs the program
// as a process of its own.
type cli struct {
	t   testing.TB
	dir string
	env []string
}

func newCLI(t testing.TB) *cli {
	t.Helper()
	c := &cli{t: t, dir: t.TempDir()}
	home := filepath.Join(c.dir, ".home")
	c.env = append(os.Environ(), "HOME="+home, "XDG_STATE_HOME="+filepath.Join(home, "state"), "SSH_AUTH_SOCK=",
		"FAIRLEAD_LOCK_WAIT=5m", "NO_COLOR=", "FORCE_COLOR=")
	c.write(".home/.ssh/config", "")
	return c
}

func (c *cli) write(name, text string) string {
	c.t.Helper()
	p := filepath.Join(c.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(text), 0o600)); err != nil {
		c.t.Fatal(err)
	}
	return p
}

// A said is what a command said, and how it ended.
type said struct {
	t             testing.TB
	args          []string
	code          int
	out, err      string
	took          time.Duration
	maxResidentKB int64
}

// start starts the program; wait gives what it said.
func (c *cli) start(args ...string) *running {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	c.t.Cleanup(cancel)
	r := &running{c: c, args: args, cmd: exec.CommandContext(ctx, "fairlead", args...), began: time.Now()}
	r.cmd.Dir, r.cmd.Env = c.dir, c.env
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.err
	if err := r.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	return r
}

type running struct {
	c        *cli
	args     []string
	cmd      *exec.Cmd
	out, err bytes.Buffer
	began    time.Time
}

func (r *running) wait() *said {
	r.c.t.Helper()
	_ = r.cmd.Wait() // the exit code says it
	return &said{t: r.c.t, args: r.args, code: r.cmd.ProcessState.ExitCode(), out: r.out.String(), err: r.err.String(),
		took: time.Since(r.began), maxResidentKB: maxResident(r.cmd.ProcessState)}
}

func (c *cli) run(args ...string) *said { c.t.Helper(); return c.start(args...).wait() }

// exits holds the program to an exit code.
func (s *said) exits(code int) *said {
	s.t.Helper()
	if s.code != code {
		s.t.Fatalf("fairlead %s: exit code %d, want %d\n%s%s", strings.Join(s.args, " "), s.code, code, s.out, s.err)
	}
	return s
}

// tells holds the program to having said each of the words.
func (s *said) tells(words ...string) *said {
	s.t.Helper()
	for _, w := range words {
		if !strings.Contains(s.out+s.err, w) {
			s.t.Errorf("fairlead %s: does not say %q\n%s%s", strings.Join(s.args, " "), w, s.out, s.err)
		}
	}
	return s
}

// unchanged holds the program to having changed nothing on any host.
func (s *said) unchanged() {
	s.t.Helper()
	for _, l := range strings.Split(s.out, "\n") {
		if strings.Contains(l, "unreachable=") && !strings.Contains(l, "changed=0 ") {
			s.t.Errorf("the second run changed something:\n%s", s.out)
			return
		}
	}
}

// A bed is the test bed as the program and OpenSSH reach it. It may not be had
// from engine/internal here.
type bed struct{ t testing.TB }

// newBed gives the test bed, or skips the test where there is none.
func newBed(t testing.TB) bed {
	t.Helper()
	if os.Getenv("FAIRLEAD_TESTBED_NODES") == "" {
		const why = `no test bed: run scripts/testbed up, then eval "$(scripts/testbed env)"`
		if os.Getenv("FAIRLEAD_NO_SKIP") == "1" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	return bed{t}
}

func (b bed) env(name string) string {
	b.t.Helper()
	v := os.Getenv("FAIRLEAD_TESTBED" + name)
	if v == "" {
		b.t.Fatalf("FAIRLEAD_TESTBED%s is not set", name)
	}
	return v
}

func (b bed) Nodes() []string             { return strings.Fields(b.env("_NODES")) }
func (b bed) Node() string                { return b.Nodes()[0] }
func (b bed) Bench() []string             { return strings.Fields(os.Getenv("FAIRLEAD_TESTBED_BENCH")) }
func (b bed) Busybox() string             { return b.env("_BUSYBOX") }
func (b bed) Dash() string                { return b.env("_DASH") }
func (b bed) Sudo() string                { return b.env("_SUDO") }
func (b bed) Refused() string             { return b.env("_REFUSED") }
func (b bed) Registry() string            { return b.env("_REGISTRY") }
func (b bed) Key() string                 { return b.env("_KEY") }
func (b bed) StrangerKey() string         { return b.env("_KEY_STRANGER") }
func (b bed) KnownHosts() string          { return b.env("_KNOWN_HOSTS") }
func (b bed) Password(user string) string { return b.env("_" + strings.ToUpper(user) + "_PASSWORD") }
func (b bed) Port() string                { return b.env("_SSH_PORT") }

// spare is a host that other tests use least.
func (b bed) spare() string {
	if h := b.Bench(); len(h) > 0 {
		return h[len(h)-1]
	}
	return b.Dash()
}

// flags log the program in.
func (b bed) flags() []string {
	return []string{"--private-key", b.Key(), "--known-hosts", b.KnownHosts()}
}

// host is a line of an inventory.
func (b bed) host(name, addr, more string) string {
	return fmt.Sprintf("%s ansible_host=%s ansible_port=%s %s\n", name, addr, b.Port(), more)
}

// ssh runs a command on a host with OpenSSH, which is not us.
func (b bed) ssh(addr, command string) (string, error) {
	user := "root"
	if addr == b.Sudo() {
		user = "ops"
	}
	cmd := exec.Command("ssh", "-F", "none", "-i", b.Key(), "-o", "UserKnownHostsFile="+b.KnownHosts(), "-o", "BatchMode=yes",
		"-p", b.Port(), user+"@"+addr, command)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (b bed) on(addr, command string) string {
	b.t.Helper()
	out, err := b.ssh(addr, command)
	if err != nil {
		b.t.Fatalf("on %s: %s: %v: %s", addr, command, err, out)
	}
	return out
}

// until waits until a command succeeds on a host.
func (b bed) until(addr, command string) {
	b.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		out, err := b.ssh(addr, command)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("on %s: %s does not come true: %s", addr, command, out)
		}
		time.Sleep(50 * time.Millisecond) // the event is on another machine
	}
}
