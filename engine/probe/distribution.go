package probe

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/value"
)

const distributionFiles = "/etc/os-release /usr/lib/os-release /etc/altlinux-release /etc/oracle-release /etc/slackware-version " +
	"/etc/centos-release /etc/redhat-release /etc/openwrt_release /etc/system-release /etc/alpine-release /etc/SuSE-release " +
	"/etc/gentoo-release /etc/lsb-release /etc/debian_version"

const pythonDistro = "/usr/lib/python3/dist-packages/distro"

// distro is what is known of the distribution: the facts, by their names
// without distribution_.
type distro struct {
	name, version, major, minor, release string
	hasMinor                             bool
	path, variety                        string
	parsed                               bool
	search                               string
}

// osRelease reads the KEY=value lines of an os-release file.
func osRelease(lines []string) map[string]string {
	m := map[string]string{}
	for _, l := range lines {
		l = strings.TrimSpace(l)
		k, v, ok := strings.Cut(l, "=")
		if !ok || strings.HasPrefix(l, "#") {
			continue
		}
		m[k] = unquote(strings.TrimSpace(v))
	}
	return m
}

// unquote takes the quotes of a shell word away.
func unquote(v string) string {
	if len(v) >= 2 && (v[0] == '"' || v[0] == '\'') && v[len(v)-1] == v[0] {
		q := v[0]
		v = v[1 : len(v)-1]
		if q == '"' {
			v = strings.NewReplacer(`\"`, `"`, `\$`, `$`, "\\`", "`", `\\`, `\`).Replace(v)
		}
	}
	return v
}

var (
	inParens    = lazyregexp.New(`\((\D+)\)|,\s*(\D+)`)
	releaseLine = lazyregexp.New(`^(.*?)(?:\s+release)?\s+(\d[\w.+-]*)\s*(?:\((.*?)\))?`)
)

// guess is what os-release and a release file say before a distribution's own
// rules are applied.
func (r *raw) guess() *distro {
	lines := r.files["/etc/os-release"]
	if lines == nil {
		lines = r.files["/usr/lib/os-release"]
	}
	os := osRelease(lines)
	var line []string
	for _, p := range []string{"/etc/centos-release", "/etc/redhat-release", "/etc/system-release"} {
		if line = releaseLine().FindStringSubmatch(r.first(p)); line != nil {
			break
		}
	}
	id := strings.ToLower(os["ID"])
	d := &distro{name: id, version: os["VERSION_ID"]}
	if line != nil {
		if id == "" {
			d.name = strings.ToLower(strings.Fields(line[1] + " x")[0])
		}
		if d.version == "" || id == "centos" && strings.Count(line[2], ".") > strings.Count(d.version, ".") {
			d.version = line[2]
		}
	}
	// Ansible knows Debian's point release only where a Python library of the
	// host tells it; so do we, for one play to give one result with either.
	if v := r.first("/etc/debian_version"); id == "debian" &&
		(d.version == "" || r.exists[pythonDistro] && strings.Count(v, ".") > strings.Count(d.version, ".")) {
		d.version = v
	}
	if id == "centos" {
		d.version = strings.Join(firstN(strings.Split(d.version, "."), 2), ".")
	}
	d.release = codename(os, line)
	switch d.name {
	case "amzn":
		d.name = "Amazon"
	case "":
		d.name = "OtherLinux"
	case "rhel":
		d.name = "Redhat"
	default:
		d.name = capitalize(d.name)
	}
	d.version = orNA(d.version)
	d.major, _, _ = strings.Cut(d.version, ".")
	return d
}

func codename(os map[string]string, line []string) string {
	for _, k := range []string{"VERSION_CODENAME", "UBUNTU_CODENAME"} {
		if v, ok := os[k]; ok {
			return v
		}
	}
	if m := inParens().FindStringSubmatch(os["VERSION"]); m != nil {
		return strings.TrimSpace(m[1] + m[2])
	}
	if line != nil && line[3] != "" {
		return line[3]
	}
	return "NA"
}

func orNA(s string) string {
	if s == "" {
		return "NA"
	}
	return s
}

func capitalize(s string) string {
	return strings.ToUpper(s[:1]) + strings.ToLower(s[1:])
}

func firstN(s []string, n int) []string { return s[:min(n, len(s))] }

// releaseFile is one file that tells a distribution, tried in order.
type releaseFile struct {
	path, name string
	emptyToo   bool
	// read applies the file's text; false when it tells nothing about name.
	read func(r *raw, d *distro, f releaseFile, text string) bool
}

var releaseFiles = []releaseFile{
	{path: "/etc/altlinux-release", name: "Altlinux", read: firstWord("ALT")},
	{path: "/etc/oracle-release", name: "OracleLinux", read: firstWord("Oracle Linux")},
	{path: "/etc/slackware-version", name: "Slackware", read: slackware},
	{path: "/etc/centos-release", name: "CentOS", read: centOS},
	{path: "/etc/redhat-release", name: "RedHat", read: firstWord("Red Hat")},
	{path: "/etc/vmware-release", name: "VMwareESX", emptyToo: true},
	{path: "/etc/openwrt_release", name: "OpenWrt", read: openWrt},
	{path: "/etc/os-release", name: "Amazon", read: amazon},
	{path: "/etc/system-release", name: "Amazon", read: amazon},
	{path: "/etc/alpine-release", name: "Alpine", read: alpine},
	{path: "/etc/arch-release", name: "Archlinux", emptyToo: true},
	{path: "/etc/os-release", name: "Archlinux", read: arch},
	{path: "/etc/os-release", name: "SUSE", read: suse},
	{path: "/etc/SuSE-release", name: "SUSE", read: suse},
	{path: "/etc/gentoo-release", name: "Gentoo", read: gentoo},
	{path: "/etc/os-release", name: "Debian", read: debianLike},
	{path: "/etc/lsb-release", name: "Debian", read: debianLike},
	{path: "/usr/lib/os-release", name: "ClearLinux", read: clearLinux},
	{path: "/etc/os-release", name: "Flatcar", read: flatcar},
	{path: "/etc/os-release", name: "NA", read: anyOther},
}

// distribution tells which distribution the host runs.
func (r *raw) distribution() *distro {
	if r.distro != nil {
		return r.distro
	}
	d := r.guess()
	r.distro = d
	for _, f := range releaseFiles {
		text := r.first(f.path)
		if f.emptyToo {
			if !r.exists[f.path] {
				continue
			}
			d.name, d.path, d.variety = f.name, f.path, f.name
			return d
		}
		if text == "" {
			continue
		}
		try := *d
		try.name, try.path, try.variety, try.parsed = f.name, f.path, f.name, true
		if f.read(r, &try, f, text) {
			*d = try
			return d
		}
	}
	return d
}

func distributionFacts(r *raw, out *value.Map) {
	d := r.distribution()
	out.Set("distribution", value.String(d.name))
	out.Set("distribution_release", value.String(d.release))
	out.Set("distribution_version", value.String(d.version))
	out.Set("distribution_major_version", value.String(d.major))
	if d.path != "" {
		out.Set("distribution_file_path", value.String(d.path))
		out.Set("distribution_file_variety", value.String(d.variety))
	}
	if d.parsed {
		out.Set("distribution_file_parsed", value.Bool(true))
	}
	if d.search != "" {
		out.Set("distribution_file_search_string", value.String(d.search))
	}
	if d.hasMinor {
		out.Set("distribution_minor_version", value.String(d.minor))
	}
	out.Set("os_family", value.String(d.family()))
}

// osFamilies are the families and the distributions that belong to them, by
// the names that the facts give.
var osFamilies = map[string]string{
	"RedHat": "RedHat|RHEL|Fedora|CentOS|Scientific|SLC|Ascendos|CloudLinux|PSBM|OracleLinux|OVS|OEL|Amazon|Virtuozzo|" +
		"XenServer|Alibaba|EulerOS|openEuler|AlmaLinux|Rocky|TencentOS|EuroLinux|Kylin Linux Advanced Server",
	"Debian": "Debian|Ubuntu|Raspbian|Neon|KDE neon|Linux Mint|SteamOS|Devuan|Kali|Cumulus Linux|Pop!_OS|Parrot|" +
		"Pardus GNU/Linux|Uos|Deepin|OSMC",
	"Suse":       "SuSE|SLES|SLED|openSUSE|openSUSE Tumbleweed|SLES_SAP|SUSE_LINUX|openSUSE Leap",
	"Archlinux":  "Archlinux|Antergos|Manjaro",
	"Mandrake":   "Mandrake|Mandriva",
	"Gentoo":     "Gentoo|Funtoo",
	"ClearLinux": "Clear Linux OS|Clear Linux Mix",
}

func (d *distro) family() string {
	for family, names := range osFamilies {
		if strings.Contains("|"+names+"|", "|"+d.name+"|") {
			return family
		}
	}
	return d.name
}
