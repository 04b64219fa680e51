package all

import "testing"

func TestRegistryBuilds(t *testing.T) {
	t.Parallel()
	r := Registry()
	for _, name := range []string{"copy", "ansible.builtin.copy", "ansible.legacy.shell", "ping"} {
		if _, ok := r.Lookup(name); !ok {
			t.Errorf("%s is not known", name)
		}
	}
	if near := r.Nearest("coppy"); len(near) == 0 || near[0] != "copy" {
		t.Errorf("nearest to coppy = %v", near)
	}
}
