package net

import (
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type listenPortsArgs struct {
	Command string `arg:"command"`
	All     bool   `arg:"include_non_listening"`
}

var listenPortsSpec = module.Spec{
	Name:    "listen_ports_facts",
	Aliases: []string{"community.general.listen_ports_facts"},
	Summary: "Lists the ports on which programs of a host listen, as facts",
	Doc:     "Sets the facts tcp_listen and udp_listen. Sockets whose program ss may not tell, because somebody else runs it, are not listed.",
	Args: []module.Arg{
		{Name: "command", Choices: []string{"netstat", "ss"}, Doc: "Which program is asked; without it netstat, or ss where that is missing."},
		{Name: "include_non_listening", Type: module.Bool, Default: false, Doc: "Also other sockets, and for all of them state and foreign_address."},
	},
	Order:    [][]string{{"changed", "ansible_facts"}},
	Returns:  []module.Return{{Name: "ansible_facts", Type: "dict", When: "always", Doc: "The lists tcp_listen and udp_listen; each socket with protocol, address, port, name, pid, stime (when the program started) and user."}},
	Examples: "- listen_ports_facts:\n- debug: msg=\"{{ tcp_listen | map(attribute='port') | unique }}\"\n",
	Traits:   module.Traits{Reach: state.ReachNone, Reads: true, Facts: []string{"tcp_listen", "udp_listen"}},
}

// ListenPortsFacts is the module listen_ports_facts.
func ListenPortsFacts() module.Module { return module.New(listenPortsSpec, planListenPorts) }

// scriptSockets prints the name of the program $1 (or of the first there is), what it
// says with the other arguments, and all processes.
const scriptSockets = `PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin c=$1; shift
[ "$c" ] || for c in netstat ss ""; do [ -z "$c" ] || command -v "$c" >/dev/null 2>&1 && break; done
command -v "${c:-/none}" >/dev/null 2>&1 || exit 127
echo "$c"; "$c" "$@" || exit 0; printf '@processes\n'; ps -e -o pid= -o user= -o lstart= 2>/dev/null; exit 0`

func planListenPorts(a listenPortsArgs, _ module.Inputs, _ state.View) (module.Change, error) {
	args := []string{"-p", "-l", "-u", "-n", "-t"}
	if a.All {
		args = []string{"-p", "-u", "-n", "-t", "-a"}
	}
	ask := state.Exec{Argv: append([]string{"sh", "-c", scriptSockets, "sh", a.Command}, args...), Env: []string{"LC_ALL=C"}, Read: true}
	return module.Look(ask, value.M("changed", false), func(_ state.View, said state.OpResult) (module.Change, error) {
		return a.tell(said)
	}), nil
}

// tell makes facts of what was printed.
func (a listenPortsArgs) tell(said state.OpResult) (module.Change, error) {
	switch {
	case said.RC == 127 && a.Command != "":
		return module.Change{}, module.Fail(`Failed to find required executable "` + a.Command + `" in paths of the host`)
	case said.RC == 127:
		return module.Change{}, module.Fail("Unable to find any of the supported commands in PATH: netstat, ss")
	case said.RC != 0:
		return module.Change{}, module.CommandFailed([]string{"sh"}, said)
	}
	program, text, _ := strings.Cut(string(said.Stdout), "\n")
	text, processes, ok := strings.Cut(text, "@processes\n")
	var sockets []socket
	if ok {
		parse := parseNetstat
		if program == "ss" {
			parse = parseSS
		}
		var err error
		if sockets, err = parse(text); err != nil {
			return module.Change{}, err
		}
	}
	running := parseProcesses(processes)
	var tcp, udp []any
	for _, s := range sockets {
		m := value.M("protocol", s.protocol)
		if a.All {
			m.Set("state", value.String(s.state))
		}
		m.Set("address", value.String(s.address))
		if a.All {
			m.Set("foreign_address", value.String(s.foreign))
		}
		p := running[s.pid]
		for k, x := range value.M("port", s.port, "name", s.name, "pid", s.pid, "stime", p.started, "user", p.user).All() {
			m.SetKey(k, x)
		}
		switch {
		case strings.HasPrefix(s.protocol, "tcp"):
			tcp = append(tcp, value.FromMap(m))
		case strings.HasPrefix(s.protocol, "udp"):
			udp = append(udp, value.FromMap(m))
		}
	}
	facts := value.FromMap(value.M("tcp_listen", append([]any{}, tcp...), "udp_listen", append([]any{}, udp...))).MarkDeep(value.Unsafe).Map()
	c := module.OK("ansible_facts", facts)
	c.Do = []module.Directive{module.SetFacts{Facts: facts, Plain: true}}
	return c, nil
}

// socket is one line of netstat or ss.
type socket struct {
	protocol, state, address, foreign, name string
	port, pid                               int
}

// parseNetstat reads what netstat prints. A protocol that ends in 6 is told without.
func parseNetstat(text string) ([]socket, error) {
	var out []socket
	seen := map[socket]bool{}
	for _, line := range value.SplitLines(text) {
		f := strings.Fields(line)
		if len(f) < 5 || !strings.HasPrefix(line, "tcp") && !strings.HasPrefix(line, "udp") {
			continue
		}
		s := socket{protocol: f[0][:3], foreign: f[4]}
		program := ""
		rest := f[5:]
		if s.protocol == "tcp" && len(rest) > 1 && len(rest) < 4 {
			s.state, program = rest[0], rest[1]
		}
		if s.protocol == "udp" && len(rest) > 0 && len(rest) < 3 {
			program = rest[0]
		}
		i := strings.LastIndexByte(f[3], ':')
		port, err := strconv.Atoi(f[3][i+1:])
		if i < 0 || err != nil {
			return nil, module.Fail("netstat prints something else than addresses and ports: " + line)
		}
		s.address, s.port = f[3][:i], port
		if pid, name, ok := strings.Cut(program, "/"); ok {
			if s.pid, err = strconv.Atoi(pid); err != nil {
				return nil, module.Fail("netstat prints something else than the number of a process: " + line)
			}
			s.name = strings.TrimRight(name, ":")
		}
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out, nil
}

var (
	reSocketPort  = lazyregexp.New(`^\[?(.+?)\]?:([0-9]+)$`)
	reSocketOwner = lazyregexp.New(`"(.*?)",pid=(\d+)`)
)

// parseSS reads what ss prints: a socket for each program that has it.
func parseSS(text string) ([]socket, error) {
	lines := value.SplitLines(text)
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "Netid ") {
		return nil, module.Fail("Unknown stdout format of `ss`: " + text)
	}
	var out []socket
	for _, line := range lines[1:] {
		f := strings.Fields(line)
		if len(f) < 6 {
			return nil, module.Fail("Expected `ss` table layout \"Netid, State, Recv-Q, Send-Q, Local Address:Port, Peer Address:Port\" and " +
				"optionally \"Process\", but got something else: " + line)
		}
		at := reSocketPort().FindStringSubmatch(f[4])
		if at == nil {
			continue
		}
		port, _ := strconv.Atoi(at[2]) // digits
		for _, owner := range reSocketOwner().FindAllStringSubmatch(line, -1) {
			pid, _ := strconv.Atoi(owner[2]) // digits
			out = append(out, socket{protocol: f[0], state: f[1], address: at[1], port: port, foreign: f[5], name: owner[1], pid: pid})
		}
	}
	return out, nil
}

// running is who runs a process, and since when.
type running struct{ user, started string }

func parseProcesses(text string) map[int]running {
	out := map[int]running{}
	for _, line := range value.SplitLines(text) {
		number, rest, _ := strings.Cut(strings.TrimLeft(line, " "), " ")
		user, started, ok := strings.Cut(strings.TrimLeft(rest, " "), " ")
		if pid, err := strconv.Atoi(number); err == nil && ok {
			out[pid] = running{user, strings.TrimSpace(started)}
		}
	}
	return out
}
