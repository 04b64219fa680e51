package render

import (
	"testing"

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
