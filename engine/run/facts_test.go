package run

import (
	"slices"
	"strings"
	"testing"
)

// What is read of the facts by name is all that is gathered; where the names cannot be
// told, everything is.
func TestFactScan(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		text  string
		whole bool
		names []string
	}{
		{"{{ ansible_os_family }} {{ ansible_facts.kernel }} {{ ansible_facts['ansible_lsb'] }}", false, []string{"ansible_os_family", "ansible_kernel", "ansible_lsb"}},
		{"when: \"'packages' not in ansible_facts\"", true, nil},
		{"{{ ansible_facts.keys() | list | intersect(wanted) }}", true, nil},
		{"{{ ansible_facts.get('os_family') }}", true, nil},
		{"{{ ansible_facts . items ( ) }}", true, nil},
		{"{{ ansible_facts.keystone }}", false, []string{"ansible_keystone"}},
		{"{{ ansible_facts[name] }}", true, nil},
		{"{{ lookup('varnames', '^ansible_.+') }}", true, nil},
	} {
		s := newFactScan()
		s.text([]byte(x.text))
		if s.whole != x.whole || !x.whole && !slices.Equal(s.names, x.names) {
			t.Errorf("%s: whole %v, names %q", x.text, s.whole, s.names)
		}
	}
}

// Facts are read wherever tasks lead: in files and roles that they include, wherever these
// lie; where only the run can tell which, everything is gathered.
func TestFactsOfWhatTasksBring(t *testing.T) {
	t.Parallel()
	fact := "- debug: {msg: \"{{ ansible_kernel }}\"}\n"
	for name, x := range map[string]struct {
		tasks string
		files map[string]string
		want  string
	}{
		"nothing":                 {"- debug: {msg: x}", map[string]string{"more.yml": fact}, ""},
		"file beside":             {"- include_tasks: more.yml", map[string]string{"more.yml": fact}, "ansible_kernel"},
		"file of a file":          {"- include_tasks: sub/a.yml", map[string]string{"sub/a.yml": "- include_tasks: ../b.yml\n", "b.yml": fact}, "ansible_kernel"},
		"file of a loop":          {"- include_tasks: \"{{ item }}.yml\"\n  loop: [more]", map[string]string{"more.yml": fact}, "ansible_kernel"},
		"some file":               {"- include_tasks: \"{{ x }}.yml\"\n  vars: {x: \"{{ inventory_hostname }}\"}", nil, "all"},
		"role elsewhere":          {"- include_role: {name: r}", map[string]string{"others/r/tasks/main.yml": "- debug:\n", "others/r/templates/.hidden": "{{ ansible_kernel }}"}, "ansible_kernel"},
		"role of a role":          {"- include_role: {name: q}", map[string]string{"others/q/meta/main.yml": "dependencies: [r]\n", "others/r/tasks/main.yml": fact}, "ansible_kernel"},
		"some role":               {"- include_role: {name: \"{{ inventory_hostname }}\"}", nil, "all"},
		"a role's own files":      {"- include_role: {name: r}", map[string]string{"others/r/tasks/main.yml": "- include_tasks: \"{{ inventory_hostname }}.yml\"\n", "others/r/tasks/a.yml": fact}, "ansible_kernel"},
		"a role's files, outside": {"- include_role: {name: r}", map[string]string{"others/r/tasks/main.yml": "- include_tasks: \"{{ playbook_dir }}/{{ inventory_hostname }}.yml\"\n"}, "all"},
		"a looked up template":    {"- debug: {msg: \"{{ lookup('template', x) }}\"}\n  vars: {x: deep/t.j2}", map[string]string{"deep/t.j2": "{{ ansible_kernel }}"}, "ansible_kernel"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, "a")
			for file, text := range x.files {
				l.write(file, text)
			}
			l.write("site.yml", "- hosts: all\n  tasks:\n    "+strings.ReplaceAll(x.tasks, "\n", "\n    ")+"\n")
			cfg, _, err := Prepare(Request{Playbooks: []string{l.dir + "/site.yml"}, Inventory: []string{l.dir + "/hosts.ini"}, RolesPath: []string{l.dir + "/others"}}, registry())
			if err != nil {
				t.Fatal(err)
			}
			cfg.FactFamilies = func(names []string) string { return strings.Join(names, " ") }
			if got := (&runner{Config: cfg}).usedFacts(); got != x.want {
				t.Errorf("%q, want %q", got, x.want)
			}
		})
	}
}
