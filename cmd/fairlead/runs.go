package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead-project/fairlead/api/jobs"
	"github.com/fairlead-project/fairlead/cmd/fairlead/render"
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/run"
	"github.com/fairlead-project/fairlead/engine/store"
)

func newRuns(std streams) *cobra.Command {
	var from source
	c := &cobra.Command{Use: "runs", Short: "Show recorded runs, end them, carry them on", Args: cobra.NoArgs, RunE: help,
		Long: `Every run and plan is recorded, with all its events but the output of commands
as it came. RUN is a run's id, the beginning of it, "last", or "last~1" for the
one before the last.

With --server they are those of a server, asked over HTTP; with --data those in
a folder, of this program or of a server on this machine.`,
		Example: "  fairlead runs list\n  fairlead runs show last -v\n  fairlead runs events last~1 | jq 'select(.status == \"failed\")'\n  fairlead runs cancel last --server http://192.0.2.5:9003",
	}
	c.PersistentFlags().StringVar(&from.data, "data", "", "`FOLDER` of the record (default $XDG_STATE_HOME/fairlead; a server's is its --data)")
	c.PersistentFlags().StringVar(&from.server, "server", "", "ask the server at this `URL`, such as http://127.0.0.1:9003")
	c.AddCommand(newRunsList(std, &from), newRunsShow(std, &from), newRunsEvents(std, &from), newRunsCancel(std, &from), newRunsResume(std, &from), newRunsForget(std, &from))
	return c
}

// source is where runs are looked up.
type source struct{ data, server string }

// record is what the commands need of a store, or of a server.
type record interface {
	Runs(ctx context.Context, f store.RunFilter) ([]store.Run, error)
	Run(ctx context.Context, id string) (store.Run, error)
	Read(ctx context.Context, run string, after int64, limit int) ([]event.Event, error)
}

// with gives f the record.
func (s *source) with(ctx context.Context, f func(record) error) error {
	if s.server != "" {
		r, err := newRemote(s.server)
		if err != nil {
			return err
		}
		return f(r)
	}
	return withStore(ctx, s.data, func(st *store.Store) error { return f(st) })
}

// withStore opens the record for the time of f.
func withStore(ctx context.Context, data string, f func(*store.Store) error) error {
	st, err := store.Open(ctx, stateDir(data))
	if err != nil {
		return err
	}
	return errors.Join(endDeadRuns(ctx, st), f(st), st.Close())
}

// cliOrigin marks runs of this program in the record, which tells them from a
// server's.
const cliOrigin = "cli"

// endDeadRuns marks runs whose process is gone as interrupted.
func endDeadRuns(ctx context.Context, st *store.Store) error {
	here, _, _ := strings.Cut(controllerName(), ":")
	for _, status := range []store.RunStatus{store.RunQueued, store.RunRunning} {
		runs, err := st.Runs(ctx, store.RunFilter{Status: status, Origin: cliOrigin})
		if err != nil {
			return err
		}
		for _, r := range runs {
			host, word, _ := strings.Cut(r.Who, ":")
			pid, err := strconv.Atoi(word)
			if err != nil || host != here || alive(pid) {
				continue
			}
			if err := st.Interrupted(ctx, r.ID, time.Now()); err != nil {
				return err
			}
		}
	}
	return nil
}

// alive tells whether there is such a process on this machine.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}

func newRunsList(std streams, from *source) *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use: "list", Short: "List runs, the newest first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return from.with(c.Context(), func(st record) error {
				runs, err := st.Runs(c.Context(), store.RunFilter{Limit: limit})
				if err != nil {
					return err
				}
				tw := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
				fmt.Fprintln(tw, "RUN\tSTARTED\tTOOK\tSTATUS\tOK\tCHANGED\tFAILED\tPLAYBOOK")
				for _, r := range runs {
					status := string(r.Status)
					if r.Check {
						status += " (plan)"
					}
					fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n", r.ID, when(r), took(r), status,
						r.Counts.OK, r.Counts.Changed, r.Counts.Failed+r.Counts.Unreachable, event.PrintableLine(render.Near(strings.Join(r.Playbooks, ", "))))
				}
				return tw.Flush()
			})
		},
	}
	c.Flags().IntVarP(&limit, "number", "n", 20, "how many")
	return c
}

// findRun gives the run that a word names: its id, the beginning of it, "last",
// or "last~2" for the second before the last.
func findRun(ctx context.Context, st record, word string) (store.Run, error) {
	r, err := st.Run(ctx, word)
	if err == nil || diag.ClassOf(err) != diag.NotFound {
		return r, err
	}
	back := -1
	if word == "last" {
		back = 0
	} else if n, ok := strings.CutPrefix(word, "last~"); ok {
		if i, bad := strconv.Atoi(n); bad == nil && i >= 0 && i < maxLook {
			back = i
		}
	}
	runs, lerr := st.Runs(ctx, store.RunFilter{Limit: maxLook})
	if lerr != nil {
		return r, lerr
	}
	var found []store.Run
	for i, x := range runs {
		if i == back || len(word) >= 4 && strings.HasPrefix(x.ID, word) {
			found = append(found, x)
		}
	}
	switch len(found) {
	case 1:
		return st.Run(ctx, found[0].ID)
	case 0:
		return r, diag.New(diag.NotFound, diag.Pos{}, "no-run", "no run %q", word).WithHint("list them with: fairlead runs list; the newest is called last, the one before it last~1")
	}
	return r, diag.Errorf(diag.Pos{}, "no-run", "%d runs begin with %q", len(found), word).WithHint("give more of the id")
}

// maxLook is how many runs back a word may reach.
const maxLook = 10_000

func when(r store.Run) string {
	if r.Started.IsZero() {
		return "-"
	}
	return r.Started.Local().Format("2006-01-02 15:04:05")
}

func took(r store.Run) string {
	if r.Ended.IsZero() || r.Started.IsZero() {
		return "-"
	}
	return r.Ended.Sub(r.Started).Round(10 * time.Millisecond).String()
}

func newRunsShow(std streams, from *source) *cobra.Command {
	var verbose int
	c := &cobra.Command{
		Use: "show RUN", Short: "Show a run as it was shown when it ran", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return from.with(c.Context(), func(st record) error {
				r, err := findRun(c.Context(), st, args[0])
				if err != nil {
					return err
				}
				fmt.Fprintf(std.out, "run %s: %s, started %s, took %s\n", r.ID, r.Status, when(r), took(r))
				t := render.New(std.out, render.Options{Color: std.outColor, Width: std.width, Verbosity: verbose, Plan: r.Check})
				if err := replay(c.Context(), st, r.ID, t); err != nil {
					return err
				}
				return showDoubts(c.Context(), st, r, std)
			})
		},
	}
	c.Flags().CountVarP(&verbose, "verbose", "v", "show more")
	return c
}

// showDoubts lists what has to be decided before a run can go on.
func showDoubts(ctx context.Context, st record, r store.Run, std streams) error {
	if !r.Status.Resumable() {
		return nil
	}
	var ds []run.Doubt
	var err error
	switch x := st.(type) {
	case *remoteRecord:
		ds, err = x.doubts(ctx, r.ID)
	case *store.Store:
		ds, err = jobs.Doubts(ctx, x, r.ID)
	}
	for i, d := range ds {
		if i == 0 {
			fmt.Fprintln(std.out, "\nin doubt, to be said to fairlead runs resume by --done or --redo:")
		}
		said := ""
		if d.Decided != "" {
			said = ": said to be " + map[string]string{"done": "done", "redo": "done again"}[d.Decided]
		}
		fmt.Fprintf(std.out, "  %s%s\n", event.PrintableLine(d.String()), said)
	}
	return err
}

// replay sends the recorded events of a run to a sink.
func replay(ctx context.Context, st record, id string, sink event.Sink) error {
	const page = 1000
	for after := int64(0); ; {
		events, err := st.Read(ctx, id, after, page)
		if err != nil {
			return err
		}
		for i := range events {
			if err := sink.Emit(ctx, &events[i]); err != nil {
				return err
			}
			after = events[i].Seq
		}
		if len(events) < page {
			return nil
		}
	}
}

func newRunsEvents(std streams, from *source) *cobra.Command {
	var after int64
	c := &cobra.Command{
		Use: "events RUN", Short: "Write the events of a run as JSON Lines", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return from.with(c.Context(), func(st record) error {
				r, err := findRun(c.Context(), st, args[0])
				if err != nil {
					return err
				}
				return replay(c.Context(), st, r.ID, afterSink(event.JSONLines(std.out), after))
			})
		},
	}
	c.Flags().Int64Var(&after, "after", 0, "only events with a greater number")
	return c
}

func afterSink(next event.Sink, after int64) event.Sink {
	return event.SinkFunc(func(ctx context.Context, e *event.Event) error {
		if e.Seq <= after {
			return nil
		}
		return next.Emit(ctx, e)
	})
}
