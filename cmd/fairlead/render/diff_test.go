package render

import (
	"bytes"
	"testing"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/state"
)

func TestDiffKeepsTabs(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	term := &Terminal{}
	term.diff(&b, &event.Event{Diff: state.Diff{
		{BeforeHeader: "f", AfterHeader: "g", Before: "\tone\r\n", After: "\ttwo\x1b[0m\n"},
		{Prepared: true, After: "a\tb\n"},
	}})
	const want = "--- before: f\n+++ after: g\n@@ -1 +1 @@\n-\tone\\r\n+\ttwo\\x1b[0m\n\na\tb\n"
	if b.String() != want {
		t.Errorf("%q\nwant %q", b.String(), want)
	}
}
