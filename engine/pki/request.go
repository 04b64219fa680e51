package pki

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
)

type signedRequest struct {
	TBS       tbsRequest
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

type tbsRequest struct {
	Raw        asn1.RawContent
	Version    int
	Subject    asn1.RawValue
	Public     publicKeyInfo
	Attributes []asn1.RawValue `asn1:"set,tag:0"`
}

type requestAttribute struct {
	Type   asn1.ObjectIdentifier
	Values asn1.RawValue `asn1:"set"`
}

// Request is a certificate signing request (PKCS #10).
type Request struct {
	Subject    []Attribute
	RawSubject []byte
	Public     crypto.PublicKey
	Extensions []pkix.Extension
	signed     signedRequest
}

// NewRequest makes a request, in PEM.
func NewRequest(subject []Attribute, exts []pkix.Extension, k Key, digest string) ([]byte, error) {
	s, id, err := algorithmFor(k, digest)
	if err != nil {
		return nil, err
	}
	name, err := MarshalName(subject)
	if err != nil {
		return nil, err
	}
	tbs := tbsRequest{Subject: asn1.RawValue{FullBytes: name}}
	if tbs.Public, err = infoOf(k.Public()); err != nil {
		return nil, err
	}
	if len(exts) > 0 {
		list, err := asn1.Marshal(exts)
		if err != nil {
			return nil, err
		}
		attr, err := asn1.Marshal(requestAttribute{oidExtensionRequest, asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: list}})
		if err != nil {
			return nil, err
		}
		tbs.Attributes = []asn1.RawValue{{FullBytes: attr}}
	}
	text, sig, err := s.seal(k, tbs)
	if err != nil {
		return nil, err
	}
	der, err := asn1.Marshal(signedRequest{tbsRequest{Raw: text}, id, sig})
	return writePEM("CERTIFICATE REQUEST", der), err
}

func infoOf(public crypto.PublicKey) (publicKeyInfo, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return publicKeyInfo{}, err
	}
	var info publicKeyInfo
	_, err = asn1.Unmarshal(der, &info)
	return info, err
}

// ParseRequest reads a request in PEM.
func ParseRequest(data []byte) (*Request, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE REQUEST" && block.Type != "NEW CERTIFICATE REQUEST" {
		return nil, errors.New("there is no certificate signing request in PEM")
	}
	r := &Request{}
	if _, err := asn1.Unmarshal(block.Bytes, &r.signed); err != nil {
		return nil, fmt.Errorf("the certificate signing request cannot be read: %w", err)
	}
	tbs := r.signed.TBS
	var err error
	r.RawSubject = tbs.Subject.FullBytes
	if r.Subject, err = ParseName(r.RawSubject); err != nil {
		return nil, fmt.Errorf("the request's subject cannot be read: %w", err)
	}
	if r.Public, err = x509.ParsePKIXPublicKey(tbs.Public.Raw); err != nil {
		return nil, fmt.Errorf("the request's public key cannot be read: %w", err)
	}
	for _, raw := range tbs.Attributes {
		var a requestAttribute
		if _, err := asn1.Unmarshal(raw.FullBytes, &a); err != nil || !a.Type.Equal(oidExtensionRequest) {
			continue
		}
		if _, err := asn1.Unmarshal(a.Values.Bytes, &r.Extensions); err != nil {
			return nil, fmt.Errorf("the request's extensions cannot be read: %w", err)
		}
	}
	return r, nil
}

// Valid tells whether the owner of the request's key signed it.
func (r *Request) Valid() bool {
	return verify(r.Public, r.signed.Algorithm, r.signed.TBS.Raw, r.signed.Signature)
}
