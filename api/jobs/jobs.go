// Package jobs is between the endpoints and the engine: what a request wants
// run, who runs it, and in which order.
package jobs

import (
	"context"
	"errors"
	"sync"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Job is one run of a playbook that somebody asked for over the network.
type Job struct {
	// ID is the id of the run: the events must carry it.
	ID string
	// Playbook is the name of a playbook that ships with Fairlead (a path
	// below templates/) when Embedded, else a file.
	Playbook string
	Embedded bool
	// Inventory are the sections of an inventory in server-manager's form, as
	// inventory.Options.Sections takes them.
	Inventory value.Value
	ExtraVars *value.Map
	SSH       SSH
	// Sinks take the events, in order. An event that was redacted is not
	// harmed by being redacted again.
	Sinks []event.Sink
	// Redactor knows the secrets of the request; the engine adds what else it
	// comes across.
	Redactor *event.Redactor
	Who      string
	// Ledger makes the run resumable; what it holds of an earlier attempt is
	// resumed.
	Ledger event.Ledger
}

// SSH says how to log in where the inventory does not. Keys are tried first, in
// order, then the password.
type SSH struct {
	User       string
	Password   string
	KeyFiles   []string
	KnownHosts string // a file of the server's own
	// HostKeys is "strict", "accept-new" or "off".
	HostKeys string
}

// Runner carries jobs out. Run returns when the run has ended and all its
// events were emitted, the last one a RunEnded. Hosts that fail are told by
// the events; an error is a run that could not begin or not go on. When ctx
// ends, the remote processes of the run are ended too.
type Runner interface {
	Run(ctx context.Context, j Job) error
}

// RunnerFunc makes a function a Runner.
type RunnerFunc func(ctx context.Context, j Job) error

// Run calls f.
func (f RunnerFunc) Run(ctx context.Context, j Job) error { return f(ctx, j) }

// Task is one thing in the queue: it needs its hosts for itself.
type Task struct {
	ID    string
	Hosts []string
	Run   func(ctx context.Context)
}

// ErrStopped is returned to those who come too late.
var ErrStopped = errors.New("the queue is stopped")

// Queue runs tasks: those that share a host one after the other in the order
// in which they came, others at the same time, at most so many.
type Queue struct {
	parallel int

	mu      sync.Mutex
	ctx     context.Context // of the running tasks; nil until Start
	cancel  context.CancelFunc
	stopped bool
	waiting []Task
	running int
	busy    map[string]bool
	known   map[string]bool // ids that wait or run
	done    sync.WaitGroup
}

// NewQueue makes a queue that runs at most so many tasks at once.
func NewQueue(parallel int) *Queue {
	return &Queue{parallel: max(1, parallel), busy: map[string]bool{}, known: map[string]bool{}}
}

// Add puts a task at the end, unless one with its id waits or runs.
func (q *Queue) Add(t Task) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped {
		return ErrStopped
	}
	if q.known[t.ID] {
		return nil
	}
	q.known[t.ID] = true
	q.waiting = append(q.waiting, t)
	q.dispatch()
	return nil
}

// Has tells whether a task waits or runs.
func (q *Queue) Has(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.known[id]
}

// Running is how many tasks run.
func (q *Queue) Running() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.running
}

// Waiting is how many tasks wait to be run.
func (q *Queue) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// Start lets tasks run. Their context is not that of ctx's end: Stop ends them.
func (q *Queue) Start(ctx context.Context) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ctx, q.cancel = context.WithCancel(context.WithoutCancel(ctx))
	q.dispatch()
}

// Stop begins nothing more and waits for what runs; when ctx ends, that is
// cancelled, and waited for. Tasks that wait are dropped.
func (q *Queue) Stop(ctx context.Context) {
	q.mu.Lock()
	q.stopped, q.waiting = true, nil
	cancel := q.cancel
	q.mu.Unlock()
	if cancel == nil {
		return
	}
	stop := context.AfterFunc(ctx, cancel)
	q.done.Wait()
	stop()
	cancel()
}

// dispatch begins what can be begun: a task must not overtake an earlier one
// that needs one of its hosts. q.mu is held.
func (q *Queue) dispatch() {
	if q.ctx == nil || q.stopped {
		return
	}
	wanted := map[string]bool{}
	kept := q.waiting[:0]
	for _, t := range q.waiting {
		free := q.running < q.parallel
		for _, h := range t.Hosts {
			free = free && !q.busy[h] && !wanted[h]
			wanted[h] = true
		}
		if !free {
			kept = append(kept, t)
			continue
		}
		q.begin(t)
	}
	clear(q.waiting[len(kept):])
	q.waiting = kept
}

func (q *Queue) begin(t Task) {
	q.running++
	for _, h := range t.Hosts {
		q.busy[h] = true
	}
	ctx := q.ctx
	q.done.Go(func() {
		defer q.end(t)
		t.Run(ctx)
	})
}

func (q *Queue) end(t Task) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running--
	delete(q.known, t.ID)
	for _, h := range t.Hosts {
		delete(q.busy, h)
	}
	q.dispatch()
}
