package users

import (
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type keyArgs struct {
	User      string             `arg:"user"`
	Key       string             `arg:"key"`
	Path      string             `arg:"path"`
	ManageDir bool               `arg:"manage_dir"`
	State     string             `arg:"state"`
	Options   module.Opt[string] `arg:"key_options"`
	Comment   module.Opt[string] `arg:"comment"`
	Exclusive bool               `arg:"exclusive"`
	Follow    bool               `arg:"follow"`
	Certs     bool               `arg:"validate_certs"`
}

var keySpec = module.Spec{
	Name:    "authorized_key",
	Aliases: []string{"ansible.posix.authorized_key"},
	Summary: "Have keys among those that let a user in, or not",
	Doc: "Edits the file authorized_keys of a user. A key is the same when its kind and its text are; its options and its comment " +
		"become what is asked. Other lines stay as they are.",
	Args: []module.Arg{
		{Name: "user", Required: true, Doc: "Whose keys."},
		{Name: "key", Required: true, Doc: "The public keys, one to a line."},
		{Name: "path", Type: module.Path, Doc: "The file; .ssh/authorized_keys in the user's home without it."},
		{Name: "manage_dir", Type: module.Bool, Default: true, Doc: "Make the file's folder, and give it to the user with mode 0700."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether the keys are to be there."},
		{Name: "key_options", Doc: "Options before the keys, in place of those that key has."},
		{Name: "comment", Doc: "The comment behind the keys, in place of the one that key has."},
		flag("exclusive", "Take all other keys away."),
		flag("follow", "Write to what a link leads to, instead of in its place."),
		{Name: "validate_certs", Type: module.Bool, Default: true, Doc: "Verify the certificate of an address that key names."},
	},
	Order: [][]string{{"user", "key", "path", "manage_dir", "state", "exclusive", "validate_certs", "follow", "key_options", "comment", "keyfile", "changed", "uid", "gid", "owner", "group", "mode", "size"}, {"user", "key", "path", "manage_dir", "state", "exclusive", "validate_certs", "follow", "key_options", "comment", "keyfile", "uid", "gid", "owner", "group", "mode", "size"}},
	Returns: []module.Return{
		{Name: "keyfile", Type: "str", When: "always", Doc: "The file."},
		{Name: "key", Type: "str", When: "always", Doc: "The keys as given."},
	},
	Examples: "- authorized_key: {user: app, key: \"{{ lookup('file', 'app.pub') }}\"}\n",
	Traits:   module.Traits{Reach: state.ReachPaths},
}

// AuthorizedKey is the module authorized_key.
func AuthorizedKey() module.Module { return module.New(keySpec, planKey) }

// keyLine is a line of the file; without a kind it is no key.
type keyLine struct {
	raw, options, kind, blob, comment string
	rank                              int // by which Ansible orders them
}

func (k keyLine) text() string {
	text := k.kind + " " + k.blob + " " + k.comment // with its blank also without a comment, as Ansible writes it
	if k.options != "" {
		text = k.options + " " + text
	}
	return text
}

func (k keyLine) same(o keyLine) bool { return k.kind != "" && k.kind == o.kind && k.blob == o.blob }

// replaces tells whether Ansible, which keeps lines by key or by text, would forget o for k.
func (k keyLine) replaces(o keyLine) bool { return k.kind == "" && k.raw == o.raw || k.same(o) }

// optionList are the options, sorted: their order makes no difference.
func (k keyLine) optionList() (list []string) {
	quoted, from := false, 0
	for i := 0; i <= len(k.options); i++ {
		switch {
		case i == len(k.options) || k.options[i] == ',' && !quoted:
			if i > from {
				list = append(list, k.options[from:i])
			}
			from = i + 1
		case k.options[i] == '"' && (i == 0 || k.options[i-1] != '\\'):
			quoted = !quoted
		}
	}
	slices.Sort(list)
	return list
}

// kinds are the kinds of keys that there can be in such a file.
var kinds = []string{"ssh-rsa", "ssh-ed25519", "ssh-dss", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-256", "rsa-sha2-512",
	"sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com", "webauthn-sk-ecdsa-sha2-nistp256@openssh.com", "ssh-xmss@openssh.com"}

// isKind tells whether a word is the kind of a key or of a certificate.
func isKind(s string) bool {
	plain, cert := strings.CutSuffix(s, "-cert-v01@openssh.com")
	if !cert {
		return slices.Contains(kinds, s)
	}
	return slices.Contains(kinds, plain) || slices.Contains(kinds, plain+"@openssh.com")
}

// parseKey takes a line apart; blanks in quotes belong to an option.
func parseKey(line string) keyLine {
	k := keyLine{raw: line}
	rest := strings.TrimSpace(line)
	if rest == "" || rest[0] == '#' {
		return k
	}
	if first, _, _ := strings.Cut(rest, " "); !isKind(first) {
		quoted, end := false, -1
		for i := 0; i < len(rest) && end < 0; i++ {
			switch {
			case rest[i] == '"' && (i == 0 || rest[i-1] != '\\'):
				quoted = !quoted
			case !quoted && (rest[i] == ' ' || rest[i] == '\t'):
				end = i
			}
		}
		if end < 0 {
			return k
		}
		k.options, rest = rest[:end], strings.TrimSpace(rest[end:])
	}
	f := strings.Fields(rest)
	if len(f) < 2 || !isKind(f[0]) {
		k.options = ""
		return k
	}
	k.kind, k.blob, k.comment = f[0], f[1], strings.Join(f[2:], " ")
	return k
}

func planKey(a keyArgs, in module.Inputs, v state.View) (module.Change, error) {
	if strings.HasPrefix(a.Key, "http") {
		return a.fetch(in), nil
	}
	return a.plan(a.Key, in, v)
}

// fetch reads the keys from an address.
func (a keyArgs) fetch(in module.Inputs) module.Change {
	get := state.HTTPRequest{Method: "GET", URL: a.Key, Agent: "ansible-httpget", Follow: "urllib2", Timeout: 10 * time.Second, Insecure: !a.Certs, Env: in.Env, Read: true}
	return module.Change{Ops: []state.Op{get}, Looks: true, Result: value.M("changed", module.Later()),
		Then: func(v state.View, did []state.OpResult) (module.Change, error) {
			r, ok := did[0].Data.(state.HTTPResponse)
			if !ok || r.Status != 200 || r.Body == nil {
				return module.Change{}, module.Fail("Error getting key from: " + a.Key)
			}
			body, err := r.Body.Reader()
			if err != nil {
				return module.Change{}, err
			}
			text, err := io.ReadAll(body)
			if err = errors.Join(err, body.Close()); err != nil {
				return module.Change{}, err
			}
			return a.plan(string(text), in, v)
		}}
}

// plan is what is to be done for the keys of a text.
func (a keyArgs) plan(keys string, in module.Inputs, v state.View) (module.Change, error) {
	wanted, err := a.wanted(keys)
	if err != nil {
		return module.Change{}, err
	}
	g := module.Gathering(v)
	g.Login()
	u := g.User(a.User)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if !u.Exists && !(in.Check && a.Path != "") {
		return module.Change{}, module.Fail("Failed to lookup user " + a.User + `: "getpwnam(): name not found: '` + a.User + `'"`)
	}
	p := path.Join(u.Home, ".ssh/authorized_keys")
	if a.Path != "" {
		p = g.Path(strings.ReplaceAll(a.Path, "%u", u.Name))
	}
	file := g.File(p, state.WantContent)
	dir := g.File(path.Dir(p), 0)
	group := g.Group(value.Int(int64(u.GID)).Text())
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if file.IsDir() {
		return module.Change{}, module.Fail("[Errno 21] Is a directory: '" + p + "'")
	}
	old := string(file.Content)
	text := a.edit(old, wanted)
	var above []string // missing folders, the lowest first
	if text != old && !a.ManageDir {
		for at, d := path.Dir(p), dir; !d.Exists(); d = g.File(at, 0) {
			if c, missing, err := g.Missing(); missing {
				return c, err
			}
			above, at = append(above, at), path.Dir(at)
		}
		if c, missing, err := g.Missing(); missing {
			return c, err
		}
	}
	w := keyWriter{args: a, above: above, user: u, group: group.Name, path: p, file: file, dir: dir}
	return w.change(old, text, in.Diff), nil
}

// wanted reads the keys that are asked for.
func (a keyArgs) wanted(keys string) ([]keyLine, error) {
	var out []keyLine
	for line := range strings.Lines(keys) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		k := parseKey(line)
		if k.kind == "" {
			return nil, module.Fail("invalid key specified: " + line)
		}
		k.options, k.comment = a.Options.Or(k.options), a.Comment.Or(k.comment)
		out = append(out, k)
	}
	return out, nil
}

// edit gives the new text of the file.
func (a keyArgs) edit(old string, wanted []keyLine) string {
	var lines []keyLine
	rank := 0
	for line := range strings.Lines(old) {
		k := parseKey(strings.TrimRight(line, "\n"))
		k.rank, rank = rank, rank+1
		lines = append(slices.DeleteFunc(lines, k.replaces), k)
	}
	among := func(k keyLine) int { return slices.IndexFunc(wanted, k.same) }
	changed := false
	var out []keyLine
	have := make([]bool, len(wanted))
	for _, k := range lines {
		i := among(k)
		switch {
		case i < 0 && a.Exclusive && a.State == "present", i >= 0 && a.State == "absent", i >= 0 && have[i]:
			changed = true
			continue
		case i >= 0 && (!slices.Equal(wanted[i].optionList(), k.optionList()) || wanted[i].comment != k.comment):
			continue // comes behind the others, as in Ansible
		case i >= 0:
			have[i] = true
		}
		if k.kind != "" {
			k.raw = k.text()
		}
		out = append(out, k)
	}
	for i, k := range wanted {
		if a.State == "present" && !have[i] && !slices.ContainsFunc(wanted[:i], k.same) {
			changed = true
			// Ansible counts the lines without those that come twice, and so a new key may
			// come before lines that stood behind such.
			k.raw, k.rank = k.text(), len(lines)+i
			out = append(out, k)
		}
	}
	if !changed {
		return old
	}
	slices.SortStableFunc(out, func(x, y keyLine) int { return x.rank - y.rank })
	var text strings.Builder
	for _, k := range out {
		text.WriteString(k.raw + "\n")
	}
	return text.String()
}

// keyWriter plans the file and its folder.
type keyWriter struct {
	args      keyArgs
	user      state.UserInfo
	group     string
	path      string
	file, dir state.File
	above     []string // folders to make where manage_dir is off, the lowest first
}

// owned are the attributes of what belongs to the user, as far as they differ.
func (w keyWriter) owned(cur state.Stat, mode uint32) state.Attrs {
	var a state.Attrs
	if cur.Type == state.TypeNone || cur.Mode != mode {
		a.Mode = &mode
	}
	if cur.Type == state.TypeNone || cur.UID != w.user.UID {
		a.Owner, a.UID = w.user.Name, w.user.UID
	}
	if cur.Type == state.TypeNone || cur.GID != w.user.GID {
		a.Group, a.GID = w.group, w.user.GID
		if a.Group == "" {
			a.Group = value.Int(int64(w.user.GID)).Text()
		}
	}
	return a
}

func (w keyWriter) change(old, text string, diff bool) module.Change {
	var c module.Change
	if w.args.ManageDir && text != old {
		switch dir := path.Dir(w.path); {
		case !w.dir.Exists():
			c.Ops = append(c.Ops, state.Mkdir{Path: dir, Attrs: w.owned(state.Stat{}, 0o700)})
		default:
			if a := w.owned(w.dir.Followed, 0o700); !a.IsZero() {
				c.Ops = append(c.Ops, state.SetAttrs{Path: w.dir.Resolved, Attrs: a})
			}
		}
	}
	for _, dir := range slices.Backward(w.above) {
		c.Ops = append(c.Ops, state.Mkdir{Path: dir})
	}
	at, cur := w.path, w.file.Followed
	if w.args.Follow || text == old {
		at = w.file.Resolved
	}
	info := cur
	if text != old { // what is as it should be keeps its owner and mode, too
		c.Ops = append(c.Ops, state.WriteFile{Path: at, Content: state.Bytes([]byte(text)), Attrs: w.owned(state.Stat{}, 0o600)})
		if diff {
			c.Diff = state.Diff{{BeforeHeader: w.path, AfterHeader: w.path, Before: old, After: text}}
		}
		info = state.Stat{Type: state.TypeFile, Mode: 0o600, UID: w.user.UID, GID: w.user.GID, User: w.user.Name, Group: w.group, Size: int64(len(text)), Nlink: 1}
	}
	a := w.args
	m := value.M("changed", len(c.Ops) > 0, "user", a.User, "key", a.Key, "path", w.pathArg(), "keyfile", w.path, "manage_dir", a.ManageDir,
		"state", a.State, "key_options", optional(a.Options), "comment", optional(a.Comment), "exclusive", a.Exclusive, "follow", a.Follow, "validate_certs", a.Certs)
	if a.Path != "" {
		module.PathInfo(m, info)
	}
	c.Result = m
	return c
}

func (w keyWriter) pathArg() any {
	if w.args.Path == "" {
		return nil
	}
	return w.path
}

func optional(o module.Opt[string]) any {
	if text, ok := o.Get(); ok {
		return text
	}
	return nil
}
