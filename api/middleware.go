package api

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/store"
)

// logged writes one line for each request, without its query and body: they
// may hold what is nobody's business.
func (s *Server) logged(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		if err := next(c); err != nil {
			c.Error(err) // so that the status below is the one sent
		}
		req := c.Request()
		s.cfg.Log.Info("request", "method", req.Method, "path", req.URL.Path, "remote", c.RealIP(),
			"status", c.Response().Status, "bytes", c.Response().Size, "duration_ms", time.Since(start).Milliseconds())
		return nil
	}
}

// hasty lets whoever only looks not wait for a slow disk.
func hasty(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if req := c.Request(); req.Method == http.MethodGet {
			c.SetRequest(req.WithContext(store.Hasty(req.Context(), 500*time.Millisecond)))
		}
		return next(c)
	}
}

// recovered turns a panic of a handler into an error.
func recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				panic(p)
			default:
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		return next(c)
	}
}

// allowed lets in whom the configuration names, and only requests that mean
// this server: a page in somebody's browser must not reach it by a name of its own.
func (s *Server) allowed(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		from, err := netip.ParseAddr(c.RealIP())
		if err != nil {
			return echo.NewHTTPError(http.StatusForbidden, "unknown sender")
		}
		from = from.Unmap()
		ok := from.IsLoopback()
		for _, p := range s.allow {
			ok = ok || p.Contains(from)
		}
		if !ok {
			return echo.NewHTTPError(http.StatusForbidden, "this server does not take requests from "+from.String())
		}
		if from.IsLoopback() && !localName(c.Request().Host) {
			return echo.NewHTTPError(http.StatusMisdirectedRequest, "this server is not "+c.Request().Host)
		}
		return next(c)
	}
}

func localName(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	host = strings.Trim(host, "[]")
	if _, err := netip.ParseAddr(host); err == nil || host == "" || host == "localhost" {
		return true
	}
	return !strings.Contains(host, ".") // a bare host name is no public one
}

// limited bounds the size of a body, and instead of a time for all of it gives
// the client a while for each piece.
func (s *Server) limited(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		req := c.Request()
		if req.ContentLength > s.cfg.MaxBody {
			if req.Header.Get("Expect") == "" {
				// A client that is still sending would not see the answer.
				body := &patientBody{req.Body, http.NewResponseController(c.Response().Writer)}
				_, _ = io.CopyN(io.Discard, body, 2*s.cfg.MaxBody) // it is refused either way
			}
			return echo.NewHTTPError(http.StatusRequestEntityTooLarge, tooLarge(s.cfg.MaxBody))
		}
		if req.Body != nil && req.Body != http.NoBody {
			body := http.MaxBytesReader(c.Response().Writer, req.Body, s.cfg.MaxBody)
			req.Body = &patientBody{body, http.NewResponseController(c.Response().Writer)}
			if req.Method == http.MethodPost {
				room, held := req.ContentLength, s.small
				if room < 0 { // not told: it may be as large as it may be
					room = s.cfg.MaxBody
				}
				if room > smallBody {
					held = s.large
				}
				if err := held.Acquire(req.Context(), room); err != nil {
					return err
				}
				defer held.Release(room)
			}
		}
		return next(c)
	}
}

func tooLarge(limit int64) string {
	return fmt.Sprintf("the body has more than %d bytes, which is the most that is taken (%d MiB)", limit, limit>>20)
}

const (
	bodyPatience = time.Minute
	smallBody    = 1 << 20
)

type patientBody struct {
	io.ReadCloser
	rc *http.ResponseController
}

func (p *patientBody) Read(b []byte) (int, error) {
	_ = p.rc.SetReadDeadline(time.Now().Add(bodyPatience)) // tests have no connection
	n, err := p.ReadCloser.Read(b)
	_ = p.rc.SetReadDeadline(time.Time{})
	return n, err
}

// fail answers an error as JSON: by its class, and without the details of
// those that are our own fault.
func (s *Server) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	status, name, msg, hint := http.StatusInternalServerError, diag.Internal.String(), "internal error; the server's log says more", ""
	var he *echo.HTTPError
	var tooBig *http.MaxBytesError
	var d *diag.Diagnostic
	switch class := diag.ClassOf(err); {
	case errors.As(err, &tooBig):
		status, name, msg = http.StatusRequestEntityTooLarge, "too_large", tooLarge(tooBig.Limit)
	case errors.As(err, &he):
		status, name, msg = he.Code, strings.ReplaceAll(strings.ToLower(http.StatusText(he.Code)), " ", "_"), fmt.Sprint(he.Message)
	case class != diag.Internal:
		status, name, msg = class.HTTPStatus(), class.String(), err.Error()
		if errors.As(err, &d) {
			msg, hint = d.Msg, d.Hint
		}
	default:
		s.cfg.Log.Error("request failed", "path", c.Path(), "err", err)
	}
	answer := map[string]any{"status": "error", "error": map[string]string{"code": name, "message": msg}}
	if hint != "" {
		answer["error"] = map[string]string{"code": name, "message": msg, "hint": hint}
	}
	if err := c.JSON(status, answer); err != nil {
		s.cfg.Log.Debug("answer not sent", "err", err)
	}
}
