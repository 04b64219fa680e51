package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/state"
)

// TestSharedTasks has tasks that are the same for most hosts, and hosts for which they
// are not: at every level of variables that a host may have, and for everything that
// may be another on another host or at another time.
func TestSharedTasks(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a", "b", "c", "d")
	l.write("host_vars/b.yml", "inv: of-b\nname: of-b\n")
	l.write("group_vars/all.yml", "grouped: all\n")
	l.write("mine.yml", "play: from-a-file\n")
	l.run(`
- hosts: all
  gather_facts: false
  vars: {play: of-play, nested: "{{ play }}+{{ grouped }}", who: "{{ inventory_hostname }}"}
  tasks:
    - set_fact: {play: set}
      when: inventory_hostname == 'c'
    - include_vars: mine.yml
      when: inventory_hostname == 'd'
    - copy: {content: "{{ play }}\n", dest: "{{ root }}/play"}
    - debug: {msg: "{{ play }}"}
    - debug: {msg: "{{ nested }}"}
    - debug: {msg: "{{ inv | default('none') }}"}
    - debug: {msg: "{{ who }}"}
    - debug: {msg: "{{ play | default('x') }} {{ hostvars['c'].play }}"}
    - debug: {msg: "{{ 99999999 | random }}{{ 99999999 | random }}"}
    - debug: {msg: only}
      when: inv is defined
    - debug: {msg: "{{ reg.msg | default('first') }}"}
      register: reg
    - debug: {msg: "{{ reg.msg }}"}
    - set_fact: {play: late}
      when: inventory_hostname in ['a', 'b']
    - debug: {msg: "{{ play }}"}
`[1:])
	said := func(task int) string {
		var out []string
		nos := map[int64]bool{}
		for _, e := range l.events {
			if e.Kind == event.Result && e.Module == "debug" {
				nos[e.TaskNo] = true
			}
		}
		order := make([]int64, 0, len(nos))
		for n := range nos {
			order = append(order, n)
		}
		slices.Sort(order)
		for _, e := range l.events {
			if e.Kind == event.Result && e.Module == "debug" && e.TaskNo == order[task] {
				msg, _ := e.Res.Get("msg")
				if e.Status == event.Skipped {
					out = append(out, e.Host+"=-")
					continue
				}
				out = append(out, e.Host+"="+msg.Text())
			}
		}
		slices.Sort(out)
		return strings.Join(out, " ")
	}
	for i, want := range map[int]string{
		0: "a=of-play b=of-play c=set d=from-a-file",
		1: "a=of-play+all b=of-play+all c=set+all d=from-a-file+all",
		2: "a=none b=of-b c=none d=none",
		3: "a=a b=b c=c d=d",
		4: "a=of-play set b=of-play set c=set set d=from-a-file set",
		6: "a=- b=only c=- d=-",
		7: "a=first b=first c=first d=first",
		8: "a=first b=first c=first d=first",
		9: "a=late b=late c=set d=from-a-file",
	} {
		if got := said(i); got != want {
			t.Errorf("debug %d: %s, want %s", i, got, want)
		}
	}
	dice := map[string]bool{}
	for _, x := range strings.Fields(said(5)) {
		_, n, _ := strings.Cut(x, "=")
		dice[n] = true
	}
	if len(dice) != 4 {
		t.Errorf("random numbers of four hosts: %v", dice)
	}
	for host, want := range map[string]string{"a": "of-play\n", "c": "set\n", "d": "from-a-file\n"} {
		if got := l.read(host, "play"); got != want {
			t.Errorf("%s wrote %q, want %q", host, got, want)
		}
	}
}

// TestIncludedTasksAreShared: what hosts include in one round is loaded once, and what
// an include passes is still each host's own.
func TestIncludedTasksAreShared(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a", "b")
	l.write("more.yml", "- copy: {content: \"{{ passed }} {{ item | default('') }}\", dest: \"{{ root }}/{{ item | default('one') }}\"}\n")
	l.run(`
- hosts: all
  gather_facts: false
  tasks:
    - include_tasks: more.yml
      vars: {passed: "{{ inventory_hostname }}"}
    - include_tasks: more.yml
      vars: {passed: loop}
      loop: [x, y]
`[1:])
	for _, h := range []string{"a", "b"} {
		for file, want := range map[string]string{"one": h + " ", "x": "loop x", "y": "loop y"} {
			if got := l.read(h, file); got != want {
				t.Errorf("%s of %s: %q, want %q", file, h, got, want)
			}
		}
	}
}

// emptyHost has every folder that is asked about, and no I/O.
type emptyHost struct{}

func (emptyHost) Connect(context.Context, HostSpec) (Target, error) { return emptyHost{}, nil }
func (emptyHost) Close() error                                      { return nil }
func (emptyHost) Do(_ context.Context, b state.Batch) (state.Outcome, error) {
	var out state.Outcome
	for range b.Ops {
		out.Results = append(out.Results, state.OpResult{OK: true})
	}
	for _, q := range b.Ask {
		a := state.Answer{Query: q}
		switch q := q.(type) {
		case state.Path:
			dir := state.Stat{Type: state.TypeDir, Mode: 0o755, User: "root", Group: "root", Nlink: 2}
			a.Value = state.File{Canonical: q.Path, Resolved: q.Path, Parent: dir, Stat: dir, Followed: dir}
		case state.Login:
			a.Value = state.LoginInfo{User: "root", Group: "root", Home: "/root", Umask: 0o022}
		}
		out.Answers = append(out.Answers, a)
	}
	return out, nil
}

// BenchmarkPlan is the controller's share of a run without connections: 100 hosts, ten
// tasks that are the same for all of them, and ten that are not.
func BenchmarkPlan(b *testing.B) {
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("h%03d", i))
	}
	for _, kind := range []struct{ name, path string }{{"same", "{{ base }}/f"}, {"own", "{{ base }}/{{ inventory_hostname }}"}} {
		b.Run(kind.name, func(b *testing.B) {
			l := newLab(b, names...)
			text := "- hosts: all\n  gather_facts: false\n  vars: {base: /srv}\n  tasks:\n"
			for i := range 10 {
				text += fmt.Sprintf("    - file: {path: \"%s%d\", state: directory, mode: '0755'}\n", kind.path, i)
			}
			l.write("site.yml", text)
			b.ReportAllocs()
			for b.Loop() {
				cfg, _, err := Prepare(Request{Playbooks: []string{filepath.Join(l.dir, "site.yml")}, Inventory: []string{filepath.Join(l.dir, "hosts.ini")}}, registry())
				if err != nil {
					b.Fatal(err)
				}
				cfg.Connector, cfg.Check = emptyHost{}, true
				cfg.Sink = event.SinkFunc(func(_ context.Context, e *event.Event) error {
					if e.Status == event.Failed {
						return errors.New(e.Msg)
					}
					return nil
				})
				if sum, err := Run(b.Context(), cfg); err != nil || sum.Exit != 0 {
					b.Fatal(sum.Exit, err)
				}
			}
		})
	}
}
