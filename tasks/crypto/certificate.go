package crypto

import (
	"fmt"
	"time"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/pki"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type certificateArgs struct {
	fileArgs
	certificateFields
}

// certificateFields say what the certificate is to be.
type certificateFields struct {
	keyArgs
	Provider   string             `arg:"provider"`
	CSRPath    module.Opt[string] `arg:"csr_path"`
	CSRContent module.Opt[string] `arg:"csr_content"`
	IgnoreTime bool               `arg:"ignore_timestamps"`

	SelfVersion int    `arg:"selfsigned_version"`
	SelfDigest  string `arg:"selfsigned_digest"`
	SelfBefore  string `arg:"selfsigned_not_before"`
	SelfAfter   string `arg:"selfsigned_not_after"`
	SelfKeyID   string `arg:"selfsigned_create_subject_key_identifier"`

	CAPath       module.Opt[string] `arg:"ownca_path"`
	CAContent    module.Opt[string] `arg:"ownca_content"`
	CAKeyPath    module.Opt[string] `arg:"ownca_privatekey_path"`
	CAKeyContent module.Opt[string] `arg:"ownca_privatekey_content"`
	CAKeyPass    module.Opt[string] `arg:"ownca_privatekey_passphrase"`
	CAVersion    int                `arg:"ownca_version"`
	CADigest     string             `arg:"ownca_digest"`
	CABefore     string             `arg:"ownca_not_before"`
	CAAfter      string             `arg:"ownca_not_after"`
	CAKeyID      string             `arg:"ownca_create_subject_key_identifier"`
	CAAuthority  bool               `arg:"ownca_create_authority_key_identifier"`
}

var keyIDChoices = []string{"create_if_not_provided", "always_create", "never_create"}

// certificateFieldsSpec declares them.
func certificateFieldsSpec() []module.Arg {
	return append([]module.Arg{
		{Name: "provider", Choices: []string{"ownca", "selfsigned"}, Doc: "Who signs: a CA whose certificate and key are given, or the key itself. Needed unless the file is to go away."},
		{Name: "csr_path", Type: module.Path, Doc: "The signing request on the host. The provider ownca needs one."},
		{Name: "csr_content", Doc: "The signing request itself."},
		{Name: "ignore_timestamps", Type: module.Bool, Default: true, Doc: "A certificate with other times stays."},
		{Name: "selfsigned_version", Type: module.Int, Default: 3, Doc: "The version; only 3."},
		{Name: "selfsigned_digest", Default: "sha256", Doc: "The hash to sign with: sha256, sha384, sha512, sha1 or md5."},
		{Name: "selfsigned_not_before", Aliases: []string{"selfsigned_notBefore"}, Default: "+0s", Doc: "From when on it is valid: a time (20261231235959Z) or one from now (+32w1d2h)."},
		{Name: "selfsigned_not_after", Aliases: []string{"selfsigned_notAfter"}, Default: "+3650d", Doc: "Until when, alike."},
		{Name: "selfsigned_create_subject_key_identifier", Choices: keyIDChoices, Default: "create_if_not_provided", Doc: "When the identifier of the key is worked out."},
		{Name: "ownca_path", Type: module.Path, Doc: "The CA's certificate on the host."},
		{Name: "ownca_content", Doc: "The CA's certificate itself."},
		{Name: "ownca_privatekey_path", Type: module.Path, Doc: "The CA's private key on the host."},
		{Name: "ownca_privatekey_content", Secret: true, Doc: "The CA's private key itself."},
		{Name: "ownca_privatekey_passphrase", Secret: true, Doc: "Its passphrase."},
		{Name: "ownca_version", Type: module.Int, Default: 3, Doc: "The version; only 3."},
		{Name: "ownca_digest", Default: "sha256", Doc: "The hash to sign with."},
		{Name: "ownca_not_before", Default: "+0s", Doc: "From when on it is valid."},
		{Name: "ownca_not_after", Default: "+3650d", Doc: "Until when."},
		{Name: "ownca_create_subject_key_identifier", Choices: keyIDChoices, Default: "create_if_not_provided", Doc: "When the identifier of the key is worked out."},
		{Name: "ownca_create_authority_key_identifier", Type: module.Bool, Default: true, Doc: "Add the identifier of the CA's key."},
	}, keySpec()...)
}

var certificateExclusive = [][]string{{"csr_path", "csr_content"}, {"privatekey_path", "privatekey_content"}, {"ownca_path", "ownca_content"},
	{"ownca_privatekey_path", "ownca_privatekey_content"}}

var certificateSpec = module.Spec{
	Name:    "x509_certificate",
	Aliases: []string{"community.crypto.x509_certificate", "openssl_certificate", "community.crypto.openssl_certificate"},
	Summary: "Have a certificate in a file, signed by itself or by a CA of one's own",
	Doc: "Reads keys and requests from the host and signs here. A certificate that is there stays when key, request and signature fit. " +
		"The providers acme and entrust are not there.",
	Args:              append(certificateFieldsSpec(), fileSpec("the certificate as certificate")...),
	MutuallyExclusive: certificateExclusive,
	RequiredIf:        [][]string{{"state", "present", "provider"}},
	Returns: []module.Return{
		{Name: "filename", Type: "str", When: "always", Doc: "The file."},
		{Name: "privatekey", Type: "str", When: "always", Doc: "The private key's file."},
		{Name: "csr", Type: "str", When: "always", Doc: "The request's file."},
		{Name: "notBefore", Type: "str", When: "state is present", Doc: "From when on it is valid."},
		{Name: "notAfter", Type: "str", When: "state is present", Doc: "Until when."},
		{Name: "serial_number", Type: "int", When: "state is present", Doc: "The serial number."},
		{Name: "ca_cert", Type: "str", When: "the provider is ownca", Doc: "The CA's certificate's file."},
		{Name: "ca_privatekey", Type: "str", When: "the provider is ownca", Doc: "The CA's private key's file."},
		{Name: "backup_file", Type: "str", When: "a backup was made", Doc: "Where the old file is."},
		{Name: "certificate", Type: "str", When: "return_content", Doc: "The certificate."},
	},
	Examples: "- x509_certificate: {path: /etc/ssl/web.crt, privatekey_path: /etc/ssl/private/web.key, csr_path: /etc/ssl/web.csr, provider: selfsigned}\n" +
		"- x509_certificate:\n    path: /etc/ssl/web.crt\n    csr_path: /etc/ssl/web.csr\n    provider: ownca\n    ownca_path: /etc/ssl/ca.crt\n    ownca_privatekey_path: /etc/ssl/private/ca.key\n",
	Traits: module.Traits{Reach: state.ReachPaths},
}

// Certificate is the module x509_certificate.
func Certificate() module.Module { return module.New(certificateSpec, planCertificate) }

// signer is how a certificate is to be made.
type signer struct {
	digest         string
	before, after  time.Time
	keyID          string // when the key's identifier is worked out
	authority      bool   // whether the identifier of the signing key is added
	key            pki.Key
	private        *pki.Key         // the certificate's own, when it is given
	ca             *pki.Certificate // nil: it is signed by itself
	req            *pki.Request     // nil: an empty one
	authorityKeyID []byte
}

func planCertificate(a certificateArgs, in module.Inputs, v state.View) (module.Change, error) {
	o := newOutput(a.fileArgs, in, v)
	if a.State == "absent" {
		return a.planAbsent(o)
	}
	return a.plan(o)
}

// plan is the change of a certificate that is in a file, or given.
func (a certificateFields) plan(o *output) (module.Change, error) {
	if err := a.given(); err != nil {
		return module.Change{}, err
	}
	own := a.Provider == "ownca"
	csrFile := isMissing("certificate signing request")
	request, rerr := readInput(o.g, a.CSRPath, a.CSRContent, csrFile)
	private, perr := readInput(o.g, a.KeyPath, a.KeyContent, isMissing("private key"))
	var ca, caKey []byte
	var cerr, kerr error
	if own {
		ca, cerr = readInput(o.g, a.CAPath, a.CAContent, isMissing("CA certificate"))
		caKey, kerr = readInput(o.g, a.CAKeyPath, a.CAKeyContent, isMissing("CA private key"))
	}
	if c, done, err := o.open(); done {
		return c, err
	}
	for _, err := range []error{rerr, perr, cerr, kerr} {
		if err != nil {
			return module.Change{}, err
		}
	}
	s, err := a.signer(o.in.Now)
	if err != nil {
		return module.Change{}, err
	}
	if request != nil {
		if s.req, err = pki.ParseRequest(request); err != nil {
			return module.Change{}, module.Fail(err.Error())
		}
	}
	if private != nil {
		k, err := readKey(private, a.KeyPass)
		if err != nil {
			return module.Change{}, err
		}
		s.key, s.private = k, &k
	}
	if own {
		if err := s.readCA(ca, caKey, a.CAKeyPass); err != nil {
			return module.Change{}, err
		}
	}
	if pki.NeedsDigest(s.key) && !pki.KnownDigest(s.digest) {
		return module.Change{}, module.Fail("The digest " + s.digest + " is not supported with the cryptography backend")
	}
	return a.settle(o, s)
}

func (a certificateArgs) planAbsent(o *output) (module.Change, error) {
	o.at = o.g.Path(o.Path)
	f := o.g.File(o.at, 0)
	o.g.Login()
	if c, missing, err := o.g.Missing(); missing {
		return c, err
	}
	if f.IsDir() {
		return module.Change{}, module.Fail("[Errno 21] Is a directory: '" + o.at + "'")
	}
	o.file = f
	o.remove()
	r := value.M("privatekey", a.path(o.g), "csr", pathOrNull(o.g, a.CSRPath))
	if a.ReturnContent {
		r.Set("certificate", value.Null)
	}
	return o.done(r)
}

func pathOrNull(g *module.Gather, p module.Opt[string]) value.Value {
	if s, given := p.Get(); given {
		return value.String(g.Path(s))
	}
	return value.Null
}

// given refuses what the provider cannot work with.
func (a certificateFields) given() error {
	version := a.SelfVersion
	switch {
	case a.Provider == "selfsigned" && !a.KeyPath.Given() && !a.KeyContent.Given():
		return module.Fail("One of privatekey_path and privatekey_content must be specified for the selfsigned provider.")
	case a.Provider == "selfsigned":
	case !a.CAPath.Given() && !a.CAContent.Given():
		return module.Fail("One of ownca_path and ownca_content must be specified for the ownca provider.")
	case !a.CAKeyPath.Given() && !a.CAKeyContent.Given():
		return module.Fail("One of ownca_privatekey_path and ownca_privatekey_content must be specified for the ownca provider.")
	case !a.CSRPath.Given() && !a.CSRContent.Given():
		return module.Fail("csr_path or csr_content is required for ownca provider")
	default:
		version = a.CAVersion
	}
	if version == 2 {
		return module.Fail("The cryptography backend does not support v2 certificates")
	}
	return nil
}

func (a certificateFields) signer(now time.Time) (s *signer, err error) {
	s = &signer{digest: a.SelfDigest, keyID: a.SelfKeyID}
	before, after, name := a.SelfBefore, a.SelfAfter, "selfsigned"
	if a.Provider == "ownca" {
		s.digest, s.keyID, s.authority = a.CADigest, a.CAKeyID, a.CAAuthority
		before, after, name = a.CABefore, a.CAAfter, "ownca"
	}
	if s.before, err = parseTime(before, name+"_not_before", now); err != nil {
		return nil, err
	}
	s.after, err = parseTime(after, name+"_not_after", now)
	return s, err
}

// readCA takes the CA's certificate and key.
func (s *signer) readCA(ca, key []byte, pass module.Opt[string]) error {
	var err error
	if s.ca, err = pki.ParseCertificate(ca, false); err != nil {
		return module.Fail(err.Error())
	}
	if s.key, err = readKey(key, pass); err != nil {
		return err
	}
	if !pki.SamePublic(s.ca.Public, s.key.Public()) {
		return module.Fail("The CA private key does not belong to the CA certificate")
	}
	id, ok := s.ca.KeyID()
	if !ok {
		if id, err = pki.SubjectKeyID(s.ca.Public); err != nil {
			return module.Fail(err.Error())
		}
	}
	s.authorityKeyID = id
	return nil
}

// settle plans the certificate.
func (a certificateFields) settle(o *output, s *signer) (module.Change, error) {
	old := o.old()
	now, err := pki.ParseCertificate(old, false)
	text := old
	anew := old == nil || err != nil || o.Force
	if !anew {
		fits, err := s.fits(now, a.IgnoreTime)
		if err != nil {
			return module.Change{}, err
		}
		anew = !fits
	}
	if anew {
		if text, err = s.make(o.in.Seed); err != nil {
			return module.Change{}, module.Fail(err.Error())
		}
		err = o.write(text)
	} else {
		err = o.keep()
	}
	if err != nil {
		return module.Change{}, err
	}
	made, err := pki.ParseCertificate(text, false)
	if err != nil {
		return module.Change{}, module.Fail(err.Error())
	}
	r := value.M("privatekey", a.path(o.g), "csr", pathOrNull(o.g, a.CSRPath), "notBefore", pki.TimeText(made.NotBefore),
		"notAfter", pki.TimeText(made.NotAfter), "serial_number", value.BigInt(made.Serial))
	if s.ca != nil {
		r.Set("ca_cert", pathOrNull(o.g, a.CAPath))
		r.Set("ca_privatekey", pathOrNull(o.g, a.CAKeyPath))
	}
	if o.ReturnContent {
		r.Set("certificate", value.String(string(text)).WithMarks(value.Unsafe))
	}
	o.show(r, certificateInfo(old, o.in.Now), certificateInfo(text, o.in.Now))
	still := r.Clone()
	still.Set("certificate", textOrNull(old))
	o.later(r, still, "notBefore", "notAfter", "serial_number", "certificate", "diff")
	return o.done(r)
}

// certificateInfo is what is told about a certificate in the difference.
func certificateInfo(data []byte, now time.Time) *value.Map {
	if data == nil {
		return value.NewMap()
	}
	if c, err := pki.ParseCertificate(data, false); err == nil {
		if m, err := c.Info(pki.How{One: true, Now: now}); err == nil {
			m.Set("can_parse_certificate", value.Bool(true))
			return m
		}
	}
	return value.M("can_parse_certificate", false)
}

// parseTime reads a time as ASN.1 writes it, or one from now: a sign, then weeks,
// days, hours, minutes and seconds (+1w2d3h4m5s).
func parseTime(text, what string, now time.Time) (time.Time, error) {
	if t, ok := relativeTime(text, now); ok {
		return t, nil
	}
	for _, layout := range []string{"20060102150405Z", "200601021504Z", "20060102150405-0700", "200601021504-0700"} {
		if t, err := time.Parse(layout, text); err == nil {
			// The original takes the clock as it is written, whatever the zone.
			return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC), nil
		}
	}
	return time.Time{}, module.Fail(fmt.Sprintf("The time spec %q for %s is invalid", text, what))
}
