package ipaddr

import (
	"fmt"
	"math/big"
	"net/netip"
	"sort"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// normal is how most filters read their value: an address keeps its host part,
// a network has none.
func normal(v value.Value) (input, bool) {
	if !v.Truthy() || v.Kind() == value.KindBool {
		return input{}, false
	}
	return read(v.Text(), 0)
}

var no = value.Bool(false)

// Subnet is the filter ipsubnet: how many subnets of a size, or the one with an
// index, or the number of a subnet within a network. index nil is none.
func Subnet(v value.Value, query string, index *int64) (value.Value, error) {
	in, ok := normal(v)
	if !ok {
		return no, nil
	}
	n := in.n.cidr()
	if query == "" {
		return value.String(n.String()), nil
	}
	if !digits(query) {
		return subnetNumber(n, query)
	}
	size, err := strconv.Atoi(query)
	total := width(n.Version)
	if err != nil || size > total {
		return no, nil
	}
	if n.isSize(1) {
		return supernet(n, size, index)
	}
	if index == nil {
		if size < n.Prefix {
			return no, refuse("Requested subnet size of %d is invalid", size)
		}
		return value.String(pow2(size - n.Prefix).String()), nil
	}
	if size < n.Prefix {
		if *index != 0 { // of less than one network there is the first, as in the original
			return no, nil
		}
		return value.String(Network{n.Version, n.First(), size}.String()), nil
	}
	count, i := pow2(size-n.Prefix), big.NewInt(*index)
	if i.Sign() < 0 {
		i.Add(i, count)
	}
	if i.Sign() < 0 || i.Cmp(count) >= 0 {
		return no, nil
	}
	i.Lsh(i, uint(total-size))
	return value.String(Network{n.Version, i.Add(i, n.First()), size}.String()), nil
}

// supernet is a network around one address; the index counts from the biggest.
func supernet(n Network, size int, index *int64) (value.Value, error) {
	total := int64(width(n.Version))
	i := int64(0)
	if index != nil {
		i = *index
		if i > total+1-i || i < int64(size)-total {
			return no, nil
		}
	}
	count := int64(width(n.Version)) - int64(size)
	if i < 0 {
		i += count
	}
	if i < 0 || i >= count {
		return no, refuse("list index out of range")
	}
	return value.String(Network{n.Version, n.IP, size + int(i)}.cidr().String()), nil
}

func subnetNumber(n Network, query string) (value.Value, error) {
	in, ok := normal(value.String(query))
	if !ok {
		return no, refuse("You must pass a valid subnet or IP address; %s is invalid", query)
	}
	q := in.n.cidr()
	if typ, _ := typeOf(in); typ.Str() == "address" {
		q = in.n
	}
	if !q.cidr().Contains(n) {
		return no, refuse("%s is not in the subnet %s", n, q.cidr())
	}
	host := uint(width(n.Version) - n.Prefix)
	i := new(big.Int).Sub(n.First(), q.First())
	return value.String(add(i.Rsh(i, host), 1).String()), nil
}

// Math is the filter ipmath: the address that stands so far behind.
func Math(v string, amount int64) (value.Value, error) {
	n, err := Parse(v)
	if i, numErr := strconv.ParseUint(v, 10, 32); err != nil && numErr == nil {
		n, err = Network{4, new(big.Int).SetUint64(i), 32}, nil
	}
	if err != nil {
		return no, refuse("You must pass a valid IP address; %s is invalid", v)
	}
	ip := add(n.IP, amount)
	if !fits(n.Version, ip) {
		return no, refuse("result outside valid IP address boundary!")
	}
	return value.String(n.address(ip)), nil
}

// NthUsable are next_nth_usable and, with a negative offset, its counterpart.
func NthUsable(v value.Value, offset int64) (value.Value, error) {
	in, ok := normal(v)
	if !ok {
		return no, nil
	}
	if in.n.isSize(1) {
		return value.Null, nil
	}
	first, last := in.n.usable()
	ip := add(in.n.IP, offset)
	if ip.Cmp(first) < 0 || ip.Cmp(last) > 0 {
		return value.Null, nil
	}
	return value.String(in.n.address(ip)), nil
}

// NthHost is the filter nthhost.
func NthHost(v value.Value, i int64) (value.Value, error) {
	in, ok := normal(v)
	if !ok || i == 0 || in.n.Size().Cmp(big.NewInt(i)) <= 0 {
		return no, nil
	}
	ip, ok := in.n.At(i)
	if !ok {
		return no, refuse("index out range for address range size!")
	}
	return value.String(in.n.address(ip)), nil
}

// InNetwork tells whether an address or network is in another: with usable
// only between the first and the last address that a host may have.
func InNetwork(v, test value.Value, usable bool) bool {
	a, ok := normal(v)
	b, ok2 := normal(test)
	if !ok || !ok2 || a.n.Version != b.n.Version {
		return false
	}
	first, last := a.n.First(), a.n.Last()
	if usable && !a.n.isSize(1) {
		first, last = a.n.usable()
	}
	return b.n.First().Cmp(first) >= 0 && b.n.Last().Cmp(last) <= 0
}

// Merge is the filter cidr_merge: the fewest networks that hold the same, or
// with span the smallest one that holds all.
func Merge(items []value.Value, span bool) (value.Value, error) {
	nets := make([]Network, len(items))
	for i, it := range items {
		n, err := Parse(it.Text())
		if err != nil {
			return no, refuse("cidr_merge: error in netaddr:\ninvalid IPNetwork %s", it.Text())
		}
		nets[i] = n
	}
	if span {
		return spanning(nets)
	}
	sort.Slice(nets, func(i, j int) bool { return before(nets[i], nets[j]) })
	var out []Network
	for _, n := range nets { // one that is not merged stays as it was written, with bits of a host
		for {
			if k := len(out) - 1; k >= 0 && out[k].Contains(n.cidr()) {
				out[k] = out[k].cidr()
				break
			} else if k >= 0 && out[k].Version == n.Version && out[k].Prefix == n.Prefix && n.Prefix > 0 && siblings(out[k].cidr(), n.cidr()) {
				out, n = out[:k], Network{n.Version, out[k].First(), n.Prefix - 1}
				continue
			}
			out = append(out, n)
			break
		}
	}
	texts := make([]value.Value, len(out))
	for i, n := range out {
		texts[i] = value.String(n.String())
	}
	return value.List(texts...), nil
}

func siblings(a, b Network) bool {
	up := Network{a.Version, a.IP, a.Prefix - 1}
	return up.atNetwork() && up.Contains(b)
}

func before(a, b Network) bool {
	if a.Version != b.Version {
		return a.Version < b.Version
	}
	if c := a.First().Cmp(b.First()); c != 0 {
		return c < 0
	}
	return a.Prefix < b.Prefix
}

func spanning(nets []Network) (value.Value, error) {
	if len(nets) == 0 {
		return value.Null, nil
	}
	if len(nets) == 1 {
		return value.String(nets[0].String()), nil
	}
	low, high := nets[0], nets[0]
	for _, n := range nets[1:] {
		if n.Version != low.Version {
			return no, refuse("cidr_merge: error in netaddr:\nIP sequence cannot contain both IPv4 and IPv6!")
		}
		if n.First().Cmp(low.First()) < 0 {
			low = n
		}
		if n.Last().Cmp(high.Last()) > 0 {
			high = n
		}
	}
	s := Network{low.Version, low.First(), high.Prefix}
	for s.Prefix > 0 && s.Last().Cmp(high.Last()) < 0 {
		s.Prefix--
	}
	return value.String(s.cidr().String()), nil
}

// Wrap is the filter ipwrap: addresses of version 6 in brackets, everything else as it
// is, but for a single address, which is as the filter ipaddr writes it.
func Wrap(v value.Value) value.Value {
	if v.Kind() == value.KindList {
		items := v.Items()
		out := make([]value.Value, len(items))
		for i, it := range items {
			out[i] = bracketed(it)
		}
		return value.List(out...)
	}
	if r, err := Query(v, "", 0, "ipwrap"); err == nil && r.Truthy() {
		return bracketed(r)
	}
	return v
}

func bracketed(v value.Value) value.Value {
	in, ok := normal(v)
	if !ok || in.n.Version == 4 && !digits(v.Text()) {
		return v
	}
	w, _ := wrap(in) // never fails
	return w
}

// Slaac is the address that a host with a hardware address takes in a network.
func Slaac(v value.Value, hw string) value.Value {
	in, ok := normal(v)
	mac, okMAC := parseMAC(hw)
	if n, err := strconv.ParseUint(hw, 10, 48); !okMAC && err == nil {
		mac, okMAC = n, true
	}
	if !ok || !okMAC || in.n.Version != 6 {
		return no
	}
	high, low := mac>>24, mac&0xffffff
	id := (high<<40 | 0xfffe<<24 | low) ^ 0x0200000000000000
	return value.String(Format(6, new(big.Int).Add(in.n.First(), new(big.Int).SetUint64(id))))
}

// Hex4 is the filter ip4_hex.
func Hex4(s, sep string) (value.Value, error) {
	parts := strings.Split(s, ".")
	if len(parts) < 4 {
		return no, refuse("invalid literal for int() with base 10: '%s'", s)
	}
	out := make([]string, 4)
	for i := range out {
		n, err := strconv.Atoi(parts[i])
		if err != nil {
			return no, refuse("invalid literal for int() with base 10: '%s'", parts[i])
		}
		out[i] = fmt.Sprintf("%02x", n)
	}
	return value.String(strings.Join(out, sep)), nil
}

// maxListed bounds how many addresses usable_range writes.
const maxListed = 1 << 16

// UsableRange is the filter usable_range: all addresses of a network.
func UsableRange(s string) (value.Value, error) {
	n, err := strict(s)
	if err != nil {
		return no, refuse("Error while using plugin 'usable_range': %w", err)
	}
	if n.Size().Cmp(big.NewInt(maxListed)) > 0 {
		return no, refuse("Error while using plugin 'usable_range': %s has more than %d addresses", s, maxListed)
	}
	count := n.Size().Int64()
	ips := make([]value.Value, count)
	for i := range count {
		ips[i] = value.String(n.address(add(n.First(), i)))
	}
	return value.FromMap(value.M("usable_ips", value.List(ips...), "number_of_ips", value.Int(count))), nil
}

// strict reads a network as Python's ipaddress does: no bits of a host.
func strict(s string) (Network, error) {
	if addr, _, _ := strings.Cut(s, "/"); !isAddress(addr) {
		return Network{}, refuse("'%s' does not appear to be an IPv4 or IPv6 network", s)
	}
	n, err := Parse(s)
	if err != nil {
		return n, refuse("'%s' does not appear to be an IPv4 or IPv6 network", s)
	}
	if !n.atNetwork() {
		return n, refuse("%s has host bits set", s)
	}
	return n, nil
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}
