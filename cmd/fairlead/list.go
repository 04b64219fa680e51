package main

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/fairlead-project/fairlead/cmd/fairlead/render"
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/run"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
)

// list shows what a run would comprise: hosts, tasks, tags of each play.
func list(std streams, cfg run.Config, hosts, tasks, tags bool) error {
	for _, pb := range cfg.Playbooks {
		fmt.Fprintf(std.out, "\nplaybook: %s\n", event.PrintableLine(render.Near(pb.File)))
		for i, p := range pb.Plays {
			own, err := tagsOf(cfg, &p.Scope)
			if err != nil {
				return err
			}
			known := vars.Written(p)
			fmt.Fprintf(std.out, "\n  play #%d (%s): %s\tTAGS: [%s]\n", i+1, strings.Join(cfg.Vars.PlayPatterns(known), ","), cfg.Vars.PlayTitle(known), strings.Join(written(p), ","))
			if hosts {
				if err := listHosts(std, cfg, p); err != nil {
					return err
				}
			}
			pre, roles, main, post := p.Items()
			items := append(append(append(append([]playbook.Item(nil), pre...), roles...), main...), post...)
			if tasks {
				fmt.Fprintln(std.out, "    tasks:")
				if err := listTasks(std, cfg, items); err != nil {
					return err
				}
			}
			if tags {
				set := map[string]bool{}
				for _, t := range own {
					set[t] = true
				}
				if err := collectTags(cfg, items, set); err != nil {
					return err
				}
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

func listHosts(std streams, cfg run.Config, p *playbook.Play) error {
	var pos diag.Pos
	if p.Hosts != nil {
		pos = p.Hosts.Pos
	}
	patterns := cfg.Vars.PlayPatterns(vars.Written(p))
	hosts, err := cfg.Inventory.Match(strings.Join(patterns, ","), pos)
	if err != nil {
		return err
	}
	if cfg.Limit != "" {
		if hosts, err = cfg.Inventory.Limit(hosts, cfg.Limit); err != nil {
			return err
		}
	}
	fmt.Fprintf(std.out, "    pattern: ['%s']\n    hosts (%d):\n", strings.Join(patterns, "', '"), len(hosts))
	for _, h := range hosts {
		fmt.Fprintf(std.out, "      %s\n", h.Name)
	}
	return nil
}

// tagsOf are the tags of a play, block or task with those around it, as far as
// variables of the play are in them evaluated.
func tagsOf(cfg run.Config, s *playbook.Scope) ([]string, error) {
	set := map[string]bool{}
	for _, n := range s.AllTags() {
		v := n.Value()
		if n.HasTemplate() {
			var err error
			if v, err = cfg.Vars.EvalStatic(n, s.In, s); err != nil {
				return nil, err
			}
		}
		items := []value.Value{v}
		if v.Kind() == value.KindList {
			items = v.Items()
		}
		for _, it := range items {
			for t := range strings.SplitSeq(it.Text(), ",") {
				if t = strings.TrimSpace(t); t != "" {
					set[t] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(set)), nil
}

func listTasks(std streams, cfg run.Config, items []playbook.Item) error {
	for _, it := range items {
		if b, ok := it.(*playbook.Block); ok {
			if err := listTasks(std, cfg, b.Block); err != nil {
				return err
			}
		}
		t, ok := it.(*playbook.Task)
		if !ok {
			continue
		}
		tags, err := tagsOf(cfg, &t.Scope)
		if err != nil {
			return err
		}
		if !playbook.TagsMatch(tags, cfg.Tags, cfg.SkipTags) {
			continue
		}
		name := t.Keywords.Name.Str()
		if r := t.Role(); name != "" && r != nil && r.Role != nil {
			name = r.FullName() + " : " + name
		}
		fmt.Fprintf(std.out, "      %s\tTAGS: [%s]\n", orElse(name, t.Action), strings.Join(tags, ", "))
	}
	return nil
}

// collectTags are the tags of the tasks that --tags and --skip-tags leave.
func collectTags(cfg run.Config, items []playbook.Item, set map[string]bool) error {
	for _, it := range items {
		switch x := it.(type) {
		case *playbook.Block:
			if err := collectTags(cfg, x.Block, set); err != nil {
				return err
			}
		case *playbook.Task:
			tags, err := tagsOf(cfg, &x.Scope)
			if err != nil {
				return err
			}
			if !playbook.TagsMatch(tags, cfg.Tags, cfg.SkipTags) {
				continue
			}
			for _, t := range tags {
				set[t] = true
			}
		}
	}
	return nil
}

// written are the tags of a play as they stand in it.
func written(p *playbook.Play) (tags []string) {
	for _, n := range p.Keywords.Tags {
		tags = append(tags, n.Value().Text())
	}
	return tags
}
