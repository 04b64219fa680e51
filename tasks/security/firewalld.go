package security

import (
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type firewalldArgs struct {
	Service   string      `arg:"service"`
	Protocol  string      `arg:"protocol"`
	Port      string      `arg:"port"`
	Forward   []fwForward `arg:"port_forward"`
	RichRule  string      `arg:"rich_rule"`
	Source    string      `arg:"source"`
	Interface string      `arg:"interface"`
	ICMPBlock string      `arg:"icmp_block"`
	Inversion string      `arg:"icmp_block_inversion"`
	Zone      string      `arg:"zone"`
	Permanent bool        `arg:"permanent"`
	Immediate bool        `arg:"immediate"`
	State     string      `arg:"state"`
	Timeout   int         `arg:"timeout"`
	Masquer   string      `arg:"masquerade"`
	Offline   bool        `arg:"offline"`
	Target    string      `arg:"target"`
}

type fwForward struct {
	Port   string `arg:"port"`
	Proto  string `arg:"proto"`
	ToPort string `arg:"toport"`
	ToAddr string `arg:"toaddr"`
}

var firewalldSpec = module.Spec{
	Name:    "firewalld",
	Aliases: []string{"ansible.posix.firewalld"},
	Summary: "Have something allowed or set in a zone of firewalld, or not; or a zone itself",
	Doc: "Asks and sets by firewall-cmd, or where firewalld does not run by firewall-offline-cmd, which alters what is kept alone; " +
		"no Python libraries are needed. Without `permanent` it acts on what runs. A zone that was made is known to what runs after a reload, " +
		"which this module leaves to you.",
	Args: []module.Arg{
		{Name: "service", Doc: "A service that firewalld knows by name."},
		{Name: "protocol", Doc: "A protocol."},
		{Name: "port", Doc: "A port or a range with a protocol, such as 161-162/udp."},
		{Name: "port_forward", Type: module.List, Elem: module.Dict, Doc: "One port that is forwarded.", Options: []module.Arg{
			{Name: "port", Required: true, Doc: "The port here."},
			{Name: "proto", Required: true, Choices: []string{"udp", "tcp"}, Doc: "Its protocol."},
			{Name: "toport", Required: true, Doc: "The port there."},
			{Name: "toaddr", Doc: "The address there."},
		}},
		{Name: "rich_rule", Doc: "A rule in firewalld's rich language."},
		{Name: "source", Doc: "An address or a network whose packets the zone is for; needs `permanent` said."},
		{Name: "interface", Doc: "An interface whose packets the zone is for; it is taken away from another zone."},
		{Name: "icmp_block", Doc: "A kind of ICMP packets that is blocked."},
		{Name: "icmp_block_inversion", Doc: "Whether all others are blocked instead; with `state: disabled` the other way round."},
		{Name: "zone", Doc: "The zone; without it the default one."},
		{Name: "permanent", Type: module.Bool, Doc: "Act on what is kept over a restart."},
		{Name: "immediate", Type: module.Bool, Default: false, Doc: "Act on what runs as well."},
		{Name: "state", Required: true, Choices: []string{"absent", "disabled", "enabled", "present"}, Doc: "Whether it is to be so. `present` and `absent` are about the zone itself, or its target."},
		{Name: "timeout", Type: module.Int, Default: 0, Doc: "After how many seconds what runs forgets it; 0 for never."},
		{Name: "masquerade", Doc: "Whether the zone masquerades; with `state: disabled` the other way round."},
		{Name: "offline", Type: module.Bool, Doc: "Has no effect, as in the original: what is kept can be altered in any case."},
		{Name: "target", Choices: []string{"default", "ACCEPT", "DROP", "%%REJECT%%"}, Doc: "What becomes of other packets; it goes back to default with `disabled` or `absent`."},
	},
	MutuallyExclusive: [][]string{{"icmp_block", "icmp_block_inversion", "service", "protocol", "port", "port_forward", "rich_rule", "interface", "masquerade", "source", "target"}},
	RequiredBy:        map[string][]string{"interface": {"zone"}, "target": {"zone"}, "source": {"permanent"}},
	Returns:           []module.Return{{Name: "msg", Type: "str", When: "success", Doc: "What was looked at, and changed."}},
	Examples: `- firewalld: {service: https, permanent: true, immediate: true, state: enabled}
- firewalld: {zone: dmz, port: 8081/tcp, permanent: true, state: disabled}
- firewalld: {zone: custom, permanent: true, state: present}
`,
	Traits: module.Traits{Reach: state.ReachHost},
}

// Firewalld is the module firewalld.
func Firewalld() module.Module { return module.New(firewalldSpec, planFirewalld) }

// fwSetting is one thing of a zone: how to ask for it, to have it and to have it
// not (options of firewall-cmd), and what is said of that.
type fwSetting struct {
	ask, add, remove string
	answer           string // that means that it is so; among others for a list of zones
	ofZone           bool   // it needs --zone
	kept             bool   // there is none of what runs
	timed            bool
	want             bool
	added, removed   string // said of the change by itself
	changed          string
}

const fwZonesAreKept = "Zone operations must be permanent. Make sure you didn't set the 'permanent' flag to 'false' or the 'immediate' flag to 'true'."

// setting is what the arguments are about; nil for nothing.
func (a firewalldArgs) setting() (*fwSetting, []string, error) {
	s := &fwSetting{answer: "yes", ofZone: true, timed: true, want: a.State == "enabled"}
	of := func(option, v, name string) {
		s.ask, s.add, s.remove = "--query-"+option+v, "--add-"+option+v, "--remove-"+option+v
		if name != "" {
			s.changed = "Changed " + name + " " + strings.TrimPrefix(v, "=") + " to " + a.State
		}
	}
	var warnings []string
	switch {
	case a.ICMPBlock != "":
		of("icmp-block", "="+a.ICMPBlock, "icmp-block")
	case a.Inversion != "":
		warnings = a.switched(s, "icmp_block_inversion", a.Inversion)
		of("icmp-block-inversion", "", "")
		s.changed = "Changed icmp-block-inversion " + a.Inversion + " to " + a.State
	case a.Service != "":
		of("service", "="+a.Service, "service")
	case a.Protocol != "":
		of("protocol", "="+a.Protocol, "protocol")
	case a.Source != "":
		of("source", "="+a.Source, "")
		s.timed, s.added, s.removed = false, "Added "+a.Source+" to zone ", "Removed "+a.Source+" from zone "
	case a.Port != "":
		port, protocol, _ := strings.Cut(strings.TrimSpace(a.Port), "/")
		if protocol == "" {
			return nil, nil, module.Fail("improper port format (missing protocol?)")
		}
		of("port", "="+port+"/"+protocol, "port")
	case len(a.Forward) > 1:
		return nil, nil, module.Fail("Only one port forward supported at a time")
	case len(a.Forward) == 1:
		f := a.Forward[0]
		v := "port=" + f.Port + ":proto=" + f.Proto + ":toport=" + f.ToPort
		said := v + ":toaddr=" + f.ToAddr
		if f.ToAddr != "" {
			v = said
		}
		of("forward-port", "="+v, "port_forward")
		s.changed = "Changed port_forward " + said + " to " + a.State
	case a.RichRule != "":
		of("rich-rule", "="+a.RichRule, "rich_rule")
	case a.Interface != "":
		of("interface", "="+a.Interface, "")
		s.add = "--change-interface=" + a.Interface
		s.timed, s.added, s.removed = false, "Changed "+a.Interface+" to zone ", "Removed "+a.Interface+" from zone "
	case a.Masquer != "":
		warnings = a.switched(s, "masquerade", a.Masquer)
		of("masquerade", "", "")
		s.added, s.removed = "Added masquerade to zone ", "Removed masquerade from zone "
	case a.Target != "":
		s.ask, s.add, s.remove, s.answer = "--get-target", "--set-target="+a.Target, "--set-target=default", a.Target
		s.kept, s.want = true, a.State == "enabled" || a.State == "present"
		s.added, s.removed = "Set zone "+a.Zone+" target to "+a.Target, "Reset zone "+a.Zone+" target to default"
	case a.State == "present" || a.State == "absent":
		s.ask, s.add, s.remove, s.answer = "--get-zones", "--new-zone="+a.Zone, "--delete-zone="+a.Zone, a.Zone
		s.ofZone, s.kept, s.want = false, true, a.State == "present"
		s.added, s.removed, s.changed = "Added zone "+a.Zone, "Removed zone "+a.Zone, "Changed zone "+a.Zone+" to "+a.State
		if a.Zone == "" {
			return nil, nil, module.Fail("zone is needed to have one present or absent")
		}
		return s, nil, nil
	default:
		return nil, nil, nil
	}
	if !s.kept && (a.State == "present" || a.State == "absent") {
		return nil, nil, module.Fail("absent and present state can only be used in zone level operations")
	}
	return s, warnings, nil
}

// switched takes a text for a switch: off, state means its opposite.
func (a firewalldArgs) switched(s *fwSetting, name, text string) (warnings []string) {
	s.timed = false
	on, known := module.BoolWord(text)
	if known && !on {
		s.want = !s.want
	}
	if !known {
		return []string{"The value of the " + name + ` option is "` + text + `". The type of the option will be changed from string to boolean in a future release. ` +
			"To avoid unexpected behavior, please change the value to boolean."}
	}
	return nil
}

// firewalldScript prints whether firewalld runs ("online", "offline"), a zone ($1, or
// the default one), and what the option $2 answers for what is kept (with $4) and
// what runs (with $5), a line each. $3 tells that the option is one of a zone.
// These programs take long to start: without a message bus nothing is asked of them.
const firewalldScript = `command -v firewall-cmd >/dev/null 2>&1 || { echo 'Failed to find required executable "firewall-cmd"' >&2; exit 127; }
if [ -S /run/dbus/system_bus_socket ] && firewall-cmd --state >/dev/null 2>&1; then is=online c=firewall-cmd p=--permanent; else is=offline c=firewall-offline-cmd p=; fi
z=$1; [ -n "$z" ] || [ -z "$2" ] || z=$($c --get-default-zone) || exit
printf '%s\n%s\n' $is "$z"
[ -n "$2" ] || exit 0
ask() { a=$("$@"); r=$?; [ $r -le 1 ] || exit $r; printf '%s\n' "$a"; }
[ -z "$4" ] || ask $c $p ${3:+--zone="$z"} "$2"
[ -z "$5" ] || [ $is = offline ] || ask $c ${3:+--zone="$z"} "$2"`

func planFirewalld(a firewalldArgs, _ module.Inputs, v state.View) (module.Change, error) {
	s, warnings, wrong := a.setting()
	immediate := a.Immediate || !a.Permanent
	if s == nil {
		s = &fwSetting{}
	}
	g := module.Gathering(v)
	said := g.Output(firewalldScript, a.Zone, s.ask, flag(s.ofZone), flag(a.Permanent), flag(immediate))
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	lines := strings.Split(strings.TrimSuffix(said.Stdout, "\n"), "\n")
	offline := lines[0] == "offline"
	switch {
	case said.RC == 127:
		return module.Change{}, module.Fail(strings.TrimSpace(said.Stderr), "rc", said.RC)
	case offline && immediate:
		return module.Change{}, module.Fail("firewall is not currently running, unable to perform immediate actions without a running firewall daemon")
	case wrong != nil:
		return module.Change{}, wrong
	case s.kept && immediate:
		return module.Change{}, module.Fail(fwZonesAreKept)
	case said.RC > 1 || len(lines) < 2:
		return module.Change{}, fwFailed(said.Stderr, nil)
	}
	t := fwTask{fwSetting: s, zone: lines[1], offline: offline, permanent: a.Permanent, immediate: immediate, warnings: warnings}
	if a.Timeout > 0 && s.timed {
		t.timeout = strconv.Itoa(a.Timeout)
	}
	return t.change(lines[2:]), nil
}

type fwTask struct {
	*fwSetting
	zone                          string
	timeout                       string
	offline, permanent, immediate bool
	warnings                      []string
}

// change brings what is kept and what runs to what is wanted; answers are what
// was said of them.
func (t fwTask) change(answers []string) module.Change {
	if t.ask == "" {
		return module.Change{Result: t.result(false, nil)}
	}
	msgs := []string{"Non-permanent operation"}
	var online []bool // of each command
	is := func(i int) bool {
		return i < len(answers) && slices.Contains(strings.Fields(answers[i]), t.answer)
	}
	if t.permanent {
		msgs[0] = "Permanent operation"
		if t.immediate {
			msgs[0] = "Permanent and Non-Permanent(immediate) operation"
		}
		if is(0) != t.want {
			online = append(online, false)
		}
		answers = answers[min(1, len(answers)):]
	}
	if t.immediate && is(0) != t.want {
		online = append(online, true)
	}
	cmds := make([]state.Exec, len(online))
	for i, running := range online {
		cmds[i] = state.Exec{Argv: t.command(running), Env: []string{"LC_ALL=C"}}
	}
	c := module.Change{Result: t.result(len(cmds) > 0, msgs), Warnings: t.warnings}
	if len(cmds) == 0 {
		return c
	}
	return module.Steps(cmds, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		last := did[len(did)-1]
		if last.RC != 0 || !last.OK {
			return module.Change{}, fwFailed(string(last.Stderr), msgs)
		}
		return c, nil
	})
}

func (t fwTask) command(running bool) []string {
	argv := []string{"firewall-cmd"}
	switch {
	case t.offline:
		argv[0] = "firewall-offline-cmd"
	case !running:
		argv = append(argv, "--permanent")
	}
	if t.ofZone {
		argv = append(argv, "--zone="+t.zone)
	}
	if !t.want {
		return append(argv, t.remove)
	}
	argv = append(argv, t.add)
	if running && t.timeout != "" {
		argv = append(argv, "--timeout="+t.timeout)
	}
	return argv
}

func (t fwTask) result(changed bool, msgs []string) *value.Map {
	if changed {
		own := t.removed
		if t.want {
			own = t.added
		}
		if strings.HasSuffix(own, " ") {
			own += t.zone
		}
		msgs = append(msgs[:len(msgs):len(msgs)], own, t.changed)
	}
	if t.offline {
		msgs = append(msgs[:len(msgs):len(msgs)], "(offline operation: only on-disk configs were altered)")
	}
	return value.M("changed", changed, "msg", strings.Join(slices.DeleteFunc(slices.Clone(msgs), func(m string) bool { return m == "" }), ", "))
}

// fwFailed says what firewall-cmd did not like, behind what was done before.
func fwFailed(stderr string, msgs []string) error {
	why := strings.TrimPrefix(strings.TrimSpace(stderr), "Error: ")
	if strings.Contains(why, "INVALID_SERVICE") {
		msgs = append(msgs[:len(msgs):len(msgs)], "Services are defined by port/tcp relationship and named as they are in /etc/services (on most systems)")
	}
	return module.Fail(strings.TrimRight("ERROR: Exception caught: "+why+" "+strings.Join(msgs, ", "), " "))
}
