package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha1" // hashes of signatures
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"maps"
)

// digests are the hashes that one may ask to sign with.
var digests = map[string]crypto.Hash{"sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512, "sha1": crypto.SHA1, "md5": crypto.MD5}

type signing struct {
	oid  asn1.ObjectIdentifier
	kind string
	hash crypto.Hash
}

// signings are the ways of signing that are known: those of RSA by PKCS #1 1.5.
var signings = []signing{
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 4}, "RSA", crypto.MD5},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 5}, "RSA", crypto.SHA1},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 14}, "RSA", crypto.SHA224},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, "RSA", crypto.SHA256},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}, "RSA", crypto.SHA384},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}, "RSA", crypto.SHA512},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}, "ECC", crypto.SHA1},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 1}, "ECC", crypto.SHA224},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}, "ECC", crypto.SHA256},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}, "ECC", crypto.SHA384},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}, "ECC", crypto.SHA512},
	{asn1.ObjectIdentifier{1, 3, 101, 112}, "Ed25519", 0},
}

// NeedsDigest tells whether signing with the key takes a hash that is named.
func NeedsDigest(k Key) bool { return k.Type() != "Ed25519" }

// KnownDigest tells whether a hash can be asked for.
func KnownDigest(name string) bool { _, ok := digests[name]; return ok }

// algorithmFor gives the way in which a key signs by a hash.
func algorithmFor(k Key, digest string) (signing, pkix.AlgorithmIdentifier, error) {
	for _, s := range signings {
		if s.kind != k.Type() || NeedsDigest(k) && s.hash != digests[digest] {
			continue
		}
		id := pkix.AlgorithmIdentifier{Algorithm: s.oid}
		if s.kind == "RSA" {
			id.Parameters = asn1.NullRawValue
		}
		return s, id, nil
	}
	return signing{}, pkix.AlgorithmIdentifier{}, fmt.Errorf("a key of type %s cannot sign with the digest %q", k.Type(), digest)
}

// seal gives what is to be signed in DER, and its signature.
func (s signing) seal(k Key, what any) (text []byte, sig asn1.BitString, err error) {
	if text, err = asn1.Marshal(what); err != nil {
		return nil, sig, err
	}
	sig, err = s.sign(k, text)
	return text, sig, err
}

// sign signs so that the same text gets the same signature (RFC 6979 for ECDSA).
func (s signing) sign(k Key, text []byte) (asn1.BitString, error) {
	signer, err := k.Signer()
	if err != nil {
		return asn1.BitString{}, err
	}
	sum := text
	if s.hash != 0 {
		h := s.hash.New()
		h.Write(text)
		sum = h.Sum(nil)
	}
	sig, err := signer.Sign(nil, sum, s.hash)
	return asn1.BitString{Bytes: sig, BitLength: len(sig) * 8}, err
}

// verify tells whether a text was signed by the owner of a public key.
func verify(public crypto.PublicKey, id pkix.AlgorithmIdentifier, text []byte, sig asn1.BitString) bool {
	for _, s := range signings {
		if !s.oid.Equal(id.Algorithm) || s.kind != typeOf(public) {
			continue
		}
		sum := text
		if s.hash != 0 {
			h := s.hash.New()
			h.Write(text)
			sum = h.Sum(nil)
		}
		switch p := public.(type) {
		case *rsa.PublicKey:
			return rsa.VerifyPKCS1v15(p, s.hash, sum, sig.RightAlign()) == nil
		case *ecdsa.PublicKey:
			return ecdsa.VerifyASN1(p, sum, sig.RightAlign())
		case ed25519.PublicKey:
			return ed25519.Verify(p, sum, sig.RightAlign())
		}
	}
	return false
}

// SameExtension tells whether two extensions are equal.
func SameExtension(a, b pkix.Extension) bool {
	return a.Id.Equal(b.Id) && a.Critical == b.Critical && bytes.Equal(a.Value, b.Value)
}

// SameElements tells whether two lists in DER have the same elements, in whatever
// order.
func SameElements(a, b []byte) bool {
	set := func(der []byte) (map[string]bool, bool) {
		var all []asn1.RawValue
		_, err := asn1.Unmarshal(der, &all)
		m := map[string]bool{}
		for _, v := range all {
			m[string(v.FullBytes)] = true
		}
		return m, err == nil
	}
	x, ok := set(a)
	y, also := set(b)
	return ok && also && maps.Equal(x, y)
}
