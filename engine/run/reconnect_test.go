package run

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-project/fairlead/engine/state"
)

// bouncing is a fake host that a command takes down: it refuses connections
// until it was asked some times, and has another boot id then.
type bouncing struct {
	down    int // connections still to refuse
	id      string
	closed  int
	command state.OpResult
	breaks  bool
}

func (b *bouncing) Connect(context.Context, HostSpec) (Target, error) {
	if b.down > 0 {
		b.down--
		return nil, errors.New("connection refused")
	}
	return &bouncingTarget{b}, nil
}

type bouncingTarget struct{ b *bouncing }

func (t *bouncingTarget) Close() error { t.b.closed++; return nil }

func (t *bouncingTarget) Do(_ context.Context, batch state.Batch) (state.Outcome, error) {
	r := state.OpResult{OK: true}
	switch shell := batch.Ops[0].(state.Exec).Shell; {
	case shell == "id":
		r.Stdout = []byte(t.b.id + "\n")
	case shell == "test":
	case t.b.breaks:
		t.b.down, t.b.id = 3, "two"
		return state.Outcome{}, errors.New("the connection was lost")
	default:
		r = t.b.command
	}
	return state.Outcome{Results: []state.OpResult{r}}, nil
}

func TestReconnect(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		host   bouncing
		op     state.Reconnect
		failed string
		last   string
	}{
		"back with another id": {bouncing{id: "one", breaks: true}, state.Reconnect{Shell: "down", Check: "id", Not: "one", Test: "test", Timeout: time.Minute}, "", ""},
		"never went down":      {bouncing{id: "one", command: state.OpResult{OK: true}}, state.Reconnect{Shell: "down", Check: "id", Not: "one", Timeout: time.Minute}, "check", "has not started anew"},
		"does not come back":   {bouncing{down: 1000, id: "one"}, state.Reconnect{Check: "id", Timeout: 10 * time.Second, Sleep: time.Second}, "check", "connection refused"},
		"command refused":      {bouncing{id: "one", command: state.OpResult{OK: true, RC: 1}}, state.Reconnect{Shell: "down", Check: "id", Timeout: time.Minute}, "command", ""},
		"waits for it":         {bouncing{down: 5, id: "one"}, state.Reconnect{Check: "id", Delay: time.Hour, Timeout: time.Minute, Sleep: time.Second}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := &runner{}
				r.Connector = &c.host
				l := newLane(HostSpec{Name: "h"}, &[]*lane{})
				out, err := r.do(t.Context(), l, state.Batch{Ops: []state.Op{c.op}})
				if err != nil || len(out.Results) != 1 {
					t.Fatalf("%+v, %v", out, err)
				}
				info := out.Results[0].Data.(state.ReconnectInfo)
				if info.Failed != c.failed || !strings.Contains(info.Last, c.last) {
					t.Errorf("ended %+v", info)
				}
			})
		})
	}
	local := &runner{}
	out, err := local.do(t.Context(), &lane{spec: HostSpec{Connection: "local"}}, state.Batch{Ops: []state.Op{state.Reconnect{Shell: "reboot"}}})
	if err != nil || out.Results[0].RC == 0 {
		t.Errorf("the machine of the run itself: %+v, %v", out, err)
	}
}
