// Package run runs playbooks on hosts: it evaluates tasks host by host in
// lockstep, lets modules plan against what is known of each host, collects the
// operations, and applies them in as few round trips as the rules of the
// design allow. A plan is a run that never applies.
package run

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/fairlead-project/fairlead/engine/config"
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/lint"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
)

// Target is one host as the run uses it: a batch goes out, an outcome comes
// back. An error means that the batch as a whole could not be carried out; its
// class (diag.ClassOf) says why. It is used for one batch at a time.
type Target interface {
	Do(ctx context.Context, b state.Batch) (state.Outcome, error)
	Close() error
}

// Connector makes targets. Connect may return before a connection stands: the
// first batch then reports what went wrong.
type Connector interface {
	Connect(ctx context.Context, spec HostSpec) (Target, error)
}

// Config is everything a run needs.
type Config struct {
	ID        string // of the run; empty makes one
	Playbooks []*playbook.Playbook
	Loader    *playbook.Loader
	Inventory *inventory.Inventory
	Vars      *vars.Engine
	Modules   *module.Registry
	Connector Connector
	Sink      event.Sink
	// Redactor learns the secrets that come up; nil for none.
	Redactor *event.Redactor
	// Ledger makes the run resumable; nil for none. With the notes of an earlier
	// attempt in it, this run resumes that one. Plans have none.
	Ledger event.Ledger

	Limit          string
	Tags, SkipTags []string
	StartAt        string
	Check, Diff    bool
	// Ask asks, nil when there is nobody to ask. Step asks before each task; nil is no
	// such asking.
	Ask, Step Asker
	// Pause asks while a pause lasts, which ends with the answer, with its time, or with
	// ErrAborted; nil is nobody who could end one.
	Pause Asker
	// Debug asks for the commands of the debugger; nil is no debugger.
	Debug         Asker
	Lockstep      bool // flush after every task
	NoLookAhead   bool
	Forks         int // hosts talked to at once; 0: config.DefaultForks
	ForceHandlers bool
	GatherFacts   bool // default of plays that do not say
	Connection    ConnectionDefaults
	Settings      Settings
	Verbosity     int // as many -v
	Version       string
	Now           func() time.Time
	// FactFamilies names the families of facts that the given names belong to,
	// joined for a state.Facts query.
	FactFamilies func(names []string) string

	// seen are the files of the controller that the run was made from.
	seen *sourceLog
	// texts are what the playbooks' tasks evaluate beside them.
	texts lint.Texts
}

// Summary is how a run ended.
type Summary struct {
	ID    string
	Stats map[string]*event.HostStats
	// Exit is the exit code: 0 done, 2 a host failed, 4 a host was unreachable.
	Exit    int
	Changed bool
	// Unknown tells that a plan could not tell everything.
	Unknown bool
	// InDoubt tells that effects are in doubt: the run can be resumed when
	// somebody has said what became of them.
	InDoubt bool
}

// runner is one run.
type runner struct {
	Config
	ctx   context.Context
	hosts map[string]*host
	lanes map[string]*lane    // how a host's own tasks reach it at present
	ways  map[string]*[]*lane // all that were used
	seed  [32]byte
	files *fileCache
	// facts are the families that the playbooks use, once they are known.
	facts      string
	factsKnown bool
	startFound bool // the task of StartAt was met, in this play or one before
	taskNo     int64
	playNo     int  // plays begun
	stopped    bool // ended before its last play, because of failures
	memory     memory
	// waitingHosts is how many hosts have operations that wait to be applied.
	waitingHosts int
	pinned       map[string]bool // image tags whose digest was told

	emitMu  sync.Mutex
	seq     int64
	emitErr error

	// kept is where facts are kept for later runs, nil for nowhere; keptErr is a file of
	// it that cannot be read.
	kept    *factStore
	keptErr error

	stats    map[string]*event.HostStats
	failures []string
	forgiven map[string]int // failures of hosts that clear_host_errors took back
	changed  bool
	unknown  bool
	doubt    bool
	// leftRescue: a host ended the play in the middle of a rescue, which Ansible takes for a failure.
	leftRescue bool
	broken     bool            // any_errors_fatal or max_fail_percentage stopped the batch of hosts that was last
	warned     map[string]bool // of variables with reserved names
}

// Run runs the playbooks. The error is one of ours or of the caller's (a
// mistake in the playbook that shows only now, a sink that fails, a
// cancellation); failing hosts are not errors but in the summary.
func Run(ctx context.Context, cfg Config) (sum Summary, err error) {
	r := &runner{Config: cfg, ctx: ctx, hosts: map[string]*host{}, lanes: map[string]*lane{}, ways: map[string]*[]*lane{}, stats: map[string]*event.HostStats{}, forgiven: map[string]int{}, files: newFileCache()}
	if r.seen == nil {
		r.seen = newSourceLog()
	}
	r.files.seen = r.seen.addSum
	if r.Now == nil {
		r.Now = time.Now
	}
	if r.ID == "" {
		r.ID = event.NewID()
	}
	if r.Redactor != nil && r.Sink != nil {
		r.Sink = r.Redactor.Sink(r.Sink)
	}
	if r.Forks <= 0 {
		r.Forks = config.DefaultForks()
	}
	if _, err := io.ReadFull(rand.Reader, r.seed[:]); err != nil {
		return sum, err
	}
	r.fixedVars()
	r.openKept()
	if err := r.remember(ctx); err != nil {
		return sum, err
	}
	defer r.closeTargets()
	started := &event.Event{Kind: event.RunStarted, Check: r.Check, Version: r.Version}
	for _, pb := range r.Playbooks {
		started.Playbooks = append(started.Playbooks, pb.File)
		started.PlayCounts = append(started.PlayCounts, len(pb.Plays))
	}
	r.emit(started)
	if r.memory.resumed {
		r.notice("info", "this run goes on with one that was interrupted: what that one finished is not repeated")
	}
	err = r.plays(ctx)
	r.keepFacts()
	if err == nil {
		err = r.emitErr
	}
	return r.finish(err), err
}

func (r *runner) plays(ctx context.Context) error {
	if err := r.checkStart(); err != nil {
		return err
	}
	for _, pb := range r.Playbooks {
		for _, p := range pb.Plays {
			if err := r.Inventory.AddPlaybookDir(p.Dir); err != nil {
				return err
			}
			stop, err := r.play(ctx, p)
			if err != nil {
				return err
			}
			if stop {
				r.stopped = true
				return nil
			}
		}
	}
	if r.StartAt != "" && !r.startFound {
		return r.noStart(nil)
	}
	return nil
}

func (r *runner) finish(err error) Summary {
	sum := Summary{ID: r.ID, Stats: r.stats, Changed: r.changed, Unknown: r.unknown, InDoubt: r.doubt}
	for name, s := range r.stats {
		if s.Failed+s.Unreachable <= r.forgiven[name] {
			continue
		}
		if s.Unreachable > 0 {
			sum.Exit = max(sum.Exit, 4)
		}
		if s.Failed > 0 {
			sum.Exit = max(sum.Exit, 2)
		}
	}
	if r.doubt || r.leftRescue {
		sum.Exit = max(sum.Exit, 2)
	}
	if r.broken && sum.Exit == 4 {
		sum.Exit = 2 // as in Ansible: that everybody was stopped is a failure, whatever the cause
	}
	ended := &event.Event{Kind: event.RunEnded, Stats: r.stats, Stopped: r.stopped}
	if err != nil {
		sum.Exit = diag.ClassOf(err).ExitCode()
		ended.Msg, ended.Reason = err.Error(), diag.ClassOf(err).String()
	}
	if err == nil && r.doubt {
		ended.Reason = diag.InDoubt.String()
	}
	ended.Exit = sum.Exit
	r.emit(&event.Event{Kind: event.Recap, Stats: r.stats, Failures: r.failures, Stopped: r.stopped})
	r.emit(ended)
	return sum
}

// emit numbers an event, hides secrets in it, and passes it on.
func (r *runner) emit(e *event.Event) {
	r.emitMu.Lock()
	defer r.emitMu.Unlock()
	if r.emitErr != nil {
		return
	}
	if e.Kind.Recorded() {
		r.seq++
	}
	e.Seq, e.Run, e.Time = r.seq, r.ID, r.Now()
	if r.Sink == nil {
		return
	}
	// The end of a cancelled run is recorded all the same.
	if err := r.Sink.Emit(context.WithoutCancel(r.ctx), e); err != nil {
		r.emitErr = fmt.Errorf("record the run: %w", err)
	}
}

func (r *runner) notice(level, msg string) {
	r.emit(&event.Event{Kind: event.Notice, Level: level, Msg: msg})
}

// fixedVars sets the magic variables that hold for the whole run.
func (r *runner) fixedVars() {
	f := r.Vars.Fixed
	f["ansible_check_mode"] = value.Bool(r.Check)
	f["ansible_diff_mode"] = value.Bool(r.Diff)
	f["ansible_forks"] = value.Int(int64(r.Forks))
	f["ansible_verbosity"] = value.Int(int64(r.Verbosity))
	f["ansible_run_tags"] = value.Strings(orAll(r.Tags)...)
	f["ansible_skip_tags"] = value.Strings(r.SkipTags...)
	if r.Limit != "" {
		f["ansible_limit"] = value.String(r.Limit)
	}
	f["ansible_inventory_sources"] = value.Strings(r.Inventory.Sources()...)
	// Some playbooks name the controller's Python as that of localhost.
	f["ansible_playbook_python"] = value.String("/usr/bin/python3")
	f["ansible_config_file"] = value.Null
	if r.Settings.ConfigFile != "" {
		f["ansible_config_file"] = value.String(r.Settings.ConfigFile)
	}
	// Playbooks compare this version; it is the language's, not ours.
	f["ansible_version"] = value.FromMap(value.M("full", "2.14.18", "major", 2, "minor", 14, "revision", 18, "string", "2.14.18"))
}

func orAll(tags []string) []string {
	if len(tags) == 0 {
		return []string{"all"}
	}
	return tags
}

func (r *runner) closeTargets() {
	var wg sync.WaitGroup
	for _, ways := range r.ways {
		for _, l := range *ways {
			if l.target != nil {
				wg.Go(func() { _ = l.target.Close() })
			}
		}
	}
	wg.Wait()
}

// host gives the state of an inventory host, which lasts for the whole run.
func (r *runner) host(h *inventory.Host) *host {
	if x, ok := r.hosts[h.Name]; ok {
		if x.Host.Host != h && h.Index >= 0 { // only tasks were delegated to it before it was added
			x.Host.Relist(h)
		}
		return x
	}
	x := &host{Host: vars.NewHost(h), r: r}
	r.hosts[h.Name] = x
	r.recallFacts(x)
	return x
}

// HostState implements vars.World.
func (r *runner) HostState(name string) (*vars.Host, bool) {
	h := r.Inventory.Host(name)
	if h == nil {
		return nil, false
	}
	return r.host(h).Host, true
}

func (r *runner) statsOf(name string) *event.HostStats {
	s := r.stats[name]
	if s == nil {
		s = &event.HostStats{}
		r.stats[name] = s
	}
	return s
}

// isCancelled tells whether an error is the end of our own context.
func isCancelled(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, context.Canceled) || diag.ClassOf(err) == diag.Cancelled || diag.ClassOf(err) == diag.Timeout)
}
