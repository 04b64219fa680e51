package run

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/event"
)

// A condition of assert that cannot be evaluated says why as one of when: does, without
// its place, and is shown as any failure; one that does not hold is shown whole.
func TestConditionsOfAssert(t *testing.T) {
	t.Parallel()
	l := newLab(t, "a")
	l.run(`
- hosts: all
  gather_facts: false
  tasks:
    - {assert: {that: ["nope != ''"]}, ignore_errors: true}
    - {assert: {that: "not '{{ nope }}'"}, ignore_errors: true}
    - {assert: {that: ["{{ nope }} == 1"]}, ignore_errors: true}
    - {assert: {that: ["1 == 2"]}, ignore_errors: true}
`)
	var got []string
	for _, e := range l.events {
		if e.Kind != event.Result || e.Res == nil {
			continue
		}
		msg, _ := e.Res.Get("msg")
		shown := ""
		if e.Verbose {
			shown = "whole: "
		}
		got = append(got, shown+msg.Text())
	}
	wanted := []string{
		"The conditional check 'nope != ''' failed. The error was: error while evaluating conditional (nope != ''): 'nope' is undefined",
		"The task includes an option with an undefined variable. The error was: 'nope' is undefined",
		"The conditional check '{{ nope }} == 1' failed. The error was: error while evaluating conditional ({{ nope }} == 1): 'nope' is undefined",
		"whole: Assertion failed",
	}
	if len(got) != len(wanted) {
		t.Fatalf("%d results: %q", len(got), got)
	}
	for i := range wanted {
		if got[i] != wanted[i] {
			t.Errorf("%q, want %q", got[i], wanted[i])
		}
	}
}
