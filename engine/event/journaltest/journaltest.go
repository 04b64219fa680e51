// Package journaltest holds what every event.Journal must do, as tests that an
// implementation runs against itself.
package journaltest

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Run runs the conformance tests. open gives an empty journal and a way to
// open the same one again after a restart.
func Run(t *testing.T, open func(t *testing.T) (j event.Journal, reopen func() event.Journal)) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, j event.Journal, reopen func() event.Journal)
	}{
		{"read what was appended", readBack}, {"ranges", ranges}, {"sequence is checked", sequence},
		{"runs are apart", apart}, {"survives a restart", restart}, {"concurrent runs", concurrent}, {"bad ids", badIDs},
	} {
		t.Run(c.name, func(t *testing.T) {
			j, reopen := open(t)
			c.test(t, j, reopen)
		})
	}
}

func ev(run string, seq int64) *event.Event {
	e := &event.Event{
		Run: run, Seq: seq, Time: time.Unix(1_700_000_000, seq).UTC(), Kind: event.Result, Host: "h", Task: "t", Status: event.OK,
		Res: value.M("n", seq, "text", "é\n\x1b[0m"), HasItem: true,
	}
	if seq == 1 {
		e.Kind = event.RunStarted
	}
	return e
}

func appendAll(t *testing.T, j event.Journal, run string, from, to int64) {
	t.Helper()
	for i := from; i <= to; i++ {
		if err := j.Append(t.Context(), ev(run, i)); err != nil {
			t.Fatalf("append %d: %v", i, err)
		}
	}
}

func check(t *testing.T, j event.Journal, run string, after int64, limit int, from, to int64) {
	t.Helper()
	got, err := j.Read(context.Background(), run, after, limit)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(got)) != to-from+1 {
		t.Fatalf("read after %d limit %d: %d events, want %d to %d", after, limit, len(got), from, to)
	}
	for i := range got {
		want, _ := json.Marshal(ev(run, from+int64(i)))
		have, _ := json.Marshal(&got[i])
		if string(want) != string(have) {
			t.Fatalf("event %d:\n%s\nwant\n%s", i, have, want)
		}
	}
}

func readBack(t *testing.T, j event.Journal, _ func() event.Journal) {
	check(t, j, "r", 0, 0, 1, 0)
	appendAll(t, j, "r", 1, 25)
	check(t, j, "r", 0, 0, 1, 25)
}

func ranges(t *testing.T, j event.Journal, _ func() event.Journal) {
	appendAll(t, j, "r", 1, 20)
	check(t, j, "r", 5, 0, 6, 20)
	check(t, j, "r", 5, 3, 6, 8)
	check(t, j, "r", 20, 5, 21, 20)
	check(t, j, "r", 99, 0, 100, 99)
	check(t, j, "none", 0, 0, 1, 0)
}

func sequence(t *testing.T, j event.Journal, _ func() event.Journal) {
	if err := j.Append(t.Context(), ev("r", 2)); err == nil {
		t.Error("a run that begins with 2 was taken")
	}
	appendAll(t, j, "r", 1, 3)
	for _, n := range []int64{3, 1, 5, 0, -1} {
		if err := j.Append(t.Context(), ev("r", n)); err == nil {
			t.Errorf("number %d after 3 was taken", n)
		}
	}
	appendAll(t, j, "r", 4, 5)
	check(t, j, "r", 0, 0, 1, 5)
}

func apart(t *testing.T, j event.Journal, _ func() event.Journal) {
	for i := int64(1); i <= 5; i++ {
		appendAll(t, j, "a", i, i)
		appendAll(t, j, "b", i, i)
	}
	check(t, j, "a", 0, 0, 1, 5)
	check(t, j, "b", 2, 0, 3, 5)
}

func restart(t *testing.T, j event.Journal, reopen func() event.Journal) {
	appendAll(t, j, "r", 1, 10)
	j = reopen()
	check(t, j, "r", 0, 0, 1, 10)
	if err := j.Append(t.Context(), ev("r", 10)); err == nil {
		t.Error("number 10 was taken twice")
	}
	appendAll(t, j, "r", 11, 12)
	check(t, j, "r", 9, 0, 10, 12)
}

func concurrent(t *testing.T, j event.Journal, _ func() event.Journal) {
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			run := fmt.Sprintf("run-%d", g)
			for i := int64(1); i <= 100; i++ {
				if err := j.Append(t.Context(), ev(run, i)); err != nil {
					t.Error(err)
					return
				}
			}
			if got, err := j.Read(t.Context(), run, 0, 0); err != nil || len(got) != 100 {
				t.Errorf("%s: %d events, %v", run, len(got), err)
			}
		})
	}
	wg.Wait()
}

func badIDs(t *testing.T, j event.Journal, _ func() event.Journal) {
	for _, id := range []string{"", "../x", "a b", "a\x00"} {
		if err := j.Append(t.Context(), ev(id, 1)); err == nil {
			t.Errorf("id %q was taken", id)
		}
	}
}
