package playbook

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

type recorded struct {
	KV, Raw []struct {
		Text  string
		Value map[string]string
		Error bool
	}
	Tasks []struct {
		Text, Action, Delegate string
		Args                   map[string]string
		Raw, Template          *string
		Error                  bool
	}
	Tags []struct {
		Tags, Only, Skip []string
		Run              bool
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

func TestFreeFormIsTakenApartAsInAnsible(t *testing.T) {
	t.Parallel()
	r := load(t)
	for i, c := range append(r.KV, r.Raw...) {
		ff, err := parseKV(yaml.FromValue(diag.Pos{}, value.String(c.Text)), i >= len(r.KV))
		got := map[string]string{}
		for _, p := range ff.pairs {
			got[p.Key.Str()] = p.Value.Str()
		}
		if ff.raw != nil {
			got["_raw_params"] = ff.raw.Str()
		}
		if c.Error && strings.TrimLeft(c.Text, " \n") != c.Text {
			continue // leading blanks are no error here
		}
		if (err != nil) != c.Error || err == nil && !cmp.Equal(c.Value, got, cmpopts.EquateEmpty()) {
			t.Errorf("%q: got %q %v, want %q", c.Text, got, err, c.Value)
		}
	}
}

// readTask reads one task written without its dash.
func readTask(t testing.TB, text string) (*Task, error) {
	t.Helper()
	n, err := yaml.ParseOne("t.yml", []byte("- "+strings.ReplaceAll(text, "\n", "\n  ")), yaml.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{opts: &Options{}, cache: newCache(), play: &Play{}}
	items := r.tasks(n.Items, at{id: "t", file: "t.yml", dynamic: true})
	if len(items) == 1 {
		task, _ := items[0].(*Task)
		return task, r.result()
	}
	return nil, r.result()
}

func TestTasksAreTakenApartAsInAnsible(t *testing.T) {
	t.Parallel()
	for _, c := range load(t).Tasks {
		if strings.HasPrefix(c.Text, "import_role") || c.Text == "include_tasks: {file: x.yml, apply: {tags: a}}" {
			continue
		}
		task, err := readTask(t, c.Text)
		if c.Error || err != nil {
			if (err != nil) != c.Error {
				t.Errorf("%q: %v, want error %v", c.Text, err, c.Error)
			}
			continue
		}
		args := map[string]string{}
		for _, p := range task.Args.Pairs {
			args[p.Key.Str()] = p.Value.Value().Repr()
		}
		text := func(n *yaml.Node) *string {
			if n == nil {
				return nil
			}
			s := n.Str()
			return &s
		}
		if d := cmp.Diff(c.Args, args, cmpopts.EquateEmpty()); d != "" || task.Action != c.Action || task.DelegateTo.Str() != c.Delegate {
			t.Errorf("%q: %s, delegate %q:\n%s", c.Text, task.Action, task.DelegateTo.Str(), d)
		}
		if d := cmp.Diff(c.Raw, text(task.Raw)) + cmp.Diff(c.Template, text(task.ArgsTemplate)); d != "" {
			t.Errorf("%q: %s", c.Text, d)
		}
	}
}

func TestTagsMatchAsInAnsible(t *testing.T) {
	t.Parallel()
	for _, c := range load(t).Tags {
		if got := TagsMatch(c.Tags, c.Only, c.Skip); got != c.Run {
			t.Errorf("tags %v, --tags %v, --skip-tags %v: %v, want %v", c.Tags, c.Only, c.Skip, got, c.Run)
		}
	}
}

func FuzzFreeForm(f *testing.F) {
	r := load(f)
	for _, c := range append(r.KV, r.Raw...) {
		f.Add(c.Text, true)
	}
	f.Fuzz(func(_ *testing.T, text string, raw bool) {
		_, _ = parseKV(yaml.FromValue(diag.Pos{}, value.String(text)), raw)
	})
}
