package state

import (
	"fmt"
	"time"
)

// Expect runs a program of the host on a terminal of its own and answers what it
// asks there. Stdout of its result is all that the program wrote, RC what it
// returned, Data an ExpectEnd.
type Expect struct {
	Argv  []string
	Chdir string
	Env   []string // name=value, names validated
	// Replies are looked for in what was written since the last answer: the one
	// that matches first there, or of several the first in this list.
	Replies []Reply
	// Timeout is how long one of them, or the end, may be waited for; 0: for ever.
	Timeout time.Duration
	// Echo keeps the terminal's echo, which puts the answers into the output.
	Echo bool
	// Shown is what String says in place of the command, when it is secret.
	Shown string
}

// Reply is how a question is answered, each time with a new line behind it.
type Reply struct {
	Pattern string // a regular expression of Python's, on bytes; a dot is any byte
	Answers []string
	// Once gives the answers in turn, and none when they are used up; otherwise
	// the first is always given.
	Once bool
}

// ExpectEnd is how an Expect ended that did not end by itself.
type ExpectEnd struct {
	// TimedOut: nothing that was waited for came. The program was killed.
	TimedOut bool
	// Unanswered is the pattern whose answers were used up, Output what it matched
	// and what came before. The program was killed.
	Unanswered string
	Output     string
}

// Reach is ReachExternal: who answers sits here, and nobody else is to work on
// the host meanwhile.
func (o Expect) Reach() Reach { return ReachExternal }

func (o Expect) String() string {
	if o.Shown != "" {
		return o.Shown
	}
	return "run " + fmt.Sprintf("%q", o.Argv) + " on a terminal"
}
