package servermanager

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"time"

	"github.com/fairlead-project/fairlead/api/jobs"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/value"
)

// LogFile is a log file that others may rotate: it is opened again when the
// path names another file.
type LogFile struct {
	path string
	mu   sync.Mutex
	f    *os.File
}

// NewLogFile names a log file; it is opened, and its folder made, when
// something is written.
func NewLogFile(path string) *LogFile { return &LogFile{path: path} }

// Write appends p in one write.
func (l *LogFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f != nil {
		have, herr := l.f.Stat()
		want, werr := os.Stat(l.path)
		if herr != nil || werr != nil || !os.SameFile(have, want) {
			_ = l.f.Close() // every write was answered for
			l.f = nil
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

// Close closes the file; a later Write opens it again.
func (l *LogFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return nil
	}
	err := l.f.Close()
	l.f = nil
	return err
}

// debugLine is a line of the original's debug.log, double quotes included. The
// lines of its callback plugin all named the function append.
func debugLine(at time.Time, level, file, function, text string) string {
	at = at.Local()
	return fmt.Sprintf("\"%s,%03d-%s-%s:%d-%s():  %s\"\n", at.Format("2006-01-02 15:04:05"), at.Nanosecond()/1e6, level, file, 1, function, event.PrintableLine(text))
}

func (s *Service) debug(level, file, function, text string) {
	if s.cfg.Debug == nil {
		return
	}
	if _, err := s.cfg.Debug.Write([]byte(debugLine(time.Now(), level, file, function, text))); err != nil {
		s.cfg.Log.Warn("debug log not written", "err", err)
	}
}

// logSink writes the run's events to the debug log as the original's callback
// plugin did. A log that cannot be written does not stop a run.
func (s *Service) logSink(j jobs.Job) event.Sink {
	if s.cfg.Debug == nil {
		return nil
	}
	cluster := "None"
	if v, ok := j.ExtraVars.Get("cluster_id"); ok {
		cluster = v.Text()
	}
	c := &callback{cluster: cluster}
	return event.SinkFunc(func(_ context.Context, e *event.Event) error {
		var text string
		for _, l := range c.lines(e) {
			text += debugLine(e.Time, "INFO", "sm_ansible_callback.py", "append", l)
		}
		for _, l := range worker(e, j.Playbook) {
			text += debugLine(e.Time, "INFO", "sm_ansible_playbook.py", "run", l)
		}
		if text == "" {
			return nil
		}
		if _, err := s.cfg.Debug.Write([]byte(text)); err != nil {
			s.cfg.Log.Warn("debug log not written", "run_id", e.Run, "err", err)
		}
		return nil
	})
}

func worker(e *event.Event, playbook string) []string {
	switch {
	case e.Kind == event.RunStarted:
		return []string{"Starting playbook " + playbook}
	case e.Kind == event.RunEnded && e.Exit != 0 && e.Msg != "":
		return []string{"Playbook Failed: " + playbook + ": " + e.Msg}
	case e.Kind == event.RunEnded && e.Exit != 0:
		return []string{"Playbook Failed: " + playbook}
	}
	return nil
}

// callback makes of events the lines of the original's callback plugin.
type callback struct {
	cluster string
	task    int64
}

func (c *callback) lines(e *event.Event) []string {
	switch e.Kind {
	case event.PlayStarted:
		play := "PLAY"
		if e.Play != "" {
			play = "PLAY [" + e.Play + "]"
		}
		return []string{"CLUSTER = " + c.cluster, play}
	case event.NoHosts:
		return []string{"skipping: no hosts matched"}
	case event.TaskStarted:
		if c.task == e.TaskNo && e.TaskNo != 0 {
			return nil // told already: another host came later
		}
		c.task = e.TaskNo
		if e.Handler {
			return []string{"RUNNING HANDLER [" + e.Task + "]"}
		}
		return []string{"TASK [" + e.Task + "]"}
	case event.ItemResult:
		return []string{result(e, true)}
	case event.Result:
		if e.Loop && e.Status != event.Skipped && e.Status != event.Unreachable {
			return nil // its items were told
		}
		return []string{result(e, false)}
	case event.Recap:
		return recap(e.Stats)
	}
	return nil
}

func result(e *event.Event, item bool) string {
	host := "[" + e.Host + "]"
	if e.Delegate != "" {
		host = "[" + e.Host + " -> " + e.Delegate + "]"
	}
	label := e.Label
	if label == "" {
		label = e.Item.Text()
	}
	suffix := ""
	if item {
		suffix = " => (item=" + label + ")"
	}
	switch e.Status {
	case event.Changed:
		return "changed: " + host + suffix
	case event.Skipped:
		return "skipping: " + host + suffix
	case event.Unreachable:
		return "fatal: " + host + ": UNREACHABLE! => " + detail(e)
	case event.Failed, event.InDoubt:
		if item {
			return "fatal: " + host + " (item=" + label + ") => " + detail(e)
		}
		start := "fatal: "
		if e.Ignored {
			start = "ignored error: "
		}
		if e.Delegate != "" {
			return start + host + ": FAILED! => " + detail(e)
		}
		return start + host + ": FAILED! => (item - None) " + detail(e)
	}
	return "ok: " + host + suffix
}

// detail is the result as JSON; the message is in it.
func detail(e *event.Event) string {
	m := value.NewMap()
	if e.Res != nil {
		m = e.Res.Clone()
	}
	if !m.Has("msg") && e.Msg != "" && !e.NoLog {
		m.Set("msg", value.String(e.Msg))
	}
	b, err := value.FromMap(m).MarshalJSON()
	if err != nil {
		return e.Msg
	}
	return string(b)
}

func recap(stats map[string]*event.HostStats) []string {
	hosts := make([]string, 0, len(stats))
	for h := range stats {
		hosts = append(hosts, h)
	}
	sort.Strings(hosts)
	var out []string
	for _, h := range hosts {
		st := stats[h]
		out = append(out, fmt.Sprintf("PLAY RECAP [%s] : ok: %d changed: %d unreachable: %d skipped: %d failed: %d",
			h, st.OK, st.Changed, st.Unreachable, st.Skipped, st.Failed))
	}
	return out
}
