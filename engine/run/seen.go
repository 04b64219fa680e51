package run

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
)

// sourceLog knows the files of the controller that a run was made from, by what
// they held when they were read: playbooks, roles, inventories, files of
// variables, templates, files that were copied.
type sourceLog struct {
	mu      sync.Mutex
	started time.Time
	sums    map[string]string
	fresh   []string // not noted yet
}

func newSourceLog() *sourceLog {
	return &sourceLog{sums: map[string]string{}, started: time.Now()}
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// add takes in a text that was read.
func (l *sourceLog) add(file string, data []byte) { l.addSum(file, sumOf(data)) }

// addSum takes in a file that was read. Names that are no regular files (a
// request, the command line) are left out, and so is what was written after the
// run began: most likely by the run.
func (l *sourceLog) addSum(file, sum string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sums[file] == sum {
		return
	}
	st, err := os.Stat(file)
	if err != nil || !st.Mode().IsRegular() || !st.ModTime().Before(l.started) {
		return
	}
	for _, dir := range []string{"/proc/", "/sys/", "/dev/"} {
		if strings.HasPrefix(file, dir) {
			return
		}
	}
	l.sums[file] = sum
	l.fresh = append(l.fresh, file)
}

// files are all that were read until now, in order of their names.
func (l *sourceLog) files() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.sums))
}

// take gives what came since the last time.
func (l *sourceLog) take() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string]string{}
	for _, f := range l.fresh {
		out[f] = l.sums[f]
	}
	l.fresh = nil
	return out
}

// freshSources are notes of the files that were read and are not noted yet.
func (r *runner) freshSources() []event.Note {
	fresh := r.seen.take()
	var notes []event.Note
	for _, f := range slices.Sorted(maps.Keys(fresh)) {
		if r.memory.sources[f] != fresh[f] {
			notes = append(notes, event.Note{Kind: noteSource, Key: f, Body: []byte(fresh[f])})
		}
	}
	return notes
}

// sameSources refuses to go on when a file that an earlier attempt noted is not
// as it was then, or one is read now that was not there.
func (r *runner) sameSources() error {
	var changed []string
	for _, f := range slices.Sorted(maps.Keys(r.memory.sources)) {
		now, err := r.files.file(f)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			changed = append(changed, f+" (removed)")
		case err != nil:
			changed = append(changed, f+" ("+err.Error()+")")
		case now.Content == nil || now.Content.SHA256 != r.memory.sources[f]:
			changed = append(changed, f)
		}
	}
	fresh := r.seen.take()
	for _, f := range slices.Sorted(maps.Keys(fresh)) {
		if _, known := r.memory.sources[f]; !known {
			changed = append(changed, f+" (new)")
		}
	}
	if len(changed) == 0 {
		return nil
	}
	file, _, _ := strings.Cut(changed[0], " (")
	return diag.New(diag.Conflict, diag.Pos{File: file}, "changed-playbook", "changed since the run was interrupted, which therefore cannot be resumed: %s", strings.Join(changed, ", ")).
		WithHint("put it back as it was, or run the playbook anew; finished tasks that only describe a state will change nothing")
}
