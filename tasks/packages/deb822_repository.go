package packages

import (
	"io"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type deb822Args struct {
	All      *value.Map         `arg:"*"`
	Name     string             `arg:"name"`
	SignedBy module.Opt[string] `arg:"signed_by"`
	Mode     module.FileMode    `arg:"mode"`
	State    string             `arg:"state"`
}

// deb822Options are the arguments that become fields of the source, by name.
var deb822Options = []module.Arg{
	{Name: "allow_downgrade_to_insecure", Type: module.Bool, Doc: "Go on when packages are no longer authenticated."},
	{Name: "allow_insecure", Type: module.Bool, Doc: "Allow a source that is not signed."},
	{Name: "allow_weak", Type: module.Bool, Doc: "Allow one that is signed by a weak digest."},
	{Name: "architectures", Type: module.List, Elem: module.Str, Doc: "Architectures to get."},
	{Name: "by_hash", Type: module.Bool, Doc: "Get indexes by their sums."},
	{Name: "check_date", Type: module.Bool, Doc: "Take the clock for right."},
	{Name: "check_valid_until", Type: module.Bool, Doc: "Refuse indexes that are too old."},
	{Name: "components", Type: module.List, Elem: module.Str, Doc: "Its components."},
	{Name: "date_max_future", Type: module.Int, Doc: "How many seconds an index may come from the future."},
	{Name: "enabled", Type: module.Bool, Doc: "Whether it is used."},
	{Name: "inrelease_path", Doc: "Where InRelease is."},
	{Name: "languages", Type: module.List, Elem: module.Str, Doc: "Languages of descriptions to get."},
	{Name: "pdiffs", Type: module.Bool, Doc: "Get differences of indexes."},
	{Name: "suites", Type: module.List, Elem: module.Str, Doc: "Its suites; one that ends in a slash is a path, and has no components."},
	{Name: "targets", Type: module.List, Elem: module.Str, Doc: "What to get."},
	{Name: "trusted", Type: module.Bool, Doc: "Trust it as it is."},
	{Name: "types", Type: module.List, Elem: module.Str, Choices: []string{"deb", "deb-src"}, Default: []string{"deb"}, Doc: "Packages, their sources, or both."},
	{Name: "uris", Type: module.List, Elem: module.Str, Doc: "Its addresses."},
}

var deb822Spec = module.Spec{
	Name:    "deb822_repository",
	Summary: "Have a source of packages of APT in the format deb822, or not",
	Doc: "Keeps a file of its own in /etc/apt/sources.list.d, and a key that it gets from an address in /etc/apt/keyrings. " +
		"The lists of packages are not fetched: let apt do that when something changed.",
	Args: slices.Concat([]module.Arg{
		{Name: "name", Required: true, Doc: "The source's name; the files are called after it."},
		{Name: "signed_by", Doc: "The key that signs it: an address, a file on the host, fingerprints, or the key itself in ASCII."},
		{Name: "mode", Type: module.Mode, Default: "0644", Doc: "The mode of the file."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether it is to be there."},
		{Name: "install_python_debian", Type: module.Bool, Default: true, Doc: "Accepted; no Python is needed."},
	}, deb822Options),
	Returns: []module.Return{
		{Name: "repo", Type: "str", When: "always", Doc: "The content of the file."},
		{Name: "dest", Type: "str", When: "always", Doc: "The file."},
		{Name: "key_filename", Type: "str", When: "always", Doc: "The file of the key, when it is a file."},
	},
	Examples: "- deb822_repository:\n    name: docker\n    uris: https://download.docker.com/linux/debian\n    suites: bookworm\n    components: stable\n" +
		"    signed_by: https://download.docker.com/linux/debian/gpg\n  register: docker\n- apt: {update_cache: true}\n  when: docker.changed\n",
	Traits: module.Traits{Reach: state.ReachPaths},
}

// Deb822Repository is the module deb822_repository.
func Deb822Repository() module.Module { return module.New(deb822Spec, planDeb822) }

const (
	keyringsDir = "/etc/apt/keyrings"
	sourcesDir  = "/etc/apt/sources.list.d"
)

var (
	slugBlanks = lazyregexp.New(`[_\s]+`)
	slugOthers = lazyregexp.New(`[^a-z0-9-]+`)
)

// slug is the name as files have it.
func (a deb822Args) slug() string {
	return slugOthers().ReplaceAllString(slugBlanks().ReplaceAllString(strings.ToLower(a.Name), "-"), "")
}

func (a deb822Args) dest() string { return path.Join(sourcesDir, a.slug()+".sources") }

func (a deb822Args) keyFile(ext string) string { return path.Join(keyringsDir, a.slug()+"."+ext) }

func planDeb822(a deb822Args, in module.Inputs, v state.View) (module.Change, error) {
	if a.State == "absent" {
		return a.remove(v)
	}
	by, given := a.SignedBy.Get()
	if !given {
		return a.write(in, v, "", "")
	}
	if path.IsAbs(by) && !strings.Contains(by, "\n") {
		g := module.Gathering(v)
		f := g.File(path.Clean(by), 0)
		if c, missing, err := g.Missing(); missing {
			return c, err
		}
		if f.IsRegular() {
			return a.write(in, v, by, by)
		}
		return a.write(in, v, by, "")
	}
	if u, err := url.Parse(strings.TrimSpace(by)); err != nil || u.Scheme == "" {
		return a.write(in, v, by, "")
	}
	return a.fetchKey(in, by), nil
}

func (a deb822Args) remove(v state.View) (module.Change, error) {
	g := module.Gathering(v)
	at := []string{a.dest(), a.keyFile("asc"), a.keyFile("gpg")}
	c := module.OK("repo", nil, "dest", at[0], "key_filename", at[2])
	for _, p := range at {
		if f := g.File(p, 0); f.Exists() {
			c.Ops = append(c.Ops, state.Remove{Path: p})
		}
	}
	if need, missing, err := g.Missing(); missing {
		return need, err
	}
	c.Result.Set("changed", value.Bool(len(c.Ops) > 0))
	return c, nil
}

// fetchKey gets the key, in a plan too, and goes on with it.
func (a deb822Args) fetchKey(in module.Inputs, from string) module.Change {
	get := state.HTTPRequest{Method: "GET", URL: from, Agent: "ansible-httpget", Follow: "urllib2", Timeout: 10 * time.Second, Env: in.Env, Read: true}
	predicted := value.M("changed", module.Later(), "repo", module.Later(), "dest", a.dest(), "key_filename", module.Later())
	return module.Change{Ops: []state.Op{get}, Looks: true, Result: predicted, Then: func(v state.View, did []state.OpResult) (module.Change, error) {
		r, ok := did[0].Data.(state.HTTPResponse)
		if !ok || r.Status < 0 || r.Failed || r.Body == nil {
			return module.Change{}, module.Fail("Could not fetch signed_by key: " + orElse(r.Msg, "HTTP Error "+strconv.Itoa(r.Status)+": "+r.Reason))
		}
		key, err := contentOf(r.Body)
		if err != nil {
			return module.Change{}, module.Fail("Could not fetch signed_by key: " + err.Error())
		}
		if len(key) == 0 {
			return a.write(in, v, from, from)
		}
		return a.withKey(in, v, key)
	}}
}

func contentOf(c *state.Content) ([]byte, error) {
	r, err := c.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// withKey plans the key's file and the source.
func (a deb822Args) withKey(in module.Inputs, v state.View, key []byte) (module.Change, error) {
	ext := "gpg"
	if strings.Contains(string(key), "-----BEGIN PGP PUBLIC KEY BLOCK-----") {
		ext = "asc"
	}
	at := a.keyFile(ext)
	g := module.Gathering(v)
	dir, f := g.File(keyringsDir, 0), g.File(at, state.WantSHA256)
	g.Login()
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	content, mode, dirMode := state.Bytes(key), uint32(0o644), uint32(0o755)
	var ops []state.Op
	switch same := f.IsRegular() && f.SHA256 == content.SHA256; {
	case same && f.Followed.Mode != mode:
		ops = append(ops, state.SetAttrs{Path: at, Attrs: state.Attrs{Mode: &mode}})
	case same:
	default:
		root := state.Attrs{Mode: &dirMode, Owner: "root", Group: "root"}
		if !dir.IsDir() {
			ops = append(ops, state.Mkdir{Path: keyringsDir, Attrs: root})
		} else if d := dir.Followed; d.Mode != dirMode || d.UID != 0 || d.GID != 0 {
			ops = append(ops, state.SetAttrs{Path: keyringsDir, Attrs: root})
		}
		ops = append(ops, state.WriteFile{Path: at, Content: content, Attrs: state.Attrs{Mode: &mode}})
	}
	c, err := a.write(in, v, at, at)
	if err != nil || len(c.Need) > 0 {
		return c, err
	}
	if len(ops) > 0 {
		c.Ops = append(ops, c.Ops...)
		c.Result.Set("changed", value.Bool(true))
	}
	return c, nil
}

// write plans the source; signedBy is what its field says, keyFile what is
// registered.
func (a deb822Args) write(in module.Inputs, v state.View, signedBy, keyFile string) (module.Change, error) {
	text, at := a.text(signedBy), a.dest()
	g := module.Gathering(v)
	f := g.File(at, state.WantContent)
	g.Login()
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	cur := f.Followed
	if !f.IsRegular() {
		cur = g.NewStat(f.Parent, state.TypeFile)
	}
	w, err := module.FileAttrs{Mode: a.Mode}.Want(g, cur)
	if c, missing, gerr := g.Missing(); missing {
		return c, gerr
	}
	if err != nil {
		return module.Change{}, err
	}
	c := module.OK("repo", text, "dest", at, "key_filename", nil)
	if keyFile != "" {
		c.Result.Set("key_filename", value.String(keyFile))
	}
	if t := a.Mode.Trap(); t != "" {
		c.Warnings = []string{t}
	}
	set := w.Changes(cur)
	switch {
	case !f.IsRegular() || string(f.Content) != text:
		if in.Diff {
			c.Diff = state.Diff{{BeforeHeader: at, AfterHeader: at, Before: string(f.Content), After: text}}
		}
		if !f.IsRegular() {
			set = w.Make(cur)
		}
		c.Ops = []state.Op{state.WriteFile{Path: at, Content: state.Bytes([]byte(text)), Attrs: set}}
	case !set.IsZero():
		c.Ops = []state.Op{state.SetAttrs{Path: at, Attrs: set}}
	}
	c.Result.Set("changed", value.Bool(len(c.Ops) > 0))
	return c, nil
}

// text is the source: its fields in the order of the arguments' names.
func (a deb822Args) text(signedBy string) string {
	fields := map[string]string{"name": a.Name}
	if signedBy != "" {
		fields["signed_by"] = signedBy
	}
	for _, o := range deb822Options {
		v, ok := a.All.Get(o.Name)
		if !ok || v.IsNull() {
			continue
		}
		switch o.Type {
		case module.Bool:
			fields[o.Name] = map[bool]string{true: "yes", false: "no"}[v.Truthy()]
		case module.List:
			var words []string
			for _, x := range v.Items() {
				words = append(words, x.Text())
			}
			fields[o.Name] = strings.Join(words, " ")
		default:
			fields[o.Name] = v.Text()
		}
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		b.WriteString(deb822Field(name) + ":" + deb822Value(fields[name]) + "\n")
	}
	return b.String()
}

func deb822Field(name string) string {
	switch name {
	case "name":
		return "X-Repolib-Name"
	case "uris":
		return "URIs"
	}
	words := strings.Split(name, "_")
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "-")
}

// deb822Value writes a value; several lines stand below the field, a dot for an
// empty one.
func deb822Value(text string) string {
	switch {
	case text == "":
		return ""
	case !strings.Contains(text, "\n"):
		return " " + text
	}
	var b strings.Builder
	for _, line := range value.SplitLines(strings.TrimSpace(text)) {
		if line = strings.TrimSpace(line); line == "" {
			line = "."
		}
		b.WriteString("\n    " + line)
	}
	return b.String()
}
