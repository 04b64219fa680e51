package containers

import (
	"slices"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func newImagePush() module.Module {
	return module.New(module.Spec{
		Name: "docker_image_push", Aliases: aliases("docker_image_push"),
		Summary: "Pushes an image to its registry",
		Args:    slices.Concat(imageNameSpec(), connection()),
		Returns: []module.Return{imageReturn("always"), {Name: "actions", Type: "list", When: "always", Doc: "What was done."}},
		Examples: `- docker_image_push:
    name: registry.example.com/contrail-controller:4.1.0.0-1
`,
		Traits: module.Traits{Reach: state.ReachExternal},
	}, planImagePush)
}

func planImagePush(a imageName, _ module.Inputs, v state.View) (module.Change, error) {
	if isID(a.Name) {
		return module.Change{}, module.Fail("Cannot push an image by ID")
	}
	if err := a.settle(); err != nil {
		return module.Change{}, err
	}
	if isID(a.Tag) {
		return module.Change{}, module.Fail("Cannot push an image by digest")
	}
	g := &gather{v: v}
	img, known, err := ask[state.ImageInfo](g, state.Image{Ref: a.ref()})
	if !known {
		return module.Need(g.need...), err
	}
	if !img.Exists {
		return module.Change{}, module.Fail("Cannot find image " + a.text())
	}
	auth, warning, err := credentials(g, a.ref())
	if err != nil || len(g.need) > 0 {
		return module.Need(g.need...), err
	}
	result := func(changed value.Value) *value.Map {
		return value.M("changed", changed, "actions", []string{"Pushed image " + a.text()}, "image", img.Inspect)
	}
	op := state.ImagePush{Ref: a.ref(), Auth: auth}
	c := module.Change{Ops: []state.Op{op}, Result: result(module.Later()),
		NoCheck: "remote module ({task}) does not support check mode"}
	if warning != "" {
		c.Warnings = []string{warning}
	}
	c.Failed = func(_ int, r state.OpResult) *module.Failure { return opFailed(op, r) }
	c.Then = func(_ state.View, did []state.OpResult) (module.Change, error) {
		pushed, _ := did[len(did)-1].Data.(state.ImagePushed)
		return module.Change{Result: result(value.Bool(pushed.Sent))}, nil
	}
	return c, nil
}
