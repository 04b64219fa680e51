package ssh_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/internal/testbed"
	"github.com/fairlead-project/fairlead/engine/ssh"
)

// tool runs a program of this machine.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// bedConfig reaches the first node of the test bed by key.
func bedConfig(b testbed.Bed) ssh.Config {
	return ssh.Config{Host: "node1", Address: b.Node(), Port: b.Port(), User: "root", KeyFiles: []string{b.Key()}, KnownHosts: []string{b.KnownHosts()}, SSHConfig: []string{}, NoAgent: true}
}

// works dials and runs a command, which tells through whom it came.
func works(t *testing.T, cfg ssh.Config) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c, err := ssh.Dial(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	out, rc := run(t, c, "echo $SSH_CONNECTION", "")
	if rc != 0 {
		t.Fatalf("rc %d", rc)
	}
	return out
}

func TestJumpHosts(t *testing.T) {
	b := testbed.Need(t)
	dir := t.TempDir()
	config := file(t, filepath.Join(dir, "config"), fmt.Sprintf(`Host *
  UserKnownHostsFile %s
  IdentityFile %s
  Port %d
Match originalhost one user deploy
  HostName %s
Host one
  HostName 192.0.2.1
Host two three chain self
  User root
Host two
  HostName %s
  ProxyJump deploy@one
Host three
  HostName %s
  ProxyCommand ssh -q -W %%h:%%p two
Host chain
  HostName %s
  ProxyJump deploy@one,root@%s:%d
Host self
  HostName %s
  ProxyJump self
`, b.KnownHosts(), b.Key(), b.Port(), b.Dash(), b.Node(), b.TwinA(), b.TwinB(), b.Node(), b.Port(), b.Node()))
	for host, from := range map[string]string{"two": b.Node(), "three": b.TwinA(), "chain": b.TwinB(), "self": b.Node()} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			out := works(t, ssh.Config{Host: host, SSHConfig: []string{config}, NoAgent: true})
			if words := strings.Fields(out); len(words) != 4 || words[2] != from {
				t.Errorf("%q did not reach %s", out, from)
			}
		})
	}
	t.Run("shared", func(t *testing.T) {
		t.Parallel()
		shared := &ssh.Shared{}
		var wg sync.WaitGroup
		for range 12 {
			wg.Go(func() {
				c, err := ssh.Dial(t.Context(), ssh.Config{Host: "two", SSHConfig: []string{config}, NoAgent: true, Shared: shared})
				if err != nil {
					t.Error(err)
					return
				}
				_ = c.Close()
			})
		}
		wg.Wait()
	})
	t.Run("by arguments", func(t *testing.T) {
		t.Parallel()
		cfg := bedConfig(b)
		if err := cfg.AddArguments("test", fmt.Sprintf(`-C -o ControlMaster=auto -o ProxyCommand="ssh -i %s -o UserKnownHostsFile=%s -p %d -W %%h:%%p -q deploy@%s"`, b.Key(), b.KnownHosts(), b.Port(), b.Dash())); err != nil {
			t.Fatal(err)
		}
		works(t, cfg)
	})
	t.Run("a hop that refuses", func(t *testing.T) {
		t.Parallel()
		cfg := bedConfig(b)
		if err := cfg.AddArguments("test", "-J deploy@"+b.Refused()); err != nil {
			t.Fatal(err)
		}
		_, err := ssh.Dial(t.Context(), cfg)
		if diag.ClassOf(err) != diag.Refused || !strings.Contains(err.Error(), "jump host: ") {
			t.Error(err)
		}
	})
	t.Run("a host that the hop cannot reach", func(t *testing.T) {
		t.Parallel()
		cfg := bedConfig(b)
		cfg.Address = b.Refused()
		if err := cfg.AddArguments("test", fmt.Sprintf("-J root@%s:%d", b.Node(), b.Port())); err != nil {
			t.Fatal(err)
		}
		if _, err := ssh.Dial(t.Context(), cfg); !diag.ClassOf(err).NoConnection() {
			t.Error(err)
		}
	})
}

func TestProxyCommand(t *testing.T) {
	b := testbed.Need(t)
	cfg := bedConfig(b)
	// Any program that passes bytes on: here the real ssh, started by another.
	key, known := b.Key(), b.KnownHosts()
	if err := cfg.AddArguments("test", fmt.Sprintf(`-o 'ProxyCommand=env LC_ALL=C ssh -F none -i %s -o UserKnownHostsFile=%s -p %d -W %%h:%%p root@%s'`, key, known, b.Port(), b.Dash())); err != nil {
		t.Fatal(err)
	}
	works(t, cfg)
	cfg = bedConfig(b)
	if err := cfg.AddArguments("test", `-o ProxyCommand="echo no way to %h >&2; exit 3"`); err != nil {
		t.Fatal(err)
	}
	_, err := ssh.Dial(t.Context(), cfg)
	if diag.ClassOf(err) != diag.Unreachable || !strings.Contains(err.Error(), "no way to "+b.Node()) {
		t.Error(err)
	}
}

// ownServer starts another sshd on the first node, with a host certificate; it
// trusts certificates of users, and asks for passwords by keyboard-interactive.
func ownServer(t *testing.T, b testbed.Bed, dir string) (port int) {
	t.Helper()
	for _, k := range []string{"ca", "host", "user", "other"} {
		tool(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, k))
	}
	tool(t, "ssh-keygen", "-q", "-s", dir+"/ca", "-I", "host", "-h", "-n", b.Node()+",node1.example", dir+"/host.pub")
	tool(t, "ssh-keygen", "-q", "-s", dir+"/ca", "-I", "user", "-n", "root", dir+"/user.pub")
	tool(t, "ssh-keygen", "-q", "-s", dir+"/ca", "-I", "other", "-n", "somebody-else", dir+"/other.pub")
	l, err := net.Listen("tcp", b.Node()+":0")
	if err != nil {
		t.Fatal(err)
	}
	_, word, _ := net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	port, _ = strconv.Atoi(word)
	c, err := ssh.Dial(t.Context(), bedConfig(b))
	if err != nil {
		t.Fatal(err)
	}
	there := fmt.Sprintf("/run/fairlead-test-sshd-%d", port)
	script := "set -e; umask 077; mkdir -p /run/sshd " + there + "; cd " + there + "\n"
	for _, f := range []string{"host", "host-cert.pub", "ca.pub"} {
		data, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil {
			t.Fatal(err)
		}
		script += "echo " + base64.StdEncoding.EncodeToString(data) + " | base64 -d >" + f + "\n"
	}
	script += fmt.Sprintf(`printf '%%s\n' 'Port %d' 'ListenAddress %s' 'HostKey %[3]s/host' 'HostCertificate %[3]s/host-cert.pub' 'TrustedUserCAKeys %[3]s/ca.pub' \
'AuthorizedKeysFile none' 'KbdInteractiveAuthentication yes' 'PasswordAuthentication no' 'UsePAM yes' 'PermitRootLogin yes' 'PidFile %[3]s/pid' >config
/usr/sbin/sshd -f %[3]s/config </dev/null >/dev/null 2>&1
for i in 1 2 3 4 5 6 7 8 9 10; do [ -s pid ] && break; sleep 0.2; done; cat pid
`, port, b.Node(), there)
	out, rc := run(t, c, "sh -s", script)
	if rc != 0 || strings.TrimSpace(out) == "" {
		t.Fatalf("sshd: %d %q", rc, out)
	}
	t.Cleanup(func() {
		c, err := ssh.Dial(context.Background(), bedConfig(b))
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = c.Close() }()
		p, err := c.Start(context.Background(), "kill $(cat "+there+"/pid); rm -rf "+there, ssh.StartOptions{})
		if err == nil {
			_, _, _ = p.Wait(context.Background())
			_ = p.Close()
		}
	})
	_ = c.Close()
	return port
}

func TestCertificatesAndQuestions(t *testing.T) {
	b := testbed.Need(t)
	dir := t.TempDir()
	port := ownServer(t, b, dir)
	ca, _ := os.ReadFile(filepath.Join(dir, "ca.pub"))
	known := file(t, filepath.Join(dir, "known"), "@cert-authority *.0.2.* "+string(ca))
	alias := file(t, filepath.Join(dir, "alias"), "@cert-authority *.example "+string(ca))
	base := ssh.Config{Host: "node1", Address: b.Node(), Port: port, User: "root", KnownHosts: []string{known}, SSHConfig: []string{}, NoAgent: true}
	for _, x := range []struct {
		name  string
		edit  func(*ssh.Config)
		class diag.Class
	}{
		{"certificates of host and user", func(c *ssh.Config) { c.KeyFiles = []string{dir + "/user"} }, 0},
		{"a certificate for somebody else", func(c *ssh.Config) { c.KeyFiles = []string{dir + "/other"} }, diag.Auth},
		{"CertificateFile", func(c *ssh.Config) {
			tool(t, "cp", dir+"/user", dir+"/moved")
			c.KeyFiles = []string{dir + "/moved"}
			_ = c.AddArguments("test", "-o CertificateFile="+dir+"/user-cert.pub")
		}, 0},
		{"keyboard-interactive", func(c *ssh.Config) { c.Password = b.Password("root") }, 0},
		{"keyboard-interactive, wrong", func(c *ssh.Config) { c.Password = "nope" }, diag.Auth},
		{"known by an alias", func(c *ssh.Config) {
			c.KeyFiles, c.KnownHosts = []string{dir + "/user"}, []string{alias}
			_ = c.AddArguments("test", "-o HostKeyAlias=node1.example")
		}, 0},
		{"an alias that the certificate does not name", func(c *ssh.Config) {
			c.KeyFiles, c.KnownHosts = []string{dir + "/user"}, []string{alias}
			_ = c.AddArguments("test", "-o HostKeyAlias=node2.example")
		}, diag.HostKey},
		{"an authority that nobody knows", func(c *ssh.Config) {
			c.KeyFiles, c.KnownHosts = []string{dir + "/user"}, []string{filepath.Join(dir, "nothing")}
		}, diag.HostKey},
		{"checked by nobody, by name", func(c *ssh.Config) {
			c.KeyFiles, c.KnownHosts, c.HostKeyFromConfig = []string{dir + "/user"}, []string{filepath.Join(dir, "nothing")}, true
			_ = c.AddArguments("test", "-o StrictHostKeyChecking=no")
		}, 0},
		{"a word of ssh_config alone turns nothing off", func(c *ssh.Config) {
			c.KeyFiles, c.KnownHosts = []string{dir + "/user"}, []string{filepath.Join(dir, "nothing")}
			_ = c.AddArguments("test", "-o StrictHostKeyChecking=no")
		}, diag.HostKey},
	} {
		t.Run(x.name, func(t *testing.T) {
			cfg := base
			warned := 0
			cfg.Warn = func(string) { warned++ }
			x.edit(&cfg)
			if x.class == 0 {
				works(t, cfg)
				if off := strings.Contains(x.name, "checked by nobody"); off != (warned == 1) {
					t.Errorf("%d warnings", warned)
				}
				return
			}
			if _, err := ssh.Dial(t.Context(), cfg); diag.ClassOf(err) != x.class {
				t.Errorf("class %s: %v", diag.ClassOf(err), err)
			}
		})
	}
}

func TestAgent(t *testing.T) {
	b := testbed.Need(t)
	dir := t.TempDir()
	sock := filepath.Join(dir, "agent")
	agent := exec.Command("ssh-agent", "-D", "-a", sock)
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = agent.Process.Kill(); _ = agent.Wait() }()
	for range 100 {
		if _, err := os.Stat(sock); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	key := filepath.Join(dir, "key")
	tool(t, "cp", b.Key(), key)
	tool(t, "chmod", "600", key)
	add := exec.Command("ssh-add", "-q", key)
	add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+sock)
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("ssh-add: %v %s", err, out)
	}
	cfg := bedConfig(b)
	cfg.KeyFiles, cfg.NoAgent, cfg.AgentSocket = nil, false, sock
	works(t, cfg)
	config := file(t, filepath.Join(dir, "config"), "IdentityAgent "+sock+"\n")
	cfg.AgentSocket, cfg.SSHConfig = "", []string{config}
	works(t, cfg)
	// Named keys alone count, in files or in the agent.
	pub := filepath.Join(dir, "only")
	tool(t, "cp", b.Key()+".pub", pub+".pub")
	cfg.SSHConfig = []string{file(t, filepath.Join(dir, "config2"), "IdentityAgent "+sock+"\nIdentitiesOnly yes\nIdentityFile "+pub+"\n")}
	works(t, cfg)
	cfg.SSHConfig = []string{file(t, filepath.Join(dir, "config3"), "IdentityAgent "+sock+"\nIdentitiesOnly yes\nIdentityFile "+b.StrangerKey()+"\n")}
	if _, err := ssh.Dial(t.Context(), cfg); diag.ClassOf(err) != diag.Auth {
		t.Errorf("a key that was not named was used: %v", err)
	}
}
