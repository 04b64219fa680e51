package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/run"
	"github.com/fairlead-project/fairlead/engine/store"
)

// remoteRecord is the record of a server, asked over HTTP.
type remoteRecord struct{ base string }

func newRemote(server string) (*remoteRecord, error) {
	if !strings.Contains(server, "://") {
		server = "http://" + server
	}
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, diag.New(diag.Usage, diag.Pos{}, "bad-server", "%q is no URL of a server", server).WithHint("write it as http://127.0.0.1:9003")
	}
	return &remoteRecord{strings.TrimRight(u.String(), "/") + "/api/v1"}, nil
}

// call does a request and decodes the answer into out; in is its body, nil for
// none.
func (r *remoteRecord) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.base+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return diag.New(diag.Unreachable, diag.Pos{}, "server", "the server cannot be asked: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return answered(resp.Status, resp.StatusCode, answer)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("answer of %s: %w", path, err)
	}
	return nil
}

// answered makes an error of an answer that is one.
func answered(status string, code int, body []byte) error {
	var a struct {
		Error struct{ Message, Hint string }
	}
	msg := status
	if json.Unmarshal(body, &a) == nil && a.Error.Message != "" {
		msg = a.Error.Message
	}
	class := diag.Usage
	switch code {
	case http.StatusNotFound:
		class = diag.NotFound
	case http.StatusConflict:
		class = diag.Conflict
	}
	d := diag.New(class, diag.Pos{}, "server", "%s", msg)
	if a.Error.Hint != "" {
		return d.WithHint("%s", a.Error.Hint)
	}
	return d
}

// Runs implements record, a page at a time.
func (r *remoteRecord) Runs(ctx context.Context, f store.RunFilter) ([]store.Run, error) {
	const page = 500
	var out []store.Run
	for {
		q := url.Values{"limit": {strconv.Itoa(min(page, f.Limit-len(out)))}}
		if f.Status != "" {
			q.Set("status", string(f.Status))
		}
		if f.Before != "" {
			q.Set("before", f.Before)
		}
		var a struct {
			Runs []store.Run
			Next string `json:"next_before"`
		}
		if err := r.call(ctx, http.MethodGet, "/runs?"+q.Encode(), nil, &a); err != nil {
			return nil, err
		}
		out = append(out, a.Runs...)
		if a.Next == "" || len(a.Runs) == 0 || len(out) >= f.Limit {
			return out, nil
		}
		f.Before = a.Next
	}
}

// Run implements record.
func (r *remoteRecord) Run(ctx context.Context, id string) (store.Run, error) {
	var out store.Run
	err := r.call(ctx, http.MethodGet, "/runs/"+url.PathEscape(id), nil, &out)
	return out, err
}

// Read implements record.
func (r *remoteRecord) Read(ctx context.Context, run string, after int64, limit int) ([]event.Event, error) {
	var out struct{ Events []event.Event }
	err := r.call(ctx, http.MethodGet, fmt.Sprintf("/runs/%s/events?after=%d&limit=%d", url.PathEscape(run), after, limit), nil, &out)
	return out.Events, err
}

// doubts lists what is in doubt of a run.
func (r *remoteRecord) doubts(ctx context.Context, id string) ([]run.Doubt, error) {
	var out struct{ Doubts []run.Doubt }
	err := r.call(ctx, http.MethodGet, "/runs/"+url.PathEscape(id)+"/doubts", nil, &out)
	return out.Doubts, err
}

// post asks for something to be done with a run; in is the body, nil for none.
func (r *remoteRecord) post(ctx context.Context, run, what string, in any) error {
	return r.call(ctx, http.MethodPost, "/runs/"+url.PathEscape(run)+"/"+what, in, nil)
}
