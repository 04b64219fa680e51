package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fairlead-project/fairlead/cmd/fairlead/heap"
	"github.com/fairlead-project/fairlead/cmd/fairlead/render"
	"github.com/fairlead-project/fairlead/engine/config"
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/probe"
	"github.com/fairlead-project/fairlead/engine/remote"
	"github.com/fairlead-project/fairlead/engine/run"
	"github.com/fairlead-project/fairlead/engine/store"
	"github.com/fairlead-project/fairlead/tasks/all"
)

// runFlags are those of run and plan.
type runFlags struct {
	inventoryFlags
	connectFlags
	tags, skipTags                 []string
	startAt                        string
	check, diff, noDiff            bool
	listHosts, listTasks, listTags bool
	syntax                         bool
	verbose                        int
	lockstep, step, stats, json    bool
	detailed                       bool
	forceHandlers                  bool
	noRecord                       bool
	data                           string
	lockWait                       time.Duration
	profile                        profileFlags
}

func (f *runFlags) add(c *cobra.Command) {
	f.inventoryFlags.add(c)
	f.connectFlags.add(c)
	group(c, "What to run", func(fl *pflag.FlagSet) {
		fl.StringArrayVarP(&f.tags, "tags", "t", nil, "only what has one of these `TAGS`")
		fl.StringArrayVar(&f.skipTags, "skip-tags", nil, "not what has one of these `TAGS`")
		fl.StringVar(&f.startAt, "start-at-task", "", "start at the task of this `NAME`")
		fl.BoolVar(&f.listHosts, "list-hosts", false, "list the hosts of each play and do nothing")
		fl.BoolVar(&f.listTasks, "list-tasks", false, "list the tasks of each play and do nothing")
		fl.BoolVar(&f.listTags, "list-tags", false, "list the tags and do nothing")
		fl.BoolVar(&f.syntax, "syntax-check", false, "only read and check the playbook")
	})
	group(c, "How to run", func(fl *pflag.FlagSet) {
		fl.IntVarP(&f.forks, "forks", "f", 0, "how `MANY` hosts to talk to at once (default what this machine bears: 128 a processor, as open files allow)")
		fl.BoolVar(&f.step, "step", false, "ask before each task whether to do it")
		fl.BoolVar(&f.lockstep, "lockstep", false, "apply after every task on all hosts before any goes on, as Ansible does")
		fl.BoolVar(&f.forceHandlers, "force-handlers", false, "run notified handlers also on hosts that failed")
		fl.DurationVar(&f.lockWait, "lock-wait", 0, "how `LONG` to wait for another run that works on a host, such as 90s or 10m (default $FAIRLEAD_LOCK_WAIT, else a second)")
		fl.BoolVar(&f.noRecord, "no-record", false, "do not record the run")
		fl.StringVar(&f.data, "data", "", "`FOLDER` of the record of runs (default $XDG_STATE_HOME/fairlead)")
	})
	group(c, "What to show", func(fl *pflag.FlagSet) {
		fl.CountVarP(&f.verbose, "verbose", "v", "more: results (-v), output as it comes and places (-vv), whole results (-vvv)")
		fl.BoolVar(&f.stats, "stats", false, "show round trips, bytes and times at the end")
		fl.BoolVar(&f.json, "json", false, "write events as JSON Lines to standard output, and nothing else")
	})
	f.profile.add(c)
}

func needPlaybook(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errors.New("no playbook was named")
	}
	return nil
}

func completePlaybook(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"yml", "yaml"}, cobra.ShellCompDirectiveFilterFileExt
}

func newRun(std streams) *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run PLAYBOOK...",
		Short: "Run playbooks on hosts",
		Long: `Run playbooks on the hosts of an inventory. Flags are named as in ansible-playbook.

Exit codes: 0 done, 1 a mistake in what was asked (nothing was touched), 2 a
task failed on a host, 4 a host was unreachable.`,
		Example:           "  fairlead run -i hosts.ini site.yml\n  fairlead run -i web1,web2, -u root --diff site.yml -t config",
		Args:              needPlaybook,
		ValidArgsFunction: completePlaybook,
		Version:           version,
		RunE:              func(c *cobra.Command, args []string) error { return f.execute(c.Context(), args, std) },
	}
	f.add(c)
	c.InitDefaultVersionFlag() // as ansible-playbook has it
	_ = c.Flags().MarkHidden("version")
	group(c, "How to run", func(fl *pflag.FlagSet) {
		fl.BoolVarP(&f.check, "check", "C", false, "change nothing, tell what would be done (the same as plan)")
	})
	group(c, "What to show", func(fl *pflag.FlagSet) {
		fl.BoolVarP(&f.diff, "diff", "D", false, "show what changes in files and containers")
	})
	return c
}

func newPlan(std streams) *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "plan PLAYBOOK...",
		Short: "Tell what a run would change, with differences, and change nothing",
		Long: `Plan takes the same steps as run up to the point where something would be
applied. What cannot be known before something is applied is said to be unknown.
Tasks that say check_mode: false are done, as in Ansible.

Exit codes: as of run (2: a task would fail); with --detailed-exitcode 0
nothing to change, 2 changes, 1 error.`,
		Example:           "  fairlead plan -i hosts.ini site.yml\n  fairlead plan -i hosts.ini -l web1 -t config --detailed-exitcode site.yml",
		Args:              needPlaybook,
		ValidArgsFunction: completePlaybook,
		RunE: func(c *cobra.Command, args []string) error {
			f.check, f.diff = true, !f.noDiff
			return f.execute(c.Context(), args, std)
		},
	}
	f.add(c)
	group(c, "What to show", func(fl *pflag.FlagSet) {
		fl.BoolVar(&f.detailed, "detailed-exitcode", false, "exit with 0 nothing to change, 2 changes, 1 error")
		fl.BoolVar(&f.noDiff, "no-diff", false, "leave the differences out")
		fl.BoolP("diff", "D", true, "show differences (they are shown anyway)")
		_ = fl.MarkHidden("diff")
		fl.BoolP("check", "C", true, "a plan changes nothing anyway")
		_ = fl.MarkHidden("check")
	})
	return c
}

// warn prints what the check of the playbooks warns of. A role for many systems has
// a warning for each that is not the host's, so that a run prints only the first.
func (f *runFlags) warn(std streams, warnings diag.List) {
	const most = 5
	rest := 0
	if len(warnings) > most && !f.syntax && f.verbose == 0 {
		warnings, rest = warnings[:most], len(warnings)-most
	}
	for _, w := range warnings {
		printDiagnostic(std.err, w, plainPaint(std.errColor))
	}
	if rest > 0 {
		fmt.Fprintf(std.err, "and %d more warnings: see fairlead lint, or -v\n", rest)
	}
}

func (f *runFlags) execute(ctx context.Context, playbooks []string, std streams) (err error) {
	stopProfile, err := f.profile.start()
	if err != nil {
		return err
	}
	defer stopProfile()
	settings, err := loadSettings(&std)
	if err != nil {
		return err
	}
	red := event.NewRedactor()
	req, err := f.request(playbooks, settings, std, red)
	if err != nil {
		return err
	}
	req.Warn = func(text string) { fmt.Fprintln(std.err, "[WARNING]: "+event.Printable(text)) }
	req.Tags, req.SkipTags = f.selected(settings)
	cfg, warnings, err := run.Prepare(req, all.Registry())
	f.warn(std, warnings)
	if err != nil {
		return err
	}
	if f.syntax {
		for _, p := range playbooks {
			fmt.Fprintf(std.out, "\nplaybook: %s\n", event.PrintableLine(p))
		}
		return nil
	}
	f.apply(&cfg, settings)
	if f.verbose > 0 && !f.json {
		fmt.Fprintln(std.out, whichSettings(settings))
	}
	if err := checkLimit(cfg, std); err != nil {
		return err
	}
	if f.listHosts || f.listTasks || f.listTags {
		return list(std, cfg, f.listHosts, f.listTasks, f.listTags)
	}
	if err := checkKeys(cfg); err != nil {
		return err
	}
	if cfg.Connection, err = f.defaults(settings, std, red); err != nil {
		return err
	}
	cfg.Ask, cfg.Pause, cfg.Debug = asker(std, red, false), asker(std, red, true), debugAsker(std)
	if f.step {
		cfg.Step = stepAsker(std, cfg.Ask)
	}
	return f.perform(ctx, cfg, settings, red, std)
}

// checkLimit finds out before anything is done whether -l selects anybody.
func checkLimit(cfg run.Config, std streams) error {
	if cfg.Limit == "" {
		return nil
	}
	hosts, err := cfg.Inventory.Limit(cfg.Inventory.Hosts(), cfg.Limit)
	for _, d := range cfg.Inventory.Unmatched(cfg.Limit) {
		if err == nil {
			d.Warning = true
			printDiagnostic(std.err, d, plainPaint(std.errColor))
		}
	}
	if err == nil && len(hosts) == 0 {
		err = diag.Errorf(diag.Pos{}, "limit", "Specified inventory, host pattern and/or --limit leaves us with no hosts to target: --limit %s leaves no host of the inventory", cfg.Limit).WithHint("list what it selects with: fairlead inventory -l %s", cfg.Limit)
	}
	return err
}

// selected are the tags to run and those to leave out, of the flags or else of
// the settings.
func (f *runFlags) selected(settings *config.Config) (tags, skip []string) {
	tags, skip = settings.List(config.TagsRun), settings.List(config.TagsSkip)
	if len(f.tags) > 0 {
		tags = words(f.tags)
	}
	if len(f.skipTags) > 0 {
		skip = words(f.skipTags)
	}
	return tags, skip
}

// apply puts flags, or else settings, into the run's configuration.
func (f *runFlags) apply(cfg *run.Config, settings *config.Config) {
	cfg.Limit, cfg.StartAt = f.limit, f.startAt
	cfg.Check, cfg.Diff, cfg.Lockstep = f.check, f.diff || !f.noDiff && settings.Bool(config.DiffAlways), f.lockstep
	cfg.GatherFacts = true // where neither the play nor the settings say no
	if cfg.Forks = f.forks; f.forks == 0 {
		cfg.Forks = settings.Int(config.Forks)
	}
	cfg.ForceHandlers = f.forceHandlers || settings.Bool(config.ForceHandlers)
	f.verbose = max(f.verbose, settings.Int(config.Verbosity))
	cfg.Verbosity = f.verbose
	cfg.FactFamilies, cfg.Version = probe.FamiliesFor, version
}

// expect tells the heap how many hosts a play connects.
func expect(_ context.Context, e *event.Event) error {
	if e.Kind == event.PlayStarted {
		heap.ExpectHosts(len(e.Hosts))
	}
	return nil
}

// perform runs what was prepared, with its sinks around it.
func (f *runFlags) perform(ctx context.Context, cfg run.Config, settings *config.Config, red *event.Redactor, std streams) error {
	scfg, err := f.ssh(settings, std, red)
	if err != nil {
		return err
	}
	cfg.ID = event.NewID()
	hosts := &run.Hosts{SSH: scfg, Remote: remote.Options{Prober: probe.Prober{}, Lock: lockInfo(cfg.ID, cfg.Check, lockWaitTime(f.lockWait))}}
	cfg.Connector, cfg.Redactor = hosts, red
	sinks := []event.Sink{event.SinkFunc(expect)}
	if f.json {
		sinks = append(sinks, event.JSONLines(std.out))
	} else {
		shown, done := f.shown(settings, std)
		defer done()
		sinks = append(sinks, shown...)
	}
	log, err := openLog(settings)
	if err != nil {
		return err
	}
	if log != nil {
		defer log.f.Close() //nolint:errcheck // each line was written
		sinks = append(sinks, log.sink(f.look(settings, std)))
	}
	var rec *resumable
	if !f.noRecord {
		st, err := store.Open(ctx, stateDir(f.data))
		if err != nil {
			return fmt.Errorf("open the record of runs: %w (use --no-record to run without it)", err)
		}
		defer st.Close() //nolint:errcheck // the events were committed when they were appended
		if rec, err = noteRun(ctx, st, &cfg); err != nil {
			return err
		}
		sinks = append(sinks, event.Record(st))
		var stop context.CancelFunc
		ctx, stop = cancellable(ctx, st, cfg.ID)
		defer stop()
	}
	cfg.Sink = event.Multi(sinks...)
	began := time.Now()
	sum, err := run.Run(ctx, cfg)
	if f.stats {
		printStats(std, hosts, time.Since(began))
	}
	if errors.Is(err, run.ErrQuit) {
		return exitError{99} // as Ansible ends then
	}
	if err != nil {
		if errors.Is(err, context.Canceled) {
			d := diag.New(diag.Cancelled, diag.Pos{}, "cancelled", "stopped; what was applied so far is above")
			if cfg.Ledger != nil {
				d = d.WithHint("go on with: fairlead runs resume %s", cfg.ID)
			}
			return d
		}
		return err
	}
	if sum.InDoubt && cfg.Ledger != nil { // it can go on once somebody has looked
		fmt.Fprintf(std.err, "what is in doubt was noted: look at the hosts, then go on with: fairlead runs resume %s --done HOST (or --redo HOST)\n", cfg.ID)
		return f.exit(sum)
	}
	return errors.Join(rec.forget(ctx), f.exit(sum))
}

// look is how the terminal shows the run.
func (f *runFlags) look(settings *config.Config, std streams) render.Options {
	return render.Options{
		Color: std.outColor, Live: std.live, Width: std.width, Verbosity: f.verbose, Plan: f.check,
		HideSkipped: !settings.Bool(config.DisplaySkipped) || callback(settings) == "skippy", HideOK: !settings.Bool(config.DisplayOK),
		Results: results(settings), HostStarts: settings.Bool(config.HostStarts), TaskPaths: settings.Bool(config.TaskPaths),
		CustomStats: settings.Bool(config.CustomStats), Check: settings.Bool(config.CheckMarkers), Failed: failures(settings, std),
		Warnings: std.err, ColorWarnings: std.errColor,
	}
}

// results is how results are written.
func results(settings *config.Config) render.Results {
	var r render.Results
	if settings.IsSet(config.ResultsPretty) {
		r.Pretty = settings.Bool(config.ResultsPretty)
		r.Compact = !r.Pretty
	}
	if settings.Text(config.ResultFormat) == "yaml" {
		r.YAML = jinja.ResultYAML
	}
	switch callback(settings) {
	case "yaml":
		r.Headed = jinja.CallbackYAML
	case "debug":
		r.Apart = true
	}
	return r
}

// failures is where failures are shown, if not with everything else.
func failures(settings *config.Config, std streams) io.Writer {
	if settings.Bool(config.FailedToStderr) {
		return std.err
	}
	return nil
}

// words splits comma lists.
func words(lists []string) (out []string) {
	for _, l := range lists {
		for w := range strings.SplitSeq(l, ",") {
			if w = strings.TrimSpace(w); w != "" {
				out = append(out, w)
			}
		}
	}
	return out
}

func (f *runFlags) exit(sum run.Summary) error {
	switch {
	case f.check && f.detailed && sum.Exit != 0:
		return exitError{1}
	case f.check && f.detailed && (sum.Changed || sum.Unknown):
		return exitError{2}
	case sum.Exit != 0:
		return exitError{sum.Exit}
	}
	return nil
}

// lockWaitTime is what the flag says, or the environment.
func lockWaitTime(flag time.Duration) time.Duration {
	if flag > 0 {
		return flag
	}
	d, _ := time.ParseDuration(os.Getenv("FAIRLEAD_LOCK_WAIT")) // of no use is none
	return d
}

// lockInfo names us to whoever finds a host locked. A plan takes no lock.
func lockInfo(id string, check bool, wait time.Duration) *remote.LockInfo {
	if check {
		return nil
	}
	return &remote.LockInfo{Run: id, Controller: controllerName(), Wait: wait, Within: within}
}

func printStats(std streams, hosts *run.Hosts, wall time.Duration) {
	s, n := hosts.Stats()
	per := func(x int) float64 { return float64(x) / float64(max(n, 1)) }
	fmt.Fprintf(std.err, "\n%d hosts in %s: %.1f round trips, %.1f driver processes, %.1f KiB out and %.1f KiB in per host\n", n, wall.Round(time.Millisecond),
		per(s.RoundTrips), per(s.Processes), float64(s.BytesOut)/1024/float64(max(n, 1)), float64(s.BytesIn)/1024/float64(max(n, 1)))
	avg := func(d time.Duration) time.Duration {
		return (d / time.Duration(max(n, 1))).Round(10 * time.Microsecond)
	}
	fmt.Fprintf(std.err, "per host: connect %s, handshake %s, waiting for answers %s\n", avg(s.Dial), avg(s.Handshake), avg(s.Wait))
}

func plainPaint(color bool) func(code, s string) string {
	return func(code, s string) string {
		if !color {
			return s
		}
		return "\x1b[" + code + "m" + s + "\x1b[0m"
	}
}

func stateDir(flag string) string {
	if flag != "" {
		return expand(flag)
	}
	if d := os.Getenv("XDG_STATE_HOME"); d != "" {
		return strings.TrimRight(d, "/") + "/fairlead"
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "/var/lib/fairlead"
	}
	return home + "/.local/state/fairlead"
}
