package probe

import (
	"os/exec"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/remote"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// TestThroughDriver puts the queries through the real driver, in one frame.
func TestThroughDriver(t *testing.T) {
	t.Parallel()
	for _, sh := range shells {
		if _, err := exec.LookPath(sh[0]); err != nil {
			continue
		}
		var direct, got map[string]any
		undisturbed(t, func() {
			direct = goFacts(t, ask(t, shells[0], state.Facts{Families: All}).(*value.Map))
			got = throughDriver(t, sh)
		})
		for k, v := range direct {
			if !slices.Contains(moving, k) && !reflect.DeepEqual(got[k], v) {
				t.Errorf("%v: %s: %v, directly %v", sh, k, got[k], v)
			}
		}
		for _, k := range []string{"PATH", "HOME", "LC_ALL", "PWD"} {
			have, _ := got["env"].(map[string]any)
			want, _ := direct["env"].(map[string]any)
			if have[k] != want[k] || k == "PATH" && have[k] == nil {
				t.Errorf("%v: env %s: %v, of the login %v", sh, k, have[k], want[k])
			}
		}
	}
}

// throughDriver asks this machine for its facts, and for what else there is, through a
// kept shell.
func throughDriver(t *testing.T, sh []string) map[string]any {
	t.Helper()
	h := remote.Local(remote.Options{Prober: Prober{}, Shell: sh})
	begin := time.Now()
	out, err := h.Do(t.Context(), state.Batch{Ask: []state.Query{
		state.Facts{Families: All}, state.Service{Name: "no-such-service"}, state.Services{}, state.Facts{Families: "nosuch"},
	}})
	if err != nil {
		t.Fatalf("%v: %v", sh, err)
	}
	t.Logf("%v: %v, %+v", sh, time.Since(begin), h.Stats())
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	for i, a := range out.Answers {
		if (a.Err != nil) != (i == 3) {
			t.Fatalf("%v: %s: %v", sh, a.Query.Query(), a.Err)
		}
	}
	return goFacts(t, out.Answers[0].Value.(*value.Map))
}
