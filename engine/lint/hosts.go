package lint

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// matchHosts finds the hosts of a play. Patterns that only a run can tell, and
// those that hosts added by tasks may match, make it an open world.
func (c *checker) matchHosts(p *play) {
	inv := c.cfg.Inventory
	if inv == nil || p.Hosts == nil {
		return
	}
	var parts []string
	for _, n := range p.Hosts.List() {
		s, ok := c.patternText(n, p)
		if !ok {
			p.open = true
			return
		}
		parts = append(parts, s)
	}
	hosts, err := inv.Match(strings.Join(parts, ","), p.Hosts.Pos)
	p.matched = hosts
	seen := map[*yaml.Vars]bool{}
	for _, h := range hosts {
		if h.Implicit {
			c.layers(h, seen)
		}
	}
	for _, d := range diagnostics(err) {
		if d.Code != inventory.CodeNoHosts {
			c.report(d)
			continue
		}
		p.hostsErr = append(p.hostsErr, d)
	}
	switch {
	case len(hosts) > 0:
	case c.dynamic, c.cfg.HostsOptional:
		p.open = true
	default:
		p.none = true
	}
}

// patternText gives a host pattern. A template in it knows extra variables and
// those of the play alone.
func (c *checker) patternText(n *yaml.Node, p *play) (string, bool) {
	if !n.HasTemplate() {
		return n.Value().Text(), true
	}
	for _, r := range c.textOf(n, false).reads {
		if _, found := p.known[r]; found || p.open { // it comes from a file or a prompt
			return "", false
		}
	}
	s, err := c.eng.RenderStatic(n, p.Play, nil)
	return s, err == nil
}

// hosts reports patterns that name nothing: an error only if no play of the playbook has
// a host, and with EmptyGroups only if they name what is not there.
func (c *checker) hosts() {
	if c.cfg.Inventory == nil || c.cfg.HostsOptional || c.dynamic || len(c.plays) == 0 {
		return
	}
	nobody := true
	for _, p := range c.plays {
		nobody = nobody && p.none
	}
	for _, p := range c.plays {
		for _, d := range p.hostsErr {
			e := *d
			e.Warning = !nobody
			c.report(&e)
		}
		if p.none && len(p.hostsErr) == 0 && nobody {
			d := diag.Errorf(p.Hosts.Pos, inventory.CodeNoHosts, "the pattern %q matches no host", p.Hosts.Value().Text())
			d.Hint, d.Warning = "the groups it names hold no hosts", c.cfg.EmptyGroups
			if len(c.cfg.Inventory.Hosts()) == 0 {
				d.Hint, d.Warning = "the inventory holds no hosts; give one with -i", false
			}
			c.report(d)
		}
	}
}

// pattern checks a host pattern that is a template: it knows extra variables
// and those of the play alone.
func (c *checker) pattern(u *user) {
	u.lenient = true
	u.node(u.p.Hosts)
	scalars(u.p.Hosts, func(n *yaml.Node) {
		for _, need := range c.textOf(n, false).needs {
			if _, ok, _ := u.known(need.Name); !ok && len(u.p.VarsFiles) == 0 {
				d := problem(n.PosAt(need.Offset), need.Maybe, CodeUndefined, "the variable '%s' is not defined anywhere", need.Name)
				c.report(d.WithHint("pass it with -e %s=...", need.Name))
			}
		}
	})
}
