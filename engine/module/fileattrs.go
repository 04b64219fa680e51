package module

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// FileAttrs are the arguments that all modules have which make or change files;
// embed it in the arguments and add FileArgs to the spec.
type FileAttrs struct {
	Mode         FileMode `arg:"mode"`
	Owner        string   `arg:"owner"`
	Group        string   `arg:"group"`
	UnsafeWrites bool     `arg:"unsafe_writes"`
	// Attributes are flags of the file system; New's modules set them at the end.
	Attributes Opt[string] `arg:"attributes"`
}

// FileArgs declares the arguments of FileAttrs, and those for SELinux, which
// have no effect where it is off.
func FileArgs() []Arg {
	return []Arg{
		{Name: "mode", Type: Mode, Doc: "Permissions: octal digits in quotes (\"0644\") or symbolic (\"u=rwX,go=rX\"). Without it a new file gets what the umask leaves, and an existing one keeps its own."},
		{Name: "owner", Doc: "Name or number of the user that owns it."},
		{Name: "group", Doc: "Name or number of the group that owns it."},
		{Name: "seuser", Doc: "SELinux user."},
		{Name: "serole", Doc: "SELinux role."},
		{Name: "selevel", Doc: "SELinux level."},
		{Name: "setype", Doc: "SELinux type."},
		{Name: "attributes", Aliases: []string{"attr"}, Doc: "Flags of the file system as chattr takes them: \"+i\", \"-a\", \"=A\". No sign is \"=\"."},
		{Name: "unsafe_writes", Type: Bool, Default: false, Doc: "Write into the existing file instead of replacing it; for files that are mounted into a container."},
	}
}

// Wanted is what FileAttrs ask of one entry.
type Wanted struct {
	attrs     state.Attrs
	user      string
	groupName string
}

// Want resolves the attributes for an entry that is, or will at first be, cur:
// symbolic modes start from its mode. Users and groups are asked through g; its
// answer is of use only when nothing is missing.
func (a FileAttrs) Want(g *Gather, cur state.Stat) (Wanted, error) {
	var w Wanted
	if a.Mode.Given && cur.Type != state.TypeLink {
		var umask uint32
		if a.Mode.symbolic() {
			umask = g.Login().Umask
		}
		m, err := a.Mode.Resolve(cur, umask)
		if err != nil {
			return w, err
		}
		w.attrs.Mode = &m
	}
	if a.Owner != "" {
		u := g.User(a.Owner)
		n, err := strconv.Atoi(a.Owner)
		if g.Complete() && !u.Exists && err != nil {
			return w, Fail("chown failed: failed to look up user " + a.Owner)
		}
		if !u.Exists {
			u.UID = n
		}
		w.attrs.Owner, w.attrs.UID, w.user = a.Owner, u.UID, u.Name
	}
	if a.Group != "" {
		gr := g.Group(a.Group)
		n, err := strconv.Atoi(a.Group)
		if g.Complete() && !gr.Exists && err != nil {
			return w, Fail("chgrp failed: failed to look up group " + a.Group)
		}
		if !gr.Exists {
			gr.GID = n
		}
		w.attrs.Group, w.attrs.GID, w.groupName = a.Group, gr.GID, gr.Name
	}
	return w, nil
}

// Warnings says what is odd about the arguments.
func (a FileAttrs) Warnings() []string {
	if t := a.Mode.Trap(); t != "" {
		return []string{t}
	}
	return nil
}

// Changes are the attributes that differ from cur.
func (w Wanted) Changes(cur state.Stat) state.Attrs {
	var a state.Attrs
	if w.attrs.Mode != nil && *w.attrs.Mode != cur.Mode && cur.Type != state.TypeLink {
		a.Mode = w.attrs.Mode
	}
	if w.attrs.Owner != "" && w.attrs.UID != cur.UID {
		a.Owner, a.UID = w.attrs.Owner, w.attrs.UID
	}
	if w.attrs.Group != "" && w.attrs.GID != cur.GID {
		a.Group, a.GID = w.attrs.Group, w.attrs.GID
	}
	if (a.Owner != "" || a.Group != "") && a.Mode == nil && cur.Mode&0o6000 != 0 && cur.Type == state.TypeFile && w.attrs.Mode != nil {
		a.Mode = w.attrs.Mode // a change of owner clears setuid and setgid
	}
	return a
}

// Make are the attributes to set on an entry that is made and will at first be
// cur: a mode that was asked for is always among them.
func (w Wanted) Make(cur state.Stat) state.Attrs {
	a := w.Changes(cur)
	a.Mode = w.attrs.Mode
	return a
}

// Apply is cur with the attributes set.
func (w Wanted) Apply(cur state.Stat) state.Stat {
	if w.attrs.Mode != nil && cur.Type != state.TypeLink {
		cur.Mode = *w.attrs.Mode
	}
	if w.attrs.Owner != "" {
		cur.UID, cur.User = w.attrs.UID, w.user
	}
	if w.attrs.Group != "" {
		cur.GID, cur.Group = w.attrs.GID, w.groupName
	}
	return cur
}

// InfoRoom is the room (value.MRoom) for what PathInfo adds, and three entries more.
const InfoRoom = 10

// PathInfo adds what Ansible registers about an entry: uid, gid, owner, group,
// mode, state, size. A negative size is one that is known only later.
func PathInfo(m *value.Map, s state.Stat) {
	if s.Type == state.TypeNone {
		m.Set("state", value.String("absent"))
		return
	}
	m.Set("uid", IDValue(s.UID))
	m.Set("gid", IDValue(s.GID))
	m.Set("owner", value.String(nameOr(s.User, s.UID)))
	m.Set("group", value.String(nameOr(s.Group, s.GID)))
	m.Set("mode", value.String(ModeString(s.Mode)))
	m.Set("state", value.String(PathState(s)))
	if s.Size < 0 {
		m.Set("size", Later())
	} else {
		m.Set("size", value.Int(s.Size))
	}
}

// IDValue is the number of a user or group; one that the host will choose
// (state.ToCome) is known only later.
func IDValue(id int) value.Value {
	if id < 0 {
		return Later()
	}
	return value.Int(int64(id))
}

// ModeString writes a mode as Ansible registers it: "0644", "02755".
func ModeString(m uint32) string { return fmt.Sprintf("0%03o", m) }

func nameOr(name string, id int) string {
	if name == "" {
		return strconv.Itoa(id)
	}
	return name
}

// PathState is Ansible's word for what an entry is: absent, link, directory,
// hard (a file with several names) or file (everything else).
func PathState(s state.Stat) string {
	switch {
	case s.Type == state.TypeNone:
		return "absent"
	case s.Type == state.TypeLink:
		return "link"
	case s.Type == state.TypeDir:
		return "directory"
	case s.Nlink > 1:
		return "hard"
	}
	return "file"
}

const permBits = 0o7777

func (m FileMode) symbolic() bool {
	_, err := strconv.ParseUint(strings.TrimPrefix(m.Text, "0o"), 8, 32)
	return err != nil
}

// Resolve gives the mode for an entry that is cur; umask counts for symbolic
// modes that name nobody ("+x").
func (m FileMode) Resolve(cur state.Stat, umask uint32) (uint32, error) {
	if n, err := strconv.ParseUint(strings.TrimPrefix(m.Text, "0o"), 8, 32); err == nil {
		if n > permBits {
			return 0, Fail("Invalid mode supplied, only permission info is allowed", "details", m.Text)
		}
		return uint32(n), nil
	}
	mode := cur.Mode & permBits
	for clause := range strings.SplitSeq(m.Text, ",") {
		var err error
		if mode, err = applyClause(clause, mode, cur, umask); err != nil {
			return 0, Fail("mode must be in octal or symbolic form", "details", err.Error())
		}
	}
	return mode, nil
}

// applyClause applies one clause such as "ug+rX-w". X, and the letters of others,
// look at what the entry has at first.
func applyClause(clause string, mode uint32, cur state.Stat, umask uint32) (uint32, error) {
	i := strings.IndexAny(clause, "+-=")
	if i < 0 {
		if clause == "" {
			return mode, nil
		}
		return 0, fmt.Errorf("bad symbolic permission for mode: %s", clause)
	}
	users, keep := clause[:i], uint32(permBits)
	if users == "" {
		keep = permBits &^ umask
	}
	if users == "" || users == "a" {
		users = "ugo"
	}
	if strings.Trim(users, "ugo") != "" {
		return 0, fmt.Errorf("bad symbolic permission for mode: %s", clause)
	}
	for rest := clause[i:]; rest != ""; {
		op := rest[0]
		end := strings.IndexAny(rest[1:], "+-=") + 1
		if end == 0 {
			end = len(rest)
		}
		perms := rest[1:end]
		rest = rest[end:]
		if strings.Trim(perms, "rwxXstugo") != "" {
			return 0, fmt.Errorf("bad symbolic permission for mode: %s", clause)
		}
		for _, who := range users {
			bits := permsOf(byte(who), perms, cur.Mode, cur.Type == state.TypeDir, keep)
			switch op {
			case '+':
				mode |= bits
			case '-':
				mode &^= bits
			default:
				mode = mode&^ownBits(byte(who)) | bits
			}
		}
	}
	return mode, nil
}

func shiftOf(who byte) int { return map[byte]int{'u': 6, 'g': 3, 'o': 0}[who] }

// ownBits are all bits that "=" sets for somebody.
func ownBits(who byte) uint32 {
	return 7<<shiftOf(who) | map[byte]uint32{'u': 0o4000, 'g': 0o2000, 'o': 0o1000}[who]
}

func permsOf(who byte, perms string, mode uint32, isDir bool, keep uint32) uint32 {
	shift := shiftOf(who)
	var bits uint32
	for i := range len(perms) {
		switch p := perms[i]; p {
		case 'r':
			bits |= 4 << shift & keep
		case 'w':
			bits |= 2 << shift & keep
		case 'x':
			bits |= 1 << shift & keep
		case 'X':
			if isDir || mode&0o111 != 0 {
				bits |= 1 << shift & keep
			}
		case 's':
			bits |= map[byte]uint32{'u': 0o4000, 'g': 0o2000}[who]
		case 't':
			bits |= map[byte]uint32{'o': 0o1000}[who]
		default: // u, g, o: the same as they have
			bits |= (mode >> shiftOf(p) & 7) << shift
		}
	}
	return bits
}

// BackupName is where a backup goes: the name, a number that stands for
// Ansible's process id, and the time.
func BackupName(p string, in Inputs) string {
	pid := 1000 + (int(in.Seed[0])<<16|int(in.Seed[1])<<8|int(in.Seed[2]))%64000
	return fmt.Sprintf("%s.%d.%s~", p, pid, in.Now.Format("2006-01-02@15:04:05"))
}
