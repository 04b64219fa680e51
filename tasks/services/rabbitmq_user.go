package services

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type rabbitUserArgs struct {
	User        string       `arg:"user"`
	Password    string       `arg:"password"`
	Tags        string       `arg:"tags"`
	Permissions []*value.Map `arg:"permissions"`
	Vhost       string       `arg:"vhost"`
	Configure   string       `arg:"configure_priv"`
	Write       string       `arg:"write_priv"`
	Read        string       `arg:"read_priv"`
	Topics      []*value.Map `arg:"topic_permissions"`
	Force       bool         `arg:"force"`
	State       string       `arg:"state"`
	Node        string       `arg:"node"`
	Update      string       `arg:"update_password"`
}

var rabbitUserSpec = module.Spec{
	Name:    "rabbitmq_user",
	Aliases: []string{"community.rabbitmq.rabbitmq_user"},
	Summary: "Have a user of RabbitMQ with tags and permissions, or not",
	Doc: "Works with the host's rabbitmqctl of RabbitMQ 3.7.6 or newer, and asks it, in a plan too. It reads passwords from its input, " +
		"so that none is in an argument list.",
	Args: []module.Arg{
		{Name: "user", Aliases: []string{"username", "name"}, Required: true, Doc: "The user."},
		{Name: "password", Secret: true, Doc: "The password; without it the user cannot log in with one."},
		{Name: "tags", Doc: "All of its tags, joined by commas."},
		{Name: "permissions", Type: module.List, Elem: module.Dict, Doc: "All of its permissions: vhost, configure_priv, write_priv and read_priv of each virtual host."},
		{Name: "vhost", Default: "/", Doc: "The virtual host for what follows; others' permissions stay. None of these counts beside permissions."},
		{Name: "configure_priv", Default: "^$", Doc: "A regular expression of what may be configured."},
		{Name: "write_priv", Default: "^$", Doc: "Of what may be written to."},
		{Name: "read_priv", Default: "^$", Doc: "Of what may be read."},
		{Name: "topic_permissions", Type: module.List, Elem: module.Dict, Doc: "All of its permissions for topics: vhost (/), exchange (amq.topic), write_priv and read_priv of each."},
		{Name: "force", Type: module.Bool, Default: false, Doc: "Make a user that is there anew."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether it is to be there."},
		{Name: "node", Default: "rabbit", Doc: "The node of the cluster that is told."},
		{Name: "update_password", Choices: []string{"always", "on_create"}, Default: "on_create", Doc: "Whether the password of one that is there is set where it is another."},
	},
	Returns: []module.Return{
		{Name: "user", Type: "str", When: "success", Doc: "As given; so is state."},
	},
	Examples: "- rabbitmq_user: {user: joe, password: '{{ secret }}', vhost: /, configure_priv: .*, read_priv: .*, write_priv: .*, tags: monitoring}\n",
	Traits:   module.Traits{RunOnly: true, Reach: state.ReachHost},
}

// RabbitMQUser is the module rabbitmq_user.
func RabbitMQUser() module.Module { return module.New(rabbitUserSpec, planRabbitUser) }

// rabbitPermission is what a user may do in a virtual host, or with an exchange of topics.
type rabbitPermission struct {
	Vhost     string `json:"vhost"`
	Exchange  string `json:"exchange"`
	Configure string `json:"configure"`
	Write     string `json:"write"`
	Read      string `json:"read"`
}

// same tells whether two permissions are about the same.
func (p rabbitPermission) same(q rabbitPermission) bool {
	return p.Vhost == q.Vhost && p.Exchange == q.Exchange
}

// rabbitPermissions reads permissions that were given, with what stands for a missing
// virtual host and exchange.
func rabbitPermissions(list []*value.Map, what, vhost, exchange string, parts ...string) ([]rabbitPermission, error) {
	var all []rabbitPermission
	for _, m := range list {
		get := func(or string, names ...string) string {
			for _, n := range names {
				if v, ok := m.Get(n); ok {
					return v.Text()
				}
			}
			return or
		}
		for _, part := range parts {
			if get("", part+"_priv", part) == "" {
				return nil, module.Fail("Error parsing vhost " + what + ": " + part + "_priv is missing (^$ is nothing)")
			}
		}
		p := rabbitPermission{Vhost: get(vhost, "vhost"), Configure: get("", "configure_priv", "configure"), Write: get("", "write_priv", "write"), Read: get("", "read_priv", "read")}
		if exchange != "" {
			p.Exchange, p.Configure = get(exchange, "exchange"), ""
		}
		if p.Vhost == "" {
			return nil, module.Fail("Error parsing vhost permissions: You can'thave an empty vhost when setting permissions")
		}
		if slices.ContainsFunc(all, p.same) {
			if exchange != "" {
				return nil, module.Fail("Error parsing vhost topic_permissions: You can't have two topic permission dicts for the same vhost and the same exchange")
			}
			return nil, module.Fail("Error parsing vhost permissions: You can't have two permission dicts for the same vhost")
		}
		all = append(all, p)
	}
	return all, nil
}

// rabbitUserTask is a task on its way.
type rabbitUserTask struct {
	rabbitUserArgs
	node           rabbitNode
	tags           []string
	perms, topics  []rabbitPermission
	cmds           []state.Exec
	hasTags        []string
	has, hasTopics []rabbitPermission
}

func planRabbitUser(a rabbitUserArgs, _ module.Inputs, _ state.View) (module.Change, error) {
	t := rabbitUserTask{rabbitUserArgs: a, node: rabbitNode(a.Node), perms: []rabbitPermission{{Vhost: a.Vhost, Configure: a.Configure, Write: a.Write, Read: a.Read}}}
	var err error
	if len(a.Permissions) > 0 {
		if t.perms, err = rabbitPermissions(a.Permissions, "permissions", "", "", "configure", "write", "read"); err != nil {
			return module.Change{}, err
		}
	} else if a.Vhost == "" {
		return module.Change{}, module.Fail("Error parsing vhost permissions: You can'thave an empty vhost when setting permissions")
	}
	if t.topics, err = rabbitPermissions(a.Topics, "topic_permissions", "/", "amq.topic", "write", "read"); err != nil {
		return module.Change{}, err
	}
	if a.Tags != "" {
		t.tags = strings.Split(strings.ReplaceAll(a.Tags, " ", ""), ",")
	}
	predicted := value.M("changed", module.Later(), "user", a.User, "state", a.State)
	c := module.Look(t.node.exec("list_users", "--formatter", "json"), predicted, func(_ state.View, r state.OpResult) (module.Change, error) {
		return t.users(r)
	})
	return c, nil
}

// users goes on with what users there are.
func (t rabbitUserTask) users(r state.OpResult) (module.Change, error) {
	if r.RC != 0 || !r.OK {
		return module.Change{}, t.node.refused(r)
	}
	var users []struct {
		User string   `json:"user"`
		Tags []string `json:"tags"`
	}
	if err := rabbitSays(r.Stdout, &users); err != nil {
		return module.Change{}, err
	}
	there := false
	for _, u := range users {
		if u.User == t.User {
			there, t.hasTags = true, u.Tags
		}
	}
	switch {
	case t.State == "absent" && there:
		t.cmds = append(t.cmds, t.node.exec("delete_user", t.User))
		return t.end(), nil
	case t.State == "absent":
		return t.end(), nil
	case there && t.Force:
		t.cmds = append(t.cmds, t.node.exec("delete_user", t.User))
		t.hasTags = nil
		t.add()
		t.mark(false)
		return t.end(), nil
	case !there:
		t.add()
		t.mark(true)
		return t.end(), nil
	}
	predicted := value.M("changed", module.Later(), "user", t.User, "state", t.State)
	return module.Look(t.node.exec("list_user_permissions", t.User, "--formatter", "json"), predicted, func(_ state.View, r state.OpResult) (module.Change, error) {
		if err := t.take(r, &t.has); err != nil {
			return module.Change{}, err
		}
		if len(t.Permissions) == 0 { // others are not asked about
			t.has = slices.DeleteFunc(t.has, func(p rabbitPermission) bool { return p.Vhost != t.Vhost })
		}
		return module.Look(t.node.exec("list_user_topic_permissions", t.User, "--formatter", "json"), predicted, func(_ state.View, r state.OpResult) (module.Change, error) {
			if err := t.take(r, &t.hasTopics); err != nil {
				return module.Change{}, err
			}
			return t.compare(predicted), nil
		}), nil
	}), nil
}

// take reads permissions.
func (t rabbitUserTask) take(r state.OpResult, into *[]rabbitPermission) error {
	if r.RC != 0 || !r.OK {
		return t.node.refused(r)
	}
	return rabbitSays(r.Stdout, into)
}

// compare decides about a user that is there; whether its password is the one is tried.
func (t rabbitUserTask) compare(predicted *value.Map) module.Change {
	if t.Update != "always" {
		t.mark(false)
		return t.end()
	}
	return module.Look(t.node.withPassword(t.Password, "authenticate_user", t.User), predicted, func(_ state.View, r state.OpResult) (module.Change, error) {
		switch {
		case r.RC == 0:
		case t.Password == "":
			t.cmds = append(t.cmds, t.node.exec("clear_password", t.User))
		default:
			t.cmds = append(t.cmds, t.node.withPassword(t.Password, "change_password", t.User))
		}
		t.mark(false)
		return t.end(), nil
	})
}

func (t *rabbitUserTask) add() {
	if t.Password == "" {
		t.cmds = append(t.cmds, t.node.exec("add_user", t.User, ""), t.node.exec("clear_password", t.User))
		return
	}
	t.cmds = append(t.cmds, t.node.withPassword(t.Password, "add_user", t.User))
}

// mark sets tags and permissions, as far as they are others; always also tags that are none.
func (t *rabbitUserTask) mark(always bool) {
	want, has := slices.Compact(slices.Sorted(slices.Values(t.tags))), slices.Compact(slices.Sorted(slices.Values(t.hasTags)))
	if always || !slices.Equal(want, has) {
		t.cmds = append(t.cmds, t.node.exec(append([]string{"set_user_tags", t.User}, t.tags...)...))
	}
	for _, p := range t.has {
		if !slices.ContainsFunc(t.perms, p.same) {
			t.cmds = append(t.cmds, t.node.exec("clear_permissions", "-p", p.Vhost, t.User))
		}
	}
	for _, p := range t.perms {
		if !slices.Contains(t.has, p) {
			t.cmds = append(t.cmds, t.node.exec("set_permissions", "-p", p.Vhost, t.User, p.Configure, p.Write, p.Read))
		}
	}
	for _, p := range t.hasTopics {
		if !slices.ContainsFunc(t.topics, p.same) {
			t.cmds = append(t.cmds, t.node.exec("clear_topic_permissions", "-p", p.Vhost, t.User, p.Exchange))
		}
	}
	for _, p := range t.topics {
		if !slices.Contains(t.hasTopics, p) {
			t.cmds = append(t.cmds, t.node.exec("set_topic_permissions", "-p", p.Vhost, t.User, p.Exchange, p.Write, p.Read))
		}
	}
}

func (t rabbitUserTask) end() module.Change {
	return t.node.run(value.M("changed", len(t.cmds) > 0, "user", t.User, "state", t.State), t.cmds,
		func(_ state.Exec, r state.OpResult) error { return t.node.refused(r) })
}
