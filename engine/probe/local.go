package probe

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/fairlead-project/fairlead/engine/value"
)

// scriptLocal prints the host's own facts: each line behind a bar, so that
// nothing in them can be taken for anything else, then how a program ended.
const scriptLocal = `printf '@fairlead local\n'
for p in "$fact_path"/*.fact; do [ -e "$p" ] || [ -h "$p" ] || continue
printf 'F%s\n' "$p"
if [ ! -e "$p" ]; then echo X
elif [ -x "$p" ] && [ ! -d "$p" ]; then
{ "$p" </dev/null 2>/dev/null; printf '\nR%s' $?; } | sed 's/^/|/'; echo
elif [ -r "$p" ]; then
while IFS= read -r l || [ -n "$l" ]; do printf '|%s\n' "$l"; done <"$p"
fi; done`

func localFacts(r *raw, out *value.Map) {
	local := value.NewMap()
	var name, file string
	var text []string
	lost := false
	end := func() {
		switch {
		case lost:
			local.Set(name, value.String(fmt.Sprintf("Could not stat fact (%s): [Errno 2] No such file or directory: '%s'", file, file)))
		case file != "":
			local.Set(name, localFact(file, text))
		}
		lost = false
	}
	for _, l := range r.sections["local"] {
		if p, ok := strings.CutPrefix(l, "F"); ok {
			end()
			file, name, text = p, strings.ReplaceAll(path.Base(p), ".fact", ""), nil
		} else if t, ok := strings.CutPrefix(l, "|"); ok {
			text = append(text, t)
		} else if l == "X" { // a link to nothing
			lost = true
		}
	}
	end()
	out.Set("local", value.FromMap(local))
}

// localFact reads one fact: JSON, else sections of an INI file. What is wrong
// with it becomes the fact itself, as people of Ansible know it.
func localFact(file string, lines []string) value.Value {
	if n := len(lines); n > 0 && strings.HasPrefix(lines[n-1], "R") {
		if rc, err := strconv.Atoi(lines[n-1][1:]); err == nil {
			lines = lines[:n-1]
			if rc != 0 {
				return value.String(fmt.Sprintf("Failure executing fact script (%s), rc: %d, err: ", file, rc))
			}
		}
	}
	text := strings.Join(lines, "\n")
	if !utf8.ValidString(text) {
		return value.String(fmt.Sprintf("error loading fact - output of running %q was not utf-8", file))
	}
	if v, err := value.ParseJSON([]byte(text)); err == nil {
		return v
	}
	if m, ok := ini(lines); ok {
		return value.FromMap(m)
	}
	return value.String("error loading facts as JSON or ini - please check content: " + file)
}

// ini reads an INI file as Python's configparser does in its defaults: names in
// lower case, "=" or ":" between name and value, indented lines continue.
func ini(lines []string) (*value.Map, bool) {
	out, defaults := value.NewMap(), value.NewMap()
	var section *value.Map
	key := ""
	for _, l := range lines {
		t := strings.TrimSpace(l)
		switch {
		case t == "" || t[0] == '#' || t[0] == ';':
		case section != nil && key != "" && (l[0] == ' ' || l[0] == '\t'):
			old, _ := section.Get(key)
			section.Set(key, value.String(old.Str()+"\n"+t))
		case t[0] == '[':
			name, _, ok := strings.Cut(t[1:], "]")
			if !ok || out.Has(name) {
				return nil, false
			}
			if section, key = value.NewMap(), ""; name == "DEFAULT" {
				section = defaults
				continue
			}
			out.Set(name, value.FromMap(section))
		default:
			i := strings.IndexAny(t, "=:")
			if i < 0 || section == nil {
				return nil, false
			}
			if key = strings.ToLower(strings.TrimSpace(t[:i])); key == "" || section.Has(key) {
				return nil, false
			}
			section.Set(key, value.String(strings.TrimSpace(t[i+1:])))
		}
	}
	for _, s := range out.All() {
		for k, v := range defaults.All() {
			if m := s.Map(); !m.Has(k.Str()) {
				m.SetKey(k, v)
			}
		}
	}
	return out, true
}
