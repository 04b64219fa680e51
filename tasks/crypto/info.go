package crypto

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/pki"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// sourceArgs name what is told about: a file, or a text.
type sourceArgs struct {
	Path    module.Opt[string] `arg:"path"`
	Content module.Opt[string] `arg:"content"`
}

func sourceSpec(what string, secret bool, more ...module.Arg) []module.Arg {
	return append([]module.Arg{
		{Name: "path", Type: module.Path, Doc: "The file with the " + what + " on the host."},
		{Name: "content", Secret: secret, Doc: "The " + what + " itself."},
		{Name: "select_crypto_backend", Choices: []string{"auto", "cryptography"}, Default: "auto", Doc: "Accepted; nothing is needed on the host."},
	}, more...)
}

var nameEncoding = module.Arg{Name: "name_encoding", Choices: []string{"ignore", "idna", "unicode"}, Default: "ignore",
	Doc: "How domains are written: as they stand, in ASCII or in Unicode."}

// read gives what is told about. done tells that the plan ends here.
func (a sourceArgs) read(g *module.Gather, what string) (data []byte, c module.Change, done bool, err error) {
	if text, given := a.Content.Get(); given {
		return []byte(text), c, false, nil
	}
	p := g.Path(a.Path.Or(""))
	f, ferr := g.TryFile(strings.TrimSuffix(p, "/"), state.WantContent)
	if c, missing, err := g.Missing(); missing {
		return nil, c, true, err
	}
	head := "Error while reading " + what + " file from disk: "
	switch {
	case ferr != nil && !errors.Is(ferr, fs.ErrNotExist):
		err = module.Fail(head + ferr.Error())
	case f.IsDir():
		err = module.Fail(head + "[Errno 21] Is a directory: '" + p + "'")
	case !f.IsRegular():
		err = module.Fail(head + "[Errno 2] No such file or directory: '" + p + "'")
	}
	return f.Content, c, err != nil, err
}

// told is an answer: what it says came from the host.
func told(m *value.Map) module.Change {
	c := module.OK()
	for k, v := range m.All() {
		c.Result.SetKey(k, v.MarkDeep(value.Unsafe))
	}
	return c
}

type privateKeyInfoArgs struct {
	sourceArgs
	Passphrase module.Opt[string] `arg:"passphrase"`
	Private    bool               `arg:"return_private_key_data"`
	Check      bool               `arg:"check_consistency"`
}

var privateKeyInfoSpec = module.Spec{
	Name:    "openssl_privatekey_info",
	Aliases: []string{"community.crypto.openssl_privatekey_info"},
	Summary: "Tell about a private key",
	Doc:     "Reads the key from the host; its numbers are registered only when that is asked.",
	Args: sourceSpec("private key", true,
		module.Arg{Name: "passphrase", Secret: true, Doc: "Its passphrase."},
		module.Arg{Name: "return_private_key_data", Type: module.Bool, Default: false, Doc: "Register its numbers as private_data."},
		module.Arg{Name: "check_consistency", Type: module.Bool, Default: false, Doc: "Fail when its parts do not fit together."}),
	RequiredOneOf:     [][]string{{"path", "content"}},
	MutuallyExclusive: [][]string{{"path", "content"}},
	Returns: []module.Return{
		{Name: "can_load_key", Type: "bool", When: "always", Doc: "Whether the file could be read."},
		{Name: "can_parse_key", Type: "bool", When: "always", Doc: "Whether the key could."},
		{Name: "key_is_consistent", Type: "bool", When: "always", Doc: "Whether its parts fit together, when that was asked."},
		{Name: "public_key", Type: "str", When: "success", Doc: "The public key in PEM."},
		{Name: "public_key_fingerprints", Type: "dict", When: "success", Doc: "Its sums by the names of hashes."},
		{Name: "type", Type: "str", When: "success", Doc: "RSA, ECC, Ed25519 or X25519."},
		{Name: "public_data", Type: "dict", When: "success", Doc: "The public key's numbers."},
		{Name: "private_data", Type: "dict", When: "return_private_key_data", Doc: "The private key's numbers."},
	},
	Examples: "- openssl_privatekey_info: {path: /etc/ssl/private/web.key}\n  register: key\n",
	Traits:   module.Traits{Reads: true},
}

// PrivateKeyInfo is the module openssl_privatekey_info.
func PrivateKeyInfo() module.Module { return module.New(privateKeyInfoSpec, planPrivateKeyInfo) }

func planPrivateKeyInfo(a privateKeyInfoArgs, _ module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	data, c, done, err := a.read(g, "private key")
	if f, ok := errors.AsType[*module.Failure](err); ok {
		for k, v := range value.M("can_load_key", false, "can_parse_key", false, "key_is_consistent", nil).All() {
			f.Result.SetKey(k, v)
		}
	}
	if done {
		return c, err
	}
	r := value.M("can_load_key", true, "can_parse_key", false, "key_is_consistent", nil)
	k, err := readKey(data, a.Passphrase)
	if err != nil {
		return module.Change{}, &module.Failure{Msg: err.Error(), Result: r}
	}
	r.Set("can_parse_key", value.Bool(true))
	m, err := k.Info(pki.How{}, a.Private)
	if err != nil {
		return module.Change{}, module.Fail(err.Error())
	}
	for name, x := range m.All() {
		r.SetKey(name, x)
	}
	if a.Check {
		if fits, known := k.Consistent(); known {
			r.Set("key_is_consistent", value.Bool(fits))
			if !fits {
				return module.Change{}, &module.Failure{Msg: "Private key is not consistent!", Result: r}
			}
		}
	}
	return told(r), nil
}

type csrInfoArgs struct {
	sourceArgs
	Names string `arg:"name_encoding"`
}

var csrInfoSpec = module.Spec{
	Name:              "openssl_csr_info",
	Aliases:           []string{"community.crypto.openssl_csr_info"},
	Summary:           "Tell about a certificate signing request",
	Args:              sourceSpec("request", false, nameEncoding),
	RequiredOneOf:     [][]string{{"path", "content"}},
	MutuallyExclusive: [][]string{{"path", "content"}},
	Returns: []module.Return{
		{Name: "signature_valid", Type: "bool", When: "always", Doc: "Whether the key's owner signed it; it fails when not."},
		{Name: "subject", Type: "dict", When: "always", Doc: "The parts of the subject; subject_ordered has them in their order."},
		{Name: "subject_alt_name", Type: "list", When: "always", Doc: "The other names. Each extension comes with a field that ends in _critical: key_usage, extended_key_usage, basic_constraints, ocsp_must_staple."},
		{Name: "public_key", Type: "str", When: "always", Doc: "The public key in PEM; public_key_type, public_key_data and public_key_fingerprints tell about it."},
		{Name: "extensions_by_oid", Type: "dict", When: "always", Doc: "The extensions by their numbers, each with critical and value in Base64."},
	},
	Examples: "- openssl_csr_info: {path: /etc/ssl/web.csr}\n  register: request\n",
	Traits:   module.Traits{Reads: true},
}

// CSRInfo is the module openssl_csr_info.
func CSRInfo() module.Module { return module.New(csrInfoSpec, planCSRInfo) }

func planCSRInfo(a csrInfoArgs, _ module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	data, c, done, err := a.read(g, "CSR")
	if done {
		return c, err
	}
	req, err := pki.ParseRequest(data)
	if err != nil {
		return module.Change{}, module.Fail(err.Error())
	}
	m, err := req.Info(pki.How{Names: a.Names})
	if err != nil {
		return module.Change{}, module.Fail(err.Error())
	}
	if !req.Valid() {
		return module.Change{}, &module.Failure{Msg: "CSR signature is invalid!", Result: m}
	}
	return told(m), nil
}

type certificateInfoArgs struct {
	sourceArgs
	Names   string     `arg:"name_encoding"`
	ValidAt *value.Map `arg:"valid_at"`
}

var certificateInfoSpec = module.Spec{
	Name:    "x509_certificate_info",
	Aliases: []string{"community.crypto.x509_certificate_info", "openssl_certificate_info", "community.crypto.openssl_certificate_info"},
	Summary: "Tell about a certificate",
	Doc:     "Reads a certificate in PEM, or in DER from a file. Of several, the first counts.",
	Args: sourceSpec("certificate", false, nameEncoding,
		module.Arg{Name: "valid_at", Type: module.Dict, Doc: "Times by names of your own: whether it is valid then. A time is 20261231235959Z, or from now +4w."}),
	RequiredOneOf:     [][]string{{"path", "content"}},
	MutuallyExclusive: [][]string{{"path", "content"}},
	Returns: []module.Return{
		{Name: "expired", Type: "bool", When: "always", Doc: "Whether it is not valid any more."},
		{Name: "not_before", Type: "str", When: "always", Doc: "From when on it is valid; not_after is until when."},
		{Name: "subject", Type: "dict", When: "always", Doc: "The parts of the subject, issuer those of who signed; subject_ordered and issuer_ordered have them in their order."},
		{Name: "subject_alt_name", Type: "list", When: "always", Doc: "The other names. Each extension comes with a field that ends in _critical: key_usage, extended_key_usage, basic_constraints, ocsp_must_staple."},
		{Name: "public_key", Type: "str", When: "always", Doc: "The public key in PEM; public_key_type, public_key_data and public_key_fingerprints tell about it."},
		{Name: "fingerprints", Type: "dict", When: "always", Doc: "Sums of the certificate by the names of hashes."},
		{Name: "serial_number", Type: "int", When: "always", Doc: "The serial number."},
		{Name: "valid_at", Type: "dict", When: "success", Doc: "Whether it is valid at the times asked."},
		{Name: "extensions_by_oid", Type: "dict", When: "always", Doc: "The extensions by their numbers, each with critical and value in Base64."},
	},
	Examples: "- x509_certificate_info: {path: /etc/ssl/web.crt, valid_at: {soon: +4w}}\n  register: certificate\n" +
		"- assert: {that: certificate.valid_at.soon}\n",
	Traits: module.Traits{Reads: true},
}

// CertificateInfo is the module x509_certificate_info.
func CertificateInfo() module.Module { return module.New(certificateInfoSpec, planCertificateInfo) }

func planCertificateInfo(a certificateInfoArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	data, c, done, err := a.read(g, "certificate")
	if done {
		return c, err
	}
	crt, err := pki.ParseCertificate(data, !a.Content.Given())
	if err != nil {
		return module.Change{}, module.Fail(err.Error())
	}
	m, err := crt.Info(pki.How{Names: a.Names, Now: in.Now})
	if err != nil {
		return module.Change{}, module.Fail(err.Error())
	}
	valid := value.NewMap()
	if a.ValidAt != nil {
		for name, x := range a.ValidAt.All() {
			if !x.IsString() {
				return module.Change{}, module.Fail("The value for valid_at." + name.Text() + " must be of type string (got " + x.TypeName() + ")")
			}
			t, err := parseTime(x.Str(), "valid_at."+name.Text(), in.Now)
			if err != nil {
				return module.Change{}, err
			}
			valid.SetKey(name, value.Bool(!crt.NotBefore.After(t) && !crt.NotAfter.Before(t)))
		}
	}
	m.Set("valid_at", value.FromMap(valid))
	return told(m), nil
}
