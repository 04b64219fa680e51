package remote

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/state"
)

// A host whose sudoers says requiretty lets nobody become another without a
// terminal. A terminal mixes stdout and stderr and is no way for frames, so the
// program gets one to have, and speaks through three named pipes, which a second
// session of the connection passes on.

// ttyRelay is that second session: I, O and E in the folder D are the program's
// standard streams. The program opens them in this order, so that the folder can
// go when E is open. As the loop, it has no backslash, exclamation mark or quote.
const ttyRelay = `exec /bin/sh -c 'umask 077;cd /tmp&&mkdir D&&mkfifo D/i D/o D/e||exit 1;` +
	`cat <D/o&{ exec 4<D/e;rm -rf D;exec cat <&4 >&2;}&echo ready;exec cat >D/i 2>/dev/null'`

// noteTTY tells whether an error means that an identity needs a terminal, which
// was not known before.
func (h *Host) noteTTY(id state.Identity, err error) bool {
	var d *diag.Diagnostic
	if h.cfg == nil || !errors.As(err, &d) || d.Code != "become-tty" {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tty == nil {
		h.tty = map[state.Identity]bool{}
	}
	known := h.tty[id]
	h.tty[id] = true
	return !known
}

func (h *Host) needsTTY(id state.Identity) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tty[id]
}

// endRelay ends a relay whose pipes nobody opened: it waits for that.
func endRelay(ctx context.Context, t transport, dir string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	p, err := t.start(ctx, "exec /bin/sh -c 'cd /tmp/"+dir+"&&exec 4<>i 5<>o 6<>e&&cd /tmp&&rm -rf "+dir+"'", false)
	if err != nil {
		return
	}
	waitAtMost(grace, func() { _, _ = io.Copy(io.Discard, p.out) })
	p.close()
}

// startWithTTY starts a command that has a terminal, and streams like any other.
func startWithTTY(ctx context.Context, t transport, command string) (*process, error) {
	dir := ".fairlead-tty-" + randomHex(16)
	relay, err := t.start(ctx, strings.ReplaceAll(ttyRelay, "D", dir), false)
	if err != nil {
		return nil, err
	}
	out := bufio.NewReader(relay.out)
	ready := make(chan error, 1)
	go func() {
		for {
			line, err := out.ReadString('\n')
			if err != nil || strings.TrimSpace(line) == "ready" {
				ready <- err
				return
			}
		}
	}()
	limit := time.NewTimer(5 * grace)
	defer limit.Stop()
	select {
	case err = <-ready:
	case <-ctx.Done():
		err = ctx.Err()
	case <-limit.C:
		err = io.ErrNoProgress
	}
	var holder *process
	if err == nil {
		at := "/tmp/" + dir
		command += " <" + at + "/i >" + at + "/o 2>" + at + "/e"
		if !strings.HasPrefix(command, "exec ") {
			// The login shell stays and holds the terminal open: sshd gives up a
			// terminal that nobody has open, and would miss what is asked there.
			command += ";:"
		}
		holder, err = t.start(ctx, command, true)
	}
	if err != nil {
		relay.close()
		endRelay(ctx, t, dir)
		return nil, err
	}
	var talk sync.WaitGroup
	term := &terminal{in: holder.in}
	for _, r := range []io.Reader{holder.out, holder.err} {
		talk.Go(func() { _, _ = io.Copy(term, r) })
	}
	return &process{in: relay.in, out: out, err: relay.err, term: term, close: func() {
		relay.close()
		holder.close()
		waitAtMost(grace, talk.Wait)
	}}, nil
}

// terminal is what a program says on its terminal, and a way to answer there.
type terminal struct {
	in   io.Writer
	mu   sync.Mutex
	kept []byte
	tell func([]byte)
}

// Write takes what the program said: for who listens, or kept for who will.
func (t *terminal) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tell != nil {
		t.tell(b)
	} else if len(t.kept) < 4096 {
		t.kept = append(t.kept, b...)
	}
	return len(b), nil
}

// listen has tell told everything, from the beginning.
func (t *terminal) listen(tell func([]byte)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tell = tell
	if len(t.kept) > 0 {
		tell(t.kept)
		t.kept = nil
	}
}
