package security

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type selinuxArgs struct {
	Policy     string `arg:"policy"`
	State      string `arg:"state"`
	ConfigFile string `arg:"configfile"`
	Kernel     bool   `arg:"update_kernel_param"`
}

var selinuxSpec = module.Spec{
	Name:    "selinux",
	Aliases: []string{"ansible.posix.selinux"},
	Summary: "Have SELinux enforcing, permissive or disabled",
	Doc: "Keeps the mode and the policy in SELinux's configuration, and sets the mode of the running kernel with setenforce. " +
		"What takes a restart of the host is said (reboot_required), and not done.",
	Args: []module.Arg{
		{Name: "state", Required: true, Choices: []string{"disabled", "enforcing", "permissive"}, Doc: "The mode."},
		{Name: "policy", Doc: "The policy, such as targeted; needed unless it is to be disabled."},
		{Name: "configfile", Aliases: []string{"conf", "file"}, Default: "/etc/selinux/config", Doc: "The configuration; it must exist."},
		{Name: "update_kernel_param", Type: module.Bool, Default: false, Doc: "Keep selinux=0 among the kernel's parameters, too, with grubby."},
	},
	Returns: []module.Return{
		{Name: "msg", Type: "str", When: "always", Doc: "What was changed."},
		{Name: "configfile", Type: "str", When: "always", Doc: "The configuration."},
		{Name: "policy", Type: "str", When: "always", Doc: "The policy."},
		{Name: "state", Type: "str", When: "always", Doc: "The mode."},
		{Name: "reboot_required", Type: "bool", When: "always", Doc: "Whether it counts only after a restart."},
	},
	Examples: "- selinux: {state: permissive, policy: targeted}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// SELinux is the module selinux.
func SELinux() module.Module { return module.New(selinuxSpec, planSELinux) }

// selinuxScript prints what the kernel enforces (1, 0; nothing where SELinux is
// off), the policy that the host is configured for, and, with $1, what grubby
// says of all kernels.
const selinuxScript = `printf 'enforce=%s\n' "$(cat /sys/fs/selinux/enforce 2>/dev/null)"
printf 'policy=%s\n' "$(sed -n 's/^SELINUXTYPE=[[:space:]]*//p' /etc/selinux/config 2>/dev/null | tail -n 1)"
[ "$1" ] || exit 0
command -v grubby >/dev/null 2>&1 || { echo "'grubby' command not found on host" >&2; exit 127; }
grubby --info=ALL || { echo "unable to run grubby" >&2; exit 1; }`

// selinuxNow is what a host has.
type selinuxNow struct {
	mode, policy string // of the kernel; of the host's configuration
	kernel       string // enabled, disabled, or both
}

func parseSELinux(out string) selinuxNow {
	now := selinuxNow{mode: "disabled", policy: "targeted", kernel: "<inconsistent>"}
	on, off := true, true
	for l := range strings.Lines(out) {
		name, v, _ := strings.Cut(strings.TrimSpace(l), "=")
		switch name {
		case "enforce":
			if mode, ok := map[string]string{"1": "enforcing", "0": "permissive"}[v]; ok {
				now.mode = mode
			}
		case "policy":
			if v != "" { // else it is what the library takes by itself
				now.policy = v
			}
		case "args":
			if strings.Contains(" "+strings.Trim(v, `"`)+" ", " selinux=0 ") {
				on = false
			} else {
				off = false
			}
		}
	}
	switch {
	case on && !off:
		now.kernel = "enabled"
	case off && !on:
		now.kernel = "disabled"
	}
	return now
}

// setting is the value of a line NAME=value of a configuration.
func setting(text, name string) (string, bool) {
	m := regexp.MustCompile(`(?m)^` + name + `=([^=\n]*)`).FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	return strings.TrimSpace(m[1]), true
}

// withSetting sets all lines of a setting, or adds one.
func withSetting(text, name, v string) string {
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	re := regexp.MustCompile(`(?m)^` + name + `=.*$`)
	if !re.MatchString(text) {
		return text + name + "=" + v + "\n"
	}
	return re.ReplaceAllLiteralString(text, name+"="+v)
}

func planSELinux(a selinuxArgs, _ module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	kernel := ""
	if a.Kernel {
		kernel = "kernel"
	}
	said := g.Output(selinuxScript, kernel)
	f := g.File(path.Clean(g.Path(a.ConfigFile)), state.WantContent)
	var policy state.File
	if a.Policy != "" {
		policy = g.File("/etc/selinux/"+a.Policy+"/policy", 0)
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	switch {
	case !f.IsRegular():
		return module.Change{}, module.Fail("Unable to find file "+a.ConfigFile, "details", "Please install SELinux-policy package, if this package is not installed previously.")
	case said.RC != 0:
		return module.Change{}, module.Fail(strings.TrimSpace(said.Stderr))
	case a.State != "disabled" && a.Policy == "":
		return module.Change{}, module.Fail("Policy is required if state is not 'disabled'")
	}
	text := string(f.Content)
	s := selinuxTask{selinuxArgs: a, now: parseSELinux(said.Stdout), old: text, text: text}
	has, _ := setting(text, "SELINUXTYPE")
	if s.policy = a.Policy; s.policy == "" {
		s.policy = has
	}
	if s.policy != has && policy.Followed.Type == state.TypeNone {
		return module.Change{}, module.Fail("Policy " + s.policy + " does not exist in /etc/selinux/")
	}
	return s.plan(f.Resolved), nil
}

// selinuxTask gathers what is to be done.
type selinuxTask struct {
	selinuxArgs
	now       selinuxNow
	policy    string
	old, text string // the configuration
	msgs      []string
	warnings  []string
	cmds      []state.Exec
	changed   bool
	reboot    bool
}

func (s *selinuxTask) say(format string, args ...any) {
	s.msgs, s.changed = append(s.msgs, fmt.Sprintf(format, args...)), true
}

func (s *selinuxTask) plan(file string) module.Change {
	if s.policy != s.now.policy {
		s.say("Running SELinux policy changed from '%s' to '%s'", s.now.policy, orNone(s.policy))
	}
	if has, _ := setting(s.text, "SELINUXTYPE"); s.policy != has {
		s.text = withSetting(s.text, "SELINUXTYPE", s.policy)
		s.say("SELinux policy configuration in '%s' changed from '%s' to '%s'", s.ConfigFile, orNone(has), s.policy)
	}
	s.kernelMode()
	if has, _ := setting(s.text, "SELINUX"); has != s.State {
		s.text = withSetting(s.text, "SELINUX", s.State)
		s.say("Config SELinux state changed from '%s' to '%s'", orNone(has), s.State)
	}
	s.kernelParameter()
	policy := value.Null
	if s.policy != "" {
		policy = value.String(s.policy)
	}
	c := module.Change{Warnings: s.warnings, Result: value.M("changed", s.changed, "msg", strings.Join(s.msgs, ", "), "configfile", s.ConfigFile,
		"policy", policy, "state", s.State, "reboot_required", s.reboot)}
	predicted := c
	if len(s.cmds) > 0 {
		c = module.Steps(s.cmds, predicted, func(_ state.View, did []state.OpResult) (module.Change, error) {
			if r := did[len(did)-1]; r.RC != 0 {
				return module.Change{}, module.Fail(strings.TrimSpace(string(r.Stderr)), "rc", r.RC)
			}
			return module.Change{Result: predicted.Result, Warnings: predicted.Warnings}, nil
		})
	}
	if s.text != s.old {
		c.Ops = append([]state.Op{state.WriteFile{Path: file, Content: state.Bytes([]byte(s.text))}}, c.Ops...)
		c.Diff = state.Diff{{BeforeHeader: file, AfterHeader: file, Before: s.old, After: s.text}}
	}
	return c
}

// orNone is how Ansible says that there is none.
func orNone(s string) string {
	if s == "" {
		return "None"
	}
	return s
}

// kernelMode sets the mode of the running kernel, as far as it can be.
func (s *selinuxTask) kernelMode() {
	set := func(n string) {
		s.cmds = append(s.cmds, state.Exec{Argv: []string{"setenforce", n}})
	}
	switch {
	case s.State == s.now.mode:
	case s.now.mode == "disabled":
		s.warnings = append(s.warnings, "Reboot is required to set SELinux state to '"+s.State+"'")
		s.reboot = true
	case s.State == "disabled" && s.now.mode == "permissive":
		s.warnings = append(s.warnings, "SELinux state change will take effect next reboot")
		s.reboot = true
	case s.State == "disabled":
		set("0")
		s.warnings = append(s.warnings, "SELinux state temporarily changed from '"+s.now.mode+"' to 'permissive'. State change will take effect next reboot.")
		s.changed, s.reboot = true, true
	default:
		set(map[string]string{"enforcing": "1", "permissive": "0"}[s.State])
		s.say("SELinux state changed from '%s' to '%s'", s.now.mode, s.State)
	}
}

// kernelParameter keeps selinux=0 among the parameters of all kernels.
func (s *selinuxTask) kernelParameter() {
	want, option := "enabled", "--remove-args"
	if s.State == "disabled" {
		want, option = "disabled", "--args"
	}
	if !s.Kernel || s.now.kernel == want {
		return
	}
	from := s.now.kernel
	s.cmds = append(s.cmds, state.Exec{Argv: []string{"grubby", "--update-kernel=ALL", option, "selinux=0"}})
	s.say("Kernel SELinux state changed from '%s' to '%s'", from, want)
}
