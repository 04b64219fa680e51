package pki

import (
	"encoding/asn1"
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

func testBundle(t *testing.T) Bundle {
	t.Helper()
	make1 := func(seed byte, name string) (Key, []byte) {
		k, err := Generate("ECC", 0, "secp256r1", [32]byte{seed})
		if err != nil {
			t.Fatal(err)
		}
		subject, err := MarshalName([]Attribute{{OID: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: name}})
		if err != nil {
			t.Fatal(err)
		}
		text, err := Template{Subject: subject, Issuer: subject, Serial: NewSerial([32]byte{seed}), NotBefore: time.Now(),
			NotAfter: time.Now().Add(time.Hour), Public: k.Public()}.Sign(k, "sha256")
		if err != nil {
			t.Fatal(err)
		}
		c, err := ParseCertificate(text, false)
		if err != nil {
			t.Fatal(err)
		}
		return k, c.DER
	}
	k, c := make1(1, "web")
	_, ca := make1(2, "ca")
	return Bundle{Key: &k, Certificate: c, Others: [][]byte{ca}, Name: []byte("wéb")}
}

func TestBundleRoundTrip(t *testing.T) {
	t.Parallel()
	b := testBundle(t)
	for name, s := range map[string]Sealing{
		"AES":    {Passphrase: "pässword", Rounds: 1000, MACRounds: 1},
		"3DES":   {Passphrase: "pw", Old: true, Rounds: 1000, MACRounds: 3},
		"opened": {MACRounds: 2},
	} {
		data, err := b.Marshal(s, [32]byte{7})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := ParseBundle(data, s.Passphrase)
		if err != nil || !got.Same(b) || string(got.Name) != "wéb" {
			t.Errorf("%s: %v, the same: %v, name %q", name, err, got.Same(b), got.Name)
		}
		if _, err := ParseBundle(data, "wrong"); err == nil || err.Error() != "Invalid password or PKCS12 data" {
			t.Errorf("%s, wrong passphrase: %v", name, err)
		}
		for n := range len(data) { // what is cut short is an error, and no panic
			if _, err := ParseBundle(data[:n], s.Passphrase); err == nil {
				t.Errorf("%s: %d of %d bytes can be read", name, n, len(data))
			}
		}
	}
	other := b
	other.Name = []byte("x")
	if b.Same(other) {
		t.Error("another name is no difference")
	}
	other = b
	other.Others = nil
	if b.Same(other) {
		t.Error("other certificates are no difference")
	}
}

func TestBundleRefuses(t *testing.T) {
	t.Parallel()
	b := testBundle(t)
	if _, err := (Bundle{}).Marshal(Sealing{}, [32]byte{}); err == nil {
		t.Error("an empty bundle can be written")
	}
	b.Certificate = b.Others[0]
	if _, err := b.Marshal(Sealing{}, [32]byte{}); err == nil || !strings.Contains(err.Error(), "does not belong") {
		t.Errorf("a key of another certificate: %v", err)
	}
	if _, err := ParseBundle([]byte("broken"), ""); err == nil || err.Error() != "Could not deserialize PKCS12 data" {
		t.Errorf("no PKCS #12: %v", err)
	}
}

// What OpenSSL 3 wrote, with 3DES and SHA-1.
func TestBundleOfOpenSSL(t *testing.T) {
	t.Parallel()
	data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(oldBundle, "\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	b, err := ParseBundle(data, "pw")
	if err != nil || b.Key == nil || b.Certificate == nil || len(b.Others) != 0 || string(b.Name) != "ca" {
		t.Errorf("%v: %+v", err, b)
	}
}

const oldBundle = `
MIIDswIBAzCCA3kGCSqGSIb3DQEHAaCCA2oEggNmMIIDYjCCAj8GCSqGSIb3DQEHBqCCAjAwggIsAgEAMIICJQYJKoZIhvcN
AQcBMBwGCiqGSIb3DQEMAQMwDgQIuybgsQrxqOYCAggAgIIB+IIQHIV3O1lKnQqSioW04BtDgMyyWppaX9Z2884yEDUTmyTz
lxvhW00LmYIiFad88Mie1dLZ8AVEOTXP5950b41B1WN12CGy7ycAw63p7+rrNawN1m2pI9t8BYBhMfM9wRSJKu0iYGL/+96i
RZVX43h5lv+MtlMKLraEw0cmF2nFl9/hnsRab655Jk7UFtSwxde7A7EmAF+aB3ONGzaXuFD7Yu1iFpZqVmPMkctaoKQ/e8bT
o/oRxE3fFhmj4gTEm/A3VKFTQwyKzAQhNRxJ4ZFvYDne+u8bYkPofNZZoK6bKxVSa01pU1KZf1mcXU1r3md7lYQYgRRpsPdY
WZWVDs65RVdwFAeAx/06iodJyuwpfzoZeeuoRYNUL2gY/54C19Z4ONUzLSizwcIee+qkzJB9JfyPWDhcI8RePAGtp/CsgOKX
bJocnBIWxm6S/5mtSiOwl0QjrEujiZyFSRyoAU8/pTeoOQl1+iz+Kyi/IoIFPMJHDiQTdP820SkxDMhyTcXORRtcsPrrM9uq
TXV/uNIORnSKi9WqXPzIyQkPMPg3kbvCtSBgWojjPET1bFxth4UFfOW97ooP1fSpxvaPSKnIZlaFH2se00lZk1e0hhTqcfVg
toUijRYkFG8/fFl2/kA9t144MkbKHR5mJhB5N3p3YKd+7Un38jCCARsGCSqGSIb3DQEHAaCCAQwEggEIMIIBBDCCAQAGCyqG
SIb3DQEMCgECoIG0MIGxMBwGCiqGSIb3DQEMAQMwDgQIl45TrkZm/h0CAggABIGQ8PN8lDE5aOBD6U6uO4eubMurvEyF/o8g
Mf++6DTn6kieCYzbCaR8J2kXL4KQ+uzJcaO+2omz+JsmJM88TXZODLTKRP1HEwpVKGDODOsIdxlO6upPIV27QambDBnnJ0qC
oc7CiDTNBdEy/vv9KeBcNbo9ZbpRPjSMZ34EX+X6VJfRer5dRvBPeMrJg2udTB1BMTowEwYJKoZIhvcNAQkUMQYeBABjAGEw
IwYJKoZIhvcNAQkVMRYEFNPR88kSwjB90UmENslT5Jx7LgnYMDEwITAJBgUrDgMCGgUABBQ4J8pNNs4r+mBu3GG4azjYRWU5
JgQIaMhVHtTwcOACAggA
`
