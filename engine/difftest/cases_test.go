package difftest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
)

// testCase is one small playbook with what it needs. A file of cases is text:
//
//	==== name
//	hosts: 2                  how many hosts, h1 and on (1)
//	args: --tags a            arguments for both programs
//	plan: no                  leave the plan out, and say why in a comment
//	plan: tells               nothing is unknown in it before the task named "effects"
//	ignore: mtime, results.x  keys of results that are not compared
//	ansible: no               Ansible here lacks the modules: the case asserts what
//	                          it expects and must end well
//	differs: 4, 9             results that are others on purpose, and say why
//	runs: no                  a mistake that shows before any task's end
//	order: no                 the order of tasks is chance, and say why
//	docker: yes               the hosts have a container engine; names of what
//	                          is made in it begin with {{ own }}
//	like: name                what that case of the same file has beside its
//	                          playbook, and this one has not, it has too
//	# a comment
//	-- tasks.yml --           tasks of one play on all hosts, without facts
//	-- site.yml --            or a whole playbook
//	-- prepare --             shell, run in each host's folder ($H is its name)
//	-- inventory --           further lines of the inventory
//	-- templates/a.j2 --      any other file beside the playbook
//
// On a host, {{ root }} is the case's own folder.
type testCase struct {
	name, at  string
	like      string
	hosts     int
	args      []string
	noPlan    bool
	planTells bool
	asserts   bool
	noOrder   bool
	noRun     bool
	docker    bool
	ignore    []string
	differs   map[int]bool // results, counted from 1
	files     map[string]string
}

func (c *testCase) hostNames() []string {
	names := make([]string, c.hosts)
	for i := range names {
		names[i] = "h" + strconv.Itoa(i+1)
	}
	return names
}

var fileMark = regexp.MustCompile(`^-- (\S+) --$`)

// readCases reads every case below testdata, by name.
func readCases(t *testing.T) []*testCase {
	t.Helper()
	names, err := filepath.Glob("testdata/cases/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	var cases []*testCase
	seen := map[string]string{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found, err := parseCases(filepath.Base(name), string(data))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range found {
			if at := seen[c.name]; at != "" {
				t.Fatalf("%s: case %s is also at %s", c.at, c.name, at)
			}
			seen[c.name] = c.at
		}
		cases = append(cases, found...)
	}
	return cases
}

func parseCases(file, text string) ([]*testCase, error) {
	var cases []*testCase
	var c *testCase
	into := ""
	for i, line := range strings.Split(text, "\n") {
		at := fmt.Sprintf("%s:%d", file, i+1)
		if name, ok := strings.CutPrefix(line, "==== "); ok {
			c, into = &testCase{name: name, at: at, hosts: 1, files: map[string]string{}}, ""
			cases = append(cases, c)
			continue
		}
		if m := fileMark.FindStringSubmatch(line); m != nil && c != nil {
			into = m[1]
			c.files[into] = ""
			continue
		}
		switch {
		case c == nil && line != "" && !strings.HasPrefix(line, "#"):
			return nil, fmt.Errorf("%s: not in a case: %q", at, line)
		case c == nil:
		case into != "":
			c.files[into] += line + "\n"
		default:
			if err := c.header(line); err != nil {
				return nil, fmt.Errorf("%s: %w", at, err)
			}
		}
	}
	for _, c := range cases {
		if err := c.inherit(cases); err != nil {
			return nil, fmt.Errorf("%s: %w", c.at, err)
		}
		if err := c.finish(); err != nil {
			return nil, fmt.Errorf("%s: %w", c.at, err)
		}
	}
	return cases, nil
}

// inherit takes the files that a case shares with the one it is like.
func (c *testCase) inherit(cases []*testCase) error {
	if c.like == "" {
		return nil
	}
	i := slices.IndexFunc(cases, func(o *testCase) bool { return o.name == c.like })
	if i < 0 || cases[i].like != "" {
		return fmt.Errorf("case %s: no case %s in this file that is like no other", c.name, c.like)
	}
	for name, text := range cases[i].files {
		if _, own := c.files[name]; !own && name != "tasks.yml" && name != "site.yml" {
			c.files[name] = text
		}
	}
	return nil
}

func (c *testCase) header(line string) error {
	if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
		return nil
	}
	key, v, _ := strings.Cut(line, ":")
	v = strings.TrimSpace(v)
	var err error
	switch key {
	case "like":
		c.like = v
	case "hosts":
		c.hosts, err = strconv.Atoi(v)
	case "args":
		c.args = strings.Fields(v)
	case "plan":
		c.noPlan, c.planTells = v == "no", v == "tells"
	case "ansible":
		c.asserts = v == "no"
	case "runs":
		c.noRun = v == "no"
	case "order":
		c.noOrder = v == "no"
	case "docker":
		c.docker = v == "yes"
	case "differs":
		c.differs = map[int]bool{}
		for _, k := range strings.Split(v, ",") {
			n, numErr := strconv.Atoi(strings.TrimSpace(k))
			c.differs[n], err = true, errors.Join(err, numErr)
		}
	case "ignore":
		for _, k := range strings.Split(v, ",") {
			c.ignore = append(c.ignore, strings.TrimSpace(k))
		}
	default:
		err = fmt.Errorf("unknown header %q", key)
	}
	return err
}

// finish wraps bare tasks into a play.
func (c *testCase) finish() error {
	for name, text := range c.files {
		c.files[name] = strings.TrimRight(text, "\n") + "\n"
	}
	tasks, ok := c.files["tasks.yml"]
	if !ok {
		if _, ok = c.files["site.yml"]; !ok {
			return fmt.Errorf("case %s has neither tasks.yml nor site.yml", c.name)
		}
		return nil
	}
	delete(c.files, "tasks.yml")
	var b strings.Builder
	b.WriteString("- hosts: all\n  gather_facts: false\n  tasks:\n")
	for _, line := range strings.Split(strings.TrimRight(tasks, "\n"), "\n") {
		if line != "" {
			line = "    " + line
		}
		b.WriteString(line + "\n")
	}
	c.files["site.yml"] = b.String()
	return nil
}

// side is one of the two programs with its host.
type side struct {
	name, address string
}

// place writes a case's files into a folder, and the inventory of each side.
func (c *testCase) place(dir string, bed bedInfo, sides ...side) error {
	for name, text := range c.files {
		if name == "prepare" || name == "inventory" {
			continue
		}
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		mode := os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			return err
		}
	}
	for _, s := range sides {
		var b strings.Builder
		for _, h := range c.hostNames() {
			fmt.Fprintf(&b, "%s ansible_host=%s root=%s\n", h, s.address, c.root(h))
		}

		b.WriteString(c.files["inventory"])
		fmt.Fprintf(&b, "\n[all:vars]\nansible_port=%d\nansible_user=root\nansible_ssh_private_key_file=%s\n", bed.port, bed.key)
		fmt.Fprintf(&b, "ansible_python_interpreter=/usr/bin/python3\n")
		if c.docker {
			fmt.Fprintf(&b, "own=%s\nregistry=%s\n", c.own(), bed.registry)
		}
		if err := os.WriteFile(filepath.Join(dir, "hosts-"+s.name), []byte(b.String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// diffMode tells whether both programs are asked for differences.
func (c *testCase) diffMode() bool { return slices.Contains(c.args, "--diff") }

// own begins the names of what a case makes in a container engine.
func (c *testCase) own() string { return c.name + "." }

const treeRoot = "/srv/case"

func (c *testCase) root(host string) string { return treeRoot + "/" + c.name + "/" + host }

// prepareScript makes the starting trees of all cases anew.
func prepareScript(cases []*testCase) string {
	var b strings.Builder
	b.WriteString("umask 022\nrm -rf " + treeRoot + "\n")
	for _, c := range cases {
		for _, h := range c.hostNames() {
			fmt.Fprintf(&b, "mkdir -p %s\n", c.root(h))
			if p := c.files["prepare"]; p != "" {
				fmt.Fprintf(&b, "( cd %s && H=%s OWN=%s\n%s) </dev/null || exit 1\n", c.root(h), h, c.own(), p)
			}
		}
	}
	return b.String()
}

// selected are the cases that FAIRLEAD_CASES (a regular expression) names.
func selected(t *testing.T, cases []*testCase) []*testCase {
	t.Helper()
	re, err := regexp.Compile(os.Getenv("FAIRLEAD_CASES"))
	if err != nil {
		t.Fatal(err)
	}
	var out []*testCase
	for _, c := range cases {
		if re.MatchString(c.name) {
			out = append(out, c)
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].name < out[j].name })
	return out
}
