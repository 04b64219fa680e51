package all

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/module"
)

// A module checks itself when it is first used: here all are.
func TestModulesFitTheirSpecs(t *testing.T) {
	t.Parallel()
	for _, m := range Registry().All() {
		module.Check(m)
	}
}

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
