package probe

import (
	"net/netip"
	"path"
	"sort"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

const networkFiles = "/sys/class/net/*/address /sys/class/net/*/mtu /sys/class/net/*/operstate /sys/class/net/*/type " +
	"/sys/class/net/*/speed /sys/class/net/*/flags /sys/class/net/*/bridge/bridge_id /sys/class/net/*/bridge/stp_state " +
	"/sys/class/net/*/bonding/slaves /sys/class/net/*/bonding/mode /sys/class/net/*/bonding/miimon " +
	"/sys/class/net/*/bonding/lacp_rate /sys/class/net/*/bonding/primary /sys/class/net/*/bonding/all_slaves_active " +
	"/sys/class/net/*/bonding_slave/perm_hwaddr"

// The addresses to which the default route is asked: those that Ansible asks.
const (
	probe4 = "8.8.8.8"
	probe6 = "2404:6800:400a:800::1012"
)

// scriptNetwork asks ip for everything in one process; busybox's ip has no
// -batch and is asked three times. Where there is no ip, the kernel's tables are
// read instead.
const scriptNetwork = `printf '@fairlead ip\n'
if command -v ip >/dev/null; then
i=$(ip -o -force -batch - 2>/dev/null <<'EOF'
addr show
route get ` + probe4 + `
route get ` + probe6 + `
EOF
)
[ -n "$i" ] || i=$(ip -o addr show 2>/dev/null; ip route get ` + probe4 + ` 2>/dev/null; ip -6 route get ` + probe6 + ` 2>/dev/null)
printf '%s\n' "$i"
else
cd /proc/net && for p in fib_trie route if_inet6 ipv6_route; do [ -r "$p" ] && while IFS= read -r l; do printf '%s:%s\n' "$p" "$l"; done <"$p"; done
cd /
fi`

// address is one line of ip -o addr.
type address struct {
	dev, label      string
	addr, broadcast string
	prefix          int
	scope           string
	six, second     bool
}

type route struct{ dev, src, via string }

// ipOutput reads what ip printed: addresses, and the answers to route get.
func ipOutput(lines []string) (addrs []address, v4, v6 route) {
	for _, l := range lines {
		l, _, _ = strings.Cut(l, `\`)
		f := strings.Fields(l)
		switch {
		case len(f) < 2:
		case f[0] == probe4:
			v4 = routeGet(f)
		case f[0] == probe6:
			v6 = routeGet(f)
		case len(f) >= 4 && (f[2] == "inet" || f[2] == "inet6"):
			if a, ok := addressLine(f); ok {
				addrs = append(addrs, a)
			}
		}
	}
	return addrs, v4, v6
}

func routeGet(f []string) (r route) {
	for i := 0; i+1 < len(f); i++ {
		switch f[i] {
		case "dev":
			r.dev = f[i+1]
		case "src":
			r.src = f[i+1]
		case "via":
			if f[i+1] != f[0] {
				r.via = f[i+1]
			}
		}
	}
	return r
}

func addressLine(f []string) (address, bool) {
	a := address{dev: strings.TrimSuffix(f[1], ":"), six: f[2] == "inet6"}
	a.dev, _, _ = strings.Cut(a.dev, "@")
	addr, prefix, has := strings.Cut(f[3], "/")
	a.addr, a.prefix, a.label = addr, 32, a.dev
	for i := 4; i+1 < len(f); i++ {
		switch f[i] {
		case "brd":
			a.broadcast = f[i+1]
		case "peer":
			_, prefix, has = strings.Cut(f[i+1], "/")
		case "scope":
			a.scope = f[i+1]
		}
	}
	for _, w := range f[4:] {
		a.second = a.second || w == "secondary"
	}
	if n, err := strconv.Atoi(prefix); err == nil && has && n >= 0 && n <= 128 {
		a.prefix = n
	}
	if !a.six {
		a.label = f[len(f)-1]
		if a.prefix > 32 {
			return a, false
		}
	}
	ip, err := netip.ParseAddr(a.addr)
	return a, err == nil && ip.Is4() != a.six
}

var interfaceTypes = map[string]string{"1": "ether", "32": "infiniband", "512": "ppp", "772": "loopback", "65534": "tunnel"}

// network is what the network facts are put together from.
type network struct {
	r          *raw
	devices    []string
	ifaces     map[string]*value.Map
	names      []string // of ifaces, in order
	def4, def6 *value.Map
	all4, all6 []string
}

func networkFacts(r *raw, out *value.Map) {
	n := &network{r: r, ifaces: map[string]*value.Map{}}
	lines := r.sections["ip"]
	addrs, v4, v6 := ipOutput(lines)
	if len(addrs) == 0 {
		addrs, v4, v6 = procNetwork(lines)
	}
	n.def4, n.def6 = v4.facts(), v6.facts()
	for _, dev := range n.deviceNames() {
		n.device(dev)
		for _, second := range []bool{false, true} {
			for _, a := range addrs {
				switch {
				case a.dev != dev || a.second != second:
				case a.six:
					n.inet6(dev, a)
				default:
					n.inet4(dev, a)
				}
			}
		}
	}
	names := make([]string, len(n.names))
	for i, name := range n.names {
		names[i] = strings.ReplaceAll(name, ":", "_")
	}
	out.Set("interfaces", value.Strings(names...))
	for i, name := range names {
		// A fact becomes a variable, whose name has no dash.
		out.Set(strings.ReplaceAll(name, "-", "_"), value.FromMap(n.ifaces[n.names[i]]))
	}
	out.Set("default_ipv4", value.FromMap(n.def4))
	out.Set("default_ipv6", value.FromMap(n.def6))
	out.Set("all_ipv4_addresses", value.Strings(n.all4...))
	out.Set("all_ipv6_addresses", value.Strings(n.all6...))
}

func (v route) facts() *value.Map {
	m := value.NewMap()
	for _, kv := range [][2]string{{"gateway", v.via}, {"interface", v.dev}, {"address", v.src}} {
		if kv[1] != "" {
			m.Set(kv[0], value.String(kv[1]))
		}
	}
	return m
}

// deviceNames lists the network devices: the folders below /sys/class/net.
func (n *network) deviceNames() []string {
	if n.devices != nil {
		return n.devices
	}
	seen := map[string]bool{}
	for _, p := range n.r.order {
		rest, ok := strings.CutPrefix(p, "/sys/class/net/")
		name, _, deeper := strings.Cut(rest, "/")
		if ok && deeper && !seen[name] {
			seen[name] = true
			n.devices = append(n.devices, name)
		}
	}
	return n.devices
}

func (n *network) iface(name string) *value.Map {
	if n.ifaces[name] == nil {
		n.ifaces[name] = value.NewMap()
		n.names = append(n.names, name)
	}
	return n.ifaces[name]
}

// device notes what the kernel says of a device itself.
func (n *network) device(dev string) {
	base := "/sys/class/net/" + dev
	m := n.iface(dev)
	m.Set("device", value.String(dev))
	if mac, ok := n.r.text(base + "/address"); ok && mac != "00:00:00:00:00:00" {
		m.Set("macaddress", value.String(mac))
	}
	if mtu, ok := atoi(n.r.first(base + "/mtu")); ok {
		m.Set("mtu", value.Int(mtu))
	}
	if state, ok := n.r.text(base + "/operstate"); ok {
		m.Set("active", value.Bool(state != "down"))
	}
	if d := n.r.links[base+"/device/driver/module"]; d != "" {
		m.Set("module", value.String(path.Base(d)))
	}
	if t, ok := n.r.text(base + "/type"); ok {
		name := interfaceTypes[t]
		if name == "" {
			name = "unknown"
		}
		m.Set("type", value.String(name))
	}
	n.bridge(base, m)
	n.bond(base, m)
	if d := n.r.links[base+"/device"]; d != "" {
		m.Set("pciid", value.String(path.Base(d)))
	}
	if speed, ok := atoi(n.r.first(base + "/speed")); ok {
		m.Set("speed", value.Int(speed))
	}
	if flags, err := strconv.ParseUint(n.r.first(base+"/flags"), 0, 64); err == nil {
		m.Set("promisc", value.Bool(flags&0x100 != 0))
	}
}

func (n *network) bridge(base string, m *value.Map) {
	id, ok := n.r.text(base + "/bridge/bridge_id")
	if !ok {
		return
	}
	m.Set("type", value.String("bridge"))
	var ports []string
	for p := range n.r.exists {
		if path.Dir(p) == base+"/brif" {
			ports = append(ports, path.Base(p))
		}
	}
	sort.Strings(ports)
	m.Set("interfaces", value.Strings(ports...))
	m.Set("id", value.String(id))
	m.Set("stp", value.Bool(n.r.first(base+"/bridge/stp_state") == "1"))
}

func (n *network) bond(base string, m *value.Map) {
	if mac, ok := n.r.text(base + "/bonding_slave/perm_hwaddr"); ok {
		m.Set("perm_macaddress", value.String(mac))
	}
	if _, ok := n.r.text(base + "/bonding/mode"); !ok {
		return
	}
	m.Set("type", value.String("bonding"))
	m.Set("slaves", value.Strings(strings.Fields(n.r.first(base+"/bonding/slaves"))...))
	for _, name := range []string{"mode", "miimon", "lacp_rate"} {
		word := firstN(strings.Fields(n.r.first(base+"/bonding/"+name)), 1)
		m.Set(name, value.String(strings.Join(word, "")))
	}
	if primary, ok := n.r.text(base + "/bonding/primary"); ok {
		m.Set("primary", value.String(primary))
		if all, ok := n.r.text(base + "/bonding/all_slaves_active"); ok {
			m.Set("all_slaves_active", value.Bool(all == "1"))
		}
	}
}

func (n *network) inet4(dev string, a address) {
	ip, _ := netip.ParseAddr(a.addr)
	net, _ := ip.Prefix(a.prefix)
	info := value.M("address", a.addr, "broadcast", a.broadcast, "netmask", netmask(a.prefix),
		"network", net.Addr().String(), "prefix", strconv.Itoa(a.prefix))
	if a.label != dev {
		// A label of its own (eth0:1) is an interface of its own.
		n.iface(a.label)
		n.ifaces[a.label] = value.NewMap()
	}
	m := n.iface(a.label)
	if !a.second && !m.Has("ipv4") {
		m.Set("ipv4", value.FromMap(info))
	} else {
		push(m, "ipv4_secondaries", value.FromMap(info))
	}
	if a.second && a.label != dev {
		push(n.iface(dev), "ipv4_secondaries", value.FromMap(info))
	}
	if def, ok := n.def4.Get("address"); ok && def.Str() == a.addr {
		for k, v := range info.All() {
			n.def4.SetKey(k, v)
		}
		n.describeDefault(n.def4, dev)
		n.def4.Set("alias", value.String(a.label))
	}
	if !strings.HasPrefix(a.addr, "127.") {
		n.all4 = append(n.all4, a.addr)
	}
}

func (n *network) inet6(dev string, a address) {
	prefix := strconv.Itoa(a.prefix)
	push(n.iface(dev), "ipv6", value.FromMap(value.M("address", a.addr, "prefix", prefix, "scope", a.scope)))
	if def, ok := n.def6.Get("address"); ok && def.Str() == a.addr {
		n.def6.Set("prefix", value.String(prefix))
		n.def6.Set("scope", value.String(a.scope))
		n.describeDefault(n.def6, dev)
	}
	if a.addr != "::1" {
		n.all6 = append(n.all6, a.addr)
	}
}

func (n *network) describeDefault(def *value.Map, dev string) {
	mac, _ := n.r.text("/sys/class/net/" + dev + "/address")
	def.Set("macaddress", value.String(mac))
	for _, k := range []string{"mtu", "type"} {
		if v, ok := n.iface(dev).Get(k); ok {
			def.Set(k, v)
		}
	}
}

func push(m *value.Map, key string, v value.Value) {
	old, _ := m.Get(key)
	m.Set(key, value.List(append(append([]value.Value{}, old.Items()...), v)...))
}

func netmask(bits int) string {
	m := ^uint32(0) << (32 - bits)
	return netip.AddrFrom4([4]byte{byte(m >> 24), byte(m >> 16), byte(m >> 8), byte(m)}).String()
}
