package run

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/state"
)

// reconnect carries a state.Reconnect out.
func (r *runner) reconnect(ctx context.Context, l *lane, as state.Identity, o state.Reconnect) (state.Outcome, error) {
	begin := time.Now()
	res := state.OpResult{OK: true, Start: begin}
	end := func(failed string, last error) (state.Outcome, error) {
		res.End = time.Now()
		info := state.ReconnectInfo{Elapsed: res.End.Sub(begin), Failed: failed}
		if last != nil {
			info.Last = last.Error()
		}
		res.Data = info
		return state.Outcome{Results: []state.OpResult{res}}, ctx.Err()
	}
	if o.Shell != "" {
		if l.spec.Connection == "local" {
			res.RC, res.Stderr = 1, []byte("this would take down the machine that Fairlead runs on")
			return end("local", nil)
		}
		// A connection that breaks is what is hoped for.
		out, err := r.do(ctx, l, state.Batch{As: as, Ops: []state.Op{state.Exec{Shell: o.Shell}}})
		if err == nil && len(out.Results) == 1 && out.Results[0].RC != 0 {
			res = out.Results[0]
			return end("command", nil)
		}
	}
	l.drop()
	if err := pause(ctx, o.Delay); err != nil {
		return end("check", err)
	}
	for _, step := range []struct{ name, shell, not string }{{"check", o.Check, o.Not}, {"test", o.Test, ""}} {
		if step.shell == "" {
			continue
		}
		if err := r.until(ctx, l, as, o, step.shell, step.not); err != nil {
			return end(step.name, err)
		}
	}
	return end("", nil)
}

// until tries a command until it returns 0 and prints something else than not.
func (r *runner) until(ctx context.Context, l *lane, as state.Identity, o state.Reconnect, shell, not string) error {
	deadline := time.Now().Add(o.Timeout)
	for wait := time.Second; ; wait = min(2*wait, 12*time.Second) {
		err := r.try(ctx, l, as, o, shell, not)
		if err == nil {
			return nil
		}
		l.drop()
		sleep := o.Sleep
		if sleep == 0 {
			sleep = wait
		}
		if !time.Now().Before(deadline) {
			return err
		}
		if err := pause(ctx, min(sleep, max(0, time.Until(deadline)))); err != nil {
			return err
		}
	}
}

// try connects and runs a command once.
func (r *runner) try(ctx context.Context, l *lane, as state.Identity, o state.Reconnect, shell, not string) error {
	spec := l.spec
	defer func() { l.spec = spec }()
	if o.Connect > 0 {
		l.spec.Timeout = o.Connect
	}
	out, err := r.do(ctx, l, state.Batch{As: as, Ops: []state.Op{state.Exec{Shell: shell, Read: true}}})
	switch {
	case err != nil:
		return err
	case len(out.Results) != 1 || !out.Results[0].OK:
		return fmt.Errorf("the host does not run %q", shell)
	}
	said := out.Results[0]
	text := strings.TrimSpace(string(said.Stdout))
	switch {
	case said.RC != 0:
		return fmt.Errorf("%q returned %d: %s", shell, said.RC, strings.TrimSpace(string(said.Stderr)))
	case not != "" && (text == "" || text == not):
		return fmt.Errorf("the host has not started anew")
	}
	return nil
}

// drop closes the lane's connection; the next batch makes a new one.
func (l *lane) drop() {
	l.busy.Lock()
	defer l.busy.Unlock()
	if l.target != nil {
		_ = l.target.Close()
		l.target = nil
	}
	l.forget()
}

// pause waits; it ends early, with an error, when the run is cancelled.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
