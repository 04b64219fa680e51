package probe

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/state"
)

// scriptService finds the manager and asks it for the service $1, of the scope
// $2 (a flag of systemctl or nothing), from the manager $3 (or whatever runs),
// with the processes when $4 is set; $5 is given to the init script. What the
// service itself says comes last, so that nothing in it counts for anything else.
const scriptService = `n=$1 tools=
for p in systemctl initctl rc-service rc-update service update-rc.d insserv chkconfig; do command -v $p >/dev/null && tools="$tools $p"; done
has() { case "$tools " in *" $1 "*) return 0;; esac; return 1; }
c=; IFS= read -r c </proc/1/comm; [ -d /run/systemd/system ] || [ -d /dev/.run/systemd ] || [ -d /dev/.systemd ] && c=systemd
s=/etc/init.d/$n; case $n in /*) s=$n;; esac; [ -f "$s" ] || s=
m=$3
if [ -n "$m" ]; then :
elif has systemctl && case $c in *systemd*) :;; *) false;; esac; then m=systemd
elif has initctl && [ -e "/etc/init/$n.conf" ]; then m=upstart
elif has rc-service; then m=openrc
elif [ -n "$s" ] || has service; then m=sysv
fi
start=; for p in /etc/rc?.d/S??"$n"; do [ -e "$p" ] && start=1; done
stop=; for p in /etc/rc?.d/K??"$n"; do [ -e "$p" ] && stop=1; done
printf '@fairlead found\n%s\n%s\n%s\n%s\n%s\n%s\n' "$m" "$tools" "$s" "$start" "$stop" "$SYSTEMD_OFFLINE"
[ -z "$4" ] || { printf '@fairlead ps\n'; ps auxww 2>/dev/null || ps; }
case $m in
systemd)
[ -z "$2" ] || [ -n "$XDG_RUNTIME_DIR" ] || export XDG_RUNTIME_DIR=/run/user/$(id -u)
printf '@fairlead enabled\n'; systemctl $2 is-enabled "$n" 2>/dev/null; printf '\n%s\n' $?
printf '@fairlead status\n'; systemctl $2 show "$n" 2>&1; printf '\n%s\n' $?;;
openrc)
printf '@fairlead enabled\n'; rc-update show 2>/dev/null
printf '@fairlead status\n'; rc-service "$n" status 2>&1 </dev/null; printf '\n%s\n' $?;;
upstart)
printf '@fairlead conf\n'; while IFS= read -r l; do printf '%s\n' "$l"; done <"/etc/init/$n.conf"
printf '@fairlead override\n'; [ -r "/etc/init/$n.override" ] && while IFS= read -r l; do printf '%s\n' "$l"; done <"/etc/init/$n.override"
printf '@fairlead status\n'; initctl status "$n" $5 2>&1; printf '\n%s\n' $?;;
sysv)
if [ -n "$s" ] && ! has update-rc.d && ! has insserv && has chkconfig; then printf '@fairlead enabled\n'; chkconfig --list "$n" 2>&1; fi
printf '@fairlead status\n'
if [ -z "$s" ]; then printf '\n4\n'
elif has service; then service "$n" status $5 2>/dev/null </dev/null; printf '\n%s\n' $?
else "$s" status $5 2>/dev/null </dev/null; printf '\n%s\n' $?; fi;;
esac
:`

func service(q state.Service) (Script, Read) {
	flag := ""
	switch q.Scope {
	case "user", "global":
		flag = "--" + q.Scope
	}
	ps := ""
	if q.Processes {
		ps = "1"
	}
	s := Script{Text: scriptService, Args: []string{q.Name, flag, string(q.Use), ps, q.Arguments}}
	return s, func(res ScriptResult) (any, error) {
		head, status, _ := bytes.Cut(res.Stdout, []byte("@fairlead status\n"))
		return readService(q, parseRaw(head), string(status))
	}
}

func readService(q state.Service, r *raw, status string) (state.ServiceInfo, error) {
	found := r.sections["found"]
	if len(found) < 6 {
		return state.ServiceInfo{}, fmt.Errorf("service %s: the host's answer is not whole", q.Name)
	}
	i := state.ServiceInfo{
		Manager: state.ServiceManager(found[0]), Tools: strings.Fields(found[1]), Script: found[2],
		Enabled: found[3] != "", Stops: found[4] != "", Offline: found[5] == "1", Processes: r.sections["ps"],
	}
	text, rc := endedWith(status)
	i.Exists = i.Script != ""
	switch i.Manager {
	case state.Systemd:
		readSystemd(q, r, &i, text, rc)
	case state.OpenRC:
		readOpenRC(q, r, &i, text)
	case state.Upstart:
		i.Exists = true
		i.Conf, i.Override = strings.Join(r.sections["conf"], "\n"), strings.Join(r.sections["override"], "\n")
		i.Enabled, i.EnabledKnown = !manual().MatchString(i.Override), true
		i.Active, i.ActiveKnown = strings.Contains(text, "start/running"), true
	case state.SysV:
		i.EnabledKnown = i.Has("update-rc.d") || i.Has("insserv")
		if list, ok := r.sections["enabled"]; ok {
			l := strings.Join(list, "\n")
			i.EnabledKnown = strings.Contains(l, q.Name)
			i.Enabled = strings.Contains(l, "3:on") && strings.Contains(l, "5:on")
		}
		i.Active, i.ActiveKnown = runs(q.Name, text, rc)
	}
	return i, nil
}

var manual = lazyregexp.New(`(?mi)^manual\s*$`)

// endedWith takes the last line, a return code, from a command's output.
func endedWith(s string) (text string, rc int64) {
	s = strings.TrimRight(s, "\n")
	cut := strings.LastIndexByte(s, '\n')
	rc, ok := atoi(s[cut+1:])
	if !ok {
		return s, -1
	}
	return strings.TrimRight(s[:max(cut, 0)], "\n"), rc
}

func readSystemd(q state.Service, r *raw, i *state.ServiceInfo, text string, rc int64) {
	if rc == 0 && strings.Contains(text, "=") { // who cannot be asked tells no property
		i.Properties = properties(text)
	} else {
		i.Err = strings.TrimSpace(text)
	}
	load := ""
	for _, p := range i.Properties {
		switch p[0] {
		case "LoadState":
			load = p[1]
		case "ActiveState":
			i.State = p[1]
			i.ActiveKnown = true
		case "LoadError":
			i.Err = p[1]
		}
	}
	i.Active = i.State == "active" || i.State == "activating"
	word, erc := endedWith(strings.Join(r.sections["enabled"], "\n"))
	i.UnitFile = strings.TrimSpace(word)
	unit := load != "" && load != "not-found"
	if i.Properties == nil {
		switch i.UnitFile {
		case "enabled", "enabled-runtime", "linked", "linked-runtime", "masked", "masked-runtime", "static", "indirect",
			"disabled", "generated", "transient":
			unit = true
		}
	}
	i.Exists = i.Exists || unit
	i.Masked = i.UnitFile == "masked"
	sysv := i.Enabled
	i.EnabledKnown, i.Enabled = true, false
	switch {
	case erc == 0:
		i.Enabled = i.UnitFile != "indirect" && i.UnitFile != "alias"
	case erc == 1:
		i.Enabled = q.Scope == "" && i.Script != "" && !strings.HasSuffix(i.UnitFile, "disabled") && sysv
	}
	if unit {
		i.Script = "" // the unit is what counts
	}
}

// properties reads systemctl show: key=value, where a value that begins with a
// brace goes on until a line that ends with one.
func properties(text string) (out [][2]string) {
	open := false
	for l := range strings.SplitSeq(text, "\n") {
		if open {
			last := &out[len(out)-1]
			last[1] += "\n" + l
			open = !strings.HasSuffix(strings.TrimRight(l, " "), "}")
			continue
		}
		k, v, ok := strings.Cut(l, "=")
		if !ok {
			continue
		}
		out = append(out, [2]string{k, v})
		open = strings.HasPrefix(k, "Exec") && strings.HasPrefix(v, "{") && !strings.HasSuffix(strings.TrimRight(v, " "), "}")
	}
	return out
}

func readOpenRC(q state.Service, r *raw, i *state.ServiceInfo, text string) {
	for _, l := range r.sections["enabled"] {
		name, levels, ok := strings.Cut(l, "|")
		if ok && strings.TrimSpace(name) == q.Name {
			i.Runlevels = strings.Fields(levels)
		}
	}
	i.Enabled, i.EnabledKnown = len(i.Runlevels) > 0, i.Has("rc-update")
	i.Active, i.ActiveKnown = strings.Contains(text, "started"), true
	i.Crashed = strings.Contains(text, "crashed")
}

// runs tells from what an init script says about its status whether the
// service runs: from LSB's codes first, from the words of one line then.
func runs(name, text string, rc int64) (active, known bool) {
	switch rc {
	case 1, 2, 3, 4, 69:
		return false, true
	}
	if strings.Count(text, "\n") < 1 {
		clean := strings.ReplaceAll(strings.ToLower(text), strings.ToLower(name), "")
		has := func(s string) bool { return strings.Contains(clean, s) }
		switch {
		case has("stop"):
			return false, true
		case has("run"):
			return !has("not "), true
		case has("start") && !has("not "):
			return true, true
		case has("could not access pid file"), has("is dead and pid file exists"), has("dead but subsys locked"), has("dead but pid file exists"):
			return false, true
		}
	}
	if rc == 0 {
		return true, true
	}
	return name == "iptables" && strings.Contains(text, "ACCEPT"), name == "iptables" && strings.Contains(text, "ACCEPT")
}
