package playbook

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// special turns the tasks that bring other tasks into what they bring (static
// imports) or marks them for the loader (dynamic includes).
func (r *reader) special(t *Task, n *yaml.Node, c at) []Item {
	switch shortName(t.Action) {
	case "import_tasks":
		return r.importTasks(t, c)
	case "include":
		name := includedFile(t)
		if name.HasTemplate() || t.Loop != nil || c.dynamic {
			return r.includeTasks(t, n)
		}
		return r.importTasks(t, c)
	case "include_tasks":
		return r.includeTasks(t, n)
	case "include_role":
		return r.includeRole(t, n)
	case "import_role":
		return r.importRole(t, c)
	}
	return []Item{t}
}

// includedFile is the file an include names, as text or as the argument file.
func includedFile(t *Task) *yaml.Node {
	if t.Raw != nil {
		return t.Raw
	}
	return t.Args.Get("file")
}

// onlyArgs reports arguments that an include does not have.
func (r *reader) onlyArgs(t *Task, known ...string) {
	for _, p := range t.Args.Pairs {
		if !slices.Contains(known, p.Key.Str()) {
			d := r.fail(p.Key.Pos, "module-args", "%s has no argument %q", t.Action, p.Key.Value().Text())
			if near := diag.Nearest(p.Key.Str(), known); near != "" {
				d.Hint = "did you mean " + near + "?"
			} else {
				d.Hint = "pass variables with 'vars:'"
			}
		}
	}
}

func (r *reader) noLoop(t *Task) bool {
	if t.Loop == nil {
		return true
	}
	r.fail(t.Loop.Pos, "import-loop-keyword", "%s cannot loop: it is resolved before the run", t.Action).
		WithHint("use include_%s", strings.TrimPrefix(shortName(t.Action), "import_"))
	return false
}

func (r *reader) importTasks(t *Task, c at) []Item {
	name := includedFile(t)
	if name == nil {
		r.fail(t.ActionPos, "no-file", "%s names no file", t.Action)
		return nil
	}
	if !r.noLoop(t) {
		return nil
	}
	b := &Block{Scope: t.Scope, ID: t.ID}
	b.Kind = ImportScope
	if shortName(t.Action) == "include" {
		b.Kind = IncludeScope
		b.Vars = r.argsAsVars(t)
	} else {
		r.onlyArgs(t, "file")
	}
	target, ok := r.rendered(name, "a task file to import", &b.Scope)
	if !ok {
		return nil
	}
	file, tried := r.findTaskFile(&b.Scope, target, c.handlers)
	if file == "" {
		r.fail(name.Pos, "no-such-file", "Could not find or access '%s'", tried[0]).WithHint("looked for %s", strings.Join(tried, ", "))
		return nil
	}
	b.Import = file
	c.up, c.id = &b.Scope, t.ID+"/import"
	b.Block = r.taskFile(file, name.Pos, c)
	if c.handlers {
		return b.Block
	}
	return []Item{b}
}

// argsAsVars gives the variables of an old include: vars and its k=v.
func (r *reader) argsAsVars(t *Task) *yaml.Vars {
	vars := &yaml.Vars{}
	vars.Merge(t.Vars)
	for _, p := range t.Args.Pairs {
		if p.Key.Str() != "file" {
			vars.Set(yaml.Var{Name: p.Key.Value().Text(), Pos: p.Key.Pos, Node: p.Value})
		}
	}
	return vars
}

// findTaskFile looks for a task file beside the file that names it, then in
// the role, then beside the playbook.
func (r *reader) findTaskFile(s *Scope, name string, handlers bool) (file string, tried []string) {
	if filepath.IsAbs(name) || strings.HasPrefix(name, "~") {
		name = expandHome(name)
		if r.exists(name) {
			return name, nil
		}
		return "", []string{name}
	}
	part := "tasks"
	if handlers {
		part = "handlers"
	}
	var dirs []string
	if s.File != "" {
		dirs = append(dirs, filepath.Dir(s.File))
	}
	if u := s.Role(); u != nil && u.Role != nil {
		dirs = append(dirs, filepath.Join(u.Role.Path, part), filepath.Join(u.Role.Path, "tasks"), u.Role.Path)
	}
	if s.In != nil {
		dirs = append(dirs, filepath.Join(s.In.Dir, part), s.In.Dir)
	}
	for _, d := range dirs {
		f := filepath.Join(d, name)
		if slices.Contains(tried, f) {
			continue
		}
		if r.exists(f) {
			return f, nil
		}
		tried = append(tried, f)
	}
	return "", tried
}

var includeKeywords = set("args", "collections", "debugger", "ignore_errors", "loop", "loop_control", "name", "no_log", "register", "run_once", "tags", "timeout",
	"vars", "when", "action", "local_action")

// checkInclude reports keywords that an include_ does not pass on.
func (r *reader) checkInclude(t *Task, n *yaml.Node) {
	for _, p := range n.Pairs {
		name := p.Key.Str()
		if isTaskKeyword(name) && !includeKeywords[name] && !strings.HasPrefix(name, "with_") && name != "listen" {
			r.fail(p.Key.Pos, "include-keyword", "'%s' is not a valid attribute for a %s", name, includeKind(t)).
				WithHint("it would not reach the included tasks: put it below 'apply:' of the include, or on a block around it")
		}
	}
}

// includeKind is what Ansible calls an include.
func includeKind(t *Task) string {
	switch {
	case shortName(t.Action) == "include_role":
		return "IncludeRole"
	case t.Handler:
		return "HandlerTaskInclude"
	}
	return "TaskInclude"
}

func (r *reader) includeTasks(t *Task, n *yaml.Node) []Item {
	t.Include = &Include{Kind: IncludeTasks, File: includedFile(t)}
	if t.Include.File == nil {
		r.fail(t.ActionPos, "no-file", "%s names no file", t.Action)
		return nil
	}
	if shortName(t.Action) == "include" {
		t.Vars = r.argsAsVars(t)
		return []Item{t}
	}
	r.checkInclude(t, n)
	r.onlyArgs(t, "file", "apply")
	t.Include.Apply = r.apply(t)
	return []Item{t}
}

// apply reads the keywords for the included tasks.
func (r *reader) apply(t *Task) *Scope {
	p := t.Args.Pair("apply")
	if p == nil || p.Value.IsNull() {
		return nil
	}
	if p.Value.Kind != yaml.Mapping {
		r.fail(p.Value.Pos, "module-args", "apply must be a mapping of keywords, but is %s", p.Value.Describe())
		return nil
	}
	s := &Scope{Kind: BlockScope, Pos: p.Value.Pos, In: r.play, File: t.File}
	for _, e := range p.Value.Pairs {
		if !r.setCommon(s, e.Key.Str(), e) {
			r.unknownKeyword(e.Key, "Block", keywordNames(BlockScope, nil))
		}
	}
	return s
}

var roleArgs = []string{"name", "role", "tasks_from", "vars_from", "defaults_from", "handlers_from", "apply", "public", "allow_duplicates", "rolespec_validate"}

func (r *reader) roleInclude(t *Task) *Include {
	inc := &Include{Kind: IncludeRole, Name: t.Args.Get("name")}
	if inc.Name == nil {
		inc.Name = t.Args.Get("role")
	}
	if inc.Name == nil && t.Raw != nil {
		inc.Name = t.Raw
	}
	if inc.Name.IsNull() {
		r.fail(t.ActionPos, "role-name", "%s names no role", t.Action).WithHint("add the argument 'name'")
		return nil
	}
	inc.TasksFrom, inc.VarsFrom = t.Args.Get("tasks_from"), t.Args.Get("vars_from")
	inc.DefaultsFrom, inc.HandlersFrom = t.Args.Get("defaults_from"), t.Args.Get("handlers_from")
	inc.Public, inc.AllowDuplicates, inc.RolespecValidate = t.Args.Get("public"), t.Args.Get("allow_duplicates"), t.Args.Get("rolespec_validate")
	return inc
}

func (r *reader) includeRole(t *Task, n *yaml.Node) []Item {
	if t.Handler {
		r.fail(t.ActionPos, "handler", "Using '%s' as a handler is not supported.", t.Action)
		return nil
	}
	if t.Include = r.roleInclude(t); t.Include == nil {
		return nil
	}
	r.checkInclude(t, n)
	r.onlyArgs(t, roleArgs...)
	t.Include.Apply = r.apply(t)
	return []Item{t}
}

func (r *reader) importRole(t *Task, c at) []Item {
	if t.Handler {
		r.fail(t.ActionPos, "handler", "Using '%s' as a handler is not supported.", t.Action)
		return nil
	}
	if !r.noLoop(t) {
		return nil
	}
	inc := r.roleInclude(t)
	if inc == nil {
		return nil
	}
	r.onlyArgs(t, slices.DeleteFunc(slices.Clone(roleArgs), func(s string) bool { return s == "apply" || s == "public" })...)
	q := RoleRequest{Public: true, AllowDuplicates: inc.AllowDuplicates == nil || truthy(inc.AllowDuplicates), Validate: inc.RolespecValidate == nil || truthy(inc.RolespecValidate)}
	ok := true
	for _, f := range []struct {
		to   *string
		node *yaml.Node
		what string
	}{
		{&q.Name, inc.Name, "a role"}, {&q.TasksFrom, inc.TasksFrom, "a task file"}, {&q.VarsFrom, inc.VarsFrom, "a vars file"},
		{&q.DefaultsFrom, inc.DefaultsFrom, "a defaults file"}, {&q.HandlersFrom, inc.HandlersFrom, "a handlers file"},
	} {
		if f.node != nil {
			s, good := r.rendered(f.node, f.what, &t.Scope)
			*f.to, ok = s, ok && good
		}
	}
	if !ok {
		return nil
	}
	b := &Block{Scope: t.Scope, ID: t.ID}
	b.Kind = ImportScope
	u := &RoleUse{
		ID: t.ID + "/role", Params: &yaml.Vars{}, ParentRole: t.Role(), FromInclude: true, Public: true, AllowDuplicates: q.AllowDuplicates, Validate: q.Validate,
	}
	c.up = &b.Scope
	u.Scope = r.scope(RoleScope, inc.Name.Pos, c)
	u.Use, u.Vars = u, t.Vars
	if !r.useRole(u, q, inc.Name.Pos) {
		return nil
	}
	if r.dynamic {
		r.imported = append(r.imported, u)
	} else if r.play != nil {
		r.play.Imported = append(r.play.Imported, u)
	}
	b.Block = u.AllTasks()
	return []Item{b}
}

// Loader expands dynamic includes of a loaded playbook. It is safe for use by
// many goroutines.
type Loader struct {
	opts  Options
	cache *cache
}

// NewLoader makes a loader for includes.
func NewLoader(opts Options) *Loader { return &Loader{opts: opts, cache: newCache()} }

// Decrypt gives the clear text of a file that is encrypted with Ansible Vault.
func (l *Loader) Decrypt(text string) (string, error) {
	if l.opts.YAML.Decrypt == nil {
		return "", diag.Errorf(diag.Pos{}, "vault-password", "Attempting to decrypt but no vault secrets found")
	}
	return l.opts.YAML.Decrypt(text)
}

func (l *Loader) reader(t *Task) *reader {
	r := &reader{opts: &l.opts, cache: l.cache, play: t.In, dynamic: true}
	if t.In != nil {
		r.base = t.In.Dir
	}
	return r
}

// includeScope is what the included items inherit: apply: and the vars of the
// include, then what is around the include (but not the include's own when and
// tags, as in Ansible).
func includeScope(t *Task) *Scope {
	s := &Scope{Kind: IncludeScope, Pos: t.Pos, Up: t.Up, In: t.In, File: t.File}
	s.Vars = t.Vars
	if t.Include == nil || t.Include.Apply == nil {
		return s
	}
	apply := *t.Include.Apply
	apply.Up = s
	return &apply
}

// Included is what an include_tasks brings.
type Included struct {
	// File is where the file was found; "" for one that holds nothing at all, of which
	// Ansible says nothing.
	File  string
	Items []Item
	// Imports are the roles that it imports, which the rest of the play sees.
	Imports []*RoleUse
}

// IncludeTasks expands an include_tasks whose file name is known now.
func (l *Loader) IncludeTasks(t *Task, file string) (Included, error) {
	r := l.reader(t)
	pos := t.ActionPos
	if t.Include != nil && t.Include.File != nil {
		pos = t.Include.File.Pos
	}
	found, tried := r.findTaskFile(&t.Scope, file, t.Handler)
	if found == "" {
		r.fail(pos, "no-such-file", "Could not find or access '%s' on the Ansible Controller.", tried[0]).WithHint("looked for %s", strings.Join(tried, ", "))
		return Included{}, r.result()
	}
	id := found
	if rel, err := filepath.Rel(r.base, found); err == nil {
		id = rel
	}
	c := at{up: includeScope(t), id: t.ID + "/include(" + id + ")", handlers: t.Handler, dynamic: true}
	inc := Included{File: found, Items: r.taskFile(found, pos, c), Imports: r.imported}
	if n, ok := r.node(found, pos); ok && n.IsNull() {
		inc.File = ""
	}
	return inc, r.result()
}

// RoleRequest is an include_role whose arguments are known now. Ansible's
// defaults are AllowDuplicates and Validate true, Public false.
type RoleRequest struct {
	Name, TasksFrom, VarsFrom, DefaultsFrom, HandlersFrom string
	Public, AllowDuplicates, Validate                     bool
}

// IncludeRole expands an include_role. The use is not added to the play; its Imports
// are seen by the rest of the play.
func (l *Loader) IncludeRole(t *Task, q RoleRequest) (*RoleUse, error) {
	r := l.reader(t)
	id := q.Name
	if q.TasksFrom != "" {
		id += "/" + q.TasksFrom
	}
	u := &RoleUse{
		ID: t.ID + "/role(" + id + ")", Params: &yaml.Vars{}, ParentRole: t.Role(), FromInclude: true, Public: q.Public, AllowDuplicates: q.AllowDuplicates, Validate: q.Validate,
	}
	c := at{up: includeScope(t), file: t.File}
	u.Scope = r.scope(RoleScope, t.Pos, c)
	u.Use, u.Vars = u, t.Vars
	pos := t.ActionPos
	if t.Include != nil && t.Include.Name != nil {
		pos = t.Include.Name.Pos
	}
	if !r.useRole(u, q, pos) {
		return nil, r.result()
	}
	u.Imports = r.imported
	return u, r.result()
}

// LoadVarsFile reads a file of variables, for include_vars.
func (l *Loader) LoadVarsFile(file string, from diag.Pos) (*yaml.Vars, error) {
	return l.varsFile(file, from, false)
}

// LoadPlayVars reads a file that a play's vars_files names: also a list of mappings, of
// which later ones win, as in Ansible (preprocess_vars).
func (l *Loader) LoadPlayVars(file string, from diag.Pos) (*yaml.Vars, error) {
	return l.varsFile(file, from, true)
}

func (l *Loader) varsFile(file string, from diag.Pos, lists bool) (*yaml.Vars, error) {
	r := &reader{opts: &l.opts, cache: l.cache}
	n, ok := r.node(file, from)
	if !ok {
		return nil, r.result()
	}
	if n.IsNull() {
		return &yaml.Vars{}, nil
	}
	parts := []*yaml.Node{n}
	if lists && n.Kind == yaml.Sequence {
		parts = n.Items
	}
	all := &yaml.Vars{}
	for _, part := range parts {
		if part.Kind != yaml.Mapping {
			r.fail(part.Pos, "vars-file", "a file of variables must be a mapping from names to values, but this is %s", part.Describe())
			continue
		}
		all.Merge(yaml.VarsOf(part))
	}
	if err := r.result(); err != nil {
		return nil, err
	}
	return all, nil
}
