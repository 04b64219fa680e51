package system

import (
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type shutdownArgs struct {
	Delay       int      `arg:"delay"`
	Msg         string   `arg:"msg"`
	SearchPaths []string `arg:"search_paths"`
}

var shutdownSpec = module.Spec{
	Name:     "shutdown",
	Aliases:  []string{"community.general.shutdown"},
	Controls: true,
	Summary:  "Shut a host down",
	Doc:      "Runs shutdown -h (on Alpine poweroff) and lets the connection go.",
	Args: []module.Arg{
		{Name: "delay", Type: module.Int, Default: 0, Doc: "Seconds that shutdown waits; it counts in whole minutes."},
		{Name: "msg", Default: "Shut down initiated by Ansible", Doc: "What users are told."},
		{Name: "search_paths", Type: module.List, Elem: module.Str, Default: []string{"/sbin", "/usr/sbin", "/usr/local/sbin"}, Doc: "Where the command is looked for."},
	},
	Returns: []module.Return{
		{Name: "shutdown", Type: "bool", When: "always", Doc: "Whether the host was shut down."},
		{Name: "shutdown_command", Type: "str", When: "success", Doc: "The command."},
	},
	Examples: "- shutdown: {delay: 60}\n",
	Traits:   module.Traits{Reach: state.ReachExternal},
}

// Shutdown is the module shutdown.
func Shutdown() module.Module { return module.New(shutdownSpec, planShutdown) }

// scriptShutdown prints the path of the program that shuts the host down, among the
// folders that are given, its name, and the kind of the host.
const scriptShutdown = `p=shutdown k=linux f=
[ -e /etc/alpine-release ] && p=poweroff k=alpine
grep -qx 'ID="\{0,1\}void"\{0,1\}' /etc/os-release 2>/dev/null && k=void
for d; do [ -e "$d/$p" ] && { f=$d/$p; break; }; done
printf '%s\n%s\n%s\n' "$f" "$p" "$k"`

func planShutdown(a shutdownArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	out := g.Output(scriptShutdown, a.SearchPaths...)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	f := strings.SplitN(out.Stdout+"\n\n\n", "\n", 4)
	if f[0] == "" {
		return module.Change{}, module.Fail(fmt.Sprintf("Unable to find command %q in search paths: %s", f[1], value.Strings(a.SearchPaths...).Repr()))
	}
	minutes := max(0, a.Delay) / 60
	args := fmt.Sprintf(`-h %d "%s"`, minutes, a.Msg)
	switch f[2] {
	case "alpine":
		args = ""
	case "void":
		args = fmt.Sprintf(`-h +%d "%s"`, minutes, a.Msg)
	}
	command := f[0] + " " + args
	result := value.M("changed", true, "shutdown", true, "shutdown_command", command)
	if in.Before != "" { // an attempt that was cut off has said it
		return module.Change{Result: result}, nil
	}
	return module.Change{Ops: []state.Op{state.Reconnect{Shell: command}}, Result: result, Mark: "up", Then: func(_ state.View, did []state.OpResult) (module.Change, error) {
		r := did[len(did)-1]
		info, _ := r.Data.(state.ReconnectInfo)
		switch info.Failed {
		case "local":
			return module.Change{}, module.Fail("Running community.general.shutdown with local connection would shutdown the control node.", "elapsed", 0, "shutdown", false)
		case "command":
			return module.Change{}, module.Fail(fmt.Sprintf("Shutdown command failed. Error was %s, %s", strings.TrimSpace(string(r.Stdout)), strings.TrimSpace(string(r.Stderr))), "shutdown", false)
		}
		return module.Change{Result: result}, nil
	}}, nil
}
