package remote

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
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
	text  bytes.Buffer
	raws  []rawContent
	sent  *meter
	procs int // processes that the driver will start, by construction
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
		writeQuoted(&f.text, a)
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
)

// maxLined is the length from which dd is the cheaper reader.
const maxLined = 3000

// encode gives the bytes of the frame without its raw sections. All of the text
// is one group, so that a frame that was cut off is a syntax error as a whole
// and nothing of it runs.
func (f *frame) encode(prologue []string, seq int, as form) []byte {
	begin, end := "{\n", "_M e "+strconv.Itoa(seq)+"\n}"
	switch as {
	case lined:
		end += "\n"
	case script:
		begin += wire + "\n"
		end = strings.TrimSuffix(end, "}") + frames + "\n}\n"
	}
	n := len(begin) + f.text.Len() + len(end)
	for _, p := range prologue {
		n += len(p)
	}
	b := make([]byte, 0, n+len("4294967295\n"))
	switch as {
	case sized:
		b = append(strconv.AppendInt(b, int64(n), 10), '\n')
	case lined:
		lines := strings.Count(begin, "\n") + bytes.Count(f.text.Bytes(), []byte("\n")) + strings.Count(end, "\n")
		b = append(strconv.AppendInt(append(b, 'l'), int64(lines), 10), '\n')
	}
	b = append(b, begin...)
	for _, p := range prologue {
		b = append(b, p...)
	}
	b = append(b, f.text.Bytes()...)
	return append(b, end...)
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
		writeQuoted(&f.text, c.Data)
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
