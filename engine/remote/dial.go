package remote

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/ssh"
	"github.com/fairlead-project/fairlead/engine/state"
)

type sshTransport struct{ c *ssh.Client }

func (t sshTransport) start(ctx context.Context, command string, pty bool) (*process, error) {
	p, err := t.c.Start(ctx, command, ssh.StartOptions{Pty: pty})
	if err != nil {
		return nil, err
	}
	return sshProcess(p), nil
}

// open opens a session whose program is not chosen yet.
func (t sshTransport) open(ctx context.Context) (*process, error) {
	p, err := t.c.Open(ctx, ssh.StartOptions{})
	if err != nil {
		return nil, err
	}
	out := sshProcess(p)
	out.begin = p.Exec
	return out, nil
}

func sshProcess(p *ssh.Process) *process {
	return &process{in: p.Stdin, out: p.Stdout, err: p.Stderr, close: func() { _ = p.Close() }}
}

// Dial opens a connection from the host to an address.
func (h *Host) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if h.cfg == nil {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	c, err := h.connection(ctx)
	if err != nil {
		return nil, err
	}
	return c.DialContext(ctx, network, addr)
}

// DialAs opens a connection from the host to an address (network "tcp") or to a
// socket of it ("unix"): forwarded by the SSH server, or where that does not
// forward, or another identity asks for a socket, through a program there.
func (h *Host) DialAs(ctx context.Context, as state.Identity, network, addr string) (net.Conn, error) {
	var forward error
	if network == "tcp" || as.Method == "" {
		c, err := h.Dial(ctx, network, addr)
		if err == nil || h.cfg == nil || !ssh.Prohibited(err) {
			return c, err
		}
		forward = err
	}
	if err := checkText("an address", addr); err != nil {
		return nil, err
	}
	find, run := `_a=`+quote(addr)+"\n"+findSocketRelay, `"$@"`
	if network == "tcp" {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		find = "_a=" + quote(host) + " _b=" + quote(port) + "\n" + findRelay
	}
	c, err := h.relay(ctx, as, addr, find, run)
	if h.noteTTY(as, err) {
		c, err = h.relay(ctx, as, addr, find, run)
	}
	if err != nil && forward != nil {
		return nil, fmt.Errorf("%w; and not through a program there either: %w", forward, err)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// pythonRelay passes on between its stdin and stdout and a socket.
const pythonRelay = `import sys,socket,threading,os
s=socket.socket(socket.AF_UNIX) if sys.argv[1]=="unix" else None
if s: s.connect(sys.argv[2])
else: s=socket.create_connection((sys.argv[2],int(sys.argv[3])))
def up():
    while True:
        d=os.read(0,65536)
        if not d: break
        s.sendall(d)
    s.shutdown(1)
threading.Thread(target=up,daemon=True).start()
while True:
    d=s.recv(65536)
    if not d: break
    while d: d=d[os.write(1,d):]`

// findRelay looks for a program that connects to host $_a, port $_b, and
// findSocketRelay for one that connects to the socket $_a.
var (
	findRelay = `if command -v socat; then set -- socat - "TCP:$_a:$_b"
elif command -v nc; then set -- nc "$_a" "$_b"
elif command -v python3; then set -- python3 -c ` + quote(pythonRelay) + ` tcp "$_a" "$_b"
elif command -v bash; then set -- bash -c 'exec 7<>"/dev/tcp/$0/$1" && { cat >&7 & exec cat <&7; }' "$_a" "$_b"
else echo "no socat, nc, python3 or bash" >&2; exit 127; fi >/dev/null 2>&1
`
	findSocketRelay = `if command -v socat; then set -- socat - "UNIX-CONNECT:$_a"
elif command -v python3; then set -- python3 -c ` + quote(pythonRelay) + ` unix "$_a"
elif nc -h 2>&1 | grep -q -- -U; then set -- nc -U "$_a"
else echo "no socat, python3 or nc -U" >&2; exit 127; fi >/dev/null 2>&1
`
)

// DialUnix opens a connection to a unix socket of the host: forwarded where the
// identity is the login user and the server allows it, else through
// `docker system dial-stdio`, which speaks to Docker's socket, as that identity.
func (h *Host) DialUnix(ctx context.Context, as state.Identity, path string) (net.Conn, error) {
	var forward error
	if as.Method == "" {
		c, err := h.Dial(ctx, "unix", path)
		if err == nil || h.cfg == nil || !strings.HasSuffix(path, "docker.sock") {
			return c, err
		}
		forward = err
	}
	c, err := h.dialStdio(ctx, as, path)
	if err != nil && forward != nil {
		return nil, fmt.Errorf("%w; and not by docker system dial-stdio either: %w", forward, err)
	}
	return c, err
}

// dialStdio starts docker's own relay in place of a kept shell. The loop gets one
// frame that turns it into the relay; the relay's stdin is the rest of the wire.
func (h *Host) dialStdio(ctx context.Context, as state.Identity, path string) (net.Conn, error) {
	if err := checkText("a path", path); err != nil {
		return nil, err
	}
	relay := func() (*pipeConn, error) {
		return h.relay(ctx, as, path, "command -v docker >/dev/null 2>&1 || { echo docker: not found >&2; exit 127; }\n",
			"docker -H "+quote("unix://"+path)+" system dial-stdio")
	}
	c, err := relay()
	if h.noteTTY(as, err) {
		c, err = relay()
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// relay starts a program in place of a kept shell, behind what has to be looked
// for first. Nothing follows before its word that it runs. what it is for stands in
// errors.
func (h *Host) relay(ctx context.Context, as state.Identity, what, before, program string) (*pipeConn, error) {
	s, err := h.start(ctx, as)
	if err != nil {
		return nil, err
	}
	c := newPipeConn(s)
	text := "PATH=$PATH" + systemPath + "\n" + before +
		"printf '" + s.nonce + "\\n'\nexec " + program + " <&3 3<&-\n}"
	if s.script {
		text = "{\n" + wire + "\n" + text + "\n"
	} else {
		text = strconv.Itoa(len("{\n")+len(text)) + "\n{\n" + text
	}
	s.listen(c)
	err = s.begin(encoded{}, script)
	if err == nil {
		_, err = io.WriteString(s.p.in, text)
	}
	if err != nil {
		_ = c.Close()
		return nil, s.explain(errEnded, nil)
	}
	h.roundTrip()
	select {
	case <-c.ready:
		return c, nil
	case <-s.gone:
		c.mu.Lock()
		said := cleanMessage(c.errs)
		c.mu.Unlock()
		_ = c.Close()
		if as.Method != "" && strings.Contains(said, "sudo") {
			return nil, s.becomeError(said)
		}
		return nil, diag.New(diag.Failed, diag.Pos{}, "dial-stdio", "%s on %s: %s", what, h.name(), said)
	case <-ctx.Done():
		_ = c.Close()
		return nil, cancelled(ctx.Err())
	}
}

// pipeConn is a process's stdin and stdout as a connection. What comes is kept
// in a bounded buffer: when it is full, the host waits.
type pipeConn struct {
	s     *shell
	ready chan struct{}
	mu    sync.Mutex
	begun bool
	buf   []byte
	errs  []byte
	r     *io.PipeReader
	w     *io.PipeWriter
	once  sync.Once
	until time.Time
	timer *time.Timer
}

func newPipeConn(s *shell) *pipeConn {
	c := &pipeConn{s: s, ready: make(chan struct{})}
	c.r, c.w = io.Pipe()
	go func() {
		<-s.gone
		s.readers.Wait()
		_ = c.w.Close()
	}()
	return c
}

// feed takes the relay's output: first the nonce, then what it relays.
func (c *pipeConn) feed(stream int, b []byte) {
	c.mu.Lock()
	if stream == 1 {
		if len(c.errs) < maxNoise {
			c.errs = append(c.errs, b...)
		}
		c.mu.Unlock()
		return
	}
	if !c.begun {
		c.buf = append(c.buf, b...)
		mark := []byte(c.s.nonce + "\n")
		i := bytes.Index(c.buf, mark)
		if i < 0 {
			c.buf = lastBytes(c.buf, 4096)
			c.mu.Unlock()
			return
		}
		c.begun = true
		b = c.buf[i+len(mark):]
		c.buf = nil
		close(c.ready)
	}
	c.mu.Unlock()
	if len(b) > 0 {
		_, _ = c.w.Write(b)
	}
}

func (c *pipeConn) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	if err != nil && err != io.EOF && c.late() {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

func (c *pipeConn) Write(b []byte) (int, error) {
	if c.late() {
		return 0, os.ErrDeadlineExceeded
	}
	return c.s.p.in.Write(b)
}

// errors is what the program printed as errors.
func (c *pipeConn) errors() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.errs)
}

// CloseWrite ends what the other side reads.
func (c *pipeConn) CloseWrite() error { return c.s.p.in.Close() }

func (c *pipeConn) Close() error {
	c.once.Do(func() {
		_ = c.r.CloseWithError(net.ErrClosed)
		c.s.close()
	})
	return nil
}

func (c *pipeConn) late() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.until.IsZero() && time.Now().After(c.until)
}

// SetDeadline ends the connection at a time: a relay cannot be taken up again.
func (c *pipeConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = t
	if c.timer != nil {
		c.timer.Stop()
	}
	if !t.IsZero() {
		c.timer = time.AfterFunc(time.Until(t), func() { _ = c.r.CloseWithError(os.ErrDeadlineExceeded) })
	}
	return nil
}

func (c *pipeConn) SetReadDeadline(t time.Time) error { return c.SetDeadline(t) }

// SetWriteDeadline does nothing: the connection's own deadlines hold.
func (c *pipeConn) SetWriteDeadline(time.Time) error { return nil }

type pipeAddr string

func (pipeAddr) Network() string  { return "dial-stdio" }
func (a pipeAddr) String() string { return string(a) }

func (c *pipeConn) LocalAddr() net.Addr  { return pipeAddr("here") }
func (c *pipeConn) RemoteAddr() net.Addr { return pipeAddr(c.s.host.name()) }
