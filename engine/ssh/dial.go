package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	gossh "golang.org/x/crypto/ssh"
)

// Defaults of Config.
const (
	DefaultConnectTimeout = 10 * time.Second
	DefaultOpTimeout      = 30 * time.Second
	DefaultKeepAlive      = 15 * time.Second
)

// Dial connects to a host and logs in. A host that drops the connection before
// it says a word (sshd's MaxStartups) is tried again, with jitter, as long as
// ConnectTimeout allows.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	if cfg.Shared == nil {
		cfg.Shared = &Shared{}
	}
	cfg.givenKnownHosts = cfg.KnownHosts
	if err := cfg.fill(ctx); err != nil {
		return nil, err
	}
	for _, file := range append(append([]string{}, cfg.KeyFiles...), cfg.defaultKeys...) {
		// Opening an encrypted key takes its time: not the server's. What is
		// wrong with a key is told when it is needed.
		_, _ = cfg.Shared.key(file, cfg.KeyPassphrase)
	}
	login, err := cfg.Shared.begin(ctx, cfg.wayKey())
	if err != nil {
		return nil, diag.New(diag.ClassOf(err), diag.Pos{}, "cancelled", "connect to %s: %w", cfg.where(), err)
	}
	defer login()
	deadline := time.Now().Add(cfg.ConnectTimeout)
	limited, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	for try := 0; ; try++ {
		c, err := cfg.once(limited)
		if err == nil {
			return c, nil
		}
		if ctx.Err() != nil {
			return nil, diag.New(diag.ClassOf(ctx.Err()), diag.Pos{}, "cancelled", "connect to %s: %w", cfg.where(), ctx.Err())
		}
		if !errors.Is(err, errDropped) {
			return nil, err
		}
		pause := time.Duration(25<<min(try, 5)) * time.Millisecond
		pause += rand.N(pause)
		if time.Now().Add(pause).After(deadline) {
			return nil, diag.New(diag.Unreachable, diag.Pos{}, "dropped", "%s drops every connection before it begins (%d tries): %w", cfg.where(), try+1, err).
				WithHint("its sshd may be full (MaxStartups) or shut us out (PerSourcePenalties, fail2ban); or nothing there speaks SSH")
		}
		select {
		case <-time.After(pause):
		case <-limited.Done():
		}
	}
}

// where names the host for people: its name, and the address when it differs.
func (cfg *Config) where() string {
	addr := net.JoinHostPort(cfg.Address, strconv.Itoa(cfg.Port))
	if cfg.Host == "" || cfg.Host == cfg.Address {
		return addr
	}
	return cfg.Host + " (" + addr + ")"
}

var errDropped = errors.New("the connection was closed before the server said its name")

// once is one attempt to connect and log in.
func (cfg *Config) once(ctx context.Context) (*Client, error) {
	begin := time.Now()
	addr := net.JoinHostPort(cfg.Address, strconv.Itoa(cfg.Port))
	raw, release, err := cfg.dialRaw(ctx, addr)
	if err != nil {
		return nil, err
	}
	conn := newConn(raw)
	dialed := time.Now()
	if d, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(d)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	a := &auth{cfg: cfg}
	defer a.close()
	check := cfg.Shared.hostKeys(cfg)
	sshConn, chans, reqs, err := gossh.NewClientConn(conn, addr, &gossh.ClientConfig{
		User:              cfg.User,
		Auth:              a.methods(),
		HostKeyCallback:   check.verify,
		HostKeyAlgorithms: check.algorithms(),
		ClientVersion:     "SSH-2.0-Fairlead",
	})
	if !stop() && err == nil {
		_ = sshConn.Close()
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		release()
		return nil, cfg.handshakeError(err, conn, check, a)
	}
	_ = conn.SetDeadline(time.Time{})
	c := &Client{
		DialTime: dialed.Sub(begin), HandshakeTime: time.Since(dialed),
		conn: conn, client: &gossh.Client{Conn: sshConn}, name: cfg.where(), env: cfg.env, op: cfg.OpTimeout, done: make(chan struct{}), beside: make(chan listened), release: release,
	}
	c.tasks.Go(func() { c.serve(chans, reqs, cfg.KeepAlive) })
	return c, nil
}

// dialRaw opens the way to the host: a TCP connection, one through jump hosts,
// or a proxy command. release gives back what it goes through.
func (cfg *Config) dialRaw(ctx context.Context, addr string) (conn net.Conn, release func(), err error) {
	switch {
	case len(cfg.hops) > 0:
		return cfg.dialVia(ctx, addr)
	case cfg.command != "":
		conn, err = cfg.dialCommand()
		return conn, func() {}, err
	}
	d := &net.Dialer{KeepAlive: -1}
	if ip := net.ParseIP(cfg.bind); ip != nil {
		d.LocalAddr = &net.TCPAddr{IP: ip}
	}
	if conn, err = d.DialContext(ctx, cfg.network, addr); err != nil {
		return nil, nil, cfg.dialError(err)
	}
	return conn, func() {}, nil
}

// dialError classifies a TCP connection that did not come about.
func (cfg *Config) dialError(err error) error {
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return diag.New(diag.Refused, diag.Pos{}, "refused", "%s refuses the connection: %w", cfg.where(), err).
			WithHint("is sshd running there, and is %d its port (ansible_port)?", cfg.Port)
	case errors.As(err, &dns):
		return diag.New(diag.Unreachable, diag.Pos{}, "name", "the name %s is not known: %w", cfg.Address, err).
			WithHint("give the address with ansible_host, or make the name resolve")
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || strings.HasSuffix(err.Error(), "i/o timeout"):
		return diag.New(diag.Unreachable, diag.Pos{}, "connect-timeout", "%s does not answer within %s: %w", cfg.where(), cfg.ConnectTimeout, err).
			WithHint("is the host up and its port open in the firewall? (timeout: -T, ansible_timeout)")
	}
	return diag.New(diag.Unreachable, diag.Pos{}, "unreachable", "%s cannot be reached: %w", cfg.where(), err).
		WithHint("is the host up, and is there a route to it?")
}

// handshakeError classifies what went wrong between the connection and the login.
func (cfg *Config) handshakeError(err error, conn *conn, check *hostCheck, a *auth) error {
	if check.err != nil {
		return check.err
	}
	if c, ok := conn.Conn.(*commandConn); ok {
		if said := c.Said(); !strings.HasPrefix(conn.firstBytes(), "SSH-") {
			return diag.New(diag.Unreachable, diag.Pos{}, "proxy-command", "the proxy command of %s ended: %s", cfg.where(), orElse(said, "it said nothing")).
				WithHint("it is: %s", cfg.command)
		}
	}
	said := conn.firstBytes()
	gone := errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || strings.HasSuffix(err.Error(), "EOF")
	switch {
	case !strings.HasPrefix(said, "SSH-") && gone && (said == "" || isBusy(said)):
		return fmt.Errorf("%w: %w", errDropped, err)
	case said != "" && !strings.HasPrefix(said, "SSH-"):
		return diag.New(diag.Protocol, diag.Pos{}, "not-ssh", "%s does not speak SSH; it said %q", cfg.where(), said).
			WithHint("is %d the port of sshd (ansible_port)?", cfg.Port)
	case a.begun && strings.Contains(err.Error(), "unable to authenticate"), a.err != nil:
		return a.refused()
	case a.begun && gone:
		return a.refused()
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || strings.HasSuffix(err.Error(), "i/o timeout") || errors.Is(err, net.ErrClosed):
		return diag.New(diag.Unreachable, diag.Pos{}, "handshake-timeout", "%s accepts the connection but does not finish the SSH handshake within %s: %w", cfg.where(), cfg.ConnectTimeout, err).
			WithHint("is the host overloaded, or is something else listening there? (timeout: -T, ansible_timeout)")
	}
	return diag.New(diag.Unreachable, diag.Pos{}, "handshake", "SSH handshake with %s: %w", cfg.where(), err)
}

// isBusy recognises what newer servers say in place of their name.
func isBusy(said string) bool {
	low := strings.ToLower(said)
	return strings.Contains(low, "maxstartups") || strings.Contains(low, "not allowed at this time") || strings.Contains(low, "too many")
}
