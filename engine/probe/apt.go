package probe

import (
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/state"
)

// scriptApt asks for the candidates of the packages "$@" (after the release),
// what dpkg has of them, and who provides the virtual ones.
const scriptApt = `command -v apt-get >/dev/null || { printf '@fairlead end\n'; exit 0; }
r=$1; shift
printf '@fairlead apt\n'
for p in /var/lib/apt/periodic/update-success-stamp /var/lib/apt/lists; do [ -e $p ] && { stat -c %Y $p; break; }; done
[ $# = 0 ] || {
if [ -n "$r" ]; then o=$(apt-cache -t "$r" policy -- "$@" 2>/dev/null); else o=$(apt-cache policy -- "$@" 2>/dev/null); fi
printf '@fairlead policy\n%s\n@fairlead dpkg\n' "$o"
dpkg-query -W -f '${db:Status-Abbrev}|${Package}|${Architecture}|${Version}\n' -- "$@" 2>/dev/null
case $o in *'Candidate: (none)'*) printf '@fairlead provides\n'; dpkg-query -W -f '${db:Status-Abbrev}|${Provides}\n' 2>/dev/null;; esac
}
printf '@fairlead end\n'`

func apt(q state.Apt) (Script, Read) {
	return Script{Text: scriptApt, Args: append([]string{q.Release}, strings.Fields(q.Names)...)}, func(res ScriptResult) (any, error) {
		r := parseRaw(res.Stdout)
		if !r.done() {
			return nil, fmt.Errorf("%s: the host's answer is not whole: %s", q.Query(), strings.TrimSpace(string(res.Stderr)))
		}
		return readApt(r), nil
	}
}

func readApt(r *raw) state.AptInfo {
	head, present := r.sections["apt"]
	info := state.AptInfo{Present: present, Packages: policy(r.sections["policy"])}
	if len(head) > 0 {
		info.Updated, _ = atoi(head[0])
	}
	for _, l := range r.sections["dpkg"] {
		f := strings.Split(l, "|")
		if len(f) != 4 || len(f[0]) < 2 {
			continue
		}
		for _, name := range []string{f[1], f[1] + ":" + f[2]} {
			p, asked := info.Packages[name]
			if !asked && name != f[1] {
				continue
			}
			switch f[0][1] {
			case 'i':
				p.Installed = f[3]
			case 'c':
				p.Configured = true
			}
			info.Packages[name] = p
		}
	}
	provided := map[string]bool{}
	for _, l := range r.sections["provides"] {
		status, list, _ := strings.Cut(l, "|")
		if len(status) < 2 || status[1] != 'i' {
			continue
		}
		for name := range strings.SplitSeq(list, ",") {
			if f := strings.Fields(name); len(f) > 0 {
				provided[f[0]] = true
			}
		}
	}
	for name, p := range info.Packages {
		if p.Virtual && provided[name] {
			p.Provided = true
			info.Packages[name] = p
		}
	}
	return info
}

// policy reads the blocks of apt-cache policy: a name, then its versions.
func policy(lines []string) map[string]state.AptPackage {
	out := map[string]state.AptPackage{}
	name := ""
	for _, l := range lines {
		switch {
		case l != "" && l[0] != ' ' && strings.HasSuffix(l, ":"):
			name = strings.TrimSuffix(l, ":")
			out[name] = state.AptPackage{}
		case name == "":
		case strings.HasPrefix(l, "  Installed: "):
			// What dpkg says counts; this is for a name of another architecture.
			p := out[name]
			p.Installed = version(l)
			out[name] = p
		case strings.HasPrefix(l, "  Candidate: "):
			p := out[name]
			p.Candidate = version(l)
			p.Virtual = p.Candidate == "" && p.Installed == ""
			out[name] = p
		}
	}
	return out
}

func version(l string) string {
	_, v, _ := strings.Cut(l, ": ")
	if v = strings.TrimSpace(v); v == "(none)" {
		return ""
	}
	return v
}
