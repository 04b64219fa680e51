// Package docker answers container queries and executes container operations
// through the Docker Engine API, over connections that somebody else dials (the
// engine's unix socket on a host, through SSH). It never runs the docker
// command and never parses what that prints.
package docker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/moby/moby/client"
)

// Dial opens one connection to an engine's API socket.
type Dial func(ctx context.Context) (net.Conn, error)

// Options tune a Client; the zero value is good.
type Options struct {
	// Timeout bounds every call that does not wait by its nature (default one
	// minute).
	Timeout time.Duration
	// Idle bounds the silence of a pull, push or load (default ten minutes).
	Idle time.Duration
	// Parallel is how many calls run at once (default four).
	Parallel int
	// Look, when it is set, describes the engine's socket on the host, with what
	// may be done to it (state.WantAccess). It is asked when no connection comes
	// about: a refusal through SSH does not say why.
	Look func(ctx context.Context) (state.File, error)
	// Pin, when it is set, gives the digest that a name with a tag stands for
	// in the whole run, or "". resolve asks the registry, through this engine.
	Pin func(ctx context.Context, ref string, resolve func() (string, error)) string
	// Where names the engine in messages, such as the host (default "the host").
	Where string
}

// Client speaks with one engine under one identity. It is safe for concurrent
// use and keeps its connections until Close.
type Client struct {
	opts Options
	dial Dial
	http *http.Transport
	api  *client.Client

	mu       sync.Mutex
	ready    bool
	lastDial error
}

// The bounds of what an engine may answer: it may be hostile.
const (
	maxAnswer = 32 << 20 // one JSON document
	maxLine   = 1 << 20  // one message of a progress stream
	maxOutput = 1 << 20  // kept of a container's output
)

// New makes a client; it connects when it is first used.
func New(dial Dial, opts Options) (*Client, error) {
	if opts.Timeout <= 0 {
		opts.Timeout = time.Minute
	}
	if opts.Idle <= 0 {
		opts.Idle = 10 * time.Minute
	}
	if opts.Parallel <= 0 {
		opts.Parallel = 4
	}
	if opts.Where == "" {
		opts.Where = "the host"
	}
	c := &Client{opts: opts, dial: dial}
	c.http = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := dial(ctx)
			c.mu.Lock()
			c.lastDial = err
			c.mu.Unlock()
			return conn, err
		},
		DisableCompression:  true,
		MaxIdleConnsPerHost: opts.Parallel,
		IdleConnTimeout:     5 * time.Minute,
	}
	hc := &http.Client{
		Transport:     bounded{c.http},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	api, err := client.New(client.WithHTTPClient(hc), client.WithUserAgent("fairlead"))
	if err != nil {
		return nil, err
	}
	c.api = api
	return c, nil
}

// Close closes idle connections. Calls that run are not ended: cancel their
// context.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// APIVersion is the version of the API agreed upon; before the first call the
// newest that this client knows.
func (c *Client) APIVersion() string { return c.api.ClientVersion() }

// Ping makes sure that there is an engine this client can use. The first
// success is remembered.
func (c *Client) Ping(ctx context.Context) error {
	c.mu.Lock()
	ready := c.ready
	c.mu.Unlock()
	if ready {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	_, err := c.api.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
	if err != nil {
		return c.noEngine(ctx, err)
	}
	c.mu.Lock()
	c.ready = true
	c.mu.Unlock()
	return nil
}

// HandlesQuery tells whether q is for a container engine.
func HandlesQuery(q state.Query) bool {
	switch q.(type) {
	case state.Container, state.ContainerPath, state.DockerList, state.DockerUsage, state.Image, state.Docker, state.DockerNetwork, state.DockerVolume:
		return true
	}
	return false
}

// HandlesOp tells whether op is for a container engine.
func HandlesOp(op state.Op) bool {
	switch op.(type) {
	case state.ImagePull, state.ImagePush, state.ImageLoad, state.ImageTag, state.ImageRemove,
		state.ContainerCreate, state.ContainerReplace, state.ContainerStart, state.ContainerStop,
		state.ContainerRestart, state.ContainerPause, state.ContainerRemove, state.ContainerRename,
		state.ContainerUpdate, state.ContainerConnect, state.ContainerDisconnect, state.ContainerWait, state.ContainerPut,
		state.NetworkCreate, state.NetworkRemove, state.VolumeCreate, state.VolumeRemove, state.DockerPrune, state.RegistryLogin:
		return true
	}
	return false
}

// bounded limits how much of an answer is read. Streams (pull, push, load,
// logs) are bounded where they are read.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if mac, ok := r.Context().Value(macKey{}).(string); ok {
		var err error
		if r, err = withMac(r, mac); err != nil {
			return nil, err
		}
	}
	res, err := b.next.RoundTrip(r)
	if raw, ok := r.Context().Value(rawKey{}).(*bytes.Buffer); ok && err == nil {
		res.Body = &teeBody{ReadCloser: &boundedBody{ReadCloser: res.Body, left: maxAnswer}, to: raw}
		return res, nil
	}
	if err == nil && !isStream(r.URL.Path) {
		res.Body = &boundedBody{ReadCloser: res.Body, left: maxAnswer}
	}
	return res, err
}

// rawKey marks a call whose answer is kept as the engine wrote it: the client's
// types leave out what newer engines no longer say, and add what older ones do not.
type rawKey struct{}

func keepRaw(ctx context.Context) (context.Context, *bytes.Buffer) {
	raw := &bytes.Buffer{}
	return context.WithValue(ctx, rawKey{}, raw), raw
}

type teeBody struct {
	io.ReadCloser
	to *bytes.Buffer
}

func (b *teeBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.to.Write(p[:n])
	return n, err
}

type boundedBody struct {
	io.ReadCloser
	left int64
}

var errTooLong = &diag.Diagnostic{Class: diag.Protocol, Code: "docker-answer-too-long",
	Msg: "the container engine's answer is longer than it can be"}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}

var errIdle = errors.New("the container engine said nothing for too long")
