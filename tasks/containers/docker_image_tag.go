package containers

import (
	"fmt"
	"slices"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type imageTagArgs struct {
	imageName
	Repository []string `arg:"repository"`
	Existing   string   `arg:"existing_images"`
}

func newImageTag() module.Module {
	return module.New(module.Spec{
		Name: "docker_image_tag", Aliases: aliases("docker_image_tag"),
		Summary: "Gives an image more names",
		Args: slices.Concat(imageNameSpec(), []module.Arg{
			{Name: "repository", Type: module.List, Elem: module.Str, Required: true, Doc: "New names, name[:tag]; tag is that of the image when it is left out."},
			{Name: "existing_images", Default: "overwrite", Choices: []string{"keep", "overwrite"}, Doc: "What to do when another image has the name."},
		}, connection()),
		Returns: []module.Return{imageReturn("always"),
			{Name: "tagged_images", Type: "list", When: "always", Doc: "The names that were given."},
			{Name: "actions", Type: "list", When: "always", Doc: "What was done, and what not."}},
		Examples: `- docker_image_tag:
    name: contrail-controller:4.1.0.0-1
    repository:
      - registry.example.com/contrail-controller:4.1.0.0-1
`,
		Traits: module.Traits{Reach: state.ReachHost},
	}, planImageTag)
}

func planImageTag(a imageTagArgs, _ module.Inputs, v state.View) (module.Change, error) {
	given := a.Tag
	if err := a.settle(); err != nil {
		return module.Change{}, err
	}
	targets, err := tagTargets(a.Repository, given)
	if err != nil {
		return module.Change{}, err
	}
	g := &gather{v: v}
	img, known, err := ask[state.ImageInfo](g, state.Image{Ref: a.ref()})
	if err != nil {
		return module.Change{}, err
	}
	if known && !img.Exists {
		return module.Change{}, module.Fail("Cannot find image " + a.text())
	}
	var c module.Change
	var before, after []value.Value
	actions, tagged := []string{}, []string{}
	for _, t := range targets {
		old, known, err := ask[state.ImageInfo](g, state.Image{Ref: t.ref()})
		if err != nil {
			return module.Change{}, err
		}
		if !known {
			continue
		}
		done, why := "Not tagged", ""
		now := old
		switch {
		case old.Exists && old.ID == img.ID:
			why = fmt.Sprintf("target image already exists (%s) and is as expected", old.ID)
		case old.Exists && a.Existing == "keep":
			why = fmt.Sprintf("target image already exists (%s) and is not as expected, but kept", old.ID)
		default:
			done, why, now = "Tagged", "target image did not exist", img
			if old.Exists {
				why = fmt.Sprintf("target image existed (%s) and was not as expected", old.ID)
			}
			c.Ops = append(c.Ops, state.ImageTag{Source: img.ID, Target: t.ref()})
			c.Diff = append(c.Diff, imageDiff(t.ref(), old.ID, img.ID)...)
			tagged = append(tagged, t.text())
		}
		before, after = append(before, tagSide(t, old)), append(after, tagSide(t, now))
		actions = append(actions, fmt.Sprintf("%s image %s as %s: %s", done, img.ID, t.text(), why))
	}
	if len(g.need) > 0 {
		return module.Need(g.need...), nil
	}
	c.Result = value.M("changed", len(c.Ops) > 0, "actions", actions, "tagged_images", tagged, "image", img.Inspect,
		"diff", value.M("before", value.M("images", value.List(before...)), "after", value.M("images", value.List(after...))))
	return c, nil
}

// tagTargets reads repository; tag is that of names without one.
func tagTargets(names []string, tag string) ([]imageName, error) {
	var out []imageName
	for i, name := range names {
		if isID(name) {
			return nil, module.Fail(fmt.Sprintf("repository[%d] must not be an image ID; got: %s", i+1, name))
		}
		n := imageName{Name: name}
		if err := n.settle(); err != nil {
			return nil, err
		}
		if isID(n.Tag) || n.Tag != "" && !tagForm().MatchString(n.Tag) {
			return nil, module.Fail(fmt.Sprintf("repository[%d] must not have a digest; got: %s", i+1, name))
		}
		if n.Tag == "" {
			n.Tag = tag
		}
		out = append(out, n)
	}
	return out, nil
}

// tagSide is one name in the registered difference.
func tagSide(n imageName, img state.ImageInfo) value.Value {
	m := value.M("name", n.Name, "tag", n.Tag)
	if img.Exists {
		m.Set("id", value.String(img.ID))
	} else {
		m.Set("exists", value.Bool(false))
	}
	return value.FromMap(m)
}
