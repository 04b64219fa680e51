package pki

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"sync"
)

// secret is known to this process alone: the randomness of a run is kept for who
// resumes it, and must not be enough to make its keys again.
var secret = sync.OnceValue(func() []byte {
	b := make([]byte, 32)
	rand.Read(b) // it never fails
	return b
})

// stream is random bytes made of a seed: who plans twice with the same seed in
// the same process plans the same. use keeps streams apart.
func stream(seed [32]byte, use string) io.Reader {
	mac := hmac.New(sha256.New, secret())
	mac.Write(seed[:])
	mac.Write([]byte(use))
	return mathrand.NewChaCha8([32]byte(mac.Sum(nil)))
}

// Generate makes a private key: kind is RSA (size is its length in bits), ECC
// (with a curve), Ed25519 or X25519.
func Generate(kind string, size int, curve string, seed [32]byte) (Key, error) {
	random := stream(seed, "key "+kind+curve)
	switch kind {
	case "RSA":
		k, err := generateRSA(random, size)
		return Key{k}, err
	case "ECC":
		k, err := generateECC(random, curve)
		return Key{k}, err
	case "Ed25519", "X25519":
		b := make([]byte, 32)
		if _, err := io.ReadFull(random, b); err != nil {
			return Key{}, err
		}
		if kind == "Ed25519" {
			return Key{ed25519.NewKeyFromSeed(b)}, nil
		}
		k, err := ecdh.X25519().NewPrivateKey(b)
		return Key{k}, err
	}
	return Key{}, fmt.Errorf("keys of type %s cannot be made here: RSA, ECC, Ed25519 and X25519 can", kind)
}

func generateECC(random io.Reader, curve string) (*ecdsa.PrivateKey, error) {
	c, ok := curves[curve]
	if !ok {
		return nil, fmt.Errorf("keys of the curve %s cannot be made here: secp224r1, secp256r1, secp384r1 and secp521r1 can", curve)
	}
	n := c.Params().N
	b := make([]byte, (n.BitLen()+7)/8)
	for {
		if _, err := io.ReadFull(random, b); err != nil {
			return nil, err
		}
		if extra := len(b)*8 - n.BitLen(); extra > 0 {
			b[0] >>= extra
		}
		if k, err := ecdsa.ParseRawPrivateKey(c, b); err == nil {
			return k, nil // zero and what is above the order are refused
		}
	}
}

// The exponent of RSA keys is what OpenSSL's is always; a key that Go makes has
// at least minRSA bits.
const (
	rsaExponent = 65537
	minRSA      = 1024
	maxRSA      = 16384
)

// generateRSA makes a key of random bytes that are given; the library's own
// function takes none.
func generateRSA(random io.Reader, size int) (*rsa.PrivateKey, error) {
	if size < minRSA || size > maxRSA {
		return nil, fmt.Errorf("an RSA key of %d bits cannot be made here: from %d to %d can", size, minRSA, maxRSA)
	}
	e, one := big.NewInt(rsaExponent), big.NewInt(1)
	for {
		p, err := prime(random, (size+1)/2, e)
		if err != nil {
			return nil, err
		}
		q, err := prime(random, size/2, e)
		if err != nil {
			return nil, err
		}
		n := new(big.Int).Mul(p, q)
		if p.Cmp(q) == 0 || n.BitLen() != size {
			continue
		}
		if p.Cmp(q) < 0 {
			p, q = q, p
		}
		totient := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		k := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n, E: rsaExponent}, D: new(big.Int).ModInverse(e, totient), Primes: []*big.Int{p, q}}
		k.Precompute()
		if err := k.Validate(); err != nil {
			return nil, err
		}
		return k, nil
	}
}

// prime draws numbers until one is a prime that fits the exponent. Its two
// highest bits are set, so that the product of two has its full length.
func prime(random io.Reader, bits int, e *big.Int) (*big.Int, error) {
	b := make([]byte, (bits+7)/8)
	x, rest := new(big.Int), new(big.Int)
	for {
		if _, err := io.ReadFull(random, b); err != nil {
			return nil, err
		}
		x.SetBytes(b)
		x.Rsh(x, uint(len(b)*8-bits))
		x.SetBit(x, bits-1, 1)
		x.SetBit(x, bits-2, 1)
		x.SetBit(x, 0, 1)
		// The numbers behind the drawn one are tried as well: 64 of them.
		for range 64 {
			if !smallFactor(x) && rest.Sub(x, big.NewInt(1)).Mod(rest, e).Sign() != 0 && x.ProbablyPrime(20) && x.BitLen() == bits {
				return x, nil
			}
			x.Add(x, big.NewInt(2))
		}
	}
}

// smallPrimes are the odd primes below 2000: dividing by them is cheaper than a
// test of Miller and Rabin.
var smallPrimes = sync.OnceValue(func() []uint64 {
	var out []uint64
next:
	for n := uint64(3); n < 2000; n += 2 {
		for _, p := range out {
			if n%p == 0 {
				continue next
			}
		}
		out = append(out, n)
	}
	return out
})

func smallFactor(x *big.Int) bool {
	m, d := new(big.Int), new(big.Int)
	for _, p := range smallPrimes() {
		if m.Mod(x, d.SetUint64(p)).Sign() == 0 {
			return true
		}
	}
	return false
}
