package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"unicode/utf8"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/fairlead-project/fairlead/engine/run"
)

// keyboard reads what is typed at a terminal a key at a time, so that a wait for an
// answer ends with the run, and Ctrl+C in a pause asks what to do, as in Ansible.
type keyboard struct {
	fd      int
	out     io.Writer
	shown   bool // what is typed
	pausing bool // Ctrl+C asks whether to go on; otherwise it ends the run
	timed   bool // only Ctrl+C counts
}

// Keys, as terminals send them.
const (
	keyInterrupt = 0x03
	keyEnd       = 0x04
	keyBackspace = 0x08
	keyKill      = 0x15
	keyDelete    = 0x7f
)

// line reads until Enter. Its errors are run.ErrAborted, io.EOF and those of ctx.
func (k keyboard) line(ctx context.Context) (string, error) {
	if owner, err := unix.IoctlGetInt(k.fd, unix.TIOCGPGRP); err == nil && owner != unix.Getpgrp() {
		return "", io.EOF // in the background nobody types for this program
	}
	before, err := term.MakeRaw(k.fd)
	if err != nil {
		return "", err
	}
	defer func() { _ = term.Restore(k.fd, before) }()
	var line []byte
	for {
		key, err := k.next(ctx)
		if err != nil {
			return "", err
		}
		switch {
		case key == keyInterrupt && k.pausing:
			return string(line), k.interrupted(ctx)
		case key == keyInterrupt:
			fmt.Fprint(k.out, "\r\n")
			_ = syscall.Kill(os.Getpid(), syscall.SIGINT) // as if the terminal had sent it
			return "", context.Canceled
		case k.timed:
		case key == '\r' || key == '\n':
			fmt.Fprint(k.out, "\r\n")
			return string(line), nil
		case key == keyEnd && len(line) == 0:
			return "", io.EOF
		case key == keyDelete || key == keyBackspace || key == keyKill:
			line = k.erase(line, key == keyKill)
		case key >= ' ':
			line = append(line, key)
			if k.shown {
				_, _ = k.out.Write([]byte{key})
			}
		}
	}
}

// interrupted asks what becomes of a pause; nil ends it well.
func (k keyboard) interrupted(ctx context.Context) error {
	fmt.Fprint(k.out, "\r\nPress 'C' to continue the play or 'A' to abort \r\n")
	for {
		key, err := k.next(ctx)
		switch {
		case err != nil:
			return err
		case key == 'c' || key == 'C':
			return nil
		case key == 'a' || key == 'A':
			return run.ErrAborted
		case key == keyInterrupt:
			_ = syscall.Kill(os.Getpid(), syscall.SIGINT)
			return context.Canceled
		}
	}
}

// erase takes the last character away, or all.
func (k keyboard) erase(line []byte, all bool) []byte {
	for len(line) > 0 {
		_, n := utf8.DecodeLastRune(line)
		line = line[:len(line)-n]
		if k.shown {
			fmt.Fprint(k.out, "\b \b")
		}
		if !all {
			break
		}
	}
	return line
}

// next waits for a key. It looks every tenth of a second whether ctx is done.
func (k keyboard) next(ctx context.Context) (byte, error) {
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(k.fd), Events: unix.POLLIN}}, 100)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return 0, err
		}
		if n <= 0 {
			continue
		}
		var b [1]byte
		switch n, err := unix.Read(k.fd, b[:]); {
		case errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN):
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return b[0], nil
		}
	}
}
