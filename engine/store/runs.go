package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
)

// RunStatus is where a run stands.
type RunStatus string

// The statuses of runs.
const (
	RunQueued      RunStatus = "queued"
	RunRunning     RunStatus = "running"
	RunDone        RunStatus = "done"
	RunFailed      RunStatus = "failed"      // a host failed
	RunUnreachable RunStatus = "unreachable" // a host was unreachable
	RunError       RunStatus = "error"       // what was asked was wrong
	RunInterrupted RunStatus = "interrupted" // whoever ran it went away
	RunCancelled   RunStatus = "cancelled"   // somebody stopped it
	RunInDoubt     RunStatus = "in_doubt"    // it was cut off, and what became of an effect is not known
)

// Resumable tells whether a run that ended so can be carried on, as long as what
// it noted is kept.
func (s RunStatus) Resumable() bool {
	return s == RunInterrupted || s == RunCancelled || s == RunInDoubt
}

// Ended tells whether the run is over.
func (s RunStatus) Ended() bool { return s != RunQueued && s != RunRunning }

func statusOf(exit int, reason string) RunStatus {
	switch reason {
	case diag.Cancelled.String():
		return RunCancelled
	case string(RunInterrupted):
		return RunInterrupted
	case diag.InDoubt.String():
		return RunInDoubt
	}
	switch exit {
	case 0:
		return RunDone
	case 2:
		return RunFailed
	case 4:
		return RunUnreachable
	}
	return RunError
}

// Run is what the index knows of a run.
type Run struct {
	ID        string    `json:"id"`
	Status    RunStatus `json:"status"`
	Playbooks []string  `json:"playbooks"`
	Check     bool      `json:"check,omitempty"`
	Version   string    `json:"version,omitempty"`
	Who       string    `json:"who,omitempty"`    // user@host, or the client's address
	Origin    string    `json:"origin,omitempty"` // "cli", "server-manager"
	// Request is the request that the run is of; Root the first attempt of a
	// run that resumes another, and its own id otherwise.
	Request string    `json:"request,omitempty"`
	Root    string    `json:"root,omitempty"`
	Created time.Time `json:"created"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	LastSeq int64     `json:"last_seq"`
	// Tasks is how many tasks were begun; Task names the last of them.
	Tasks int64  `json:"tasks"`
	Task  string `json:"task,omitempty"`
	// Counts are of the results so far, over all hosts.
	Counts   Counts                      `json:"counts"`
	Exit     int                         `json:"exit"`
	Stats    map[string]*event.HostStats `json:"stats,omitempty"`
	Failures []string                    `json:"failures,omitempty"`
}

// Counts are the results of a run. As in Ansible, what changed is ok too.
type Counts struct {
	OK          int `json:"ok"`
	Changed     int `json:"changed"`
	Failed      int `json:"failed"`
	Unreachable int `json:"unreachable"`
	Skipped     int `json:"skipped"`
	Ignored     int `json:"ignored"`
}

// CreateRun records a run before its first event: who asked for it, and that
// it is queued. It does nothing to a run that exists but to say who and where from.
func (s *Store) CreateRun(ctx context.Context, r Run) error {
	if r.Created.IsZero() {
		r.Created = time.Now()
	}
	return s.exec(ctx, false, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO runs (id, status, playbooks, is_check, version, who, origin, request, root, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET who = excluded.who, origin = excluded.origin, request = excluded.request, root = excluded.root`,
			r.ID, RunQueued, jsonText(r.Playbooks), r.Check, r.Version, r.Who, r.Origin, r.Request, r.Root, nanos(r.Created))
		return err
	})
}

// Interrupted marks a run that nobody carries on as ended, unless it is ended.
func (s *Store) Interrupted(ctx context.Context, id string, when time.Time) error {
	return s.exec(ctx, false, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE runs SET status = ?, ended_at = ? WHERE id = ? AND status IN (?, ?)",
			RunInterrupted, nanos(when), id, RunQueued, RunRunning)
		return err
	})
}

// InterruptRequest does so for all runs of a request.
func (s *Store) InterruptRequest(ctx context.Context, request string, when time.Time) error {
	return s.exec(ctx, false, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE runs SET status = ?, ended_at = ? WHERE request = ? AND status IN (?, ?)",
			RunInterrupted, nanos(when), request, RunQueued, RunRunning)
		return err
	})
}

const runColumns = `id, status, playbooks, is_check, version, who, origin, request, root, created_at, started_at, ended_at, last_seq, tasks, task,
	ok, changed, failed, unreachable, skipped, ignored, exit_code, stats, failures`

func scanRun(scan func(...any) error) (Run, error) {
	var (
		r                          Run
		created, started, ended    int64
		playbooks, stats, failures string
	)
	c := &r.Counts
	err := scan(&r.ID, &r.Status, &playbooks, &r.Check, &r.Version, &r.Who, &r.Origin, &r.Request, &r.Root, &created, &started, &ended, &r.LastSeq, &r.Tasks, &r.Task,
		&c.OK, &c.Changed, &c.Failed, &c.Unreachable, &c.Skipped, &c.Ignored, &r.Exit, &stats, &failures)
	if err != nil {
		return r, err
	}
	r.Created, r.Started, r.Ended = timeOf(created), timeOf(started), timeOf(ended)
	return r, errors.Join(json.Unmarshal([]byte(playbooks), &r.Playbooks), json.Unmarshal([]byte(stats), &r.Stats),
		json.Unmarshal([]byte(failures), &r.Failures))
}

// Run gives one run; the error is of class NotFound when there is none.
func (s *Store) Run(ctx context.Context, id string) (Run, error) {
	if err := s.barrier(ctx); err != nil {
		return Run{}, err
	}
	r, err := scanRun(s.reader.QueryRowContext(ctx, "SELECT "+runColumns+" FROM runs WHERE id = ?", id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return r, notFound("run", id)
	}
	if err != nil {
		return r, fmt.Errorf("run %s: %w", id, err)
	}
	return r, nil
}

// RunFilter says which runs to list; zero fields do not restrict.
type RunFilter struct {
	Status  RunStatus
	Origin  string
	Request string
	Root    string
	// Before continues a listing after the run with this id.
	Before string
	Limit  int // default 100
}

// Runs lists runs, the newest first, without their statistics per host.
func (s *Store) Runs(ctx context.Context, f RunFilter) ([]Run, error) {
	if err := s.barrier(ctx); err != nil {
		return nil, err
	}
	var w where
	if f.Status != "" {
		w.add("status = ?", f.Status)
	}
	if f.Origin != "" {
		w.add("origin = ?", f.Origin)
	}
	if f.Request != "" {
		w.add("request = ?", f.Request)
	}
	if f.Root != "" {
		w.add("root = ?", f.Root)
	}
	if f.Before != "" {
		w.add("(created_at, id) < (SELECT created_at, id FROM runs WHERE id = ?)", f.Before)
	}
	if f.Limit <= 0 {
		f.Limit = 100
	}
	rows, err := s.reader.QueryContext(ctx, "SELECT "+runColumns+" FROM runs"+w.String()+" ORDER BY created_at DESC, id DESC LIMIT ?", append(w.args, f.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	defer rows.Close()
	out := []Run{}
	for rows.Next() {
		r, err := scanRun(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("list runs: %w", err)
		}
		r.Stats = nil
		out = append(out, r)
	}
	return out, rows.Err()
}

// Keep says how much history Prune leaves.
type Keep struct {
	Runs int           // the newest so many runs
	For  time.Duration // and nothing ended longer ago; 0: no limit
}

// keepResumable is how long what was cut off or cancelled may be resumed.
const keepResumable = 7 * 24 * time.Hour

// Prune removes ended runs beyond k with their events, finished requests and
// statuses that newer ones replaced, of the same age. What may hold secrets and
// was kept to resume a run is forgotten after a week.
func (s *Store) Prune(ctx context.Context, k Keep, now time.Time) error {
	var oldest int64
	if k.For > 0 {
		oldest = nanos(now.Add(-k.For))
	}
	return s.exec(ctx, false, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `CREATE TEMP TABLE IF NOT EXISTS gone (id TEXT PRIMARY KEY)`)
		if err != nil {
			return err
		}
		for _, q := range []struct {
			text string
			args []any
		}{
			{"DELETE FROM gone", nil},
			{`INSERT INTO gone SELECT id FROM runs WHERE ended_at > 0 AND (ended_at < ? OR id NOT IN (SELECT id FROM runs ORDER BY created_at DESC, id DESC LIMIT ?))`,
				[]any{oldest, k.Runs}},
			{"DELETE FROM events WHERE run IN (SELECT id FROM gone)", nil},
			{"DELETE FROM runs WHERE id IN (SELECT id FROM gone)", nil},
			{"DELETE FROM inbox WHERE id IN (SELECT id FROM gone) AND state NOT IN (?, ?)", []any{Queued, Running}},
			{"UPDATE inbox SET body = NULL WHERE state IN (?, ?) AND changed_at < ?", []any{Cancelled, InDoubt, nanos(now.Add(-keepResumable))}},
			{`DELETE FROM notes WHERE root NOT IN (SELECT id FROM inbox WHERE body IS NOT NULL)
				AND root NOT IN (SELECT root FROM runs WHERE request IN (SELECT id FROM inbox WHERE body IS NOT NULL))
				AND root NOT IN (SELECT root FROM runs WHERE ended_at = 0 OR ended_at > ?)`, []any{nanos(now.Add(-keepResumable))}},
			{`DELETE FROM statuses WHERE run IN (SELECT id FROM gone) AND id NOT IN (SELECT max(id) FROM statuses GROUP BY server_id, role)`, nil},
		} {
			if _, err := tx.ExecContext(ctx, q.text, q.args...); err != nil {
				return fmt.Errorf("prune: %w", err)
			}
		}
		return nil
	})
}
