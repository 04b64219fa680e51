package containers

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type execArgs struct {
	Container  string                 `arg:"container"`
	Argv       []string               `arg:"argv"`
	Command    string                 `arg:"command"`
	Chdir      string                 `arg:"chdir"`
	Detach     bool                   `arg:"detach"`
	Env        map[string]value.Value `arg:"env"`
	Stdin      module.Opt[string]     `arg:"stdin"`
	AddNewline bool                   `arg:"stdin_add_newline"`
	StripEnds  bool                   `arg:"strip_empty_ends"`
	TTY        bool                   `arg:"tty"`
	User       string                 `arg:"user"`
}

func newContainerExec() module.Module {
	return module.New(module.Spec{
		Name: "docker_container_exec", Aliases: aliases("docker_container_exec"),
		Summary: "Runs a command in a container",
		Doc: "Runs it with the docker command of the host, in a container that runs. A command that returns other than 0 fails the task. " +
			"Values of env are not on a command line, but for those that the docker command reads itself (PATH, HOME, DOCKER_HOST and the like).",
		Args: slices.Concat([]module.Arg{
			{Name: "container", Required: true, Doc: "Name or id of the container."},
			list("argv", "The command, as words."),
			{Name: "command", Doc: "The command, as a text that is split into words as a shell does."},
			{Name: "chdir", Doc: "The folder in the container to run in."},
			{Name: "detach", Type: module.Bool, Default: false, Doc: "Do not wait for its end; nothing but changed is registered then."},
			{Name: "env", Type: module.Dict, Doc: "Variables; quote values that YAML would not read as texts."},
			{Name: "stdin", Doc: "What it reads."},
			{Name: "stdin_add_newline", Type: module.Bool, Default: true, Doc: "End stdin with a newline."},
			{Name: "strip_empty_ends", Type: module.Bool, Default: true, Doc: "Take empty lines off the end of stdout and stderr."},
			{Name: "tty", Type: module.Bool, Default: false, Doc: "Accepted; the command has no terminal, as nobody is at it."},
			{Name: "user", Doc: "Whom to run as."},
		}, connection()),
		MutuallyExclusive: [][]string{{"argv", "command"}},
		RequiredOneOf:     [][]string{{"argv", "command"}},
		Returns: []module.Return{
			{Name: "rc", Type: "int", When: "not detached", Doc: "What it returned."},
			{Name: "stdout", Type: "str", When: "not detached", Doc: "What it printed."},
			{Name: "stderr", Type: "str", When: "not detached", Doc: "Its errors."},
		},
		Examples: "- docker_container_exec: {container: db, command: pg_dumpall -U postgres}\n",
		Traits:   module.Traits{RunOnly: true, Reach: state.ReachExternal},
	}, planContainerExec)
}

func planContainerExec(a execArgs, _ module.Inputs, v state.View) (module.Change, error) {
	argv := a.Argv
	if a.Command != "" {
		var err error
		if argv, err = split(a.Command); err != nil {
			return module.Change{}, module.Fail("command: " + err.Error())
		}
	}
	if a.Detach && a.Stdin.Given() {
		return module.Change{}, module.Fail("If detach=true, stdin cannot be provided.")
	}
	cmd, err := a.dockerExec(argv)
	if err != nil {
		return module.Change{}, err
	}
	g := &gather{v: v}
	c, known, err := ask[state.ContainerInfo](g, state.Container{Name: a.Container})
	switch {
	case !known:
		return module.Need(g.need...), err
	case !c.Exists:
		return module.Change{}, module.Fail(`Could not find container "` + a.Container + `"`)
	case c.State.Paused:
		return module.Change{}, module.Fail(`The container "` + a.Container + `" has been paused`)
	case !c.State.Running:
		return module.Change{}, module.Fail(`The container "` + a.Container + `" is not running`)
	}
	out := module.Change{Result: value.M("changed", true), Ops: []state.Op{cmd}, Once: true}
	if !a.Detach {
		for _, k := range []string{"rc", "stdout", "stderr"} {
			out.Result.Set(k, module.Later())
		}
	}
	out.Then = func(_ state.View, did []state.OpResult) (module.Change, error) {
		r := did[0]
		if a.Detach {
			if r.RC != 0 {
				return module.Change{}, module.Fail(strings.TrimSpace(string(r.Stderr)), "rc", r.RC)
			}
			return module.Change{Result: value.M("changed", true)}, nil
		}
		text := func(b []byte) value.Value {
			s := string(b)
			if a.StripEnds {
				s = strings.TrimRight(s, "\r\n")
			}
			return value.String(s).MarkDeep(value.Unsafe)
		}
		said := []any{"changed", true, "rc", r.RC, "stdout", text(r.Stdout), "stderr", text(r.Stderr)}
		if r.RC != 0 {
			said = append(said, "failed", true) // without a message, as the original
		}
		return module.Change{Result: value.M(said...)}, nil
	}
	return out, nil
}

// dockerExec is the docker command that runs argv.
func (a execArgs) dockerExec(argv []string) (state.Exec, error) {
	words := []string{"docker", "exec"}
	cmd := state.Exec{}
	vars, err := onlyTexts("env", a.Env)
	if err != nil {
		return cmd, err
	}
	for _, name := range keys(vars) {
		if dockerReads(name) {
			words = append(words, "-e", name+"="+vars[name])
		} else {
			words = append(words, "-e", name)
			cmd.Env = append(cmd.Env, name+"="+vars[name])
		}
	}
	if a.Detach {
		words = append(words, "-d")
	}
	if text, ok := a.Stdin.Get(); ok {
		if words = append(words, "-i"); a.AddNewline {
			text += "\n"
		}
		cmd.Stdin, cmd.HasStdin = []byte(text), true
	}
	if a.User != "" {
		words = append(words, "-u", a.User)
	}
	if a.Chdir != "" {
		words = append(words, "-w", a.Chdir)
	}
	cmd.Argv = append(append(words, a.Container), argv...)
	return cmd, nil
}

// dockerReads tells of a variable whether the docker command goes by it itself.
func dockerReads(name string) bool {
	if slices.Contains([]string{"PATH", "HOME", "TMPDIR", "IFS", "ENV"}, name) {
		return true
	}
	return slices.ContainsFunc([]string{"DOCKER_", "LD_", "GO", "XDG_", "SSH_"}, func(p string) bool { return strings.HasPrefix(name, p) })
}
