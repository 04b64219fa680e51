package probe

import (
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// DefaultFactPath is where a host keeps facts of its own.
const DefaultFactPath = "/etc/ansible/facts.d"

// facts puts a facts query. Its Families are names of families, or "all"; and
//
//	local=FOLDER    the host's own facts are read from there
//	subset:NAME     an element of Ansible's gather_subset: all, min, hardware, !network ...
//	only:NAME       of the subset, only what gives facts of that name; * ends a prefix
func facts(q state.Facts) (Script, Read) {
	chosen, factPath, err := choose(q.Families)
	if err != nil {
		return fails("%w", err)
	}
	s := Script{Text: scriptOf(chosen), Args: []string{factPath}}
	return s, func(res ScriptResult) (any, error) {
		r := parseRaw(res.Stdout)
		if res.RC != 0 || !r.done() {
			return nil, fmt.Errorf("gather facts: the script ended with %d: %s", res.RC, strings.TrimSpace(string(res.Stderr)))
		}
		out := value.NewMap()
		for _, f := range chosen {
			f.parse(r, out)
		}
		return value.FromMap(out).MarkDeep(value.Unsafe).Map(), nil
	}
}

// done tells whether the script came to its end.
func (r *raw) done() bool {
	_, ok := r.sections["end"]
	return ok
}

// choose resolves the names of families, in table order.
func choose(names string) (chosen []*family, factPath string, err error) {
	factPath = DefaultFactPath
	want := map[string]bool{}
	var subset, only []string
	for name := range strings.SplitSeq(names, ",") {
		if p, ok := strings.CutPrefix(name, "local="); ok {
			factPath = p
			continue
		}
		if s, ok := strings.CutPrefix(name, "subset:"); ok {
			subset = append(subset, s)
			continue
		}
		if s, ok := strings.CutPrefix(name, "only:"); ok {
			only = append(only, s)
			continue
		}
		if name != "" && name != All && familyNamed(name) == nil {
			return nil, "", fmt.Errorf("gather facts: there is no family %q", name)
		}
		want[name] = true
	}
	if subset != nil {
		list, err := Subset(subset)
		if err != nil {
			return nil, "", err
		}
		add(want, strings.Split(list, ",")...)
	}
	for _, f := range families {
		if (want[All] || want[f.name]) && f.wanted(only) {
			chosen = append(chosen, f)
		}
	}
	return chosen, factPath, nil
}

// wanted tells whether the family gives facts of one of the names, or names
// are not asked.
func (f *family) wanted(only []string) bool {
	for _, n := range only {
		if set(familiesOf(n))[f.name] || set(familiesOf(n))[All] {
			return true
		}
	}
	return len(only) == 0
}

// scriptOf writes the one script for families and those they use.
func scriptOf(chosen []*family) string {
	var files, exists, dirs, scripts []string
	seen := map[string]bool{}
	once := func(list []string, words ...string) []string {
		for _, w := range words {
			if w != "" && !seen[w] {
				seen[w] = true
				list = append(list, w)
			}
		}
		return list
	}
	take := func(f *family) {
		files = once(files, strings.Fields(f.files)...)
		for _, p := range strings.Fields(f.exists) {
			exists = once(exists, p+" ") // the same path may also be a file to read
		}
		dirs = once(dirs, strings.Fields(f.dirs)...)
		for fragment := range strings.SplitSeq(f.script, scriptCut) {
			scripts = once(scripts, fragment)
		}
	}
	for _, f := range chosen {
		for _, name := range strings.Fields(f.uses) {
			take(familyNamed(name))
		}
		take(f)
	}
	var b strings.Builder
	b.WriteString("fact_path=$1\n")
	if len(exists) > 0 {
		fmt.Fprintf(&b, "for p in %s; do [ -e \"$p\" ] && printf '+%%s\\n' \"$p\"; done\n", strings.Join(exists, ""))
	}
	if len(dirs) > 0 {
		fmt.Fprintf(&b, "for p in %s; do [ -d \"$p\" ] && cd -P \"$p\" 2>/dev/null && printf '=%%s %%s\\n' \"$p\" \"$PWD\"; done\ncd /\n",
			strings.Join(dirs, " "))
	}
	if len(files) > 0 {
		fmt.Fprintf(&b, "set -- %s\n%s\n", strings.Join(files, " "), scriptRead)
	}
	for _, s := range scripts {
		b.WriteString(s + "\n")
	}
	b.WriteString("printf '\\n@fairlead end\\n'\n")
	return b.String()
}

// scriptCut separates fragments of a script that more than one family uses.
const scriptCut = "\n#\n"

// scriptRead prints the files "$@" with their names before each line.
const scriptRead = `if command -v grep >/dev/null; then
grep -asH '' "$@" 2>/dev/null
else
for p do [ -f "$p" ] && [ -r "$p" ] && while IFS= read -r l || [ -n "$l" ]; do printf '%s:%s\n' "$p" "$l"; done <"$p"; done 2>/dev/null
fi`
