package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"
)

var seed = [32]byte{1, 2, 3}

func TestKeysAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind, curve string
		formats     []string
	}{
		{"RSA", "", []string{"pkcs1", "pkcs8"}},
		{"ECC", "secp224r1", []string{"pkcs1", "pkcs8"}},
		{"ECC", "secp256r1", []string{"pkcs1", "pkcs8"}},
		{"ECC", "secp521r1", []string{"pkcs1", "pkcs8"}},
		{"Ed25519", "", []string{"pkcs8", "raw"}},
		{"X25519", "", []string{"pkcs8", "raw"}},
	} {
		k, err := Generate(c.kind, 1024, c.curve, seed)
		if err != nil {
			t.Fatalf("%s: %v", c.kind, err)
		}
		again, _ := Generate(c.kind, 1024, c.curve, seed)
		if other, _ := Generate(c.kind, 1024, c.curve, [32]byte{9}); !SamePublic(k.Public(), again.Public()) || SamePublic(k.Public(), other.Public()) {
			t.Errorf("%s: a key does not follow from its seed", c.kind)
		}
		for _, f := range c.formats {
			for _, pass := range []string{"", "sesame"} {
				if f == "raw" && pass != "" {
					continue
				}
				text, err := k.Marshal(f, pass, seed)
				if err != nil {
					t.Errorf("%s %s: %v", c.kind, f, err)
					continue
				}
				got, err := parseAny(text, c.kind, pass)
				if err != nil || !SamePublic(got.Public(), k.Public()) || KeyFormat(text) != f || got.Type() != c.kind || got.Curve() != c.curve {
					t.Errorf("%s %s %q: read as %s, %v", c.kind, f, pass, KeyFormat(text), err)
				}
				if pass == "" {
					continue
				}
				if _, err := parseAny(text, c.kind, "wrong"); err == nil {
					t.Errorf("%s %s: a wrong passphrase opens it", c.kind, f)
				}
				if _, err := parseAny(text, c.kind, ""); err != ErrNeedsPassphrase {
					t.Errorf("%s %s: without a passphrase: %v", c.kind, f, err)
				}
			}
		}
	}
}

func parseAny(text []byte, kind, pass string) (Key, error) {
	if KeyFormat(text) == "raw" {
		return ParseRawKey(text, kind)
	}
	if pass == "" {
		return ParseKey(text, nil)
	}
	return ParseKey(text, &pass)
}

func TestKeysThatCannotBeMade(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind, curve string
		size        int
	}{{"DSA", "", 2048}, {"ECC", "brainpoolP256r1", 0}, {"RSA", "", 512}, {"Ed448", "", 0}} {
		if _, err := Generate(c.kind, c.size, c.curve, seed); err == nil || !strings.Contains(err.Error(), "cannot be made here") {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// What OpenSSL wrote (openssl genpkey -aes-128-cbc, pass "sesame").
const byOpenSSL = `-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhhVjcc9HzAJQICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEIdGhLStmkdfCa/f6iXLjwEEQNQ7
rYDdDgBUKAdDJLfGNvkfAx1hp0RsM2vdkP4EWYSSRE60XTn2gCowrxcNNIccevJi
9nJopyDTLGkHHzGYbfY=
-----END ENCRYPTED PRIVATE KEY-----
`

func TestReadsWhatOpenSSLEncrypts(t *testing.T) {
	t.Parallel()
	pass := "sesame"
	k, err := ParseKey([]byte(byOpenSSL), &pass)
	if err != nil || k.Type() != "Ed25519" {
		t.Fatalf("%v %v", k, err)
	}
}

// A certificate that is made here is held against the library's own reading.
func TestCertificate(t *testing.T) {
	t.Parallel()
	k, err := Generate("ECC", 0, "secp256r1", seed)
	if err != nil {
		t.Fatal(err)
	}
	var subject []Attribute
	for _, p := range [][2]string{{"C", "DE"}, {"commonName", "www.example.org"}} {
		a, err := NewAttribute(p[0], p[1])
		if err != nil {
			t.Fatal(err)
		}
		subject = append(subject, a)
	}
	san, err := SubjectAltName([]string{"DNS:*.bücher.example", "IP:::1", "email:a@b.c", "URI:http://x/y", "RID:1.2.3", "dirName:CN=a\\,b,O=c", "otherName:1.2.3;UTF8:hi"}, true)
	if err != nil {
		t.Fatal(err)
	}
	usage, err := KeyUsage([]string{"digitalSignature", "Certificate Sign"}, true)
	if err != nil {
		t.Fatal(err)
	}
	basic, err := BasicConstraints([]string{"CA:TRUE", "pathlen:0"}, false)
	if err != nil {
		t.Fatal(err)
	}
	text, err := NewRequest(subject, []pkix.Extension{san, usage, basic}, k, "sha384")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	theirs, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil || theirs.CheckSignature() != nil {
		t.Fatalf("the library refuses the request: %v", err)
	}
	r, err := ParseRequest(text)
	if err != nil || !r.Valid() {
		t.Fatalf("own request: %v", err)
	}
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	crt, err := Template{Subject: r.RawSubject, Issuer: r.RawSubject, Serial: NewSerial(seed), NotBefore: from, NotAfter: from.AddDate(30, 0, 0),
		Public: r.Public, Extensions: r.Extensions}.Sign(k, "sha256")
	if err != nil {
		t.Fatal(err)
	}
	block, _ = pem.Decode(crt)
	lib, err := x509.ParseCertificate(block.Bytes)
	if err != nil || lib.CheckSignatureFrom(lib) != nil || !lib.IsCA || lib.MaxPathLen != 0 || !slices.Contains(lib.DNSNames, "*.xn--bcher-kva.example") {
		t.Fatalf("the library reads the certificate as %+v, %v", lib, err)
	}
	c, err := ParseCertificate(crt, false)
	if err != nil || !c.SignedBy(k.Public()) {
		t.Fatal(err)
	}
	m, err := c.Info(How{One: true, Now: from.AddDate(31, 0, 0), Names: "unicode"})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"subject":               "{'countryName': 'DE', 'commonName': 'www.example.org'}",
		"issuer_ordered":        "[['countryName', 'DE'], ['commonName', 'www.example.org']]",
		"subject_alt_name":      `['DNS:*.bücher.example', 'IP:::1', 'email:a@b.c', 'URI:http://x/y', 'RID:1.2.3', 'dirName:CN=a\\,b,O=c', 'otherName:1.2.3;0c:02:68:69']`,
		"key_usage":             "['Certificate Sign', 'Digital Signature']",
		"key_usage_critical":    "True",
		"basic_constraints":     "['CA:TRUE', 'pathlen:0']",
		"extended_key_usage":    "None",
		"expired":               "True",
		"not_after":             "'20560101000000Z'",
		"signature_algorithm":   "'ecdsa-with-SHA256'",
		"public_key_type":       "'ECC'",
		"version":               "3",
		"authority_cert_issuer": "None",
	} {
		if v, _ := m.Get(key); v.Repr() != want {
			t.Errorf("%s: %s, want %s", key, v.Repr(), want)
		}
	}
	crt[len(crt)/2] ^= 1
	if c, err := ParseCertificate(crt, false); err == nil && c.SignedBy(k.Public()) {
		t.Error("a changed certificate counts as signed")
	}
}

func TestAuthorityWithoutIssuerHasNone(t *testing.T) {
	t.Parallel()
	e, err := AuthorityKeyID([]byte{1, 2}, nil, nil)
	if err != nil || !slices.Equal(e.Value, []byte{0x30, 4, 0x80, 2, 1, 2}) {
		t.Errorf("%x %v", e.Value, err)
	}
}

func TestNamesThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"www.example.org":     "forgot",
		"nothing:x":           "potentially unsupported",
		"IP:300.1.1.1":        "does not appear to be an IPv4 or IPv6 address",
		"IP:10.0.0.1/8":       "has host bits set",
		"RID:x":               "Cannot parse",
		"otherName:1.2.3":     "must be in the format",
		"otherName:1.2;INT:3": "only UTF8 types are supported",
		"dirName:CN":          "Error while parsing distinguished name",
		"dirName:CN=a,":       "unexpected end of string",
	} {
		if _, err := GeneralName(name, "name"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSplitPEM(t *testing.T) {
	t.Parallel()
	text := "x\n-----BEGIN A-----\na\n\n-----END A-----\ny\n-----BEGIN B-----\nb\n-----END B-----"
	got := SplitPEM(text)
	if len(got) != 2 || got[0] != "-----BEGIN A-----\na\n-----END A-----\n" || !strings.HasSuffix(got[1], "-----END B-----") {
		t.Errorf("%q", got)
	}
}

func TestFingerprints(t *testing.T) {
	t.Parallel()
	m := Fingerprints([]byte("abc"), false).Map()
	for name, want := range map[string]string{ // of Python's hashlib
		"md5":       "90:01:50:98:3c:d2:4f:b0:d6:96:3f:7d:28:e1:7f:72",
		"shake_128": "58:81:09:2d:d8:18:bf:5c:f8:a3:dd:b7:93:fb:cb:a7:40:97:d5:c5:26:a6:d3:5f:97:b8:33:51:94:0f:2c:c8",
		"blake2s":   "50:8c:5e:8c:32:7c:14:e2:e1:a7:2b:a3:4e:eb:45:2f:37:45:8b:20:9e:d6:3a:29:4d:99:9b:4c:86:67:59:82",
	} {
		if v, _ := m.Get(name); v.Str() != want {
			t.Errorf("%s: %s", name, v.Str())
		}
	}
	if m.Len() != 14 || Fingerprints(nil, true).Len() != 1 {
		t.Errorf("%d sums", m.Len())
	}
}
