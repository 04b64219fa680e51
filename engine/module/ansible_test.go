package module_test

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/module"
)

func TestCollection(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"copy": "ansible.builtin", "ansible.builtin.copy": "ansible.builtin", "ansible.legacy.subversion": "ansible.builtin",
		"mysql_user": "community.mysql", "firewalld": "ansible.posix", "community.mysql.mysql_user": "community.mysql",
		"a.b.c": "a.b", "cpoy": "", "ansible.builtin.cpoy": "", "ansible.builtin.mysql_user": "", "a.b": "",
	} {
		got, ok := module.Collection(name)
		if ok != (want != "") || ok && got != want {
			t.Errorf("Collection(%q) = %q, %v; want %q", name, got, ok, want)
		}
	}
}
