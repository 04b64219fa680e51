package users

import (
	"path"
	"regexp"
	"strconv"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/state"
)

// foretold says what becomes of the host when the user is made or changed; nil
// where that cannot be told. A plan asks the host some more for it.
func (u *account) foretold() *state.Foretold {
	p := u.predicted()
	defs := u.defaults("/etc/login.defs", loginDef())
	if made := u.defaults("/etc/default/useradd", useraddDef()); !u.cur.Exists {
		if base := made["HOME"]; base != "" && !u.Home.Given() {
			p.Home = path.Join(base, u.Name)
		}
		if !u.Shell.Given() {
			p.Shell = made["SHELL"]
		}
	}
	home := p.Home
	if u.MoveHome && home != u.cur.Home {
		return nil
	}
	p.Exists, p.Name = true, u.Name
	f := &state.Foretold{Unsure: state.Accounts, New: !u.cur.Exists}
	group := u.Group
	if !u.cur.Exists {
		p.UID = u.UID.Or(state.ToCome(u.Name))
		switch own := u.g.Group(u.Name); {
		case u.Group != "":
		case own.Exists || defs["USERGROUPS_ENAB"] == "no":
			if p.GID = own.GID; !own.Exists {
				p.GID = 100
				if n, err := strconv.Atoi(defs["GROUP"]); err == nil {
					p.GID = n
				}
			}
			group = strconv.Itoa(p.GID)
		default:
			p.GID, group = state.ToCome(u.Name), u.Name
			f.Groups = append(f.Groups, state.GroupInfo{Exists: true, Name: u.Name, GID: p.GID})
		}
		f.Unsure = append(f.Unsure[:len(f.Unsure):len(f.Unsure)], "/var/mail/"+u.Name, "/var/spool/mail/"+u.Name)
	} else if group == "" {
		group = strconv.Itoa(p.GID)
	}
	f.Users = append(f.Users, p)
	owned := state.Attrs{Owner: u.Name, UID: p.UID, Group: group, GID: p.GID}
	if u.CreateHome && !u.g.File(home, 0).Exists() {
		f.Ops = u.homeOps(home, owned, defs)
	}
	if u.GenerateKey {
		file := u.keyFile(home)
		f.Unsure = append(f.Unsure[:len(f.Unsure):len(f.Unsure)], path.Dir(file))
	}
	return f
}

var (
	loginDef   = lazyregexp.New(`(?m)^[ \t]*([A-Z_]+)[ \t]+(\S+)`)
	useraddDef = lazyregexp.New(`(?m)^([A-Z_]+)=(\S*)`)
)

// defaults reads a file that says what useradd does: login.defs(5), useradd(8).
func (u *account) defaults(file string, line *regexp.Regexp) map[string]string {
	defs := map[string]string{}
	if f, err := u.g.TryFile(file, state.WantContent); err == nil {
		for _, m := range line.FindAllStringSubmatch(string(f.Content), -1) {
			defs[m[1]] = m[2]
		}
	}
	return defs
}

// homeOps are operations that make a home as useradd does: its mode is that of
// login.defs(5), what is in it comes from the skeleton.
func (u *account) homeOps(home string, owned state.Attrs, defs map[string]string) []state.Op {
	mode, umask := uint32(0o755), defs["UMASK"]
	if text := u.Umask.Or(""); text != "" {
		umask = text
	}
	if n, err := strconv.ParseUint(umask, 8, 32); err == nil {
		mode = 0o777 &^ uint32(n)
	}
	if n, err := strconv.ParseUint(defs["HOME_MODE"], 8, 32); err == nil && !u.cur.Exists {
		mode = uint32(n)
	}
	top := owned
	top.Mode = &mode
	var ops []state.Op
	for dir, made := path.Dir(home), 0; dir != "/" && dir != "." && !u.g.File(dir, 0).Exists() && made < 8; dir, made = path.Dir(dir), made+1 {
		ops = append([]state.Op{state.Mkdir{Path: dir}}, ops...)
	}
	ops = append(ops, state.Mkdir{Path: home, Attrs: top})
	skel := u.Skeleton
	if skel == "" {
		skel = "/etc/skel"
	}
	if !u.g.File(skel, 0).IsDir() {
		return ops
	}
	for _, e := range u.g.Tree(skel) {
		to, attrs := path.Join(home, e.Rel), owned
		attrs.Mode = &e.Stat.Mode
		switch e.Stat.Type {
		case state.TypeDir:
			ops = append(ops, state.Mkdir{Path: to, Attrs: attrs})
		case state.TypeFile:
			u.g.File(path.Join(skel, e.Rel), state.WantSHA256)
			ops = append(ops, state.CopyFile{Src: path.Join(skel, e.Rel), Path: to, Attrs: attrs})
		case state.TypeLink:
			ops = append(ops, state.Symlink{Path: to, Target: e.Target})
		}
	}
	return ops
}
