package run

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// staged is a module with two effects, the second planned from what the first did.
func staged(plans *int) module.Module {
	type args struct {
		Dir string `arg:"dir"`
	}
	echo := func(dir, what string) state.Exec {
		return state.Exec{Argv: []string{"sh", "-c", "echo " + what + " >> " + dir + "/log; echo " + what}}
	}
	return module.New(module.Spec{Name: "staged", Args: []module.Arg{{Name: "dir"}}, Traits: module.Traits{Reach: state.ReachHost}},
		func(a args, _ module.Inputs, _ state.View) (module.Change, error) {
			*plans++
			return module.Change{Ops: []state.Op{echo(a.Dir, "one")}, Result: value.M("changed", true, "said", module.Later()),
				Then: func(_ state.View, did []state.OpResult) (module.Change, error) {
					first := strings.TrimSpace(string(did[0].Stdout))
					return module.Change{Ops: []state.Op{echo(a.Dir, "two")},
						Then: func(_ state.View, did []state.OpResult) (module.Change, error) {
							return module.Change{Result: value.M("changed", true, "said", first+" "+strings.TrimSpace(string(did[0].Stdout)))}, nil
						}}, nil
				}}, nil
		})
}

func TestStagesOfAnEffectFollowEachOther(t *testing.T) {
	t.Parallel()
	plans := 0
	l := newLab(t, "a")
	l.more = []module.Module{staged(&plans)}
	l.run(`
- hosts: all
  gather_facts: false
  tasks:
    - {name: two effects, staged: {dir: "{{ root }}"}, register: r}
    - {name: check, assert: {that: ["r.said == 'one two'"]}}
`)
	if got := l.read("a", "log"); got != "one\ntwo\n" || plans != 1 {
		t.Errorf("log = %q, planned %d times", got, plans)
	}
	if l.sum.Exit != 0 {
		t.Errorf("exit %d", l.sum.Exit)
	}
}

// What only looks is done in check mode too, unless a plan is behind an effect that
// it did not apply.
func TestALookIsTakenInCheckMode(t *testing.T) {
	t.Parallel()
	type args struct{}
	looks := module.New(module.Spec{Name: "looks", Traits: module.Traits{Reach: state.ReachHost}},
		func(args, module.Inputs, state.View) (module.Change, error) {
			return module.Change{Looks: true, Ops: []state.Op{state.Exec{Argv: []string{"echo", "seen"}, Read: true}}, Result: value.M("changed", false, "said", module.Later()),
				Then: func(_ state.View, did []state.OpResult) (module.Change, error) {
					return module.Change{Ops: []state.Op{state.Exec{Argv: []string{"false"}}},
						Result: value.M("changed", true, "said", strings.TrimSpace(string(did[0].Stdout)))}, nil
				}}, nil
		})
	tasks := `
- hosts: all
  gather_facts: false
  tasks:
    - {name: look, looks: {}, register: r, check_mode: true}
    - {name: check, assert: {that: ["r.said == 'seen'", "r is changed"]}}
    - {name: effect, command: "true"}
    - {name: look again, looks: {}, check_mode: true}
`
	l := newLab(t, "a")
	l.more = []module.Module{looks}
	if got := strings.Join(l.run(tasks), "\n"); got != "look a changed\ncheck a ok\neffect a changed\nlook again a changed" {
		t.Errorf("run:\n%s", got)
	}
	l.cfg = func(cfg *Config) { cfg.Check = true }
	if got := strings.Join(l.run(tasks), "\n"); !strings.HasPrefix(got, "look a changed\ncheck a ok\n") {
		t.Errorf("plan:\n%s", got)
	}
	for _, said := range l.log {
		if strings.Contains(said, "false") {
			t.Errorf("a plan did %s", said)
		}
	}
}
