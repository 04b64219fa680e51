package lint

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// taskFiles checks the controller's files that a task names, and notes those
// that it may write.
func (c *checker) taskFiles(u *user, t *playbook.Task, mod string) {
	src := t.Args.Get("src")
	switch mod {
	case "copy":
		if !c.remote(t, "remote_src") && t.Args.Get("content") == nil {
			c.file(u, "files", src)
		}
	case "template":
		if path := c.file(u, "templates", src); path != "" {
			c.templateFile(u, path)
		} else if src == nil || src.HasTemplate() {
			c.cfg.Texts.untold(t, src)
		}
	case "unarchive":
		if !c.remote(t, "remote_src") && !isFalse(t.Args.Get("copy")) && src != nil && !strings.Contains(src.Str(), "://") {
			c.file(u, "files", src)
		}
	case "script":
		if t.Raw != nil && !t.Raw.HasTemplate() {
			if words := strings.Fields(t.Raw.Str()); len(words) > 0 && !strings.ContainsAny(words[0], `"'\`) {
				c.find(u, "files", words[0], t.Raw.Pos)
			}
		}
	case "include_vars":
		file := t.Raw
		if file == nil {
			file = t.Args.Get("file")
		}
		if file != nil && t.Args.Get("dir") == nil {
			names, _ := c.variants(file, t)
			for _, name := range names {
				c.find(u, "vars", name, file.Pos)
			}
		}
	}
	c.writes(u, t, mod)
}

// remote tells whether a switch says, or may say, that a file is on the host.
func (c *checker) remote(t *playbook.Task, arg string) bool {
	n := t.Args.Get(arg)
	return n != nil && !isFalse(n)
}

// file finds the file that a literal argument names.
func (c *checker) file(u *user, kind string, n *yaml.Node) string {
	if n == nil || n.Problem != nil || n.Kind != yaml.Scalar {
		return ""
	}
	names, ok := c.variants(n, u.s.Task)
	if !ok {
		return ""
	}
	path := ""
	for _, name := range names {
		path = c.find(u, kind, name, n.Pos)
	}
	if len(names) > 1 { // each is checked to be there, but only one template can be parsed for the caller
		for _, name := range names[:len(names)-1] {
			if p := c.find(u, kind, name, n.Pos); p != "" && kind == "templates" {
				c.templateFile(u, p)
			}
		}
	}
	return path
}

// find looks for a file as the run will; it reports where it looked.
func (c *checker) find(u *user, kind, name string, pos diag.Pos) string {
	if name == "" {
		return ""
	}
	tried := playbook.FindFile(&u.s.Scope, kind, name)
	for _, p := range tried {
		if c.disk.exists(p) {
			return p
		}
	}
	soft := c.soft(u.p, u.s) || u.maybe || c.written(tried)
	d := problem(pos, soft, CodeFile, "the %s %q was not found", map[string]string{"files": "file", "templates": "template", "vars": "file of variables"}[kind], name)
	c.report(d.WithHint("looked for %s", strings.Join(tried, ", ")))
	return ""
}

// local tells whether a task runs, or may run, on the controller.
func (c *checker) local(u *user, t *playbook.Task) bool {
	if n := t.Nearest(func(k *playbook.Keywords) *yaml.Node { return k.DelegateTo }); n != nil {
		return n.HasTemplate() || slices.Contains(localNames, n.Str()) || c.localHost(n.Str())
	}
	if n := t.Nearest(func(k *playbook.Keywords) *yaml.Node { return k.Connection }); n != nil {
		return n.HasTemplate() || n.Str() == "local"
	}
	for _, h := range u.p.matched {
		if slices.Contains(localNames, h.Name) || c.localHost(h.Name) {
			return true
		}
	}
	return u.p.open && len(u.p.matched) == 0
}

var localNames = []string{"localhost", "127.0.0.1", "::1"}

func (c *checker) localHost(name string) bool {
	if c.cfg.Inventory == nil {
		return false
	}
	h := c.cfg.Inventory.Host(name)
	if h == nil {
		return false
	}
	for _, l := range c.cfg.Inventory.Layers(h) {
		if n := l.Vars.Node("ansible_connection"); n != nil && (n.HasTemplate() || n.Str() == "local") {
			return true
		}
	}
	return false
}

// writes notes what a task may write on the controller: a later task may name
// it as a source.
func (c *checker) writes(u *user, t *playbook.Task, mod string) {
	switch mod {
	case "debug", "set_fact", "assert", "fail", "meta", "ping", "stat", "slurp", "setup", "include_vars", "pause", "add_host", "group_by", "service_facts", "listen_ports_facts", "cloud_init_data_facts":
		return
	case "fetch":
	default:
		if !c.local(u, t) {
			return
		}
	}
	dest := t.Args.Get("dest")
	if dest == nil {
		dest = t.Args.Get("path")
	}
	if !slices.Contains([]string{"copy", "template", "file", "lineinfile", "ini_file", "blockinfile", "fetch", "get_url"}, mod) || t.ArgsTemplate != nil || dest.HasTemplate() {
		c.disk.wild = true
		return
	}
	if dest == nil {
		return
	}
	c.disk.dests = append(c.disk.dests, filepath.Clean(dest.Value().Text()))
}

// written tells whether one of the paths may be written by an earlier task.
func (c *checker) written(paths []string) bool {
	for _, p := range paths {
		for _, d := range c.disk.dests {
			if p == d || strings.HasPrefix(p, d+"/") || strings.HasPrefix(d, p+"/") {
				return true
			}
		}
	}
	return c.disk.wild
}

// fileKey is a template file and how it is read.
type fileKey struct {
	path string
	o    jinja.Options
}

// templateFile is a parsed template file.
type templateFile struct {
	text
	refs     []jinja.Ref
	assigned map[string]bool
	at       func(int) diag.Pos
}

// templateOptions are those that a template task asks for; ok is false when
// they are not literal.
func templateOptions(t *playbook.Task) (o jinja.Options, ok bool) {
	o = jinja.FileOptions()
	for name, to := range map[string]*string{
		"block_start_string": &o.BlockStart, "block_end_string": &o.BlockEnd, "variable_start_string": &o.VarStart,
		"variable_end_string": &o.VarEnd, "comment_start_string": &o.CommentStart, "comment_end_string": &o.CommentEnd,
	} {
		if n := t.Args.Get(name); !n.IsNull() {
			if n.HasTemplate() && !slices.Contains([]string{"{{", "{%", "{#"}, n.Str()) {
				return o, false
			}
			*to = n.Str()
		}
	}
	if isFalse(t.Args.Get("trim_blocks")) {
		o.TrimBlocks = false
	}
	o.LstripBlocks = isTrue(t.Args.Get("lstrip_blocks"))
	return o, t.ArgsTemplate == nil
}

// inTemplates are variables that only template files know.
var inTemplates = []string{"template_host", "template_path", "template_fullpath", "template_uid", "template_run_date", "template_destpath", "template_mtime"}

// templateFile checks a template with all that it includes.
func (c *checker) templateFile(u *user, path string) {
	o, ok := templateOptions(u.s.Task)
	if !ok {
		c.cfg.Texts.template(path)
		return
	}
	v := *u
	v.local = map[string]bool{}
	for _, n := range inTemplates {
		v.local[n] = true
	}
	c.checkFile(&v, path, o, map[string]bool{})
}

func (c *checker) checkFile(u *user, path string, o jinja.Options, stack map[string]bool) {
	if stack[path] {
		return
	}
	stack[path] = true
	defer delete(stack, path)
	f := c.parseFile(path, o)
	if f == nil {
		return
	}
	u.problems(f.problems)
	u.reads(&f.text, f.at)
	for _, r := range f.refs {
		found := c.include(u, path, r)
		if found == "" {
			continue
		}
		v := *u
		v.local = map[string]bool{"loop": true}
		for _, names := range []map[string]bool{u.local, f.assigned} {
			for n := range names {
				v.local[n] = true
			}
		}
		v.lenient = v.lenient || r.Import
		v.maybe = v.maybe || r.Maybe
		c.checkFile(&v, found, o, stack)
	}
}

// include finds a template that another one names, as the run will.
func (c *checker) include(u *user, path string, r jinja.Ref) string {
	var tried []string
	for _, name := range r.Names {
		candidates := []string{filepath.Join(filepath.Dir(path), name)}
		if filepath.IsAbs(name) {
			candidates = []string{name}
		} else {
			candidates = append(candidates, playbook.FindFile(&u.s.Scope, "templates", name)...)
		}
		for _, p := range candidates {
			if c.disk.exists(p) {
				return p
			}
			if !slices.Contains(tried, p) {
				tried = append(tried, p)
			}
		}
	}
	if !r.Optional {
		c.report(problem(r.Pos, r.Maybe || u.maybe || c.soft(u.p, u.s) || c.written(tried), CodeFile, "the template %q was not found", strings.Join(r.Names, ", ")).
			WithHint("looked for %s", strings.Join(tried, ", ")))
	}
	return ""
}

// parseFile parses a template file once.
func (c *checker) parseFile(path string, o jinja.Options) *templateFile {
	key := fileKey{path, o}
	if f, ok := c.files[key]; ok {
		return f
	}
	data, err := os.ReadFile(path)
	if err != nil {
		c.files[key] = nil // a folder, or unreadable: the run says so
		return nil
	}
	c.cfg.Texts.template(path)
	f := &templateFile{}
	c.files[key] = f
	src := string(data)
	start := diag.Pos{File: path, Line: 1, Col: 1}
	t, err := c.eng.Env().Parse(src, start, o)
	f.problems = diagnostics(err)
	f.at = func(off int) diag.Pos { return placeIn(path, src, off) }
	f.problems = append(f.problems, c.lookups(src, f.at)...)
	if t == nil {
		return f
	}
	f.problems = append(f.problems, t.Unresolved()...)
	f.needs, f.reads, f.refs, f.assigned = t.Needs(), t.Reads(), t.Refs(), t.Assigned()
	return f
}

// placeIn is the place of an offset in a file.
func placeIn(path, src string, off int) diag.Pos {
	off = min(off, len(src))
	before := src[:off]
	line := strings.LastIndexByte(before, '\n') + 1
	return diag.Pos{File: path, Line: 1 + strings.Count(before, "\n"), Col: 1 + len([]rune(before[line:]))}
}
