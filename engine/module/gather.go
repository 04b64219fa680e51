package module

import (
	"cmp"
	"path"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/state"
)

// Gather collects what a plan must know. Each question gives its answer, or a
// zero value and a note that it must be asked; a plan puts all questions it
// can, then looks at Missing.
//
//	g := module.Gathering(v)
//	f := g.File("/etc/motd", state.WantSHA1)
//	login := g.Login()
//	if c, missing, err := g.Missing(); missing {
//		return c, err
//	}
type Gather struct {
	v    state.View
	need []state.Query
	err  error
}

// Gathering starts to gather from a view.
func Gathering(v state.View) *Gather { return &Gather{v: v} }

// Missing tells whether something must be asked first, or could not be found
// out; the plan then returns what Missing gives.
func (g *Gather) Missing() (Change, bool, error) {
	if g.err != nil {
		return Change{}, true, g.err
	}
	return Change{Need: g.need}, len(g.need) > 0, nil
}

// Complete tells whether everything asked so far was known.
func (g *Gather) Complete() bool { return g.err == nil && len(g.need) == 0 }

func (g *Gather) note(q state.Query, known bool, err error) {
	switch {
	case err != nil && g.err == nil:
		g.err = err
	case err == nil && !known:
		for _, old := range g.need {
			if old == q {
				return
			}
		}
		g.need = append(g.need, q)
	}
}

// File asks for a path, which must be absolute and without a closing slash.
func (g *Gather) File(p string, want state.Want) state.File {
	q := state.Path{Path: p, Want: want}
	f, known, err := g.v.File(q)
	g.note(q, known, err)
	return f
}

// TryFile is File for what may be impossible to know: the error is the caller's.
func (g *Gather) TryFile(p string, want state.Want) (state.File, error) {
	q := state.Path{Path: p, Want: want}
	f, known, err := g.v.File(q)
	if err == nil {
		g.note(q, known, nil)
	}
	return f, err
}

// Login asks who acts.
func (g *Gather) Login() state.LoginInfo { return Answer[state.LoginInfo](g, state.Login{}) }

// User asks for a user by name or number.
func (g *Gather) User(name string) state.UserInfo {
	return Answer[state.UserInfo](g, state.User{Name: name})
}

// Group asks for a group by name or number.
func (g *Gather) Group(name string) state.GroupInfo {
	return Answer[state.GroupInfo](g, state.Group{Name: name})
}

// Output asks what a script prints that changes nothing.
func (g *Gather) Output(script string, args ...string) state.OutputInfo {
	return Answer[state.OutputInfo](g, state.OutputOf(script, args...))
}

// OutputAbout is Output for a script whose answer depends on one path alone, which
// the module asks for as well.
func (g *Gather) OutputAbout(path, script string, args ...string) state.OutputInfo {
	q := state.OutputOf(script, args...)
	q.Path = path
	return Answer[state.OutputInfo](g, q)
}

// OutputUnder is Output for a script whose answer depends on these paths, on what is
// below them, and on programs alone.
func (g *Gather) OutputUnder(paths []string, script string, args ...string) state.OutputInfo {
	q := state.OutputOf(script, args...)
	q.Under = strings.Join(paths, ":")
	return Answer[state.OutputInfo](g, q)
}

// Tree asks for everything below a folder.
func (g *Gather) Tree(p string) []state.TreeEntry {
	return Answer[[]state.TreeEntry](g, state.Tree{Path: p})
}

// TreeTo is Tree without what is more than so many levels below.
func (g *Gather) TreeTo(p string, depth int) []state.TreeEntry {
	return Answer[[]state.TreeEntry](g, state.Tree{Path: p, Depth: depth})
}

// Answer asks any query whose answer is a T.
func Answer[T any](g *Gather, q state.Query) T {
	x, known, err := state.AskAs[T](g.v, q)
	g.note(q, known, err)
	return x
}

// Path makes an argument of type Path absolute: "~" is the home of who acts,
// "~name" that of a user, $HOME and $USER are put in, and what is relative is
// below the folder in which the login begins: the home, or where a run on this machine
// was started. A closing slash is kept.
func (g *Gather) Path(p string) string {
	if p = g.Expand(p); p != "" && !path.IsAbs(p) {
		login := g.Login()
		p = path.Join("/", cmp.Or(login.Dir, login.Home), p) + slash(p)
	}
	return p
}

// Expand is Path for what may be no path at all (the "none" of a swap area): what
// is relative stays so.
func (g *Gather) Expand(p string) string {
	if strings.Contains(p, "$") {
		login := g.Login()
		for name, text := range map[string]string{"HOME": login.Home, "USER": login.User, "LOGNAME": login.User} {
			p = strings.ReplaceAll(p, "${"+name+"}", text)
			p = replaceVar(p, name, text)
		}
	}
	switch {
	case p == "~" || strings.HasPrefix(p, "~/"):
		p = g.Login().Home + p[1:]
	case strings.HasPrefix(p, "~"):
		name, rest, _ := strings.Cut(p[1:], "/")
		if u := g.User(name); u.Exists {
			p = path.Join(u.Home, rest) + slash(p)
		}
	}
	return p
}

func slash(p string) string {
	if strings.HasSuffix(p, "/") {
		return "/"
	}
	return ""
}

// replaceVar replaces $name where no letter, digit or underscore follows.
func replaceVar(p, name, text string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(p, "$"+name)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		if after != "" && isWord(after[0]) {
			b.WriteString("$" + name)
		} else {
			b.WriteString(text)
		}
		p = after
	}
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// NewStat predicts the stat of an entry that who acts makes in a folder: the
// umask, and the group of a setgid folder.
func (g *Gather) NewStat(parent state.Stat, t state.FileType) state.Stat {
	login := g.Login()
	s := state.Stat{Type: t, UID: login.UID, GID: login.GID, User: login.User, Nlink: 1}
	switch t {
	case state.TypeDir:
		s.Mode, s.Nlink = 0o777&^login.Umask, 2
	case state.TypeLink:
		s.Mode = 0o777
	default:
		s.Mode = 0o666 &^ login.Umask
	}
	if parent.Mode&0o2000 != 0 {
		s.GID, s.Group = parent.GID, parent.Group
		if t == state.TypeDir {
			s.Mode |= 0o2000
		}
	}
	if s.Group == "" {
		s.Group = g.Group(strconv.Itoa(s.GID)).Name
	}
	return s
}
