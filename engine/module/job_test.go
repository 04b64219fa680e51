package module

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// runShell runs an operation's text with a real shell of this machine.
func runShell(t *testing.T, shell []string, op state.Exec) state.OpResult {
	t.Helper()
	cmd := exec.Command(shell[0], append(shell[1:len(shell):len(shell)], "-c", op.Shell)...)
	cmd.Env, cmd.Dir = append(os.Environ(), op.Env...), op.Chdir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return state.OpResult{OK: true, RC: cmd.ProcessState.ExitCode(), Stdout: out.Bytes(), Stderr: errs.Bytes()}
}

// shells are the shells of this machine that a host may have.
func shells() map[string][]string {
	all := map[string][]string{}
	for _, s := range [][]string{{"sh"}, {"dash"}, {"bash"}, {"busybox", "sh"}} {
		if _, err := exec.LookPath(s[0]); err == nil {
			all[strings.Join(s, " ")] = s
		}
	}
	return all
}

func finished(t *testing.T, shell []string, j Job) JobState {
	t.Helper()
	for range 600 { // a minute: far more than any of them takes
		s := j.Answer(runShell(t, shell, j.Ask()))
		if !s.Known {
			t.Fatal("the job is not known")
		}
		if s.Finished {
			return s
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("the job does not end")
	return JobState{}
}

func TestJobs(t *testing.T) {
	t.Parallel()
	for name, shell := range shells() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "it's a dir")
			for _, c := range []struct {
				id    string
				op    state.Exec
				limit int
				want  string // keys of the result
			}{
				{"j1.1", state.Exec{Shell: "printf 'a \"b\" \\\\ c\\n\\td\\n\\n'; echo e >&2; exit 3", Env: []string{"X=y"}}, 50,
					`True 3 'a "b" \\ c\n\td' ['a "b" \\ c', '\td'] 'e' non-zero return code`},
				{"j1.2", state.Exec{Argv: []string{"echo", "it's", "*"}}, 50, `None 0 "it's *" ["it's *"] '' `},
				{"j1.3", state.Exec{Argv: []string{"cat"}, Stdin: []byte("in'put"), HasStdin: true}, 50, `None 0 "in'put" ["in'put"] '' `},
				{"j1.4", state.Exec{Shell: "sleep 100"}, 1, `True None None None None Timeout exceeded`},
				{"j1.5", state.Exec{Argv: []string{"/nonexistent/program"}}, 50, `True 2 '' [] '' [Errno 2] No such file or directory: b'/nonexistent/program'`},
				{"j1.6", state.Exec{Shell: "echo $X; pwd", Env: []string{"X=y z"}, Chdir: "/"}, 50, `None 0 'y z\n/' ['y z', '/'] '' `},
			} {
				j := Job{ID: c.id, Dir: dir}
				start, err := j.Start(c.op, value.String("the 'cmd'"), c.limit)
				if err != nil {
					t.Fatal(err)
				}
				if r := runShell(t, shell, start); r.RC != 0 || j.Answer(r).File != dir+"/"+c.id {
					t.Fatalf("%s: start: %d %q %q", c.id, r.RC, r.Stdout, r.Stderr)
				}
				s := finished(t, shell, j)
				get := func(k string) value.Value { v, _ := s.Result.Get(k); return v }
				got := strings.Join([]string{get("failed").Repr(), get("rc").Repr(), get("stdout").Repr(), get("stdout_lines").Repr(), get("stderr").Repr(), get("msg").Text()}, " ")
				if got != c.want {
					t.Errorf("%s: %s\nwant %s", c.id, got, c.want)
				}
				if cmd := get("cmd"); c.id != "j1.4" && c.id != "j1.5" && cmd.Text() != "the 'cmd'" {
					t.Errorf("%s: cmd = %s", c.id, cmd.Repr())
				}
				if r := runShell(t, shell, j.Erase()); r.RC != 0 {
					t.Errorf("%s: erase: %d %s", c.id, r.RC, r.Stderr)
				}
				if j.Answer(runShell(t, shell, j.Ask())).Known {
					t.Errorf("%s: known after it was erased", c.id)
				}
			}
			left, err := os.ReadDir(dir)
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestStoredResultIsAJobs(t *testing.T) {
	t.Parallel()
	j := Job{ID: "j2.1", Dir: t.TempDir()}
	op, err := j.Store(value.M("changed", true, "path", "/a 'b'"))
	if err != nil {
		t.Fatal(err)
	}
	runShell(t, []string{"sh"}, op)
	s := j.Answer(runShell(t, []string{"sh"}, j.Ask()))
	if got := value.FromMap(s.Result).Repr(); !s.Finished || got != `{'changed': True, 'path': "/a 'b'"}` {
		t.Errorf("%v %s", s.Finished, got)
	}
}
