package state

import (
	"hash/fnv"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Foretold is what operations of wide reach do to a host, where their module can
// tell: a plan notes it and goes on, in place of taking everything for unsure.
type Foretold struct {
	// Users and Groups are accounts as they will be; New says that the users are made.
	Users  []UserInfo
	Groups []GroupInfo
	New    bool
	// Ops are operations of ReachPaths that say what becomes of files.
	Ops []Op
	// Unsure are paths that change, with all that is below, in ways that cannot be told.
	Unsure []string
	// Hidden are such paths which no question depends on but one about them.
	Hidden []string
	// Answers are what other questions will be answered.
	Answers []Answer
}

// Accounts are the files that hold users and groups; changing these changes them.
var Accounts = []string{"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid", "/etc/subgid",
	"/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-"}

// ToCome is a number of its own (below zero) for a user or group whose number the
// host will choose.
func ToCome(name string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return -2 - int(h.Sum32()>>1)
}

// Foretell notes what is foretold.
func (v *HostView) Foretell(f Foretold) {
	for _, op := range f.Ops {
		v.WriteThrough(op)
	}
	for _, p := range f.Unsure {
		v.unsure = append(v.unsure, p)
		for q := range v.other {
			if !v.outlasts(q, p) && !isAccount(q) {
				delete(v.other, q)
			}
		}
	}
	v.blurred = append(v.blurred, f.Hidden...)
	tell := func(q Query, value any) {
		v.other[q] = Answer{Query: q, Value: value}
		v.foretold = append(v.foretold, v.other[q])
	}
	for _, a := range f.Answers {
		tell(a.Query, a.Value)
	}
	for _, u := range f.Users {
		tell(User{u.Name}, u)
		if u.UID >= 0 {
			tell(User{strconv.Itoa(u.UID)}, u)
		}
		if f.New {
			v.coming = append(v.coming, u)
		}
	}
	for _, g := range f.Groups {
		tell(Group{g.Name}, g)
		if g.GID >= 0 {
			tell(Group{strconv.Itoa(g.GID)}, g)
		}
	}
}

// Coming gives a user who is foretold to be made, as whom the host cannot be asked yet.
func (v *HostView) Coming(name string) (UserInfo, bool) {
	for _, u := range v.coming {
		if u.Name == name {
			return u, true
		}
	}
	return UserInfo{}, false
}

// BeginAs says who the identity will be, where that is a user who is foretold: with
// the umask of whoever told this view.
func (v *HostView) BeginAs(u UserInfo, umask uint32) {
	group, _, _ := AskAs[GroupInfo](v, Group{u.Name})
	v.other[Login{}] = Answer{Query: Login{}, Value: LoginInfo{User: u.Name, UID: u.UID, GID: u.GID, Group: group.Name, Home: u.Home, Umask: umask, Shell: u.Shell}}
}

func isAccount(q Query) bool {
	switch q.(type) {
	case User, Group:
		return true
	}
	return false
}

// doubts tells whether what is foretold changes the answer to a question about
// something else than paths. Accounts that are foretold have theirs already.
func (v *HostView) doubts(q Query) bool {
	if isAccount(q) {
		return false
	}
	for _, p := range v.unsure {
		if !v.stands(q, p) {
			return true
		}
	}
	return false
}

// Mark is a place in the history of what was planned.
type Mark struct{ touched, fog, blurred, unsure, foretold, coming int }

// Mark is the place now; the zero Mark is the beginning.
func (v *HostView) Mark() Mark {
	return Mark{len(v.touched), len(v.fog), len(v.blurred), len(v.unsure), len(v.foretold), len(v.coming)}
}

// Adopt takes in what another view of the same host was told of plans since a mark:
// what one identity will have changed holds for the others.
func (v *HostView) Adopt(from *HostView, since Mark) {
	for _, c := range from.touched[since.touched:] {
		e := from.entries[c]
		if e == nil || e.stat.Type != TypeDir || e.fresh {
			v.dropBelow(c)
		}
		v.dropAnswers(c)
		for q := range v.failed {
			if q.Path == c || strings.HasPrefix(q.Path, c+"/") {
				delete(v.failed, q)
			}
		}
		v.touched = append(v.touched, c)
		v.adoptEntry(c, e)
		if dir := path.Dir(c); v.entries[dir] == nil {
			v.adoptEntry(dir, from.entries[dir])
		}
	}
	v.fog = append(v.fog, from.fog[since.fog:]...)
	v.blurred = append(v.blurred, from.blurred[since.blurred:]...)
	v.Foretell(Foretold{Unsure: from.unsure[since.unsure:]})
	for _, a := range from.foretold[since.foretold:] {
		v.other[a.Query] = a
		v.foretold = append(v.foretold, a)
	}
	v.coming = append(v.coming, from.coming[since.coming:]...)
}

func (v *HostView) adoptEntry(c string, e *entry) {
	if e == nil {
		return
	}
	own := *e
	own.have &^= WantAccess
	v.set(c, &own)
}

// access tells what who we are may do with an entry that is planned, by its mode.
func (v *HostView) access(e *entry) {
	login, known, _ := AskAs[LoginInfo](v, Login{})
	if !e.predicted || !known || e.stat.Type == TypeNone || e.have&WantAccess != 0 {
		return
	}
	bits := e.stat.Mode
	switch {
	case login.UID == 0:
		e.access = [3]bool{true, true, bits&0o111 != 0 || e.stat.Type == TypeDir}
		e.have |= WantAccess
		return
	case login.UID == e.stat.UID:
		bits >>= 6
	case login.GID == e.stat.GID || slices.Contains(login.Groups, e.stat.GID):
		bits >>= 3
	}
	e.access = [3]bool{bits&4 != 0, bits&2 != 0, bits&1 != 0}
	e.have |= WantAccess
}
