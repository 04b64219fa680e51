package render

import (
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
		"a skipped debug":                 {event.Event{Module: "debug", Status: event.Skipped, Verbose: true, Res: value.M("changed", false, "skipped_reason", "x")}, `{"skipped_reason": "x"}`},
	} {
		if got := (&Terminal{o: Options{Verbosity: 1}}).body(&c.e); got != c.want {
			t.Errorf("%s: %q, not %q", name, got, c.want)
		}
	}
}
