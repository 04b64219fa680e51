package security

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// semanageScript prints what semanage lists of a kind of objects ($1), only the
// lines that $2 is in where it is not empty, and with $3 only what was set on the
// host itself. It returns 3 where SELinux is off, unless $4.
const semanageScript = `[ -e /sys/fs/selinux/enforce ] || [ "$4" ] || exit 3
command -v semanage >/dev/null 2>&1 || { echo 'Failed to find required executable "semanage"' >&2; exit 127; }
l=$(semanage "$1" -l -n ${3:+-C}) || exit 1
printf '%s\n' "$l" | if [ "$2" ]; then grep -F -e "$2" || :; else cat; fi`

// semanageList asks for objects. What is not known yet is an empty list.
func semanageList(g *module.Gather, kind, about string, local, ignore bool) (string, error) {
	said := g.Output(semanageScript, kind, about, flag(local), flag(ignore))
	switch said.RC {
	case 0:
		return said.Stdout, nil
	case 3:
		return "", module.Fail("SELinux is disabled on this host.")
	}
	return "", module.Fail(strings.TrimSpace(said.Stderr), "rc", said.RC)
}

// semanage runs its commands one after the other; c is registered when all went well.
func semanage(kind string, reload bool, cmds [][]string, c module.Change) module.Change {
	if len(cmds) == 0 {
		return c
	}
	steps := make([]state.Exec, len(cmds))
	for i, words := range cmds {
		argv := []string{"semanage", kind}
		if !reload {
			argv = append(argv, "-N")
		}
		steps[i] = state.Exec{Argv: append(argv, words...), Env: []string{"LC_ALL=C"}}
	}
	return module.Steps(steps, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if last := did[len(did)-1]; last.RC != 0 || !last.OK {
			return module.Change{}, module.CommandFailed(steps[len(did)-1].Argv, last)
		}
		return module.Change{Result: c.Result, Diff: c.Diff}, nil
	})
}

type seportArgs struct {
	Ports  []string `arg:"ports"`
	Proto  string   `arg:"proto"`
	SEType string   `arg:"setype"`
	State  string   `arg:"state"`
	Reload bool     `arg:"reload"`
	Local  bool     `arg:"local"`
	Ignore bool     `arg:"ignore_selinux_state"`
}

var seportSpec = module.Spec{
	Name:    "seport",
	Aliases: []string{"community.general.seport"},
	Summary: "Have a type of SELinux for ports, or not",
	Doc:     "Asks and sets by semanage (policycoreutils-python-utils), which the host needs in place of Python libraries.",
	Args: []module.Arg{
		{Name: "ports", Type: module.List, Elem: module.Str, Required: true, Doc: "Ports and ranges such as 10000-10100."},
		{Name: "proto", Required: true, Choices: []string{"tcp", "udp"}, Doc: "Their protocol."},
		{Name: "setype", Required: true, Doc: "The type."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether they have it."},
		{Name: "reload", Type: module.Bool, Default: true, Doc: "Load the policy anew."},
		{Name: "local", Type: module.Bool, Default: false, Doc: "Look only at what was set on the host itself."},
		{Name: "ignore_selinux_state", Type: module.Bool, Default: false, Doc: "Go on where SELinux seems to be off, as in a chroot."},
	},
	Returns: []module.Return{
		{Name: "ports", Type: "list", When: "success", Doc: "As given; so are proto, setype and state."},
	},
	Examples: "- seport: {ports: [8888, 10000-10100], proto: tcp, setype: http_port_t}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// SEPort is the module seport.
func SEPort() module.Module { return module.New(seportSpec, planSEPort) }

// sePorts are ports by their type, of one protocol; semanage lists a type, its
// protocol and its ports, joined by commas.
func sePorts(list, proto string) map[string][]string {
	out := map[string][]string{}
	for l := range strings.Lines(list) {
		if f := strings.Fields(strings.ReplaceAll(l, ",", " ")); len(f) > 2 && f[1] == proto {
			out[f[0]] = append(out[f[0]], f[2:]...)
		}
	}
	return out
}

func planSEPort(a seportArgs, _ module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	list, err := semanageList(g, "port", "", false, a.Ignore)
	local := list
	if a.Local && err == nil {
		local, err = semanageList(g, "port", "", true, a.Ignore)
	}
	if c, missing, merr := g.Missing(); missing {
		return c, merr
	}
	if err != nil {
		return module.Change{}, err
	}
	typed := sePorts(local, a.Proto)[a.SEType]
	known := map[string]bool{}
	for _, ports := range sePorts(list, a.Proto) {
		for _, p := range ports {
			known[p] = true
		}
	}
	var cmds [][]string
	for _, p := range a.Ports {
		is, action := slices.Contains(typed, p), "-a"
		if known[p] {
			action = "-m"
		}
		switch {
		case is && a.State == "absent":
			cmds = append(cmds, []string{"-d", "-p", a.Proto, p})
		case !is && a.State == "present":
			cmds = append(cmds, []string{action, "-t", a.SEType, "-p", a.Proto, "-r", "s0", p})
		}
	}
	result := value.M("changed", len(cmds) > 0, "ports", a.Ports, "proto", a.Proto, "setype", a.SEType, "state", a.State)
	return semanage("port", a.Reload, cmds, module.Change{Result: result}), nil
}
