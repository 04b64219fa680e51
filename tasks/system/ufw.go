package system

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type ufwArgs struct {
	State        string          `arg:"state"`
	Default      string          `arg:"default"`
	Logging      string          `arg:"logging"`
	Rule         string          `arg:"rule"`
	Direction    string          `arg:"direction"`
	Delete       bool            `arg:"delete"`
	Route        bool            `arg:"route"`
	Insert       module.Opt[int] `arg:"insert"`
	RelativeTo   string          `arg:"insert_relative_to"`
	Interface    string          `arg:"interface"`
	InterfaceIn  string          `arg:"interface_in"`
	InterfaceOut string          `arg:"interface_out"`
	Log          bool            `arg:"log"`
	FromIP       string          `arg:"from_ip"`
	FromPort     string          `arg:"from_port"`
	ToIP         string          `arg:"to_ip"`
	ToPort       string          `arg:"to_port"`
	Proto        string          `arg:"proto"`
	App          string          `arg:"name"`
	Comment      string          `arg:"comment"`
}

var ufwSpec = module.Spec{
	Name:    "ufw",
	Aliases: []string{"community.general.ufw"},
	Summary: "Rules, policies and state of the firewall UFW",
	Doc: "Runs ufw, which must be installed. What is asked is put to ufw's own dry run first, so that nothing is run that would change nothing; " +
		"state reloaded and reset always count as changes.",
	Args: []module.Arg{
		{Name: "state", Choices: []string{"enabled", "disabled", "reloaded", "reset"}, Doc: "Whether the firewall is on; or reload it, or put it back to what it was when it was installed."},
		{Name: "default", Aliases: []string{"policy"}, Choices: []string{"allow", "deny", "reject"}, Doc: "The policy of a direction, incoming if none is said."},
		{Name: "logging", Choices: []string{"on", "off", "low", "medium", "high", "full"}, Doc: "How much is logged."},
		{Name: "rule", Choices: []string{"allow", "deny", "limit", "reject"}, Doc: "What a rule does."},
		{Name: "direction", Choices: []string{"in", "incoming", "out", "outgoing", "routed"}, Doc: "Of a rule: in or out; of a policy: incoming, outgoing or routed."},
		{Name: "delete", Type: module.Bool, Default: false, Doc: "Delete the rule."},
		{Name: "route", Type: module.Bool, Default: false, Doc: "The rule is about packets that are routed through the host."},
		{Name: "insert", Type: module.Int, Doc: "Insert the rule at this number."},
		{Name: "insert_relative_to", Choices: []string{"zero", "first-ipv4", "last-ipv4", "first-ipv6", "last-ipv6"}, Default: "zero", Doc: "What insert counts from."},
		{Name: "interface", Aliases: []string{"if"}, Doc: "The interface, for the direction."},
		{Name: "interface_in", Aliases: []string{"if_in"}, Doc: "The interface that packets come in by."},
		{Name: "interface_out", Aliases: []string{"if_out"}, Doc: "The interface that packets go out by."},
		{Name: "log", Type: module.Bool, Default: false, Doc: "Log new connections that match the rule."},
		{Name: "from_ip", Aliases: []string{"from", "src"}, Default: "any", Doc: "Source address."},
		{Name: "from_port", Doc: "Source port."},
		{Name: "to_ip", Aliases: []string{"dest", "to"}, Default: "any", Doc: "Destination address."},
		{Name: "to_port", Aliases: []string{"port"}, Doc: "Destination port."},
		{Name: "proto", Aliases: []string{"protocol"}, Choices: []string{"any", "tcp", "udp", "ipv6", "esp", "ah", "gre", "igmp"}, Doc: "The protocol."},
		{Name: "name", Aliases: []string{"app"}, Doc: "A profile of /etc/ufw/applications.d."},
		{Name: "comment", Doc: "A comment to the rule."},
	},
	MutuallyExclusive: [][]string{{"name", "proto", "logging"}, {"direction", "interface_in"}, {"direction", "interface_out"}},
	RequiredOneOf:     [][]string{{"state", "default", "rule", "logging"}},
	Returns: []module.Return{
		{Name: "commands", Type: "list", When: "always", Doc: "What was run, or would be."},
		{Name: "msg", Type: "str", When: "something was run", Doc: "What ufw says of its state afterwards."},
	},
	Examples: "- ufw: {rule: allow, port: 22, proto: tcp}\n- ufw: {state: enabled, policy: deny}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// Ufw is the module ufw.
func Ufw() module.Module { return module.New(ufwSpec, planUfw) }

// ufwRules prints the rules as ufw keeps them.
const ufwRules = `grep -h '^### tuple' /lib/ufw/user.rules /lib/ufw/user6.rules /etc/ufw/user.rules /etc/ufw/user6.rules /var/lib/ufw/user.rules /var/lib/ufw/user6.rules 2>/dev/null`

// scriptUfw prints ufw's state and its rules, each part behind a line "@".
const scriptUfw = `command -v ufw >/dev/null || exit 127
LANG=C ufw status verbose || exit; printf '\n@\n'; ` + ufwRules + `; printf '\n@\n'; LANG=C ufw status numbered; printf '\n@\n'; LANG=C ufw --version`

// scriptUfwDry prints what a rule would change.
const scriptUfwDry = `LANG=C exec ufw --dry-run "$@"`

// ufw is one task of the module.
type ufw struct {
	ufwArgs
	status, rules, numbered, version string
	cmds                             [][]string // what is to be run, without "ufw"
	always                           bool       // it counts as a change whatever comes of it
}

func planUfw(a ufwArgs, in module.Inputs, v state.View) (module.Change, error) {
	if err := a.check(); err != nil {
		return module.Change{}, err
	}
	g := module.Gathering(v)
	out := g.Output(scriptUfw)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if out.RC == 127 {
		return module.Change{}, module.Fail(`Failed to find required executable "ufw" in paths of the host`)
	}
	parts := strings.SplitN(out.Stdout, "\n@\n", 4)
	if out.RC != 0 || len(parts) < 4 {
		return module.Change{}, module.Fail(firstOf(out.Stderr, out.Stdout))
	}
	u := &ufw{ufwArgs: a, status: parts[0], rules: parts[1], numbered: parts[2], version: parts[3]}
	u.setState()
	u.setDefault()
	if err := u.setRule(g); err != nil {
		return module.Change{}, err
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	u.setLogging()
	return u.change(in), nil
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if strings.TrimSpace(t) != "" {
			return t
		}
	}
	return ""
}

func (a ufwArgs) check() error {
	policy, rule := slices.Contains([]string{"", "outgoing", "incoming", "routed"}, a.Direction), slices.Contains([]string{"", "in", "out"}, a.Direction)
	switch {
	case a.Interface != "" && a.Direction == "":
		return module.Fail("missing parameter(s) required by 'interface': direction")
	case a.Default != "" && !policy:
		return module.Fail(`For default, direction must be one of "outgoing", "incoming" and "routed", or direction must not be specified.`)
	case a.Rule != "" && !rule:
		return module.Fail(`For rules, direction must be one of "in" and "out", or direction must not be specified.`)
	case a.Rule != "" && !a.Route && a.InterfaceIn != "" && a.InterfaceOut != "":
		return module.Fail("Only route rules can combine interface_in and interface_out")
	}
	return nil
}

func (u *ufw) setState() {
	active := strings.Contains(u.status, " active") // not "inactive"
	switch u.State {
	case "enabled":
		if !active {
			u.cmds = append(u.cmds, []string{"-f", "enable"})
		}
	case "disabled":
		if active {
			u.cmds = append(u.cmds, []string{"-f", "disable"})
		}
	case "reloaded", "reset":
		u.always = true
		u.cmds = append(u.cmds, []string{"-f", map[string]string{"reloaded": "reload", "reset": "reset"}[u.State]})
	}
}

var ufwDefaults = lazyregexp.New(`Default: (\w+) \(incoming\), (\w+) \(outgoing\), (\w+) \(routed\)`)

// setDefault sets a policy, where the state does not tell that it is so.
func (u *ufw) setDefault() {
	if u.Default == "" {
		return
	}
	cmd := []string{"default", u.Default}
	n := 1
	if u.Direction != "" {
		cmd = append(cmd, u.Direction)
		n = map[string]int{"incoming": 1, "outgoing": 2, "routed": 3}[u.Direction]
	}
	if m := ufwDefaults().FindStringSubmatch(u.status); m != nil && (m[n] == u.Default || m[n] == "disabled") {
		return
	}
	u.cmds = append(u.cmds, cmd)
}

var ufwLogging = lazyregexp.New(`Logging: (on|off)(?: \(([a-z]+)\))?`)

func (u *ufw) setLogging() {
	if u.Logging == "" {
		return
	}
	if m := ufwLogging().FindStringSubmatch(u.status); m != nil {
		same := m[1] == u.Logging || m[1] == "on" && m[2] == u.Logging
		if same {
			return
		}
	}
	u.always = true
	u.cmds = append(u.cmds, []string{"logging", u.Logging})
}

// setRule adds the command for the rule when ufw's dry run tells that it would
// change something.
func (u *ufw) setRule(g *module.Gather) error {
	if u.Rule == "" {
		return nil
	}
	cmd := u.ruleWords()
	dry := g.Output(scriptUfwDry, cmd...)
	if !g.Complete() {
		return nil
	}
	if dry.RC != 0 {
		return module.Fail(firstOf(dry.Stderr, dry.Stdout), "commands", []string{"ufw --dry-run " + strings.Join(cmd, " ")})
	}
	if u.differs(dry.Stdout) {
		u.cmds = append(u.cmds, cmd)
	}
	return nil
}

// differs tells whether what a dry run printed is other than the rules that
// there are. A dry run about addresses of one kind prints the rules of that kind.
func (u *ufw) differs(dry string) bool {
	said := lines(dry)
	if len(said) > 0 && !slices.ContainsFunc(said, func(l string) bool { return !strings.Contains(l, "Skipping") }) {
		return false
	}
	keep := func(string) bool { return true }
	switch a, b := kindOfAddress(u.FromIP), kindOfAddress(u.ToIP); {
	case a == 4 || b == 4:
		keep = func(l string) bool { return !strings.Contains(l, ":") }
	case a == 6 || b == 6:
		keep = func(l string) bool { return strings.Contains(l, ":") }
	}
	pick := func(text string) (out []string) {
		for _, l := range lines(text) {
			if strings.HasPrefix(l, "### tuple") && keep(l) {
				out = append(out, l)
			}
		}
		return out
	}
	return !slices.Equal(pick(u.rules), pick(dry))
}

// kindOfAddress is 4 or 6 for an address or a net, 0 for anything else.
func kindOfAddress(text string) int {
	host, _, _ := strings.Cut(text, "/")
	a, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return 0
	case a.Is4():
		return 4
	}
	return 6
}

// ruleWords is the rule as ufw wants it, in its long form.
func (u *ufw) ruleWords() []string {
	var w []string
	add := func(on bool, words ...string) {
		if on {
			w = append(w, words...)
		}
	}
	add(u.Route, "route")
	add(u.Delete, "delete")
	if at, ok := u.insertAt(); ok {
		w = append(w, "insert", strconv.Itoa(at))
	}
	w = append(w, u.Rule)
	add(u.Direction != "", u.Direction)
	add(u.Interface != "", "on", u.Interface)
	add(u.InterfaceIn != "", "in", "on", u.InterfaceIn)
	add(u.InterfaceOut != "", "out", "on", u.InterfaceOut)
	add(u.Log, "log")
	for _, p := range [][2]string{{"from", u.FromIP}, {"port", u.FromPort}, {"to", u.ToIP}, {"port", u.ToPort}, {"proto", u.Proto}, {"app", u.App}} {
		add(p[1] != "", p[:]...)
	}
	add(u.Comment != "" && u.comments(), "comment", u.Comment)
	return w
}

var ufwVersion = lazyregexp.New(`^ufw\s+(\d+)\.(\d+)`)

// comments tells whether this ufw knows comments: from 0.35 on.
func (u *ufw) comments() bool {
	m := ufwVersion().FindStringSubmatch(u.version)
	if m == nil {
		return true
	}
	major, _ := strconv.Atoi(m[1]) // digits only
	minor, _ := strconv.Atoi(m[2])
	return major > 0 || minor >= 35
}

var ufwNumbered = lazyregexp.New(`(?m)^\[ *(\d+)\] .*$`)

// insertAt is the number to insert the rule at; ufw refuses one behind its last.
func (u *ufw) insertAt() (int, bool) {
	n, given := u.Insert.Get()
	if !given || u.Delete {
		return 0, false
	}
	if u.RelativeTo == "zero" {
		return n, true
	}
	last, last4, has6 := 0, 0, false
	for _, m := range ufwNumbered().FindAllStringSubmatch(u.numbered, -1) {
		at, _ := strconv.Atoi(m[1]) // digits only
		last = max(last, at)
		if strings.Contains(m[0], "(v6)") {
			has6 = true
		} else {
			last4 = max(last4, at)
		}
	}
	base := 1
	switch u.RelativeTo {
	case "last-ipv4":
		base = max(last4, 1)
	case "first-ipv6":
		base = last4 + 1
	case "last-ipv6":
		if base = last; !has6 {
			base = last + 1
		}
	}
	return n + base, n+base <= last
}

func (u *ufw) change(in module.Inputs) module.Change {
	var said []string
	var cmds []state.Exec
	for _, c := range u.cmds {
		text := "ufw " + strings.Join(c, " ")
		if in.Check {
			text = "ufw --dry-run " + strings.Join(c, " ")
		}
		said = append(said, text)
		cmds = append(cmds, state.Exec{Argv: append([]string{"ufw"}, c...), Env: []string{"LANG=C"}})
	}
	result := value.M("changed", len(cmds) > 0, "commands", said)
	if len(cmds) == 0 {
		result.Set("msg", value.String(strings.TrimRight(u.status, "\n")).MarkDeep(value.Unsafe))
		return module.Change{Result: result}
	}
	result.Set("msg", module.Later())
	cmds = append(cmds, state.Exec{Shell: `LANG=C ufw status verbose; printf '\n@\n'; ` + ufwRules + "; true", Read: true})
	return module.Steps(cmds, module.Change{Result: result}, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if r := did[len(did)-1]; len(did) < len(cmds) {
			return module.Change{}, module.Fail(firstOf(string(r.Stderr), string(r.Stdout)), "commands", said)
		}
		status, rules, _ := strings.Cut(string(did[len(did)-1].Stdout), "\n@\n")
		out := result.Clone()
		out.Set("changed", value.Bool(u.always || status != u.status || strings.TrimSpace(rules) != strings.TrimSpace(u.rules)))
		out.Set("msg", value.String(strings.TrimRight(status, "\n")).MarkDeep(value.Unsafe))
		return module.Change{Result: out}, nil
	})
}
