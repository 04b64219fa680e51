package jinja

import (
	"fmt"

	"github.com/fairlead-project/fairlead/engine/crypt"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vault"
)

func addSecretFilters(f map[string]Filter) {
	f["password_hash"] = impure(bound(passwordHash, "hashtype?", "salt?", "salt_size?", "rounds?", "ident?"))
	f["vault"] = impure(bound(vaultFilter, "secret", "salt?", "vaultid?", "wrap_object?"))
	f["unvault"] = bound(unvaultFilter, "secret", "vaultid?")
}

// passwordHash is Ansible's password_hash. Without a salt the result differs
// each time, so it is impure.
func passwordHash(c *Context, in value.Value, b *Bound) (value.Value, error) {
	if n := b.Value("salt_size"); !n.IsNull() {
		if _, ok := n.AsInt(); !ok {
			return in, fmt.Errorf("salt_size must be an integer, not %s", n.TypeName())
		}
	}
	name := b.Str("hashtype", "sha512")
	s := crypt.Settings{Salt: b.Text("salt", ""), SaltSize: b.Int("salt_size", 0), Rounds: b.Int("rounds", 0), Ident: b.Str("ident", "")}
	if b.Err != nil {
		return in, b.Err
	}
	if !in.IsString() {
		return in, fmt.Errorf("the password must be a string, not %s", in.TypeName())
	}
	if err := c.step(crypt.Work(name, s)); err != nil {
		return in, err
	}
	h, err := crypt.Hash(name, in.Str(), s)
	return value.String(h).WithMarks(value.Secret), err
}

// vaultFilter encrypts a text; the result is no secret.
func vaultFilter(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	secret := b.Value("secret")
	switch {
	case !secret.IsString():
		return in, refusal("Secret passed is required to be a string, instead we got: <class '%s'>", secret.TypeName())
	case !in.IsString():
		return in, refusal("Can only vault strings, instead we got: <class '%s'>", in.TypeName())
	}
	s := vault.Secret{ID: b.Str("vaultid", "filter_default"), Password: []byte(secret.Str())}
	var out string
	var err error
	if salt := b.Text("salt", ""); salt != "" {
		out, err = vault.EncryptSalted([]byte(in.Str()), s, []byte(salt))
	} else {
		out, err = vault.Encrypt([]byte(in.Str()), s)
	}
	if err != nil {
		return in, refusal("Unable to encrypt: %w", err)
	}
	v := value.String(out)
	if b.Bool("wrap_object", false) {
		v = v.WithMarks(value.Vaulted)
	}
	return v, nil
}

func unvaultFilter(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	secret := b.Value("secret")
	switch {
	case !secret.IsString():
		return in, refusal("Secret passed is required to be as string, instead we got: <class '%s'>", secret.TypeName())
	case !in.IsString():
		return in, refusal("Vault should be in the form of a string, instead we got: <class '%s'>", in.TypeName())
	case !vault.IsEncrypted([]byte(in.Str())):
		return in, nil
	}
	out, err := vault.New(vault.Secret{ID: b.Str("vaultid", "filter_default"), Password: []byte(secret.Str())}).Decrypt(in.Str())
	if err != nil {
		return in, refusal("Unable to decrypt: Decryption failed (no vault secrets were found that could decrypt): %w", err)
	}
	return value.String(out).WithMarks(value.Secret), nil
}
