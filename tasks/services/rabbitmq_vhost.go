package services

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type rabbitVhostArgs struct {
	Name    string `arg:"name"`
	Tracing bool   `arg:"tracing"`
	State   string `arg:"state"`
	Node    string `arg:"node"`
}

var rabbitVhostSpec = module.Spec{
	Name:    "rabbitmq_vhost",
	Aliases: []string{"community.rabbitmq.rabbitmq_vhost"},
	Summary: "Have a virtual host of RabbitMQ, or not",
	Doc:     "Works with the host's rabbitmqctl, and asks it, in a plan too.",
	Args: []module.Arg{
		{Name: "name", Aliases: []string{"vhost"}, Required: true, Doc: "The virtual host."},
		{Name: "tracing", Aliases: []string{"trace"}, Type: module.Bool, Default: false, Doc: "Whether its messages are traced."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether it is to be there."},
		{Name: "node", Default: "rabbit", Doc: "The node of the cluster that is told."},
	},
	Returns: []module.Return{
		{Name: "name", Type: "str", When: "success", Doc: "As given; so is state."},
	},
	Examples: "- rabbitmq_vhost: {name: /shop}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// RabbitMQVhost is the module rabbitmq_vhost.
func RabbitMQVhost() module.Module { return module.New(rabbitVhostSpec, planRabbitVhost) }

func planRabbitVhost(a rabbitVhostArgs, _ module.Inputs, _ state.View) (module.Change, error) {
	node := rabbitNode(a.Node)
	predicted := value.M("changed", module.Later(), "name", a.Name, "state", a.State)
	refused := func(e state.Exec, r state.OpResult) error {
		if r.RC == 127 {
			return node.refused(r)
		}
		return module.CommandFailed(node.words(e), r)
	}
	look := node.exec("list_vhosts", "name", "tracing")
	return module.Look(look, predicted, func(_ state.View, r state.OpResult) (module.Change, error) {
		if r.RC != 0 || !r.OK {
			return module.Change{}, refused(look, r)
		}
		there, tracing := false, false
		for line := range strings.Lines(string(r.Stdout)) {
			if name, traced, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "\t"); ok && name == a.Name {
				there, tracing = true, traced == "true"
			}
		}
		var cmds []state.Exec
		switch {
		case a.State == "absent" && there:
			cmds = append(cmds, node.exec("delete_vhost", a.Name))
		case a.State == "absent":
		default:
			if !there {
				cmds = append(cmds, node.exec("add_vhost", a.Name))
			}
			if a.Tracing != tracing {
				cmds = append(cmds, node.exec(map[bool]string{true: "trace_on", false: "trace_off"}[a.Tracing], "-p", a.Name))
			}
		}
		return node.run(value.M("changed", len(cmds) > 0, "name", a.Name, "state", a.State), cmds, refused), nil
	}), nil
}
