package containers

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

const defaultRegistry = "https://index.docker.io/v1/"

type loginTask struct {
	Registry    string `arg:"registry_url"`
	Username    string `arg:"username"`
	Password    string `arg:"password"`
	Reauthorize bool   `arg:"reauthorize"`
	State       string `arg:"state"`
	Config      string `arg:"config_path"`
}

func newLogin() module.Module {
	return module.New(module.Spec{
		Name: "docker_login", Aliases: aliases("docker_login"),
		Summary: "Keeps a user's credentials for a registry",
		Doc: `Has the engine try the credentials at the registry, and keeps them where docker
login does: in the user's configuration file, or with the credential helper that
the file names. Credentials that are kept already are not tried again unless
reauthorize says so.`,
		Args: slices.Concat([]module.Arg{
			{Name: "registry_url", Aliases: []string{"registry", "url"}, Default: defaultRegistry, Doc: "The registry, as the file is to name it."},
			{Name: "username", Doc: "User name."},
			{Name: "password", Secret: true, Doc: "Password."},
			{Name: "reauthorize", Aliases: []string{"reauth"}, Type: module.Bool, Default: false, Doc: "Try and keep them even when they are kept already."},
			{Name: "state", Default: "present", Choices: []string{"present", "absent"}, Doc: "Whether they are kept."},
			{Name: "config_path", Aliases: []string{"dockercfg_path"}, Type: module.Path, Default: "~/.docker/config.json", Doc: "The file on the host."},
		}, connection()),
		RequiredIf: [][]string{{"state", "present", "username", "password"}},
		Returns: []module.Return{
			{Name: "login_result", Type: "dict", When: "always", Doc: "What the registry answered (Status), or for credentials that were kept already whose they are; empty for state absent."},
		},
		Examples: `- docker_login:
    registry_url: registry.example.com
    username: deploy
    password: "{{ registry_password }}"
`,
		Traits: module.Traits{Reach: state.ReachExternal},
	}, planLogin)
}

// dockerFile is a docker configuration file as it was found.
type dockerFile struct {
	path   string // where it is, links followed
	file   state.File
	mkdirs []string // folders to make for it
	all    map[string]json.RawMessage
	auths  map[string]map[string]json.RawMessage
}

// credential is what is kept for a registry.
type credential struct {
	found              bool
	username, password string
}

func planLogin(a loginTask, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	where := path.Clean(g.Path(a.Config))
	f := g.File(where, state.WantContent)
	d := &dockerFile{path: where, file: f}
	if g.Complete() && f.IsLink() {
		d.path = f.Resolved
	}
	for dir := path.Dir(d.path); g.Complete() && dir != "/" && !g.File(dir, 0).Exists(); dir = path.Dir(dir) {
		d.mkdirs = append([]string{dir}, d.mkdirs...)
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if err := d.parse(f); err != nil {
		return module.Change{}, err
	}
	if helper := d.helper(a.Registry); helper != "" {
		return loginByHelper(a, d, "docker-credential-"+helper), nil
	}
	if a.State == "absent" {
		return d.logout(a), nil
	}
	return login(a, d.kept(a.Registry), d.store(a)), nil
}

// parse reads the file's content. A file that is none is one that a person
// must look at: what it keeps would be lost.
func (d *dockerFile) parse(f state.File) error {
	if f.Exists() && !f.IsRegular() {
		return module.Fail(d.path + " is no file")
	}
	d.all = map[string]json.RawMessage{}
	if len(bytes.TrimSpace(f.Content)) > 0 {
		err := json.Unmarshal(f.Content, &d.all)
		if err == nil && d.all["auths"] != nil {
			err = json.Unmarshal(d.all["auths"], &d.auths)
		}
		if err != nil {
			return module.Fail(fmt.Sprintf("%s is no docker configuration: %s. Correct or remove it", d.path, err))
		}
	}
	if d.auths == nil {
		d.auths = map[string]map[string]json.RawMessage{}
	}
	return nil
}

// helper is the credential helper for a registry, "" when the file keeps them.
func (d *dockerFile) helper(registry string) string {
	var helpers map[string]string
	var store string
	_ = json.Unmarshal(d.all["credHelpers"], &helpers) // what is no table names no helper
	_ = json.Unmarshal(d.all["credsStore"], &store)
	if h := helpers[registry]; h != "" {
		return h
	}
	if h := helpers[sameRegistry(registry)]; h != "" {
		return h
	}
	return store
}

// kept is what the file keeps for a registry.
func (d *dockerFile) kept(registry string) credential {
	var auth string
	if json.Unmarshal(d.auths[registry]["auth"], &auth) != nil {
		return credential{}
	}
	raw, err := base64.StdEncoding.DecodeString(auth)
	user, password, ok := strings.Cut(string(raw), ":")
	if err != nil || !ok {
		return credential{}
	}
	return credential{found: true, username: user, password: password}
}

// write are the operations that write the file.
func (d *dockerFile) write() []state.Op {
	raw, err := json.Marshal(d.auths)
	if err != nil {
		panic(err) // made of texts and what was JSON before
	}
	d.all["auths"] = raw
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	if err := enc.Encode(d.all); err != nil {
		panic(err)
	}
	var ops []state.Op
	for _, dir := range d.mkdirs {
		ops = append(ops, state.Mkdir{Path: dir})
	}
	w := state.WriteFile{Path: d.path, Content: state.Bytes(bytes.TrimSuffix(b.Bytes(), []byte("\n")))}
	if !d.file.IsRegular() {
		mode := uint32(0o600)
		w.Attrs.Mode = &mode
	}
	return append(ops, w)
}

// store are the operations that keep the task's credentials in the file.
func (d *dockerFile) store(a loginTask) []state.Op {
	auth, err := json.Marshal(base64.StdEncoding.EncodeToString([]byte(a.Username + ":" + a.Password)))
	if err != nil {
		panic(err)
	}
	d.auths[a.Registry] = map[string]json.RawMessage{"auth": auth}
	return d.write()
}

func (d *dockerFile) logout(a loginTask) module.Change {
	c := module.OK("login_result", value.NewMap())
	if !d.kept(a.Registry).found {
		return c
	}
	delete(d.auths, a.Registry)
	c.Ops = d.write()
	c.Diff = loginDiff(a, true, false)
	c.Result.Set("changed", value.Bool(true))
	return c
}

func loginDiff(a loginTask, before, after bool) state.Diff {
	side := func(kept bool) string { return "credentials: " + inline(value.Bool(kept)) + "\n" }
	name := "credentials for " + a.Registry
	if before && after {
		return state.Diff{{BeforeHeader: name, AfterHeader: name, Note: "secret"}}
	}
	return state.Diff{{BeforeHeader: name, AfterHeader: name, Before: side(before), After: side(after)}}
}

// login tries the credentials and keeps them; it does nothing for those that
// are kept already.
func login(a loginTask, have credential, store []state.Op) module.Change {
	same := have.found && have.username == a.Username && have.password == a.Password
	if same && !a.Reauthorize {
		return module.OK("login_result", value.M("username", a.Username, "email", nil, "serveraddress", a.Registry))
	}
	try := state.RegistryLogin{Auth: state.RegistryAuth{Server: a.Registry, Username: a.Username, Password: a.Password}}
	c := module.Change{Ops: append([]state.Op{try}, store...), Diff: loginDiff(a, have.found, true),
		Result: value.M("changed", true, "login_result", module.Later())}
	c.Failed = func(_ int, r state.OpResult) *module.Failure {
		return module.Fail(fmt.Sprintf("Logging into %s for user %s failed - %s", a.Registry, a.Username, r.Msg))
	}
	c.Then = func(_ state.View, did []state.OpResult) (module.Change, error) {
		res := value.M("changed", true, "login_result", value.NewMap())
		for _, r := range did {
			if w, ok := r.Data.(state.RegistryWelcome); ok {
				token := value.String(w.IdentityToken)
				if w.IdentityToken != "" {
					token = token.WithMarks(value.Secret)
				}
				res.Set("login_result", value.FromMap(value.M("IdentityToken", token,
					"Status", value.String(w.Status).WithMarks(value.Unsafe))))
			}
		}
		for _, r := range did {
			if r.RC != 0 {
				return module.Change{}, module.Fail("storing the credentials for " + a.Registry + " failed - " + strings.TrimSpace(string(r.Stderr)+string(r.Stdout)))
			}
		}
		return module.Change{Result: res}, nil
	}
	return c
}

// loginByHelper asks the helper what it keeps, and goes on from there.
func loginByHelper(a loginTask, d *dockerFile, helper string) module.Change {
	run := func(verb string, stdin []byte) state.Exec {
		return state.Exec{Argv: []string{helper, verb}, Stdin: stdin, HasStdin: true, Shown: "run " + helper + " " + verb, Read: verb == "get"}
	}
	c := module.Change{Ops: []state.Op{run("get", []byte(a.Registry))},
		Result: value.M("changed", module.Later(), "login_result", module.Later())}
	c.Then = func(_ state.View, did []state.OpResult) (module.Change, error) {
		r := did[len(did)-1]
		if r.RC == 127 {
			return module.Change{}, module.Fail(helper + ", which " + d.path + " names, is not on the host's path")
		}
		var have credential
		var got struct{ Username, Secret string }
		if r.RC == 0 && json.Unmarshal(r.Stdout, &got) == nil {
			have = credential{found: got.Username != "" || got.Secret != "", username: got.Username, password: got.Secret}
		}
		if a.State == "present" {
			secret, err := json.Marshal(map[string]string{"ServerURL": a.Registry, "Username": a.Username, "Secret": a.Password})
			if err != nil {
				return module.Change{}, err
			}
			return login(a, have, []state.Op{run("store", secret)}), nil
		}
		out := module.OK("login_result", value.NewMap())
		if have.found {
			out.Ops, out.Diff = []state.Op{run("erase", []byte(a.Registry))}, loginDiff(a, true, false)
			out.Result.Set("changed", value.Bool(true))
		}
		return out, nil
	}
	return c
}
