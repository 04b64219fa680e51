package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// RequestState is where an accepted request stands.
type RequestState string

// The states of requests.
const (
	Queued  RequestState = "queued"
	Running RequestState = "running"
	Done    RequestState = "done"
	Failed  RequestState = "failed"
	// Cancelled requests, and those with effects in doubt, keep their body for a
	// while: they can be resumed.
	Cancelled RequestState = "cancelled"
	InDoubt   RequestState = "in_doubt"
)

// Request is a request that was accepted. Its id is that of the run it causes.
type Request struct {
	ID       string
	Endpoint string
	Remote   string // the client's address
	Received time.Time
	Changed  time.Time
	State    RequestState
	Attempts int    // how often it was begun
	Reason   string // of a failure
	// Body is as received. It is kept sealed, and only until the request is
	// finished.
	Body []byte
	// Digest, when set, is that of what was asked: see Accept.
	Digest string
	// Announce are statuses to record with it.
	Announce []Status
}

func (r *Request) sealName() string { return "request " + r.ID }

// Accept records requests that belong together; after it returns they survive
// a crash and a loss of power. A request whose digest is that of one that is
// not finished is a repetition: the other's id is returned in its place. When
// ctx ends first the error is ErrPending if they will be recorded all the same.
func (s *Store) Accept(ctx context.Context, rs ...Request) (ids []string, err error) {
	sealed := make([][]byte, len(rs))
	for i := range rs {
		sealed[i] = s.seal.seal(rs[i].Body, rs[i].sealName())
	}
	ids = make([]string, len(rs))
	err = s.exec(ctx, true, func(ctx context.Context, tx *sql.Tx) error {
		for i, r := range rs {
			ids[i] = r.ID
			if r.Digest != "" {
				err := tx.QueryRowContext(ctx, "SELECT id FROM inbox WHERE digest = ? AND state IN (?, ?) LIMIT 1", r.Digest, Queued, Running).Scan(&ids[i])
				if err == nil {
					continue
				}
				if !errors.Is(err, sql.ErrNoRows) {
					return fmt.Errorf("accept request: %w", err)
				}
			}
			_, err := tx.ExecContext(ctx, "INSERT INTO inbox (id, endpoint, remote, received_at, state, changed_at, body, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
				r.ID, r.Endpoint, r.Remote, nanos(r.Received), Queued, nanos(r.Received), sealed[i], r.Digest)
			if err != nil {
				return fmt.Errorf("accept request: %w", err)
			}
			if err := putStatuses(ctx, tx, r.Announce); err != nil {
				return err
			}
		}
		return nil
	})
	return ids, err
}

const requestColumns = "id, endpoint, remote, received_at, changed_at, state, attempts, reason"

func scanRequest(scan func(...any) error, more ...any) (Request, error) {
	var r Request
	var received, changed int64
	err := scan(append([]any{&r.ID, &r.Endpoint, &r.Remote, &received, &changed, &r.State, &r.Attempts, &r.Reason}, more...)...)
	r.Received, r.Changed = timeOf(received), timeOf(changed)
	return r, err
}

// Request gives a request with its body, if it still has one.
func (s *Store) Request(ctx context.Context, id string) (Request, error) {
	var sealed []byte
	r, err := scanRequest(s.reader.QueryRowContext(ctx, "SELECT "+requestColumns+", body FROM inbox WHERE id = ?", id).Scan, &sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return r, notFound("request", id)
	}
	if err != nil {
		return r, fmt.Errorf("request %s: %w", id, err)
	}
	if sealed != nil {
		r.Body, err = s.seal.open(sealed, r.sealName())
	}
	return r, err
}

// Unfinished lists the requests that are queued or were running, in the order
// in which they came, without their bodies.
func (s *Store) Unfinished(ctx context.Context) ([]Request, error) {
	rows, err := s.reader.QueryContext(ctx, "SELECT "+requestColumns+" FROM inbox WHERE state IN (?, ?) ORDER BY received_at, id", Queued, Running)
	if err != nil {
		return nil, fmt.Errorf("unfinished requests: %w", err)
	}
	defer rows.Close()
	var out []Request
	for rows.Next() {
		r, err := scanRequest(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("unfinished requests: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// Begin records that a request is being carried out once more.
func (s *Store) Begin(ctx context.Context, id string, now time.Time) error {
	return s.setRequest(ctx, true, id, "state = ?, attempts = attempts + 1, changed_at = ?", Running, nanos(now))
}

// End is how a request ended: its state, why, and what is to be told of it, all
// of which are recorded together.
type End struct {
	State    RequestState
	Reason   string
	Statuses []Status
	Pushes   []Push
}

// Finish records how a request ended and forgets its body and what its runs
// noted, unless it was cancelled or is in doubt: then it may be resumed.
func (s *Store) Finish(ctx context.Context, id string, e End, now time.Time) error {
	return s.exec(ctx, len(e.Pushes) > 0, func(ctx context.Context, tx *sql.Tx) error {
		if err := setRequest(ctx, tx, id, "state = ?, reason = ?, changed_at = ?", e.State, e.Reason, nanos(now)); err != nil {
			return err
		}
		if err := errors.Join(putStatuses(ctx, tx, e.Statuses), putPushes(ctx, tx, e.Pushes)); err != nil {
			return err
		}
		if e.State == Cancelled || e.State == InDoubt {
			return nil
		}
		return s.forget(ctx, tx, id)
	})
}

// forget removes what may hold secrets of a request.
func (s *Store) forget(ctx context.Context, tx *sql.Tx, id string) error {
	s.forgot.Store(true)
	if err := setRequest(ctx, tx, id, "body = NULL"); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM notes WHERE root = ? OR root IN (SELECT root FROM runs WHERE request = ?)", id, id)
	if err != nil {
		return fmt.Errorf("request %s: %w", id, err)
	}
	return nil
}

// Forget gives up what was kept to resume a request that was cancelled or is in
// doubt: its body, and what its runs noted.
func (s *Store) Forget(ctx context.Context, id string) error {
	return s.exec(ctx, true, func(ctx context.Context, tx *sql.Tx) error {
		var state RequestState
		err := tx.QueryRowContext(ctx, "SELECT state FROM inbox WHERE id = ?", id).Scan(&state)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return notFound("request", id)
		case err != nil:
			return fmt.Errorf("request %s: %w", id, err)
		case state == Queued || state == Running:
			return diag.New(diag.Conflict, diag.Pos{}, "not-ended", "request %s is %s", id, state).WithHint("cancel it first")
		}
		return s.forget(ctx, tx, id)
	})
}

// Requeue puts a request that was cancelled or is in doubt back to be carried on.
func (s *Store) Requeue(ctx context.Context, id string, now time.Time) error {
	return s.exec(ctx, true, func(ctx context.Context, tx *sql.Tx) error {
		var state RequestState
		var kept bool
		err := tx.QueryRowContext(ctx, "SELECT state, body IS NOT NULL FROM inbox WHERE id = ?", id).Scan(&state, &kept)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return notFound("request", id)
		case err != nil:
			return fmt.Errorf("request %s: %w", id, err)
		case state == Queued || state == Running:
			return nil
		case state != Cancelled && state != InDoubt || !kept:
			return diag.New(diag.Conflict, diag.Pos{}, "not-resumable", "request %s is %s: there is nothing left to resume", id, state).
				WithHint("send the request again")
		}
		return setRequest(ctx, tx, id, "state = ?, changed_at = ?", Queued, nanos(now))
	})
}

func (s *Store) setRequest(ctx context.Context, durable bool, id, set string, args ...any) error {
	return s.exec(ctx, durable, func(ctx context.Context, tx *sql.Tx) error { return setRequest(ctx, tx, id, set, args...) })
}

func setRequest(ctx context.Context, tx *sql.Tx, id, set string, args ...any) error {
	res, err := tx.ExecContext(ctx, "UPDATE inbox SET "+set+" WHERE id = ?", append(args, id)...)
	if err != nil {
		return fmt.Errorf("request %s: %w", id, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(notFound("request", id), err)
	}
	return nil
}
