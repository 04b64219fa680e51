package services

import (
	"encoding/json"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// rabbitctl runs rabbitmqctl with the rest of its arguments, on the node $1. Its
// input is a password, which so is in no argument list.
const rabbitctl = `command -v rabbitmqctl >/dev/null 2>&1 || { echo 'Failed to find required executable "rabbitmqctl" in paths: '"$PATH" >&2; exit 127; }
n=$1; shift
exec rabbitmqctl -q ${n:+-n "$n"} "$@"`

// rabbitNode is a node of RabbitMQ, as rabbitmqctl is told it; "" is its own choice.
type rabbitNode string

func (n rabbitNode) exec(words ...string) state.Exec {
	return state.Exec{Argv: append([]string{"/bin/sh", "-c", rabbitctl, "sh", string(n)}, words...), Env: english, Shown: "rabbitmqctl " + strings.Join(words, " ")}
}

// withPassword is exec for a verb that reads a password where none is given.
func (n rabbitNode) withPassword(password string, words ...string) state.Exec {
	e := n.exec(words...)
	e.Stdin, e.HasStdin = []byte(password+"\n"), true
	return e
}

var rabbitUser = lazyregexp.New(`Only root or .* .* run rabbitmqctl`)

// words are those of a call as Ansible tells them.
func (n rabbitNode) words(e state.Exec) []string {
	return append([]string{"rabbitmqctl", "-q", "-n", string(n)}, e.Argv[5:]...)
}

// refused is the failure of a call, in the words of the original.
func (n rabbitNode) refused(r state.OpResult) error {
	out, said := string(r.Stdout), string(r.Stderr)
	if r.RC == 127 && strings.HasPrefix(said, "Failed to find") {
		return module.Fail(strings.TrimSpace(said))
	}
	if who := rabbitUser().FindString(out); who != "" {
		return module.Fail("Wrong user used to run the `rabbitmqctl` utility: " + who)
	}
	return module.Fail("rabbitmqctl exited with non-zero code: "+said, "rc", r.RC, "stdout", value.String(out).WithMarks(value.Unsafe))
}

// rabbitSays reads what rabbitmqctl printed with --formatter json.
func rabbitSays(out []byte, into any) error {
	if err := json.Unmarshal(out, into); err != nil {
		return module.Fail("what rabbitmqctl says cannot be read: "+err.Error(), "stdout", value.String(string(out)).WithMarks(value.Unsafe))
	}
	return nil
}

// run runs calls one after the other and registers result; refused tells of one that
// returned something else than 0.
func (n rabbitNode) run(result *value.Map, cmds []state.Exec, refused func(state.Exec, state.OpResult) error) module.Change {
	c := module.Change{Result: result}
	if len(cmds) == 0 {
		return c
	}
	return module.Steps(cmds, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if last := did[len(did)-1]; last.RC != 0 || !last.OK {
			return module.Change{}, refused(cmds[len(did)-1], last)
		}
		return c, nil
	})
}
