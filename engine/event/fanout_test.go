package event

import (
	"context"
	"io"
	"testing"

	"github.com/fairlead-project/fairlead/engine/value"
)

// BenchmarkFanOut passes results on to a file of JSON Lines and two other sinks, with
// secrets taken out.
func BenchmarkFanOut(b *testing.B) {
	none := SinkFunc(func(context.Context, *Event) error { return nil })
	r := NewRedactor()
	r.Add("a-secret-that-is-not-there")
	sink := r.Sink(Multi(JSONLines(io.Discard), none, none))
	e := &Event{Kind: Result, Run: "06h2j2h9y97f7axz8bgdkfet14", Play: "Benchmark", Task: "First file", Module: "copy", Host: "web1", Status: OK,
		Res: value.M("changed", false, "dest", "/srv/bench/data/one.txt", "checksum", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "mode", "0644", "owner", "root", "size", 2700)}
	b.ReportAllocs()
	for b.Loop() {
		x := *e
		if err := sink.Emit(b.Context(), &x); err != nil {
			b.Fatal(err)
		}
	}
}
