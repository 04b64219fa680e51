package servermanager

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/fairlead-project/fairlead/engine/store"
)

const (
	pushTimeout  = 15 * time.Second
	maxPause     = time.Minute
	maxPushAge   = 24 * time.Hour
	maxRefusals  = 5 // answers of 5xx before a push is given up
	pushInterval = 30 * time.Second
)

// Push sends the recorded statuses to server-manager, in order and each at
// least once, until ctx ends. While server-manager is away they wait, also
// across restarts of this process, for at most a day.
func (s *Service) Push(ctx context.Context) {
	client := &http.Client{
		Timeout:       pushTimeout,
		Transport:     &http.Transport{Proxy: nil, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for ctx.Err() == nil {
		p, due, ok, err := s.cfg.Store.NextPush(ctx)
		wait := pushInterval
		switch {
		case err != nil:
			s.cfg.Log.Error("pushes cannot be read", "err", err)
		case ok && time.Until(due) <= 0:
			if err := s.pushOne(ctx, client, p); err != nil && ctx.Err() == nil {
				s.cfg.Log.Error("push not recorded", "err", err)
				break
			}
			continue
		case ok:
			wait = time.Until(due)
		}
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-time.After(wait):
		}
	}
}

// pushOne sends one status and records what came of it. Any answer but 5xx
// means that it arrived: server-manager answers 404 for what it cannot use.
func (s *Service) pushOne(ctx context.Context, client *http.Client, p store.Push) error {
	status, err := s.send(ctx, client, p)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	switch {
	case err == nil && status < 500:
		if status >= 400 {
			s.cfg.Log.Warn("server-manager refused a status", "server_id", p.ServerID, "state", p.State, "status", status)
		}
		return s.cfg.Store.Pushed(ctx, p.ID)
	case err == nil:
		err = fmt.Errorf("answer %d", status)
		if p.Attempts+1 >= maxRefusals {
			s.cfg.Log.Warn("status given up", "server_id", p.ServerID, "state", p.State, "err", err)
			return s.cfg.Store.Pushed(ctx, p.ID)
		}
	case time.Since(p.Created) > maxPushAge:
		s.cfg.Log.Warn("status given up", "server_id", p.ServerID, "state", p.State, "err", err)
		return s.cfg.Store.Pushed(ctx, p.ID)
	}
	if p.Attempts == 0 {
		s.cfg.Log.Warn("server-manager not told yet, trying again", "server_id", p.ServerID, "state", p.State, "err", err)
	}
	pause := min(maxPause, s.cfg.Retry<<min(p.Attempts, 16))
	pause += rand.N(pause/4 + 1)
	return s.cfg.Store.PushAgain(ctx, p.ID, err.Error(), time.Now().Add(pause))
}

func (s *Service) send(ctx context.Context, client *http.Client, p store.Push) (int, error) {
	u := "http://" + p.Addr + "/ansible_status?server_id=" + url.QueryEscape(p.ServerID) + "&state=" + url.QueryEscape(p.State)
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, u, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	s.cfg.Logs.line(s, "INFO", "sm_ansible_utils.py", "send_REST_request", "Sending post request to "+u)
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // only for the connection's sake
	return resp.StatusCode, nil
}
