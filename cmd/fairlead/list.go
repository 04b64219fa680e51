package main

import (
	"fmt"
	"sort"
	"strings"

	"github.com/fairlead-project/fairlead/cmd/fairlead/render"
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/run"
)

// list shows what a run would comprise: hosts, tasks, tags of each play.
func list(std streams, cfg run.Config, hosts, tasks, tags bool) error {
	for _, pb := range cfg.Playbooks {
		fmt.Fprintf(std.out, "\nplaybook: %s\n", event.PrintableLine(render.Near(pb.File)))
		for i, p := range pb.Plays {
			fmt.Fprintf(std.out, "\n  play #%d (%s): %s\tTAGS: [%s]\n", i+1, pattern(p), orElse(p.Keywords.Name.Str(), pattern(p)), strings.Join(nodeTexts(&p.Scope), ","))
			if hosts {
				if err := listHosts(std, cfg, p); err != nil {
					return err
				}
			}
			pre, roles, main, post := p.Items()
			items := append(append(append(append([]playbook.Item(nil), pre...), roles...), main...), post...)
			if tasks {
				fmt.Fprintln(std.out, "    tasks:")
				listTasks(std, cfg, items)
			}
			if tags {
				set := map[string]bool{}
				for _, t := range nodeTexts(&p.Scope) {
					set[t] = true
				}
				collectTags(cfg, items, set)
				var all []string
				for t := range set {
					all = append(all, t)
				}
				sort.Strings(all)
				fmt.Fprintf(std.out, "      TASK TAGS: [%s]\n", strings.Join(all, ", "))
			}
		}
	}
	return nil
}

func pattern(p *playbook.Play) string {
	var parts []string
	for _, n := range p.Hosts.List() {
		parts = append(parts, n.Str())
	}
	return strings.Join(parts, ",")
}

func listHosts(std streams, cfg run.Config, p *playbook.Play) error {
	var pos diag.Pos
	if p.Hosts != nil {
		pos = p.Hosts.Pos
	}
	hosts, err := cfg.Inventory.Match(pattern(p), pos)
	if err != nil {
		return err
	}
	if cfg.Limit != "" {
		if hosts, err = cfg.Inventory.Limit(hosts, cfg.Limit); err != nil {
			return err
		}
	}
	fmt.Fprintf(std.out, "    pattern: ['%s']\n    hosts (%d):\n", pattern(p), len(hosts))
	for _, h := range hosts {
		fmt.Fprintf(std.out, "      %s\n", h.Name)
	}
	return nil
}

func nodeTexts(s *playbook.Scope) []string {
	var out []string
	seen := map[string]bool{}
	for _, n := range s.AllTags() {
		for _, t := range strings.Split(n.Value().Text(), ",") {
			if t = strings.TrimSpace(t); t != "" && !seen[t] {
				seen[t] = true
				out = append(out, t)
			}
		}
	}
	sort.Strings(out)
	return out
}

func listTasks(std streams, cfg run.Config, items []playbook.Item) {
	for _, it := range items {
		switch x := it.(type) {
		case *playbook.Block:
			listTasks(std, cfg, x.Block)
		case *playbook.Task:
			tags := nodeTexts(&x.Scope)
			if !playbook.TagsMatch(tags, cfg.Tags, cfg.SkipTags) {
				continue
			}
			name := x.Keywords.Name.Str()
			if name == "" {
				fmt.Fprintf(std.out, "      %s\tTAGS: [%s]\n", x.Action, strings.Join(tags, ", "))
				continue
			}
			if r := x.Role(); r != nil && r.Role != nil {
				name = r.FullName() + " : " + name
			}
			fmt.Fprintf(std.out, "      %s\tTAGS: [%s]\n", name, strings.Join(tags, ", "))
		}
	}
}

// collectTags are the tags of the tasks that --tags and --skip-tags leave.
func collectTags(cfg run.Config, items []playbook.Item, set map[string]bool) {
	for _, it := range items {
		switch x := it.(type) {
		case *playbook.Block:
			collectTags(cfg, x.Block, set)
		case *playbook.Task:
			tags := nodeTexts(&x.Scope)
			if !playbook.TagsMatch(tags, cfg.Tags, cfg.SkipTags) {
				continue
			}
			for _, t := range tags {
				set[t] = true
			}
		}
	}
}
