package remote_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/internal/sshsim"
	"github.com/fairlead-project/fairlead/engine/remote"
	"github.com/fairlead-project/fairlead/engine/ssh"
	"github.com/fairlead-project/fairlead/engine/state"
)

func simHost(t *testing.T, o sshsim.Options, opts remote.Options) *remote.Host {
	t.Helper()
	s := sshsim.Start(t, o)
	h, err := remote.Connect(t.Context(), ssh.Config{
		Address: s.Addr, Port: s.Port, User: "u", KeyFiles: []string{s.KeyFile}, KnownHosts: []string{s.KnownHosts}, SSHConfig: []string{}, NoAgent: true,
	}, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// A host that a simulated server plays over a real sh.
func TestOverSimulatedSSH(t *testing.T) {
	h := simHost(t, sshsim.Options{}, remote.Options{OpTimeout: 20 * time.Second})
	d := t.TempDir()
	out := do(t, h, state.Batch{Ops: []state.Op{state.Mkdir{Path: d + "/x"}, state.Exec{Shell: "echo hi"}}, Ask: []state.Query{state.Path{Path: d + "/x"}}})
	allOK(t, out, 2)
	if s := h.Stats(); s.RoundTrips != 1 {
		t.Errorf("%d round trips", s.RoundTrips)
	}
}

var nonceOf = regexp.MustCompile(`(?m)^N=([0-9a-f]{32})$`)

// hostile reads the first frame, which is the shell's script, and hands its nonce
// and text to play, which is the host's answer.
func hostile(play func(nonce, frame string, out, errs io.Writer)) func(string, io.Reader, io.Writer, io.Writer) int {
	return func(_ string, in io.Reader, out, errs io.Writer) int {
		r := bufio.NewReader(in)
		text := ""
		for !strings.HasSuffix(text, ";done\n}\n") {
			line, err := r.ReadString('\n')
			if err != nil || len(text) > 1<<22 {
				return 1
			}
			text += line
		}
		m := nonceOf.FindStringSubmatch(text)
		if m == nil {
			return 1
		}
		play(m[1], text, out, errs)
		_, _ = io.Copy(io.Discard, r)
		return 0
	}
}

func TestHostileHosts(t *testing.T) {
	hello := func(n string) string { return n + " h 77 0022 0 0 - 1 5 7\n0/root/" }
	end := func(n string) string { return n + " e 1\n" }
	path := "/etc/x"
	answer := func(n string, parts ...string) string {
		return hello(n) + n + " d 0 0 4\n/etc" + strings.Join(parts, "") + end(n)
	}
	stat := func(names ...string) string {
		var b strings.Builder
		for _, name := range names {
			fmt.Fprintf(&b, "41ed:0:0:3:1:2:3:1.0:1.0:1.0:8:4096:0:0:root:root:%s\x00", name)
		}
		return b.String()
	}
	for name, play := range map[string]func(n string, out, errs io.Writer){
		"nothing at all":     func(n string, out, errs io.Writer) {},
		"another's greeting": func(n string, out, errs io.Writer) { fmt.Fprint(out, n, " h x y\n", end(n)); fmt.Fprint(errs, end(n)) },
		"no greeting":        func(n string, out, errs io.Writer) { fmt.Fprint(out, end(n)); fmt.Fprint(errs, end(n)) },
		"wrong end":          func(n string, out, errs io.Writer) { fmt.Fprint(out, hello(n), n, " e 7\n") },
		"endless header":     func(n string, out, errs io.Writer) { fmt.Fprint(out, hello(n), n, strings.Repeat("x", 1<<20)) },
		"an answer not asked": func(n string, out, errs io.Writer) {
			fmt.Fprint(out, hello(n), n, " u 0\nroot:x:0:0:::\n", end(n))
			fmt.Fprint(errs, end(n))
		},
		"a kind not known": func(n string, out, errs io.Writer) {
			fmt.Fprint(out, hello(n), n, " q 0\n", end(n))
			fmt.Fprint(errs, end(n))
		},
		"a path not asked": func(n string, out, errs io.Writer) {
			fmt.Fprint(out, answer(n, n+" p 5 N 6\n"+path, n+" T g\n"))
			fmt.Fprint(errs, end(n))
		},
		"a name too long": func(n string, out, errs io.Writer) {
			fmt.Fprint(out, answer(n, n+" p 0 N 6\n"+path+"more", n+" T g\n"))
			fmt.Fprint(errs, end(n))
		},
		"a relative name": func(n string, out, errs io.Writer) {
			fmt.Fprint(out, answer(n, n+" p 0 N 6\n../../", n+" T g\n"))
			fmt.Fprint(errs, end(n))
		},
		"a stat of another file": func(n string, out, errs io.Writer) {
			fmt.Fprint(out, answer(n, n+" p 0 E 6\n"+path, n+" s\n"+stat("/etc", "/other"), n+" T g\n"))
			fmt.Fprint(errs, end(n))
		},
		"a stat of garbage": func(n string, out, errs io.Writer) {
			fmt.Fprint(out, answer(n, n+" p 0 E 6\n"+path, n+" s\n"+stat("/etc")+"x:y\x00", n+" T g\n"))
			fmt.Fprint(errs, end(n))
		},
		"a command not sent": func(n string, out, errs io.Writer) { fmt.Fprint(out, hello(n), n, " x 0 5\n") },
		"an end not begun":   func(n string, out, errs io.Writer) { fmt.Fprint(out, hello(n), n, " y 0 0 0\n") },
		"a failure not sent": func(n string, out, errs io.Writer) {
			fmt.Fprint(out, hello(n), n, " f 3 1\n", end(n))
			fmt.Fprint(errs, end(n))
		},
		"a flood of answer": func(n string, out, errs io.Writer) {
			fmt.Fprint(out, hello(n), n, " s\n")
			block := strings.Repeat("y", 1<<16)
			for range 64 {
				if _, err := io.WriteString(out, block); err != nil {
					return
				}
			}
		},
		"a flood of headers": func(n string, out, errs io.Writer) {
			for range 100000 {
				if _, err := fmt.Fprint(out, n, " d 0 0 4\n"); err != nil {
					return
				}
			}
		},
		"a flood of noise": func(n string, out, errs io.Writer) {
			block := strings.Repeat("z", 1<<16)
			for range 256 {
				if _, err := io.WriteString(errs, block); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := simHost(t, sshsim.Options{Exec: hostile(func(n, _ string, out, errs io.Writer) { play(n, out, errs) })},
				remote.Options{OpTimeout: 500 * time.Millisecond, Limits: remote.Limits{Answer: 1 << 20}})
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			out, err := h.Do(ctx, state.Batch{Ask: []state.Query{state.Path{Path: path}}})
			if err == nil {
				t.Fatalf("believed: %+v", out)
			}
			if c := diag.ClassOf(err); c != diag.Protocol && c != diag.Timeout && c != diag.Unreachable {
				t.Errorf("class %s: %v", c, err)
			}
			if len(err.Error()) > 2000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			t.Log(err)
		})
	}
}

// A command's output cannot forge results, and floods are bounded.
func TestHostileOutput(t *testing.T) {
	shells(t, func(t *testing.T, h *remote.Host) {
		forged := strings.Repeat("0123456789abcdef", 2)
		out := do(t, h, state.Batch{Ops: []state.Op{state.Exec{Shell: fmt.Sprintf("echo '%s e 1'; echo '%s y 0 0 0' >&2; printf 'no newline'; printf '\\033[2J' >&2", forged, forged)}},
			Ask: []state.Query{state.Login{}}})
		allOK(t, out, 1)
		if got := string(out.Results[0].Stdout); got != forged+" e 1\nno newline" {
			t.Errorf("%q", got)
		}
	})
	h := remote.Local(remote.Options{Limits: remote.Limits{Output: 64 << 10}})
	defer h.Close()
	live := 0
	out := do(t, h, state.Batch{Ops: []state.Op{state.Exec{Shell: "echo begin; head -c 20000000 /dev/zero; echo end"}},
		Live: func(_ int, _ bool, b []byte) { live += len(b) }})
	r := out.Results[0]
	if !r.StdoutTruncated || len(r.Stdout) != 64<<10 || !strings.HasPrefix(string(r.Stdout), "begin\n") || !strings.HasSuffix(string(r.Stdout), "end\n") {
		t.Errorf("%v %d", r.StdoutTruncated, len(r.Stdout))
	}
	if live != 20000000+len("begin\nend\n") {
		t.Errorf("%d bytes live", live)
	}
}

// A connection that breaks while a command runs leaves its end in doubt, and the
// next batch connects anew.
func TestConnectionLost(t *testing.T) {
	s := sshsim.Start(t, sshsim.Options{})
	h, err := remote.Connect(t.Context(), ssh.Config{Host: "web1", Address: s.Addr, Port: s.Port, User: "u", KeyFiles: []string{s.KeyFile},
		KnownHosts: []string{s.KnownHosts}, SSHConfig: []string{}, NoAgent: true}, remote.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for _, read := range []bool{false, true} {
		_, err = h.Do(t.Context(), state.Batch{Ops: []state.Op{state.Exec{Shell: "echo go; sleep 2", Read: read}},
			Live: func(int, bool, []byte) { go s.Cut() }})
		want := diag.InDoubt
		if read {
			want = diag.Unreachable
		}
		if diag.ClassOf(err) != want {
			t.Errorf("class %s: %v", diag.ClassOf(err), err)
		}
		t.Log(err)
		if out := do(t, h, state.Batch{Ask: []state.Query{state.Login{}}}); out.Answers[0].Err != nil {
			t.Error(out.Answers[0].Err)
		}
	}
}

type answerer map[state.Query]remote.Script

func (a answerer) Probe(q state.Query) (remote.Script, func(remote.ScriptResult) (any, error), bool) {
	s, ok := a[q]
	return s, func(r remote.ScriptResult) (any, error) {
		if r.RC != 0 {
			return nil, fmt.Errorf("rc %d: %s", r.RC, r.Stderr)
		}
		return string(r.Stdout), nil
	}, ok
}

func TestScripts(t *testing.T) {
	p := answerer{
		state.Facts{Families: "a"}: {Text: "echo \"$LC_ALL $1\"; return", Args: []string{"x 'y'"}},
		state.Facts{Families: "b"}: {Text: "echo no >&2\nexit 4"},
	}
	h := remote.Local(remote.Options{Prober: p})
	defer h.Close()
	b := state.Batch{Ask: []state.Query{state.Facts{Families: "a"}, state.Facts{Families: "b"}, state.Facts{Families: "c"}, state.Login{}}}
	out, res, err := h.DoScripts(t.Context(), b, []remote.Script{{Text: "printf out; printf err >&2; return 3"}, {Text: "cat"}})
	if err != nil {
		t.Fatal(err)
	}
	if out.Answers[0].Value != "C x 'y'\n" || out.Answers[1].Err == nil || out.Answers[1].Err.Error() != "rc 4: no\n" || out.Answers[2].Err == nil || out.Answers[3].Err != nil {
		t.Errorf("%+v", out.Answers)
	}
	if len(res) != 2 || res[0].RC != 3 || string(res[0].Stdout) != "out" || string(res[0].Stderr) != "err" || res[1].RC != 0 {
		t.Errorf("%+v", res)
	}
	if s := h.Stats(); s.RoundTrips != 1 {
		t.Errorf("%d round trips", s.RoundTrips)
	}
}
