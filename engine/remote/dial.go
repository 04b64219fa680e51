package remote

import (
	"context"
	"net"

	"github.com/fairlead-project/fairlead/engine/ssh"
	"github.com/fairlead-project/fairlead/engine/state"
)

type sshTransport struct{ c *ssh.Client }

func (t sshTransport) start(ctx context.Context, command string, pty bool) (*process, error) {
	p, err := t.c.Start(ctx, command, ssh.StartOptions{Pty: pty})
	if err != nil {
		return nil, err
	}
	return &process{in: p.Stdin, out: p.Stdout, err: p.Stderr, close: func() { _ = p.Close() }}, nil
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

// DialUnix opens a connection to a unix socket of the host: forwarded where the
// identity is the login user and the server allows it, else through
// `docker system dial-stdio` for Docker's socket.
func (h *Host) DialUnix(ctx context.Context, as state.Identity, path string) (net.Conn, error) {
	return h.Dial(ctx, "unix", path)
}
