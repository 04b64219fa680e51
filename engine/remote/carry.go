package remote

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/fairlead-project/fairlead/engine/state"
)

// OpenSSH takes no input for a session before its program runs, so that a shell which is
// to read its first frame costs a round trip more than one that has it already. Where the
// frame asks and does no more, it goes within the command: as a variable, not among the
// arguments, which everybody on the host can read and `pkill -f` looks at. Login shells
// get one line: csh would carry out the lines that it understands. One that does not pass
// it on (csh, fish) ends without a word of ours, and a shell without it is started.

// maxCarried is what a command line may hold, well below what one argument may.
const maxCarried = 64 << 10

// CarriedName is the variable in which a shell gets its first frame. It unsets it, but
// what a process began with stays to be read in /proc.
const CarriedName = "_FD"

// lineBreak stands for a line break in a carried frame.
const lineBreak = "\x02"

// errNotCarried says that the login's shell did not pass a carried frame on. Nothing
// was done.
var errNotCarried = errors.New("the login shell does not pass its first frame on")

// carries tells whether the host's server and login shell are known to take long commands:
// other servers than OpenSSH limit them, and do not say so.
func (h *Host) carries() bool {
	if h.plain.Load() {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.client != nil && h.client.OpenSSH()
}

// private tells whether a question may hold what not everybody on the host may read: a
// module's own script, its arguments, a task's environment. The login's shell has the
// command among its arguments until it has become /bin/sh.
func private(q state.Query) bool {
	switch q.(type) {
	case state.Output, state.Within:
		return true
	}
	return false
}

// carriable tells whether a frame may go within a command: old shells have bytes of their
// own above ASCII and among the control characters.
func carriable(e encoded) bool {
	if e.size() > maxCarried {
		return false
	}
	odd := func(r rune) bool { return r != '\n' && r != '\t' && (r < ' ' || r > '~') }
	for _, s := range e.before {
		if s != driver() && strings.ContainsFunc(s, odd) {
			return false
		}
	}
	return !bytes.ContainsFunc(e.text.Bytes(), odd) && !strings.ContainsFunc(e.after, odd)
}

// inLine makes text a part of a line, between single quotes.
var inLine = strings.NewReplacer("\n", lineBreak, "'", `'\''`)

var driverInLine = sync.OnceValue(func() string { return inLine.Replace(driver()) })

// carry makes the command that starts a shell with a frame. The shell compares the length,
// puts the lines together and evaluates them; no command that it starts inherits the text.
func carry(e encoded) string {
	var b strings.Builder
	b.Grow(e.size() + 512)
	b.WriteString(CarriedName + "='")
	for _, s := range e.before {
		if s == driver() { // the same for every host
			b.WriteString(driverInLine())
		} else {
			_, _ = inLine.WriteString(&b, s)
		}
	}
	_, _ = inLine.WriteString(&b, e.text.String())
	_, _ = inLine.WriteString(&b, e.after)
	b.WriteString("' " + plainShell + " -c '[ ${#_FD} = " + strconv.Itoa(e.size()) + " ]||exit;" +
		"_nl=${IFS#??};_a=$IFS;set -f;IFS=" + lineBreak + ";set -- $_FD;IFS=$_nl;set -- \"$*\";" +
		"IFS=$_a;set +f;unset _FD _a;eval \"$1\"'")
	return b.String()
}
