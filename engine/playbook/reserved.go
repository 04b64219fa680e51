package playbook

// otherReserved are names that Ansible reserves beside the keywords: attributes of its
// plays and tasks, and what every template can call.
var otherReserved = set("async_val", "loop_with", "with_", "cycler", "dict", "joiner", "lipsum", "lookup", "namespace", "now", "q", "query", "range", "undef")

// Reserved tells whether Ansible warns of a variable of this name, because it is a
// keyword or the name of a function of templates.
func Reserved(name string) bool {
	if name == "vars" || name == "listen" || name == "user" {
		return false
	}
	_, ok := commonKeyword(TaskScope, name)
	return ok || ownTaskKeywords[name] || ownPlayKeywords[name] || blockParts[name] || otherReserved[name]
}
