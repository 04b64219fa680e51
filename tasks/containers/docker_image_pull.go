package containers

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type imagePullArgs struct {
	imageName
	Platform string `arg:"platform"`
	Pull     string `arg:"pull"`
}

func newImagePull() module.Module {
	return module.New(module.Spec{
		Name: "docker_image_pull", Aliases: aliases("docker_image_pull"),
		Summary: "Pulls an image from its registry",
		Args: slices.Concat(imageNameSpec(), []module.Arg{
			{Name: "platform", Doc: "Platform to ask for, such as linux/amd64."},
			{Name: "pull", Default: "always", Choices: []string{"always", "not_present"},
				Doc: "not_present: only when there is no image of this name, or one of another platform."},
		}, connection()),
		Returns: []module.Return{imageReturn("always"), {Name: "actions", Type: "list", When: "always", Doc: "What was done."}},
		Examples: `- docker_image_pull:
    name: registry.example.com/contrail-controller:4.1.0.0-1
    pull: not_present
`,
		Traits: module.Traits{Reach: state.ReachExternal},
	}, planImagePull)
}

func planImagePull(a imagePullArgs, in module.Inputs, v state.View) (module.Change, error) {
	if isID(a.Name) {
		return module.Change{}, module.Fail("Cannot pull an image by ID")
	}
	if err := a.settle(); err != nil {
		return module.Change{}, err
	}
	g := &gather{v: v}
	img, known, err := ask[state.ImageInfo](g, state.Image{Ref: a.ref()})
	if !known {
		return module.Need(g.need...), err
	}
	if img.Exists && a.Pull == "not_present" && (a.Platform == "" || isPlatform(img, a.Platform)) {
		return module.OK("actions", []string{}, "image", img.Inspect, "diff", pullDiff(img.ID, img.ID)), nil
	}
	auth, warning, err := credentials(g, a.ref())
	if err != nil || len(g.need) > 0 {
		return module.Need(g.need...), err
	}
	op := state.ImagePull{Ref: a.ref(), Auth: auth, Platform: a.Platform}
	actions := []string{"Pulled image " + a.text()}
	c := module.Change{Ops: []state.Op{op}, Failed: func(_ int, r state.OpResult) *module.Failure { return opFailed(op, r) },
		Result: value.M("changed", true, "actions", actions, "image", module.Later(), "diff", pullDiff(img.ID, "unknown"))}
	if warning != "" {
		c.Warnings = []string{warning}
	}
	if img.Exists {
		c.Still = value.M("image", img.Inspect)
		if !in.Check {
			c.Result.Set("changed", module.Later()) // only the registry can tell
		}
	} else {
		c.Still = value.M("image", value.FromMap(nil))
		c.Diff = imageDiff(a.ref(), "", "unknown")
	}
	c.Then = func(v state.View, _ []state.OpResult) (module.Change, error) {
		g := &gather{v: v}
		now, known, err := ask[state.ImageInfo](g, state.Image{Ref: a.ref()})
		if !known {
			return module.Need(g.need...), err
		}
		return module.Change{Result: value.M("changed", now.ID != img.ID, "actions", actions, "image", orEmpty(now), "diff", pullDiff(img.ID, now.ID))}, nil
	}
	return c, nil
}

// pullDiff is the registered difference between two images; "" is none.
func pullDiff(before, after string) value.Value {
	side := func(id string) *value.Map {
		if id == "" {
			return value.M("exists", false)
		}
		return value.M("id", id)
	}
	return value.FromMap(value.M("before", side(before), "after", side(after)))
}

// architectures are the names of other tools for the engine's own.
var architectures = map[string]string{"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "armhf": "arm", "armel": "arm", "i386": "386", "i686": "386"}

// isPlatform tells whether an image is of a platform: os, architecture, or
// os/architecture[/variant]. What the platform leaves out is not compared.
func isPlatform(img state.ImageInfo, platform string) bool {
	parts := strings.Split(strings.ToLower(platform), "/")
	variant, _ := img.Inspect.Get("Variant")
	if len(parts) == 1 {
		switch parts[0] {
		case "linux", "windows", "darwin", "freebsd":
			return img.OS == parts[0]
		}
		parts = []string{"linux", parts[0]}
	}
	arch := parts[1]
	if known, ok := architectures[arch]; ok {
		arch = known
	}
	return img.OS == parts[0] && img.Arch == arch && (len(parts) < 3 || variant.Text() == parts[2])
}
