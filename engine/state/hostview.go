package state

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// HostView is what is known of one host under one identity. Answers are learned
// into it, planned operations are written through it; it is keyed by canonical
// path, so that two names of one file are one entry. It is not safe for
// concurrent use.
//
// Where a question cannot be answered because planned operations stand between
// what is known and what will be (a path through a link that is still to be
// made), NeedsFlush says so: the operations must be applied before the question
// is put to the host.
type HostView struct {
	entries map[string]*entry
	alias   map[string]string // path as asked -> canonical
	other   map[Query]Answer
	failed  map[Path]error

	relied  map[string]Stat // as gathered, of entries that planned operations touch
	touched []string        // canonical paths that planned operations touch, in order
	fog     []string        // canonical folders whose inside is not what was gathered
	blurred []string        // canonical paths (with what is below) that may or may not change
	unsure  []string        // paths (with what is below) that are foretold to change, nobody can tell how
	folders map[inode]string
	parents map[string]bool // folders, as asked or canonical, with something known inside
	shared  map[string]bool // canonical folders that are known by another path too

	// Planned says that what is written through is only predicted and never applied:
	// nobody waits for what the host would say of it afterwards.
	Planned bool

	foretold []Answer   // what is foretold, in order
	coming   []UserInfo // users who are not there yet
}

type inode struct{ dev, ino uint64 }

// entry is one directory entry. have tells which sums (or content) are known.
type entry struct {
	stat     Stat
	target   string
	resolved string // of a link, as gathered
	have     Want
	sha256   string
	sha1     string
	md5      string
	content  []byte
	access   [3]bool
	// predicted: written through and not confirmed.
	predicted bool
	// partial: some of stat cannot be predicted.
	partial bool
	// fresh: a folder that we make; whatever else is in it, we put there.
	fresh bool
}

// NewHostView makes a view in which nothing is known.
func NewHostView() *HostView {
	v := &HostView{}
	v.Forget()
	v.other = map[Query]Answer{}
	return v
}

// Forget drops everything that an effect on the host may have changed; who the
// identity is (Login) stays.
func (v *HostView) Forget() {
	v.entries = map[string]*entry{}
	v.alias = map[string]string{}
	v.failed = map[Path]error{}
	v.relied = map[string]Stat{}
	v.touched, v.fog, v.blurred, v.unsure, v.foretold, v.coming = nil, nil, nil, nil, nil, nil
	v.folders, v.parents = map[inode]string{}, map[string]bool{}
	v.shared = map[string]bool{}
	login, known := v.other[Login{}]
	v.other = map[Query]Answer{}
	if known {
		v.other[Login{}] = login
	}
}

// Learn takes an answer in.
func (v *HostView) Learn(a Answer) {
	q, isPath := a.Query.(Path)
	if !isPath {
		v.other[a.Query] = a
		return
	}
	if a.Err != nil {
		v.failed[q] = a.Err
		return
	}
	f, ok := a.Value.(File)
	if !ok {
		return
	}
	delete(v.failed, q)
	v.alias[q.Path] = f.Canonical
	v.inside(q.Path)
	e := v.known(f.Canonical, f.Stat)
	e.target, e.resolved = f.Target, f.Resolved
	v.learnFolder(path.Dir(f.Canonical), f.Parent)
	leaf := e
	if f.IsLink() && f.Resolved != f.Canonical {
		leaf = v.known(f.Resolved, f.Followed)
	} else if f.IsDir() {
		v.learnFolder(f.Canonical, f.Stat)
	}
	leaf.learnSums(q.Want, f)
}

// known gives the entry for a canonical path with a gathered stat. What is
// known of an entry whose inode, size and times did not change is kept.
func (v *HostView) known(canonical string, s Stat) *entry {
	e := v.entries[canonical]
	if e == nil || e.predicted || e.stat != s {
		e = &entry{stat: s, fresh: e != nil && e.fresh}
		v.set(canonical, e)
	}
	e.partial = false
	return e
}

// set puts an entry in.
func (v *HostView) set(canonical string, e *entry) {
	v.entries[canonical] = e
	v.inside(canonical)
}

// inside notes that something is known below every folder of a path.
func (v *HostView) inside(p string) {
	for dir := path.Dir(p); !v.parents[dir]; dir = path.Dir(dir) {
		v.parents[dir] = true
	}
}

func (e *entry) learnSums(want Want, f File) {
	if want&WantAccess != 0 {
		e.access = [3]bool{f.Readable, f.Writable, f.Executable}
	}
	if want&WantSHA256 != 0 {
		e.sha256 = f.SHA256
	}
	if want&WantSHA1 != 0 {
		e.sha1 = f.SHA1
	}
	if want&WantMD5 != 0 {
		e.md5 = f.MD5
	}
	if want&WantContent != 0 {
		e.content = f.Content
	}
	e.have |= want &^ WantSmall
}

// learnFolder notes a folder and finds out whether it is known by two paths
// (a bind mount), in which case writes below it cannot be told apart.
func (v *HostView) learnFolder(canonical string, s Stat) {
	if e := v.entries[canonical]; e == nil || !e.predicted {
		fresh := e != nil && e.fresh
		switch {
		case e == nil && s.Type == TypeNone:
			// Not a folder: it may not be there, or be something else.
			v.set(canonical, &entry{partial: true})
		case s.Type == TypeNone:
		case e == nil || e.stat != s:
			v.set(canonical, &entry{stat: s, fresh: fresh})
		}
	}
	if s.Type != TypeDir || s.Ino == 0 {
		return
	}
	id := inode{s.Dev, s.Ino}
	if first, ok := v.folders[id]; ok && first != canonical {
		v.shared[first], v.shared[canonical] = true, true
		return
	}
	v.folders[id] = canonical
}

// canonical gives the canonical form of an asked path, as far as it is known.
func (v *HostView) canonical(p string) (string, bool) {
	if c, ok := v.alias[p]; ok {
		return c, true
	}
	p = path.Clean(p)
	if c, ok := v.alias[p]; ok {
		return c, true
	}
	if _, ok := v.entries[p]; ok {
		return p, true // canonical paths are their own names
	}
	if p == "/" || p == "." {
		return p, false
	}
	dir, ok := v.canonical(path.Dir(p))
	if !ok {
		return "", false
	}
	e := v.entries[dir]
	if e == nil {
		return "", false
	}
	if e.stat.Type == TypeNone || e.fresh {
		// Nothing is in a folder that does not exist, or that we make.
		c := path.Join(dir, path.Base(p))
		if _, ok := v.entries[c]; !ok {
			v.set(c, &entry{stat: Stat{}, predicted: e.predicted})
		}
		return c, true
	}
	return "", false
}

// inFog tells whether a path lies in a folder that planned operations changed
// beyond what can be told.
func (v *HostView) inFog(p string) bool {
	for _, f := range v.fog {
		if strings.HasPrefix(p, f+"/") {
			return true
		}
	}
	for _, list := range [2][]string{v.blurred, v.unsure} {
		for _, b := range list {
			if p == b || strings.HasPrefix(p, b+"/") {
				return true
			}
		}
	}
	return false
}

// Blur notes that an operation may or may not be done (a plan cannot tell):
// what it touches is not known any more.
func (v *HostView) Blur(op Op) {
	before := len(v.touched)
	v.WriteThrough(op)
	v.blurred = append(v.blurred, v.touched[before:]...)
}

// File answers a Path query; see View.
func (v *HostView) File(q Path) (File, bool, error) {
	if err, ok := v.failed[q]; ok {
		return File{}, true, err
	}
	c, ok := v.canonical(q.Path)
	if !ok || v.inFog(c) || v.inFog(path.Clean(q.Path)) {
		return File{}, false, nil
	}
	e := v.entries[c]
	if e == nil || e.partial {
		return File{}, false, nil
	}
	f := File{Canonical: c, Stat: e.stat, Target: e.target, Resolved: c, Followed: e.stat}
	parent := v.entries[path.Dir(c)]
	if parent == nil && c != "/" && e.stat.Type != TypeDir {
		return File{}, false, nil // of a folder that exists nobody asks the parent
	}
	if parent != nil {
		f.Parent = parent.stat
	}
	leaf := e
	if e.stat.Type == TypeLink {
		r, l, ok := v.follow(c, e)
		if !ok {
			return File{}, false, nil
		}
		f.Resolved, leaf, f.Followed = r, l, l.stat
	}
	if q.Want&WantAccess != 0 {
		v.access(leaf)
	}
	if !leaf.fill(&f, q.Want) {
		return File{}, false, nil
	}
	return f, true, nil
}

func (v *HostView) follow(c string, e *entry) (string, *entry, bool) {
	r := e.resolved
	if r == "" {
		t := e.target
		if !path.IsAbs(t) {
			t = path.Join(path.Dir(c), t)
		}
		var ok bool
		if r, ok = v.canonical(t); !ok || v.inFog(t) {
			return "", nil, false
		}
	}
	if r == c { // it leads to itself
		return r, &entry{have: ^Want(0)}, true
	}
	l := v.entries[r]
	if l == nil || l.partial || l.stat.Type == TypeLink || v.inFog(r) {
		return "", nil, false
	}
	return r, l, true
}

// fill puts sums and content into f; false when something wanted is not known.
func (e *entry) fill(f *File, want Want) bool {
	want &^= WantSmall
	if want&WantAccess != 0 && e.have&WantAccess == 0 {
		return false
	}
	f.Readable, f.Writable, f.Executable = e.access[0], e.access[1], e.access[2]
	if e.stat.Type != TypeFile {
		return true
	}
	e.derive(want)
	if want&^e.have != 0 {
		return false
	}
	f.SHA256, f.SHA1, f.MD5 = e.sha256, e.sha1, e.md5
	if want&WantContent != 0 {
		f.Content = e.content
	}
	return true
}

// Predicted tells whether the answer to q comes from operations that are
// planned and not applied.
func (v *HostView) Predicted(q Path) bool {
	c, ok := v.canonical(q.Path)
	if !ok {
		return false
	}
	e := v.entries[c]
	if e != nil && e.stat.Type == TypeLink && !e.predicted {
		e = v.entries[e.resolved]
	}
	return e != nil && e.predicted
}

// Ask answers any other query; see View.
func (v *HostView) Ask(q Query) (any, bool, error) {
	a, ok := v.other[q]
	if t, is := q.(Tree); is && !ok {
		return v.ownTree(t)
	}
	if !ok {
		return v.ownGroup(q)
	}
	return a.Value, true, a.Err
}

// ownTree answers in a plan for a folder that is still to be made: all that will be in
// it was written through.
func (v *HostView) ownTree(q Tree) (any, bool, error) {
	root, known := v.canonical(q.Path)
	if e := v.entries[root]; !v.Planned || !known || e == nil || !e.fresh || !e.predicted || e.stat.Type != TypeDir || v.inFog(root) {
		return nil, false, nil
	}
	all := []TreeEntry{}
	for p, e := range v.entries {
		rel, below := strings.CutPrefix(p, strings.TrimSuffix(root, "/")+"/")
		if !below || e.stat.Type == TypeNone && !e.partial || q.Depth > 0 && strings.Count(rel, "/") >= q.Depth {
			continue
		}
		if e.partial || v.inFog(p) {
			return nil, false, nil
		}
		all = append(all, TreeEntry{Rel: rel, Stat: e.stat, Target: e.target})
	}
	slices.SortFunc(all, func(a, b TreeEntry) int { return strings.Compare(a.Rel, b.Rel) })
	for i := range all {
		all[i].Listed = i
	}
	return all, true, nil
}

// ownGroup answers for the group of who we are, whose name came with the login.
func (v *HostView) ownGroup(q Query) (any, bool, error) {
	g, ok := q.(Group)
	login, known := v.other[Login{}].Value.(LoginInfo)
	if !ok || !known || login.Group == "" || g.Name != strconv.Itoa(login.GID) {
		return nil, false, nil
	}
	return GroupInfo{Exists: true, Name: login.Group, GID: login.GID}, true, nil
}

// NeedsFlush tells whether planned operations must be applied before q is put
// to the host, because they change what it would answer.
func (v *HostView) NeedsFlush(q Query) bool {
	if len(v.touched)+len(v.unsure)+len(v.blurred) == 0 {
		return false
	}
	if o, ok := q.(Output); ok && o.Path != "" {
		return v.NeedsFlush(Path{Path: o.Path})
	}
	p, isPath := q.(Path)
	if !isPath {
		return !v.survives(q) || v.doubts(q)
	}
	clean := path.Clean(p.Path)
	if v.inFog(clean) {
		return true
	}
	c, ok := v.canonical(p.Path)
	if !ok {
		// A name never asked before may lead anywhere below what is touched.
		return v.isTouched(clean)
	}
	e := v.entries[c]
	if v.inFog(c) || v.isTouched(c) || (e != nil && e.predicted) {
		return true
	}
	if e != nil && e.stat.Type == TypeLink {
		return e.resolved == "" || v.isTouched(e.resolved)
	}
	return false
}

func (v *HostView) isTouched(c string) bool {
	for _, t := range v.touched {
		if t == c || strings.HasPrefix(c, t+"/") {
			return true
		}
	}
	return false
}
