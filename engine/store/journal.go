package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/value"
)

var _ event.Journal = (*Store)(nil)

// maxEvent bounds the recorded form of one event; beyond it the result and the
// differences are left out.
const maxEvent = 8 << 20

// ErrSequence is an event whose number does not follow the last one of its run:
// somebody else wrote to the run, or an event was lost.
var ErrSequence = errors.New("event out of sequence")

// row is an event on its way into the database.
type row struct {
	run  string
	seq  int64
	body []byte
	head event.Event // without what is big
}

type journalState struct {
	mu     sync.Mutex
	last   map[string]int64
	failed map[string]error
}

func (j *journalState) fail(run string, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed[run] == nil {
		j.failed[run] = err
	}
}

func (j *journalState) forget(run string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.last, run)
}

// Append adds e to its run. Only the first and the last event of a run are
// waited for; the others are committed within moments, in order, and an error
// shows at the next call. Sync waits for all.
func (s *Store) Append(ctx context.Context, e *event.Event) error {
	r, err := newRow(e)
	if err != nil {
		return err
	}
	o := &op{ev: r, bytes: int64(len(r.body))}
	wait := e.Kind == event.RunStarted || e.Kind == event.RunEnded
	if wait {
		o.done = make(chan error, 1)
	}
	if err := s.append(ctx, o); err != nil || !wait {
		return err
	}
	err = s.await(ctx, o)
	if err == nil && e.Kind == event.RunEnded {
		s.runs.forget(e.Run) // the database knows
	}
	return err
}

func (s *Store) append(ctx context.Context, o *op) error {
	j := &s.runs
	j.mu.Lock()
	defer j.mu.Unlock()
	r := o.ev
	if err := j.failed[r.run]; err != nil {
		return fmt.Errorf("journal of run %s: %w", r.run, err)
	}
	last, ok := j.last[r.run]
	if !ok {
		if err := s.reader.QueryRowContext(ctx, "SELECT last_seq FROM runs WHERE id = ?", r.run).Scan(&last); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("journal of run %s: %w", r.run, err)
		}
	}
	if r.seq != last+1 {
		return fmt.Errorf("journal of run %s: %w: number %d after %d", r.run, ErrSequence, r.seq, last)
	}
	// fail needs the lock to answer a batch: never wait for room while holding it.
	j.mu.Unlock()
	err := s.enqueue(ctx, o)
	j.mu.Lock()
	if err != nil {
		return fmt.Errorf("journal of run %s: %w", r.run, err)
	}
	j.last[r.run] = r.seq
	return nil
}

func newRow(e *event.Event) (*row, error) {
	if !event.ValidID(e.Run) {
		return nil, fmt.Errorf("journal: %q is no id of a run", e.Run)
	}
	body, err := e.MarshalJSON()
	if err != nil {
		return nil, err
	}
	if len(body) > maxEvent {
		c := *e
		c.Diff, c.Item, c.HasItem = nil, value.Null, false
		c.Res = value.M("truncated", fmt.Sprintf("the result had %d bytes and was not recorded", len(body)))
		if len(c.Msg) > maxEvent/4 {
			c.Msg = c.Msg[:maxEvent/4]
		}
		if body, err = c.MarshalJSON(); err != nil {
			return nil, err
		}
	}
	head := event.Event{
		Seq: e.Seq, Run: e.Run, Time: e.Time, Kind: e.Kind, Playbooks: e.Playbooks, Check: e.Check, Version: e.Version,
		Task: e.Task, TaskNo: e.TaskNo, Status: e.Status, Reason: e.Reason, Rescued: e.Rescued, Ignored: e.Ignored, Stats: e.Stats, Exit: e.Exit, Failures: e.Failures,
	}
	return &row{run: e.Run, seq: e.Seq, body: body, head: head}, nil
}

// Read gives the events of a run after a number, at most limit (0: all).
func (s *Store) Read(ctx context.Context, run string, after int64, limit int) ([]event.Event, error) {
	if err := s.barrier(ctx); err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = -1
	}
	rows, err := s.reader.QueryContext(ctx, "SELECT body FROM events WHERE run = ? AND seq > ? ORDER BY seq LIMIT ?", run, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read run %s: %w", run, err)
	}
	defer rows.Close()
	var out []event.Event
	for rows.Next() {
		var body sql.RawBytes
		if err := rows.Scan(&body); err != nil {
			return nil, fmt.Errorf("read run %s: %w", run, err)
		}
		var e event.Event
		if err := json.Unmarshal(body, &e); err != nil {
			return nil, fmt.Errorf("read run %s: event after %d: %w", run, after, err)
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// journalTx writes events within one transaction and sums up what they mean
// for the table of runs.
type journalTx struct {
	tx    *sql.Tx
	stmt  *sql.Stmt
	sums  map[string]*sum
	order []string
}

type sum struct {
	last                                               int64
	ok, changed, failed, unreachable, skipped, ignored int
	tasks                                              int64
	task                                               string
}

func newJournalTx(_ context.Context, tx *sql.Tx) (*journalTx, error) {
	return &journalTx{tx: tx, sums: map[string]*sum{}}, nil
}

func (j *journalTx) insert(ctx context.Context, r *row) error {
	if j.stmt == nil {
		stmt, err := j.tx.PrepareContext(ctx, "INSERT INTO events (run, seq, body) VALUES (?, ?, ?)")
		if err != nil {
			return err
		}
		j.stmt = stmt
	}
	if _, err := j.stmt.ExecContext(ctx, r.run, r.seq, string(r.body)); err != nil {
		return fmt.Errorf("%w: %w", ErrSequence, err)
	}
	return j.sum(ctx, r)
}

func (j *journalTx) sum(ctx context.Context, r *row) error {
	e, d := &r.head, j.sums[r.run]
	if d == nil {
		if _, err := j.tx.ExecContext(ctx, "INSERT INTO runs (id, created_at, status) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
			r.run, nanos(e.Time), RunRunning); err != nil {
			return err
		}
		d = &sum{}
		j.sums[r.run] = d
		j.order = append(j.order, r.run)
	}
	d.last = r.seq
	switch e.Kind {
	case event.RunStarted:
		_, err := j.tx.ExecContext(ctx, "UPDATE runs SET status = ?, started_at = ?, playbooks = ?, is_check = ?, version = ? WHERE id = ?",
			RunRunning, nanos(e.Time), jsonText(e.Playbooks), e.Check, e.Version, r.run)
		return err
	case event.TaskStarted:
		d.task, d.tasks = e.Task, max(d.tasks, e.TaskNo)
	case event.Result:
		d.count(e)
	case event.RunEnded:
		_, err := j.tx.ExecContext(ctx, "UPDATE runs SET status = ?, ended_at = ?, exit_code = ?, failures = ? WHERE id = ?",
			statusOf(e.Exit, e.Reason), nanos(e.Time), e.Exit, jsonText(e.Failures), r.run)
		if err != nil || e.Stats == nil {
			return err
		}
		return j.stats(ctx, r.run, e.Stats)
	case event.Recap:
		return j.stats(ctx, r.run, e.Stats)
	}
	return nil
}

func (j *journalTx) stats(ctx context.Context, run string, stats map[string]*event.HostStats) error {
	_, err := j.tx.ExecContext(ctx, "UPDATE runs SET stats = ? WHERE id = ?", jsonText(stats), run)
	return err
}

func (d *sum) count(e *event.Event) {
	switch e.Status {
	case event.OK:
		d.ok++
	case event.Changed:
		d.ok++
		d.changed++
	case event.Skipped:
		d.skipped++
	case event.Unreachable:
		d.unreachable++
	case event.Failed, event.InDoubt:
		if e.Ignored {
			d.ignored++
			return
		}
		if e.Rescued {
			return // as in Ansible, which counts it apart
		}
		d.failed++
	}
}

func (j *journalTx) finish(ctx context.Context) error {
	for _, run := range j.order {
		d := j.sums[run]
		if d.last == 0 {
			continue
		}
		_, err := j.tx.ExecContext(ctx, `UPDATE runs SET last_seq = max(last_seq, ?), tasks = max(tasks, ?), task = iif(? = '', task, ?),
			ok = ok + ?, changed = changed + ?, failed = failed + ?, unreachable = unreachable + ?, skipped = skipped + ?, ignored = ignored + ?
			WHERE id = ?`, d.last, d.tasks, d.task, d.task, d.ok, d.changed, d.failed, d.unreachable, d.skipped, d.ignored, run)
		if err != nil {
			return err
		}
	}
	if j.stmt != nil {
		return j.stmt.Close()
	}
	return nil
}

func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "null" // only maps and lists of plain fields come here
	}
	return string(b)
}
