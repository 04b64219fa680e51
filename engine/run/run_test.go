package run

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/state"
)

func want(t *testing.T, got []string, lines string) {
	t.Helper()
	var exp []string
	for _, s := range strings.Split(strings.TrimSpace(lines), "\n") {
		exp = append(exp, strings.TrimSpace(s))
	}
	if d := cmp.Diff(exp, got); d != "" {
		t.Errorf("results (-want +got):\n%s", d)
	}
}

func TestManyStateTasksAreOneBatch(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a", "b")
	const pb = `
- hosts: all
  gather_facts: false
  tasks:
    - {name: dir, file: {path: "{{ root }}/d", state: directory}}
    - {name: one, copy: {content: "1\n", dest: "{{ root }}/d/one"}}
    - {name: two, copy: {content: "{{ inventory_hostname }}\n", dest: "{{ root }}/d/two", mode: "0600"}}
    - {name: line, lineinfile: {path: "{{ root }}/d/one", line: more}}
`
	want(t, l.run(pb), `
		dir a changed
		dir b changed
		one a changed
		one b changed
		two a changed
		two b changed
		line a changed
		line b changed`)
	if n := l.batches("a"); n != 1 {
		t.Errorf("%d batches, want 1: %q", n, l.log)
	}
	if got := l.read("a", "d/one"); got != "1\nmore\n" {
		t.Errorf("one = %q", got)
	}
	want(t, l.run(pb), `
		dir a ok
		dir b ok
		one a changed
		one b changed
		two a ok
		two b ok
		line a changed
		line b changed`)
}

// walkthrough 10: what was planned behind a failure never happened.
func TestADeviationRollsBack(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a", "b")
	l.before = func(host string, b state.Batch) error {
		if host == "b" && len(b.Ops) > 1 {
			// Between gathering and applying, something takes the place of the folder.
			_ = os.WriteFile(filepath.Join(l.dir, "root/b/blocked"), nil, 0o644)
		}
		return nil
	}
	res := l.run(`
- hosts: all
  gather_facts: false
  handlers:
    - {name: h1, debug: {msg: h1}}
    - {name: h2, debug: {msg: h2}}
  tasks:
    - block:
        - {name: ok first, copy: {content: x, dest: "{{ root }}/first"}, notify: h1}
        - {name: seen, set_fact: {seen: 1}}
        - {name: breaks, copy: {content: x, dest: "{{ root }}/v", validate: "test -e {{ root }}/nothing-%s"}, notify: h2}
        - {name: seen2, set_fact: {seen2: 1}}
      rescue:
        - {name: rescue, debug: {msg: "{{ seen is defined }} {{ seen2 is defined }} {{ ansible_failed_task.name }}"}}
`)
	want(t, res, `
		ok first a changed
		ok first b changed
		seen a ok
		seen b ok
		breaks a failed rescued
		breaks b failed rescued
		rescue a ok
		rescue b ok
		h1 a ok
		h1 b ok`)
	for _, e := range l.events {
		if e.Task == "rescue" && e.Kind == "result" {
			if m, _ := e.Res.Get("msg"); m.Text() != "True False breaks" {
				t.Errorf("rescue saw %q", m.Text())
			}
		}
	}
	if l.sum.Exit != 0 {
		t.Errorf("exit %d: everything was rescued", l.sum.Exit)
	}
}

// walkthrough 11: an item that fails does not keep the next from running.
func TestALoopGoesOnAfterAFailedItem(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a")
	res := l.run(`
- hosts: all
  gather_facts: false
  tasks:
    - name: items
      copy: {content: "{{ item }}", dest: "{{ root }}/{{ item }}", validate: "{{ 'false' if item == 'two' else 'true' }} %s"}
      loop: [one, two, three]
      ignore_errors: true
      register: r
    - {name: told, assert: {that: ["r.results | map(attribute='failed') | list == [false, true, false]"]}}
`)
	want(t, res, `
		items(one) a changed
		items(two) a failed
		items(three) a changed
		told a ok`)
	if l.read("a", "three") != "three" || l.read("a", "two") != "" {
		t.Error("the wrong files exist")
	}
}

// walkthrough 12: what is planned behind a failure is planned again from what is.
func TestContentIsComputedFromWhatIsThere(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a")
	l.run(`
- hosts: all
  gather_facts: false
  tasks:
    - {name: fails, copy: {content: "A\n", dest: "{{ root }}/f", validate: "false %s"}, ignore_errors: true}
    - {name: line, lineinfile: {path: "{{ root }}/f", line: B, create: true}}
`)
	if got := l.read("a", "f"); got != "B\n" {
		t.Errorf("file = %q, want the line alone", got)
	}
}

// walkthrough 13: hosts that write to one delegate see each other's writes.
func TestDelegatedWritesSeeEachOther(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a", "b", "c")
	l.run(`
- hosts: all
  gather_facts: false
  tasks:
    - {name: line, lineinfile: {path: "{{ hostvars['a'].root }}/f", line: "{{ inventory_hostname }}", create: true}, delegate_to: a}
`)
	if got := l.read("a", "f"); got != "a\nb\nc\n" {
		t.Errorf("file = %q", got)
	}
}

func TestUnreachableIsChargedToTheTaskThatNeedsTheHost(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a", "dead")
	l.before = func(host string, _ state.Batch) error {
		if host == "dead" {
			return diag.New(diag.Unreachable, diag.Pos{}, "", "no route to host")
		}
		return nil
	}
	res := l.run(`
- hosts: all
  gather_facts: false
  tasks:
    - {name: says, debug: {msg: hello}}
    - {name: skipped, command: "true", when: false}
    - {name: needs, file: {path: "{{ root }}/x", state: directory}}
    - {name: after, debug: {msg: bye}}
`)
	want(t, res, `
		says a ok
		says dead ok
		skipped a skipped
		skipped dead skipped
		needs a changed
		needs dead unreachable
		after a ok`)
	if l.sum.Exit != 4 {
		t.Errorf("exit %d, want 4", l.sum.Exit)
	}
}

// walkthrough 16: play_hosts reads failures that are not applied yet.
func TestPlayHostsWaitForWhatIsPending(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a", "b", "c")
	res := l.run(`
- hosts: all
  gather_facts: false
  tasks:
    - {name: may fail, copy: {content: x, dest: "{{ root }}/f", validate: "{{ 'false' if inventory_hostname == 'b' else 'true' }} %s"}}
    - {name: left, debug: {msg: "{{ ansible_play_hosts }}"}}
`)
	want(t, res, `
		may fail a changed
		may fail b failed
		may fail c changed
		left a ok
		left c ok`)
	for _, e := range l.events {
		if e.Task == "left" && e.Kind == "result" {
			if m, _ := e.Res.Get("msg"); m.Text() != "['a', 'c']" {
				t.Errorf("play hosts = %s", m.Text())
			}
		}
	}
}

func TestAnyErrorsFatalStopsEverybody(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a", "b")
	l.run(`
- hosts: all
  gather_facts: false
  any_errors_fatal: true
  tasks:
    - {name: one, copy: {content: x, dest: "{{ root }}/one", validate: "{{ 'false' if inventory_hostname == 'b' else 'true' }} %s"}}
    - {name: two, copy: {content: x, dest: "{{ root }}/two"}}
`)
	if l.read("a", "two") != "" {
		t.Error("task two ran on a although task one failed on b")
	}
}

func TestAHostThatChangesBetweenGatherAndApplyIsPlannedAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a")
	l.on("a", "f", "old\n")
	meddled := false
	l.before = func(_ string, b state.Batch) error {
		if len(b.Ops) > 0 && !meddled {
			meddled = true
			l.on("a", "f", "meddled with\n")
		}
		return nil
	}
	l.run(`
- hosts: all
  gather_facts: false
  tasks:
    - {name: line, lineinfile: {path: "{{ root }}/f", line: mine}}
`)
	if got := l.read("a", "f"); got != "meddled with\nmine\n" {
		t.Errorf("file = %q: somebody's change was lost", got)
	}
}

func TestAPlanChangesNothingAndAgreesWithTheRun(t *testing.T) {
	t.Parallel()
	const pb = `
- hosts: all
  gather_facts: false
  tasks:
    - {name: dir, file: {path: "{{ root }}/d", state: directory}}
    - {name: file, copy: {content: "x\n", dest: "{{ root }}/d/f"}}
    - {name: line, lineinfile: {path: "{{ root }}/d/f", line: y}}
    - {name: cmd, command: "touch {{ root }}/made", register: c}
    - {name: depends, debug: {msg: "{{ c.stdout }}"}, when: c.rc == 0}
    - {name: later, copy: {content: z, dest: "{{ root }}/made/z"}}
`
	l := newLab(t, "a")
	l.cfg = func(c *Config) { c.Check = true }
	want(t, l.run(pb), `
		dir a changed
		file a changed
		line a changed
		cmd a changed
		depends a unknown
		later a unknown`)
	if len(l.log) != 0 {
		t.Errorf("a plan applied: %q", l.log)
	}
	if entries, _ := os.ReadDir(filepath.Join(l.dir, "root/a")); len(entries) != 0 {
		t.Errorf("a plan left %v", entries)
	}
}

func TestLockstepGivesTheSameResults(t *testing.T) {
	t.Parallel()
	const pb = `
- hosts: all
  gather_facts: false
  handlers:
    - {name: h, copy: {content: "{{ seen }}", dest: "{{ root }}/h"}}
  tasks:
    - {name: dir, file: {path: "{{ root }}/d", state: directory}, notify: h}
    - {name: set, set_fact: {seen: "{{ inventory_hostname }}!"}}
    - {name: file, copy: {content: "{{ seen }}", dest: "{{ root }}/d/f"}, register: r}
    - {name: check, command: "cat {{ r.dest }}", register: c}
    - {name: tell, copy: {content: "{{ c.stdout }}{{ hostvars['b'].seen }}", dest: "{{ root }}/t"}}
`
	l, k := newLab(t, "a", "b"), newLab(t, "a", "b")
	k.cfg = func(c *Config) { c.Lockstep = true }
	if d := cmp.Diff(l.run(pb), k.run(pb)); d != "" {
		t.Errorf("lockstep differs (-batched +lockstep):\n%s", d)
	}
	for _, h := range []string{"a", "b"} {
		if got, other := l.read(h, "t")+l.read(h, "h"), k.read(h, "t")+k.read(h, "h"); got != h+"!b!"+h+"!" || got != other {
			t.Errorf("%s: %q, lockstep %q", h, got, other)
		}
	}
}

func TestIncludeVarsAreEvaluatedWhenUsed(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a")
	l.write("more.yml", "greeting: \"hello {{ who }}\"\n")
	l.run(`
- hosts: all
  gather_facts: false
  tasks:
    - include_vars: more.yml
    - {set_fact: {who: you}}
    - {name: write, copy: {content: "{{ greeting }}", dest: "{{ root }}/f"}}
`)
	if got := l.read("a", "f"); got != "hello you" {
		t.Errorf("file = %q", got)
	}
}

func TestAnAssertionOverPendingResultsWaitsForThem(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a")
	want(t, l.run(`
- hosts: all
  gather_facts: false
  tasks:
    - {name: dir, file: {path: "{{ root }}/d", state: directory}, register: d}
    - {name: check, assert: {that: ["d.size > 0", "d is changed"]}}
`), `
		dir a changed
		check a ok`)
}

// A command that says that it changes nothing leaves a plan sure of what follows, but of
// failures, which what it might have done could prevent.
func TestAPlanTrustsACommandThatChangesNothing(t *testing.T) {
	t.Parallel()
	const pb = `
- hosts: all
  gather_facts: false
  tasks:
    - {name: look, command: "true", changed_when: false}
    - {name: file, copy: {content: x, dest: "{{ root }}/f"}}
    - {name: fails, copy: {content: z, dest: "{{ root }}/none/z"}, ignore_errors: true}
    - {name: act, command: "true"}
    - {name: late, copy: {content: y, dest: "{{ root }}/g"}}
`
	l := newLab(t, "a")
	l.cfg = func(c *Config) { c.Check = true }
	want(t, l.run(pb), `
		look a ok
		file a changed
		fails a unknown
		act a changed
		late a changed`)
	assumed := map[string]string{}
	for _, e := range l.events {
		if e.Kind == event.Result {
			assumed[e.Task] = e.Assuming
		}
	}
	if assumed["file"] != "" || assumed["late"] == "" {
		t.Errorf("assumed: %q", assumed)
	}
}
