package ssh_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/internal/sshsim"
	"github.com/fairlead-project/fairlead/engine/internal/testbed"
	"github.com/fairlead-project/fairlead/engine/ssh"
	"go.uber.org/goleak"
	gossh "golang.org/x/crypto/ssh"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// simConfig reaches a simulated server, with nothing of this machine's own.
func simConfig(s *sshsim.Server) ssh.Config {
	return ssh.Config{
		Host: "web1", Address: s.Addr, Port: s.Port, User: "somebody", KeyFiles: []string{s.KeyFile}, KnownHosts: []string{s.KnownHosts},
		SSHConfig: []string{}, NoAgent: true, ConnectTimeout: 3 * time.Second,
	}
}

func run(t *testing.T, c *ssh.Client, command, stdin string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	p, err := c.Start(ctx, command, ssh.StartOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	go func() { _, _ = io.Copy(io.Discard, p.Stderr) }()
	_, _ = io.WriteString(p.Stdin, stdin)
	_ = p.Stdin.Close()
	out, _ := io.ReadAll(p.Stdout)
	rc, _, err := p.Wait(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return string(out), rc
}

// TestKeepAlive: a host that does not answer any more is given up, one that does stays.
func TestKeepAlive(t *testing.T) {
	for name, deaf := range map[string]bool{"answers": false, "silent": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := simConfig(sshsim.Start(t, sshsim.Options{DeafRequests: deaf}))
			cfg.KeepAlive, cfg.OpTimeout = 20*time.Millisecond, 5*time.Second
			if deaf {
				cfg.OpTimeout = 100 * time.Millisecond
			}
			c, err := ssh.Dial(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			if deaf {
				<-c.Done()
				if c.Alive() || !strings.Contains(c.Err().Error(), "does not answer any more") {
					t.Errorf("%v", c.Err())
				}
				return
			}
			time.Sleep(200 * time.Millisecond)
			if out, rc := run(t, c, "echo there", ""); out != "there\n" || rc != 0 || !c.Alive() {
				t.Errorf("%q %d %v", out, rc, c.Err())
			}
		})
	}
}

// TestHostAsks: what a host wants of us is answered, and never granted.
func TestHostAsks(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 1)
	s := sshsim.Start(t, sshsim.Options{Connected: func(c gossh.Conn) {
		var said []string
		for range 20 {
			ok, _, err := c.SendRequest("keepalive@openssh.com", true, nil)
			_, _, refused := c.OpenChannel("x11", nil)
			said = append(said, fmt.Sprint(ok, err, refused))
		}
		asked <- strings.Join(slices.Compact(said), "; ")
	}})
	c, err := ssh.Dial(t.Context(), simConfig(s))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if got := <-asked; !strings.HasPrefix(got, "false <nil> ssh: rejected: unknown channel type") || strings.Contains(got, ";") {
		t.Error(got)
	}
	if out, rc := run(t, c, "echo there", ""); out != "there\n" || rc != 0 {
		t.Errorf("%q %d", out, rc)
	}
}

func TestDialAndRun(t *testing.T) {
	for name, o := range map[string]sshsim.Options{
		"key": {}, "password": {NoKeys: true, Password: "pass-word"}, "keyboard-interactive": {NoKeys: true, Password: "pass-word", KeyboardInteractive: true},
		"dropped at first": {Drop: 3}, "told to come later": {Drop: 2, DropLine: "Exceeded MaxStartups\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sshsim.Start(t, o)
			cfg := simConfig(s)
			if o.NoKeys {
				cfg.Password = "pass-word"
			}
			c, err := ssh.Dial(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			if out, rc := run(t, c, "cat; exit 7", "hello"); out != "hello" || rc != 7 {
				t.Errorf("%q %d", out, rc)
			}
			if !c.Alive() {
				t.Error("not alive")
			}
			s.Cut()
			select {
			case <-c.Done():
			case <-time.After(5 * time.Second):
				t.Error("the end is not noticed")
			}
			if _, err := c.Start(t.Context(), "true", ssh.StartOptions{}); diag.ClassOf(err) != diag.Unreachable {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	other := sshsim.Start(t, sshsim.Options{})
	wrong := filepath.Join(t.TempDir(), "known")
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := dead.Addr().(*net.TCPAddr).Port
	_ = dead.Close()
	locked := filepath.Join(t.TempDir(), "locked")
	_ = os.WriteFile(locked, []byte("not a key"), 0o600)
	for _, c := range []struct {
		name  string
		sim   sshsim.Options
		edit  func(*ssh.Config, *sshsim.Server)
		class diag.Class
		say   []string
	}{
		{"refused", sshsim.Options{}, func(c *ssh.Config, _ *sshsim.Server) { c.Port = port }, diag.Refused, []string{"web1", "ansible_port"}},
		{"name", sshsim.Options{}, func(c *ssh.Config, _ *sshsim.Server) { c.Address = "no-such-host.invalid" }, diag.Unreachable, []string{"ansible_host"}},
		{"mute", sshsim.Options{Mute: true}, func(c *ssh.Config, _ *sshsim.Server) { c.ConnectTimeout = 300 * time.Millisecond }, diag.Unreachable, []string{"handshake", "300ms"}},
		{"always dropped", sshsim.Options{Drop: 1000}, func(c *ssh.Config, _ *sshsim.Server) { c.ConnectTimeout = 400 * time.Millisecond }, diag.Unreachable, []string{"MaxStartups"}},
		{"not ssh", sshsim.Options{Drop: 1000, DropLine: "220 mail ESMTP\r\n"}, nil, diag.Protocol, []string{"220 mail", "ansible_port"}},
		{"unknown key", sshsim.Options{}, func(c *ssh.Config, _ *sshsim.Server) { c.KnownHosts = []string{wrong} }, diag.HostKey, []string{"is not known", "SHA256:", "accept-new"}},
		{"changed key", sshsim.Options{}, func(c *ssh.Config, s *sshsim.Server) {
			b, _ := os.ReadFile(other.KnownHosts)
			f := filepath.Join(filepath.Dir(s.KeyFile), "changed")
			_ = os.WriteFile(f, []byte(strings.Replace(string(b), strconv.Itoa(other.Port), strconv.Itoa(s.Port), 1)), 0o600)
			c.KnownHosts = []string{f}
			c.HostKeyChecking = ssh.HostKeyAcceptNew
		}, diag.HostKey, []string{"not the known one", "ssh-keygen", ":1 has"}},
		{"no key accepted", sshsim.Options{}, func(c *ssh.Config, _ *sshsim.Server) { c.KeyFiles = []string{other.KeyFile} }, diag.Auth, []string{"somebody", other.KeyFile, "authorized_keys"}},
		{"no credentials", sshsim.Options{}, func(c *ssh.Config, _ *sshsim.Server) { c.KeyFiles = []string{"/none/key"} }, diag.Auth, []string{"/none/key", "private-key"}},
		{"broken key", sshsim.Options{}, func(c *ssh.Config, _ *sshsim.Server) { c.KeyFiles = []string{locked} }, diag.Auth, []string{locked, "public half"}},
		{"wrong password", sshsim.Options{NoKeys: true, Password: "right"}, func(c *ssh.Config, _ *sshsim.Server) { c.Password = "wrong-secret" }, diag.Auth, []string{"password"}},
		{"wrong interactive", sshsim.Options{NoKeys: true, Password: "right", KeyboardInteractive: true}, func(c *ssh.Config, _ *sshsim.Server) { c.Password = "wrong-secret" }, diag.Auth, []string{"keyboard-interactive"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := sshsim.Start(t, c.sim)
			cfg := simConfig(s)
			if c.edit != nil {
				c.edit(&cfg, s)
			}
			client, err := ssh.Dial(t.Context(), cfg)
			if err == nil {
				_ = client.Close()
				t.Fatal("no error")
			}
			if diag.ClassOf(err) != c.class {
				t.Errorf("class %s, want %s", diag.ClassOf(err), c.class)
			}
			for _, want := range c.say {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("does not say %q", want)
				}
			}
			if strings.Contains(err.Error(), "secret") {
				t.Error("the password is in the error")
			}
			t.Log(err)
		})
	}
}

func TestAcceptNew(t *testing.T) {
	s := sshsim.Start(t, sshsim.Options{})
	cfg := simConfig(s)
	file := filepath.Join(t.TempDir(), "ssh", "known_hosts")
	cfg.KnownHosts, cfg.HostKeyChecking = []string{file}, ssh.HostKeyAcceptNew
	for _, shared := range []*ssh.Shared{{}, {}} {
		cfg.Shared = shared
		c, err := ssh.Dial(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
		cfg.HostKeyChecking = ssh.HostKeyStrict // known from now on
	}
	b, _ := os.ReadFile(file)
	if strings.Count(string(b), "\n") != 1 || !strings.HasPrefix(string(b), "[127.0.0.1]:") {
		t.Errorf("%q", b)
	}
}

func TestDeafServer(t *testing.T) {
	s := sshsim.Start(t, sshsim.Options{DeafSessions: true})
	cfg := simConfig(s)
	cfg.OpTimeout = 200 * time.Millisecond
	c, err := ssh.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Start(t.Context(), "true", ssh.StartOptions{}); diag.ClassOf(err) != diag.Timeout {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ssh.Dial(ctx, simConfig(s)); diag.ClassOf(err) != diag.Cancelled {
		t.Error(err)
	}
}

func TestSSHConfig(t *testing.T) {
	s := sshsim.Start(t, sshsim.Options{})
	dir := t.TempDir()
	key := filepath.Join(dir, "key-127.0.0.1")
	b, _ := os.ReadFile(s.KeyFile)
	_ = os.WriteFile(key, b, 0o600)
	file := filepath.Join(dir, "config")
	_ = os.WriteFile(file, []byte("Host short\n  HostName 127.0.0.1\n  Port "+strconv.Itoa(s.Port)+"\n  User other\n  IdentityFile "+dir+"/key-%h\n  UserKnownHostsFile "+s.KnownHosts+
		"\n"), 0o600)
	c, err := ssh.Dial(t.Context(), ssh.Config{Host: "short", SSHConfig: []string{file}, NoAgent: true})
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}

func TestBed(t *testing.T) {
	b := testbed.Need(t)
	base := ssh.Config{Address: b.Node(), Port: b.Port(), User: "root", KnownHosts: []string{b.KnownHosts()}, SSHConfig: []string{}, NoAgent: true}
	lockedFile, pass := b.LockedKey()
	for _, c := range []struct {
		name  string
		edit  func(*ssh.Config)
		class diag.Class // Internal: it works
	}{
		{"key", func(c *ssh.Config) { c.KeyFiles = []string{b.Key()} }, 0},
		{"locked key", func(c *ssh.Config) {
			c.KeyFiles = []string{lockedFile}
			c.KeyPassphrase = func(string) (string, error) { return pass, nil }
		}, 0},
		{"locked key, no passphrase", func(c *ssh.Config) { c.KeyFiles = []string{lockedFile} }, diag.Auth},
		{"locked key, wrong passphrase", func(c *ssh.Config) {
			c.KeyFiles = []string{lockedFile}
			c.KeyPassphrase = func(string) (string, error) { return "nope", nil }
		}, diag.Auth},
		{"stranger", func(c *ssh.Config) { c.KeyFiles = []string{b.StrangerKey()} }, diag.Auth},
		{"password", func(c *ssh.Config) { c.Password = b.Password("root") }, 0},
		{"wrong password", func(c *ssh.Config) { c.Password = "nope" }, diag.Auth},
		{"refused", func(c *ssh.Config) { c.Address = b.Refused() }, diag.Refused},
		{"root may not", func(c *ssh.Config) { c.Address, c.Password = b.Sudo(), b.Password("root") }, diag.Auth},
		{"ssh_config", func(c *ssh.Config) {
			*c = ssh.Config{Host: "node1", SSHConfig: []string{b.SSHConfig()}, NoAgent: true}
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := base
			c.edit(&cfg)
			client, err := ssh.Dial(t.Context(), cfg)
			if c.class != 0 {
				if diag.ClassOf(err) != c.class {
					t.Errorf("class %s: %v", diag.ClassOf(err), err)
				}
				t.Log(err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = client.Close() }()
			if out, rc := run(t, client, "cat", "x"); out != "x" || rc != 0 {
				t.Errorf("%q %d", out, rc)
			}
		})
	}
}

// OpenSSH of Debian takes LANG and LC_ of its clients.
func TestBedTakesTheEnvironment(t *testing.T) {
	b := testbed.Need(t)
	cfg := ssh.Config{Address: b.Node(), Port: b.Port(), User: "root", KeyFiles: []string{b.Key()}, KnownHosts: []string{b.KnownHosts()}, SSHConfig: []string{}, NoAgent: true}
	if err := cfg.AddArguments("here", "-o 'SetEnv=LC_FAIRLEAD=\"a b\" REFUSED=1'"); err != nil {
		t.Fatal(err)
	}
	client, err := ssh.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if out, rc := run(t, client, `echo "$LC_FAIRLEAD-$REFUSED"`, ""); out != "a b-\n" || rc != 0 {
		t.Errorf("%q %d", out, rc)
	}
}
