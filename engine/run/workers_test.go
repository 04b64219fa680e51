package run

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
)

func TestWorkers(t *testing.T) {
	w, ctx := newWorkers(t.Context(), 3)
	var now, most, done atomic.Int64
	bad := errors.New("the seventh")
	for i := range 50 {
		w.Go(func() error {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			defer now.Add(-1)
			done.Add(1)
			if i == 7 {
				return bad
			}
			if i > 40 && ctx.Err() == nil {
				<-ctx.Done()
			}
			return nil
		})
	}
	if err := w.Wait(); !errors.Is(err, bad) {
		t.Errorf("Wait gives %v", err)
	}
	if most.Load() > 3 || done.Load() != 50 {
		t.Errorf("%d at once, %d done", most.Load(), done.Load())
	}
	if !errors.Is(context.Cause(ctx), bad) {
		t.Errorf("the context ended with %v", context.Cause(ctx))
	}

	w, ctx = newWorkers(t.Context(), 0)
	w.Go(func() error { return nil })
	if err := w.Wait(); err != nil {
		t.Error(err)
	}
	if ctx.Err() == nil {
		t.Error("the context outlives Wait")
	}
}
