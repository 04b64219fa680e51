package render

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Report is a sink that writes one JSON document when a run is over: its plays with their
// tasks, each with the results of its hosts, and the counts. It is that of the callback
// json of ansible.posix.
type Report struct {
	mu     sync.Mutex
	out    io.Writer
	custom bool
	plays  []*reportedPlay
	stats  customStats
}

type reportedPlay struct {
	id, name, path string
	begin, end     time.Time
	tasks          []*reportedTask
}

type reportedTask struct {
	id, name, path string
	no             int64
	begin, end     time.Time
	hosts          *value.Map
}

// NewReport makes a report that goes to out; custom: with what set_stats gave.
func NewReport(out io.Writer, custom bool) *Report {
	return &Report{out: out, custom: custom, stats: customStats{}}
}

// Emit implements event.Sink.
func (r *Report) Emit(_ context.Context, e *event.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e.Kind {
	case event.PlayStarted:
		r.plays = append(r.plays, &reportedPlay{id: fmt.Sprintf("%s-%d", e.Run, len(r.plays)+1), name: e.Play, path: position(e), begin: e.Time, end: e.Time})
	case event.TaskStarted:
		if len(r.plays) > 0 {
			r.task(e)
		}
	case event.Included:
		for _, h := range e.Hosts {
			one := *e
			one.Host, one.Res = h, value.M("changed", false, "include", e.Msg, "include_args", value.FromMap(value.NewMap()))
			r.note(&one)
		}
	case event.Result:
		r.stats.note(e)
		r.note(e)
	case event.Recap:
		return r.write(e)
	}
	return nil
}

// position is where a play or task is written.
func position(e *event.Event) string {
	if !e.Pos.IsValid() {
		return ""
	}
	return fmt.Sprintf("%s:%d", e.Pos.File, e.Pos.Line)
}

// task gives the task of an event in the present play, begun where it is new.
func (r *Report) task(e *event.Event) *reportedTask {
	p := r.plays[len(r.plays)-1]
	for i := len(p.tasks) - 1; i >= 0; i-- {
		if p.tasks[i].no == e.TaskNo {
			return p.tasks[i]
		}
	}
	t := &reportedTask{id: fmt.Sprintf("%s-%d", p.id, e.TaskNo), name: e.Task, path: position(e), no: e.TaskNo, begin: e.Time, end: e.Time, hosts: value.NewMap()}
	p.tasks = append(p.tasks, t)
	return t
}

// note takes a result in.
func (r *Report) note(e *event.Event) {
	if len(r.plays) == 0 || e.Host == "" {
		return
	}
	t := r.task(e)
	t.end, r.plays[len(r.plays)-1].end = e.Time, e.Time
	m := value.NewMap()
	if e.Res != nil {
		m = without(e.Res, "failed", "skipped")
	}
	m.Set("action", value.String(e.Module))
	switch e.Status {
	case event.Failed:
		m.Set("failed", value.Bool(true))
	case event.Skipped:
		m.Set("skipped", value.Bool(true))
	}
	t.hosts.Set(e.Host, value.FromMap(m))
}

func (r *Report) write(e *event.Event) error {
	plays := make([]value.Value, len(r.plays))
	for i, p := range r.plays {
		tasks := make([]value.Value, len(p.tasks))
		for i, t := range p.tasks {
			tasks[i] = value.FromMap(value.M("hosts", value.FromMap(t.hosts), "task", heading(t.id, t.name, t.path, t.begin, t.end)))
		}
		plays[i] = value.FromMap(value.M("play", heading(p.id, p.name, p.path, p.begin, p.end), "tasks", value.List(tasks...)))
	}
	stats := value.NewMap()
	for name, s := range e.Stats {
		if *s != (event.HostStats{}) {
			stats.Set(name, value.FromMap(value.M("ok", s.OK, "changed", s.Changed, "unreachable", s.Unreachable, "failures", s.Failed,
				"skipped", s.Skipped, "rescued", s.Rescued, "ignored", s.Ignored)))
		}
	}
	custom, whole := value.NewMap(), value.NewMap()
	if r.custom {
		for host, m := range r.stats {
			custom.Set(host, value.FromMap(m))
		}
		if r.stats[wholeRun] != nil {
			whole = r.stats[wholeRun]
			custom.Delete(wholeRun)
		}
	}
	var b bytes.Buffer
	b.WriteString(strings.TrimSpace(indented(value.M("plays", value.List(plays...), "stats", value.FromMap(stats),
		"custom_stats", value.FromMap(custom), "global_custom_stats", value.FromMap(whole)))))
	b.WriteByte('\n')
	_, err := r.out.Write(b.Bytes())
	return err
}

// heading is what a play or a task says of itself.
func heading(id, name, path string, begin, end time.Time) value.Value {
	const form = "2006-01-02T15:04:05.000000Z"
	return value.FromMap(value.M("id", id, "name", name, "path", path,
		"duration", value.FromMap(value.M("start", begin.UTC().Format(form), "end", end.UTC().Format(form)))))
}
