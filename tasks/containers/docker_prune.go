package containers

import (
	"slices"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type pruneTask struct {
	Containers   bool                   `arg:"containers"`
	Images       bool                   `arg:"images"`
	Networks     bool                   `arg:"networks"`
	Volumes      bool                   `arg:"volumes"`
	Builder      bool                   `arg:"builder_cache"`
	ForContainer map[string]value.Value `arg:"containers_filters"`
	ForImages    map[string]value.Value `arg:"images_filters"`
	ForNetworks  map[string]value.Value `arg:"networks_filters"`
	ForVolumes   map[string]value.Value `arg:"volumes_filters"`
}

func newPrune() module.Module {
	kind := func(name, doc string) []module.Arg {
		return []module.Arg{{Name: name, Type: module.Bool, Default: false, Doc: doc},
			{Name: name + "_filters", Type: module.Dict, Doc: "Only those that the engine's filters let through, such as until or label."}}
	}
	deleted := func(name, what string) module.Return {
		return module.Return{Name: name, Type: "list", When: name + " is true", Doc: "The " + what + " that were removed."}
	}
	space := func(name string) module.Return {
		return module.Return{Name: name + "_space_reclaimed", Type: "int", When: name + " is true", Doc: "Bytes that gave back."}
	}
	return module.New(module.Spec{
		Name: "docker_prune", Aliases: aliases("docker_prune"),
		Summary: "Removes what the container engine has and nothing uses",
		Doc:     "Without an argument nothing is removed. In a dry run it is skipped: only the engine can tell what it would remove.",
		Args: slices.Concat(kind("containers", "Remove stopped containers."), kind("images", "Remove images without a name that no container uses."),
			kind("networks", "Remove networks without containers."), kind("volumes", "Remove volumes that no container uses."),
			[]module.Arg{{Name: "builder_cache", Type: module.Bool, Default: false, Doc: "Remove what was kept to build images faster."}}, connection()),
		Returns: []module.Return{
			deleted("containers", "ids of containers"), space("containers"), deleted("images", "names and layers, as the engine tells them,"), space("images"),
			deleted("networks", "names of networks"), deleted("volumes", "names of volumes"), space("volumes"), space("builder_cache"),
		},
		Examples: `- docker_prune:
    containers: true
    containers_filters:
      until: 24h
    images: true
    images_filters:
      dangling: false
`,
		Traits: module.Traits{RunOnly: true, Reach: state.ReachHost},
	}, planPrune)
}

func planPrune(a pruneTask, _ module.Inputs, _ state.View) (module.Change, error) {
	c := module.Change{Result: value.M("changed", module.Later())}
	for _, k := range []struct {
		asked   bool
		kind    state.Prunable
		filters map[string]value.Value
	}{
		{a.Containers, state.PruneContainers, a.ForContainer}, {a.Images, state.PruneImages, a.ForImages},
		{a.Networks, state.PruneNetworks, a.ForNetworks}, {a.Volumes, state.PruneVolumes, a.ForVolumes},
		{a.Builder, state.PruneBuildCache, nil},
	} {
		if k.asked {
			c.Ops = append(c.Ops, state.DockerPrune{Kind: k.kind, Filters: filters(k.filters)})
		}
	}
	if len(c.Ops) == 0 {
		return module.OK(), nil
	}
	c.Then = func(_ state.View, did []state.OpResult) (module.Change, error) { return pruned(did), nil }
	return c, nil
}

func filters(given map[string]value.Value) map[string][]string {
	out := map[string][]string{}
	for name, v := range given {
		if v.Kind() != value.KindList {
			out[name] = []string{apiText(v)}
			continue
		}
		for _, it := range v.Items() {
			out[name] = append(out[name], apiText(it))
		}
	}
	return out
}

func pruned(did []state.OpResult) module.Change {
	res := value.M("changed", false)
	for _, r := range did {
		p, ok := r.Data.(state.Pruned)
		if !ok {
			continue
		}
		name := string(p.Kind)
		if p.Kind == state.PruneBuildCache {
			name = "builder_cache"
		} else {
			res.Set(name, p.Deleted)
		}
		if p.Kind != state.PruneNetworks {
			res.Set(name+"_space_reclaimed", value.FromGo(p.Space))
		}
		if p.Space > 0 || p.Kind != state.PruneBuildCache && p.Deleted.Len() > 0 {
			res.Set("changed", value.Bool(true))
		}
	}
	return module.Change{Result: res}
}
