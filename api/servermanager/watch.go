package servermanager

import (
	"context"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/store"
)

// watch follows the events of a run: which roles were completed, how it ended.
type watch struct {
	s         *Service
	o         *order
	run       string
	seq       int64
	ended     bool
	exit      int
	msg       string
	failure   string // the first
	completed map[string]bool
}

// Emit implements event.Sink.
func (w *watch) Emit(ctx context.Context, e *event.Event) error {
	w.seq = e.Seq
	switch e.Kind {
	case event.Result:
		if (e.Status == event.Failed || e.Status == event.Unreachable || e.Status == event.InDoubt) && !e.Ignored && !e.Rescued && w.failure == "" {
			w.failure = strings.TrimSpace(e.Task + ": " + string(e.Status) + ": " + e.Msg)
		}
		if e.Status == event.OK || e.Status == event.Changed {
			return w.reported(ctx, e)
		}
	case event.NoHosts:
		if w.failure == "" {
			w.failure = "no hosts matched"
		}
	case event.RunEnded:
		w.ended, w.exit, w.msg = true, e.Exit, e.Msg
	}
	return nil
}

// reported records what a status task of the playbook told.
func (w *watch) reported(ctx context.Context, e *event.Event) error {
	name, state, ok := reported(e.Task)
	if !ok || state != "completed" {
		return nil
	}
	for _, el := range w.o.elements {
		if el.role.name == name && !w.completed[name] {
			w.completed[name] = true
			st := store.Status{ServerID: w.o.serverID, Role: el.asked, State: ProvisionSuccess, Run: w.run, Time: e.Time}
			return w.s.put(ctx, []store.Status{st}, false)
		}
	}
	return nil
}

// close makes the record of a run complete whose runner did not end it.
func (w *watch) close(ctx context.Context, sink event.Sink, err error) error {
	if w.ended {
		return nil
	}
	now := time.Now()
	if w.seq == 0 {
		if err := sink.Emit(ctx, &event.Event{Seq: 1, Run: w.run, Time: now, Kind: event.RunStarted}); err != nil {
			return err
		}
	}
	e := &event.Event{Seq: w.seq + 1, Run: w.run, Time: now, Kind: event.RunEnded, Exit: 1, Msg: "the run did not end properly"}
	if err != nil {
		e.Msg, e.Reason, e.Exit = err.Error(), diag.ClassOf(err).String(), diag.ClassOf(err).ExitCode()
		e.Failures = []string{firstLine(e.Msg)}
	}
	return sink.Emit(ctx, e)
}

func (w *watch) outcome(err error) *outcome {
	out := &outcome{state: ProvisionSuccess, run: w.run, completed: w.completed}
	if err == nil && w.ended && w.exit == 0 {
		return out
	}
	out.state = ProvisionFailed
	for _, reason := range []string{w.failure, w.msg} {
		if out.reason == "" {
			out.reason = reason
		}
	}
	if err != nil && out.reason == "" {
		out.reason = firstLine(err.Error())
	}
	return out
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
