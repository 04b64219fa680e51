package users

import (
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/state"
)

// create gives the commands that make the user.
func (u *account) create() []state.Exec {
	add, box := []string{"useradd"}, []string{"adduser", "-D"}
	put := func(words ...string) { add = append(add, words...) }
	both := func(words ...string) { add, box = append(add, words...), append(box, words...) }
	if uid, ok := u.UID.Get(); ok {
		both("-u", strconv.Itoa(uid))
		if u.NonUnique {
			put("-o")
		}
	}
	switch {
	case u.Group != "":
		put("-g", u.Group)
		box = append(box, "-G", u.Group)
	case u.g.Group(u.Name).Exists:
		put("-N") // a group of that name is there: none is made
	}
	if len(u.groups) > 0 {
		put("-G", strings.Join(u.groups, ","))
	}
	if text, ok := u.Comment.Get(); ok {
		put("-c", text)
		box = append(box, "-g", text)
	}
	if u.Home.Given() {
		put("-d", u.home())
		box = append(box, "-h", u.home())
	}
	if shell, ok := u.Shell.Get(); ok {
		both("-s", shell)
	}
	if u.Expires.Given() {
		put("-e", u.expiry())
	}
	if u.CreateHome {
		put("-m")
		if u.Skeleton != "" {
			put("-k", u.Skeleton)
		}
		if mask := u.Umask.Or(""); mask != "" {
			put("-K", "UMASK="+mask)
		}
	} else {
		put("-M")
		box = append(box, "-H")
	}
	if u.System {
		put("-r")
		box = append(box, "-S")
	}
	steps := []state.Exec{either(append(add, u.Name), append(box, u.Name))}
	lock, _ := u.PasswordLock.Get()
	switch {
	case !u.Password.IsNull() && lock:
		steps = append(steps, u.setPassword("!"+u.Password.Text()))
	case !u.Password.IsNull():
		steps = append(steps, u.setPassword(u.Password.Text()))
	case lock:
		steps = append(steps, either([]string{"usermod", "-L", u.Name}, []string{"passwd", "-l", u.Name}))
	}
	return append(steps, u.age(nil)...)
}

// setPassword writes a hash into /etc/shadow.
func (u *account) setPassword(hash string) state.Exec {
	return state.Exec{Argv: []string{"chpasswd", "-e"}, Stdin: []byte(u.Name + ":" + hash + "\n"), HasStdin: true,
		Shown: "set the password of " + u.Name}
}

// modify gives the commands for what differs.
func (u *account) modify() []state.Exec {
	var argv []string
	put := func(words ...string) { argv = append(argv, words...) }
	if uid, ok := u.UID.Get(); ok && uid != u.cur.UID {
		put("-u", strconv.Itoa(uid))
		if u.NonUnique {
			put("-o")
		}
	}
	if u.Group != "" && u.gid != u.cur.GID {
		put("-g", strconv.Itoa(u.gid))
	}
	if u.Groups.Given() {
		argv = append(argv, u.regroup()...)
	}
	if text, ok := u.Comment.Get(); ok && text != u.cur.Gecos {
		put("-c", text)
	}
	if u.Home.Given() && u.home() != u.cur.Home {
		put("-d", u.home())
		if u.MoveHome {
			put("-m")
		}
	}
	if shell, ok := u.Shell.Get(); ok && shell != u.cur.Shell {
		put("-s", shell)
	}
	if u.Expires.Given() && u.expiryDiffers() {
		put("-e", u.expiry())
	}
	hash := ""
	if len(u.shadow) > 1 {
		hash = u.shadow[1]
	}
	if lock, ok := u.PasswordLock.Get(); ok && lock != strings.HasPrefix(hash, "!") {
		put(map[bool]string{true: "-L", false: "-U"}[lock])
	}
	var steps []state.Exec
	if len(argv) > 0 {
		step := either(append(append([]string{"usermod"}, argv...), u.Name), nil)
		step.Leaves = u.Name
		steps = append(steps, step)
	}
	if want := u.Password.Text(); !u.Password.IsNull() && u.UpdatePassword == "always" &&
		strings.TrimLeft(want, "!") != strings.TrimLeft(hash, "!") {
		if lock, _ := u.PasswordLock.Get(); lock {
			want = "!" + want
		}
		steps = append(steps, u.setPassword(want))
	}
	steps = append(steps, u.age(u.shadow)...)
	home := u.home()
	moved := u.MoveHome && home != u.cur.Home && u.g.File(u.cur.Home, 0).Exists()
	if u.CreateHome && !moved && !u.g.File(home, 0).Exists() {
		steps = append(steps, u.makeHome(home))
	}
	return steps
}

// regroup gives the words of usermod that change the groups.
func (u *account) regroup() []string {
	lacks := slices.ContainsFunc(u.groups, func(g string) bool { return !slices.Contains(u.member, g) })
	extra := slices.ContainsFunc(u.member, func(g string) bool { return !slices.Contains(u.groups, g) })
	switch {
	case u.Append && lacks:
		return []string{"-a", "-G", strings.Join(u.groups, ",")}
	case !u.Append && (lacks || extra):
		return []string{"-G", strings.Join(u.groups, ",")}
	}
	return nil
}

// expiryDiffers compares days: that is what /etc/shadow holds.
func (u *account) expiryDiffers() bool {
	now := ""
	if len(u.shadow) > 7 {
		now = u.shadow[7]
	}
	at, _ := u.Expires.Get()
	if at < 0 {
		return now != "" && now != "-1"
	}
	return now != strconv.FormatInt(int64(at)/86400, 10)
}

// age gives the command that limits the age of the password.
func (u *account) age(shadow []string) []state.Exec {
	var argv []string
	put := func(o string, want int, given bool, field int) {
		if text := strconv.Itoa(want); given && (len(shadow) <= field || shadow[field] != text) {
			argv = append(argv, o, text)
		}
	}
	maxDays, hasMax := u.ExpireMax.Get()
	minDays, hasMin := u.ExpireMin.Get()
	put("-M", maxDays, hasMax, 4)
	put("-m", minDays, hasMin, 3)
	if len(argv) == 0 {
		return nil
	}
	return []state.Exec{either(append(append([]string{"chage"}, argv...), u.Name), nil)}
}

// makeHome makes the home of a user that has none, as useradd would.
func (u *account) makeHome(home string) state.Exec {
	skel := u.Skeleton
	if skel == "" {
		skel = "/etc/skel"
	}
	mask := "umask=" + quote(u.Umask.Or(""))
	if u.Umask.Or("") == "" {
		mask = `umask=$(sed -n 's/^[[:space:]]*UMASK[[:space:]][[:space:]]*\([0-7]*\).*/\1/p' /etc/login.defs 2>/dev/null | tail -n 1)`
	}
	h, p := quote(home), u.predicted()
	return state.Exec{Shell: mask + "; mkdir -p " + h + " && if [ -d " + quote(skel) + " ]; then cp -R " + quote(skel+"/.") + " " + h +
		"; fi && chown -R " + strconv.Itoa(p.UID) + ":" + strconv.Itoa(p.GID) + " " + h +
		` && chmod "$(printf %o $((0777 & ~0${umask:-22})))" ` + h}
}
