package state

import (
	"testing"
)

func mode(m uint32) *uint32 { return &m }

// learned makes a view that knows a root folder, the login, and some answers.
func learned(answers ...Answer) *HostView {
	v := NewHostView()
	v.Learn(Answer{Query: Login{}, Value: LoginInfo{User: "root", Umask: 0o022}})
	for _, a := range answers {
		v.Learn(a)
	}
	return v
}

func dirStat(ino uint64) Stat { return Stat{Type: TypeDir, Mode: 0o755, Dev: 1, Ino: ino, Nlink: 2} }

func absent(p string, parent Stat) Answer {
	return Answer{Query: Path{Path: p}, Value: File{Canonical: p, Resolved: p, Parent: parent}}
}

func file(p string, ino uint64, content string, parent Stat) Answer {
	s := Stat{Type: TypeFile, Mode: 0o644, Size: int64(len(content)), Dev: 1, Ino: ino, Nlink: 1}
	return Answer{Query: Path{Path: p, Want: WantContent},
		Value: File{Canonical: p, Resolved: p, Stat: s, Followed: s, Parent: parent, Content: []byte(content)}}
}

func TestWriteThroughIsSeenByTheNextTask(t *testing.T) {
	t.Parallel()
	v := learned(absent("/etc/app", dirStat(2)))
	v.WriteThrough(Mkdir{Path: "/etc/app", Attrs: Attrs{Mode: mode(0o750)}})
	f, known, err := v.File(Path{Path: "/etc/app/sub/x.conf"})
	if err != nil || !known || f.Exists() || f.Parent.Type != TypeNone {
		t.Fatalf("file below a missing folder of a new folder: %+v known=%v", f, known)
	}
	v.WriteThrough(WriteFile{Path: "/etc/app/x.conf", Content: Bytes([]byte("hi\n"))})
	f, known, _ = v.File(Path{Path: "/etc/app/x.conf", Want: WantContent | WantSHA1})
	if !known || string(f.Content) != "hi\n" || f.Stat.Mode != 0o644 || f.Parent.Mode != 0o750 {
		t.Fatalf("written file: %+v known=%v", f, known)
	}
	if f.SHA1 != "55ca6286e3e4f4fba5d0448333fa99fc5a404a73" {
		t.Errorf("sha1 derived from content = %s", f.SHA1)
	}
	v.WriteThrough(Remove{Path: "/etc/app", Recursive: true})
	if f, known, _ := v.File(Path{Path: "/etc/app/x.conf"}); !known || f.Exists() {
		t.Errorf("file in a removed folder: %+v known=%v", f, known)
	}
}

func TestTwoNamesOfOneFileAreOneEntry(t *testing.T) {
	t.Parallel()
	a := file("/usr/lib/u", 9, "old", dirStat(3))
	alias := a.Value.(File)
	v := learned(a, Answer{Query: Path{Path: "/lib/u", Want: WantContent}, Value: alias})
	v.WriteThrough(WriteFile{Path: "/lib/u", Content: Bytes([]byte("new"))})
	f, known, _ := v.File(Path{Path: "/usr/lib/u", Want: WantContent})
	if !known || string(f.Content) != "new" {
		t.Errorf("a write by one name is not seen by the other: %q known=%v", f.Content, known)
	}
}

func TestHardLinksForceAFlush(t *testing.T) {
	t.Parallel()
	a := file("/d/a", 9, "x", dirStat(3))
	f := a.Value.(File)
	f.Stat.Nlink, f.Followed.Nlink = 2, 2
	a.Value = f
	v := learned(a)
	if !v.WriteThrough(SetAttrs{Path: "/d/a", Attrs: Attrs{Mode: mode(0o600)}}) {
		t.Error("changing a file with two names does not force a flush")
	}
}

func TestBindMountsForceAFlush(t *testing.T) {
	t.Parallel()
	v := learned(absent("/a/x", dirStat(7)), absent("/b/x", dirStat(7)))
	if !v.WriteThrough(WriteFile{Path: "/a/x", Content: Bytes(nil)}) {
		t.Error("a write into a folder known by two paths does not force a flush")
	}
}

func TestAPathThroughAPendingLinkNeedsAFlush(t *testing.T) {
	t.Parallel()
	v := learned(absent("/cur", dirStat(2)), absent("/cur/x", dirStat(2)))
	v.WriteThrough(Symlink{Path: "/cur", Target: "/opt/v2"})
	q := Path{Path: "/cur/x"}
	if _, known, _ := v.File(q); known {
		t.Error("a path through a pending link is answered")
	}
	if !v.NeedsFlush(q) {
		t.Error("a path through a pending link does not ask for a flush")
	}
	if v.NeedsFlush(Path{Path: "/elsewhere"}) {
		t.Error("an unrelated path asks for a flush")
	}
}

func TestRelyAndConfirm(t *testing.T) {
	t.Parallel()
	a := file("/d/a", 9, "x", dirStat(3))
	v := learned(a, absent("/d/new", dirStat(3)))
	v.WriteThrough(WriteFile{Path: "/d/a", Content: Bytes([]byte("xy"))})
	v.WriteThrough(WriteFile{Path: "/d/new", Content: Bytes([]byte("n"))})
	if r := v.Relied(); len(r) != 2 || r[0].Stat.Ino != 9 || r[1].Stat.Type != TypeNone {
		t.Fatalf("relied = %+v", r)
	}
	good := file("/d/a", 10, "xy", dirStat(3))
	good.Query = Path{Path: "/d/a"}
	if len(v.Confirm([]Answer{good})) > 0 {
		t.Fatal("a true prediction is not confirmed")
	}
	if f, known, _ := v.File(Path{Path: "/d/a", Want: WantSHA256}); !known || f.Stat.Ino != 10 || f.SHA256 == "" {
		t.Errorf("after confirm: %+v known=%v", f, known)
	}
	v.WriteThrough(SetAttrs{Path: "/d/a", Attrs: Attrs{Mode: mode(0o600)}})
	if len(v.Confirm([]Answer{good})) == 0 {
		t.Error("a mode that did not change is confirmed")
	}
	if _, known, _ := v.File(Path{Path: "/d/a"}); known {
		t.Error("after a wrong prediction the view is not forgotten")
	}
}

func TestWritesDropWhatDependsOnThem(t *testing.T) {
	t.Parallel()
	v := learned(absent("/etc/x", dirStat(2)), absent("/etc/passwd", dirStat(2)),
		Answer{Query: User{"app"}, Value: UserInfo{}}, Answer{Query: Tree{Path: "/srv"}, Value: []TreeEntry{}},
		Answer{Query: Facts{"all"}, Value: nil})
	v.WriteThrough(WriteFile{Path: "/etc/x", Content: Bytes(nil)})
	if _, known, _ := v.Ask(User{"app"}); !known {
		t.Error("a user is forgotten by an unrelated write")
	}
	if _, known, _ := v.Ask(Tree{Path: "/srv"}); !known {
		t.Error("a tree is forgotten by a write outside it")
	}
	if _, known, _ := v.Ask(Facts{"all"}); known || !v.NeedsFlush(Facts{"all"}) {
		t.Error("facts survive a write")
	}
	v.WriteThrough(WriteFile{Path: "/etc/passwd", Content: Bytes(nil)})
	if _, known, _ := v.Ask(User{"app"}); known || !v.NeedsFlush(User{"app"}) {
		t.Error("a user survives a write to the user database")
	}
}

func TestALinkToItselfIsALinkThatLeadsNowhere(t *testing.T) {
	t.Parallel()
	s := Stat{Type: TypeLink, Mode: 0o777, Size: 4, Dev: 1, Ino: 9, Nlink: 1}
	v := learned(Answer{Query: Path{Path: "/d/self"}, Value: File{Canonical: "/d/self", Resolved: "/d/self", Stat: s, Target: "self", Parent: dirStat(3)}})
	f, known, err := v.File(Path{Path: "/d/self", Want: WantSHA256 | WantAccess})
	if err != nil || !known || !f.IsLink() || f.Target != "self" || f.Followed.Type != TypeNone {
		t.Errorf("%+v known=%v %v", f, known, err)
	}
}

func TestANumberWithoutANameLosesTheOldName(t *testing.T) {
	t.Parallel()
	a := file("/d/a", 9, "x", dirStat(3))
	f := a.Value.(File)
	f.Stat.User, f.Stat.Group, f.Followed = "root", "root", f.Stat
	a.Value = f
	v := learned(a, Answer{Query: User{"1000"}, Value: UserInfo{Exists: true, Name: "app", UID: 1000}})
	v.WriteThrough(SetAttrs{Path: "/d/a", Attrs: Attrs{Owner: "1234", UID: 1234, Group: "0", GID: 0}})
	if f, _, _ := v.File(Path{Path: "/d/a"}); f.Stat.User != "" || f.Stat.UID != 1234 || f.Stat.Group != "root" {
		t.Errorf("owner %q %d, group %q", f.Stat.User, f.Stat.UID, f.Stat.Group)
	}
	v.WriteThrough(SetAttrs{Path: "/d/a", Attrs: Attrs{Owner: "1000", UID: 1000}})
	if f, _, _ := v.File(Path{Path: "/d/a"}); f.Stat.User != "app" {
		t.Errorf("owner %q", f.Stat.User)
	}
}

// A script's answer about one path outlasts writes elsewhere, by whatever name.
func TestOutputAboutAPath(t *testing.T) {
	t.Parallel()
	about := func(p string) Output { return Output{Script: "kind", Path: p} }
	v := learned(file("/d/a", 9, "x", dirStat(3)), file("/e/b", 8, "y", dirStat(4)), absent("/d/new", dirStat(3)))
	for _, p := range []string{"/d/a", "/e/b"} {
		v.Learn(Answer{Query: about(p), Value: OutputInfo{Stdout: p}})
	}
	v.WriteThrough(WriteFile{Path: "/d/new", Content: Bytes([]byte("n"))})
	v.WriteThrough(WriteFile{Path: "/d/a", Content: Bytes([]byte("z"))})
	if _, known, _ := AskAs[OutputInfo](v, about("/d/a")); known {
		t.Error("what was said of a file that is written stands")
	}
	if _, known, _ := AskAs[OutputInfo](v, about("/e/b")); !known {
		t.Error("what was said of another file is forgotten")
	}
	for p, flush := range map[string]bool{"/d/a": true, "/d/new": true, "/d/new/below": true, "/e/b": false, "/e/c": false} {
		if v.NeedsFlush(about(p)) != flush {
			t.Errorf("%s: a question about it needs a flush: %v, want %v", p, !flush, flush)
		}
	}
	if !v.NeedsFlush(Output{Script: "kind"}) {
		t.Error("a script that may depend on anything needs no flush")
	}
}

func TestAHardLinkToAFileThatIsStillToBeMade(t *testing.T) {
	t.Parallel()
	v := learned(absent("/d/a", dirStat(3)), absent("/d/b", dirStat(3)))
	v.WriteThrough(WriteFile{Path: "/d/a", Content: Bytes([]byte("x"))})
	if !v.WriteThrough(HardLink{Path: "/d/b", Target: "/d/a"}) {
		t.Error("a hard link does not force a flush")
	}
	a, b := v.entries["/d/a"].stat, v.entries["/d/b"].stat
	if b.Type != TypeFile || b.Nlink != 2 || a.Ino == 0 || a.Ino != b.Ino {
		t.Fatalf("the names are %+v and %+v", a, b)
	}
	var answers []Answer
	for _, p := range []string{"/d/a", "/d/b"} {
		made := file(p, 9, "x", dirStat(3))
		f := made.Value.(File)
		f.Stat.Mode, f.Stat.UID, f.Stat.GID, f.Stat.Size = a.Mode, a.UID, a.GID, a.Size
		made.Value = f
		answers = append(answers, made)
	}
	if differ := v.Confirm(answers); len(differ) > 0 {
		t.Errorf("what came as it was predicted is said to differ: %v", differ)
	}
}
