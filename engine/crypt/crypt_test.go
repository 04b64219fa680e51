package crypt

import "testing"

// The vectors are those of the published specification of SHA-crypt, checked
// with passlib.
func TestSHACrypt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		k      cryptKind
		salt   string
		rounds int
		want   string
	}{
		{sha256Crypt, "saltstring", 5000, "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"},
		{sha512Crypt, "saltstring", 5000, "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"},
		{sha512Crypt, "saltstringsaltst", 10000, "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v."},
	} {
		if got := shaCrypt(c.k, "Hello world!", c.salt, c.rounds); got != c.want {
			t.Errorf("= %s, want %s", got, c.want)
		}
	}
}

// What passlib 1.7 writes.
func TestHash(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, password string
		s              Settings
		want           string
	}{
		{"md5", "", Settings{Salt: "ab"}, "$1$ab$rn6aQS/o7141mj179E/zA."},
		{"md5_crypt", "secret", Settings{Salt: "saltsalt"}, "$1$saltsalt$9xy1btjgzLYfb7hivXtC//"},
		{"bcrypt", "secret", Settings{Salt: "1234567890123456789012", Rounds: 5}, "$2b$05$123456789012345678901u.97m5mwuxOR3RvRKYm9sasohx5Mnzwq"},
		{"blowfish", "secret", Settings{Salt: "1234567890123456789012", Rounds: 5, Ident: "2a"}, "$2a$05$123456789012345678901u.97m5mwuxOR3RvRKYm9sasohx5Mnzwq"},
		{"pbkdf2_sha256", "secret", Settings{Salt: "saltsalt"}, "$pbkdf2-sha256$29000$c2FsdHNhbHQ$JWELzQA9HO1.Tgg.6xRA1s3f.Typzp1weY9aDYFOx3k"},
	} {
		if got, err := Hash(c.name, c.password, c.s); got != c.want || err != nil {
			t.Errorf("%s: %s, %v", c.name, got, err)
		}
	}
}

func TestHashRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		s    Settings
	}{{"rot13", Settings{}}, {"sha512", Settings{Salt: "a b"}}, {"sha512", Settings{Salt: "12345678901234567"}}, {"sha512", Settings{Rounds: 10}},
		{"bcrypt", Settings{Salt: "short"}}, {"bcrypt", Settings{Rounds: 40}}, {"bcrypt", Settings{Ident: "9", Rounds: 4}}} {
		if got, err := Hash(c.name, "x", c.s); err == nil {
			t.Errorf("%s %+v: %s", c.name, c.s, got)
		}
	}
}
