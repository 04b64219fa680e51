package render

import (
	"bytes"
	"testing"

	"github.com/fairlead-project/fairlead/engine/event"
)

// Warnings go to their own place, each once, before the result that they are about.
func TestWarnings(t *testing.T) {
	result := func(host string, warnings ...string) *event.Event {
		return &event.Event{Kind: event.Result, Host: host, Status: event.OK, Warnings: warnings}
	}
	events := []*event.Event{
		result("a", "old\n"), result("b", "old", "new"), {Kind: event.Notice, Level: "warn", Msg: "new"},
		{Kind: event.Notice, Level: "info", Msg: "told"}, {Kind: event.Notice, Level: "info", Msg: "told"},
	}
	var out, err bytes.Buffer
	for _, c := range []struct {
		name     string
		o        Options
		out, err string
	}{
		{"apart", Options{Warnings: &err}, "ok: [a]\nok: [b]\ntold\ntold\n", "[WARNING]: old\n[WARNING]: new\n"},
		{"apart in colour", Options{Warnings: &err, ColorWarnings: true}, "ok: [a]\nok: [b]\ntold\ntold\n",
			"\x1b[1;35m[WARNING]: old\x1b[0m\n\x1b[1;35m[WARNING]: new\x1b[0m\n"},
		{"in the output", Options{}, "ok: [a]\n[WARNING]: old\nok: [b]\n[WARNING]: new\ntold\ntold\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			out.Reset()
			err.Reset()
			term := New(&out, c.o)
			for _, e := range events {
				if err := term.Emit(t.Context(), e); err != nil {
					t.Fatal(err)
				}
			}
			if out.String() != c.out || err.String() != c.err {
				t.Errorf("out %q, err %q", out.String(), err.String())
			}
		})
	}
}
