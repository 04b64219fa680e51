package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	maxQueued      = 4096
	maxQueuedBytes = 64 << 20
	maxBatch       = 1000
)

// ErrClosed is returned after Close.
var ErrClosed = errors.New("the store is closed")

// op is one thing to write: an event of the journal or anything else.
type op struct {
	ev      *row
	do      func(context.Context, *sql.Tx) error
	durable bool       // on disk before done is answered
	done    chan error // nil: nobody waits
	bytes   int64
}

// enqueue hands o to the writer; it waits while too much is waiting.
func (s *Store) enqueue(ctx context.Context, o *op) error {
	o.bytes = min(o.bytes, maxQueuedBytes)
	if err := s.room.Acquire(ctx, o.bytes); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		s.room.Release(o.bytes)
		return ErrClosed
	}
	select {
	case s.ops <- o:
		return nil
	case <-ctx.Done():
		s.room.Release(o.bytes)
		return ctx.Err()
	}
}

// exec has do run in a transaction and waits for its commit; with durable,
// until it is on disk. When ctx ends first, do may still happen.
func (s *Store) exec(ctx context.Context, durable bool, do func(context.Context, *sql.Tx) error) error {
	o := &op{do: do, durable: durable, done: make(chan error, 1)}
	if err := s.enqueue(ctx, o); err != nil {
		return err
	}
	err := s.await(ctx, o)
	if err != nil && errors.Is(err, ctx.Err()) {
		return fmt.Errorf("%w: %w", ErrPending, err)
	}
	return err
}

func (s *Store) await(ctx context.Context, o *op) error {
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// barrier waits until everything handed in so far is committed, or as long as
// a Hasty context has patience.
func (s *Store) barrier(ctx context.Context) error {
	wait := ctx
	patience, hasty := ctx.Value(hastyKey{}).(time.Duration)
	if hasty {
		var cancel context.CancelFunc
		wait, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	err := s.exec(wait, false, func(context.Context, *sql.Tx) error { return nil })
	if hasty && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return nil // what is committed must do
	}
	return err
}

type hastyKey struct{}

// Hasty gives a context with which reads wait no longer than that for what is
// being written: who only looks must not be kept by a slow disk, and may see
// what was true a moment ago.
func Hasty(ctx context.Context, patience time.Duration) context.Context {
	return context.WithValue(ctx, hastyKey{}, patience)
}

// ErrPending is returned for what was handed in and could not be waited for: it
// will be written, unless this process or the machine ends before.
var ErrPending = errors.New("not written yet")

// Sync waits until everything handed in so far is on disk.
func (s *Store) Sync(ctx context.Context) error {
	return s.exec(ctx, true, func(context.Context, *sql.Tx) error { return nil })
}

// write is the writer: it takes what is waiting, commits it in one
// transaction, and answers. It ends when ops is closed and empty.
func (s *Store) write() {
	defer close(s.done)
	ctx := context.Background()
	s.forgot.Store(true) // by a process that was killed, perhaps
	idle := time.After(scrubAfter)
	for {
		var first *op
		select {
		case o, ok := <-s.ops:
			if !ok {
				return
			}
			first = o
		case <-idle:
			if idle = nil; !s.scrub(ctx) {
				idle = time.After(scrubAfter)
			}
			continue
		}
		batch := []*op{first}
	fill:
		for len(batch) < maxBatch {
			select {
			case o, ok := <-s.ops:
				if !ok {
					break fill
				}
				batch = append(batch, o)
			default:
				break fill
			}
		}
		errs := make([]error, len(batch))
		if err := s.commit(ctx, batch, errs); err != nil {
			for i := range errs {
				errs[i] = err
			}
		}
		s.answer(batch, errs)
		if idle = nil; s.forgot.Load() {
			idle = time.After(scrubAfter)
		}
	}
}

// scrubAfter is how long nothing must be written before what was forgotten is
// removed from SQLite's log of writes.
const scrubAfter = 2 * time.Second

// scrub empties the log of writes, which may still hold what was removed from
// the database. It is false when somebody reads just then.
func (s *Store) scrub(ctx context.Context) bool {
	var busy, frames, moved int
	err := s.writer.QueryRowContext(ctx, "PRAGMA busy_timeout = 0").Scan(&busy)
	if err == nil {
		err = s.writer.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved)
	}
	if _, rerr := s.writer.ExecContext(ctx, "PRAGMA busy_timeout = 15000"); err == nil && rerr == nil && busy == 0 {
		s.forgot.Store(false)
	}
	return !s.forgot.Load()
}

func (s *Store) answer(batch []*op, errs []error) {
	runs := map[string]bool{}
	for i, o := range batch {
		if o.ev != nil {
			runs[o.ev.run] = true
			if errs[i] != nil {
				s.runs.fail(o.ev.run, errs[i])
			}
		}
		if o.done != nil {
			o.done <- errs[i]
		}
		s.room.Release(o.bytes)
	}
	for run := range runs {
		s.events.notify(run)
	}
}

// commit writes a batch. An error of one operation goes to errs and undoes
// that one only; an error returned undoes the batch.
func (s *Store) commit(ctx context.Context, batch []*op, errs []error) error {
	durable, writes := false, false
	for _, o := range batch {
		durable = durable || o.durable
	}
	if durable {
		if _, err := s.writer.ExecContext(ctx, "PRAGMA synchronous = FULL"); err != nil {
			return err
		}
		defer s.writer.ExecContext(ctx, "PRAGMA synchronous = NORMAL") //nolint:errcheck // only costs speed
	}
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	j, err := newJournalTx(ctx, tx)
	if err != nil {
		return err
	}
	for i, o := range batch {
		writes = true
		if o.ev != nil {
			errs[i] = j.insert(ctx, o.ev)
			continue
		}
		if errs[i] = savepoint(ctx, tx, o.do); errors.Is(errs[i], errBroken) {
			return errs[i]
		}
	}
	if err := j.finish(ctx); err != nil {
		return err
	}
	if durable && writes {
		// A transaction that changed nothing would not be synced.
		if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", schema)); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

var errBroken = errors.New("transaction is broken")

func savepoint(ctx context.Context, tx *sql.Tx, do func(context.Context, *sql.Tx) error) error {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT one"); err != nil {
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	err := do(ctx, tx)
	if err != nil {
		if _, rerr := tx.ExecContext(ctx, "ROLLBACK TO one"); rerr != nil {
			return fmt.Errorf("%w: %w", errBroken, errors.Join(err, rerr))
		}
	}
	if _, rerr := tx.ExecContext(ctx, "RELEASE one"); rerr != nil {
		return fmt.Errorf("%w: %w", errBroken, rerr)
	}
	return err
}

// watchers wake those who wait for events of a run.
type watchers struct {
	mu    sync.Mutex
	byRun map[string]map[chan struct{}]bool
}

func (w *watchers) notify(run string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch := range w.byRun[run] {
		select {
		case ch <- struct{}{}:
		default: // it has not looked since the last time
		}
	}
}

// Watch gives a channel that is sent to after events of the run were written
// by this process; stop ends it. Events of other processes are not announced.
func (s *Store) Watch(run string) (changed <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	w := &s.events
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byRun == nil {
		w.byRun = map[string]map[chan struct{}]bool{}
	}
	if w.byRun[run] == nil {
		w.byRun[run] = map[chan struct{}]bool{}
	}
	w.byRun[run][ch] = true
	return ch, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.byRun[run], ch)
		if len(w.byRun[run]) == 0 {
			delete(w.byRun, run)
		}
	}
}
