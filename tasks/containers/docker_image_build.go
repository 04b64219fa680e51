package containers

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type imageBuildArgs struct {
	imageName
	Path       string                 `arg:"path"`
	Dockerfile string                 `arg:"dockerfile"`
	CacheFrom  []string               `arg:"cache_from"`
	Pull       bool                   `arg:"pull"`
	Network    string                 `arg:"network"`
	NoCache    bool                   `arg:"nocache"`
	EtcHosts   map[string]string      `arg:"etc_hosts"`
	Args       map[string]value.Value `arg:"args"`
	Target     string                 `arg:"target"`
	Platform   []string               `arg:"platform"`
	ShmSize    string                 `arg:"shm_size"`
	Labels     map[string]value.Value `arg:"labels"`
	Rebuild    string                 `arg:"rebuild"`
	Secrets    []buildSecret          `arg:"secrets"`
	Outputs    []buildOutput          `arg:"outputs"`
}

type buildSecret struct {
	ID    string `arg:"id"`
	Type  string `arg:"type"`
	Src   string `arg:"src"`
	Env   string `arg:"env"`
	Value string `arg:"value"`
}

type buildOutput struct {
	Type    string   `arg:"type"`
	Dest    string   `arg:"dest"`
	Context string   `arg:"context"`
	Name    []string `arg:"name"`
	Push    bool     `arg:"push"`
}

func newImageBuild() module.Module {
	return module.New(module.Spec{
		Name: "docker_image_build", Aliases: aliases("docker_image_build"),
		Summary: "Builds an image with buildx",
		Doc:     "Runs docker buildx on the host, which must have that plug-in; docker_image with source build does without it.",
		Args: slices.Concat(imageNameSpec(), []module.Arg{
			{Name: "path", Type: module.Path, Required: true, Doc: "Folder on the host with what is built from."},
			{Name: "dockerfile", Doc: "The file that says how, in or below that folder."},
			list("cache_from", "Images whose layers may be used."),
			{Name: "pull", Type: module.Bool, Default: false, Doc: "Get newer images to build upon."},
			{Name: "network", Doc: "Network of its RUN lines."},
			{Name: "nocache", Type: module.Bool, Default: false, Doc: "Use no layer of an earlier build."},
			dict("etc_hosts", "Names and addresses for /etc/hosts while it is built."),
			{Name: "args", Type: module.Dict, Doc: "Values for its ARG lines."},
			{Name: "target", Doc: "The stage to build."},
			list("platform", "Platforms, such as linux/amd64."),
			{Name: "shm_size", Doc: "Size of /dev/shm while it is built: 64M."},
			{Name: "labels", Type: module.Dict, Doc: "Labels of the image."},
			{Name: "rebuild", Default: "never", Choices: []string{"never", "always"}, Doc: "What to do when there is an image of this name."},
			{Name: "secrets", Type: module.List, Elem: module.Dict, Doc: "Secrets for its RUN lines.", Options: []module.Arg{
				{Name: "id", Required: true, Doc: "Name by which it is used."},
				{Name: "type", Required: true, Choices: []string{"file", "env", "value"}, Doc: "Where it comes from."},
				{Name: "src", Type: module.Path, Doc: "A file on the host."},
				{Name: "env", Doc: "A variable of the task's environment."},
				{Name: "value", Secret: true, Doc: "The secret. It reaches the host in the environment, not in an argument."},
			}},
			{Name: "outputs", Type: module.List, Elem: module.Dict, Doc: "Where the result goes; without it to the engine, under the name.", Options: []module.Arg{
				{Name: "type", Required: true, Choices: []string{"local", "tar", "oci", "docker", "image"}, Doc: "Kind of result."},
				{Name: "dest", Type: module.Path, Doc: "Path on the host."},
				{Name: "context", Doc: "Docker context to load it into, for docker."},
				list("name", "Names to give it, for image."),
				{Name: "push", Type: module.Bool, Default: false, Doc: "Push it, for image."},
			}},
		}, connection()),
		Returns: []module.Return{imageReturn("always"),
			{Name: "command", Type: "list", When: "it was built", Doc: "What was run."},
			{Name: "stdout", Type: "str", When: "it was built", Doc: "What it said."}, {Name: "stderr", Type: "str", When: "it was built", Doc: "What it said."}},
		Examples: `- docker_image_build:
    name: contrail-tool:1
    path: /srv/build/tool
`,
		Traits: module.Traits{Reach: state.ReachExternal},
	}, planImageBuild)
}

func planImageBuild(a imageBuildArgs, _ module.Inputs, v state.View) (module.Change, error) {
	if isID(a.Name) {
		return module.Change{}, module.Fail("Image name must not be a digest")
	}
	if err := a.settle(); err != nil {
		return module.Change{}, err
	}
	if isID(a.Tag) {
		return module.Change{}, module.Fail("Image name must not contain a digest, but have a tag")
	}
	paths := module.Gathering(v)
	a.Path = paths.Path(a.Path)
	for i := range a.Secrets {
		a.Secrets[i].Src = paths.Path(a.Secrets[i].Src)
	}
	for i := range a.Outputs {
		a.Outputs[i].Dest = paths.Path(a.Outputs[i].Dest)
	}
	if c, missing, err := paths.Missing(); missing {
		return c, err
	}
	build, err := a.command()
	if err != nil {
		return module.Change{}, err
	}
	g := &gather{v: v}
	img, known, err := ask[state.ImageInfo](g, state.Image{Ref: a.ref()})
	if err != nil {
		return module.Change{}, err
	}
	if err := a.sources(g); err != nil || !known || len(g.need) > 0 {
		return module.Need(g.need...), err
	}
	if img.Exists && a.Rebuild == "never" {
		return module.OK("image", img.Inspect, "actions", []string{}), nil
	}
	c := module.Change{Ops: []state.Op{build}, Result: value.M("changed", true, "actions", []string{}, "image", module.Later(), "command", build.Argv,
		"stdout", module.Later(), "stderr", module.Later()), Still: value.M("image", orEmpty(img))}
	c.Diff = state.Diff{{BeforeHeader: "image " + a.ref(), AfterHeader: "image " + a.ref(), Note: "built from " + a.Path}}
	c.Then = func(v state.View, did []state.OpResult) (module.Change, error) {
		return a.built(v, build.Argv, did[len(did)-1])
	}
	return c, nil
}

// sources checks that what is built from is there.
func (a *imageBuildArgs) sources(g *gather) error {
	look := func(p string) (state.File, bool, error) {
		f, known, err := g.v.File(state.Path{Path: p})
		if !known && err == nil {
			g.need = append(g.need, state.Path{Path: p})
		}
		return f, known && err == nil, err
	}
	f, known, err := look(path.Clean(a.Path))
	if err != nil {
		return err
	}
	if known && !f.IsDir() {
		return module.Fail(fmt.Sprintf("%q is not an existing directory", a.Path))
	}
	if a.Dockerfile == "" {
		return nil
	}
	file := a.file()
	f, known, err = look(file)
	if err == nil && known && !f.IsRegular() {
		return module.Fail(fmt.Sprintf("%q is not an existing file", file))
	}
	return err
}

// file is where the Dockerfile is.
func (a *imageBuildArgs) file() string {
	if path.IsAbs(a.Dockerfile) {
		return a.Dockerfile
	}
	return path.Join(a.Path, a.Dockerfile)
}

// command is docker buildx with what it needs.
func (a *imageBuildArgs) command() (state.Exec, error) {
	words := []string{"buildx", "build", "--progress", "plain", "--tag", a.ref()}
	add := func(option string, values ...string) {
		for _, v := range values {
			if v != "" {
				words = append(words, option, v)
			}
		}
	}
	if a.Dockerfile != "" {
		add("--file", a.file())
	}
	add("--cache-from", a.CacheFrom...)
	if a.Pull {
		words = append(words, "--pull")
	}
	add("--network", a.Network)
	if a.NoCache {
		words = append(words, "--no-cache")
	}
	add("--add-host", joined(a.EtcHosts, ":")...)
	add("--build-arg", joined(apiTexts(a.Args), "=")...)
	add("--target", a.Target)
	add("--platform", a.Platform...)
	if a.ShmSize != "" {
		n, err := size(a.ShmSize)
		if err != nil {
			return state.Exec{}, module.Fail("Failed to convert shm_size to bytes: " + err.Error())
		}
		add("--shm-size", strconv.FormatInt(n, 10))
	}
	add("--label", joined(apiTexts(a.Labels), "=")...)
	var env []string
	for i, s := range a.Secrets {
		word, pair, err := s.option(i)
		if err != nil {
			return state.Exec{}, err
		}
		add("--secret", word)
		env = append(env, pair...)
	}
	for _, o := range a.Outputs {
		word, err := o.option(a.ref())
		if err != nil {
			return state.Exec{}, err
		}
		add("--output", word)
	}
	cmd := dockerCommand(append(words, "--", a.Path)...)
	cmd.Env = env
	return cmd, nil
}

// option tells a secret to buildx; one that is given goes along in a variable.
func (s buildSecret) option(i int) (word string, env []string, err error) {
	from := map[string]string{"file": s.Src, "env": s.Env, "value": s.Value}[s.Type]
	if from == "" {
		name := map[string]string{"file": "src", "env": "env", "value": "value"}[s.Type]
		return "", nil, module.Fail(fmt.Sprintf("secrets: %q of type %s needs %s", s.ID, s.Type, name))
	}
	switch s.Type {
	case "file":
		return "id=" + s.ID + ",type=file,src=" + s.Src, nil, nil
	case "env":
		return "id=" + s.ID + ",type=env,env=" + s.Env, nil, nil
	}
	name := fmt.Sprintf("FAIRLEAD_BUILD_SECRET_%d", i)
	return "id=" + s.ID + ",type=env,env=" + name, []string{name + "=" + s.Value}, nil
}

// option tells an output to buildx. A word with a comma or quotes is one field
// of comma-separated values.
func (o buildOutput) option(ref string) (string, error) {
	fields := []string{"type=" + o.Type}
	add := func(name, v string) {
		if v != "" {
			fields = append(fields, csvField(name+"="+v))
		}
	}
	switch o.Type {
	case "local", "tar", "oci":
		if o.Dest == "" {
			return "", module.Fail(fmt.Sprintf("outputs: dest is required for type %s", o.Type))
		}
		add("dest", o.Dest)
	case "docker":
		add("dest", o.Dest)
		add("context", o.Context)
	case "image":
		names := o.Name
		if len(names) == 0 {
			names = []string{ref}
		}
		add("name", strings.Join(names, ","))
		if o.Push {
			add("push", "true")
		}
	}
	return strings.Join(fields, ","), nil
}

func csvField(s string) string {
	if !strings.ContainsAny(s, ",\"\n") {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// withoutBuildx is what the docker command says that lacks the plug-in.
var withoutBuildx = lazyregexp.New(`'buildx' is not a docker command|^unknown flag: --progress`)

// built is the result of a build.
func (a *imageBuildArgs) built(v state.View, argv []string, r state.OpResult) (module.Change, error) {
	text := func(b []byte) value.Value { return value.String(string(b)).WithMarks(value.Unsafe) }
	stdout, stderr := text(r.Stdout), text(r.Stderr)
	switch {
	case r.RC == 127:
		return module.Change{}, commandFailed([]state.OpResult{r}, "Building "+a.text()+" failed")
	case r.RC != 0 && withoutBuildx().Match(r.Stderr):
		return module.Change{}, module.Fail("the docker command of the host does not have the buildx plug-in; install it, or use docker_image with source build",
			"stdout", stdout, "stderr", stderr, "command", argv)
	case r.RC != 0:
		return module.Change{}, module.Fail("Building "+a.text()+" failed", "stdout", stdout, "stderr", stderr, "command", argv)
	}
	g := &gather{v: v}
	img, known, err := ask[state.ImageInfo](g, state.Image{Ref: a.ref()})
	if !known {
		return module.Need(g.need...), err
	}
	return module.Change{Result: value.M("changed", true, "actions", []string{}, "image", orEmpty(img), "command", argv, "stdout", stdout, "stderr", stderr)}, nil
}
