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

// Cancel asks for the end of a run, or of a request that waits. Whoever carries
// it out sees it within a moment (WatchCancel).
func (s *Store) Cancel(ctx context.Context, id string, now time.Time) error {
	return s.exec(ctx, true, func(ctx context.Context, tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "UPDATE runs SET cancel_at = ? WHERE (id = ? OR request = ?) AND status IN (?, ?)", nanos(now), id, id, RunQueued, RunRunning)
		if err != nil {
			return fmt.Errorf("cancel %s: %w", id, err)
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return err
		}
		res, err = tx.ExecContext(ctx, "UPDATE inbox SET state = ?, changed_at = ? WHERE id = ? AND state = ?", Cancelled, nanos(now), id, Queued)
		if err != nil {
			return fmt.Errorf("cancel %s: %w", id, err)
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return err
		}
		var known bool
		if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM runs WHERE id = ?) OR EXISTS (SELECT 1 FROM inbox WHERE id = ?)", id, id).Scan(&known); err != nil {
			return fmt.Errorf("cancel %s: %w", id, err)
		}
		if !known {
			return notFound("run", id)
		}
		return diag.New(diag.Conflict, diag.Pos{}, "not-running", "run %s is not running", id)
	})
}

// WatchCancel calls stop once when somebody asked for the end of the run; it
// looks until ctx ends, and returns then.
func (s *Store) WatchCancel(ctx context.Context, id string, stop func()) {
	const often = 300 * time.Millisecond
	for tick := time.NewTicker(often); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
		if asked, err := s.CancelAsked(ctx, id); err == nil && asked { // an error shows elsewhere; look again
			tick.Stop()
			stop()
			return
		}
	}
}

// CancelAsked tells whether somebody asked for the end of a run.
func (s *Store) CancelAsked(ctx context.Context, id string) (bool, error) {
	var at int64
	err := s.reader.QueryRowContext(ctx, "SELECT cancel_at FROM runs WHERE id = ?", id).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return at > 0, err
}

// TaskResult is how a task ended on a host, in short.
type TaskResult struct {
	Task    string       `json:"task"`
	Host    string       `json:"host"`
	Status  event.Status `json:"status"`
	Ignored bool         `json:"ignored,omitempty"`
	Msg     string       `json:"msg,omitempty"` // of a failure
	Time    time.Time    `json:"time"`
}

// TaskResults lists how tasks of a run ended on a host (empty: on all), in
// order, the last limit of them.
func (s *Store) TaskResults(ctx context.Context, run, host string, limit int) ([]TaskResult, error) {
	if err := s.barrier(ctx); err != nil {
		return nil, err
	}
	rows, err := s.reader.QueryContext(ctx, `SELECT small FROM (SELECT seq, json_object('task', body ->> '$.task', 'host', body ->> '$.host', 'status', body ->> '$.status',
			'ignored', json(iif(body ->> '$.ignored', 'true', 'false')), 'time', body ->> '$.time',
			'msg', iif(body ->> '$.status' IN ('failed', 'unreachable', 'in_doubt'), coalesce(body ->> '$.msg', ''), '')) AS small
		FROM events WHERE run = ? AND body ->> '$.kind' = 'result' AND (? = '' OR body ->> '$.host' = ?) ORDER BY seq DESC LIMIT ?) ORDER BY seq`,
		run, host, host, limit)
	if err != nil {
		return nil, fmt.Errorf("tasks of run %s: %w", run, err)
	}
	defer rows.Close()
	out := []TaskResult{}
	for rows.Next() {
		var text string
		var r TaskResult
		if err := rows.Scan(&text); err != nil {
			return nil, fmt.Errorf("tasks of run %s: %w", run, err)
		}
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			return nil, fmt.Errorf("tasks of run %s: %w", run, err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// Gauge is how much there is of what, for whoever watches the server.
type Gauge struct{ Requests, Runs, Pushes map[string]int }

// Gauges counts requests and runs by state, and pushes that wait.
func (s *Store) Gauges(ctx context.Context) (Gauge, error) {
	g := Gauge{Requests: map[string]int{}, Runs: map[string]int{}, Pushes: map[string]int{}}
	for _, q := range []struct {
		text string
		to   map[string]int
	}{
		{"SELECT state, count(*) FROM inbox GROUP BY state", g.Requests},
		{"SELECT status, count(*) FROM runs GROUP BY status", g.Runs},
		{"SELECT iif(attempts = 0, 'new', 'retrying'), count(*) FROM pushes GROUP BY 1", g.Pushes},
	} {
		rows, err := s.reader.QueryContext(ctx, q.text)
		if err != nil {
			return g, err
		}
		for rows.Next() {
			var name string
			var n int
			if err := rows.Scan(&name, &n); err != nil {
				return g, errors.Join(err, rows.Close())
			}
			q.to[name] = n
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return g, err
		}
	}
	return g, nil
}
