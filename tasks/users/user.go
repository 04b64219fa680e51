package users

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type userArgs struct {
	Name           string               `arg:"name"`
	State          string               `arg:"state"`
	UID            module.Opt[int]      `arg:"uid"`
	NonUnique      bool                 `arg:"non_unique"`
	Group          string               `arg:"group"`
	Groups         module.Opt[[]string] `arg:"groups"`
	Append         bool                 `arg:"append"`
	Comment        module.Opt[string]   `arg:"comment"`
	Home           module.Opt[string]   `arg:"home"`
	CreateHome     bool                 `arg:"create_home"`
	MoveHome       bool                 `arg:"move_home"`
	Skeleton       string               `arg:"skeleton"`
	Umask          module.Opt[string]   `arg:"umask"`
	Local          bool                 `arg:"local"`
	Shell          module.Opt[string]   `arg:"shell"`
	System         bool                 `arg:"system"`
	Password       value.Value          `arg:"password"`
	UpdatePassword string               `arg:"update_password"`
	PasswordLock   module.Opt[bool]     `arg:"password_lock"`
	ExpireMax      module.Opt[int]      `arg:"password_expire_max"`
	ExpireMin      module.Opt[int]      `arg:"password_expire_min"`
	Expires        module.Opt[float64]  `arg:"expires"`
	Force          bool                 `arg:"force"`
	Remove         bool                 `arg:"remove"`
	GenerateKey    bool                 `arg:"generate_ssh_key"`
	KeyType        string               `arg:"ssh_key_type"`
	KeyBits        int                  `arg:"ssh_key_bits"`
	KeyFile        string               `arg:"ssh_key_file"`
	KeyComment     string               `arg:"ssh_key_comment"`
	KeyPassphrase  value.Value          `arg:"ssh_key_passphrase"`
}

func flag(name, doc string, aliases ...string) module.Arg {
	return module.Arg{Name: name, Aliases: aliases, Type: module.Bool, Default: false, Doc: doc}
}

var userSpec = module.Spec{
	Name:    "user",
	Summary: "Have a user, or not",
	Doc: "Makes, changes and removes users with useradd, usermod and userdel, or with what busybox has (which cannot change users). " +
		"Passwords are given to chpasswd on its input and appear in no list of processes.",
	Args: []module.Arg{
		{Name: "name", Aliases: []string{"user"}, Required: true, Doc: "The user."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether it is to be there."},
		{Name: "uid", Type: module.Int, Doc: "Its number."},
		flag("non_unique", "The number may be another user's too."),
		{Name: "group", Doc: "Its own group, by name or number."},
		{Name: "groups", Type: module.List, Elem: module.Str, Doc: "Further groups. Without append it is taken out of all others; an empty text means none."},
		flag("append", "Only add to groups."),
		{Name: "comment", Doc: "The full name and the like."},
		{Name: "home", Type: module.Path, Doc: "Its home folder."},
		{Name: "create_home", Aliases: []string{"createhome"}, Type: module.Bool, Default: true, Doc: "Make the home folder when it is missing."},
		flag("move_home", "Move the old home folder to where home says."),
		{Name: "skeleton", Doc: "The folder that a new home is copied from."},
		{Name: "umask", Doc: "The umask for a new home."},
		{Name: "shell", Doc: "Its login shell."},
		flag("system", "A new user gets a number of the system's."),
		{Name: "password", Secret: true, Doc: "The hash of the password, as in /etc/shadow."},
		{Name: "update_password", Choices: []string{"always", "on_create"}, Default: "always", Doc: "Whether the password of a user that is there is changed."},
		{Name: "password_lock", Type: module.Bool, Doc: "Whether logging in with the password is off."},
		{Name: "password_expire_max", Type: module.Int, Doc: "Days after which the password must be changed."},
		{Name: "password_expire_min", Type: module.Int, Doc: "Days before the password may be changed."},
		{Name: "expires", Type: module.Float, Doc: "When the account ends, in seconds since 1970; negative: never."},
		flag("force", "With state absent: remove even while the user is logged in."),
		flag("remove", "With state absent: remove home and mail, too."),
		flag("generate_ssh_key", "Make a key pair for SSH when there is none."),
		{Name: "ssh_key_type", Default: "rsa", Doc: "Its kind."},
		{Name: "ssh_key_bits", Type: module.Int, Default: 0, Doc: "Its length; 0 leaves it to ssh-keygen."},
		{Name: "ssh_key_file", Type: module.Path, Doc: "Its file, below the home when it is relative; .ssh/id_TYPE without it."},
		{Name: "ssh_key_comment", Doc: "Its comment; without it ansible-generated on HOST."},
		{Name: "ssh_key_passphrase", Secret: true, Doc: "Its passphrase."},
		flag("local", "Accepted; users are always made in the host's own files."),
		{Name: "seuser", Doc: "Accepted, and has no effect where SELinux is off."},
		{Name: "login_class", Doc: "Accepted, and has no effect but on BSD."},
		{Name: "hidden", Type: module.Bool, Doc: "Accepted, and has no effect but on macOS."},
		{Name: "authorization", Doc: "Accepted, and has no effect but on Solaris."},
		{Name: "profile", Doc: "Accepted, and has no effect but on Solaris."},
		{Name: "role", Doc: "Accepted, and has no effect but on Solaris."},
	},
	Order: [][]string{{"name", "state", "system", "create_home", "append", "move_home", "force", "remove", "changed", "uid", "group", "comment", "home", "shell"}},
	Returns: []module.Return{
		{Name: "name", Type: "str", When: "always", Doc: "The user."},
		{Name: "state", Type: "str", When: "always", Doc: "Whether it is there."},
		{Name: "uid", Type: "int", When: "it is there", Doc: "Its number."},
		{Name: "group", Type: "int", When: "it is there", Doc: "The number of its group."},
		{Name: "home", Type: "str", When: "it is there", Doc: "Its home folder."},
		{Name: "shell", Type: "str", When: "it is there", Doc: "Its login shell."},
		{Name: "comment", Type: "str", When: "it is there", Doc: "The full name and the like."},
		{Name: "groups", Type: "str", When: "groups were asked", Doc: "The groups as asked, joined by commas."},
		{Name: "ssh_key_file", Type: "str", When: "a key was asked", Doc: "The private key."},
		{Name: "ssh_public_key", Type: "str", When: "a key was asked", Doc: "The public key."},
		{Name: "ssh_fingerprint", Type: "str", When: "a key was asked", Doc: "Its fingerprint."},
	},
	Examples: "- user: {name: app, groups: [docker], append: true, shell: /bin/bash}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// User is the module user.
func User() module.Module { return module.New(userSpec, planUser) }

// account is a user of a host with what the plan knows of it.
type account struct {
	userArgs
	in     module.Inputs
	g      *module.Gather
	cur    state.UserInfo
	gid    int      // of the group asked
	groups []string // names as asked, resolved
	member []string // groups the user is in now, but for its own
	shadow []string // fields of its line, nil when it could not be read
	warn   []string
}

func planUser(a userArgs, in module.Inputs, v state.View) (module.Change, error) {
	if a.Local && a.Umask.Given() {
		return module.Change{}, module.Fail("'umask' can not be used with 'local'")
	}
	u := &account{userArgs: a, in: in, g: module.Gathering(v)}
	if a.Append && !a.Groups.Given() {
		u.warn = append(u.warn, "'append' is set, but no 'groups' are specified. Use 'groups' for appending new groups."+
			"This will change to an error in Ansible 2.14.")
	}
	u.cur, u.KeyFile = u.g.User(a.Name), u.g.Expand(a.KeyFile)
	if c, missing, err := u.g.Missing(); missing {
		return c, err
	}
	u.cur.Exists = u.cur.Exists && u.cur.Name == a.Name
	if a.Local {
		u.warn = append(u.warn, notLocal(u.cur.Exists, a.State == "absent", in.Check,
			"'local: true' specified and user '"+a.Name+"' was not found in /etc/passwd. The local user account may already exist "+
				"if the local account database exists somewhere other than /etc/passwd.")...)
	}
	if a.State == "absent" {
		c := u.absent()
		c.Warnings = u.warn
		return c, nil
	}
	if err := u.gather(); err != nil {
		return module.Change{}, err
	}
	if c, missing, err := u.g.Missing(); missing {
		return c, err
	}
	if text, secret := a.Password.Text(), !a.Password.IsNull(); secret && !hashed(text) {
		u.warn = append(u.warn, "The input password appears not to have been hashed. The 'password' argument must be encrypted for this module to work properly.")
	}
	if !u.cur.Exists {
		return u.present(u.create())
	}
	return u.present(u.modify())
}

// notLocal is a warning as often as the original asks whether there is such a local
// account or group and finds none: before it does something, and behind a removal.
func notLocal(exists, absent, check bool, text string) []string {
	var said []string
	if !exists {
		said = append(said, text)
	}
	if absent && !(exists && check) {
		said = append(said, text)
	}
	return said
}

// hashed tells whether a text can be the hash of a password, or a word that
// stands for none.
func hashed(s string) bool {
	if strings.Trim(s, "*!") == "" {
		return true
	}
	parts := strings.Split(strings.TrimLeft(s, "!"), "$")
	return len(parts) >= 4 && parts[0] == "" && len(parts[len(parts)-1]) >= 22 && !strings.Contains(s, ":")
}

func (u *account) fail(r state.OpResult) *module.Failure {
	return module.Fail(string(r.Stderr), "name", u.Name, "rc", r.RC)
}

func (u *account) absent() module.Change {
	if !u.cur.Exists {
		return module.OK("name", u.Name, "state", "absent")
	}
	argv, box := []string{"userdel"}, []string{"deluser"}
	if u.Force {
		argv = append(argv, "-f")
	}
	if u.Remove {
		argv, box = append(argv, "-r"), append(box, "--remove-home")
	}
	result := func() *value.Map {
		return value.M("changed", true, "name", u.Name, "state", "absent", "force", u.Force, "remove", u.Remove)
	}
	step := either(append(argv, u.Name), append(box, u.Name))
	step.Leaves = u.Name
	return inOrder([]state.Exec{step}, module.Change{Result: u.unsaid(result())}, u.fail,
		func(_ state.View, said output) (module.Change, error) {
			r := result()
			said.into(r)
			return module.Change{Result: r}, nil
		})
}

// into adds what commands printed, when they printed something.
func (o output) into(m *value.Map) {
	for _, x := range []struct{ key, text string }{{"stdout", o.stdout}, {"stderr", o.stderr}} {
		if x.text != "" {
			m.Set(x.key, value.String(x.text).WithMarks(value.Unsafe))
			m.Set(x.key+"_lines", value.Strings(strings.Split(strings.TrimRight(x.text, "\n"), "\n")...).MarkDeep(value.Unsafe))
		}
	}
}

// unsaid marks in what a plan registers that the commands may print something.
func (u *account) unsaid(m *value.Map) *value.Map {
	if u.in.Check {
		for _, k := range []string{"stdout", "stdout_lines", "stderr", "stderr_lines"} {
			m.Set(k, module.Later())
		}
	}
	return m
}

// gather reads groups and the line of /etc/shadow.
func (u *account) gather() error {
	own := ""
	u.g.Group(u.Name) // create asks whether there is one
	if u.Group != "" {
		gr := u.g.Group(u.Group)
		if u.g.Complete() && !gr.Exists {
			return module.Fail("Group " + u.Group + " does not exist")
		}
		u.gid, own = gr.GID, gr.Name
	} else if u.cur.Exists {
		own = u.g.Group(strconv.Itoa(u.cur.GID)).Name
	}
	for _, name := range u.Groups.Or(nil) {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		gr := u.g.Group(name)
		if u.g.Complete() && !gr.Exists {
			return module.Fail("Group " + name + " does not exist")
		}
		if gr.Name != own {
			u.groups = append(u.groups, gr.Name)
		}
	}
	if u.cur.Exists && u.Groups.Given() {
		if f, err := u.g.TryFile("/etc/group", state.WantContent); err == nil {
			u.member = memberOf(string(f.Content), u.Name, own)
		}
	}
	if u.cur.Exists && (!u.Password.IsNull() || u.PasswordLock.Given() || u.Expires.Given() || u.ExpireMax.Given() || u.ExpireMin.Given()) {
		if f, err := u.g.TryFile("/etc/shadow", state.WantContent); err == nil {
			u.shadow = shadowLine(string(f.Content), u.Name)
		}
	}
	u.g.File(u.home(), 0)
	if u.MoveHome && u.cur.Exists {
		u.g.File(u.cur.Home, 0)
	}
	return nil
}

// memberOf lists the groups that name a user, but for its own.
func memberOf(text, user, own string) []string {
	var out []string
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimRight(line, "\n"), ":")
		if len(f) == 4 && f[0] != own && slices.Contains(strings.Split(f[3], ","), user) {
			out = append(out, f[0])
		}
	}
	return out
}

func shadowLine(text, user string) []string {
	for line := range strings.Lines(text) {
		if f := strings.Split(strings.TrimRight(line, "\n"), ":"); f[0] == user && len(f) >= 8 {
			return f
		}
	}
	return nil
}

// home is where the home folder will be.
func (u *account) home() string {
	if h, ok := u.Home.Get(); ok {
		return strings.TrimSuffix(u.g.Path(h), "/")
	}
	if u.cur.Exists && u.cur.Home != "" {
		return u.cur.Home
	}
	return "/home/" + u.Name
}

// expiry is when the account ends, as useradd takes it: a day, or nothing.
func (u *account) expiry() string {
	at, _ := u.Expires.Get()
	if at < 0 {
		return ""
	}
	return time.Unix(int64(at), 0).UTC().Format("2006-01-02")
}

// present makes the change of the steps that bring the user about.
func (u *account) present(steps []state.Exec) (module.Change, error) {
	keySteps, err := u.keySteps()
	if err != nil {
		return module.Change{}, err
	}
	steps = append(steps, keySteps...)
	changed := len(steps) > 0
	c := module.Change{Warnings: u.warn}
	if !changed {
		c.Result = u.result(u.cur, false)
		if err := u.keyResult(u.g, c.Result, u.cur.Home); err != nil {
			return module.Change{}, err
		}
		if need, missing, err := u.g.Missing(); missing {
			return need, err
		}
		return c, nil
	}
	c.Result = u.unsaid(u.result(u.predicted(), true))
	if !u.cur.Exists {
		for _, k := range u.unforeseen() {
			c.Result.Set(k, module.Later())
		}
	}
	if u.GenerateKey {
		for _, k := range []string{"ssh_key_file", "ssh_public_key", "ssh_fingerprint"} {
			c.Result.Set(k, module.Later())
		}
	}
	if u.in.Check {
		c.Foretold = u.foretold()
		if need, missing, err := u.g.Missing(); missing {
			return need, err
		}
	}
	return inOrder(steps, c, u.fail, u.end), nil
}

// unforeseen are the fields that the host settles when it makes a user.
func (u *account) unforeseen() []string {
	var out []string
	if !u.UID.Given() {
		out = append(out, "uid")
	}
	if u.Group == "" {
		out = append(out, "group")
	}
	if !u.Home.Given() {
		out = append(out, "home")
	}
	if !u.Shell.Given() {
		out = append(out, "shell")
	}
	return out
}

// predicted is the user as it will be.
func (u *account) predicted() state.UserInfo {
	p := u.cur
	p.UID = u.UID.Or(p.UID)
	if u.Group != "" {
		p.GID = u.gid
	}
	p.Gecos, p.Shell, p.Home = u.Comment.Or(p.Gecos), u.Shell.Or(p.Shell), u.home()
	return p
}

func (u *account) result(i state.UserInfo, changed bool) *value.Map {
	m := value.M("changed", changed, "name", u.Name, "state", "present", "uid", module.IDValue(i.UID), "group", module.IDValue(i.GID),
		"comment", i.Gecos, "home", i.Home, "shell", i.Shell)
	if i.UID < 0 && i.Shell == "" { // the host will choose it
		m.Set("shell", module.Later())
	}
	if u.cur.Exists {
		m.Set("append", value.Bool(u.Append))
		m.Set("move_home", value.Bool(u.MoveHome))
	} else {
		m.Set("create_home", value.Bool(u.CreateHome))
		m.Set("system", value.Bool(u.System))
	}
	if list, ok := u.Groups.Get(); ok {
		m.Set("groups", value.String(strings.Join(list, ",")))
	}
	if !u.Password.IsNull() {
		m.Set("password", value.String("NOT_LOGGING_PASSWORD"))
	}
	return m
}

// end reads what became of the user.
func (u *account) end(v state.View, said output) (module.Change, error) {
	g := module.Gathering(v)
	now := g.User(u.Name)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	r := u.result(now, true)
	said.into(r)
	if err := u.keyResult(g, r, now.Home); err != nil {
		return module.Change{}, err
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	return module.Change{Result: r, Warnings: u.warn}, nil
}
