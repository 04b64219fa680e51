package remote

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// maxHeader bounds the line that begins a section, maxNoise what is kept of
// bytes that belong to none.
const (
	maxHeader = 4096
	maxNoise  = 16 << 10
)

func protocolError(format string, args ...any) error {
	return diag.New(diag.Protocol, diag.Pos{}, "protocol", format, args...).
		WithHint("something on the host writes between Fairlead and its shell, or the host is not to be trusted")
}

// splitter cuts one stream at the nonce: what stands behind it up to the end of
// the line is a header, all else is data of the section begun before.
type splitter struct {
	nonce  []byte
	buf    []byte // a header not complete, or an end that may begin a nonce
	header bool
}

func (s *splitter) feed(b []byte, data func([]byte), mark func(string) error) error {
	if len(s.buf) > 0 {
		b = append(s.buf, b...)
		s.buf = nil
	}
	for len(b) > 0 {
		if s.header {
			i := bytes.IndexByte(b, '\n')
			if i < 0 && len(b) <= maxHeader {
				s.buf = bytes.Clone(b)
				return nil
			}
			if i < 0 || i > maxHeader {
				return protocolError("an answer's header has no end")
			}
			s.header = false
			if err := mark(string(bytes.TrimPrefix(b[:i], []byte(" ")))); err != nil {
				return err
			}
			b = b[i+1:]
			continue
		}
		i := bytes.Index(b, s.nonce)
		if i >= 0 {
			if i > 0 {
				data(b[:i])
			}
			s.header = true
			b = b[i+len(s.nonce):]
			continue
		}
		keep := s.partial(b)
		if len(b) > keep {
			data(b[:len(b)-keep])
		}
		s.buf = bytes.Clone(b[len(b)-keep:])
		return nil
	}
	return nil
}

// partial is the length of the longest end of b that begins the nonce.
func (s *splitter) partial(b []byte) int {
	n := min(len(b), len(s.nonce)-1)
	for ; n > 0; n-- {
		if bytes.Equal(b[len(b)-n:], s.nonce[:n]) {
			return n
		}
	}
	return 0
}

// section is one piece of an answer.
type section struct {
	kind string
	args []string
	data []byte
}

func (s *section) num(i int) (int, bool) {
	if i >= len(s.args) {
		return 0, false
	}
	n, err := strconv.Atoi(s.args[i])
	return n, err == nil
}

// kept keeps the beginning and the end of an output.
type kept struct {
	limit     int
	head      []byte
	tail      []byte
	at        int // where the ring of the tail begins
	full      bool
	truncated bool
}

func (k *kept) write(p []byte) {
	if room := k.limit/2 - len(k.head); room > 0 {
		n := min(room, len(p))
		k.head = append(k.head, p[:n]...)
		p = p[n:]
	}
	for len(p) > 0 {
		if !k.full {
			n := min(k.limit-k.limit/2-len(k.tail), len(p))
			k.tail = append(k.tail, p[:n]...)
			p = p[n:]
			k.full = len(k.tail) >= k.limit-k.limit/2
			continue
		}
		if len(k.tail) == 0 {
			k.truncated = true
			return
		}
		k.truncated = true
		n := copy(k.tail[k.at:], p)
		k.at = (k.at + n) % len(k.tail)
		p = p[n:]
	}
}

func (k *kept) bytes() []byte {
	out := make([]byte, 0, len(k.head)+len(k.tail))
	out = append(out, k.head...)
	out = append(out, k.tail[k.at:]...)
	return append(out, k.tail[:k.at]...)
}

// execution is a command while it runs, and its result.
type execution struct {
	started, outEnd, errEnd bool
	pid, rc                 int
	left                    bool // something of it is still running
	expired                 bool // it is being ended because its time is over
	refused                 string
	out, err                kept
	begin, end              time.Time
}

// receiver takes the two streams of one frame apart. It is told beforehand what
// may come; anything else is an error.
type receiver struct {
	mu       sync.Mutex
	in       [2]splitter
	cur      [2]*section
	running  [2]int // the command whose output comes, or -1
	sections [2][]*section
	execs    map[int]*execution
	noise    [2][]byte
	seq      string
	ended    [2]bool
	room     int // bytes of answer still allowed
	live     func(op int, stderr bool, chunk []byte)
	onStart  func(op, pid int)
	onEnd    func(op int)
	err      error
	done     chan struct{}
	active   time.Time
}

func newReceiver(nonce string, seq int, lim Limits) *receiver {
	r := &receiver{execs: map[int]*execution{}, seq: strconv.Itoa(seq), room: lim.Answer, done: make(chan struct{}), active: time.Now()}
	for i := range r.in {
		r.in[i].nonce = []byte(nonce)
		r.running[i] = -1
	}
	return r
}

// expect announces that command op may run.
func (r *receiver) expect(op int, lim Limits) {
	r.execs[op] = &execution{out: kept{limit: lim.Output}, err: kept{limit: lim.Output}}
}

// feed takes bytes of stdout (0) or stderr (1).
func (r *receiver) feed(stream int, b []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active = time.Now()
	if r.err != nil || r.finished() {
		return
	}
	err := r.in[stream].feed(b, func(p []byte) { r.data(stream, p) }, func(h string) error { return r.mark(stream, h) })
	if err != nil && r.err == nil {
		r.err = err
	}
	if r.err != nil || r.finished() {
		close(r.done)
	}
}

// silent tells whether no answer came, not even the beginning of one.
func (r *receiver) silent() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.sections[0])+len(r.sections[1]) == 0 && r.cur == [2]*section{} && r.ended == [2]bool{}
}

func (r *receiver) finished() bool { return r.ended[0] && r.ended[1] }

func (r *receiver) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil && !r.finished() {
		r.err = err
		close(r.done)
	}
}

func (r *receiver) data(stream int, p []byte) {
	if op := r.running[stream]; op >= 0 {
		x := r.execs[op]
		if stream == 0 {
			x.out.write(p)
		} else {
			x.err.write(p)
		}
		if r.live != nil {
			r.live(op, stream == 1, p)
		}
		return
	}
	if s := r.cur[stream]; s != nil {
		if r.room -= len(p); r.room < 0 {
			r.err = protocolError("the host answers more than is allowed")
			return
		}
		s.data = append(s.data, p...)
		return
	}
	if n := maxNoise - len(r.noise[stream]); n > 0 {
		r.noise[stream] = append(r.noise[stream], p[:min(n, len(p))]...)
	}
}

func (r *receiver) mark(stream int, h string) error {
	f := strings.Fields(h)
	if len(f) == 0 {
		return protocolError("an answer's header is empty")
	}
	if r.ended[stream] {
		return protocolError("the host answers more than it was asked")
	}
	if r.room -= len(h) + 64; r.room < 0 {
		return protocolError("the host answers more than is allowed")
	}
	s := &section{kind: f[0], args: f[1:]}
	switch s.kind {
	case "x", "y", "z":
		return r.markExec(stream, s)
	case "e":
		if len(s.args) != 1 || s.args[0] != r.seq || r.running[stream] >= 0 {
			return protocolError("the host ends an answer that is not the one asked for")
		}
		r.ended[stream] = true
		r.cur[stream] = nil
		return nil
	}
	if r.running[stream] >= 0 {
		return protocolError("an answer %q comes inside a command's output", s.kind)
	}
	if s.kind == "f" && stream == 1 {
		// What was said on stderr so far is about this failure.
		s.data, r.noise[1] = r.noise[1], nil
		r.sections[1] = append(r.sections[1], s)
		r.cur[1] = nil
		return nil
	}
	r.sections[stream] = append(r.sections[stream], s)
	r.cur[stream] = s
	if stream == 1 && s.kind == "G" {
		r.cur[1] = nil
	}
	return nil
}

// markExec follows a command: x it starts, z it cannot be started, y it ended.
func (r *receiver) markExec(stream int, s *section) error {
	op, ok := s.num(0)
	x := r.execs[op]
	if !ok || x == nil {
		return protocolError("the host speaks of a command that was not sent")
	}
	switch s.kind {
	case "x":
		pid, ok := s.num(1)
		if !ok || pid < 0 || r.running[stream] >= 0 || (stream == 0 && x.started) {
			return protocolError("a command starts twice")
		}
		r.running[stream] = op
		if stream == 0 {
			x.started, x.pid, x.begin = true, pid, time.Now()
			if r.onStart != nil {
				r.onStart(op, pid)
			}
		} else {
			r.noise[1] = nil
		}
	case "z":
		if stream != 0 || r.running[0] != op || len(s.args) != 2 {
			return protocolError("a command is refused that was not started")
		}
		x.refused = s.args[1]
	case "y":
		return r.execEnded(stream, op, x, s)
	}
	return nil
}

func (r *receiver) execEnded(stream, op int, x *execution, s *section) error {
	rc, ok := s.num(1)
	left, ok2 := s.num(2)
	if !ok || !ok2 || r.running[stream] != op {
		return protocolError("a command ends that does not run")
	}
	r.running[stream], r.cur[stream] = -1, nil
	if stream == 1 {
		x.errEnd = true
	} else {
		x.outEnd, x.rc, x.left, x.end = true, rc, left != 0, time.Now()
	}
	if x.outEnd && x.errEnd && r.onEnd != nil {
		r.onEnd(op)
	}
	return nil
}

// idle is how long nothing came, while no command of the playbook runs.
func (r *receiver) idle() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running[0] >= 0 || r.running[1] >= 0 {
		return 0
	}
	return time.Since(r.active)
}

// touch notes activity of the sending side.
func (r *receiver) touch() {
	r.mu.Lock()
	r.active = time.Now()
	r.mu.Unlock()
}
