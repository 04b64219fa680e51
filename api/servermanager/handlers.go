package servermanager

import (
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/store"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Register puts the endpoints of generation A on a server.
func (s *Service) Register(e *echo.Echo) {
	e.POST("/start_provision", s.startProvision)
	e.POST(endpoint, s.runPlaybook)
	e.PUT("/playbook_status", s.putStatus)
	e.GET("/playbook_status", s.getStatus)
}

const html = "text/html; charset=UTF-8"

// startProvision only announced a list of runs; the original cleared a table
// in memory by it. Nothing depends on it here.
func (s *Service) startProvision(c echo.Context) error {
	if _, err := io.Copy(io.Discard, c.Request().Body); err != nil {
		return err
	}
	return c.Blob(http.StatusOK, html, []byte(`{"status": "Provision Started"}`))
}

func (s *Service) runPlaybook(c echo.Context) error {
	body, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return err
	}
	ids, err := s.accept(c.Request().Context(), body, c.RealIP())
	if err != nil {
		return s.sorry(c, err)
	}
	c.Response().Header().Set("X-Fairlead-Run", strings.Join(ids, ","))
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, []byte(`{"status": "Provision in Progress"}`))
}

// sorry answers a refused request: the status field is the state that
// server-manager is told, the rest is for people.
func (s *Service) sorry(c echo.Context, err error) error {
	var r *refusal
	if !errors.As(err, &r) {
		return err
	}
	s.cfg.Log.Warn("request refused", "path", c.Path(), "server_id", r.serverID, "err", err)
	s.debug("ERROR", "sm_ansible_server.py", "start_provision", r.state)
	answer := map[string]string{"status": r.state, "error": r.state}
	if r.serverID != "" {
		answer["server_id"] = r.serverID
	}
	if r.role != "" {
		answer["role"] = r.role
	}
	if r.hint != "" {
		answer["hint"] = r.hint
	}
	return c.JSON(diag.Usage.HTTPStatus(), answer)
}

// putStatus takes a status by its query; when a field is missing there, the
// body of the plain form of the client's call has it.
func (s *Service) putStatus(c echo.Context) error {
	body, err := io.ReadAll(io.LimitReader(c.Request().Body, 1<<20))
	if err != nil {
		return err
	}
	q := query(c.Request().URL.RawQuery)
	if doc, err := value.ParseJSON(body); err == nil {
		for k, v := range doc.Map().All() {
			if _, ok := q[k.Text()]; !ok && v.IsString() {
				q[k.Text()] = v.Str()
			}
		}
	}
	for _, k := range []string{"server_id", "state"} {
		if q[k] == "" {
			return s.sorry(c, &refusal{state: k + " not defined", hint: "the query must have server_id and state, and role if it is about one"})
		}
	}
	if len(q["server_id"]) > 1000 || len(q["role"]) > 1000 || len(q["state"]) > 10_000 {
		return s.sorry(c, &refusal{state: "the status is too long"})
	}
	st := store.Status{ServerID: q["server_id"], Role: q["role"], State: q["state"], Time: time.Now()}
	if err := s.put(c.Request().Context(), []store.Status{st}, true); err != nil {
		return err
	}
	answer, err := value.FromMap(value.M("server_id", st.ServerID, "state", st.State)).MarshalJSON()
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, html, answer)
}

// query reads a query as leniently as the clients write it: what is no valid
// escape stands for itself.
func query(raw string) map[string]string {
	out := map[string]string{}
	for pair := range strings.SplitSeq(raw, "&") {
		k, v, _ := strings.Cut(pair, "=")
		if k = unescape(k); k != "" {
			if _, twice := out[k]; !twice {
				out[k] = unescape(v)
			}
		}
	}
	return out
}

func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b.WriteByte(' ')
		case s[i] == '%' && i+2 < len(s):
			if c, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				b.Write(c)
				i += 2
				continue
			}
			b.WriteByte('%')
		default:
			b.WriteByte(s[i])
		}
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}

// roleStatus is one entry of the poll's answer.
type roleStatus struct {
	store.Status
	History  []store.Status `json:"history,omitempty"`
	Progress *progress      `json:"progress,omitempty"`
}

type progress struct {
	Status store.RunStatus `json:"status"`
	// Tasks is how many were begun; Task names the last one.
	Tasks   int64     `json:"tasks"`
	Task    string    `json:"task,omitempty"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	// Counts are of the results so far; what did not occur is left out.
	Counts map[string]int `json:"counts"`
}

func progressOf(r store.Run) *progress {
	p := &progress{Status: r.Status, Tasks: r.Tasks, Task: r.Task, Started: r.Started, Ended: r.Ended, Counts: map[string]int{}}
	c := r.Counts
	for name, n := range map[string]int{"ok": c.OK, "changed": c.Changed, "failed": c.Failed, "unreachable": c.Unreachable, "skipped": c.Skipped, "ignored": c.Ignored} {
		if n > 0 {
			p.Counts[name] = n
		}
	}
	return p
}

// getStatus is the poll that the original never had: by server_id, role, run,
// or all; with history=1 every status of each role.
func (s *Service) getStatus(c echo.Context) error {
	ctx, q := c.Request().Context(), query(c.Request().URL.RawQuery)
	f := store.StatusFilter{ServerID: q["server_id"], Role: q["role"], Run: q["run"]}
	sts, err := s.cfg.Store.Statuses(ctx, f)
	if err != nil {
		return err
	}
	if len(sts) == 0 && f.Run != "" {
		if _, err := s.cfg.Store.Run(ctx, f.Run); err != nil {
			return err
		}
	}
	runs := map[string]*progress{}
	out := make([]roleStatus, len(sts))
	for i, st := range sts {
		out[i].Status = st
		if _, known := runs[st.Run]; !known && st.Run != "" {
			runs[st.Run] = nil
			if r, err := s.cfg.Store.Run(ctx, st.Run); err == nil { // none yet while it is queued
				runs[st.Run] = progressOf(r)
			}
		}
		out[i].Progress = runs[st.Run]
		if q["history"] != "" {
			h := store.StatusFilter{ServerID: st.ServerID, Role: st.Role, Run: f.Run, History: true, Limit: 100}
			if out[i].History, err = s.cfg.Store.Statuses(ctx, h); err != nil {
				return err
			}
		}
	}
	return c.JSON(http.StatusOK, map[string]any{"statuses": out})
}
