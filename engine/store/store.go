// Package store keeps what must outlive a process in one SQLite file: the
// journal of runs, the server's inbox of requests, what server-manager is to
// be told. It is the only place with SQL.
//
// All writes go through one goroutine that commits many of them together.
// Whatever holds secrets (the bodies of requests) is sealed with a key that
// lies beside the database in a file of its own.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"golang.org/x/sync/semaphore"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/fairlead-project/fairlead/engine/diag"
)

//go:embed migrations/*.sql
var migrations embed.FS

// schema is the version of the last migration.
const schema = 2

// The files of a store within its folder.
const (
	DatabaseFile = "fairlead.db"
	KeyFile      = "key"
)

// Store is an open store. It is safe for use by many goroutines and, with
// others, by several processes at once.
type Store struct {
	dir    string
	reader *sql.DB
	writer *sql.DB
	seal   *sealer

	mu     sync.RWMutex // guards closed, and ops against being closed in use
	closed bool
	ops    chan *op
	room   *semaphore.Weighted // bytes waiting to be written
	done   chan struct{}
	// forgot tells the writer that what was removed is to be gone from the log of
	// writes, too.
	forgot atomic.Bool

	runs   journalState
	events watchers
}

// Open opens the store in a folder, which is made if need be, readable by its
// owner only.
func Open(ctx context.Context, dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	seal, err := openSealer(filepath.Join(dir, KeyFile))
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	path := filepath.Join(dir, DatabaseFile)
	// SQLite gives its side files the mode of the database.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{
		dir: dir, seal: seal, ops: make(chan *op, maxQueued), done: make(chan struct{}),
		room: semaphore.NewWeighted(maxQueuedBytes), runs: journalState{last: map[string]int64{}, failed: map[string]error{}},
	}
	if err := s.connect(ctx, path); err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	go s.write()
	return s, nil
}

func (s *Store) connect(ctx context.Context, path string) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, s.closeFiles())
		}
	}()
	pragmas := []string{"busy_timeout(15000)", "journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(ON)", "secure_delete(ON)", "journal_size_limit(67108864)"}
	if s.writer, err = sql.Open("sqlite", dsn(path, "immediate", pragmas...)); err != nil {
		return err
	}
	s.writer.SetMaxOpenConns(1)
	if err := s.migrate(ctx); err != nil {
		return err
	}
	if s.reader, err = sql.Open("sqlite", dsn(path, "deferred", "busy_timeout(15000)", "query_only(ON)")); err != nil {
		return err
	}
	s.reader.SetMaxOpenConns(4)
	return s.reader.PingContext(ctx)
}

func dsn(path, txlock string, pragmas ...string) string {
	q := url.Values{"_txlock": {txlock}}
	for _, p := range pragmas {
		q.Add("_pragma", p)
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// migrate brings the schema up to date. A current one costs one query.
func (s *Store) migrate(ctx context.Context) error {
	var err error
	for try := range 5 {
		var have int
		if err = s.writer.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
			return err
		}
		switch {
		case have == schema:
			return nil
		case have > schema:
			return diag.New(diag.Usage, diag.Pos{}, "store-newer", "the database has schema %d, this program knows %d", have, schema).
				WithHint("it was written by a newer Fairlead; use that one")
		}
		if err = s.migrateUp(ctx); err == nil {
			return nil
		}
		// Another process may be at it: look again.
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(try+1) * 100 * time.Millisecond):
		}
	}
	return err
}

func (s *Store) migrateUp(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.writer, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	_, err = s.writer.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", schema))
	return err
}

// Close writes what is waiting and closes the store.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.ops)
	s.mu.Unlock()
	<-s.done
	return s.closeFiles()
}

func (s *Store) closeFiles() error {
	var errs []error
	for _, db := range []*sql.DB{s.reader, s.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// Dir is the folder of the store.
func (s *Store) Dir() string { return s.dir }

func notFound(what, id string) error {
	return diag.New(diag.NotFound, diag.Pos{}, "not-found", "no %s %q", what, id)
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func timeOf(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// where builds a condition from the parts that are wanted.
type where struct {
	conds []string
	args  []any
}

func (w *where) add(cond string, args ...any) {
	w.conds = append(w.conds, cond)
	w.args = append(w.args, args...)
}

func (w *where) String() string {
	if len(w.conds) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conds, " AND ")
}
