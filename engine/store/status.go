package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Status is what became known of a role on a server of server-manager. Role is
// empty when the status is about the server as a whole.
type Status struct {
	ServerID string    `json:"server_id"`
	Role     string    `json:"role,omitempty"`
	State    string    `json:"state"`
	Reason   string    `json:"reason,omitempty"`
	Run      string    `json:"run,omitempty"`
	Cluster  string    `json:"cluster_id,omitempty"`
	Time     time.Time `json:"time"`
}

// Push is a status on its way to server-manager.
type Push struct {
	ID       int64
	Addr     string // host:port
	ServerID string
	State    string
	Run      string
	Created  time.Time
	Attempts int
	Error    string // of the last attempt
}

// PutStatus records statuses, and in the same transaction what is to be pushed.
func (s *Store) PutStatus(ctx context.Context, sts []Status, pushes []Push) error {
	return s.exec(ctx, len(pushes) > 0, func(ctx context.Context, tx *sql.Tx) error {
		return errors.Join(putStatuses(ctx, tx, sts), putPushes(ctx, tx, pushes))
	})
}

func putStatuses(ctx context.Context, tx *sql.Tx, sts []Status) error {
	for _, st := range sts {
		_, err := tx.ExecContext(ctx, "INSERT INTO statuses (server_id, role, state, reason, run, cluster, time) VALUES (?, ?, ?, ?, ?, ?, ?)",
			st.ServerID, st.Role, st.State, st.Reason, st.Run, st.Cluster, nanos(st.Time))
		if err != nil {
			return fmt.Errorf("record status: %w", err)
		}
	}
	return nil
}

func putPushes(ctx context.Context, tx *sql.Tx, pushes []Push) error {
	for _, p := range pushes {
		_, err := tx.ExecContext(ctx, "INSERT INTO pushes (addr, server_id, state, run, created_at, next_at) VALUES (?, ?, ?, ?, ?, ?)",
			p.Addr, p.ServerID, p.State, p.Run, nanos(p.Created), nanos(p.Created))
		if err != nil {
			return fmt.Errorf("record push: %w", err)
		}
	}
	return nil
}

// StatusFilter says which statuses are wanted; empty fields do not restrict.
type StatusFilter struct {
	ServerID, Role, Cluster string
	// Run is one attempt, or the request of all of them.
	Run string
	// History gives all statuses in order instead of the last of each role.
	History bool
	Limit   int // default 1000; of a history the last ones
}

// Statuses gives the last status of each role of each server, or all.
func (s *Store) Statuses(ctx context.Context, f StatusFilter) ([]Status, error) {
	var w where
	for _, c := range []struct{ col, val string }{{"server_id", f.ServerID}, {"role", f.Role}, {"cluster", f.Cluster}} {
		if c.val != "" {
			w.add(c.col+" = ?", c.val)
		}
	}
	if f.Run != "" {
		w.add("(run = ? OR run IN (SELECT id FROM runs WHERE request = ?))", f.Run, f.Run)
	}
	if f.Limit <= 0 {
		f.Limit = 1000
	}
	ids := "SELECT max(id) AS id FROM statuses" + w.String() + " GROUP BY server_id, role"
	if f.History {
		ids = "SELECT id FROM statuses" + w.String()
	}
	rows, err := s.reader.QueryContext(ctx, `SELECT * FROM (SELECT s.id, server_id, role, state, reason, run, cluster, time FROM statuses s JOIN (`+ids+`) l ON s.id = l.id
		ORDER BY s.id DESC LIMIT ?) ORDER BY id`, append(w.args, f.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("read statuses: %w", err)
	}
	defer rows.Close()
	out := []Status{}
	for rows.Next() {
		var st Status
		var id, when int64
		if err := rows.Scan(&id, &st.ServerID, &st.Role, &st.State, &st.Reason, &st.Run, &st.Cluster, &when); err != nil {
			return nil, fmt.Errorf("read statuses: %w", err)
		}
		st.Time = timeOf(when)
		out = append(out, st)
	}
	return out, rows.Err()
}

// NextPush gives the push that is due first, and when; ok is false when there is
// none. To one address pushes are sent in order: the others wait behind it.
func (s *Store) NextPush(ctx context.Context) (p Push, due time.Time, ok bool, err error) {
	var created, next int64
	err = s.reader.QueryRowContext(ctx, "SELECT id, addr, server_id, state, run, created_at, attempts, error, next_at FROM pushes p WHERE id = (SELECT min(id) FROM pushes WHERE addr = p.addr) ORDER BY next_at, id LIMIT 1").
		Scan(&p.ID, &p.Addr, &p.ServerID, &p.State, &p.Run, &created, &p.Attempts, &p.Error, &next)
	if errors.Is(err, sql.ErrNoRows) {
		return p, due, false, nil
	}
	if err != nil {
		return p, due, false, fmt.Errorf("read pushes: %w", err)
	}
	p.Created = timeOf(created)
	return p, timeOf(next), true, nil
}

// Pushed removes a push that arrived, or that is given up.
func (s *Store) Pushed(ctx context.Context, id int64) error {
	return s.exec(ctx, false, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM pushes WHERE id = ?", id)
		return err
	})
}

// PushAgain records that an attempt failed and when the next is due.
func (s *Store) PushAgain(ctx context.Context, id int64, reason string, due time.Time) error {
	return s.exec(ctx, false, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE pushes SET attempts = attempts + 1, error = ?, next_at = ? WHERE id = ?", reason, nanos(due), id)
		return err
	})
}
