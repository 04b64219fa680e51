package jinja

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/ipaddr"
	"github.com/fairlead-project/fairlead/engine/value"
)

// addNetFilters adds the filters of ansible.utils about addresses. They are
// known by their short names too, and as of ansible.netcommon, as Ansible
// redirects them.
func addNetFilters(e *Env) {
	f := map[string]Filter{
		"ipaddr": bound(func(_ *Context, in value.Value, b *Bound) (value.Value, error) {
			if err := addressLike("ipaddr", in); err != nil {
				return in, err
			}
			return ipaddr.Query(in, b.Text("query", ""), b.Int("version", 0), b.Str("alias", "ipaddr"))
		}, "query?", "version?", "alias?"),
		"ipv4": versionFilter("ipv4", 4), "ipv6": versionFilter("ipv6", 6),
		"ipsubnet":            bound(ipSubnet, "query?", "index?"),
		"ipmath":              bound(ipMath, "amount"),
		"next_nth_usable":     nthUsable(1),
		"previous_nth_usable": nthUsable(-1),
		"nthhost": bound(func(_ *Context, in value.Value, b *Bound) (value.Value, error) {
			n, ok := toInt(b.Value("query"), 10)
			if i, small := n.AsInt(); ok && small {
				return ipaddr.NthHost(in, i)
			}
			return value.Bool(false), nil
		}, "query?"),
		"network_in_network": inNetwork(false), "network_in_usable": inNetwork(true),
		"reduce_on_network": passing(bound(reduceOnNetwork, "network")),
		"cidr_merge":        bound(cidrMerge, "action?"),
		"ipwrap": bound(func(_ *Context, in value.Value, _ *Bound) (value.Value, error) {
			if k := in.Kind(); k != value.KindString && k != value.KindList && k != value.KindBool {
				return in, refusal("Unrecognized type <<class '%s'>> for ipwrap filter <value>", in.TypeName())
			}
			return ipaddr.Wrap(in), nil
		}, "query?"),
		"slaac": bound(func(_ *Context, in value.Value, b *Bound) (value.Value, error) {
			return ipaddr.Slaac(in, b.Text("query", "")), nil
		}, "query?"),
		"ip4_hex": bound(func(_ *Context, in value.Value, b *Bound) (value.Value, error) {
			return ipaddr.Hex4(text(in), b.Text("delimiter", ""))
		}, "delimiter?"),
		"usable_range": bound(func(_ *Context, in value.Value, _ *Bound) (value.Value, error) { return ipaddr.UsableRange(text(in)) }),
		"hwaddr":       hardware("hwaddr"), "macaddr": hardware("macaddr"),
	}
	for name, fl := range f {
		e.Filters[name], e.Filters["ansible.utils."+name], e.Filters["ansible.netcommon."+name] = fl, fl, fl
	}
	addNetTests(e)
}

// addressLike refuses what no filter of addresses takes.
func addressLike(name string, v value.Value) error {
	switch v.Kind() {
	case value.KindString, value.KindList, value.KindInt, value.KindBool:
		return nil
	}
	return refusal("Unrecognized type <<class '%s'>> for %s filter <value>", v.TypeName(), name)
}

func versionFilter(name string, version int) Filter {
	return bound(func(_ *Context, in value.Value, b *Bound) (value.Value, error) {
		if err := addressLike(name, in); err != nil {
			return in, err
		}
		return ipaddr.Query(in, b.Text("query", ""), version, name)
	}, "query?")
}

func ipSubnet(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	var index *int64
	if v := b.Value("index"); !v.IsNull() {
		n, ok := toInt(v, 10)
		i, small := n.AsInt()
		if !ok || !small {
			return in, fmt.Errorf("argument 'index' must be an integer, not %s", v.TypeName())
		}
		index = &i
	}
	return ipaddr.Subnet(in, b.Text("query", ""), index)
}

func ipMath(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	n, ok := toInt(b.Value("amount"), 10)
	i, small := n.AsInt()
	if !ok || !small {
		return in, refusal("argument 'amount' is of type <class '%s'> and we were unable to convert to int: %s is no integer", b.Value("amount").TypeName(), text(b.Value("amount")))
	}
	return ipaddr.Math(text(in), i)
}

func nthUsable(sign int64) Filter {
	return bound(func(_ *Context, in value.Value, b *Bound) (value.Value, error) {
		n, ok := toInt(b.Value("offset"), 10)
		i, small := n.AsInt()
		if !ok || !small {
			return in, refusal("argument 'offset' is of type <class '%s'> and we were unable to convert to int: %s is no integer", b.Value("offset").TypeName(), text(b.Value("offset")))
		}
		return ipaddr.NthUsable(in, sign*i)
	}, "offset")
}

func inNetwork(usable bool) Filter {
	return bound(func(_ *Context, in value.Value, b *Bound) (value.Value, error) {
		return value.Bool(ipaddr.InNetwork(in, b.Value("test"), usable)), nil
	}, "test")
}

func reduceOnNetwork(c *Context, in value.Value, b *Bound) (value.Value, error) {
	items, err := iterate(c, listOf(in))
	out := []value.Value{}
	for _, it := range items {
		if ipaddr.InNetwork(b.Value("network"), it, false) {
			out = append(out, it)
		}
	}
	return value.List(out...), err
}

// listOf makes a list of what is none, as an argument that is a list does: a text has
// commas between its parts.
func listOf(v value.Value) value.Value {
	if v.IsString() {
		return value.Strings(strings.Split(v.Str(), ",")...)
	}
	if _, isInt := v.AsInt(); isInt || v.Kind() == value.KindInt {
		return value.Strings(text(v))
	}
	return v
}

func cidrMerge(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	in = listOf(in)
	if in.Kind() != value.KindList {
		return in, refusal("cidr_merge: expected iterable, got %s", in.Repr())
	}
	switch action := b.Str("action", "merge"); action {
	case "merge", "span":
		return ipaddr.Merge(in.Items(), action == "span")
	default:
		return in, refusal("cidr_merge: invalid action '%s'", action)
	}
}

func hardware(name string) Filter {
	return bound(func(_ *Context, in value.Value, b *Bound) (value.Value, error) {
		return ipaddr.Hardware(in, b.Text("query", ""), name)
	}, "query?", "alias?")
}

func addNetTests(e *Env) {
	t := map[string]Test{"mac": is(func(v value.Value) bool { return ipaddr.IsMAC(text(v)) }),
		"resolvable":     is(func(v value.Value) bool { return resolvable(text(v)) }),
		"ip":             is(func(v value.Value) bool { return ipaddr.IsNetwork(text(v), 0) }),
		"ipv4":           is(func(v value.Value) bool { return ipaddr.IsNetwork(text(v), 4) }),
		"ipv6":           is(func(v value.Value) bool { return ipaddr.IsNetwork(text(v), 6) }),
		"ipv4_netmask":   is(func(v value.Value) bool { return ipaddr.IsNetmask(text(v)) }),
		"ipv4_hostmask":  is(func(v value.Value) bool { return ipaddr.IsHostmask(text(v)) }),
		"in_network":     netTest("network", func(v, o string) bool { return ipaddr.SubnetOf(v, o) }),
		"subnet_of":      netTest("network_b", func(v, o string) bool { return ipaddr.SubnetOf(v, o) }),
		"supernet_of":    netTest("network_b", func(v, o string) bool { return ipaddr.SubnetOf(o, v) }),
		"in_any_network": countNetworks(func(n int) bool { return n > 0 }),
		"in_one_network": countNetworks(func(n int) bool { return n == 1 }),
	}
	for name, p := range ipaddr.AddressTests {
		t[name] = is(func(v value.Value) bool {
			a, err := netip.ParseAddr(text(v))
			return err == nil && p(a)
		})
	}
	for name, x := range t {
		e.Tests["ansible.utils."+name] = x
	}
}

// resolvable asks /etc/hosts and the controller's name servers: for the names of an
// address, or for the addresses of a name.
func resolvable(host string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := netip.ParseAddr(host); err == nil {
		names, err := net.DefaultResolver.LookupAddr(ctx, host)
		return err == nil && len(names) > 0
	}
	_, err := net.DefaultResolver.LookupHost(ctx, host)
	return err == nil
}

func netTest(param string, p func(v, other string) bool) Test {
	return Test{Fn: func(_ *Context, v value.Value, a Args) (bool, error) {
		b := a.Bind(param)
		return b.Err == nil && p(text(v), text(b.Value(param))), b.Err
	}}
}

func countNetworks(want func(n int) bool) Test {
	return Test{Fn: func(_ *Context, v value.Value, a Args) (bool, error) {
		b := a.Bind("networks")
		n := 0
		for _, net := range b.Value("networks").Items() {
			if ipaddr.SubnetOf(text(v), text(net)) {
				n++
			}
		}
		return want(n), b.Err
	}}
}
