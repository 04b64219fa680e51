package security

import (
	"regexp"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type sebooleanArgs struct {
	Name       string `arg:"name"`
	State      bool   `arg:"state"`
	Persistent bool   `arg:"persistent"`
	Ignore     bool   `arg:"ignore_selinux_state"`
}

var sebooleanSpec = module.Spec{
	Name:    "seboolean",
	Aliases: []string{"ansible.posix.seboolean"},
	Summary: "Have a switch of SELinux on or off",
	Doc: "Sets booleans with setsebool, and asks getsebool, or semanage for what is kept over a restart, what they are. " +
		"The host needs these (policycoreutils, libselinux-utils, policycoreutils-python-utils), and no Python libraries.",
	Args: []module.Arg{
		{Name: "name", Required: true, Doc: "The boolean."},
		{Name: "state", Type: module.Bool, Required: true, Doc: "Whether it is to be on."},
		{Name: "persistent", Type: module.Bool, Default: false, Doc: "Keep it over a restart; what is kept is then compared."},
		{Name: "ignore_selinux_state", Type: module.Bool, Default: false, Doc: "Go on where SELinux seems to be off, as in a chroot."},
	},
	Returns: []module.Return{
		{Name: "name", Type: "str", When: "success", Doc: "As given; so are persistent and state."},
	},
	Examples: "- seboolean: {name: httpd_can_network_connect, state: true, persistent: true}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// SEBoolean is the module seboolean.
func SEBoolean() module.Module { return module.New(sebooleanSpec, planSEBoolean) }

// sebooleanScript prints what the boolean $1 is, and with $2 all that are kept.
// It returns 3 where SELinux is off, unless $3.
const sebooleanScript = `[ -e /sys/fs/selinux/enforce ] || [ "$3" ] || exit 3
for p in getsebool ${2:+semanage}; do command -v $p >/dev/null 2>&1 || { printf 'Failed to find required executable "%s"\n' $p >&2; exit 127; }; done
getsebool "$1" || exit 4
[ -z "$2" ] || semanage boolean --list --noheading`

func planSEBoolean(a sebooleanArgs, _ module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	said := g.Output(sebooleanScript, a.Name, flag(a.Persistent), flag(a.Ignore))
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	switch said.RC {
	case 0:
	case 3:
		return module.Change{}, module.Fail("SELinux is disabled on this host.")
	case 4:
		return module.Change{}, module.Fail("SELinux boolean "+a.Name+" does not exist.", "stderr", said.Stderr)
	default:
		return module.Change{}, module.Fail(strings.TrimSpace(said.Stderr), "rc", said.RC)
	}
	on, err := a.now(said.Stdout)
	if err != nil {
		return module.Change{}, err
	}
	result := value.M("changed", on != a.State, "name", a.Name, "persistent", a.Persistent, "state", a.State)
	if on == a.State {
		return module.Change{Result: result}, nil
	}
	argv := []string{"setsebool"}
	if a.Persistent {
		argv = append(argv, "-P")
	}
	argv = append(argv, a.Name, map[bool]string{true: "1", false: "0"}[a.State])
	return module.Steps([]state.Exec{{Argv: argv}}, module.Change{Result: result}, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if did[0].RC != 0 {
			return module.Change{}, module.CommandFailed(argv, did[0])
		}
		return module.Change{Result: result}, nil
	}), nil
}

// now tells whether the boolean is on: in the kernel, or in what is kept, which
// semanage lists as "name (on , off) words" with what is kept second.
func (a sebooleanArgs) now(out string) (bool, error) {
	first, rest, _ := strings.Cut(out, "\n")
	if !a.Persistent {
		_, is, ok := strings.Cut(first, "-->")
		if !ok {
			return false, module.Fail("Failed to determine current state for boolean " + a.Name)
		}
		return strings.TrimSpace(is) == "on", nil
	}
	name := a.Name
	if real, _, ok := strings.Cut(first, "-->"); ok { // by another name
		name = strings.TrimSpace(real)
	}
	for _, n := range []string{a.Name, name} {
		m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(n) + `\s+\(\s*\w+\s*,\s*(\w+)\s*\)`).FindStringSubmatch(rest)
		if m != nil {
			return m[1] == "on", nil
		}
	}
	return false, module.Fail("SELinux boolean " + a.Name + " is not defined in persistent policy")
}
