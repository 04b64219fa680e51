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
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	for _, file := range append(append([]string{}, cfg.KeyFiles...), cfg.defaultKeys...) {
		// Opening an encrypted key takes its time: not the server's. What is
		// wrong with a key is told when it is needed.
		_, _ = cfg.Shared.key(file, cfg.KeyPassphrase)
	}
	login, err := cfg.Shared.begin(ctx, net.JoinHostPort(cfg.Address, strconv.Itoa(cfg.Port)))
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
	raw, err := (&net.Dialer{KeepAlive: -1}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, cfg.dialError(err)
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
		return nil, cfg.handshakeError(err, conn, check, a)
	}
	_ = conn.SetDeadline(time.Time{})
	c := &Client{
		DialTime: dialed.Sub(begin), HandshakeTime: time.Since(dialed),
		conn: conn, client: gossh.NewClient(sshConn, chans, reqs), name: cfg.where(), op: cfg.OpTimeout, done: make(chan struct{}),
	}
	c.tasks.Go(c.wait)
	if cfg.KeepAlive > 0 {
		c.tasks.Go(func() { c.keepAlive(cfg.KeepAlive) })
	}
	return c, nil
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
