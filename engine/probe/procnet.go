package probe

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// connected is a network that the kernel reaches through a device directly.
type connected struct {
	dev    string
	prefix netip.Prefix
}

// procNetwork puts addresses and default routes together from the kernel's
// tables, for hosts without the program ip. IPv4 addresses come from the trie of
// routes, which does not say the device: it is the one whose network they are in.
func procNetwork(lines []string) (addrs []address, v4, v6 route) {
	table := map[string][]string{}
	for _, l := range lines {
		if name, rest, ok := strings.Cut(l, ":"); ok {
			table[name] = append(table[name], rest)
		}
	}
	nets, v4 := routes4(table["route"])
	for _, a := range localAddresses(table["fib_trie"]) {
		addrs = append(addrs, place(a, nets))
	}
	addrs = append(addrs, inet6Lines(table["if_inet6"])...)
	v6 = default6(table["ipv6_route"])
	for _, a := range addrs {
		if a.dev == v4.dev && !a.six && v4.src == "" {
			v4.src = a.addr
		}
		if a.dev == v6.dev && a.six && a.scope == "global" && v6.src == "" {
			v6.src = a.addr
		}
	}
	return addrs, v4, v6
}

// hexIP reads an IPv4 address as /proc/net/route writes it: little endian.
func hexIP(s string) (netip.Addr, bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 4 {
		return netip.Addr{}, false
	}
	slices.Reverse(b)
	return netip.AddrFromSlice(b)
}

// routes4 reads /proc/net/route: the connected networks and the default route
// with the lowest metric.
func routes4(lines []string) (nets []connected, def route) {
	best := int64(-1)
	for _, l := range lines {
		f := strings.Fields(l)
		if len(f) < 8 {
			continue
		}
		dst, ok := hexIP(f[1])
		gw, ok2 := hexIP(f[2])
		mask, ok3 := hexIP(f[7])
		metric, ok4 := atoi(f[6])
		if !ok || !ok2 || !ok3 || !ok4 {
			continue
		}
		bits := 0
		for _, b := range mask.As4() {
			for ; b&0x80 != 0; b <<= 1 {
				bits++
			}
		}
		switch {
		case bits == 0 && dst.IsUnspecified():
			if best < 0 || metric < best {
				best, def = metric, route{dev: f[0]}
				if !gw.IsUnspecified() {
					def.via = gw.String()
				}
			}
		case gw.IsUnspecified():
			nets = append(nets, connected{f[0], netip.PrefixFrom(dst, bits)})
		}
	}
	return nets, def
}

// localAddresses finds the host's own addresses in /proc/net/fib_trie: leaves
// whose next line says "/32 host LOCAL".
func localAddresses(lines []string) (out []netip.Addr) {
	var leaf string
	for _, l := range lines {
		f := strings.Fields(l)
		switch {
		case len(f) == 2 && f[0] == "|--":
			leaf = f[1]
		case len(f) >= 3 && f[0] == "/32" && f[1] == "host" && f[2] == "LOCAL":
			if a, err := netip.ParseAddr(leaf); err == nil && a.Is4() && !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	return out
}

// place finds the device and the network of an address.
func place(a netip.Addr, nets []connected) address {
	out := address{dev: "lo", label: "lo", addr: a.String(), prefix: 8, scope: "host"}
	if a.IsLoopback() {
		return out
	}
	out.prefix, out.scope = 32, "global"
	best := -1
	for _, n := range nets {
		if n.prefix.Contains(a) && n.prefix.Bits() > best {
			best = n.prefix.Bits()
			out.dev, out.label, out.prefix = n.dev, n.dev, best
		}
	}
	if best >= 0 && best < 31 {
		b := a.As4()
		for i := best; i < 32; i++ {
			b[i/8] |= 0x80 >> (i % 8)
		}
		out.broadcast = netip.AddrFrom4(b).String()
	}
	return out
}

var scopes6 = map[string]string{"00": "global", "10": "host", "20": "link", "40": "site"}

// inet6Lines reads /proc/net/if_inet6.
func inet6Lines(lines []string) (out []address) {
	for _, l := range lines {
		f := strings.Fields(l)
		if len(f) < 6 {
			continue
		}
		ip, ok := hex6(f[0])
		bits, err := strconv.ParseUint(f[2], 16, 8)
		if !ok || err != nil {
			continue
		}
		out = append(out, address{dev: f[5], label: f[5], addr: ip.String(), prefix: int(bits), scope: scopes6[f[3]], six: true})
	}
	return out
}

func hex6(s string) (netip.Addr, bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 16 {
		return netip.Addr{}, false
	}
	return netip.AddrFromSlice(b)
}

// default6 finds the default route with the lowest metric in
// /proc/net/ipv6_route.
func default6(lines []string) (def route) {
	best := uint64(1) << 32
	for _, l := range lines {
		f := strings.Fields(l)
		if len(f) < 10 || f[1] != "00" || f[9] == "lo" {
			continue
		}
		gw, ok := hex6(f[4])
		metric, err := strconv.ParseUint(f[5], 16, 32)
		if !ok || err != nil || metric >= best {
			continue
		}
		best, def = metric, route{dev: f[9]}
		if !gw.IsUnspecified() {
			def.via = gw.String()
		}
	}
	return def
}
