package run

import (
	"context"
	"sync"
)

// workers do what hosts need, a number of them at once. One goes on with the next
// piece of work where it is: a new goroutine would have to grow its stack first,
// which for the work of one host costs as much as planning a task.
type workers struct {
	limit   int
	started int
	jobs    chan func() error
	wg      sync.WaitGroup
	cancel  context.CancelCauseFunc
	once    sync.Once
	err     error
}

// newWorkers makes at most limit workers; the context it gives ends with the first
// error, and with Wait.
func newWorkers(ctx context.Context, limit int) (*workers, context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	return &workers{limit: max(limit, 1), jobs: make(chan func() error), cancel: cancel}, ctx
}

// Go has f done, as soon as a worker is free for it. It must not be called from f,
// nor after Wait.
func (w *workers) Go(f func() error) {
	select {
	case w.jobs <- f:
		return
	default:
	}
	if w.started == w.limit {
		w.jobs <- f
		return
	}
	w.started++
	w.wg.Go(func() {
		w.do(f)
		for f := range w.jobs {
			w.do(f)
		}
	})
}

func (w *workers) do(f func() error) {
	if err := f(); err != nil {
		w.once.Do(func() {
			w.err = err
			w.cancel(err)
		})
	}
}

// Wait waits until everything is done, and gives the first error.
func (w *workers) Wait() error {
	close(w.jobs)
	w.wg.Wait()
	w.cancel(w.err)
	return w.err
}
