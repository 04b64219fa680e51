// Package crypt hashes passwords as Ansible's password_hash does with passlib:
// the schemes of crypt(3) that hosts of today know, and PBKDF2.
package crypt

import (
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"
	"slices"
	"strings"

	//lint:ignore SA1019 bcrypt is made of it, and the library's bcrypt takes no salt
	"golang.org/x/crypto/blowfish"
)

// Settings are the parameters of one hash. Zero values mean the scheme's own.
type Settings struct {
	Salt     string
	SaltSize int
	Rounds   int
	Ident    string // of bcrypt: 2, 2a, 2b, 2y
}

type scheme struct {
	saltSize, maxSalt  int
	rounds, minR, maxR int
	hash               func(password string, s Settings) (string, error)
}

var schemes = map[string]scheme{
	"md5_crypt":     {8, 8, 0, 0, 0, func(p string, s Settings) (string, error) { return md5Crypt("$1$", p, s.Salt), nil }},
	"apr_md5_crypt": {8, 8, 0, 0, 0, func(p string, s Settings) (string, error) { return md5Crypt(aprMagic, p, s.Salt), nil }},
	"ldap_sha1":     {0, 0, 0, 0, 0, func(p string, _ Settings) (string, error) { return ldapSHA1(p), nil }},
	"plaintext":     {0, 0, 0, 0, 0, func(p string, _ Settings) (string, error) { return p, nil }},
	"bcrypt":        {22, 22, 12, 4, 31, bcryptHash},
	"sha256_crypt":  {16, 16, 535000, 1000, 999999999, func(p string, s Settings) (string, error) { return shaCrypt(sha256Crypt, p, s.Salt, s.Rounds), nil }},
	"sha512_crypt":  {16, 16, 656000, 1000, 999999999, func(p string, s Settings) (string, error) { return shaCrypt(sha512Crypt, p, s.Salt, s.Rounds), nil }},
	"pbkdf2_sha1":   {16, 1024, 131000, 1, 1 << 30, pbkdf2Hash("pbkdf2", sha1.New)},
	"pbkdf2_sha256": {16, 1024, 29000, 1, 1 << 30, pbkdf2Hash("pbkdf2-sha256", sha256.New)},
	"pbkdf2_sha512": {16, 1024, 25000, 1, 1 << 30, pbkdf2Hash("pbkdf2-sha512", sha512.New)},
}

// Names that Ansible translates.
var names = map[string]string{"md5": "md5_crypt", "blowfish": "bcrypt", "sha256": "sha256_crypt", "sha512": "sha512_crypt"}

// maxPassword bounds what is hashed: the schemes' work grows with it.
const maxPassword = 4096

// Work tells about how many rounds of hashing a scheme takes; 0 means that
// there is no such scheme.
func Work(name string, s Settings) int {
	k, ok := schemes[canonical(name)]
	switch {
	case !ok:
		return 0
	case s.Rounds == 0:
		s.Rounds = k.rounds
	}
	if canonical(name) == "bcrypt" && s.Rounds >= 4 && s.Rounds < 31 {
		return 1 << s.Rounds
	}
	return max(s.Rounds, 1)
}

func canonical(name string) string {
	if n, ok := names[name]; ok {
		return n
	}
	return name
}

// Hash gives the text that stands in /etc/shadow. Without a salt one is made up.
// A scheme that does not exist, and settings that it refuses, are errors.
func Hash(name, password string, s Settings) (string, error) {
	name = canonical(name)
	k, ok := schemes[name]
	if !ok {
		return "", fmt.Errorf("passlib does not support '%s' algorithm (known here: bcrypt, md5, sha256, sha512, pbkdf2_sha256, pbkdf2_sha512)", name)
	}
	if len(password) > maxPassword {
		return "", fmt.Errorf("a password longer than %d bytes", maxPassword)
	}
	if s.Rounds == 0 {
		s.Rounds = k.rounds
	}
	if s.Salt == "" {
		size := s.SaltSize
		if size <= 0 {
			size = k.saltSize
		}
		s.Salt = randomSalt(min(size, k.maxSalt))
	}
	switch {
	case strings.HasPrefix(name, "pbkdf2"):
	case strings.Trim(s.Salt, alphabet) != "":
		return "", refuse("Could not hash the secret.. invalid characters in %s salt", name)
	}
	switch {
	case len(s.Salt) > k.maxSalt:
		return "", refuse("Could not hash the secret.. salt too large (%s requires <= %d chars)", name, k.maxSalt)
	case name == "bcrypt" && len(s.Salt) != k.saltSize:
		return "", refuse("Could not hash the secret.. salt too small (bcrypt requires exactly 22 chars)")
	case s.Rounds < k.minR:
		return "", refuse("Could not hash the secret.. %s: min_desired_rounds (%d) is too low, must be at least %d", name, s.Rounds, k.minR)
	case s.Rounds > k.maxR:
		return "", refuse("Could not hash the secret.. %s: max_desired_rounds (%d) is too high, must be at most %d", name, s.Rounds, k.maxR)
	}
	return k.hash(password, s)
}

// refuse is an error in the words of Ansible and passlib.
func refuse(format string, args ...any) error { return fmt.Errorf(format, args...) }

const alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func randomSalt(n int) string {
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // never fails
	return saltOf(raw)
}

// pack64 writes the lowest bits of w first, six at a time.
func pack64(out *strings.Builder, w, n int) {
	for ; n > 0; n-- {
		out.WriteByte(alphabet[w&63])
		w >>= 6
	}
}

const aprMagic = "$apr1$"

// ldapSHA1 is a sum without a salt (RFC 2307), as htpasswd -s writes it.
func ldapSHA1(password string) string {
	sum := sha1.Sum([]byte(password))
	return "{SHA}" + base64.StdEncoding.EncodeToString(sum[:])
}

// md5Crypt is the scheme of FreeBSD's crypt with MD5; Apache's differs by its magic.
func md5Crypt(magic, password, salt string) string {
	p, s := []byte(password), []byte(salt)
	sum := func(parts ...[]byte) []byte {
		h := md5.New()
		for _, x := range parts {
			h.Write(x)
		}
		return h.Sum(nil)
	}
	inner := append(append(append([]byte{}, p...), magic...), s...)
	inner = append(inner, stretch(sum(p, s, p), len(p))...)
	for n := len(p); n > 0; n >>= 1 {
		if n&1 == 1 {
			inner = append(inner, 0)
		} else {
			inner = append(inner, p[0])
		}
	}
	a := sum(inner)
	for i := range 1000 {
		first, last := a, p
		if i%2 == 1 {
			first, last = p, a
		}
		parts := [][]byte{first}
		if i%3 != 0 {
			parts = append(parts, s)
		}
		if i%7 != 0 {
			parts = append(parts, p)
		}
		a = sum(append(parts, last)...)
	}
	var out strings.Builder
	out.WriteString(magic + salt + "$")
	for _, g := range [][3]int{{0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}} {
		pack64(&out, int(a[g[0]])<<16|int(a[g[1]])<<8|int(a[g[2]]), 4)
	}
	pack64(&out, int(a[11]), 2)
	return out.String()
}

const bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

var bcrypt64 = base64.NewEncoding(bcryptAlphabet).WithPadding(base64.NoPadding)

// bcryptHash is OpenBSD's scheme, for a salt that is given. The library's own
// bcrypt makes one up.
func bcryptHash(password string, s Settings) (string, error) {
	ident := s.Ident
	switch ident {
	case "":
		ident = "2b"
	case "2", "2a", "2b", "2y":
	default:
		return "", refuse("Could not hash the secret.. invalid ident: '%s'", ident)
	}
	// Of the last character only two bits count; the text shows just these.
	last := strings.IndexByte(bcryptAlphabet, s.Salt[21]) &^ 15
	salt := s.Salt[:21] + string(bcryptAlphabet[last])
	raw, err := bcrypt64.DecodeString(salt)
	if err != nil {
		return "", err
	}
	if len(password) > 72 {
		password = password[:72]
	}
	key := append([]byte(password), 0)
	if len(key) > 72 {
		key = key[:72]
	}
	c, err := blowfish.NewSaltedCipher(key, raw)
	if err != nil {
		return "", err
	}
	for range uint64(1) << s.Rounds {
		blowfish.ExpandKey(key, c)
		blowfish.ExpandKey(raw, c)
	}
	text := []byte("OrpheanBeholderScryDoubt")
	for i := 0; i < len(text); i += 8 {
		for range 64 {
			c.Encrypt(text[i:i+8], text[i:i+8])
		}
	}
	return fmt.Sprintf("$%s$%02d$%s%s", ident, s.Rounds, salt, bcrypt64.EncodeToString(text[:23])), nil
}

// pbkdf2Hash is passlib's text for PBKDF2.
func pbkdf2Hash(ident string, make func() hash.Hash) func(password string, s Settings) (string, error) {
	adapted := func(b []byte) string { return strings.ReplaceAll(base64.RawStdEncoding.EncodeToString(b), "+", ".") }
	return func(password string, s Settings) (string, error) {
		sum, err := pbkdf2.Key(make, password, []byte(s.Salt), s.Rounds, make().Size())
		return fmt.Sprintf("$%s$%d$%s$%s", ident, s.Rounds, adapted([]byte(s.Salt)), adapted(sum)), err
	}
}

// SaltFrom makes a salt for a scheme out of random bytes, so that who plans twice
// with the same bytes plans the same hash.
func SaltFrom(name string, random []byte) string {
	return saltOf(slices.Clone(random[:min(len(random), schemes[canonical(name)].saltSize)]))
}

func saltOf(raw []byte) string {
	for i, x := range raw {
		raw[i] = alphabet[x&63]
	}
	return string(raw)
}
