package crypto

import (
	"encoding/base64"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/pki"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type privateKeyArgs struct {
	fileArgs
	privateKeyFields
}

// privateKeyFields say what the key is to be.
type privateKeyFields struct {
	Type       string             `arg:"type"`
	Size       int                `arg:"size"`
	Curve      module.Opt[string] `arg:"curve"`
	Passphrase module.Opt[string] `arg:"passphrase"`
	Cipher     module.Opt[string] `arg:"cipher"`
	Format     string             `arg:"format"`
	Mismatch   string             `arg:"format_mismatch"`
	Regenerate string             `arg:"regenerate"`
}

// privateKeyFieldsSpec declares them.
func privateKeyFieldsSpec() []module.Arg {
	return []module.Arg{
		{Name: "type", Choices: []string{"DSA", "ECC", "Ed25519", "Ed448", "RSA", "X25519", "X448"}, Default: "RSA", Doc: "The kind of key."},
		{Name: "size", Type: module.Int, Default: 4096, Doc: "The length of an RSA key in bits."},
		{Name: "curve", Choices: []string{"secp224r1", "secp256k1", "secp256r1", "secp384r1", "secp521r1", "secp192r1", "brainpoolP256r1",
			"brainpoolP384r1", "brainpoolP512r1", "sect163k1", "sect163r2", "sect233k1", "sect233r1", "sect283k1", "sect283r1", "sect409k1",
			"sect409r1", "sect571k1", "sect571r1"}, Doc: "The curve of an ECC key."},
		{Name: "passphrase", Secret: true, Doc: "Encrypts the key."},
		{Name: "cipher", Doc: "How it is encrypted; only \"auto\"."},
		{Name: "format", Choices: []string{"pkcs1", "pkcs8", "raw", "auto", "auto_ignore"}, Default: "auto_ignore",
			Doc: "How it is written: auto is pkcs1 for RSA and ECC and pkcs8 for others; auto_ignore leaves a key that is there as it is written."},
		{Name: "format_mismatch", Choices: []string{"regenerate", "convert"}, Default: "regenerate", Doc: "What becomes of a key that is written in another way."},
		{Name: "regenerate", Choices: []string{"never", "fail", "partial_idempotence", "full_idempotence", "always"}, Default: "full_idempotence",
			Doc: "When a key that is there is replaced: never; fail instead; where type, size or format differ; where it cannot be read either; always."},
	}
}

var privateKeySpec = module.Spec{
	Name:    "openssl_privatekey",
	Aliases: []string{"community.crypto.openssl_privatekey"},
	Summary: "Have a private key in a file",
	Doc: "Makes the key here and writes it to the host, readable for its owner alone; nothing is needed there. A key that is there and as asked " +
		"stays. Keys of the types RSA, ECC (with the curves secp224r1, secp256r1, secp384r1 and secp521r1), Ed25519 and X25519 are made and read.",
	Args:             append(privateKeyFieldsSpec(), fileSpec("the key as privatekey")...),
	RequiredTogether: [][]string{{"cipher", "passphrase"}},
	RequiredIf:       [][]string{{"type", "ECC", "curve"}},
	Returns: []module.Return{
		{Name: "size", Type: "int", When: "always", Doc: "As asked."},
		{Name: "type", Type: "str", When: "always", Doc: "As asked."},
		{Name: "curve", Type: "str", When: "type is ECC", Doc: "As asked."},
		{Name: "filename", Type: "str", When: "always", Doc: "The file."},
		{Name: "fingerprint", Type: "dict", When: "always", Doc: "Sums of the public key by the names of hashes."},
		{Name: "backup_file", Type: "str", When: "a backup was made", Doc: "Where the old file is."},
		{Name: "privatekey", Type: "str", When: "return_content", Doc: "The key; a raw one in Base64."},
	},
	Examples: "- openssl_privatekey: {path: /etc/ssl/private/web.key, size: 2048, owner: root, group: ssl-cert, mode: \"0640\"}\n" +
		"- openssl_privatekey: {path: /etc/ssl/private/web.key, type: ECC, curve: secp256r1}\n",
	Traits: module.Traits{Reach: state.ReachPaths},
}

// PrivateKey is the module openssl_privatekey.
func PrivateKey() module.Module { return module.New(privateKeySpec, planPrivateKey) }

// keyPlan is what becomes of a private key.
type keyPlan struct {
	privateKeyFields
	*output
	old    []byte
	oldKey pki.Key
	// read tells that the old key could be read, current that it is registered, too.
	read, current bool
}

func planPrivateKey(a privateKeyArgs, in module.Inputs, v state.View) (module.Change, error) {
	p := &keyPlan{privateKeyFields: a.privateKeyFields, output: newOutput(a.fileArgs, in, v)}
	p.mode = "0600"
	return p.plan()
}

func (p *keyPlan) plan() (module.Change, error) {
	if c, done, err := p.open(); done {
		return c, err
	}
	p.old = p.output.old()
	before := p.info(p.old)
	if p.State == "absent" {
		p.remove()
		r := p.result(pki.Key{}, false, nil)
		p.show(r, value.NewMap(), value.NewMap())
		return p.done(r)
	}
	if c, ok := p.Cipher.Get(); ok && c != "auto" {
		return module.Change{}, module.Fail(`Cryptography backend can only use "auto" for cipher option.`)
	}
	p.load()
	anew, err := p.anew()
	if err != nil {
		return module.Change{}, err
	}
	key, text, still := p.oldKey, p.old, p.result(p.oldKey, p.read, p.old)
	convert := !anew && p.Mismatch == "convert" && !p.formatFits()
	if anew {
		if key, err = pki.Generate(p.Type, p.Size, p.Curve.Or(""), p.in.Seed); err != nil {
			return module.Change{}, module.Fail(err.Error())
		}
	}
	if anew || convert {
		pass := ""
		if p.Cipher.Given() {
			pass = p.Passphrase.Or("")
		}
		if text, err = key.Marshal(p.wantedFormat(), pass, p.in.Seed); err != nil {
			return module.Change{}, module.Fail(err.Error())
		}
		err = p.write(text)
	} else {
		err = p.keep()
	}
	if err != nil {
		return module.Change{}, err
	}
	r := p.result(key, true, text)
	if p.piped && !p.changed && !p.current {
		r.Delete("privatekey")
	}
	p.show(r, before, p.info(text))
	if anew {
		p.later(r, still, "fingerprint", "privatekey", "diff")
	}
	return p.done(r)
}

func (p *keyPlan) wantedFormat() string {
	switch {
	case p.Format != "auto" && p.Format != "auto_ignore":
		return p.Format
	case p.Type == "RSA" || p.Type == "ECC" || p.Type == "DSA":
		return "pkcs1"
	}
	return "pkcs8"
}

func (p *keyPlan) formatFits() bool {
	return p.Format == "auto_ignore" || pki.KeyFormat(p.old) == p.wantedFormat()
}

// load reads the old key.
func (p *keyPlan) load() {
	if p.old == nil {
		return
	}
	var err error
	if pki.KeyFormat(p.old) == "raw" {
		p.oldKey, err = pki.ParseRawKey(p.old, p.Type)
		p.read = err == nil && !p.Passphrase.Given() // such a key is never encrypted
		return
	}
	p.oldKey, err = readKey(p.old, p.Passphrase)
	p.read = err == nil
}

// anew tells whether a key is to be made, or why that is refused.
func (p *keyPlan) anew() (bool, error) {
	rule := p.Regenerate
	if p.output.Force {
		rule = "always"
	}
	partial := rule == "partial_idempotence" || rule == "full_idempotence"
	switch {
	case rule == "always" || p.old == nil:
		return true, nil
	case !p.read && rule == "full_idempotence":
		return true, nil
	case !p.read:
		return false, module.Fail("Unable to read the key. The key is protected with a another passphrase / no passphrase or broken." +
			" Will not proceed. To force regeneration, call the module with `generate` set to `full_idempotence` or `always`, or with `force=true`.")
	case rule == "never":
		return false, nil
	case !p.kindFits() && partial:
		return true, nil
	case !p.kindFits():
		return false, module.Fail("Key has wrong type and/or size. Will not proceed. To force regeneration, call the module with `generate`" +
			" set to `partial_idempotence`, `full_idempotence` or `always`, or with `force=true`.")
	case p.Mismatch != "regenerate" || p.formatFits():
		return false, nil
	case partial:
		return true, nil
	}
	return false, module.Fail("Key has wrong format. Will not proceed. To force regeneration, call the module with `generate`" +
		" set to `partial_idempotence`, `full_idempotence` or `always`, or with `force=true`. To convert the key, set `format_mismatch` to `convert`.")
}

func (p *keyPlan) kindFits() bool {
	switch {
	case p.oldKey.Type() != p.Type:
		return false
	case p.Type == "RSA":
		return p.oldKey.Size() == p.Size
	case p.Type == "ECC":
		return p.oldKey.Curve() == p.Curve.Or("")
	}
	return true
}

// info is what is told about a key before and after.
func (p *keyPlan) info(data []byte) *value.Map {
	if data == nil {
		return value.NewMap()
	}
	m := value.M("can_parse_key", false)
	if k, err := readKey(data, p.Passphrase); err == nil {
		if of, err := k.Info(pki.How{One: true}, false); err == nil {
			m = of
			m.Set("can_parse_key", value.Bool(true))
		}
	}
	m.Set("key_is_consistent", value.Null)
	return m
}

// result is what is registered, but changed and the file.
func (p *keyPlan) result(k pki.Key, known bool, text []byte) *value.Map {
	r := value.M("type", p.Type, "size", p.Size, "fingerprint", nil)
	if known {
		if der, err := k.PublicDER(); err == nil {
			r.Set("fingerprint", pki.Fingerprints(der, false))
		}
	}
	if p.Type == "ECC" {
		r.Set("curve", orNull(p.Curve))
	}
	if !p.output.ReturnContent {
		return r
	}
	v := value.Null
	switch {
	case len(text) == 0:
	case pki.KeyFormat(text) == "raw":
		v = value.String(base64.StdEncoding.EncodeToString(text)).WithMarks(value.Secret)
	default:
		v = value.String(string(text)).WithMarks(value.Secret)
	}
	r.Set("privatekey", v)
	return r
}
