package packages

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// job is one call of apt-get.
type job struct {
	// options stand in front of the verb and its words, tail behind them.
	options, words, tail []string
	// manual are packages to mark as wanted for themselves.
	manual []string
	// changed tells from the output whether something changed; nil: always.
	changed func(stdout string) bool
	// fails begins the message of a failure; the command itself without it.
	fails string
	// msg registers the output as msg, too.
	msg   bool
	cache func(*value.Map)
}

// zero is what apt-get prints when it did nothing.
const zero = "\n0 upgraded, 0 newly installed, 0 to remove"

func didSomething(stdout string) bool { return !strings.Contains("\n"+stdout, zero) }

// lock is apt-get, waiting for whoever holds dpkg's lock.
func (r *aptRun) lock() string {
	return fmt.Sprintf("apt-get -o DPkg::Lock::Timeout=%d", r.LockTimeout)
}

// flags are options of apt-get that are asked for.
func flags(list ...any) (out []string) {
	for i := 0; i+1 < len(list); i += 2 {
		if list[i].(bool) {
			out = append(out, list[i+1].(string))
		}
	}
	return out
}

// dpkg are the options that are handed on to dpkg.
func (r *aptRun) dpkg() (out []string) {
	for o := range strings.SplitSeq(r.DpkgOptions, ",") {
		if o != "" {
			out = append(out, "-o", `"Dpkg::Options::=--`+strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(o)+`"`)
		}
	}
	return out
}

func (r *aptRun) release() []string {
	if r.DefaultRelease == "" {
		return nil
	}
	return []string{"-t", quote(r.DefaultRelease)}
}

func (r *aptRun) upgrade() job {
	j := job{changed: didSomething, msg: true, tail: r.release()}
	j.options = append(r.dpkg(), flags(r.Force, "--force-yes", r.NoRemove, "--no-remove", r.Unauthenticated, "--allow-unauthenticated", r.Downgrade, "--allow-downgrades")...)
	j.words = []string{"upgrade", "--with-new-pkgs"}
	if r.Upgrade == "dist" || r.Upgrade == "full" {
		j.words = []string{"dist-upgrade"}
	}
	j.words = append(j.words, flags(r.Autoremove, "--auto-remove")...)
	j.fails = "'apt-get " + strings.Join(j.words, " ") + "' failed: "
	return j
}

func (r *aptRun) cleanup(verb, sign string) job {
	return job{options: append(r.dpkg(), flags(r.Purge, "--purge", r.Force, "--force-yes")...), words: []string{verb},
		changed: func(stdout string) bool { return strings.Contains(stdout, sign) }, fails: "'apt-get " + verb + "' failed: "}
}

// installTail are the options that stand behind the packages.
func (r *aptRun) installTail() []string {
	out := r.release()
	if want, given := r.Recommends.Get(); given {
		out = append(out, "-o", "APT::Install-Recommends="+map[bool]string{true: "yes", false: "no"}[want])
	}
	return append(out, flags(r.Unauthenticated, "--allow-unauthenticated", r.Downgrade, "--allow-downgrades", r.Held, "--allow-change-held-packages")...)
}

func (r *aptRun) buildDep(specs []spec) job {
	j := job{changed: didSomething, tail: r.installTail()}
	j.options = append(r.dpkg(), flags(r.OnlyUpgrade, "--only-upgrade", r.Force, "--force-yes", r.NoRemove, "--no-remove")...)
	for _, s := range specs {
		j.words = append(j.words, quote(s.word()))
	}
	if len(j.words) > 0 {
		j.words = append([]string{"build-dep"}, j.words...)
	}
	return j
}

// install is the job for what must be installed, without words when all is
// there.
func (r *aptRun) install(info state.AptInfo, specs []spec) (job, error) {
	j := job{tail: r.installTail()}
	j.options = append(r.dpkg(), flags(r.OnlyUpgrade, "--only-upgrade", r.State == "fixed", "--fix-broken", r.Force, "--force-yes",
		r.Autoremove, "--auto-remove", r.NoRemove, "--no-remove")...)
	for _, s := range specs {
		p := info.Packages[s.name]
		switch {
		case s.glob && len(p.Versions) == 0:
			continue // nothing of its own: a pattern finds packages, not what they provide
		case !p.Known():
			return job{}, module.Fail("No package matching '" + s.name + "' is available")
		case p.Auto && p.Installed != "":
			j.manual = append(j.manual, s.name)
		}
		word, err := r.word(s, p, info)
		if err != nil {
			return job{}, err
		}
		if word != "" {
			j.words = append(j.words, quote(word))
		}
	}
	if len(j.words) > 0 {
		j.words = append([]string{"install"}, j.words...)
	}
	return j, nil
}

// word is what apt-get is told of one package, "" when it is as asked.
func (r *aptRun) word(s spec, p state.AptPackage, info state.AptInfo) (string, error) {
	if len(p.Providers) > 0 {
		// When the only one that provides it is installed, it is there; else
		// APT says which one it takes.
		if only := info.Packages[p.Providers[0]]; len(p.Providers) > 1 || only.Installed == "" {
			return flag(!r.OnlyUpgrade, s.name), nil
		} else {
			return r.word(spec{name: p.Providers[0], op: s.op, version: s.version}, only, info)
		}
	}
	installed := p.Installed != ""
	if !installed && r.OnlyUpgrade {
		return "", nil
	}
	best := p.Candidate
	if s.op == "=" {
		best = ""
		if i := slices.IndexFunc(p.Versions, s.matches); i >= 0 {
			best = p.Versions[i]
		}
	}
	fits, can := installed && s.matches(p.Installed), best
	if installed && (best == p.Installed || s.op == ">=" && !s.matches(best)) {
		can = ""
	}
	switch {
	case !fits && can == "":
		return "", module.Fail("no available installation candidate for " + s.word())
	case can != "" && (!fits || r.State == "latest"):
		return s.name + "=" + can, nil
	case can != "" && s.op == "=":
		return s.word(), nil
	}
	return "", nil
}

func flag(on bool, s string) string {
	if on {
		return s
	}
	return ""
}

// matches tells whether a version is as asked.
func (s spec) matches(v string) bool {
	switch s.op {
	case "=":
		ok, err := path.Match(strings.ReplaceAll(s.version, "[!", "[^"), v)
		return v != "" && (v == s.version || ok && err == nil)
	case ">=":
		return v != "" && CompareVersions(v, s.version) >= 0
	}
	return v != ""
}

// globRegexp writes a pattern of names as a basic regular expression.
func globRegexp(glob string) string {
	var b strings.Builder
	for i := 0; i < len(glob); i++ {
		switch c := glob[i]; c {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteByte('.')
		case '[':
			b.WriteByte('[')
			if i+1 < len(glob) && glob[i+1] == '!' {
				b.WriteByte('^')
				i++
			}
		case '.', '$', '^', '\\':
			b.WriteString(`\` + string(c))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// remove is the job for what must go.
func (r *aptRun) remove(info state.AptInfo, specs []spec) job {
	j := job{options: append([]string{"-q"}, append(r.dpkg(), flags(r.Purge, "--purge", r.Force, "--force-yes", r.Autoremove, "--auto-remove", r.Held, "--allow-change-held-packages")...)...)}
	for _, s := range specs {
		p := info.Packages[s.name]
		if p.Installed != "" && s.matches(p.Installed) || r.Purge && p.Configured {
			j.words = append(j.words, quote(s.word()))
		}
	}
	j.fails = "'apt-get remove " + strings.Join(j.words, " ") + "' failed: "
	if len(j.words) > 0 {
		j.words = append([]string{"remove"}, j.words...)
	}
	return j
}

// apply makes the change that does a job.
func (r *aptRun) apply(g *module.Gather, j job) (module.Change, error) {
	if len(j.words) == 0 {
		m := value.M("changed", false)
		if j.cache != nil {
			j.cache(m)
		}
		return r.mark(module.Change{Result: m}, j), nil
	}
	parts := append([]string{"-y"}, j.options...)
	cmd := strings.Join(append(append(parts, j.words...), j.tail...), " ")
	predicted := value.M("changed", true, "stdout", module.Later(), "stderr", module.Later())
	if j.changed != nil {
		predicted.Set("changed", module.Later())
	}
	if j.msg {
		predicted.Set("msg", module.Later())
	}
	if !r.in.Diff {
		predicted.Set("diff", value.FromMap(value.NewMap()))
	}
	if j.cache != nil {
		j.cache(predicted)
	}
	var shown state.Diff
	if r.in.Check {
		// apt-get itself tells what it would do, and whether it would fail.
		out := g.Output(`eval "apt-get --simulate $1"`, cmd)
		if c, missing, err := g.Missing(); missing {
			return c, err
		}
		if out.RC != 0 && !r.fetched {
			return module.Change{}, r.failed(j, cmd, out.RC, []byte(out.Stdout), []byte(out.Stderr))
		}
		if !r.fetched {
			predicted.Set("stdout", text([]byte(out.Stdout)))
			predicted.Set("stderr", text([]byte(out.Stderr)))
			if j.msg {
				predicted.Set("msg", text([]byte(out.Stdout)))
			}
			shown = r.prepared([]byte(out.Stdout))
			if j.changed != nil {
				predicted.Set("changed", value.Bool(j.changed(out.Stdout)))
				if !j.changed(out.Stdout) {
					if j.msg {
						predicted.Delete("diff")
					}
					return module.Change{Result: predicted}, nil
				}
			}
		}
	}
	op := state.Exec{Shell: r.policy(r.lock() + " " + cmd), Shown: "apt-get " + strings.Join(j.words, " "), Env: aptEnv}
	c := module.Change{Result: predicted, Diff: shown}
	return module.Steps([]state.Exec{op}, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		d := did[len(did)-1]
		if d.RC != 0 {
			return module.Change{}, r.failed(j, cmd, d.RC, d.Stdout, d.Stderr)
		}
		m := predicted.Clone()
		if j.changed != nil {
			m.Set("changed", value.Bool(j.changed(string(d.Stdout))))
			if j.msg && !j.changed(string(d.Stdout)) {
				m.Delete("diff")
			}
		}
		if j.msg {
			m.Set("msg", text(d.Stdout))
		}
		m.Set("stdout", text(d.Stdout))
		m.Set("stderr", text(d.Stderr))
		return r.mark(module.Change{Result: m, Diff: r.prepared(d.Stdout)}, j), nil
	}), nil
}

func (r *aptRun) failed(j job, cmd string, rc int, stdout, stderr []byte) *module.Failure {
	what := j.fails
	if what == "" {
		what = "'/usr/bin/apt-get " + cmd + "' failed: "
	}
	f := module.Fail(what+string(stderr), "rc", rc, "stdout", text(stdout))
	if !j.msg {
		f.Result.Set("stderr", text(stderr))
	}
	return f
}

// prepared is the part of the output that says what apt-get decided to do.
func (r *aptRun) prepared(stdout []byte) state.Diff {
	if !r.in.Diff {
		return nil
	}
	lines := strings.Split(strings.TrimRight(string(stdout), "\n"), "\n")
	from := slices.IndexFunc(lines, func(l string) bool { return l == "Reading state information..." }) + 1
	to := len(lines)
	if i := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, " upgraded, ") }); i >= from {
		to = i + 1
	}
	return state.Diff{{After: strings.Join(lines[from:to], "\n"), Prepared: true}}
}

// mark adds marking packages as wanted for themselves, which is no change.
func (r *aptRun) mark(c module.Change, j job) module.Change {
	if len(j.manual) == 0 {
		return c
	}
	end := c
	op := state.Exec{Argv: append([]string{"apt-mark", "manual"}, j.manual...), Env: aptEnv}
	return module.Steps([]state.Exec{op}, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if d := did[len(did)-1]; d.RC != 0 {
			return module.Change{}, module.Fail("'apt-mark manual "+strings.Join(j.manual, " ")+"' failed: "+string(d.Stderr), "rc", d.RC, "stdout", text(d.Stdout), "stderr", text(d.Stderr))
		}
		return end, nil
	})
}

// policy wraps a command so that policy-rc.d answers as asked meanwhile.
func (r *aptRun) policy(cmd string) string {
	code, given := r.PolicyRCD.Get()
	if !given {
		return cmd
	}
	return `p=/usr/sbin/policy-rc.d k=; [ -e $p ] && { k=$(mktemp -d) && mv $p "$k/" || { echo "Fail to move $p" >&2; exit 1; }; }
trap 'rm -f $p; [ -z "$k" ] || { mv "$k/policy-rc.d" $p && rmdir "$k"; }' EXIT
printf '#!/bin/sh\nexit %d\n' ` + strconv.Itoa(code) + ` >$p && chmod 755 $p || { echo "Failed to create or chmod $p" >&2; exit 1; }
` + cmd
}

func text(b []byte) value.Value { return value.String(string(b)).WithMarks(value.Unsafe) }

// quote writes s as one word of a shell.
func quote(s string) string { return module.Quote(s) }
