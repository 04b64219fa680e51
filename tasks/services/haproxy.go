package services

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type haproxyArgs struct {
	State        string             `arg:"state"`
	Host         string             `arg:"host"`
	Backend      module.Opt[string] `arg:"backend"`
	Weight       string             `arg:"weight"`
	Socket       string             `arg:"socket"`
	Shutdown     bool               `arg:"shutdown_sessions"`
	FailNotFound bool               `arg:"fail_on_not_found"`
	Health       bool               `arg:"health"`
	Agent        bool               `arg:"agent"`
	Wait         bool               `arg:"wait"`
	Retries      int                `arg:"wait_retries"`
	Interval     int                `arg:"wait_interval"`
	Drain        bool               `arg:"drain"`
}

var haproxySpec = module.Spec{
	Name:    "haproxy",
	Aliases: []string{"community.general.haproxy"},
	Summary: "Enable, disable and drain servers of HAProxy",
	Doc:     "Speaks with HAProxy over its socket on the host, through the SSH connection; the host needs no program for it. In a dry run nothing is done.",
	Args: []module.Arg{
		{Name: "state", Required: true, Choices: []string{"enabled", "disabled", "drain"}, Doc: "What the server is to be."},
		{Name: "host", Required: true, Doc: "The server's name."},
		{Name: "backend", Doc: "The backend that it belongs to; without one all backends that have it."},
		{Name: "weight", Doc: "The server's new weight when it is enabled: up to 256, or in percent of what it was."},
		{Name: "socket", Type: module.Path, Default: "/var/run/haproxy.sock", Doc: "HAProxy's socket."},
		{Name: "shutdown_sessions", Type: module.Bool, Default: false, Doc: "End the sessions of a server that is disabled."},
		{Name: "fail_on_not_found", Type: module.Bool, Default: false, Doc: "Fail when there is no such server."},
		{Name: "health", Type: module.Bool, Default: false, Doc: "Turn health checks on or off, too."},
		{Name: "agent", Type: module.Bool, Default: false, Doc: "Turn agent checks on or off, too."},
		{Name: "wait", Type: module.Bool, Default: false, Doc: "Wait until the server is UP, MAINT or DRAIN."},
		{Name: "wait_retries", Type: module.Int, Default: 25, Doc: "How often to look."},
		{Name: "wait_interval", Type: module.Int, Default: 5, Doc: "Seconds between two looks."},
		{Name: "drain", Type: module.Bool, Default: false, Doc: "Drain a server before it is disabled; with wait until it has no session."},
	},
	Returns: []module.Return{
		{Name: "state_before", Type: "list", When: "success", Doc: "status, weight and scur of the servers before; null: there is none."},
		{Name: "state_after", Type: "list", When: "success", Doc: "The same behind."},
		{Name: "command", Type: "list", When: "a server was found", Doc: "What HAProxy was told."},
		{Name: "output", Type: "list", When: "a server was found", Doc: "What it said."},
	},
	Examples: "- haproxy: {state: disabled, host: \"{{ inventory_hostname }}\", backend: www, socket: /run/haproxy/admin.sock, wait: true, drain: true}\n  delegate_to: balancer\n",
	Traits:   module.Traits{Reach: state.ReachExternal},
}

// HAProxy is the module haproxy.
func HAProxy() module.Module { return module.New(haproxySpec, planHAProxy) }

func planHAProxy(a haproxyArgs, _ module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	a.Socket = g.Path(a.Socket)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	m := value.M("changed", module.Later()) // only the talk tells whether the server was in that state
	for _, r := range haproxySpec.Returns {
		m.Set(r.Name, module.Later())
	}
	talk := state.Talk{Shown: a.State + " " + a.Host + " by way of " + a.Socket, With: func(ctx context.Context, dial state.Dialer) (any, error) {
		s := &haproxySession{haproxyArgs: a, dial: dial}
		return s.act(ctx)
	}}
	return module.Change{Ops: []state.Op{talk}, Result: m, NoCheck: "remote module ({task}) does not support check mode",
		Then: func(_ state.View, did []state.OpResult) (module.Change, error) {
			end, _ := did[len(did)-1].Data.(state.TalkEnd)
			if f, ok := end.Said.(*module.Failure); ok {
				return module.Change{}, f
			}
			if end.Err != nil {
				return module.Change{}, module.Fail(end.Msg)
			}
			r, _ := end.Said.(*value.Map)
			return module.Change{Result: r}, nil
		}}, nil
}

// haproxySession speaks with one HAProxy.
type haproxySession struct {
	haproxyArgs
	dial          state.Dialer
	command, said []string
	failed        *module.Failure
}

// server is one line of HAProxy's statistics.
type haproxyServer struct{ proxy, name, status, weight, sessions string }

func (s *haproxySession) act(ctx context.Context) (any, error) {
	before, err := s.find(ctx, s.Backend)
	if err != nil {
		return nil, err
	}
	if err := s.change(ctx); err != nil {
		return nil, err
	}
	if s.failed != nil {
		return s.failed, nil
	}
	after, err := s.find(ctx, s.Backend)
	if err != nil {
		return nil, err
	}
	was, is := serverList(before), serverList(after)
	r := value.M("state_before", was)
	if s.command != nil {
		r.Set("command", value.Strings(s.command...))
		r.Set("output", value.Strings(s.said...))
	}
	r.Set("state_after", is)
	r.Set("changed", value.Bool(!value.Equal(was, is)))
	return value.FromMap(r).MarkDeep(value.Unsafe).Map(), nil
}

func (s *haproxySession) change(ctx context.Context) error {
	switch {
	case s.State == "enabled":
		line := "get weight {s}; enable server {s}"
		if s.Agent {
			line += "; enable agent {s}"
		}
		if s.Health {
			line += "; enable health {s}"
		}
		if s.Weight != "" {
			line += "; set weight {s} " + s.Weight
		}
		return s.each(ctx, line, "UP")
	case s.State == "disabled" && !s.Drain:
		return s.disable(ctx)
	}
	knows, err := s.drains(ctx)
	if err != nil || !knows {
		return err
	}
	if err := s.each(ctx, "set server {s} state drain", "DRAIN"); err != nil || s.failed != nil || s.State == "drain" {
		return err
	}
	return s.disable(ctx)
}

func (s *haproxySession) disable(ctx context.Context) error {
	line := "get weight {s}"
	if s.Agent {
		line += "; disable agent {s}"
	}
	if s.Health {
		line += "; disable health {s}"
	}
	line += "; disable server {s}"
	if s.Shutdown {
		line += "; shutdown sessions server {s}"
	}
	return s.each(ctx, line, "MAINT")
}

var haproxyVersion = lazyregexp.New(`(?m)^.*Version: *(\d+)\.(\d+)`)

// drains tells whether HAProxy knows how to drain: from version 1.5.
func (s *haproxySession) drains(ctx context.Context) (bool, error) {
	text, err := s.say(ctx, "show info")
	m := haproxyVersion().FindStringSubmatch(text)
	if err != nil || m == nil {
		return false, err
	}
	var major, minor int
	_, err = fmt.Sscan(m[1]+" "+m[2], &major, &minor)
	return err == nil && (major > 1 || major == 1 && minor >= 5), nil
}

// each says a line about the server of each backend, {s} being its name.
func (s *haproxySession) each(ctx context.Context, line, status string) error {
	backends := []string{s.Backend.Or("")}
	if !s.Backend.Given() {
		all, err := s.servers(ctx)
		if err != nil {
			return err
		}
		backends = nil
		for _, x := range all {
			if x.name == "BACKEND" {
				backends = append(backends, x.proxy)
			}
		}
	}
	for _, b := range backends {
		there, err := s.find(ctx, module.Some(b))
		if err != nil {
			return err
		}
		if len(there) == 0 {
			if s.FailNotFound {
				s.failed = module.Fail(fmt.Sprintf("The specified backend '%s/%s' was not found!", b, s.Host))
				return nil
			}
			continue
		}
		cmd := strings.ReplaceAll(line, "{s}", b+"/"+s.Host)
		text, err := s.say(ctx, cmd)
		if err != nil {
			return err
		}
		s.command, s.said = append(s.command, cmd), append(s.said, strings.TrimSpace(text))
		if !s.Wait {
			continue
		}
		if err := s.waitFor(ctx, b, status); err != nil || s.failed != nil {
			return err
		}
	}
	return nil
}

func (s *haproxySession) waitFor(ctx context.Context, backend, status string) error {
	for range s.Retries - 1 {
		there, err := s.find(ctx, module.Some(backend))
		if err != nil {
			return err
		}
		// A server that another one is tracked by says more: MAINT (via a/b).
		if len(there) > 0 && strings.Contains(there[0].status, status) && (!s.Drain || there[0].sessions == "0") {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(s.Interval) * time.Second):
		}
	}
	s.failed = module.Fail(fmt.Sprintf("server %s/%s not status '%s' after %d retries. Aborting.", backend, s.Host, status, s.Retries))
	return nil
}

// find gives the lines about the server.
func (s *haproxySession) find(ctx context.Context, backend module.Opt[string]) ([]haproxyServer, error) {
	all, err := s.servers(ctx)
	var out []haproxyServer
	for _, x := range all {
		if b, given := backend.Get(); x.name == s.Host && (!given || x.proxy == b) {
			out = append(out, x)
		}
	}
	return out, err
}

func (s *haproxySession) servers(ctx context.Context) ([]haproxyServer, error) {
	text, err := s.say(ctx, "show stat")
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(strings.NewReader(strings.TrimLeft(text, "# ")))
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	rows, err := r.ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	var out []haproxyServer
	for _, row := range rows[1:] {
		get := func(name string) string {
			if i, ok := at[name]; ok && i < len(row) {
				return row[i]
			}
			return ""
		}
		out = append(out, haproxyServer{get("pxname"), get("svname"), get("status"), get("weight"), get("scur")})
	}
	return out, nil
}

// serverList is what is registered about servers; null for none.
func serverList(xs []haproxyServer) value.Value {
	if len(xs) == 0 {
		return value.Null
	}
	out := make([]value.Value, len(xs))
	for i, x := range xs {
		out[i] = value.FromMap(value.M("status", x.status, "weight", x.weight, "scur", x.sessions))
	}
	return value.List(out...)
}

// say tells HAProxy a line; each line has a connection of its own.
func (s *haproxySession) say(ctx context.Context, line string) (string, error) {
	c, err := s.dial(ctx, "unix", s.Socket)
	if err != nil {
		return "", err
	}
	defer c.Close() //nolint:errcheck // it was read to its end
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		return "", err
	}
	data, err := io.ReadAll(c)
	return string(data), err
}
