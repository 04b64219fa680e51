package probe

import (
	"sort"
	"strings"

	"github.com/fairlead-project/fairlead/engine/state"
)

// scriptServices lists what each manager that the host has knows.
const scriptServices = `c=; IFS= read -r c </proc/1/comm
if [ -d /etc/init.d ] && command -v service >/dev/null && command -v update-rc.d >/dev/null; then printf '@fairlead sysv\n'; service --status-all 2>/dev/null; fi
if command -v initctl >/dev/null && [ -d /etc/init ]; then printf '@fairlead upstart\n'; initctl list 2>/dev/null; fi
if command -v rc-status >/dev/null; then printf '@fairlead levels\n'; rc-update show -v 2>/dev/null; printf '@fairlead openrc\n'; rc-status -a -s -m 2>/dev/null; fi
[ -d /run/systemd/system ] && c=systemd
if command -v systemctl >/dev/null && case $c in *systemd*) :;; *) false;; esac; then
printf '@fairlead units\n'; systemctl list-units --no-pager --type service --all --plain --no-legend
printf '@fairlead files\n'; systemctl list-unit-files --no-pager --type service --all --no-legend
fi 2>/dev/null
:`

func services(state.Services) (Script, Read) {
	return Script{Text: scriptServices}, func(res ScriptResult) (any, error) {
		r := parseRaw(res.Stdout)
		byName := map[string]state.ServiceEntry{}
		for _, l := range r.sections["sysv"] {
			f := strings.Fields(l)
			if len(f) != 4 || f[0] != "[" || f[2] != "]" {
				continue
			}
			st := "stopped"
			if f[1] == "+" {
				st = "running"
			}
			byName[f[3]] = state.ServiceEntry{Name: f[3], State: st, Source: "sysv"}
		}
		upstartList(r, byName)
		openRCList(r, byName)
		systemdList(r, byName)
		out := make([]state.ServiceEntry, 0, len(byName))
		for _, e := range byName {
			out = append(out, e)
		}
		sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
		return out, nil
	}
}

func upstartList(r *raw, byName map[string]state.ServiceEntry) {
	for _, l := range r.sections["upstart"] {
		l, _, _ = strings.Cut(l, ",")
		f := strings.Fields(l)
		if len(f) < 2 {
			continue
		}
		if _, st, ok := strings.Cut(f[len(f)-1], "/"); ok {
			byName[f[0]] = state.ServiceEntry{Name: f[0], State: st, Source: "upstart"}
		}
	}
}

func openRCList(r *raw, byName map[string]state.ServiceEntry) {
	levels := map[string]bool{}
	for _, l := range r.sections["levels"] {
		if name, in, ok := strings.Cut(l, "|"); ok {
			levels[strings.TrimSpace(name)] = strings.TrimSpace(in) != ""
		}
	}
	for _, l := range r.sections["openrc"] {
		f := strings.Fields(strings.NewReplacer("[", " ", "]", " ").Replace(l))
		if !strings.HasPrefix(l, " ") || len(f) < 2 {
			continue
		}
		status := "disabled"
		if levels[f[0]] {
			status = "enabled"
		}
		byName[f[0]] = state.ServiceEntry{Name: f[0], State: f[1], Status: status, Source: "openrc"}
	}
}

// badStates say more of a unit than whether it is enabled.
var badStates = map[string]bool{"not-found": true, "masked": true, "failed": true}

// systemdList reads the loaded units, then the unit files, which tell what is
// enabled and which services are not loaded at all.
func systemdList(r *raw, byName map[string]state.ServiceEntry) {
	for _, l := range r.sections["units"] {
		f := strings.Fields(strings.TrimLeft(l, "●* "))
		if len(f) < 4 || !strings.HasSuffix(f[0], ".service") {
			continue
		}
		e := state.ServiceEntry{Name: f[0], State: "stopped", Status: f[2], Source: "systemd"}
		if f[3] == "running" {
			e.State = "running"
		}
		for _, word := range f[1:4] {
			if badStates[word] {
				e.Status = word
			}
		}
		byName[e.Name] = e
	}
	for _, l := range r.sections["files"] {
		f := strings.Fields(l)
		if len(f) < 2 || !strings.HasSuffix(f[0], ".service") {
			continue
		}
		e, ok := byName[f[0]]
		switch {
		case !ok:
			e = state.ServiceEntry{Name: f[0], State: "inactive", Status: f[1], Source: "systemd"}
			if strings.HasSuffix(f[0], "@.service") {
				e.State = "unknown"
			}
		case !badStates[e.Status]:
			e.Status = f[1]
		}
		byName[f[0]] = e
	}
}
