package playbook

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

var ownPlayKeywords = set("hosts", "gather_facts", "gather_subset", "gather_timeout", "fact_path", "vars_files", "vars_prompt", "serial", "strategy", "order",
	"max_fail_percentage", "force_handlers", "roles", "pre_tasks", "tasks", "post_tasks", "handlers", "user")

// playbook reads all plays of a file and of those it imports.
func (r *reader) playbook(file string, from diag.Pos) []*Play {
	if slices.Contains(r.stack, file) {
		r.fail(from, "import-loop", "%s imports itself: %s", filepath.Base(file), strings.Join(append(r.stack, file), " -> "))
		return nil
	}
	r.stack = append(r.stack, file)
	defer func() { r.stack = r.stack[:len(r.stack)-1] }()
	base := r.base
	r.base = filepath.Dir(file)
	defer func() { r.base = base }()
	n, ok := r.node(file, from)
	if !ok {
		return nil
	}
	if n.Kind != yaml.Sequence {
		if !n.IsNull() || from.IsValid() {
			r.fail(n.Pos, "playbook", "A playbook must be a list of plays, but this is %s", n.Describe()).WithHint("each play begins with '- hosts: ...'")
		}
		return nil
	}
	var plays []*Play
	for _, p := range n.Items {
		switch {
		case p.Kind != yaml.Mapping:
			r.fail(p.Pos, "play", "playbook entries must be either valid plays or 'import_playbook' statements, but this is %s", p.Describe())
		case importKey(p) != nil:
			plays = append(plays, r.importPlaybook(p, *importKey(p), file)...)
		default:
			plays = append(plays, r.readPlay(p, file))
		}
	}
	return plays
}

func importKey(n *yaml.Node) *yaml.Pair {
	for _, name := range []string{"import_playbook", "ansible.builtin.import_playbook", "ansible.legacy.import_playbook", "include"} {
		if p := n.Pair(name); p != nil {
			return p
		}
	}
	return nil
}

// importPlaybook brings the plays of another file, with the tags, variables
// and conditions of the import.
func (r *reader) importPlaybook(n *yaml.Node, key yaml.Pair, file string) []*Play {
	if key.Key.Str() == "include" {
		r.warn(key.Key.Pos, "include-playbook", "include: for playbooks was removed from Ansible").WithHint("use import_playbook")
	}
	s := Scope{Kind: ImportScope, Pos: n.Pos, File: file}
	for _, p := range n.Pairs {
		if p.Key == key.Key {
			continue
		}
		if !r.setCommon(&s, p.Key.Str(), p) {
			r.unknownKeyword(p.Key, "PlaybookInclude", keywordNames(RoleScope, nil))
		}
	}
	name := key.Value
	if name.IsString() {
		if ff, err := parseKV(name, false); err == nil && len(ff.pairs) > 0 && ff.raw != nil {
			name = ff.raw
			vars := &yaml.Vars{}
			vars.Merge(s.Vars)
			for _, p := range ff.pairs {
				vars.Set(yaml.Var{Name: p.Key.Str(), Pos: p.Key.Pos, Node: p.Value})
			}
			s.Vars = vars
		}
	}
	target, ok := r.rendered(name, "a playbook to import", nil, append(slices.Clone(r.given), s.Vars)...)
	if !ok {
		return nil
	}
	outer := r.collection
	if p, c := r.collectionPlaybook(target); p != "" {
		target, r.collection = p, c
	} else if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(file), target)
	}
	r.given = append(r.given, s.Vars)
	plays := r.playbook(target, key.Value.Pos)
	r.given, r.collection = r.given[:len(r.given)-1], outer
	for _, p := range plays {
		p.When = append(slices.Clone(s.When), p.When...)
		p.Tags = append(p.Tags, s.Tags...)
	}
	return plays
}

// takeGiven adds the variables that the imports of the play's file pass on: they win
// over the play's own, those of the outermost import over all.
func (r *reader) takeGiven(p *Play) {
	vars := &yaml.Vars{}
	vars.Merge(p.Vars)
	for i := len(r.given) - 1; i >= 0; i-- {
		vars.Merge(r.given[i])
	}
	if vars.Len() > 0 {
		p.Vars = vars
	}
}

// readFiles reads the vars_files whose names are plain; what is wrong with them shows
// when the play begins.
func (r *reader) readFiles(p *Play) {
	quiet := &reader{opts: r.opts, cache: r.cache}
	for _, n := range p.VarsFiles {
		for _, name := range n.List() {
			if name.HasTemplate() {
				break
			}
			file := First(FindFile(&p.Scope, "vars", name.Value().Text()), r.exists)
			if file == "" {
				continue
			}
			if n, ok := quiet.node(file, name.Pos); ok && n.Kind == yaml.Mapping {
				p.files = append(p.files, yaml.VarsOf(n))
			}
			break
		}
	}
}

// PlainFiles are the vars_files whose names are plain, lowest first: those that are
// known while the play is read.
func (p *Play) PlainFiles() []*yaml.Vars { return p.files }

func (r *reader) readPlay(n *yaml.Node, file string) *Play {
	r.plays++
	p := &Play{ID: "play" + itoa(r.plays), Index: r.plays - 1, File: file, Dir: r.base, Collection: r.collection}
	p.Scope = Scope{Kind: PlayScope, Pos: n.Pos, In: p, File: file}
	r.play = p
	defer func() { r.play = nil }()
	lists := map[string]yaml.Pair{}
	for _, e := range n.Pairs {
		name := e.Key.Str()
		switch name {
		case "roles", "pre_tasks", "tasks", "post_tasks", "handlers":
			lists[name] = e
		default:
			if !r.playKeyword(p, name, e) && !r.setCommon(&p.Scope, name, e) {
				r.unknownPlayKey(e)
			}
		}
	}
	if both := n.Pair("user"); both != nil && n.Pair("remote_user") != nil {
		r.fail(both.Key.Pos, "two-users", "both 'user' and 'remote_user' are set for this play. The use of 'user' is deprecated, and should be removed")
	}
	r.checkHosts(p, n)
	r.takeGiven(p)
	r.readFiles(p)
	c := at{up: &p.Scope, file: file}
	for i, e := range r.list(lists["roles"]) {
		if use := r.roleEntry(e, at{up: &p.Scope, id: p.ID + "/roles/" + itoa(i+1), file: file}, nil); use != nil {
			p.Roles = append(p.Roles, use)
		}
	}
	read := func(name string) []Item {
		c.id, c.handlers = p.ID+"/"+name, name == "handlers"
		return r.tasks(r.list(lists[name]), c)
	}
	p.PreTasks, p.Tasks, p.PostTasks, p.Handlers = read("pre_tasks"), read("tasks"), read("post_tasks"), read("handlers")
	return p
}

func (r *reader) unknownPlayKey(e yaml.Pair) {
	names := keywordNames(PlayScope, ownPlayKeywords)
	if r.isModule(e.Key.Str()) {
		r.fail(e.Key.Pos, "unknown-keyword", "%q is a module, but this is a play, not a task", e.Key.Str()).WithHint("tasks stand in a list below 'tasks:'")
		return
	}
	r.unknownKeyword(e.Key, "Play", names)
}

func (r *reader) checkHosts(p *Play, n *yaml.Node) {
	switch {
	case p.Hosts == nil && n.Pair("hosts") == nil:
		r.fail(n.Pos, "hosts", "the field 'hosts' is required but was not set").WithHint("say on which hosts the play runs: add 'hosts:', for instance 'hosts: all'")
	case p.Hosts.IsNull() || p.Hosts.IsString() && p.Hosts.Str() == "" || p.Hosts.Kind == yaml.Sequence && len(p.Hosts.Items) == 0:
		r.fail(n.Pair("hosts").Key.Pos, "hosts", "Hosts list cannot be empty. Please check your playbook")
	case p.Hosts.Kind == yaml.Mapping:
		r.fail(p.Hosts.Pos, "hosts", "Hosts list must be a sequence or string. Please check your playbook: it is %s", p.Hosts.Describe())
	case p.Hosts.Kind == yaml.Sequence:
		for _, h := range p.Hosts.Items {
			switch {
			case h.IsNull():
				r.fail(h.Pos, "hosts", "Hosts list cannot contain values of 'None'. Please check your playbook")
			case !h.IsString():
				r.fail(h.Pos, "hosts", "Hosts list contains an invalid host value: this is %s", h.Describe())
			}
		}
	}
}

// playKeyword reads what only plays say.
func (r *reader) playKeyword(p *Play, name string, e yaml.Pair) bool {
	store := func(to **yaml.Node, f form) bool {
		r.checkForm(name, f, e.Value)
		if !e.Value.IsNull() {
			*to = e.Value
		}
		return true
	}
	switch name {
	case "hosts":
		p.Hosts = e.Value
	case "user":
		return store(&p.RemoteUser, textForm)
	case "gather_facts":
		return store(&p.GatherFacts, boolForm)
	case "gather_subset":
		return store(&p.GatherSubset, listForm)
	case "gather_timeout":
		return store(&p.GatherTimeout, intForm)
	case "fact_path":
		return store(&p.FactPath, textForm)
	case "vars_files":
		p.VarsFiles = e.Value.List()
		if e.Value.Kind == yaml.Mapping {
			r.fail(e.Value.Pos, "keyword-type", "vars_files must be a list of file names, but is a mapping")
			p.VarsFiles = nil
		}
	case "vars_prompt":
		r.prompts(p, e)
	case "serial":
		p.Serial = e.Value.List()
		for _, s := range p.Serial {
			if !s.HasTemplate() {
				text := strings.TrimSuffix(s.Value().Text(), "%")
				r.checkForm(name, numberForm, yaml.FromValue(s.Pos, value.String(text)))
			}
		}
	case "strategy":
		return store(&p.Strategy, textForm)
	case "order":
		r.checkOrder(e.Value)
		return store(&p.Order, textForm)
	case "max_fail_percentage":
		return store(&p.MaxFailPercentage, anyForm)
	case "force_handlers":
		return store(&p.ForceHandlers, boolForm)
	default:
		return false
	}
	return true
}

func (r *reader) checkOrder(n *yaml.Node) {
	orders := []string{"inventory", "reverse_inventory", "sorted", "reverse_sorted", "shuffle"}
	if n.IsString() && !n.HasTemplate() && !slices.Contains(orders, n.Str()) {
		r.fail(n.Pos, "keyword-type", "order cannot be %q", n.Str()).WithHint("one of %s", strings.Join(orders, ", "))
	}
}

func (r *reader) prompts(p *Play, e yaml.Pair) {
	for _, n := range r.list(e) {
		if n.Kind != yaml.Mapping || !n.Get("name").IsString() {
			r.fail(n.Pos, "vars-prompt", "Invalid vars_prompt data structure, missing 'name' key")
			continue
		}
		q := &Prompt{Pos: n.Pos, Name: n.Get("name").Str()}
		to := map[string]**yaml.Node{
			"prompt": &q.Prompt, "default": &q.Default, "private": &q.Private, "confirm": &q.Confirm, "encrypt": &q.Encrypt, "salt_size": &q.SaltSize, "salt": &q.Salt, "unsafe": &q.Unsafe,
		}
		for _, f := range n.Pairs {
			if f.Key.Str() == "name" {
				continue
			}
			if at, ok := to[f.Key.Str()]; ok {
				*at = f.Value
				continue
			}
			d := r.unknownKeyword(f.Key, "vars_prompt entry", []string{"name", "prompt", "default", "private", "confirm", "encrypt", "salt_size", "salt", "unsafe"})
			d.Msg = "Invalid vars_prompt data structure, found unsupported key '" + f.Key.Value().Text() + "'"
		}
		p.VarsPrompt = append(p.VarsPrompt, q)
	}
}

// Items are the play's tasks in order of execution without handlers: facts are
// the engine's business, handlers are flushed after each of the parts (roles
// and tasks are one). The items of a role's dependencies come before its own.
func (p *Play) Items() (pre, roles, tasks, post []Item) {
	for _, u := range p.Roles {
		roles = append(roles, u.AllTasks()...)
	}
	return p.PreTasks, roles, p.Tasks, p.PostTasks
}

// AllHandlers are the handlers of all roles of the play, then the play's own,
// then those of imported roles. Of two with the same name the later one counts.
func (p *Play) AllHandlers() []Item {
	var all []Item
	for _, u := range p.Roles {
		all = append(all, u.AllHandlers()...)
	}
	all = append(all, p.Handlers...)
	for _, u := range p.Imported {
		all = append(all, u.AllHandlers()...)
	}
	return all
}

// AllTasks are the items of the use's dependencies, then its own.
func (u *RoleUse) AllTasks() []Item {
	var all []Item
	for _, d := range u.Deps {
		all = append(all, d.AllTasks()...)
	}
	return append(all, u.Tasks...)
}

// AllHandlers are the handlers of the use's dependencies, then its own.
func (u *RoleUse) AllHandlers() []Item {
	var all []Item
	for _, d := range u.Deps {
		all = append(all, d.AllHandlers()...)
	}
	return append(all, u.Handlers...)
}
