package pki

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"hash"
	"io"
)

// Bundle is what a PKCS #12 file (RFC 7292) holds: a key, its certificate and
// others, in DER, and the name that both carry. nil is none.
type Bundle struct {
	Key         *Key
	Certificate []byte
	Others      [][]byte
	Name        []byte
}

// Sealing is how a Bundle is protected. An empty Passphrase is no encryption.
type Sealing struct {
	Passphrase string
	// Old takes 3DES and SHA-1, which programs before 2022 read, in place of AES-256
	// and SHA-256.
	Old bool
	// Rounds are those of the encryption, MACRounds those of the checksum.
	Rounds, MACRounds int
}

var (
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidEncryptedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
	oidKeyBag        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 1}
	oidShroudedBag   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 2}
	oidCertBag       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidX509Bag       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
	oidFriendlyName  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 20}
	oidLocalKeyID    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 21}
	oidSHA1          = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	oidSHA256        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
)

type pfx struct {
	Version int
	Safe    contentInfo
	MAC     macData `asn1:"optional"`
}

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"tag:0,explicit,optional"`
}

type macData struct {
	MAC struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}
	Salt   []byte
	Rounds int `asn1:"optional,default:1"`
}

type encryptedData struct {
	Version int
	Content struct {
		Type      asn1.ObjectIdentifier
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte `asn1:"tag:0,optional"`
	}
}

type safeBag struct {
	ID         asn1.ObjectIdentifier
	Value      asn1.RawValue  `asn1:"tag:0,explicit"`
	Attributes []bagAttribute `asn1:"set,optional"`
}

type bagAttribute struct {
	ID    asn1.ObjectIdentifier
	Value asn1.RawValue `asn1:"set"`
}

type certBag struct {
	ID   asn1.ObjectIdentifier
	Data []byte `asn1:"tag:0,explicit"`
}

// macHashes are the hashes of checksums by their numbers.
var macHashes = map[string]func() hash.Hash{
	oidSHA1.String(): sha1.New, oidSHA256.String(): sha256.New,
	"2.16.840.1.101.3.4.2.4": sha256.New224, "2.16.840.1.101.3.4.2.2": sha512.New384, "2.16.840.1.101.3.4.2.3": sha512.New,
}

// within wraps DER in an explicit tag 0.
func within(der []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: der}
}

// Marshal writes the bundle; entropy gives the salts. A key that does not belong to
// the certificate is an error.
func (b Bundle) Marshal(s Sealing, entropy [32]byte) ([]byte, error) {
	if b.Key == nil && b.Certificate == nil && len(b.Others) == 0 {
		return nil, Says("You must supply at least one of key, cert, or cas")
	}
	random := stream(entropy, "pkcs12")
	id, err := b.keyID()
	if err != nil {
		return nil, err
	}
	marks, err := b.attributes(id)
	if err != nil {
		return nil, err
	}
	var safes []contentInfo
	var certs []safeBag
	add := func(der []byte, marks []bagAttribute) error {
		body, err := asn1.Marshal(certBag{oidX509Bag, der})
		certs = append(certs, safeBag{oidCertBag, within(body), marks})
		return err
	}
	if b.Certificate != nil {
		if err := add(b.Certificate, marks); err != nil {
			return nil, err
		}
	}
	for _, der := range b.Others {
		if err := add(der, nil); err != nil {
			return nil, err
		}
	}
	if len(certs) > 0 {
		safe, err := s.safe(certs, s.Passphrase != "", random)
		if err != nil {
			return nil, err
		}
		safes = append(safes, safe)
	}
	if b.Key != nil {
		bag, err := s.keyBag(*b.Key, random)
		if err != nil {
			return nil, err
		}
		bag.Attributes = marks
		safe, err := s.safe([]safeBag{bag}, false, random)
		if err != nil {
			return nil, err
		}
		safes = append(safes, safe)
	}
	return s.seal(safes, random)
}

// keyID is what ties the key to its certificate: the sum of the latter.
func (b Bundle) keyID() ([]byte, error) {
	if b.Key == nil || b.Certificate == nil {
		return nil, nil
	}
	c, err := ParseCertificate(b.Certificate, true)
	if err != nil {
		return nil, err
	}
	if !SamePublic(c.Public, b.Key.Public()) {
		return nil, errors.New("the private key does not belong to the certificate")
	}
	sum := sha1.Sum(b.Certificate)
	return sum[:], nil
}

// attributes are those of the key and its certificate.
func (b Bundle) attributes(id []byte) ([]bagAttribute, error) {
	var out []bagAttribute
	if b.Name != nil {
		text, err := bmpString(string(b.Name))
		if err != nil {
			return nil, err
		}
		der, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagBMPString, Bytes: text})
		if err != nil {
			return nil, err
		}
		out = append(out, bagAttribute{oidFriendlyName, set(der)})
	}
	if id != nil {
		der, err := asn1.Marshal(id)
		if err != nil {
			return nil, err
		}
		out = append(out, bagAttribute{oidLocalKeyID, set(der)})
	}
	return out, nil
}

func set(der []byte) asn1.RawValue {
	return asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: der}
}

func (s Sealing) encrypt(plain []byte, random io.Reader) (pkix.AlgorithmIdentifier, []byte, error) {
	if s.Old {
		return encryptPBE1(plain, s.Passphrase, s.Rounds, random)
	}
	return encryptPBES2(plain, s.Passphrase, s.Rounds, random)
}

func (s Sealing) keyBag(k Key, random io.Reader) (safeBag, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.PrivateKey)
	if err != nil || s.Passphrase == "" {
		return safeBag{ID: oidKeyBag, Value: within(der)}, err
	}
	by, data, err := s.encrypt(der, random)
	if err != nil {
		return safeBag{}, err
	}
	der, err = asn1.Marshal(encryptedKey{by, data})
	return safeBag{ID: oidShroudedBag, Value: within(der)}, err
}

func (s Sealing) safe(bags []safeBag, encrypted bool, random io.Reader) (contentInfo, error) {
	der, err := asn1.Marshal(bags)
	if err != nil {
		return contentInfo{}, err
	}
	if !encrypted {
		der, err = asn1.Marshal(der)
		return contentInfo{oidData, within(der)}, err
	}
	var e encryptedData
	e.Content.Type = oidData
	if e.Content.Algorithm, e.Content.Data, err = s.encrypt(der, random); err != nil {
		return contentInfo{}, err
	}
	der, err = asn1.Marshal(e)
	return contentInfo{oidEncryptedData, within(der)}, err
}

// seal puts all together, with a checksum.
func (s Sealing) seal(safes []contentInfo, random io.Reader) ([]byte, error) {
	text, err := asn1.Marshal(safes)
	if err != nil {
		return nil, err
	}
	body, err := asn1.Marshal(text)
	if err != nil {
		return nil, err
	}
	const version = 3
	p := pfx{Version: version, Safe: contentInfo{oidData, within(body)}}
	p.MAC.Salt, p.MAC.Rounds = make([]byte, 8), s.MACRounds
	if _, err := io.ReadFull(random, p.MAC.Salt); err != nil {
		return nil, err
	}
	by := oidSHA256
	if s.Old {
		by = oidSHA1
	}
	p.MAC.MAC.Algorithm = pkix.AlgorithmIdentifier{Algorithm: by, Parameters: asn1.NullRawValue}
	pass, err := pkcs12Passphrase(s.Passphrase)
	if err != nil {
		return nil, err
	}
	if s.Passphrase == "" {
		pass = nil // as OpenSSL does without a passphrase
	}
	p.MAC.MAC.Digest = p.MAC.sum(pass, text)
	return asn1.Marshal(p)
}

// sum is the checksum of a text; nil when its hash is not known here.
func (m macData) sum(pass, text []byte) []byte {
	h, known := macHashes[m.MAC.Algorithm.Algorithm.String()]
	if !known {
		return nil
	}
	mac := hmac.New(h, pkcs12Key(h, pass, m.Salt, m.Rounds, forMAC, h().Size()))
	mac.Write(text)
	return mac.Sum(nil)
}

// sameSet tells whether two lists hold the same certificates, in whatever order.
func sameSet(a, b [][]byte) bool {
	in := func(x []byte, of [][]byte) bool {
		for _, y := range of {
			if bytes.Equal(x, y) {
				return true
			}
		}
		return false
	}
	for _, x := range a {
		if !in(x, b) {
			return false
		}
	}
	for _, x := range b {
		if !in(x, a) {
			return false
		}
	}
	return true
}

// Same tells whether two bundles hold the same; the name matters where there is a
// key.
func (b Bundle) Same(o Bundle) bool {
	if (b.Key == nil) != (o.Key == nil) || b.Key != nil && !SamePublic(b.Key.Public(), o.Key.Public()) {
		return false
	}
	if !bytes.Equal(b.Certificate, o.Certificate) || !sameSet(b.Others, o.Others) {
		return false
	}
	return b.Key == nil || bytes.Equal(b.Name, o.Name)
}
