// Package servermanager speaks the protocol by which server-manager drives its
// Ansible server, in all its generations: it takes provision requests, has them
// run, keeps and pushes their statuses, and writes the logs that its users read.
//
// What is supported, field by field, is told in docs/server-manager.md.
package servermanager

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fairlead-project/fairlead/api/jobs"
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/store"
	"github.com/fairlead-project/fairlead/engine/value"
)

// maxWaiting bounds the queue; maxAttempts how often a run that was cut off by
// the end of the server is taken up again: one that ends the server each time
// must not do so for ever.
const (
	maxWaiting  = 10_000
	maxAttempts = 100
)

// Config is what the service needs.
type Config struct {
	Store  *store.Store
	Runner jobs.Runner
	Queue  *jobs.Queue
	Log    *slog.Logger
	Logs   *Logs // in the original's form; nil for none
	SSH    jobs.SSH
	// DataDir is where inventories are written that belong to no folder of
	// playbooks.
	DataDir string
	// Retry is the first pause before a push is tried again; default 1 s.
	Retry time.Duration
	// AnswerWithin is how long a client waits for its request to be recorded;
	// default 5 s. Server-manager stands still meanwhile.
	AnswerWithin time.Duration
	Settings
}

// Settings are the part of the configuration that can be changed while the
// service runs.
type Settings struct {
	// SMAddr is where statuses are pushed to: server-manager's host, or
	// host:port; the port is 9002 unless told. Empty: nothing is pushed.
	SMAddr string
	// Defaults are parameters and variables for requests that leave them out,
	// as the original took them from [ANSIBLE-SERVER] of sm-config.ini.
	Defaults *value.Map
	// PlaybookDirs are the folders whose playbooks a request may name.
	PlaybookDirs []string
}

// Service carries out server-manager's requests.
type Service struct {
	cfg      Config
	settings atomic.Pointer[Settings]
	wake     chan struct{} // something to push
	look     chan struct{} // a request was put back into the inbox
	parsing  chan struct{} // held while a large request is read
}

// New makes a service; Start takes up what an earlier process left.
func New(cfg Config) (*Service, error) {
	if cfg.Retry <= 0 {
		cfg.Retry = time.Second
	}
	if cfg.AnswerWithin <= 0 {
		cfg.AnswerWithin = 5 * time.Second
	}
	s := &Service{cfg: cfg, wake: make(chan struct{}, 1), look: make(chan struct{}, 1), parsing: make(chan struct{}, 1)}
	return s, s.Reload(cfg.Settings)
}

// Reload puts new settings into effect, for requests that begin from now on.
func (s *Service) Reload(set Settings) error {
	defaults := value.M("ansible_playbook", originalBase+"contrail-ansible/site.yml", "docker_registry", "0.0.0.0:5100",
		"docker_insecure_registries", "0.0.0.0:5100", "docker_registry_insecure", "True")
	for k, v := range set.Defaults.All() {
		defaults.SetKey(k, v)
	}
	set.Defaults = defaults
	if set.SMAddr != "" {
		if _, _, err := net.SplitHostPort(set.SMAddr); err != nil {
			set.SMAddr = net.JoinHostPort(strings.Trim(set.SMAddr, "[]"), "9002")
		}
		if host, port, err := net.SplitHostPort(set.SMAddr); err != nil || port == "" || !validHost(host) {
			return diag.Errorf(diag.Pos{}, "bad-address", "server-manager's address %q is no host or host:port", set.SMAddr)
		}
	}
	for _, dir := range set.PlaybookDirs {
		if st, err := os.Stat(dir); err != nil || !st.IsDir() {
			return diag.Errorf(diag.Pos{}, "playbooks", "there is no folder %s to take playbooks from", dir)
		}
	}
	s.settings.Store(&set)
	return nil
}

func (s *Service) defaults() *value.Map { return s.settings.Load().Defaults }

// Start queues the requests that were accepted before and not finished.
func (s *Service) Start(ctx context.Context) error {
	reqs, err := s.cfg.Store.Unfinished(ctx)
	if err != nil {
		return err
	}
	for _, r := range reqs {
		if r.State == store.Running {
			if err := s.cfg.Store.InterruptRequest(ctx, r.ID, time.Now()); err != nil {
				return err
			}
		}
		if err := s.takeUp(ctx, r.ID); err != nil {
			return err
		}
	}
	return nil
}

// takeUp queues a request that is in the inbox. One that cannot be read any
// more is finished as failed.
func (s *Service) takeUp(ctx context.Context, id string) error {
	full, err := s.cfg.Store.Request(ctx, id)
	var orders []*order
	if err == nil {
		orders, err = s.read(full.Endpoint, full.Body)
	}
	var r *refusal
	switch {
	case errors.As(err, &r) || err != nil:
		s.cfg.Log.Error("request cannot be taken up", "run_id", id, "err", err)
		end := store.End{State: store.Failed, Reason: err.Error()}
		if r != nil {
			end.Statuses, end.Pushes = s.refused(r)
		}
		return s.cfg.Store.Finish(ctx, id, end, time.Now())
	}
	return s.enqueue(id, orders[0])
}

// accept validates a body and records it; when it returns without an error the
// request survives whatever happens, and runs. A repetition of one that is not
// finished is that one.
func (s *Service) accept(ctx context.Context, endpoint string, body []byte, remote string) ([]string, error) {
	const large = 1 << 20
	if len(body) > large { // read one at a time: the parsed form is much larger
		select {
		case s.parsing <- struct{}{}:
			defer func() { <-s.parsing }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	orders, err := s.read(endpoint, body)
	if err != nil {
		return nil, s.refuse(ctx, err)
	}
	if s.cfg.Queue.Waiting() >= maxWaiting {
		return nil, diag.New(diag.Conflict, diag.Pos{}, "busy", "%d requests wait already", maxWaiting)
	}
	now := time.Now()
	reqs := make([]store.Request, len(orders))
	for i, o := range orders {
		raw, err := o.raw.MarshalJSON()
		if err != nil {
			return nil, err
		}
		reqs[i] = store.Request{ID: event.NewID(), Endpoint: endpoint, Remote: remote, Received: now.Add(time.Duration(i)), Body: raw, Digest: o.digest}
		for _, st := range o.steps {
			for _, x := range st.statuses(Queued, "") {
				x.Run, x.Cluster, x.Time = reqs[i].ID, o.cluster, now
				reqs[i].Announce = append(reqs[i].Announce, x)
			}
		}
	}
	record, cancel := s.recording(ctx, len(body))
	defer cancel()
	ids, err := s.cfg.Store.Accept(record, reqs...)
	if err != nil {
		return nil, s.slow(err) // what is recorded later is taken up by Watch
	}
	// From here on the request is ours, whether or not the client still waits.
	for i, o := range orders {
		if ids[i] != reqs[i].ID {
			s.cfg.Log.Info("request repeated", "run_id", ids[i])
			continue
		}
		if err := s.enqueue(ids[i], o); err != nil {
			s.cfg.Log.Warn("request will run after a restart", "run_id", ids[i], "err", err)
		}
	}
	return ids, nil
}

// recording bounds how long a client waits for the disk: a large request a
// little longer. What was handed in is written whether or not it waits.
func (s *Service) recording(ctx context.Context, size int) (context.Context, context.CancelFunc) {
	const perSecond = 4 << 20 // bytes: slow for a disk
	return context.WithTimeout(context.WithoutCancel(ctx), s.cfg.AnswerWithin+time.Second*time.Duration(size/perSecond))
}

// slow is what a client is answered that did not wait for the disk: accepted
// must mean recorded.
func (s *Service) slow(err error) error {
	switch {
	case errors.Is(err, store.ErrPending):
		s.cfg.Log.Warn("the disk is slow: an answer did not wait for it")
		return diag.New(diag.Busy, diag.Pos{}, "slow-disk", "not recorded yet: the disk is slow").
			WithHint("it is done as soon as it is recorded; sent again meanwhile it is not done twice")
	case errors.Is(err, context.DeadlineExceeded):
		return diag.New(diag.Busy, diag.Pos{}, "slow-disk", "not taken: the disk is slow, and too much waits for it").WithHint("send it again")
	}
	return err
}

// refuse tells server-manager by a status too: its client ignores answers.
func (s *Service) refuse(ctx context.Context, err error) error {
	var r *refusal
	if !errors.As(err, &r) || len(r.told) == 0 {
		return err
	}
	sts, pushes := s.refused(r)
	record, cancel := s.recording(ctx, 0)
	defer cancel()
	if perr := s.cfg.Store.PutStatus(record, sts, pushes); perr != nil && !errors.Is(perr, store.ErrPending) {
		s.cfg.Log.Error("status not recorded", "err", perr)
	}
	s.wakePush()
	return err
}

func (s *Service) refused(r *refusal) (sts []store.Status, pushes []store.Push) {
	now := time.Now()
	for _, server := range r.told {
		st := store.Status{ServerID: server, Role: r.role, State: r.state, Reason: r.hint, Time: now}
		sts, pushes = append(sts, st), append(pushes, s.push(st)...)
	}
	return sts, pushes
}

// push is what tells server-manager a status; nothing when it is told nothing.
func (s *Service) push(st store.Status) []store.Push {
	addr := s.settings.Load().SMAddr
	if addr == "" {
		return nil
	}
	return []store.Push{{Addr: addr, ServerID: st.ServerID, State: st.State, Run: st.Run, Created: st.Time}}
}

func (s *Service) wakePush() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Service) enqueue(id string, o *order) error {
	return s.cfg.Queue.Add(jobs.Task{ID: id, Hosts: o.hosts(), Run: func(ctx context.Context) {
		if err := s.carryOut(ctx, id); err != nil {
			s.cfg.Log.Error("request not carried out", "run_id", id, "err", err)
		}
	}})
}

// Cancel ends a run, or takes back a request that waits.
func (s *Service) Cancel(ctx context.Context, id string) error {
	return s.cfg.Store.Cancel(ctx, id, time.Now())
}

// Resume carries on a request that was cancelled, or is in doubt.
func (s *Service) Resume(ctx context.Context, run string, ds jobs.Decisions) error {
	id, err := jobs.Decide(ctx, s.cfg.Store, run, ds)
	if err != nil {
		return err
	}
	if err := s.cfg.Store.Requeue(ctx, id, time.Now()); err != nil {
		return err
	}
	select {
	case s.look <- struct{}{}:
	default:
	}
	return nil
}

// Forget gives up what is kept to resume a request.
func (s *Service) Forget(ctx context.Context, run string) error {
	return s.cfg.Store.Forget(ctx, jobs.RequestOf(ctx, s.cfg.Store, run))
}

// Watch takes up what others (another process on the same folder) put back into
// the inbox, until ctx ends.
func (s *Service) Watch(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.look:
		case <-time.After(2 * time.Second):
		}
		reqs, err := s.cfg.Store.Unfinished(ctx)
		if err != nil {
			continue // shown elsewhere
		}
		for _, r := range reqs {
			if r.State != store.Queued || s.cfg.Queue.Has(r.ID) || time.Since(r.Changed) < 500*time.Millisecond {
				continue
			}
			if err := s.takeUp(ctx, r.ID); err != nil && ctx.Err() == nil {
				s.cfg.Log.Error("request cannot be taken up", "run_id", r.ID, "err", err)
			}
		}
	}
}

// resolve finds the playbook that a request names: a file below an allowed
// folder, or one of the well-known names, which mean embedded playbooks.
func (s *Service) resolve(name string, kolla bool) (playbook string, embedded, ok bool) {
	for _, dir := range s.settings.Load().PlaybookDirs {
		dir, err := filepath.EvalSymlinks(dir)
		if err != nil {
			continue
		}
		file, err := filepath.EvalSymlinks(name)
		if err != nil {
			continue
		}
		if st, err := os.Stat(file); err == nil && st.Mode().IsRegular() && strings.HasPrefix(file, dir+string(filepath.Separator)) {
			return file, false, true
		}
	}
	if known := wellKnown(name); known != "" && !kolla && shipped(known) {
		return known, true, true
	}
	return "", false, false
}
