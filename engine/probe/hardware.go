package probe

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// scriptCPU leaves the long lines of flags out, which Xen alone needs.
const scriptCPU = scriptCut + `printf '@fairlead cpu\n'
grep -E '^(processor|Processor|vendor_id|model name|cpu|Vendor|machine|physical id|core id|cpu cores|siblings|# processors|ncpus active)[[:space:]]*:' /proc/cpuinfo 2>/dev/null
[ -e /proc/xen ] && grep -m 1 '^flags' /proc/cpuinfo 2>/dev/null; :`

// cpuinfo counts what /proc/cpuinfo lists.
type cpuinfo struct {
	list                    []string
	entries                 int64
	vendors, models, number int64
	socket, core            string
	sockets, cores          map[string]int64
	firstSocket, firstCore  string
	given                   int64 // of "# processors"
	paravirt                bool
}

func readCPU(lines []string, xen bool) *cpuinfo {
	c := &cpuinfo{sockets: map[string]int64{}, cores: map[string]int64{}, list: []string{}}
	for _, l := range lines {
		key, val, _ := strings.Cut(l, ":")
		key, val = strings.TrimSpace(key), strings.TrimSpace(val)
		n, _ := atoi(val)
		switch key {
		case "flags":
			c.paravirt = xen && !strings.Contains(val, "vme")
		case "model name", "Processor", "vendor_id", "cpu", "Vendor", "processor":
			c.list = append(c.list, val)
			c.entries++
			switch key {
			case "vendor_id":
				c.vendors++
			case "model name":
				c.models++
			case "processor":
				c.number++
			}
		case "physical id":
			if c.socket = val; c.sockets[val] == 0 {
				c.setSocket(1)
			}
		case "core id":
			if c.core = val; c.sockets[val] == 0 {
				c.setCore(1)
			}
		case "cpu cores":
			c.setSocket(n)
		case "siblings":
			c.setCore(n)
		case "# processors":
			c.given = n
		case "ncpus active":
			c.entries = n
		}
	}
	return c
}

func (c *cpuinfo) setSocket(n int64) {
	if len(c.sockets) == 0 {
		c.firstSocket = c.socket
	}
	c.sockets[c.socket] = n
}

func (c *cpuinfo) setCore(n int64) {
	if len(c.cores) == 0 {
		c.firstCore = c.core
	}
	c.cores[c.core] = n
}

func cpuFacts(r *raw, out *value.Map) {
	xen := r.exists["/proc/xen"] || strings.HasPrefix(r.first("/sys/hypervisor/type"), "xen")
	c := readCPU(r.sections["cpu"], xen)
	out.Set("processor", value.Strings(c.list...))
	count := c.entries
	if c.vendors > 0 && c.vendors == c.models {
		count = c.vendors
	}
	arch := r.machine()
	for _, p := range []string{"armv", "aarch", "ppc"} {
		if strings.HasPrefix(arch, p) {
			count = c.number
		}
	}
	set := func(k string, n int64) { out.Set("processor_"+k, value.Int(n)) }
	if c.given > 0 {
		set("cores", c.given)
	}
	if arch == "s390x" {
		return
	}
	if c.paravirt {
		set("count", count)
		set("cores", count)
		set("threads_per_core", 1)
		set("vcpus", count)
		return
	}
	if len(c.sockets) > 0 {
		count = int64(len(c.sockets))
	}
	cores, threads := int64(1), int64(1)
	if n := c.sockets[c.firstSocket]; n > 0 {
		cores = n
	}
	if len(c.cores) > 0 {
		threads = c.cores[c.firstCore]
	}
	threads /= cores
	set("count", count)
	set("cores", cores)
	set("threads_per_core", threads)
	set("vcpus", threads*count*cores)
	set("nproc", c.number)
	if n := countList(r.keyed("/proc/self/status", "Cpus_allowed_list")); n > 0 {
		set("nproc", n)
	}
}

// countList counts the members of a list such as 0-3,8.
func countList(s string) (n int64) {
	for part := range strings.SplitSeq(s, ",") {
		from, to, isRange := strings.Cut(part, "-")
		a, ok := atoi(from)
		b := a
		if isRange {
			var ok2 bool
			b, ok2 = atoi(to)
			ok = ok && ok2
		}
		if ok && b >= a {
			n += b - a + 1
		}
	}
	return n
}

func memoryFacts(r *raw, out *value.Map) {
	mb := map[string]int64{}
	for _, l := range r.files["/proc/meminfo"] {
		k, v, _ := strings.Cut(l, ":")
		if f := strings.Fields(v); len(f) > 0 {
			if n, ok := atoi(f[0]); ok {
				mb[k] = n / 1024
			}
		}
	}
	if len(mb) == 0 {
		return
	}
	for _, k := range []string{"MemTotal", "MemFree", "SwapTotal", "SwapFree"} {
		if n, ok := mb[k]; ok {
			out.Set(strings.ToLower(k)+"_mb", value.Int(n))
		}
	}
	free := mb["MemFree"] + mb["Cached"] + mb["Buffers"]
	out.Set("memory_mb", value.FromMap(value.M(
		"real", value.M("total", mb["MemTotal"], "used", mb["MemTotal"]-mb["MemFree"], "free", mb["MemFree"]),
		"nocache", value.M("free", free, "used", mb["MemTotal"]-free),
		"swap", value.M("total", mb["SwapTotal"], "free", mb["SwapFree"], "used", mb["SwapTotal"]-mb["SwapFree"], "cached", mb["SwapCached"]))))
}

// dmiNames are the facts that the firmware's tables give, by file.
var dmiNames = [][2]string{
	{"bios_date", "bios_date"}, {"bios_vendor", "bios_vendor"}, {"bios_version", "bios_version"},
	{"board_asset_tag", "board_asset_tag"}, {"board_name", "board_name"}, {"board_serial", "board_serial"},
	{"board_vendor", "board_vendor"}, {"board_version", "board_version"}, {"chassis_asset_tag", "chassis_asset_tag"},
	{"chassis_serial", "chassis_serial"}, {"chassis_vendor", "chassis_vendor"}, {"chassis_version", "chassis_version"},
	{"form_factor", "chassis_type"}, {"product_name", "product_name"}, {"product_serial", "product_serial"},
	{"product_uuid", "product_uuid"}, {"product_version", "product_version"}, {"system_vendor", "sys_vendor"},
}

// formFactors are the chassis types of the DMTF's SMBIOS specification.
var formFactors = strings.Split("Unknown|Other|Unknown|Desktop|Low Profile Desktop|Pizza Box|Mini Tower|Tower|Portable|Laptop|"+
	"Notebook|Hand Held|Docking Station|All In One|Sub Notebook|Space-saving|Lunch Box|Main Server Chassis|Expansion Chassis|"+
	"Sub Chassis|Bus Expansion Chassis|Peripheral Chassis|RAID Chassis|Rack Mount Chassis|Sealed-case PC|Multi-system|"+
	"CompactPCI|AdvancedTCA|Blade|Blade Enclosure|Tablet|Convertible|Detachable|IoT Gateway|Embedded PC|Mini PC|Stick PC", "|")

func dmiFacts(r *raw, out *value.Map) {
	for _, n := range dmiNames {
		s, ok := r.text("/sys/devices/virtual/dmi/id/" + n[1])
		if !ok {
			s = "NA"
		} else if n[0] == "form_factor" {
			if i, ok := atoi(s); ok && i >= 0 && int(i) < len(formFactors) {
				s = formFactors[i]
			} else {
				s = "unknown (" + s + ")"
			}
		}
		out.Set(n[0], value.String(s))
	}
}
