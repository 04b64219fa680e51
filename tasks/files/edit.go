package files

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// editor plans changing the text of one file: what lineinfile and ini_file
// have in common.
type editor struct {
	module.FileAttrs
	in       module.Inputs
	g        *module.Gather
	path     string
	backup   bool
	validate string
	marks    value.Marks

	file state.File
	old  []byte
	// attrsChange tells that attributes differ from what the file has, or is
	// made with; after is the stat in the end.
	attrsChange bool
	after       state.Stat
	backupFile  string
	change      module.Change
	// diff is what is registered: of the content, and of the attributes.
	diff [2]*value.Map
}

// open asks for the file. done tells that the plan ends here: more must be
// asked, or it cannot be read.
func (e *editor) open(p string) (c module.Change, done bool, err error) {
	e.path = e.g.Path(p)
	e.g.Login()
	f, err := e.g.TryFile(trim(e.path), state.WantContent)
	if c, missing, gerr := e.g.Missing(); missing {
		return c, true, gerr
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return module.Change{}, true, module.Fail(err.Error())
	}
	e.file, e.old = f, f.Content
	if f.IsDir() {
		return module.Change{}, true, module.Fail("Path "+e.path+" is a directory !", "rc", 256)
	}
	e.change.Warnings = e.Warnings()
	return module.Change{}, false, nil
}

// editMark is what an edit makes of a file: sums of its text before and after.
type editMark struct{ path, old, made string }

func (m editMark) String() string { return m.old + " " + m.made + " " + m.path }

func parseEditMark(s string) (m editMark, ok bool) {
	w := strings.SplitN(s, " ", 3)
	if len(w) != 3 {
		return m, false
	}
	return editMark{w[2], w[0], w[1]}, true
}

// madeBefore tells whether the file is what an attempt that was cut off made of
// it by this edit, and by those that came after it.
func (m editMark) madeBefore(in module.Inputs) bool {
	next := map[string]string{}
	for _, s := range in.Others {
		if x, ok := parseEditMark(s); ok && x.path == m.path {
			next[x.old] = x.made
		}
	}
	before, ok := parseEditMark(in.Before)
	for at := before.made; ok && before.path == m.path; {
		if at == m.old {
			return true
		}
		to, more := next[at]
		delete(next, at)
		if at, ok = to, more; !more {
			return false
		}
	}
	return false
}

func contentSum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func (e *editor) exists() bool { return e.file.Followed.Type != state.TypeNone }

// finish plans the new text and the attributes.
func (e *editor) finish(text []byte, write bool) error {
	cur, real := e.file.Followed, e.file.Resolved
	if write {
		mark := editMark{real, contentSum(e.old), contentSum(text)}
		if mark.madeBefore(e.in) {
			write = false // an edit may find more to do each time
		} else {
			e.change.Mark = mark.String()
		}
	}
	exists := e.exists()
	attrs, given := e.FileAttrs, e.FileAttrs
	if !write && !exists {
		return nil
	}
	if !exists {
		parent, err := e.parent(path.Dir(real))
		if err != nil || !e.g.Complete() {
			return err
		}
		cur = e.g.NewStat(parent, state.TypeFile)
		attrs = ownGroup(attrs, e.g.Login(), cur)
	}
	w, err := attrs.Want(e.g, cur)
	if err != nil {
		return err
	}
	set := w.Changes(cur)
	asked, err := given.Want(e.g, cur)
	if err != nil {
		return err
	}
	e.attrsChange = !asked.Changes(cur).IsZero()
	e.after = w.Apply(cur)
	content := contentDiff(e.path+" (content)", e.old, e.path+" (content)", text, e.marks)
	if e.in.Diff && write {
		e.change.Diff = append(e.change.Diff, content)
	}
	attributes := sides{value.NewMap(), value.NewMap()}
	if e.attrsChange {
		attributes.attrs(cur, set)
		if entry, ok := attributes.entry(); ok {
			entry.BeforeHeader, entry.AfterHeader = e.path+" (file attributes)", e.path+" (file attributes)"
			e.change.Diff = append(e.change.Diff, entry)
		}
	}
	e.noteDiff(content, attributes)
	if !write {
		if e.attrsChange {
			e.change.Ops = append(e.change.Ops, state.SetAttrs{Path: real, Attrs: set})
		}
		return nil
	}
	return e.write(text, real, w, set, cur, exists)
}

// noteDiff makes what is registered as diff, changed or not; texts are in it
// only when somebody wants to see them.
func (e *editor) noteDiff(content state.DiffEntry, attributes sides) {
	if !e.in.Diff {
		content.Before, content.After = "", ""
	}
	e.diff[0] = state.Diff{content}.Registered(false).Map()
	header := e.path + " (file attributes)"
	e.diff[1] = value.M("before_header", header, "after_header", header)
	if attributes.after.Len() > 0 {
		sides := attributes.registered()
		for k, v := range sides.Map().All() {
			e.diff[1].SetKey(k, v)
		}
	}
}

// diffList is the registered difference as a list of both parts.
func (e *editor) diffList() value.Value {
	if e.diff[0] == nil {
		return value.List()
	}
	return value.List(value.FromMap(e.diff[0]), value.FromMap(e.diff[1]))
}

func (e *editor) write(text []byte, real string, w module.Wanted, set state.Attrs, cur state.Stat, exists bool) error {
	if e.validate != "" {
		if !strings.Contains(e.validate, "%s") {
			return module.Fail("validate must contain %s: " + e.validate)
		}
		at := len(e.change.Ops)
		e.change.Failed = func(op int, r state.OpResult) *module.Failure {
			if op != at || r.RC == 0 {
				return nil
			}
			return module.Fail("failed to validate: rc:" + value.Int(int64(r.RC)).Text() + " error:" + string(r.Stderr))
		}
	}
	if e.backup && exists {
		e.backupFile = module.BackupName(e.path, e.in)
	}
	if !exists {
		set = w.Make(cur)
	}
	e.after.Size, e.after.Nlink = int64(len(text)), 1
	e.change.Ops = append(e.change.Ops, state.WriteFile{Path: real, Content: state.Bytes(bytes.Clone(text)), Attrs: set,
		Backup: e.backupFile, Validate: e.validate, InPlace: e.UnsafeWrites && exists})
	return nil
}

// parent plans missing folders of a file that is made.
func (e *editor) parent(dir string) (state.Stat, error) {
	p := newPutter(module.FileAttrs{}, e.in, nil)
	p.g = e.g
	s := p.makeFolders(dir)
	if e.g.Complete() && s.Type != state.TypeDir {
		return s, module.Fail("Error creating " + dir + " ([Errno 20] Not a directory: '" + dir + "')")
	}
	e.change.Ops = append(e.change.Ops, p.ops...)
	return s, nil
}

// keptAs registers under a key where the old file is kept. A single task in check mode
// makes no such file and registers still, or nothing where that is null.
func (e *editor) keptAs(key string, still value.Value) {
	if !e.in.Check || e.backupFile == "" {
		e.change.Result.Set(key, value.String(e.backupFile))
		return
	}
	e.change.Result.Set(key, module.Later())
	if !still.IsNull() {
		e.change.Still = value.M(key, still)
	}
}

// done plans the new text and gives the change with what is registered: msg
// says what becomes of the text.
func (e *editor) done(text []byte, write bool, msg string) (module.Change, error) {
	if err := e.finish(text, write); err != nil && e.g.Complete() {
		return module.Change{}, err
	}
	if c, missing, err := e.g.Missing(); missing {
		return c, err
	}
	if e.attrsChange {
		if write {
			msg += " and "
		}
		msg += "ownership, perms or SE linux context changed"
	}
	e.change.Result = value.M("changed", write || e.attrsChange, "msg", msg)
	if e.backupFile != "" {
		e.keptAs("backup_file", value.Null)
	}
	return e.change, nil
}
