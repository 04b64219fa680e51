package render

import (
	"bytes"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/event"
)

// The label of an item keeps its line ends, as Ansible prints it; what a terminal would
// obey it does not keep.
func TestLabelsOfSeveralLines(t *testing.T) {
	var out bytes.Buffer
	e := &event.Event{Kind: event.ItemResult, Host: "a", Status: event.OK, Label: "one\ntwo\x1b[2J"}
	if err := New(&out, Options{}).Emit(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if want := "ok: [a] => (item=one\ntwo\\x1b[2J)\n"; !strings.HasPrefix(out.String(), strings.TrimSuffix(want, "\n")) {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
