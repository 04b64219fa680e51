package jobs

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestQueueOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(2)
		var mu sync.Mutex
		var log []string
		add := func(id string, hosts ...string) {
			err := q.Add(Task{ID: id, Hosts: hosts, Run: func(context.Context) {
				mu.Lock()
				log = append(log, id)
				mu.Unlock()
				time.Sleep(time.Second)
			}})
			if err != nil {
				t.Error(err)
			}
		}
		add("a1", "a")
		add("ab", "a", "b")
		add("b1", "b") // must not overtake ab
		add("c1", "c")
		q.Start(t.Context())
		start := time.Now()
		time.Sleep(100 * time.Millisecond)
		if q.Waiting() != 2 {
			t.Errorf("%d wait", q.Waiting())
		}
		time.Sleep(3 * time.Second)
		q.Stop(t.Context())
		got := strings.Join(log, " ")
		if got != "a1 c1 ab b1" && got != "c1 a1 ab b1" {
			t.Error(got)
		}
		if d := time.Since(start); d > 3200*time.Millisecond {
			t.Error(d)
		}
		if q.Add(Task{}) != ErrStopped {
			t.Error("took a task after Stop")
		}
	})
}

func TestQueueStopCancels(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(1)
		q.Start(t.Context())
		var cause error
		if err := q.Add(Task{ID: "1", Hosts: []string{"a"}, Run: func(ctx context.Context) {
			<-ctx.Done()
			cause = ctx.Err()
		}}); err != nil {
			t.Fatal(err)
		}
		if err := q.Add(Task{ID: "2", Hosts: []string{"a"}, Run: func(context.Context) { t.Error("ran after Stop") }}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		q.Stop(ctx)
		if cause == nil {
			t.Error("not cancelled")
		}
	})
}
