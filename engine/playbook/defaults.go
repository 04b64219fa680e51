package playbook

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/yaml"
)

// builtinGroups are the groups of modules that module_defaults may name without a
// collection (action_groups of ansible-core's ansible_builtin_runtime.yml).
var builtinGroups = set("testgroup", "testlegacy", "aws", "acme", "azure", "cpm", "docker", "gcp", "k8s", "os", "ovirt", "vmware")

// moduleDefaults checks the form of module_defaults, as ansible-core does when it loads
// a playbook. Which modules there are is not looked at: a default of one that Fairlead
// does not have harms nobody.
func (r *reader) moduleDefaults(n *yaml.Node) bool {
	for _, entry := range n.List() {
		if entry.Kind != yaml.Mapping {
			r.fail(entry.Pos, "module-defaults", "The field 'module_defaults' is supposed to be a dictionary or list of dictionaries, the keys of which must be static action, module, or group names. Only the values may contain templates: this is %s",
				entry.Describe()).WithHint("for example: {'ping': \"{{ ping_defaults }}\"}")
			return false
		}
		for _, p := range entry.Pairs {
			if !r.moduleDefaultsKey(p.Key) {
				return false
			}
		}
	}
	return true
}

func (r *reader) moduleDefaultsKey(key *yaml.Node) bool {
	if !key.IsString() || key.HasTemplate() {
		r.fail(key.Pos, "module-defaults", "Could not resolve action %s in module_defaults", key.Value().Text()).WithHint("name a module, or a group as group/NAME; a template cannot stand here")
		return false
	}
	group, ok := strings.CutPrefix(key.Str(), "group/")
	if !ok {
		return true
	}
	short := strings.TrimPrefix(strings.TrimPrefix(group, "ansible.builtin."), "ansible.legacy.")
	if !strings.Contains(short, ".") && !builtinGroups[short] {
		r.fail(key.Pos, "module-defaults", "Error loading module_defaults: could not resolve the module_defaults group ansible.builtin.%s", short).WithHint("groups of collections are named as group/NAMESPACE.COLLECTION.GROUP")
		return false
	}
	return true
}
