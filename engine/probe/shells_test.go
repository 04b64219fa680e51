package probe

import (
	"bytes"
	"errors"
	"os/exec"
	"testing"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// shells are those that scripts must work in.
var shells = [][]string{{"dash"}, {"bash", "--posix"}, {"bash"}, {"busybox", "sh"}}

// inShell runs a script as the driver does: as a function in a subshell.
func inShell(t testing.TB, shell []string, s Script, env ...string) ScriptResult {
	t.Helper()
	if _, err := exec.LookPath(shell[0]); err != nil {
		t.Skipf("no %s here", shell[0])
	}
	args := append(append([]string{}, shell[1:]...), "-c", "f() {\n"+s.Text+"\n}\n(f \"$@\")", "sh")
	cmd := exec.Command(shell[0], append(args, s.Args...)...)
	if env != nil {
		cmd.Env = env
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return ScriptResult{RC: cmd.ProcessState.ExitCode(), Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}
}

// ask puts a query to this machine through a shell.
func ask(t testing.TB, shell []string, q state.Query, env ...string) any {
	t.Helper()
	s, read, ok := For(q)
	if !ok {
		t.Fatalf("%s: no script", q.Query())
	}
	res := inShell(t, shell, s, env...)
	v, err := read(res)
	if err != nil {
		t.Fatalf("%s: %v\nstderr: %s", q.Query(), err, res.Stderr)
	}
	if len(res.Stderr) > 0 {
		t.Errorf("%s in %v: stderr: %s", q.Query(), shell, res.Stderr)
	}
	return v
}

// TestEnvironment: the fact is what the login began with, without the variable that a shell's
// first question may have come in: it holds what marks the end of an answer.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	for _, sh := range shells {
		got := goFacts(t, ask(t, sh, state.Facts{Families: "env"}, "A=1\n2", "_FD=a question", "PATH=/usr/bin:/bin").(*value.Map))
		env, _ := got["env"].(map[string]any)
		if env["A"] != "1\n2" || env["PATH"] != "/usr/bin:/bin" || env["_FD"] != nil {
			t.Errorf("%v: %v", sh, env)
		}
	}
}
