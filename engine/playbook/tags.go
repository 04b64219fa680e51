package playbook

import "slices"

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
