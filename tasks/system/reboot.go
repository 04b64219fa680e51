package system

import (
	"fmt"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type rebootArgs struct {
	PreDelay    int      `arg:"pre_reboot_delay"`
	PostDelay   int      `arg:"post_reboot_delay"`
	Timeout     int      `arg:"reboot_timeout"`
	Connect     int      `arg:"connect_timeout"`
	Test        string   `arg:"test_command"`
	Msg         string   `arg:"msg"`
	SearchPaths []string `arg:"search_paths"`
	BootTime    string   `arg:"boot_time_command"`
	Command     string   `arg:"reboot_command"`
}

var rebootSpec = module.Spec{
	Name:     "reboot",
	Controls: true,
	Summary:  "Restart a host and wait until it is back",
	Doc: "Runs shutdown -r (or what is asked), lets the connection go, and waits until the host answers with another boot id " +
		"and the test command succeeds.",
	Args: []module.Arg{
		{Name: "pre_reboot_delay", Type: module.Int, Default: 0, Doc: "Seconds that shutdown waits; it counts in whole minutes."},
		{Name: "post_reboot_delay", Type: module.Int, Default: 0, Doc: "Seconds to wait before the host is asked again."},
		{Name: "reboot_timeout", Type: module.Int, Default: 600, Doc: "Seconds until the host must be back, and again until the test command must succeed."},
		{Name: "connect_timeout", Type: module.Int, Default: 0, Doc: "Seconds that one try to connect may take; as always without it."},
		{Name: "test_command", Default: "whoami", Doc: "The command that must succeed."},
		{Name: "msg", Default: "Reboot initiated by Ansible", Doc: "What users are told."},
		{Name: "search_paths", Type: module.List, Elem: module.Str, Default: []string{"/sbin", "/bin", "/usr/sbin", "/usr/bin", "/usr/local/sbin"}, Doc: "Where the command is looked for."},
		{Name: "boot_time_command", Default: "cat /proc/sys/kernel/random/boot_id", Doc: "A command whose output is another one after a restart."},
		{Name: "reboot_command", Doc: "The command that restarts the host."},
	},
	Returns: []module.Return{
		{Name: "rebooted", Type: "bool", When: "always", Doc: "Whether the host was restarted."},
		{Name: "elapsed", Type: "int", When: "always", Doc: "How many seconds it took."},
	},
	Examples: "- reboot: {reboot_timeout: 900}\n",
	Traits:   module.Traits{Reach: state.ReachExternal},
}

// Reboot is the module reboot.
func Reboot() module.Module { return module.New(rebootSpec, planReboot) }

// scriptReboot prints the path of a program ($1; * for the host's own) among
// folders ($3 ...), whether the host is Alpine, and what $2 prints.
const scriptReboot = `p=$1 b=$2; shift 2
s=linux; [ -e /etc/alpine-release ] && s=alpine
[ "$p" = '*' ] && { p=shutdown; [ $s = alpine ] && p=reboot; }
f=; case $p in /*) f=$p;; *) for d; do [ -e "$d/$p" ] && { f=$d/$p; break; }; done;; esac
printf '%s\n%s\n%s\n' "$f" "$s" "$p"
eval "$b"`

func planReboot(a rebootArgs, in module.Inputs, v state.View) (module.Change, error) {
	result := value.M("changed", true, "elapsed", 0, "rebooted", true)
	if in.Check {
		return module.Change{Ops: []state.Op{state.Reconnect{Shell: "reboot"}}, Result: result}, nil
	}
	program, rest := "*", ""
	if a.Command != "" {
		program, rest, _ = strings.Cut(a.Command, " ")
	}
	g := module.Gathering(v)
	out := g.Output(scriptReboot, append([]string{program, a.BootTime}, a.SearchPaths...)...)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	f := strings.SplitN(out.Stdout+"\n\n\n", "\n", 4)
	switch {
	case out.RC != 0:
		return module.Change{}, module.Fail(fmt.Sprintf("reboot: failed to get host boot time info, rc: %d, stdout: %s, stderr: %s", out.RC, strings.TrimRight(f[3], "\n"), out.Stderr), "reboot", false)
	case f[0] == "":
		return module.Change{}, module.Fail(fmt.Sprintf("Unable to find command \"%s\" in search paths: %s", f[2], value.Strings(a.SearchPaths...).Repr()))
	}
	boot := strings.TrimSpace(f[3])
	if in.Before != "" && in.Before != boot { // it was restarted since
		return module.Change{Result: result}, nil
	}
	if a.Command == "" && f[1] != "alpine" {
		rest = fmt.Sprintf("-r %d %q", max(0, a.PreDelay)/60, a.Msg)
	}
	op := state.Reconnect{Shell: strings.TrimSpace(f[0] + " " + rest), Check: a.BootTime, Not: boot, Test: a.Test,
		Delay: time.Duration(max(0, a.PostDelay)) * time.Second, Timeout: time.Duration(a.Timeout) * time.Second, Connect: time.Duration(a.Connect) * time.Second}
	predicted := result.Clone()
	predicted.Set("elapsed", module.Later())
	return module.Change{Ops: []state.Op{op}, Result: predicted, Mark: boot, Then: func(_ state.View, did []state.OpResult) (module.Change, error) {
		r := did[len(did)-1]
		info, _ := r.Data.(state.ReconnectInfo)
		elapsed := int(info.Elapsed / time.Second)
		switch what := map[string]string{"check": "last boot time check", "test": "post-reboot test command"}[info.Failed]; {
		case info.Failed == "local":
			return module.Change{}, module.Fail("Running reboot with local connection would reboot the control node.", "rebooted", false, "elapsed", 0)
		case info.Failed == "command":
			return module.Change{}, module.Fail(fmt.Sprintf("Reboot command failed. Error was: '%s, %s'", strings.TrimSpace(string(r.Stdout)), strings.TrimSpace(string(r.Stderr))),
				"rebooted", false, "elapsed", elapsed)
		case what != "":
			return module.Change{}, module.Fail(fmt.Sprintf("Timed out waiting for %s (timeout=%d)", what, a.Timeout), "rebooted", true, "elapsed", elapsed)
		}
		result.Set("elapsed", value.Int(int64(elapsed)))
		return module.Change{Result: result}, nil
	}}, nil
}
