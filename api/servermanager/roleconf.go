package servermanager

import (
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/fairlead-project/fairlead/engine/roleconf"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
	"github.com/fairlead-project/fairlead/templates"
)

// schema describes the configuration files of the embedded roles.
var schema = sync.OnceValues(func() (*roleconf.Schema, error) {
	text, err := fs.ReadFile(templates.Files, templates.Schema)
	if err != nil {
		return nil, err
	}
	n, err := yaml.ParseOne(templates.Schema, text, yaml.Options{})
	if err != nil {
		return nil, err
	}
	return roleconf.Parse(n.Value())
})

// configErrors says what is wrong with the sections of a role's configuration,
// "" when nothing is. What contrailctl does not know is wrong only where
// the request says so.
func configErrors(role string, sections value.Value, strict bool) (string, error) {
	s, err := schema()
	if err != nil {
		return "", err
	}
	r := s.Role(role)
	if r == nil {
		return "", nil
	}
	return join(r.Check(sections), strict), nil
}

// variableErrors is configErrors for the variables of an inventory: those that
// the configuration files of the roles with hosts are made of.
func variableErrors(inventory value.Value) (string, error) {
	s, err := schema()
	if err != nil {
		return "", err
	}
	all, _ := inventory.Get("[all:vars]")
	given, _ := all.Get("contrail_sections")
	var problems []roleconf.Problem
	seen := map[string]bool{}
	add := func(name string, found []roleconf.Problem) {
		for _, p := range found {
			if key := name + p.Section + p.Msg; !seen[key] {
				seen[key] = true
				problems = append(problems, p)
			}
		}
	}
	for _, r := range s.Roles {
		if hosts, _ := inventory.Get("[" + r.Group + "]"); len(texts(hosts.Items())) == 0 {
			continue
		}
		for _, sec := range r.Sections {
			for _, name := range sec.From {
				if v, ok := all.Get(name); ok && (v.Kind() == value.KindMap || v.Kind() == value.KindList) {
					add(name, r.CheckVariable(sec, v))
				}
			}
		}
		if own, ok := given.Get(r.Name); ok {
			add(r.Name, r.Check(own))
		}
	}
	return join(problems, isStrict(all)), nil
}

func isStrict(vars value.Value) bool { return textOf(vars, "contrail_unknown_options") == "error" }

func join(problems []roleconf.Problem, strict bool) string {
	var out []string
	for _, p := range problems {
		if !p.Unknown || strict {
			out = append(out, p.String())
		}
	}
	return strings.Join(slices.Compact(out), "; ")
}
