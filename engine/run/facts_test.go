package run

import (
	"slices"
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
		s := &factScan{budget: maxScan, seen: map[string]bool{}}
		s.text([]byte(x.text))
		if s.whole != x.whole || !x.whole && !slices.Equal(s.names, x.names) {
			t.Errorf("%s: whole %v, names %q", x.text, s.whole, s.names)
		}
	}
}
