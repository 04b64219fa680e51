// Package api is Fairlead's server: the endpoints that server-manager calls,
// the modern interface, and what all of them share.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/semaphore"

	"github.com/fairlead-project/fairlead/api/jobs"
	"github.com/fairlead-project/fairlead/api/servermanager"
	"github.com/fairlead-project/fairlead/api/v1"
	"github.com/fairlead-project/fairlead/api/web"
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/store"
)

// What a Runner is given and does: see package jobs.
type (
	Job    = jobs.Job
	SSH    = jobs.SSH
	Runner = jobs.Runner
)

// DefaultListen is where the server listens unless told otherwise: the port of
// the original, on loopback only.
const DefaultListen = "127.0.0.1:9003"

// Config says how a server works. Store and Runner are needed.
type Config struct {
	Listen string // host:port; default DefaultListen
	// AllowFrom are the addresses or networks that may call. Without them only
	// this machine may, and only a loopback address may be listened on.
	AllowFrom []string
	// DataDir is the server's folder: its SSH key (ssh/id_ed25519, if it is
	// there) and the host keys it met (ssh/known_hosts).
	DataDir string
	Store   *store.Store
	Runner  Runner
	Log     *slog.Logger // default: nothing

	// Settings can be changed while the server runs (Reload).
	servermanager.Settings
	// DebugLog is the file for log lines in the original's form; empty: none.
	// Beside it, in provision/, each cluster has a file of its own.
	DebugLog string
	// HostKeys is "accept-new" unless told otherwise ("strict", "off").
	HostKeys string

	Parallel  int           // runs at once; default 8
	Drain     time.Duration // how long running runs may go on at the end; default 30 s
	MaxBody   int64         // bytes; default 64 MiB
	Keep      store.Keep    // history; default the newest 10,000 runs, for 90 days
	PushRetry time.Duration // first pause before a push is tried again; default 1 s
	// AnswerWithin is how long a client waits for its request to be recorded;
	// default 5 s.
	AnswerWithin time.Duration
}

// Server is a server that may be run once.
type Server struct {
	cfg   Config
	allow []netip.Prefix
	queue *jobs.Queue
	sm    *servermanager.Service
	logs  *servermanager.Logs
	meter *metrics
	echo  *echo.Echo
	// small and large bound how much of requests is held in memory at once: the
	// usual ones do not wait for large ones, or for slow clients that do not say
	// how much they send.
	small, large *semaphore.Weighted
	ending       atomic.Bool

	mu    sync.Mutex
	addr  net.Addr
	ready chan struct{}
}

// New checks the configuration and makes a server.
func New(cfg Config) (*Server, error) {
	cfg.fill()
	if cfg.Store == nil || cfg.Runner == nil {
		return nil, errors.New("api: a server needs a store and a runner")
	}
	if cfg.Parallel < 0 {
		return nil, diag.Errorf(diag.Pos{}, "parallel", "%d runs at once are not possible: give a number from 1 on", cfg.Parallel)
	}
	if !slices.Contains([]string{"strict", "accept-new", "off"}, cfg.HostKeys) {
		return nil, diag.Errorf(diag.Pos{}, "host-keys", "host keys are checked strict, accept-new or off, not %q", cfg.HostKeys)
	}
	s := &Server{cfg: cfg, queue: jobs.NewQueue(cfg.Parallel), ready: make(chan struct{}), small: semaphore.NewWeighted(64 * smallBody), large: semaphore.NewWeighted(4 * cfg.MaxBody)}
	s.meter = newMetrics(cfg.Store, s.queue)
	if err := s.checkListen(); err != nil {
		return nil, err
	}
	if cfg.DebugLog != "" {
		s.logs = &servermanager.Logs{Debug: servermanager.NewLogFile(cfg.DebugLog), ClusterDir: filepath.Join(filepath.Dir(cfg.DebugLog), "provision")}
	}
	ssh := SSH{User: "root", KnownHosts: filepath.Join(cfg.DataDir, "ssh", "known_hosts"), HostKeys: cfg.HostKeys}
	if key := filepath.Join(cfg.DataDir, "ssh", "id_ed25519"); fileExists(key) {
		ssh.KeyFiles = []string{key}
	}
	if err := os.MkdirAll(filepath.Join(cfg.DataDir, "ssh"), 0o700); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	var err error
	s.sm, err = servermanager.New(servermanager.Config{
		Store: cfg.Store, Runner: cfg.Runner, Queue: s.queue, Log: cfg.Log, Logs: s.logs, DataDir: cfg.DataDir,
		SSH: ssh, Retry: cfg.PushRetry, AnswerWithin: cfg.AnswerWithin, Settings: cfg.Settings,
	})
	if err != nil {
		return nil, err
	}
	s.echo = s.routes()
	return s, nil
}

func (c *Config) fill() {
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.HostKeys == "" {
		c.HostKeys = "accept-new"
	}
	if c.Parallel == 0 {
		c.Parallel = 8
	}
	if c.Drain <= 0 {
		c.Drain = 30 * time.Second
	}
	if c.MaxBody <= 0 {
		c.MaxBody = 64 << 20
	}
	if c.Keep.Runs <= 0 {
		c.Keep = store.Keep{Runs: 10_000, For: 90 * 24 * time.Hour}
	}
	if c.DataDir == "" && c.Store != nil {
		c.DataDir = c.Store.Dir()
	}
}

func fileExists(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}

// checkListen refuses to be open to a network by accident: whoever can send a
// request can have commands run as root elsewhere.
func (s *Server) checkListen() error {
	host, _, err := net.SplitHostPort(s.cfg.Listen)
	if err != nil {
		return diag.Errorf(diag.Pos{}, "bad-address", "listen address %q: %w", s.cfg.Listen, err)
	}
	for _, a := range s.cfg.AllowFrom {
		p, err := netip.ParsePrefix(a)
		if err != nil {
			addr, aerr := netip.ParseAddr(a)
			if aerr != nil {
				return diag.Errorf(diag.Pos{}, "bad-address", "%q is no address or network", a)
			}
			p = netip.PrefixFrom(addr, addr.BitLen())
		}
		s.allow = append(s.allow, p)
	}
	if loopback(host) || len(s.allow) > 0 {
		return nil
	}
	return diag.Errorf(diag.Pos{}, "open-server", "the server would listen on %s for anybody", s.cfg.Listen).
		WithHint("name the addresses that may call, such as server-manager's, or listen on 127.0.0.1")
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

func (s *Server) routes() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = echo.ExtractIPDirect()
	e.HTTPErrorHandler = s.fail
	e.Use(s.meter.observed, s.logged, recovered, s.allowed, s.limited, hasty)
	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.GET("/readyz", s.isReady)
	e.GET("/metrics", s.meter.handler())
	s.sm.Register(e)
	web.Register(e)
	v1.Register(e.Group("/api/v1"), s.cfg.Store, s.sm)
	return e
}

// isReady tells whether requests can be taken and recorded.
func (s *Server) isReady(c echo.Context) error {
	if s.ending.Load() {
		return c.String(http.StatusServiceUnavailable, "the server is ending\n")
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), 5*time.Second)
	defer cancel()
	if err := s.cfg.Store.Sync(ctx); err != nil {
		s.cfg.Log.Error("not ready", "err", err)
		return c.String(http.StatusServiceUnavailable, "nothing can be recorded; the server's log says more\n")
	}
	return c.String(http.StatusOK, "ready\n")
}

// Reload puts settings into effect and opens the log files anew.
func (s *Server) Reload(set servermanager.Settings) error {
	return errors.Join(s.sm.Reload(set), s.logs.Close())
}

// Handler is the server without its listener, for tests.
func (s *Server) Handler() http.Handler {
	return http.NewCrossOriginProtection().Handler(s.echo)
}

// prune removes old history now and then, until ctx ends.
func (s *Server) prune(ctx context.Context) {
	for {
		if err := s.cfg.Store.Prune(ctx, s.cfg.Keep, time.Now()); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("old runs not removed", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Hour):
		}
	}
}

// Addr waits until the server listens and says where.
func (s *Server) Addr(ctx context.Context) (net.Addr, error) {
	select {
	case <-s.ready:
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.addr, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Run serves until ctx ends. Then it takes nothing new, lets what runs go on
// for a while, and returns; what could not end is taken up by the next server
// on the same store.
func (s *Server) Run(ctx context.Context) error {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	s.mu.Lock()
	s.addr = ln.Addr()
	s.mu.Unlock()
	if err := s.sm.Start(ctx); err != nil {
		return errors.Join(fmt.Errorf("take up requests: %w", err), ln.Close())
	}
	background := context.WithoutCancel(ctx)
	s.queue.Start(background)
	pushing, stopPushing := context.WithCancel(background)
	var wg sync.WaitGroup
	wg.Go(func() { s.sm.Push(pushing) })
	wg.Go(func() { s.sm.Watch(pushing) })
	wg.Go(func() { s.prune(pushing) })

	requests, cutOff := context.WithCancel(background)
	srv := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    1 << 20,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	wg.Go(func() { served <- srv.Serve(&lenientListener{ln}) })
	close(s.ready)
	s.cfg.Log.Info("server listens", "addr", ln.Addr().String())
	select {
	case err = <-served:
	case <-ctx.Done():
	}
	s.ending.Store(true)
	s.cfg.Log.Info("server ends")
	// Requests end in a moment but those that stream events: cut those off.
	grace, cancel := context.WithTimeout(background, 5*time.Second)
	time.AfterFunc(500*time.Millisecond, cutOff)
	if serr := srv.Shutdown(grace); serr != nil {
		_ = srv.Close() // the rest had its time
	}
	cancel()
	cutOff()
	drain, cancel := context.WithTimeout(background, s.cfg.Drain)
	s.queue.Stop(drain)
	cancel()
	stopPushing()
	wg.Wait()
	return errors.Join(err, s.logs.Close())
}
