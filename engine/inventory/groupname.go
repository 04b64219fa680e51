package inventory

import (
	"strings"
	"unicode"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// plainName is a name of a group with _ in place of what could not stand in the
// name of a variable (ansible-core's to_safe_group_name).
func plainName(name string) string {
	first := true
	return strings.Map(func(r rune) rune {
		ok := r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) && !first
		first = false
		if !ok {
			return '_'
		}
		return r
	}, name)
}

// groupName is the name that a group gets by Rules.GroupNames.
func (inv *Inventory) groupName(name string) string {
	if how := inv.rules.GroupNames; how != "always" && how != "silently" {
		return name
	}
	plain := plainName(name)
	inv.renamed = inv.renamed || plain != name
	return plain
}

// warnOfNames tells once that names of groups are not as they should be, in
// Ansible's words.
func (inv *Inventory) warnOfNames() {
	const found = "Invalid characters were found in group names "
	switch inv.rules.GroupNames {
	case "always":
		if inv.renamed {
			inv.opts.Warning(diag.Errorf(diag.Pos{}, "group-name", found+"and automatically replaced by _"))
		}
	case "never":
		for _, g := range inv.gorder {
			if plainName(g.Name) != g.Name {
				inv.opts.Warning(diag.Errorf(g.Pos, "group-name", found+"but not replaced: %s", g.Name))
				return
			}
		}
	}
}
