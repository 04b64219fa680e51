package playbook

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// Files is where playbooks are read from; nil in Options is the file system.
type Files interface {
	ReadFile(name string) ([]byte, error)
	Stat(name string) (fs.FileInfo, error)
	ReadDir(name string) ([]fs.DirEntry, error)
}

type osFiles struct{}

func (osFiles) ReadFile(name string) ([]byte, error)       { return os.ReadFile(name) }
func (osFiles) Stat(name string) (fs.FileInfo, error)      { return os.Stat(name) }
func (osFiles) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }

// Options are what loading needs from outside.
type Options struct {
	// RolesPath are further folders to look for roles in, after roles/ beside
	// the playbook; nil means Ansible's defaults.
	RolesPath []string
	// CollectionsPath are folders of collections, after collections/ beside the
	// playbook; nil means Ansible's defaults.
	CollectionsPath []string
	// IsModule tells whether a name is a module we have; it decides which of
	// several unknown keys of a task is meant as the module. May be nil.
	IsModule func(name string) bool
	// Canonical gives the one name of a module for all its spellings
	// ("ansible.builtin.copy" is "copy"). nil strips ansible.builtin and ansible.legacy.
	Canonical func(name string) string
	// Render evaluates a templated name that must be known while loading
	// (import_tasks, import_role, roles, import_playbook) with the variables
	// known then: of the play (nil for import_playbook), of the task or role that
	// names it (nil where there is none), and layers of vars given beside, lowest
	// first. nil makes such names an error.
	Render func(n *yaml.Node, play *Play, at *Scope, layers ...*yaml.Vars) (string, error)
	// YAML are the options for reading YAML: vault, warnings. Warnings of this
	// package go to YAML.Warn too.
	YAML  yaml.Options
	Files Files
}

func (o *Options) files() Files {
	if o.Files != nil {
		return o.Files
	}
	return osFiles{}
}

// rolesPath are the folders to look for roles in besides those of the playbook.
func (o *Options) rolesPath() []string {
	if o.RolesPath != nil {
		return o.RolesPath
	}
	var paths []string
	if home, err := os.UserHomeDir(); err == nil {
		paths = append(paths, filepath.Join(home, ".ansible", "roles"))
	}
	return append(paths, "/usr/share/ansible/roles", "/etc/ansible/roles")
}

// cache keeps parsed files and found roles: a role used by many plays is
// parsed once.
type cache struct {
	mu    sync.Mutex
	nodes map[string]cachedNode
	roles map[string]*Role
	// routes are where collections send modules, by collection and module.
	routes map[[2]string]string
}

// cachedNode is a parsed file as it was when it had this time and size: a task
// may write a file that a later one includes.
type cachedNode struct {
	n    *yaml.Node
	err  error
	time time.Time
	size int64
}

func newCache() *cache {
	return &cache{nodes: map[string]cachedNode{}, roles: map[string]*Role{}, routes: map[[2]string]string{}}
}

// reader reads one playbook or one include.
type reader struct {
	opts     *Options
	cache    *cache
	base     string // the folder of the playbook file being read: roles and files are looked for here
	play     *Play
	given    []*yaml.Vars // what the imports around the playbook file pass on, outermost first
	problems diag.List
	stack    []string // files being imported, against loops
	roles    []string // role folders being loaded, against loops
	plays    int
	// collection is the collection whose playbook is being read; "" for none.
	collection string
	dynamic    bool       // expands an include: the play is being run and must not be changed
	imported   []*RoleUse // by import_role of what an include brings
}

func (r *reader) fail(pos diag.Pos, code, format string, args ...any) *diag.Diagnostic {
	d := diag.Errorf(pos, code, format, args...)
	r.problems = append(r.problems, d)
	return d
}

func (r *reader) warn(pos diag.Pos, code, format string, args ...any) *diag.Diagnostic {
	d := diag.Errorf(pos, code, format, args...)
	d.Warning = true
	// Passed on when the reader is done, when a hint may have been added.
	r.problems = append(r.problems, d)
	return d
}

// result gives the errors found, each once, and passes warnings on.
func (r *reader) result() error {
	var errs diag.List
	seen := map[string]bool{}
	for _, d := range r.problems {
		key := d.Error()
		if seen[key] {
			continue
		}
		seen[key] = true
		if d.Warning {
			r.opts.YAML.Warning(d)
			continue
		}
		errs = append(errs, d)
	}
	return errs.Err()
}

// node reads a YAML file of one document. Duplicate reads warn once.
func (r *reader) node(file string, from diag.Pos) (*yaml.Node, bool) {
	c := r.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.nodes[file]
	info, err := r.opts.files().Stat(file)
	switch {
	case err != nil:
		e = cachedNode{err: err}
	case !ok || !e.time.Equal(info.ModTime()) || e.size != info.Size():
		e = r.parse(file, info)
		c.nodes[file] = e
	}
	var d *diag.Diagnostic
	switch {
	case e.err == nil:
		return e.n, true
	case errors.As(e.err, &d):
		r.problems = append(r.problems, d)
	default:
		pos := from
		if !pos.IsValid() {
			pos = diag.Pos{File: file}
		}
		d := r.fail(pos, "file", "cannot read %s: %w", file, plainError(e.err))
		if !pos.IsValid() {
			d.Msg = "cannot read this playbook: " + plainError(e.err).Error()
			if errors.Is(e.err, fs.ErrNotExist) {
				d.Msg = "the playbook: " + filepath.Base(file) + " could not be found"
			}
			d.Hint = "give the path of a playbook as seen from the working folder"
		}
	}
	return nil, false
}

func (r *reader) parse(file string, info fs.FileInfo) cachedNode {
	e := cachedNode{time: info.ModTime(), size: info.Size()}
	data, err := r.opts.files().ReadFile(file)
	if err != nil {
		e.err = err
		return e
	}
	e.n, e.err = yaml.ParseOne(file, data, r.opts.YAML)
	return e
}

func plainError(err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

func (r *reader) exists(path string) bool {
	_, err := r.opts.files().Stat(path)
	return err == nil
}

func (r *reader) isDir(path string) bool {
	info, err := r.opts.files().Stat(path)
	return err == nil && info.IsDir()
}

func itoa(i int) string { return strconv.Itoa(i) }

// rendered gives a name that must be known now.
func (r *reader) rendered(n *yaml.Node, what string, at *Scope, layers ...*yaml.Vars) (string, bool) {
	if !n.IsString() || strings.TrimSpace(n.Str()) == "" {
		r.fail(n.Pos, "name", "expected the name of %s, but found %s", what, n.Describe())
		return "", false
	}
	if !n.HasTemplate() {
		return strings.TrimSpace(n.Str()), true
	}
	if r.opts.Render == nil {
		r.fail(n.Pos, "static-name", "the name of %s is a template, but must be known before the run", what).
			WithHint("use the include_ form, which is resolved during the run")
		return "", false
	}
	s, err := r.opts.Render(n, r.play, at, layers...)
	if err != nil {
		r.fail(n.Pos, "static-name", "the name of %s: %w", what, err).
			WithHint("only variables of the play, its vars files and roles, and of -e are known while loading; the include_ form is resolved during the run")
		return "", false
	}
	return strings.TrimSpace(s), true
}

// Load reads a playbook with everything static below it. All problems found
// are reported together as a diag.List; warnings go to opts.YAML.Warn. A
// playbook is returned also with errors, as far as it could be read.
func Load(file string, opts Options) (*Playbook, error) {
	name := file
	file = absolute(file, opts.Files)
	r := &reader{opts: &opts, cache: newCache(), base: filepath.Dir(file)}
	if !r.exists(file) {
		if p, c := r.collectionPlaybook(name); p != "" {
			file, r.collection, r.base = p, c, filepath.Dir(p)
		}
	}
	pb := &Playbook{File: file, Dir: filepath.Dir(file), loader: &Loader{opts: opts, cache: r.cache}}
	pb.Plays = r.playbook(file, diag.Pos{})
	if len(pb.Plays) == 0 && len(r.problems) == 0 {
		at := diag.Pos{File: file, Line: 1, Col: 1}
		if n, ok := r.node(file, at); ok && n.IsNull() {
			r.fail(at, "playbook", "Empty playbook, nothing to do: %s", file)
		} else {
			r.fail(at, "playbook", "A playbook must contain at least one play: %s", file)
		}
	}
	return pb, r.result()
}

// absolute leaves names of other Files alone.
func absolute(path string, files Files) string {
	if files != nil {
		return filepath.Clean(path)
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
