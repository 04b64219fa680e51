package probe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/state"
)

// scriptApt asks for the candidates of the packages "$@" (after the release),
// what dpkg has of them, which were installed for others, and who provides those
// that nothing is called like.
const scriptApt = `command -v apt-get >/dev/null || { printf '@fairlead end\n'; exit 0; }
r=$1; shift
printf '@fairlead apt\n'
for p in /var/lib/apt/periodic/update-success-stamp /var/lib/apt/lists; do [ -e $p ] && { stat -c %Y $p; break; }; done
ask() {
if [ -n "$r" ]; then o=$(apt-cache -t "$r" policy -- "$@" 2>/dev/null); else o=$(apt-cache policy -- "$@" 2>/dev/null); fi
printf '@fairlead policy%s\n%s\n@fairlead dpkg%s\n' "$n" "$o" "$n"
dpkg-query -W -f '${db:Status-Abbrev}|${Package}|${Architecture}|${Version}\n' -- "$@" 2>/dev/null
}
[ $# = 0 ] || {
n=; ask "$@"
case $o in *'Candidate: (none)'*)
v=$(printf '%s\n' "$o" | awk '/^[^ ]/{n=substr($0,1,length($0)-1)} /^  Candidate: \(none\)/{if(i)print n} {i=/^  Installed: \(none\)/}')
v=$(apt-cache showpkg $v 2>/dev/null | awk '/^Package: /{n=$2;r=0} r&&NF{print n, $1} /^Reverse Provides:/{r=1}')
[ -z "$v" ] || { printf '@fairlead provides\n%s\n' "$v"; n=2; ask $(printf '%s\n' "$v" | sed 's/.* //'); };;
esac
printf '@fairlead auto\n'; sed -n '/^Package: /{s///;h;};/^Auto-Installed: 1/{x;p;}' /var/lib/apt/extended_states 2>/dev/null
}
printf '@fairlead end\n'`

func apt(q state.Apt) (Script, Read) {
	return Script{Text: scriptApt, Args: append([]string{q.Release}, strings.Fields(q.Names)...)}, func(res ScriptResult) (any, error) {
		r := parseRaw(res.Stdout)
		if !r.done() {
			return nil, fmt.Errorf("%s: the host's answer is not whole: %s", q.Query(), strings.TrimSpace(string(res.Stderr)))
		}
		return named(readApt(r), strings.Fields(q.Names)), nil
	}
}

// named adds what was asked as name:architecture: APT leaves the host's own
// architecture out of its answer.
func named(info state.AptInfo, names []string) state.AptInfo {
	for _, name := range names {
		base, _, ok := strings.Cut(name, ":")
		if _, has := info.Packages[name]; has || !ok {
			continue
		}
		if p, has := info.Packages[base]; has {
			info.Packages[name] = p
		}
	}
	return info
}

func readApt(r *raw) state.AptInfo {
	head, present := r.sections["apt"]
	info := state.AptInfo{Present: present, Packages: policy(append(r.sections["policy"], r.sections["policy2"]...))}
	if len(head) > 0 {
		info.Updated, _ = atoi(head[0])
	}
	dpkgStatus(info.Packages, append(r.sections["dpkg"], r.sections["dpkg2"]...))
	for _, l := range r.sections["provides"] {
		name, by, _ := strings.Cut(l, " ")
		if p := info.Packages[name]; !slices.Contains(p.Providers, by) {
			p.Providers = append(p.Providers, by)
			info.Packages[name] = p
		}
	}
	for _, name := range r.sections["auto"] {
		if p, asked := info.Packages[name]; asked {
			p.Auto = true
			info.Packages[name] = p
		}
	}
	return info
}

// dpkgStatus adds what dpkg has of packages.
func dpkgStatus(packages map[string]state.AptPackage, lines []string) {
	for _, l := range lines {
		f := strings.Split(l, "|")
		if len(f) != 4 || len(f[0]) < 2 {
			continue
		}
		for _, name := range []string{f[1], f[1] + ":" + f[2]} {
			p, asked := packages[name]
			if !asked && name != f[1] {
				continue
			}
			switch f[0][1] {
			case 'i':
				p.Installed = f[3]
			case 'c':
				p.Configured = true
			}
			packages[name] = p
		}
	}
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
			out[name] = p
		default:
			if m := tableVersion().FindStringSubmatch(l); m != nil {
				p := out[name]
				p.Versions = append(p.Versions, m[1])
				out[name] = p
			}
		}
	}
	return out
}

// tableVersion is a line of the version table that has a version.
var tableVersion = lazyregexp.New(`^ (?:\*\*\*|   ) (\S+)`)

func version(l string) string {
	_, v, _ := strings.Cut(l, ": ")
	if v = strings.TrimSpace(v); v == "(none)" {
		return ""
	}
	return v
}
