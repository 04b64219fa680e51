package crypt

import "testing"

// The hashes were made by openssl passwd; the last is a known one of bcrypt.
func TestVerify(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ hashed, password string }{
		{"$apr1$abcdefgh$whbZLqjyOjSAdx91GBmfF/", "Kedge 42"},
		{"$1$xyz$Qia9Wq6FxQkYcwNWMk/RM0", "secret"},
		{"$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA", "secret"},
		{"$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1", "secret"},
		{"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "secret"},
		{"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
	} {
		if !Verify(c.hashed, c.password) {
			t.Errorf("%s is not that of %q", c.hashed, c.password)
		}
		if Verify(c.hashed, c.password+"x") || Verify(c.hashed+"x", c.password) {
			t.Errorf("%s is that of another", c.hashed)
		}
	}
	for _, name := range []string{"apr_md5_crypt", "ldap_sha1", "plaintext", "md5_crypt", "bcrypt", "sha256_crypt", "sha512_crypt"} {
		h, err := Hash(name, "a b", Settings{Rounds: map[string]int{"bcrypt": 4, "sha256_crypt": 1000, "sha512_crypt": 1000}[name]})
		if err != nil || !Verify(h, "a b") {
			t.Errorf("%s: %s, %v", name, h, err)
		}
	}
}
