package pki

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"
)

type signedCertificate struct {
	TBS       tbsCertificate
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

type tbsCertificate struct {
	Raw        asn1.RawContent
	Version    int `asn1:"optional,explicit,default:0,tag:0"`
	Serial     *big.Int
	Algorithm  pkix.AlgorithmIdentifier
	Issuer     asn1.RawValue
	Validity   validity
	Subject    asn1.RawValue
	Public     publicKeyInfo
	IssuerID   asn1.BitString   `asn1:"optional,tag:1"`
	SubjectID  asn1.BitString   `asn1:"optional,tag:2"`
	Extensions []pkix.Extension `asn1:"omitempty,optional,explicit,tag:3"`
}

type validity struct{ NotBefore, NotAfter time.Time }

// Certificate is an X.509 certificate.
type Certificate struct {
	Subject, Issuer       []Attribute
	RawSubject, RawIssuer []byte
	Version               int
	Serial                *big.Int
	NotBefore, NotAfter   time.Time
	Public                crypto.PublicKey
	Extensions            []pkix.Extension
	DER                   []byte
	signed                signedCertificate
}

// Template is what a certificate is made of. Subject and Issuer are names in DER.
type Template struct {
	Subject, Issuer     []byte
	Serial              *big.Int
	NotBefore, NotAfter time.Time
	Public              crypto.PublicKey
	Extensions          []pkix.Extension
}

// Sign makes the certificate, in PEM, signed with the issuer's key.
func (t Template) Sign(k Key, digest string) ([]byte, error) {
	s, id, err := algorithmFor(k, digest)
	if err != nil {
		return nil, err
	}
	const version3 = 2
	tbs := tbsCertificate{Version: version3, Serial: t.Serial, Algorithm: id, Issuer: asn1.RawValue{FullBytes: t.Issuer},
		Subject: asn1.RawValue{FullBytes: t.Subject}, Validity: validity{t.NotBefore.UTC().Truncate(time.Second), t.NotAfter.UTC().Truncate(time.Second)}, Extensions: t.Extensions}
	if t.NotAfter.Before(t.NotBefore) {
		return nil, Says("The not valid after date must be after the not valid before date.")
	}
	if tbs.Public, err = infoOf(t.Public); err != nil {
		return nil, err
	}
	text, sig, err := s.seal(k, tbs)
	if err != nil {
		return nil, err
	}
	der, err := asn1.Marshal(signedCertificate{tbsCertificate{Raw: text}, id, sig})
	return writePEM("CERTIFICATE", der), err
}

// ParseCertificate reads a certificate in PEM, or with der in DER too.
func ParseCertificate(data []byte, der bool) (*Certificate, error) {
	body := data
	if !der || IsPEM(data) {
		block, _ := pem.Decode(data)
		for rest := data; block != nil && block.Type != "CERTIFICATE" && block.Type != "X509 CERTIFICATE"; {
			block, rest = pem.Decode(rest)
		}
		if block == nil {
			return nil, errors.New("there is no certificate in PEM")
		}
		body = block.Bytes
	}
	c := &Certificate{DER: body}
	if _, err := asn1.Unmarshal(body, &c.signed); err != nil {
		return nil, fmt.Errorf("the certificate cannot be read: %w", err)
	}
	tbs := c.signed.TBS
	var err error
	c.RawSubject, c.RawIssuer = tbs.Subject.FullBytes, tbs.Issuer.FullBytes
	if c.Subject, err = ParseName(c.RawSubject); err != nil {
		return nil, fmt.Errorf("the certificate's subject cannot be read: %w", err)
	}
	if c.Issuer, err = ParseName(c.RawIssuer); err != nil {
		return nil, fmt.Errorf("the certificate's issuer cannot be read: %w", err)
	}
	if c.Public, err = x509.ParsePKIXPublicKey(tbs.Public.Raw); err != nil {
		return nil, fmt.Errorf("the certificate's public key cannot be read: %w", err)
	}
	c.Version, c.Serial, c.Extensions = tbs.Version+1, tbs.Serial, tbs.Extensions
	c.NotBefore, c.NotAfter = tbs.Validity.NotBefore.UTC(), tbs.Validity.NotAfter.UTC()
	return c, nil
}

// PEM is the certificate in PEM.
func (c *Certificate) PEM() string { return string(writePEM("CERTIFICATE", c.DER)) }

// SignedBy tells whether the owner of a public key signed the certificate.
func (c *Certificate) SignedBy(public crypto.PublicKey) bool {
	return verify(public, c.signed.Algorithm, c.signed.TBS.Raw, c.signed.Signature)
}

// KeyID is the identifier of the certificate's key that it tells itself.
func (c *Certificate) KeyID() ([]byte, bool) { return keyIDOf(c.Extensions) }

// KeyID is the identifier of the key that the request asks for.
func (r *Request) KeyID() ([]byte, bool) { return keyIDOf(r.Extensions) }

func keyIDOf(exts []pkix.Extension) ([]byte, bool) {
	e, ok := Find(exts, OIDSubjectKeyID)
	if !ok {
		return nil, false
	}
	var id []byte
	_, err := asn1.Unmarshal(e.Value, &id)
	return id, err == nil
}

// NewSerial makes a serial number of 159 bits out of a seed.
func NewSerial(seed [32]byte) *big.Int {
	b := make([]byte, 20)
	_, _ = io.ReadFull(stream(seed, "serial"), b) // it never ends
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b)
}
