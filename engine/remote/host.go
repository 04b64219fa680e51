package remote

import (
	"context"
	"errors"
	"net"

	"github.com/fairlead-project/fairlead/engine/ssh"
	"github.com/fairlead-project/fairlead/engine/state"
)

// Host is one host as seen from here. It owns a connection and a kept shell per
// identity. Its methods may be called concurrently; batches of one identity
// wait for each other.
type Host struct{}

var errLater = errors.New("not built yet")

// Connect dials the host. Shells are started when they are first needed.
func Connect(ctx context.Context, cfg ssh.Config, opts Options) (*Host, error) { return nil, errLater }

// Local is the machine we run on, driven in the same way through a local shell.
func Local(opts Options) *Host { return &Host{} }

// Do sends a batch in one frame and one round trip: the check of what the plan
// relies on, the operations in order until one does not end as predicted, then
// the queries. The error is for what is not the fault of one operation or query:
// the connection, the change of identity, deadlines, a locked host. The outcome
// then holds what is known to have happened.
func (h *Host) Do(ctx context.Context, b state.Batch) (state.Outcome, error) {
	return state.Outcome{}, errLater
}

// Script runs scripts under an identity in one frame.
func (h *Host) Script(ctx context.Context, as state.Identity, scripts []Script) ([]ScriptResult, error) {
	return nil, errLater
}

// DialUnix opens a connection to a unix socket of the host: forwarded where the
// identity is the login user and the server allows it, else through
// `docker system dial-stdio` for Docker's socket.
func (h *Host) DialUnix(ctx context.Context, as state.Identity, path string) (net.Conn, error) {
	return nil, errLater
}

// Dial opens a connection from the host to an address.
func (h *Host) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return nil, errLater
}

// Stats tells what was done so far.
func (h *Host) Stats() Stats { return Stats{} }

// Close ends the kept shells and the connection.
func (h *Host) Close() error { return nil }
