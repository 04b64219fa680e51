// Package pyrand is Python's random.Random: the Mersenne Twister MT19937, seeded
// and read as CPython 3 does, so that random(seed=...), shuffle, random_mac and
// the password lookup choose here what they choose there.
package pyrand

import (
	"crypto/sha512"
	"math"
	"math/big"
	"math/bits"
)

const (
	size  = 624
	shift = 397
)

// Rand is a generator. It is not safe for concurrent use.
type Rand struct {
	mt [size]uint32
	i  int
}

// FromInt seeds by an integer of any size; its sign does not count.
func FromInt(n *big.Int) *Rand {
	var key []uint32
	rest := new(big.Int).Abs(n)
	word := big.NewInt(math.MaxUint32)
	for rest.Sign() > 0 {
		key = append(key, uint32(new(big.Int).And(rest, word).Uint64()))
		rest.Rsh(rest, 32)
	}
	if key == nil {
		key = []uint32{0}
	}
	r := &Rand{}
	r.seed(key)
	return r
}

// FromString seeds by a text: its bytes and their SHA-512 as one integer.
func FromString(s string) *Rand {
	sum := sha512.Sum512([]byte(s))
	return FromInt(new(big.Int).SetBytes(append([]byte(s), sum[:]...)))
}

// FromFloat seeds by the hash that Python gives a float.
func FromFloat(f float64) *Rand {
	return FromInt(new(big.Int).SetUint64(uint64(hashFloat(f))))
}

// hashFloat is CPython's hash of a float: its value modulo the prime 2**61-1.
func hashFloat(f float64) int64 {
	const width, prime = 61, 1<<61 - 1
	switch {
	case math.IsInf(f, 1):
		return 314159
	case math.IsInf(f, -1):
		return -314159
	case math.IsNaN(f):
		return 0
	}
	m, e := math.Frexp(f)
	sign := int64(1)
	if m < 0 {
		sign, m = -1, -m
	}
	var x uint64
	for m != 0 {
		x = x<<28&prime | x>>(width-28)
		m *= 1 << 28
		e -= 28
		y := uint64(m)
		m -= float64(y)
		if x += y; x >= prime {
			x -= prime
		}
	}
	if e %= width; e < 0 {
		e += width
	}
	x = x<<e&prime | x>>(width-e)
	if h := int64(x) * sign; h != -1 {
		return h
	}
	return -2
}

// start is init_genrand of the reference implementation.
func (r *Rand) start(s uint32) {
	r.mt[0] = s
	for i := 1; i < size; i++ {
		r.mt[i] = 1812433253*(r.mt[i-1]^r.mt[i-1]>>30) + uint32(i)
	}
	r.i = size
}

// seed is init_by_array.
func (r *Rand) seed(key []uint32) {
	r.start(19650218)
	i, j := 1, 0
	step := func() {
		if i++; i >= size {
			r.mt[0] = r.mt[size-1]
			i = 1
		}
	}
	for range max(size, len(key)) {
		r.mt[i] = (r.mt[i] ^ (r.mt[i-1]^r.mt[i-1]>>30)*1664525) + key[j] + uint32(j)
		step()
		if j++; j >= len(key) {
			j = 0
		}
	}
	for range size - 1 {
		r.mt[i] = (r.mt[i] ^ (r.mt[i-1]^r.mt[i-1]>>30)*1566083941) - uint32(i)
		step()
	}
	r.mt[0] = 0x80000000
}

func (r *Rand) uint32() uint32 {
	if r.i >= size {
		for k := range size {
			y := r.mt[k]&0x80000000 | r.mt[(k+1)%size]&0x7fffffff
			r.mt[k] = r.mt[(k+shift)%size] ^ y>>1 ^ (y&1)*0x9908b0df
		}
		r.i = 0
	}
	y := r.mt[r.i]
	r.i++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// Bits gives a number of k random bits, k from 0 to 64 (getrandbits).
func (r *Rand) Bits(k int) uint64 {
	switch {
	case k <= 0:
		return 0
	case k <= 32:
		return uint64(r.uint32() >> (32 - k))
	}
	low := uint64(r.uint32())
	return low | uint64(r.uint32()>>(64-k))<<32
}

// Below gives a number from 0 up to but not n, which must be positive.
func (r *Rand) Below(n uint64) uint64 {
	k := bits.Len64(n)
	for {
		if x := r.Bits(k); x < n {
			return x
		}
	}
}

// Shuffle is random.shuffle of n elements.
func (r *Rand) Shuffle(n int, swap func(i, j int)) {
	for i := n - 1; i > 0; i-- {
		swap(i, int(r.Below(uint64(i+1))))
	}
}
