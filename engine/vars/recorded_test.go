package vars

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

type recordedCase struct {
	Expr    string      `json:"expr"`
	Outcome string      `json:"outcome"`
	Value   value.Value `json:"value"`
}

// TestPlaybookStringsOfAnsible evaluates the case files of testdata/plugins and
// compares with what ansible-core answered (scripts/record-plugins.py).
func TestPlaybookStringsOfAnsible(t *testing.T) {
	files, err := filepath.Glob("testdata/plugins/*.json")
	if err != nil || len(files) < 10 {
		t.Fatal(err, files)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if name == "vars" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := recordedScope(t, strings.HasPrefix(name, "native"))
			for _, c := range readCases(t, file) {
				if different[c.Expr] == "" {
					checkRecorded(t, s, c)
				}
			}
		})
	}
}

func readCases(t *testing.T, file string) []recordedCase {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var cases []recordedCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// recordedScope makes scopes over testdata/plugins/vars.json.
func recordedScope(t *testing.T, native bool) func() *Scope {
	t.Helper()
	data, err := os.ReadFile("testdata/plugins/vars.json")
	if err != nil {
		t.Fatal(err)
	}
	vars, err := ParseExtra(string(data), yaml.Options{})
	if err != nil {
		t.Fatal(err)
	}
	eng := New(&inventory.Inventory{}, vars)
	eng.Native = native
	settings := map[string]value.Value{"DEFAULT_ROLES_PATH": value.Strings("/etc/ansible/roles"), "RETRY_FILES_ENABLED": value.Bool(false)}
	eng.Setting = func(name string) (value.Value, string, bool) { v, ok := settings[name]; return v, "default", ok }
	return func() *Scope { return eng.Scope(noWorld{}, nil, nil, nil, Moment{}) }
}

func checkRecorded(t *testing.T, scope func() *Scope, c recordedCase) {
	t.Helper()
	v, err := scope().Eval(yaml.FromValue(diag.Pos{}, value.String(c.Expr)))
	if err == nil && v.IsUndefined() {
		v = value.String("UNDEFINED")
	}
	switch {
	case c.Outcome == "err" && err == nil:
		t.Errorf("%s = %s\n\twant the error: %s", c.Expr, asJSON(v), c.Value.Text())
	case c.Outcome == "err":
		want := message(c.Value.Text())
		if !pythonic.MatchString(want) && !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(want)) {
			t.Errorf("%s\n\tsays  %s\n\twants %s", c.Expr, err, want)
		}
	case err != nil:
		t.Errorf("%s: %v\n\twant %s", c.Expr, err, asJSON(c.Value))
	case c.Value.Text() != "BYTES" && asJSON(v) != asJSON(c.Value):
		t.Errorf("%s\n\t=    %s\n\twant %s", c.Expr, asJSON(v), asJSON(c.Value))
	}
}

var wrappings = regexp.MustCompile(`^(template error while templating string|Unexpected templating type error occurred on \(SOURCE\)|An unhandled exception occurred while running the lookup plugin '[^']*'\. Error was a <class '[^']*'>, original message): `)

// pythonic are messages of Python itself, which nobody looks for: that there is
// an error is compared, not what it says.
var pythonic = regexp.MustCompile(`object has no attribute|not supported between|unexpected keyword argument|must be real number|` +
	`positional argument|unsupported operand|^expected (token|at most)|decoding to str|^Unable to find setting|is not (iterable|reversible|callable|subscriptable)|` +
	`cannot access local variable|doesn't apply to a|must be (str|unicode)|should be a str|codec can't|can only concatenate|^Could not load|and we were unable to convert to int|` +
	`^Unable to look up a name|^Unrecognized type <<class 'ansible|regular expression|unterminated subpattern`)

// message is the part of a recorded error that an author looks for: without
// what Ansible wraps around it, and without its repetitions.
func message(s string) string {
	s = wrappings.ReplaceAllString(s, "")
	s, _, _ = strings.Cut(s, "\n")
	if i := strings.Index(s, ". String: "); i > 0 {
		s = s[:i]
	}
	for i := 1; i < len(s)-2; i++ {
		if s[i] == '.' && s[i+1] == ' ' && (strings.HasPrefix(s, s[i+2:]) || strings.HasSuffix(s[:i], s[i+2:])) {
			return message(s[:i])
		}
	}
	return s
}

func asJSON(v value.Value) string {
	data, err := v.MarshalJSON()
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// different are recorded strings of which this engine makes something else on
// purpose, with the reason.
var different = map[string]string{
	"{{ ['a', 'b', 'c', 'b'] | ansible.utils.index_of('nosuch') }}":                                                                                                                "the message names the test only",
	"{{ [{'name': 'e0', 'mtu': 1500}, {'mtu': 9000, 'tags': ['a']}] | ansible.utils.index_of('eq', 'e0', 'name', fail_on_missing=true) }}":                                         "the message has no and before a single entry",
	"{{ {'name': 'sw1', 'id': 7, 'ports': [{'name': 'e0', 'mtu': 1500}, {'mtu': 9000, 'tags': ['a']}], 'none': {}} | ansible.utils.keep_keys(['a'], matching_parameter='like') }}": "the message is not in the brackets of a list",
	"{{ 'foo=bar=baz' | regex_replace('=', ':', count=1) }}":                                                                                                                       "count is of later versions",
	"{{ 'x' | ansible.utils.cidr_merge }}":              "a text is no list of networks",
	"{{ 'x' | regex_replace('x', 5) }}":                 "a number is a text where a text is wanted",
	"{{ range(3) | type_debug }}":                       "ranges are lists here",
	"{{ d.keys() | type_debug }}":                       "views are lists here",
	"{{ (s | string) | type_debug }}":                   "texts are texts",
	"{{ 'secret' | password_hash('bcrypt', 'short') }}": "the message says what is wrong with the salt",
	"{{ nosuch | json_query('a') }}":                    "an undefined name is said to be undefined",
	"{{ conf | to_nice_yaml(canonical=true) }}":         "the canonical style is not written",
	"{{ conf | to_nice_yaml(bad=true) }}":               "the message names the argument",
	"{{ nosuch | to_yaml }}":                            "an undefined name is said to be undefined",
	"{{ [nosuch] | to_yaml }}":                          "an undefined name is said to be undefined",
	"{{ '{{ x }}' | from_yaml }}":                       "the message says more",
	"{{ 'x: !foo y' | from_yaml }}":                     "the message says more",
	"{{ typesyaml | from_yaml }}":                       "dates stay texts",
	"{{ lookup('ini', 'value1 bogus=1 file=u.ini') }}":  "the message names the option alone",
	"{{ lookup('first_found', files=['nope', 'l.txt'], paths=['files'], errors='ignore') | default('none') }}": "files and paths work without terms, as in later versions",
	"{{ nosuch is failed }}":   "an undefined name is said to be undefined",
	"{{ nosuch is changed }}":  "an undefined name is said to be undefined",
	"{{ 'nosuch' is filter }}": "as in Jinja2",
	"{% for i in l %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}{% endfor %}": "jinja2.ext.loopcontrols is always there",
	"{% for i in l %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}":    "jinja2.ext.loopcontrols is always there",
	"{% do l.append(4) %}{{ l }}":             "jinja2.ext.do is always there",
	"{{ l.__class__ }}":                       "no look at Python's own",
	"{{ s.__len__() }}":                       "no look at Python's own",
	"{{ omit }}x":                             "the recording has no play, and so no omit",
	"{{ nosuch | default(omit) is defined }}": "the recording has no play, and so no omit",
	"{{ d.keys() | to_yaml }}":                "views are lists here",
	"{{ range(3) | to_yaml }}":                "ranges are lists here",
	"{{ d.keys() | to_json }}":                "views are lists here",
}
