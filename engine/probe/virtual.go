package probe

import (
	"sort"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/value"
)

const scriptVirtual = `printf '@fairlead environ\n'
[ -r /proc/1/environ ] && { tr '\n\000' ' \n' </proc/1/environ; } 2>/dev/null`

// virtual collects evidence: the first finding decides type and role, all of
// them count as techniques.
type virtual struct {
	kind, role  string
	found       bool
	guest, host map[string]bool
}

func (v *virtual) guestOf(tech, kind string) {
	v.guest[tech] = true
	v.decide(kind, "guest")
}

func (v *virtual) hostOf(tech string) {
	v.host[tech] = true
	v.decide(tech, "host")
}

func (v *virtual) decide(kind, role string) {
	if !v.found {
		v.kind, v.role, v.found = kind, role, true
	}
}

func virtualFacts(r *raw, out *value.Map) {
	v := &virtual{guest: map[string]bool{}, host: map[string]bool{}}
	v.containers(r)
	v.xen(r)
	v.firmware(r)
	v.processor(r)
	v.modules(r)
	if !v.found {
		v.kind, v.role = "NA", "NA"
	}
	out.Set("virtualization_type", value.String(v.kind))
	out.Set("virtualization_role", value.String(v.role))
	out.Set("virtualization_tech_guest", value.Strings(keys(v.guest)...))
	out.Set("virtualization_tech_host", value.Strings(keys(v.host)...))
}

var dockerGroup = lazyregexp.New(`/docker(/|-[0-9a-f]+\.scope)`)

func (v *virtual) containers(r *raw) {
	for _, l := range r.files["/proc/1/cgroup"] {
		if dockerGroup().MatchString(l) {
			v.guestOf("docker", "docker")
		}
		if strings.Contains(l, "/lxc/") || strings.Contains(l, "/machine.slice/machine-lxc") {
			v.guestOf("lxc", "lxc")
		}
		if strings.Contains(l, "/system.slice/containerd.service") {
			v.guestOf("containerd", "containerd")
		}
	}
	for _, l := range r.sections["environ"] {
		for _, c := range []string{"lxc", "podman"} {
			if strings.Contains(l, "container="+c) {
				v.guestOf(c, c)
			}
		}
		if strings.HasPrefix(l, "container=") && len(l) > len("container=") {
			v.guestOf("container", "container")
		}
	}
	if r.exists["/proc/vz"] && !r.exists["/proc/lve"] {
		if r.exists["/proc/bc"] {
			v.hostOf("openvz")
		} else {
			v.guestOf("openvz", "openvz")
		}
	}
	systemd, ok := r.text("/run/systemd/container")
	if ok {
		v.guestOf(systemd, systemd)
	}
	if r.exists["/.dockerenv"] || r.exists["/.dockerinit"] {
		v.guestOf("docker", "docker")
	}
	for _, c := range []string{"docker", "lxc", "podman", "openvz", "containerd"} {
		ok = ok || v.guest[c]
	}
	if ok {
		v.guest["container"] = true
	}
}

func (v *virtual) xen(r *raw) {
	if !r.exists["/proc/xen"] {
		return
	}
	if strings.Contains(r.first("/proc/xen/capabilities"), "control_d") {
		v.hostOf("xen")
		return
	}
	v.decide("xen", "guest")
}

// firmwareMarks are what makers of hypervisors put into the firmware's tables.
var firmwareMarks = []struct{ file, text, tech string }{
	{"product_name", "KVM|KVM Server|Bochs|AHV", "kvm"},
	{"sys_vendor", "oVirt", "oVirt"},
	{"product_name", "VMware Virtual Platform|VMware7,1", "VMware"},
	{"product_name", "OpenStack Compute|OpenStack Nova", "openstack"},
	{"bios_vendor", "Xen", "xen"},
	{"bios_vendor", "innotek GmbH", "virtualbox"},
	{"bios_vendor", "Amazon EC2|DigitalOcean|Hetzner", "kvm"},
	{"sys_vendor", "QEMU|Amazon EC2|DigitalOcean|Google|Scaleway|Nutanix", "kvm"},
	{"sys_vendor", "KubeVirt", "KubeVirt"},
	{"sys_vendor", "Microsoft Corporation", "VirtualPC"},
	{"sys_vendor", "Parallels Software International Inc.", "parallels"},
	{"sys_vendor", "OpenStack Foundation", "openstack"},
}

func (v *virtual) firmware(r *raw) {
	dmi := func(file string) string { return r.first("/sys/devices/virtual/dmi/id/" + file) }
	if dmi("sys_vendor") == "Red Hat" {
		switch {
		case dmi("product_family") == "RHV":
			defer v.guestOf("RHV", "RHV")
		case dmi("product_name") == "RHEV Hypervisor":
			defer v.guestOf("RHEV", "RHEV")
		}
	}
	for _, m := range firmwareMarks {
		if s := dmi(m.file); s != "" && strings.Contains("|"+m.text+"|", "|"+s+"|") {
			v.guestOf(m.tech, m.tech)
		}
	}
}

func (v *virtual) processor(r *raw) {
	if id := r.keyed("/proc/self/status", "VxID"); id != "" {
		if strings.HasPrefix(id, "0") {
			v.hostOf("linux_vserver")
		} else {
			v.guestOf("linux_vserver", "linux_vserver")
		}
	}
	for _, l := range r.sections["cpu"] {
		key, val, _ := strings.Cut(l, ":")
		key = strings.TrimSpace(key)
		switch {
		case key == "model name" && strings.Contains(val, "QEMU Virtual CPU"),
			key == "machine" && strings.Contains(val, "CHRP IBM pSeries (emulated by qemu)"):
			v.guestOf("kvm", "kvm")
		case key == "vendor_id" && strings.Contains(val, "User Mode Linux"), key == "model name" && strings.Contains(val, "UML"):
			v.guestOf("uml", "uml")
		case key == "vendor_id" && strings.Contains(val, "PowerVM Lx86"):
			v.guestOf("powervm_lx86", "powervm_lx86")
		case key == "vendor_id" && strings.Contains(val, "IBM/S390"):
			v.guest["PR/SM"] = true
			v.decide("PR/SM", "LPAR")
		}
	}
}

func (v *virtual) modules(r *raw) {
	loaded := map[string]bool{}
	for _, l := range r.files["/proc/modules"] {
		name, _, _ := strings.Cut(l, " ")
		loaded[name] = true
	}
	if loaded["kvm"] {
		v.hostOf("kvm")
	}
	if loaded["vboxdrv"] {
		v.hostOf("virtualbox")
	}
	if loaded["virtio"] {
		v.host["kvm"] = true
		v.decide("kvm", "guest")
	}
	if strings.HasPrefix(r.first("/sys/devices/virtual/dmi/id/product_name"), "VMware") {
		v.guestOf("VMware", "VMware")
	}
	if r.exists["/dev/kvm"] {
		v.hostOf("kvm")
	}
}

func keys(m map[string]bool) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
