package containers

import (
	"errors"
	"slices"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func newContainerInfo() module.Module {
	type args struct {
		Name string `arg:"name"`
	}
	return module.New(module.Spec{
		Name: "docker_container_info", Aliases: aliases("docker_container_info"),
		Summary: "Says what a container is like",
		Args:    slices.Concat([]module.Arg{{Name: "name", Required: true, Doc: "Name or id."}}, connection()),
		Returns: []module.Return{
			{Name: "exists", Type: "bool", When: "always", Doc: "Whether there is one."},
			{Name: "container", Type: "dict", When: "it exists", Doc: "What the engine says of it."},
		},
		Traits: module.Traits{Reads: true},
	}, func(a args, _ module.Inputs, v state.View) (module.Change, error) {
		g := &gather{v: v}
		c, known, err := ask[state.ContainerInfo](g, state.Container{Name: plainName(a.Name)})
		if !known {
			return module.Need(g.need...), err
		}
		return module.OK("exists", c.Exists, "container", c.Inspect), nil
	})
}

func newImageInfo() module.Module {
	type args struct {
		Name []string `arg:"name"`
	}
	return module.New(module.Spec{
		Name: "docker_image_info", Aliases: aliases("docker_image_info"),
		Summary: "Says what images are like",
		Args:    slices.Concat([]module.Arg{{Name: "name", Type: module.List, Elem: module.Str, Doc: "Names or ids; without any, all images that the host has."}}, connection()),
		Returns: []module.Return{{Name: "images", Type: "list", When: "always", Doc: "What the engine says of those that are there."}},
		Traits:  module.Traits{Reads: true},
	}, func(a args, _ module.Inputs, v state.View) (module.Change, error) {
		g := &gather{v: v}
		refs := make([]string, len(a.Name))
		for i, name := range a.Name {
			refs[i] = fullRef(name)
		}
		if len(a.Name) == 0 {
			all, known, err := ask[value.Value](g, state.DockerList{Kind: "images"})
			if !known {
				return module.Need(g.need...), err
			}
			for _, img := range all.Items() {
				id, _ := img.Get("Id")
				refs = append(refs, id.Text())
			}
		}
		out := []value.Value{}
		for _, ref := range refs {
			img, known, err := ask[state.ImageInfo](g, state.Image{Ref: ref})
			if d, ok := errors.AsType[*diag.Diagnostic](err); ok && d.Code == "image-name" {
				continue // nothing can have such a name
			}
			if err != nil {
				return module.Change{}, err
			}
			if known && img.Exists {
				out = append(out, img.Inspect)
			}
		}
		if len(g.need) > 0 {
			return module.Need(g.need...), nil
		}
		return module.OK("images", out), nil
	})
}

func newNetworkInfo() module.Module {
	type args struct {
		Name string `arg:"name"`
	}
	return module.New(module.Spec{
		Name: "docker_network_info", Aliases: aliases("docker_network_info"),
		Summary: "Says what a network of the container engine is like",
		Args:    slices.Concat([]module.Arg{{Name: "name", Required: true, Doc: "Name or id."}}, connection()),
		Returns: []module.Return{
			{Name: "exists", Type: "bool", When: "always", Doc: "Whether there is one."},
			{Name: "network", Type: "dict", When: "it exists", Doc: "What the engine says of it; null when there is none."},
		},
		Traits: module.Traits{Reads: true},
	}, func(a args, _ module.Inputs, v state.View) (module.Change, error) {
		g := &gather{v: v}
		n, known, err := ask[state.DockerNetworkInfo](g, state.DockerNetwork{Name: a.Name})
		if !known {
			return module.Need(g.need...), err
		}
		return module.OK("exists", n.Exists, "network", networkValue(n)), nil
	})
}

func newVolumeInfo() module.Module {
	type args struct {
		Name string `arg:"name"`
	}
	return module.New(module.Spec{
		Name: "docker_volume_info", Aliases: aliases("docker_volume_info"),
		Summary: "Says what a volume of the container engine is like",
		Args:    slices.Concat([]module.Arg{{Name: "name", Aliases: []string{"volume_name"}, Required: true, Doc: "Name."}}, connection()),
		Returns: []module.Return{
			{Name: "exists", Type: "bool", When: "always", Doc: "Whether there is one."},
			{Name: "volume", Type: "dict", When: "it exists", Doc: "What the engine says of it; null when there is none."},
		},
		Traits: module.Traits{Reads: true},
	}, func(a args, _ module.Inputs, v state.View) (module.Change, error) {
		g := &gather{v: v}
		vol, known, err := ask[state.DockerVolumeInfo](g, state.DockerVolume{Name: a.Name})
		if !known {
			return module.Need(g.need...), err
		}
		return module.OK("exists", vol.Exists, "volume", volumeValue(vol)), nil
	})
}
