package files

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/crypt"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestHtpasswd(t *testing.T) {
	t.Parallel()
	const secret = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="
	user := func(kv ...any) *value.Map { return value.M(append([]any{"name", "jane"}, kv...)...) }
	for name, c := range map[string]struct {
		old       string
		args      *value.Map
		want, msg string
	}{
		"added":            {"joe:x\n", user("password", "p", "crypt_scheme", "plaintext"), "joe:x\njane:p\n", "Add/update jane"},
		"changed":          {"jane:a\n\njoe:x", user("password", "p", "crypt_scheme", "plaintext"), "jane:p\njoe:x\n", "Add/update jane"},
		"twice in it":      {"jane:a\njoe:x\njane:b\n", user("password", "p", "crypt_scheme", "plaintext"), "jane:p\njoe:x\n", "Add/update jane"},
		"is there":         {"jane:" + secret + "\n", user("password", "secret"), "", "jane already present"},
		"summed up":        {"", user("password", "secret", "crypt_scheme", "ldap_sha1"), "jane:" + secret + "\n", "Add/update jane"},
		"removed":          {"# jane:c\njoe:x\njane:a\n", user("state", "absent"), "# jane:c\njoe:x\n", "Remove jane"},
		"is not there":     {"janet:a\n", user("state", "absent"), "", "jane not present"},
		"no password":      {"", user(), "! state is present but all of the following are missing: password", ""},
		"no such scheme":   {"", user("password", "p", "crypt_scheme", "none"), "! passlib does not support 'none' algorithm", ""},
		"name with colons": {"", value.M("name", "a:b", "password", "p"), "! the user name 'a:b'", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.file("/d/f", c.old, 0o640)
			c.args.Set("path", value.String("/d/f"))
			edited(t, h, Htpasswd(), c.args, c.want, c.msg)
		})
	}
}

// What is written is that of the password.
func TestHtpasswdHashes(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"apr_md5_crypt", "md5_crypt", "sha256_crypt"} {
		h := newHost(t)
		args := value.M("path", "/d/f", "name", "jane", "password", "a b", "crypt_scheme", scheme)
		h.dir("/d", 0o755)
		text := string(h.twice(Htpasswd(), args).Ops[0].(state.WriteFile).Content.Data)
		have, ok := readUsers(text).hash("jane")
		if !ok || !crypt.Verify(have, "a b") || crypt.Verify(have, "b") {
			t.Errorf("%s: %q", scheme, have)
		}
	}
}
