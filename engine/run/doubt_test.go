package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// cutAt makes the process of the next run die at a batch with operations: the
// batch is carried out or not, and from then on nothing is noted.
func (l *lab) cutAt(led *memoryLedger, at int, applied bool) (reached func() bool) {
	n := 0
	l.before = func(_ string, b state.Batch) error {
		if len(b.Ops) == 0 {
			return nil
		}
		if n++; n < at {
			return nil
		}
		led.mu.Lock()
		led.cut = true
		led.mu.Unlock()
		if n == at && applied {
			return nil
		}
		return diag.New(diag.Unreachable, diag.Pos{}, "", "cut off")
	}
	return func() bool { return n >= at }
}

const doubtPlaybook = `
- hosts: all
  gather_facts: false
  tasks:
    - {name: first, shell: "echo first >> {{ root }}/log; echo out", register: first}
    - {name: loop, shell: "echo {{ item }} >> {{ root }}/log", loop: [x, y]}
    - {name: last, shell: "echo {{ first.stdout }} >> {{ root }}/log"}
`

// What is in doubt is decided by whoever looked: done things are not repeated,
// others are done once.
func TestDecide(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at      int
		applied bool
		ds      Decisions
		log     string
	}{
		"it was done":               {1, true, Decisions{Done: []string{"a"}}, "first\nx\ny\n\n"},
		"it was not done":           {1, false, Decisions{Redo: []string{"a:first"}}, "first\nx\ny\nout\n"},
		"an item was done":          {2, true, Decisions{Done: []string{"a: loop"}}, "first\nx\ny\nout\n"},
		"an item was not done":      {3, false, Decisions{Redo: []string{"all"}}, "first\nx\ny\nout\n"},
		"done again all the same":   {2, true, Decisions{Redo: []string{"a"}}, "first\nx\nx\ny\nout\n"},
		"the last one was not done": {4, false, Decisions{Redo: []string{"a"}}, "first\nx\ny\nout\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, led := newLab(t, "a"), &memoryLedger{}
			l.cfg = func(c *Config) { c.Ledger = led }
			l.cutAt(led, c.at, c.applied)
			l.run(doubtPlaybook)
			l.before = nil
			if err := Decide(t.Context(), led, Decisions{}); err != nil {
				t.Fatal("nothing was known to be in doubt:", err)
			}
			if res := strings.Join(l.run(doubtPlaybook), "\n"); !strings.HasSuffix(res, "in_doubt") || !l.sum.InDoubt {
				t.Fatal(res)
			}
			ds, err := Doubts(t.Context(), led)
			if err != nil || len(ds) != 1 || ds[0].Host != "a" || !strings.Contains(ds[0].Pos, "site.yml:") || (ds[0].Item != "") != (ds[0].Task == "loop") {
				t.Fatalf("%+v %v", ds, err)
			}
			for _, bad := range []Decisions{{}, {Done: []string{"b"}}, {Redo: []string{"a:other"}}, {Done: []string{"a"}, Redo: []string{"all"}}} {
				if err := Decide(t.Context(), led, bad); err == nil {
					t.Errorf("%+v was taken", bad)
				}
			}
			if err := Decide(t.Context(), led, c.ds); err != nil {
				t.Fatal(err)
			}
			res := strings.Join(l.run(doubtPlaybook), "\n")
			if got := l.read("a", "log"); got != c.log || l.sum.Exit != 0 || l.sum.InDoubt {
				t.Errorf("log %q, exit %d\n%s", got, l.sum.Exit, res)
			}
			if ds, err := Doubts(t.Context(), led); err != nil || len(ds) != 0 && ds[0].Decided != "done" {
				t.Errorf("%+v %v", ds, err)
			}
		})
	}
}

// A decision to do it again holds for one attempt: when that is cut off too, it
// is in doubt as before.
func TestRedoIsDecidedOnce(t *testing.T) {
	t.Parallel()
	l, led := newLab(t, "a"), &memoryLedger{}
	l.cfg = func(c *Config) { c.Ledger = led }
	l.cutAt(led, 1, true)
	l.run(doubtPlaybook)
	l.before = nil
	l.run(doubtPlaybook)
	if err := Decide(t.Context(), led, Decisions{Redo: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	l.cutAt(led, 1, true)
	l.run(doubtPlaybook)
	l.before = nil
	if res := strings.Join(l.run(doubtPlaybook), "\n"); res != "first a in_doubt" {
		t.Error(res)
	}
	if got := l.read("a", "log"); got != "first\nfirst\n" {
		t.Errorf("%q", got)
	}
}

type postArgs struct {
	To      string `arg:"to"`
	Once    bool   `arg:"once"`
	Creates string `arg:"creates"`
}

// post is a module with an effect that, with once, cannot be asked for, as a
// request to a web server.
func post() module.Module {
	spec := module.Spec{Name: "post", Traits: module.Traits{Reach: state.ReachExternal},
		Args: []module.Arg{{Name: "to"}, {Name: "once", Type: module.Bool}, {Name: "creates"}}}
	return module.New(spec, func(a postArgs, _ module.Inputs, _ state.View) (module.Change, error) {
		return module.Change{Once: a.Once, Ops: []state.Op{state.Exec{Shell: "echo sent >> " + a.To}}, Result: value.M("changed", true)}, nil
	})
}

// An effect of any module that says so is in doubt when it was cut off.
func TestOnce(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"once: true":                        "ask a in_doubt, sent once",
		"once: false":                       "ask a changed, sent twice",
		"once: true, creates: /nonexistent": "ask a changed, sent twice", // by its own word it has not happened
	} {
		l, led := newLab(t, "a"), &memoryLedger{}
		l.more = append(l.more, post())
		l.cfg = func(c *Config) { c.Ledger = led }
		play := fmt.Sprintf("- hosts: all\n  gather_facts: false\n  tasks: [{name: ask, post: {to: \"{{ root }}/log\", %s}}]\n", args)
		l.cutAt(led, 1, true)
		l.run(play)
		l.before = nil
		got := strings.Join(l.run(play), "\n")
		if got += map[string]string{"sent\n": ", sent once", "sent\nsent\n": ", sent twice"}[l.read("a", "log")]; got != want {
			t.Errorf("%s: %s", args, got)
		}
	}
}

const editPlaybook = `
- hosts: all
  gather_facts: false
  tasks:
    - {name: doubled, replace: {path: "{{ root }}/f", regexp: "a", replace: "aa"}, register: r}
    - {name: line, lineinfile: {path: "{{ root }}/f", regexp: "^(n+)$", line: '\1n', backrefs: true}}
    - {name: temp, tempfile: {path: "{{ root }}", prefix: made}, register: t}
    - {name: said, copy: {content: "{{ r.changed }} {{ t.path is match(root ~ '/made') }}\n", dest: "{{ root }}/said"}}
`

// Edits that find more to do each time are made once, whenever they are cut off.
func TestEditsAreMadeOnce(t *testing.T) {
	t.Parallel()
	for _, lockstep := range []bool{false, true} {
		for _, applied := range []bool{false, true} {
			for at := 1; ; at++ {
				l, led := newLab(t, "a"), &memoryLedger{}
				l.on("a", "f", "a\nn\n")
				l.cfg = func(c *Config) { c.Ledger, c.Lockstep = led, lockstep }
				reached := l.cutAt(led, at, applied)
				l.run(editPlaybook)
				if !reached() {
					break
				}
				l.before = nil
				res := strings.Join(l.run(editPlaybook), "\n")
				made, err := filepath.Glob(filepath.Join(l.dir, "root", "a", "made*"))
				if got := l.read("a", "f") + l.read("a", "said"); got != "aa\nnn\nTrue True\n" || len(made) != 1 || err != nil {
					t.Errorf("lockstep %v, batch %d, applied %v: %q, %d temporary files\n%s", lockstep, at, applied, got, len(made), res)
				}
			}
		}
	}
}

const jobPlaybook = `
- hosts: all
  gather_facts: false
  vars: {ansible_async_dir: "{{ root }}/jobs"}
  tasks:
    - {name: job, shell: "echo did >> {{ root }}/log; sleep 0.3; echo out", async: 30, poll: 1, register: j}
    - {name: left, shell: "echo left >> {{ root }}/log; echo out2", async: 30, poll: 0, register: k}
    - {name: waited, async_status: {jid: "{{ k.ansible_job_id }}"}, register: w, until: w.finished, retries: 50, delay: 1}
    - {name: said, copy: {content: "{{ j.stdout }} {{ w.stdout }}\n", dest: "{{ root }}/said"}}
`

// A job goes on when the run that started it is cut off, and the next attempt
// takes it up: it is done once, and its result is registered.
func TestJobsAreTakenUp(t *testing.T) {
	t.Parallel()
	for i := range 2 * 6 { // more batches only ask again
		at, applied := i/2+1, i%2 == 1
		t.Run(fmt.Sprintf("batch %d applied %v", at, applied), func(t *testing.T) {
			t.Parallel()
			l, led := newLab(t, "a"), &memoryLedger{}
			l.cfg = func(c *Config) { c.Ledger = led }
			l.cutAt(led, at, applied)
			l.run(jobPlaybook)
			l.before = nil
			res := strings.Join(l.run(jobPlaybook), "\n")
			if got := l.read("a", "log") + l.read("a", "said"); got != "did\nleft\nout out2\n" || l.sum.Exit != 0 {
				t.Errorf("%q\n%s", got, res)
			}
		})
	}
}

// Whatever a run was made from must be as it was: files that were changed,
// removed or added are named.
func TestResumeRefusesChangedSources(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"group_vars/all.yml":        "g: 1\n",
		"host_vars/a.yml":           "h: 1\n",
		"vars.yml":                  "v: 1\n",
		"more.yml":                  "m: 1\n",
		"tasks.yml":                 "- {name: included, shell: 'true'}\n",
		"roles/r/tasks/main.yml":    "- {name: in role, template: {src: t.j2, dest: \"{{ root }}/t\"}}\n- {name: copied, copy: {src: f, dest: \"{{ root }}/f\"}}\n- {shell: 'true'}\n",
		"roles/r/defaults/main.yml": "d: 1\n",
		"roles/r/handlers/main.yml": "[]\n",
		"roles/r/templates/t.j2":    "{{ d }}{% include 'part.j2' %}\n",
		"roles/r/templates/part.j2": "x\n",
		"roles/r/files/f":           "f\n",
		"looked.txt":                "l\n",
	}
	const play = `
- hosts: all
  gather_facts: false
  vars_files: [vars.yml]
  roles: [r]
  tasks:
    - include_vars: more.yml
    - include_tasks: tasks.yml
    - {name: last, copy: {content: "{{ lookup('file', 'looked.txt') }}{{ g }}{{ h }}{{ v }}{{ m }}\n", dest: "{{ root }}/said"}}
    - {name: end, shell: 'true'}
`
	resume := func(t *testing.T, change func(l *lab)) error {
		l, led := newLab(t, "a"), &memoryLedger{}
		for name, text := range files {
			l.write(name, text)
		}
		l.cfg = func(c *Config) { c.Ledger = led }
		l.run(play)
		change(l)
		cfg, _, err := Prepare(Request{Playbooks: []string{l.dir + "/site.yml"}, Inventory: []string{l.dir + "/hosts.ini"}, SkipLint: true}, registry())
		if err != nil {
			t.Fatal(err)
		}
		cfg.Connector, cfg.Ledger = labConnector{l}, led
		_, err = Run(context.WithoutCancel(t.Context()), cfg)
		return err
	}
	if err := resume(t, func(*lab) {}); err != nil {
		t.Fatal("nothing was changed:", err)
	}
	inventory := func(l *lab) { l.write("hosts.ini", l.file("hosts.ini")+"# more\n") }
	cases := map[string]func(*lab){
		"hosts.ini":                    inventory,
		"group_vars/all.yml (removed)": func(l *lab) { l.remove("group_vars/all.yml") },
		"host_vars/a/x.yml (new)":      func(l *lab) { l.remove("host_vars/a.yml"); l.write("host_vars/a/x.yml", "h: 1\n") },
	}
	for name, text := range files {
		cases[name] = func(l *lab) { l.write(name, text+"\n") }
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := resume(t, change)
			var d *diag.Diagnostic
			if !errors.As(err, &d) || d.Code != "changed-playbook" || diag.ClassOf(err) != diag.Conflict || !strings.Contains(d.Msg, "/"+name) {
				t.Errorf("%v", err)
			}
		})
	}
}

func (l *lab) remove(name string) {
	l.t.Helper()
	if err := os.Remove(filepath.Join(l.dir, name)); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) file(name string) string {
	l.t.Helper()
	b, err := os.ReadFile(filepath.Join(l.dir, name))
	if err != nil {
		l.t.Fatal(err)
	}
	return string(b)
}
