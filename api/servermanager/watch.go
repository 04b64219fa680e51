package servermanager

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/store"
)

// outcome is how a step ended.
type outcome struct {
	run         string
	failed      bool
	cancelled   bool // somebody asked for its end
	inDoubt     bool // nobody knows of something whether it was done
	interrupted bool // the server ended: nothing is known yet
	stopped     bool // it ended early, because of failures
	reason      string
	stats       map[string]*event.HostStats
	told        map[string]*hostEnd
	completed   map[string]bool // roles whose completion was reported
	err         bool            // the run could not go on: nobody got to the end
}

// hostEnd is what the events told of a host.
type hostEnd struct {
	failure string
	started map[string]bool // roles that were begun and are not completed
}

// ending are the last statuses of a step.
func (st *step) ending(out *outcome) []telling {
	switch {
	case len(st.elements) > 0:
		return st.rolesEnding(out)
	case !st.perHost:
		state := st.ok
		if out.failed {
			state = st.failed
		}
		var ts []telling
		for _, role := range out.unfinishedAnywhere() {
			ts = append(ts, telling{Status: store.Status{ServerID: st.told[0], Role: role, State: role + "_failed", Reason: out.reason}})
		}
		return append(ts, st.all(state, out.failureOf(out.failed))...)
	}
	var ts []telling
	hosts := append([]string(nil), st.told...)
	for _, h := range slices.Sorted(maps.Keys(out.stats)) {
		if !has(hosts, h) && h != "localhost" && h != "127.0.0.1" {
			hosts = append(hosts, h)
		}
	}
	for _, h := range hosts {
		state, reason := st.ok, ""
		switch s := out.stats[h]; {
		case out.err || out.cancelled || out.failed && out.stats == nil:
			state, reason = st.failed, out.reason
		case s == nil:
			state, reason = st.failed, "the playbook has no play for this host, or the inventory does not have it"
		case out.failed && s.Failed+s.Unreachable > 0:
			state, reason = st.failed, out.hostReason(h)
		case out.failed && out.stopped:
			state, reason = st.failed, "stopped, because another host failed: "+out.reason
		}
		if state == st.failed {
			for _, role := range out.unfinished(h) {
				ts = append(ts, telling{Status: store.Status{ServerID: h, Role: role, State: role + "_failed", Reason: reason}})
			}
		}
		ts = append(ts, telling{Status: store.Status{ServerID: h, State: state, Reason: reason}, push: true})
	}
	return ts
}

func (out *outcome) failureOf(failed bool) string {
	if failed {
		return out.reason
	}
	return ""
}

func (out *outcome) hostReason(h string) string {
	if e := out.told[h]; e != nil && e.failure != "" {
		return e.failure
	}
	return out.reason
}

func (out *outcome) unfinished(h string) []string {
	if e := out.told[h]; e != nil {
		return slices.Sorted(maps.Keys(e.started))
	}
	return nil
}

// unfinishedAnywhere are the roles that some host of a failed run began and did
// not complete.
func (out *outcome) unfinishedAnywhere() []string {
	roles := map[string]bool{}
	for h := range out.told {
		for _, role := range out.unfinished(h) {
			roles[role] = out.failed
		}
	}
	maps.DeleteFunc(roles, func(_ string, failed bool) bool { return !failed })
	return slices.Sorted(maps.Keys(roles))
}

// rolesEnding are those of generation A: a role that reported its completion is
// a success; what is pushed is the state of the server, failed if any role is.
func (st *step) rolesEnding(out *outcome) []telling {
	state := st.ok
	if out.failed {
		state = st.failed
	}
	var good, rest []telling
	for _, x := range st.statuses(state, out.failureOf(out.failed)) {
		r, _ := findRole(x.Role)
		if out.completed[r.name] && out.failed {
			x.State, x.Reason = st.ok, ""
			good = append(good, telling{Status: x})
			continue
		}
		rest = append(rest, telling{Status: x})
	}
	if len(rest) == 0 {
		rest = []telling{{Status: store.Status{ServerID: st.told[0], State: state, Reason: out.reason}}}
	}
	rest[len(rest)-1].push = true
	return append(good, rest...)
}

// watch follows the events of a run: which roles were completed, how it ended.
type watch struct {
	c       *carrier
	st      *step
	run     string
	out     *outcome
	seq     int64
	ended   bool
	exit    int
	msg     string
	failure string // the first
}

func (c *carrier) watch(st *step, run string, out *outcome) *watch {
	out.completed, out.told = map[string]bool{}, map[string]*hostEnd{}
	return &watch{c: c, st: st, run: run, out: out}
}

// Emit implements event.Sink.
func (w *watch) Emit(ctx context.Context, e *event.Event) error {
	if e.Kind.Recorded() {
		w.seq = e.Seq
	}
	switch e.Kind {
	case event.Result:
		if (e.Status == event.Failed || e.Status == event.Unreachable || e.Status == event.InDoubt) && !e.Ignored && !e.Rescued {
			failure := strings.TrimSpace(e.Task + ": " + string(e.Status) + ": " + e.Msg)
			if h := w.host(e.Host); h.failure == "" {
				h.failure = failure
			}
			if w.failure == "" {
				w.failure = failure
			}
			w.out.inDoubt = w.out.inDoubt || e.Status == event.InDoubt
		}
		if e.Status == event.OK || e.Status == event.Changed {
			return w.reported(ctx, e)
		}
	case event.NoHosts:
		if w.failure == "" {
			w.failure = "no hosts matched"
		}
	case event.Recap:
		w.out.stats, w.out.stopped = e.Stats, e.Stopped
	case event.RunEnded:
		w.ended, w.exit, w.msg = true, e.Exit, e.Msg
		if e.Stats != nil {
			w.out.stats, w.out.stopped = e.Stats, e.Stopped
		}
	}
	return nil
}

func (w *watch) host(name string) *hostEnd {
	h := w.out.told[name]
	if h == nil {
		h = &hostEnd{started: map[string]bool{}}
		w.out.told[name] = h
	}
	return h
}

// reported records what a status task of the playbook told, and pushes it where
// the generation does.
func (w *watch) reported(ctx context.Context, e *event.Event) error {
	word, role, state, ok := reported(e.Task)
	if !ok || w.st == nil {
		return nil
	}
	h := w.host(e.Host)
	switch state {
	case "started":
		h.started[role] = true
	case "completed", "failed":
		delete(h.started, role)
	}
	if !w.st.perHost && len(w.st.elements) == 0 && state == "completed" && w.begun(role) {
		return nil // the server's role is complete when it is on every host
	}
	if len(w.st.elements) == 0 {
		return w.c.tell(ctx, w.run, telling{Status: store.Status{ServerID: w.server(e.Host), Role: role, State: word}, push: w.st.reports})
	}
	if state != "completed" {
		return nil
	}
	for _, el := range w.st.elements {
		if el.role.is(role) && !w.out.completed[el.role.name] {
			w.out.completed[el.role.name] = true
			return w.c.tell(ctx, w.run, telling{Status: store.Status{ServerID: w.st.told[0], Role: el.asked, State: ProvisionSuccess}})
		}
	}
	return nil
}

// begun tells whether a role is under way on some host.
func (w *watch) begun(role string) bool {
	for _, h := range w.out.told {
		if h.started[role] {
			return true
		}
	}
	return false
}

// server is whom a host's report is about.
func (w *watch) server(host string) string {
	if w.st.perHost {
		return host
	}
	return w.st.told[0]
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

// finish completes the outcome of a run that ended.
func (w *watch) finish(err error) {
	out := w.out
	if out.cancelled || err == nil && w.ended && w.exit == 0 {
		return
	}
	out.failed, out.err = true, err != nil
	for _, reason := range []string{w.failure, w.msg} {
		if out.reason == "" {
			out.reason = reason
		}
	}
	if err != nil && out.reason == "" {
		out.reason = firstLine(err.Error())
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
