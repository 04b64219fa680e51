package render

import (
	"bytes"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestResultsAreWrittenAsAskedFor(t *testing.T) {
	t.Parallel()
	m := value.M("rc", 0, "stdout", "a  \n\tb\n", "stdout_lines", []string{"a  ", "\tb"}, "yes", "yes")
	for _, c := range []struct {
		how  Results
		wide bool
		want string
	}{
		{Results{}, false, `{"rc": 0, "stdout": "a  \n\tb\n", "stdout_lines": ["a  ", "\tb"], "yes": "yes"}`},
		{Results{Compact: true}, true, `{"rc": 0, "stdout": "a  \n\tb\n", "stdout_lines": ["a  ", "\tb"], "yes": "yes"}`},
		{Results{Pretty: true}, false, "{\n    \"rc\": 0,\n    \"stdout\": \"a  \\n\\tb\\n\",\n    \"stdout_lines\": [\n        \"a  \",\n        \"\\tb\"\n    ],\n    \"yes\": \"yes\"\n}"},
		{Results{YAML: jinja.ResultYAML}, false, "\n    rc: 0\n    stdout: |-\n        a\n                b\n    stdout_lines: <omitted>\n    'yes': 'yes'"},
		{Results{YAML: jinja.ResultYAML, Compact: true}, false, "\n    rc: 0\n    stdout: \"a  \\n\\tb\\n\"\n    stdout_lines:\n    - 'a  '\n    - \"\\tb\"\n    'yes': 'yes'"},
	} {
		if got := (&Terminal{o: Options{Results: c.how}}).written(m, c.wide); got != c.want {
			t.Errorf("%+v: got\n%s\nwant\n%s", c.how, got, c.want)
		}
	}
}

func TestWhatAResultShows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		e    event.Event
		want string
	}{
		"warnings are lines of their own": {event.Event{Module: "file", Status: event.OK, Res: value.M("a", 1, "warnings", []string{"w"})}, `{"a": 1}`},
		"facts are too many":              {event.Event{Module: "setup", Status: event.OK, Res: value.M("ansible_facts", value.M("a", 1))}, ""},
		"facts that failed":               {event.Event{Module: "setup", Status: event.Failed, Res: value.M("msg", "no")}, `{"msg": "no"}`},
		"a hidden debug":                  {event.Event{Module: "debug", NoLog: true, Status: event.OK, Res: value.M("censored", "x", "changed", false)}, `{"censored": "x"}`},
		"a skipped loop":                  {event.Event{Module: "command", Loop: true, Status: event.Skipped, Res: value.M("changed", false, "results", []string{"a"})}, `{"changed": false}`},
		"a skipped debug":                 {event.Event{Module: "debug", Status: event.Skipped, Verbose: true, Res: value.M("changed", false, "skipped_reason", "x")}, `{"skipped_reason": "x"}`},
	} {
		if got, _ := (&Terminal{o: Options{Verbosity: 1}}).body(&c.e); got != c.want {
			t.Errorf("%s: %q, not %q", name, got, c.want)
		}
	}
}

// What is expected here was written by ansible-playbook with these callbacks.
func TestResultsOfOtherCallbacks(t *testing.T) {
	t.Parallel()
	yaml, debug := Results{Headed: jinja.CallbackYAML}, Results{Apart: true}
	for _, c := range []struct {
		how  Results
		e    event.Event
		want string
	}{
		{yaml, event.Event{Module: "shell", Status: event.Changed, Res: value.M("changed", true, "rc", 0, "stdout", "x\ny", "stdout_lines", []string{"x", "y"}, "stderr", "", "stderr_lines", []string{})},
			"changed=true \n  rc: 0\n  stderr: ''\n  stderr_lines: <omitted>\n  stdout: |-\n    x\n    y\n  stdout_lines: <omitted>"},
		{yaml, event.Event{Module: "debug", Status: event.OK, Verbose: true, Res: value.M("changed", false, "msg", "hi\nyou")}, "\n  msg: |-\n    hi\n    you"},
		{yaml, event.Event{Module: "debug", Status: event.Skipped, Res: value.M("changed", false, "skipped", true, "skip_reason", "x")}, ""},
		{yaml, event.Event{Module: "meta", Status: event.OK, Res: value.M("changed", false)}, "changed=false"},
		{debug, event.Event{Module: "shell", Status: event.Failed, Res: value.M("changed", true, "rc", 1, "stdout", "x\ny", "stdout_lines", []string{"x", "y"}, "stderr", "", "stderr_lines", []string{}, "msg", "non-zero return code")},
			"{\n    \"changed\": true,\n    \"rc\": 1\n}\n\nSTDOUT:\n\nx\ny\n\n\nMSG:\n\nnon-zero return code"},
		{debug, event.Event{Module: "debug", Status: event.OK, Verbose: true, Res: value.M("changed", false, "msg", "hi")}, "{}\n\nMSG:\n\nhi"},
	} {
		got, wanted := (&Terminal{o: Options{Verbosity: 1, Results: c.how}}).body(&c.e)
		if got != c.want || !wanted {
			t.Errorf("%s %s (wanted %v): got\n%q\nwant\n%q", c.e.Module, c.e.Status, wanted, got, c.want)
		}
	}
}

// Headings show names without the blanks around them, as Ansible's callback does.
func TestHeadingsAreTrimmed(t *testing.T) {
	var out bytes.Buffer
	term := New(&out, Options{Width: 30})
	for _, e := range []*event.Event{
		{Kind: event.PlayStarted, Play: " first ", Hosts: []string{"a"}},
		{Kind: event.TaskStarted, Task: "role : with "},
	} {
		if err := term.Emit(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"PLAY [first] *", "TASK [role : with] *"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q has no %q", out.String(), want)
		}
	}
}
