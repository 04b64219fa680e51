package servermanager

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/value"
)

// debugLine is a line of the original's debug.log, double quotes included. The
// lines of its callback plugin all named the function append.
func debugLine(at time.Time, level, file, function, text string) string {
	at = at.Local()
	return fmt.Sprintf("\"%s,%03d-%s-%s:%d-%s():  %s\"\n", at.Format("2006-01-02 15:04:05"), at.Nanosecond()/1e6, level, file, 1, function, event.PrintableLine(text))
}

// Logs are the files that server-manager's users read for progress. A log that
// cannot be written does not stop a run. A nil Logs writes nothing.
type Logs struct {
	// Debug takes everything, in the form of the original's debug.log.
	Debug *LogFile
	// ClusterDir is the folder of one file for each cluster with the bare lines
	// of its runs; empty for none.
	ClusterDir string
}

// Close closes the files; they are opened again when something is written.
func (l *Logs) Close() error {
	if l == nil {
		return nil
	}
	return l.Debug.Close()
}

func (l *Logs) line(s *Service, level, file, function, text string) {
	if l == nil || l.Debug == nil {
		return
	}
	if _, err := l.Debug.Write([]byte(debugLine(time.Now(), level, file, function, text))); err != nil {
		s.cfg.Log.Warn("debug log not written", "err", err)
	}
}

// worker writes a line of what the original called its worker.
func (l *Logs) worker(s *Service, function, text string) {
	l.line(s, "INFO", "sm_ansible_playbook.py", function, text)
}

// sink writes a run's events as the original's callback plugin did: to the
// debug log, and bare to the cluster's own.
func (l *Logs) sink(s *Service, playbook, cluster string) event.Sink {
	if l == nil {
		return nil
	}
	c := &callback{cluster: "None"}
	var own *LogFile
	if cluster != "" {
		c.cluster = event.PrintableLine(cluster)
		if l.ClusterDir != "" {
			own = NewLogFile(filepath.Join(l.ClusterDir, clusterFile(cluster)+"_provision.log"))
		}
	}
	return event.SinkFunc(func(_ context.Context, e *event.Event) error {
		var text, bare strings.Builder
		for _, line := range c.lines(e) {
			text.WriteString(debugLine(e.Time, "INFO", "sm_ansible_callback.py", "append", line))
			bare.WriteString(event.PrintableLine(line) + "\n")
		}
		for _, line := range worker(e, playbook) {
			text.WriteString(debugLine(e.Time, "INFO", "sm_ansible_playbook.py", "run", line))
		}
		var errs []error
		if l.Debug != nil && text.Len() > 0 {
			_, err := l.Debug.Write([]byte(text.String()))
			errs = append(errs, err)
		}
		if own != nil && bare.Len() > 0 {
			_, err := own.Write([]byte(bare.String()))
			errs = append(errs, err)
		}
		if own != nil && e.Kind == event.RunEnded {
			errs = append(errs, own.Close())
		}
		if err := errors.Join(errs...); err != nil {
			s.cfg.Log.Warn("log not written", "run_id", e.Run, "err", err)
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
	case event.NoneLeft:
		return []string{"NO MORE HOSTS LEFT"}
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
