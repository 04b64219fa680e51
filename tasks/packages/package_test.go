package packages

import (
	"errors"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestPackage(t *testing.T) {
	t.Parallel()
	plan := func(args *value.Map, manager string) (module.Change, error) {
		m := Package()
		a, err := m.Decode(args, diag.Pos{})
		if err != nil {
			t.Fatal(err)
		}
		v := state.NewHostView()
		c, err := m.Plan(a, module.Inputs{Now: now}, v)
		for err == nil && len(c.Need) > 0 {
			switch q := c.Need[0].(type) {
			case state.Facts:
				v.Learn(state.Answer{Query: q, Value: value.M("pkg_mgr", manager)})
			case state.Apt:
				v.Learn(state.Answer{Query: q, Value: lists})
			case state.Output: // what rpm has
				v.Learn(state.Answer{Query: q, Value: state.OutputInfo{Stdout: "program dnf\nhave bash\nlack nginx\n"}})
			default:
				t.Fatalf("asked for %T", q)
			}
			c, err = m.Plan(a, module.Inputs{Now: now}, v)
		}
		return c, err
	}
	c, err := plan(value.M("name", "nginx", "state", "installed"), "apt")
	if err != nil || len(c.Ops) != 1 || c.Ops[0].String() != "apt-get install 'nginx=1.22.1-9'" {
		t.Errorf("%v, %v", c.Ops, err)
	}
	c, err = plan(value.M("name", "bash", "state", "present", "use", "apt"), "")
	if err != nil || len(c.Ops) != 0 {
		t.Errorf("%v, %v", c.Ops, err)
	}
	c, err = plan(value.M("name", "bash,nginx", "state", "present"), "dnf")
	if err != nil || len(c.Ops) != 1 || c.Ops[0].String() != `run ["dnf" "-y" "install" "nginx"]` {
		t.Errorf("%v, %v", c.Ops, err)
	}
	_, err = plan(value.M("name", "bash", "state", "present"), "pacman")
	var f *module.Failure
	if !errors.As(err, &f) || !strings.HasPrefix(f.Msg, "Could not find a module for pacman") {
		t.Errorf("%v", err)
	}
}
