package jobs

import (
	"context"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/run"
	"github.com/fairlead-project/fairlead/engine/store"
)

// Decisions and Doubt are those of the engine.
type (
	Decisions = run.Decisions
	Doubt     = run.Doubt
)

// noted is what is needed of a store to ask what a run noted.
type noted interface {
	Run(ctx context.Context, id string) (store.Run, error)
	Ledger(root string, durable bool) event.Ledger
}

// Doubts lists what is in doubt of a run, of whatever attempt.
func Doubts(ctx context.Context, s noted, id string) ([]Doubt, error) {
	r, err := s.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	ds, err := run.Doubts(ctx, s.Ledger(rootOf(r), true))
	if ds == nil {
		ds = []Doubt{}
	}
	return ds, err
}

func rootOf(r store.Run) string {
	if r.Root != "" {
		return r.Root
	}
	return r.ID
}

// Decide notes what somebody says of what is in doubt, before a run is resumed,
// and gives the request that it is of.
func Decide(ctx context.Context, s *store.Store, id string, ds Decisions) (request string, err error) {
	r, err := s.Run(ctx, id)
	if diag.ClassOf(err) == diag.NotFound { // a request that never ran
		return id, nil
	}
	if err != nil {
		return "", err
	}
	if r.Status.Resumable() {
		if err := run.Decide(ctx, s.Ledger(rootOf(r), true), ds); err != nil {
			return "", err
		}
	}
	return RequestOf(ctx, s, id), nil
}

// RequestOf is the request that a run is of: itself where there is none.
func RequestOf(ctx context.Context, s *store.Store, id string) string {
	if r, err := s.Run(ctx, id); err == nil && r.Request != "" {
		return r.Request
	}
	return id
}
