package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead-project/fairlead/api/jobs"
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/run"
	"github.com/fairlead-project/fairlead/engine/store"
)

// commandLine is how a run was started: what is needed to start it again. It is
// kept sealed, because it may hold secrets.
type commandLine struct {
	Args []string          `json:"args"`
	Dir  string            `json:"dir"`
	Env  map[string]string `json:"env,omitempty"` // what begins with ANSIBLE_
}

// noteCommand is the kind of the note that holds it.
const noteCommand = "command"

type (
	commandLineKey struct{}
	resumeKey      struct{}
)

func withCommandLine(ctx context.Context, args []string) context.Context {
	c := commandLine{Args: args, Env: map[string]string{}}
	c.Dir, _ = os.Getwd() // a folder that is gone is told when it is needed
	for _, kv := range os.Environ() {
		if k, v, _ := strings.Cut(kv, "="); strings.HasPrefix(k, "ANSIBLE_") {
			c.Env[k] = v
		}
	}
	return context.WithValue(ctx, commandLineKey{}, c)
}

// resumable is a run that may be carried on when it is cut off.
type resumable struct {
	st   *store.Store
	root string // its first attempt
}

// forget drops what was noted, once the run has ended.
func (r *resumable) forget(ctx context.Context) error {
	if r == nil {
		return nil
	}
	return r.st.DropNotes(context.WithoutCancel(ctx), r.root)
}

// noteRun records that this process carries a run on, and makes it resumable
// unless it is a plan.
func noteRun(ctx context.Context, st *store.Store, cfg *run.Config) (*resumable, error) {
	root, resumes := ctx.Value(resumeKey{}).(string)
	if !resumes {
		root = cfg.ID
	}
	r := store.Run{ID: cfg.ID, Root: root, Who: controllerName(), Origin: cliOrigin, Check: cfg.Check, Version: cfg.Version}
	for _, pb := range cfg.Playbooks {
		r.Playbooks = append(r.Playbooks, pb.File)
	}
	if err := errors.Join(endDeadRuns(ctx, st), st.CreateRun(ctx, r)); err != nil {
		return nil, err
	}
	cmd, ok := ctx.Value(commandLineKey{}).(commandLine)
	if cfg.Check || !ok {
		return nil, nil
	}
	l := st.Ledger(root, false)
	if !resumes {
		body, err := json.Marshal(cmd)
		if err != nil {
			return nil, err
		}
		if err := l.Note(ctx, false, event.Note{Kind: noteCommand, Body: body}); err != nil {
			return nil, err
		}
	}
	cfg.Ledger = l
	return &resumable{st, root}, nil
}

// cancellable ends the context when another process asks for the end of the
// run (fairlead runs cancel).
func cancellable(ctx context.Context, st *store.Store, id string) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		st.WatchCancel(ctx, id, stop)
	}()
	return ctx, func() {
		stop()
		<-done // before the store is closed
	}
}

func newRunsCancel(std streams, from *source) *cobra.Command {
	return &cobra.Command{
		Use: "cancel RUN", Short: "End a run: its processes on the hosts are ended too", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return from.with(c.Context(), func(st record) error {
				id := args[0]
				if r, err := findRun(c.Context(), st, id); err == nil { // else a request that still waits
					id = r.ID
				}
				var err error
				switch x := st.(type) {
				case *store.Store:
					err = x.Cancel(c.Context(), id, time.Now())
				case *remoteRecord:
					err = x.post(c.Context(), id, "cancel", nil)
				}
				if err == nil {
					fmt.Fprintf(std.out, "run %s is being cancelled\n", id)
				}
				return err
			})
		},
	}
}

func newRunsResume(std streams, from *source) *cobra.Command {
	var ds run.Decisions
	c := &cobra.Command{
		Use: "resume RUN", Short: "Carry on a run that was cut off or cancelled", Args: cobra.ExactArgs(1),
		Long: `Resume plans again from the hosts' real state, restores registered results,
does not repeat what was finished, and runs the handlers that were notified. A
playbook, template, role or file of variables that was changed is refused.

A command that was sent and whose end is not known is in doubt: its host stops
there, unless the task has creates or removes. So is what else cannot be asked
of a host, such as a POST request. Look at the host, and say what became of it:
--done HOST when it was done (its output is then empty), --redo HOST to have it
done again; HOST:TASK names one task of it, all every host. "fairlead runs show"
lists what is in doubt.

A run of this program is carried on here, with the options it was started with;
one of a server by that server.`,
		Example: "  fairlead runs resume last\n  fairlead runs resume last --done web1 --redo 'web2:migrate the database'",
		RunE: func(c *cobra.Command, args []string) error {
			var again *commandLine
			var root string
			err := from.with(c.Context(), func(st record) error {
				r, err := findRun(c.Context(), st, args[0])
				if err != nil {
					return err
				}
				switch x := st.(type) {
				case *remoteRecord:
					if err := x.post(c.Context(), r.ID, "resume", ds); err != nil {
						return err
					}
				case *store.Store:
					if r.Origin == cliOrigin {
						if again, root, err = startedBy(c.Context(), x, r); err == nil {
							err = run.Decide(c.Context(), x.Ledger(root, false), ds)
						}
						return err
					}
					request, err := jobs.Decide(c.Context(), x, r.ID, ds)
					if err != nil {
						return err
					}
					if err := x.Requeue(c.Context(), request, time.Now()); err != nil {
						return err
					}
				}
				fmt.Fprintf(std.out, "run %s is queued: its server carries it on\n", r.ID)
				return nil
			})
			if err != nil || again == nil {
				return err
			}
			return again.resume(c.Context(), root, std)
		},
	}
	c.Flags().StringArrayVar(&ds.Done, "done", nil, "what is in doubt on `HOST[:TASK]` was done")
	c.Flags().StringArrayVar(&ds.Redo, "redo", nil, "what is in doubt on `HOST[:TASK]` is to be done again")
	return c
}

func newRunsForget(std streams, from *source) *cobra.Command {
	return &cobra.Command{
		Use: "forget RUN", Short: "Give up what is kept to resume a run: passwords, notes", Args: cobra.ExactArgs(1),
		Long: `Forget removes what is kept to carry on a run that was cut off, cancelled or is
in doubt: the request with its passwords, the options it was started with, what
it noted. The run and its events stay. Without it that is removed after a week.`,
		RunE: func(c *cobra.Command, args []string) error {
			return from.with(c.Context(), func(st record) error {
				r, err := findRun(c.Context(), st, args[0])
				if err != nil {
					return err
				}
				switch x := st.(type) {
				case *remoteRecord:
					err = x.post(c.Context(), r.ID, "forget", nil)
				case *store.Store:
					switch {
					case !r.Status.Ended():
						err = diag.New(diag.Conflict, diag.Pos{}, "not-ended", "run %s is %s", r.ID, r.Status).WithHint("cancel it first")
					case r.Origin == cliOrigin:
						err = x.DropNotes(c.Context(), r.Root)
					default:
						err = x.Forget(c.Context(), jobs.RequestOf(c.Context(), x, r.ID))
					}
				}
				if err == nil {
					fmt.Fprintf(std.out, "run %s cannot be resumed any more\n", r.ID)
				}
				return err
			})
		},
	}
}

// startedBy gives the command line of a run that can be resumed.
func startedBy(ctx context.Context, st *store.Store, r store.Run) (*commandLine, string, error) {
	if !r.Status.Resumable() {
		return nil, "", diag.New(diag.Conflict, diag.Pos{}, "not-resumable", "run %s is %s: there is nothing to resume", r.ID, r.Status)
	}
	notes, err := st.Ledger(r.Root, false).Notes(ctx)
	if err != nil {
		return nil, "", err
	}
	for _, n := range notes {
		if n.Kind == noteCommand {
			var c commandLine
			return &c, r.Root, json.Unmarshal(n.Body, &c)
		}
	}
	return nil, "", diag.New(diag.Conflict, diag.Pos{}, "not-resumable", "what run %s noted is gone: it was resumed already, or is too old", r.ID)
}

// resume starts the command line once more.
func (c *commandLine) resume(ctx context.Context, root string, std streams) error {
	if err := os.Chdir(c.Dir); err != nil {
		return fmt.Errorf("the folder the run was started in: %w", err)
	}
	for k, v := range c.Env {
		if _, set := os.LookupEnv(k); !set {
			if err := os.Setenv(k, v); err != nil {
				return err
			}
		}
	}
	if code := execute(context.WithValue(ctx, resumeKey{}, root), c.Args, std); code != 0 {
		return exitError{code}
	}
	return nil
}
