package main

import (
	"bytes"
	"fmt"
	"os"
	"os/user"
	"time"

	"github.com/fairlead-project/fairlead/cmd/fairlead/render"
	"github.com/fairlead-project/fairlead/engine/config"
)

// logFile is the file of the setting log_path. Each line of the output is added with
// its time, the process and the user, in Ansible's form.
type logFile struct {
	f    *os.File
	mark string // of each line, behind the time
	now  func() time.Time
}

// openLog opens the file of log_path; nil where there is none.
func openLog(settings *config.Config) (*logFile, error) {
	path := settings.Text(config.LogPath)
	if words := settings.List(config.LogPath); len(words) > 0 {
		path = words[0]
	}
	if path == "" {
		return nil, nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644) //nolint:gosec // readable as Ansible's
	if err != nil {
		return nil, fmt.Errorf("open the file of the setting log_path: %w", err)
	}
	name := "?"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return &logFile{f: f, mark: fmt.Sprintf(" p=%d u=%s n=fairlead | ", os.Getpid(), name), now: time.Now}, nil
}

// Write adds lines; it is given whole ones.
func (l *logFile) Write(p []byte) (int, error) {
	stamp := l.now().Format("2006-01-02 15:04:05,000") + l.mark
	var b bytes.Buffer
	for line := range bytes.Lines(p) {
		b.WriteString(stamp)
		b.Write(line)
	}
	if _, err := l.f.Write(b.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// sink shows a run in the file as the terminal does, without colours.
func (l *logFile) sink(o render.Options) *render.Terminal {
	o.Color, o.Live, o.Failed, o.Warnings = false, false, nil, nil
	return render.New(l, o)
}
