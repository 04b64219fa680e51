package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// RequestState is where an accepted request stands.
type RequestState string

// The states of requests.
const (
	Queued  RequestState = "queued"
	Running RequestState = "running"
	Done    RequestState = "done"
	Failed  RequestState = "failed"
)

// Request is a request that was accepted. Its id is that of the run it causes.
type Request struct {
	ID       string
	Endpoint string
	Remote   string // the client's address
	Received time.Time
	State    RequestState
	Attempts int    // how often it was begun
	Reason   string // of a failure
	// Body is as received. It is kept sealed, and only until the request is
	// finished.
	Body []byte
}

func (r *Request) sealName() string { return "request " + r.ID }

// Accept records requests that belong together; after it returns they survive
// a crash and a loss of power.
func (s *Store) Accept(ctx context.Context, rs ...Request) error {
	sealed := make([][]byte, len(rs))
	for i := range rs {
		sealed[i] = s.seal.seal(rs[i].Body, rs[i].sealName())
	}
	return s.exec(ctx, true, func(ctx context.Context, tx *sql.Tx) error {
		for i, r := range rs {
			_, err := tx.ExecContext(ctx, "INSERT INTO inbox (id, endpoint, remote, received_at, state, changed_at, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
				r.ID, r.Endpoint, r.Remote, nanos(r.Received), Queued, nanos(r.Received), sealed[i])
			if err != nil {
				return fmt.Errorf("accept request: %w", err)
			}
		}
		return nil
	})
}

const requestColumns = "id, endpoint, remote, received_at, state, attempts, reason"

func scanRequest(scan func(...any) error, more ...any) (Request, error) {
	var r Request
	var received int64
	err := scan(append([]any{&r.ID, &r.Endpoint, &r.Remote, &received, &r.State, &r.Attempts, &r.Reason}, more...)...)
	r.Received = timeOf(received)
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

// Finish records how a request ended and forgets its body.
func (s *Store) Finish(ctx context.Context, id string, state RequestState, reason string, now time.Time) error {
	return s.setRequest(ctx, false, id, "state = ?, reason = ?, changed_at = ?, body = NULL", state, reason, nanos(now))
}

func (s *Store) setRequest(ctx context.Context, durable bool, id, set string, args ...any) error {
	return s.exec(ctx, durable, func(ctx context.Context, tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "UPDATE inbox SET "+set+" WHERE id = ?", append(args, id)...)
		if err != nil {
			return fmt.Errorf("request %s: %w", id, err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(notFound("request", id), err)
		}
		return nil
	})
}
