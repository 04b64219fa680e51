package crypt

import (
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"strings"
)

// cryptKind is one of the SHA-crypt schemes of glibc's crypt(3).
type cryptKind struct {
	id     string
	make   func() hash.Hash
	order  [][3]int // bytes of each group of characters; -1 is zero
	tail   int      // characters of the last group
	rounds int      // what the text does not mention
}

var sha512Crypt = cryptKind{"6", sha512.New, [][3]int{{0, 21, 42}, {22, 43, 1}, {44, 2, 23}, {3, 24, 45}, {25, 46, 4}, {47, 5, 26}, {6, 27, 48},
	{28, 49, 7}, {50, 8, 29}, {9, 30, 51}, {31, 52, 10}, {53, 11, 32}, {12, 33, 54}, {34, 55, 13}, {56, 14, 35}, {15, 36, 57}, {37, 58, 16},
	{59, 17, 38}, {18, 39, 60}, {40, 61, 19}, {62, 20, 41}, {-1, -1, 63}}, 2, 5000}

var sha256Crypt = cryptKind{"5", sha256.New, [][3]int{{0, 10, 20}, {21, 1, 11}, {12, 22, 2}, {3, 13, 23}, {24, 4, 14}, {15, 25, 5}, {6, 16, 26},
	{27, 7, 17}, {18, 28, 8}, {9, 19, 29}, {-1, 31, 30}}, 3, 5000}

// shaCrypt is the scheme of Ulrich Drepper's "Unix crypt using SHA-256 and
// SHA-512".
func shaCrypt(k cryptKind, password, salt string, rounds int) string {
	p, s := []byte(password), []byte(salt)
	h := k.make()
	sum := func(parts ...[]byte) []byte {
		h.Reset()
		for _, x := range parts {
			h.Write(x)
		}
		return h.Sum(nil)
	}
	b := sum(p, s, p)
	h.Reset()
	h.Write(p)
	h.Write(s)
	h.Write(stretch(b, len(p)))
	for n := len(p); n > 0; n >>= 1 {
		if n&1 == 1 {
			h.Write(b)
		} else {
			h.Write(p)
		}
	}
	a := h.Sum(nil)
	ps := stretch(sum([]byte(strings.Repeat(password, len(p)))), len(p))
	ss := stretch(sum([]byte(strings.Repeat(salt, 16+int(a[0])))), len(s))
	for i := range rounds {
		h.Reset()
		first, last := a, ps
		if i%2 == 1 {
			first, last = ps, a
		}
		h.Write(first)
		if i%3 != 0 {
			h.Write(ss)
		}
		if i%7 != 0 {
			h.Write(ps)
		}
		h.Write(last)
		a = h.Sum(a[:0])
	}
	return k.text(a, salt, rounds)
}

// stretch repeats a digest to n bytes.
func stretch(d []byte, n int) []byte {
	out := make([]byte, 0, n+len(d))
	for len(out) < n {
		out = append(out, d...)
	}
	return out[:n]
}

func (k cryptKind) text(a []byte, salt string, rounds int) string {
	var out strings.Builder
	out.WriteString("$" + k.id + "$")
	if rounds != k.rounds {
		fmt.Fprintf(&out, "rounds=%d$", rounds)
	}
	out.WriteString(salt + "$")
	for i, g := range k.order {
		w := 0
		for _, j := range g {
			w <<= 8
			if j >= 0 {
				w |= int(a[j])
			}
		}
		n := 4
		if i == len(k.order)-1 {
			n = k.tail
		}
		pack64(&out, w, n)
	}
	return out.String()
}
