package jinja

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
