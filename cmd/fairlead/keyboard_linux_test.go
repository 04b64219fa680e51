package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fairlead-project/fairlead/engine/run"
)

// TestKeyboard: a line can be corrected, and Ctrl+C in a pause asks what becomes of it.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keys, want, shows string
		k                 keyboard
		err               error
	}{
		"line":      {keys: "hello thére\x7f\x7f\x7fommy\r", want: "hello thommy", shows: "hello thére\b \b\b \b\b \bommy\r\n", k: keyboard{shown: true}},
		"killed":    {keys: "ab\x15c\n", want: "c", shows: "ab\b \b\b \bc\r\n", k: keyboard{shown: true}},
		"hidden":    {keys: "secret\x7fs\r", want: "secres", shows: "\r\n"},
		"nobody":    {keys: "\x04", err: io.EOF},
		"go on":     {keys: "x\x03zC", want: "x", shows: "\r\nPress 'C' to continue the play or 'A' to abort \r\n", k: keyboard{pausing: true}},
		"abort":     {keys: "\x03a", err: run.ErrAborted, shows: "\r\nPress 'C' to continue the play or 'A' to abort \r\n", k: keyboard{pausing: true}},
		"cut short": {keys: "\rx\r\x03c", shows: "\r\nPress 'C' to continue the play or 'A' to abort \r\n", k: keyboard{pausing: true, timed: true}},
		"its time":  {keys: "\rx\r", err: context.DeadlineExceeded, k: keyboard{pausing: true, timed: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			master, tty := terminal(t)
			var shows bytes.Buffer
			c.k.fd, c.k.out = int(tty.Fd()), &shows
			before, err := unix.IoctlGetTermios(c.k.fd, unix.TCGETS)
			if err != nil {
				t.Fatal(err)
			}
			raw := *before // as it is while keys are read, so that none of these is taken for a signal
			raw.Lflag &^= unix.ISIG | unix.ICANON | unix.ECHO
			raw.Iflag &^= unix.ICRNL
			if err := unix.IoctlSetTermios(c.k.fd, unix.TCSETS, &raw); err != nil {
				t.Fatal(err)
			}
			if _, err := master.WriteString(c.keys); err != nil {
				t.Fatal(err)
			}
			limit := 10 * time.Second
			if errors.Is(c.err, context.DeadlineExceeded) {
				limit = 50 * time.Millisecond
			}
			ctx, stop := context.WithTimeout(t.Context(), limit)
			defer stop()
			got, err := c.k.line(ctx)
			if !errors.Is(err, c.err) || got != c.want || shows.String() != c.shows {
				t.Errorf("%q, %v; the terminal shows %q", got, err, shows.String())
			}
			after, err := unix.IoctlGetTermios(c.k.fd, unix.TCGETS)
			if err != nil || *after != raw {
				t.Errorf("%v: the terminal is left otherwise", err)
			}
		})
	}
}
