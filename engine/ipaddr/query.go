package ipaddr

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// input is a value that was recognised: the network, how it was written, and
// whether a prefix was written with it.
type input struct {
	n     Network
	text  string
	asNet bool
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// read recognises an address, a network, or a number as one.
func read(s string, version int) (input, bool) {
	if digits(s) {
		ip, _ := new(big.Int).SetString(s, 10)
		v := 4
		if version == 6 || !fits(4, ip) {
			v = 6
		}
		if !fits(v, ip) {
			return input{}, false
		}
		n := Network{v, ip, width(v)}
		return input{n, n.String(), false}, true
	}
	if n, err := Parse(s); err == nil {
		return input{n, s, strings.Count(s, "/") == 1}, true
	}
	// A number with a prefix.
	addr, prefix, ok := strings.Cut(s, "/")
	ip, isInt := new(big.Int).SetString(addr, 10)
	p, err := strconv.Atoi(prefix)
	if !ok || !isInt || err != nil {
		return input{}, false
	}
	for _, v := range []int{4, 6} {
		if fits(v, ip) && p >= 0 && p <= width(v) {
			n := Network{v, ip, p}
			return input{n, n.String(), true}, true
		}
	}
	return input{}, false
}

// Query is the filter ipaddr: of one value, or of each element of a list, whose
// matches are kept. No is false, and None where the query gives nothing.
// version 0 accepts both; alias is the filter's name in messages.
func Query(v value.Value, query string, version int, alias string) (value.Value, error) {
	if v.Kind() == value.KindList {
		out := []value.Value{}
		for _, it := range v.Items() {
			r, err := Query(it, query, version, alias)
			if err != nil {
				return v, err
			}
			if r.Truthy() {
				out = append(out, r)
			}
		}
		return value.List(out...), nil
	}
	if !v.Truthy() || v.Kind() == value.KindBool {
		return value.Bool(false), nil
	}
	in, ok := read(v.Text(), version)
	if !ok {
		return value.Bool(false), nil
	}
	f, known := queries[query]
	var list Network
	lookup := false
	if !known && query != "" && !digits(query) {
		if q, ok := read(query, 0); ok {
			list, lookup = q.n, true
		}
	}
	if version != 0 && in.n.Version != version {
		return value.Bool(false), nil
	}
	switch {
	case known:
		return f(in)
	case lookup:
		return in.when(list.Contains(in.n.cidr())), nil
	}
	return in.nth(query, alias)
}

// when gives the value as it was written, or None.
func (in input) when(ok bool) value.Value {
	if ok {
		return value.String(in.text)
	}
	return value.Null
}

// nth is a query that is a number: the address with that number.
func (in input) nth(query, alias string) (value.Value, error) {
	if _, err := strconv.ParseFloat(query, 64); err != nil {
		return value.Null, fmt.Errorf("%s: unknown filter type: %s", alias, query)
	}
	if in.n.isSize(1) {
		if in.asNet {
			return value.String(in.n.String()), nil
		}
		return value.String(in.n.address(in.n.IP)), nil
	}
	i, err := strconv.ParseInt(query, 10, 64)
	if err != nil {
		return value.Bool(false), nil
	}
	ip, ok := in.n.At(i)
	if !ok {
		return value.Bool(false), nil
	}
	return value.String(Network{in.n.Version, ip, in.n.Prefix}.String()), nil
}

// At is the address number i, counted from the end when it is negative.
func (n Network) At(i int64) (*big.Int, bool) {
	ip := add(n.First(), i)
	if i < 0 {
		ip = add(n.Last(), i+1)
	}
	return ip, ip.Cmp(n.First()) >= 0 && ip.Cmp(n.Last()) <= 0
}

type queryFunc func(in input) (value.Value, error)

func str(s string) (value.Value, error) { return value.String(s), nil }

// ofNetwork refuses a value written without a prefix.
func ofNetwork(f queryFunc) queryFunc {
	return func(in input) (value.Value, error) {
		if !in.asNet {
			return value.Null, refuse("Not a network address")
		}
		if in.n.isSize(1) {
			return value.Null, nil
		}
		return f(in)
	}
}

func addressPrefix(in input) (value.Value, error) {
	if in.n.Size().Cmp(big.NewInt(2)) > 0 && (in.n.atNetwork() || in.n.hasBroadcast() && in.n.IP.Cmp(in.n.Last()) == 0) {
		return value.Bool(false), nil
	}
	return str(in.n.String())
}

func ipOf(in input) (value.Value, error) {
	if in.n.isSize(1) || !in.n.atNetwork() || !in.n.hasBroadcast() || in.n.Version == 6 {
		return str(in.n.address(in.n.IP))
	}
	return value.Null, nil
}

func whenIP(nets []Network) queryFunc {
	return func(in input) (value.Value, error) {
		return in.when(within(Network{in.n.Version, in.n.IP, width(in.n.Version)}, nets)), nil
	}
}

func hostOnly(after func(n Network) string) queryFunc {
	return func(in input) (value.Value, error) {
		if in.n.isSize(1) || !in.n.isSize(2) && in.n.atNetwork() {
			return value.Null, nil
		}
		return str(in.n.address(in.n.IP) + after(in.n))
	}
}

func (n Network) netmask() string {
	return n.address(new(big.Int).Xor(add(pow2(width(n.Version)), -1), n.hostBits()))
}

func neighbour(by int64) queryFunc {
	return ofNetwork(func(in input) (value.Value, error) {
		first, last := in.n.usable()
		ip := add(in.n.IP, by)
		if ip.Cmp(first) < 0 || ip.Cmp(last) > 0 {
			return value.Null, nil
		}
		return str(in.n.address(ip))
	})
}

var queries map[string]queryFunc

func init() { // the table refers to itself through Query
	queries = map[string]queryFunc{
		"": func(in input) (value.Value, error) {
			if in.asNet {
				return str(in.n.String())
			}
			return str(in.n.address(in.n.IP))
		},
		"bool":            func(input) (value.Value, error) { return value.Bool(true), nil },
		"version":         func(in input) (value.Value, error) { return value.Int(int64(in.n.Version)), nil },
		"prefix":          func(in input) (value.Value, error) { return value.Int(int64(in.n.Prefix)), nil },
		"size":            func(in input) (value.Value, error) { return value.BigInt(in.n.Size()), nil },
		"size_usable":     sizeUsable,
		"type":            typeOf,
		"cidr":            func(in input) (value.Value, error) { return str(in.n.String()) },
		"netmask":         func(in input) (value.Value, error) { return str(in.n.netmask()) },
		"broadcast":       broadcast,
		"net":             netQuery,
		"ip_netmask":      hostOnly(func(n Network) string { return " " + n.netmask() }),
		"ip/prefix":       hostOnly(func(n Network) string { return "/" + strconv.Itoa(n.Prefix) }),
		"int":             intQuery,
		"ipv4":            toV4,
		"ipv6":            toV6,
		"6to4":            to6to4,
		"link-local":      whenIP(linkLocal),
		"loopback":        whenIP(loopback),
		"multicast":       func(in input) (value.Value, error) { return in.when(within(in.n, multicast)), nil },
		"unicast":         func(in input) (value.Value, error) { return in.when(!within(in.n, multicast)), nil },
		"private":         func(in input) (value.Value, error) { return in.when(within(in.n, private)), nil },
		"public":          func(in input) (value.Value, error) { return in.when(in.n.public()), nil },
		"revdns":          func(in input) (value.Value, error) { return str(in.n.reverse()) },
		"host":            hostQuery,
		"next_usable":     neighbour(1),
		"previous_usable": neighbour(-1),
		"peer":            peer,
		"wrap":            wrap,
		"first_usable": ofNetwork(func(in input) (value.Value, error) {
			first, _ := in.n.usable()
			return str(in.n.address(first))
		}),
		"last_usable": ofNetwork(func(in input) (value.Value, error) {
			_, last := in.n.usable()
			return str(in.n.address(last))
		}),
		"range_usable": ofNetwork(func(in input) (value.Value, error) {
			first, last := in.n.usable()
			return str(in.n.address(first) + "-" + in.n.address(last))
		}),
		"network_netmask": func(in input) (value.Value, error) { return str(in.n.address(in.n.First()) + " " + in.n.netmask()) },
		"network_wildcard": func(in input) (value.Value, error) {
			return str(in.n.address(in.n.First()) + " " + in.n.address(in.n.hostBits()))
		},
	}
	for name, f := range map[string]queryFunc{
		"address ip": ipOf, "address/prefix gateway gw host/prefix hostnet router": addressPrefix,
		"hostmask wildcard":     func(in input) (value.Value, error) { return str(in.n.address(in.n.hostBits())) },
		"network network_id":    func(in input) (value.Value, error) { return str(in.n.address(in.n.First())) },
		"subnet network/prefix": func(in input) (value.Value, error) { return str(in.n.cidr().String()) },
	} {
		for _, n := range strings.Fields(name) {
			queries[n] = f
		}
	}
	queries["lo"] = queries["loopback"]
}

func sizeUsable(in input) (value.Value, error) {
	switch {
	case in.n.isSize(1):
		return value.Int(0), nil
	case in.n.isSize(2):
		return value.Int(2), nil
	}
	return value.BigInt(add(in.n.Size(), -2)), nil
}

func typeOf(in input) (value.Value, error) {
	if in.n.isSize(1) || !in.n.atNetwork() {
		return str("address")
	}
	return str("network")
}

func broadcast(in input) (value.Value, error) {
	if in.n.isSize(1) || in.n.isSize(2) {
		return value.Null, nil
	}
	return str(in.n.address(in.n.Last()))
}

func netQuery(in input) (value.Value, error) {
	if in.n.isSize(1) || !in.n.atNetwork() {
		return value.Null, nil
	}
	return str(in.n.String())
}

func hostQuery(in input) (value.Value, error) {
	if in.n.isSize(1) || !in.n.atNetwork() || !in.n.hasBroadcast() {
		return str(in.n.String())
	}
	return value.Null, nil
}

func intQuery(in input) (value.Value, error) {
	if in.asNet {
		return str(in.n.IP.String() + "/" + strconv.Itoa(in.n.Prefix))
	}
	return value.BigInt(in.n.IP), nil
}

var mapped = new(big.Int).Lsh(big.NewInt(0xffff), 32)

func toV4(in input) (value.Value, error) {
	if in.n.Version == 4 {
		return value.String(in.text), nil
	}
	ip := in.n.IP
	if rest := new(big.Int).Sub(ip, mapped); fits(4, rest) {
		ip = rest
	}
	if !fits(4, ip) || in.n.Prefix < 96 {
		return value.Bool(false), nil
	}
	return str(Network{4, ip, in.n.Prefix - 96}.String())
}

func toV6(in input) (value.Value, error) {
	if in.n.Version == 6 {
		return value.String(in.text), nil
	}
	return str(Network{6, new(big.Int).Add(in.n.IP, mapped), in.n.Prefix + 96}.String())
}

func to6to4(in input) (value.Value, error) {
	n := in.n
	if n.Version == 6 {
		if (!in.asNet || !n.atNetwork()) && sixToFour.Contains(Network{6, n.IP, 128}) {
			return value.String(in.text), nil
		}
		return value.Bool(false), nil
	}
	host := Network{4, n.IP, 32}
	if !n.isSize(1) && n.atNetwork() || !host.public() && !within(host, private) {
		return value.Bool(false), nil
	}
	b := n.IP.FillBytes(make([]byte, 4))
	return str(fmt.Sprintf("2002:%02x%02x:%02x%02x::1/48", b[0], b[1], b[2], b[3]))
}

// public tells whether the address itself is one of the internet.
func (n Network) public() bool {
	host := Network{n.Version, n.IP, width(n.Version)}
	all := add(pow2(width(n.Version)), -1)
	return !within(host, multicast) && !within(host, private) && !within(host, loopback) && !isNetmask(n.IP, all) && !isHostmask(n.IP)
}

func (n Network) reverse() string {
	raw := n.IP.FillBytes(make([]byte, width(n.Version)/8))
	var b strings.Builder
	for i := len(raw) - 1; i >= 0; i-- {
		if n.Version == 4 {
			fmt.Fprintf(&b, "%d.", raw[i])
		} else {
			fmt.Fprintf(&b, "%x.%x.", raw[i]&15, raw[i]>>4)
		}
	}
	if n.Version == 4 {
		return b.String() + "in-addr.arpa."
	}
	return b.String() + "ip6.arpa."
}

func peer(in input) (value.Value, error) {
	low := new(big.Int).And(in.n.IP, big.NewInt(3)).Int64()
	flip := func(by int64) (value.Value, error) {
		return str(in.n.address(new(big.Int).Xor(in.n.IP, big.NewInt(by))))
	}
	switch {
	case !in.asNet:
		return value.Null, refuse("Not a network address")
	case in.n.isSize(2):
		return flip(1)
	case !in.n.isSize(4):
		return value.Null, refuse("Not a point-to-point network")
	case low == 0:
		return value.Null, refuse("Network address of /30 has no peer")
	case low == 3:
		return value.Null, refuse("Broadcast address of /30 has no peer")
	}
	return flip(3)
}

func wrap(in input) (value.Value, error) {
	s := "[" + in.n.address(in.n.IP) + "]"
	switch {
	case in.n.Version == 4:
		return value.String(in.text), nil
	case in.asNet:
		s += "/" + strconv.Itoa(in.n.Prefix)
	}
	return str(s)
}

// refuse is an error in the filter's own words.
func refuse(format string, args ...any) error { return fmt.Errorf(format, args...) }
