package module

import (
	_ "embed"
	"strings"
	"sync"
)

// ansibleModules are the short names that ansible-core 2.14 knows, a collection
// a line (scripts/record-modules.py).
//
//go:embed ansible.txt
var ansibleModules string

// collections gives the collection of each of those names.
var collections = sync.OnceValue(func() map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(ansibleModules) {
		collection, names, _ := strings.Cut(line, ":")
		for name := range strings.FieldsSeq(names) {
			m[name] = collection
		}
	}
	return m
})

// Collection tells which of Ansible's collections a module is from, by its name
// alone: short, or with the collection in front. There is none for a short name
// that ansible-core 2.14 does not know.
func Collection(name string) (string, bool) {
	short := name
	for _, prefix := range builtin {
		short = strings.TrimPrefix(short, prefix)
	}
	if i := strings.LastIndexByte(short, '.'); i >= 0 {
		return short[:i], strings.Contains(short[:i], ".")
	}
	c, ok := collections()[short]
	return c, ok && (short == name || c == "ansible.builtin")
}
