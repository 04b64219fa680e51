// Package v1 is the modern interface to runs: lists, one run, its events as
// JSON or as a stream.
package v1

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/fairlead-project/fairlead/api/jobs"
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/store"
)

// Store is what the interface needs of a store.
type Store interface {
	Runs(ctx context.Context, f store.RunFilter) ([]store.Run, error)
	Run(ctx context.Context, id string) (store.Run, error)
	Read(ctx context.Context, run string, after int64, limit int) ([]event.Event, error)
	Watch(run string) (<-chan struct{}, func())
	Ledger(root string, durable bool) event.Ledger
}

// Control is what the interface needs to end runs and to carry them on.
type Control interface {
	Cancel(ctx context.Context, run string) error
	Resume(ctx context.Context, run string, ds jobs.Decisions) error
	Forget(ctx context.Context, run string) error
}

// Register puts the routes on a group.
func Register(g *echo.Group, s Store, control Control) {
	h := &handler{s}
	g.POST("/runs/:id/cancel", accepted(control.Cancel, "cancelling"))
	g.POST("/runs/:id/forget", accepted(control.Forget, "forgotten"))
	g.POST("/runs/:id/resume", func(c echo.Context) error {
		ds, err := decisions(c)
		if err != nil {
			return err
		}
		return accepted(func(ctx context.Context, id string) error { return control.Resume(ctx, id, ds) }, "queued")(c)
	})
	g.GET("/runs/:id/doubts", h.doubts)
	g.GET("/runs", h.list)
	g.GET("/runs/:id", h.show)
	g.GET("/runs/:id/events", h.events)
}

// accepted does something to a run that takes effect in a moment.
func accepted(do func(context.Context, string) error, status string) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := do(c.Request().Context(), c.Param("id")); err != nil {
			return err
		}
		return c.JSON(http.StatusAccepted, map[string]string{"id": c.Param("id"), "status": status})
	}
}

// decisions reads what the body of a resume says of what is in doubt; there may
// be none.
func decisions(c echo.Context) (ds jobs.Decisions, err error) {
	body, err := io.ReadAll(c.Request().Body)
	if err != nil || len(bytes.TrimSpace(body)) == 0 {
		return ds, err
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&ds); err != nil {
		return ds, diag.Errorf(diag.Pos{}, "bad-body", "the body is not understood: %w", err).
			WithHint(`send nothing, or {"done": ["HOST:TASK"], "redo": ["HOST"]}`)
	}
	return ds, nil
}

// doubts lists the effects of a run of which nobody knows whether they happened.
func (h *handler) doubts(c echo.Context) error {
	ds, err := jobs.Doubts(c.Request().Context(), h.s, c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"doubts": ds})
}

const (
	maxList = 1000
	// page is how many events are read at once.
	page = 500
	// lookAgain is how often a stream looks for events that another process
	// wrote, and keepAlive how often it says that it is there.
	lookAgain = time.Second
	keepAlive = 15 * time.Second
)

type handler struct{ s Store }

func (h *handler) list(c echo.Context) error {
	limit, err := number(c, "limit", 100)
	if err != nil {
		return err
	}
	f := store.RunFilter{
		Status: store.RunStatus(c.QueryParam("status")), Origin: c.QueryParam("origin"),
		Before: c.QueryParam("before"), Limit: int(min(max(limit, 1), maxList)),
	}
	runs, err := h.s.Runs(c.Request().Context(), f)
	if err != nil {
		return err
	}
	answer := map[string]any{"runs": runs}
	if len(runs) == f.Limit {
		answer["next_before"] = runs[len(runs)-1].ID
	}
	return c.JSON(http.StatusOK, answer)
}

func (h *handler) show(c echo.Context) error {
	r, err := h.s.Run(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, r)
}

// events gives the events after a number; to a client that asks for
// text/event-stream, as they come until the run has ended.
func (h *handler) events(c echo.Context) error {
	after, err := number(c, "after", 0)
	if err != nil {
		return err
	}
	limit, err := number(c, "limit", page)
	if err != nil {
		return err
	}
	id := c.Param("id")
	if _, err := h.s.Run(c.Request().Context(), id); err != nil {
		return err
	}
	if strings.Contains(c.Request().Header.Get(echo.HeaderAccept), "text/event-stream") {
		if last := c.Request().Header.Get("Last-Event-ID"); last != "" {
			if after, err = strconv.ParseInt(last, 10, 64); err != nil {
				return diag.Errorf(diag.Pos{}, "bad-number", "Last-Event-ID %q is no number", last)
			}
		}
		return h.stream(c, id, after)
	}
	es, err := h.s.Read(c.Request().Context(), id, after, int(min(max(limit, 1), maxList)))
	if err != nil {
		return err
	}
	if es == nil {
		es = []event.Event{}
	}
	return c.JSON(http.StatusOK, map[string]any{"events": es})
}

func number(c echo.Context, name string, def int64) (int64, error) {
	s := c.QueryParam(name)
	if s == "" {
		return def, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, diag.Errorf(diag.Pos{}, "bad-number", "%s=%q is no number", name, s)
	}
	return n, nil
}

// stream sends events as they come. It ends with the run, or with the client.
func (h *handler) stream(c echo.Context, id string, after int64) error {
	ctx := c.Request().Context()
	switch r, err := h.s.Run(ctx, id); {
	case err != nil:
		return err
	case r.Status.Ended() && r.LastSeq <= after:
		return c.NoContent(http.StatusNoContent) // tells a browser not to come again
	}
	changed, stop := h.s.Watch(id)
	defer stop()
	w := c.Response()
	w.Header().Set(echo.HeaderContentType, "text/event-stream; charset=utf-8")
	w.Header().Set(echo.HeaderCacheControl, "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	look, alive := time.NewTicker(lookAgain), time.NewTicker(keepAlive)
	defer look.Stop()
	defer alive.Stop()
	for {
		var ended bool
		var err error
		if after, ended, err = h.send(ctx, w, id, after); err != nil || ended {
			return nil //nolint:nilerr // the answer has begun; the client asks again from where it was
		}
		w.Flush()
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-look.C:
			if r, err := h.s.Run(ctx, id); err != nil || r.Status.Ended() && r.LastSeq <= after {
				return nil //nolint:nilerr // ended without a last event, or pruned
			}
		case <-alive.C:
			if _, err := w.Write([]byte(": still here\n\n")); err != nil {
				return nil //nolint:nilerr // the client went away
			}
		}
	}
}

// send writes all events there are and tells whether the last one was among them.
func (h *handler) send(ctx context.Context, w *echo.Response, id string, after int64) (int64, bool, error) {
	for {
		es, err := h.s.Read(ctx, id, after, page)
		if err != nil {
			return after, false, err
		}
		var b bytes.Buffer
		for i := range es {
			data, err := es[i].MarshalJSON()
			if err != nil {
				return after, false, err
			}
			fmt.Fprintf(&b, "id: %d\nevent: %s\ndata: %s\n\n", es[i].Seq, es[i].Kind, data)
			after = es[i].Seq
			if es[i].Kind == event.RunEnded {
				_, err := w.Write(b.Bytes())
				w.Flush()
				return after, true, err
			}
		}
		if _, err := w.Write(b.Bytes()); err != nil || len(es) < page {
			return after, false, err
		}
	}
}
