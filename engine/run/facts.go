package run

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/vars"
)

// factName finds what looks like a fact in the text of a play; factsWhole finds
// uses from which the names cannot be read.
var (
	factName   = lazyregexp.New(`ansible_facts(?:\.|\[ *['"])([A-Za-z0-9_]+)|\bansible_([a-z0-9_]+)`)
	factsWhole = lazyregexp.New(`\bansible_facts\b(?: *[^.\[\w ]| *$| *\[ *[^'" ]| *\. *(?:keys|values|items|get|copy|pop)\b *\()|\bvarnames\b|ansible_' *~|ansible_" *~|'ansible_' *\+|"ansible_" *\+|\bvars *\[|\bhostvars\[[^\]]*\] *(?:[^.\[ ]|$)`)
)

// templateLookup finds lookups that evaluate files, whose names a text need not tell.
var templateLookup = lazyregexp.New(`['"](?:ansible\.builtin\.)?template['"] *,|\bwith_(?:ansible\.builtin\.)?template\b`)

// maxScan and maxScanned bound how much text, in bytes, and how many files and folders
// are read to learn which facts a play uses.
const (
	maxScan    = 8 << 20
	maxScanned = 5000
)

// usedFacts gives the families of facts that a run may use, as far as its texts
// tell; every one when they do not.
func (r *runner) usedFacts() string {
	if r.FactFamilies == nil || r.texts.Untold {
		return "all"
	}
	sc := newFactScan()
	for _, dir := range r.textDirs() {
		sc.tree(dir)
	}
	if sc.lookups { // of files beside the playbooks, in whatever folder
		for _, pb := range r.Playbooks {
			sc.tree(pb.Dir)
			for _, p := range pb.Plays {
				sc.tree(p.Dir)
			}
		}
	}
	for v := range r.Vars.Extra.All() {
		sc.text([]byte(v.Node.Value().Repr()))
	}
	if sc.whole {
		return "all"
	}
	return r.FactFamilies(sc.names)
}

// factScan collects names of facts from texts.
type factScan struct {
	budget  int // bytes left
	whole   bool
	lookups bool // some text evaluates files
	read    map[string]bool
	seen    map[string]bool
	names   []string
}

func newFactScan() *factScan {
	return &factScan{budget: maxScan, read: map[string]bool{}, seen: map[string]bool{}}
}

// tree reads a file, or all files of a folder but those of git, once. Links are
// followed: a role or a template may be one.
func (s *factScan) tree(root string) {
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return
	}
	_ = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch {
		case s.whole:
			return filepath.SkipAll
		case err != nil:
			return nil
		case d.IsDir() && (s.read[p] || d.Name() == ".git"):
			return filepath.SkipDir
		case s.read[p]:
			return nil
		}
		s.read[p] = true
		switch {
		case len(s.read) > maxScanned:
			s.whole = true
		case d.Type().IsRegular():
			s.file(p)
		case d.Type() == fs.ModeSymlink:
			s.tree(p)
		}
		return nil
	})
}

func (s *factScan) file(name string) {
	if s.whole {
		return
	}
	if data, err := os.ReadFile(name); err == nil {
		s.text(data)
	}
}

func (s *factScan) text(data []byte) {
	if s.budget -= len(data); s.budget < 0 || factsWhole().Match(data) {
		s.whole = true
		return
	}
	s.lookups = s.lookups || templateLookup().Match(data)
	for _, m := range factName().FindAllSubmatch(data, -1) {
		n := "ansible_" + strings.TrimPrefix(string(m[1]), "ansible_") + string(m[2])
		if !s.seen[n] {
			s.seen[n] = true
			s.names = append(s.names, n)
		}
	}
}

// textDirs are the files and folders whose texts the run may use: playbooks,
// roles, inventories, what lies beside them under the names that Ansible looks for,
// and what tasks include and render.
func (r *runner) textDirs() []string {
	seen := map[string]bool{}
	var dirs []string
	add := func(d string) {
		if d != "" && !seen[d] {
			seen[d] = true
			dirs = append(dirs, d)
		}
	}
	beside := func(dir string) {
		for _, d := range []string{"templates", "tasks", "roles", "group_vars", "host_vars", "vars", "handlers"} {
			add(filepath.Join(dir, d))
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
	for _, pb := range r.Playbooks {
		beside(pb.Dir)
		for _, p := range pb.Plays {
			add(p.File)
			beside(p.Dir)
			for _, u := range p.Roles {
				role(u)
			}
			for _, u := range p.Imported {
				role(u)
			}
			for _, n := range p.VarsFiles {
				for _, name := range n.List() {
					if name.HasTemplate() {
						add(p.Dir)
					}
					add(vars.ResolvePath(p.Dir, name.Str()))
				}
			}
		}
	}
	for _, texts := range [][]string{r.texts.Roles, r.texts.Templates, r.seen.files()} {
		for _, f := range texts {
			add(f)
		}
	}
	for _, h := range r.Inventory.Hosts() {
		if h.Pos.File != "" && !seen[h.Pos.File] {
			add(h.Pos.File)
			beside(filepath.Dir(h.Pos.File))
		}
	}
	return dirs
}

// factSubset is what an implicit setup gathers: only what the run uses.
func (r *runner) factSubset() []string {
	if !r.factsKnown {
		r.factsKnown, r.facts = true, "all"
		if r.kept == nil { // later runs may use others
			r.facts = r.usedFacts()
		}
	}
	if r.facts == "all" {
		return []string{"all"}
	}
	return append([]string{state.FactsAlone, "!all", "!min"}, splitComma(r.facts)...)
}
