package packages

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type subversionArgs struct {
	Repo       string `arg:"repo"`
	Dest       string `arg:"dest"`
	Revision   string `arg:"revision"`
	Force      bool   `arg:"force"`
	InPlace    bool   `arg:"in_place"`
	Username   string `arg:"username"`
	Password   string `arg:"password"`
	Executable string `arg:"executable"`
	Checkout   bool   `arg:"checkout"`
	Update     bool   `arg:"update"`
	Export     bool   `arg:"export"`
	Switch     bool   `arg:"switch"`
	Validate   bool   `arg:"validate_certs"`
}

// Subversion is the module subversion.
func Subversion() module.Module {
	on := func(name, doc string, def bool) module.Arg {
		return module.Arg{Name: name, Type: module.Bool, Default: def, Doc: doc}
	}
	return module.New(module.Spec{
		Name:    "subversion",
		Summary: "Have a working copy or an export of a Subversion repository",
		Doc: `Checks out, switches, updates or exports with svn on the host. It asks the repository at every run,
in a dry run too. The password goes over the input of svn (1.10 and newer; an older one takes it among its arguments, and a warning says so).`,
		Args: []module.Arg{
			{Name: "repo", Aliases: []string{"name", "repository"}, Required: true, Doc: "The address of the repository."},
			{Name: "dest", Type: module.Path, Doc: "The folder; it may be left out with checkout, update and export off."},
			{Name: "revision", Aliases: []string{"rev", "version"}, Default: "HEAD", Doc: "The revision."},
			on("force", "Throw local changes away; without it they are a failure.", false),
			on("in_place", "Check out over a folder that is no working copy.", false),
			{Name: "username", Doc: "Who logs in."},
			{Name: "password", Secret: true, Doc: "The password for that."},
			{Name: "executable", Type: module.Path, Doc: "The program svn."},
			on("checkout", "With false nothing new is checked out.", true),
			on("update", "With false what is there stays as it is.", true),
			on("export", "The files alone, without what makes a working copy.", false),
			on("switch", "Make sure that the working copy is of this repository.", true),
			on("validate_certs", "With false svn takes certificates of unknown authorities.", false),
		},
		Returns: []module.Return{
			{Name: "before", Type: "list", When: "a working copy was there", Doc: "What svn says of its revision and address; in a dry run of its revision alone."},
			{Name: "after", Type: "list", When: "not with export", Doc: "The same afterwards; the revision alone in a dry run, and where nothing is checked out."},
		},
		Examples: "- subversion: {repo: 'https://svn.example.org/app/trunk', dest: /srv/app, revision: 1204}\n",
		Traits:   module.Traits{Reach: state.ReachExternal},
	}, planSubversion)
}

func planSubversion(a subversionArgs, in module.Inputs, v state.View) (module.Change, error) {
	if a.Dest == "" && (a.Checkout || a.Update || a.Export) {
		return module.Change{}, module.Fail("the destination directory must be specified unless checkout=no, update=no, and export=no")
	}
	g := module.Gathering(v)
	for _, p := range []*string{&a.Dest, &a.Executable} {
		if *p != "" {
			*p = g.Path(*p)
		}
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	predicted := value.M("changed", module.Later(), "before", module.Later(), "after", module.Later())
	if a.Export {
		predicted = value.M("changed", true)
	}
	looks := !a.Export && !a.Update && !a.Checkout
	if in.Check || looks {
		return module.Look(a.exec(true), predicted, func(_ state.View, r state.OpResult) (module.Change, error) {
			c, err := a.end(r)
			if err != nil || looks {
				return c, err
			}
			if changed, _ := c.Result.Get("changed"); changed.Truthy() {
				c.Ops = []state.Op{a.exec(false)}
			}
			return c, nil
		}), nil
	}
	return module.Steps([]state.Exec{a.exec(false)}, module.Change{Result: predicted}, func(_ state.View, did []state.OpResult) (module.Change, error) {
		return a.end(did[0])
	}), nil
}

// exec runs scriptSubversion with its variables in front.
func (a subversionArgs) exec(check bool) state.Exec {
	set := func(on bool) string { return flag(on, "1") }
	var b strings.Builder
	for _, x := range [][2]string{{"svn", orElse(a.Executable, "svn")}, {"repo", a.Repo}, {"dest", a.Dest}, {"revision", a.Revision}, {"username", a.Username},
		{"force", set(a.Force)}, {"in_place", set(a.InPlace)}, {"checkout", set(a.Checkout)}, {"update", set(a.Update)}, {"export", set(a.Export)},
		{"switch", set(a.Switch)}, {"trust", set(!a.Validate)}, {"check", set(check)}} {
		b.WriteString(x[0] + "=" + quote(x[1]) + "\n")
	}
	return state.Exec{Shell: b.String() + scriptSubversion, Shown: "svn " + a.Repo + " " + a.Dest, Stdin: []byte(a.Password + "\n"), HasStdin: true}
}

// revisionNumber is the number in what svn says of a revision.
var revisionNumber = lazyregexp.New(`[0-9]+$`)

// end makes the result of what the script told.
func (a subversionArgs) end(r state.OpResult) (module.Change, error) {
	m := said(string(r.Stdout))
	if f := toldFailure(m); f != nil {
		return module.Change{}, f
	}
	if m["end"] == "" {
		return module.Change{}, module.Fail(orElse(strings.TrimSpace(string(r.Stderr)), "svn ended with "+strconv.Itoa(r.RC)), "rc", r.RC)
	}
	res := value.M("changed", m["end"] == "changed")
	c := module.Change{Result: res}
	if w, warns := m["warn"]; warns {
		c.Warnings = []string{w}
	}
	info := func(when string) value.Value {
		rev := orElse(m[when+"_rev"], orElse(m["unknown"], "Unable to get revision"))
		if url, whole := m[when+"_url"]; whole {
			return value.List(text([]byte(rev)), text([]byte(orElse(url, "Unable to get URL"))))
		}
		return text([]byte(rev))
	}
	if _, told := m["before_rev"]; told {
		res.Set("before", info("before"))
	} else if m["new"] != "" {
		res.Set("before", value.Null)
	}
	if _, told := m["after_rev"]; told {
		res.Set("after", info("after"))
	}
	if m["compare"] != "" { // a dry run: is what is there older than what is asked for?
		var n [2]int
		for i, when := range []string{"before_rev", "after_rev"} {
			var err error
			if n[i], err = strconv.Atoi(revisionNumber().FindString(m[when])); err != nil {
				return module.Change{}, module.Fail(fmt.Sprintf("svn tells no revision of %s", a.Dest))
			}
		}
		res.Set("changed", value.Bool(n[0] < n[1]))
	}
	return c, nil
}

// scriptSubversion does the work on the host. It reads the variables that
// (subversionArgs).exec sets in front of it and the password from its input, and
// tells as scriptGit does: end (changed or same), new, compare, before_rev and
// after_rev with before_url and after_url.
const scriptSubversion = `set -f
IFS= read -r password
` + scriptTell + `LANG=C LC_MESSAGES=C LC_ALL=C; export LANG LC_MESSAGES LC_ALL
case $svn in
*/*) ;;
*) svn=$(PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin command -v "$svn") || { say plain 'Failed to find required executable "svn" in paths of the host'; exit 0; };;
esac
input=
if [ -n "$password" ]; then
input=1
case $("$svn" --version --quiet) in 0.*|1.[0-9]|1.[0-9].*) input=
say warn 'The authentication provided will be used on the svn command line and is not secure. To securely pass credentials, upgrade svn to version 1.10.0 or greater.';; esac
fi
s() {
if [ -z "$password" ]; then :; elif [ -n "$input" ]; then set -- --password-from-stdin "$@"; else set -- --password "$password" "$@"; fi
[ -z "$username" ] || set -- --username "$username" "$@"
[ -z "$trust" ] || set -- --trust-server-cert "$@"
set -- --non-interactive --no-auth-cache "$@"
ran="$svn $*"
[ -x "$svn" ] || { say rc 2; say run "$ran"; say out 0; say err 0; exit 0; }
printf %s "$password" | "$svn" "$@" >"$T/o" 2>"$T/e"; }
must() { s "$@" || die run "$ran"; }
first() { sed -n "/$1/{p;q;}" "$T/o"; }
rev() { say "$1_rev" "$(first '^[[:alnum:]_]\{1,\}[[:space:]]\{0,1\}:[[:space:]]\{1,\}[0-9]\{1,\}$')"; }
info() { must info "$dest"; rev "$1"; say "$1_url" "$(first '^URL[[:space:]]\{0,1\}:')"; }
mods() { must status --quiet --ignore-externals "$dest"; grep -q '^[^?X]' "$T/o"; }
touched() { grep -q '^[ABDUCGE][[:space:]]' "$T/o"; }
refuse() { false || die plain "$1"; }
if [ -z "$export$update$checkout" ]; then must info "$repo"; say unknown 'Unable to get remote revision'; rev after; say end same; exit 0; fi
end=same
if [ -n "$export" ] || [ ! -e "$dest" ]; then
if [ -n "$check" ]; then say end changed; exit 0; fi
if [ -z "$export$checkout" ]; then say end same; exit 0; fi
if [ -n "$export" ]; then must export ${force:+--force} -r "$revision" "$repo" "$dest"; say end changed; exit 0; fi
must checkout -r "$revision" "$repo" "$dest"; say new 1; end=changed
elif s info "$dest"; then
if [ -z "$update" ]; then say end same; exit 0; fi
local=; ! mods || local=1
if [ -n "$check" ]; then
[ -z "$local" ] || [ -n "$force" ] || refuse 'ERROR: modified files exist in the repository.'
must info "$dest"; rev before; must info -r "$revision" "$dest"; rev after; say compare 1; say end same; exit 0
fi
info before
if [ -n "$switch" ]; then must switch --revision "$revision" "$repo" "$dest"; ! touched || end=changed; fi
if [ -n "$local" ]; then
[ -n "$force" ] || refuse 'ERROR: modified files exist in the repository.'
must revert -R "$dest"; end=changed
fi
must update -r "$revision" "$dest"; ! touched || end=changed
elif [ -n "$in_place" ]; then
if [ -n "$check" ]; then say end changed; exit 0; fi
must checkout --force -r "$revision" "$repo" "$dest"; say new 1; end=changed
if mods && [ -n "$force" ]; then must revert -R "$dest"; fi
else refuse "ERROR: $dest folder already exists, but its not a subversion repository."
fi
info after
say end $end`
