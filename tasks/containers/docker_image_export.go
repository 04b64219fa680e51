package containers

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type imageExportArgs struct {
	Names []string `arg:"names"`
	Tag   string   `arg:"tag"`
	Path  string   `arg:"path"`
	Force bool     `arg:"force"`
}

func newImageExport() module.Module {
	return module.New(module.Spec{
		Name: "docker_image_export", Aliases: aliases("docker_image_export"),
		Summary: "Saves images to an archive on the host",
		Doc:     "Runs the docker command on the host, so that the archive does not travel. One that holds just these images is left alone.",
		Args: slices.Concat([]module.Arg{
			{Name: "names", Aliases: []string{"name"}, Type: module.List, Elem: module.Str, Required: true, Doc: "Names, name:tag, or ids of the images."},
			{Name: "tag", Default: "latest", Doc: "Tag of names without one."},
			{Name: "path", Type: module.Path, Required: true, Doc: "The archive to write."},
			{Name: "force", Type: module.Bool, Default: false, Doc: "Write it even when it holds these images."},
		}, connection()),
		Returns: []module.Return{
			{Name: "images", Type: "list", When: "always", Doc: "What the engine says of the images."},
			{Name: "msg", Type: "str", When: "it is written", Doc: "Why."},
		},
		Examples: `- docker_image_export:
    names: [contrail-controller:4.1.0.0-1, contrail-analytics:4.1.0.0-1]
    path: /var/tmp/images.tar
`,
		Traits: module.Traits{Reach: state.ReachHost},
	}, planImageExport)
}

// exported is one image that the archive is to hold.
type exported struct{ name, id string }

func planImageExport(a imageExportArgs, _ module.Inputs, v state.View) (module.Change, error) {
	paths := module.Gathering(v)
	a.Path = paths.Path(a.Path)
	if c, missing, err := paths.Missing(); missing {
		return c, err
	}
	if len(a.Names) == 0 {
		return module.Change{}, module.Fail("At least one image name must be specified")
	}
	g := &gather{v: v}
	var want []exported
	var images []value.Value
	for _, name := range a.Names {
		n := imageName{Name: name, Tag: a.Tag}
		if err := n.settle(); err != nil {
			return module.Change{}, err
		}
		img, known, err := ask[state.ImageInfo](g, state.Image{Ref: n.ref()})
		if err != nil {
			return module.Change{}, err
		}
		if known && !img.Exists {
			return module.Change{}, module.Fail("Image " + n.text() + " not found")
		}
		want, images = append(want, exported{n.ref(), img.ID}), append(images, img.Inspect)
	}
	q := state.Path{Path: a.Path}
	f, known, err := v.File(q)
	if err != nil {
		return module.Change{}, err
	}
	if !known {
		g.need = append(g.need, q)
	}
	if len(g.need) > 0 {
		return module.Need(g.need...), nil
	}
	switch {
	case f.IsDir():
		return module.Change{}, module.Fail("Error writing image archive " + a.Path + " - it is a directory")
	case a.Force:
		return imagesSave(a.Path, want, images, "Exporting since force=true"), nil
	case !f.Exists():
		return imagesSave(a.Path, want, images, "Overwriting since no image is present in archive"), nil
	}
	// The archive's own list of contents says what it holds.
	read := state.Exec{Argv: []string{"tar", "-xOf", a.Path, "manifest.json"}, Read: true}
	c := module.Change{Ops: []state.Op{read}, Result: value.M("changed", module.Later(), "images", images)}
	c.Then = func(_ state.View, did []state.OpResult) (module.Change, error) {
		if reason := staleExport(did[len(did)-1], want); reason != "" {
			return imagesSave(a.Path, want, images, reason), nil
		}
		return module.OK("images", images), nil
	}
	return c, nil
}

// staleExport says why an archive must be written again; "" when it holds just
// the images that are wanted.
func staleExport(r state.OpResult, want []exported) string {
	var manifest []archivedImage
	if r.RC != 0 || json.Unmarshal(r.Stdout, &manifest) != nil {
		return "Overwriting an unreadable archive file"
	}
	left := slices.Clone(want)
	for _, m := range manifest {
		i := slices.IndexFunc(left, func(e exported) bool {
			return e.id == m.id() && (isID(e.name) || slices.Equal(m.RepoTags, []string{e.name}))
		})
		if i < 0 {
			return fmt.Sprintf("Overwriting archive since it contains unexpected image %s named %s",
				strings.TrimPrefix(m.id(), "sha256:"), strings.Join(m.RepoTags, ", "))
		}
		left = slices.Delete(left, i, i+1)
	}
	if len(left) == 0 {
		return ""
	}
	return "Overwriting archive since it is missing image(s) " + strings.Join(namesIn(left), ", ")
}

func namesIn(images []exported) []string {
	var out []string
	for _, e := range images {
		out = append(out, e.name)
	}
	return out
}

func imagesSave(path string, want []exported, images []value.Value, reason string) module.Change {
	names := namesIn(want)
	c := module.Change{Ops: []state.Op{dockerCommand(slices.Concat([]string{"save", "-o", path}, names)...)},
		Result: value.M("changed", true, "images", images, "msg", reason),
		Diff:   state.Diff{{BeforeHeader: path, AfterHeader: path, Note: "archive of " + strings.Join(names, ", ")}}}
	c.Then = func(_ state.View, did []state.OpResult) (module.Change, error) {
		what := "Error getting image " + names[0]
		if len(names) > 1 {
			what = "Error getting images " + strings.Join(names, ", ")
		}
		return module.Change{Result: c.Result}, commandFailed(did, what)
	}
	return c
}
