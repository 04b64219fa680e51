package packages

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// scriptList prints what $3 (installed, available, upgrades, repos or a pattern) is; $2 are options.
const scriptList = `p=$1 o=$2 what=$3
case $p in dnf) q=yum;; *) q=dnf;; esac
command -v $p >/dev/null || p=$q
command -v $p >/dev/null || exit 127
f='%{name} %{epoch} %{version} %{release} %{arch} %{repoid}'
case $what in
repos) eval "$p -q $o repolist --enabled" | sed -n 's/^!*\([^ ]*\).*/\1/p';;
installed|available|upgrades) eval "$p -q $o repoquery --$what --qf \"\$f\"";;
*) eval "$p -q $o repoquery --installed --qf \"\$f\" \"\$what\"; $p -q $o repoquery --available --qf \"\$f\" \"\$what\"";;
esac`

// list tells of packages and changes nothing.
func (r *dnfRun) list(v state.View) (module.Change, error) {
	what := r.List
	switch what {
	case "updates":
		what = "upgrades"
	case "repositories":
		what = "repos"
	}
	g := module.Gathering(v)
	out := g.Output(scriptList, r.program, module.QuoteAll(r.options()...), what)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	switch out.RC {
	case 0:
	case 127:
		return module.Change{}, module.Fail(`Failed to find required executable "`+r.program+`" in paths of the host`, "rc", 127, "results", []string{})
	default:
		return module.Change{}, module.Fail(strings.TrimSpace(out.Stderr), "rc", out.RC, "results", []string{})
	}
	results := []value.Value{}
	for line := range strings.Lines(out.Stdout) {
		f := strings.Fields(line)
		switch {
		case what == "repos" && len(f) == 1 && f[0] != "repo":
			results = append(results, value.FromMap(value.M("repoid", f[0], "state", "enabled")))
		case len(f) == 6:
			nevra := f[1] + ":" + f[0] + "-" + f[2] + "-" + f[3] + "." + f[4]
			state := "available"
			if f[5] == "@System" {
				state = "installed"
			}
			results = append(results, value.FromMap(value.M("name", f[0], "epoch", f[1], "version", f[2], "release", f[3], "arch", f[4], "repo", f[5],
				"envra", nevra, "nevra", nevra, "yumstate", state)))
		}
	}
	return module.Change{Result: value.M("changed", false, "msg", "", "results", value.List(results...).MarkDeep(value.Unsafe))}, nil
}
