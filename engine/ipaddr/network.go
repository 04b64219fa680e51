// Package ipaddr is the arithmetic of addresses and networks behind the filters
// and tests of ansible.utils: what is an address, what a network, and what may
// be asked of one. It follows the behaviour of those filters over Python's
// netaddr; addresses of both versions are whole numbers.
package ipaddr

import (
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
)

// Network is an address with a prefix length; it remembers the address itself.
type Network struct {
	Version int // 4 or 6
	IP      *big.Int
	Prefix  int
}

var (
	errAddress = errors.New("it is no address")
	errPrefix  = errors.New("it is no prefix length")
	one        = big.NewInt(1)
)

func width(version int) int {
	if version == 4 {
		return 32
	}
	return 128
}

// add is n + i.
func add(n *big.Int, i int64) *big.Int { return new(big.Int).Add(n, big.NewInt(i)) }

func pow2(n int) *big.Int { return new(big.Int).Lsh(one, uint(n)) }

// Size is the number of addresses.
func (n Network) Size() *big.Int { return pow2(width(n.Version) - n.Prefix) }

// isSize tells whether the network has just i addresses.
func (n Network) isSize(i int64) bool { return n.Size().Cmp(big.NewInt(i)) == 0 }

func (n Network) hostBits() *big.Int { return add(n.Size(), -1) }

// First is the address of the network itself.
func (n Network) First() *big.Int { return new(big.Int).AndNot(n.IP, n.hostBits()) }

// Last is the highest address.
func (n Network) Last() *big.Int { return new(big.Int).Or(n.First(), n.hostBits()) }

// atNetwork tells whether the address is that of the network.
func (n Network) atNetwork() bool { return n.IP.Cmp(n.First()) == 0 }

// hasBroadcast: two addresses, or one, have none in version 4.
func (n Network) hasBroadcast() bool { return n.Version == 6 || n.Prefix < 31 }

// usable are the first and last addresses that a host may have.
func (n Network) usable() (first, last *big.Int) {
	if n.isSize(2) {
		return n.First(), n.Last()
	}
	return add(n.First(), 1), add(n.Last(), -1)
}

// cidr is the network without the address.
func (n Network) cidr() Network { return Network{n.Version, n.First(), n.Prefix} }

// Contains tells whether all of m is in n.
func (n Network) Contains(m Network) bool {
	return n.Version == m.Version && n.First().Cmp(m.First()) <= 0 && n.Last().Cmp(m.Last()) >= 0
}

// String is address/prefix.
func (n Network) String() string { return n.address(n.IP) + "/" + strconv.Itoa(n.Prefix) }

func (n Network) address(ip *big.Int) string { return Format(n.Version, ip) }

// Format writes an address.
func Format(version int, ip *big.Int) string {
	raw := ip.FillBytes(make([]byte, width(version)/8))
	a, _ := netip.AddrFromSlice(raw)
	if version == 6 && ip.BitLen() <= 32 && ip.BitLen() > 16 {
		v4, _ := netip.AddrFromSlice(raw[12:])
		return "::" + v4.String() // as the C library writes it
	}
	return a.String()
}

func fits(version int, ip *big.Int) bool { return ip.Sign() >= 0 && ip.BitLen() <= width(version) }

// parseAddress reads an address; with partial also the beginning of one (10.1).
func parseAddress(s string, partial bool) (version int, ip *big.Int, err error) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		if !partial || strings.Contains(s, ":") {
			return 0, nil, errAddress
		}
		parts := strings.Split(s, ".")
		for i, p := range parts { // leading zeros do not make it octal
			if t := strings.TrimLeft(p, "0"); t != "" {
				parts[i] = t
			}
		}
		for len(parts) < 4 {
			parts = append(parts, "0")
		}
		if a, err = netip.ParseAddr(strings.Join(parts, ".")); err != nil {
			return 0, nil, errAddress
		}
	}
	version = 6
	if a.Is4() {
		version = 4
	}
	return version, new(big.Int).SetBytes(a.AsSlice()), nil
}

// Parse reads an address, or address/prefix; the prefix may be a netmask or a
// hostmask.
func Parse(s string) (Network, error) {
	addr, mask, has := strings.Cut(s, "/")
	version, ip, err := parseAddress(addr, true)
	if err != nil {
		return Network{}, err
	}
	n := Network{version, ip, width(version)}
	if !has {
		return n, nil
	}
	if n.Prefix, err = parsePrefix(mask, version); err != nil {
		return n, err
	}
	return n, nil
}

func parsePrefix(s string, version int) (int, error) {
	if p, err := strconv.Atoi(s); err == nil {
		if p < 0 || p > width(version) {
			return 0, errPrefix
		}
		return p, nil
	}
	v, mask, err := parseAddress(s, false)
	if err != nil || v != version {
		return 0, errPrefix
	}
	all := add(pow2(width(version)), -1)
	switch {
	case isNetmask(mask, all):
		return width(version) - new(big.Int).Xor(mask, all).BitLen(), nil
	case isHostmask(mask):
		return width(version) - mask.BitLen(), nil
	}
	return 0, errPrefix
}

func isHostmask(ip *big.Int) bool {
	up := add(ip, 1)
	return new(big.Int).And(up, ip).Sign() == 0
}

func isNetmask(ip, all *big.Int) bool { return isHostmask(new(big.Int).Xor(ip, all)) }

// MustParse is Parse of a constant.
func MustParse(s string) Network {
	n, err := Parse(s)
	if err != nil {
		panic(fmt.Sprintf("ipaddr: %s: %v", s, err))
	}
	return n
}

func within(n Network, nets []Network) bool {
	for _, m := range nets {
		if m.Contains(n) {
			return true
		}
	}
	return false
}

func networks(ss ...string) []Network {
	out := make([]Network, len(ss))
	for i, s := range ss {
		out[i] = MustParse(s)
	}
	return out
}

var (
	linkLocal = networks("169.254.0.0/16", "fe80::/10")
	loopback  = networks("127.0.0.0/8", "::1/128")
	multicast = networks("224.0.0.0/4", "ff00::/8")
	private   = networks("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15",
		"239.0.0.0/8", "fc00::/7", "fec0::/10", "169.254.0.0/16", "fe80::/10")
	sixToFour = MustParse("2002::/16")
)
