package remote

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/ssh"
	"github.com/fairlead-project/fairlead/engine/state"
)

// Host is one host as seen from here. It owns a connection and a kept shell per
// identity. Its methods may be called concurrently; batches of one identity
// wait for each other.
type Host struct {
	opts Options
	cfg  *ssh.Config // nil: local
	log  *slog.Logger

	mu     sync.Mutex
	client *ssh.Client
	shells map[state.Identity]*shell
	all    map[*shell]bool // every shell not yet closed
	closed bool
	up     uploads
	tty    map[state.Identity]bool // these get a terminal to have
	within atomic.Bool             // the lock is held by a run that waits for this one
	plain  atomic.Bool             // the login's shell does not pass a carried frame on

	bytesIn, bytesOut atomic.Int64
	statsMu           sync.Mutex
	stats             Stats
}

// Connect dials the host. Shells are started when they are first needed.
func Connect(ctx context.Context, cfg ssh.Config, opts Options) (*Host, error) {
	h := newHost(opts)
	h.cfg = &cfg
	if _, err := h.connection(ctx); err != nil {
		return nil, err
	}
	return h, nil
}

// Local is the machine we run on, driven in the same way through a local shell.
func Local(opts Options) *Host { return newHost(opts) }

func newHost(opts Options) *Host {
	if opts.Limits.Output <= 0 {
		opts.Limits.Output = 4 << 20
	}
	if opts.Limits.Answer <= 0 {
		opts.Limits.Answer = 128 << 20
	}
	if opts.Limits.Shells <= 0 {
		opts.Limits.Shells = 6
	}
	if opts.OpTimeout <= 0 {
		opts.OpTimeout = 5 * time.Minute
	}
	log := opts.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Host{opts: opts, log: log, shells: map[state.Identity]*shell{}, all: map[*shell]bool{}}
}

// name is the host's name in errors.
func (h *Host) name() string {
	switch {
	case h.cfg == nil:
		return "localhost"
	case h.cfg.Host != "":
		return h.cfg.Host
	}
	return h.cfg.Address
}

var errClosed = diag.New(diag.Internal, diag.Pos{}, "closed", "the host's connection was closed")

// connection gives the connection, made anew where it was lost.
func (h *Host) connection(ctx context.Context) (*ssh.Client, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, errClosed
	}
	if h.client != nil && h.client.Alive() {
		return h.client, nil
	}
	if h.client != nil {
		_ = h.client.Close()
		h.client = nil
	}
	c, err := ssh.Dial(ctx, *h.cfg)
	if err != nil {
		return nil, err
	}
	h.client = c
	h.statsMu.Lock()
	h.stats.Dial += c.DialTime
	h.stats.Handshake += c.HandshakeTime
	h.statsMu.Unlock()
	return c, nil
}

func (h *Host) transport(ctx context.Context) (transport, error) {
	if h.cfg == nil {
		return localTransport{shell: h.opts.Shell}, nil
	}
	c, err := h.connection(ctx)
	if err != nil {
		return nil, err
	}
	return sshTransport{c}, nil
}

// acquire gives the shell of an identity with its turn taken.
func (h *Host) acquire(ctx context.Context, id state.Identity) (*shell, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, cancelled(err)
		}
		h.mu.Lock()
		if h.closed {
			h.mu.Unlock()
			return nil, errClosed
		}
		s := h.shells[id]
		h.mu.Unlock()
		if s == nil {
			if err := h.open(ctx, id); err != nil {
				return nil, err
			}
			continue
		}
		select {
		case <-s.turn:
		case <-ctx.Done():
			return nil, cancelled(ctx.Err())
		}
		if s.isDead() {
			h.drop(s)
			s.close()
			continue
		}
		s.used.Store(time.Now().UnixNano())
		return s, nil
	}
}

func (s *shell) release() { s.turn <- struct{}{} }

// open starts a kept shell and puts it into its place.
func (h *Host) open(ctx context.Context, id state.Identity) error {
	h.makeRoom()
	s, err := h.start(ctx, id)
	if err != nil {
		return err
	}
	s.used.Store(time.Now().UnixNano())
	h.mu.Lock()
	other := h.shells[id]
	closed := h.closed
	if other == nil && !closed {
		h.shells[id] = s
		h.all[s] = true
	}
	h.mu.Unlock()
	if other != nil || closed {
		s.close()
	}
	if closed {
		return errClosed
	}
	return nil
}

// makeRoom closes the shell that was idle for longest when there are too many.
func (h *Host) makeRoom() {
	h.mu.Lock()
	var oldest *shell
	if len(h.shells) >= h.opts.Limits.Shells {
		for _, s := range h.shells {
			if s.locked {
				continue // it goes last
			}
			if oldest == nil || s.used.Load() < oldest.used.Load() {
				oldest = s
			}
		}
	}
	h.mu.Unlock()
	if oldest == nil {
		return
	}
	select {
	case <-oldest.turn:
		h.drop(oldest)
		oldest.close()
	default: // in use: let sshd decide whether there is room for one more
	}
}

// leave ends the kept shells that act as the users whom operations are about.
func (h *Host) leave(ctx context.Context, b state.Batch) error {
	for _, op := range b.Ops {
		x, ok := op.(state.Exec)
		if !ok || x.Leaves == "" {
			continue
		}
		h.mu.Lock()
		var theirs []*shell
		for id, s := range h.shells {
			if id.User == x.Leaves && id != b.As {
				theirs = append(theirs, s)
			}
		}
		h.mu.Unlock()
		for _, s := range theirs {
			select {
			case <-s.turn:
			case <-ctx.Done():
				return cancelled(ctx.Err())
			}
			h.drop(s)
			s.end()
		}
	}
	return nil
}

// drop takes a shell out of its place.
func (h *Host) drop(s *shell) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.shells[s.id] == s {
		delete(h.shells, s.id)
	}
	delete(h.all, s)
}

func (h *Host) count(f *frame, first bool, as form, wait time.Duration) {
	h.statsMu.Lock()
	defer h.statsMu.Unlock()
	h.stats.RoundTrips++
	h.stats.Frames++
	h.stats.Wait += wait
	h.stats.Processes += f.procs
	if as == sized {
		h.stats.Processes++ // dd reads the frame
	}
	if first {
		h.stats.Processes++ // the shell itself
	}
}

// Stats tells what was done so far.
func (h *Host) Stats() Stats {
	h.statsMu.Lock()
	defer h.statsMu.Unlock()
	st := h.stats
	st.BytesIn, st.BytesOut = h.bytesIn.Load(), h.bytesOut.Load()
	return st
}

// Close ends the kept shells and the connection. What runs on the host in a
// batch that was not waited for is not ended by it: cancel its context first.
func (h *Host) Close() error {
	h.mu.Lock()
	h.closed = true
	shells := h.all
	h.all, h.shells = map[*shell]bool{}, map[state.Identity]*shell{}
	client := h.client
	h.client = nil
	h.mu.Unlock()
	var wg sync.WaitGroup
	for s := range shells {
		wg.Go(s.close)
	}
	if client != nil {
		// Closing the connection ends what still waits for a shell's end.
		_ = client.Close()
	}
	wg.Wait()
	return nil
}

func cancelled(err error) error {
	class := diag.ClassOf(err)
	if class == diag.Timeout {
		return diag.New(class, diag.Pos{}, "deadline", "the time allowed is over: %w", err)
	}
	return diag.New(diag.Cancelled, diag.Pos{}, "cancelled", "cancelled: %w", err)
}
