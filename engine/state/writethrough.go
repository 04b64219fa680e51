package state

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"sort"
	"strconv"
	"strings"
)

// WriteThrough notes what a planned operation with reach ReachPaths will have
// done. It tells whether the operation must be applied before anything else is
// planned, because what it does shows under other names too (hard links, bind
// mounts). Operations of wider reach are the engine's business: it applies them
// at once and forgets the view.
func (v *HostView) WriteThrough(op Op) (flushAfter bool) {
	switch o := op.(type) {
	case WriteFile:
		return v.wroteFile(o)
	case CopyFile:
		return v.copiedFile(o)
	case Mkdir:
		return v.madeDir(o)
	case SetAttrs:
		return v.setAttrs(o)
	case Remove:
		return v.removed(o)
	case Symlink:
		c, shared := v.touch(o.Path)
		v.dropBelow(c)
		s := v.newStat(c, TypeLink, 0o777, Attrs{})
		s.Size = int64(len(o.Target))
		v.put(c, &entry{stat: s, target: o.Target})
		v.fog = append(v.fog, c)
		return shared
	case HardLink:
		return v.linkedFile(o)
	case Touch:
		return v.touchedFile(o)
	}
	return true
}

// touch notes that an operation changes a path: its gathered state is relied on.
func (v *HostView) touch(p string) (canonical string, shared bool) {
	c, ok := v.canonical(p)
	if !ok {
		c = path.Clean(p)
		v.fog = append(v.fog, c)
	}
	if e := v.entries[c]; e != nil && !e.predicted {
		if _, noted := v.relied[c]; !noted {
			v.relied[c] = e.stat
		}
		shared = e.stat.Type == TypeFile && e.stat.Nlink > 1
	}
	v.touched = append(v.touched, c)
	v.dropAnswers(c)
	for dir := path.Dir(c); ; dir = path.Dir(dir) {
		if v.shared[dir] {
			return c, true
		}
		if dir == "/" || dir == "." {
			return c, shared
		}
	}
}

func (v *HostView) put(c string, e *entry) {
	e.predicted = true
	if _, ok := v.other[Login{}]; !ok {
		e.partial = true
	}
	v.set(c, e)
}

// newStat predicts the stat of a new entry: mode, owner from the attributes or
// from who creates it, the group from a setgid parent.
func (v *HostView) newStat(c string, t FileType, mode uint32, a Attrs) Stat {
	s := Stat{Type: t, Mode: mode, Nlink: 1}
	if t == TypeDir {
		s.Nlink, s.Size = 2, -1 // the file system decides
	}
	login, _, _ := AskAs[LoginInfo](v, Login{})
	s.UID, s.GID, s.User = login.UID, login.GID, login.User
	if p := v.entries[path.Dir(c)]; p != nil && p.stat.Mode&0o2000 != 0 {
		s.GID, s.Group = p.stat.GID, p.stat.Group
		if t == TypeDir {
			s.Mode |= 0o2000
		}
	} else if g, ok, _ := AskAs[GroupInfo](v, Group{strconv.Itoa(s.GID)}); ok {
		s.Group = g.Name
	}
	s.apply(a)
	return v.named(s, a)
}

func (s *Stat) apply(a Attrs) {
	if a.Mode != nil {
		s.Mode = *a.Mode
	}
	if a.Owner != "" {
		s.User = nameOf(a.Owner, s.User, a.UID == s.UID)
		s.UID = a.UID
	}
	if a.Group != "" {
		s.Group = nameOf(a.Group, s.Group, a.GID == s.GID)
		s.GID = a.GID
	}
	if a.ATime != nil {
		s.ATime = *a.ATime
	}
	if a.MTime != nil {
		s.MTime = *a.MTime
	}
}

// nameOf is the name of who was given by name or number; of a number it is
// known when it is the same as before, else named looks it up.
func nameOf(given, old string, same bool) string {
	switch {
	case strings.Trim(given, "0123456789") != "":
		return given
	case same:
		return old
	}
	return ""
}

// named adds the names of numbers that the view was told of.
func (v *HostView) named(s Stat, a Attrs) Stat {
	if a.Owner != "" && s.User == "" {
		if u, ok, _ := AskAs[UserInfo](v, User{a.Owner}); ok {
			s.User = u.Name
		}
	}
	if a.Group != "" && s.Group == "" {
		if g, ok, _ := AskAs[GroupInfo](v, Group{a.Group}); ok {
			s.Group = g.Name
		}
	}
	return s
}

// Umask is that of the identity, as far as it is known.
func (v *HostView) Umask() uint32 {
	login, _, _ := AskAs[LoginInfo](v, Login{})
	return login.Umask
}

func (v *HostView) wroteFile(o WriteFile) bool {
	c, shared := v.touch(o.Path)
	old := v.entries[c]
	v.backup(o.Backup, old)
	e := &entry{stat: v.rewritten(c, old, o.Attrs), have: WantSHA256, sha256: o.Content.SHA256}
	e.stat.Size = o.Content.Size
	if o.Content.Data != nil {
		e.content, e.have = o.Content.Data, e.have|WantContent
	}
	v.put(c, e)
	return shared
}

// rewritten is the stat of a file that is replaced or made.
func (v *HostView) rewritten(c string, old *entry, a Attrs) Stat {
	if old == nil || old.stat.Type != TypeFile {
		return v.newStat(c, TypeFile, 0o666&^v.Umask(), a)
	}
	s := old.stat
	s.Ino, s.Nlink = 0, 1
	s.apply(a)
	return v.named(s, a)
}

func (v *HostView) backup(p string, old *entry) {
	if p == "" || old == nil {
		return
	}
	c, _ := v.touch(p)
	b := *old
	b.stat.Ino, b.stat.Nlink = 0, 1
	v.put(c, &b)
}

func (v *HostView) copiedFile(o CopyFile) bool {
	c, shared := v.touch(o.Path)
	old := v.entries[c]
	v.backup(o.Backup, old)
	e := &entry{stat: v.rewritten(c, old, o.Attrs), partial: true}
	if src, ok := v.canonical(o.Src); ok {
		if s := v.entries[src]; s != nil && s.stat.Type == TypeLink {
			_, s, _ = v.follow(src, s)
			v.copySums(e, s, o)
		} else {
			v.copySums(e, s, o)
		}
	}
	partial := e.partial
	v.put(c, e)
	e.partial = e.partial || partial
	return shared
}

func (v *HostView) copySums(e, src *entry, o CopyFile) {
	if src == nil || src.stat.Type != TypeFile {
		return
	}
	e.partial = false
	e.stat.Size = src.stat.Size
	e.sha256, e.sha1, e.md5, e.content = src.sha256, src.sha1, src.md5, src.content
	e.have = src.have &^ WantAccess
	if o.Preserve && o.Attrs.Mode == nil {
		e.stat.Mode = src.stat.Mode
	}
}

// linkedFile: what is known of a hard link is known of the other name too. It
// is always applied before anything else is planned; a plan cannot do that.
func (v *HostView) linkedFile(o HardLink) bool {
	c, _ := v.touch(o.Path)
	t, _ := v.touch(o.Target)
	e := v.entries[t]
	if e == nil {
		v.fog = append(v.fog, c, t)
		return true
	}
	linked := *e
	linked.stat.Nlink++
	if linked.stat.Ino == 0 { // it is still to be made: until then both names have one that nothing else has
		linked.stat.Ino = ^uint64(len(v.touched))
	}
	v.put(t, &linked)
	same := linked
	v.put(c, &same)
	return true
}

func (v *HostView) madeDir(o Mkdir) bool {
	c, shared := v.touch(o.Path)
	if e := v.entries[c]; e != nil && e.stat.Type == TypeDir {
		e2 := *e
		e2.stat.apply(o.Attrs)
		v.put(c, &e2)
		return shared
	}
	v.dropBelow(c)
	v.put(c, &entry{stat: v.newStat(c, TypeDir, 0o777&^v.Umask(), o.Attrs), fresh: true})
	return shared
}

func (v *HostView) setAttrs(o SetAttrs) bool {
	c, shared := v.touch(o.Path)
	e := v.entries[c]
	if e == nil {
		return true
	}
	if o.Follow && e.stat.Type == TypeLink {
		r, l, ok := v.follow(c, e)
		if !ok {
			return true
		}
		c, e = r, l
		_, also := v.touch(c)
		shared = shared || also
	}
	changed := *e
	changed.stat.apply(o.Attrs)
	changed.stat = v.named(changed.stat, o.Attrs)
	changed.have &^= WantAccess
	v.put(c, &changed)
	return shared
}

func (v *HostView) removed(o Remove) bool {
	c, shared := v.touch(o.Path)
	v.dropBelow(c)
	v.put(c, &entry{})
	v.entries[c].partial = false
	return shared
}

// dropBelow forgets what is below a folder that goes away or is replaced.
func (v *HostView) dropBelow(c string) {
	if !v.parents[c] {
		return
	}
	for p := range v.entries {
		if strings.HasPrefix(p, c+"/") {
			v.relyBelow(p)
			delete(v.entries, p)
		}
	}
	for asked, p := range v.alias {
		if strings.HasPrefix(p, c+"/") || strings.HasPrefix(asked, c+"/") {
			delete(v.alias, asked)
		}
	}
}

func (v *HostView) relyBelow(p string) { delete(v.relied, p) }

func (v *HostView) touchedFile(o Touch) bool {
	c, shared := v.touch(o.Path)
	old := v.entries[c]
	if old != nil && old.stat.Type != TypeNone {
		e := *old
		e.stat.apply(o.Attrs)
		e.stat = v.named(e.stat, o.Attrs)
		e.stat.apply(Attrs{ATime: o.ATime, MTime: o.MTime})
		v.put(c, &e)
		return shared
	}
	e := &entry{stat: v.newStat(c, TypeFile, 0o666&^v.Umask(), o.Attrs), have: WantContent, content: []byte{}}
	e.stat.apply(Attrs{ATime: o.ATime, MTime: o.MTime})
	v.put(c, e)
	return shared
}

// derive computes wanted sums from known content.
func (e *entry) derive(want Want) {
	if e.have&WantContent == 0 || e.content == nil {
		return
	}
	missing := want &^ e.have
	if missing&WantSHA256 != 0 {
		s := sha256.Sum256(e.content)
		e.sha256, e.have = hex.EncodeToString(s[:]), e.have|WantSHA256
	}
	if missing&WantSHA1 != 0 {
		s := sha1.Sum(e.content)
		e.sha1, e.have = hex.EncodeToString(s[:]), e.have|WantSHA1
	}
	if missing&WantMD5 != 0 {
		s := md5.Sum(e.content)
		e.md5, e.have = hex.EncodeToString(s[:]), e.have|WantMD5
	}
}

// Relied lists what the planned operations rely on, for the batch that applies
// them, in order of path.
func (v *HostView) Relied() []Relied {
	out := make([]Relied, 0, len(v.relied))
	for p, s := range v.relied {
		out = append(out, Relied{Path: p, Stat: s})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Path < out[j].Path })
	return out
}

// Touched lists the queries that confirm what planned operations touched: ask
// them behind the operations, in the same batch, and pass the answers to Confirm.
func (v *HostView) Touched() []Query {
	seen := map[string]bool{}
	var qs []Query
	for _, c := range v.touched {
		if !seen[c] {
			seen[c] = true
			qs = append(qs, Path{Path: c})
		}
	}
	return qs
}

// Confirm ends a batch that was applied as planned: the answers to Touched
// replace the predictions. It lists the paths that are not as predicted; when
// there are any, the view was forgotten. Of a path of which nothing was known
// (what a folder's recursion found) nothing was predicted either.
func (v *HostView) Confirm(answers []Answer) (differ []string) {
	elsewhere := false
	for _, a := range answers {
		q, _ := a.Query.(Path)
		f, ok := a.Value.(File)
		e := v.entries[q.Path]
		if e == nil && a.Err == nil && ok {
			elsewhere = elsewhere || f.Canonical != q.Path
			continue
		}
		if a.Err != nil || !ok || e == nil || f.Canonical != q.Path || !e.agrees(f.Stat) {
			differ = append(differ, q.Path)
			continue
		}
		e.stat, e.predicted, e.partial = f.Stat, false, false
		e.resolved = f.Resolved
		if e.stat.Type == TypeLink && f.Resolved != f.Canonical {
			v.known(f.Resolved, f.Followed)
		}
	}
	v.relied, v.touched, v.fog = map[string]Stat{}, nil, nil
	if len(differ) > 0 || elsewhere {
		v.Forget()
	}
	return differ
}

func (e *entry) agrees(s Stat) bool {
	if e.partial {
		return e.stat.Type == s.Type
	}
	if e.stat.Type != s.Type || e.stat.Type == TypeNone {
		return e.stat.Type == s.Type
	}
	if e.stat.Type == TypeLink {
		return true
	}
	if e.stat.Mode != s.Mode || e.stat.UID != s.UID || e.stat.GID != s.GID {
		return false
	}
	return e.stat.Type != TypeFile || e.stat.Size == s.Size
}
