package pki

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"
	"io"
)

// Encrypted PKCS #8 by PBES2 (RFC 8018).
var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidAES256 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
	oidHMAC2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
)

type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

type pbes2Params struct {
	KDF, Cipher pkix.AlgorithmIdentifier
}

type pbkdf2Params struct {
	Salt      []byte
	Rounds    int
	KeyLength int                      `asn1:"optional"`
	PRF       pkix.AlgorithmIdentifier `asn1:"optional"`
}

// blockCiphers are those of keys by their number: name of the key's length.
var blockCiphers = map[string]struct {
	length int
	open   func([]byte) (cipher.Block, error)
}{
	"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
	"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
	"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
	"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
}

var prfs = map[string]func() hash.Hash{
	"": sha1.New, "1.2.840.113549.2.7": sha1.New, "1.2.840.113549.2.8": sha256.New224, "1.2.840.113549.2.9": sha256.New,
	"1.2.840.113549.2.10": sha512.New384, "1.2.840.113549.2.11": sha512.New,
}

const (
	keyRounds = 2048 // as OpenSSL makes keys
	maxRounds = 10_000_000
)

func decryptPKCS8(der []byte, passphrase string) ([]byte, error) {
	var k encryptedKey
	if _, err := asn1.Unmarshal(der, &k); err != nil {
		return nil, fmt.Errorf("the encrypted key cannot be read: %w", err)
	}
	if !k.Algorithm.Algorithm.Equal(oidPBES2) {
		return nil, fmt.Errorf("a key encrypted by %s cannot be read here; openssl pkcs8 -topk8 -v2 aes-256-cbc makes one that can", k.Algorithm.Algorithm)
	}
	return decryptPBES2(k.Algorithm, k.Data, passphrase)
}

// decryptPBES2 takes the encryption off that PBES2's parameters tell of.
func decryptPBES2(by pkix.AlgorithmIdentifier, data []byte, passphrase string) ([]byte, error) {
	var scheme pbes2Params
	var kdf pbkdf2Params
	var iv []byte
	_, err := asn1.Unmarshal(by.Parameters.FullBytes, &scheme)
	if err == nil && !scheme.KDF.Algorithm.Equal(oidPBKDF2) {
		return nil, fmt.Errorf("a key encrypted by way of %s cannot be read here", scheme.KDF.Algorithm)
	}
	if err == nil {
		_, err = asn1.Unmarshal(scheme.KDF.Parameters.FullBytes, &kdf)
	}
	if err == nil {
		_, err = asn1.Unmarshal(scheme.Cipher.Parameters.FullBytes, &iv)
	}
	if err != nil {
		return nil, fmt.Errorf("the encrypted key cannot be read: %w", err)
	}
	c, known := blockCiphers[scheme.Cipher.Algorithm.String()]
	prf, hashed := prfs[kdf.PRF.Algorithm.String()]
	if !known || !hashed || kdf.Rounds < 1 || kdf.Rounds > maxRounds {
		return nil, errors.New("the key is encrypted in a way that is not known here")
	}
	secret, err := pbkdf2.Key(prf, passphrase, kdf.Salt, kdf.Rounds, c.length)
	if err != nil {
		return nil, err
	}
	block, err := c.open(secret)
	if err != nil {
		return nil, ErrPassphrase
	}
	return openCBC(block, iv, data)
}

// openCBC decrypts, and takes the padding off; ErrPassphrase when there is none.
func openCBC(block cipher.Block, iv, data []byte) ([]byte, error) {
	if len(iv) != block.BlockSize() || len(data) == 0 || len(data)%block.BlockSize() != 0 {
		return nil, ErrPassphrase
	}
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, data)
	n := int(plain[len(plain)-1])
	if n < 1 || n > block.BlockSize() || !bytes.Equal(plain[len(plain)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, ErrPassphrase
	}
	return plain[:len(plain)-n], nil
}

// sealCBC pads and encrypts.
func sealCBC(block cipher.Block, iv, plain []byte) []byte {
	n := block.BlockSize() - len(plain)%block.BlockSize()
	data := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(n)}, n)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(data, data)
	return data
}

func encryptPKCS8(der []byte, passphrase string, entropy [32]byte) ([]byte, error) {
	by, data, err := encryptPBES2(der, passphrase, keyRounds, stream(entropy, "salt"))
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(encryptedKey{Algorithm: by, Data: data})
}

// encryptPBES2 encrypts with AES-256, and tells how.
func encryptPBES2(plain []byte, passphrase string, rounds int, random io.Reader) (by pkix.AlgorithmIdentifier, data []byte, err error) {
	salt, iv := make([]byte, 16), make([]byte, aes.BlockSize)
	if _, err = io.ReadFull(random, salt); err == nil {
		_, err = io.ReadFull(random, iv)
	}
	if err != nil {
		return by, nil, err
	}
	secret, err := pbkdf2.Key(sha256.New, passphrase, salt, rounds, 32)
	if err != nil {
		return by, nil, err
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return by, nil, err
	}
	kdf, err := asn1.Marshal(pbkdf2Params{Salt: salt, Rounds: rounds, PRF: pkix.AlgorithmIdentifier{Algorithm: oidHMAC2, Parameters: asn1.NullRawValue}})
	if err != nil {
		return by, nil, err
	}
	vector, err := asn1.Marshal(iv)
	if err != nil {
		return by, nil, err
	}
	params, err := asn1.Marshal(pbes2Params{
		KDF:    pkix.AlgorithmIdentifier{Algorithm: oidPBKDF2, Parameters: asn1.RawValue{FullBytes: kdf}},
		Cipher: pkix.AlgorithmIdentifier{Algorithm: oidAES256, Parameters: asn1.RawValue{FullBytes: vector}},
	})
	return pkix.AlgorithmIdentifier{Algorithm: oidPBES2, Parameters: asn1.RawValue{FullBytes: params}}, sealCBC(block, iv, plain), err
}
