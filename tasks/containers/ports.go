package containers

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
)

const anyAddress = "0.0.0.0"

// ports reads published_ports and exposed_ports. A published port is exposed
// too.
func (w *want) ports(a *containerArgs) error {
	c, h := &w.spec.Config, &w.spec.Host
	if a.Exposed != nil || a.Published != nil {
		c.ExposedPorts = map[string]struct{}{}
	}
	if a.Exposed != nil {
		w.given["exposed_ports"] = true
		for _, p := range a.Exposed {
			list, proto, err := portRange(strings.TrimSpace(p))
			if err != nil {
				return err
			}
			for _, n := range list {
				c.ExposedPorts[fmt.Sprintf("%d/%s", n, proto)] = struct{}{}
			}
		}
	}
	ip := anyAddress
	if a.DefaultHostIP != nil {
		ip = strings.Trim(*a.DefaultHostIP, "[]")
		if _, err := netip.ParseAddr(ip); err != nil && ip != "" {
			return module.Fail(fmt.Sprintf("The value of default_host_ip must be an empty string, an IPv4 address, "+
				"or an IPv6 address. Got %q instead.", *a.DefaultHostIP))
		}
	}
	if a.Published == nil {
		return nil
	}
	w.given["published_ports"] = true
	h.PortBindings = map[string][]state.PortBinding{}
	for _, p := range a.Published {
		if p == "all" {
			return module.Fail(`Specifying "all" in published_ports is no longer allowed. Set publish_all_ports to "true" instead`)
		}
		if err := w.publish(p, ip); err != nil {
			return err
		}
	}
	return nil
}

// publish reads [[address:]port:]port[/protocol].
func (w *want) publish(p, ip string) error {
	address, host, inside, err := portParts(p)
	if err != nil {
		return err
	}
	if address != "" {
		ip = strings.Trim(address, "[]")
		if _, err := netip.ParseAddr(ip); err != nil {
			return module.Fail("Bind addresses for published ports must be IPv4 or IPv6 addresses, not hostnames. "+
				"Use the dig lookup to resolve hostnames. (Found hostname: "+address+")", "port", p)
		}
	}
	inner, proto, err := portRange(inside)
	if err != nil {
		return err
	}
	outer := make([]string, len(inner))
	switch {
	case host == "":
	case len(inner) == 1:
		outer[0] = host // may be a range: the engine picks one of it
	default:
		list, _, err := portRange(host)
		if err != nil {
			return err
		}
		if len(list) != len(inner) {
			return module.Fail(fmt.Sprintf("Invalid port description %q - the ranges differ in length", p))
		}
		for i, n := range list {
			outer[i] = strconv.Itoa(n)
		}
	}
	for i, n := range inner {
		key := fmt.Sprintf("%d/%s", n, proto)
		w.spec.Config.ExposedPorts[key] = struct{}{}
		w.spec.Host.PortBindings[key] = append(w.spec.Host.PortBindings[key], state.PortBinding{HostIP: ip, HostPort: outer[i]})
	}
	return nil
}

// portParts takes a published port apart; brackets hold the colons of IPv6.
func portParts(p string) (address, host, inside string, err error) {
	rest := p
	if strings.HasPrefix(p, "[") {
		end := strings.IndexByte(p, ']')
		if end < 0 {
			return "", "", "", module.Fail(fmt.Sprintf(`Cannot find closing "]" in input "%s" for opening "[" at index 1!`, p))
		}
		address, rest = p[:end+1], strings.TrimPrefix(p[end+1:], ":")
		parts := strings.Split(rest, ":")
		switch len(parts) {
		case 1:
			return address, "", parts[0], nil
		case 2:
			return address, parts[0], parts[1], nil
		}
	}
	parts := strings.Split(rest, ":")
	switch {
	case address != "":
	case len(parts) == 1:
		return "", "", parts[0], nil
	case len(parts) == 2:
		return "", parts[0], parts[1], nil
	case len(parts) == 3:
		return parts[0], parts[1], parts[2], nil
	}
	return "", "", "", module.Fail(fmt.Sprintf("Invalid port description %q - expected 1 to 3 colon-separated parts, "+
		"but got %d. Maybe you forgot to use square brackets ([...]) around an IPv6 address?", p, len(parts)))
}

func portRange(s string) (list []int, proto string, err error) {
	text, proto, ok := strings.Cut(s, "/")
	if !ok {
		proto = "tcp"
	}
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	from, err1 := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	if err1 != nil || err2 != nil || from < 1 || to < from || to > 65535 {
		what := "port"
		if isRange {
			what = "port range"
		}
		return nil, "", module.Fail(fmt.Sprintf("Invalid %s: %q", what, s))
	}
	for n := from; n <= to; n++ {
		list = append(list, n)
	}
	return list, proto, nil
}

// networks reads network_mode, networks and links.
func (w *want) networks(a *containerArgs) error {
	h := &w.spec.Host
	set(w, "network_mode", a.NetworkMode, &h.NetworkMode)
	if a.Networks != nil {
		w.given["networks"] = true
		w.spec.Networks = map[string]state.Endpoint{}
		for _, n := range a.Networks {
			w.spec.Networks[n.Name] = state.Endpoint{IPv4Address: n.IPv4, IPv6Address: n.IPv6, MacAddress: n.Mac,
				Aliases: n.Aliases, Links: pairs(n.Links)}
		}
		if a.CLINetworks && a.NetworkMode == nil && len(a.Networks) > 0 {
			h.NetworkMode, w.given["network_mode"] = a.Networks[0].Name, true
		}
	}
	if a.Links != nil {
		w.given["links"] = true
		h.Links = pairs(a.Links)
	}
	return nil
}

// pairs writes links as container:alias.
func pairs(links []string) []string {
	out := make([]string, 0, len(links))
	for _, l := range links {
		if !strings.Contains(l, ":") {
			l += ":" + l
		}
		out = append(out, l)
	}
	return out
}
