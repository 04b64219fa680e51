package remote_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/internal/sshsim"
	"github.com/fairlead-project/fairlead/engine/internal/testbed"
	"github.com/fairlead-project/fairlead/engine/remote"
	"github.com/fairlead-project/fairlead/engine/state"
)

// TestExpect has dialogs with real programs on real terminals, behind the wire and here.
func TestExpect(t *testing.T) {
	if _, err := exec.LookPath("script"); err != nil {
		testbed.Missing(t, "no script: run scripts/apt-need bsdutils")
	}
	t.Run("ssh", func(t *testing.T) {
		talks(t, simHost(t, sshsim.Options{}, remote.Options{OpTimeout: 20 * time.Second}))
	})
	t.Run("local", func(t *testing.T) {
		h := remote.Local(remote.Options{OpTimeout: 20 * time.Second})
		t.Cleanup(func() { _ = h.Close() })
		talks(t, h)
	})
	t.Run("python3", func(t *testing.T) { // where script is another one than util-linux's
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "script"), []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := exec.LookPath("python3"); err != nil {
			testbed.Missing(t, "no python3")
		}
		t.Setenv("PATH", dir+":/usr/bin:/bin")
		h := remote.Local(remote.Options{OpTimeout: 20 * time.Second})
		t.Cleanup(func() { _ = h.Close() })
		talks(t, h)
	})
}

func talks(t *testing.T, h *remote.Host) {
	const ask = `printf "Name: "; read a; printf "Word: "; stty -echo; read -r b; stty echo; echo; printf "[%s|%s|%s]" "$a" "$b" "$W"; exit 3`
	name, word := state.Reply{Pattern: "(?i)n.me: $", Answers: []string{"it's"}}, state.Reply{Pattern: "Word: ", Answers: []string{`$b\`}}
	for _, c := range []struct {
		name string
		o    state.Expect
		out  string
		rc   int
		end  state.ExpectEnd
	}{
		{"answers", state.Expect{Argv: []string{"sh", "-c", ask}, Env: []string{"W=a 'b'"}, Replies: []state.Reply{word, name}},
			"Name: Word: \r\n[it's|$b\\|a 'b']", 3, state.ExpectEnd{}},
		{"echo", state.Expect{Argv: []string{"sh", "-c", "echo go; read a; pwd; test -t 0 && stty size"}, Echo: true, Chdir: "/", Replies: []state.Reply{{Pattern: "go\r\n", Answers: []string{"x"}}}},
			"go\r\nx\r\n/\r\n24 80\r\n", 0, state.ExpectEnd{}},
		{"the first that matches", state.Expect{Argv: []string{"sh", "-c", "echo one two; read a; echo $a"}, Replies: []state.Reply{{Pattern: "two\r\n", Answers: []string{"2"}}, {Pattern: "one.*\n", Answers: []string{"1"}}}},
			"one two\r\n1\r\n", 0, state.ExpectEnd{}},
		{"nothing comes", state.Expect{Argv: []string{"sh", "-c", "echo hm; exec sleep 50"}, Timeout: 200 * time.Millisecond, Replies: []state.Reply{name}},
			"hm\r\n", 0, state.ExpectEnd{TimedOut: true}},
		{"much", state.Expect{Argv: []string{"sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x; printf 'go? '; read a; echo $a"}, Replies: []state.Reply{{Pattern: `x(go\?) $`, Answers: []string{"on"}}}},
			strings.Repeat("x", 1000000) + "go? on\r\n", 0, state.ExpectEnd{}},
		{"used up", state.Expect{Argv: []string{"sh", "-c", "while :; do printf 'n? '; read a || exit; done"}, Replies: []state.Reply{{Pattern: `\?`, Answers: []string{"1", "2"}, Once: true}}},
			"n? n? n?", 0, state.ExpectEnd{Unanswered: `\?`, Output: "' n?'"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.o.Timeout == 0 {
				c.o.Timeout = 10 * time.Second
			}
			r, err := h.Expect(t.Context(), state.Identity{}, c.o)
			if end, _ := r.Data.(state.ExpectEnd); err != nil || !r.OK || r.RC != c.rc || end != c.end || string(r.Stdout) != c.out {
				t.Errorf("%v, ok %v, rc %d, %+v, %d bytes: %.200q", err, r.OK, r.RC, r.Data, len(r.Stdout), r.Stdout)
			}
		})
	}
	for want, o := range map[string]state.Expect{
		"/no/such'": {Argv: []string{"/no/such"}},
		"directory": {Argv: []string{"true"}, Chdir: "/no/such"},
	} {
		if r, err := h.Expect(t.Context(), state.Identity{}, o); err != nil || r.OK || !strings.Contains(r.Msg, want) {
			t.Errorf("%s: %v %+v", want, err, r)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := h.Expect(ctx, state.Identity{}, state.Expect{Argv: []string{"sleep", "50"}}); err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("cancelled after %s: %v", time.Since(began), err)
	}
}
