package servermanager

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fairlead-project/fairlead/api/jobs"
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/store"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/templates"
)

func shipped(playbook string) bool {
	_, err := fs.Stat(templates.Files, playbook)
	return err == nil
}

// runID names the run of a step and attempt: a run that was cut off stays as it
// is in the journal, the next attempt is another run.
func runID(request string, step, attempt int) string {
	id := request
	if step > 0 {
		id = fmt.Sprintf("%s-s%d", id, step+1)
	}
	if attempt > 1 {
		id = fmt.Sprintf("%s-%d", id, attempt)
	}
	return id
}

var attemptSuffix = lazyregexp.New(`-\d+$`)

// carrier carries out one request.
type carrier struct {
	*Service
	id      string
	attempt int
	o       *order
	remote  string
	told    map[string]map[string]bool // by server what it was told; "" when it was told to have failed
}

// carryOut runs an accepted request to its end. When ctx ends, the server is
// going away: the request stays as it is and is taken up by the next one.
func (s *Service) carryOut(ctx context.Context, id string) error {
	record := context.WithoutCancel(ctx)
	req, err := s.cfg.Store.Request(record, id)
	if err != nil {
		return err
	}
	if req.State != store.Queued && req.State != store.Running {
		return nil // cancelled while it waited
	}
	orders, err := s.read(req.Endpoint, req.Body)
	if err != nil {
		end := store.End{State: store.Failed, Reason: err.Error()}
		var r *refusal
		if errors.As(err, &r) {
			end.Statuses, end.Pushes = s.refused(r)
		}
		defer s.wakePush()
		return s.cfg.Store.Finish(record, id, end, time.Now())
	}
	c := &carrier{Service: s, id: id, attempt: req.Attempts + 1, o: orders[0], remote: req.Remote, told: map[string]map[string]bool{}}
	if err := c.recall(record); err != nil {
		return err
	}
	if err := s.cfg.Store.Begin(record, id, time.Now()); err != nil {
		return err
	}
	if c.o.noRun {
		return c.onlyWrite(record)
	}
	return c.steps(ctx)
}

// recall reads what earlier attempts told, so that it is not told again.
func (c *carrier) recall(ctx context.Context) error {
	if c.attempt == 1 {
		return nil
	}
	sts, err := c.cfg.Store.Statuses(ctx, store.StatusFilter{Run: c.id, History: true, Limit: 100_000})
	for _, st := range sts {
		c.tells(st)
	}
	return err
}

// tells remembers that a status is told. What a server was told before its
// failure is told again when the run is carried on after that: for
// server-manager nothing is under way any more.
func (c *carrier) tells(st store.Status) {
	key := c.toldKey(st)
	server, final := c.told[st.ServerID], st.Role == "" && (st.State == failed || st.State == ProvisionFailed)
	if server == nil || final || server[""] {
		server = map[string]bool{}
		c.told[st.ServerID] = server
	}
	server[key] = true
	if final {
		server[""] = true
	}
}

func (c *carrier) toldKey(st store.Status) string {
	root := st.Run
	if rest, ok := strings.CutPrefix(root, c.id); ok {
		root = c.id + attemptSuffix().ReplaceAllString(rest, "")
	}
	return strings.Join([]string{root, st.ServerID, st.Role, st.State}, "\x00")
}

// telling is a status to be recorded; with push, server-manager is told it, as
// word if that is set.
type telling struct {
	store.Status
	push bool
	word string
}

func (c *carrier) tell(ctx context.Context, run string, ts ...telling) error {
	var sts []store.Status
	var pushes []store.Push
	now := time.Now()
	for _, t := range ts {
		t.Run, t.Cluster, t.Time = run, c.o.cluster, now
		if c.told[t.ServerID][c.toldKey(t.Status)] {
			continue
		}
		if c.attempt > 1 {
			c.tells(t.Status)
		}
		sts = append(sts, t.Status)
		if t.push {
			p := t.Status
			if t.word != "" {
				p.State = t.word
			}
			pushes = append(pushes, c.push(p)...)
		}
	}
	if len(sts) == 0 {
		return nil
	}
	if err := c.cfg.Store.PutStatus(ctx, sts, pushes); err != nil {
		return err
	}
	c.wakePush()
	return nil
}

// all tells everybody of a step the same state.
func (st *step) all(state, reason string, servers ...string) []telling {
	var out []telling
	sts := st.statuses(state, reason, servers...)
	for i, x := range sts {
		// The roles of one server are pushed as one state.
		out = append(out, telling{Status: x, push: len(st.elements) == 0 || i == len(sts)-1})
	}
	return out
}

func (c *carrier) steps(ctx context.Context) error {
	record := context.WithoutCancel(ctx)
	c.logActions()
	end := store.End{State: store.Done}
	for i, st := range c.o.steps {
		if c.attempt > maxAttempts {
			st.refuse(st.failed, fmt.Sprintf("the server ended %d times while this ran: given up", maxAttempts))
		}
		out, err := c.step(ctx, i, st)
		if out == nil || out.interrupted {
			return errors.Join(err, ctx.Err())
		}
		if err != nil {
			c.cfg.Log.Warn("playbook failed", "run_id", out.run, "err", err)
		}
		if !out.failed {
			continue
		}
		end.State, end.Reason = store.Failed, out.reason
		switch {
		case out.cancelled:
			end.State = store.Cancelled
		case out.inDoubt:
			end.State = store.InDoubt
		}
		if err := c.abandon(record, i, out); err != nil {
			return err
		}
		break
	}
	return c.cfg.Store.Finish(record, c.id, end, time.Now())
}

// abandon tells those who are only in later steps that these will not come.
func (c *carrier) abandon(ctx context.Context, at int, out *outcome) error {
	told := map[string]bool{}
	for _, s := range c.o.steps[at].told {
		told[s] = true
	}
	for i, st := range c.o.steps[at+1:] {
		var left []string
		for _, s := range st.told {
			if !told[s] {
				told[s] = true
				left = append(left, s)
			}
		}
		if len(left) == 0 {
			continue
		}
		why := "not begun, because " + c.o.steps[at].task + " failed: " + out.reason
		if err := c.tell(ctx, runID(c.id, at+1+i, c.attempt), st.all(st.failed, why, left...)...); err != nil {
			return err
		}
	}
	return nil
}

// step runs one playbook and tells how it went. A nil outcome means that
// nothing is known, because it could not be recorded.
func (c *carrier) step(ctx context.Context, i int, st *step) (*outcome, error) {
	record := context.WithoutCancel(ctx)
	run := runID(c.id, i, c.attempt)
	if out, err := c.finished(record, i, st); out != nil || err != nil {
		return out, err
	}
	j := c.job(run, i, st)
	out := &outcome{run: run}
	playbook, embedded, ok := c.resolve(st.playbook, st.kolla)
	j.Playbook, j.Embedded = playbook, embedded
	if embedded {
		// Our playbooks take the request's values as they are: "{{" in a
		// password is no template, and a lookup in one would run on this server.
		j.ExtraVars = value.FromMap(j.ExtraVars).MarkDeep(value.Unsafe).Map()
		j.Inventory = j.Inventory.MarkDeep(value.Unsafe)
	}
	refusal := st.refusal
	if refusal == nil && !ok {
		refusal = notFound(st, "")
	}
	if refusal != nil {
		j.Playbook = st.playbook
	}
	err := c.cfg.Store.CreateRun(record, store.Run{ID: run, Request: c.id, Root: runID(c.id, i, 1), Playbooks: []string{j.Playbook}, Who: c.remote, Origin: "server-manager"})
	if err == nil && st.begin != "" {
		err = c.tell(record, run, st.all(st.begin, "")...)
	}
	if err != nil {
		return nil, err
	}
	var rerr error
	if refusal != nil {
		c.refusedStep(record, j, out, refusal)
	} else {
		rerr = c.run(ctx, j, st, out)
	}
	if out.interrupted {
		return out, errors.Join(rerr, c.cfg.Store.Interrupted(record, run, time.Now()))
	}
	return out, errors.Join(rerr, c.tell(record, run, st.ending(out)...))
}

// refusedStep records a playbook that is not run, with the reason.
func (c *carrier) refusedStep(ctx context.Context, j jobs.Job, out *outcome, r *refusal) {
	out.failed, out.reason, out.told = true, r.state, map[string]*hostEnd{}
	if r.hint != "" {
		out.reason += ": " + r.hint
	}
	w := c.watch(nil, j.ID, out)
	_, sinks := c.sinks(j, w)
	err := diag.New(diag.Usage, diag.Pos{}, "refused", "%s", out.reason)
	if cerr := w.close(ctx, sinks, err); cerr != nil {
		c.cfg.Log.Error("run not recorded", "run_id", j.ID, "err", cerr)
	}
}

// finished gives the outcome of a step that an earlier attempt ended, and tells
// what that one did not come to tell.
func (c *carrier) finished(ctx context.Context, i int, st *step) (*outcome, error) {
	if c.attempt == 1 {
		return nil, nil
	}
	runs, err := c.cfg.Store.Runs(ctx, store.RunFilter{Root: runID(c.id, i, 1), Limit: maxAttempts})
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		if !r.Status.Ended() || r.Status.Resumable() {
			continue
		}
		full, err := c.cfg.Store.Run(ctx, r.ID)
		if err != nil {
			return nil, err
		}
		out := &outcome{run: r.ID, failed: full.Status != store.RunDone, stats: full.Stats, stopped: full.Status != store.RunDone}
		out.reason = strings.Join(full.Failures, "; ")
		return out, c.tell(ctx, r.ID, st.ending(out)...)
	}
	return nil, nil
}

// job makes of a step what the engine runs.
func (c *carrier) job(run string, i int, st *step) jobs.Job {
	j := jobs.Job{ID: run, Who: c.remote, SSH: c.cfg.SSH, Redactor: event.NewRedactor(), Ledger: c.cfg.Store.Ledger(runID(c.id, i, 1), true)}
	j.ExtraVars = markSecrets(value.FromMap(st.extra)).Map()
	j.Inventory = st.inventory
	j.Redactor.AddValue(value.FromMap(j.ExtraVars))
	learnInventory(j.Redactor, st.inventory)
	all, _ := st.inventory.Get("[all:vars]")
	last := value.FromMap(st.extra)
	for _, from := range []value.Value{all, last} {
		if u := textOf(from, "ansible_user"); u != "" {
			j.SSH.User = u
		}
		if p := textOf(from, "ansible_password"); p != "" {
			j.SSH.Password = p
		}
	}
	return j
}

func (c *carrier) sinks(j jobs.Job, w *watch) (outer, inner event.Sink) {
	inner = event.Multi(event.Record(c.cfg.Store), w, c.cfg.Logs.sink(c.Service, j.Playbook, c.o.cluster))
	return j.Redactor.Sink(inner), inner
}

// run has the job run and finds out what became of it. It can be cancelled by
// whoever asks the store for it.
func (c *carrier) run(ctx context.Context, j jobs.Job, st *step, out *outcome) error {
	record := context.WithoutCancel(ctx)
	rctx, stop := context.WithCancel(ctx)
	defer stop()
	var cancelled atomic.Bool
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		c.cfg.Store.WatchCancel(rctx, j.ID, func() {
			cancelled.Store(true)
			stop()
		})
	}()
	w := c.watch(st, j.ID, out)
	outer, inner := c.sinks(j, w)
	j.Sinks = []event.Sink{event.SinkFunc(func(ctx context.Context, e *event.Event) error {
		if e.Kind == event.RunEnded && e.Reason == diag.Cancelled.String() && !cancelled.Load() {
			x := *e
			x.Reason, x.Msg = string(store.RunInterrupted), "the server ended while this ran; the next one goes on with it"
			e = &x
		}
		return outer.Emit(ctx, e)
	})}
	rerr := j.Redactor.Error(safely(func() error { return c.cfg.Runner.Run(rctx, j) }))
	stop()
	<-watching
	switch {
	case cancelled.Load() && rerr != nil:
		out.failed, out.cancelled, out.reason = true, true, "cancelled"
	case ctx.Err() != nil && rerr != nil:
		out.interrupted = true
		return rerr
	}
	if err := w.close(record, inner, rerr); err != nil {
		rerr = errors.Join(rerr, err)
	}
	w.finish(rerr)
	return rerr
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

var fileName = lazyregexp.New(`[^A-Za-z0-9._-]`)

// clusterFile is a name for files of a cluster: a request must not write where
// it likes.
func clusterFile(cluster string) string {
	name := fileName().ReplaceAllString(cluster, "_")
	if strings.Trim(name, ".") == "" {
		name = "_" + name
	}
	return name
}

// onlyWrite writes the inventories of an order that asks for no more.
func (c *carrier) onlyWrite(ctx context.Context) error {
	c.logActions()
	var why []string
	for i, st := range c.o.steps {
		file, err := c.writeInventory(st)
		state, reason := "no_run", "inventory written to "+file
		if err != nil {
			state, reason = st.failed, "inventory not written: "+err.Error()
			why = append(why, reason)
		}
		var ts []telling
		for _, x := range st.statuses(state, reason) {
			ts = append(ts, telling{Status: x, push: err != nil})
		}
		if err := c.tell(ctx, runID(c.id, i, c.attempt), ts...); err != nil {
			return err
		}
	}
	end := store.End{State: store.Done, Reason: strings.Join(why, "; ")}
	if len(why) > 0 {
		end.State = store.Failed
	}
	return c.cfg.Store.Finish(ctx, c.id, end, time.Now())
}

// writeInventory writes a step's inventory beside its playbook, when that is in
// an allowed folder, else into the server's own folder.
func (c *carrier) writeInventory(st *step) (string, error) {
	dir := filepath.Join(c.cfg.DataDir, "inventory")
	if file, embedded, ok := c.resolve(st.playbook, st.kolla); ok && !embedded {
		dir = filepath.Join(filepath.Dir(file), "inventory")
	}
	name := clusterFile(c.o.cluster)
	if st.kolla {
		name += "_kolla"
	}
	file := filepath.Join(dir, name+".inv")
	c.cfg.Logs.worker(c.Service, "create_inv_file", fmt.Sprintf("Creating inventory %s for playbook %s", file, st.playbook))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return file, err
	}
	tmp, err := os.CreateTemp(dir, ".inv-*")
	if err != nil {
		return file, err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(writeINI(st.inventory))
	if err = errors.Join(err, tmp.Close()); err != nil {
		return file, err
	}
	if err := os.Rename(tmp.Name(), file); err != nil {
		return file, err
	}
	c.cfg.Logs.worker(c.Service, "create_inv_file", "Created inventory "+file)
	return file, nil
}

func (c *carrier) logActions() {
	var names []string
	for _, st := range c.o.steps {
		if st.task != "" {
			names = append(names, st.task)
		}
	}
	if len(names) > 0 {
		c.cfg.Logs.worker(c.Service, "run", "Executing Ansible Playbook Actions: "+value.Strings(names...).Repr())
	}
}
