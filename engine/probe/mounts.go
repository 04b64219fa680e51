package probe

import (
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// scriptMounts asks for the sizes of all local file systems in one process; a
// file system of the network, whose server may be gone, gets one of its own and
// five seconds.
const scriptMounts = `printf '@fairlead statfs\n'
set --; t=; command -v timeout >/dev/null && t='timeout 5'
f='%s %S %b %a %c %d %n'
while read -r d m x; do case $m in *\\*) m=$(printf '%b.' "$m"); m=${m%.};; esac
case $d in /*) set -- "$@" "$m";; *:/*) $t stat -f -c "$f" "$m" 2>/dev/null;; esac; done </proc/mounts
[ $# -gt 0 ] && $t stat -f -c "$f" "$@" 2>/dev/null
printf '@fairlead lsblk\n'
if command -v lsblk >/dev/null; then lsblk -lnpo NAME,UUID -e 2 2>/dev/null; else ls -l /dev/disk/by-uuid 2>/dev/null; fi`

// unescape reads the octal escapes of /proc/mounts.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// statfs reads a line of stat -f: block sizes, blocks, inodes and the path.
func statfs(line string) (string, *value.Map, bool) {
	f := strings.SplitN(line, " ", 7)
	if len(f) < 7 {
		return "", nil, false
	}
	var n [6]int64
	for i := range n {
		v, ok := atoi(f[i])
		if !ok {
			return "", nil, false
		}
		n[i] = v
	}
	size, frag, total, avail, inodes, free := n[0], n[1], n[2], n[3], n[4], n[5]
	return f[6], value.M("size_total", frag*total, "size_available", frag*avail,
		"block_size", size, "block_total", total, "block_available", avail, "block_used", total-avail,
		"inode_total", inodes, "inode_available", free, "inode_used", inodes-free), true
}

// uuids reads lsblk's list, or the links of /dev/disk/by-uuid.
func uuids(lines []string) map[string]string {
	out := map[string]string{}
	for _, l := range lines {
		f := strings.Fields(l)
		switch {
		case len(f) == 2 && strings.HasPrefix(f[0], "/"):
			if _, seen := out[f[0]]; !seen {
				out[f[0]] = f[1]
			}
		case len(f) > 3 && f[len(f)-2] == "->":
			out["/dev/"+f[len(f)-1][strings.LastIndexByte(f[len(f)-1], '/')+1:]] = f[len(f)-3]
		}
	}
	return out
}

func mountFacts(r *raw, out *value.Map) {
	sizes := map[string]*value.Map{}
	for _, l := range r.sections["statfs"] {
		if p, m, ok := statfs(l); ok {
			sizes[p] = m
		}
	}
	bind := map[string]bool{}
	for _, l := range r.files["/proc/self/mountinfo"] {
		if f := strings.Fields(l); len(f) > 4 && f[3] != "/" {
			bind[unescape(f[4])] = true
		}
	}
	byDevice := uuids(r.sections["lsblk"])
	mounts := map[string]value.Value{}
	var order []string
	for _, l := range r.files["/proc/mounts"] {
		f := strings.Fields(l)
		if len(f) < 4 {
			continue
		}
		device, mount, fstype, options := unescape(f[0]), unescape(f[1]), unescape(f[2]), unescape(f[3])
		if !strings.HasPrefix(device, "/") && !strings.Contains(device, ":/") || fstype == "none" {
			continue
		}
		if bind[mount] {
			options += ",bind"
		}
		m := value.M("mount", mount, "device", device, "fstype", fstype, "options", options)
		for k, v := range sizes[mount].All() {
			m.SetKey(k, v)
		}
		uuid := byDevice[device]
		if uuid == "" {
			uuid = "N/A"
		}
		m.Set("uuid", value.String(uuid))
		if _, again := mounts[mount]; !again {
			order = append(order, mount)
		}
		mounts[mount] = value.FromMap(m) // the last mount on a folder is the one that shows
	}
	list := make([]value.Value, len(order))
	for i, m := range order {
		list[i] = mounts[m]
	}
	out.Set("mounts", value.List(list...))
}

const scriptLVM = `if command -v vgs >/dev/null && [ -w /proc/sys/kernel/hostname ]; then
o='--noheadings --nosuffix --units g --separator ,'
for c in vgs lvs pvs; do printf '@fairlead %s\n' $c; $c $o 2>/dev/null; done
fi`

// lvmFacts reads the three lists of LVM's tools.
func lvmFacts(r *raw, out *value.Map) {
	if _, ok := r.sections["vgs"]; !ok {
		out.Set("lvm", value.String("N/A"))
		return
	}
	table := func(name string, least int, row func(f []string) *value.Map) *value.Map {
		m := value.NewMap()
		for _, l := range r.sections[name] {
			if f := strings.Split(strings.TrimSpace(l), ","); len(f) >= least {
				m.Set(f[0], value.FromMap(row(f)))
			}
		}
		return m
	}
	out.Set("lvm", value.FromMap(value.M(
		"lvs", table("lvs", 4, func(f []string) *value.Map { return value.M("size_g", f[3], "vg", f[1]) }),
		"vgs", table("vgs", 7, func(f []string) *value.Map {
			return value.M("size_g", f[len(f)-2], "free_g", f[len(f)-1], "num_lvs", f[2], "num_pvs", f[1])
		}),
		"pvs", table("pvs", 6, func(f []string) *value.Map { return value.M("size_g", f[4], "free_g", f[5], "vg", f[1]) }))))
}
