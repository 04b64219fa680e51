package system

import (
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type iptablesArgs struct {
	All        *value.Map `arg:"*"`
	Table      string     `arg:"table"`
	State      string     `arg:"state"`
	Action     string     `arg:"action"`
	IPVersion  string     `arg:"ip_version"`
	Chain      string     `arg:"chain"`
	RuleNum    string     `arg:"rule_num"`
	Wait       string     `arg:"wait"`
	Match      []string   `arg:"match"`
	TCPFlags   tcpFlags   `arg:"tcp_flags"`
	Jump       string     `arg:"jump"`
	DestPorts  []string   `arg:"destination_ports"`
	CTState    []string   `arg:"ctstate"`
	SetFlags   string     `arg:"match_set_flags"`
	Syn        string     `arg:"syn"`
	Flush      bool       `arg:"flush"`
	Policy     string     `arg:"policy"`
	Management bool       `arg:"chain_management"`
}

type tcpFlags struct {
	Flags []string `arg:"flags"`
	Set   []string `arg:"flags_set"`
}

var iptablesSpec = module.Spec{
	Name:    "iptables",
	Summary: "Have a rule of the packet filter in the kernel, or not",
	Doc:     "Adds and removes rules, policies and chains with iptables or ip6tables. Nothing is written for the next start of the host.",
	Args: slices.Concat([]module.Arg{
		{Name: "table", Choices: []string{"filter", "nat", "mangle", "raw", "security"}, Default: "filter", Doc: "The table."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether the rule is to be there."},
		{Name: "action", Choices: []string{"append", "insert"}, Default: "append", Doc: "Where a new rule goes."},
		{Name: "ip_version", Choices: []string{"ipv4", "ipv6"}, Default: "ipv4", Doc: "iptables or ip6tables."},
		{Name: "chain", Doc: "The chain; it may be left out with flush."},
		{Name: "rule_num", Doc: "The place of an inserted rule."},
		{Name: "wait", Doc: "Seconds to wait for another process that changes rules."},
		{Name: "match", Type: module.List, Elem: module.Str, Default: []string{}, Doc: "Extensions to load (-m)."},
		{Name: "tcp_flags", Type: module.Dict, Doc: "Flags of TCP to look at, and those that must be set.", Options: []module.Arg{
			{Name: "flags", Type: module.List, Elem: module.Str, Doc: "The flags to look at."},
			{Name: "flags_set", Type: module.List, Elem: module.Str, Doc: "Those that must be set."},
		}},
		{Name: "log_level", Choices: []string{"0", "1", "2", "3", "4", "5", "6", "7", "emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"}, Doc: "The level of log messages."},
		{Name: "destination_ports", Type: module.List, Elem: module.Str, Default: []string{}, Doc: "Several ports or ranges of the target."},
		{Name: "ctstate", Type: module.List, Elem: module.Str, Default: []string{}, Doc: "States of connections."},
		{Name: "match_set_flags", Choices: []string{"src", "dst", "src,dst", "dst,src"}, Doc: "Which addresses are looked up in the set."},
		{Name: "syn", Choices: []string{"ignore", "match", "negate"}, Default: "ignore", Doc: "Whether the packet begins a connection."},
		{Name: "flush", Type: module.Bool, Default: false, Doc: "Remove all rules of the chain, or of the table."},
		{Name: "policy", Choices: []string{"ACCEPT", "DROP", "QUEUE", "RETURN"}, Doc: "The policy of the chain."},
		{Name: "chain_management", Type: module.Bool, Default: false, Doc: "Make and remove chains, too."},
	}, iptablesWords()),
	MutuallyExclusive: [][]string{{"set_dscp_mark", "set_dscp_mark_class"}, {"flush", "policy"}},
	RequiredIf:        [][]string{{"jump", "TEE", "gateway"}, {"jump", "tee", "gateway"}},
	Returns: []module.Return{
		{Name: "rule", Type: "str", When: "always", Doc: "The rule, as iptables takes it."},
		{Name: "chain", Type: "str", When: "always", Doc: "The chain."},
		{Name: "table", Type: "str", When: "always", Doc: "The table."},
		{Name: "ip_version", Type: "str", When: "always", Doc: "As asked."},
		{Name: "state", Type: "str", When: "always", Doc: "As asked."},
		{Name: "flush", Type: "bool", When: "always", Doc: "As asked."},
		{Name: "chain_management", Type: "bool", When: "always", Doc: "As asked."},
	},
	Examples: "- iptables: {chain: INPUT, protocol: tcp, destination_port: '80', jump: ACCEPT}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// iptablesWords are the arguments that are one word of a rule.
func iptablesWords() []module.Arg {
	var out []module.Arg
	for _, d := range [][2]string{
		{"protocol", "The protocol; ! in front of a value negates it, here and below."}, {"source", "The address it comes from."},
		{"to_source", "What SNAT makes of the source."}, {"destination", "The address it goes to."}, {"to_destination", "What DNAT makes of the target."},
		{"jump", "The target: ACCEPT, DROP, a chain ..."}, {"gateway", "Where TEE sends copies."}, {"log_prefix", "What log messages begin with."},
		{"goto", "A chain to go on in, without coming back."}, {"in_interface", "The interface it comes in by."}, {"out_interface", "The interface it goes out by."},
		{"fragment", "Second and further fragments."}, {"set_counters", "Counters of packets and bytes."}, {"source_port", "The port it comes from."},
		{"destination_port", "The port it goes to."}, {"to_ports", "The port that REDIRECT sends it to."}, {"set_dscp_mark", "The DSCP mark to set."},
		{"set_dscp_mark_class", "The DSCP class to set."}, {"comment", "A comment."}, {"src_range", "A range of sources."}, {"dst_range", "A range of targets."},
		{"match_set", "A set of ipset."}, {"limit", "How often it matches at most."}, {"limit_burst", "How many match before the limit holds."},
		{"uid_owner", "The user whose process sends it."}, {"gid_owner", "The group whose process sends it."}, {"reject_with", "The answer of REJECT."},
		{"icmp_type", "The kind of ICMP message."},
	} {
		out = append(out, module.Arg{Name: d[0], Doc: d[1]})
	}
	return out
}

// Iptables is the module iptables.
func Iptables() module.Module { return module.New(iptablesSpec, planIptables) }

func (a iptablesArgs) arg(name string) string {
	v, ok := a.All.Get(name)
	if !ok || v.IsNull() {
		return ""
	}
	return v.Text()
}

// ruleWords collects the words of a rule.
type ruleWords struct {
	a   iptablesArgs
	out []string
}

// word adds a flag with an argument's value, if it is given.
func (w *ruleWords) word(name, flag string) { w.value(w.a.arg(name), flag) }

func (w *ruleWords) value(v, flag string) {
	if v == "" {
		return
	}
	if strings.HasPrefix(v, "!") {
		w.out = append(w.out, "!", flag, v[1:])
		return
	}
	w.out = append(w.out, flag, v)
}

func (w *ruleWords) match(on bool, name string) {
	if on {
		w.out = append(w.out, "-m", name)
	}
}

func (w *ruleWords) csv(list []string, flag string) {
	if len(list) > 0 {
		w.out = append(w.out, flag, strings.Join(list, ","))
	}
}

// rule is the rule's words, in the order in which Ansible writes them.
func (a iptablesArgs) rule(wait string) []string {
	w := &ruleWords{a: a}
	w.value(wait, "-w")
	w.word("protocol", "-p")
	w.word("source", "-s")
	w.word("destination", "-d")
	for _, m := range a.Match {
		w.value(m, "-m")
	}
	if len(a.TCPFlags.Flags) > 0 && len(a.TCPFlags.Set) > 0 {
		w.out = append(w.out, "--tcp-flags", strings.Join(a.TCPFlags.Flags, ","), strings.Join(a.TCPFlags.Set, ","))
	}
	w.value(a.Jump, "-j")
	if strings.EqualFold(a.Jump, "tee") {
		w.word("gateway", "--gateway")
	}
	w.word("log_prefix", "--log-prefix")
	w.word("log_level", "--log-level")
	w.word("to_destination", "--to-destination")
	w.match(len(a.DestPorts) > 0, "multiport")
	w.csv(a.DestPorts, "--dports")
	for _, x := range [][2]string{{"to_source", "--to-source"}, {"goto", "-g"}, {"in_interface", "-i"}, {"out_interface", "-o"}, {"fragment", "-f"},
		{"set_counters", "-c"}, {"source_port", "--source-port"}, {"destination_port", "--destination-port"}, {"to_ports", "--to-ports"},
		{"set_dscp_mark", "--set-dscp"}, {"set_dscp_mark_class", "--set-dscp-class"}} {
		w.word(x[0], x[1])
	}
	switch a.Syn {
	case "match":
		w.out = append(w.out, "--syn")
	case "negate":
		w.out = append(w.out, "!", "--syn")
	}
	a.extensions(w)
	return w.out
}

// extensions adds what needs an extension to be loaded.
func (a iptablesArgs) extensions(w *ruleWords) {
	switch {
	case slices.Contains(a.Match, "conntrack"):
		w.csv(a.CTState, "--ctstate")
	case slices.Contains(a.Match, "state"):
		w.csv(a.CTState, "--state")
	case len(a.CTState) > 0:
		w.match(true, "conntrack")
		w.csv(a.CTState, "--ctstate")
	}
	ranges := a.arg("src_range") != "" || a.arg("dst_range") != ""
	w.match(ranges && !slices.Contains(a.Match, "iprange"), "iprange")
	w.word("src_range", "--src-range")
	w.word("dst_range", "--dst-range")
	if set := a.arg("match_set"); set != "" || slices.Contains(a.Match, "set") {
		w.match(!slices.Contains(a.Match, "set"), "set")
		w.word("match_set", "--match-set")
		if a.SetFlags != "" {
			w.out = append(w.out, a.SetFlags)
		}
	}
	w.match(a.arg("limit") != "" || a.arg("limit_burst") != "", "limit")
	w.word("limit", "--limit")
	w.word("limit_burst", "--limit-burst")
	for _, o := range []string{"uid", "gid"} {
		w.match(a.arg(o+"_owner") != "", "owner")
		w.word(o+"_owner", "--"+o+"-owner")
	}
	if a.Jump == "" && a.arg("reject_with") != "" {
		w.out = append(w.out, "-j", "REJECT")
	}
	w.word("reject_with", "--reject-with")
	w.word("icmp_type", map[string]string{"ipv4": "--icmp-type", "ipv6": "--icmpv6-type"}[a.IPVersion])
	w.match(a.arg("comment") != "", "comment")
	w.word("comment", "--comment")
}

// scriptIptables prints the version of $1, and whether there are a rule and a
// chain: $2 is the table, $3 the chain, then come the rule's words.
const scriptIptables = `p=$1 t=$2 c=$3; shift 3
command -v "$p" >/dev/null || exit 127
"$p" --version
[ -n "$c" ] || exit 0
"$p" -t "$t" -C "$c" "$@" >/dev/null 2>&1; echo "rule $?"
o=$("$p" -t "$t" -L "$c" 2>/dev/null); echo "chain $?"; printf '%s\n' "$o" | head -n 1`

var iptablesPolicy = lazyregexp.New(`\(policy ([A-Z]+)\)`)

// iptablesPaths are what iptables reads to understand a rule; the rules are the kernel's.
var iptablesPaths = []string{"/etc/alternatives", "/etc/protocols", "/etc/services", "/etc/networks", "/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/ethertypes", "/etc/xtables.conf", "/usr/lib", "/lib", "/run/xtables.lock"}

func planIptables(a iptablesArgs, _ module.Inputs, v state.View) (module.Change, error) {
	if !a.Flush && a.Chain == "" {
		return module.Change{}, module.Fail("Either chain or flush parameter must be specified.")
	}
	var chain any
	if a.Chain != "" {
		chain = a.Chain
	}
	shown := strings.Join(a.rule(a.Wait), " ")
	result := value.M("changed", false, "failed", false, "ip_version", a.IPVersion, "table", a.Table, "chain", chain, "flush", a.Flush,
		"rule", shown, "state", a.State, "chain_management", a.Management)
	if a.arg("log_prefix") != "" || a.arg("log_level") != "" {
		if a.Jump != "" && a.Jump != "LOG" {
			return module.Change{}, module.Fail("Logging options can only be used with the LOG jump target.")
		}
		a.Jump = "LOG"
	}
	program := map[string]string{"ipv4": "iptables", "ipv6": "ip6tables"}[a.IPVersion]
	g := module.Gathering(v)
	paths := iptablesPaths
	if a.arg("uid_owner")+a.arg("gid_owner") != "" {
		paths = append(slices.Clone(paths), "/etc/passwd", "/etc/group")
	}
	out := g.OutputUnder(paths, scriptIptables, append([]string{program, a.Table, a.Chain}, a.rule(a.Wait)...)...)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if out.RC == 127 {
		return module.Change{}, module.Fail(`Failed to find required executable "` + program + `" in paths of the host`)
	}
	has, there := strings.Contains(out.Stdout, "\nrule 0\n"), strings.Contains(out.Stdout, "\nchain 0\n")
	base := []string{program, "-t", a.Table}
	call := func(action string, words ...string) state.Exec {
		argv := append(slices.Clone(base), action)
		if a.Chain != "" {
			argv = append(argv, a.Chain)
		}
		return state.Exec{Argv: append(argv, words...), Env: []string{"LC_ALL=C"}}
	}
	var cmds []state.Exec
	changed := true
	switch {
	case a.Flush:
		cmds = append(cmds, call("-F"))
	case a.Policy != "":
		m := iptablesPolicy().FindStringSubmatch(out.Stdout)
		if m == nil {
			return module.Change{}, module.Fail("Can't detect current policy")
		}
		if changed = m[1] != a.Policy; changed {
			cmds = append(cmds, call("-P", a.Policy))
		}
	case a.State == "absent" && shown == "":
		if changed = there; there && a.Management {
			cmds = append(cmds, call("-X"))
		}
	default:
		if changed = has != (a.State == "present"); changed {
			cmds = a.ruleSteps(call, there || has)
		}
	}
	result.Set("changed", value.Bool(changed))
	return module.Steps(cmds, module.Change{Result: result}, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if r := did[len(did)-1]; r.RC != 0 {
			return module.Change{}, module.Fail(strings.TrimRight(string(r.Stderr), "\n"), "rc", r.RC, "stdout", string(r.Stdout), "stderr", string(r.Stderr),
				"cmd", strings.Join(cmds[len(did)-1].Argv, " "))
		}
		return module.Change{Result: result}, nil
	}), nil
}

// ruleSteps are the commands that add or remove the rule.
func (a iptablesArgs) ruleSteps(call func(string, ...string) state.Exec, chain bool) []state.Exec {
	rule := a.rule(a.Wait)
	if a.State == "absent" {
		return []state.Exec{call("-D", rule...)}
	}
	var cmds []state.Exec
	if !chain && a.Management {
		cmds = append(cmds, call("-N"))
	}
	if a.Action != "insert" {
		return append(cmds, call("-A", rule...))
	}
	if _, err := strconv.Atoi(a.RuleNum); err == nil {
		rule = append([]string{a.RuleNum}, rule...)
	}
	return append(cmds, call("-I", rule...))
}
