package store

import (
	"context"
	"database/sql"
	"fmt"
	"sync"

	"github.com/fairlead-project/fairlead/engine/event"
)

// Ledger keeps the notes of the attempts of one run, which are known by the id
// of the first. With durable, a waiting Note is on disk when it returns; else
// it outlives this process, but not a loss of power.
func (s *Store) Ledger(root string, durable bool) event.Ledger {
	return &ledger{s: s, root: root, durable: durable}
}

type ledger struct {
	s       *Store
	root    string
	durable bool

	mu      sync.Mutex
	pending []chan error // of notes nobody waited for
}

func noteName(root string, n event.Note) string {
	return "note " + root + "\x00" + n.Kind + "\x00" + n.Host + "\x00" + n.Key
}

// Notes implements event.Ledger.
func (l *ledger) Notes(ctx context.Context) ([]event.Note, error) {
	if err := l.s.barrier(ctx); err != nil {
		return nil, err
	}
	rows, err := l.s.reader.QueryContext(ctx, "SELECT kind, host, key, body FROM notes WHERE root = ?", l.root)
	if err != nil {
		return nil, fmt.Errorf("notes of run %s: %w", l.root, err)
	}
	defer rows.Close()
	var out []event.Note
	for rows.Next() {
		var n event.Note
		var sealed []byte
		if err := rows.Scan(&n.Kind, &n.Host, &n.Key, &sealed); err != nil {
			return nil, fmt.Errorf("notes of run %s: %w", l.root, err)
		}
		if n.Body, err = l.s.seal.open(sealed, noteName(l.root, n)); err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, rows.Err()
}

// Note implements event.Ledger.
func (l *ledger) Note(ctx context.Context, wait bool, notes ...event.Note) error {
	sealed, size := make([][]byte, len(notes)), int64(0)
	for i, n := range notes {
		sealed[i] = l.s.seal.seal(n.Body, noteName(l.root, n))
		size += int64(len(sealed[i]))
	}
	o := &op{durable: wait && l.durable, done: make(chan error, 1), bytes: size, do: func(ctx context.Context, tx *sql.Tx) error {
		for i, n := range notes {
			_, err := tx.ExecContext(ctx, "INSERT INTO notes (root, kind, host, key, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
				l.root, n.Kind, n.Host, n.Key, sealed[i])
			if err != nil {
				return fmt.Errorf("note of run %s: %w", l.root, err)
			}
		}
		return nil
	}}
	if err := l.s.enqueue(ctx, o); err != nil {
		return err
	}
	if wait {
		if err := l.s.await(ctx, o); err != nil {
			return err
		}
	}
	return l.settle(o, wait)
}

// settle looks at what became of earlier notes.
func (l *ledger) settle(o *op, waited bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.pending) > 0 {
		select {
		case err := <-l.pending[0]:
			l.pending = l.pending[1:]
			if err != nil {
				return err
			}
			continue
		default:
		}
		break
	}
	if !waited {
		l.pending = append(l.pending, o.done)
	}
	return nil
}

// DropNotes forgets the notes of a run.
func (s *Store) DropNotes(ctx context.Context, root string) error {
	s.forgot.Store(true)
	return s.exec(ctx, false, func(ctx context.Context, tx *sql.Tx) error { return dropNotes(ctx, tx, root) })
}

func dropNotes(ctx context.Context, tx *sql.Tx, root string) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM notes WHERE root = ?", root); err != nil {
		return fmt.Errorf("forget notes of run %s: %w", root, err)
	}
	return nil
}
