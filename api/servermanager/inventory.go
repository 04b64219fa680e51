package servermanager

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/value"
)

func texts(items []value.Value) []string {
	var out []string
	for _, it := range items {
		if t := strings.TrimSpace(it.Text()); t != "" {
			out = append(out, t)
		}
	}
	return out
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}

func has(list []string, s string) bool { return slices.Contains(list, s) }

func distinct(list []string) []string {
	var out []string
	for _, s := range list {
		if !has(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// hostLines are the lines of an inventory's groups, in order.
func hostLines(inv value.Value, groups ...string) []string {
	var out []string
	for k, v := range inv.Map().All() {
		name := strings.Trim(k.Text(), "[]")
		if strings.Contains(name, ":") || len(groups) > 0 && !has(groups, name) {
			continue
		}
		if v.Kind() == value.KindList {
			out = append(out, texts(v.Items())...)
			continue
		}
		for line := range strings.Lines(v.Text()) {
			if line = strings.TrimSpace(line); line != "" {
				out = append(out, line)
			}
		}
	}
	return out
}

// addresses are where the hosts of an inventory are reached: by ansible_host
// of their lines or of all, else by their names.
func addresses(inv value.Value) []string {
	var out []string
	all, _ := inv.Get("[all:vars]")
	everywhere := textOf(all, "ansible_host")
	for _, line := range hostLines(inv) {
		words := strings.Fields(line)
		addr := everywhere
		for _, w := range words[1:] {
			for _, key := range []string{"ansible_host=", "ansible_ssh_host="} {
				if a, ok := strings.CutPrefix(w, key); ok {
					addr = strings.Trim(a, `"'`)
				}
			}
		}
		if addr != "" {
			out = append(out, addr)
			continue
		}
		out = append(out, hostNames(words[0])...)
	}
	return distinct(out)
}

// hostNames are the hosts that the first word of a line names: without its port,
// all of a range.
func hostNames(word string) []string {
	if !strings.ContainsAny(word, "[:") {
		return []string{word}
	}
	sections := value.FromMap(value.M("[hosts]", []string{word}))
	inv, err := inventory.Load(inventory.Options{Sections: sections})
	if err != nil {
		return []string{word} // the run will say what is wrong with it
	}
	var out []string
	for _, h := range inv.Hosts() {
		out = append(out, h.Name)
	}
	return out
}

// kollaHosts are the first words of kolla's five groups of hosts.
func kollaHosts(inv value.Value) []string {
	var out []string
	for _, line := range hostLines(inv, "control", "network", "compute", "storage", "monitoring") {
		out = append(out, strings.Fields(line)[0])
	}
	return out
}

// secretName tells which parameters, options and host variables hold secrets.
var secretName = lazyregexp.New(`(?i)(pass(word|wd|phrase)?|secret|token|private_key|_pass|sshkey|(mon|osd|adm|pool)_keys?|auth_key)s?$`)

// markSecrets marks the values of options whose names say so.
func markSecrets(v value.Value) value.Value {
	switch v.Kind() {
	case value.KindMap:
		m := value.NewMap()
		for k, e := range v.Map().All() {
			if secretName().MatchString(k.Text()) {
				m.SetKey(k, e.MarkDeep(value.Secret))
				continue
			}
			m.SetKey(k, markSecrets(e))
		}
		return value.FromMap(m)
	case value.KindList:
		items := make([]value.Value, 0, v.Len())
		for _, it := range v.Items() {
			items = append(items, markSecrets(it))
		}
		return value.List(items...)
	}
	return v
}

// hostVar finds key=value on a host line, the value quoted or not.
var hostVar = lazyregexp.New(`(^|\s)([A-Za-z_][A-Za-z0-9_]*)=("[^"]*"|'[^']*'|\S*)`)

// learnInventory tells the redactor the secrets of an inventory.
func learnInventory(r *event.Redactor, inv value.Value) {
	r.AddValue(markSecrets(inv))
	for _, line := range hostLines(inv) {
		for _, m := range hostVar().FindAllStringSubmatch(line, -1) {
			if secretName().MatchString(m[2]) {
				r.Add(strings.Trim(m[3], `"'`))
			}
		}
	}
}

// writeINI writes an inventory as the original did, all scalar types kept, and
// without the secrets.
func writeINI(inv value.Value) string {
	var b strings.Builder
	b.WriteString("# Written by Fairlead. Passwords are left out: they show as " + event.Hidden + ".\n")
	for k, v := range inv.Map().All() {
		switch v.Kind() {
		case value.KindMap:
			fmt.Fprintf(&b, "%s\n", k.Text())
			for name, e := range v.Map().All() {
				text := e.Text()
				if e.Kind() == value.KindMap || e.Kind() == value.KindList {
					text = event.NewRedactor().Value(markSecrets(e)).Repr()
				}
				if secretName().MatchString(name.Text()) {
					text = event.Hidden
				}
				fmt.Fprintf(&b, "%s=%s\n\n", name.Text(), oneLine(text))
			}
		case value.KindList, value.KindString:
			fmt.Fprintf(&b, "%s\n", k.Text())
			items := v.Items()
			if v.IsString() {
				items = []value.Value{v}
			}
			for _, it := range items {
				line := hostVar().ReplaceAllStringFunc(it.Text(), func(s string) string {
					m := hostVar().FindStringSubmatch(s)
					if !secretName().MatchString(m[2]) {
						return s
					}
					return m[1] + m[2] + "=" + event.Hidden
				})
				fmt.Fprintf(&b, "%s\n", oneLine(line))
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

func oneLine(s string) string { return strings.ReplaceAll(s, "\n", " ") }
