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

func TestOnlyChangesShowTheirDiff(t *testing.T) {
	t.Parallel()
	for status, shown := range map[event.Status]bool{
		event.Changed: true, event.Unknown: true, event.OK: false, event.Skipped: false, event.Failed: false,
	} {
		var b bytes.Buffer
		(&Terminal{}).diff(&b, &event.Event{Status: status, Diff: state.Diff{{Prepared: true, After: "a\n"}}})
		if got := b.Len() > 0; got != shown {
			t.Errorf("%s: shown %v, not %v", status, got, shown)
		}
	}
}
