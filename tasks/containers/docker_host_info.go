package containers

import (
	"encoding/json"
	"slices"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type hostInfoArgs struct {
	Containers       bool                   `arg:"containers"`
	ContainersAll    bool                   `arg:"containers_all"`
	ContainerFilters map[string]value.Value `arg:"containers_filters"`
	Images           bool                   `arg:"images"`
	ImageFilters     map[string]value.Value `arg:"images_filters"`
	Networks         bool                   `arg:"networks"`
	NetworkFilters   map[string]value.Value `arg:"networks_filters"`
	Volumes          bool                   `arg:"volumes"`
	VolumeFilters    map[string]value.Value `arg:"volumes_filters"`
	Usage            bool                   `arg:"disk_usage"`
	Verbose          bool                   `arg:"verbose_output"`
}

// briefly are the fields of each kind that a list has when it need not be
// verbose.
var briefly = map[string][]string{
	"containers": {"Id", "Image", "Command", "Created", "Status", "Ports", "Names"},
	"images":     {"Id", "RepoTags", "Created", "Size"},
	"networks":   {"Id", "Driver", "Name", "Scope"},
	"volumes":    {"Driver", "Name"},
}

func newHostInfo() module.Module {
	args := []module.Arg{}
	returns := []module.Return{
		{Name: "can_talk_to_docker", Type: "bool", When: "always", Doc: "True: a host without an engine fails."},
		{Name: "host_info", Type: "dict", When: "always", Doc: "What the engine says of itself and its host."},
	}
	for _, kind := range []string{"containers", "images", "networks", "volumes"} {
		args = append(args, module.Arg{Name: kind, Type: module.Bool, Default: false, Doc: "List " + kind + "."},
			module.Arg{Name: kind + "_filters", Type: module.Dict, Doc: "Only those that the engine's filters let through."})
		returns = append(returns, module.Return{Name: kind, Type: "list", When: kind + " is true", Doc: "The " + kind + " there are."})
	}
	args = append(args,
		module.Arg{Name: "containers_all", Type: module.Bool, Default: false, Doc: "List containers that do not run too."},
		module.Arg{Name: "disk_usage", Type: module.Bool, Default: false, Doc: "Say how much of the disk is used."},
		module.Arg{Name: "verbose_output", Type: module.Bool, Default: false, Doc: "Give all that the engine says of each."})
	returns = append(returns, module.Return{Name: "disk_usage", Type: "dict", When: "disk_usage is true", Doc: "What uses the disk; without verbose_output LayersSize alone."})
	return module.New(module.Spec{
		Name: "docker_host_info", Aliases: aliases("docker_host_info"),
		Summary: "Says what the container engine of a host is like, and what it has",
		Args:    slices.Concat(args, connection()),
		Returns: returns,
		Traits:  module.Traits{Reads: true},
	}, planHostInfo)
}

func planHostInfo(a hostInfoArgs, _ module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	info := module.Answer[state.DockerInfo](g, state.Docker{})
	c := module.OK("can_talk_to_docker", true)
	for _, l := range []struct {
		kind    string
		asked   bool
		filters map[string]value.Value
	}{
		{"containers", a.Containers, a.ContainerFilters}, {"images", a.Images, a.ImageFilters},
		{"networks", a.Networks, a.NetworkFilters}, {"volumes", a.Volumes, a.VolumeFilters},
	} {
		if !l.asked {
			continue
		}
		q := state.DockerList{Kind: l.kind, All: l.kind == "containers" && a.ContainersAll}
		if len(l.filters) > 0 {
			raw, err := json.Marshal(filters(l.filters))
			if err != nil {
				return module.Change{}, err
			}
			q.Filters = string(raw)
		}
		items := module.Answer[value.Value](g, q)
		if !a.Verbose {
			items = brief(items, briefly[l.kind])
		}
		c.Result.Set(l.kind, items)
	}
	if a.Usage {
		usage := module.Answer[value.Value](g, state.DockerUsage{})
		if size, ok := usage.Get("LayersSize"); ok && !a.Verbose {
			usage = value.FromMap(value.M("LayersSize", size))
		}
		c.Result.Set("disk_usage", usage)
	}
	if need, missing, err := g.Missing(); missing {
		return need, err
	}
	c.Result.Set("host_info", info.Inspect)
	return c, nil
}

// brief keeps some fields of each item.
func brief(items value.Value, fields []string) value.Value {
	var out []value.Value
	for _, it := range items.Items() {
		m := value.NewMap()
		for _, f := range fields {
			x, ok := it.Get(f)
			if !ok {
				x = value.Null
			}
			m.Set(f, x)
		}
		out = append(out, value.FromMap(m))
	}
	return value.List(out...)
}
