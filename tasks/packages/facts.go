package packages

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type packageFactsArgs struct {
	Manager  []string `arg:"manager"`
	Strategy string   `arg:"strategy"`
}

// PackageFacts lists the packages of a host.
func PackageFacts() module.Module {
	return module.New(module.Spec{
		Name:    "package_facts",
		Summary: "Lists a host's packages as facts",
		Doc:     `Sets the fact packages: a dict from a package's name to a list of its versions, each with name, version, source and what else the manager tells (arch, release, epoch, category, origin).`,
		Args: []module.Arg{
			{Name: "manager", Type: module.List, Elem: module.Str, Default: []string{"auto"}, Doc: "The managers to ask: apt, rpm, apk, pacman, pkg, pkg_info, portage; auto is any."},
			{Name: "strategy", Choices: []string{"first", "all"}, Default: "first", Doc: "Only the first one that the host has, or all of them."},
		},
		Order:    [][]string{{"ansible_facts"}},
		Returns:  []module.Return{{Name: "ansible_facts", Type: "dict", When: "always", Doc: "The dict packages."}},
		Examples: "- package_facts:\n- debug: var=ansible_facts.packages.openssl[0].version\n",
		Traits:   module.Traits{Reach: state.ReachNone, Reads: true, Facts: []string{"packages"}},
	}, planPackageFacts)
}

// lister is how one manager's packages are listed; fields name the columns of
// a line, separated by tabs.
type lister struct {
	name, script string
	read         func(l string, add func(name string, p *value.Map))
	fields       []string
}

// scriptAptList prints the installed packages, then where each version that is
// installed comes from: the first source behind it that apt-cache policy shows.
const scriptAptList = `command -v dpkg-query >/dev/null || exit 127
a=$(dpkg --print-architecture)
dpkg-query -W -f '${db:Status-Status}\t${Package}\t${Architecture}\t${Version}\t${Section}\n' | while IFS='	' read -r s p r v c; do
[ "$s" = installed ] || continue
case $r in "$a"|all) ;; *) p=$p:$r;; esac
printf 'p\t%s\t%s\t%s\t%s\n' "$p" "$v" "$r" "$c"
done
command -v apt-cache >/dev/null || exit 0
apt-cache policy | awk '/^ *-?[0-9]+ /{k=$2" "$3" "$4; next} /^ *release /{o=""; n=split(substr($0,index($0,"release ")+8),f,","); for(i=1;i<=n;i++) if(f[i]~/^o=/) o=substr(f[i],3); print "o\t" k "\t" o}'
dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' | sed -n 's/^installed //p' | xargs apt-cache policy 2>/dev/null | awk '/^[^ ].*:$/{n=substr($0,1,length($0)-1)} /^ \*\*\* /{w=1; next} w&&/^     +-?[0-9]+ /{print "f\t" n "\t" $2" "$3" "$4; w=0}'
:`

var listers = []lister{
	{name: "apt", script: scriptAptList},
	{name: "rpm", script: `command -v rpm >/dev/null || exit 127; rpm -qa --qf '%{NAME}\t%{VERSION}\t%{RELEASE}\t%{EPOCH}\t%{ARCH}\n'`, fields: []string{"name", "version", "release", "epoch", "arch"}},
	{name: "apk", script: "command -v apk >/dev/null || exit 127; apk info -v", read: byDashes("name", "version", "release")},
	{name: "pacman", script: `command -v pacman >/dev/null || exit 127; pacman -Qi | awk -F ' : ' '/^Name /{n=$2} /^Version /{v=$2} /^Architecture /{a=$2} /^$/{if(n!="")print n "\t" v "\t" a; n=""} END{if(n!="")print n "\t" v "\t" a}'`, fields: []string{"name", "version", "arch"}},
	{name: "portage", script: "command -v qlist >/dev/null || exit 127; qlist -Iv | xargs -n 1024 qatom", read: func(l string, add func(string, *value.Map)) {
		m := value.NewMap()
		for i, f := range strings.Fields(l) {
			if names := []string{"category", "name", "version", "ebuild_revision", "slots", "prefixes", "sufixes"}; i < len(names) {
				m.Set(names[i], value.String(f))
			}
		}
		if name, ok := m.Get("name"); ok {
			add(name.Str(), m)
		}
	}},
	{name: "pkg", script: `command -v pkg >/dev/null || exit 127; pkg query '%n	%v	%R	%q	%o'`, fields: []string{"name", "version", "origin", "arch", "category"}},
	{name: "pkg_info", script: "command -v pkg_info >/dev/null || exit 127; pkg_info -a | sed 's/[ 	].*//'", read: byDashes("name", "version")},
}

// byDashes reads a line whose last parts are separated by dashes.
func byDashes(keys ...string) func(string, func(string, *value.Map)) {
	return func(l string, add func(string, *value.Map)) {
		parts := strings.Split(l, "-")
		n := len(parts) - len(keys) + 1
		m := value.M("name", l)
		for _, k := range keys[1:] {
			m.Set(k, value.String(""))
		}
		if n > 0 {
			m.Set("name", value.String(strings.Join(parts[:n], "-")))
			for i, k := range keys[1:] {
				m.Set(k, value.String(parts[n+i]))
			}
		}
		name, _ := m.Get("name")
		add(name.Str(), m)
	}
}

// packagePaths are where package managers note what is installed.
var packagePaths = []string{"/var/lib/dpkg", "/var/lib/rpm", "/usr/lib/sysimage", "/lib/apk", "/usr/lib/apk", "/var/lib/pacman", "/var/db", "/etc/apk", "/etc/dpkg", "/etc/rpm"}

func planPackageFacts(a packageFactsArgs, _ module.Inputs, v state.View) (module.Change, error) {
	order, err := a.order()
	if err != nil {
		return module.Change{}, err
	}
	g := module.Gathering(v)
	packages := value.NewMap()
	found := 0
	for _, name := range order {
		l := listers[slices.IndexFunc(listers, func(l lister) bool { return l.name == name })]
		out := g.OutputUnder(packagePaths, l.script)
		if c, missing, err := g.Missing(); missing {
			return c, err
		}
		if out.RC != 0 {
			continue
		}
		l.list(out.Stdout, packages)
		if found++; a.Strategy == "first" {
			break
		}
	}
	if found == 0 {
		return module.Change{}, module.Fail("Could not detect a supported package manager from the following list: " + value.Strings(order...).Repr() +
			", or the required Python library is not installed. Check warnings for details.")
	}
	facts := value.FromMap(value.M("packages", packages)).MarkDeep(value.Unsafe).Map()
	c := module.OK("ansible_facts", facts)
	c.Do = []module.Directive{module.SetFacts{Facts: facts, Plain: true}}
	return c, nil
}

// order are the managers to ask, in order.
func (a packageFactsArgs) order() ([]string, error) {
	var out, unknown []string
	auto := false
	add := func(name string) {
		switch {
		case slices.Contains(out, name):
		case !slices.ContainsFunc(listers, func(l lister) bool { return l.name == name }):
			unknown = append(unknown, name)
		default:
			out = append(out, name)
		}
	}
	for _, name := range a.Manager {
		if name = strings.ToLower(name); name == "auto" {
			auto = true
			continue
		}
		add(name)
	}
	if len(unknown) > 0 && auto {
		return nil, module.Fail("Could not auto detect a usable package manager, check warnings for details.")
	}
	if len(unknown) > 0 {
		return nil, module.Fail("Unsupported package managers requested: " + strings.Join(unknown, ", "))
	}
	if auto {
		for _, l := range listers {
			add(l.name)
		}
	}
	return out, nil
}

// list reads what a manager printed; packages of a manager asked later take
// the place of those of one before it.
func (l lister) list(text string, packages *value.Map) {
	own := map[string][]value.Value{}
	add := func(name string, p *value.Map) {
		p.Set("source", value.String(l.name))
		own[name] = append(own[name], value.FromMap(p))
		packages.Set(name, value.List(own[name]...))
	}
	if l.name == "apt" {
		aptList(text, add)
		return
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if line == "" {
			continue
		}
		if l.read != nil {
			l.read(line, add)
			continue
		}
		m := value.NewMap()
		for i, f := range strings.Split(line, "\t") {
			if i < len(l.fields) {
				m.Set(l.fields[i], columnOf(l.fields[i], f))
			}
		}
		name, _ := m.Get("name")
		add(name.Str(), m)
	}
}

// columnOf is the value of a column: rpm's epoch is a number, or nothing.
func columnOf(field, text string) value.Value {
	if field != "epoch" {
		return value.String(text)
	}
	n, ok := int64(0), text != "" && text != "(none)"
	for _, r := range text {
		if r < '0' || r > '9' {
			ok = false
			break
		}
		n = n*10 + int64(r-'0')
	}
	if !ok {
		return value.Null
	}
	return value.Int(n)
}

// aptList reads dpkg's packages with the origins that APT knows.
func aptList(text string, add func(string, *value.Map)) {
	origins, from := map[string]string{}, map[string]string{}
	var rows [][]string
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		switch {
		case f[0] == "p" && len(f) == 5:
			rows = append(rows, f)
		case f[0] == "o" && len(f) == 3:
			origins[f[1]] = f[2]
		case f[0] == "f" && len(f) == 3:
			from[f[1]] = f[2]
		}
	}
	for _, f := range rows {
		add(f[1], value.M("name", f[1], "version", f[2], "arch", f[3], "category", f[4], "origin", origins[from[f[1]]]))
	}
}
