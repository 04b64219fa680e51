package security

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type capArgs struct {
	Path       string `arg:"path"`
	Capability string `arg:"capability"`
	State      string `arg:"state"`
}

var capSpec = module.Spec{
	Name:    "capabilities",
	Aliases: []string{"community.general.capabilities"},
	Summary: "Have a capability on a program, or not",
	Doc: "Sets and removes capabilities of a file with setcap, and says what there is with getcap; the host needs both. " +
		"What getcap says is compared as it is: with a recent libcap write cap_net_raw=ep and not cap_net_raw+ep, or the task changes something each time.",
	Args: []module.Arg{
		{Name: "path", Aliases: []string{"key"}, Required: true, Doc: "The file."},
		{Name: "capability", Aliases: []string{"cap"}, Required: true, Doc: "The capability, with an operator (=, -, +) and flags unless it is to go away."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether it is to be there."},
	},
	Returns: []module.Return{
		{Name: "msg", Type: "str", When: "changed", Doc: "What was done."},
		{Name: "stdout", Type: "str", When: "changed", Doc: "What setcap printed."},
	},
	Examples: "- capabilities: {path: /usr/bin/ping, capability: cap_net_raw=ep}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// Capabilities is the module capabilities.
func Capabilities() module.Module { return module.New(capSpec, planCapabilities) }

// capability is one capability with its operator and flags.
type capability struct{ name, op, flags string }

func (c capability) String() string { return c.name + c.op + c.flags }

// parseCap takes a capability apart. "=" is looked for first, as in Ansible.
func parseCap(s string) (capability, bool) {
	for _, op := range []string{"=", "-", "+"} {
		if name, flags, ok := strings.Cut(s, op); ok {
			return capability{name, op, flags}, true
		}
	}
	return capability{name: s}, false
}

// getcapScript prints the capabilities of $1, and fails with words when it cannot.
const getcapScript = `for p in getcap setcap; do command -v $p >/dev/null 2>&1 || { printf 'Failed to find required executable "%s"' $p >&2; exit 127; }; done
getcap -v "$1"`

// parseGetcap reads what getcap -v prints of a file: its name, with " = " behind
// it in older versions, and capabilities that may share their flags.
func parseGetcap(out, path string) []capability {
	out = strings.TrimSpace(out)
	if out == path {
		return nil
	}
	var words []string
	if _, rest, old := strings.Cut(out, " ="); old {
		words = strings.Fields(rest)
	} else if f := strings.Fields(out); len(f) > 1 {
		words = f[1:2]
	}
	var caps []capability
	for _, w := range words {
		names := strings.Split(strings.ToLower(w), ",")
		last, _ := parseCap(names[len(names)-1])
		for _, n := range names[:len(names)-1] {
			caps = append(caps, capability{n, last.op, last.flags})
		}
		caps = append(caps, last)
	}
	return caps
}

func planCapabilities(a capArgs, _ module.Inputs, v state.View) (module.Change, error) {
	path := strings.TrimSpace(a.Path)
	want, withOp := parseCap(strings.ToLower(strings.TrimSpace(a.Capability)))
	if !withOp && a.State == "present" {
		return module.Change{}, module.Fail("Couldn't find operator (one of: ('=', '-', '+'))")
	}
	g := module.Gathering(v)
	said := g.Output(getcapScript, path)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if said.RC == 127 {
		return module.Change{}, module.Fail(said.Stderr)
	}
	if said.RC != 0 || said.Stderr != "" {
		return module.Change{}, module.Fail("Unable to get capabilities of "+path, "stdout", strings.TrimSpace(said.Stdout), "stderr", said.Stderr)
	}
	caps := parseGetcap(said.Stdout, path)
	named := func(c capability) bool { return c.name == want.name }
	switch {
	case a.State == "present" && !slices.Contains(caps, want):
		caps = append(slices.DeleteFunc(caps, named), want)
	case a.State == "absent" && slices.ContainsFunc(caps, named):
		caps = slices.DeleteFunc(caps, named)
	default:
		return module.OK("state", a.State), nil
	}
	words := make([]string, len(caps))
	for i, c := range caps {
		words[i] = c.String()
	}
	c := module.Change{Result: value.M("changed", true, "state", a.State, "msg", "capabilities changed", "stdout", module.Later())}
	return module.Steps([]state.Exec{{Argv: []string{"setcap", strings.Join(words, " "), path}, Env: []string{"LC_ALL=C"}}}, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		r := did[0]
		out := value.String(string(r.Stdout)).WithMarks(value.Unsafe)
		if r.RC != 0 {
			return module.Change{}, module.Fail("Unable to set capabilities of "+path, "stdout", out, "stderr", string(r.Stderr))
		}
		return module.Change{Result: value.M("changed", true, "state", a.State, "msg", "capabilities changed", "stdout", out)}, nil
	}), nil
}
