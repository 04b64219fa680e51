package run

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// answers answers questions in order, and notes them.
func answers(asked *[]string, texts ...string) Asker {
	return func(_ context.Context, question string, shown bool) (string, error) {
		*asked = append(*asked, fmt.Sprintf("%s%t", question, shown))
		if len(*asked) > len(texts) {
			return "", io.EOF
		}
		return texts[len(*asked)-1], nil
	}
}

func TestVarsPromptAsks(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a")
	const pb = `
- hosts: all
  gather_facts: false
  vars: {base: from-a-variable}
  vars_prompt:
    - {name: given, prompt: Never asked}
    - {name: plain, prompt: What, private: false, default: d}
    - {name: default, default: "{{ base }}"}
    - {name: twice, confirm: true, private: false}
    - {name: hashed, prompt: Secret, encrypt: sha512_crypt, salt: saltsalt}
  tasks:
    - {name: write, copy: {content: "{{ given }} {{ plain }} {{ default }} {{ twice }} {{ hashed }}", dest: "{{ root }}/f"}}
`
	var asked []string
	l.cfg = func(c *Config) {
		c.Vars.Extra = &yaml.Vars{}
		c.Vars.Extra.SetValue("given", yaml.Var{}.Pos, value.String("g"))
		c.Ask = answers(&asked, "{{ not a template }}", "", "x", "y", "z", "z", "pw")
	}
	want(t, l.run(pb), "write a changed")
	if got, w := l.read("a", "f"), "g {{ not a template }} from-a-variable z $6$"; !strings.HasPrefix(got, w) {
		t.Errorf("wrote %q, want %q...", got, w)
	}
	exp := "What [d]: true|default [from-a-variable]: false|twice: true|confirm twice: true|" +
		"twice: true|confirm twice: true|Secret: false"
	if got := strings.Join(asked, "|"); got != exp {
		t.Errorf("asked %s\nwant  %s", got, exp)
	}
}

func TestVarsPromptWithoutATerminal(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a")
	want(t, l.run(`
- hosts: all
  gather_facts: false
  vars_prompt: [{name: x, default: d}, {name: "y"}]
  tasks:
    - {name: write, copy: {content: "{{ x }} {{ y }}", dest: "{{ root }}/f"}}
`), "write a changed")
	if got := l.read("a", "f"); got != "d None" {
		t.Errorf("wrote %q", got)
	}
}

func TestStepAsksBeforeEachTask(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a", "b")
	var asked []string
	l.cfg = func(c *Config) {
		c.Step, c.SkipTags = answers(&asked, "y", "n", "", "c"), []string{"not"}
	}
	want(t, l.run(`
- hosts: all
  gather_facts: false
  tasks:
    - {name: one, copy: {content: "1", dest: "{{ root }}/1"}}
    - {name: passed over, debug: , tags: not}
    - {name: two, copy: {content: "2", dest: "{{ root }}/2"}}
    - {name: three, debug: }
    - meta: noop
    - {name: four, debug: }
    - {name: five, debug: }
`), `
		one a changed
		one b changed
		four a ok
		four b ok
		five a ok
		five b ok`)
	if len(asked) != 4 || !strings.Contains(asked[3], "four") {
		t.Errorf("asked %q", asked)
	}
	if l.read("a", "1") != "1" || l.read("b", "2") != "" {
		t.Error("what was refused was done, or the other way round")
	}
}

func TestPauseAsks(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a")
	var asked []string
	l.cfg = func(c *Config) { c.Pause = answers(&asked, "an answer") }
	want(t, l.run(`
- hosts: all
  gather_facts: false
  tasks:
    - {name: ask, pause: {prompt: Well, echo: false}, register: p}
    - {name: write, copy: {content: "{{ p.user_input }}", dest: "{{ root }}/f"}}
`), "ask a ok\nwrite a changed")
	if got := l.read("a", "f"); got != "an answer" || len(asked) != 1 || asked[0] != "[ask]\nWell (output is hidden):\nfalse" {
		t.Errorf("wrote %q, asked %q", got, asked)
	}
}

// TestPauseCutShort: whoever is at the terminal ends a pause that would last long, well or not.
func TestPauseCutShort(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a")
	ends := []error{nil, ErrAborted}
	l.cfg = func(c *Config) {
		c.Pause = func(ctx context.Context, question string, _ bool) (string, error) {
			if _, limited := ctx.Deadline(); !limited || question != "" {
				t.Errorf("asked %q, limited: %v", question, limited)
			}
			end := ends[0]
			ends = ends[1:]
			return "", end
		}
	}
	want(t, l.run(`
- hosts: all
  gather_facts: false
  tasks:
    - {name: long, pause: {minutes: 60}, register: p}
    - {name: write, copy: {content: "{{ p.stdout }}", dest: "{{ root }}/f"}}
    - {name: longer, pause: {seconds: 4000}}
`), "long a ok\nwrite a changed\nlonger a failed")
	if got := l.read("a", "f"); got != "Paused for 0.0 minutes" {
		t.Errorf("wrote %q", got)
	}
}

// In the strategy free, a host is at its last task while another is still at
// its first: the first operation of b is held back until a was at its last.
func TestFreeHostsDoNotWait(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"free", "host_pinned"} {
		l := newLab(t, "a", "b")
		arrived := make(chan struct{})
		l.before = func(host string, b state.Batch) error {
			for _, op := range b.Ops {
				switch s := op.String(); {
				case host == "a" && strings.Contains(s, "last"):
					close(arrived)
				case host == "b" && strings.Contains(s, "first"):
					select {
					case <-arrived:
					case <-t.Context().Done():
						return t.Context().Err()
					}
				}
			}
			return nil
		}
		got := l.run(`
- hosts: all
  gather_facts: false
  strategy: ` + strategy + `
  handlers:
    - {name: h, command: "echo handler"}
  tasks:
    - {name: first, command: "echo first"}
    - {name: file, copy: {content: "{{ inventory_hostname }}", dest: "{{ root }}/f"}, notify: h}
    - block:
        - {name: fails, command: "test {{ inventory_hostname }} = a"}
      rescue:
        - {name: rescued, debug: }
    - {name: last, command: "echo last"}
`)
		w := []string{"first a changed", "file a changed", "fails a changed", "last a changed", "h a changed",
			"first b changed", "file b changed", "fails b failed rescued", "rescued b ok", "last b changed", "h b changed"}
		for _, host := range []string{"a", "b"} {
			var of, exp []string
			for _, s := range got {
				if strings.Contains(s, " "+host+" ") {
					of = append(of, s)
				}
			}
			for _, s := range w {
				if strings.Contains(s, " "+host+" ") {
					exp = append(exp, s)
				}
			}
			if strings.Join(of, "|") != strings.Join(exp, "|") {
				t.Errorf("%s, %s: %q\nwant %q", strategy, host, of, exp)
			}
		}
		if l.read("b", "f") != "b" || l.sum.Stats["b"].Rescued != 1 {
			t.Errorf("%s: %q %+v", strategy, l.read("b", "f"), l.sum.Stats["b"])
		}
	}
}

// Ten hosts that do not wait for each other, and a task that two may be at.
func TestFreeHostsAreThrottled(t *testing.T) {
	t.Parallel()
	var hosts []string
	for i := range 10 {
		hosts = append(hosts, fmt.Sprintf("h%d", i))
	}
	l := newLab(t, hosts...)
	var now, most atomic.Int32
	l.before = func(string, state.Batch) error {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(10 * time.Millisecond) // so that they would meet
		now.Add(-1)
		return nil
	}
	got := l.run(`
- hosts: all
  gather_facts: false
  strategy: free
  tasks:
    - {name: narrow, command: "echo narrow", throttle: 2}
`)
	if len(got) != 10 || l.sum.Exit != 0 || most.Load() > 2 {
		t.Errorf("%d results, exit %d, %d at once", len(got), l.sum.Exit, most.Load())
	}
}

func TestRunOnceSharesOnlyWhatIsTrue(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a", "b")
	want(t, l.run(`
- hosts: all
  gather_facts: false
  tasks:
    - {name: one, copy: {content: "1", dest: "{{ root }}/1"}}
    - {name: once, copy: {content: "2", dest: "{{ root }}/2", validate: "false %s"}, run_once: true, ignore_errors: true, register: r}
    - {name: tell, copy: {content: "{{ r.failed }}", dest: "{{ root }}/r"}}
`), `
		one a changed
		one b changed
		once a failed ignored
		tell a changed
		tell b changed`)
	if got := l.read("b", "r"); got != "True" {
		t.Errorf("b was told %q", got)
	}
}

func TestDefaultsOfGroupsOfModules(t *testing.T) {
	t.Parallel()
	pl := &play{runner: &runner{Config: Config{Modules: registry()}}}
	for _, c := range []struct {
		key, module string
		want        bool
	}{
		{"group/docker", "docker_container", true}, {"group/community.docker.docker", "docker_image", true}, {"group/docker", "copy", false},
		{"group/aws", "docker_image", false}, {"ansible.builtin.copy", "copy", true}, {"file", "copy", false},
	} {
		if got := pl.defaultsFor(c.key, c.module); got != c.want {
			t.Errorf("%s for %s: %t", c.key, c.module, got)
		}
	}
}
