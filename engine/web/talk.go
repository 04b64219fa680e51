package web

import (
	"context"
	"io"
	"net"
	"sync"

	"github.com/fairlead-project/fairlead/engine/state"
)

// Talk has a state.Talk talk from a host. The error is for a context that ended.
func Talk(ctx context.Context, h Host, o state.Talk) (state.TalkEnd, error) {
	var open conns
	defer open.close()
	stop := context.AfterFunc(ctx, open.close)
	defer stop()
	said, err := o.With(ctx, func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := h.Dial(ctx, network, address)
		if err == nil {
			open.add(c)
		}
		return c, err
	})
	end := state.TalkEnd{Said: said, Err: err}
	if err != nil {
		end.Msg = plain(err)
	}
	return end, ctx.Err()
}

// conns are the connections of one talk.
type conns struct {
	mu     sync.Mutex
	open   []io.Closer
	closed bool
}

func (c *conns) add(conn io.Closer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = conn.Close()
	}
	c.open = append(c.open, conn)
}

func (c *conns) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, conn := range c.open {
		_ = conn.Close()
	}
	c.open = nil
}
