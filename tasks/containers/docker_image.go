package containers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type imageArgs struct {
	Name        string      `arg:"name"`
	Tag         string      `arg:"tag"`
	State       string      `arg:"state"`
	Source      string      `arg:"source"`
	LoadPath    string      `arg:"load_path"`
	ArchivePath string      `arg:"archive_path"`
	Repository  string      `arg:"repository"`
	Push        bool        `arg:"push"`
	Pull        value.Value `arg:"pull"`
	Force       bool        `arg:"force"`
	ForceSource bool        `arg:"force_source"`
	ForceAbsent bool        `arg:"force_absent"`
	ForceTag    bool        `arg:"force_tag"`
	Build       *buildArgs  `arg:"build"`
	oldBuild
}

func newImage() module.Module {
	old := func(name string, t module.Type, use string) module.Arg {
		return module.Arg{Name: name, Type: t, Doc: "Of old versions.", Deprecated: "use " + use}
	}
	return module.New(module.Spec{
		Name: "docker_image", Aliases: aliases("docker_image"),
		Summary: "Keeps images on a host",
		Doc: `Pulls an image, or loads it from an archive that is on the host; gives it another
name; pushes it; saves it to an archive; builds it; removes it. Loading, saving
and building run the docker command on the host, so that archives and folders do
not travel.`,
		Args: slices.Concat([]module.Arg{
			{Name: "name", Required: true, Doc: "Name, name:tag or id of the image. A tag in it wins over tag."},
			{Name: "tag", Default: "latest", Doc: "Tag."},
			{Name: "state", Default: "present", Choices: []string{"absent", "present", "build"}, Doc: "Whether it is there. build is of old versions: present, with source build."},
			{Name: "source", Choices: []string{"build", "load", "local", "pull"},
				Doc: "Where it comes from when it is not there. Without it: load when there is a load_path, build when there is a path to build from, else pull."},
			{Name: "load_path", Type: module.Path, Doc: "Archive on the host, as docker save writes it."},
			{Name: "archive_path", Type: module.Path, Doc: "Save the image to this file on the host."},
			{Name: "repository", Doc: "Give the image this name too."},
			{Name: "push", Type: module.Bool, Default: false, Doc: "Push it, under repository when that is given."},
			{Name: "pull", Type: module.Raw, Doc: "{platform: linux/amd64}."},
			{Name: "force_source", Type: module.Bool, Default: false, Doc: "Get it even when it is there."},
			{Name: "force_absent", Type: module.Bool, Default: false, Doc: "Remove it even when it has other names or stopped containers use it."},
			{Name: "force_tag", Type: module.Bool, Default: false, Doc: "Move the name repository to this image."},
			buildSpec(),
			old("force", module.Bool, "force_source, force_absent or force_tag"),
			old("path", module.Path, "build"), old("dockerfile", module.Str, "build"), old("nocache", module.Bool, "build"),
			old("rm", module.Bool, "build"), old("buildargs", module.Dict, "build"), old("http_timeout", module.Int, "build"),
			old("container_limits", module.Dict, "build"), old("use_tls", module.Str, "the engine's own socket"),
		}, connection()),
		RequiredIf: [][]string{{"source", "load", "load_path"}},
		Returns: []module.Return{
			{Name: "image", Type: "dict", When: "the image is there", Doc: "What the engine says of it."},
			{Name: "actions", Type: "list", When: "always", Doc: "What was done."},
			{Name: "stdout", Type: "str", When: "it was built", Doc: "What the build said."},
		},
		Examples: `- docker_image:
    name: registry.example.com/contrail-controller
    tag: 4.1.0.0-1
    source: pull
`,
		Traits: module.Traits{Reach: state.ReachExternal},
	}, planImage)
}

// imageStage is what earlier stages did to the image.
type imageStage struct {
	done, changed bool
	actions       []string
	built         *string // what a build said
}

func planImage(a imageArgs, in module.Inputs, v state.View) (module.Change, error) {
	a.sources()
	if a.Tag != "" && !tagForm().MatchString(a.Tag) {
		return module.Change{}, module.Fail(fmt.Sprintf("%q is not a valid docker tag!", a.Tag))
	}
	if a.Source == "build" && a.Build == nil {
		return module.Change{}, module.Fail(`If "source" is set to "build", the "build.path" option must be specified.`)
	}
	paths := module.Gathering(v)
	a.LoadPath, a.ArchivePath = paths.Path(a.LoadPath), paths.Path(a.ArchivePath)
	if a.Build != nil {
		a.Build.Path = paths.Path(a.Build.Path)
	}
	if c, missing, err := paths.Missing(); missing {
		return c, err
	}
	if a.Force {
		a.ForceSource, a.ForceAbsent, a.ForceTag = true, true, true
	}
	if !isID(a.Name) {
		if name, tag := splitRef(a.Name); tag != "" {
			a.Name, a.Tag = name, tag
		}
	}
	if isID(a.Repository) {
		return module.Change{}, module.Fail("`repository` must not be an image ID; got: " + a.Repository)
	}
	if a.Repository == "" && a.Push && isID(a.Name) {
		return module.Change{}, module.Fail(fmt.Sprintf("Cannot push an image by ID; specify `repository` to tag and push the image with ID %s instead", a.Name))
	}
	if a.State == "absent" {
		return imageAbsent(&a, v)
	}
	return imagePresent(&a, v, imageStage{})
}

func (a *imageArgs) ref() string {
	if isID(a.Name) {
		return a.Name
	}
	return joinRef(a.Name, a.Tag)
}

func imageAbsent(a *imageArgs, v state.View) (module.Change, error) {
	g := &gather{v: v}
	img, known, err := ask[state.ImageInfo](g, state.Image{Ref: a.ref()})
	if !known {
		return module.Need(g.need...), err
	}
	if !img.Exists {
		return module.OK("actions", []string{}, "image", value.NewMap()), nil
	}
	return module.Change{
		Ops:  []state.Op{state.ImageRemove{Ref: a.ref(), Force: a.ForceAbsent}},
		Diff: imageDiff(a.ref(), img.ID, ""),
		Result: value.M("changed", true, "actions", []string{"Removed image " + a.ref()},
			"image", value.M("state", "Deleted")),
	}, nil
}

func imageDiff(ref, before, after string) state.Diff {
	side := func(id string) string {
		if id == "" {
			return "exists: false\n"
		}
		return "exists: true\nid: " + id + "\n"
	}
	return state.Diff{{BeforeHeader: "image " + ref, AfterHeader: "image " + ref, Before: side(before), After: side(after)}}
}

// imagePresent plans the stage that gets the image, or the one after it.
func imagePresent(a *imageArgs, v state.View, at imageStage) (module.Change, error) {
	g := &gather{v: v}
	img, known, err := ask[state.ImageInfo](g, state.Image{Ref: a.ref()})
	if !known {
		return module.Need(g.need...), err
	}
	if at.done || img.Exists && !a.ForceSource {
		return imageUse(a, v, img, at)
	}
	var c module.Change
	action := "Pulled image " + a.ref()
	switch a.Source {
	case "local":
		if !img.Exists {
			return c, module.Fail(fmt.Sprintf("Cannot find the image %s locally.", a.ref()))
		}
		return imageUse(a, v, img, at)
	case "load":
		action = fmt.Sprintf("Loaded image %s from %s", a.ref(), a.LoadPath)
		c, err = imageLoad(a, g)
	case "build":
		action = fmt.Sprintf("Built image %s from %s", a.ref(), a.Build.Path)
		c, err = imageBuild(a, g)
	default:
		c, err = imagePull(a, g)
	}
	if err != nil || len(c.Need) > 0 {
		return c, err
	}
	return imageGot(a, c, img, action), nil
}

// imageGot completes a change that gets the image.
func imageGot(a *imageArgs, c module.Change, before state.ImageInfo, action string) module.Change {
	check := c.Then
	c.Result = value.M("changed", true, "actions", []string{action}, "image", module.Later())
	if before.Exists {
		c.Result.Set("changed", module.Later())
	} else {
		c.Diff = state.Diff{{BeforeHeader: "image " + a.ref(), AfterHeader: "image " + a.ref(),
			Before: "exists: false\n", After: "exists: true\n"}}
	}
	c.Then = func(v state.View, did []state.OpResult) (module.Change, error) {
		if check != nil {
			if next, err := check(v, did); err != nil || len(next.Need) > 0 {
				return next, err
			}
		}
		img, known, err := state.AskAs[state.ImageInfo](v, state.Image{Ref: a.ref()})
		if !known && err == nil {
			return module.Need(state.Image{Ref: a.ref()}), nil
		}
		if err != nil {
			return module.Change{}, err
		}
		at := imageStage{done: true, changed: img.ID != before.ID, actions: []string{action}}
		if a.Source == "build" && len(did) > 0 {
			said := strings.TrimSuffix(string(did[len(did)-1].Stdout), "\n")
			at.built = &said
		}
		return imageUse(a, v, img, at)
	}
	return c
}

func imagePull(a *imageArgs, g *gather) (module.Change, error) {
	if isID(a.Name) {
		return module.Change{}, module.Fail("Image name must not be an image ID for source=pull; got: " + a.Name)
	}
	auth, warning, err := credentials(g, a.ref())
	if err != nil || len(g.need) > 0 {
		return module.Need(g.need...), err
	}
	op := state.ImagePull{Ref: a.ref(), Auth: auth}
	if p, ok := a.Pull.Get("platform"); ok && !p.IsNull() {
		op.Platform = p.Text()
	}
	c := module.Change{Ops: []state.Op{op}}
	c.Failed = func(_ int, r state.OpResult) *module.Failure { return opFailed(op, r) }
	if warning != "" {
		c.Warnings = []string{warning}
	}
	return c, nil
}

// dockerCommand runs the docker command on the host. What it prints is shown,
// never understood.
func dockerCommand(args ...string) state.Exec {
	return state.Exec{Argv: append([]string{"docker"}, args...)}
}

// imageLoad loads an archive that is on the host. The image's own query says
// afterwards whether it was in it.
func imageLoad(a *imageArgs, g *gather) (module.Change, error) {
	f, known, err := g.v.File(state.Path{Path: a.LoadPath})
	if err != nil {
		return module.Change{}, err
	}
	if !known {
		return module.Need(state.Path{Path: a.LoadPath}), nil
	}
	if !f.IsRegular() {
		return module.Change{}, module.Fail(fmt.Sprintf("Error loading image %s. Specified path %s does not exist.", a.Name, a.LoadPath))
	}
	c := module.Change{Ops: []state.Op{dockerCommand("load", "-i", a.LoadPath)}}
	c.Then = func(v state.View, did []state.OpResult) (module.Change, error) {
		if err := commandFailed(did, "Error loading image "+a.Name); err != nil {
			return module.Change{}, err
		}
		img, known, err := state.AskAs[state.ImageInfo](v, state.Image{Ref: a.ref()})
		if !known && err == nil {
			return module.Need(state.Image{Ref: a.ref()}), nil
		}
		if err == nil && !img.Exists {
			out := strings.TrimSpace(string(did[len(did)-1].Stdout))
			return module.Change{}, module.Fail(fmt.Sprintf("The archive did not contain image '%s'. Instead: %s", a.ref(), out), "stdout", out)
		}
		return module.Change{}, err
	}
	return c, nil
}

func commandFailed(did []state.OpResult, what string) error {
	if len(did) == 0 {
		return nil
	}
	r := did[len(did)-1]
	switch {
	case r.RC == 0:
		return nil
	case r.RC == 127:
		return module.Fail(what+" - the docker command is not on the host's path", "rc", r.RC)
	}
	return module.Fail(what+" - "+strings.TrimSpace(string(r.Stderr)), "rc", r.RC, "stdout", string(r.Stdout))
}
