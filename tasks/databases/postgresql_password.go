package databases

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
)

// scram is a password's hash as PostgreSQL keeps it: rounds, salt, the stored key,
// the server's key (RFC 5803).
var scram = lazyregexp.New(`^SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$`)

// maxScramRounds bounds the work that a hash may ask for.
const maxScramRounds = 10_000_000

// samePgPassword tells whether a hash is that of a password, which may be a hash
// itself.
func samePgPassword(hash, password, user string, encrypted bool) bool {
	m := scram().FindStringSubmatch(hash)
	switch {
	case scram().MatchString(password):
		return hash == password
	case m != nil:
		return scramFits(m, password)
	case strings.HasPrefix(password, "md5") && len(password) == 35 || !encrypted:
		return hash == password
	}
	sum := md5.Sum([]byte(password + user))
	return hash == "md5"+hex.EncodeToString(sum[:])
}

func scramFits(m []string, password string) bool {
	rounds, err := strconv.Atoi(m[1])
	salt, err2 := base64.StdEncoding.DecodeString(m[2])
	want, err3 := base64.StdEncoding.DecodeString(m[4])
	if err != nil || err2 != nil || err3 != nil || rounds < 1 || rounds > maxScramRounds {
		return false
	}
	// SASLprep: what matters of it for passwords is that they are in form KC.
	salted, err := pbkdf2.Key(sha256.New, norm.NFKC.String(password), salt, rounds, sha256.Size)
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, salted)
	mac.Write([]byte("Server Key"))
	return hmac.Equal(mac.Sum(nil), want)
}
