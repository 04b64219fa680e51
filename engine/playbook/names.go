package playbook

import "strings"

// Modules whose names the language itself knows.
var (
	// freeFormModules take their text as a command; of its k=v only rawOptions count.
	freeFormModules = set("command", "shell", "script", "raw", "win_command", "win_shell")
	// rawParamModules may have text beside their k=v.
	rawParamModules = set("command", "shell", "script", "raw", "win_command", "win_shell", "set_fact", "meta", "add_host", "group_by",
		"include", "include_tasks", "include_role", "include_vars", "import_tasks", "import_role")
	cmdModules = set("command", "shell", "script")
)

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// shortName strips the names of the collections that Ansible's own modules
// live in.
func shortName(name string) string {
	for _, p := range []string{"ansible.builtin.", "ansible.legacy.", "ansible.windows."} {
		if rest, ok := strings.CutPrefix(name, p); ok {
			return rest
		}
	}
	return name
}

func (o *Options) canonical(name string) string {
	if o.Canonical != nil {
		return o.Canonical(name)
	}
	return shortName(name)
}

// FullName is the name of the role with its collection.
func (u *RoleUse) FullName() string {
	if u.Role != nil && u.Role.Collection != "" {
		return u.Role.Collection + "." + u.Role.Name
	}
	if u.Role != nil {
		return u.Role.Name
	}
	return u.Name
}

// Title is the name under which a play is shown: its own, or its hosts.
func (p *Play) Title() string {
	if n := p.Keywords.Name.Str(); n != "" {
		return n
	}
	var parts []string
	for _, n := range p.Hosts.List() {
		parts = append(parts, n.Str())
	}
	return strings.Join(parts, ",")
}
