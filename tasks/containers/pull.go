package containers

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

var idForm = lazyregexp.New(`^sha256:[0-9a-fA-F]{64}$`)

// isID tells an image id from a name.
func isID(ref string) bool { return idForm().MatchString(ref) }

// splitRef takes the tag or digest off a reference; "" when it has none.
func splitRef(ref string) (name, tag string) {
	if name, digest, ok := strings.Cut(ref, "@"); ok {
		return name, digest
	}
	i := strings.LastIndexByte(ref, ':')
	if i < 0 || strings.Contains(ref[i:], "/") {
		return ref, ""
	}
	return ref[:i], ref[i+1:]
}

// joinRef puts name and tag, or digest, together.
func joinRef(name, tag string) string {
	switch {
	case tag == "":
		return name
	case strings.HasPrefix(tag, "sha256:"):
		return name + "@" + tag
	}
	return name + ":" + tag
}

// fullRef is a reference with its tag: latest when it has none.
func fullRef(ref string) string {
	if isID(ref) {
		return ref
	}
	name, tag := splitRef(ref)
	if tag == "" {
		tag = "latest"
	}
	return joinRef(name, tag)
}

func wantsPull(a *containerArgs, image state.ImageInfo, p pulled) (bool, error) {
	switch {
	case isID(a.Image):
		if !image.Exists {
			return false, module.Fail("Cannot find image with ID " + a.Image)
		}
		return false, nil
	case a.Pull == "never":
		if !image.Exists {
			return false, module.Fail(fmt.Sprintf("Cannot find image with name %s, and pull=never", fullRef(a.Image)))
		}
		return false, nil
	}
	return !p.done && (!image.Exists || a.Pull == "always" || a.Pull == "true"), nil
}

// planPull pulls the image; what comes after it is planned when it is there.
func planPull(g *gather, a containerArgs, in module.Inputs, k *known) (module.Change, error) {
	ref := fullRef(a.Image)
	auth, warning, err := credentials(g, ref)
	if err != nil || len(g.need) > 0 {
		return module.Need(g.need...), err
	}
	op := state.ImagePull{Ref: ref, Auth: auth}
	if a.Platform != nil {
		op.Platform = *a.Platform
	}
	c := module.Change{Ops: []state.Op{op}, Warnings: k.warnings}
	if warning != "" {
		c.Warnings = append(c.Warnings, warning)
	}
	c.Result = value.M("changed", true, "container", module.Later())
	c.Diff = state.Diff{{BeforeHeader: "image " + ref, AfterHeader: "image " + ref,
		Before: "exists: false\n", After: "exists: true\n"}}
	if k.image.Exists {
		// Only the pull can tell whether there is a newer one, unless the
		// container must change in any case.
		c.Diff = nil
		rest, err := planPresent(a, in, g.v, pulled{done: true})
		if err != nil {
			return module.Change{}, err
		}
		if len(rest.Need) > 0 {
			return rest, nil
		}
		if changed, _ := rest.Result.Get("changed"); changed.Truthy() {
			c.Diff = rest.Diff
		} else {
			c.Result.Set("changed", module.Later())
		}
	} else if in.Check {
		c.Result.Set("actions", value.List(value.FromMap(value.M("pulled_image", ref))))
		if k.have.Exists {
			c.Result.Set("container", (&steps{a: &a, k: k}).hide(k.have.Inspect))
		}
		if in.Diff && !k.have.Exists {
			c.Result.Set("diff", value.FromMap(value.M("before", value.M("exists", false), "after", value.M("exists", true))))
		}
	}
	c.Failed = func(_ int, r state.OpResult) *module.Failure { return opFailed(op, r) }
	before := k.image.ID
	c.Then = func(v state.View, did []state.OpResult) (module.Change, error) {
		got, _ := did[len(did)-1].Data.(state.ImagePulled)
		return planPresent(a, in, v, pulled{done: true, changed: got.ID != before})
	}
	return c, nil
}

// registryOf is the registry of a reference, as Docker reads it.
func registryOf(ref string) string {
	first, _, ok := strings.Cut(ref, "/")
	if ok && (strings.ContainsAny(first, ".:") || first == "localhost") {
		return first
	}
	return "docker.io"
}

// credentials finds what the host's docker configuration has for the registry
// of an image: where docker login put it.
func credentials(g *gather, ref string) (auth *state.RegistryAuth, warning string, err error) {
	login, known, err := ask[state.LoginInfo](g, state.Login{})
	if !known || login.Home == "" {
		return nil, "", err
	}
	file := path.Join(login.Home, ".docker/config.json")
	f, known, err := g.file(file)
	if !known || err != nil || !f.IsRegular() {
		return nil, "", err
	}
	auth, warning = authFrom(f.Content, registryOf(ref))
	if warning != "" {
		warning = file + ": " + warning
	}
	return auth, warning, nil
}

type authEntry struct {
	Auth, Username, Password     string
	IdentityToken, RegistryToken string
}

// authFrom reads a docker configuration.
func authFrom(config []byte, registry string) (*state.RegistryAuth, string) {
	var c struct {
		Auths       map[string]authEntry
		CredHelpers map[string]string
		CredsStore  string
	}
	if err := json.Unmarshal(config, &c); err != nil {
		return nil, "is no JSON: " + err.Error()
	}
	for _, key := range keys(c.Auths) {
		if sameRegistry(key) != registry {
			continue
		}
		e := c.Auths[key]
		if e.Auth != "" {
			raw, err := base64.StdEncoding.DecodeString(e.Auth)
			if err != nil {
				return nil, "the entry of " + key + " is not base64"
			}
			e.Username, e.Password, _ = strings.Cut(string(raw), ":")
			e.Password = strings.Trim(e.Password, "\x00")
		}
		if e.Username == "" && e.IdentityToken == "" && e.RegistryToken == "" {
			break // the helper has it
		}
		if e.IdentityToken != "" {
			e.Username, e.Password = "", ""
		}
		server := key
		return &state.RegistryAuth{Server: server, Username: e.Username, Password: e.Password,
			IdentityToken: e.IdentityToken, RegistryToken: e.RegistryToken}, ""
	}
	if helper := c.CredHelpers[registry]; helper != "" {
		return nil, "credential helpers (" + helper + ") are not run; use docker_login with a plain file"
	}
	return nil, ""
}

// sameRegistry is the registry that a key of the configuration stands for.
func sameRegistry(key string) string {
	key = strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	key, _, _ = strings.Cut(key, "/")
	if key == "index.docker.io" || key == "registry-1.docker.io" {
		return "docker.io"
	}
	return key
}
