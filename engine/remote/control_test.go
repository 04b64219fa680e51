package remote_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/remote"
	"github.com/fairlead-project/fairlead/engine/state"
)

// gone waits until a process has ended.
func gone(t *testing.T, pidFile string) {
	t.Helper()
	b, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid <= 1 {
		t.Fatalf("%q %v", b, err)
	}
	for i := 0; i < 200; i++ {
		if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
			return
		}
		if st, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err == nil && strings.Contains(string(st), ") Z") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("process %d still runs", pid)
}

func waitFor(t *testing.T, file string) {
	t.Helper()
	for i := 0; i < 500; i++ {
		if b, err := os.ReadFile(file); err == nil && len(b) > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s does not appear", file)
}

func TestCancelEndsTheCommand(t *testing.T) {
	shells(t, func(t *testing.T, h *remote.Host) {
		d := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			waitFor(t, d+"/child")
			cancel()
		}()
		begin := time.Now()
		out, err := h.Do(ctx, state.Batch{Ops: []state.Op{
			state.Exec{Shell: "echo $$ >self; trap '' TERM; (sleep 300 & echo $! >child; wait) ; sleep 300", Chdir: d},
			state.Mkdir{Path: d + "/behind"},
		}})
		if diag.ClassOf(err) != diag.Cancelled || !errors.Is(err, context.Canceled) {
			t.Errorf("class %v: %v", diag.ClassOf(err), err)
		}
		if len(out.Results) != 1 || out.Results[0].OK {
			t.Errorf("%+v", out.Results)
		}
		gone(t, d+"/self")
		gone(t, d+"/child")
		if took := time.Since(begin); took > time.Minute { // of the five that it would sleep
			t.Errorf("took %s", took)
		}
		time.Sleep(50 * time.Millisecond)
		if _, err := os.Stat(d + "/behind"); err == nil {
			t.Error("what stood behind the command was done")
		}
		if out := do(t, h, state.Batch{Ask: []state.Query{state.Login{}}}); out.Answers[0].Err != nil {
			t.Error(out.Answers[0].Err)
		}
	})
}

func TestLock(t *testing.T) {
	for _, with := range []string{"flock", "folder"} {
		t.Run(with, func(t *testing.T) {
			d := t.TempDir()
			t.Setenv("XDG_RUNTIME_DIR", d)
			opts := func(run string) remote.Options {
				o := remote.Options{Lock: &remote.LockInfo{Run: run, Controller: "here"}, OpTimeout: 20 * time.Second}
				if os.Getuid() == 0 {
					// Root's lock is in /run: have a /run of our own.
					o.Shell = []string{"unshare", "--mount", "sh", "-c", `mount --bind "$XDG_RUNTIME_DIR" /run && exec sh "$@"`, "sh"}
				}
				if with == "folder" {
					bin := withoutFlock(t)
					o.Shell = append([]string{"env", "PATH=" + bin}, o.Shell...)
					o.Path = ":"
				}
				return o
			}
			op := state.Batch{Ops: []state.Op{state.Mkdir{Path: d + "/x"}}}
			first := remote.Local(opts("first"))
			defer first.Close()
			allOK(t, do(t, first, op), 1)
			second := remote.Local(opts("second"))
			defer second.Close()
			// Looking needs no lock.
			do(t, second, state.Batch{Ask: []state.Query{state.Login{}}})
			_, err := second.Do(t.Context(), op)
			if diag.ClassOf(err) != diag.Conflict || !strings.Contains(err.Error(), "run first of here") {
				t.Fatalf("%v", err)
			}
			if _, err := os.Stat(d + "/y"); err == nil {
				t.Error("done without the lock")
			}
			// Nor do commands that are said to look only.
			allOK(t, do(t, second, state.Batch{Ops: []state.Op{state.Exec{Shell: "true"}}, Reads: true}), 1)
			// A run that the holder started, and waits for, needs no lock of its own.
			inner := opts("inner")
			inner.Lock.Within = func(h remote.Holder) bool { return h.Run == "first" && h.Controller == "here" }
			nested := remote.Local(inner)
			defer nested.Close()
			allOK(t, do(t, nested, op), 1)
			waiting := opts("third")
			waiting.Lock.Wait = 10 * time.Second
			third := remote.Local(waiting)
			defer third.Close()
			time.AfterFunc(300*time.Millisecond, func() { _ = first.Close() })
			allOK(t, do(t, third, op), 1)
			// One that is leaving is waited for, whatever is said of waiting.
			next := remote.Local(opts("next"))
			defer next.Close()
			leaving := third
			time.AfterFunc(300*time.Millisecond, func() { _ = leaving.Close() })
			allOK(t, do(t, next, op), 1)
			_ = next.Close()
			third = remote.Local(waiting)
			defer third.Close()
			allOK(t, do(t, third, op), 1)
			// A holder that is known to be dead is ended with what it runs.
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			running := make(chan error, 1)
			go func() {
				_, err := third.Do(ctx, state.Batch{Ops: []state.Op{state.Exec{Shell: "echo $$ >" + d + "/pid; sleep 300"}}})
				running <- err
			}()
			waitFor(t, d+"/pid")
			over := opts("fourth")
			over.Lock.Dead = func(h remote.Holder) bool { return h.Run == "third" && h.Controller == "here" }
			fourth := remote.Local(over)
			defer fourth.Close()
			allOK(t, do(t, fourth, op), 1)
			gone(t, d+"/pid")
			if err := <-running; diag.ClassOf(err) != diag.InDoubt {
				t.Errorf("class %v: %v", diag.ClassOf(err), err)
			}
		})
	}
}

// withoutFlock is a PATH that has everything but flock.
func withoutFlock(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, from := range []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		names, _ := filepath.Glob(from + "/*")
		for _, n := range names {
			if filepath.Base(n) != "flock" {
				_ = os.Symlink(n, filepath.Join(dir, filepath.Base(n)))
			}
		}
	}
	return dir
}
