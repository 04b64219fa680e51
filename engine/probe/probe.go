// Package probe knows how a query that depends on the platform is put to a
// host, and how its answer is read: facts, services, packages. A query becomes a short
// POSIX sh text that forks as little as it can and prints what it finds raw;
// everything else is done here, in Go.
package probe

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/fairlead-project/fairlead/engine/remote"
	"github.com/fairlead-project/fairlead/engine/state"
)

// Script is sh code that is run as the body of a function in a subshell, with
// Args as its positional parameters; ScriptResult is how it ended.
type (
	Script       = remote.Script
	ScriptResult = remote.ScriptResult
)

// Read turns what a script printed into the answer that its query documents.
type Read = func(ScriptResult) (any, error)

// Prober gives remote.Options the queries of this package.
type Prober struct{}

var _ remote.Prober = Prober{}

// Probe is For.
func (Prober) Probe(q state.Query) (Script, func(ScriptResult) (any, error), bool) { return For(q) }

// For gives the script that answers a query, and the function that reads what
// it printed; ok is false for queries that are none of this package's. A query
// that cannot be put at all (an unknown family of facts) has a Read that says
// so.
func For(q state.Query) (s Script, read Read, ok bool) {
	switch q := q.(type) {
	case state.Facts:
		s, read = facts(q)
	case state.Service:
		s, read = service(q)
	case state.Apt:
		s, read = apt(q)
	case state.Services:
		s, read = services(q)
	case state.Output:
		s, read = output(q)
	case state.Within:
		return inEnvironment(q)
	default:
		return Script{}, nil, false
	}
	return s, read, true
}

// output runs a module's own script.
func output(q state.Output) (Script, Read) {
	return Script{Text: q.Script, Args: q.Params()}, func(res ScriptResult) (any, error) {
		return state.OutputInfo{RC: res.RC, Stdout: string(res.Stdout), Stderr: string(res.Stderr)}, nil
	}
}

// scriptWithin exports the first $1 parameters behind it. Programs of the system are
// found behind those of the task's own PATH, and they speak English.
const scriptWithin = `_n=$1; shift; _p=$PATH
while [ $_n -gt 0 ]; do export "$1"; shift; _n=$((_n - 1)); done
[ "$PATH" = "$_p" ] || PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
LC_ALL=C; export LC_ALL
`

// inEnvironment is a question in a task's environment.
func inEnvironment(q state.Within) (Script, Read, bool) {
	s, read, ok := For(q.Of)
	if !ok {
		return s, read, ok
	}
	env := q.Variables()
	s.Text = scriptWithin + s.Text
	s.Args = slices.Concat([]string{strconv.Itoa(len(env))}, env, s.Args)
	return s, read, true
}

// fails is a question that is not put: the script does nothing and reading its
// answer gives the error.
func fails(format string, args ...any) (Script, Read) {
	err := fmt.Errorf(format, args...)
	return Script{Text: ":"}, func(ScriptResult) (any, error) { return nil, err }
}
