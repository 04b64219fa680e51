package pki

import (
	"crypto/hmac"
	"crypto/x509"
	"encoding/asn1"
	"errors"
)

// Errors of a file that cannot be read, in the words of Python's cryptography.
var (
	errBundle           = Says("Could not deserialize PKCS12 data")
	errBundlePassphrase = Says("Invalid password or PKCS12 data")
)

// ParseBundle reads a PKCS #12 file. The certificate is the first one of the key;
// without a key all are others, and nothing has a name. What is encrypted by RC2 or
// RC4 is an error.
func ParseBundle(data []byte, passphrase string) (Bundle, error) {
	var p pfx
	var text []byte
	var safes []contentInfo
	if rest, err := asn1.Unmarshal(data, &p); err != nil || len(rest) > 0 || !p.Safe.Type.Equal(oidData) {
		return Bundle{}, errBundle
	}
	if _, err := asn1.Unmarshal(p.Safe.Content.Bytes, &text); err != nil {
		return Bundle{}, errBundle
	}
	if err := p.MAC.check(passphrase, text); err != nil {
		return Bundle{}, err
	}
	if _, err := asn1.Unmarshal(text, &safes); err != nil {
		return Bundle{}, errBundlePassphrase
	}
	var r bundleReader
	for _, s := range safes {
		bags, err := s.bags(passphrase)
		if err != nil {
			return Bundle{}, err
		}
		for _, b := range bags {
			if err := r.take(b, passphrase); err != nil {
				return Bundle{}, err
			}
		}
	}
	return r.bundle(), nil
}

// check compares the checksum. An empty passphrase may have been none.
func (m macData) check(passphrase string, text []byte) error {
	switch {
	case len(m.MAC.Algorithm.Algorithm) == 0:
		return errBundlePassphrase
	case m.Rounds < 1 || m.Rounds > maxRounds:
		return errBundle
	case macHashes[m.MAC.Algorithm.Algorithm.String()] == nil:
		return errors.New("a PKCS #12 file with a checksum of the kind " + m.MAC.Algorithm.Algorithm.String() + " cannot be read here")
	}
	pass, err := pkcs12Passphrase(passphrase)
	if err != nil {
		return errBundlePassphrase
	}
	if hmac.Equal(m.sum(pass, text), m.MAC.Digest) || passphrase == "" && hmac.Equal(m.sum(nil, text), m.MAC.Digest) {
		return nil
	}
	return errBundlePassphrase
}

// bags are what a part of the file holds.
func (c contentInfo) bags(passphrase string) ([]safeBag, error) {
	var text []byte
	switch {
	case c.Type.Equal(oidData):
		if _, err := asn1.Unmarshal(c.Content.Bytes, &text); err != nil {
			return nil, errBundlePassphrase
		}
	case c.Type.Equal(oidEncryptedData):
		var e encryptedData
		_, err := asn1.Unmarshal(c.Content.Bytes, &e)
		if err != nil {
			return nil, errBundlePassphrase
		}
		if text, err = decryptPKCS12(e.Content.Algorithm, e.Content.Data, passphrase); err != nil {
			return nil, err
		}
	default:
		return nil, nil
	}
	var bags []safeBag
	if _, err := asn1.Unmarshal(text, &bags); err != nil {
		return nil, errBundlePassphrase
	}
	return bags, nil
}

type namedCertificate struct {
	der  []byte
	name []byte
}

type bundleReader struct {
	key   *Key
	certs []namedCertificate
}

// take reads one bag; those of other kinds (revocations, secrets) are left out.
func (r *bundleReader) take(b safeBag, passphrase string) error {
	der := b.Value.Bytes
	switch {
	case b.ID.Equal(oidCertBag):
		var c certBag
		if _, err := asn1.Unmarshal(der, &c); err != nil {
			return errBundlePassphrase
		}
		if c.ID.Equal(oidX509Bag) {
			r.certs = append(r.certs, namedCertificate{c.Data, b.name()})
		}
		return nil
	case b.ID.Equal(oidShroudedBag):
		var k encryptedKey
		_, err := asn1.Unmarshal(der, &k)
		if err != nil {
			return errBundlePassphrase
		}
		if der, err = decryptPKCS12(k.Algorithm, k.Data, passphrase); err != nil {
			return err
		}
	case !b.ID.Equal(oidKeyBag):
		return nil
	}
	if r.key != nil {
		return nil
	}
	k, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return err
	}
	r.key = &Key{k}
	return nil
}

// name is the friendly name of a bag.
func (b safeBag) name() []byte {
	for _, a := range b.Attributes {
		var text asn1.RawValue
		if !a.ID.Equal(oidFriendlyName) {
			continue
		}
		if _, err := asn1.Unmarshal(a.Value.Bytes, &text); err == nil && text.Tag == asn1.TagBMPString {
			return []byte(ofBMP(text.Bytes))
		}
	}
	return nil
}

func (r *bundleReader) bundle() Bundle {
	b := Bundle{Key: r.key}
	for _, c := range r.certs {
		if b.Key != nil && b.Certificate == nil {
			if parsed, err := ParseCertificate(c.der, true); err == nil && SamePublic(parsed.Public, b.Key.Public()) {
				b.Certificate, b.Name = c.der, c.name
				continue
			}
		}
		b.Others = append(b.Others, c.der)
	}
	return b
}
