package templates_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/templates"
)

var roles = []string{"analytics", "controller", "lb"}

// modules are the only ones that the roles may use.
var modules = map[string]bool{"debug": true, "file": true, "template": true, "stat": true, "docker_container": true, "command": true}

func TestSiteLoads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(dir, templates.Files); err != nil {
		t.Fatal(err)
	}
	pb, err := playbook.Load(filepath.Join(dir, "contrail", "site.yml"), playbook.Options{IsModule: func(n string) bool { return modules[n] }})
	if err != nil {
		t.Fatal(err)
	}
	if len(pb.Plays) != 1 {
		t.Errorf("%d plays", len(pb.Plays))
	}
}

func TestRolesReportTheirStatus(t *testing.T) {
	t.Parallel()
	found, err := fs.ReadDir(templates.Files, "contrail/roles")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range found {
		names = append(names, e.Name())
	}
	if d := cmp.Diff(roles, names); d != "" {
		t.Fatal(d)
	}
	for _, r := range roles {
		text, err := fs.ReadFile(templates.Files, "contrail/roles/"+r+"/tasks/main.yml")
		if err != nil {
			t.Fatal(err)
		}
		first := strings.Index(string(text), "- name:")
		last := strings.LastIndex(string(text), "- name:")
		if !strings.HasPrefix(string(text[first:]), "- name: sm_status_report "+r+"_started\n") ||
			!strings.HasPrefix(string(text[last:]), "- name: sm_status_report "+r+"_completed\n") {
			t.Errorf("%s does not begin and end by its statuses", r)
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
	want := `# Written by Fairlead for contrailctl, which reads it inside the container.
[GLOBAL]
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

[EMPTY]

`
	for _, r := range roles {
		name := "contrail/roles/" + r + "/templates/" + r + ".conf.j2"
		text, err := fs.ReadFile(templates.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		env := jinja.NewAnsible()
		tpl, err := env.Parse(string(text), diag.Pos{File: name, Line: 1, Col: 1}, jinja.FileOptions())
		if err != nil {
			t.Fatal(err)
		}
		got, err := tpl.RenderString(jinja.NewContext(env, jinja.Vars{r + "_sections": sections}))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", r, d)
		}
	}
}
