package module

import (
	"slices"
	"sort"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// refusal is what a task says whose arguments a module refuses: the first problem in the order in
// which Ansible looks for them (ModuleArgumentSpecValidator.validate), and all unknown names together.
func (d *decoder) refusal() error {
	var first *diag.Diagnostic
	for _, p := range d.problems {
		if !p.Warning && (first == nil || refusedAt(p) < refusedAt(first)) {
			first = p
		}
	}
	switch {
	case first == nil:
		return nil
	case first.Code != "unknown-argument" || d.spec.Controls:
		return diag.List{first}
	}
	said := *first
	names := slices.Clone(d.unknown)
	sort.Strings(names)
	said.Msg = "Unsupported parameters for (" + d.spec.Name + ") module: " + strings.Join(names, ", ") + ". " + supported(d.spec.Args)
	return diag.List{&said}
}

// refusedAt is the place of a problem in Ansible's order: combinations, missing arguments, types, choices, the
// other rules, what is wrong in a dict of options, unknown names.
func refusedAt(p *diag.Diagnostic) int {
	if p.Code != "unknown-argument" && (strings.Contains(p.Msg, " found in ") || strings.HasPrefix(p.Msg, "argument '") && strings.Contains(strings.SplitN(p.Msg, "'", 3)[1], ".")) {
		return 6
	}
	switch p.Code {
	case "exclusive-arguments":
		return 0
	case "missing-argument":
		if strings.HasPrefix(p.Msg, "missing required arguments") {
			return 1
		}
		return 4
	case "bad-choice":
		return 3
	case "unknown-argument":
		return 7
	}
	return 2
}
