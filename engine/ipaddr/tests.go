package ipaddr

import (
	"net/netip"
	"strings"
)

// SubnetOf tells whether a network (or address) is within another; what is no
// network, or has bits of a host, is in none.
func SubnetOf(a, b string) bool {
	x, err := strict(a)
	if err != nil {
		return false
	}
	y, err := strict(b)
	return err == nil && y.Contains(x)
}

// IsNetwork tells whether s is an address or a network of a version; 0 is any.
func IsNetwork(s string, version int) bool {
	n, err := strict(s)
	return err == nil && (version == 0 || n.Version == version)
}

// Python's ipaddress counts by the registries of IANA.
var (
	globalPrivate = prefixes("0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/29", "192.0.0.170/31",
		"192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "255.255.255.255/32",
		"::1/128", "::/128", "::ffff:0:0/96", "100::/64", "2001::/23", "2001:2::/48", "2001:db8::/32", "2001:10::/28", "2002::/16", "fc00::/7", "fe80::/10")
	reserved = prefixes("240.0.0.0/4", "::/8", "100::/8", "200::/7", "400::/6", "800::/5", "1000::/4", "4000::/3", "6000::/3", "8000::/3",
		"a000::/3", "c000::/3", "e000::/4", "f000::/5", "f800::/6", "fe00::/9")
	shared = prefixes("100.64.0.0/10")
)

func prefixes(ss ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(ss))
	for i, s := range ss {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

func in(a netip.Addr, ps []netip.Prefix) bool {
	for _, p := range ps {
		// A mapped address is one of version 6 here.
		if p.Addr().BitLen() == a.BitLen() && p.Masked().Addr() == netip.PrefixFrom(a, p.Bits()).Masked().Addr() {
			return true
		}
	}
	return false
}

// AddressTests are the tests of ansible.utils that ask for one address.
var AddressTests = map[string]func(a netip.Addr) bool{
	"ip_address":       func(netip.Addr) bool { return true },
	"ipv4_address":     netip.Addr.Is4,
	"ipv6_address":     netip.Addr.Is6,
	"ipv6_ipv4_mapped": netip.Addr.Is4In6,
	"ipv6_sixtofour":   func(a netip.Addr) bool { return in(a, prefixes("2002::/16")) },
	"ipv6_teredo":      func(a netip.Addr) bool { return in(a, prefixes("2001::/32")) },
	"loopback":         func(a netip.Addr) bool { return !a.Is4In6() && a.IsLoopback() },
	"multicast":        func(a netip.Addr) bool { return !a.Is4In6() && a.IsMulticast() },
	"private":          func(a netip.Addr) bool { return in(a.Unmap(), globalPrivate) },
	"public":           func(a netip.Addr) bool { return !in(a.Unmap(), globalPrivate) && !in(a.Unmap(), shared) },
	"reserved":         func(a netip.Addr) bool { return in(a, reserved) },
	"unspecified":      netip.Addr.IsUnspecified,
}

// IsNetmask and IsHostmask are the tests ipv4_netmask and ipv4_hostmask.
func IsNetmask(s string) bool {
	p, err := parsePrefix(s, 4)
	n := Network{4, MustParse("10.0.0.0").IP, p}
	return err == nil && strings.Contains(s, ".") && n.netmask() == s && n.atNetwork()
}

// IsHostmask is the counterpart of IsNetmask.
func IsHostmask(s string) bool {
	p, err := parsePrefix(s, 4)
	n := Network{4, MustParse("10.0.0.0").IP, p}
	return err == nil && strings.Contains(s, ".") && n.address(n.hostBits()) == s && n.atNetwork()
}
