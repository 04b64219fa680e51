package run

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

// TestPins: however many hosts ask at once, a tag is looked up once; a look-up
// that failed is tried by the next.
func TestPins(t *testing.T) {
	t.Parallel()
	var p pins
	var asked atomic.Int32
	resolve := func() (string, error) {
		if asked.Add(1) == 1 {
			return "", errors.New("no")
		}
		return "sha256:1", nil
	}
	if d := p.digest(t.Context(), "r/x:1", resolve); d != "" {
		t.Fatal(d)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if d := p.digest(t.Context(), "r/x:1", resolve); d != "sha256:1" {
				t.Error(d)
			}
		})
	}
	wg.Wait()
	if n := asked.Load(); n != 2 {
		t.Errorf("asked %d times", n)
	}
	if d := p.digest(t.Context(), "r/x:2", func() (string, error) { return "sha256:2", nil }); d != "sha256:2" {
		t.Errorf("another tag is %s", d)
	}
	// Who is not waited for any more does not wait.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	started, free := make(chan struct{}), make(chan struct{})
	wg.Go(func() {
		p.digest(context.Background(), "r/x:3", func() (string, error) { close(started); <-free; return "sha256:3", nil })
	})
	<-started
	if d := p.digest(ctx, "r/x:3", resolve); d != "" {
		t.Error(d)
	}
	close(free)
	wg.Wait()
}
