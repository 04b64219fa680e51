package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/md5"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"hash"
	"slices"
	"time"

	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/blake2s"

	"github.com/fairlead-project/fairlead/engine/value"
)

// How says how things are told.
type How struct {
	// One gives the fingerprint by SHA-256 alone.
	One bool
	// Names is how domains are written: ignore, idna or unicode.
	Names string
	// Now is the time by which a certificate is expired.
	Now time.Time
}

var shakes = map[string]func(data []byte, n int) []byte{"shake_128": sha3.SumSHAKE128, "shake_256": sha3.SumSHAKE256}

// hashes are those that Python always has, but the SHAKE ones.
var hashes = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
	"sha3_224": func() hash.Hash { return sha3.New224() }, "sha3_256": func() hash.Hash { return sha3.New256() },
	"sha3_384": func() hash.Hash { return sha3.New384() }, "sha3_512": func() hash.Hash { return sha3.New512() },
	"blake2b": func() hash.Hash { h, _ := blake2b.New512(nil); return h },
	"blake2s": func() hash.Hash { h, _ := blake2s.New256(nil); return h },
}

// Fingerprints are sums of some bytes by all hashes, or by SHA-256 alone.
func Fingerprints(data []byte, one bool) value.Value {
	m := value.NewMap()
	if one {
		sum := sha256.Sum256(data)
		m.Set("sha256", value.String(Hex(sum[:])))
		return value.FromMap(m)
	}
	names := make([]string, 0, len(hashes)+len(shakes))
	for name := range hashes {
		names = append(names, name)
	}
	for name := range shakes {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if shake, ok := shakes[name]; ok {
			m.Set(name, value.String(Hex(shake(data, 32))))
			continue
		}
		h := hashes[name]()
		h.Write(data)
		m.Set(name, value.String(Hex(h.Sum(nil))))
	}
	return value.FromMap(m)
}

// publicData tells the numbers of a public key.
func publicData(public crypto.PublicKey) value.Value {
	m := value.NewMap()
	switch p := public.(type) {
	case *rsa.PublicKey:
		m.Set("size", value.Int(int64(p.N.BitLen())))
		m.Set("modulus", value.BigInt(p.N))
		m.Set("exponent", value.Int(int64(p.E)))
	case *ecdsa.PublicKey:
		m.Set("curve", value.String(curveName(p.Curve)))
		//lint:ignore SA1019 the numbers are what is told
		m.Set("x", value.BigInt(p.X))
		//lint:ignore SA1019 the numbers are what is told
		m.Set("y", value.BigInt(p.Y))
		m.Set("exponent_size", value.Int(int64(p.Curve.Params().BitSize)))
	}
	return value.FromMap(m)
}

// PublicPEM writes a public key in PEM.
func PublicPEM(public crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	return writePEM("PUBLIC KEY", der), err
}

// ParsePublic reads a public key in PEM.
func ParsePublic(data []byte) (crypto.PublicKey, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, Says("Error while deserializing key: there is no public key in PEM")
	}
	var k crypto.PublicKey
	var err error
	if block.Type == "RSA PUBLIC KEY" {
		k, err = x509.ParsePKCS1PublicKey(block.Bytes)
	} else {
		k, err = x509.ParsePKIXPublicKey(block.Bytes)
	}
	if err != nil {
		return nil, Says("Error while deserializing key: %w", err)
	}
	return k, nil
}

// PublicInfo tells about a public key: type, public_data, fingerprints.
func PublicInfo(public crypto.PublicKey, h How) (*value.Map, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	return value.M("fingerprints", Fingerprints(der, h.One), "type", typeOf(public), "public_data", publicData(public)), nil
}

// Info tells about a private key: public_key, public_key_fingerprints, type and
// public_data; with private also private_data.
func (k Key) Info(h How, private bool) (*value.Map, error) {
	text, err := PublicPEM(k.Public())
	if err != nil {
		return nil, err
	}
	of, err := PublicInfo(k.Public(), h)
	if err != nil {
		return nil, err
	}
	m := value.M("public_key", string(text))
	for _, to := range [][2]string{{"fingerprints", "public_key_fingerprints"}, {"type", "type"}, {"public_data", "public_data"}} {
		v, _ := of.Get(to[0])
		m.Set(to[1], v)
	}
	if private {
		m.Set("private_data", value.FromMap(k.privateData()).MarkDeep(value.Secret))
	}
	return m, nil
}

func (k Key) privateData() *value.Map {
	m := value.NewMap()
	switch x := k.PrivateKey.(type) {
	case *rsa.PrivateKey:
		m.Set("p", value.BigInt(x.Primes[0]))
		m.Set("q", value.BigInt(x.Primes[1]))
		m.Set("exponent", value.BigInt(x.D))
	case *ecdsa.PrivateKey:
		//lint:ignore SA1019 the number is what is told
		m.Set("multiplier", value.BigInt(x.D))
	}
	return m
}

// Consistent tells whether the parts of a key fit together; known is false when
// that cannot be told.
func (k Key) Consistent() (fits, known bool) {
	switch x := k.PrivateKey.(type) {
	case *rsa.PrivateKey:
		return x.Validate() == nil, true
	}
	if _, err := k.Signer(); err != nil {
		return false, false
	}
	s, id, err := algorithmFor(k, "sha256")
	if err != nil {
		return false, false
	}
	text := []byte("1234")
	sig, err := s.sign(k, text)
	return err == nil && verify(k.Public(), id, text, sig), true
}

// nameInfo tells a name as a map, and in its order.
func nameInfo(m *value.Map, key string, attrs []Attribute) {
	byName, ordered := value.NewMap(), make([]value.Value, len(attrs))
	for i, a := range attrs {
		byName.Set(oidName(a.OID), value.String(a.Value))
		ordered[i] = value.Strings(oidName(a.OID), a.Value)
	}
	m.Set(key, value.FromMap(byName))
	m.Set(key+"_ordered", value.List(ordered...))
}

// Info tells about a request.
func (r *Request) Info(h How) (*value.Map, error) {
	m := value.NewMap()
	nameInfo(m, "subject", r.Subject)
	if err := extensionsInfo(m, r.Extensions, h, true); err != nil {
		return nil, err
	}
	if err := publicInfo(m, r.Public, h); err != nil {
		return nil, err
	}
	if err := keyIDInfo(m, r.Extensions, h); err != nil {
		return nil, err
	}
	m.Set("extensions_by_oid", byOID(r.Extensions))
	m.Set("signature_valid", value.Bool(r.Valid()))
	return m, nil
}

// timeFormat is that of ASN.1, which times are told in.
const timeFormat = "20060102150405Z"

// TimeText writes a time as ASN.1 does.
func TimeText(t time.Time) string { return t.UTC().Format(timeFormat) }

// Info tells about a certificate.
func (c *Certificate) Info(h How) (*value.Map, error) {
	m := value.M("signature_algorithm", oidName(c.signed.Algorithm.Algorithm))
	nameInfo(m, "subject", c.Subject)
	nameInfo(m, "issuer", c.Issuer)
	m.Set("version", value.Int(int64(c.Version)))
	if err := extensionsInfo(m, c.Extensions, h, false); err != nil {
		return nil, err
	}
	m.Set("not_before", value.String(TimeText(c.NotBefore)))
	m.Set("not_after", value.String(TimeText(c.NotAfter)))
	m.Set("expired", value.Bool(c.NotAfter.Before(h.Now)))
	if err := publicInfo(m, c.Public, h); err != nil {
		return nil, err
	}
	m.Set("fingerprints", Fingerprints(c.DER, h.One))
	if err := keyIDInfo(m, c.Extensions, h); err != nil {
		return nil, err
	}
	m.Set("serial_number", value.BigInt(c.Serial))
	m.Set("extensions_by_oid", byOID(c.Extensions))
	m.Set("ocsp_uri", c.access(oidOCSP))
	m.Set("issuer_uri", c.access(oidIssuers))
	return m, nil
}

func publicInfo(m *value.Map, public crypto.PublicKey, h How) error {
	text, err := PublicPEM(public)
	if err != nil {
		return err
	}
	of, err := PublicInfo(public, h)
	if err != nil {
		return err
	}
	m.Set("public_key", value.String(string(text)))
	for _, to := range [][2]string{{"type", "public_key_type"}, {"public_data", "public_key_data"}, {"fingerprints", "public_key_fingerprints"}} {
		v, _ := of.Get(to[0])
		m.Set(to[1], v)
	}
	return nil
}

func byOID(exts []pkix.Extension) value.Value {
	m := value.NewMap()
	for _, e := range exts {
		m.Set(e.Id.String(), value.FromMap(value.M("critical", e.Critical, "value", base64.StdEncoding.EncodeToString(e.Value))))
	}
	return value.FromMap(m)
}

// extensionsInfo tells the extensions that have words of their own. constraints
// adds those on names, which only requests tell.
func extensionsInfo(m *value.Map, exts []pkix.Extension, h How, constraints bool) error {
	for _, x := range []struct {
		key  string
		id   asn1.ObjectIdentifier
		read func(der []byte) (value.Value, error)
	}{
		{"key_usage", OIDKeyUsage, readKeyUsage},
		{"extended_key_usage", OIDExtKeyUsage, readExtKeyUsage},
		{"basic_constraints", OIDBasicConstraints, readBasicConstraints},
		{"ocsp_must_staple", OIDTLSFeature, readMustStaple},
		{"subject_alt_name", OIDSubjectAltName, func(der []byte) (value.Value, error) { return readNames(der, "", h) }},
	} {
		e, ok := Find(exts, x.id)
		v := value.Null
		if ok {
			var err error
			if v, err = x.read(e.Value); err != nil {
				return fmt.Errorf("the extension %s cannot be read: %w", x.key, err)
			}
		}
		m.Set(x.key, v)
		m.Set(x.key+"_critical", value.Bool(e.Critical))
	}
	if !constraints {
		return nil
	}
	e, ok := Find(exts, OIDNameConstraints)
	permitted, excluded := value.Null, value.Null
	if ok {
		var n nameConstraints
		if _, err := asn1.Unmarshal(e.Value, &n); err != nil {
			return err
		}
		var err error
		if permitted, err = subtreeNames(n.Permitted, h); err != nil {
			return err
		}
		if excluded, err = subtreeNames(n.Excluded, h); err != nil {
			return err
		}
	}
	m.Set("name_constraints_permitted", permitted)
	m.Set("name_constraints_excluded", excluded)
	m.Set("name_constraints_critical", value.Bool(e.Critical))
	return nil
}

func subtreeNames(trees []subtree, h How) (value.Value, error) {
	var raw []asn1.RawValue
	for _, t := range trees {
		raw = append(raw, t.Base)
	}
	return namesOf(raw, h)
}

func namesOf(raw []asn1.RawValue, h How) (value.Value, error) {
	out := make([]string, len(raw))
	for i, v := range raw {
		var err error
		if out[i], err = decodeGeneralName(v, h.Names); err != nil {
			return value.Null, err
		}
	}
	return value.Strings(out...), nil
}

func readNames(der []byte, params string, h How) (value.Value, error) {
	var raw []asn1.RawValue
	if _, err := asn1.UnmarshalWithParams(der, &raw, params); err != nil {
		return value.Null, err
	}
	return namesOf(raw, h)
}

func readKeyUsage(der []byte) (value.Value, error) {
	var b asn1.BitString
	if _, err := asn1.Unmarshal(der, &b); err != nil {
		return value.Null, err
	}
	out := []string{}
	for i, k := range keyUsages {
		if b.At(i) == 1 && (i < 7 || b.At(keyAgreement) == 1) {
			out = append(out, k[0])
		}
	}
	slices.Sort(out)
	return value.Strings(out...), nil
}

func readExtKeyUsage(der []byte) (value.Value, error) {
	var ids []asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(der, &ids); err != nil {
		return value.Null, err
	}
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = oidName(id)
	}
	slices.Sort(out)
	return value.Strings(out...), nil
}

func readBasicConstraints(der []byte) (value.Value, error) {
	var b basicConstraints
	if _, err := asn1.Unmarshal(der, &b); err != nil {
		return value.Null, err
	}
	out := []string{"CA:FALSE"}
	if b.CA {
		out[0] = "CA:TRUE"
	}
	if b.PathLen >= 0 {
		out = append(out, fmt.Sprintf("pathlen:%d", b.PathLen))
	}
	return value.Strings(out...), nil
}

func readMustStaple(der []byte) (value.Value, error) {
	var features []int
	if _, err := asn1.Unmarshal(der, &features); err != nil {
		return value.Null, err
	}
	const statusRequest = 5
	return value.Bool(slices.Contains(features, statusRequest)), nil
}

// keyIDInfo tells the identifiers of the key and of who signs.
func keyIDInfo(m *value.Map, exts []pkix.Extension, h How) error {
	id := value.Null
	if b, ok := keyIDOf(exts); ok {
		id = value.String(Hex(b))
	}
	m.Set("subject_key_identifier", id)
	authority, issuer, serial := value.Null, value.Null, value.Null
	if e, ok := Find(exts, OIDAuthorityKeyID); ok {
		var a authorityKeyID
		if _, err := asn1.Unmarshal(e.Value, &a); err != nil {
			return fmt.Errorf("the identifier of who signs cannot be read: %w", err)
		}
		if a.KeyID != nil {
			authority = value.String(Hex(a.KeyID))
		}
		if a.Issuer != nil {
			var err error
			if issuer, err = namesOf(a.Issuer, h); err != nil {
				return err
			}
		}
		if a.Serial != nil {
			serial = value.BigInt(a.Serial)
		}
	}
	m.Set("authority_key_identifier", authority)
	m.Set("authority_cert_issuer", issuer)
	m.Set("authority_cert_serial_number", serial)
	return nil
}

// access is the first address of a kind at which the issuer is reached.
func (c *Certificate) access(method asn1.ObjectIdentifier) value.Value {
	e, ok := Find(c.Extensions, oidInfoAccess)
	if !ok {
		return value.Null
	}
	var all []struct {
		Method   asn1.ObjectIdentifier
		Location asn1.RawValue
	}
	if _, err := asn1.Unmarshal(e.Value, &all); err != nil {
		return value.Null
	}
	for _, a := range all {
		if a.Method.Equal(method) && a.Location.Tag == tagURI {
			return value.String(string(a.Location.Bytes))
		}
	}
	return value.Null
}
