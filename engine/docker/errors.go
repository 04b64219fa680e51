package docker

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"path"
	"strings"
	"syscall"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/moby/moby/client"
)

// Why there is no engine to speak with, and what a call can run into.
var (
	ErrNoEngine   = errors.New("no container engine")
	ErrNotRunning = errors.New("container engine not running")
	ErrPermission = errors.New("no permission to use the container engine")
	ErrNotFound   = errors.New("not found")
)

func isStream(p string) bool {
	base := path.Base(p)
	switch {
	case base == "logs":
		return true
	case strings.HasSuffix(p, "/images/create"), strings.HasSuffix(p, "/images/load"):
		return true
	}
	return base == "push" && strings.Contains(p, "/images/")
}

// noEngine turns the failure of the first call into something that says what
// is wrong with the engine and what to do.
func (c *Client) noEngine(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(context.Cause(ctx), context.Canceled) {
		return context.Cause(ctx)
	}
	c.mu.Lock()
	cause := c.lastDial
	c.mu.Unlock()
	if cause == nil {
		cause = err
	}
	d := func(code string, sentinel error, hint string) error {
		return &diag.Diagnostic{Class: diag.Failed, Code: code, Hint: hint,
			Msg: sentinel.Error() + " on " + c.opts.Where, Err: errors.Join(sentinel, cause)}
	}
	look := c.look(ctx, cause)
	var classed diag.Classed
	switch {
	case errors.Is(look, fs.ErrPermission), errors.Is(cause, fs.ErrPermission), cerrdefs.IsPermissionDenied(err), cerrdefs.IsUnauthorized(err):
		return d("docker-permission", ErrPermission, "use become: true, or put the login user into the docker group")
	case errors.Is(look, fs.ErrNotExist), errors.Is(cause, fs.ErrNotExist):
		return d("docker-missing", ErrNoEngine, "install the Docker engine there (package docker.io or docker-ce), or start it: its socket does not exist")
	case errors.Is(look, syscall.ECONNREFUSED), errors.Is(cause, syscall.ECONNREFUSED):
		return d("docker-stopped", ErrNotRunning, "start it, for example with the service module: name=docker state=started")
	case errors.As(cause, &classed) && classed.ErrorClass() != diag.Internal:
		return cause
	case errors.Is(err, context.DeadlineExceeded):
		return &diag.Diagnostic{Class: diag.Timeout, Code: "docker-timeout",
			Msg: "the container engine on " + c.opts.Where + " does not answer", Err: err}
	case cerrdefs.IsInvalidArgument(err):
		return &diag.Diagnostic{Class: diag.Failed, Code: "docker-version", Err: err,
			Msg:  "the container engine on " + c.opts.Where + ": " + err.Error(),
			Hint: "Docker 19.03 or newer is needed"}
	}
	return d("docker-connect", ErrNoEngine,
		"is it installed and running, and may this user reach its socket (become: true)? "+cause.Error())
}

// look finds out why there is no connection, as far as the socket tells it.
// A host that let nobody in needs no look.
func (c *Client) look(ctx context.Context, cause error) error {
	if c.opts.Look == nil {
		return nil
	}
	switch diag.ClassOf(cause) {
	case diag.Internal, diag.Failed, diag.Unreachable:
	default:
		return nil
	}
	f, err := c.opts.Look(ctx)
	switch {
	case err != nil:
		return nil
	case f.Followed.Type == state.TypeNone:
		return fs.ErrNotExist
	case !f.Writable:
		return fs.ErrPermission
	}
	return syscall.ECONNREFUSED
}

// callError is what one call ran into: the engine's own words, the class, and
// for an effect whose end is not known, that it is in doubt.
func (c *Client) callError(ctx context.Context, what string, effect bool, err error) error {
	if err == nil {
		return nil
	}
	d := &diag.Diagnostic{Class: diag.Failed, Code: "docker", Msg: what + ": " + plain(err), Err: err}
	switch {
	case cerrdefs.IsNotFound(err):
		d.Code, d.Err = "docker-not-found", errors.Join(ErrNotFound, err)
	case ctx.Err() != nil:
		cause := context.Cause(ctx)
		d.Class, d.Code, d.Msg, d.Err = diag.ClassOf(cause), "docker-timeout", what+": "+cause.Error(), cause
		if d.Class == diag.Internal {
			d.Class = diag.Timeout
		}
	case inner(err) != nil:
		in := inner(err)
		d.Class, d.Code = in.Class, in.Code
		if err == error(in) {
			d.Msg, d.Hint = what+": "+in.Msg, in.Hint
		}
	case lost(err):
		c.forget()
		d.Class, d.Code = diag.Unreachable, "docker-lost"
		if effect {
			d.Class, d.Hint = diag.InDoubt, "the connection was lost before the engine answered"
		}
	}
	return d
}

func inner(err error) *diag.Diagnostic {
	var d *diag.Diagnostic
	errors.As(err, &d)
	return d
}

// lost tells whether the connection broke, rather than the engine refusing.
func lost(err error) bool {
	var n net.Error
	return client.IsErrConnectionFailed(err) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, io.EOF) || errors.As(err, &n)
}

func (c *Client) forget() {
	c.mu.Lock()
	c.ready = false
	c.mu.Unlock()
}

// plain is the engine's sentence without the client's wrapping.
func plain(err error) string {
	s := strings.TrimPrefix(err.Error(), "Error response from daemon: ")
	return strings.TrimSpace(s)
}
