package playbook

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// SearchPath are the folders in which files of a task are looked for, first
// the role and the roles that depend on it, then the folder of the task file:
// the variable ansible_search_path. The playbook's folder comes behind them.
func (s *Scope) SearchPath() []string {
	var dirs []string
	for u := s.Role(); u != nil; u = u.ParentRole {
		if u.Role != nil && !slices.Contains(dirs, u.Role.Path) {
			dirs = append(dirs, u.Role.Path)
		}
	}
	if s.File != "" {
		if d := filepath.Dir(s.File); !slices.Contains(dirs, d) {
			dirs = append(dirs, d)
		}
	}
	return dirs
}

// FindFile gives the candidates for a file that a task names relative to its
// role, task file or playbook, in Ansible's order; sub is "files",
// "templates", "vars" or "tasks". An absolute name has one candidate.
func FindFile(s *Scope, sub, name string) []string {
	if filepath.IsAbs(name) || strings.HasPrefix(name, "~") {
		return []string{expandHome(name)}
	}
	dirs := s.SearchPath()
	if s.In != nil {
		dirs = append(dirs, s.In.Dir)
	}
	var out []string
	add := func(path string) {
		if !slices.Contains(out, path) {
			out = append(out, path)
		}
	}
	first, _, _ := strings.Cut(name, "/")
	for i, d := range dirs {
		if up := filepath.Dir(d); s.Role() != nil && i < len(dirs)-1 && filepath.Base(up) == "tasks" { // a folder below tasks/ of a role
			add(filepath.Join(filepath.Dir(up), sub, name))
			add(filepath.Join(up, name))
			continue
		}
		if first != sub {
			add(filepath.Join(d, sub, name))
		}
		add(filepath.Join(d, name))
	}
	return out
}

// First is the first of some paths that exists; "" when none does.
func First(paths []string, exists func(string) bool) string {
	for _, p := range paths {
		if exists(p) {
			return p
		}
	}
	return ""
}

func expandHome(path string) string {
	if path != "~" && !strings.HasPrefix(path, "~/") {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	return filepath.Join(home, path[1:])
}
