package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// memoryLedger keeps notes as a store does, until it is cut off: from then on
// it takes nothing, as if its process were gone.
type memoryLedger struct {
	mu    sync.Mutex
	cut   bool
	notes map[string]event.Note
}

func (m *memoryLedger) Notes(context.Context) ([]event.Note, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cut = false
	var out []event.Note
	for _, n := range m.notes {
		out = append(out, n)
	}
	return out, nil
}

func (m *memoryLedger) Note(_ context.Context, _ bool, notes ...event.Note) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cut {
		return nil
	}
	if m.notes == nil {
		m.notes = map[string]event.Note{}
	}
	for _, n := range notes {
		m.notes[n.Kind+"|"+n.Host+"|"+n.Key] = n
	}
	return nil
}

const resumePlaybook = `
- hosts: all
  gather_facts: false
  handlers:
    - {name: restarted, shell: "echo h >> {{ root }}/handled"}
  tasks:
    - {name: seen, stat: {path: "{{ root }}/conf"}, register: seen}
    - {name: dir, file: {path: "{{ root }}/d", state: directory}}
    - {name: conf, copy: {content: "1\n", dest: "{{ root }}/conf"}, notify: restarted, register: conf}
    - {name: one, shell: "echo 1 >> {{ root }}/log; echo out", register: one}
    - {name: first, shell: "echo first >> {{ root }}/log", when: not seen.stat.exists}
    - {name: loop, shell: "echo {{ item }} >> {{ root }}/log", loop: [a, b, c]}
    - {name: guarded, shell: "touch {{ root }}/made; echo g >> {{ root }}/log", args: {creates: "{{ root }}/made"}}
    - {name: named, copy: {content: "{{ one.stdout }} {{ conf.changed }}\n", dest: "{{ root }}/said"}}
    - include_tasks: more.yml
      loop: [x, y]
    - {name: last, shell: "echo last >> {{ root }}/log"}
`

const wantLog = "1\nfirst\na\nb\nc\ng\nx\ny\nlast\n"

// TestResume cuts a run off before and after each of its batches and resumes
// it: what finished is not repeated, notified handlers run, what is in doubt is
// said to be so and nothing behind it is done.
func TestResume(t *testing.T) {
	t.Parallel()
	for _, applied := range []bool{false, true} {
		for at := 1; ; at++ {
			l := newLab(t, "a")
			l.write("more.yml", "- {name: more, shell: \"echo {{ item }} >> {{ root }}/log\"}\n")
			led := &memoryLedger{}
			n, cutAt := 0, ""
			l.cfg = func(c *Config) { c.Ledger = led }
			l.before = func(_ string, b state.Batch) error {
				if len(b.Ops) == 0 {
					return nil
				}
				n++
				if n < at {
					return nil
				}
				if n == at {
					cutAt = b.Ops[0].String()
				}
				led.mu.Lock()
				led.cut = true
				led.mu.Unlock()
				if n == at && applied {
					return nil
				}
				return diag.New(diag.Unreachable, diag.Pos{}, "", "cut off")
			}
			l.run(resumePlaybook)
			if n < at {
				break // the run has fewer batches
			}
			name := fmt.Sprintf("batch %d, applied %v", at, applied)
			l.before = nil
			res := strings.Join(l.run(resumePlaybook), "\n")
			log, handled := l.read("a", "log"), l.read("a", "handled")
			doubt := strings.HasPrefix(cutAt, "shell ") && !strings.Contains(cutAt, "made")
			if strings.Contains(res, "in_doubt") != doubt {
				t.Errorf("%s (%s): in doubt should be %v:\n%s", name, cutAt, doubt, res)
			}
			if doubt { // and then nothing follows
				if !strings.HasSuffix(res, "in_doubt") || l.sum.Exit != 2 {
					t.Errorf("%s:\n%s", name, res)
				}
				if !strings.HasPrefix(wantLog, log) {
					t.Errorf("%s: log %q", name, log)
				}
				continue
			}
			if log != wantLog || handled != "h\n" || l.read("a", "said") != "out True\n" || l.sum.Exit != 0 {
				t.Errorf("%s: log %q, handled %q, said %q, exit %d\n%s", name, log, handled, l.read("a", "said"), l.sum.Exit, res)
			}
		}
	}
}

// A run that ended is resumed without doing anything again.
func TestResumeOfAFinishedRun(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a", "b")
	l.write("more.yml", "- {name: more, shell: \"echo {{ item }} >> {{ root }}/log\"}\n")
	led := &memoryLedger{}
	l.cfg = func(c *Config) { c.Ledger = led }
	first := l.run(resumePlaybook)
	second := l.run(resumePlaybook)
	want(t, second, strings.Join(first, "\n"))
	if len(l.log) != 0 {
		t.Errorf("%q", l.log)
	}
	restored := 0
	for _, e := range l.events {
		if e.Restored && e.Kind == event.Result {
			restored++
		}
	}
	if restored == 0 {
		t.Error("nothing is said to be restored")
	}
}

func TestResumeRefusesAChangedPlaybook(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a")
	led := &memoryLedger{}
	l.cfg = func(c *Config) { c.Ledger = led }
	l.run("- hosts: all\n  gather_facts: false\n  tasks: [{name: x, shell: 'true'}]\n")
	l.write("site.yml", "- hosts: all\n  gather_facts: false\n  tasks: [{name: y, shell: 'true'}]\n")
	cfg, _, err := Prepare(Request{Playbooks: []string{l.dir + "/site.yml"}, Inventory: []string{l.dir + "/hosts.ini"}}, registry())
	if err != nil {
		t.Fatal(err)
	}
	cfg.Connector, cfg.Ledger = labConnector{l}, led
	_, err = Run(t.Context(), cfg)
	var d *diag.Diagnostic
	if !errors.As(err, &d) || d.Code != "changed-playbook" || diag.ClassOf(err) != diag.Conflict {
		t.Error(err)
	}
}

func TestSecretPaths(t *testing.T) {
	t.Parallel()
	v := value.FromMap(value.M("a", value.List(value.String("x"), value.String("s").WithMarks(value.Secret)), "b/c", value.String("t").WithMarks(value.Secret), "d", 1))
	paths := secretPaths(nil, v, "")
	if got := strings.Join(paths, " "); got != "/a/1 /b~1c" {
		t.Error(got)
	}
	raw, err := v.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	back, err := value.ParseJSON(raw)
	if err != nil {
		t.Fatal(err)
	}
	back = markPaths(back, "", paths)
	if got := secretPaths(nil, back, ""); strings.Join(got, " ") != "/a/1 /b~1c" {
		t.Error(got)
	}
}
