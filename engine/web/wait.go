package web

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"time"
)

// errLate is a server that let us wait for too long.
var errLate = errors.New("timed out")

// errSilent is one that took the request and let us wait for its answer. Python's
// urllib tells the two apart.
var errSilent = fmt.Errorf("%w", errLate)

// watch ends a request when nothing came for too long.
type watch struct {
	mu    sync.Mutex
	timer *time.Timer
	limit time.Duration
}

// patience starts to wait for a server.
func (c *call) patience(cancel context.CancelCauseFunc) *watch {
	w := &watch{limit: c.Timeout}
	if w.limit > 0 {
		w.timer = time.AfterFunc(w.limit, func() { cancel(errLate) })
	}
	return w
}

func (w *watch) more() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Reset(w.limit)
	}
}

func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
}

// body is an answer that starts the wait anew with all that comes.
func (w *watch) body(r io.ReadCloser) io.ReadCloser { return &watchedBody{r, w} }

type watchedBody struct {
	io.ReadCloser
	w *watch
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.w.more()
	}
	if errors.Is(err, context.Canceled) {
		err = errLate
	}
	return n, err
}

// gunzip takes gzip off what comes; it looks at it when it is first read.
type gunzip struct {
	from io.Reader
	r    *gzip.Reader
}

func (g *gunzip) Read(p []byte) (int, error) {
	if g.r == nil {
		r, err := gzip.NewReader(g.from)
		if err != nil {
			return 0, err
		}
		g.r = r
	}
	return g.r.Read(p)
}

// said is what Ansible says of a server that cannot be asked.
func said(err error) string {
	switch {
	case errors.Is(err, errSilent):
		return "Connection failure: timed out"
	case errors.Is(err, errLate):
		return "Request failed: <urlopen error timed out>"
	}
	text := plain(err)
	if strings.HasPrefix(text, "Connection failure") {
		return text
	}
	return "Request failed: <urlopen error " + text + ">"
}

// plain is an error in the words of Python's sockets.
func plain(err error) string {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err
	}
	text := err.Error()
	certErr, isCert := errors.AsType[*tls.CertificateVerificationError](err)
	_, isHost := errors.AsType[x509.HostnameError](err)
	switch {
	case isCert && isHost:
		return "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch: " + certErr.Err.Error()
	case isCert:
		return "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: " + certErr.Err.Error()
	case errors.Is(err, errLate):
		return "timed out"
	case strings.Contains(text, "onnection refused"):
		return "[Errno 111] Connection refused"
	case strings.Contains(text, "o route to host"):
		return "[Errno 113] No route to host"
	case strings.Contains(text, "etwork is unreachable"):
		return "[Errno 101] Network is unreachable"
	case strings.Contains(text, "onnection timed out"):
		return "[Errno 110] Connection timed out"
	case strings.Contains(text, "not known") || strings.Contains(text, "no such host") || strings.Contains(text, "emporary failure in name resolution"):
		return "[Errno -2] Name or service not known"
	case errors.Is(err, io.EOF):
		return "Connection failure: Remote end closed connection without response"
	case errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(text, "connection reset"):
		return "Connection failure: connection was closed before a valid response was received: " + text
	}
	return text
}
