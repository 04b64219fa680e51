// Package remote is one host as seen from here: batches of state operations and
// queries go through a connection (SSH, or a local shell) to a small POSIX sh
// driver, one frame and one round trip each, under any identity.
//
// A frame is a length line, that many bytes of shell text, and raw sections
// behind it. The answer comes as sections on stdout and stderr, each begun by a
// 128-bit nonce that the host learns in the first frame, so that the output of
// a command cannot forge a result.
package remote

import (
	"log/slog"
	"time"

	"github.com/fairlead-project/fairlead/engine/state"
)

// Options say how hosts are driven. The zero value is usable.
type Options struct {
	Logger *slog.Logger
	// Lock, when set, makes the first batch with operations take the host's
	// lock; nil takes none.
	Lock *LockInfo
	// Prober turns queries that this package does not know into scripts.
	Prober Prober
	Limits Limits
	// OpTimeout bounds every wait for the driver in which no command of the
	// playbook runs; 0 means five minutes. Commands have their own deadlines.
	OpTimeout time.Duration
	// SFTPFrom is the size from which contents go by SFTP where the host has
	// it; 0 means 8 MiB, less than 0 never.
	SFTPFrom int64
	// NoSync leaves out the fsync of written files.
	NoSync bool
	// Shell is the shell of a local host, such as {"busybox", "sh"}; default
	// /bin/sh.
	Shell []string
	// Path is put behind the login's PATH for the driver (not for commands);
	// default the usual bin and sbin folders.
	Path string
}

// Limits bound what a host can make us keep. Zero fields have defaults.
type Limits struct {
	// Output is how much of each of a command's outputs is kept: half of it
	// the beginning, half the end. Default 4 MiB.
	Output int
	// Answer bounds all that a frame may answer besides command output.
	// Default 128 MiB.
	Answer int
	// Shells is how many kept shells a connection has at most. Default 6.
	Shells int
}

// LockInfo names who works on a host.
type LockInfo struct {
	// Run and Controller are shown to whoever finds the host locked.
	Run, Controller string
	// Wait is how long to wait for another holder; 0: a second, for one that is leaving.
	Wait time.Duration
	// Dead, when set, tells whether a holder is known to be gone for good, so
	// that what it left running is ended and its lock taken over.
	Dead func(Holder) bool
	// Within, when set, tells whether a holder's run started this one and waits
	// for its end. Its lock then holds for this run too.
	Within func(Holder) bool
}

// Holder is who holds a host's lock.
type Holder struct {
	Run, Controller string
	PID             int // the kept shell on the host
}

// Script is shell text that runs in a subshell of the kept shell, with LC_ALL=C
// and Args as its positional parameters. Its text is ours; what a playbook says
// comes in Args.
type Script struct {
	Text string
	Args []string
}

// ScriptResult is how a script ended.
type ScriptResult struct {
	RC             int
	Stdout, Stderr []byte
}

// Prober knows how to put queries to a host that this package does not answer
// itself. Parse gets the script's result and makes the answer's value.
type Prober interface {
	Probe(q state.Query) (s Script, parse func(ScriptResult) (any, error), ok bool)
}

// Stats counts what a host's connection did.
type Stats struct {
	RoundTrips int // waits for an answer after the connection stood, frames and become included
	Frames     int
	// Processes is how many processes the driver itself started (known by
	// construction; what commands and scripts start is not counted).
	Processes         int
	BytesIn, BytesOut int64 // frame and answer bytes, before encryption
	Dial, Handshake   time.Duration
	Wait              time.Duration // waiting for answers
}
