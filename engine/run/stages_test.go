package run

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/event"
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

// A task that says check_mode: false is done in a plan too, as Ansible does it in
// check mode; what it fails at behind changes that were only predicted is unknown.
func TestAPlanDoesWhatSaysCheckModeFalse(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a")
	l.cfg = func(cfg *Config) { cfg.Check = true }
	got := strings.Join(l.run(`
- hosts: all
  gather_facts: false
  tasks:
    - {name: look, command: echo 1.2, check_mode: false, changed_when: false, register: r}
    - {name: use, assert: {that: [r.stdout == '1.2', ansible_check_mode]}}
    - {name: predicted, copy: {content: "new\n", dest: "{{ root }}/f"}}
    - {name: not there yet, command: "cat {{ root }}/f", check_mode: false, register: f}
    - {name: needs it, debug: {var: f.stdout}, when: f.rc == 0}
    - {name: made, copy: {content: "x\n", dest: "{{ root }}/made"}, check_mode: false}
    - {name: still predicted, lineinfile: {path: "{{ root }}/f", line: new}}
    - name: tried again
      shell: echo . >> {{ root }}/tries; wc -l < {{ root }}/tries
      check_mode: false
      register: n
      until: n.stdout | int == 2
      delay: 0
    - {name: twice, assert: {that: [n.attempts == 2]}}
`), "\n")
	want := "look a ok\nuse a ok\npredicted a changed\nnot there yet a unknown\nneeds it a unknown\nmade a changed\nstill predicted a ok\ntried again a changed\ntwice a ok"
	if got != want {
		t.Errorf("plan:\n%s\nwant:\n%s", got, want)
	}
	if l.read("a", "made") != "x\n" {
		t.Error("the file of check_mode: false was not written")
	}
	if _, err := os.Stat(filepath.Join(l.dir, "root", "a", "f")); err == nil {
		t.Error("the plan wrote f")
	}
}

// What a folder's recursion found is changed without a word about it.
func TestRecursionWarnsOfNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a")
	l.on("a", "d/x", "1")
	l.on("a", "d/sub/y", "2")
	l.run(`
- hosts: all
  gather_facts: false
  tasks:
    - {name: all of it, file: {path: "{{ root }}/d", state: directory, mode: "0750", recurse: true}}
    - {name: one of it, stat: {path: "{{ root }}/d/sub/y"}, register: y}
    - {name: check, assert: {that: [y.stat.mode == '0750']}}
`)
	if l.sum.Exit != 0 {
		t.Errorf("exit %d", l.sum.Exit)
	}
	for _, e := range l.events {
		if e.Kind == event.Notice {
			t.Errorf("said %q", e.Msg)
		}
	}
}

// Commands that say that they change nothing need not wait for another run; nothing else
// is taken at its word.
func TestCommandsThatOnlyLook(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a")
	var reads []bool
	l.before = func(_ string, b state.Batch) error {
		if len(b.Ops) > 0 {
			reads = append(reads, b.Reads)
		}
		return nil
	}
	l.run(`
- hosts: all
  gather_facts: false
  tasks:
    - {command: "true"}
    - {command: "true", changed_when: false}
    - {shell: "true", changed_when: "false"}
    - {shell: "true", changed_when: "{{ 1 > 2 }}"}
    - {shell: "echo {{ item }}", changed_when: no, loop: [1, 2]}
    - {copy: {content: x, dest: "{{ root }}/x"}, changed_when: false}
`)
	if want := []bool{false, true, true, false, true, true, false}; !slices.Equal(reads, want) {
		t.Errorf("%v, want %v", reads, want)
	}
}
