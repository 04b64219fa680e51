package run

import (
	"context"
	"sync"

	"github.com/fairlead-project/fairlead/engine/state"
)

// pins hold what image tags stand for in this run: the first host that pulls
// one asks the registry, and every other host gets the same digest, also when
// somebody moves the tag meanwhile.
type pins struct {
	mu sync.Mutex
	by map[string]*pin
}

type pin struct {
	turn   chan struct{} // holds one token
	digest string
}

// digest gives the digest of a tag, "" when the registry does not tell. Hosts
// that ask at the same time wait for the first; when that one is not told, the
// next one asks.
func (p *pins) digest(ctx context.Context, ref string, resolve func() (string, error)) string {
	p.mu.Lock()
	one := p.by[ref]
	if one == nil {
		if p.by == nil {
			p.by = map[string]*pin{}
		}
		one = &pin{turn: make(chan struct{}, 1)}
		one.turn <- struct{}{}
		p.by[ref] = one
	}
	p.mu.Unlock()
	select {
	case <-one.turn:
	case <-ctx.Done():
		return ""
	}
	defer func() { one.turn <- struct{}{} }()
	if one.digest == "" {
		if d, err := resolve(); err == nil {
			one.digest = d
		}
	}
	return one.digest
}

// sayPins tells which digest an image tag stands for in this run, once.
func (r *runner) sayPins(did []state.OpResult) {
	for _, d := range did {
		p, ok := d.Data.(state.ImagePulled)
		if !ok || !p.Pinned || r.pinned[p.Ref] {
			continue
		}
		if r.pinned == nil {
			r.pinned = map[string]bool{}
		}
		r.pinned[p.Ref] = true
		r.notice("info", p.Ref+" is "+p.Digest+" on every host of this run")
	}
}
