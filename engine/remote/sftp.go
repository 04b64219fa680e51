package remote

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/ssh"
	"github.com/fairlead-project/fairlead/engine/state"
)

// sftpPacket is how much goes in one write: OpenSSH takes 256 KiB a message.
const sftpPacket = 255 << 10

// errSFTP is an error of SFTP alone: the connection stands, and a content can go
// in the other way.
var errSFTP = errors.New("SFTP")

// findSFTP looks for the server where distributions put it.
const findSFTP = `for _a in /usr/lib/openssh /usr/libexec/openssh /usr/lib/ssh /usr/libexec /usr/lib/misc /usr/local/libexec /usr/local/lib/openssh; do
[ -x "$_a/sftp-server" ] && break
_a=
done
[ "$_a" ] || { echo sftp-server: not found >&2; exit 127; }
`

// sftpConn is an SFTP session under an identity.
type sftpConn struct {
	*sftp.Client
	host   *Host
	client *ssh.Client // the connection it goes over
	hang   func()      // ends the session
	active atomic.Int64
}

// openSFTP begins an SFTP session; nil: the host has none for this identity. The
// login user has the subsystem, others a server of their own in place of a kept
// shell.
func (h *Host) openSFTP(ctx context.Context, as state.Identity) (*sftpConn, error) {
	h.up.mu.Lock()
	none := h.up.none[as]
	h.up.mu.Unlock()
	if none {
		return nil, nil
	}
	c, err := h.connection(ctx)
	if err != nil {
		return nil, err
	}
	fs, err := h.dialSFTP(ctx, c, as)
	if err == nil {
		h.roundTrip()
		return fs, nil
	}
	if ctx.Err() != nil {
		return nil, cancelled(ctx.Err())
	}
	switch diag.ClassOf(err) {
	case diag.Unreachable, diag.Become, diag.Timeout:
		return nil, err
	}
	h.log.Debug("no SFTP", "host", h.name(), "err", err)
	if d := (*diag.Diagnostic)(nil); errors.As(err, &d) && d.Code == "session-refused" {
		return nil, nil // now, not for good
	}
	h.up.mu.Lock()
	defer h.up.mu.Unlock()
	if h.up.none == nil {
		h.up.none = map[state.Identity]bool{}
	}
	h.up.none[as] = true
	return nil, nil
}

func (h *Host) dialSFTP(ctx context.Context, c *ssh.Client, as state.Identity) (*sftpConn, error) {
	fs := &sftpConn{host: h, client: c}
	fs.touch()
	var in io.WriteCloser
	var out io.Reader
	if as.Method == "" {
		p, err := c.Start(ctx, "sftp", ssh.StartOptions{Subsystem: true})
		if err != nil {
			return nil, err
		}
		var talk sync.WaitGroup
		talk.Go(func() { _, _ = io.Copy(io.Discard, p.Stderr) })
		in, out, fs.hang = p.Stdin, p.Stdout, func() {
			_ = p.Close()
			waitAtMost(grace, talk.Wait)
		}
	} else {
		p, err := h.relay(ctx, as, "sftp-server", findSFTP, `"$_a/sftp-server"`)
		if err != nil {
			return nil, fs.lost(err)
		}
		in, out, fs.hang = p, p, func() { _ = p.Close() }
	}
	err := fs.within(ctx, func() (err error) {
		fs.Client, err = sftp.NewClientPipe(out, in, sftp.UseConcurrentWrites(true), sftp.MaxPacketUnchecked(sftpPacket))
		return err
	})
	if err != nil {
		fs.hang()
		return nil, fs.lost(err)
	}
	return fs, nil
}

func waitAtMost(d time.Duration, wait func()) {
	over := make(chan struct{})
	go func() {
		wait()
		close(over)
	}()
	limit := time.NewTimer(d)
	defer limit.Stop()
	select {
	case <-over:
	case <-limit.C:
	}
}

// close ends the session. A host that never confirms it keeps what waits for it
// until the connection is closed.
func (fs *sftpConn) close() {
	fs.hang()
	waitAtMost(grace, func() { _ = fs.Close() })
}

func (fs *sftpConn) touch() { fs.active.Store(time.Now().UnixNano()) }

// lost says that it was the connection, when it was.
func (fs *sftpConn) lost(err error) error {
	if err == nil || !lost(fs.client) {
		return err
	}
	return diag.New(diag.Unreachable, diag.Pos{}, "connection-lost", "the connection to %s was lost: %w", fs.host.name(), fs.client.Err()).
		WithHint("is the host up?")
}

// within does something with the session, until the context ends or nothing
// moves for too long: then the session is given up.
func (fs *sftpConn) within(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	limit := fs.host.opts.OpTimeout
	tick := time.NewTicker(min(limit/4+time.Millisecond, time.Second))
	defer tick.Stop()
	var err error
	for err == nil {
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			err = cancelled(ctx.Err())
		case <-tick.C:
			if time.Since(time.Unix(0, fs.active.Load())) > limit {
				err = diag.New(diag.Timeout, diag.Pos{}, "no-answer", "the host did not answer for %s", limit)
			}
		}
	}
	fs.hang()
	waitAtMost(grace, func() { <-done })
	return err
}

// send sends a content, or what of it is not there yet, into its file.
func (fs *sftpConn) send(ctx context.Context, u *upload, m *meter) error {
	fs.touch()
	src := &source{fs: fs, ctx: ctx}
	err := fs.within(ctx, func() error {
		defer src.close()
		return fs.write(u, src, m)
	})
	var classed diag.Classed
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return cancelled(ctx.Err())
	case errors.As(err, &classed):
		return err
	case src.err != nil:
		return src.err
	}
	if l := fs.lost(err); errors.As(l, &classed) {
		return l
	}
	return fmt.Errorf("%w: %s: %w", errSFTP, u.tmp, err)
}

func (fs *sftpConn) write(u *upload, src *source, m *meter) (err error) {
	if err := src.open(u); err != nil {
		return err
	}
	from, sum := u.have, sha256.New()
	same, err := u.match(src, sum)
	if err != nil {
		return err
	}
	if !same {
		if err := src.open(u); err != nil {
			return err
		}
		from = 0
	}
	if from == 0 {
		sum = u.content.Watch()
	}
	m.sent(u.op, from, u.content.Size)
	f, err := fs.OpenFile(u.tmp, os.O_WRONLY)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	if !same {
		if err := f.Truncate(0); err != nil {
			return err
		}
	}
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return err
	}
	left := io.TeeReader(io.LimitReader(src, u.content.Size-from), sum)
	n, err := f.ReadFromWithConcurrency(m.reader(u.op, left, from, u.content.Size), 0)
	fs.host.bytesOut.Add(n)
	if err != nil {
		return err
	}
	if from+n != u.content.Size {
		src.err = fmt.Errorf("content to send ended after %d of %d bytes", from+n, u.content.Size)
		return src.err
	}
	// What is read here comes there: the connection guards it, each write is confirmed.
	if !u.content.Unchanged(sum) {
		u.failed = "its content is not what it was when the task was planned: it was changed meanwhile"
		return nil
	}
	st, err := f.Stat()
	if err == nil && st.Size() != u.content.Size {
		err = fmt.Errorf("%d of %d bytes came", st.Size(), u.content.Size)
	}
	return err
}

// source is a content while it is read. It remembers its own errors, and ends
// with the context.
type source struct {
	fs  *sftpConn
	ctx context.Context //nolint:containedctx // a reader has no other way to end
	r   io.ReadCloser
	err error
}

func (s *source) open(u *upload) error {
	s.close()
	r, err := u.content.Reader()
	if err != nil {
		s.err = fmt.Errorf("content to send: %w", err)
		return s.err
	}
	s.r = r
	return nil
}

func (s *source) close() {
	if s.r != nil {
		_ = s.r.Close()
		s.r = nil
	}
}

func (s *source) Read(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	s.fs.touch()
	n, err := s.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = fmt.Errorf("content to send: %w", err)
	}
	return n, err
}
