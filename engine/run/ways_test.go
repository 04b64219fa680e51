package run

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/fairlead-project/fairlead/engine/state"
)

// watchedConnector notes by which user and connection each batch goes.
type watchedConnector struct {
	Connector
	mu   sync.Mutex
	said []string
}

type watchedTarget struct {
	Target
	c   *watchedConnector
	way string
}

func (c *watchedConnector) Connect(ctx context.Context, spec HostSpec) (Target, error) {
	t, err := c.Connector.Connect(ctx, spec)
	return &watchedTarget{t, c, spec.User + " by " + spec.Connection}, err
}

func (t *watchedTarget) Do(ctx context.Context, b state.Batch) (state.Outcome, error) {
	if len(b.Ops) > 0 {
		t.c.mu.Lock()
		t.c.said = append(t.c.said, t.way)
		t.c.mu.Unlock()
	}
	return t.Target.Do(ctx, b)
}

// watch has the batches of a lab's runs noted.
func watch(l *lab) *watchedConnector {
	c := &watchedConnector{}
	l.cfg = func(cfg *Config) {
		c.Connector, cfg.Connector = cfg.Connector, c
	}
	return c
}

// What variables and keywords of a task say about the connection holds for it,
// and what waits on another connection is applied before.
func TestEachTaskSaysHowItsHostIsReached(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a")
	c := watch(l)
	l.run(`
- hosts: all
  gather_facts: false
  remote_user: one
  tasks:
    - {copy: {content: x, dest: "{{ root }}/f"}}
    - {copy: {content: y, dest: "{{ root }}/f"}, remote_user: two}
    - {copy: {content: z, dest: "{{ root }}/f"}, connection: local, register: z}
    - {copy: {content: "{{ item }}", dest: "{{ root }}/f"}, vars: {ansible_user: "{{ item }}"}, loop: [three, four]}
    - {copy: {content: one, dest: "{{ root }}/g"}}
    - {copy: {content: one, dest: "{{ root }}/h"}}
- hosts: all
  gather_facts: false
  remote_user: five
  tasks:
    - {copy: {content: five, dest: "{{ root }}/g"}}
    - {set_fact: {ansible_user: six}}
    - {copy: {content: six, dest: "{{ root }}/g"}}
`)
	want := []string{"one by ssh", "two by ssh", "one by local", "three by ssh", "four by ssh", "one by ssh", "five by ssh", "six by ssh"}
	if !slices.Equal(c.said, want) {
		t.Errorf("the batches went as %q, want %q", c.said, want)
	}
	if f, g := l.read("a", "f"), l.read("a", "g"); f != "four" || g != "six" || l.sum.Exit != 0 {
		t.Errorf("f = %q, g = %q, exit %d", f, g, l.sum.Exit)
	}
}

// What another host learnt may say how a host is reached: then it is asked each time.
func TestAnotherHostSaysHowAHostIsReached(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a", "b")
	c := watch(l)
	l.run(`
- hosts: all
  gather_facts: false
  vars: {ansible_user: "{{ hostvars['a'].who }}"}
  tasks:
    - {set_fact: {who: one}, when: inventory_hostname == 'a'}
    - {copy: {content: x, dest: "{{ root }}/f"}, when: inventory_hostname == 'b'}
    - {set_fact: {who: two}, when: inventory_hostname == 'a'}
    - {copy: {content: y, dest: "{{ root }}/f"}, when: inventory_hostname == 'b'}
`)
	if want := []string{"one by ssh", "two by ssh"}; !slices.Equal(c.said, want) || l.sum.Exit != 0 {
		t.Errorf("the batches went as %q, want %q; exit %d", c.said, want, l.sum.Exit)
	}
}
