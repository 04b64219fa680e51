package remote

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/pyre"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// findTerminal looks for a program that runs another one on a terminal, and passes
// on between that and its own streams.
const findTerminal = `if script --version 2>/dev/null | grep util-linux >/dev/null; then set -- script -qefc 'eval "$_fairlead"' /dev/null
elif command -v python3 >/dev/null 2>&1; then set -- python3 -c 'import os,pty,sys
r=pty.spawn(["/bin/sh","-c",sys.argv[1]]); r=os.WEXITSTATUS(r) if os.WIFEXITED(r) else 128+os.WTERMSIG(r); sys.exit(r)' 'eval "$_fairlead"'
else echo "no script (of util-linux) and no python3 to have a terminal" >&2; exit 127; fi
_shell=${SHELL-} _path=${PATH%"` + systemPath + `"} SHELL=/bin/sh; export _fairlead _shell _path SHELL
`

// beforeAnswer is how long an answer waits: a program may ask before it turns the
// echo off, and forget what was typed before that.
const beforeAnswer = 50 * time.Millisecond

// Expect runs a program on a terminal of the host and answers its questions. The
// error is for the connection; how the program ended is in the result.
func (h *Host) Expect(ctx context.Context, as state.Identity, o state.Expect) (state.OpResult, error) {
	d := &dialog{o: o, mark: "fairlead-" + randomHex(16), out: kept{limit: h.opts.Limits.Output}, given: make([]int, len(o.Replies))}
	for _, r := range o.Replies {
		re, err := pyre.Compile("(?s)" + r.Pattern)
		if err != nil {
			return state.OpResult{}, diag.New(diag.Usage, diag.Pos{}, "expect", "the pattern %q: %w", r.Pattern, err)
		}
		d.patterns = append(d.patterns, re)
	}
	text, err := d.program()
	if err != nil {
		return state.OpResult{}, err
	}
	run := func() (*pipeConn, error) {
		return h.relay(ctx, as, "a terminal", "_fairlead="+quote(text)+"\n"+findTerminal,
			`sh -c '"$@"; echo "`+d.mark+` $?" >&2' sh "$@"`)
	}
	c, err := run()
	if h.noteTTY(as, err) {
		c, err = run()
	}
	if err != nil {
		return state.OpResult{}, err
	}
	defer func() { _ = c.Close() }()
	res := state.OpResult{OK: true, Start: time.Now()}
	end, err := d.talk(ctx, c)
	if d.pid > 0 && (err != nil || end != state.ExpectEnd{}) {
		h.hangUp(ctx, as, d.pid)
	}
	if err != nil {
		return res, err
	}
	res.End, res.Data, res.Stdout, res.StdoutTruncated = time.Now(), end, d.out.bytes(), d.out.truncated
	if d.refused != "" {
		return execResult(state.Exec{Argv: o.Argv, Chdir: o.Chdir}, &execution{refused: d.refused}), nil
	}
	if end != (state.ExpectEnd{}) {
		return res, nil
	}
	_, code, _ := strings.Cut(c.errors(), d.mark+" ")
	code, _, _ = strings.Cut(code, "\n")
	if res.RC, err = strconv.Atoi(strings.TrimSpace(code)); err != nil {
		return res, fmt.Errorf("%s: it did not say how it ended: %s", o, cleanMessage([]byte(c.errors())))
	}
	return res, nil
}

// hangUp ends a program, and what it started, as one whose terminal is gone.
func (h *Host) hangUp(ctx context.Context, as state.Identity, pid int) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	text := fmt.Sprintf("kill -HUP -%[1]d && { sleep 0.2; kill -KILL -%[1]d; }", pid)
	_, _ = h.Do(ctx, state.Batch{As: as, Ops: []state.Op{state.Exec{Shell: text}}}) // it may have ended
}

// dialog is one program and what is said to it.
type dialog struct {
	o        state.Expect
	patterns []*pyre.Regexp
	given    []int // answers of each reply
	mark     string
	pid      int    // of the program, once it runs
	refused  string // why it does not
	buf      []byte // what was not matched yet
	out      kept
}

// program is the text that becomes the program, on the terminal. It first says its
// own number, or why there will be none.
func (d *dialog) program() (string, error) {
	o := d.o
	if err := checkText("a command", append(append([]string{o.Chdir}, o.Argv...), o.Env...)...); err != nil {
		return "", err
	}
	f := newFrame()
	defer f.release()
	f.text.WriteString("SHELL=$_shell PATH=$_path; unset _shell _path _fairlead\n")
	if o.Chdir != "" {
		f.text.WriteString("cd " + quote(o.Chdir) + " 2>/dev/null || { echo " + d.mark + " chdir; exit 1; }\n")
	}
	for _, e := range o.Env {
		name, val, ok := strings.Cut(e, "=")
		if !ok || !envName().MatchString(name) {
			return "", diag.New(diag.Usage, diag.Pos{}, "environment", "%q is no name of an environment variable", name)
		}
		f.text.WriteString("export " + name + "=" + quote(val) + "\n")
	}
	echo := "-echo"
	if o.Echo {
		echo = "echo"
	}
	f.text.WriteString("command -v " + quote(o.Argv[0]) + " >/dev/null 2>&1 || { echo " + d.mark + " program; exit 127; }\n" +
		"stty rows 24 cols 80 " + echo + " 2>/dev/null\necho " + d.mark + " $$\nexec ")
	f.cmd(quote(o.Argv[0]), o.Argv[1:]...)
	return f.text.String(), nil
}

// talk answers until the program ends, or nothing comes that was waited for.
func (d *dialog) talk(ctx context.Context, c *pipeConn) (state.ExpectEnd, error) {
	said, over := make(chan []byte), make(chan struct{})
	defer close(over)
	go func() { // ends with the connection, which the caller closes
		defer close(said)
		for {
			b := make([]byte, 32<<10)
			n, err := c.Read(b)
			if n > 0 {
				select {
				case said <- b[:n]:
				case <-over:
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	limit := &limit{d: d.o.Timeout}
	defer limit.stop()
	for {
		if limit.began = d.begun(); limit.began {
			i, end, err := d.find()
			if err != nil {
				return state.ExpectEnd{}, err
			}
			if i >= 0 {
				unanswered, err := d.answer(ctx, c, i, end)
				if err != nil || unanswered != (state.ExpectEnd{}) {
					return unanswered, err
				}
				limit.restart()
				continue
			}
		}
		select {
		case b, more := <-said:
			if !more {
				d.out.write(d.buf)
				return state.ExpectEnd{}, nil
			}
			d.hear(b)
		case <-limit.over():
			d.out.write(d.buf)
			return state.ExpectEnd{TimedOut: true}, nil
		case <-ctx.Done():
			d.awaitNumber(said)
			return state.ExpectEnd{}, cancelled(ctx.Err())
		}
	}
}

// awaitNumber waits a moment for the number of a program that is just starting, by
// which it can be ended.
func (d *dialog) awaitNumber(said <-chan []byte) {
	soon := time.NewTimer(grace)
	defer soon.Stop()
	for !d.begun() {
		select {
		case b, more := <-said:
			if !more {
				return
			}
			d.hear(b)
		case <-soon.C:
			return
		}
	}
}

// expectWindow is how much of what was written is looked at for replies, at least.
const expectWindow = 16 << 10

// hear takes what was written. Of a program that writes without end only the last part is
// kept to look for replies in.
func (d *dialog) hear(b []byte) {
	if d.buf = append(d.buf, b...); len(d.buf) > 2*expectWindow {
		past := len(d.buf) - expectWindow
		d.out.write(d.buf[:past])
		d.buf = bytes.Clone(d.buf[past:])
	}
}

// begun reads the first line, which is ours, and tells whether it came.
func (d *dialog) begun() bool {
	if d.pid > 0 {
		return true
	}
	i := bytes.Index(d.buf, []byte(d.mark+" "))
	if i < 0 {
		return false
	}
	line, rest, ok := bytes.Cut(d.buf[i+len(d.mark)+1:], []byte("\n"))
	if !ok {
		return false
	}
	word := strings.TrimSpace(string(line))
	d.buf = rest
	var err error
	if d.pid, err = strconv.Atoi(word); err != nil {
		d.refused = word
	}
	return err == nil
}

// find says which reply comes first in what was written, and where it ends there;
// -1 for none.
func (d *dialog) find() (reply, end int, err error) {
	reply, first := -1, 0
	for i, re := range d.patterns {
		m, err := re.Search(d.buf)
		if err != nil {
			return -1, 0, fmt.Errorf("the pattern %q: %w", d.o.Replies[i].Pattern, err)
		}
		if m != nil && (reply < 0 || m.Start() < first) {
			reply, first, end = i, m.Start(), m.End()
		}
	}
	return reply, end, nil
}

// answer gives a reply's next answer to what was written up to end.
func (d *dialog) answer(ctx context.Context, c *pipeConn, reply, end int) (state.ExpectEnd, error) {
	r := d.o.Replies[reply]
	matched := d.buf[:end]
	d.buf = d.buf[end:]
	d.out.write(matched)
	text := 0
	if r.Once {
		if text = d.given[reply]; text == len(r.Answers) {
			return state.ExpectEnd{Unanswered: r.Pattern, Output: value.String(string(matched)).Repr()}, nil
		}
		d.given[reply]++
	}
	select {
	case <-time.After(beforeAnswer):
	case <-ctx.Done():
		return state.ExpectEnd{}, cancelled(ctx.Err())
	}
	_, _ = c.Write([]byte(r.Answers[text] + "\n")) // when it ended meanwhile, reading says so
	return state.ExpectEnd{}, nil
}

// limit is a time that may pass without an answer, 0 for ever. It begins when the
// program has begun.
type limit struct {
	d     time.Duration
	began bool
	t     *time.Timer
}

func (l *limit) restart() {
	if l.t != nil {
		l.t.Reset(l.d)
	}
}

func (l *limit) over() <-chan time.Time {
	if l.d <= 0 || !l.began {
		return nil
	}
	if l.t == nil {
		l.t = time.NewTimer(l.d)
	}
	return l.t.C
}

func (l *limit) stop() {
	if l.t != nil {
		l.t.Stop()
	}
}
