package run

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/probe"
	"github.com/fairlead-project/fairlead/engine/remote"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/tasks/commands"
	"github.com/fairlead-project/fairlead/tasks/control"
	"github.com/fairlead-project/fairlead/tasks/files"

	"github.com/fairlead-project/fairlead/engine/module"
)

// A lab is a controller's folder with playbooks, and hosts that are folders of
// this machine, driven by a real shell each. Batches are counted, and may be
// tampered with before and after.
type lab struct {
	t      testing.TB
	dir    string
	hosts  []string
	cfg    func(*Config)
	more   []module.Module
	before func(host string, b state.Batch) error
	mu     sync.Mutex
	log    []string // what each batch did, "host: op, op"
	events []event.Event
	sum    Summary
}

func newLab(t testing.TB, hosts ...string) *lab {
	t.Helper()
	l := &lab{t: t, dir: t.TempDir(), hosts: hosts}
	var inv strings.Builder
	for _, h := range hosts {
		root := filepath.Join(l.dir, "root", h)
		if err := os.MkdirAll(root, 0o755); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&inv, "%s root=%s\n", h, root)
	}
	l.write("hosts.ini", inv.String())
	return l
}

func (l *lab) write(name, text string) {
	l.t.Helper()
	p := filepath.Join(l.dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

// on writes a file of a host; read reads one ("" when it does not exist).
func (l *lab) on(host, name, text string) { l.write(filepath.Join("root", host, name), text) }

func (l *lab) read(host, name string) string {
	b, err := os.ReadFile(filepath.Join(l.dir, "root", host, name))
	if err != nil {
		return ""
	}
	return string(b)
}

func registry(more ...module.Module) *module.Registry {
	all := more
	all = append(all, files.Modules()...)
	all = append(all, commands.Modules()...)
	all = append(all, control.Modules()...)
	return module.NewRegistry(all...)
}

// run runs a playbook text on all hosts and gives the statuses, one line per
// result: "task host status".
func (l *lab) run(playbook string) []string {
	l.t.Helper()
	l.write("site.yml", playbook)
	cfg, _, err := Prepare(Request{Playbooks: []string{filepath.Join(l.dir, "site.yml")}, Inventory: []string{filepath.Join(l.dir, "hosts.ini")}}, registry(l.more...))
	if err != nil {
		l.t.Fatalf("prepare: %v", err)
	}
	l.events, l.log = nil, nil
	cfg.Connector = labConnector{l}
	cfg.FactFamilies = probe.FamiliesFor
	cfg.Sink = event.SinkFunc(func(_ context.Context, e *event.Event) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if e.Kind != event.Output {
			l.events = append(l.events, *e)
		}
		return nil
	})
	if l.cfg != nil {
		l.cfg(&cfg)
	}
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	if l.sum, err = Run(ctx, cfg); err != nil {
		l.t.Fatalf("run: %v", err)
	}
	return l.results()
}

// Hosts that finish a task at once are told as they finish: their lines are
// brought into order here.
func (l *lab) results() []string {
	type line struct {
		task       int64
		host, text string
	}
	var lines []line
	for _, e := range l.events {
		if e.Kind != event.Result && e.Kind != event.ItemResult || e.Kind == event.Result && e.Loop {
			continue
		}
		s := fmt.Sprintf("%s %s %s", e.Task, e.Host, e.Status)
		if e.Kind == event.ItemResult {
			s = fmt.Sprintf("%s(%s) %s %s", e.Task, e.Label, e.Host, e.Status)
		}
		switch {
		case e.Ignored:
			s += " ignored"
		case e.Rescued:
			s += " rescued"
		}
		lines = append(lines, line{e.TaskNo, e.Host, s})
	}
	var out []string
	for from := 0; from < len(lines); {
		to := from
		for to < len(lines) && lines[to].task == lines[from].task {
			to++
		}
		slices.SortStableFunc(lines[from:to], func(a, b line) int { return strings.Compare(a.host, b.host) })
		for _, x := range lines[from:to] {
			out = append(out, x.text)
		}
		from = to
	}
	return out
}

// batches counts the batches that a host got with operations.
func (l *lab) batches(host string) int {
	n := 0
	for _, s := range l.log {
		if strings.HasPrefix(s, host+": ") {
			n++
		}
	}
	return n
}

type labConnector struct{ l *lab }

func (c labConnector) Connect(_ context.Context, spec HostSpec) (Target, error) {
	return &labTarget{l: c.l, name: spec.Name, host: remote.Local(remote.Options{Prober: probe.Prober{}, NoSync: true})}, nil
}

type labTarget struct {
	l    *lab
	name string
	host *remote.Host
}

func (t *labTarget) Do(ctx context.Context, b state.Batch) (state.Outcome, error) {
	var ops []string
	for _, op := range b.Ops {
		ops = append(ops, op.String())
	}
	t.l.mu.Lock()
	if len(ops) > 0 {
		t.l.log = append(t.l.log, t.name+": "+strings.Join(ops, ", "))
	}
	before := t.l.before
	t.l.mu.Unlock()
	if before != nil {
		if err := before(t.name, b); err != nil {
			return state.Outcome{}, err
		}
	}
	return t.host.Do(ctx, b)
}

func (t *labTarget) Close() error { return t.host.Close() }
