package web

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/fairlead-project/fairlead/engine/state"
)

// A talk ends with its context, its connections with it, and errors are told in
// Python's words.
func TestTalk(t *testing.T) {
	t.Parallel()
	pipes := Host{Dial: func(context.Context, string, string) (net.Conn, error) {
		c, _ := net.Pipe()
		return c, nil
	}}
	var kept net.Conn
	end, err := Talk(t.Context(), pipes, state.Talk{With: func(ctx context.Context, dial state.Dialer) (any, error) {
		c, err := dial(ctx, "tcp", "x:1")
		kept = c
		return "said", err
	}})
	if err != nil || end.Said != "said" || end.Err != nil || end.Msg != "" {
		t.Errorf("ended as %+v, %v", end, err)
	}
	if _, err := kept.Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the connection stays open: %v", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	_, err = Talk(ctx, pipes, state.Talk{With: func(ctx context.Context, dial state.Dialer) (any, error) {
		c, err := dial(ctx, "tcp", "x:1")
		if err != nil {
			return nil, err
		}
		cancel()
		_, err = c.Read(make([]byte, 1))
		return nil, err
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled talk: %v", err)
	}

	refusing := Host{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED }}
	end, err = Talk(t.Context(), refusing, state.Talk{With: func(ctx context.Context, dial state.Dialer) (any, error) {
		return dial(ctx, "tcp", "x:1")
	}})
	if err != nil || !errors.Is(end.Err, syscall.ECONNREFUSED) || end.Msg != "[Errno 111] Connection refused" {
		t.Errorf("refused: %+v, %v", end, err)
	}
}
