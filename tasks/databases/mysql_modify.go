package databases

import (
	"maps"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/value"
)

// modify says what must be done to users who are there.
func (p *mysqlUserPlan) modify() (module.Change, error) {
	hash, plugin := "", ""
	if p.Update == "always" {
		var err error
		if hash, err = p.hash(); err != nil {
			return module.Change{}, err
		}
		plugin = p.Plugin
	}
	m := &modification{p: p, msg: "User unchanged"}
	for _, acc := range p.mine {
		m.authentication(acc, hash, plugin)
		if p.want != nil {
			if err := m.privileges(acc); err != nil {
				return module.Change{}, err
			}
		}
		if tls := p.wantedTLS(); tls != acc.requires {
			m.msg, m.sure = "TLS requires updated", true
			if tls == "" {
				tls = "NONE"
			}
			m.all = append(m.all, "ALTER USER "+p.at(acc.host)+" REQUIRE "+tls)
		}
		limits, err := p.limits(acc.limits)
		if err != nil {
			return module.Change{}, err
		}
		if len(limits) > 0 && (acc.host == p.From || !p.FromAll) {
			m.sure = true
			m.all = append(m.all, "ALTER USER "+p.at(acc.host)+" WITH "+strings.Join(limits, " "))
		}
	}
	return m.change(), nil
}

// modification are the statements that change users.
type modification struct {
	p        *mysqlUserPlan
	all      []string
	msg      string
	password bool
	// sure tells that something changes; statements about privileges that a user
	// has in part may change nothing, which the server is asked for.
	sure bool
}

func (m *modification) authentication(acc mysqlAccount, hash, plugin string) {
	if hash != "" && acc.hash != hash {
		m.all = append(m.all, "ALTER USER "+m.p.at(acc.host)+byPlugin("mysql_native_password", hash, ""))
		m.msg, m.password, m.sure = "Password updated (new style)", true, true
	}
	if plugin == "" {
		return
	}
	if acc.plugin != plugin || m.p.PluginHash != "" && acc.auth != m.p.PluginHash || m.p.PluginAuth != "" && acc.auth != m.p.PluginAuth {
		m.all = append(m.all, "ALTER USER "+m.p.at(acc.host)+byPlugin(plugin, m.p.PluginHash, m.p.PluginAuth))
		m.password, m.sure = true, true
	}
}

// privileges compares what a user may with what is asked.
func (m *modification) privileges(acc mysqlAccount) error {
	now, err := privilegesOf(acc.grants)
	if err != nil {
		return err
	}
	at, want := m.p.at(acc.host), m.p.want
	grantOption := false
	if !m.p.Append && !m.p.Subtract {
		for _, on := range slices.Sorted(maps.Keys(now)) {
			grantOption = grantOption || slices.Contains(now[on], "GRANT")
			if _, asked := want[on]; !asked && m.p.Name != "root" && !slices.Contains(now[on], "PROXY") {
				m.msg, m.sure = "Privileges updated", true
				m.all = append(m.all, revoke(now[on], on, at, grantOption)...)
			}
		}
	}
	asked := slices.Sorted(maps.Keys(want))
	for _, on := range asked {
		if _, some := now[on]; !some && !m.p.Subtract {
			m.msg, m.sure = "New privileges granted", true
			m.all = append(m.all, grant(want[on], on, at))
		}
	}
	for _, on := range asked {
		if has, some := now[on]; some {
			m.part(has, want[on], on, at)
		}
	}
	return nil
}

// part changes the privileges on something where a user has some.
func (m *modification) part(has, want []string, on, at string) {
	var add, take []string
	grantOption := false
	switch {
	case m.p.Append:
		add = without(want, has)
	case m.p.Subtract:
		take = without(want, without(want, has))
	default:
		add, take = without(want, has), without(has, want)
		if slices.Contains(add, "ALL") || slices.Contains(add, "ALL PRIVILEGES") {
			take = without([]string{"GRANT", "PROXY"}, without([]string{"GRANT", "PROXY"}, take))
		}
		grantOption = slices.Contains(take, "GRANT") && !slices.Contains(add, "GRANT")
	}
	if slices.Equal(add, []string{"GRANT"}) {
		add = append(add, "USAGE")
	}
	if len(add)+len(take) == 0 {
		return
	}
	m.msg = "Privileges updated: granted " + value.Strings(add...).Repr() + ", revoked " + value.Strings(take...).Repr()
	if len(take) > 0 {
		m.all = append(m.all, revoke(take, on, at, grantOption)...)
	}
	if len(add) > 0 {
		m.all = append(m.all, grant(add, on, at))
	}
}

// without are the elements of a list that another has not, each once.
func without(all, some []string) []string {
	left := []string{}
	for _, x := range all {
		if !slices.Contains(some, x) && !slices.Contains(left, x) {
			left = append(left, x)
		}
	}
	return left
}

// change plans the statements. Where only privileges were changed in part, the
// server is asked afterwards whether that made a difference.
func (m *modification) change() module.Change {
	p := m.p
	if len(m.all) == 0 {
		return module.Change{Result: p.result(false, m.msg, false)}
	}
	c := module.Change{Result: p.result(true, m.msg, m.password)}
	if m.sure {
		return p.run(c, m.all, nil)
	}
	return p.run(c, m.all, func() (module.Change, error) {
		return p.lookGrants(p.mine, func(now []mysqlAccount) (module.Change, error) {
			for i, acc := range now {
				was, err := privilegesOf(p.mine[i].grants)
				if err != nil {
					return module.Change{}, err
				}
				is, err := privilegesOf(acc.grants)
				if err != nil {
					return module.Change{}, err
				}
				if !maps.EqualFunc(was, is, slices.Equal) {
					return module.Change{Result: c.Result}, nil
				}
			}
			return module.Change{Result: p.result(false, m.msg, m.password)}, nil
		}), nil
	})
}
