package probe

import (
	"path"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

func lsbFacts(r *raw, out *value.Map) {
	m := value.NewMap()
	set := func(k, v string) {
		if v = strings.Trim(v, `'"\`); v != "" {
			m.Set(k, value.String(v))
		}
	}
	names := map[string]string{"Distributor ID": "id", "Description": "description", "Release": "release", "Codename": "codename",
		"LSB Version": "release", "DISTRIB_ID": "id", "DISTRIB_RELEASE": "release", "DISTRIB_DESCRIPTION": "description", "DISTRIB_CODENAME": "codename"}
	for _, l := range r.sections["lsb"] {
		k, v, _ := strings.Cut(l, ":")
		if n := names[k]; n != "" {
			set(n, strings.TrimSpace(v))
		}
	}
	if m.Len() == 0 {
		for _, l := range r.files["/etc/lsb-release"] {
			k, v, _ := strings.Cut(l, "=")
			if n := names[k]; n != "" {
				set(n, strings.TrimSpace(v))
			}
		}
	}
	if v, ok := m.Get("release"); ok {
		major, _, _ := strings.Cut(v.Str(), ".")
		m.Set("major_release", value.String(major))
	}
	out.Set("lsb", value.FromMap(m))
}

// selinuxFacts reads the kernel's own files: no library is needed.
func selinuxFacts(r *raw, out *value.Map) {
	out.Set("selinux_python_present", value.Bool(true))
	enforce, on := r.text("/sys/fs/selinux/enforce")
	if !on {
		out.Set("selinux", value.FromMap(value.M("status", "disabled")))
		return
	}
	modes := map[string]string{"0": "permissive", "1": "enforcing"}
	m := value.M("status", "enabled", "config_mode", "unknown", "mode", modes[enforce], "type", "unknown")
	if v, ok := atoi(r.first("/sys/fs/selinux/policyvers")); ok {
		m.Set("policyvers", value.Int(v))
	}
	conf := osRelease(r.files["/etc/selinux/config"])
	if v := conf["SELINUX"]; v != "" {
		m.Set("config_mode", value.String(v))
	}
	if v := conf["SELINUXTYPE"]; v != "" {
		m.Set("type", value.String(v))
	}
	out.Set("selinux", value.FromMap(m))
}

func apparmorFacts(r *raw, out *value.Map) {
	status := "disabled"
	if r.exists["/sys/kernel/security/apparmor"] {
		status = "enabled"
	}
	out.Set("apparmor", value.FromMap(value.M("status", status)))
}

// scriptChroot compares the root folder with that of process 1; where that may
// not be read, the folder's inode tells.
const scriptChroot = `printf '@fairlead chroot\n'
if [ -n "$debian_chroot" ]; then echo yes
elif [ -e /proc/1/root/. ]; then if [ / -ef /proc/1/root/. ]; then echo no; else echo yes; fi
else stat -c %i / 2>/dev/null; stat -f -c %T / 2>/dev/null
fi`

func chrootFacts(r *raw, out *value.Map) {
	s := append(r.sections["chroot"], "", "")
	var is bool
	switch s[0] {
	case "yes", "no":
		is = s[0] == "yes"
	default:
		root := "2"
		switch {
		case strings.Contains(s[1], "btrfs"):
			root = "256"
		case strings.Contains(s[1], "xfs"):
			root = "128"
		}
		is = s[0] != root
	}
	out.Set("is_chroot", value.Bool(is))
}

func fipsFacts(r *raw, out *value.Map) {
	out.Set("fips", value.Bool(r.first("/proc/sys/crypto/fips_enabled") == "1"))
}

// scriptPython asks the Python that a host may have about itself. It is the
// one place where one is run, for plays that want to know.
const scriptPython = `printf '@fairlead python\n'
p=; for q in /usr/bin/python3 /usr/libexec/platform-python python3 python; do p=$(command -v $q) && break; done
[ -n "$p" ] && { printf '%s\n' "$p"
"$p" -E -S -c 'import sys
v = sys.version_info
i = getattr(sys, "implementation", None)
print("\n".join(str(x) for x in (v[0], v[1], v[2], v[3], v[4], sys.executable, i.name if i else "cpython")))
try:
    import _ssl
    print("ssl")
except Exception:
    pass' 2>/dev/null; }`

func pythonFacts(r *raw, out *value.Map) {
	s := r.sections["python"]
	if len(s) < 8 {
		return
	}
	num := func(i int) value.Value { n, _ := atoi(s[i]); return value.Int(n) }
	out.Set("python_version", value.String(strings.Join(s[1:4], ".")))
	out.Set("python", value.FromMap(value.M(
		"version", value.M("major", num(1), "minor", num(2), "micro", num(3), "releaselevel", s[4], "serial", num(5)),
		"version_info", []value.Value{num(1), num(2), num(3), value.String(s[4]), num(5)},
		"executable", s[6], "has_sslcontext", len(s) > 8 && s[8] == "ssl", "type", s[7])))
}

// capsFacts reads capsh as Ansible does, odd where its output has two "=".
func capsFacts(r *raw, out *value.Map) {
	var caps value.Value = value.String("N/A")
	enforced := "N/A"
	if s, ok := r.sections["caps"]; ok {
		caps, enforced = value.List(), "NA"
		for _, l := range s {
			v, ok := strings.CutPrefix(l, "Current:")
			if !ok {
				continue
			}
			if enforced = "False"; strings.TrimSpace(v) != "=ep" {
				enforced = "True"
				_, list, _ := strings.Cut(v, "=")
				list, _, _ = strings.Cut(list, "=")
				var names []string
				for n := range strings.SplitSeq(list, ",") {
					names = append(names, strings.TrimSpace(n))
				}
				caps = value.Strings(names...)
			}
		}
	}
	out.Set("system_capabilities_enforced", value.String(enforced))
	out.Set("system_capabilities", caps)
}

// pkgMgrs are the programs that tell a package manager; the last that exists counts.
var pkgMgrs = [][2]string{
	{"/usr/bin/yum", "yum"}, {"/usr/bin/dnf", "dnf"}, {"/usr/bin/apt-get", "apt"},
	{"/usr/bin/zypper", "zypper"}, {"/usr/sbin/urpmi", "urpmi"}, {"/usr/bin/pacman", "pacman"}, {"/bin/opkg", "opkg"},
	{"/usr/local/bin/brew", "homebrew"}, {"/sbin/apk", "apk"}, {"/usr/bin/emerge", "portage"}, {"/usr/bin/xbps-install", "xbps"},
	{"/usr/bin/swupd", "swupd"}, {"/usr/sbin/sorcery", "sorcery"},
}

func pkgMgrPaths() string {
	var paths []string
	for _, p := range pkgMgrs {
		paths = append(paths, p[0])
	}
	return strings.Join(append(paths, "/run/ostree-booted"), " ")
}

func pkgMgrFacts(r *raw, out *value.Map) {
	d := r.distribution()
	name := "unknown"
	for _, p := range pkgMgrs {
		if r.exists[p[0]] {
			name = p[1]
		}
	}
	switch d.family() {
	case "RedHat":
		name = redHatPkgMgr(r, d, name)
	case "Debian":
		name = "apt"
	case "Altlinux":
		if name == "apt" {
			name = "apt_rpm"
		}
	}
	out.Set("pkg_mgr", value.String(name))
}

func redHatPkgMgr(r *raw, d *distro, name string) string {
	if r.exists["/run/ostree-booted"] {
		return "atomic_container"
	}
	major, known := atoi(d.major)
	first := map[string]int64{"Fedora": 23, "Amazon": 2022}[d.name]
	switch {
	case first == 0 && known && major < 8:
		return "yum"
	case first == 0 || !known:
		return "dnf"
	case major < first && r.exists["/usr/bin/yum"]:
		return "yum"
	case major >= first && r.exists["/usr/bin/dnf"]:
		return "dnf"
	}
	return name
}

// scriptServiceMgr tells which tools there are, and whether init is systemd.
const scriptServiceMgr = `printf '@fairlead service_mgr\n'
for p in systemctl initctl; do command -v $p >/dev/null && echo $p; done
for p in /lib/systemd/systemd /usr/lib/systemd/systemd; do [ -L /sbin/init ] && [ /sbin/init -ef $p ] && { echo init; break; }; done`

func serviceMgrFacts(r *raw, out *value.Map) {
	has := set(r.sections["service_mgr"])
	proc1 := path.Base(r.first("/proc/1/comm"))
	name := ""
	if proc1 != "." && proc1 != "init" && !strings.HasSuffix(proc1, "sh") {
		name = proc1
		if n := map[string]string{"procd": "openwrt_init", "runit-init": "runit", "svscan": "svc", "openrc-init": "openrc"}[proc1]; n != "" {
			name = n
		}
	}
	booted := r.exists["/run/systemd/system"] || r.exists["/dev/.run/systemd"] || r.exists["/dev/.systemd"]
	switch {
	case name != "":
	case r.distribution().name == "OpenWrt":
		name = "openwrt_init"
	case has["systemctl"] && booted:
		name = "systemd"
	case has["initctl"] && r.exists["/etc/init"]:
		name = "upstart"
	case r.exists["/sbin/openrc"]:
		name = "openrc"
	case has["systemctl"] && has["init"]:
		name = "systemd"
	case r.exists["/etc/init.d"]:
		name = "sysvinit"
	default:
		name = "service"
	}
	out.Set("service_mgr", value.String(name))
}

// cmdlineFacts splits the kernel's command line at blanks outside quotes, which
// stay in the words.
func cmdlineFacts(r *raw, out *value.Map) {
	text, ok := r.text("/proc/cmdline")
	if !ok {
		return
	}
	last, all := value.NewMap(), value.NewMap()
	for _, w := range splitQuoted(text) {
		k, v, has := strings.Cut(w, "=")
		if !has {
			last.Set(k, value.Bool(true))
			all.Set(k, value.Bool(true))
			continue
		}
		last.Set(k, value.String(v))
		switch old, seen := all.Get(k); {
		case !seen:
			all.Set(k, value.String(v))
		case old.Kind() == value.KindList:
			all.Set(k, value.List(append(append([]value.Value{}, old.Items()...), value.String(v))...))
		default:
			all.Set(k, value.List(old, value.String(v)))
		}
	}
	out.Set("cmdline", value.FromMap(last))
	out.Set("proc_cmdline", value.FromMap(all))
}

func splitQuoted(s string) (words []string) {
	var quote rune
	var b strings.Builder
	end := func() {
		if b.Len() > 0 {
			words = append(words, b.String())
			b.Reset()
		}
	}
	for _, c := range s {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
			b.WriteRune(c)
		case c == '"' || c == '\'':
			quote = c
			b.WriteRune(c)
		case c == ' ' || c == '\t' || c == '\n':
			end()
		default:
			b.WriteRune(c)
		}
	}
	end()
	return words
}

func loadavgFacts(r *raw, out *value.Map) {
	f := strings.Fields(r.first("/proc/loadavg"))
	if len(f) < 3 {
		return
	}
	m := value.NewMap()
	for i, k := range []string{"1m", "5m", "15m"} {
		v, err := value.ParseNumber(f[i])
		if err != nil {
			return
		}
		m.Set(k, v)
	}
	out.Set("loadavg", value.FromMap(m))
}

func sshKeyFacts(r *raw, out *value.Map) {
	for _, dir := range []string{"/etc/ssh", "/etc/openssh", "/etc"} {
		found := false
		for _, algo := range []string{"dsa", "rsa", "ecdsa", "ed25519"} {
			f := strings.Fields(r.first(dir + "/ssh_host_" + algo + "_key.pub"))
			if len(f) >= 2 {
				out.Set("ssh_host_key_"+algo+"_public", value.String(f[1]))
				out.Set("ssh_host_key_"+algo+"_public_keytype", value.String(f[0]))
				found = true
			}
		}
		if found {
			return
		}
	}
}

func dnsFacts(r *raw, out *value.Map) {
	dns := value.NewMap()
	for _, l := range r.files["/etc/resolv.conf"] {
		f := strings.Fields(l)
		if len(f) == 0 || strings.HasPrefix(l, "#") || strings.HasPrefix(l, ";") {
			continue
		}
		switch f[0] {
		case "nameserver":
			for _, n := range f[1:] {
				push(dns, "nameservers", value.String(n))
			}
		case "domain":
			if len(f) > 1 {
				dns.Set("domain", value.String(f[1]))
			}
		case "search", "sortlist":
			dns.Set(f[0], value.Strings(f[1:]...))
		case "options":
			m := value.NewMap()
			for _, o := range f[1:] {
				k, v, _ := strings.Cut(o, ":")
				if m.Set(k, value.Bool(true)); v != "" {
					m.Set(k, value.String(v))
				}
			}
			dns.Set("options", value.FromMap(m))
		}
	}
	out.Set("dns", value.FromMap(dns))
}

func fcFacts(r *raw, out *value.Map) {
	wwn := []string{}
	for _, p := range r.below("/sys/class/fc_host/*/port_name") {
		for _, l := range r.files[p] {
			wwn = append(wwn, strings.TrimPrefix(strings.TrimSpace(l), "0x"))
		}
	}
	out.Set("fibre_channel_wwn", value.Strings(wwn...))
}

func iscsiFacts(r *raw, out *value.Map) {
	out.Set("iscsi_iqn", value.String(osRelease(r.files["/etc/iscsi/initiatorname.iscsi"])["InitiatorName"]))
}

func nvmeFacts(r *raw, out *value.Map) {
	nqn := ""
	for _, l := range r.files["/etc/nvme/hostnqn"] {
		if strings.HasPrefix(l, "nqn.") {
			nqn = l
			break
		}
	}
	out.Set("hostnqn", value.String(nqn))
}

func uptimeFacts(r *raw, out *value.Map) {
	whole, _, _ := strings.Cut(r.first("/proc/uptime"), ".")
	if n, ok := atoi(whole); ok {
		out.Set("uptime_seconds", value.Int(n))
	}
}
