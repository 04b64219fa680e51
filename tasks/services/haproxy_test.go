package services

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/value"
)

// balancer answers as HAProxy does: one server, whose state is what was said last.
type balancer struct {
	status, version string
	said            []string
}

func (b *balancer) dial(_ context.Context, network, address string) (net.Conn, error) {
	if network != "unix" || address != "/run/h" {
		return nil, io.ErrUnexpectedEOF
	}
	mine, theirs := net.Pipe()
	go func() {
		line, _ := bufio.NewReader(theirs).ReadString('\n')
		line = strings.TrimSpace(line)
		answer := "\n"
		switch {
		case line == "show stat":
			answer = "# pxname,svname,scur,status,weight,\nb,web,0," + b.status + ",1,\nb,BACKEND,0,UP,1,\n\n"
		case line == "show info":
			answer = "Name: HAProxy\nVersion: " + b.version + "\n"
		default:
			b.said = append(b.said, line)
			for word, status := range map[string]string{"enable server": "UP", "disable server": "MAINT", "state drain": "DRAIN"} {
				if strings.Contains(line, word) {
					b.status = status
				}
			}
		}
		_, _ = io.WriteString(theirs, answer)
		_ = theirs.Close()
	}()
	return mine, nil
}

func TestHAProxy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status, version string
		args            []any
		said            string
		changed         bool
		fails           string
	}{
		"enabled":       {"MAINT", "2.6", []any{"state", "enabled"}, "get weight b/web; enable server b/web", true, ""},
		"enabled again": {"UP", "2.6", []any{"state", "enabled", "weight", "5", "health", true}, "get weight b/web; enable server b/web; enable health b/web; set weight b/web 5", false, ""},
		"disabled":      {"UP", "2.6", []any{"state", "disabled", "wait", true, "shutdown_sessions", true}, "get weight b/web; disable server b/web; shutdown sessions server b/web", true, ""},
		"drained first": {"UP", "2.6", []any{"state", "disabled", "drain", true, "wait", true}, "set server b/web state drain|get weight b/web; disable server b/web", true, ""},
		"drain":         {"UP", "1.5.3", []any{"state", "drain"}, "set server b/web state drain", true, ""},
		"too old":       {"UP", "1.4.9", []any{"state", "drain"}, "", false, ""},
		"no server":     {"UP", "2.6", []any{"state", "enabled", "host", "x"}, "", false, ""},
		"not found":     {"UP", "2.6", []any{"state", "enabled", "backend", "x", "fail_on_not_found", true}, "", false, "The specified backend 'x/web' was not found!"},
		"no patience":   {"UP", "2.6", []any{"state", "enabled", "wait", true, "wait_retries", 1}, "get weight b/web; enable server b/web", false, "server b/web not status 'UP' after 1 retries. Aborting."},
		"no socket":     {"UP", "2.6", []any{"state", "enabled", "socket", "/none"}, "", false, "unexpected EOF"},
	} {
		b := &balancer{status: c.status, version: c.version}
		h := &moduletest.Host{Dial: b.dial}
		r, err := h.Run(t, HAProxy(), value.M(append([]any{"host", "web", "socket", "/run/h"}, c.args...)...))
		if got := strings.Join(b.said, "|"); got != c.said {
			t.Errorf("%s: said %s", name, got)
		}
		switch {
		case c.fails != "":
			if err == nil || err.Error() != c.fails {
				t.Errorf("%s: %v", name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		default:
			if v, _ := r.Get("changed"); v.Repr() != map[bool]string{true: "True", false: "False"}[c.changed] {
				t.Errorf("%s: %v", name, r)
			}
		}
	}
}
