package crypto

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/pki"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type csrArgs struct {
	fileArgs
	csrFields
}

// csrFields say what the request is to be.
type csrFields struct {
	keyArgs
	Digest           string                  `arg:"digest"`
	Subject          *value.Map              `arg:"subject"`
	Ordered          []*value.Map            `arg:"subject_ordered"`
	Country          string                  `arg:"country_name"`
	Province         string                  `arg:"state_or_province_name"`
	Locality         string                  `arg:"locality_name"`
	Organization     string                  `arg:"organization_name"`
	Unit             string                  `arg:"organizational_unit_name"`
	CommonName       string                  `arg:"common_name"`
	Email            string                  `arg:"email_address"`
	AltNames         module.Opt[[]string]    `arg:"subject_alt_name"`
	AltCritical      bool                    `arg:"subject_alt_name_critical"`
	NameForAlt       bool                    `arg:"use_common_name_for_san"`
	KeyUsage         module.Opt[[]string]    `arg:"key_usage"`
	UsageCritical    bool                    `arg:"key_usage_critical"`
	ExtUsage         module.Opt[[]string]    `arg:"extended_key_usage"`
	ExtUsageCritical bool                    `arg:"extended_key_usage_critical"`
	Basic            module.Opt[[]string]    `arg:"basic_constraints"`
	BasicCritical    bool                    `arg:"basic_constraints_critical"`
	Staple           bool                    `arg:"ocsp_must_staple"`
	StapleCritical   bool                    `arg:"ocsp_must_staple_critical"`
	Permitted        []string                `arg:"name_constraints_permitted"`
	Excluded         []string                `arg:"name_constraints_excluded"`
	NamesCritical    bool                    `arg:"name_constraints_critical"`
	MakeKeyID        bool                    `arg:"create_subject_key_identifier"`
	KeyID            module.Opt[string]      `arg:"subject_key_identifier"`
	AuthorityID      module.Opt[string]      `arg:"authority_key_identifier"`
	AuthorityIssuer  module.Opt[[]string]    `arg:"authority_cert_issuer"`
	AuthoritySerial  value.Value             `arg:"authority_cert_serial_number"`
	Points           module.Opt[[]crlPoints] `arg:"crl_distribution_points"`
}

type crlPoints struct {
	FullName     module.Opt[[]string] `arg:"full_name"`
	RelativeName module.Opt[[]string] `arg:"relative_name"`
	Issuer       module.Opt[[]string] `arg:"crl_issuer"`
	Reasons      []string             `arg:"reasons"`
}

func strs(name, doc string, aliases ...string) module.Arg {
	return module.Arg{Name: name, Type: module.List, Elem: module.Str, Doc: doc, Aliases: aliases}
}

func no(name, doc string, aliases ...string) module.Arg {
	return module.Arg{Name: name, Type: module.Bool, Default: false, Doc: doc, Aliases: aliases}
}

// csrFieldsSpec declares them.
func csrFieldsSpec() []module.Arg {
	return append([]module.Arg{
		{Name: "digest", Default: "sha256", Doc: "The hash to sign with: sha256, sha384, sha512, sha1 or md5."},
		{Name: "version", Type: module.Int, Choices: []string{"1"}, Default: 1, Doc: "The version; there is only 1."},
		{Name: "subject", Type: module.Dict, Doc: "Parts of the subject by their names; a list is several parts of a name."},
		{Name: "subject_ordered", Type: module.List, Elem: module.Dict, Doc: "Parts of the subject whose order counts, one of each entry."},
		{Name: "country_name", Aliases: []string{"C", "countryName"}, Doc: "The country, two letters."},
		{Name: "state_or_province_name", Aliases: []string{"ST", "stateOrProvinceName"}, Doc: "The state."},
		{Name: "locality_name", Aliases: []string{"L", "localityName"}, Doc: "The town."},
		{Name: "organization_name", Aliases: []string{"O", "organizationName"}, Doc: "The organization."},
		{Name: "organizational_unit_name", Aliases: []string{"OU", "organizationalUnitName"}, Doc: "Its unit."},
		{Name: "common_name", Aliases: []string{"CN", "commonName"}, Doc: "The name."},
		{Name: "email_address", Aliases: []string{"E", "emailAddress"}, Doc: "The mail address."},
		strs("subject_alt_name", "Other names of the subject.", "subjectAltName"),
		no("subject_alt_name_critical", "Whether who does not know the extension must refuse.", "subjectAltName_critical"),
		{Name: "use_common_name_for_san", Aliases: []string{"useCommonNameForSAN"}, Type: module.Bool, Default: true, Doc: "Without other names, the common name is one (DNS:)."},
		strs("key_usage", "What the key may be used for, such as digitalSignature.", "keyUsage"),
		no("key_usage_critical", "Whether that is critical.", "keyUsage_critical"),
		strs("extended_key_usage", "Purposes, such as serverAuth.", "extKeyUsage", "extendedKeyUsage"),
		no("extended_key_usage_critical", "Whether they are critical.", "extKeyUsage_critical", "extendedKeyUsage_critical"),
		strs("basic_constraints", "CA:TRUE or CA:FALSE, and pathlen:n.", "basicConstraints"),
		no("basic_constraints_critical", "Whether they are critical.", "basicConstraints_critical"),
		no("ocsp_must_staple", "Ask for a stapled OCSP answer.", "ocspMustStaple"),
		no("ocsp_must_staple_critical", "Whether that is critical.", "ocspMustStaple_critical"),
		strs("name_constraints_permitted", "Names that the CA may certify."),
		strs("name_constraints_excluded", "Names that it may not."),
		no("name_constraints_critical", "Whether that is critical."),
		no("create_subject_key_identifier", "Add the identifier of the public key."),
		{Name: "subject_key_identifier", Doc: "An identifier of the key as hexadecimal bytes with colons."},
		{Name: "authority_key_identifier", Doc: "The identifier of the signing key, alike."},
		strs("authority_cert_issuer", "Names of who issued the signing certificate."),
		{Name: "authority_cert_serial_number", Type: module.Int, Doc: "The signing certificate's serial number."},
		{Name: "crl_distribution_points", Type: module.List, Elem: module.Dict, Doc: "Where lists of revoked certificates are.", Options: []module.Arg{
			strs("full_name", "Where, as names."),
			strs("relative_name", "Where, relative to the issuer, such as /CN=example."),
			strs("crl_issuer", "Who issues the list."),
			{Name: "reasons", Type: module.List, Elem: module.Str, Doc: "For which reasons.", Choices: []string{"key_compromise", "ca_compromise",
				"affiliation_changed", "superseded", "cessation_of_operation", "certificate_hold", "privilege_withdrawn", "aa_compromise"}},
		}},
	}, keySpec()...)
}

func csrReturns() []module.Return {
	return []module.Return{
		{Name: "privatekey", Type: "str", When: "always", Doc: "The private key's file."},
		{Name: "subject", Type: "list", When: "always", Doc: "The parts of the subject, each a list of name and value."},
		{Name: "subjectAltName", Type: "list", When: "always", Doc: "The other names."},
		{Name: "keyUsage", Type: "list", When: "always", Doc: "As asked; so are extendedKeyUsage, basicConstraints, ocspMustStaple, name_constraints_permitted and name_constraints_excluded."},
	}
}

var csrSpec = module.Spec{
	Name:    "openssl_csr",
	Aliases: []string{"community.crypto.openssl_csr"},
	Summary: "Have a certificate signing request in a file",
	Doc: "Reads the private key from the host and makes the request here. A request that is there stays when its subject, its extensions and its " +
		"key are as asked. Other names have their kind in front: DNS:, IP:, email:, URI:, RID:, dirName: and otherName:.",
	Args:              append(csrFieldsSpec(), fileSpec("the request as csr")...),
	RequiredTogether:  [][]string{{"authority_cert_issuer", "authority_cert_serial_number"}},
	MutuallyExclusive: [][]string{{"privatekey_path", "privatekey_content"}, {"subject", "subject_ordered"}},
	Returns: append(csrReturns(),
		module.Return{Name: "filename", Type: "str", When: "always", Doc: "The file."},
		module.Return{Name: "backup_file", Type: "str", When: "a backup was made", Doc: "Where the old file is."},
		module.Return{Name: "csr", Type: "str", When: "return_content", Doc: "The request."},
	),
	Examples: "- openssl_csr:\n    path: /etc/ssl/web.csr\n    privatekey_path: /etc/ssl/private/web.key\n    common_name: www.example.org\n" +
		"    subject_alt_name: [\"DNS:www.example.org\", \"DNS:example.org\"]\n",
	Traits: module.Traits{Reach: state.ReachPaths},
}

// CSR is the module openssl_csr.
func CSR() module.Module { return module.New(csrSpec, planCSR) }

func planCSR(a csrArgs, in module.Inputs, v state.View) (module.Change, error) {
	if a.State == "present" && !a.KeyPath.Given() && !a.KeyContent.Given() {
		return module.Change{}, module.Fail("state is present but any of the following are missing: privatekey_path, privatekey_content")
	}
	return a.plan(newOutput(a.fileArgs, in, v))
}

// plan is the change of a request that is in a file, or given.
func (a csrFields) plan(o *output) (module.Change, error) {
	present := o.State == "present"
	parts, err := a.subject()
	if err != nil {
		return module.Change{}, err
	}
	if a.MakeKeyID && a.KeyID.Given() {
		return module.Change{}, module.Fail("subject_key_identifier cannot be specified if create_subject_key_identifier is true")
	}
	a.nameForAlt(parts)
	var private []byte
	if present {
		private, err = readInput(o.g, a.KeyPath, a.KeyContent, noSuchFile)
	}
	if c, done, oerr := o.open(); done {
		return c, oerr
	}
	r := a.result(o.g, parts)
	old := o.old()
	if !present {
		o.remove()
		if o.ReturnContent {
			r.Set("csr", value.Null)
		}
		o.show(r, value.NewMap(), value.NewMap())
		return o.done(r)
	}
	if err != nil {
		return module.Change{}, err
	}
	text, err := a.settle(o, parts, private, old)
	if err != nil {
		return module.Change{}, err
	}
	if o.ReturnContent {
		r.Set("csr", value.String(string(text)).WithMarks(value.Unsafe))
	}
	o.show(r, requestInfo(old), requestInfo(text))
	o.later(r, value.M("csr", textOrNull(old)), "csr", "diff")
	return o.done(r)
}

// settle plans the request, and gives its text in the end.
func (a csrFields) settle(o *output, parts [][2]string, private, old []byte) ([]byte, error) {
	k, err := readKey(private, a.KeyPass)
	if err != nil {
		return nil, err
	}
	subject := make([]pki.Attribute, len(parts))
	for i, p := range parts {
		if subject[i], err = pki.NewAttribute(p[0], p[1]); err != nil {
			return nil, module.Fail(err.Error())
		}
	}
	exts, err := a.extensions(k)
	if err != nil {
		return nil, module.Fail(err.Error())
	}
	if now, err := pki.ParseRequest(old); err == nil && !o.Force && a.fits(now, subject, exts, k) {
		return old, o.keep()
	}
	if pki.NeedsDigest(k) && !pki.KnownDigest(a.Digest) {
		return nil, module.Fail(`Unsupported digest "` + a.Digest + `"`)
	}
	text, err := pki.NewRequest(subject, exts, k, a.Digest)
	if err != nil {
		return nil, module.Fail(err.Error())
	}
	return text, o.write(text)
}

// subject gives the parts of the subject, names as they were written.
func (a csrFields) subject() ([][2]string, error) {
	var parts [][2]string
	for _, p := range [][2]string{{"C", a.Country}, {"ST", a.Province}, {"L", a.Locality}, {"O", a.Organization}, {"OU", a.Unit},
		{"CN", a.CommonName}, {"emailAddress", a.Email}} {
		if p[1] != "" {
			parts = append(parts, p)
		}
	}
	more, err := nameParts(a.Subject, "subject")
	if err != nil {
		return nil, err
	}
	parts = append(parts, more...)
	if len(a.Ordered) > 0 && len(parts) > 0 {
		return nil, module.Fail("subject_ordered cannot be combined with any other subject field")
	}
	for i, m := range a.Ordered {
		if m.Len() != 1 {
			return nil, module.Fail(fmt.Sprintf("Entry #%d in subject_ordered must be a dictionary with exactly one key-value pair", i+1))
		}
		more, err := nameParts(m, "subject_ordered")
		if err != nil {
			return nil, module.Fail(fmt.Sprintf("Error while processing entry #%d in subject_ordered: %s", i+1, err))
		}
		parts = append(parts, more...)
	}
	return parts, nil
}

func nameParts(m *value.Map, where string) (parts [][2]string, err error) {
	if m == nil {
		return nil, nil
	}
	for k, v := range m.All() {
		key := k.Text()
		switch {
		case v.Kind() == value.KindList:
			for _, e := range v.Items() {
				if !e.IsString() {
					return nil, module.Fail("Values " + key + " in " + where + " must be strings")
				}
				if e.Str() == "" {
					return nil, module.Fail("Values for " + key + " in " + where + " must not be empty strings")
				}
				parts = append(parts, [2]string{key, e.Str()})
			}
		case !v.IsString():
			return nil, module.Fail("Value for " + key + " in " + where + " must be either a string or a list of strings")
		case v.Str() == "":
			return nil, module.Fail("Value for " + key + " in " + where + " must not be an empty string")
		default:
			parts = append(parts, [2]string{key, v.Str()})
		}
	}
	return parts, nil
}

// nameForAlt makes the common name the subject's other name when it has none.
func (a *csrFields) nameForAlt(parts [][2]string) {
	if len(a.AltNames.Or(nil)) > 0 || !a.NameForAlt {
		return
	}
	for _, p := range parts {
		if p[0] == "CN" || p[0] == "commonName" {
			a.AltNames = module.Some([]string{"DNS:" + p[1]})
			return
		}
	}
}

func (a csrFields) result(g *module.Gather, parts [][2]string) *value.Map {
	subject := make([]value.Value, len(parts))
	for i, p := range parts {
		subject[i] = value.Strings(p[0], p[1])
	}
	list := func(o module.Opt[[]string]) value.Value {
		if l, ok := o.Get(); ok {
			return value.Strings(l...)
		}
		return value.Null
	}
	return value.M("privatekey", a.path(g), "subject", value.List(subject...), "subjectAltName", list(a.AltNames), "keyUsage", list(a.KeyUsage),
		"extendedKeyUsage", list(a.ExtUsage), "basicConstraints", list(a.Basic), "ocspMustStaple", a.Staple,
		"name_constraints_permitted", value.Strings(a.Permitted...), "name_constraints_excluded", value.Strings(a.Excluded...))
}

// extensions are those that the request is to have.
func (a csrFields) extensions(k pki.Key) ([]pkix.Extension, error) {
	var out []pkix.Extension
	var failed error
	add := func(asked bool, make func() (pkix.Extension, error)) {
		if !asked || failed != nil {
			return
		}
		e, err := make()
		out, failed = append(out, e), err
	}
	add(len(a.AltNames.Or(nil)) > 0, func() (pkix.Extension, error) { return pki.SubjectAltName(a.AltNames.Or(nil), a.AltCritical) })
	add(len(a.KeyUsage.Or(nil)) > 0, func() (pkix.Extension, error) { return pki.KeyUsage(a.KeyUsage.Or(nil), a.UsageCritical) })
	add(len(a.ExtUsage.Or(nil)) > 0, func() (pkix.Extension, error) {
		return pki.ExtendedKeyUsage(a.ExtUsage.Or(nil), a.ExtUsageCritical)
	})
	add(len(a.Basic.Or(nil)) > 0, func() (pkix.Extension, error) { return pki.BasicConstraints(a.Basic.Or(nil), a.BasicCritical) })
	add(a.Staple, func() (pkix.Extension, error) { return pki.MustStaple(a.StapleCritical) })
	add(len(a.Permitted)+len(a.Excluded) > 0, func() (pkix.Extension, error) {
		return pki.NameConstraints(a.Permitted, a.Excluded, a.NamesCritical)
	})
	add(a.MakeKeyID || a.KeyID.Given(), func() (pkix.Extension, error) {
		id, err := a.keyID(k)
		if err != nil {
			return pkix.Extension{}, err
		}
		return pki.SubjectKeyIDExtension(id)
	})
	add(a.AuthorityID.Given() || a.AuthorityIssuer.Given(), a.authority)
	add(len(a.Points.Or(nil)) > 0, a.crlPoints)
	return out, failed
}

func (a csrFields) keyID(k pki.Key) ([]byte, error) {
	if a.MakeKeyID {
		return pki.SubjectKeyID(k.Public())
	}
	id, err := pki.ParseHex(a.KeyID.Or(""))
	if err != nil {
		return nil, pki.Says("Cannot parse subject_key_identifier: %w", err)
	}
	return id, nil
}

func (a csrFields) authority() (pkix.Extension, error) {
	var id []byte
	if text, given := a.AuthorityID.Get(); given {
		var err error
		if id, err = pki.ParseHex(text); err != nil {
			return pkix.Extension{}, pki.Says("Cannot parse authority_key_identifier: %w", err)
		}
	}
	var serial *big.Int
	if !a.AuthoritySerial.IsNull() {
		serial = a.AuthoritySerial.AsBigInt()
	}
	return pki.AuthorityKeyID(id, a.AuthorityIssuer.Or(nil), serial)
}

func (a csrFields) crlPoints() (pkix.Extension, error) {
	var points []pki.DistributionPoint
	for i, p := range a.Points.Or(nil) {
		switch {
		case p.FullName.Given() && p.RelativeName.Given():
			return pkix.Extension{}, fmt.Errorf("parameters are mutually exclusive: full_name|relative_name found in crl_distribution_points")
		case !p.FullName.Given() && !p.RelativeName.Given() && !p.Issuer.Given():
			return pkix.Extension{}, fmt.Errorf("one of the following is required: full_name, relative_name, crl_issuer found in crl_distribution_points")
		}
		for name, o := range map[string]module.Opt[[]string]{"full_name": p.FullName, "relative_name": p.RelativeName, "crl_issuer": p.Issuer} {
			if l, given := o.Get(); given && len(l) == 0 {
				return pkix.Extension{}, pki.Says("Error while parsing CRL distribution point #%d: %s must not be empty", i, name)
			}
		}
		points = append(points, pki.DistributionPoint{FullName: p.FullName.Or(nil), RelativeName: p.RelativeName.Or(nil), Issuer: p.Issuer.Or(nil), Reasons: p.Reasons})
	}
	return pki.CRLDistributionPoints(points)
}

// compared are the extensions that a request is held to; others may be there.
// Those in the first list are sets of names.
var (
	comparedSets = []asn1.ObjectIdentifier{pki.OIDSubjectAltName, pki.OIDExtKeyUsage}
	compared     = []asn1.ObjectIdentifier{pki.OIDKeyUsage, pki.OIDBasicConstraints, pki.OIDTLSFeature, pki.OIDSubjectKeyID,
		pki.OIDAuthorityKeyID, pki.OIDNameConstraints, pki.OIDCRLPoints}
)

// fits tells whether a request is as asked.
func (a csrFields) fits(now *pki.Request, subject []pki.Attribute, exts []pkix.Extension, k pki.Key) bool {
	key := func(attrs []pki.Attribute) []string {
		var out []string
		for _, x := range attrs {
			out = append(out, x.OID.String()+"="+x.Value)
		}
		if len(a.Ordered) == 0 {
			slices.Sort(out)
			out = slices.Compact(out)
		}
		return out
	}
	if !slices.Equal(key(now.Subject), key(subject)) || !now.Valid() || !pki.SamePublic(now.Public, k.Public()) {
		return false
	}
	for _, id := range slices.Concat(comparedSets, compared) {
		was, has := pki.Find(now.Extensions, id)
		want, asked := pki.Find(exts, id)
		switch {
		case has != asked:
			return false
		case !has:
		case was.Critical != want.Critical:
			return false
		case slices.ContainsFunc(comparedSets, id.Equal):
			if !pki.SameElements(was.Value, want.Value) {
				return false
			}
		case !pki.SameExtension(was, want):
			return false
		}
	}
	return true
}

// requestInfo is what is told about a request in the difference.
func requestInfo(data []byte) *value.Map {
	if data == nil {
		return value.NewMap()
	}
	if now, err := pki.ParseRequest(data); err == nil {
		if m, err := now.Info(pki.How{One: true}); err == nil {
			m.Set("can_parse_csr", value.Bool(true))
			return m
		}
	}
	return value.M("can_parse_csr", false)
}
