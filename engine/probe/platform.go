package probe

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/value"
)

var i86 = lazyregexp.New(`i([3456]86|86pc)`)

func (r *raw) machine() string {
	if m, ok := r.text("/proc/sys/kernel/arch"); ok {
		return m
	}
	return strings.TrimSpace(strings.Join(r.sections["machine"], ""))
}

func (r *raw) hostname() string { return r.first("/proc/sys/kernel/hostname") }

func platformFacts(r *raw, out *value.Map) {
	set := func(name, v string) { out.Set(name, value.String(v)) }
	set("system", r.first("/proc/sys/kernel/ostype"))
	set("kernel", r.first("/proc/sys/kernel/osrelease"))
	set("kernel_version", r.first("/proc/sys/kernel/version"))
	machine := r.machine()
	set("machine", machine)
	node := r.hostname()
	short, _, _ := strings.Cut(node, ".")
	set("hostname", short)
	set("nodename", node)
	bits := r.bits()
	set("userspace_bits", bits)
	userspace := map[string]string{"64": "x86_64", "32": "i386"}[bits]
	switch {
	case machine == "x86_64":
		set("architecture", machine)
		set("userspace_architecture", userspace)
	case i86().MatchString(machine):
		set("architecture", "i386")
		set("userspace_architecture", userspace)
	default:
		set("architecture", machine)
	}
	if id := r.first("/var/lib/dbus/machine-id", "/etc/machine-id"); id != "" {
		set("machine_id", id)
	}
}

// bits tells from where a program's stack starts whether programs have 32 or
// 64 bits: field 28 of its stat, counted behind the name in parentheses.
func (r *raw) bits() string {
	s := r.first("/proc/self/stat")
	s = s[strings.LastIndexByte(s, ')')+1:]
	fields := strings.Fields(s)
	if len(fields) > 25 {
		if n, err := strconv.ParseUint(fields[25], 10, 64); err == nil && n != 0 && n <= 1<<32 {
			return "32"
		}
	}
	return "64"
}

// scriptFQDN asks the resolver for the host's own name only when /etc/hosts,
// which is read anyway, does not have it.
const scriptFQDN = `h=; IFS= read -r h </proc/sys/kernel/hostname; f=; set -f
while read -r a n || [ -n "$a" ]; do for w in ${n%%#*}; do [ "$w" = "$h" ] && f=1; done; done </etc/hosts 2>/dev/null
set +f
if [ -z "$f" ] && [ -n "$h" ] && command -v getent >/dev/null; then
t=; command -v timeout >/dev/null && t='timeout 5'
printf '@fairlead fqdn\n'
a=$($t getent hosts "$h" 2>/dev/null); printf '%s\n' "$a"; a=${a%%[[:space:]]*}
[ -n "$a" ] && $t getent hosts "$a" 2>/dev/null
fi`

// fqdnFacts finds the full name as Python's getfqdn does: the address of the
// host's name, the names of that address, the first of them with a dot.
func fqdnFacts(r *raw, out *value.Map) {
	name := r.hostname()
	fqdn := name
	names := namesInHosts(r.files["/etc/hosts"], name)
	if names == nil {
		for _, l := range r.sections["fqdn"] { // the reverse answer comes last
			if f := strings.Fields(l); len(f) > 1 {
				names = f[1:]
			}
		}
	}
	for i, n := range names {
		if i == 0 {
			fqdn = n
		}
		if strings.Contains(n, ".") {
			fqdn = n
			break
		}
	}
	_, domain, _ := strings.Cut(fqdn, ".")
	out.Set("fqdn", value.String(fqdn))
	out.Set("domain", value.String(domain))
}

// namesInHosts gives all names of the address that name has in a hosts file,
// the canonical one first; nil when it has none.
func namesInHosts(lines []string, name string) []string {
	type host struct {
		addr  netip.Addr
		names []string
	}
	var all []host
	var own netip.Addr
	for _, l := range lines {
		l, _, _ = strings.Cut(l, "#")
		f := strings.Fields(l)
		if len(f) < 2 {
			continue
		}
		a, err := netip.ParseAddr(f[0])
		if err != nil {
			continue
		}
		all = append(all, host{a, f[1:]})
		for _, n := range f[1:] {
			if n == name && (!own.IsValid() || own.Is4() && a.Is6()) {
				own = a
			}
		}
	}
	for _, h := range all {
		if own.IsValid() && h.addr == own {
			return h.names
		}
	}
	return nil
}
