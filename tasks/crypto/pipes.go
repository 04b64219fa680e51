package crypto

import (
	"encoding/base64"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
)

// pipeSpec are the arguments of modules that work on a text that a task gives.
func pipeSpec(what string) []module.Arg {
	return []module.Arg{
		{Name: "content", Doc: "What is there so far: " + what + ". It comes back unchanged when it is as asked."},
		{Name: "select_crypto_backend", Choices: []string{"auto", "cryptography"}, Default: "auto", Doc: "Accepted; nothing is needed on the host."},
	}
}

type csrPipeArgs struct {
	csrFields
	Content module.Opt[string] `arg:"content"`
}

var csrPipeSpec = module.Spec{
	Name:    "openssl_csr_pipe",
	Aliases: []string{"community.crypto.openssl_csr_pipe"},
	Summary: "Make a certificate signing request and register it",
	Doc:     "As openssl_csr, but no file is written: what is there is given as content, and what there is to be is registered as csr.",
	Args:    append(csrFieldsSpec(), pipeSpec("a request")...),

	RequiredTogether:  [][]string{{"authority_cert_issuer", "authority_cert_serial_number"}},
	MutuallyExclusive: [][]string{{"privatekey_path", "privatekey_content"}, {"subject", "subject_ordered"}},
	RequiredOneOf:     [][]string{{"privatekey_path", "privatekey_content"}},
	Returns:           append(csrReturns(), module.Return{Name: "csr", Type: "str", When: "always", Doc: "The request."}),
	Examples: "- openssl_csr_pipe: {privatekey_path: /etc/ssl/private/web.key, common_name: www.example.org}\n  register: request\n" +
		"- copy: {dest: /etc/ssl/web.csr, content: \"{{ request.csr }}\"}\n",
	Traits: module.Traits{Reach: state.ReachPaths},
}

// CSRPipe is the module openssl_csr_pipe.
func CSRPipe() module.Module {
	return module.New(csrPipeSpec, func(a csrPipeArgs, in module.Inputs, v state.View) (module.Change, error) {
		return a.plan(newPipe(a.Content, false, in, v))
	})
}

type certificatePipeArgs struct {
	certificateFields
	Content module.Opt[string] `arg:"content"`
	Force   bool               `arg:"force"`
}

var certificatePipeSpec = module.Spec{
	Name:    "x509_certificate_pipe",
	Aliases: []string{"community.crypto.x509_certificate_pipe"},
	Summary: "Make a certificate and register it",
	Doc: "As x509_certificate, but no file is written: what is there is given as content, and what there is to be is registered as certificate. " +
		"The providers acme and entrust are not there.",
	Args: append(required(certificateFieldsSpec(), "provider"), append(pipeSpec("a certificate"),
		module.Arg{Name: "force", Type: module.Bool, Default: false, Doc: "Make it anew in any case."})...),
	MutuallyExclusive: certificateExclusive,
	Returns: []module.Return{
		{Name: "privatekey", Type: "str", When: "always", Doc: "The private key's file."},
		{Name: "csr", Type: "str", When: "always", Doc: "The request's file."},
		{Name: "notBefore", Type: "str", When: "always", Doc: "From when on it is valid."},
		{Name: "notAfter", Type: "str", When: "always", Doc: "Until when."},
		{Name: "serial_number", Type: "int", When: "always", Doc: "The serial number."},
		{Name: "ca_cert", Type: "str", When: "the provider is ownca", Doc: "The CA's certificate's file."},
		{Name: "ca_privatekey", Type: "str", When: "the provider is ownca", Doc: "The CA's private key's file."},
		{Name: "certificate", Type: "str", When: "always", Doc: "The certificate."},
	},
	Examples: "- x509_certificate_pipe:\n    csr_content: \"{{ request.csr }}\"\n    provider: ownca\n    ownca_path: /etc/ssl/ca.crt\n" +
		"    ownca_privatekey_path: /etc/ssl/private/ca.key\n  delegate_to: ca\n  register: signed\n",
	Traits: module.Traits{Reach: state.ReachPaths},
}

// CertificatePipe is the module x509_certificate_pipe.
func CertificatePipe() module.Module {
	return module.New(certificatePipeSpec, func(a certificatePipeArgs, in module.Inputs, v state.View) (module.Change, error) {
		return a.plan(newPipe(a.Content, a.Force, in, v))
	})
}

// required marks one of some arguments as required.
func required(args []module.Arg, name string) []module.Arg {
	for i := range args {
		if args[i].Name == name {
			args[i].Required = true
		}
	}
	return args
}

type privateKeyPipeArgs struct {
	privateKeyFields
	Content module.Opt[string] `arg:"content"`
	Base64  bool               `arg:"content_base64"`
	Current bool               `arg:"return_current_key"`
}

var privateKeyPipeSpec = module.Spec{
	Name:    "openssl_privatekey_pipe",
	Aliases: []string{"community.crypto.openssl_privatekey_pipe"},
	Summary: "Make a private key and register it",
	Doc:     "As openssl_privatekey, but no file is written: what is there is given as content, and a new key is registered as privatekey, which stays secret.",
	Args: append(privateKeyFieldsSpec(),
		module.Arg{Name: "content", Secret: true, Doc: "The key that is there so far. It stays when it is as asked."},
		module.Arg{Name: "content_base64", Type: module.Bool, Default: false, Doc: "Whether content is written in Base64."},
		module.Arg{Name: "return_current_key", Type: module.Bool, Default: false, Doc: "Register the key also where it stays."},
		pipeSpec("")[1]),
	RequiredTogether: [][]string{{"cipher", "passphrase"}},
	RequiredIf:       [][]string{{"type", "ECC", "curve"}},
	Returns: []module.Return{
		{Name: "size", Type: "int", When: "always", Doc: "As asked."},
		{Name: "type", Type: "str", When: "always", Doc: "As asked."},
		{Name: "curve", Type: "str", When: "type is ECC", Doc: "As asked."},
		{Name: "fingerprint", Type: "dict", When: "always", Doc: "Sums of the public key by the names of hashes."},
		{Name: "privatekey", Type: "str", When: "it is new, or return_current_key", Doc: "The key; a raw one in Base64."},
	},
	Examples: "- openssl_privatekey_pipe: {size: 2048, content: \"{{ old_key }}\"}\n  register: key\n",
	Traits:   module.Traits{Reach: state.ReachPaths},
}

// PrivateKeyPipe is the module openssl_privatekey_pipe.
func PrivateKeyPipe() module.Module {
	return module.New(privateKeyPipeSpec, func(a privateKeyPipeArgs, in module.Inputs, v state.View) (module.Change, error) {
		if text, given := a.Content.Get(); given && a.Base64 {
			data, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return module.Change{}, module.Fail("Cannot decode Base64 encoded data: " + err.Error())
			}
			a.Content = module.Some(string(data))
		}
		p := &keyPlan{privateKeyFields: a.privateKeyFields, output: newPipe(a.Content, false, in, v), current: a.Current}
		return p.plan()
	})
}
