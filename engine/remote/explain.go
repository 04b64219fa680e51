package remote

import (
	"errors"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/ssh"
	"github.com/fairlead-project/fairlead/engine/state"
)

var (
	ddTalk   = lazyregexp.New(`(?m)^(\d+\+\d+ records (in|out)|\d+ bytes? .*copied.*)\n?`)
	tempName = lazyregexp.New(`\.fairlead-[0-9a-f]{8}-(up-[0-9a-f]+|\d+)`)
	shTalk   = lazyregexp.New(`(?m)^(?:[\w./-]*sh|/bin/sh): (?:(?:eval: )?line )?\d+: (?:eval: )?`)
	control  = lazyregexp.New("[\x00-\x08\x0b-\x1f\x7f]")
)

// cleanMessage makes what tools said on stderr fit for people.
func cleanMessage(b []byte) string {
	s := strings.ToValidUTF8(string(b), "\uFFFD")
	s = ddTalk().ReplaceAllString(s, "")
	s = shTalk().ReplaceAllString(s, "")
	s = tempName().ReplaceAllString(s, "(temporary file)")
	s = control().ReplaceAllString(s, "")
	s = strings.TrimSpace(s)
	if s == "" {
		return "it failed without a word"
	}
	return s
}

// explain makes an error of a shell one that says what to do.
func (s *shell) explain(err error, rx *receiver) error {
	var classed diag.Classed
	if errors.As(err, &classed) {
		return err
	}
	if !errors.Is(err, errEnded) {
		if c := diag.ClassOf(err); c == diag.Cancelled || c == diag.Timeout {
			return cancelled(err)
		}
		return err
	}
	said := s.lastWords(rx)
	if s.id.Method != "" && (s.hello == nil) {
		return s.becomeError(said)
	}
	name := s.host.name()
	if s.host.cfg != nil {
		s.host.mu.Lock()
		c := s.host.client
		s.host.mu.Unlock()
		if c != nil && lost(c) {
			return diag.New(diag.Unreachable, diag.Pos{}, "connection-lost", "the connection to %s was lost: %w", name, c.Err()).
				WithHint("is the host up, and does the network let idle connections live?")
		}
	}
	d := diag.New(diag.Unreachable, diag.Pos{}, "shell-ended", "the shell on %s ended: %w", name, err)
	if said != "" {
		d.Msg = "the shell on " + name + " ended: " + said
	}
	return d.WithHint("can the user log in and run /bin/sh?")
}

// lost tells whether a connection has ended, which shows a moment after the end
// of what went over it.
func lost(c *ssh.Client) bool {
	select {
	case <-c.Done():
		return true
	case <-time.After(100 * time.Millisecond):
		return false
	}
}

// lastWords is what the shell said besides answers.
func (s *shell) lastWords(rx *receiver) string {
	var b []byte
	if rx != nil {
		rx.mu.Lock()
		b = append(append(b, rx.noise[1]...), rx.noise[0]...)
		rx.mu.Unlock()
	}
	s.mu.Lock()
	b = append(append(b, s.left[1]...), s.left[0]...)
	s.mu.Unlock()
	if len(b) == 0 {
		return ""
	}
	out := cleanMessage(lastBytes(b, 1000))
	if s.id.Password != "" {
		out = strings.ReplaceAll(out, s.id.Password, "********")
	}
	return out
}

// inDoubt marks an error that came while a command ran whose end is not known.
func inDoubt(err error, ops []state.Op, rx *receiver) error {
	rx.mu.Lock()
	defer rx.mu.Unlock()
	for i, op := range ops {
		x := rx.execs[i]
		if x == nil || !x.started || x.outEnd || op.Reach() == state.ReachNone {
			continue
		}
		if c := diag.ClassOf(err); c != diag.Cancelled && c != diag.Timeout {
			return diag.New(diag.InDoubt, diag.Pos{}, "in-doubt", "%s was started and its end is not known: %w", op.String(), err).
				WithHint("look at the host before running it again")
		}
	}
	return err
}
