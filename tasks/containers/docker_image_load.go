package containers

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type imageLoadArgs struct {
	Path string `arg:"path"`
}

func newImageLoad() module.Module {
	return module.New(module.Spec{
		Name: "docker_image_load", Aliases: aliases("docker_image_load"),
		Summary: "Loads all images of an archive that is on the host",
		Doc:     "Runs the docker command on the host, so that the archive does not travel.",
		Args:    slices.Concat([]module.Arg{{Name: "path", Type: module.Path, Required: true, Doc: "The archive, as docker save writes it."}}, connection()),
		Returns: []module.Return{
			{Name: "image_names", Type: "list", When: "always", Doc: "Names, or ids, of the images it held."},
			{Name: "images", Type: "list", When: "always", Doc: "What the engine says of them."},
		},
		Examples: `- docker_image_load:
    path: /var/tmp/images.tar
`,
		Traits: module.Traits{RunOnly: true, Reach: state.ReachHost},
	}, planImageLoad)
}

func planImageLoad(a imageLoadArgs, _ module.Inputs, v state.View) (module.Change, error) {
	paths := module.Gathering(v)
	a.Path = paths.Path(a.Path)
	if c, missing, err := paths.Missing(); missing {
		return c, err
	}
	f, known, err := v.File(state.Path{Path: a.Path})
	if err != nil {
		return module.Change{}, err
	}
	if !known {
		return module.Need(state.Path{Path: a.Path}), nil
	}
	if !f.Exists() {
		return module.Change{}, module.Fail("Error opening archive " + a.Path + " - no such file on the host")
	}
	c := module.Change{Ops: []state.Op{dockerCommand("load", "-i", a.Path)},
		Result: value.M("changed", true, "image_names", module.Later(), "images", module.Later(), "stdout", module.Later())}
	c.Then = func(v state.View, did []state.OpResult) (module.Change, error) {
		if err := commandFailed(did, "Error loading archive "+a.Path); err != nil {
			return module.Change{}, err
		}
		return imagesLoaded(v, strings.TrimSuffix(string(did[len(did)-1].Stdout), "\n"))
	}
	return c, nil
}

// imagesLoaded is the result of a load that said this.
func imagesLoaded(v state.View, said string) (module.Change, error) {
	var names []string
	for line := range strings.Lines(said) {
		for _, before := range []string{"Loaded image:", "Loaded image ID:"} {
			if name, ok := strings.CutPrefix(line, before); ok {
				names = append(names, strings.TrimSpace(name))
			}
		}
	}
	out := value.String(said).WithMarks(value.Unsafe)
	if len(names) == 0 {
		return module.Change{}, module.Fail("Detected no loaded images. Archive potentially corrupt?", "stdout", out)
	}
	g := &gather{v: v}
	images := []value.Value{}
	for _, name := range names {
		img, known, err := ask[state.ImageInfo](g, state.Image{Ref: name})
		if err != nil {
			return module.Change{}, err
		}
		if known && img.Exists {
			images = append(images, img.Inspect)
		}
	}
	if len(g.need) > 0 {
		return module.Need(g.need...), nil
	}
	return module.Change{Result: value.M("changed", true, "image_names", value.Strings(names...).MarkDeep(value.Unsafe),
		"images", images, "stdout", out)}, nil
}
