package lint_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/lint"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/vars"
	"github.com/fairlead-project/fairlead/engine/yaml"
	"github.com/fairlead-project/fairlead/tasks/all"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// section is one file of a golden: "-- name --" and its text.
type section struct{ name, text string }

func sections(t testing.TB, file string) []section {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []section
	for line := range strings.SplitAfterSeq(string(data), "\n") {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "-- "); ok && strings.HasSuffix(name, " --") {
			out = append(out, section{name: strings.TrimSuffix(name, " --")})
			continue
		}
		if len(out) == 0 { // what it is about
			out = append(out, section{})
		}
		out[len(out)-1].text += line
	}
	return out
}

// unpack writes the files of a golden to a folder; want is not among them.
func unpack(t testing.TB, secs []section) (dir, want string) {
	t.Helper()
	dir = t.TempDir()
	for _, s := range secs {
		if s.name == "want" {
			want = s.text
		}
		if s.name == "want" || s.name == "" {
			continue
		}
		path := filepath.Join(dir, s.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(s.text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, want
}

type loaded struct {
	pb  *playbook.Playbook
	cfg lint.Config
}

// load reads a playbook as a run does; the inventory is the file "inventory"
// beside it, or localhost alone, and "extra" holds extra variables.
func load(t testing.TB, file string) loaded {
	t.Helper()
	dir := filepath.Dir(file)
	sources := []string{"localhost,"}
	if _, err := os.Stat(filepath.Join(dir, "inventory")); err == nil {
		sources = []string{filepath.Join(dir, "inventory")}
	}
	var opts yaml.Options
	inv, err := inventory.Load(inventory.Options{Sources: sources, YAML: opts})
	if err != nil {
		t.Fatal(err)
	}
	extra := &yaml.Vars{}
	if _, err := os.Stat(filepath.Join(dir, "extra.yml")); err == nil {
		if extra, err = vars.ParseExtra("@"+filepath.Join(dir, "extra.yml"), opts); err != nil {
			t.Fatal(err)
		}
	}
	mods := all.Registry()
	eng := vars.New(inv, extra)
	pb, err := playbook.Load(file, playbook.Options{YAML: opts, Canonical: mods.Canonical, RolesPath: []string{},
		IsModule: func(name string) bool { _, ok := mods.Lookup(name); return ok }, Render: eng.RenderStatic})
	if err != nil {
		t.Fatal(err)
	}
	if err := inv.AddPlaybookDir(pb.Dir); err != nil {
		t.Fatal(err)
	}
	return loaded{pb, lint.Config{Vars: eng, Modules: mods, Inventory: inv}}
}

func show(l diag.List, dir string) string {
	var b strings.Builder
	for _, d := range l {
		level := "error"
		if d.Warning {
			level = "warning"
		}
		text := fmt.Sprintf("%s: %s: %s [%s]\n", d.Pos, level, d.Msg, d.Code)
		if d.Hint != "" {
			text += "    " + d.Hint + "\n"
		}
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(text, dir+"/", ""), dir, "."))
	}
	return b.String()
}

func rewrite(t testing.TB, file string, secs []section, want string) {
	t.Helper()
	var b strings.Builder
	for _, s := range secs {
		switch s.name {
		case "":
			b.WriteString(s.text)
		case "want":
		default:
			fmt.Fprintf(&b, "-- %s --\n%s", s.name, s.text)
		}
	}
	if err := os.WriteFile(file, []byte(b.String()+"-- want --\n"+want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestFound compares the problems of each playbook with those recorded.
func TestFound(t *testing.T) {
	t.Parallel()
	goldens(t, "testdata/found/*.txt", func(t *testing.T, file string) {
		secs := sections(t, file)
		dir, want := unpack(t, secs)
		l := load(t, filepath.Join(dir, "site.yml"))
		got := show(lint.Check(l.pb, l.cfg), dir)
		if *update {
			rewrite(t, file, secs, got)
			return
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		again := load(t, filepath.Join(dir, "site.yml"))
		if d := cmp.Diff(got, show(lint.Check(again.pb, again.cfg), dir)); d != "" {
			t.Errorf("not the same a second time:\n%s", d)
		}
	})
}

// TestClean lints playbooks that ansible-playbook runs without a failure:
// they may have warnings, but no error.
func TestClean(t *testing.T) {
	t.Parallel()
	goldens(t, "testdata/clean/*.txt", func(t *testing.T, file string) {
		secs := sections(t, file)
		dir, want := unpack(t, secs)
		l := load(t, filepath.Join(dir, "site.yml"))
		list := lint.Check(l.pb, l.cfg)
		if err := list.Err(); err != nil {
			t.Error(err)
		}
		got := show(list, dir)
		if *update {
			rewrite(t, file, secs, got)
			return
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

// A play for a group without hosts is a mistake where somebody must be reached, and a
// warning where Ansible's way is asked for; an inventory without hosts is one anyway.
func TestEmptyGroups(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		inventory      string
		allowed, fails bool
	}{
		{"[web]\n[db]\nd1\n", false, true},
		{"[web]\n[db]\nd1\n", true, false},
		{"[web]\n", true, true},
		{"[db]\nd1\n", true, true}, // no such group
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{"inventory": tt.inventory, "site.yml": "- hosts: web\n  tasks:\n    - ping:\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		l := load(t, filepath.Join(dir, "site.yml"))
		l.cfg.EmptyGroups = tt.allowed
		if list := lint.Check(l.pb, l.cfg); len(list) == 0 || (list.Err() != nil) != tt.fails {
			t.Errorf("%q, allowed %v: %v", tt.inventory, tt.allowed, list)
		}
	}
}

// TestShipped lints what the repository ships.
func TestShipped(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"../../examples/*/site.yml", "../../templates/*/site.yml"} {
		goldens(t, pattern, func(t *testing.T, file string) {
			l := load(t, file)
			for _, name := range []string{"registry", "docker_registry", "contrail_version", "os_release"} { // given with -e
				l.cfg.Vars.Extra.SetValue(name, diag.Pos{}, l.cfg.Vars.Fixed["x"])
			}
			l.cfg.HostsOptional = true
			for _, d := range lint.Check(l.pb, l.cfg) {
				if !d.Warning {
					t.Error(d)
				}
			}
		})
	}
}

func goldens(t *testing.T, pattern string, f func(t *testing.T, file string)) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no files, %v", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			f(t, file)
		})
	}
}

// TestLinear holds the time of a large playbook to a multiple of a small one.
func TestLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time")
	}
	took := func(tasks int) time.Duration {
		l := load(t, large(t, tasks))
		best := time.Hour
		for range 3 {
			start := time.Now()
			if list := lint.Check(l.pb, l.cfg); len(list) > 0 {
				t.Fatal(list)
			}
			best = min(best, time.Since(start))
		}
		return best
	}
	small, big := took(200), took(2000)
	t.Logf("200 tasks: %s, 2000 tasks: %s", small, big)
	if big > 40*small+50*time.Millisecond {
		t.Errorf("200 tasks take %s, 2000 take %s", small, big)
	}
}

func large(t testing.TB, tasks int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("- hosts: all\n  vars:\n    a0: 1\n")
	for i := 1; i < 50; i++ {
		fmt.Fprintf(&b, "    a%d: \"{{ a%d }}\"\n", i, i-1)
	}
	b.WriteString("  tasks:\n")
	for i := range tasks {
		fmt.Fprintf(&b, "  - name: task %d\n    command: echo {{ a%d }} {{ r%d.stdout | default('') }}\n    register: r%d\n    when: a3 != 1 or a%d\n", i, i%50, i/2, i, i%50)
	}
	file := filepath.Join(t.TempDir(), "site.yml")
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func BenchmarkSmall(b *testing.B) {
	l := load(b, large(b, 10))
	for b.Loop() {
		lint.Check(l.pb, l.cfg)
	}
}

// The texts of a run are the templates that tasks render, with those that they include;
// a name that is not known yet may be any file, in a role one of its own.
func TestTexts(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		task, inRole string
		templates    []string
		untold       bool
	}{
		"none":         {task: "copy: {src: a.j2, dest: /x}"},
		"one":          {task: "template: {src: far/a.j2, dest: /x}", templates: []string{"far/a.j2", "far/b.j2"}},
		"loop":         {task: "template: {src: \"{{ item }}\", dest: /x}\n      loop: [far/b.j2]", templates: []string{"far/b.j2"}},
		"any":          {task: "template: {src: \"{{ ansible_system }}.j2\", dest: /x}", untold: true},
		"arguments":    {task: "template: \"{{ x }}\"\n      vars: {x: {src: a, dest: /x}}", untold: true},
		"in a role":    {task: "include_role: {name: r}", inRole: "template: {src: \"{{ ansible_system }}.j2\", dest: /x}"},
		"out of it":    {task: "include_role: {name: r}", inRole: "template: {src: \"../{{ ansible_system }}.j2\", dest: /x}", untold: true},
		"variables of": {task: "include_vars: {dir: \"{{ inventory_dir }}\"}", untold: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, _ := unpack(t, []section{
				{"site.yml", "- hosts: all\n  tasks:\n    - " + x.task + "\n"},
				{"roles/r/tasks/main.yml", "- " + x.inRole + "\n"},
				{"far/a.j2", "{% include 'b.j2' %}"}, {"far/b.j2", "x"}, {"a.j2", "x"},
			})
			l := load(t, filepath.Join(dir, "site.yml"))
			var got lint.Texts
			l.cfg.Texts = &got
			lint.Check(l.pb, l.cfg)
			for i, f := range got.Templates {
				got.Templates[i] = strings.TrimPrefix(f, dir+"/")
			}
			if diff := cmp.Diff(x.templates, got.Templates); diff != "" || got.Untold != x.untold {
				t.Errorf("untold %v, want %v; templates -want +got:\n%s", got.Untold, x.untold, diff)
			}
		})
	}
}

// What is wrong with a task that the tags of the run leave out stops nothing; handlers
// run whatever their tags are.
func TestTagsLeaveOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	site := filepath.Join(dir, "site.yml")
	text := `- hosts: all
  tasks:
    - debug: {msg: "{{ nosuch }}"}
      tags: [a, "b, c"]
    - command: "true"
      notify: h
  handlers:
    - {name: h, debug: {msg: fine}, tags: a}
`
	if err := os.WriteFile(site, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		tags, skip []string
		fails      bool
	}{
		{nil, nil, true},
		{[]string{"a"}, nil, true},
		{[]string{"c"}, nil, true},
		{[]string{"d"}, nil, false},
		{nil, []string{"b"}, false},
		{[]string{"tagged"}, []string{"d"}, true},
		{[]string{"untagged"}, nil, false},
	} {
		l := load(t, site)
		l.cfg.Tags, l.cfg.SkipTags = tt.tags, tt.skip
		if err := lint.Check(l.pb, l.cfg).Err(); (err != nil) != tt.fails {
			t.Errorf("--tags %v --skip-tags %v: %v", tt.tags, tt.skip, err)
		}
	}
}
