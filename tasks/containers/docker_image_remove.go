package containers

import (
	"slices"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type imageRemoveArgs struct {
	imageName
	Force bool `arg:"force"`
	Prune bool `arg:"prune"`
}

func newImageRemove() module.Module {
	return module.New(module.Spec{
		Name: "docker_image_remove", Aliases: aliases("docker_image_remove"),
		Summary: "Removes an image, or one of its names",
		Args: slices.Concat(imageNameSpec(), []module.Arg{
			{Name: "force", Type: module.Bool, Default: false, Doc: "Remove it even when it has other names or stopped containers use it."},
			{Name: "prune", Type: module.Bool, Default: true, Doc: "Remove nameless images it was built upon too."},
		}, connection()),
		Returns: []module.Return{
			{Name: "image", Type: "dict", When: "always", Doc: "What the engine said of it before; empty when there was none."},
			{Name: "deleted", Type: "list", When: "always", Doc: "Ids of the images and layers that were removed."},
			{Name: "untagged", Type: "list", When: "always", Doc: "The names that were removed."},
			{Name: "actions", Type: "list", When: "always", Doc: "What was done."},
		},
		Examples: `- docker_image_remove:
    name: contrail-controller:4.1.0.0-1
`,
		Traits: module.Traits{Reach: state.ReachHost},
	}, planImageRemove)
}

func planImageRemove(a imageRemoveArgs, in module.Inputs, v state.View) (module.Change, error) {
	if err := a.settle(); err != nil {
		return module.Change{}, err
	}
	g := &gather{v: v}
	img, known, err := ask[state.ImageInfo](g, state.Image{Ref: a.ref()})
	if !known {
		return module.Need(g.need...), err
	}
	result := func(actions []string, d state.ImageRemoved, after value.Value) *value.Map {
		sorted := func(l []string) []string { return slices.Sorted(slices.Values(l)) }
		m := value.M("changed", len(actions) > 0, "actions", actions, "image", orEmpty(img),
			"deleted", value.Strings(sorted(d.Deleted)...), "untagged", value.Strings(sorted(d.Untagged)...))
		if in.Diff {
			m.Set("diff", value.FromMap(value.M("before", removeSide(img), "after", after)))
		}
		return m
	}
	if !img.Exists {
		return module.Change{Result: result([]string{}, state.ImageRemoved{}, removeSide(img))}, nil
	}
	guess, left, err := a.removes(img)
	if err != nil {
		return module.Change{}, err
	}
	actions := []string{"Removed image " + a.text()}
	op := state.ImageRemove{Ref: a.ref(), Force: a.Force, KeepParents: !a.Prune}
	c := module.Change{Ops: []state.Op{op}, Result: result(actions, guess, removeSide(left)), Diff: imageDiff(a.ref(), img.ID, "")}
	if !in.Check { // the engine names layers too
		c.Result.Set("deleted", module.Later())
		c.Result.Set("untagged", module.Later())
	}
	c.Failed = func(_ int, r state.OpResult) *module.Failure {
		f := module.Fail("Error removing image " + a.text() + " - " + r.Msg)
		f.Err = r.Err
		return f
	}
	c.Then = func(v state.View, did []state.OpResult) (module.Change, error) {
		removed, _ := did[len(did)-1].Data.(state.ImageRemoved)
		g := &gather{v: v}
		now, known, err := ask[state.ImageInfo](g, state.Image{Ref: img.ID})
		if !known {
			return module.Need(g.need...), err
		}
		return module.Change{Result: result(actions, removed, removeSide(now))}, nil
	}
	return c, nil
}

// removes predicts what goes with a name, and what the image is like then.
func (a *imageRemoveArgs) removes(img state.ImageInfo) (state.ImageRemoved, state.ImageInfo, error) {
	names := slices.Concat(img.Tags, img.Digests)
	if isID(a.Name) {
		if !a.Force && len(names) > 0 {
			return state.ImageRemoved{}, img, module.Fail("Cannot delete image by ID that is still in use - use force=true")
		}
		return state.ImageRemoved{Untagged: names, Deleted: []string{img.ID}}, state.ImageInfo{}, nil
	}
	d := state.ImageRemoved{Untagged: []string{a.text()}}
	left := img
	left.Tags = slices.DeleteFunc(slices.Clone(img.Tags), func(t string) bool { return t == a.ref() })
	left.Digests = slices.DeleteFunc(slices.Clone(img.Digests), func(t string) bool { return t == a.ref() })
	if len(left.Tags) == 0 && len(left.Digests) == 0 {
		d.Deleted = []string{img.ID}
	}
	return d, left, nil
}

// removeSide is an image in the registered difference.
func removeSide(img state.ImageInfo) value.Value {
	if !img.Exists {
		return value.FromMap(value.M("exists", false))
	}
	sorted := func(l []string) value.Value { return value.Strings(slices.Sorted(slices.Values(l))...) }
	return value.FromMap(value.M("exists", true, "id", img.ID, "tags", sorted(img.Tags), "digests", sorted(img.Digests)))
}
