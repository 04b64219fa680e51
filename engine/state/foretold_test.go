package state

import (
	"errors"
	"strconv"
	"strings"
	"testing"
)

// A view that was told of a user who will be made answers for that user and what
// becomes of files, and for nothing that the user database decides.
func TestForetoldAccounts(t *testing.T) {
	t.Parallel()
	v := learned(absent("/home/zed", dirStat(2)), Answer{Query: Tree{Path: "/etc"}, Value: []TreeEntry{}})
	zed := UserInfo{Exists: true, Name: "zed", UID: ToCome("zed"), GID: 7, Home: "/home/zed"}
	v.Foretell(Foretold{Users: []UserInfo{zed}, Groups: []GroupInfo{{Exists: true, Name: "crew", GID: 7}}, New: true, Unsure: Accounts,
		Ops: []Op{Mkdir{Path: "/home/zed", Attrs: Attrs{Mode: mode(0o700), Owner: "zed", UID: zed.UID, Group: "crew", GID: 7}}}})
	if u, known, err := AskAs[UserInfo](v, User{"zed"}); err != nil || !known || u != zed {
		t.Errorf("the user: %+v %v %v", u, known, err)
	}
	for _, name := range []string{"crew", "7"} {
		if g, known, _ := AskAs[GroupInfo](v, Group{name}); !known || g.Name != "crew" {
			t.Errorf("group %s: %+v %v", name, g, known)
		}
	}
	if f, known, _ := v.File(Path{Path: "/home/zed/x"}); !known || f.Exists() || f.Parent.User != "zed" || f.Parent.UID >= 0 {
		t.Errorf("in the home: %+v %v", f, known)
	}
	for _, q := range []Query{Path{Path: "/etc/passwd"}, Tree{Path: "/etc"}, OutputOf("crontab -l")} {
		if !v.NeedsFlush(q) {
			t.Errorf("%s could be asked as if nothing were planned", q.Query())
		}
	}
	for _, q := range []Query{User{"root"}, Group{"adm"}, Path{Path: "/etc/hosts"}, Tree{Path: "/srv"}} {
		if v.NeedsFlush(q) {
			t.Errorf("%s cannot be asked", q.Query())
		}
	}
	if _, known, _ := v.Ask(Tree{Path: "/etc"}); known {
		t.Error("the old tree of /etc still counts")
	}
	if ToCome("zed") == ToCome("zoe") || ToCome("zed") >= -1 {
		t.Error("numbers to come are not their own")
	}
}

// What one identity will have changed holds for another, who may do other things.
func TestAdopt(t *testing.T) {
	t.Parallel()
	root := learned(absent("/srv/q", dirStat(2)), file("/srv/old", 3, "old", dirStat(2)))
	other := NewHostView()
	other.Learn(Answer{Query: Login{}, Value: LoginInfo{User: "joe", UID: 5, GID: 6, Groups: []int{6, 8}, Umask: 0o022}})
	other.Learn(file("/srv/old", 3, "old", dirStat(2)))
	other.Learn(Answer{Query: Path{Path: "/srv/q/in"}, Err: errors.New("denied")})
	before := root.Mark()
	root.WriteThrough(Mkdir{Path: "/srv/q", Attrs: Attrs{Mode: mode(0o770), Group: "8", GID: 8}})
	root.WriteThrough(WriteFile{Path: "/srv/q/f", Content: Bytes([]byte("hi")), Attrs: Attrs{Mode: mode(0o640)}})
	other.Adopt(root, before)
	want := map[string][3]bool{"/srv/q": {true, true, true}, "/srv/q/f": {false, false, false}}
	for p, may := range want {
		f, known, err := other.File(Path{Path: p, Want: WantAccess})
		if err != nil || !known || !f.Exists() || [3]bool{f.Readable, f.Writable, f.Executable} != may {
			t.Errorf("%s: %+v %v %v, want access %v", p, f, known, err, may)
		}
	}
	if f, known, err := other.File(Path{Path: "/srv/q/in"}); !known || err != nil || f.Exists() {
		t.Errorf("what was refused before: %+v %v %v", f, known, err)
	}
	mark := root.Mark()
	root.WriteThrough(Remove{Path: "/srv/q", Recursive: true})
	root.WriteThrough(Remove{Path: "/srv/old"})
	other.Adopt(root, mark)
	for _, p := range []string{"/srv/q/f", "/srv/old"} {
		if f, known, _ := other.File(Path{Path: p}); !known || f.Exists() {
			t.Errorf("%s is not gone: %+v %v", p, f, known)
		}
	}
	late := NewHostView()
	late.Adopt(root, Mark{})
	if f, known, _ := late.File(Path{Path: "/srv/old"}); !known || f.Exists() {
		t.Errorf("a view that came later: %+v %v", f, known)
	}
}

// What will be in a folder that is still to be made was all planned.
func TestTheTreeOfAFolderToCome(t *testing.T) {
	t.Parallel()
	v := learned(absent("/srv/q", dirStat(2)))
	v.Planned = true
	if _, known, _ := v.Ask(Tree{Path: "/srv/q"}); known {
		t.Error("the tree of a folder that nobody plans is known")
	}
	v.WriteThrough(Mkdir{Path: "/srv/q"})
	v.WriteThrough(Mkdir{Path: "/srv/q/b"})
	v.WriteThrough(WriteFile{Path: "/srv/q/b/f", Content: Bytes([]byte("hi"))})
	v.WriteThrough(WriteFile{Path: "/srv/q/a", Content: Bytes(nil)})
	v.WriteThrough(Remove{Path: "/srv/q/a"})
	for depth, want := range map[int]string{0: "b b/f", 1: "b"} {
		all, known, _ := AskAs[[]TreeEntry](v, Tree{Path: "/srv/q", Depth: depth})
		var names []string
		for _, e := range all {
			names = append(names, e.Rel)
		}
		if got := strings.Join(names, " "); !known || got != want {
			t.Errorf("depth %d: %s %v, want %s", depth, got, known, want)
		}
	}
}

// Who is still to be made begins as foretold.
func TestBeginAs(t *testing.T) {
	t.Parallel()
	v := learned()
	u := UserInfo{Exists: true, Name: "zed", UID: 900, GID: 900, Home: "/home/zed"}
	v.Foretell(Foretold{Users: []UserInfo{u}, Groups: []GroupInfo{{Exists: true, Name: "zed", GID: 900}}, New: true})
	late := NewHostView()
	late.Adopt(v, Mark{})
	if got, coming := late.Coming("zed"); !coming || got != u {
		t.Fatalf("the user who comes: %+v %v", got, coming)
	}
	late.BeginAs(u, v.Umask())
	login, known, _ := AskAs[LoginInfo](late, Login{})
	if !known || login.User != "zed" || login.Group != "zed" || login.UID != 900 || login.Umask != 0o022 {
		t.Errorf("login: %+v %v", login, known)
	}
	if _, known, _ := AskAs[UserInfo](late, User{strconv.Itoa(900)}); !known {
		t.Error("the number is not known")
	}
}
