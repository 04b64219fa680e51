package crypto

import (
	"bytes"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/pki"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// keyArgs are the arguments of modules that take a private key.
type keyArgs struct {
	KeyPath    module.Opt[string] `arg:"privatekey_path"`
	KeyContent module.Opt[string] `arg:"privatekey_content"`
	KeyPass    module.Opt[string] `arg:"privatekey_passphrase"`
}

func keySpec() []module.Arg {
	return []module.Arg{
		{Name: "privatekey_path", Type: module.Path, Doc: "The private key on the host."},
		{Name: "privatekey_content", Secret: true, Doc: "The private key itself."},
		{Name: "privatekey_passphrase", Secret: true, Doc: "The private key's passphrase."},
	}
}

// path is the private key's file as it is registered.
func (a keyArgs) path(g *module.Gather) value.Value {
	if p, given := a.KeyPath.Get(); given {
		return value.String(g.Path(p))
	}
	return value.Null
}

type publicKeyArgs struct {
	fileArgs
	keyArgs
	Format string `arg:"format"`
}

var publicKeySpec = module.Spec{
	Name:    "openssl_publickey",
	Aliases: []string{"community.crypto.openssl_publickey"},
	Summary: "Have the public key of a private key in a file",
	Doc:     "Reads the private key from the host and works the public one out here.",
	Args: append(append([]module.Arg{
		{Name: "format", Choices: []string{"OpenSSH", "PEM"}, Default: "PEM", Doc: "How it is written."},
	}, keySpec()...), fileSpec("the key as publickey")...),
	MutuallyExclusive: [][]string{{"privatekey_path", "privatekey_content"}},
	Returns: []module.Return{
		{Name: "privatekey", Type: "str", When: "always", Doc: "The private key's file."},
		{Name: "format", Type: "str", When: "always", Doc: "As asked."},
		{Name: "filename", Type: "str", When: "always", Doc: "The file."},
		{Name: "fingerprint", Type: "dict", When: "state is present", Doc: "Sums of the public key by the names of hashes."},
		{Name: "backup_file", Type: "str", When: "a backup was made", Doc: "Where the old file is."},
		{Name: "publickey", Type: "str", When: "return_content", Doc: "The key."},
	},
	Examples: "- openssl_publickey: {path: /etc/ssl/web.pub, privatekey_path: /etc/ssl/private/web.key}\n",
	Traits:   module.Traits{Reach: state.ReachPaths},
}

// PublicKey is the module openssl_publickey.
func PublicKey() module.Module { return module.New(publicKeySpec, planPublicKey) }

func planPublicKey(a publicKeyArgs, in module.Inputs, v state.View) (module.Change, error) {
	present := a.State == "present"
	if present && !a.KeyPath.Given() && !a.KeyContent.Given() {
		return module.Change{}, module.Fail("state is present but any of the following are missing: privatekey_path, privatekey_content")
	}
	o := newOutput(a.fileArgs, in, v)
	var private []byte
	var err error
	if present {
		private, err = readInput(o.g, a.KeyPath, a.KeyContent, func(p string) error {
			return module.Fail("The private key " + p + " does not exist")
		})
	}
	if c, done, oerr := o.open(); done {
		return c, oerr
	}
	if err != nil {
		return module.Change{}, err
	}
	old := o.old()
	r := value.M("privatekey", a.path(o.g), "format", a.Format, "fingerprint", value.NewMap())
	if !present {
		o.remove()
		if a.ReturnContent {
			r.Set("publickey", value.Null)
		}
		o.show(r, value.NewMap(), value.NewMap())
		return o.done(r)
	}
	k, err := readKey(private, a.KeyPass)
	if err != nil {
		return module.Change{}, err
	}
	want, err := a.write(k)
	if err != nil {
		return module.Change{}, module.Fail(err.Error())
	}
	text := old
	if a.Force || !a.fits(old, want) {
		text = want
		err = o.write(want)
	} else {
		err = o.keep()
	}
	if err != nil {
		return module.Change{}, err
	}
	der, err := k.PublicDER()
	if err != nil {
		return module.Change{}, err
	}
	r.Set("fingerprint", pki.Fingerprints(der, false))
	if a.ReturnContent {
		r.Set("publickey", value.String(string(text)).WithMarks(value.Unsafe))
	}
	o.show(r, publicBefore(old), publicBefore(text))
	o.later(r, value.M("fingerprint", value.NewMap(), "publickey", string(old)), "fingerprint", "publickey", "diff")
	return o.done(r)
}

func (a publicKeyArgs) write(k pki.Key) ([]byte, error) {
	if a.Format == "OpenSSH" {
		return pki.PublicSSH(k.Public())
	}
	return pki.PublicPEM(k.Public())
}

// fits tells whether a file holds the key already, however it is wrapped.
func (a publicKeyArgs) fits(old, want []byte) bool {
	if old == nil {
		return false
	}
	if a.Format == "OpenSSH" {
		return pki.StripSSH(old) == string(want)
	}
	public, err := pki.ParsePublic(old)
	if err != nil {
		return false
	}
	text, err := pki.PublicPEM(public)
	return err == nil && bytes.Equal(text, want)
}

// publicBefore is what is told about a public key in the difference.
func publicBefore(data []byte) *value.Map {
	if data == nil {
		return value.NewMap()
	}
	public, err := pki.ParsePublic(data)
	if err == nil {
		if m, err := pki.PublicInfo(public, pki.How{One: true}); err == nil {
			m.Set("can_parse_key", value.Bool(true))
			return m
		}
	}
	return value.M("can_parse_key", false)
}
