package pki

import (
	"crypto"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// Object identifiers of extensions (RFC 5280, 7633).
var (
	OIDSubjectKeyID     = asn1.ObjectIdentifier{2, 5, 29, 14}
	OIDKeyUsage         = asn1.ObjectIdentifier{2, 5, 29, 15}
	OIDSubjectAltName   = asn1.ObjectIdentifier{2, 5, 29, 17}
	OIDBasicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}
	OIDNameConstraints  = asn1.ObjectIdentifier{2, 5, 29, 30}
	OIDCRLPoints        = asn1.ObjectIdentifier{2, 5, 29, 31}
	OIDAuthorityKeyID   = asn1.ObjectIdentifier{2, 5, 29, 35}
	OIDExtKeyUsage      = asn1.ObjectIdentifier{2, 5, 29, 37}
	OIDTLSFeature       = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}
	oidInfoAccess       = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 1}
	oidOCSP             = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1}
	oidIssuers          = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 2}
	oidExtensionRequest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 14}
)

// Find gives an extension.
func Find(exts []pkix.Extension, id asn1.ObjectIdentifier) (pkix.Extension, bool) {
	i := slices.IndexFunc(exts, func(e pkix.Extension) bool { return e.Id.Equal(id) })
	if i < 0 {
		return pkix.Extension{}, false
	}
	return exts[i], true
}

func extension(id asn1.ObjectIdentifier, critical bool, v any) (pkix.Extension, error) {
	der, err := asn1.Marshal(v)
	return pkix.Extension{Id: id, Critical: critical, Value: der}, err
}

// GeneralNames writes names, nil when there are none; what says in errors where they
// stand.
func GeneralNames(texts []string, what string) ([]asn1.RawValue, error) {
	if len(texts) == 0 {
		return nil, nil // an empty list would be written as one
	}
	out := make([]asn1.RawValue, len(texts))
	for i, t := range texts {
		var err error
		if out[i], err = GeneralName(t, what); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// SubjectAltName makes the extension of the subject's other names.
func SubjectAltName(texts []string, critical bool) (pkix.Extension, error) {
	all, err := GeneralNames(texts, "Subject Alternative Name")
	if err != nil {
		return pkix.Extension{}, err
	}
	return extension(OIDSubjectAltName, critical, all)
}

// keyUsages are the bits of a key usage: OpenSSL's long name, the short one.
var keyUsages = [][2]string{
	{"Digital Signature", "digitalSignature"}, {"Non Repudiation", "nonRepudiation"}, {"Key Encipherment", "keyEncipherment"},
	{"Data Encipherment", "dataEncipherment"}, {"Key Agreement", "keyAgreement"}, {"Certificate Sign", "keyCertSign"},
	{"CRL Sign", "cRLSign"}, {"Encipher Only", "encipherOnly"}, {"Decipher Only", "decipherOnly"},
}

const keyAgreement = 4

// bits writes a string of bits without closing zeros, as DER wants it.
func bits(set []int) asn1.BitString {
	var b asn1.BitString
	for _, n := range set {
		for len(b.Bytes) <= n/8 {
			b.Bytes = append(b.Bytes, 0)
		}
		b.Bytes[n/8] |= 0x80 >> (n % 8)
		b.BitLength = max(b.BitLength, n+1)
	}
	return b
}

// KeyUsage makes the extension of what a key may be used for.
func KeyUsage(usages []string, critical bool) (pkix.Extension, error) {
	var set []int
	for _, u := range usages {
		n := slices.IndexFunc(keyUsages, func(k [2]string) bool { return k[0] == u || k[1] == u })
		if n < 0 {
			return pkix.Extension{}, Says("Unknown key usage %q", u)
		}
		set = append(set, n)
	}
	if i := slices.IndexFunc(set, func(n int) bool { return n > 6 }); i >= 0 && !slices.Contains(set, keyAgreement) {
		return pkix.Extension{}, fmt.Errorf("encipher_only and decipher_only can only be true when key_agreement is true")
	}
	return extension(OIDKeyUsage, critical, bits(set))
}

// ExtendedKeyUsage makes the extension of purposes, which are names or numbers.
func ExtendedKeyUsage(usages []string, critical bool) (pkix.Extension, error) {
	ids := make([]asn1.ObjectIdentifier, len(usages))
	for i, u := range usages {
		var err error
		if ids[i], err = OID(u); err != nil {
			return pkix.Extension{}, err
		}
	}
	return extension(OIDExtKeyUsage, critical, ids)
}

type basicConstraints struct {
	CA      bool `asn1:"optional"`
	PathLen int  `asn1:"optional,default:-1"`
}

// BasicConstraints makes the extension of CA:TRUE, CA:FALSE and pathlen:n.
func BasicConstraints(constraints []string, critical bool) (pkix.Extension, error) {
	b := basicConstraints{PathLen: -1}
	for _, c := range constraints {
		kind, text, _ := strings.Cut(c, ":")
		switch {
		case c == "CA:TRUE" || c == "CA:FALSE":
			b.CA = text == "TRUE"
		case kind == "CA":
			return pkix.Extension{}, Says("Unknown basic constraint value %q for CA", text)
		case kind == "pathlen":
			n, err := strconv.Atoi(strings.TrimSpace(text))
			if err != nil || n < 0 {
				return pkix.Extension{}, Says("Cannot parse path length constraint %q", text)
			}
			b.PathLen = n
		default:
			return pkix.Extension{}, Says("Unknown basic constraint %q", c)
		}
	}
	if b.PathLen >= 0 && !b.CA {
		return pkix.Extension{}, fmt.Errorf("path_length must be None when ca is False")
	}
	return extension(OIDBasicConstraints, critical, b)
}

// MustStaple makes the extension that asks for a stapled OCSP answer.
func MustStaple(critical bool) (pkix.Extension, error) {
	const statusRequest = 5
	return extension(OIDTLSFeature, critical, []int{statusRequest})
}

type nameConstraints struct {
	Permitted []subtree `asn1:"optional,tag:0"`
	Excluded  []subtree `asn1:"optional,tag:1"`
}

type subtree struct{ Base asn1.RawValue }

// NameConstraints makes the extension of names that a CA may, or may not, certify.
func NameConstraints(permitted, excluded []string, critical bool) (pkix.Extension, error) {
	var n nameConstraints
	for _, side := range []struct {
		names []string
		what  string
		to    *[]subtree
	}{{permitted, "name constraints permitted", &n.Permitted}, {excluded, "name constraints excluded", &n.Excluded}} {
		all, err := GeneralNames(side.names, side.what)
		if err != nil {
			return pkix.Extension{}, err
		}
		for _, v := range all {
			*side.to = append(*side.to, subtree{v})
		}
	}
	return extension(OIDNameConstraints, critical, n)
}

// SubjectKeyID is the identifier of a public key: the SHA-1 sum of its bits.
func SubjectKeyID(public crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	var info publicKeyInfo
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil, err
	}
	sum := sha1.Sum(info.Key.RightAlign())
	return sum[:], nil
}

type publicKeyInfo struct {
	Raw       asn1.RawContent
	Algorithm pkix.AlgorithmIdentifier
	Key       asn1.BitString
}

// SubjectKeyIDExtension makes the extension of a key's identifier.
func SubjectKeyIDExtension(id []byte) (pkix.Extension, error) {
	return extension(OIDSubjectKeyID, false, id)
}

type authorityKeyID struct {
	KeyID  []byte          `asn1:"optional,tag:0"`
	Issuer []asn1.RawValue `asn1:"optional,tag:1"`
	Serial *big.Int        `asn1:"optional,tag:2"`
}

// AuthorityKeyID makes the extension that tells who signs: the identifier of the
// key, and the names and serial number of the certificate; what is nil is left out.
func AuthorityKeyID(id []byte, issuers []string, serial *big.Int) (pkix.Extension, error) {
	all, err := GeneralNames(issuers, "authority cert issuer")
	if err != nil {
		return pkix.Extension{}, err
	}
	return extension(OIDAuthorityKeyID, false, authorityKeyID{id, all, serial})
}

// DistributionPoint is where lists of revoked certificates are found.
type DistributionPoint struct {
	FullName, RelativeName, Issuer, Reasons []string
}

var crlReasons = []string{"", "key_compromise", "ca_compromise", "affiliation_changed", "superseded", "cessation_of_operation",
	"certificate_hold", "privilege_withdrawn", "aa_compromise"}

type distributionPoint struct {
	Name    asn1.RawValue   `asn1:"optional"`
	Reasons asn1.BitString  `asn1:"optional,tag:1"`
	Issuer  []asn1.RawValue `asn1:"optional,tag:2"`
}

// CRLDistributionPoints makes the extension of them.
func CRLDistributionPoints(points []DistributionPoint) (pkix.Extension, error) {
	all := make([]distributionPoint, len(points))
	for i, p := range points {
		d, err := p.marshal()
		if err != nil {
			return pkix.Extension{}, Says("Error while parsing CRL distribution point #%d: %w", i, err)
		}
		all[i] = d
	}
	return extension(OIDCRLPoints, false, all)
}

func (p DistributionPoint) marshal() (d distributionPoint, err error) {
	var inner asn1.RawValue
	switch {
	case p.FullName != nil:
		all, err := GeneralNames(p.FullName, "full name")
		if err != nil {
			return d, err
		}
		inner = asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true}
		for _, v := range all {
			inner.Bytes = append(inner.Bytes, v.FullBytes...)
		}
	case p.RelativeName != nil:
		var parts []attributeTypeAndValue
		for _, t := range p.RelativeName {
			a, _, err := parseRDN(t, 0)
			if err != nil {
				return d, Says("Error while parsing relative distinguished name %q: %w", t, err)
			}
			parts = append(parts, a.pair())
		}
		set, err := marshalSet(parts)
		if err != nil {
			return d, err
		}
		var raw asn1.RawValue
		if _, err := asn1.Unmarshal(set, &raw); err != nil {
			return d, err
		}
		inner = asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 1, IsCompound: true, Bytes: raw.Bytes}
	}
	if inner.IsCompound {
		der, err := asn1.Marshal(inner)
		if err != nil {
			return d, err
		}
		d.Name = asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: der}
	}
	if d.Issuer, err = GeneralNames(p.Issuer, "CRL issuer"); err != nil {
		return d, err
	}
	var set []int
	for _, r := range p.Reasons {
		set = append(set, slices.Index(crlReasons, r))
	}
	d.Reasons = bits(set)
	return d, nil
}
