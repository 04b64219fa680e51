package jinja

import (
	"slices"

	"github.com/fairlead-project/fairlead/engine/pki"
	"github.com/fairlead-project/fairlead/engine/value"
)

// addPKIFilters adds filters of community.crypto, which are known by their full
// names alone.
func addPKIFilters(f map[string]Filter) {
	names := func(c *Context, b *Bound) (pki.How, error) {
		how := pki.How{Now: c.clock(), Names: b.Str("name_encoding", "ignore")}
		if !slices.Contains([]string{"ignore", "idna", "unicode"}, how.Names) {
			return how, refusal(`The name_encoding option must be one of the values "ignore", "idna", or "unicode", not "%s"`, how.Names)
		}
		return how, b.Err
	}
	for name, fl := range map[string]struct {
		fn     func(c *Context, data []byte, b *Bound) (*value.Map, error)
		params []string
	}{
		"openssl_csr_info": {func(c *Context, data []byte, b *Bound) (*value.Map, error) {
			how, err := names(c, b)
			if err != nil {
				return nil, err
			}
			r, err := pki.ParseRequest(data)
			if err != nil {
				return nil, err
			}
			return r.Info(how)
		}, []string{"name_encoding?"}},
		"x509_certificate_info": {func(c *Context, data []byte, b *Bound) (*value.Map, error) {
			how, err := names(c, b)
			if err != nil {
				return nil, err
			}
			crt, err := pki.ParseCertificate(data, false)
			if err != nil {
				return nil, err
			}
			return crt.Info(how)
		}, []string{"name_encoding?"}},
		"openssl_privatekey_info": {func(_ *Context, data []byte, b *Bound) (*value.Map, error) {
			var pass *string
			if b.Has("passphrase") && !b.Value("passphrase").IsNull() {
				s := b.Str("passphrase", "")
				pass = &s
			}
			private := b.Bool("return_private_key_data", false)
			if b.Err != nil {
				return nil, b.Err
			}
			k, err := pki.ParseKey(data, pass)
			if err != nil {
				return nil, err
			}
			return k.Info(pki.How{}, private)
		}, []string{"passphrase?", "return_private_key_data?"}},
		"openssl_publickey_info": {func(_ *Context, data []byte, _ *Bound) (*value.Map, error) {
			k, err := pki.ParsePublic(data)
			if err != nil {
				return nil, err
			}
			return pki.PublicInfo(k, pki.How{})
		}, nil},
	} {
		full := "community.crypto." + name
		f[full] = bound(func(c *Context, in value.Value, b *Bound) (value.Value, error) {
			if !in.IsString() {
				return in, refusal("The %s input must be a text type, not <class '%s'>", full, in.TypeName())
			}
			m, err := fl.fn(c, []byte(in.Str()), b)
			if err != nil {
				return in, refusal("%w", err)
			}
			return value.FromMap(m), nil
		}, fl.params...)
	}
	f["community.crypto.split_pem"] = bound(func(_ *Context, in value.Value, _ *Bound) (value.Value, error) {
		if !in.IsString() {
			return in, refusal("The community.crypto.split_pem input must be a text type, not <class '%s'>", in.TypeName())
		}
		return value.Strings(pki.SplitPEM(in.Str())...), nil
	})
}
