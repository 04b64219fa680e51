package remote

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/fairlead-project/fairlead/engine/state"
)

// How contents travel: text up to maxInline within the frame as long as the
// frame stays below maxText, all else raw behind it.
const (
	maxInline = 64 << 10
	maxText   = 1 << 20
)

// frame is one message to a kept shell.
type frame struct {
	text  *bytes.Buffer
	raws  []rawContent
	sent  *meter
	procs int // processes that the driver will start, by construction
	needs parts
	asks  bool // it holds questions alone, and nothing private
}

// texts are buffers of frames that were sent.
var texts = sync.Pool{New: func() any { return bytes.NewBuffer(make([]byte, 0, 8<<10)) }}

// newFrame makes an empty frame.
func newFrame() *frame { return &frame{text: texts.Get().(*bytes.Buffer), needs: partBase} }

// release gives the text up.
func (f *frame) release() {
	if f.text.Cap() <= largeFrame {
		f.text.Reset()
		texts.Put(f.text)
	}
	f.text = nil
}

// rawContent is a content that goes behind the frame, for an operation.
type rawContent struct {
	*state.Content
	op int
}

// cmd adds a line: a word of ours and quoted arguments.
func (f *frame) cmd(verb string, args ...string) {
	f.text.WriteString(verb)
	for _, a := range args {
		f.text.WriteByte(' ')
		writeQuoted(f.text, a)
	}
}

func (f *frame) line(verb string, args ...string) {
	f.cmd(verb, args...)
	f.text.WriteByte('\n')
}

// form is how a shell gets a frame.
type form int

const (
	// sized: a length, and so many bytes, for which a dd is started.
	sized form = iota
	// lined: "l" and a number of lines. The shell reads them itself, byte by byte,
	// which costs less than a process as long as they are few.
	lined
	// script: the script of a shell that was started without one; then it reads
	// frames. It reads ahead, so that nothing may follow before it has answered.
	script
	// carried: a script within the command that starts the shell; see carry.
	carried
)

// maxLined is the length from which dd is the cheaper reader.
const maxLined = 3000

// encoded is a frame without its raw sections as it goes to the shell.
type encoded struct {
	before []string
	text   *bytes.Buffer
	after  string
}

// encode frames the text. All of it is one group, so that a frame that was cut off is
// a syntax error as a whole and nothing of it runs.
func (f *frame) encode(prologue []string, seq int, as form) encoded {
	begin, end := "{\n", "_M e "+strconv.Itoa(seq)+"\n}"
	switch as {
	case lined:
		end += "\n"
	case script, carried:
		begin += wire + "\n"
		end = strings.TrimSuffix(end, "}") + frames + "\n}\n"
	}
	var head string
	switch as {
	case sized:
		n := len(begin) + f.text.Len() + len(end)
		for _, p := range prologue {
			n += len(p)
		}
		head = strconv.Itoa(n) + "\n"
	case lined:
		lines := strings.Count(begin, "\n") + bytes.Count(f.text.Bytes(), []byte("\n")) + strings.Count(end, "\n")
		head = "l" + strconv.Itoa(lines) + "\n"
	}
	return encoded{before: append([]string{head, begin}, prologue...), text: f.text, after: end}
}

// size is the length in bytes.
func (e encoded) size() int {
	n := e.text.Len() + len(e.after)
	for _, p := range e.before {
		n += len(p)
	}
	return n
}

// send writes the frame in pieces of a size that suits the way to the host.
func (e encoded) send(w io.Writer) error {
	buf := readBuffers.Get().(*[readBuffer]byte)
	defer readBuffers.Put(buf)
	piece := len(buf)
	if e.size() <= largeFrame {
		piece = smallPiece
	}
	p := pieces{w: w, buf: buf[:0:piece]}
	for _, s := range e.before {
		if err := write(&p, s); err != nil {
			return err
		}
	}
	if err := write(&p, e.text.Bytes()); err != nil {
		return err
	}
	if err := write(&p, e.after); err != nil {
		return err
	}
	return p.flush()
}

// A connection keeps two buffers of the size of the largest packet that it ever sent. A
// frame of usual size goes in pieces that fit, as packets, into 2 KiB: a system call more
// for each, and a fifth of the memory of a host whose shell is kept less than in one packet.
const (
	smallPiece = 1990
	largeFrame = 32 << 10
)

// pieces gathers what is written up to the capacity of buf.
type pieces struct {
	w   io.Writer
	buf []byte
}

func write[T string | []byte](p *pieces, b T) error {
	for len(b) > 0 {
		n := min(len(b), cap(p.buf)-len(p.buf))
		p.buf = append(p.buf, b[:n]...)
		b = b[n:]
		if len(p.buf) == cap(p.buf) {
			if err := p.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *pieces) flush() error {
	if len(p.buf) == 0 {
		return nil
	}
	_, err := p.w.Write(p.buf)
	p.buf = p.buf[:0]
	return err
}

// shortText tells whether a frame is better read line by line. What is not ASCII is
// not: old shells have bytes of their own above it.
func (f *frame) shortText() bool {
	return f.text.Len() <= maxLined && !bytes.ContainsFunc(f.text.Bytes(), func(r rune) bool { return r >= utf8.RuneSelf })
}

// content adds a content to the frame and says how _w and _ip get it: inline
// text has been put into _c before.
func (f *frame) content(n string, c *state.Content) (kind, arg string) {
	if c.Data != nil && len(c.Data) <= maxInline && f.text.Len() < maxText && inlineable(c.Data) {
		f.text.WriteString("_c=")
		writeQuoted(f.text, c.Data)
		f.text.WriteByte('\n')
		return "i", ""
	}
	op, _ := strconv.Atoi(n)
	f.raws = append(f.raws, rawContent{c, op})
	f.procs += int((c.Size + rawBlock - 1) / rawBlock)
	return "r", fmt.Sprint(c.Size)
}

// rawBlock is the block of _raw in driver.sh.
const rawBlock = 4 << 20

// inlineable tells whether a content may stand between single quotes: no NUL,
// and few quotes, because quoting them back is quadratic in bash.
func inlineable(b []byte) bool {
	if bytes.IndexByte(b, 0) >= 0 {
		return false
	}
	return bytes.Count(b, []byte("'")) <= 200
}

// sendRaw writes the raw sections. Exactly the announced number of bytes is
// written, or an error returned, after which the wire cannot be used.
func (f *frame) sendRaw(w io.Writer) error {
	buf := make([]byte, 0)
	for _, c := range f.raws {
		r, err := c.Reader()
		if err != nil {
			return fmt.Errorf("content to send: %w", err)
		}
		if len(buf) == 0 {
			buf = make([]byte, 128<<10)
		}
		n, err := io.CopyBuffer(struct{ io.Writer }{w}, f.sent.reader(c.op, io.LimitReader(r, c.Size), 0, c.Size), buf)
		_ = r.Close()
		if err != nil {
			return fmt.Errorf("content to send: %w", err)
		}
		if n != c.Size {
			return fmt.Errorf("content to send ended after %d of %d bytes", n, c.Size)
		}
	}
	return nil
}

// checkText refuses what cannot stand in a shell text.
func checkText(what string, texts ...string) error {
	for _, s := range texts {
		if strings.IndexByte(s, 0) >= 0 {
			return fmt.Errorf("%s holds a NUL byte", what)
		}
	}
	return nil
}
