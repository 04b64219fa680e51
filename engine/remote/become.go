package remote

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/state"
)

// plainWord is what may stand in a command line for an unknown login shell.
var plainWord = lazyregexp.New(`^[A-Za-z0-9_@%+=:,./-]+$`)

// throughShell is a flag of sudo by which it hands the command to the user's own
// shell, with a backslash before all but letters, digits and dollars: no text with
// variables comes through that.
var throughShell = lazyregexp.New(`^(-[AbEHKknPS]*[is][AbEHKknPSis]*|--login|--shell)$`)

// plainShell is the command of a login's own shell, which reads its script.
const plainShell = "exec /bin/sh"

// becoming is how a change of identity is put to a host.
type becoming struct {
	command string
	// script: the shell reads its script, and then frames, from its standard input.
	script bool
	// ready is what the shell says when it runs; "" when it need not be waited
	// for, because nothing reads the wire before it.
	ready string
	// tty: the password is asked for on a terminal, whatever the streams are.
	tty bool
	// prompt is what asks for the password; "" means any line that ends so.
	prompt string
}

// become makes the command line of an identity's shell.
func become(id state.Identity) (becoming, error) {
	user := id.User
	if user == "" {
		user = "root"
	}
	flags := strings.Fields(id.Flags)
	for _, w := range append([]string{user, "x" + id.Exe}, flags...) {
		if !plainWord().MatchString(w) {
			return becoming{}, diag.New(diag.Usage, diag.Pos{}, "become", "%q cannot stand in a become command line", strings.TrimPrefix(w, "x"))
		}
	}
	if strings.ContainsAny(id.Password, "\n\x00") {
		return becoming{}, diag.New(diag.Usage, diag.Pos{}, "become", "the become password holds a line break")
	}
	method := strings.TrimPrefix(strings.TrimPrefix(id.Method, "ansible.builtin."), "community.general.")
	exe := id.Exe
	if exe == "" {
		exe = method
	}
	b := becoming{}
	run := loop
	if id.Password != "" {
		b.ready = "fairlead-" + randomHex(8)
		run = "echo " + b.ready + ";" + loop
	}
	switch method {
	case "":
		b.command, b.script = plainShell, true
		b.ready = ""
	case "sudo":
		if slices.ContainsFunc(flags, throughShell().MatchString) {
			run, b.script = strings.TrimSuffix(run, loop)+plainShell, true
		}
		b.command = "exec " + exe + " " + sudoFlags(flags, &b, id.Password != "") + " -u " + user + " /bin/sh -c '" + run + "'"
	case "su", "runuser":
		b.command = "exec " + exe + " " + strings.Join(flags, " ") + " -s /bin/sh " + user + " -c '" + run + "'"
	case "doas":
		if b.tty = id.Password != ""; !b.tty {
			flags = append(flags, "-n")
		}
		b.command = exe + " " + strings.Join(flags, " ") + " -u " + user + " /bin/sh -c '" + run + "'"
		if !b.tty {
			b.command = "exec " + b.command
		}
	default:
		return b, diag.New(diag.Usage, diag.Pos{}, "become-method", "there is no become method %q", id.Method).
			WithHint("there are sudo, su, runuser and doas")
	}
	return b, nil
}

// sudoFlags are given flags or -H; -n without a password, else -S and a prompt
// of ours.
func sudoFlags(flags []string, b *becoming, password bool) string {
	if len(flags) == 0 {
		flags = []string{"-H"}
	}
	var out []string
	for _, w := range flags {
		if w != "-n" && w != "-S" && w != "--non-interactive" && w != "--stdin" {
			out = append(out, w)
		}
	}
	if !password {
		return strings.Join(append(out, "-n"), " ")
	}
	b.prompt = "fairlead-prompt-" + randomHex(8) + ":"
	return strings.Join(append(out, "-S", "-p", b.prompt), " ")
}

// start starts the shell of an identity and answers the password prompt.
func (h *Host) start(ctx context.Context, id state.Identity) (*shell, error) {
	b, err := become(id)
	if err != nil {
		return nil, err
	}
	s, err := h.startAs(ctx, id, b)
	if h.noteTTY(id, err) {
		return h.startAs(ctx, id, b)
	}
	return s, err
}

func (h *Host) startAs(ctx context.Context, id state.Identity, b becoming) (*shell, error) {
	t, err := h.transport(ctx)
	if err != nil {
		return nil, err
	}
	if b.tty && h.cfg == nil {
		return nil, diag.New(diag.Become, diag.Pos{}, "become-password", "%s asks for its password on a terminal, which a local connection has not", id).
			WithHint("allow it in doas.conf with nopass, or use sudo")
	}
	begin := func() (*process, error) {
		if b.tty || h.needsTTY(id) {
			return startWithTTY(ctx, t, b.command)
		}
		if o, ok := t.(opener); ok && b.command == plainShell {
			return o.open(ctx)
		}
		return t.start(ctx, b.command, false)
	}
	p, err := begin()
	if err != nil && diag.ClassOf(err) == diag.Unreachable && h.cfg != nil {
		// The connection was lost since it was last used, and nothing was sent:
		// one new one is tried.
		if t, err = h.transport(ctx); err == nil {
			p, err = begin()
		}
	}
	if err != nil {
		return nil, err
	}
	s := newShell(h, id, p)
	s.script = b.script
	if b.ready == "" {
		return s, nil
	}
	g := &greeting{ready: []byte(b.ready), prompt: []byte(b.prompt), asked: make(chan struct{}, 8), done: make(chan struct{})}
	s.mu.Lock()
	g.buf = [3][]byte{s.left[0], s.left[1]}
	s.left = [2][]byte{}
	s.rx = g
	s.mu.Unlock()
	g.look()
	if b.tty && p.term != nil {
		p.term.listen(func(text []byte) { g.feed(2, text) })
		defer p.term.listen(func([]byte) {})
	}
	if err := s.login1(ctx, g, b.tty); err != nil {
		s.close()
		return nil, err
	}
	s.listen(nil)
	return s, nil
}

// greeting looks for the prompt and for the shell's first words.
type greeting struct {
	mu      sync.Mutex
	ready   []byte
	prompt  []byte
	buf     [3][]byte // stdout, stderr, the terminal
	prompts int
	over    bool
	asked   chan struct{}
	done    chan struct{}
}

var anyPrompt = lazyregexp.New(`(?i)(password|passwort|mot de passe|[^\n]{1,60})[^\n]{0,40}[:：] ?$`)

func (g *greeting) feed(stream int, b []byte) {
	g.mu.Lock()
	if len(g.buf[stream]) < 64<<10 {
		g.buf[stream] = append(g.buf[stream], b...)
	}
	g.mu.Unlock()
	g.look()
}

func (g *greeting) look() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over {
		return
	}
	if bytes.Contains(g.buf[0], append(bytes.Clone(g.ready), '\n')) || bytes.Contains(g.buf[0], append(bytes.Clone(g.ready), '\r')) {
		g.over = true
		close(g.done)
		return
	}
	n := 0
	for _, b := range g.buf {
		if len(g.prompt) > 0 {
			n += bytes.Count(b, g.prompt)
		} else if anyPrompt().Match(b) {
			n = g.prompts + 1
		}
	}
	if len(g.prompt) == 0 && n > 0 {
		g.buf = [3][]byte{}
	}
	for ; g.prompts < n; g.prompts++ {
		select {
		case g.asked <- struct{}{}:
		default:
		}
	}
}

// login1 answers one prompt. A second one means that the password was wrong: it
// must not be answered with what comes next on the wire.
func (s *shell) login1(ctx context.Context, g *greeting, tty bool) error {
	in := io.Writer(s.p.in)
	if tty {
		in = s.p.term.in
	}
	limit := time.NewTimer(min(s.host.opts.OpTimeout, 30*time.Second))
	defer limit.Stop()
	sent := false
	for {
		select {
		case <-g.done:
			s.host.roundTrip()
			return nil
		case <-g.asked:
			s.host.roundTrip()
			if sent {
				return s.becomeError("the password was refused")
			}
			sent = true
			if _, err := in.Write([]byte(s.id.Password + "\n")); err != nil {
				return s.becomeError("")
			}
		case <-s.gone:
			select {
			case <-g.done:
				continue
			case <-time.After(100 * time.Millisecond):
			}
			g.mu.Lock()
			said := append(bytes.Clone(g.buf[1]), g.buf[0]...)
			g.mu.Unlock()
			text := strings.ReplaceAll(string(said), string(g.prompt), "")
			return s.becomeError(cleanMessage([]byte(text)))
		case <-ctx.Done():
			return cancelled(ctx.Err())
		case <-limit.C:
			return diag.New(diag.Become, diag.Pos{}, "become-timeout", "%s on %s neither asked for the password nor let us in", s.id, s.host.name())
		}
	}
}

func (h *Host) roundTrip() {
	h.statsMu.Lock()
	h.stats.RoundTrips++
	h.statsMu.Unlock()
}

// becomeError says why an identity could not be taken, and what to do.
func (s *shell) becomeError(said string) error {
	if s.id.Password != "" {
		said = strings.ReplaceAll(said, s.id.Password, "********")
	}
	text := "become " + s.id.String() + " on " + s.host.name()
	if said != "" {
		text += ": " + said
	}
	d := diag.New(diag.Become, diag.Pos{}, "become", "%s", text)
	low := strings.ToLower(said)
	switch {
	// Playbooks look for Ansible's words of these two.
	case strings.Contains(low, "password is required") || strings.Contains(low, "interactive authentication is required"):
		d.Msg = "Missing " + s.id.Method + " password: " + d.Msg
		return d.WithHint("give the become password (-K, or ansible_become_password)")
	case strings.Contains(low, "password was refused") || strings.Contains(low, "incorrect password") || strings.Contains(low, "authentication fail") || strings.Contains(low, "try again"):
		d.Code, d.Msg = "become-password", "Incorrect "+s.id.Method+" password: "+d.Msg
		return d.WithHint("check the become password")
	case strings.Contains(low, "must have a tty") || strings.Contains(low, "no tty present"):
		d.Code = "become-tty"
		return d.WithHint("the host's sudoers has requiretty: take it off for this user")
	case strings.Contains(low, "not in the sudoers") || strings.Contains(low, "not allowed"):
		return d.WithHint("the user may not become %s there", orRoot(s.id.User))
	case strings.Contains(low, "not found") || strings.Contains(low, "unknown command"):
		return d.WithHint("is %s installed on the host?", s.id.Method)
	case strings.Contains(low, "unknown user"):
		return d.WithHint("make the user first, or name another")
	}
	return d
}

func orRoot(user string) string {
	if user == "" {
		return "root"
	}
	return user
}
