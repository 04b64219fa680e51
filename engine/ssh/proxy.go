package ssh

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// hop is a host on the way: user and port may be left to ssh_config.
type hop struct {
	user, host string
	port       int
	options    []Option // of this hop alone
	files      []string // nil: those of the host behind
}

// proxy says which way leads to the host: through other hosts, or through a
// command. A command that is ssh -W is taken for the hop that it means.
func (cfg *Config) proxy(look *lookup) error {
	if cfg.direct {
		return nil
	}
	jump, command := look.get("ProxyJump"), look.get("ProxyCommand")
	switch {
	case jump != "" && !strings.EqualFold(jump, "none"):
		for word := range strings.SplitSeq(jump, ",") {
			word, err := look.expand(strings.TrimSpace(word))
			if err != nil {
				return err
			}
			h, err := parseHop(word)
			if err != nil {
				return err
			}
			cfg.hops = append(cfg.hops, h)
		}
		if len(cfg.hops) == 1 && cfg.isHop(cfg.hops[0], look.alias) {
			cfg.hops = nil // the jump host itself is reached directly
		}
	case jump != "":
	case command != "" && !strings.EqualFold(command, "none"):
		text, err := look.expand(command)
		if err != nil {
			return err
		}
		if h, ok := hopOfCommand(text, cfg.Address, cfg.Port); ok {
			cfg.hops = []hop{h}
			return nil
		}
		cfg.command = text
	}
	return nil
}

// isHop tells whether a hop is this host itself.
func (cfg *Config) isHop(h hop, alias string) bool {
	return (h.host == alias || h.host == cfg.Address) && (h.user == "" || h.user == cfg.User) && (h.port == 0 || h.port == cfg.Port)
}

// parseHop reads [user@]host[:port], also as a URI ssh://.
func parseHop(s string) (hop, error) {
	var h hop
	text := strings.TrimSuffix(strings.TrimPrefix(s, "ssh://"), "/")
	if i := strings.LastIndexByte(text, '@'); i >= 0 {
		h.user, text = text[:i], text[i+1:]
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = strings.Trim(text, "[]"), ""
	}
	h.host = host
	if port != "" {
		if h.port, err = strconv.Atoi(port); err != nil || h.port < 1 || h.port > 65535 {
			return h, diag.New(diag.Usage, diag.Pos{}, "proxy-jump", "the jump host %q has no port number behind the colon", s)
		}
	}
	if h.host == "" {
		return h, diag.New(diag.Usage, diag.Pos{}, "proxy-jump", "%q names no jump host", s).WithHint("write ProxyJump as [user@]host[:port], several with commas")
	}
	return h, nil
}

// hopOfCommand reads "ssh -W host:port [options] hop", the most usual proxy
// command. Anything of the shell in it means that it is another.
func hopOfCommand(text, host string, port int) (hop, bool) {
	text = strings.TrimPrefix(text, "exec ")
	if strings.ContainsAny(text, ";|&<>`$()\\\n*?") {
		return hop{}, false
	}
	program, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	if program != "ssh" && program != "/usr/bin/ssh" {
		return hop{}, false
	}
	a, err := ParseArguments("ProxyCommand", rest)
	forward := a.Forward == net.JoinHostPort(host, strconv.Itoa(port)) || a.Forward == host+":"+strconv.Itoa(port)
	if err != nil || !forward || a.Host == "" {
		return hop{}, false
	}
	h, err := parseHop(a.Host)
	if err != nil {
		return h, false
	}
	h.options = a.Options
	if a.ConfigFile != "" {
		h.files = []string{a.ConfigFile}
		if a.ConfigFile == "none" {
			h.files = []string{}
		}
	}
	return h, true
}

const maxHops = 16

// hopConfig is how a hop is reached: by its own ssh_config, with the host keys,
// agent and limits of the host behind it. Its password is nobody's.
func (cfg *Config) hopConfig(h hop, before []hop) Config {
	c := Config{
		Host: h.host, Address: h.host, Port: h.port, User: h.user, Options: h.options, SSHConfig: cfg.SSHConfig, Shared: cfg.Shared,
		KeyFiles: cfg.KeyFiles, KeyPassphrase: cfg.KeyPassphrase, NoAgent: cfg.NoAgent && cfg.AgentSocket == "", HostKeyChecking: cfg.HostKeyChecking,
		HostKeyFromConfig: cfg.HostKeyFromConfig, KnownHosts: cfg.givenKnownHosts, Warn: cfg.Warn, Logger: cfg.Logger,
		ConnectTimeout: cfg.ConnectTimeout, OpTimeout: cfg.OpTimeout, KeepAlive: cfg.KeepAlive, depth: cfg.depth + 1,
	}
	if h.files != nil {
		c.SSHConfig = h.files
	}
	if len(before) > 0 {
		c.hops, c.direct = before, true
	}
	return c
}

// dialVia connects through the last hop, which is connected through those
// before it. Hosts behind the same hops share the connections to these.
func (cfg *Config) dialVia(ctx context.Context, addr string) (net.Conn, func(), error) {
	if cfg.depth >= maxHops {
		return nil, nil, diag.New(diag.Usage, diag.Pos{}, "proxy-jump", "jump hosts are reached through each other more than %d deep: %s", maxHops, cfg.where())
	}
	last := len(cfg.hops) - 1
	c := cfg.hopConfig(cfg.hops[last], cfg.hops[:last])
	client, release, err := cfg.Shared.jump(ctx, c)
	if err != nil {
		return nil, nil, fmt.Errorf("jump host: %w", err)
	}
	conn, err := client.DialContext(ctx, "tcp", addr)
	if err != nil {
		release()
		return nil, nil, err
	}
	return conn, release, nil
}

// jumpClient is a connection to a jump host, shared by the hosts behind it.
type jumpClient struct {
	mu     sync.Mutex
	client *Client
	users  int
	err    error // of the last attempt, and when it failed
	failed time.Time
}

// jump gives a connection to a jump host; release gives it back, and the last
// one who does ends it.
func (s *Shared) jump(ctx context.Context, cfg Config) (*Client, func(), error) {
	j := entry(&s.mu, &s.jumps, cfg.jumpKey())
	came := time.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.client == nil && j.failed.After(came) {
		return nil, nil, j.err // whoever waited for an attempt shares its end
	}
	if j.client == nil || !j.client.Alive() {
		if j.client != nil {
			_ = j.client.Close()
			j.client = nil
		}
		c, err := Dial(ctx, cfg)
		if err != nil {
			j.err, j.failed = err, time.Now()
			return nil, nil, err
		}
		j.client, j.users = c, 0
	}
	j.users++
	c := j.client
	return c, sync.OnceFunc(func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		if j.client != c {
			return // it was lost, and is replaced
		}
		if j.users--; j.users == 0 {
			j.client = nil
			_ = c.Close()
		}
	}), nil
}

// jumpKey is equal for hops that are the same.
func (cfg *Config) jumpKey() string {
	return fmt.Sprint(cfg.User, "@", cfg.Address, ":", cfg.Port, cfg.Options, cfg.SSHConfig == nil, cfg.SSHConfig, cfg.KnownHosts, cfg.KeyFiles, cfg.hops, cfg.HostKeyChecking)
}

// wayKey names an address together with the way there: a connection that waits
// for its jump host must not hold up that jump host.
func (cfg *Config) wayKey() string {
	key := net.JoinHostPort(cfg.Address, strconv.Itoa(cfg.Port))
	if len(cfg.hops) > 0 {
		key += fmt.Sprint(" by ", cfg.hops)
	}
	return key
}

// commandConn is a proxy command's stdin and stdout as a connection.
type commandConn struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.ReadCloser
	said   *bytes.Buffer
	closed sync.Once
	ended  chan struct{}
}

// dialCommand runs the proxy command.
func (cfg *Config) dialCommand() (net.Conn, error) {
	cmd := exec.Command("/bin/sh", "-c", "exec "+cfg.command)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c := &commandConn{cmd: cmd, said: &bytes.Buffer{}, ended: make(chan struct{})}
	var err error
	if c.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if c.out, err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	cmd.Stderr = &limited{to: c.said}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return nil, diag.New(diag.Unreachable, diag.Pos{}, "proxy-command", "the proxy command of %s: %w", cfg.where(), err)
	}
	return c, nil
}

// limited keeps the beginning of what is written.
type limited struct {
	mu sync.Mutex
	to *bytes.Buffer
}

func (l *limited) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	const most = 4096
	if room := most - l.to.Len(); room > 0 {
		l.to.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

func (c *commandConn) Read(b []byte) (int, error)  { return c.out.Read(b) }
func (c *commandConn) Write(b []byte) (int, error) { return c.in.Write(b) }

// Close ends the command with everything it started.
func (c *commandConn) Close() error {
	c.closed.Do(func() {
		_ = c.in.Close()
		_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGTERM)
		_ = c.cmd.Wait()
		close(c.ended)
	})
	<-c.ended
	return nil
}

// Said is what the command wrote on its standard error; it has ended.
func (c *commandConn) Said() string {
	_ = c.Close()
	return strings.TrimSpace(c.said.String())
}

type proxyAddr string

func (proxyAddr) Network() string  { return "proxy" }
func (a proxyAddr) String() string { return string(a) }

func (c *commandConn) LocalAddr() net.Addr  { return proxyAddr("proxy command") }
func (c *commandConn) RemoteAddr() net.Addr { return proxyAddr("proxy command") }

// Deadlines are kept by whoever closes the connection when they pass.
func (c *commandConn) SetDeadline(time.Time) error      { return nil }
func (c *commandConn) SetReadDeadline(time.Time) error  { return nil }
func (c *commandConn) SetWriteDeadline(time.Time) error { return nil }
