package containers

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// planExec plans for a container in the state given.
func planExec(t *testing.T, c state.ContainerInfo, kv ...any) (module.Change, error) {
	t.Helper()
	m := newContainerExec()
	a, err := m.Decode(value.M(append([]any{"container", "web"}, kv...)...), diag.Pos{})
	if err != nil {
		return module.Change{}, err
	}
	v := state.NewHostView()
	v.Learn(state.Answer{Query: state.Container{Name: "web"}, Value: c})
	return m.Plan(a, module.Inputs{}, v)
}

// execHost is a container that runs.
func execHost() state.ContainerInfo {
	c := state.ContainerInfo{Exists: true, ID: "1", Name: "web"}
	c.State.Running = true
	return c
}

func TestContainerExec(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args       []any
		argv, env  string
		stdin, out string
	}{
		"text":   {[]any{"command", "sh -c 'echo a b'"}, "docker|exec|web|sh|-c|echo a b", "", "", "x"},
		"words":  {[]any{"argv", []string{"ls", "/a b"}, "user", "app", "chdir", "/srv", "strip_empty_ends", false}, "docker|exec|-u|app|-w|/srv|web|ls|/a b", "", "", "x\n\n"},
		"stdin":  {[]any{"command", "cat", "stdin", "hi"}, "docker|exec|-i|web|cat", "", "hi\n", "x"},
		"stdin2": {[]any{"command", "cat", "stdin", "hi", "stdin_add_newline", false}, "docker|exec|-i|web|cat", "", "hi", "x"},
		"env":    {[]any{"command", "env", "env", value.M("B", "2", "A", "s3", "PATH", "/bin")}, "docker|exec|-e|A|-e|B|-e|PATH=/bin|web|env", "A=s3|B=2", "", "x"},
	} {
		got, err := planExec(t, execHost(), c.args...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		op := got.Ops[0].(state.Exec)
		if strings.Join(op.Argv, "|") != c.argv || strings.Join(op.Env, "|") != c.env || string(op.Stdin) != c.stdin || !got.Once {
			t.Errorf("%s: %q %q %q", name, op.Argv, op.Env, op.Stdin)
		}
		end, err := got.Then(nil, []state.OpResult{{OK: true, Stdout: []byte("x\n\n")}})
		if err != nil {
			t.Fatal(err)
		}
		rc, _ := end.Result.Get("rc")
		bad, err := got.Then(nil, []state.OpResult{{OK: true, RC: 3}})
		if failed, _ := bad.Result.Get("failed"); err != nil || !failed.AsBool() || bad.Result.Has("msg") {
			t.Errorf("%s: a command that returns 3: %v %v", name, bad.Result, err)
		}
		out, _ := end.Result.Get("stdout")
		if rc.Repr() != "0" || out.Str() != c.out {
			t.Errorf("%s: registers %s %q", name, rc.Repr(), out.Str())
		}
	}
}

func TestContainerExecFails(t *testing.T) {
	t.Parallel()
	paused, stopped := execHost(), execHost()
	paused.State.Paused, stopped.State.Running = true, false
	for want, c := range map[string]struct {
		have state.ContainerInfo
		args []any
	}{
		`Could not find container "web"`:   {state.ContainerInfo{}, []any{"command", "ls"}},
		`"web" has been paused`:            {paused, []any{"command", "ls"}},
		`"web" is not running`:             {stopped, []any{"command", "ls"}},
		"If detach=true, stdin":            {execHost(), []any{"command", "ls", "detach", true, "stdin", "x"}},
		"Non-string value found for env":   {execHost(), []any{"command", "ls", "env", value.M("A", 1)}},
		"one of the following is required": {execHost(), nil},
		"command: ":                        {execHost(), []any{"command", "echo 'x"}},
	} {
		if _, err := planExec(t, c.have, c.args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestCommandHandling(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		how  string
		cmd  any
		want string
	}{
		{"correct", `sh -c "sleep 9"`, "sh|-c|sleep 9"},
		{"compatibility", `sh -c "sleep 9"`, "sh|-c|sleep 9"},
		{"correct", []string{"sh", "-c", "sleep 9"}, "sh|-c|sleep 9"},
		{"compatibility", []string{"sh", "-c", "'sleep 9'"}, "sh|-c|sleep 9"},
	} {
		cmd := value.M("c", c.cmd)
		v, _ := cmd.Get("c")
		w := &want{given: map[string]bool{}}
		a := &containerArgs{CommandHandling: c.how}
		a.Command = &v
		if err := w.commands(a); err != nil || strings.Join(w.spec.Config.Cmd, "|") != c.want {
			t.Errorf("%s %v: %q %v", c.how, c.cmd, w.spec.Config.Cmd, err)
		}
	}
}
