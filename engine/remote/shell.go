package remote

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/state"
)

// process is a program on the host, with our ends of its pipes. Close gives it
// up without waiting for it.
type process struct {
	in       io.WriteCloser
	out, err io.Reader
	close    func()
	// begin starts the program where it has not begun: nil when it has.
	begin func(command string) error
	// term is the program's terminal beside its streams, nil for none.
	term *terminal
}

// transport starts programs on a host: through SSH, or here.
type transport interface {
	start(ctx context.Context, command string, pty bool) (*process, error)
}

// opener is a transport whose programs can be told later what they are.
type opener interface {
	open(ctx context.Context) (*process, error)
}

// hello is what a shell says of itself in its first answer.
type hello struct {
	pid, uid, gid int
	umask         uint32
	setsid        bool
	groups        []int
	group, home   string // group is the name of gid, if the host knows one
	dir           string // where it is
}

// sink takes the bytes of the two streams as they come.
type sink interface {
	feed(stream int, b []byte)
}

// shell is a kept shell: one identity, one process, frames one after another.
type shell struct {
	host   *Host
	id     state.Identity
	p      *process
	nonce  string
	turn   chan struct{} // holds a token while nobody uses the shell
	used   atomic.Int64  // when it was last used, for the eldest to go
	seq    int
	fresh  bool // the first frame is still to be sent
	script bool // ... as its script
	has    parts
	hello  *hello
	stat   byte // 'g' or 'b' once known
	locked bool // it holds the host's lock (written under the turn)

	mu      sync.Mutex
	rx      sink
	dead    error
	gone    chan struct{} // closed when a stream ended
	left    [2][]byte     // last bytes of each stream before it ended, for the message
	readers sync.WaitGroup
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// newShell wraps a process that runs the loop.
func newShell(h *Host, id state.Identity, p *process) *shell {
	s := &shell{host: h, id: id, p: p, nonce: randomHex(16), turn: make(chan struct{}, 1), fresh: true, gone: make(chan struct{})}
	s.turn <- struct{}{}
	s.readers.Go(func() { s.read(0, p.out, 1<<10) })
	s.readers.Go(func() { s.read(1, p.err, 128) })
	return s
}

// read hands what comes to the frame that waits for it. It never waits for the
// sending side. Most answers are small, and thousands of shells may be kept: a large
// buffer is borrowed while what comes fills a small one, of so many bytes.
func (s *shell) read(stream int, r io.Reader, usual int) {
	small := make([]byte, usual)
	var large *[readBuffer]byte
	for {
		buf := small
		if large != nil {
			buf = large[:]
		}
		n, err := r.Read(buf)
		if n > 0 {
			s.host.bytesIn.Add(int64(n))
			s.mu.Lock()
			rx := s.rx
			if rx == nil {
				s.left[stream] = lastBytes(append(s.left[stream], buf[:n]...), 2048)
			}
			s.mu.Unlock()
			if rx != nil {
				rx.feed(stream, buf[:n])
			}
		}
		if err != nil {
			s.die(err)
			return
		}
		switch full := n == len(buf); {
		case full && large == nil:
			large = readBuffers.Get().(*[readBuffer]byte)
		case !full && large != nil:
			readBuffers.Put(large)
			large = nil
		}
	}
}

const readBuffer = 32 << 10

var readBuffers = sync.Pool{New: func() any { return new([readBuffer]byte) }}

func lastBytes(b []byte, n int) []byte {
	if len(b) > n {
		return bytes.Clone(b[len(b)-n:])
	}
	return b
}

// die notes the end of a stream. The other one gets a moment to say why.
func (s *shell) die(err error) {
	s.mu.Lock()
	first := s.dead == nil
	if first {
		s.dead = err
	}
	s.mu.Unlock()
	if !first {
		return
	}
	close(s.gone)
}

func (s *shell) isDead() bool {
	select {
	case <-s.gone:
		return true
	default:
		return false
	}
}

// close ends the shell and waits for its readers, but not long: a host that never
// confirms the end of a session keeps them until the connection is closed.
func (s *shell) close() {
	if s.locked { // the next run must not find the lock still held
		s.end()
		return
	}
	_ = s.p.in.Close()
	s.hangUp()
}

// end closes a shell and waits, within reason, until its process is gone.
func (s *shell) end() {
	_ = s.p.in.Close()
	select {
	case <-s.gone:
	case <-time.After(2 * time.Second):
	}
	s.hangUp()
}

// hangUp closes what leads to the shell.
func (s *shell) hangUp() {
	s.p.close()
	over := make(chan struct{})
	go func() {
		s.readers.Wait()
		close(over)
	}()
	limit := time.NewTimer(2 * time.Second)
	defer limit.Stop()
	select {
	case <-over:
	case <-limit.C:
	}
}

// prologue is what stands in front of a frame's text: the parts of the driver that the
// shell has not yet.
func (s *shell) prologue(f *frame) []string {
	var text []string
	missing := f.needs &^ s.has
	if missing&partBase != 0 {
		path := s.host.opts.Path
		if path == "" {
			path = systemPath
		}
		// In two halves: a program that prints this text must not print the nonce.
		half := len(s.nonce) / 2
		text = append(text, "N=", s.nonce[:half], `""`, s.nonce[half:], "\n_XP=", quote(path), "\n", driver())
	}
	if missing&partOps != 0 {
		text = append(text, opsScript())
	}
	if missing&partLock != 0 {
		text = append(text, lockScript())
	}
	return text
}

// form chooses how the shell gets a frame. To busybox a dd is no program to start.
func (s *shell) form(f *frame) form {
	switch {
	case s.fresh && s.script && f.asks && s.p.begin != nil && s.host.carries():
		return carried
	case s.fresh && s.script:
		return script
	case !s.fresh && s.stat != 'b' && f.needs&^s.has == 0 && f.shortText():
		return lined
	}
	return sized
}

// exchange sends a frame and waits for its answer. The caller holds the turn.
// When it returns an error other than a refused content, the shell is no longer
// usable and was closed.
func (s *shell) exchange(ctx context.Context, f *frame, rx *receiver) error {
	first := s.fresh
	as := s.form(f)
	if as == script && len(f.raws) > 0 { // what the shell would read ahead
		hello := newFrame()
		hello.asks = true
		if err := s.exchange(ctx, hello, newReceiver(s.nonce, s.seq, s.host.opts.Limits)); err != nil {
			return err
		}
		first, as = false, s.form(f)
	}
	data := f.encode(s.prologue(f), s.seq, as)
	s.fresh, s.has = false, s.has|f.needs
	if as == carried && !carriable(data) {
		as = script
	}
	s.listen(rx)
	begin := time.Now()
	sent := make(chan error, 1)
	err := s.begin(data, as)
	if err == nil {
		go func() { sent <- s.send(data, f, rx, as) }()
		err = s.wait(ctx, rx, sent)
	}
	s.listen(nil)
	if err != nil {
		rx.fail(err) // nothing that still comes is taken
	}
	s.host.count(f, first, as, time.Since(begin))
	if err == nil {
		err = rx.err
	}
	if err == nil && first {
		err = s.greet(rx)
	}
	if err != nil {
		s.giveUp(ctx, err, rx)
		if as == carried && errors.Is(err, errEnded) && rx.silent() {
			return errNotCarried
		}
		return s.explain(err, rx)
	}
	return nil
}

// begin starts the program of a shell that has not begun, with the frame in its command
// where that is how it goes.
func (s *shell) begin(data encoded, as form) error {
	begin := s.p.begin
	s.p.begin = nil
	switch {
	case begin == nil:
		return nil
	case as == carried:
		command := carry(data)
		s.host.bytesOut.Add(int64(len(command)))
		return begin(command)
	}
	return begin(plainShell)
}

// listen says who takes what comes; nil: nobody.
func (s *shell) listen(to sink) {
	s.mu.Lock()
	s.rx = to
	s.mu.Unlock()
}

// send writes the frame and its raw sections. A write after the remote end must
// bear that nobody reads it: the reading side tells why.
func (s *shell) send(e encoded, f *frame, rx *receiver, as form) error {
	if as == carried {
		f.release()
		return nil
	}
	w := &countingWriter{w: s.p.in, rx: rx, total: &s.host.bytesOut}
	err := e.send(w)
	f.release()
	if err != nil {
		return nil
	}
	err = f.sendRaw(w)
	if w.broken {
		return nil
	}
	return err
}

type countingWriter struct {
	w      io.Writer
	rx     *receiver
	total  *atomic.Int64
	broken bool
}

func (c *countingWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.total.Add(int64(n))
	c.rx.touch()
	c.broken = c.broken || err != nil
	return n, err
}

// wait waits for the answer, the end of the shell, the context, or silence.
func (s *shell) wait(ctx context.Context, rx *receiver, sent chan error) error {
	limit := s.host.opts.OpTimeout
	tick := time.NewTicker(min(limit/4+time.Millisecond, time.Second))
	defer tick.Stop()
	for {
		select {
		case <-rx.done:
			return nil
		case err := <-sent:
			sent = nil
			if err != nil {
				return err
			}
		case <-s.gone:
			return s.ended(rx)
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if rx.idle() > limit {
				return diag.New(diag.Timeout, diag.Pos{}, "no-answer", "the host did not answer for %s", limit)
			}
		}
	}
}

// ended is what an end of the shell means for a frame that waits: the answer may
// be complete on the other stream in a moment.
func (s *shell) ended(rx *receiver) error {
	drained := make(chan struct{})
	go func() {
		s.readers.Wait()
		close(drained)
	}()
	select {
	case <-rx.done:
		return nil
	case <-drained:
	case <-time.After(500 * time.Millisecond):
	}
	select {
	case <-rx.done:
		return nil
	default:
	}
	return errEnded
}

// greet reads the hello, which every first answer holds.
func (s *shell) greet(rx *receiver) error {
	out := rx.sections[0]
	if len(out) == 0 || out[0].kind != "h" || len(out[0].args) != 8 {
		return protocolError("the host's shell does not say who it is")
	}
	rx.sections[0] = out[1:]
	a := out[0].args
	n := &numbers{f: a}
	h := &hello{pid: int(n.at(0, 10, 31)), umask: uint32(n.at(1, 8, 12)), uid: int(n.at(2, 10, 32)), gid: int(n.at(3, 10, 32)), setsid: a[4] != "-"}
	cut, home, all := int(n.at(5, 10, 31)), int(n.at(6, 10, 31)), int(n.at(7, 10, 31))
	if n.bad || all != len(out[0].data) || cut > all || home > all-cut {
		return protocolError("the host's shell does not say who it is")
	}
	ids, group, _ := strings.Cut(string(out[0].data[:cut]), ":")
	h.group = group
	for g := range strings.FieldsSeq(ids) {
		id, err := strconv.Atoi(g)
		if err != nil {
			return protocolError("the host's shell does not say who it is")
		}
		h.groups = append(h.groups, id)
	}
	h.home, h.dir = string(out[0].data[cut:cut+home]), string(out[0].data[cut+home:])
	s.hello = h
	return nil
}

var errEnded = fmt.Errorf("the shell on the host ended: %w", io.ErrUnexpectedEOF)

// giveUp ends a shell that is out of step, and what it runs on the host.
func (s *shell) giveUp(ctx context.Context, err error, rx *receiver) {
	s.host.drop(s)
	if ctx.Err() != nil || diag.ClassOf(err) == diag.Timeout {
		s.host.endSession(s, rx)
	}
	s.close()
}
