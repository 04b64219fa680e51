package ssh

import (
	"context"
	"sync"
)

// maxStartups is how many logins one address is sent at a time. sshd begins to
// drop connections that have not logged in at its tenth (MaxStartups 10:30:100,
// sshd_config(5)); many inventory names may stand for one address.
const maxStartups = 8

// startups lets a few logins at a time through to one address.
type startups struct {
	once  sync.Once
	slots chan struct{}
}

// begin waits for a place among the logins of an address; the function it gives
// leaves it.
func (s *Shared) begin(ctx context.Context, addr string) (end func(), err error) {
	g := entry(&s.mu, &s.logins, addr)
	g.once.Do(func() { g.slots = make(chan struct{}, maxStartups) })
	select {
	case g.slots <- struct{}{}:
		return func() { <-g.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
