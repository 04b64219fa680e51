package state

import (
	"context"
	"net"
)

// Dialer opens a connection from a host: network "tcp" to host:port, or "unix" to a
// socket of it.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// Talk has somebody talk with a server over connections that begin on the host. Its
// OpResult is OK also when that comes to nothing; Data is a TalkEnd.
type Talk struct {
	// With talks. Connections that it leaves open are closed when it is back.
	With func(ctx context.Context, dial Dialer) (any, error)
	// Shown is what String says.
	Shown string
	// Read promises that nothing is changed (ReachNone).
	Read bool
}

// TalkEnd is what came of a Talk.
type TalkEnd struct {
	Said any
	Err  error
	// Msg is Err in the words of Python's sockets.
	Msg string
}

// Reach is ReachExternal, unless the talk promises to change nothing.
func (o Talk) Reach() Reach {
	if o.Read {
		return ReachNone
	}
	return ReachExternal
}

func (o Talk) String() string { return o.Shown }
