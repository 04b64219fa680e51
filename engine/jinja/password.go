package jinja

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
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

const cryptAlphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// shaCrypt is the scheme of Ulrich Drepper's "Unix crypt using SHA-256 and
// SHA-512".
func shaCrypt(k cryptKind, password, salt string, rounds int) string {
	p, s := []byte(password), []byte(salt)
	size := k.make().Size()
	sum := func(parts ...[]byte) []byte {
		h := k.make()
		for _, x := range parts {
			h.Write(x)
		}
		return h.Sum(nil)
	}
	stretch := func(d []byte, n int) []byte {
		out := make([]byte, 0, n+size)
		for len(out) < n {
			out = append(out, d...)
		}
		return out[:n]
	}
	b := sum(p, s, p)
	h := k.make()
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
		var parts [][]byte
		add := func(when bool, x []byte) {
			if when {
				parts = append(parts, x)
			}
		}
		add(i%2 == 1, ps)
		add(i%2 == 0, a)
		add(i%3 != 0, ss)
		add(i%7 != 0, ps)
		add(i%2 == 1, a)
		add(i%2 == 0, ps)
		a = sum(parts...)
	}
	return k.text(a, salt, rounds)
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
		for ; n > 0; n-- {
			out.WriteByte(cryptAlphabet[w&63])
			w >>= 6
		}
	}
	return out.String()
}

// passwordHash is Ansible's password_hash. Without a salt the result differs
// each time, so it is impure.
func passwordHash(c *Context, in value.Value, b *Bound) (value.Value, error) {
	kinds := map[string]cryptKind{"sha512": sha512Crypt, "sha256": sha256Crypt, "sha512_crypt": sha512Crypt, "sha256_crypt": sha256Crypt}
	name := b.Str("hashtype", "sha512")
	k, ok := kinds[name]
	if !ok {
		return in, fmt.Errorf("the hash type '%s' is not supported: sha512 or sha256", name)
	}
	def := 656000
	if k.id == "5" {
		def = 535000
	}
	salt, rounds := b.Text("salt", ""), b.Int("rounds", def)
	if rounds < 1000 || rounds > 10_000_000 || len(in.Str()) > 4096 {
		return in, fmt.Errorf("rounds must be between 1000 and 10000000, the password at most 4096 bytes")
	}
	if salt == "" {
		raw := make([]byte, 16)
		_, _ = rand.Read(raw) // never fails
		for _, x := range raw {
			salt += string(cryptAlphabet[x&63])
		}
	}
	if len(salt) > 16 || strings.Trim(salt, cryptAlphabet) != "" {
		return in, fmt.Errorf("the salt must be at most 16 characters of ./0-9A-Za-z")
	}
	if !in.IsString() {
		return in, fmt.Errorf("the password must be a string, not %s", in.TypeName())
	}
	return value.String(shaCrypt(k, in.Str(), salt, rounds)).WithMarks(value.Secret), c.step(rounds)
}
