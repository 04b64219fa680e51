package packages

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
)

// scriptForecast says what a call ($2 and on) would do, without doing it, and behind
// it which packages ($1 is the folder of the system) the newer or older ones replace.
// It returns 99 where there is no such system yet: the program would begin to make it.
const scriptForecast = `root=$1; shift
[ "$root" = / ] || [ -e "$root$(rpm --eval %_dbpath)" ] || exit 99
out=$("$@" --assumeno) || rc=$?
printf '%s\n' "$out"
old=$(printf '%s\n' "$out" | awk '/^(Up|Down)grading:/ { on = 1; next } !/^ / { on = 0 } on && !/^  / { print $1 }')
[ -z "$old" ] || for n in $old; do rpm --root "$root" -q --qf '@old %{NAME}-%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}.%{ARCH}\n' "$n"; done
exit ${rc:-0}`

// forecast is what a call about specs would install and remove, as the original
// tells it; nil where that cannot be known.
func (r *dnfRun) forecast(g *module.Gather, cmd, specs []string) ([]string, module.Change, error) {
	out := g.Output(scriptForecast, append([]string{r.InstallRoot}, cmd...)...)
	if c, missing, err := g.Missing(); missing {
		return nil, c, err
	}
	if out.RC == 99 {
		return nil, module.Change{}, nil
	}
	if out.RC != 0 && !strings.Contains(out.Stderr, "Operation aborted.") && !strings.Contains(out.Stdout, "Operation aborted.") {
		return nil, module.Change{}, refusal(state.OpResult{RC: out.RC, Stdout: []byte(out.Stdout), Stderr: []byte(out.Stderr)}, specs)
	}
	return foreseen(out.Stdout), module.Change{}, nil
}

// foreseen reads the table of a transaction: a heading of what happens to packages,
// such as "Installing dependencies:", and a line of each (of two where the name is
// long): name, architecture, version, repository, size.
func foreseen(table string) []string {
	came, went, row := []string{}, []string{}, []string(nil)
	kind := ""
	for line := range strings.Lines(table) {
		line = strings.TrimRight(line, "\n")
		switch word, _, _ := strings.Cut(line, " "); {
		case word == "@old":
			went = append(went, "Removed: "+strings.TrimPrefix(line, "@old "))
		case line != "" && word != "":
			kind, row = strings.TrimSuffix(word, ":"), nil
		case kind == "Transaction":
		default:
			if row = append(row, strings.Fields(line)...); len(row) < 5 {
				continue
			}
			name := row[0] + "-" + strings.TrimPrefix(row[2], "0:") + "." + row[1]
			switch kind {
			case "Installing", "Upgrading", "Downgrading", "Reinstalling":
				came = append(came, "Installed: "+name)
			case "Removing":
				went = append(went, "Removed: "+name)
			}
			row = nil
		}
	}
	return slices.Concat(came, went)
}
