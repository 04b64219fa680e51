package remote

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/state"
)

// Whatever shell is behind it, a frame that a command carries is evaluated as it was
// written, and its text is inherited by nobody.
func TestCarry(t *testing.T) {
	t.Parallel()
	body := "set -f\nprintf '%s|' 'it'\\''s' \"a  b\" \\\\ '\n\n' \"$1\" *\n\n\tenv | grep -c _FD\nIFS= read -r _a <&3; printf '<%s>' \"$_a\"\n"
	for _, sh := range [][]string{{"/bin/sh"}, {"dash"}, {"bash"}, {"busybox", "sh"}} {
		if _, err := exec.LookPath(sh[0]); err != nil {
			continue // /bin/sh is one of them anywhere
		}
		e := encoded{before: []string{"{\nexec 3<&0\n"}, text: bytes.NewBufferString(body), after: "}\n"}
		if !carriable(e) {
			t.Fatal("plain text is said not to be carriable")
		}
		command := carry(e)
		if strings.Contains(command, "\n") {
			t.Errorf("the command has more than one line: %q", command)
		}
		cmd := exec.Command(sh[0], append(sh[1:len(sh):len(sh)], "-c", command)...)
		cmd.Stdin = strings.NewReader("said later\n")
		out, err := cmd.CombinedOutput()
		// $1 is the frame itself.
		want := "it's|a  b|\\|\n\n|" + strings.TrimSuffix(e.before[0]+body+e.after, "\n") + "|*|0\n<said later>"
		if err != nil || string(out) != want {
			t.Errorf("%s: %v\n%q\nwant\n%q", sh, err, out, want)
		}
	}
}

func TestCarryIncomplete(t *testing.T) {
	t.Parallel()
	e := encoded{text: bytes.NewBufferString("echo done\n"), after: "echo too\n"}
	command := strings.Replace(carry(e), "done", "d", 1)
	if out, err := exec.Command("/bin/sh", "-c", command).CombinedOutput(); err == nil || len(out) > 0 {
		t.Errorf("a frame that lost something was evaluated: %v %q", err, out)
	}
}

func TestCarriable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"_q 1 '' 'a file'\n":                   true,
		"\t'quoted'\\\n":                       true,
		"é\n":                                  false,
		"a\x02b\n":                             false,
		"a\rb\n":                               false,
		"a\x7fb\n":                             false,
		strings.ReplaceAll(driver(), "$", "_"): true, // the driver itself is not looked at
		strings.Repeat("a", maxCarried):        true,
		strings.Repeat("ab", maxCarried):       false,
	} {
		if got := carriable(encoded{text: bytes.NewBufferString(text)}); got != want {
			t.Errorf("%.20q: %v, want %v", text, got, want)
		}
	}
}

// What may hold a secret is never put where a list of processes shows it.
func TestPrivateQuestionsStayOnTheWire(t *testing.T) {
	t.Parallel()
	output := state.OutputOf(`echo "$1"`, "secret")
	for _, c := range []struct {
		ask  []state.Query
		want bool
	}{
		{[]state.Query{state.Path{Path: "/etc/x"}, state.User{Name: "app"}}, true},
		{[]state.Query{state.Path{Path: "/etc/x"}, output}, false},
		{[]state.Query{state.AskedWithin([]string{"TOKEN=secret"}, state.Service{Name: "app"})}, false},
	} {
		s := &shell{host: newHost(Options{}), has: partBase}
		f, err := s.build(state.Batch{Ask: c.ask}, newAsking(c.ask), nil, ahead{})
		if err != nil || f.asks != c.want {
			t.Errorf("%v: carried %v, want %v (%v)", c.ask, f.asks, c.want, err)
		}
	}
}
