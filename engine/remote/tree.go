package remote

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/state"
)

// readTree reads the sections of one Tree query and says how many they were.
func (a *asking) readTree(out []*section) (int, error) {
	i, ok := out[0].num(0)
	if !ok || i < 0 || i >= len(a.queries) {
		return 0, protocolError("a tree was not asked for")
	}
	q, ok := a.queries[i].(state.Tree)
	if !ok || a.answers[i].Value != nil || a.answers[i].Err != nil {
		return 0, protocolError("a tree was not asked for")
	}
	body := out[0].data
	for n := 1; n < len(out); n++ {
		s := out[n]
		if j, ok := s.num(0); !ok || j != i {
			break
		}
		switch {
		case s.kind == "f":
			body = s.data // GNU find is not there, or did not get through
		case s.kind == "F" && len(s.args) == 2 && s.args[1] == "1":
			a.fail(i, fmt.Errorf("%s: %w", q.Path, fs.ErrNotExist))
			return n + 1, nil
		case s.kind == "F" && len(s.args) == 2 && s.args[1] == "g":
			entries, err := gnuTree(body)
			a.answers[i].Value = sorted(entries)
			return n + 1, err
		case s.kind == "F" && len(s.args) == 2 && s.args[1] == "b" && n+2 < len(out) && out[n+1].kind == "K" && out[n+2].kind == "F":
			entries, err := plainTree(body, s.data, out[n+1].data)
			a.answers[i].Value = sorted(entries)
			return n + 3, err
		default:
			return 0, protocolError("a tree has no end")
		}
	}
	return 0, protocolError("a tree has no end")
}

// sorted orders entries by name, and notes the order in which the host listed them.
func sorted(entries []state.TreeEntry) []state.TreeEntry {
	for k := range entries {
		entries[k].Listed = k
	}
	slices.SortFunc(entries, func(a, b state.TreeEntry) int { return strings.Compare(a.Rel, b.Rel) })
	return entries
}

// gnuTree reads what find -printf said: pairs of a record and a link's target.
func gnuTree(data []byte) ([]state.TreeEntry, error) {
	if len(data) == 0 {
		return []state.TreeEntry{}, nil
	}
	text, whole := strings.CutSuffix(string(data), "\x00")
	parts := strings.Split(text, "\x00")
	if !whole || len(parts)%2 != 0 {
		return nil, protocolError("a tree is cut off")
	}
	entries := make([]state.TreeEntry, 0, len(parts)/2)
	for k := 0; k < len(parts); k += 2 {
		f := strings.SplitN(parts[k], ":", 15)
		if len(f) != 15 {
			return nil, protocolError("an entry of a tree is none: %.80q", parts[k])
		}
		n := &numbers{f: f}
		st := state.Stat{
			Type: treeTypes[f[0]], Mode: uint32(n.at(1, 8, 12)),
			UID: int(n.at(2, 10, 32)), GID: int(n.at(3, 10, 32)), Size: int64(n.at(4, 10, 63)),
			Dev: n.at(5, 10, 64), Ino: n.at(6, 10, 64), Nlink: int(n.at(7, 10, 32)),
			ATime: n.time(8), MTime: n.time(9), CTime: n.time(10), Blocks: int64(n.at(11, 10, 63)),
			User: idless(f[12], f[2]), Group: idless(f[13], f[3]),
		}
		if n.bad || st.Type == state.TypeNone || !inside(f[14]) {
			return nil, protocolError("an entry of a tree is none: %.80q", parts[k])
		}
		entries = append(entries, state.TreeEntry{Rel: f[14], Stat: st, Target: parts[k+1]})
	}
	return entries, nil
}

var treeTypes = map[string]state.FileType{
	"f": state.TypeFile, "d": state.TypeDir, "l": state.TypeLink, "p": state.TypeFIFO,
	"s": state.TypeSocket, "c": state.TypeChar, "b": state.TypeBlock,
}

// idless drops a "name" that is only the number again.
func idless(name, id string) string {
	if name == id {
		return ""
	}
	return name
}

// inside tells whether a relative name stays inside its folder.
func inside(rel string) bool {
	return rel != "" && rel != "." && rel == path.Clean(rel) && !path.IsAbs(rel) && rel != ".." && !strings.HasPrefix(rel, "../")
}

// plainTree puts names, stats and links' targets together that busybox tells
// one after another.
func plainTree(names, stats, targets []byte) ([]state.TreeEntry, error) {
	if len(names) == 0 {
		return []state.TreeEntry{}, nil
	}
	list := strings.Split(strings.TrimSuffix(string(names), "\x00"), "\x00")
	sts, _, err := parseStats(stats, list, 'b')
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(string(targets), "\n"), "\n")
	entries := make([]state.TreeEntry, len(list))
	for k, name := range list {
		rel := strings.TrimPrefix(name, "./")
		if !inside(rel) {
			return nil, protocolError("an entry of a tree is none: %.80q", name)
		}
		entries[k] = state.TreeEntry{Rel: rel, Stat: sts[k]}
		if sts[k].Type == state.TypeLink {
			if len(lines) == 0 {
				return nil, errMoved
			}
			entries[k].Target, lines = lines[0], lines[1:]
		}
	}
	return entries, nil
}

// readDB reads a line of the user or group database.
func (a *asking) readDB(sh *shell, s *section) error {
	i, ok := s.num(0)
	if !ok || i < 0 || i >= len(a.queries) || a.answers[i].Value != nil {
		return protocolError("an account was not asked for")
	}
	line, _, _ := strings.Cut(string(s.data), "\n")
	f := strings.Split(line, ":")
	switch q := a.queries[i].(type) {
	case state.Login:
		a.answers[i].Value = sh.login(f)
	case state.User:
		u := state.UserInfo{Name: q.Name}
		if line != "" {
			n := &numbers{f: f}
			if len(f) != 7 {
				return protocolError("a line of the user database is none: %.80q", line)
			}
			u = state.UserInfo{Exists: true, Name: f[0], UID: int(n.at(2, 10, 32)), GID: int(n.at(3, 10, 32)), Gecos: f[4], Home: f[5], Shell: f[6]}
			if n.bad || (f[0] != q.Name && f[2] != q.Name) {
				return protocolError("a line of the user database is none: %.80q", line)
			}
		}
		a.answers[i].Value = u
	case state.Group:
		g := state.GroupInfo{Name: q.Name}
		if line != "" {
			n := &numbers{f: f}
			if len(f) != 4 {
				return protocolError("a line of the group database is none: %.80q", line)
			}
			g = state.GroupInfo{Exists: true, Name: f[0], GID: int(n.at(2, 10, 32)), Members: strings.FieldsFunc(f[3], func(r rune) bool { return r == ',' })}
			if n.bad || (f[0] != q.Name && f[2] != q.Name) {
				return protocolError("a line of the group database is none: %.80q", line)
			}
		}
		a.answers[i].Value = g
	default:
		return protocolError("an account was not asked for")
	}
	return nil
}

// login makes the answer to a Login query from the hello and, where there is
// one, the identity's line in the user database.
func (s *shell) login(f []string) state.LoginInfo {
	l := state.LoginInfo{UID: s.hello.uid, GID: s.hello.gid, Groups: s.hello.groups, Group: s.hello.group, Home: s.hello.home, Dir: s.hello.dir, Umask: s.hello.umask}
	if len(f) == 7 {
		l.User, l.Shell = f[0], f[6]
		if l.Home == "" {
			l.Home = f[5]
		}
	}
	if l.User == "" {
		l.User = strconv.Itoa(l.UID)
	}
	return l
}
