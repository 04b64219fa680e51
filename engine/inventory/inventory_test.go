package inventory

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/fairlead-project/fairlead/engine/diag"
)

type recorded struct {
	Values []struct{ Text, Value string }
	Lines  []struct {
		Line  string
		Words []string
		Error bool
	}
	Addresses []struct {
		Text  string
		Hosts []string
		Port  int
		Error bool
	}
	Inventories []struct {
		Name  string
		Files map[string]string
		Order []string
		Hosts map[string]struct {
			Vars   map[string]string
			Groups []string
		}
		Groups map[string][]string
	}
	Bad      []struct{ Name, Text string }
	Patterns []struct {
		Pattern string
		Hosts   []string
		Error   bool
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

// write puts files into a folder and gives the path of the source among them.
func write(t testing.TB, files map[string]string, first string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, first)
}

func names(hosts []*Host) []string {
	var out []string
	for _, h := range hosts {
		out = append(out, h.Name)
	}
	return out
}

func TestValuesAreReadAsPythonLiterals(t *testing.T) {
	t.Parallel()
	for _, c := range load(t).Values {
		if got := iniValue(c.Text).Repr(); got != c.Value {
			t.Errorf("%q: got %s, want %s", c.Text, got, c.Value)
		}
	}
}

func TestHostLinesAreSplitAsShlexDoes(t *testing.T) {
	t.Parallel()
	for _, c := range load(t).Lines {
		tokens, _, err := splitShell(c.Line)
		var got []string
		for _, tok := range tokens {
			got = append(got, tok.text)
		}
		if (err != nil) != c.Error || !cmp.Equal(got, c.Words, cmpopts.EquateEmpty()) {
			t.Errorf("%q: got %q, %v, want %q", c.Line, got, err, c.Words)
		}
	}
}

func TestRangesAndPorts(t *testing.T) {
	t.Parallel()
	for _, c := range load(t).Addresses {
		got, port, err := expandPattern(c.Text)
		if strings.HasSuffix(c.Text, ":") {
			c.Error = true // refused later there
		}
		if (err != nil) != c.Error || err == nil && (port != c.Port || !cmp.Equal(got, c.Hosts, cmpopts.EquateEmpty())) {
			t.Errorf("%q: got %q %d %v, want %q %d", c.Text, got, port, err, c.Hosts, c.Port)
		}
	}
}

func TestInventoriesAreReadAsAnsibleReadsThem(t *testing.T) {
	t.Parallel()
	for _, c := range load(t).Inventories {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			source, ok := c.Files["SOURCE"]
			if !ok {
				for _, source = range []string{"hosts", "inv.yml", "inv.json"} {
					if _, ok := c.Files[source]; ok {
						break
					}
				}
			}
			delete(c.Files, "SOURCE")
			if !strings.Contains(source, ",") {
				source = write(t, c.Files, source)
			}
			inv, err := Load(Options{Sources: []string{source}})
			if err != nil {
				t.Fatal(err)
			}
			all, _ := inv.Match("all", diag.Pos{})
			if d := cmp.Diff(c.Order, names(all)); d != "" {
				t.Errorf("order (-want +got):\n%s", d)
			}
			groups := map[string][]string{}
			for _, g := range inv.Groups() {
				groups[g.Name] = names(inv.GroupHosts(g))
			}
			if d := cmp.Diff(c.Groups, groups, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("groups (-want +got):\n%s", d)
			}
			for _, h := range all {
				vars := map[string]string{}
				for _, l := range inv.Layers(h) {
					for v := range l.Vars.All() {
						vars[v.Name] = v.Node.Value().Repr()
					}
				}
				delete(vars, "inventory_file")
				delete(vars, "inventory_dir")
				if d := cmp.Diff(c.Hosts[h.Name].Vars, vars, cmpopts.EquateEmpty()); d != "" {
					t.Errorf("variables of %s (-want +got):\n%s", h.Name, d)
				}
				if d := cmp.Diff(c.Hosts[h.Name].Groups, inv.HostGroups(h)); d != "" {
					t.Errorf("groups of %s (-want +got):\n%s", h.Name, d)
				}
			}
		})
	}
}

func TestMistakesHaveTheirPlace(t *testing.T) {
	t.Parallel()
	places := map[string]string{
		"undeclared child": "2:1", "undeclared vars": "1:1", "bad section": "1:1", "bad type": "1:1", "no equals": "2:3", "open quote": "2:5", "vars line": "3:1", "yaml marks": "2:1",
		"range": "1:1", "range end": "1:1", "loop": "4:1", "self": "3:1", "colon": "2:1", "child words": "3:1",
	}
	for _, c := range load(t).Bad {
		file := write(t, map[string]string{"hosts": c.Text}, "hosts")
		_, err := Load(Options{Sources: []string{file}})
		var d *diag.Diagnostic
		if !errors.As(err, &d) || d.Pos.String() != file+":"+places[c.Name] || d.Code == "" {
			t.Errorf("%s: %v, want a problem at %s", c.Name, err, places[c.Name])
		}
	}
}

func TestAllMistakesAreReported(t *testing.T) {
	t.Parallel()
	file := write(t, map[string]string{"hosts": "[a]\nh x\nh2 'y\n[b c]\n[d:vars]\nq\n"}, "hosts")
	_, err := Load(Options{Sources: []string{file}})
	var list diag.List
	if !errors.As(err, &list) || len(list) != 5 {
		t.Errorf("got %v", err)
	}
}

func TestPatternsMatchAsAnsible(t *testing.T) {
	t.Parallel()
	r := load(t)
	inv, err := Load(Options{Sources: []string{write(t, maps.Clone(r.Inventories[0].Files), "hosts")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Patterns {
		got, err := inv.Match(c.Pattern, diag.Pos{File: "p", Line: 1})
		if d := cmp.Diff(c.Hosts, names(got), cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%q: %v (-want +got):\n%s", c.Pattern, err, d)
		}
		if c.Error && err == nil {
			t.Errorf("%q: no error", c.Pattern)
		}
	}
}
