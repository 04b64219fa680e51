package control

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type addHostArgs struct {
	Name   string     `arg:"name"`
	Groups []string   `arg:"groups"`
	All    *value.Map `arg:"*"`
}

// AddHost is the module add_host.
func AddHost() module.Module {
	return module.New(module.Spec{
		Name: "add_host", Missing: "name, host or hostname needs to be provided", Summary: "Add a host to the inventory of the run",
		Doc:     "Adds a host, with groups and variables, for the plays behind this one. Arguments without a meaning of their own are variables of the host.",
		AnyArgs: true,
		Args: []module.Arg{
			{Name: "name", Aliases: []string{"hostname", "host"}, Required: true, Doc: "Its name, with :port where that is not 22."},
			{Name: "groups", Aliases: []string{"group", "groupname"}, Type: module.List, Elem: module.Str, Doc: "Groups to put it into."},
		},
		Traits: control,
	}, planAddHost)
}

func planAddHost(a addHostArgs, _ module.Inputs, _ state.View) (module.Change, error) {
	vars := value.NewMap()
	for k, v := range a.All.All() {
		if n := k.Text(); n != "name" && n != "groups" {
			vars.Set(n, v)
		}
	}
	name := a.Name
	if host, port, ok := strings.Cut(name, ":"); ok && !strings.Contains(port, ":") {
		name = host
		vars.Set("ansible_ssh_port", value.String(port))
	}
	groups := []string{}
	for _, g := range a.Groups {
		if g = strings.TrimSpace(g); g != "" {
			groups = append(groups, g)
		}
	}
	return module.Change{
		Result: value.M("changed", true, "add_host", value.M("groups", groups, "host_name", name, "host_vars", vars)),
		Do:     []module.Directive{module.AddHost{Name: name, Groups: groups, Vars: vars}},
	}, nil
}

type groupByArgs struct {
	Key     string   `arg:"key"`
	Parents []string `arg:"parents"`
}

// GroupBy is the module group_by.
func GroupBy() module.Module {
	return module.New(module.Spec{
		Name: "group_by", Missing: "the 'key' param is required when using group_by", Controls: true, Summary: "Put the host into a group named by a value",
		Doc: "Makes groups from what hosts are, for the plays behind this one.",
		Args: []module.Arg{
			{Name: "key", Required: true, Doc: "The group's name; blanks become dashes."},
			{Name: "parents", Type: module.List, Elem: module.Str, Default: []string{"all"}, Doc: "Groups that hold it."},
		},
		Traits: control,
	}, func(a groupByArgs, _ module.Inputs, _ state.View) (module.Change, error) {
		key := strings.ReplaceAll(a.Key, " ", "-")
		parents := make([]string, len(a.Parents))
		for i, p := range a.Parents {
			parents[i] = strings.ReplaceAll(p, " ", "-")
		}
		return module.Change{
			Result: value.M("changed", true, "add_group", key, "parent_groups", parents),
			Do:     []module.Directive{module.GroupBy{Groups: []string{key}, Parents: parents}},
		}, nil
	})
}
