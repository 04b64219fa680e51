package state

import "time"

// Reconnect lets the connection go and waits until the host can be reached
// again. It is a batch of its own; the engine carries it out. Its result is OK
// with a ReconnectInfo as Data however it ended.
type Reconnect struct {
	// Shell, when set, runs first and may take the host down with it. When it
	// returns something else than 0, that is the end (RC, Stdout, Stderr).
	Shell string
	// Check, when set, is a command that must return 0 on the new connection, and when
	// Not is set print something else than that. Test, when set, must return 0 after it.
	Check, Not, Test string
	// Delay passes before the first try, Sleep between tries (0: growing from
	// one second to twelve). Timeout is how long Check may take to succeed, and
	// Test again; Connect how long one try may take to connect (0: as always).
	Delay, Sleep, Timeout, Connect time.Duration
}

// ReconnectInfo is how a Reconnect ended.
type ReconnectInfo struct {
	Elapsed time.Duration
	// Failed is "" when the host is back, else "command", "check" or "test"; "local":
	// Shell was not run, since it would take this machine down.
	Failed string
	// Last says why the last try failed.
	Last string
}

// Reach is ReachExternal.
func (Reconnect) Reach() Reach { return ReachExternal }

func (o Reconnect) String() string {
	if o.Shell != "" {
		return "run " + o.Shell + " and wait for the host"
	}
	return "wait for the host"
}
