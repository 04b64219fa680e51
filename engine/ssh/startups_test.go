package ssh

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
)

// TestStartups: an address is sent a few logins at a time, others do not wait
// for it, and who gives up leaves no place taken.
func TestStartups(t *testing.T) {
	var s Shared
	var now, most atomic.Int32
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			end, err := s.begin(t.Context(), "192.0.2.1:22")
			if err != nil {
				t.Error(err)
				return
			}
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			now.Add(-1)
			end()
		})
	}
	wg.Wait()
	if m := most.Load(); m < 1 || m > maxStartups {
		t.Errorf("%d logins at once, want at most %d", m, maxStartups)
	}
	for range maxStartups {
		if _, err := s.begin(t.Context(), "192.0.2.2:22"); err != nil {
			t.Fatal(err)
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.begin(cancelled, "192.0.2.2:22"); err == nil {
		t.Error("one more login was let through")
	}
	end, err := s.begin(t.Context(), "192.0.2.1:22")
	if err != nil {
		t.Fatal(err)
	}
	end()
}
