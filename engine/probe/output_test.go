package probe

import (
	"os/exec"
	"testing"

	"github.com/fairlead-project/fairlead/engine/state"
)

func TestOutput(t *testing.T) {
	t.Parallel()
	q := state.OutputOf(`printf '%s|' "$@"; exit 3`, "a b", "", "it's")
	s, read, ok := For(q)
	if !ok || len(s.Args) != 3 || s.Args[0] != "a b" || s.Args[1] != "" || s.Args[2] != "it's" {
		t.Fatalf("script: %+v %v", s, ok)
	}
	if none := state.OutputOf("x"); none.Params() != nil {
		t.Errorf("no parameters: %q", none.Params())
	}
	got, err := read(ScriptResult{RC: 3, Stdout: []byte("out"), Stderr: []byte("err")})
	if want := (state.OutputInfo{RC: 3, Stdout: "out", Stderr: "err"}); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWithin(t *testing.T) {
	t.Parallel()
	q := state.AskedWithin([]string{"A=x y", "PATH=/task", "LC_ALL=de"}, state.OutputOf(`printf '%s|' "$A" "$LC_ALL" "$PATH" "$@"`, "b"))
	s, _, ok := For(q)
	if !ok {
		t.Fatal("no script")
	}
	out, err := exec.Command("sh", append([]string{"-c", s.Text, "sh"}, s.Args...)...).CombinedOutput()
	if want := "x y|C|/task:/usr/local/sbin:/usr/sbin:/sbin|b|"; err != nil || string(out) != want {
		t.Errorf("%q, %v, not %q", out, err, want)
	}
	about := state.Output{Script: ":", Path: "/p"}
	if got := state.AskedWithin([]string{"A=b"}, about); got != state.Query(about) {
		t.Errorf("a question about one path: %v", got)
	}
}
