package probe

import (
	"path"
	"sort"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/value"
)

const deviceFiles = "/sys/block/*/device/vendor /sys/block/*/device/model /sys/block/*/device/sas_address " +
	"/sys/block/*/device/sas_device_handle /sys/block/*/device/serial /sys/block/*/removable " +
	"/sys/block/*/queue/discard_granularity /sys/block/*/queue/rotational /sys/block/*/queue/scheduler " +
	"/sys/block/*/size /sys/block/*/queue/logical_block_size /sys/block/*/queue/hw_sector_size " +
	"/sys/block/*/*/start /sys/block/*/*/size /sys/block/dm-*/dm/name"

const scriptDevices = `printf '@fairlead links\n'
ls -l /dev/disk/by-id /dev/disk/by-uuid /dev/disk/by-label 2>/dev/null
printf '@fairlead pci\n'
command -v lspci >/dev/null && lspci -D 2>/dev/null`

// diskLinks are the names that devices have below /dev/disk, by kind and device.
type diskLinks map[string]map[string][]string

func (l diskLinks) add(kind, device, name string) {
	if l[kind] == nil {
		l[kind] = map[string][]string{}
	}
	l[kind][device] = append(l[kind][device], name)
}

func (l diskLinks) of(device string) value.Value {
	m := value.NewMap()
	for _, kind := range []string{"ids", "uuids", "labels", "masters"} {
		m.Set(kind, value.Strings(l[kind][device]...))
	}
	return value.FromMap(m)
}

func readDiskLinks(r *raw) diskLinks {
	l := diskLinks{}
	kind := ""
	for _, s := range r.sections["links"] {
		switch {
		case strings.HasPrefix(s, "/dev/disk/by-") && strings.HasSuffix(s, ":"):
			kind = strings.TrimSuffix(strings.TrimPrefix(s, "/dev/disk/by-"), ":") + "s"
		case strings.HasPrefix(s, "l"):
			left, target, ok := strings.Cut(s, " -> ")
			if f := strings.Fields(left); ok && len(f) > 0 {
				l.add(kind, path.Base(target), f[len(f)-1])
			}
		}
	}
	for p := range r.exists {
		if ok, _ := path.Match("/sys/block/*/slaves/*", p); ok {
			l.add("masters", path.Base(p), strings.Split(p, "/")[3])
		}
	}
	for _, devices := range l {
		for _, names := range devices {
			sort.Strings(names)
		}
	}
	return l
}

func deviceFacts(r *raw, out *value.Map) {
	links := readDiskLinks(r)
	devices := value.NewMap()
	for _, p := range keys(r.exists) {
		if ok, _ := path.Match("/sys/block/*", p); ok {
			devices.Set(path.Base(p), value.FromMap(device(r, links, path.Base(p))))
		}
	}
	out.Set("devices", value.FromMap(devices))
	all := value.NewMap()
	for _, kind := range []string{"ids", "uuids", "labels", "masters"} {
		m := value.NewMap()
		for _, dev := range sortedKeys(links[kind]) {
			m.Set(dev, value.Strings(links[kind][dev]...))
		}
		all.Set(kind, value.FromMap(m))
	}
	out.Set("device_links", value.FromMap(all))
}

func sortedKeys(m map[string][]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

var (
	scheduler = lazyregexp.New(`\[(.*)\]`)
	pciPath   = lazyregexp.New(`.+/([a-f0-9]{4}:[a-f0-9]{2}:[01][a-f0-9]\.[0-7])/`)
)

func device(r *raw, links diskLinks, name string) *value.Map {
	base := "/sys/block/" + name
	m := value.M("virtual", 1, "links", links.of(name))
	text := func(file string) value.Value {
		if s, ok := r.text(base + "/" + file); ok {
			return value.String(s)
		}
		return value.Null
	}
	for _, k := range []string{"vendor", "model", "sas_address", "sas_device_handle"} {
		m.Set(k, text("device/"+k))
	}
	if s := text("device/serial"); !s.IsNull() {
		m.Set("serial", s)
	}
	m.Set("removable", text("removable"))
	m.Set("support_discard", text("queue/discard_granularity"))
	for _, id := range links["ids"][name] {
		if wwn, ok := strings.CutPrefix(id, "wwn-"); ok {
			m.Set("wwn", value.String(wwn))
		}
	}
	m.Set("partitions", value.FromMap(partitions(r, links, name)))
	m.Set("rotational", text("queue/rotational"))
	mode := ""
	if s := scheduler().FindStringSubmatch(text("queue/scheduler").Str()); s != nil {
		mode = s[1]
	}
	m.Set("scheduler_mode", value.String(mode))
	sectors, ok := r.text(base + "/size")
	if m.Set("sectors", value.String(sectors)); !ok {
		m.Set("sectors", value.Int(0))
	}
	m.Set("sectorsize", sectorSize(r, base))
	m.Set("size", value.String(humanSize(sectors)))
	host := ""
	if p := pciPath().FindStringSubmatch(r.links[base]); p != nil {
		for _, l := range r.sections["pci"] {
			if desc, ok := strings.CutPrefix(l, p[1]+" "); ok {
				host = desc
			}
		}
	}
	m.Set("host", value.String(host))
	m.Set("holders", holders(r, base))
	return m
}

func sectorSize(r *raw, base string) value.Value {
	if s := r.first(base+"/queue/logical_block_size", base+"/queue/hw_sector_size"); s != "" {
		return value.String(s)
	}
	return value.Int(512)
}

// partitions are the folders of a device that have a start.
func partitions(r *raw, links diskLinks, disk string) *value.Map {
	out := value.NewMap()
	base := "/sys/block/" + disk
	for _, p := range r.below(base + "/*/start") {
		dir := path.Dir(p)
		name := path.Base(dir)
		sectors := r.first(dir + "/size")
		part := value.M("links", links.of(name), "start", r.first(p), "sectors", sectors, "sectorsize", sectorSize(r, dir),
			"size", humanSize(sectors), "uuid", nil, "holders", holders(r, dir))
		for _, uuid := range links["uuids"][name] {
			part.Set("uuid", value.String(uuid))
		}
		out.Set(name, value.FromMap(part))
	}
	return out
}

// holders are the device mapper volumes on a device, by their names.
func holders(r *raw, dir string) value.Value {
	names := []string{}
	for _, p := range keys(r.exists) {
		if path.Dir(p) != dir+"/holders" || !strings.HasPrefix(path.Base(p), "dm-") {
			continue
		}
		name := path.Base(p)
		if s, ok := r.text("/sys/block/" + name + "/dm/name"); ok {
			name = s
		}
		names = append(names, name)
	}
	return value.Strings(names...)
}

// humanSize is a number of sectors of 512 bytes as people read it.
func humanSize(sectors string) string {
	n, _ := atoi(sectors)
	size := float64(n) * 512
	for _, u := range []struct {
		name string
		bits int
	}{{"YB", 80}, {"ZB", 70}, {"EB", 60}, {"PB", 50}, {"TB", 40}, {"GB", 30}, {"MB", 20}, {"KB", 10}} {
		limit := 1.0
		for range u.bits {
			limit *= 2
		}
		if size >= limit {
			return strconv.FormatFloat(size/limit, 'f', 2, 64) + " " + u.name
		}
	}
	return strconv.FormatFloat(size, 'f', 2, 64) + " Bytes"
}
