package ssh

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	gossh "golang.org/x/crypto/ssh"
)

// Client is a connection to a host. It is safe for concurrent use.
type Client struct {
	// DialTime is how long the TCP connection took, HandshakeTime all that
	// followed until we were let in.
	DialTime, HandshakeTime time.Duration

	conn   net.Conn
	client *gossh.Client
	name   string
	env    []string // NAME=value, for programs
	op     time.Duration
	done   chan struct{}
	mu     sync.Mutex
	err    error
	tasks  sync.WaitGroup
	// A program that serve listens to beside the connection: most connections have one.
	beside   chan listened
	occupied atomic.Bool
	// release gives back the jump hosts it goes through.
	release func()
}

// Alive tells whether the connection stands, as far as is known.
func (c *Client) Alive() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// Err says why the connection ended, nil while it stands.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Done is closed when the connection has ended.
func (c *Client) Done() <-chan struct{} { return c.done }

// Close ends the connection and everything that goes over it.
func (c *Client) Close() error {
	c.fail(errors.New("closed by us"))
	_ = c.client.Close()
	err := c.conn.Close()
	c.tasks.Wait()
	c.release()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (c *Client) fail(err error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = err
	}
	c.mu.Unlock()
}

// serve answers what the host asks for, which is never granted, and notes the end of
// the connection. In every interval, if there is one, it asks whether the host is there.
// One goroutine does what the library's own client keeps three for, and listens to the
// first program as well: thousands of connections may stand.
func (c *Client) serve(chans <-chan gossh.NewChannel, reqs <-chan *gossh.Request, interval time.Duration) {
	var tick <-chan time.Time
	if interval > 0 {
		t := time.NewTicker(interval)
		defer t.Stop()
		tick = t.C
	}
	aside := func(what func()) <-chan struct{} {
		over := make(chan struct{})
		c.tasks.Go(func() {
			what()
			close(over)
		})
		return over
	}
	var answering, asking <-chan struct{} // what is written may have to wait for the host
	var program listened
	for chans != nil || reqs != nil || program.reqs != nil {
		nextChan, nextReq, nextSaid := chans, reqs, program.reqs
		if answering != nil {
			nextChan, nextReq, nextSaid = nil, nil, nil
		}
		select {
		case program = <-c.beside:
		case r, ok := <-nextSaid:
			if !ok {
				close(program.p.ended)
				program = listened{}
				c.occupied.Store(false)
				continue
			}
			if program.p.said(r); r.WantReply {
				answering = aside(func() { _ = r.Reply(false, nil) })
			}
		case ch, ok := <-nextChan:
			if !ok {
				chans = nil
				continue
			}
			answering = aside(func() { _ = ch.Reject(gossh.UnknownChannelType, "unknown channel type: "+ch.ChannelType()) })
		case r, ok := <-nextReq:
			if !ok {
				reqs = nil
				continue
			}
			answering = aside(func() { _ = r.Reply(false, nil) })
		case <-answering:
			answering = nil
		case <-tick:
			if asking == nil {
				asking = aside(c.keepAlive)
			}
		case <-asking:
			asking = nil
		}
	}
	err := c.client.Wait()
	if err == nil || errors.Is(err, io.EOF) {
		err = errors.New("the host closed it")
	}
	c.fail(err)
	_ = c.conn.Close()
	close(c.done)
}

// keepAlive asks whether the host is there, and closes the connection when it does
// not answer: every wait on it then ends.
func (c *Client) keepAlive() {
	late := time.AfterFunc(c.op, func() {
		c.fail(errors.New("the host does not answer any more"))
		_ = c.conn.Close()
	})
	defer late.Stop()
	_, _, _ = c.client.SendRequest("keepalive@openssh.com", true, nil)
}

// StartOptions say how a program is started.
type StartOptions struct {
	// Pty gives it a terminal that passes every byte on.
	Pty bool
	// Subsystem means that the command names a subsystem.
	Subsystem bool
}

// Process is a program on the host. Stdout and Stderr must be read, or the host
// waits.
type Process struct {
	Stdin          io.WriteCloser
	Stdout, Stderr io.Reader

	ch     gossh.Channel
	client *Client
	ended  chan struct{}
	status int
	signal string
}

// Start starts a program. It does not wait for the host's consent: a refusal
// shows as the end of the streams. A subsystem's refusal would not show, so it is waited
// for. What is written to Stdin waits for the program: OpenSSH takes nothing for a session
// before that is there, which is a round trip.
func (c *Client) Start(ctx context.Context, command string, o StartOptions) (*Process, error) {
	p, err := c.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	if o.Subsystem {
		err = c.subsystem(ctx, p.ch, command)
	} else {
		err = p.Exec(command)
	}
	if err != nil {
		_ = p.ch.Close()
		return nil, err
	}
	return p, nil
}

// Open opens a session in which no program runs yet: Exec starts it.
func (c *Client) Open(ctx context.Context, o StartOptions) (*Process, error) {
	ch, reqs, err := c.openChannel(ctx, "session", nil)
	if err != nil {
		return nil, err
	}
	if err := c.sendEnv(ch); err != nil {
		_ = ch.Close()
		return nil, err
	}
	if o.Pty {
		if _, err := ch.SendRequest("pty-req", false, ptyRequest()); err != nil {
			_ = ch.Close()
			return nil, c.lost(err)
		}
	}
	p := &Process{Stdin: &stdin{ch: ch}, Stdout: ch, Stderr: ch.Stderr(), ch: ch, client: c, ended: make(chan struct{}), status: -1}
	c.listen(listened{p, reqs})
	return p, nil
}

// Exec starts the program of a session that Open opened, as Start does.
func (p *Process) Exec(command string) error {
	if _, err := p.ch.SendRequest("exec", false, commandPayload(command)); err != nil {
		return p.client.lost(err)
	}
	return nil
}

// commandPayload is what a request for a program or a subsystem holds (RFC 4254, 6.5).
func commandPayload(command string) []byte {
	return gossh.Marshal(struct{ Command string }{command})
}

// OpenSSH tells whether the host's server says that it is OpenSSH.
func (c *Client) OpenSSH() bool {
	return strings.HasPrefix(string(c.client.ServerVersion()), "SSH-2.0-OpenSSH_")
}

// sendEnv sends the environment (RFC 4254, 6.4). What a server does not take it leaves
// out, and nobody waits for its answer.
func (c *Client) sendEnv(ch gossh.Channel) error {
	for _, e := range c.env {
		name, value, _ := strings.Cut(e, "=")
		if _, err := ch.SendRequest("env", false, gossh.Marshal(struct{ Name, Value string }{name, value})); err != nil {
			return c.lost(err)
		}
	}
	return nil
}

// subsystem asks for a subsystem and waits for the host's consent.
func (c *Client) subsystem(ctx context.Context, ch gossh.Channel, name string) error {
	type result struct {
		ok  bool
		err error
	}
	got := make(chan result, 1)
	c.tasks.Go(func() {
		ok, err := ch.SendRequest("subsystem", true, commandPayload(name))
		got <- result{ok, err}
	})
	limit := time.NewTimer(c.op)
	defer limit.Stop()
	select {
	case r := <-got:
		if r.err != nil {
			return c.lost(r.err)
		}
		if !r.ok {
			return diag.New(diag.Refused, diag.Pos{}, "subsystem-refused", "%s has no subsystem %s", c.name, name)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-limit.C:
		return diag.New(diag.Timeout, diag.Pos{}, "subsystem-timeout", "%s does not start %s within %s", c.name, name, c.op)
	}
}

// stdin is the writing side of a channel. Closing it does not wait for a write
// that waits for the host: what is given up then is closed as a whole.
type stdin struct {
	ch gossh.Channel
	mu sync.Mutex
}

func (s *stdin) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ch.Write(b)
}

func (s *stdin) Close() error {
	if !s.mu.TryLock() {
		return nil
	}
	defer s.mu.Unlock()
	return s.ch.CloseWrite()
}

// listened is a program and what the host says about it.
type listened struct {
	p    *Process
	reqs <-chan *gossh.Request
}

// listen has what the host says about a program read until its channel ends: by serve,
// which listens to one program at a time, or by a goroutine of its own.
func (c *Client) listen(l listened) {
	if c.occupied.CompareAndSwap(false, true) {
		select {
		case c.beside <- l:
			return
		case <-c.done: // serve has ended
		}
	}
	c.tasks.Go(func() {
		defer close(l.p.ended)
		for r := range l.reqs {
			if l.p.said(r); r.WantReply {
				_ = r.Reply(false, nil)
			}
		}
	})
}

// said notes what the host says about the program (RFC 4254, 6.10).
func (p *Process) said(r *gossh.Request) {
	switch r.Type {
	case "exit-status":
		var m struct{ Status uint32 }
		if gossh.Unmarshal(r.Payload, &m) == nil {
			p.status = int(m.Status)
		}
	case "exit-signal":
		var m struct {
			Signal     string
			CoreDumped bool
			Error      string
			Lang       string
		}
		if gossh.Unmarshal(r.Payload, &m) == nil {
			p.signal = m.Signal
		}
	}
}

// Wait waits for the end of the channel and tells the exit status, -1 when the
// host gave none. Stdout and Stderr must be read meanwhile.
func (p *Process) Wait(ctx context.Context) (status int, signal string, err error) {
	select {
	case <-p.ended:
		return p.status, p.signal, nil
	case <-ctx.Done():
		return -1, "", ctx.Err()
	}
}

// Close gives the program up. It does not end it.
func (p *Process) Close() error {
	err := p.ch.Close()
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// DialContext opens a connection from the host to an address: network "tcp", or
// "unix" with a path.
func (c *Client) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.op)
	defer cancel()
	conn, err := c.client.DialContext(ctx, network, addr)
	if err != nil {
		if !c.Alive() {
			return nil, c.lost(err)
		}
		return nil, diag.New(diag.Unreachable, diag.Pos{}, "dial", "%s on %s: %w", addr, c.name, err)
	}
	return conn, nil
}

// Prohibited tells whether an error of DialContext says that the server does not
// forward connections.
func Prohibited(err error) bool {
	e, ok := errors.AsType[*gossh.OpenChannelError](err)
	return ok && (e.Reason == gossh.Prohibited || e.Reason == gossh.UnknownChannelType)
}

// openChannel is OpenChannel that ends with the context.
func (c *Client) openChannel(ctx context.Context, kind string, data []byte) (gossh.Channel, <-chan *gossh.Request, error) {
	type result struct {
		ch   gossh.Channel
		reqs <-chan *gossh.Request
		err  error
	}
	got := make(chan result, 1)
	go func() {
		ch, reqs, err := c.client.OpenChannel(kind, data)
		got <- result{ch, reqs, err}
	}()
	discard := func() {
		if r := <-got; r.err == nil {
			go gossh.DiscardRequests(r.reqs)
			_ = r.ch.Close()
		}
	}
	limit := time.NewTimer(c.op)
	defer limit.Stop()
	select {
	case r := <-got:
		if r.err == nil {
			return r.ch, r.reqs, nil
		}
		var refused *gossh.OpenChannelError
		if errors.As(r.err, &refused) {
			return nil, nil, diag.New(diag.Refused, diag.Pos{}, "session-refused", "%s refuses another session: %w", c.name, r.err).
				WithHint("its sshd allows MaxSessions per connection")
		}
		return nil, nil, c.lost(r.err)
	case <-ctx.Done():
		go discard()
		return nil, nil, ctx.Err()
	case <-limit.C:
		go discard()
		return nil, nil, diag.New(diag.Timeout, diag.Pos{}, "session-timeout", "%s does not open a session within %s", c.name, c.op)
	}
}

// lost makes the error of a connection that ended.
func (c *Client) lost(err error) error {
	select {
	case <-c.done:
		err = c.Err()
	case <-time.After(100 * time.Millisecond):
	}
	return diag.New(diag.Unreachable, diag.Pos{}, "connection-lost", "the connection to %s was lost: %w", c.name, err).
		WithHint("is the host up?")
}

// ptyRequest asks for a terminal that changes no byte and gives no signal.
func ptyRequest() []byte {
	modes := []struct {
		op  byte
		val uint32
	}{{53, 0} /* ECHO */, {51, 0} /* ICANON */, {50, 0} /* ISIG */, {70, 0} /* OPOST */, {36, 0} /* ICRNL */, {38, 0} /* IXON */, {34, 0} /* INLCR */, {35, 0} /* IGNCR */, {59, 0} /* IEXTEN */}
	var m []byte
	for _, x := range modes {
		m = append(m, gossh.Marshal(struct {
			Op  byte
			Val uint32
		}{x.op, x.val})...)
	}
	return gossh.Marshal(struct {
		Term                string
		Columns, Rows, W, H uint32
		Modes               string
	}{"dumb", 200, 50, 0, 0, string(append(m, 0))})
}
