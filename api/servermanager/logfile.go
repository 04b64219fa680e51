package servermanager

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Files are rotated as the original did: at this size, and so many old ones are
// kept.
const (
	rotateAt = 102_400_000
	keepOld  = 10
)

// LogFile is a log file that is rotated when it is large, by us or by others:
// it is opened again when the path names another file.
type LogFile struct {
	path  string
	limit int64
	mu    sync.Mutex
	f     *os.File
}

// NewLogFile names a log file; it is opened, and its folder made, when
// something is written.
func NewLogFile(path string) *LogFile { return &LogFile{path: path, limit: rotateAt} }

// Write appends p in one write.
func (l *LogFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f != nil {
		have, herr := l.f.Stat()
		want, werr := os.Stat(l.path)
		if herr != nil || werr != nil || !os.SameFile(have, want) {
			l.drop()
		} else if want.Size()+int64(len(p)) > l.limit {
			l.drop()
			if err := rotate(l.path); err != nil {
				return 0, err
			}
		}
	}
	if l.f == nil {
		if err := os.MkdirAll(filepath.Dir(l.path), 0o755); err != nil {
			return 0, err
		}
		f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
		if err != nil {
			return 0, err
		}
		l.f = f
	}
	return l.f.Write(p)
}

// drop lets go of the file. Every write was answered for.
func (l *LogFile) drop() {
	_ = l.f.Close()
	l.f = nil
}

// rotate renames path to path.1, that to path.2 and so on.
func rotate(path string) error {
	for i := keepOld; i > 0; i-- {
		from := path
		if i > 1 {
			from = fmt.Sprintf("%s.%d", path, i-1)
		}
		if err := os.Rename(from, fmt.Sprintf("%s.%d", path, i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Close closes the file; a later Write opens it again.
func (l *LogFile) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return nil
	}
	err := l.f.Close()
	l.f = nil
	return err
}
