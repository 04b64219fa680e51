package pki

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// Errors of a passphrase that does not fit.
var (
	ErrNeedsPassphrase = Says("Wrong or empty passphrase provided for private key")
	ErrPassphrase      = Says("Wrong passphrase provided for private key")
)

// Key is a private key: *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey or
// an *ecdh.PrivateKey of X25519.
type Key struct{ crypto.PrivateKey }

// Public is the public key.
func (k Key) Public() crypto.PublicKey {
	return k.PrivateKey.(interface{ Public() crypto.PublicKey }).Public()
}

// Signer is what signs with the key; an X25519 key signs nothing.
func (k Key) Signer() (crypto.Signer, error) {
	s, ok := k.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %s cannot sign", k.Type())
	}
	return s, nil
}

// Type is RSA, ECC, Ed25519 or X25519.
func (k Key) Type() string { return typeOf(k.Public()) }

// Size is the length of an RSA key's modulus in bits; 0 for others.
func (k Key) Size() int {
	if r, ok := k.PrivateKey.(*rsa.PrivateKey); ok {
		return r.N.BitLen()
	}
	return 0
}

// Curve is the name of an ECC key's curve, such as secp256r1; "" for others.
func (k Key) Curve() string {
	if e, ok := k.PrivateKey.(*ecdsa.PrivateKey); ok {
		return curveName(e.Curve)
	}
	return ""
}

// PublicDER is the public key as SubjectPublicKeyInfo.
func (k Key) PublicDER() ([]byte, error) { return x509.MarshalPKIXPublicKey(k.Public()) }

func typeOf(public crypto.PublicKey) string {
	switch public.(type) {
	case *rsa.PublicKey:
		return "RSA"
	case *ecdsa.PublicKey:
		return "ECC"
	case ed25519.PublicKey:
		return "Ed25519"
	case *ecdh.PublicKey:
		return "X25519"
	}
	return fmt.Sprintf("unknown (%T)", public)
}

// curves are the elliptic curves by the names that keys are asked for with.
var curves = map[string]elliptic.Curve{
	"secp224r1": elliptic.P224(), "secp256r1": elliptic.P256(), "secp384r1": elliptic.P384(), "secp521r1": elliptic.P521(),
}

func curveName(c elliptic.Curve) string {
	for name, known := range curves {
		if known == c {
			return name
		}
	}
	return c.Params().Name
}

// ParseKey reads a private key in PEM. passphrase nil means that there is none;
// one that is given for a key without one is an error, as in Python's
// cryptography.
func ParseKey(data []byte, passphrase *string) (Key, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if KeyFormat(pem.EncodeToMemory(&pem.Block{Type: block.Type})) == "unknown-pem" {
			continue // parameters of a curve may stand first
		}
		der, err := decrypt(block, passphrase)
		if err != nil {
			return Key{}, err
		}
		return parseKeyDER(block.Type, der)
	}
	return Key{}, errors.New("there is no private key in PEM")
}

func decrypt(block *pem.Block, passphrase *string) ([]byte, error) {
	//lint:ignore SA1019 hosts have such keys
	old := x509.IsEncryptedPEMBlock(block)
	switch {
	case !old && block.Type != "ENCRYPTED PRIVATE KEY":
		if passphrase != nil {
			return nil, ErrNeedsPassphrase
		}
		return block.Bytes, nil
	case passphrase == nil || *passphrase == "":
		return nil, ErrNeedsPassphrase
	case old:
		//lint:ignore SA1019 hosts have such keys
		der, err := x509.DecryptPEMBlock(block, []byte(*passphrase))
		if err != nil {
			return nil, ErrPassphrase
		}
		return der, nil
	}
	return decryptPKCS8(block.Bytes, *passphrase)
}

func parseKeyDER(name string, der []byte) (Key, error) {
	var k any
	var err error
	switch name {
	case "RSA PRIVATE KEY":
		k, err = x509.ParsePKCS1PrivateKey(der)
	case "EC PRIVATE KEY":
		k, err = x509.ParseECPrivateKey(der)
	case "PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
		k, err = x509.ParsePKCS8PrivateKey(der)
	default:
		return Key{}, fmt.Errorf("a key of the kind %q cannot be read here", name)
	}
	if err != nil {
		return Key{}, fmt.Errorf("the private key cannot be read: %w", err)
	}
	return Key{k}, nil
}

// ParseRawKey reads the 32 bytes of a key of Ed25519 or X25519.
func ParseRawKey(data []byte, kind string) (Key, error) {
	if len(data) != ed25519.SeedSize {
		return Key{}, Says("Cannot load raw key")
	}
	if kind == "Ed25519" {
		return Key{ed25519.NewKeyFromSeed(data)}, nil
	}
	k, err := ecdh.X25519().NewPrivateKey(data)
	return Key{k}, err
}

// Marshal writes the key: format is pkcs1, pkcs8 or raw. With a passphrase it is
// encrypted with AES-256; entropy gives the salt.
func (k Key) Marshal(format string, passphrase string, entropy [32]byte) ([]byte, error) {
	refused := Says("Cryptography backend cannot serialize the private key in the required format %q", format)
	switch format {
	case "raw":
		if passphrase != "" {
			return nil, refused
		}
		switch x := k.PrivateKey.(type) {
		case ed25519.PrivateKey:
			return x.Seed(), nil
		case *ecdh.PrivateKey:
			return x.Bytes(), nil
		}
		return nil, refused
	case "pkcs8":
		der, err := x509.MarshalPKCS8PrivateKey(k.PrivateKey)
		switch {
		case err != nil:
			return nil, err
		case passphrase == "":
			return writePEM("PRIVATE KEY", der), nil
		}
		der, err = encryptPKCS8(der, passphrase, entropy)
		return writePEM("ENCRYPTED PRIVATE KEY", der), err
	}
	var name string
	var der []byte
	var err error
	switch x := k.PrivateKey.(type) {
	case *rsa.PrivateKey:
		name, der = "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(x)
	case *ecdsa.PrivateKey:
		name = "EC PRIVATE KEY"
		der, err = x509.MarshalECPrivateKey(x)
	default:
		return nil, refused
	}
	switch {
	case err != nil:
		return nil, err
	case passphrase == "":
		return writePEM(name, der), nil
	}
	//lint:ignore SA1019 the traditional format knows no other encryption
	block, err := x509.EncryptPEMBlock(stream(entropy, "salt"), name, der, []byte(passphrase), x509.PEMCipherAES256)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(block), nil
}

// SamePublic tells whether two public keys are the same.
func SamePublic(a, b crypto.PublicKey) bool {
	e, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && e.Equal(b)
}
