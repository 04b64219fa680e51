package templates_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/roleconf"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
	"github.com/fairlead-project/fairlead/templates"
)

func schema(t *testing.T) *roleconf.Schema {
	t.Helper()
	text, err := fs.ReadFile(templates.Files, templates.Schema)
	if err != nil {
		t.Fatal(err)
	}
	n, err := yaml.ParseOne(templates.Schema, text, yaml.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := roleconf.Parse(n.Value())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// node reads a file of the role.
func node(t *testing.T, name string) *yaml.Node {
	t.Helper()
	text, err := fs.ReadFile(templates.Files, "contrail/"+name)
	if err != nil {
		t.Fatal(err)
	}
	n, err := yaml.ParseOne(name, text, yaml.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestRolesAgreeWithTheSchema: what the schema says of a role is what the role
// does, so that lint looks at the variables that count.
func TestRolesAgreeWithTheSchema(t *testing.T) {
	t.Parallel()
	want := []string{"lb", "controller", "analyticsdb", "analytics", "kubemanager", "agent", "kubernetes-agent", "mesosmanager", "cephcontroller", "vcenterplugin"}
	s := schema(t)
	if d := cmp.Diff(want, s.Names()); d != "" {
		t.Error(d)
	}
	shared, err := fs.ReadFile(templates.Files, "contrail/roles/cluster/vars/main.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Roles {
		data := node(t, "roles/"+r.Name+"/vars/main.yml").Get(strings.ReplaceAll(r.Name, "-", "_") + "_role")
		if got := data.Get("name").Str(); got != r.Name {
			t.Errorf("%s calls itself %s", r.Name, got)
		}
		if got := data.Get("status").Str(); got != r.Status {
			t.Errorf("%s reports %s, not %s", r.Name, got, r.Status)
		}
		if got := data.Get("image").Str(); got != "{{ "+r.Image+" }}" {
			t.Errorf("the image of %s is %s, not that of %s", r.Name, got, r.Image)
		}
		if want := strings.ReplaceAll(r.Name, "-", "") + ".conf"; r.File != want {
			t.Errorf("the file of %s is %s, not %s", r.Name, r.File, want)
		}
		var names []string
		for _, p := range data.Get("sections").Pairs {
			names = append(names, p.Key.Str())
			sec := r.Section(p.Key.Str())
			if sec == nil {
				t.Errorf("%s has a section %s that the schema lacks", r.Name, p.Key.Str())
				continue
			}
			for _, from := range sec.From {
				// Read there, or by a variable of the cluster that is.
				if !strings.Contains(p.Value.Str(), from) && !strings.Contains(string(shared), from) {
					t.Errorf("%s, section %s: %s is not read", r.Name, sec.Name, from)
				}
			}
		}
		for _, sec := range r.Sections {
			if !slices.Contains(names, sec.Name) {
				t.Errorf("%s does not write the section %s", r.Name, sec.Name)
			}
		}
		for _, file := range []string{"tasks/main.yml", "tasks/upgrade.yml", "tasks/destroy.yml", "meta/main.yml", "meta/config.yml", "defaults/main.yml", "templates/" + r.Name + ".conf.j2"} {
			if _, err := fs.Stat(templates.Files, "contrail/roles/"+r.Name+"/"+file); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestStatuses: a role is told to be completed by the last task of the
// mechanism, behind the one that waits for its health.
func TestStatuses(t *testing.T) {
	t.Parallel()
	tasks := node(t, "roles/provision/tasks/main.yml").Items
	first, last := tasks[0].Get("name").Str(), tasks[len(tasks)-1].Get("name").Str()
	if first != "sm_status_report {{ contrail_role.status }}_started" || last != "sm_status_report {{ contrail_role.status }}_completed" {
		t.Errorf("%q ... %q", first, last)
	}
	healthy := node(t, "roles/provision/tasks/container.yml").Items
	if got := healthy[len(healthy)-1].Get("include_tasks").Str(); got != "healthy.yml" {
		t.Errorf("the last step of a container is %q", got)
	}
	for _, r := range []string{"docker/tasks/install.yml", "bare-metal-compute/tasks/main.yml", "ceph-compute/tasks/main.yml"} {
		tasks := node(t, "roles/"+r).Items
		first, last := tasks[0].Get("name").Str(), tasks[len(tasks)-1].Get("name").Str()
		name, ok := strings.CutSuffix(first, "_started")
		if !ok || !strings.HasPrefix(name, "sm_status_report ") || last != name+"_completed" {
			t.Errorf("%s: %q ... %q", r, first, last)
		}
	}
}

// TestConfiguration renders what contrailctl reads: every type is kept, as
// Python writes it, and interpolation is escaped.
func TestConfiguration(t *testing.T) {
	t.Parallel()
	sections, err := value.ParseJSON([]byte(`{"GLOBAL": {"controller_nodes": "192.0.2.1,192.0.2.2", "n": 5, "f": 1.5, "yes": true, "none": null,
		"rate": "50%", "list": ["a", 1, null, true], "dict": {"ip": "192.0.2.9"}, "utf8": "héllo", "markup": "{{ 1 + 1 }}", "two": "one\ntwo"}, "EMPTY": {}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `[GLOBAL]
controller_nodes = 192.0.2.1,192.0.2.2
n = 5
f = 1.5
yes = True
none = 
rate = 50%%
list = ['a', 1, None, True]
dict = {'ip': '192.0.2.9'}
utf8 = héllo
markup = {{ 1 + 1 }}
two = one
    two

`
	const name = "contrail/roles/provision/templates/sections.j2"
	text, err := fs.ReadFile(templates.Files, name)
	if err != nil {
		t.Fatal(err)
	}
	env := jinja.NewAnsible()
	tpl, err := env.Parse(string(text), diag.Pos{File: name, Line: 1, Col: 1}, jinja.FileOptions())
	if err != nil {
		t.Fatal(err)
	}
	got, err := tpl.RenderString(jinja.NewContext(env, jinja.Vars{"contrail_conf": sections}))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, r := range schema(t).Names() {
		text, err := fs.ReadFile(templates.Files, "contrail/roles/"+r+"/templates/"+r+".conf.j2")
		if err != nil || !strings.HasSuffix(string(text), "\n{% include 'sections.j2' %}\n") {
			t.Errorf("%s.conf.j2: %v\n%s", r, err, text)
		}
	}
}

// TestEveryFileIsEmbedded: the embedding leaves out names that begin with a dot
// or an underscore; there must be none.
func TestEveryFileIsEmbedded(t *testing.T) {
	t.Parallel()
	err := filepath.WalkDir("contrail", func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		_, err = fs.Stat(templates.Files, filepath.ToSlash(p))
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
