package playbook

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// tree is files by name below "/".
type tree map[string]string

func (t tree) fs() fstest.MapFS {
	m := fstest.MapFS{}
	for name, text := range t {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

type memory struct{ fs fstest.MapFS }

func inside(name string) string {
	if name = strings.TrimPrefix(path.Clean(name), "/"); name == "" {
		return "."
	}
	return name
}

func (m memory) ReadFile(name string) ([]byte, error)       { return m.fs.ReadFile(inside(name)) }
func (m memory) Stat(name string) (fs.FileInfo, error)      { return m.fs.Stat(inside(name)) }
func (m memory) ReadDir(name string) ([]fs.DirEntry, error) { return m.fs.ReadDir(inside(name)) }

var modules = set("copy", "debug", "file", "template", "service", "ping", "ini_file", "command", "shell")

func options(t tree, warned *[]string) Options {
	return Options{
		Files: memory{t.fs()}, RolesPath: []string{"/shared"}, IsModule: func(n string) bool { return modules[shortName(n)] },
		YAML: yaml.Options{Warn: func(d *diag.Diagnostic) {
			if warned != nil {
				*warned = append(*warned, d.Error())
			}
		}},
	}
}

func nodes(ns []*yaml.Node) string {
	var out []string
	for _, n := range ns {
		out = append(out, n.Value().Text())
	}
	return strings.Join(out, " | ")
}

// dump writes what was read, one line a thing.
func dump(b *strings.Builder, items []Item, indent string) {
	for _, it := range items {
		s := it.Inherits()
		switch x := it.(type) {
		case *Block:
			fmt.Fprintf(b, "%sblock %s %s %s\n", indent, x.ID, x.Pos, x.Import)
			dump(b, x.Block, indent+"  ")
			for i, part := range [][]Item{x.Rescue, x.Always} {
				if len(part) > 0 {
					fmt.Fprintf(b, "%s %s\n", indent, []string{"rescue", "always"}[i])
					dump(b, part, indent+"  ")
				}
			}
		case *Task:
			fmt.Fprintf(b, "%stask %s %s %q: %s %s", indent, x.ID, x.Pos, x.Name.Str(), x.Module, x.Args.Value().Repr())
			if x.Raw != nil {
				fmt.Fprintf(b, " raw=%q", x.Raw.Str())
			}
			if x.Loop != nil {
				fmt.Fprintf(b, " loop(%s %s)=%s", x.Loop.Kind, x.Loop.LoopVar, x.Loop.Node.Value().Repr())
			}
			if w := s.Whens(); len(w) > 0 {
				fmt.Fprintf(b, " when=[%s]", nodes(w))
			}
			if w := s.AllTags(); len(w) > 0 {
				fmt.Fprintf(b, " tags=[%s]", nodes(w))
			}
			if n := s.Notifies(); len(n) > 0 {
				fmt.Fprintf(b, " notify=[%s]", nodes(n))
			}
			if n := s.Nearest(func(k *Keywords) *yaml.Node { return k.Become }); n != nil {
				fmt.Fprintf(b, " become=%s", n.Value().Repr())
			}
			for _, vs := range s.VarLayers() {
				for v := range vs.All() {
					fmt.Fprintf(b, " %s=%s", v.Name, v.Node.Value().Repr())
				}
			}
			if u := s.Role(); u != nil {
				fmt.Fprintf(b, " role=%s", u.Name)
			}
			b.WriteByte('\n')
		}
	}
}

func dumpRole(b *strings.Builder, u *RoleUse, indent string) {
	fmt.Fprintf(b, "%srole %s %s at %s params=%s defaults=%s vars=%s duplicates=%v entry=%s\n", indent, u.ID, u.Name, u.Role.Path,
		varsText(u.Params), varsText(u.Defaults), varsText(u.RoleVars), u.AllowDuplicates, u.Entry)
	for _, d := range u.Deps {
		dumpRole(b, d, indent+"  ")
	}
}

func varsText(vs *yaml.Vars) string {
	var out []string
	for v := range vs.All() {
		out = append(out, v.Name+":"+v.Node.Value().Repr())
	}
	return "{" + strings.Join(out, " ") + "}"
}

var sample = tree{
	"site.yml": `- name: first
  hosts: web:&prod
  become: yes
  tags: [p]
  vars: {a: 1}
  environment: {X: y}
  serial: [1, "30%"]
  roles:
    - plain
    - {role: app, port: 80, tags: [r1, r2], when: use_app, vars: {rv: 1}}
    - role: app
      port: 80
  pre_tasks:
    - debug: msg=before
  tasks:
    - name: block
      when: outer
      tags: b
      vars: {bv: 1}
      notify: h1
      become: false
      block:
        - copy: src=a dest="b c"
          when: [inner, "x == 1"]
        - import_tasks: sub/more.yml
          when: imp
          tags: i1,i2
          vars: {iv: 2}
      rescue:
        - debug:
      always:
        - ping:
    - shell: echo {{ item }} chdir=/tmp
      with_items: [1, 2]
      loop_control: {loop_var: it, label: x}
      register: out
    - include_tasks: dyn.yml
      loop: [1]
      tags: own
      when: not_inherited
      vars: {dv: 3}
    - import_role: {name: app, tasks_from: other}
      when: ir
  post_tasks:
    - local_action: command hostname
  handlers:
    - name: h1
      service: {name: x, state: restarted}
      listen: restart all
    - import_tasks: hands.yml
- import_playbook: other.yml
  vars: {pv: 1}
  when: only_if
  tags: late
`,
	"sub/more.yml": "- debug: {msg: in more}\n- import_tasks: deeper.yml\n", "sub/deeper.yml": "- ping:\n",
	"dyn.yml": "- debug: msg=dyn\n- import_tasks: sub/deeper.yml\n", "hands.yml": "- name: h2\n  debug: msg=h2\n",
	"other.yml":                   "- hosts: localhost\n  gather_facts: no\n  tasks:\n    - debug: msg=other\n",
	"roles/plain/tasks/main.yaml": "- debug: msg=plain\n", "roles/app/meta/main.yml": "dependencies:\n  - {role: base, level: 2, when: dep_when}\n",
	"roles/app/tasks/main.yml": "- template: src=x dest=y\n  notify: app handler\n- import_tasks: part.yml\n", "roles/app/tasks/part.yml": "- ping:\n", "roles/app/tasks/other.yml": "- debug: msg='other entry'\n",
	"roles/app/handlers/main.yml": "- name: app handler\n  debug: msg=handled\n", "roles/app/defaults/main/a.yml": "d1: 1\nd2: 1\n", "roles/app/defaults/main/b.yml": "d2: 2\n", "roles/app/vars/main.yml": "v: '{{ d1 }}'\n",
	"shared/base/tasks/main.yml": "- debug: msg=base\n", "shared/base/meta/main.yml": "allow_duplicates: yes\n",
}

func TestAWholePlaybook(t *testing.T) {
	t.Parallel()
	pb, err := Load("/site.yml", options(sample, nil))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, p := range pb.Plays {
		fmt.Fprintf(&b, "%s %q %s hosts=%s when=[%s] tags=[%s] vars=%s\n", p.ID, p.Name.Str(), p.Pos, p.Hosts.Str(), nodes(p.When), nodes(p.Tags), varsText(p.Vars))
		for _, u := range slices.Concat(p.Roles, p.Imported) {
			dumpRole(&b, u, " ")
		}
		pre, roles, tasks, post := p.Items()
		for i, part := range [][]Item{pre, roles, tasks, post, p.AllHandlers()} {
			fmt.Fprintf(&b, " %s\n", []string{"pre", "roles", "tasks", "post", "handlers"}[i])
			dump(&b, part, "  ")
		}
	}
	dyn := find(t, pb.Plays[0].Tasks, "include_tasks")
	inc, err := pb.Loader().IncludeTasks(dyn, "dyn.yml")
	items := inc.Items
	if err != nil {
		t.Fatal(err)
	}
	b.WriteString("included\n")
	dump(&b, items, "  ")
	use, err := pb.Loader().IncludeRole(dyn, RoleRequest{Name: "app", Validate: true})
	if err != nil {
		t.Fatal(err)
	}
	dumpRole(&b, use, "  ")
	dump(&b, use.AllTasks(), "  ")
	golden(t, "testdata/sample.golden", b.String())
	if a, c := pb.Plays[0].Roles[1], pb.Plays[0].Roles[2]; a.Key == c.Key {
		t.Error("uses with different tags have one key")
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("differs from %s (-want +got):\n%s", file, d)
	}
}

func find(t *testing.T, items []Item, module string) *Task {
	t.Helper()
	for _, it := range items {
		if task, ok := it.(*Task); ok && task.Module == module {
			return task
		}
	}
	t.Fatalf("no task with %s", module)
	return nil
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	const head = "- hosts: all\n  tasks:\n"
	for name, c := range map[string]struct{ text, want string }{
		"keyword":            {head + "    - ping:\n      wehn: x\n", `p.yml:4:7: conflicting action statements: ping, wehn: 'wehn' is not a valid attribute for a Task (did you mean when?)`},
		"keyword of play":    {"- hosts: all\n  taks: []\n", `p.yml:2:3: 'taks' is not a valid attribute for a Play (did you mean tasks?)`},
		"module in play":     {"- hosts: all\n  copy: {}\n", `p.yml:2:3: "copy" is a module`},
		"removed":            {head + "    - ping:\n      sudo: yes\n", `use 'become: true'`},
		"two modules":        {head + "    - ping:\n      copy: src=a\n", `p.yml:4:7: conflicting action statements: ping, copy`},
		"no module":          {head + "    - name: x\n", `p.yml:3:7: no module/action detected in task.`},
		"only a misspelling": {head + "    - name: x\n      whne: y\n", `p.yml:4:7: 'whne' is not a valid attribute for a Task (did you mean when?)`},
		"text as task":       {head + "    - ping\n", `p.yml:3:7: a task must be a mapping, but this is the string 'ping'`},
		"tasks no list":      {"- hosts: all\n  tasks: {ping: }\n", `p.yml:2:10: A malformed block was encountered while loading tasks: tasks should be a list or None but is a mapping`},
		"no hosts":           {"- tasks: []\n", `p.yml:1:3: the field 'hosts' is required but was not set`},
		"hosts mapping":      {"- hosts: {a: b}\n", `p.yml:1:10: Hosts list must be a sequence or string`},
		"no list":            {"hosts: all\n", `p.yml:1:1: A playbook must be a list of plays`},
		"import missing":     {head + "    - import_tasks: nope.yml\n", `p.yml:3:21: Could not find or access '/nope.yml' (looked for /nope.yml`},
		"import loop":        {head + "    - import_tasks: loop.yml\n", `imports itself`},
		"playbook loop":      {"- import_playbook: p.yml\n", `imports itself: /p.yml -> /p.yml`},
		"import with loop":   {head + "    - import_tasks: ok.yml\n      loop: [1]\n", `p.yml:4:7: import_tasks cannot loop`},
		"import template":    {head + "    - import_tasks: '{{ x }}.yml'\n", `p.yml:3:21: the name of a task file to import is a template`},
		"no such collection": {"- hosts: all\n  roles: [ns.col.nope]\n", "as a role of a collection it was looked for in /collections; collections_paths names other folders"},
		"role missing":       {"- hosts: all\n  roles: [nope]\n", `p.yml:2:11: the role 'nope' was not found in /roles:/shared:/`},
		"role loop":          {"- hosts: all\n  roles: [a]\n", `roles/a/meta/main.yml:1:16: the role "a" depends on itself: a -> a`},
		"role without name":  {"- hosts: all\n  roles: [{x: 1}]\n", `p.yml:2:11: this entry names no role`},
		"bad boolean":        {"- hosts: all\n  become: maybe\n", `p.yml:2:11: become must be true or false, but is the string 'maybe'`},
		"bad number":         {"- hosts: all\n  port: many\n", `p.yml:2:9: port must be a whole number`},
		"register":           {head + "    - ping:\n      register: a-b\n", `p.yml:4:17: Invalid variable name in 'register' specified: 'a-b'`},
		"register template":  {head + "    - ping:\n      register: a_{{ x }}\n", `p.yml:4:17: Invalid variable name in 'register' specified: 'a_{{ x }}'`},
		"vars name":          {"- hosts: all\n  vars: {1a: x}\n", `p.yml:2:10: "1a" cannot be the name`},
		"two loops":          {head + "    - ping:\n      loop: [1]\n      with_items: [1]\n", `p.yml:5:7: a task has one loop`},
		"loop control":       {head + "    - ping:\n      loop: [1]\n      loop_control: {loop_vra: x}\n", `p.yml:5:22: 'loop_vra' is not a valid attribute for a LoopControl (did you mean loop_var?)`},
		"free form":          {head + "    - copy: src=a dest\n", `p.yml:3:19: this task 'copy' has extra params, which is only allowed in the following modules: `},
		"unbalanced":         {head + "    - copy: src='a dest=b\n", `p.yml:3:13: copy: a quote or a template brace is not closed`},
		"args list":          {head + "    - copy: [a]\n", `p.yml:3:13: the arguments of copy must be a mapping or text, but are a list`},
		"rescue without":     {head + "    - rescue: [{ping: }]\n", `p.yml:3:7: rescue and always need a block`},
		"block as handler":   {"- hosts: all\n  handlers:\n    - block: []\n", `p.yml:3:7: Using a block as a handler is not supported.`},
		"listen in task":     {head + "    - ping:\n      listen: x\n", `p.yml:4:7: only handlers listen`},
		"become on include":  {head + "    - include_tasks: ok.yml\n      become: yes\n", `p.yml:4:7: 'become' is not a valid attribute for a TaskInclude`},
		"include argument":   {head + "    - include_role: {name: x, task_from: y}\n", `include_role has no argument "task_from" (did you mean tasks_from?)`},
		"include no role":    {head + "    - include_role: {tasks_from: y}\n", `p.yml:3:7: include_role names no role`},
		"play in tasks":      {head + "    - import_tasks: play.yml\n", `this looks like a play`},
		"order":              {"- hosts: all\n  order: sideways\n", `p.yml:2:10: order cannot be "sideways"`},
		"yaml":               {"- hosts: all\n  tasks:\n    - debug: msg={{ x }}: y: z\n", `p.yml:3:`},
		"empty":              {"", "p.yml:1:1: Empty playbook, nothing to do: "},
		"no play":            {"[]\n", "p.yml:1:1: A playbook must contain at least one play: "},
		"no play at all":     {"- 5\n", "p.yml:1:3: playbook entries must be either valid plays or 'import_playbook' statements, but this is "},
		"hosts with none":    {"- hosts: [a, null]\n", "p.yml:1:14: Hosts list cannot contain values of 'None'"},
		"hosts with a list":  {"- hosts: [a, [b]]\n", "p.yml:1:14: Hosts list contains an invalid host value: this is "},
		"empty loop":         {head + "    - ping:\n      with_items:\n", "with_items needs a value"},
		"raw twice":          {head + "    - command: echo\n      args: {cmd: x}\n", "command is given twice"},
		"when mapping":       {head + "    - ping:\n      when: {a: b}\n", "a condition must be an expression"},
		"tags mapping":       {head + "    - ping:\n      tags: {a: b}\n", "tags must be specified as a list"},
		"defaults list":      {head + "    - ping:\n      module_defaults: [1]\n", "The field 'module_defaults' is supposed to be a dictionary or list of dictionaries"},
		"defaults text":      {"- hosts: all\n  module_defaults: \"{{ x }}\"\n", "p.yml:2:20: The field 'module_defaults' is supposed to be a dictionary or list"},
		"defaults key":       {head + "    - ping:\n      module_defaults: {\"{{ x }}\": {}}\n", "Could not resolve action {{ x }} in module_defaults"},
		"defaults number":    {head + "    - ping:\n      module_defaults: {1: {}}\n", "Could not resolve action 1 in module_defaults"},
		"defaults group":     {head + "    - ping:\n      module_defaults: {group/nosuch: {}}\n", "could not resolve the module_defaults group ansible.builtin.nosuch"},
		"prompt key":         {"- hosts: all\n  vars_prompt: [{name: x, when: y}]\n", "p.yml:2:27: Invalid vars_prompt data structure, found unsupported key 'when'"},
		"prompt":             {"- hosts: all\n  vars_prompt: [{nam: x}]\n", "Invalid vars_prompt data structure, missing 'name' key"},
	} {
		files := tree{
			"p.yml": c.text, "ok.yml": "- ping:\n", "loop.yml": "- import_tasks: loop.yml\n", "play.yml": "- hosts: all\n  tasks: []\n",
			"roles/a/meta/main.yml": "dependencies: [a]\n", "roles/a/tasks/main.yml": "- ping:\n",
		}
		_, err := Load("/p.yml", options(files, nil))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v\n  want %s", name, err, c.want)
			continue
		}
		var d *diag.Diagnostic
		if !errors.As(err, &d) || d.Pos.Line == 0 || d.Code == "" {
			t.Errorf("%s: %#v", name, d)
		}
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	_, err := Load("/p.yml", options(tree{"p.yml": "- hosts: all\n  become: x\n  roles: [nope]\n  tasks:\n    - pong:\n      wehn: 1\n    - 5\n    - import_tasks: gone.yml\n- tasks: []\n"}, nil))
	var list diag.List
	if !errors.As(err, &list) || len(list) != 6 {
		t.Errorf("got %d:\n%v", len(list), err)
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	var warned []string
	_, err := Load("/p.yml", options(tree{"p.yml": "- hosts: all\n  tasks:\n    - ping:\n      when: x == '{{ y }}'\n    - ping:\n      ping:\n    - import_tasks: empty.yml\n", "empty.yml": "# none\n"}, &warned))
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(warned, "\n")
	for _, want := range []string{"p.yml:4:19: a condition should not contain template braces", `p.yml:6:7: found a duplicate dict key (ping)`, "p.yml:7:21: /empty.yml holds no tasks"} {
		if !strings.Contains(all, want) {
			t.Errorf("no warning %q in:\n%s", want, all)
		}
	}
}

func TestRenderedNames(t *testing.T) {
	t.Parallel()
	opts := options(tree{"p.yml": "- hosts: all\n  vars: {n: x}\n  roles: ['{{ n }}']\n", "roles/x/tasks/main.yml": "- import_tasks: '{{ n }}.yml'\n  vars: {m: 1}\n", "roles/x/tasks/x.yml": "- ping:\n"}, nil)
	opts.Render = func(n *yaml.Node, play *Play, _ *Scope, _ ...*yaml.Vars) (string, error) {
		return strings.ReplaceAll(n.Str(), "{{ n }}", play.Vars.Node("n").Str()), nil
	}
	pb, err := Load("/p.yml", opts)
	if err != nil {
		t.Fatal(err)
	}
	if got := pb.Plays[0].Roles[0].AllTasks()[0].(*Block).Import; got != "/roles/x/tasks/x.yml" {
		t.Errorf("imported %s", got)
	}
}

func TestWhereFilesAreLookedFor(t *testing.T) {
	t.Parallel()
	pb, err := Load("/site.yml", options(sample, nil))
	if err != nil {
		t.Fatal(err)
	}
	base := pb.Plays[0].Roles[1].Deps[0].Tasks[0].(*Task)
	want := []string{
		"/shared/base/templates/x.j2", "/shared/base/x.j2", "/roles/app/templates/x.j2", "/roles/app/x.j2",
		"/shared/base/tasks/templates/x.j2", "/shared/base/tasks/x.j2", "/templates/x.j2", "/x.j2",
	}
	if d := cmp.Diff(want, FindFile(&base.Scope, "templates", "x.j2")); d != "" {
		t.Error(d)
	}
	task := pb.Plays[0].PreTasks[0].(*Task)
	if d := cmp.Diff([]string{"/files/a/b", "/a/b"}, FindFile(&task.Scope, "files", "a/b")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"/abs"}, FindFile(&task.Scope, "files", "/abs")); d != "" {
		t.Error(d)
	}
}

func TestFilesWrittenDuringTheRunAreReadAgain(t *testing.T) {
	t.Parallel()
	files := tree{"p.yml": "- hosts: all\n  tasks:\n    - include_tasks: made.yml\n"}
	opts := options(files, nil)
	m := opts.Files.(memory)
	pb, err := Load("/p.yml", opts)
	if err != nil {
		t.Fatal(err)
	}
	task := pb.Plays[0].Tasks[0].(*Task)
	if _, err := pb.Loader().IncludeTasks(task, "made.yml"); err == nil || !strings.Contains(err.Error(), "p.yml:3:22: Could not find or access") {
		t.Errorf("a file that is not there: %v", err)
	}
	for i, text := range []string{"- ping:\n", "- ping:\n- ping:\n"} {
		m.fs["made.yml"] = &fstest.MapFile{Data: []byte(text)}
		if inc, err := pb.Loader().IncludeTasks(task, "made.yml"); err != nil || len(inc.Items) != i+1 {
			t.Errorf("%d items, %v", len(inc.Items), err)
		}
	}
	m.fs["v.yml"] = &fstest.MapFile{Data: []byte("a: '{{ b }}'\n")}
	if vs, err := pb.Loader().LoadVarsFile("/v.yml", diag.Pos{}); err != nil || vs.Node("a").Pos.String() != "/v.yml:1:4" {
		t.Errorf("%v %v", vs, err)
	}
	m.fs["v.yml"] = &fstest.MapFile{Data: []byte("- a\n")}
	if _, err := pb.Loader().LoadVarsFile("/v.yml", diag.Pos{}); err == nil || !strings.Contains(err.Error(), "/v.yml:1:1: a file of variables must be a mapping") {
		t.Errorf("a list of variables: %v", err)
	}
	m.fs["list.yml"] = &fstest.MapFile{Data: []byte("- a: 1\n  b: 2\n- b: 3\n")}
	if vs, err := pb.Loader().LoadPlayVars("/list.yml", diag.Pos{}); err != nil || vs.Node("a").Pos.String() != "/list.yml:1:6" || vs.Node("b").Pos.String() != "/list.yml:3:6" {
		t.Errorf("a list of mappings in vars_files: %v %v", vs, err)
	}
	m.fs["list.yml"] = &fstest.MapFile{Data: []byte("- a: 1\n- b\n")}
	if _, err := pb.Loader().LoadPlayVars("/list.yml", diag.Pos{}); err == nil || !strings.Contains(err.Error(), "/list.yml:2:3: a file of variables must be a mapping") {
		t.Errorf("a list with a text in vars_files: %v", err)
	}
}

func FuzzLoad(f *testing.F) {
	for _, text := range sample {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		files := tree{"p.yml": text, "ok.yml": text, "roles/a/tasks/main.yml": text, "roles/a/meta/main.yml": "dependencies: [a]\n"}
		pb, err := Load("/p.yml", options(files, nil))
		var list diag.List
		if errors.As(err, &list) {
			for _, d := range list {
				if d.Pos.File == "" {
					t.Fatalf("no place: %v", d)
				}
			}
		}
		for _, p := range pb.Plays {
			p.Items()
			p.AllHandlers()
		}
	})
}

func TestKeywordsOfTasksThatCannotBe(t *testing.T) {
	t.Parallel()
	files := tree{"p.yml": "- hosts: all\n  tasks:\n    - ping:\n      diff: yes.\n    - block: [{ping: }]\n      become: maybe\n    - ping:\n      retries: many\n    - ping:\n"}
	pb, err := Load("/p.yml", options(files, nil))
	if err != nil {
		t.Fatal(err)
	}
	items := pb.Plays[0].Tasks
	for i, want := range []string{"/p.yml:4:13: the field 'diff' has an invalid value (yes.), and could not be converted to an bool",
		"/p.yml:6:15: the field 'become' has an invalid value (maybe)", "/p.yml:8:16: the field 'retries' has an invalid value (many), and could not be converted to an int", ""} {
		task, ok := items[i].(*Task)
		if !ok {
			task = items[i].(*Block).Block[0].(*Task)
		}
		got := ""
		if d := task.BrokenKeyword(); d != nil {
			got = d.Error()
		}
		if want == "" && got != "" || !strings.HasPrefix(got, want) {
			t.Errorf("%d: %q, want %q", i, got, want)
		}
	}
}

func TestPlaybooksOfCollections(t *testing.T) {
	t.Parallel()
	const root = "collections/ansible_collections/ns/coll/"
	files := tree{
		"p.yml":                          "- import_playbook: ns.coll.sub.play\n- hosts: all\n  tasks:\n    - import_role: {name: ns.coll.r}\n",
		root + "playbooks/sub/play.yml":  "- hosts: all\n  tasks:\n    - import_role: {name: r}\n    - include_tasks: part.yml\n",
		root + "playbooks/sub/part.yml":  "- import_role: {name: r}\n",
		root + "roles/r/tasks/main.yml":  "- ping:\n",
		root + "roles/r/tasks/other.yml": "- ping:\n",
	}
	pb, err := Load("/p.yml", options(files, nil))
	if err != nil {
		t.Fatal(err)
	}
	first, second := pb.Plays[0], pb.Plays[1]
	if first.Collection != "ns.coll" || first.Dir != "/"+root+"playbooks/sub" || second.Collection != "" {
		t.Errorf("the plays are of %q in %s, and of %q", first.Collection, first.Dir, second.Collection)
	}
	inc, err := pb.Loader().IncludeTasks(find(t, first.Tasks, "include_tasks"), "part.yml")
	if err != nil || len(inc.Imports) != 1 || inc.Imports[0].FullName() != "ns.coll.r" {
		t.Errorf("what the play includes: %v %v", inc, err)
	}
	files["p.yml"] = "- hosts: all\n  tasks:\n    - import_role: {name: r}\n"
	if _, err := Load("/p.yml", options(files, nil)); err == nil {
		t.Error("a short name outside of the collection is found")
	}
}
