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

// Register puts the endpoints of all generations on a server.
func (s *Service) Register(e *echo.Echo) {
	e.POST("/start_provision", s.startProvision)
	for _, endpoint := range []string{runPlaybook, runContrail, runOpenstack, runAnsible} {
		e.POST(endpoint, s.provision(endpoint))
	}
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

// readAll reads a body into as much memory as it needs, when its length is told.
func readAll(req *http.Request) ([]byte, error) {
	if req.ContentLength <= 0 {
		return io.ReadAll(req.Body)
	}
	body := make([]byte, req.ContentLength)
	_, err := io.ReadFull(req.Body, body)
	return body, err
}

// provision answers as soon as the request is recorded.
func (s *Service) provision(endpoint string) echo.HandlerFunc {
	return func(c echo.Context) error {
		body, err := readAll(c.Request())
		if err != nil {
			return err
		}
		ids, err := s.accept(c.Request().Context(), endpoint, body, c.RealIP())
		if err != nil {
			return s.sorry(c, err)
		}
		c.Response().Header().Set("X-Fairlead-Run", strings.Join(ids, ","))
		return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, []byte(`{"status": "Provision in Progress"}`))
	}
}

// sorry answers a refused request: the status field is the state that
// server-manager is told, the rest is for people.
func (s *Service) sorry(c echo.Context, err error) error {
	var r *refusal
	if !errors.As(err, &r) {
		return err
	}
	s.cfg.Log.Warn("request refused", "path", c.Path(), "server_id", strings.Join(r.told, ","), "err", err)
	s.cfg.Logs.line(s, "ERROR", "sm_ansible_server.py", "start_provision", strings.TrimSuffix(r.state+": "+r.hint, ": "))
	answer := map[string]string{"status": r.state, "error": r.state}
	if len(r.told) == 1 {
		answer["server_id"] = r.told[0]
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
	record, cancel := s.recording(c.Request().Context(), 0)
	defer cancel()
	if err := s.cfg.Store.PutStatus(record, []store.Status{st}, s.push(st)); err != nil {
		return s.slow(err)
	}
	s.wakePush()
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
