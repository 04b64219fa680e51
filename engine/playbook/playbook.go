// Package playbook reads playbooks, roles and task files into plain immutable
// data with positions, as ansible-core 2.14 reads them. What is static
// (imports, roles, dependencies) is resolved when loading; what is dynamic
// (include_*) stays a task that a Loader expands later. Values that may be
// templates are kept as nodes; nothing is evaluated here except, through
// Options.Render, names of files and roles that must be known while loading.
package playbook

import (
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// Playbook is a loaded playbook: its plays with those of imported playbooks.
type Playbook struct {
	File  string
	Dir   string // the folder of File, where roles and files are looked for
	Plays []*Play

	loader *Loader
}

// Loader expands the playbook's dynamic includes.
func (pb *Playbook) Loader() *Loader { return pb.loader }

// Play is one play.
type Play struct {
	Scope
	ID    string // "play1", counted over the whole playbook
	Index int
	File  string // the file it is written in
	// Dir is the folder of File: the variable playbook_dir, and where roles, files,
	// group_vars and host_vars of the play are looked for.
	Dir string
	// Collection is the collection that the playbook is in, when it was named by its full
	// name: its roles are known by their short names.
	Collection string

	Hosts *yaml.Node // a string or a list of strings, possibly templates

	GatherFacts, GatherSubset, GatherTimeout, FactPath *yaml.Node
	VarsFiles                                          []*yaml.Node // each a name, or a list of which the first that exists counts
	VarsPrompt                                         []*Prompt
	Serial                                             []*yaml.Node
	Strategy, Order, MaxFailPercentage, ForceHandlers  *yaml.Node

	Roles []*RoleUse
	// Imported are the roles brought by import_role: their variables are
	// visible in all of the play, behind those of Roles.
	Imported                   []*RoleUse
	PreTasks, Tasks, PostTasks []Item
	Handlers                   []Item // the play's own; see AllHandlers

	// files are the vars_files whose names are plain: all of them that is known
	// while the play is read.
	files []*yaml.Vars
}

// Prompt is one entry of vars_prompt.
type Prompt struct {
	Pos                                                                diag.Pos
	Name                                                               string
	Prompt, Default, Private, Confirm, Encrypt, SaltSize, Salt, Unsafe *yaml.Node
}

// Item is what stands in a list of tasks: a *Task or a *Block.
type Item interface {
	// Inherits is the scope of the item: its keywords and what they inherit.
	Inherits() *Scope
}

// Block is a block with its rescue and always parts. Static imports are blocks
// too: Import names their file.
type Block struct {
	Scope
	ID     string
	Block  []Item
	Rescue []Item
	Always []Item
	// Import is the file of an import_tasks whose tasks these are.
	Import string
}

// Task is one task or handler.
type Task struct {
	Scope
	// ID is the place of the task in the playbook, stable as long as the
	// playbook does not change: "play1/tasks/3/block/1".
	ID string

	// Action is the module as written, Module its canonical name
	// (Options.Canonical); ActionPos is where it stands.
	Action, Module string
	ActionPos      diag.Pos
	// Args are the arguments as a mapping node, never nil, without the
	// free-form text. k=v text is taken apart, `args:` merged in (lowest).
	Args *yaml.Node
	// Raw is the free-form text of modules that take one (command: echo hi),
	// nil when there is none.
	Raw *yaml.Node
	// ArgsTemplate is a template that gives the arguments as a whole
	// (args: "{{ x }}"), nil when there is none; Args win over it.
	ArgsTemplate *yaml.Node

	Loop     *Loop
	Register *yaml.Node // a plain name

	ChangedWhen, FailedWhen, Until []*yaml.Node
	Retries, Delay, Async, Poll    *yaml.Node

	// Handler marks a handler; Listen are the topics it listens to.
	Handler bool
	Listen  []*yaml.Node

	// Include is set for tasks that a Loader expands when they are reached.
	Include *Include
	// Local marks local_action: delegated to localhost.
	Local bool
	// Implicit marks tasks that the loader made (none so far).
	Implicit bool
}

// Loop is the loop of a task.
type Loop struct {
	Pos diag.Pos
	// Kind is "" for loop:, else the name of the lookup of with_<name>.
	Kind string
	Node *yaml.Node

	LoopVar, IndexVar                        string // LoopVar is "item" unless set
	LoopVarNode, IndexVarNode                *yaml.Node
	Label, Pause, Extended, ExtendedAllItems *yaml.Node
	ControlPos                               diag.Pos
}

// IncludeKind is what a dynamic include brings in.
type IncludeKind uint8

// The kinds of dynamic includes.
const (
	IncludeTasks IncludeKind = iota // include_tasks, and include: where it is dynamic
	IncludeRole
)

// Include is the dynamic part of include_tasks and include_role.
type Include struct {
	Kind IncludeKind
	// File is the task file (IncludeTasks), Name the role (IncludeRole).
	File, Name *yaml.Node
	// Apply are the keywords of apply:, as a scope without parent; nil when none.
	Apply *Scope

	TasksFrom, VarsFrom, DefaultsFrom, HandlersFrom *yaml.Node
	Public, AllowDuplicates, RolespecValidate       *yaml.Node
}

// RoleUse is one use of a role: an entry of roles:, a dependency, an
// import_role or an expanded include_role. Its scope carries the keywords given
// there; its Vars are what `vars:` of the entry says.
type RoleUse struct {
	Scope
	ID   string
	Name string // as written
	// Role is what was found on disk; uses of one role share it.
	Role *Role
	// Key identifies equal uses: a role with the same parameters, tags and
	// conditions runs once per play and host unless AllowDuplicates.
	Key             string
	AllowDuplicates bool
	// Params are the role parameters (other keys of the entry).
	Params *yaml.Vars
	// Deps are the uses of the role's dependencies; they run first.
	Deps []*RoleUse
	// Parent is the use whose dependency or import this is; nil at the top.
	ParentRole *RoleUse
	// Tasks and Handlers are this use's own copies of the role's items; those
	// of dependencies are in Deps.
	Tasks, Handlers []Item
	// Defaults and Vars files as chosen by defaults_from and vars_from.
	Defaults, RoleVars *yaml.Vars
	// Imports are the roles that the tasks of an include_role import.
	Imports []*RoleUse
	// FromInclude marks an import_role or include_role; Public tells whether
	// its variables are seen by the rest of the play.
	FromInclude, Public bool
	// Validate is false when rolespec_validate: false turned the argument
	// check off. Entry is the entry point (tasks_from without extension, "main").
	Validate bool
	Entry    string
}

// Role is a role's folder.
type Role struct {
	Name string
	// Collection is "namespace.name" for a role of a collection, else "".
	Collection string
	Path       string
	// Meta is meta/main.yml, nil when absent.
	Meta *yaml.Node
	// ArgumentSpecs maps entry points to their specification, nil when absent.
	ArgumentSpecs *yaml.Node
}
