package services

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type rabbitPluginArgs struct {
	Names   string `arg:"names"`
	NewOnly bool   `arg:"new_only"`
	State   string `arg:"state"`
	Broker  string `arg:"broker_state"`
	Prefix  string `arg:"prefix"`
}

var rabbitPluginSpec = module.Spec{
	Name:    "rabbitmq_plugin",
	Aliases: []string{"community.rabbitmq.rabbitmq_plugin"},
	Summary: "Have plug-ins of RabbitMQ enabled, or not",
	Doc:     "Asks rabbitmq-plugins what is enabled by itself, in a plan too, and enables and disables with it.",
	Args: []module.Arg{
		{Name: "names", Aliases: []string{"name"}, Required: true, Doc: "The plug-ins, joined by commas."},
		{Name: "new_only", Type: module.Bool, Default: false, Doc: "Leave others that are enabled; without it `enabled` disables them."},
		{Name: "state", Choices: []string{"enabled", "disabled"}, Default: "enabled", Doc: "Whether they are enabled."},
		{Name: "broker_state", Choices: []string{"online", "offline"}, Default: "online", Doc: "Whether the running server is told."},
		{Name: "prefix", Doc: "A folder with RabbitMQ's programs below bin or sbin."},
	},
	Returns: []module.Return{
		{Name: "enabled", Type: "list", When: "success", Doc: "What was enabled."},
		{Name: "disabled", Type: "list", When: "success", Doc: "What was disabled."},
	},
	Examples: "- rabbitmq_plugin: {names: 'rabbitmq_management,rabbitmq_shovel', new_only: true}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// RabbitMQPlugin is the module rabbitmq_plugin.
func RabbitMQPlugin() module.Module { return module.New(rabbitPluginSpec, planRabbitPlugin) }

// rabbitPlugins prints the path of rabbitmq-plugins, below $1 where it is not empty,
// and what is enabled by itself.
const rabbitPlugins = `p=$(command -v rabbitmq-plugins)
if [ "$1" ]; then
  if [ -d "$1/bin" ]; then p=$1/bin/rabbitmq-plugins; elif [ -d "$1/sbin" ]; then p=$1/sbin/rabbitmq-plugins
  else printf 'No binary folder in prefix %s' "$1" >&2; exit 126; fi
elif [ -z "$p" ]; then echo 'Failed to find required executable "rabbitmq-plugins"' >&2; exit 126; fi
printf '%s\n' "$p"
"$p" list -E -m`

func planRabbitPlugin(a rabbitPluginArgs, _ module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	said := g.Output(rabbitPlugins, a.Prefix)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	program, list, _ := strings.Cut(said.Stdout, "\n")
	switch said.RC {
	case 0:
	case 126:
		return module.Change{}, module.Fail(strings.TrimSpace(said.Stderr))
	default:
		return module.Change{}, module.Fail(strings.TrimSpace(said.Stderr), "rc", said.RC, "stdout", list)
	}
	list, _, _ = strings.Cut(list, "\n\n")
	now := strings.Split(strings.Trim(list, "\n"), "\n")
	names := strings.Split(a.Names, ",")
	enable, disable := []string{}, []string{}
	for _, p := range now {
		named := slices.Contains(names, p)
		if p != "" && (a.State == "disabled" && named || a.State == "enabled" && !a.NewOnly && !named && !strings.Contains(p, " ")) {
			disable = append(disable, p)
		}
	}
	if a.State == "enabled" {
		enable = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(now, n) })
	}
	var cmds []state.Exec
	for _, todo := range []struct {
		verb    string
		plugins []string
	}{{"disable", disable}, {"enable", enable}} {
		for _, p := range todo.plugins {
			cmds = append(cmds, state.Exec{Argv: []string{program, todo.verb, "--" + a.Broker, p}, Env: english})
		}
	}
	c := module.Change{Result: value.M("changed", len(cmds) > 0, "enabled", enable, "disabled", disable)}
	return module.Steps(cmds, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if last := did[len(did)-1]; last.RC != 0 || !last.OK {
			return module.Change{}, module.CommandFailed(cmds[len(did)-1].Argv, last)
		}
		return c, nil
	}), nil
}
