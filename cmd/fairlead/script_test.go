package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the golden outputs")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"fairlead": main})
}

// TestScripts runs the scripts of testdata/script, each in a folder of its own.
// What they may use beyond testscript's commands:
//
//	exits CODE COMMAND...   the command ends with this exit code
//	sentry                  a host that counts who connects; writes hosts.ini
//	alone                   no other such script runs meanwhile: on this machine
//	                        (ansible_connection=local) there is one lock to hold
//	untouched, touched      nobody connected to the sentry; somebody did
//	jsonlines FILE          every line is an event, numbered without a gap
//	after N FILE TO         FILE without its first lines
//	plain FILE              no control characters but line ends
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, ".home")
			e.Setenv("HOME", home)
			e.Setenv("XDG_STATE_HOME", filepath.Join(home, "state"))
			e.Setenv("LC_ALL", "C.UTF-8")
			e.Setenv("FAIRLEAD_LOCK_WAIT", "5m") // tests of other packages work on the same hosts
			return os.MkdirAll(filepath.Join(home, "state"), 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": scriptExits, "sentry": scriptSentry, "untouched": scriptUntouched, "touched": scriptTouched,
			"jsonlines": scriptJSONLines, "plain": scriptPlain, "after": scriptAfter, "alone": scriptAlone,
		},
	})
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d; stdout:\n%s\nstderr:\n%s", code, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// A sentry is a host that counts who connects, and says nothing.
type sentry struct {
	l     net.Listener
	count atomic.Int64
	done  chan struct{}
}

// sentries are those of the scripts that run, by the script's folder.
var sentries sync.Map

func scriptSentry(ts *testscript.TestScript, _ bool, _ []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	s := &sentry{l: l, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.count.Add(1)
			_ = c.Close()
		}
	}()
	ts.Defer(func() { _ = l.Close(); <-s.done })
	port := l.Addr().(*net.TCPAddr).Port
	ts.Setenv("SENTRY_PORT", strconv.Itoa(port))
	text := fmt.Sprintf("[web]\nweb1 ansible_host=127.0.0.1 ansible_port=%d ansible_user=root\n", port)
	ts.Check(os.WriteFile(ts.MkAbs("hosts.ini"), []byte(text), 0o644))
	sentries.Store(ts.Getenv("WORK"), s)
}

func theSentry(ts *testscript.TestScript) *sentry {
	s, ok := sentries.Load(ts.Getenv("WORK"))
	if !ok {
		ts.Fatalf("there is no sentry")
	}
	return s.(*sentry)
}

func scriptUntouched(ts *testscript.TestScript, _ bool, _ []string) {
	if n := theSentry(ts).count.Load(); n != 0 {
		ts.Fatalf("the host was touched: %d connections", n)
	}
}

func scriptTouched(ts *testscript.TestScript, _ bool, _ []string) {
	if theSentry(ts).count.Load() == 0 {
		ts.Fatalf("the host was not touched")
	}
}

func scriptJSONLines(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.HasSuffix(text, "\n") {
		ts.Fatalf("%s does not end with a line end", args[0])
	}
	var last int64
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		var e struct {
			Seq       int64
			Run, Kind string
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			ts.Fatalf("line %d is no JSON: %v: %q", i+1, err, line)
		}
		if e.Run == "" || e.Kind == "" || e.Seq != last+1 && (e.Kind != "output" || e.Seq != last) {
			ts.Fatalf("line %d: event %d of kind %q of run %q after event %d", i+1, e.Seq, e.Kind, e.Run, last)
		}
		last = e.Seq
	}
}

var alone sync.Mutex

func scriptAlone(ts *testscript.TestScript, _ bool, _ []string) {
	alone.Lock()
	ts.Defer(alone.Unlock)
}

func scriptAfter(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	lines := strings.SplitAfter(ts.ReadFile(args[1]), "\n")
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(strings.Join(lines[min(n, len(lines)):], "")), 0o644))
}

func scriptPlain(ts *testscript.TestScript, _ bool, args []string) {
	for i, r := range ts.ReadFile(args[0]) {
		if r < 0x20 && r != '\n' && r != '\t' || r == 0x7f {
			ts.Fatalf("byte %d of %s is the control character %#x", i, args[0], r)
		}
	}
}
