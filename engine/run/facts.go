package run

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/fairlead-project/fairlead/engine/playbook"
)

// factName finds what looks like a fact in the text of a play; factsWhole finds
// uses from which the names cannot be read.
var (
	factName   = regexp.MustCompile(`ansible_facts(?:\.|\[ *['"])([A-Za-z0-9_]+)|\bansible_([a-z0-9_]+)`)
	factsWhole = regexp.MustCompile(`\bansible_facts\b(?: *[^.\[\w ]| *$| *\[ *[^'" ])|ansible_' *~|ansible_" *~|'ansible_' *\+|"ansible_" *\+|\bvars *\[|\bhostvars\[[^\]]*\] *(?:[^.\[ ]|$)`)
)

// maxScan bounds how much text is read to learn which facts a play uses.
const maxScan = 8 << 20

// usedFacts names the facts that a play may use, as far as its texts tell;
// "all" when they do not. Which families these are is for probe to say.
func (pl *play) usedFacts() string {
	seen := map[string]bool{}
	names := []string{}
	budget := maxScan
	whole := false
	scan := func(file string) {
		if whole {
			return
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return
		}
		if budget -= len(data); budget < 0 {
			whole = true
			return
		}
		if factsWhole.Match(data) {
			whole = true
			return
		}
		for _, m := range factName.FindAllSubmatch(data, -1) {
			n := string(m[1]) + string(m[2])
			if !seen[n] {
				seen[n] = true
				names = append(names, n)
			}
		}
	}
	for _, dir := range pl.textDirs() {
		_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && !whole {
				scan(p)
			}
			if whole {
				return filepath.SkipAll
			}
			return nil
		})
	}
	scan(pl.p.File)
	if whole || pl.FactFamilies == nil {
		return "all"
	}
	return pl.FactFamilies(names)
}

// textDirs are the folders whose texts a play may use: its roles, and what lies
// beside the playbook under the names that Ansible looks for.
func (pl *play) textDirs() []string {
	seen := map[string]bool{}
	var dirs []string
	add := func(d string) {
		if !seen[d] {
			seen[d] = true
			dirs = append(dirs, d)
		}
	}
	var role func(u *playbook.RoleUse)
	role = func(u *playbook.RoleUse) {
		if u.Role != nil {
			add(u.Role.Path)
		}
		for _, d := range u.Deps {
			role(d)
		}
	}
	for _, u := range pl.p.Roles {
		role(u)
	}
	for _, d := range []string{"templates", "tasks", "roles", "group_vars", "host_vars", "vars", "handlers"} {
		add(filepath.Join(pl.p.Dir, d))
	}
	return dirs
}
