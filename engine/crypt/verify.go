package crypt

import (
	"crypto/subtle"
	"strconv"
	"strings"
)

// Verify tells whether a hash, of whatever scheme that is known here, is that of a
// password. A text that is no hash is taken for the password itself.
func Verify(hashed, password string) bool {
	name, s := parse(hashed)
	got, err := Hash(name, password, s)
	return err == nil && subtle.ConstantTimeCompare([]byte(got), []byte(hashed)) == 1
}

// parse tells by which scheme and settings a hash was made.
func parse(hashed string) (name string, s Settings) {
	if strings.HasPrefix(hashed, "{SHA}") {
		return "ldap_sha1", s
	}
	f := strings.Split(hashed, "$")
	if len(f) < 4 || f[0] != "" {
		return "plaintext", s
	}
	switch f[1] {
	case "apr1", "1":
		s.Salt = f[2]
		return map[string]string{"apr1": "apr_md5_crypt", "1": "md5_crypt"}[f[1]], s
	case "5", "6":
		s.Salt, s.Rounds = f[2], 5000
		if n, ok := strings.CutPrefix(f[2], "rounds="); ok {
			s.Rounds, _ = strconv.Atoi(n) // of no use is refused as too few
			s.Salt = f[3]
		}
		return map[string]string{"5": "sha256_crypt", "6": "sha512_crypt"}[f[1]], s
	case "2", "2a", "2b", "2y":
		if len(f[3]) < 22 {
			break
		}
		s.Ident, s.Salt = f[1], f[3][:22]
		s.Rounds, _ = strconv.Atoi(f[2])
		return "bcrypt", s
	}
	return "plaintext", s
}
