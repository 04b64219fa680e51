package files

import (
	"fmt"
	"path"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// putter plans writing files: what copy and template have in common.
type putter struct {
	module.FileAttrs
	in            module.Inputs
	g             *module.Gather
	dirMode       module.FileMode
	force, follow bool
	backup        bool
	validate      string
	checksum      string // SHA-1 that what is transferred must have, "" for any
	viaLink       bool   // dest is a link to a folder: Ansible then sends the file in any case
	inherit       bool   // new files take the group of a setgid folder

	ops     []state.Op
	diff    state.Diff
	folders map[string]state.Stat // that the plan makes
	// validates maps operations that validate to what a failure registers.
	validates map[int]*value.Map
}

// source is what is to be written.
type source struct {
	path      string // on the controller, or on the host with remote set; may be ""
	base      string
	mode      uint32 // for mode: preserve
	content   *state.Content
	sha1, md5 string
	marks     value.Marks
	remote    bool // copied on the host itself
	stat      state.Stat
}

func newPutter(attrs module.FileAttrs, in module.Inputs, v state.View) *putter {
	return &putter{FileAttrs: attrs, in: in, g: module.Gathering(v), force: true,
		folders: map[string]state.Stat{}, validates: map[int]*value.Map{}}
}

// attrsFor are the attributes for a source: "preserve" is its own mode.
func (p *putter) attrsFor(s source) module.FileAttrs {
	a := p.FileAttrs
	if a.Mode.Text == "preserve" {
		a.Mode = module.FileMode{Text: fmt.Sprintf("0%03o", s.mode), Given: true}
	}
	return a
}

// target settles where a single file goes: below dest when that is a folder
// or ends with a slash.
func (p *putter) target(dest string, s source) (string, error) {
	if strings.HasSuffix(dest, "/") {
		at := path.Join(dest, s.base)
		p.makeFolders(trim(dest))
		return at, nil
	}
	f := p.g.File(dest, p.wants(s.size()))
	if f.IsDir() {
		if s.base == "" {
			return "", module.Fail("can not use content with a dir as dest")
		}
		p.viaLink = f.IsLink() && !p.follow
		return path.Join(dest, s.base), nil
	}
	return dest, nil
}

// wants is what must be known of a file that is to get so many bytes.
func (p *putter) wants(size int64) state.Want {
	if size <= state.SmallFile {
		return state.WantSHA256 | state.WantSmall
	}
	return state.WantSHA256
}

// makeFolders plans a folder and those missing above it, and gives its stat.
func (p *putter) makeFolders(dir string) state.Stat {
	if s, ok := p.folders[dir]; ok {
		return s
	}
	if dir == "/" {
		return p.g.File("/", 0).Followed
	}
	f := p.g.File(dir, 0)
	if !p.g.Complete() {
		for _, d := range ancestors(dir) {
			p.g.File(d, 0)
		}
		return f.Followed
	}
	if f.Exists() {
		return f.Followed
	}
	parent := p.makeFolders(path.Dir(dir))
	if !p.g.Complete() || parent.Type != state.TypeDir {
		return f.Followed
	}
	return p.mkdir(dir, parent)
}

func (p *putter) dirAttrs() module.FileAttrs {
	a := p.FileAttrs
	a.Mode = p.dirMode
	return a
}

func (p *putter) mkdir(dir string, parent state.Stat) state.Stat {
	ns := p.g.NewStat(parent, state.TypeDir)
	w, err := p.dirAttrs().Want(p.g, ns)
	if err != nil {
		return state.Stat{}
	}
	p.ops = append(p.ops, state.Mkdir{Path: dir, Attrs: w.Make(ns)})
	p.folders[dir] = w.Apply(ns)
	return p.folders[dir]
}

// parentOf gives the folder that a file is put into.
func (p *putter) parentOf(at string, f state.File) state.Stat {
	if s, ok := p.folders[path.Dir(at)]; ok {
		return s
	}
	return f.Parent
}

// put plans one file and gives what is registered about it.
func (p *putter) put(at string, s source) (*value.Map, error) {
	f := p.g.File(at, p.wants(s.size()))
	login := p.g.Login()
	cur, real := f.Stat, at
	if p.follow && f.IsLink() && f.Followed.Type != state.TypeNone { // one to nowhere is replaced
		cur, real = f.Followed, f.Resolved
	}
	parent := p.parentOf(at, f)
	if real != at {
		parent = p.g.File(path.Dir(real), 0).Followed
	}
	if !p.g.Complete() {
		return nil, nil
	}
	if f.Exists() && !p.force {
		r := value.M("dest", at, "src", s.path, "changed", false)
		if s.remote {
			r.Set("msg", value.String("file already exists"))
			module.PathInfo(r, f.Stat)
		}
		return r, nil
	}
	if f.IsDir() {
		return nil, module.Fail("Remote copy does not support recursive copy of directory: "+at, "checksum", s.sha1)
	}
	if f.IsRegular() && f.SHA256 == s.sum() && (p.follow || !f.IsLink()) {
		return p.same(at, real, cur, s)
	}
	if parent.Type != state.TypeDir && parent.Type != state.TypeLink {
		why := "is not a directory"
		if parent.Type == state.TypeNone {
			why = "does not exist"
		}
		f := module.Fail(fmt.Sprintf("Destination directory %s %s", path.Dir(at), why), "checksum", s.sha1)
		if !s.remote {
			f.Dry = value.M("changed", true)
		}
		return nil, f
	}
	return p.write(at, real, f, cur, parent, login, s)
}

// ownGroup gives a new file to the group of who acts, in a setgid folder too,
// as Ansible does where it moves a file into place.
func ownGroup(a module.FileAttrs, login state.LoginInfo, cur state.Stat) module.FileAttrs {
	if login.GID != cur.GID && a.Group == "" {
		a.Group = fmt.Sprint(login.GID)
	}
	return a
}

// size is how many bytes it has; what lies on the host is taken to be many.
func (s source) size() int64 {
	if s.content == nil {
		return state.MaxContent
	}
	return s.content.Size
}

func (s source) sum() string {
	if s.content == nil {
		return ""
	}
	return s.content.SHA256
}

// same plans the attributes of a file whose content is as wanted.
func (p *putter) same(at, real string, cur state.Stat, s source) (*value.Map, error) {
	w, err := p.attrsFor(s).Want(p.g, cur)
	if err != nil {
		return nil, err
	}
	a := w.Changes(cur)
	d := newSides(real)
	if !a.IsZero() {
		p.ops = append(p.ops, state.SetAttrs{Path: real, Attrs: a})
		d.attrs(cur, a)
		if e, ok := d.entry(); ok {
			p.diff = append(p.diff, e)
		}
	}
	r := value.MRoom(module.InfoRoom, "path", real, "dest", real, "checksum", s.sha1, "changed", !a.IsZero(), "diff", d.registered())
	if s.remote || p.viaLink {
		r = value.MRoom(module.InfoRoom, "dest", at, "src", s.path, "checksum", s.sha1, "md5sum", s.md5, "changed", !a.IsZero())
	}
	module.PathInfo(r, w.Apply(cur))
	return r, nil
}

// write plans a file whose content differs or that is not there.
func (p *putter) write(at, real string, f state.File, cur, parent state.Stat, login state.LoginInfo, s source) (*value.Map, error) {
	if p.checksum != "" && p.checksum != s.sha1 {
		return nil, otherSum(s, p.checksum)
	}
	exists := cur.Type == state.TypeFile
	attrs := p.attrsFor(s)
	if !exists {
		cur = p.g.NewStat(parent, state.TypeFile)
		if !p.inherit {
			attrs = ownGroup(attrs, login, cur)
		}
	}
	w, err := attrs.Want(p.g, cur)
	if err != nil {
		return nil, err
	}
	set := w.Changes(cur)
	if !exists {
		set = w.Make(cur)
	}
	after := w.Apply(cur)
	after.Nlink = 1
	r := value.MRoom(module.InfoRoom, "dest", real, "src", s.path, "md5sum", s.md5, "checksum", s.sha1, "changed", true)
	if s.path == "" {
		r.Delete("src")
	}
	if !s.remote && !p.in.Diff {
		r.Set("diff", value.List())
	}
	backup := ""
	if p.backup && f.Followed.Type != state.TypeNone {
		backup = module.BackupName(real, p.in)
		r.Set("backup_file", value.String(backup))
	}
	if p.validate != "" {
		if !strings.Contains(p.validate, "%s") {
			return nil, module.Fail("validate must contain %s: " + p.validate)
		}
		p.validates[len(p.ops)] = value.M("checksum", s.sha1)
	}
	if err := p.show(real, f, s); err != nil {
		return nil, err
	}
	if s.remote {
		after.Size = s.stat.Size
		p.ops = append(p.ops, state.CopyFile{Src: s.path, Path: real, Attrs: set, Backup: backup, Validate: p.validate})
	} else {
		after.Size = s.content.Size
		p.ops = append(p.ops, state.WriteFile{Path: real, Content: s.content, Attrs: set, Backup: backup,
			Validate: p.validate, InPlace: p.UnsafeWrites && exists})
	}
	module.PathInfo(r, after)
	return r, nil
}

// show adds the difference of contents, when somebody wants to see it.
func (p *putter) show(real string, f state.File, s source) error {
	if !p.in.Diff || s.remote {
		return nil
	}
	header := ""
	var before []byte
	if f.IsRegular() {
		header = real
		if f.Followed.Size > maxDiff {
			p.diff = append(p.diff, state.DiffEntry{BeforeHeader: real, AfterHeader: s.path, Note: "too large"})
			return nil
		}
		before = p.g.File(real, state.WantContent).Content
	}
	after := s.content.Data
	if after == nil && s.content.Size <= maxDiff {
		var err error
		if after, err = readAll(s.content); err != nil {
			return err
		}
	}
	if s.content.Size > maxDiff {
		p.diff = append(p.diff, state.DiffEntry{BeforeHeader: header, AfterHeader: s.path, Note: "too large"})
		return nil
	}
	name := s.path
	if name == "" {
		name = real
	}
	p.diff = append(p.diff, contentDiff(header, before, name, after, s.marks))
	return nil
}

// failed turns a failed validation into the failure that Ansible registers.
func (p *putter) failed(op int, r state.OpResult) *module.Failure {
	m, ok := p.validates[op]
	if !ok || r.RC == 0 {
		return p.unwritable(op, r)
	}
	f := validateFailed(r)
	for k, v := range m.All() {
		f.Result.SetKey(k, v)
	}
	return f
}

// unwritable tells that a folder lets no file be made in it.
func (p *putter) unwritable(op int, r state.OpResult) *module.Failure {
	switch o := p.ops[op].(type) {
	case state.WriteFile:
		return unwritable(path.Dir(o.Path), r)
	case state.CopyFile:
		return unwritable(path.Dir(o.Path), r)
	}
	return nil
}

// change is what was planned, with a result.
func (p *putter) change(result *value.Map) (module.Change, error) {
	if c, missing, err := p.g.Missing(); missing {
		return c, err
	}
	return module.Change{Ops: p.ops, Diff: p.diff, Result: result, Warnings: p.Warnings(), Failed: p.failed}, nil
}
