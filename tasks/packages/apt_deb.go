package packages

import (
	"path"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// scriptDeb prints for each .deb file what it holds, what of it is installed,
// and what else APT would install for it: "deb NAME VERSION ARCH INSTALLED",
// "dep NAME", "no REASON".
const scriptDeb = scriptFetch + `u=$1; shift
for f do
case $f in *://*) t=$(mktemp -d) || exit; trap 'rm -rf "$t"' EXIT; fetch "$f" "$t/$u" || exit 126; f=$t/$u;; esac
[ -r "$f" ] || { printf 'no E:Could not open file %s - open (2: No such file or directory)\n' "$f"; continue; }
x=$(dpkg-deb -W --showformat='${Package} ${Version} ${Architecture}' "$f" 2>&1) || { printf 'no %s\n' "$x"; continue; }
n=${x%% *}; i=$(dpkg-query -W -f '${db:Status-Status} ${Version}\n' "$n" 2>/dev/null | sed -n 's/^installed //p' | head -n 1)
printf 'deb %s %s\n' "$x" "$i"
case $f in /*) ;; *) f=./$f;; esac
apt-get -s -q install --allow-downgrades "$f" 2>&1 | while read -r w p z; do
case $w in Inst) [ "$p" = "$n" ] || [ "${p%%:*}" = "$n" ] || printf 'dep %s\n' "$p";; esac
case $p in :|Depends:) printf 'why %s %s\n' "$p" "$z";; esac
done
apt-get -s -q install --allow-downgrades "$f" >/dev/null 2>&1 || printf 'bad\n'
done`

// deb plans installing package files.
func (r *aptRun) deb(g *module.Gather) (module.Change, error) {
	var files []string
	for f := range strings.SplitSeq(r.Deb, ",") {
		if !strings.Contains(f, "://") {
			f = g.Path(f)
		}
		files = append(files, f)
	}
	url := len(files) == 1 && strings.Contains(files[0], "://")
	name := path.Base(strings.SplitN(files[0], "?", 2)[0])
	out := g.Output(scriptDeb, append([]string{name}, files...)...)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if out.RC == 126 {
		return module.Change{}, module.Fail("Failure downloading " + files[0] + ", " + strings.TrimSpace(out.Stderr))
	}
	todo, deps, err := r.debs(files, out.Stdout)
	if err != nil {
		return module.Change{}, err
	}
	if len(todo) == 0 {
		return module.Change{Result: value.M("changed", false, "stdout", "", "stderr", "", "diff", "")}, nil
	}
	return r.installDebs(todo, deps, url, name), nil
}

// debs reads what was said of each file: those to install, and what they need.
func (r *aptRun) debs(files []string, said string) (todo, deps []string, err error) {
	at, skip, why := -1, false, ""
	for line := range strings.Lines(said) {
		word, rest, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		switch word {
		case "no":
			return nil, nil, module.Fail("Unable to install package: " + rest)
		case "deb":
			at, why = at+1, ""
			f := strings.Fields(rest)
			skip = len(f) > 3 && CompareVersions(f[1], f[3]) == 0
			if skip || at >= len(files) || len(f) < 3 {
				continue
			}
			if len(f) > 3 && CompareVersions(f[1], f[3]) < 0 && !r.Force && !r.Downgrade {
				return nil, nil, module.Fail("A later version is already installed")
			}
			todo = append(todo, files[at])
		case "dep":
			if !skip {
				deps = append(deps, rest)
			}
		case "why":
			if _, dep, ok := strings.Cut(rest, "Depends: "); ok && why == "" {
				why, _, _ = strings.Cut(dep, " but ")
			}
		case "bad":
			if !skip && !r.Force {
				return nil, nil, module.Fail("Dependency is not satisfiable: " + orElse(why, "see apt-get install "+files[max(at, 0)]) + "\n")
			}
		}
	}
	return todo, deps, nil
}

// installDebs installs first what the files need, then the files.
func (r *aptRun) installDebs(todo, deps []string, url bool, name string) module.Change {
	var cmds []state.Exec
	if len(deps) > 0 {
		words := append([]string{r.lock(), "-y"}, r.dpkg()...)
		words = append(words, flags(r.NoRemove, "--no-remove")...)
		words = append(append(append(words, "install"), module.QuoteAll(deps...)), r.installTail()...)
		cmds = append(cmds, state.Exec{Shell: r.policy(strings.Join(words, " ") + " && apt-mark manual " + module.QuoteAll(deps...) + " >/dev/null"), Shown: "apt-get install " + strings.Join(deps, " "), Env: aptEnv})
	}
	options := []string{"dpkg"}
	for o := range strings.SplitSeq(r.DpkgOptions, ",") {
		if o != "" {
			options = append(options, "--"+o)
		}
	}
	options = append(options, flags(r.Force, "--force-all")...)
	cmd := strings.Join(append(append(options, "-i"), todo...), " ")
	run := module.QuoteAll(append(append(options, "-i"), todo...)...)
	if url {
		run = scriptFetch + `t=$(mktemp -d) || exit; fetch ` + quote(todo[0]) + ` "$t"/` + quote(name) + ` && ` + module.QuoteAll(append(options, "-i")...) + ` "$t"/` + quote(name) + `; r=$?; rm -rf "$t"; exit $r`
	}
	cmds = append(cmds, state.Exec{Shell: r.policy(run), Shown: cmd, Env: aptEnv})
	c := module.Change{Result: value.M("changed", true, "stdout", module.Later(), "stderr", module.Later())}
	return module.Steps(cmds, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		var stdout, stderr []byte
		for _, d := range did {
			stdout, stderr = append(stdout, d.Stdout...), append(stderr, d.Stderr...)
		}
		if d := did[len(did)-1]; d.RC != 0 {
			failed := cmds[len(did)-1].Shown + " failed"
			return module.Change{}, module.Fail(failed, "stdout", text(stdout), "stderr", text(stderr), "rc", d.RC)
		}
		return module.Change{Result: value.M("changed", true, "stdout", text(stdout), "stderr", text(stderr)), Diff: r.prepared(stdout)}, nil
	})
}
