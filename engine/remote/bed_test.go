package remote_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/internal/testbed"
	"github.com/fairlead-project/fairlead/engine/remote"
	"github.com/fairlead-project/fairlead/engine/ssh"
	"github.com/fairlead-project/fairlead/engine/state"
)

// bedConfig reaches a host of the test bed.
func bedConfig(b testbed.Bed, addr, user string) ssh.Config {
	return ssh.Config{
		Address: addr, Port: b.Port(), User: user, KeyFiles: []string{b.Key()}, KnownHosts: []string{b.KnownHosts()},
		SSHConfig: []string{}, NoAgent: true,
	}
}

func bedHost(t *testing.T, cfg ssh.Config, opts remote.Options) *remote.Host {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if opts.OpTimeout == 0 {
		opts.OpTimeout = 20 * time.Second
	}
	h, err := remote.Connect(ctx, cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

func TestBedHosts(t *testing.T) {
	b := testbed.Need(t)
	for name, c := range map[string]struct{ addr, user string }{
		"debian": {b.Node(), "root"}, "busybox": {b.Busybox(), "root"}, "dash": {b.Dash(), "root"}, "guest": {b.Sudo(), "guest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := bedHost(t, bedConfig(b, c.addr, c.user), remote.Options{})
			d := "/tmp/fairlead-test-" + name
			out := do(t, h, state.Batch{Ops: []state.Op{
				state.Remove{Path: d, Recursive: true},
				state.Mkdir{Path: d, Attrs: state.Attrs{Mode: mode(0o750)}},
				state.WriteFile{Path: d + "/f", Content: state.Bytes([]byte("text ü\n")), Attrs: state.Attrs{Mode: mode(0o600)}},
				state.Exec{Argv: []string{"cat", d + "/f"}},
			}, Ask: []state.Query{state.Path{Path: d + "/f", Want: state.WantSHA256 | state.WantContent}, state.Login{}}})
			allOK(t, out, 4)
			if f := file(t, out, 0); string(f.Content) != "text ü\n" || f.Stat.Mode != 0o600 {
				t.Errorf("%+v", f)
			}
			if l := out.Answers[1].Value.(state.LoginInfo); l.User != c.user {
				t.Errorf("%+v", l)
			}
			if got := string(out.Results[3].Stdout); got != "text ü\n" {
				t.Errorf("cat: %q", got)
			}
			out = do(t, h, state.Batch{Ops: []state.Op{state.Remove{Path: d, Recursive: true}}})
			allOK(t, out, 1)
			t.Logf("%+v", h.Stats())
		})
	}
}

func TestBedBecome(t *testing.T) {
	b := testbed.Need(t)
	sudo := func(user, pass string) state.Identity {
		return state.Identity{Method: "sudo", User: user, Password: pass}
	}
	whoami := func(h *remote.Host, id state.Identity) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		out, err := h.Do(ctx, state.Batch{As: id, Ops: []state.Op{state.Exec{Shell: "id -un; pwd; echo $HOME"}}})
		if err != nil {
			return "", err
		}
		return strings.ReplaceAll(string(out.Results[0].Stdout), "\n", " "), nil
	}
	for _, c := range []struct {
		name, login string
		id          state.Identity
		want        string
		class       diag.Class
		say         string
	}{
		{"password", "deploy", sudo("", b.Password("deploy")), "root /home/deploy /root ", 0, ""},
		{"password to another", "deploy", sudo("ops", b.Password("deploy")), "ops ", 0, ""},
		{"no password needed", "ops", sudo("", ""), "root ", 0, ""},
		{"password though none needed", "ops", sudo("", "unused-password"), "root ", 0, ""},
		{"no password given", "deploy", sudo("", ""), "", diag.Become, "Missing sudo password: become sudo"},
		{"wrong password", "deploy", sudo("", "wrong-pass-word"), "", diag.Become, "Incorrect sudo password: become sudo"},
		{"a login", "ops", state.Identity{Method: "sudo", User: "deploy", Flags: "-i"}, "deploy /home/deploy /home/deploy ", 0, ""},
		{"a login with a password", "deploy", state.Identity{Method: "sudo", User: "ops", Password: b.Password("deploy"), Flags: "-Hi"}, "ops /home/ops /home/ops ", 0, ""},
		{"a shell", "ops", state.Identity{Method: "sudo", User: "deploy", Flags: "--shell"}, "deploy ", 0, ""},
		{"not allowed", "guest", sudo("", b.Password("guest")), "", diag.Become, ""},
		{"no such method", "deploy", state.Identity{Method: "pbrun"}, "", diag.Usage, "sudo, su, runuser and doas"},
		{"no such program", "deploy", state.Identity{Method: "doas", Exe: "no-such-doas"}, "", diag.Become, "installed"},
		{"su", "deploy", state.Identity{Method: "su", User: "ops", Password: b.Password("ops")}, "ops ", 0, ""},
		{"su wrong", "deploy", state.Identity{Method: "su", User: "ops", Password: "wrong-pass-word"}, "", diag.Become, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := bedHost(t, bedConfig(b, b.Sudo(), c.login), remote.Options{})
			begin := time.Now()
			got, err := whoami(h, c.id)
			if c.want != "" {
				if err != nil || !strings.HasPrefix(got, c.want) {
					t.Fatalf("got %q, %v", got, err)
				}
				again, err := whoami(h, c.id)
				if err != nil || again != got {
					t.Fatalf("second: %q, %v", again, err)
				}
				t.Logf("%s %+v", time.Since(begin), h.Stats())
				return
			}
			if diag.ClassOf(err) != c.class || !strings.Contains(err.Error(), c.say) {
				t.Fatalf("class %s: %v", diag.ClassOf(err), err)
			}
			if strings.Contains(err.Error(), "wrong-pass-word") || strings.Contains(err.Error(), b.Password("guest")) {
				t.Error("the password is in the error")
			}
			t.Logf("%s: %v", time.Since(begin), err)
			// The login user's shell is not harmed.
			if got, err := whoami(h, state.Identity{}); err != nil || !strings.HasPrefix(got, c.login) {
				t.Errorf("%q %v", got, err)
			}
		})
	}
}

// askDocker pings the engine over a connection, twice over the same one.
func askDocker(t *testing.T, h *remote.Host, id state.Identity) {
	t.Helper()
	ask(t, func(ctx context.Context) (net.Conn, error) { return h.DialUnix(ctx, id, "/var/run/docker.sock") })
}

func ask(t *testing.T, dial func(context.Context) (net.Conn, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{MaxIdleConns: 1, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dial(ctx)
	}}}
	defer client.CloseIdleConnections()
	for range 2 {
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/_ping", nil)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if string(body) != "OK" {
			t.Errorf("ping: %q", body)
		}
	}
}

func TestBedDocker(t *testing.T) {
	b := testbed.Need(t)
	askDocker(t, bedHost(t, bedConfig(b, b.Node(), "root"), remote.Options{}), state.Identity{})
	h := bedHost(t, bedConfig(b, b.Node(), "deploy"), remote.Options{})
	askDocker(t, h, state.Identity{Method: "sudo", Password: b.Password("deploy")})
	// Any socket, through a program of the host where it is somebody else's.
	ask(t, func(ctx context.Context) (net.Conn, error) {
		return h.DialAs(ctx, state.Identity{Method: "sudo", Password: b.Password("deploy")}, "unix", "/var/run/docker.sock")
	})
	_, err := h.DialUnix(t.Context(), state.Identity{}, "/var/run/docker.sock")
	t.Logf("as deploy: %v", err)
	if err == nil {
		// The forward stands until the other side refuses it.
		return
	}
	plain := bedHost(t, bedConfig(b, b.Dash(), "root"), remote.Options{})
	if _, err := plain.DialUnix(t.Context(), state.Identity{Method: "sudo"}, "/var/run/docker.sock"); err == nil {
		t.Error("a socket that is not there")
	} else {
		t.Log(err)
	}
}

func TestBedCancel(t *testing.T) {
	b := testbed.Need(t)
	for name, c := range map[string]struct {
		addr, user string
		id         state.Identity
	}{
		"root":    {b.Dash(), "root", state.Identity{}},
		"busybox": {b.Busybox(), "root", state.Identity{}},
		"sudo":    {b.Sudo(), "deploy", state.Identity{Method: "sudo", Password: b.Password("deploy")}},
		"tty":     {b.Sudo(), "strict", state.Identity{Method: "sudo"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := bedHost(t, bedConfig(b, c.addr, c.user), remote.Options{})
			ctx, cancel := context.WithCancel(t.Context())
			started := make(chan struct{})
			var once sync.Once
			go func() {
				<-started
				cancel()
			}()
			begin := time.Now()
			_, err := h.Do(ctx, state.Batch{As: c.id, Ops: []state.Op{state.Exec{Shell: "echo go; sleep 4711"}},
				Live: func(int, bool, []byte) { once.Do(func() { close(started) }) }})
			if diag.ClassOf(err) != diag.Cancelled || time.Since(begin) > 10*time.Second {
				t.Errorf("after %s: %v", time.Since(begin), err)
			}
			left := do(t, h, state.Batch{As: c.id, Ops: []state.Op{state.Exec{Shell: "grep -l '^sleep.4711' /proc/[0-9]*/cmdline 2>/dev/null"}}})
			if out := string(left.Results[0].Stdout); out != "" {
				t.Errorf("still runs: %s", out)
			}
		})
	}
}

// A user that is about to be changed or removed has no shell of ours.
func TestBedLeavesAUser(t *testing.T) {
	b := testbed.Need(t)
	h := bedHost(t, bedConfig(b, b.Sudo(), "ops"), remote.Options{})
	run := func(as state.Identity, x state.Exec) string {
		t.Helper()
		out := do(t, h, state.Batch{As: as, Ops: []state.Op{x}})
		allOK(t, out, 1)
		return strings.TrimSpace(string(out.Results[0].Stdout))
	}
	guest, root := state.Identity{Method: "sudo", User: "guest"}, state.Identity{Method: "sudo"}
	shell := run(guest, state.Exec{Shell: "echo $PPID"})
	there := state.Exec{Shell: "[ -d /proc/" + shell + " ] && echo there || echo gone"}
	if got := run(root, there); got != "there" {
		t.Fatalf("the kept shell %s is %s", shell, got)
	}
	there.Leaves = "guest"
	if got := run(root, there); got != "gone" {
		t.Errorf("the kept shell %s is %s", shell, got)
	}
	if again := run(guest, state.Exec{Shell: "echo $PPID"}); again == shell {
		t.Errorf("the same shell %s", again)
	}
}

// What a shell was asked first stands in no list of processes, where everybody on the host
// reads it and `pkill -f` finds it, and in no command's environment; and where the server lets
// the question travel with the command, it costs no round trip of its own.
func TestBedFirstQuestion(t *testing.T) {
	b := testbed.Need(t)
	for name, addr := range map[string]string{"bash": b.Node(), "dash": b.Dash(), "busybox": b.Busybox()} {
		t.Run(name, func(t *testing.T) {
			h := bedHost(t, bedConfig(b, addr, "root"), remote.Options{})
			do(t, h, state.Batch{Ask: []state.Query{state.Path{Path: "/etc/some-odd-name"}}})
			out := do(t, h, state.Batch{Ops: []state.Op{state.Exec{Shell: "cat /proc/*/cmdline | tr '\\0' ' '; env; cat /proc/*/environ >&2"}}})
			allOK(t, out, 1)
			for _, mark := range []string{"odd-name", "_FD='", "_FD={"} {
				// Our own command line has the marks of neither: it holds no name.
				if bytes.Contains(out.Results[0].Stdout, []byte(mark)) {
					t.Errorf("%s is seen by others", mark)
				}
			}
			// Who reads the environment of the shell reads the question, and nothing that
			// ends his output.
			if !bytes.Contains(out.Results[0].Stderr, []byte("odd-name")) {
				t.Error("the environment of the shell was not read")
			}
			if n := bytes.Count(out.Results[0].Stdout, []byte("${#_FD} =")); n == 0 {
				t.Error("the first question did not travel with the command")
			}
		})
	}
}
