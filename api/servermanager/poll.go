package servermanager

import (
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/fairlead-project/fairlead/engine/store"
)

// roleStatus is one entry of the poll's answer.
type roleStatus struct {
	store.Status
	History  []store.Status `json:"history,omitempty"`
	Progress *progress      `json:"progress,omitempty"`
}

type progress struct {
	Status store.RunStatus `json:"status"`
	// Playbook is what the run runs.
	Playbook string `json:"playbook,omitempty"`
	// Tasks is how many were begun; Task names the last one.
	Tasks   int64     `json:"tasks"`
	Task    string    `json:"task,omitempty"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	// Counts are of the results so far; what did not occur is left out.
	Counts map[string]int `json:"counts"`
	// Results are those of each task, of the host that the entry is about.
	Results []store.TaskResult `json:"results,omitempty"`
}

func progressOf(r store.Run) *progress {
	p := &progress{Status: r.Status, Tasks: r.Tasks, Task: r.Task, Started: r.Started, Ended: r.Ended, Counts: map[string]int{}}
	if len(r.Playbooks) > 0 {
		p.Playbook = r.Playbooks[0]
	}
	c := r.Counts
	for name, n := range map[string]int{"ok": c.OK, "changed": c.Changed, "failed": c.Failed, "unreachable": c.Unreachable, "skipped": c.Skipped, "ignored": c.Ignored} {
		if n > 0 {
			p.Counts[name] = n
		}
	}
	return p
}

// maxResults bounds how many tasks of one host the poll lists.
const maxResults = 5000

// getStatus is the poll that the original never had: by server_id, cluster_id,
// role, run, or all; with history=1 every status of each role. What is asked
// for one server or run, or with tasks=1, has the result of each task.
func (s *Service) getStatus(c echo.Context) error {
	ctx, q := c.Request().Context(), query(c.Request().URL.RawQuery)
	f := store.StatusFilter{ServerID: q["server_id"], Role: q["role"], Run: q["run"], Cluster: q["cluster_id"]}
	sts, err := s.cfg.Store.Statuses(ctx, f)
	if err != nil {
		return err
	}
	if len(sts) == 0 && f.Run != "" {
		if _, err := s.cfg.Store.Run(ctx, f.Run); err != nil {
			return err
		}
	}
	tasks := q["tasks"] != "" && q["tasks"] != "0" || q["tasks"] == "" && (f.ServerID != "" || f.Run != "")
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
		if out[i].Progress = runs[st.Run]; out[i].Progress != nil && tasks {
			p := *out[i].Progress
			if p.Results, err = s.results(c, st); err != nil {
				return err
			}
			out[i].Progress = &p
		}
		if q["history"] != "" {
			h := store.StatusFilter{ServerID: st.ServerID, Role: st.Role, Run: f.Run, Cluster: f.Cluster, History: true, Limit: 100}
			if out[i].History, err = s.cfg.Store.Statuses(ctx, h); err != nil {
				return err
			}
		}
	}
	return c.JSON(http.StatusOK, map[string]any{"statuses": out})
}

// results are those of a status's run on its host. A server of the generations
// that name servers by id has a run of its own.
func (s *Service) results(c echo.Context, st store.Status) ([]store.TaskResult, error) {
	all, err := s.cfg.Store.TaskResults(c.Request().Context(), st.Run, st.ServerID, maxResults)
	if err == nil && len(all) == 0 && s.isID(c, st) {
		all, err = s.cfg.Store.TaskResults(c.Request().Context(), st.Run, "", maxResults)
	}
	return all, err
}

// isID tells whether server-manager knows the server of a status by an id, and
// not by the address in the inventory: by the states of those generations.
func (s *Service) isID(c echo.Context, st store.Status) bool {
	told, err := s.cfg.Store.Statuses(c.Request().Context(), store.StatusFilter{ServerID: st.ServerID, Run: st.Run, History: true})
	return err == nil && slices.ContainsFunc(told, func(x store.Status) bool {
		return x.State == InProgress || x.State == ProvisionSuccess || x.State == ProvisionFailed
	})
}
