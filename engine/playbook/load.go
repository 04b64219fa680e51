package playbook

import (
	"errors"
	"io/fs"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// Files is where playbooks are read from; nil in Options is the file system.
type Files interface {
	ReadFile(name string) ([]byte, error)
	Stat(name string) (fs.FileInfo, error)
	ReadDir(name string) ([]fs.DirEntry, error)
}

// Options are what loading needs from outside.
type Options struct {
	// RolesPath are further folders to look for roles in, after roles/ beside
	// the playbook; nil means Ansible's defaults.
	RolesPath []string
	// IsModule tells whether a name is a module we have; it decides which of
	// several unknown keys of a task is meant as the module. May be nil.
	IsModule func(name string) bool
	// Canonical gives the one name of a module for all its spellings
	// ("ansible.builtin.copy" is "copy"). nil strips ansible.builtin and ansible.legacy.
	Canonical func(name string) string
	// Render evaluates a templated name that must be known while loading
	// (import_tasks, import_role, roles, import_playbook) with the variables
	// known then: of the play, and layers of vars given at the import. nil
	// makes such names an error.
	Render func(n *yaml.Node, play *Play, layers []*yaml.Vars) (string, error)
	// YAML are the options for reading YAML: vault, warnings. Warnings of this
	// package go to YAML.Warn too.
	YAML  yaml.Options
	Files Files
}

// Load reads a playbook with everything static below it. All problems found
// are reported together as a diag.List; warnings go to opts.YAML.Warn. A
// playbook is returned also with errors, as far as it could be read.
func Load(file string, opts Options) (*Playbook, error) { return nil, errors.New("todo") }

// Loader expands dynamic includes of a loaded playbook. It is safe for use by
// many goroutines; equal requests give the same items.
type Loader struct{ opts Options }

// NewLoader makes a loader for includes.
func NewLoader(opts Options) *Loader { return &Loader{opts: opts} }

// IncludeTasks expands an include_tasks whose file name is known now. The
// scope of the items holds apply: and vars: of the include, and inherits from
// what is around the include (not from the include itself, as in Ansible).
func (l *Loader) IncludeTasks(t *Task, file string) ([]Item, error) { return nil, errors.New("todo") }

// RoleRequest is an include_role whose arguments are known now.
type RoleRequest struct {
	Name, TasksFrom, VarsFrom, DefaultsFrom, HandlersFrom string
	Public, AllowDuplicates, Validate                     bool
}

// IncludeRole expands an include_role.
func (l *Loader) IncludeRole(t *Task, r RoleRequest) (*RoleUse, error) {
	return nil, errors.New("todo")
}

// LoadVarsFile reads a file of variables (vars_files, include_vars).
func (l *Loader) LoadVarsFile(file string, at diag.Pos) (*yaml.Vars, error) {
	return nil, errors.New("todo")
}

// Items are the play's tasks in order of execution without handlers: facts are
// the engine's business, handlers are flushed after each of the three parts.
// The role uses' items come with their dependencies'.
func (p *Play) Items() (pre, roles, tasks, post []Item) { return }

// AllHandlers are the handlers of all roles of the play, then the play's own.
// Of two with the same name the later one counts.
func (p *Play) AllHandlers() []Item { return nil }

// FindFile gives the candidates for a file that a task names relative to its
// role, task file or playbook, in Ansible's order; sub is "files",
// "templates", "vars" or "tasks".
func FindFile(s *Scope, sub, name string) []string { return nil }

// TagsMatch tells whether something with tags runs under --tags and --skip-tags.
func TagsMatch(tags, only, skip []string) bool { return true }
