// Package servermanager speaks the protocol by which server-manager drives its
// Ansible server: it takes provision requests, has them run, keeps and pushes
// their statuses, and writes the logs that its users read.
//
// What is supported, field by field, is told in docs/server-manager.md.
package servermanager

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	"github.com/fairlead-project/fairlead/api/jobs"
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/store"
	"github.com/fairlead-project/fairlead/engine/value"
)

// The states of generation A. Queued is ours and is not pushed.
const (
	Queued           = "Queued"
	InProgress       = "In_Progress"
	ProvisionSuccess = "Provision_Success"
	ProvisionFailed  = "Provision_Failed"
)

const endpoint = "/run_playbook"

// maxWaiting bounds the queue; maxAttempts how often a run that was cut off by
// the end of the server is begun again.
const (
	maxWaiting  = 10_000
	maxAttempts = 3
)

// Config is what the service needs.
type Config struct {
	Store  *store.Store
	Runner jobs.Runner
	Queue  *jobs.Queue
	Log    *slog.Logger
	// SMAddr is where statuses are pushed to: server-manager's host, or
	// host:port; the port is 9002 unless told. Empty: nothing is pushed.
	SMAddr string
	// Debug is the file for log lines in the original's form; nil for none.
	Debug *LogFile
	// Defaults are parameters for requests that leave them out, as the
	// original took them from [ANSIBLE-SERVER] of sm-config.ini.
	Defaults *value.Map
	// PlaybookDirs are the folders whose playbooks a request may name.
	PlaybookDirs []string
	SSH          jobs.SSH
	// Retry is the first pause before a push is tried again; default 1 s.
	Retry time.Duration
}

// Service carries out server-manager's requests.
type Service struct {
	cfg  Config
	wake chan struct{} // something to push
}

// New makes a service; Start takes up what an earlier process left.
func New(cfg Config) (*Service, error) {
	defaults := value.M("ansible_playbook", EmbeddedSite, "docker_registry", "0.0.0.0:5100",
		"docker_insecure_registries", "0.0.0.0:5100", "docker_registry_insecure", "True")
	for k, v := range cfg.Defaults.All() {
		defaults.SetKey(k, v)
	}
	cfg.Defaults = defaults
	if cfg.Retry <= 0 {
		cfg.Retry = time.Second
	}
	if cfg.SMAddr != "" {
		if _, _, err := net.SplitHostPort(cfg.SMAddr); err != nil {
			cfg.SMAddr = net.JoinHostPort(cfg.SMAddr, "9002")
		}
		if _, port, err := net.SplitHostPort(cfg.SMAddr); err != nil || port == "" {
			return nil, diag.Errorf(diag.Pos{}, "bad-address", "server-manager's address %q is no host or host:port", cfg.SMAddr)
		}
	}
	return &Service{cfg: cfg, wake: make(chan struct{}, 1)}, nil
}

// Start queues the requests that were accepted before and not finished.
func (s *Service) Start(ctx context.Context) error {
	reqs, err := s.cfg.Store.Unfinished(ctx)
	if err != nil {
		return err
	}
	for _, r := range reqs {
		full, err := s.cfg.Store.Request(ctx, r.ID)
		if err != nil {
			s.cfg.Log.Error("request cannot be taken up", "run_id", r.ID, "err", err)
			if err := s.cfg.Store.Finish(ctx, r.ID, store.Failed, err.Error(), time.Now()); err != nil {
				return err
			}
			continue
		}
		orders, err := parse(full.Body, s.cfg.Defaults)
		if err != nil || len(orders) != 1 {
			return fmt.Errorf("request %s: %w", r.ID, errors.Join(err, errors.New("not what was accepted")))
		}
		if r.State == store.Running {
			if err := s.cfg.Store.Interrupted(ctx, runID(r.ID, r.Attempts), time.Now()); err != nil {
				return err
			}
		}
		if err := s.enqueue(r.ID, &orders[0]); err != nil {
			return err
		}
	}
	return nil
}

// accept validates a body and records it; when it returns without an error the
// request survives whatever happens, and runs.
func (s *Service) accept(ctx context.Context, body []byte, remote string) ([]string, error) {
	orders, err := parse(body, s.cfg.Defaults)
	if err != nil {
		return nil, s.refuse(ctx, err)
	}
	for i := range orders {
		o := &orders[i]
		if err := o.check(); err != nil {
			return nil, s.refuse(ctx, err)
		}
		name, _ := o.last().Get("ansible_playbook")
		if _, _, ok := s.resolve(name.Text()); !ok {
			return nil, s.refuse(ctx, &refusal{
				serverID: o.serverID, role: o.elements[len(o.elements)-1].asked, state: "Playbook not found : " + name.Text(),
				hint: "name a playbook below an allowed folder, or leave ansible_playbook out for the one that ships with Fairlead",
			})
		}
	}
	if s.cfg.Queue.Waiting() >= maxWaiting {
		return nil, diag.New(diag.Conflict, diag.Pos{}, "busy", "%d requests wait already", maxWaiting)
	}
	now := time.Now()
	ids := make([]string, len(orders))
	reqs := make([]store.Request, len(orders))
	var queued []store.Status
	for i, o := range orders {
		raw, err := value.List(o.raw...).MarshalJSON()
		if err != nil {
			return nil, err
		}
		ids[i] = event.NewID()
		reqs[i] = store.Request{ID: ids[i], Endpoint: endpoint, Remote: remote, Received: now.Add(time.Duration(i)), Body: raw}
		queued = append(queued, o.statuses(Queued, "", ids[i], now)...)
	}
	if err := s.cfg.Store.Accept(ctx, reqs...); err != nil {
		return nil, err
	}
	// From here on the request is ours, whether or not the client still waits.
	ctx = context.WithoutCancel(ctx)
	if err := s.cfg.Store.PutStatus(ctx, queued, nil); err != nil {
		s.cfg.Log.Error("status not recorded", "run_id", ids[0], "err", err)
	}
	for i := range orders {
		if err := s.enqueue(ids[i], &orders[i]); err != nil {
			s.cfg.Log.Warn("request will run after a restart", "run_id", ids[i], "err", err)
		}
	}
	return ids, nil
}

// refuse tells server-manager by a status too: its client ignores answers.
func (s *Service) refuse(ctx context.Context, err error) error {
	var r *refusal
	if errors.As(err, &r) && r.serverID != "" {
		st := store.Status{ServerID: r.serverID, Role: r.role, State: r.state, Reason: r.hint, Time: time.Now()}
		if perr := s.put(context.WithoutCancel(ctx), []store.Status{st}, true); perr != nil {
			s.cfg.Log.Error("status not recorded", "err", perr)
		}
	}
	return err
}

func (o *order) statuses(state, reason, run string, now time.Time) []store.Status {
	var out []store.Status
	seen := map[string]bool{}
	for _, e := range o.elements {
		if !seen[e.asked] {
			seen[e.asked] = true
			out = append(out, store.Status{ServerID: o.serverID, Role: e.asked, State: state, Reason: reason, Run: run, Time: now})
		}
	}
	return out
}

// put records statuses; with push, server-manager is told the last of them.
func (s *Service) put(ctx context.Context, sts []store.Status, push bool) error {
	var pushes []store.Push
	if push && s.cfg.SMAddr != "" && len(sts) > 0 {
		last := sts[len(sts)-1]
		pushes = []store.Push{{Addr: s.cfg.SMAddr, ServerID: last.ServerID, State: last.State, Run: last.Run, Created: last.Time}}
	}
	if err := s.cfg.Store.PutStatus(ctx, sts, pushes); err != nil {
		return err
	}
	if pushes != nil {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	return nil
}

func (s *Service) enqueue(id string, o *order) error {
	return s.cfg.Queue.Add(jobs.Task{ID: id, Hosts: o.hosts(), Run: func(ctx context.Context) {
		if err := s.carryOut(ctx, id); err != nil {
			s.cfg.Log.Error("request not carried out", "run_id", id, "err", err)
		}
	}})
}

// runID names the run of an attempt: a run that was cut off stays as it is in
// the journal, the next attempt is another run.
func runID(request string, attempt int) string {
	if attempt <= 1 {
		return request
	}
	return fmt.Sprintf("%s-%d", request, attempt)
}

// carryOut runs an accepted request to its end. When ctx ends, the server is
// going away: the request stays as it is and is taken up by the next one.
func (s *Service) carryOut(ctx context.Context, id string) error {
	record := context.WithoutCancel(ctx)
	req, err := s.cfg.Store.Request(record, id)
	if err != nil {
		return err
	}
	orders, err := parse(req.Body, s.cfg.Defaults)
	if err != nil {
		return err
	}
	o := &orders[0]
	if err := o.check(); err != nil {
		return errors.Join(s.refuse(record, err), s.cfg.Store.Finish(record, id, store.Failed, err.Error(), time.Now()))
	}
	attempt := req.Attempts + 1
	j := s.job(runID(id, attempt), o)
	j.Who = req.Remote
	name, _ := o.last().Get("ansible_playbook")
	playbook, embedded, ok := s.resolve(name.Text())
	j.Playbook, j.Embedded = playbook, embedded
	if embedded {
		// Our playbooks take the request's values as they are: "{{" in a
		// password is no template, and a lookup in one would run on this server.
		j.ExtraVars = value.FromMap(j.ExtraVars).MarkDeep(value.Unsafe).Map()
		j.Inventory = j.Inventory.MarkDeep(value.Unsafe)
	}
	switch {
	case !ok:
		return s.end(record, id, o, &outcome{state: "Playbook not found : " + name.Text(), run: j.ID})
	case attempt > maxAttempts || attempt > 1 && !embedded:
		// Our own playbooks may be run again; what others do twice we cannot know.
		return s.end(record, id, o, &outcome{state: ProvisionFailed, run: j.ID, reason: "the server ended while the playbook ran; its effects are in doubt"})
	}
	if err := s.cfg.Store.Begin(record, id, time.Now()); err != nil {
		return err
	}
	out, err := s.run(ctx, j, o)
	if ctx.Err() != nil && (err != nil || out.state != ProvisionSuccess) {
		return errors.Join(s.cfg.Store.Interrupted(record, j.ID, time.Now()), ctx.Err())
	}
	return errors.Join(err, s.end(record, id, o, out))
}

// run has the job run and tells what became of it.
func (s *Service) run(ctx context.Context, j jobs.Job, o *order) (*outcome, error) {
	record := context.WithoutCancel(ctx)
	err := s.cfg.Store.CreateRun(record, store.Run{ID: j.ID, Playbooks: []string{j.Playbook}, Who: j.Who, Origin: "server-manager"})
	if err == nil {
		err = s.put(record, o.statuses(InProgress, "", j.ID, time.Now()), true)
	}
	if err != nil {
		return &outcome{state: ProvisionFailed, reason: err.Error(), run: j.ID}, err
	}
	w := &watch{s: s, o: o, run: j.ID, completed: map[string]bool{}}
	sinks := event.Multi(event.Record(s.cfg.Store), w, s.logSink(j))
	j.Sinks = []event.Sink{j.Redactor.Sink(sinks)}
	rerr := j.Redactor.Error(safely(func() error { return s.cfg.Runner.Run(ctx, j) }))
	if err := w.close(record, sinks, rerr); err != nil {
		rerr = errors.Join(rerr, err)
	}
	out := w.outcome(rerr)
	return out, rerr
}

// safely turns a panic into an error: one bad run must not end the server.
func safely(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}

// outcome is how an order ended.
type outcome struct {
	state, reason, run string
	completed          map[string]bool // roles whose completion was reported
}

func (s *Service) end(ctx context.Context, id string, o *order, out *outcome) error {
	now := time.Now()
	sts := o.statuses(out.state, out.reason, out.run, now)
	for i, st := range sts {
		r, _ := findRole(st.Role)
		if out.completed[r.name] {
			sts[i].State, sts[i].Reason = ProvisionSuccess, ""
		}
	}
	state := store.Done
	if out.state != ProvisionSuccess {
		state = store.Failed
	}
	// What is pushed is the state of the server: failed if any role is.
	for i, st := range sts {
		if st.State == out.state {
			sts = append(append(sts[:i:i], sts[i+1:]...), st)
			break
		}
	}
	if sts[len(sts)-1].State != out.state {
		sts = append(sts, store.Status{ServerID: o.serverID, State: out.state, Reason: out.reason, Run: out.run, Time: now})
	}
	return errors.Join(s.put(ctx, sts, true), s.cfg.Store.Finish(ctx, id, state, out.reason, now))
}
