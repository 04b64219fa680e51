package pki

import (
	"crypto/cipher"
	"crypto/des"
	"crypto/sha1"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"hash"
	"io"
	"slices"
	"unicode/utf16"
)

// What a key made by pkcs12Key is for.
const (
	forKey = 1
	forIV  = 2
	forMAC = 3
)

var (
	oidPBE3DES  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 3}
	oidPBE3DES2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 4}
)

type pbeParams struct {
	Salt   []byte
	Rounds int
}

// bmpString writes a text in two bytes a character, as ASN.1's BMPString.
func bmpString(s string) ([]byte, error) {
	var out []byte
	for _, r := range s {
		if r > 0xffff {
			return nil, errors.New("a text with characters beyond the first 65536 cannot be a name or passphrase of PKCS #12")
		}
		out = append(out, byte(r>>8), byte(r))
	}
	return out, nil
}

// ofBMP reads such a text.
func ofBMP(b []byte) string {
	var units []uint16
	for i := 0; i+1 < len(b); i += 2 {
		units = append(units, uint16(b[i])<<8|uint16(b[i+1]))
	}
	return string(utf16.Decode(units))
}

// pkcs12Passphrase is a passphrase as pkcs12Key takes it, with a final zero.
func pkcs12Passphrase(s string) ([]byte, error) {
	b, err := bmpString(s)
	return append(b, 0, 0), err
}

// pkcs12Key derives size bytes from a passphrase (RFC 7292, B.2).
func pkcs12Key(h func() hash.Hash, pass, salt []byte, rounds int, purpose byte, size int) []byte {
	v := h().BlockSize()
	repeated := func(b []byte) []byte {
		if len(b) == 0 {
			return nil
		}
		n := (len(b) + v - 1) / v * v
		return slices.Repeat(b, n/len(b)+1)[:n]
	}
	diversifier := slices.Repeat([]byte{purpose}, v)
	input := append(repeated(salt), repeated(pass)...)
	var out []byte
	for {
		d := h()
		d.Write(diversifier)
		d.Write(input)
		sum := d.Sum(nil)
		for range rounds - 1 {
			d.Reset()
			d.Write(sum)
			sum = d.Sum(sum[:0])
		}
		if out = append(out, sum...); len(out) >= size {
			return out[:size]
		}
		add := repeated(sum)[:v]
		for at := 0; at < len(input); at += v {
			carry := 1
			for i := v - 1; i >= 0; i-- {
				carry += int(input[at+i]) + int(add[i])
				input[at+i] = byte(carry)
				carry >>= 8
			}
		}
	}
}

// pbe1 opens the cipher that PKCS #12's first scheme with 3DES makes.
func pbe1(pass string, p pbeParams, length int) (cipher.Block, []byte, error) {
	secret, err := pkcs12Passphrase(pass)
	if err != nil {
		return nil, nil, err
	}
	key := pkcs12Key(sha1.New, secret, p.Salt, p.Rounds, forKey, length)
	if length == 16 {
		key = append(key, key[:8]...) // with two keys the first is the third, too
	}
	block, err := des.NewTripleDESCipher(key)
	return block, pkcs12Key(sha1.New, secret, p.Salt, p.Rounds, forIV, des.BlockSize), err
}

func encryptPBE1(plain []byte, passphrase string, rounds int, random io.Reader) (by pkix.AlgorithmIdentifier, data []byte, err error) {
	p := pbeParams{Salt: make([]byte, 8), Rounds: rounds}
	if _, err := io.ReadFull(random, p.Salt); err != nil {
		return by, nil, err
	}
	block, iv, err := pbe1(passphrase, p, 24)
	if err != nil {
		return by, nil, err
	}
	params, err := asn1.Marshal(p)
	return pkix.AlgorithmIdentifier{Algorithm: oidPBE3DES, Parameters: asn1.RawValue{FullBytes: params}}, sealCBC(block, iv, plain), err
}

// decryptPKCS12 takes the encryption off a part of a PKCS #12 file.
func decryptPKCS12(by pkix.AlgorithmIdentifier, data []byte, passphrase string) ([]byte, error) {
	length := 24
	switch {
	case by.Algorithm.Equal(oidPBES2):
		return decryptPBES2(by, data, passphrase)
	case by.Algorithm.Equal(oidPBE3DES2):
		length = 16
	case !by.Algorithm.Equal(oidPBE3DES):
		return nil, errors.New("a PKCS #12 file encrypted by " + by.Algorithm.String() + " (RC2 or RC4) cannot be read here")
	}
	var p pbeParams
	if _, err := asn1.Unmarshal(by.Parameters.FullBytes, &p); err != nil {
		return nil, err
	}
	if p.Rounds < 1 || p.Rounds > maxRounds {
		return nil, errBundle
	}
	block, iv, err := pbe1(passphrase, p, length)
	if err != nil {
		return nil, err
	}
	return openCBC(block, iv, data)
}
