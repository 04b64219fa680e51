package containers

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

var tagForm = lazyregexp.New(`^(?:sha256:[0-9a-f]{64}|[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127})$`)

type buildArgs struct {
	Path        string                 `arg:"path"`
	Dockerfile  string                 `arg:"dockerfile"`
	Args        map[string]value.Value `arg:"args"`
	CacheFrom   []string               `arg:"cache_from"`
	Limits      *limitsArgs            `arg:"container_limits"`
	EtcHosts    map[string]string      `arg:"etc_hosts"`
	HTTPTimeout int                    `arg:"http_timeout"`
	Network     string                 `arg:"network"`
	NoCache     bool                   `arg:"nocache"`
	Platform    string                 `arg:"platform"`
	Pull        bool                   `arg:"pull"`
	Rm          bool                   `arg:"rm"`
	Target      string                 `arg:"target"`
}

type limitsArgs struct {
	Memory  string `arg:"memory"`
	Memswap string `arg:"memswap"`
	Shares  *int   `arg:"cpushares"`
	Cpuset  string `arg:"cpusetcpus"`
}

// oldBuild are the arguments that versions before 2.8 had in place of build.
type oldBuild struct {
	OldPath    string                 `arg:"path"`
	OldFile    string                 `arg:"dockerfile"`
	OldNoCache bool                   `arg:"nocache"`
	OldRm      *bool                  `arg:"rm"`
	OldArgs    map[string]value.Value `arg:"buildargs"`
}

func buildSpec() module.Arg {
	return module.Arg{Name: "build", Type: module.Dict, Doc: "How to build it, with source build.", Options: []module.Arg{
		{Name: "path", Type: module.Path, Required: true, Doc: "Folder on the host with what is built from, or an address of a git repository or archive."},
		{Name: "dockerfile", Doc: "The file that says how, in or below that folder."},
		{Name: "args", Type: module.Dict, Doc: "Values for its ARG lines."},
		list("cache_from", "Images whose layers may be used."),
		{Name: "container_limits", Type: module.Dict, Doc: "Limits of the containers it runs in.", Options: []module.Arg{
			{Name: "memory", Doc: "Memory."}, {Name: "memswap", Doc: "Memory and swap together; -1 for no limit."},
			{Name: "cpushares", Type: module.Int, Doc: "Relative weight."}, {Name: "cpusetcpus", Doc: "Processors: 0,2 or 0-3."},
		}},
		dict("etc_hosts", "Names and addresses for /etc/hosts while it is built."),
		{Name: "http_timeout", Type: module.Int, Doc: "Seconds after which a build is given up."},
		{Name: "network", Doc: "Network of its RUN lines."},
		{Name: "nocache", Type: module.Bool, Default: false, Doc: "Use no layer of an earlier build."},
		{Name: "platform", Doc: "Platform, such as linux/amd64."},
		{Name: "pull", Type: module.Bool, Default: false, Doc: "Get newer images to build upon."},
		{Name: "rm", Type: module.Bool, Default: true, Doc: "Remove the containers it ran in."},
		{Name: "target", Doc: "The stage to build."},
		{Name: "use_config_proxy", Type: module.Bool, Doc: "Accepted: the docker command reads the proxies of its configuration itself."},
	}}
}

// sources brings the spellings of old versions to the present one.
func (a *imageArgs) sources() {
	if a.State == "build" {
		a.State, a.Source = "present", "build"
	}
	if a.Build == nil && a.OldPath != "" {
		a.Build = &buildArgs{Path: a.OldPath, Dockerfile: a.OldFile, NoCache: a.OldNoCache, Args: a.OldArgs, Rm: a.OldRm == nil || *a.OldRm}
	}
	switch {
	case a.Source != "":
	case a.LoadPath != "":
		a.Source = "load"
	case a.Build != nil:
		a.Source = "build"
	default:
		a.Source = "pull"
	}
}

var remoteContext = lazyregexp.New(`^(https?://|git://|github\.com/|git@)`)

// imageBuild builds the image on the host.
func imageBuild(a *imageArgs, g *gather) (module.Change, error) {
	if isID(a.Name) {
		return module.Change{}, module.Fail("Image name must not be an image ID for source=build; got: " + a.Name)
	}
	b := a.Build
	if !remoteContext().MatchString(b.Path) {
		f, known, err := g.v.File(state.Path{Path: path.Clean(b.Path)})
		if err != nil {
			return module.Change{}, err
		}
		if !known {
			return module.Need(state.Path{Path: path.Clean(b.Path)}), nil
		}
		if !f.IsDir() {
			return module.Change{}, module.Fail(fmt.Sprintf("Requested build path %s could not be found or you do not have access.", b.Path))
		}
	}
	build := dockerCommand(b.command(a.ref())...)
	// The engine's own builder: it is there with every engine, and its
	// messages are those that the original registers.
	build.Env = []string{"DOCKER_BUILDKIT=0"}
	c := module.Change{Ops: []state.Op{build}}
	c.Then = func(_ state.View, did []state.OpResult) (module.Change, error) {
		return module.Change{}, buildFailed(did, a.Name)
	}
	return c, nil
}

func buildFailed(did []state.OpResult, name string) error {
	r := did[len(did)-1]
	if r.RC == 0 || r.RC == 127 {
		return commandFailed(did, "Error building "+name)
	}
	said := strings.TrimSpace(string(r.Stderr))
	return module.Fail(fmt.Sprintf("Error building %s - code: %d, message: %s, logs: %s", name, r.RC, said, strings.TrimSpace(string(r.Stdout))),
		"rc", r.RC, "stdout", string(r.Stdout))
}

// command is the docker command that builds.
func (b *buildArgs) command(ref string) []string {
	args := []string{"build", "-t", ref}
	flag := func(name, val string) {
		if val != "" {
			args = append(args, "--"+name+"="+val)
		}
	}
	yes := func(name string, on bool) {
		if on {
			args = append(args, "--"+name)
		}
	}
	if b.Dockerfile != "" && !path.IsAbs(b.Dockerfile) && !remoteContext().MatchString(b.Path) {
		flag("file", path.Join(b.Path, b.Dockerfile))
	} else {
		flag("file", b.Dockerfile)
	}
	for _, k := range keys(b.Args) {
		flag("build-arg", k+"="+b.Args[k].Text())
	}
	for _, c := range b.CacheFrom {
		flag("cache-from", c)
	}
	for _, k := range keys(b.EtcHosts) {
		flag("add-host", k+":"+b.EtcHosts[k])
	}
	if l := b.Limits; l != nil {
		flag("memory", l.Memory)
		flag("memory-swap", l.Memswap)
		flag("cpuset-cpus", l.Cpuset)
		if l.Shares != nil {
			flag("cpu-shares", strconv.Itoa(*l.Shares))
		}
	}
	flag("network", b.Network)
	flag("platform", b.Platform)
	flag("target", b.Target)
	yes("no-cache", b.NoCache)
	yes("pull", b.Pull)
	if b.Rm {
		yes("force-rm", true)
	} else {
		flag("rm", "false")
	}
	return append(args, "--", b.Path)
}
