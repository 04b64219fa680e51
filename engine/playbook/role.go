package playbook

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// roleEntry reads an entry of roles: or of a role's dependencies.
func (r *reader) roleEntry(n *yaml.Node, c at, parent *RoleUse) *RoleUse {
	u := &RoleUse{ID: c.id, Params: &yaml.Vars{}, ParentRole: parent, Validate: true}
	u.Scope = r.scope(RoleScope, n.Pos, c)
	u.Use = u
	name := n
	if n.Kind == yaml.Mapping {
		if name = r.roleKeywords(u, n); name == nil {
			return nil
		}
	}
	text, ok := r.rendered(name, "a role", &u.Scope, u.Vars, u.Params)
	if !ok {
		return nil
	}
	if strings.Contains(text, ",") || strings.Contains(text, "=") {
		r.fail(name.Pos, "role-name", "Invalid old style role requirement: %s", text).WithHint("write a mapping: '- role: name', with parameters as further keys")
		return nil
	}
	if !r.useRole(u, RoleRequest{Name: text, Validate: true}, name.Pos) {
		return nil
	}
	return u
}

// roleKeywords reads the mapping of a role entry; what is no keyword is a
// parameter of the role. It gives the node of the name.
func (r *reader) roleKeywords(u *RoleUse, n *yaml.Node) *yaml.Node {
	var name *yaml.Node
	for _, key := range []string{"role", "name", "src"} {
		if name = n.Get(key); name != nil {
			break
		}
	}
	if name == nil {
		r.fail(n.Pos, "role-name", "this entry names no role").WithHint("add 'role: name'")
		return nil
	}
	for _, p := range n.Pairs {
		key := p.Key.Str()
		switch {
		case key == "role", key == "name":
		case r.setCommon(&u.Scope, key, p):
		case u.ParentRole != nil && (key == "src" || key == "scm" || key == "version"):
		default:
			u.Params.Set(yaml.Var{Name: p.Key.Value().Text(), Pos: p.Key.Pos, Node: p.Value})
		}
	}
	return name
}

// useRole finds the role and reads it as this use asks for.
func (r *reader) useRole(u *RoleUse, q RoleRequest, pos diag.Pos) bool {
	path, collection, tried := r.findRole(q.Name, u.ParentRole, &u.Scope)
	if path == "" {
		problem := r.fail(pos, "no-such-role", "the role '%s' was not found in %s", q.Name, strings.Join(tried, ":"))
		if reCollectionPlaybook().MatchString(q.Name) {
			problem.WithHint("as a role of a collection it was looked for in %s; collections_paths names other folders", strings.Join(r.collectionDirs(), ", "))
		}
		return false
	}
	if slices.Contains(r.roles, path) && u.ParentRole != nil {
		r.fail(pos, "role-loop", "the role %q depends on itself: %s", q.Name, strings.Join(append(baseNames(r.roles), filepath.Base(path)), " -> "))
		return false
	}
	r.roles = append(r.roles, path)
	defer func() { r.roles = r.roles[:len(r.roles)-1] }()
	u.Name = q.Name
	if strings.HasPrefix(q.Name, "~") { // any other path is the name itself, as in Ansible
		u.Name = filepath.Base(q.Name)
	}
	u.Role = r.role(u.Name, path, collection)
	u.Defaults = r.roleVars(path, "defaults", q.DefaultsFrom, pos)
	u.RoleVars = r.roleVars(path, "vars", q.VarsFrom, pos)
	u.Entry = "main"
	if q.TasksFrom != "" {
		u.Entry = filepath.Base(q.TasksFrom)
	}
	r.roleMeta(u)
	u.Tasks = r.roleItems(u, "tasks", q.TasksFrom, pos)
	if t := r.validation(u); t != nil {
		u.Tasks = append([]Item{t}, u.Tasks...)
	}
	u.Handlers = r.roleItems(u, "handlers", q.HandlersFrom, pos)
	u.Key = useKey(u, path, q)
	return true
}

func baseNames(paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = filepath.Base(p)
	}
	return out
}

// useKey is equal for uses that Ansible takes for the same.
func useKey(u *RoleUse, path string, q RoleRequest) string {
	var b strings.Builder
	b.WriteString(path + "\x00" + u.Name)
	add := func(part string) { b.WriteString("\x00" + part) }
	for _, nodes := range [][]*yaml.Node{u.When, u.Tags} {
		for _, n := range nodes {
			add(n.Value().Repr())
		}
		add("")
	}
	for _, vs := range []*yaml.Vars{u.Params, u.Vars} {
		for v := range vs.All() {
			add(v.Name + "=" + v.Node.Value().Repr())
		}
		add("")
	}
	for _, from := range []string{q.TasksFrom, q.VarsFrom, q.DefaultsFrom, q.HandlersFrom} {
		add(from)
	}
	if u.FromInclude {
		add("include")
	}
	return b.String()
}

// findRole gives the folder of a role and its collection, or the folders that
// were looked in.
func (r *reader) findRole(name string, parent *RoleUse, at *Scope) (path, collection string, tried []string) {
	if filepath.IsAbs(name) || strings.HasPrefix(name, "~") {
		path = expandHome(name)
		if r.isDir(path) {
			return path, "", nil
		}
		return "", "", []string{path}
	}
	dirs := append([]string{filepath.Join(r.base, "roles")}, r.opts.rolesPath()...)
	if parent != nil && parent.Role != nil {
		dirs = append(dirs, filepath.Dir(parent.Role.Path))
	}
	dirs = append(dirs, r.base)
	if p, c := r.collectionRole(name, parent, at); p != "" {
		return p, c, nil
	}
	for _, d := range dirs {
		p := filepath.Join(expandHome(d), name)
		if r.isDir(p) {
			return absolute(p, r.opts.Files), "", nil
		}
		if !slices.Contains(tried, d) {
			tried = append(tried, d)
		}
	}
	return "", "", tried
}

// collectionRole finds a role by its full name, or by its short one in the
// collections that the role around or the keyword collections names. It gives
// the folder and the collection.
func (r *reader) collectionRole(name string, parent *RoleUse, at *Scope) (path, collection string) {
	if strings.Contains(name, "/") {
		return "", ""
	}
	try := func(ns, col, role string) bool {
		for _, d := range r.collectionDirs() {
			p := filepath.Join(d, "ansible_collections", ns, col, "roles", role)
			if r.isDir(p) {
				path, collection = absolute(p, r.opts.Files), ns+"."+col
				return true
			}
		}
		return false
	}
	if parts := strings.SplitN(name, ".", 3); len(parts) == 3 {
		try(parts[0], parts[1], strings.ReplaceAll(parts[2], ".", "/"))
		return path, collection
	}
	for _, c := range r.collectionsOf(parent, at) {
		if ns, col, ok := strings.Cut(c, "."); ok && try(ns, col, name) {
			break
		}
	}
	return path, collection
}

// collectionsOf are the collections in which short names are looked for: that of the role
// around, those of the keyword, that of the playbook.
func (r *reader) collectionsOf(parent *RoleUse, at *Scope) []string {
	var names []string
	if parent != nil && parent.Role != nil && parent.Role.Collection != "" {
		names = append(names, parent.Role.Collection)
	}
	for _, n := range at.NearestList(func(k *Keywords) []*yaml.Node { return k.Collections }) {
		names = append(names, n.Value().Text())
	}
	if r.play != nil && r.play.Collection != "" {
		names = append(names, r.play.Collection)
	}
	return names
}

var reCollectionPlaybook = lazyregexp.New(`^([A-Za-z_]\w*)\.([A-Za-z_]\w*)\.((?:\w+\.)*\w+)$`)

// collectionPlaybook finds a playbook by its full name in a collection. It gives the
// file and the collection; nothing where name is no such name, or names nothing.
func (r *reader) collectionPlaybook(name string) (file, collection string) {
	for _, ext := range []string{".yml", ".yaml"} { // which may be said
		name = strings.TrimSuffix(name, ext)
	}
	m := reCollectionPlaybook().FindStringSubmatch(name)
	if m == nil {
		return "", ""
	}
	for _, d := range r.collectionDirs() {
		base := filepath.Join(d, "ansible_collections", m[1], m[2], "playbooks", strings.ReplaceAll(m[3], ".", "/"))
		for _, ext := range []string{".yml", ".yaml"} {
			if r.exists(base + ext) {
				return absolute(base+ext, r.opts.Files), m[1] + "." + m[2]
			}
		}
	}
	return "", ""
}

// collectionDirs are the folders in which collections are installed.
func (r *reader) collectionDirs() []string {
	dirs := []string{filepath.Join(r.base, "collections")}
	if root, _, ok := strings.Cut(r.base, "/ansible_collections/"); ok { // a playbook of a collection: those beside it
		dirs = append(dirs, root)
	}
	switch {
	case r.opts.CollectionsPath != nil:
		for _, d := range r.opts.CollectionsPath {
			dirs = append(dirs, strings.TrimSuffix(expandHome(d), "/ansible_collections"))
		}
	case r.opts.Files == nil:
		dirs = append(dirs, expandHome("~/.ansible/collections"), "/usr/share/ansible/collections")
	}
	return dirs
}

// role reads what all uses of a role share.
func (r *reader) role(name, path, collection string) *Role {
	key := path + "\x00" + name
	r.cache.mu.Lock()
	role := r.cache.roles[key]
	r.cache.mu.Unlock()
	if role != nil {
		return role
	}
	if collection != "" {
		name = filepath.Base(path)
	}
	role = &Role{Name: name, Collection: collection, Path: path}
	if f := r.mainFile(filepath.Join(path, "meta"), ""); f != "" {
		if n, ok := r.node(f, diag.Pos{}); ok && !n.IsNull() {
			if n.Kind != yaml.Mapping {
				r.fail(n.Pos, "role-meta", "the meta file of a role must be a mapping, but this is %s", n.Describe())
			} else {
				role.Meta = n
				role.ArgumentSpecs = n.Get("argument_specs")
			}
		}
	}
	for _, ext := range []string{".yml", ".yaml"} {
		f := filepath.Join(path, "meta", "argument_specs"+ext)
		if !r.exists(f) {
			continue
		}
		if n, ok := r.node(f, diag.Pos{}); ok && n.Get("argument_specs") != nil {
			role.ArgumentSpecs = n.Get("argument_specs")
		}
		break
	}
	r.cache.mu.Lock()
	r.cache.roles[key] = role
	r.cache.mu.Unlock()
	return role
}

// roleMeta reads dependencies and allow_duplicates for a use.
func (r *reader) roleMeta(u *RoleUse) {
	meta := u.Role.Meta
	if meta == nil {
		return
	}
	if n := meta.Get("allow_duplicates"); n != nil && !u.FromInclude {
		r.checkForm("allow_duplicates", boolForm, n)
		u.AllowDuplicates = truthy(n)
	}
	p := meta.Pair("dependencies")
	if p == nil {
		return
	}
	for i, n := range r.list(*p) {
		c := at{up: &u.Scope, id: u.ID + "/dependencies/" + itoa(i+1), file: n.Pos.File}
		if dep := r.roleEntry(n, c, u); dep != nil {
			u.Deps = append(u.Deps, dep)
		}
	}
}

// truthy reads a boolean written plainly.
func truthy(n *yaml.Node) bool {
	v := n.Value()
	if v.IsString() {
		switch strings.ToLower(v.Str()) {
		case "yes", "true", "on", "y", "t", "1":
			return true
		}
		return false
	}
	return v.Truthy()
}

// partFiles are the names that a file of a role's folder may have, best first:
// those of the one asked for, or of main.
func partFiles(dir, from string) []string {
	exts := []string{"", ".yml", ".yaml", ".json"}
	if from == "" {
		from, exts = "main", []string{".yml", ".yaml", ".json", ""}
	}
	files := make([]string, len(exts))
	for i, ext := range exts {
		if files[i] = filepath.Clean(from + ext); !filepath.IsAbs(from) {
			files[i] = filepath.Join(dir, from+ext)
		}
	}
	return files
}

// noPart says that a role has no file of the name that was asked for in a folder of its
// own; file is one that was found outside of that, which no role may use ("" for none).
func (r *reader) noPart(pos diag.Pos, role, dir, from, file string) {
	if file != "" {
		r.fail(pos, "role-file", "Failed loading '%s' for role (%s) as it is not inside the expected role path: '%s'", absolute(file, r.opts.Files), role, absolute(dir, r.opts.Files))
		return
	}
	r.fail(pos, "role-file", "Could not find specified file in role: %s/%s", filepath.Base(dir), from).WithHint("looked in %s", dir)
}

// within tells whether a file is below a folder, by their names.
func within(file, dir string) bool {
	rel, err := filepath.Rel(dir, file)
	return err == nil && filepath.IsLocal(rel)
}

// mainFile finds the file of a role's folder: the one asked for, or main with
// any of the extensions. "" when there is none.
func (r *reader) mainFile(dir, from string) string {
	for _, f := range partFiles(dir, from) {
		if r.exists(f) && !r.isDir(f) {
			return f
		}
	}
	return ""
}

// roleItems reads a role's tasks or handlers.
func (r *reader) roleItems(u *RoleUse, part, from string, pos diag.Pos) []Item {
	dir := filepath.Join(u.Role.Path, part)
	file := r.mainFile(dir, from)
	if file == "" || !within(file, dir) {
		if from != "" {
			r.noPart(pos, u.Name, dir, from, file)
		}
		return nil
	}
	c := at{up: &u.Scope, id: u.ID + "/" + part, handlers: part == "handlers", dynamic: u.FromInclude && !u.Public}
	return r.taskFile(file, pos, c)
}

// taskFile reads a file that is a list of tasks.
func (r *reader) taskFile(file string, from diag.Pos, c at) []Item {
	if slices.Contains(r.stack, file) && len(r.stack) > 50 || count(r.stack, file) > 1 {
		r.fail(from, "import-loop", "%s imports itself", filepath.Base(file))
		return nil
	}
	n, ok := r.node(file, from)
	if !ok || n.IsNull() {
		if ok && from.IsValid() && !strings.HasPrefix(filepath.Base(file), "main.") {
			r.warn(from, "empty-file", "%s holds no tasks", file)
		}
		return nil
	}
	if n.Kind != yaml.Sequence {
		r.fail(n.Pos, "task-file", "a file of tasks must contain a list of tasks, but this is %s", n.Describe()).WithHint("each task begins with '- '")
		return nil
	}
	r.stack = append(r.stack, file)
	defer func() { r.stack = r.stack[:len(r.stack)-1] }()
	c.file = file
	items := r.tasks(n.Items, c)
	for _, it := range n.Items {
		if it.Kind == yaml.Mapping && it.Get("hosts") != nil {
			r.fail(it.Pos, "play-in-tasks", "this looks like a play, but the file is read as a list of tasks").
				WithHint("import plays with import_playbook")
			break
		}
	}
	return items
}

func count(all []string, one string) int {
	n := 0
	for _, s := range all {
		if s == one {
			n++
		}
	}
	return n
}

// roleVars reads defaults or vars of a role: a file, or all files of the
// folder main.
func (r *reader) roleVars(path, part, from string, pos diag.Pos) *yaml.Vars {
	vars := &yaml.Vars{}
	dir := filepath.Join(path, part)
	files := r.varsFiles(dir, from)
	switch {
	case from == "":
	case len(files) == 0:
		r.noPart(pos, filepath.Base(path), dir, from, "")
	case !within(files[0], dir):
		r.noPart(pos, filepath.Base(path), dir, from, files[0])
		return vars
	}
	for _, f := range files {
		n, ok := r.node(f, pos)
		if !ok || n.IsNull() {
			continue
		}
		if n.Kind != yaml.Mapping {
			r.fail(n.Pos, "vars-file", "a file of variables must be a mapping, but this is %s", n.Describe())
			continue
		}
		vars.Merge(yaml.VarsOf(n))
	}
	return vars
}

func (r *reader) varsFiles(dir, from string) []string {
	for _, f := range partFiles(dir, from) {
		switch {
		case r.isDir(f):
			return r.dirFiles(f)
		case r.exists(f):
			return []string{f}
		}
	}
	return nil
}

func (r *reader) dirFiles(dir string) []string {
	entries, err := r.opts.files().ReadDir(dir)
	if err != nil {
		return nil
	}
	var files []string
	for _, e := range entries {
		name, ext := e.Name(), filepath.Ext(e.Name())
		if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") {
			continue
		}
		path := filepath.Join(dir, name)
		switch {
		case r.isDir(path) && ext == "":
			files = append(files, r.dirFiles(path)...)
		case ext == "" || ext == ".yml" || ext == ".yaml" || ext == ".json":
			files = append(files, path)
		}
	}
	return files
}
