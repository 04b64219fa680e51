package services

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// rabbitRan are the calls that change something, with what they read.
func rabbitRan(h *moduletest.Host) string {
	var all []string
	for _, r := range h.Ran {
		_, call, _ := strings.Cut(r, " sh rabbit ")
		if call = strings.TrimSpace(call); !strings.HasPrefix(call, "list_") && !strings.HasPrefix(call, "authenticate_user") {
			all = append(all, strings.ReplaceAll(call, "\n", ""))
		}
	}
	return strings.Join(all, "|")
}

func TestRabbitMQ(t *testing.T) {
	t.Parallel()
	const (
		joe    = `[{"user": "guest", "tags": []}, {"user": "joe", "tags": ["b", "a"]}]`
		perms  = `[{"vhost": "/", "configure": "^$", "write": "^$", "read": "^$"}, {"vhost": "/old", "configure": "x", "write": "y", "read": "z"}]`
		topics = `[{"vhost": "/", "exchange": "e", "write": "w", "read": "r"}]`
	)
	perm := func(vhost string) *value.Map {
		return value.M("vhost", vhost, "configure_priv", "c", "write_priv", "w", "read_priv", "r")
	}
	for name, c := range map[string]struct {
		of   module.Module
		said []state.OpResult
		args *value.Map
		want string
	}{
		"new": {RabbitMQUser(), []state.OpResult{moduletest.Ended(0, "[]", "")}, value.M("user", "joe", "password", "secret", "tags", "a, b"),
			"add_user joe <secret|set_user_tags joe a b|set_permissions -p / joe ^$ ^$ ^$"},
		"without a password": {RabbitMQUser(), []state.OpResult{moduletest.Ended(0, "[]", "")}, value.M("user", "joe", "permissions", value.List(value.FromMap(perm("/a")))),
			"add_user joe|clear_password joe|set_user_tags joe|set_permissions -p /a joe c w r"},
		"as it is": {RabbitMQUser(), []state.OpResult{moduletest.Ended(0, joe, ""), moduletest.Ended(0, perms, ""), moduletest.Ended(0, "[]", "")},
			value.M("user", "joe", "tags", "a,b"), ""},
		"others": {RabbitMQUser(), []state.OpResult{moduletest.Ended(0, joe, ""), moduletest.Ended(0, perms, ""), moduletest.Ended(0, topics, ""), moduletest.Ended(1, "", "")},
			value.M("user", "joe", "password", "secret", "update_password", "always", "permissions", value.List(value.FromMap(perm("/old")))),
			"change_password joe <secret|set_user_tags joe|clear_permissions -p / joe|set_permissions -p /old joe c w r|clear_topic_permissions -p / joe e"},
		"right password": {RabbitMQUser(), []state.OpResult{moduletest.Ended(0, joe, ""), moduletest.Ended(0, perms, ""), moduletest.Ended(0, "[]", ""), moduletest.Ended(0, "", "")},
			value.M("user", "joe", "tags", "a,b", "password", "secret", "update_password", "always"), ""},
		"gone":     {RabbitMQUser(), []state.OpResult{moduletest.Ended(0, joe, "")}, value.M("user", "joe", "state", "absent"), "delete_user joe"},
		"was gone": {RabbitMQUser(), []state.OpResult{moduletest.Ended(0, joe, "")}, value.M("user", "ann", "state", "absent"), ""},
		"twice":    {RabbitMQUser(), nil, value.M("user", "a", "permissions", value.List(value.FromMap(perm("/")), value.FromMap(perm("/")))), "! two permission dicts for the same vhost"},
		"half":     {RabbitMQUser(), nil, value.M("user", "a", "permissions", value.List(value.FromMap(value.M("vhost", "/")))), "! configure_priv is missing"},
		"down":     {RabbitMQUser(), []state.OpResult{moduletest.Ended(69, "", "no node\n")}, value.M("user", "a"), "! rabbitmqctl exited with non-zero code: no node"},
		"user":     {RabbitMQUser(), []state.OpResult{moduletest.Ended(1, "Only root or rabbitmq can run rabbitmqctl\n", "")}, value.M("user", "a"), "! Wrong user used to run the `rabbitmqctl` utility: Only root or rabbitmq can run rabbitmqctl"},
		"odd":      {RabbitMQUser(), []state.OpResult{moduletest.Ended(0, "x", "")}, value.M("user", "a"), "! what rabbitmqctl says cannot be read"},

		"vhost":         {RabbitMQVhost(), []state.OpResult{moduletest.Ended(0, "/\tfalse\n", "")}, value.M("name", "/a", "tracing", true), "add_vhost /a|trace_on -p /a"},
		"vhost there":   {RabbitMQVhost(), []state.OpResult{moduletest.Ended(0, "/\tfalse\n/a\ttrue\n", "")}, value.M("name", "/a"), "trace_off -p /a"},
		"vhost gone":    {RabbitMQVhost(), []state.OpResult{moduletest.Ended(0, "/a\ttrue\n", "")}, value.M("name", "/a", "state", "absent"), "delete_vhost /a"},
		"vhost missing": {RabbitMQVhost(), []state.OpResult{moduletest.Ended(127, "", `Failed to find required executable "rabbitmqctl" in paths: /bin`)}, value.M("name", "/a"), `! Failed to find required executable "rabbitmqctl"`},
	} {
		h := &moduletest.Host{Said: append(c.said, state.OpResult{OK: true})}
		_, err := h.Run(t, c.of, c.args)
		if want, fails := strings.CutPrefix(c.want, "! "); fails {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		} else if got := rabbitRan(h); err != nil || got != c.want {
			t.Errorf("%s: %v\n got %s\nwant %s", name, err, got, c.want)
		}
	}
}
