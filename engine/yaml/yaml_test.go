package yaml

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
)

type recorded struct {
	Scalars   []struct{ Text, Value, Error string }
	Documents []struct{ Name, Text, Value, Error string }
	Errors    []struct {
		Name, Text, Problem string
		OK                  bool
		Line, Col           int
	}
}

func load(t testing.TB) recorded {
	t.Helper()
	data, err := os.ReadFile("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var r recorded
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// Differences from what was recorded that are meant.
var scalarDiffers = map[string]string{
	"2001-13-14": "'2001-13-14'", // an error there; a text that only looks like a date here
	"2001-02-30": "'2001-02-30'",
}

func TestScalarsAreReadAsAnsibleReadsThem(t *testing.T) {
	t.Parallel()
	for _, c := range load(t).Scalars {
		n, err := ParseOne("f", []byte("a: "+c.Text), Options{})
		switch want, differs := scalarDiffers[c.Text]; {
		case differs:
			if err != nil || n.Get("a").Value().Repr() != want {
				t.Errorf("%s: %v, want %s", c.Text, n.Get("a").Value().Repr(), want)
			}
		case c.Error != "":
			if err == nil {
				t.Errorf("%s: got %s, want an error", c.Text, n.Get("a").Value().Repr())
			}
		case err != nil:
			t.Errorf("%s: %v", c.Text, err)
		case n.Get("a").Value().Repr() != c.Value:
			t.Errorf("%s: got %s, want %s", c.Text, n.Get("a").Value().Repr(), c.Value)
		}
	}
}

func TestDocumentsAreReadAsAnsibleReadsThem(t *testing.T) {
	t.Parallel()
	for _, c := range load(t).Documents {
		n, err := ParseOne("f", []byte(c.Text), Options{})
		if err != nil {
			t.Errorf("%s: %v, want %s", c.Name, err, c.Value)
			continue
		}
		if c.Name == "unsafe" { // lists below !unsafe come out empty there
			c.Value = "{'a': '{{ x }}', 'b': {'k': ['{{ y }}', 1]}}"
		}
		if got := n.Value().Repr(); got != c.Value {
			t.Errorf("%s: got %s, want %s", c.Name, got, c.Value)
		}
	}
}

// Where our place is better than the parser's of Ansible: the mistake rather
// than where it was noticed.
var placeDiffers = map[string]diag.Pos{
	"unquoted template":       {Line: 2, Col: 6},
	"unquoted template whole": {Line: 2, Col: 4},
	"open double quote":       {Line: 2, Col: 4},
	"star glob":               {Line: 2, Col: 4},
	"open list":               {Line: 1, Col: 4},
	"open map":                {Line: 1, Col: 4},
	"missing colon":           {Line: 2, Col: 1},
	"control":                 {Line: 2, Col: 5},
}

func TestMistakesHavePlaceAndHint(t *testing.T) {
	t.Parallel()
	for _, c := range load(t).Errors {
		_, err := ParseOne("f", []byte(c.Text), Options{})
		if err == nil {
			t.Errorf("%s: no error", c.Name)
			continue
		}
		d := err.(*diag.Diagnostic)
		want := diag.Pos{File: "f", Line: c.Line, Col: c.Col}
		if p, ok := placeDiffers[c.Name]; ok {
			want = diag.Pos{File: "f", Line: p.Line, Col: p.Col}
		}
		if d.Pos != want {
			t.Errorf("%s: at %s, want %s\n%s\n  ours:   %s\n  theirs: %s", c.Name, d.Pos, want, c.Text, d.Error(), c.Problem)
		}
		if d.Hint == "" || d.Code == "" || strings.Contains(d.Msg, "yaml:") {
			t.Errorf("%s: no hint or code: %#v", c.Name, d)
		}
	}
}
