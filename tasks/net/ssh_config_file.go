package net

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/value"
)

// sshConfig is a configuration of the SSH client: hosts, comments and empty lines.
type sshConfig struct{ entries []*sshEntry }

// sshEntry is a line that is kept as it is (options is nil), or a host with its
// options, each a text, or a list where it is repeated. order is where it came.
type sshEntry struct {
	line    string
	host    string
	options *value.Map
	order   int
}

var (
	sshProxy  = lazyregexp.New(`(?i)^(proxycommand)\s*=*\s*(.*)`)
	sshEquals = lazyregexp.New(`^([^\s=]+)\s*=(.*)`)
)

// listed are options that are lists from the first one on.
var listed = []string{"identityfile", "localforward", "remoteforward"}

func parseSSHConfig(text string) (*sshConfig, error) {
	c := &sshConfig{}
	host := &sshEntry{host: "*", options: value.M()}
	hosts := []*sshEntry{host}
	order := 1
	for line := range strings.Lines(text) {
		line = strings.TrimLeft(strings.TrimRight(line, "\n"), " \t\r\f\v")
		if line == "" || line[0] == '#' {
			c.entries = append(c.entries, &sshEntry{line: line, order: order})
			order++
			continue
		}
		key, v, err := sshOption(line)
		if err != nil {
			return nil, err
		}
		switch key {
		case "match":
			return nil, module.Fail("ssh_config cannot keep what is under Match: write the file with another module", "line", value.String(line).WithMarks(value.Unsafe))
		case "host":
			host = &sshEntry{host: strings.Join(strings.Fields(v), " "), options: value.M(), order: order}
			hosts = append(hosts, host)
			order++
		default:
			host.add(key, value.String(v))
		}
	}
	for _, h := range hosts {
		if h.options.Len() > 0 {
			c.entries = append(c.entries, h)
		}
	}
	slices.SortStableFunc(c.entries, func(a, b *sshEntry) int { return cmp.Compare(a.order, b.order) })
	return c, nil
}

// sshOption takes a line apart into the name, in small letters, and what it is.
func sshOption(line string) (string, string, error) {
	if m := sshProxy().FindStringSubmatch(line); m != nil && strings.Contains(line, "=") {
		return strings.ToLower(m[1]), m[2], nil
	}
	if m := sshEquals().FindStringSubmatch(line); m != nil {
		return strings.ToLower(m[1]), m[2], nil
	}
	i := strings.IndexAny(line, " \t\r\f\v")
	if i < 0 {
		return "", "", module.Fail("Unparsable line: " + value.String(line).Repr())
	}
	return strings.ToLower(line[:i]), strings.TrimLeft(line[i:], " \t\r\f\v"), nil
}

// add keeps an option beside those of the same name.
func (e *sshEntry) add(key string, v value.Value) {
	now, again := e.options.Get(key)
	switch {
	case again && now.Kind() == value.KindList:
		v = value.List(append(slices.Clone(now.Items()), v)...)
	case again:
		v = value.List(now, v)
	case slices.Contains(listed, key):
		v = value.List(v)
	}
	e.options.Set(key, v)
}

// last is the place of what comes last.
func (c *sshConfig) last() int {
	n := 0
	for _, e := range c.entries {
		n = max(n, e.order)
	}
	return n
}

// text writes the configuration.
func (c *sshConfig) text() string {
	var b strings.Builder
	for _, e := range c.entries {
		if e.options == nil {
			b.WriteString(e.line + "\n")
			continue
		}
		b.WriteString("Host " + e.host + "\n")
		for k, v := range e.options.All() {
			each := []value.Value{v}
			if v.Kind() == value.KindList {
				each = v.Items()
			}
			for _, v := range each {
				b.WriteString("    " + k.Text() + " " + v.Text() + "\n")
			}
		}
	}
	return b.String()
}
