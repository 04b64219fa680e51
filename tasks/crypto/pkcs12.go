package crypto

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"fmt"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/pki"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type pkcs12Args struct {
	fileArgs
	keyArgs
	Action     string             `arg:"action"`
	Others     []string           `arg:"other_certificates"`
	ParseAll   bool               `arg:"other_certificates_parse_all"`
	Cert       module.Opt[string] `arg:"certificate_path"`
	Name       module.Opt[string] `arg:"friendly_name"`
	Level      string             `arg:"encryption_level"`
	Rounds     int                `arg:"iter_size"`
	MACRounds  int                `arg:"maciter_size"`
	Passphrase string             `arg:"passphrase"`
	Src        module.Opt[string] `arg:"src"`
}

func pkcs12SpecArgs() []module.Arg {
	args := append(append([]module.Arg{
		{Name: "action", Choices: []string{"export", "parse"}, Default: "export", Doc: "Make a PKCS #12 file, or write what one holds in PEM."},
		{Name: "other_certificates", Type: module.List, Elem: module.Path, Aliases: []string{"ca_certificates"}, Doc: "Files of the host with certificates to add."},
		{Name: "other_certificates_parse_all", Type: module.Bool, Default: false, Doc: "Take all certificates of each of them, not the first alone."},
		{Name: "certificate_path", Type: module.Path, Doc: "The key's certificate on the host."},
		{Name: "friendly_name", Aliases: []string{"name"}, Doc: "The name of key and certificate. Needed where a file is made."},
		{Name: "encryption_level", Choices: []string{"auto", "compatibility2022"}, Default: "auto", Doc: "AES-256 and SHA-256, or what programs before 2022 read: 3DES and SHA-1."},
		{Name: "iter_size", Type: module.Int, Default: 0, Doc: "The rounds of the encryption; 0: 20000, with compatibility2022 50000."},
		{Name: "maciter_size", Type: module.Int, Default: 0, Doc: "The rounds of the checksum; 0: 1, without a passphrase 2048."},
		{Name: "passphrase", Secret: true, Doc: "The file's passphrase; without one it is not encrypted."},
		{Name: "src", Type: module.Path, Doc: "The PKCS #12 file to parse."},
	}, keySpec()...), fileSpec("the file in Base64 as pkcs12")...)
	for i := range args {
		if args[i].Name == "select_crypto_backend" {
			args[i].Choices = []string{"auto", "cryptography", "pyopenssl"}
		}
	}
	return args
}

var pkcs12Spec = module.Spec{
	Name:    "openssl_pkcs12",
	Aliases: []string{"community.crypto.openssl_pkcs12"},
	Summary: "Have a PKCS #12 file of a key and certificates, or their PEM out of one",
	Doc: "Reads and writes the files here; a host needs no program for it. A file that holds the same stays. Its mode is 0400 unless another " +
		"is asked for. Files encrypted by RC2, as OpenSSL made them before version 3, cannot be read.",
	Args:              pkcs12SpecArgs(),
	MutuallyExclusive: [][]string{{"privatekey_path", "privatekey_content"}},
	RequiredIf:        [][]string{{"action", "parse", "src"}},
	Returns: []module.Return{
		{Name: "filename", Type: "str", When: "always", Doc: "The file."},
		{Name: "privatekey_path", Type: "str", When: "it was given", Doc: "The private key's file."},
		{Name: "mode", Type: "str", When: "the file is there", Doc: "Its permissions."},
		{Name: "backup_file", Type: "str", When: "a backup was made", Doc: "Where the old file is."},
		{Name: "pkcs12", Type: "str", When: "return_content", Doc: "The file, in Base64."},
	},
	Examples: "- openssl_pkcs12: {path: /etc/ssl/web.p12, friendly_name: web, passphrase: \"{{ pass }}\", privatekey_path: /etc/ssl/private/web.key, certificate_path: /etc/ssl/web.crt, other_certificates: [/etc/ssl/ca.crt]}\n" +
		"- openssl_pkcs12: {action: parse, src: /etc/ssl/web.p12, passphrase: \"{{ pass }}\", path: /etc/ssl/web.pem}\n",
	Traits: module.Traits{Reach: state.ReachPaths},
}

// PKCS12 is the module openssl_pkcs12.
func PKCS12() module.Module { return module.New(pkcs12Spec, planPKCS12) }

// pkcs12Plan is what becomes of the file.
type pkcs12Plan struct {
	pkcs12Args
	*output
	key     []byte   // the private key in PEM
	cert    []byte   // the certificate's file
	certErr error    // why it cannot be read
	others  [][]byte // DER
	src     []byte
	srcErr  error
}

func planPKCS12(a pkcs12Args, in module.Inputs, v state.View) (module.Change, error) {
	p := &pkcs12Plan{pkcs12Args: a, output: newOutput(a.fileArgs, in, v)}
	p.mode = "0400"
	p.noFolder = "The directory '%s' does not exist or the path is not a directory"
	err := p.gather()
	c, done, oerr := p.open()
	switch {
	case !p.g.Complete():
		return c, oerr
	case err != nil: // the original reads them first
		return module.Change{}, err
	case done:
		return c, oerr
	case p.output.State == "absent":
		return p.absent()
	}
	return p.present()
}

// gather reads what the arguments name.
func (p *pkcs12Plan) gather() error {
	var failed error
	read := func(at module.Opt[string], content module.Opt[string]) []byte {
		data, err := readInput(p.g, at, content, noSuchFile)
		if failed == nil {
			failed = err
		}
		return data
	}
	p.key = read(p.KeyPath, p.KeyContent)
	for _, name := range p.Others {
		data := read(module.Some(name), module.Opt[string]{})
		if !p.g.Complete() || failed != nil {
			continue
		}
		of := []string{string(data)}
		if p.ParseAll {
			of = pki.SplitPEM(string(data))
		}
		for _, text := range of {
			c, err := pki.ParseCertificate([]byte(text), false)
			if err != nil {
				failed = module.Fail(fmt.Sprintf("Error while loading %s - %s", p.g.Path(name), err))
				break
			}
			p.others = append(p.others, c.DER)
		}
	}
	none := module.Opt[string]{}
	p.cert, p.certErr = readInput(p.g, p.Cert, none, noSuchFile)
	if p.Action == "parse" {
		p.src, p.srcErr = readInput(p.g, p.Src, none, noSuchFile)
	}
	return failed
}

func (p *pkcs12Plan) absent() (module.Change, error) {
	there := p.file.Followed.Type != state.TypeNone
	if there && p.file.IsDir() {
		return module.Change{}, module.Fail("[Errno 21] Is a directory: '" + p.at + "'")
	}
	text := p.old()
	if there {
		p.remove()
		if !p.in.Check {
			text = nil
		}
	}
	return p.done(p.result(text))
}

func (p *pkcs12Plan) present() (module.Change, error) {
	old, exists := p.old(), p.file.Followed.Type != state.TypeNone
	same := false
	var err error
	if exists {
		if same, err = p.same(old); err != nil {
			return module.Change{}, err
		}
	}
	text := old
	if same && !p.output.Force {
		err = p.keep()
	} else {
		if text, err = p.make(); err != nil {
			return module.Change{}, err
		}
		err = p.write(text)
	}
	if err != nil {
		return module.Change{}, err
	}
	r := p.result(text)
	if err := p.tellMode(r, exists); err != nil {
		return module.Change{}, err
	}
	p.later(r, p.result(old), "pkcs12")
	return p.done(r)
}

// tellMode registers the permissions that the file gets.
func (p *pkcs12Plan) tellMode(r *value.Map, exists bool) error {
	cur := p.file.Followed
	if !exists {
		cur = p.g.NewStat(p.file.Parent, state.TypeFile)
	}
	w, err := p.attrs().Want(p.g, cur)
	if err != nil || !p.g.Complete() {
		return err
	}
	r.Set("mode", value.String(fmt.Sprintf("%04o", w.Apply(cur).Mode&0o7777)))
	return nil
}

// bundle is what is to be in the file.
func (p *pkcs12Plan) bundle() (pki.Bundle, error) {
	b := pki.Bundle{Others: p.others}
	if len(p.key) > 0 {
		k, err := readKey(p.key, p.KeyPass)
		if err != nil {
			return b, err
		}
		b.Key = &k
	}
	if p.Cert.Given() {
		if p.certErr != nil {
			return b, p.certErr
		}
		c, err := pki.ParseCertificate(p.cert, false)
		if err != nil {
			return b, module.Fail(err.Error())
		}
		b.Certificate = c.DER
	}
	if name, given := p.Name.Get(); given {
		b.Name = []byte(name)
	}
	return b, nil
}

// same tells whether a file that is there holds what is asked for.
func (p *pkcs12Plan) same(old []byte) (bool, error) {
	if p.Action == "parse" {
		text, err := p.parse()
		if err != nil || !bytes.Equal(text, old) {
			return false, nil
		}
		return p.passphraseFits(), nil
	}
	want, err := p.bundle()
	if err != nil {
		return false, err
	}
	now, err := pki.ParseBundle(old, p.Passphrase)
	if err != nil || now.Key != nil && !traditional(*now.Key) {
		return false, nil
	}
	return now.Same(want), nil
}

// traditional tells whether the original can write the key in PEM; it takes others for
// unreadable.
func traditional(k pki.Key) bool { return k.Type() == "RSA" || k.Type() == "ECC" }

func (p *pkcs12Plan) passphraseFits() bool {
	if pass, given := p.KeyPass.Get(); !given || pass == "" {
		return true
	}
	_, err := readKey(p.key, p.KeyPass)
	return err == nil
}

// make is the file's new content.
func (p *pkcs12Plan) make() ([]byte, error) {
	if p.Action == "parse" {
		return p.parse()
	}
	if p.Name.Or("") == "" {
		return nil, module.Fail("Friendly_name is required")
	}
	b, err := p.bundle()
	if err != nil {
		return nil, err
	}
	s := pki.Sealing{Passphrase: p.Passphrase, Old: p.Level == "compatibility2022", Rounds: p.Rounds, MACRounds: max(p.MACRounds, 1)}
	if s.Passphrase == "" && p.MACRounds == 0 {
		s.MACRounds = 2048 // OpenSSL's own, which the original leaves it at then
	}
	switch {
	case s.Rounds > 0:
	case s.Old:
		s.Rounds = 50000
	default:
		s.Rounds = 20000
	}
	text, err := b.Marshal(s, p.in.Seed)
	if err != nil {
		return nil, module.Fail(err.Error())
	}
	return text, nil
}

// parse is what the source holds, in PEM.
func (p *pkcs12Plan) parse() ([]byte, error) {
	if p.srcErr != nil {
		return nil, p.srcErr
	}
	b, err := pki.ParseBundle(p.src, p.Passphrase)
	if err != nil {
		return nil, module.Fail(err.Error())
	}
	var out []byte
	if b.Key != nil {
		if !traditional(*b.Key) {
			return nil, module.Fail("Unsupported key type for TraditionalOpenSSL")
		}
		if out, err = b.Key.Marshal("pkcs1", "", p.in.Seed); err != nil {
			return nil, module.Fail(err.Error())
		}
	}
	certs := b.Others
	if b.Certificate != nil {
		certs = append([][]byte{b.Certificate}, certs...)
	}
	for _, der := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return out, nil
}

func (p *pkcs12Plan) result(text []byte) *value.Map {
	r := value.NewMap()
	if p.KeyPath.Given() {
		r.Set("privatekey_path", p.path(p.g))
	}
	if !p.output.ReturnContent {
		return r
	}
	v := value.Null
	if len(text) > 0 {
		v = value.String(base64.StdEncoding.EncodeToString(text)).WithMarks(value.Secret)
	}
	r.Set("pkcs12", v)
	return r
}
