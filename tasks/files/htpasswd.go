package files

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/crypt"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type htpasswdArgs struct {
	module.FileAttrs
	Path     string             `arg:"path"`
	Name     string             `arg:"name"`
	Password module.Opt[string] `arg:"password"`
	Scheme   string             `arg:"crypt_scheme"`
	State    string             `arg:"state"`
	Create   bool               `arg:"create"`
}

var htpasswdSpec = module.Spec{
	Name:    "htpasswd",
	Aliases: []string{"community.general.htpasswd"},
	Summary: "Set or remove a user in a file of passwords for a web server",
	Doc: "Keeps one user of a file as Apache and nginx read it for basic authentication. The password is hashed here; a user whose hash " +
		"is that of the password, by whatever scheme, is left alone. Blank lines go away when the file is written.",
	Args: append([]module.Arg{
		{Name: "path", Aliases: []string{"dest", "destfile"}, Type: module.Path, Required: true, Doc: "The file."},
		{Name: "name", Aliases: []string{"username"}, Required: true, Doc: "The user."},
		{Name: "password", Secret: true, Doc: "The password, needed for a user that is to be there."},
		{Name: "crypt_scheme", Aliases: []string{"hash_scheme"}, Default: "apr_md5_crypt",
			Doc: "How a password that is set is hashed: apr_md5_crypt, bcrypt, ldap_sha1, plaintext, md5_crypt, sha256_crypt, sha512_crypt."},
		{Name: "state", Choices: []string{"present", "absent"}, Default: "present", Doc: "Whether the user is to be there."},
		{Name: "create", Type: module.Bool, Default: true, Doc: "Make the file, with its folders, when it is missing."},
	}, module.FileArgs()...),
	Returns: []module.Return{
		{Name: "msg", Type: "str", When: "always", Doc: "What was done."},
	},
	Examples: "- htpasswd: {path: /etc/nginx/users, name: jane, password: \"{{ jane_password }}\", owner: root, group: www-data, mode: \"0640\"}\n" +
		"- htpasswd: {path: /etc/nginx/users, name: jane, state: absent}\n",
	Traits: module.Traits{Reach: state.ReachPaths},
}

// Htpasswd is the module htpasswd.
func Htpasswd() module.Module { return module.New(htpasswdSpec, planHtpasswd) }

func planHtpasswd(a htpasswdArgs, in module.Inputs, v state.View) (module.Change, error) {
	password, given := a.Password.Get()
	if a.State == "present" && !given {
		return module.Change{}, module.Fail("state is present but all of the following are missing: password")
	}
	if strings.ContainsAny(a.Name, ":\n") {
		return module.Change{}, module.Fail("the user name '" + a.Name + "' has a character that the file uses itself")
	}
	e := &editor{FileAttrs: a.FileAttrs, in: in, g: module.Gathering(v), marks: value.Secret}
	if c, done, err := e.open(a.Path); done {
		return c, err
	}
	switch {
	case !e.exists() && a.State == "absent":
		c := module.OK("msg", a.Name+" not present")
		c.Warnings = []string{e.path + " does not exist"}
		return c, nil
	case !e.exists() && !a.Create:
		return module.Change{}, module.Fail("Destination " + e.path + " does not exist")
	}
	users := readUsers(string(e.old))
	have, known := users.hash(a.Name)
	if a.State == "absent" {
		if !known {
			return e.done(e.old, false, a.Name+" not present")
		}
		return e.done(users.without(a.Name), true, "Remove "+a.Name)
	}
	if known && crypt.Verify(have, password) {
		return e.done(e.old, false, a.Name+" already present")
	}
	hashed, err := crypt.Hash(a.Scheme, password, crypt.Settings{Salt: crypt.SaltFrom(a.Scheme, in.Seed[:])})
	if err != nil {
		return module.Change{}, module.Fail(err.Error())
	}
	msg := "Add/update " + a.Name
	if !e.exists() {
		msg = "Created " + e.path + " and added " + a.Name
	}
	return e.done(users.with(a.Name, hashed), true, msg)
}

// userLines are the lines of a file of passwords that are not blank.
type userLines []string

func readUsers(text string) userLines {
	var lines userLines
	for l := range strings.Lines(text) {
		if l = strings.TrimRight(l, "\r\n"); strings.TrimSpace(l) != "" {
			lines = append(lines, l)
		}
	}
	return lines
}

// lineOf tells whether a line is a user's, and gives the hash.
func lineOf(line, user string) (hashed string, ok bool) {
	name, hashed, ok := strings.Cut(line, ":")
	return strings.TrimSpace(hashed), ok && name == user && !strings.HasPrefix(line, "#")
}

func (u userLines) hash(user string) (string, bool) {
	for _, l := range u {
		if h, ok := lineOf(l, user); ok {
			return h, true
		}
	}
	return "", false
}

func (u userLines) without(user string) []byte {
	var b strings.Builder
	for _, l := range u {
		if _, ok := lineOf(l, user); !ok {
			b.WriteString(l + "\n")
		}
	}
	return []byte(b.String())
}

// with replaces a user's line, or adds one.
func (u userLines) with(user, hashed string) []byte {
	var b strings.Builder
	there := false
	for _, l := range u {
		if _, ok := lineOf(l, user); ok {
			if there {
				continue
			}
			l, there = user+":"+hashed, true
		}
		b.WriteString(l + "\n")
	}
	if !there {
		b.WriteString(user + ":" + hashed + "\n")
	}
	return []byte(b.String())
}
