package playbook

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// StaticTags are the tags of the scope and of all around it; ok is false where
// a template says some of them.
func (s *Scope) StaticTags() (tags []string, ok bool) {
	for _, n := range s.AllTags() {
		if n.HasTemplate() {
			return nil, false
		}
		items := []value.Value{n.Value()}
		if items[0].Kind() == value.KindList {
			items = items[0].Items()
		}
		for _, it := range items {
			for t := range strings.SplitSeq(it.Text(), ",") {
				tags = append(tags, strings.TrimSpace(t))
			}
		}
	}
	return tags, true
}

// TagsMatch tells whether something with these tags runs under --tags (only)
// and --skip-tags (skip), with the special tags always, never, tagged,
// untagged and all as Ansible takes them. Without only, "all" is meant.
func TagsMatch(tags, only, skip []string) bool {
	if len(tags) == 0 {
		tags = []string{"untagged"}
	}
	if len(only) == 0 {
		only = []string{"all"}
	}
	tagged := !(len(tags) == 1 && tags[0] == "untagged")
	has := func(list []string, tag string) bool { return slices.Contains(list, tag) }
	overlap := func(list []string) bool {
		return slices.ContainsFunc(tags, func(t string) bool { return has(list, t) })
	}
	never := has(tags, "never")
	run := has(tags, "always") || has(only, "all") && !never || overlap(only) || has(only, "tagged") && tagged && !never
	if !run || len(skip) == 0 {
		return run
	}
	switch {
	case has(skip, "all"):
		return has(tags, "always") && !has(skip, "always")
	case overlap(skip):
		return false
	}
	return !(has(skip, "tagged") && tagged)
}
