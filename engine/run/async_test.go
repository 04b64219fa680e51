package run

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/event"
)

// TestTheEndOfAJobIsToldBelowItsTask: a module that is no command runs at once, and how
// its job ended is told when it did, below its own task's heading.
func TestTheEndOfAJobIsToldBelowItsTask(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a")
	l.run(`
- hosts: all
  gather_facts: false
  tasks:
    - {name: first, copy: {content: x, dest: "{{ root }}/one"}}
    - {name: second, file: {path: "{{ root }}/d", state: directory}, async: 5, poll: 1}
`)
	var told []string
	for _, e := range l.events {
		switch e.Kind {
		case event.TaskStarted, event.Result:
			told = append(told, string(e.Kind)+" "+e.Task)
		case event.Polled:
			told = append(told, strings.Fields(e.Msg)[1])
		}
	}
	want := []string{"first", "first", "second", "OK", "second"}
	for i, w := range want {
		if i >= len(told) || !strings.HasSuffix(told[i], w) {
			t.Fatalf("told %q, want the ends %q", told, want)
		}
	}
}
