package probe

import (
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
