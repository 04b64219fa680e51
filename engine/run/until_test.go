package run

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/state"
)

// TestUntilAsksAgain: an attempt that only reads must not see what the one
// before it saw.
func TestUntilAsksAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a")
	batches := 0
	l.before = func(string, state.Batch) error {
		if batches++; batches == 3 {
			l.on("a", "late", "")
		}
		return nil
	}
	l.run(`
- hosts: all
  gather_facts: false
  tasks:
    - {name: something waits to be applied, copy: {content: x, dest: "{{ root }}/before"}}
    - {name: it comes, stat: {path: "{{ root }}/late"}, register: r, until: r.stat.exists, retries: 20, delay: 0}
`)
	if l.sum.Exit != 0 || batches < 3 {
		t.Errorf("exit %d after %d batches", l.sum.Exit, batches)
	}
}
