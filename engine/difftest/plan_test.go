package difftest

import (
	"fmt"
	"strings"
)

// comparePlan holds a plan against the run: nothing was touched, and what was
// predicted came about. What lies behind an effect is said to assume that the
// effect changes nothing, or to be unknown; there the plan may end elsewhere.
func comparePlan(c *testCase, before tree, plan, run *outcome) []string {
	var diffs []string
	for _, d := range compareTrees(before.told(c), plan.Tree.told(c)) {
		diffs = append(diffs, "a plan changed "+d)
	}
	if (len(plan.Results) == 0) != (len(run.Results) == 0) {
		diffs = append(diffs, fmt.Sprintf("a plan of %d results, a run of %d: %s", len(plan.Results), len(run.Results), tail(plan.Said)))
	}
	certain := true // nothing before this was unknown or an effect
	for _, h := range hostsOf(plan, run) {
		if !certain {
			break
		}
		diffs = append(diffs, comparePlanned(c, h, plan.ofHost(h), run.ofHost(h), &certain)...)
	}
	return diffs
}

func comparePlanned(c *testCase, host string, plan, run []result, certain *bool) []string {
	var diffs []string
	effects := false
	for i, p := range plan {
		effects = effects || p.Task == "effects"
		if p.Status == "unknown" || p.Assuming != "" {
			if *certain && c.planTells && !effects {
				diffs = append(diffs, fmt.Sprintf("%s: the plan does not know %s (result %d, assuming %q)", host, line(p), i+1, p.Assuming))
			}
			*certain = false
		}
		if !*certain {
			return diffs
		}
		if i >= len(run) {
			return append(diffs, fmt.Sprintf("%s: planned, and not run: %s", host, line(p)))
		}
		r := run[i]
		if isEffect[r.Module] && r.Status == "changed" || r.Module == "command" || r.Module == "shell" || r.Module == "raw" || r.Module == "script" {
			if r.Status == "failed" { // what other hosts do may depend on it
				*certain = false
			}
			return diffs
		}
		if p.Status == "changed" && (r.Status == "failed" || r.Status == "ignored") && strings.HasPrefix(r.Module, "docker_") {
			*certain = false // the engine refused, or a registry did: only trying tells
			return diffs
		}
		if p.Task != r.Task || p.Item != r.Item || p.Status != r.Status {
			return append(diffs, fmt.Sprintf("%s: planned %s\n     run %s\n     plan: %s\n     run:  %s", host, line(p), line(r), text(p.Value), text(r.Value)))
		}
		if !p.Item {
			planned, did := told(c, p), told(c, r)
			if !c.diffMode() { // a plan always has it
				delete(planned, "diff")
				delete(did, "diff")
			}
			diffs = append(diffs, compareValues(host+": planned "+line(p), did, planned)...)
		}
	}
	return diffs
}

// isEffect are modules whose changes are made at once and reach the whole host.
var isEffect = set("command", "shell", "raw", "script", "service", "systemd", "apt", "package")
