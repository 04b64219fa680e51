package crypto

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/pki"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// run runs a module on a host that keeps its files, and tells whether it changed
// something.
func run(t *testing.T, h *moduletest.Host, m module.Module, kv ...any) *value.Map {
	t.Helper()
	h.Ran = nil
	r, err := h.Run(t, m, value.M(kv...))
	if err != nil {
		t.Fatalf("%s: %v", m.Spec().Name, err)
	}
	return r
}

func field(r *value.Map, key string) string {
	v, ok := r.Get(key)
	if !ok {
		return "nothing"
	}
	return v.Repr()
}

func changed(t *testing.T, r *value.Map, want bool, what string) {
	t.Helper()
	if got := field(r, "changed") == "True"; got != want {
		t.Errorf("%s: changed is %v", what, got)
	}
}

// A key, a CA of it, a request and a certificate that the CA signs: made once, left
// alone the second time, made anew when what is asked differs.
func TestFromKeyToCertificate(t *testing.T) {
	t.Parallel()
	h := &moduletest.Host{Files: map[string]string{"/s/x": ""}}
	key := []any{"path", "/s/k", "type", "ECC", "curve", "secp256r1", "mode", "0644"}
	changed(t, run(t, h, PrivateKey(), key...), true, "a key")
	changed(t, run(t, h, PrivateKey(), key...), false, "the same key")
	if r := run(t, h, PrivateKey(), "path", "/s/k", "type", "ECC", "curve", "secp256r1"); strings.Join(h.Ran, "") != "set attributes of /s/k" {
		t.Errorf("without a mode a key is its owner's alone: ran %q, %v", h.Ran, r)
	}
	was := h.Files["/s/k"]
	changed(t, run(t, h, PrivateKey(), "path", "/s/k", "type", "ECC", "curve", "secp256r1", "mode", "0644", "format", "pkcs8", "format_mismatch", "convert"), true, "another format")
	if k, err := pki.ParseKey([]byte(h.Files["/s/k"]), nil); err != nil || pki.KeyFormat([]byte(h.Files["/s/k"])) != "pkcs8" {
		t.Errorf("converted: %v", err)
	} else if old, _ := pki.ParseKey([]byte(was), nil); !pki.SamePublic(k.Public(), old.Public()) {
		t.Error("the conversion made another key")
	}

	req := []any{"path", "/s/ca.csr", "privatekey_path", "/s/k", "common_name", "ca", "basic_constraints", value.Strings("CA:TRUE"), "use_common_name_for_san", false}
	changed(t, run(t, h, CSR(), req...), true, "a request")
	changed(t, run(t, h, CSR(), req...), false, "the same request")
	changed(t, run(t, h, CSR(), append(req[:len(req):len(req)], "basic_constraints_critical", true)...), true, "a critical extension")
	ca := []any{"path", "/s/ca.crt", "csr_path", "/s/ca.csr", "privatekey_path", "/s/k", "provider", "selfsigned"}
	changed(t, run(t, h, Certificate(), ca...), true, "a CA")
	changed(t, run(t, h, Certificate(), ca...), false, "the same CA")

	run(t, h, PrivateKey(), "path", "/s/w", "type", "Ed25519")
	run(t, h, CSR(), "path", "/s/w.csr", "privatekey_path", "/s/w", "common_name", "www.example.org")
	web := []any{"path", "/s/w.crt", "csr_path", "/s/w.csr", "provider", "ownca", "ownca_path", "/s/ca.crt", "ownca_privatekey_path", "/s/k", "ownca_not_after", "+30d"}
	r := run(t, h, Certificate(), web...)
	changed(t, r, true, "a certificate")
	if field(r, "notBefore") != "'20260102030405Z'" || field(r, "notAfter") != "'20260201030405Z'" {
		t.Errorf("valid from %s until %s", field(r, "notBefore"), field(r, "notAfter"))
	}
	changed(t, run(t, h, Certificate(), web...), false, "the same certificate")
	changed(t, run(t, h, Certificate(), append(web[:len(web):len(web)], "ignore_timestamps", false, "ownca_not_before", "+1s")...), true, "another time")
	info := run(t, h, CertificateInfo(), "path", "/s/w.crt", "valid_at", value.FromMap(value.M("soon", "+29d", "late", "+31d")))
	for k, want := range map[string]string{"issuer": "{'commonName': 'ca'}", "subject_alt_name": "['DNS:www.example.org']", "valid_at": "{'soon': True, 'late': False}"} {
		if field(info, k) != want {
			t.Errorf("%s is %s", k, field(info, k))
		}
	}
	changed(t, run(t, h, PrivateKey(), "path", "/s/k", "type", "ECC", "curve", "secp384r1"), true, "a key of another curve")
	changed(t, run(t, h, CSR(), req...), true, "a request for another key")
	if _, err := h.Run(t, Certificate(), value.M(web...)); err == nil || err.Error() != "The CA private key does not belong to the CA certificate" {
		t.Errorf("another CA key: %v", err)
	}
}

// What follows from random bytes is not foretold.
func TestPlanDoesNotForetellRandomBytes(t *testing.T) {
	t.Parallel()
	h := &moduletest.Host{Files: map[string]string{"/s/x": ""}, Check: true}
	r := run(t, h, PrivateKey(), "path", "/s/k", "size", 1024, "return_content", true)
	changed(t, r, true, "a key")
	for _, k := range []string{"fingerprint", "privatekey"} {
		if v, _ := r.Get(k); !v.IsUnknown() {
			t.Errorf("%s is %s", k, v.Repr())
		}
	}
}

func TestSecretsAreMarked(t *testing.T) {
	t.Parallel()
	h := &moduletest.Host{Files: map[string]string{"/s/x": ""}}
	r := run(t, h, PrivateKey(), "path", "/s/k", "size", 1024, "return_content", true)
	if v, _ := r.Get("privatekey"); !v.IsSecret() || !strings.Contains(v.Str(), "RSA PRIVATE KEY") {
		t.Error("the private key is registered in clear")
	}
	r = run(t, h, PrivateKeyInfo(), "path", "/s/k", "return_private_key_data", true, "check_consistency", true)
	if v, _ := r.Get("private_data"); v.DeepMarks()&value.Secret == 0 || field(r, "key_is_consistent") != "True" {
		t.Errorf("private_data is not secret, or the key not consistent: %s", field(r, "key_is_consistent"))
	}
}

func TestCryptoRefuses(t *testing.T) {
	t.Parallel()
	h := &moduletest.Host{Files: map[string]string{"/s/x": "x", "/d/y": ""}}
	run(t, h, PrivateKey(), "path", "/s/k", "type", "ECC", "curve", "secp256r1")
	for _, c := range []struct {
		m    module.Module
		args *value.Map
		want string
	}{
		{PrivateKey(), value.M("path", "/none/k"), "The directory /none does not exist"},
		{PrivateKey(), value.M("path", "/d"), "Error while loading /d"},
		{PrivateKey(), value.M("path", "/s/k", "regenerate", "fail"), "Key has wrong type and/or size"},
		{PrivateKey(), value.M("path", "/s/x", "regenerate", "partial_idempotence"), "Unable to read the key"},
		{PrivateKey(), value.M("path", "/s/n", "type", "DSA"), "keys of type DSA cannot be made here"},
		{PrivateKey(), value.M("path", "/s/n", "type", "ECC"), "curve"},
		{PublicKey(), value.M("path", "/s/p"), "state is present but any of the following are missing: privatekey_path"},
		{PublicKey(), value.M("path", "/s/p", "privatekey_path", "/s/none"), "The private key /s/none does not exist"},
		{CSR(), value.M("path", "/s/c", "privatekey_path", "/s/none"), "[Errno 2] No such file or directory: '/s/none'"},
		{CSR(), value.M("path", "/s/c", "privatekey_path", "/s/k", "digest", "sha3"), `Unsupported digest "sha3"`},
		{CSR(), value.M("path", "/s/c", "privatekey_path", "/s/k", "key_usage", "fly"), `Unknown key usage "fly"`},
		{CSR(), value.M("path", "/s/c", "privatekey_path", "/s/k", "subject_ordered", value.List(value.FromMap(value.M("CN", "a", "O", "b")))), "Entry #1 in subject_ordered"},
		{Certificate(), value.M("path", "/s/c", "provider", "selfsigned"), "One of privatekey_path and privatekey_content"},
		{Certificate(), value.M("path", "/s/c", "provider", "ownca", "ownca_content", "x", "ownca_privatekey_content", "y"), "csr_path or csr_content is required"},
		{CertificateInfo(), value.M("path", "/s/none"), "Error while reading certificate file from disk: [Errno 2]"},
		{CertificateInfo(), value.M("content", "x"), "there is no certificate in PEM"},
	} {
		if _, err := h.Run(t, c.m, c.args); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.m.Spec().Name, err, c.want)
		}
	}
}

func TestKeypair(t *testing.T) {
	t.Parallel()
	const there = "private -----BEGIN OPENSSH PRIVATE KEY-----\nlist 256 SHA256:abc me@x (ED25519)\nplain ssh-ed25519 AAAA me@x\n"
	for name, c := range map[string]struct {
		args []any
		said string
		want string // what is done, in a few words; "! " is a failure
	}{
		"none":            {[]any{"type", "ed25519", "comment", "it's"}, "", "-t ed25519 -b 256 -C it's -N"},
		"same":            {[]any{"type", "ed25519", "mode", "0644"}, there + "public ssh-ed25519 AAAA me@x\n", ""},
		"another comment": {[]any{"type", "ed25519", "comment", "you", "mode", "0644"}, there + "public ssh-ed25519 AAAA me@x\n", "sh /k/a ssh-ed25519 AAAA comment you"},
		"no public key":   {[]any{"type", "ed25519"}, there, "sh /k/a ssh-ed25519 AAAA"},
		"another type":    {[]any{"mode", "0644"}, there, "-t rsa -b 4096"},
		"format":          {[]any{"type", "ed25519", "private_key_format", "pkcs8"}, there, "-m PKCS8"},
		"passphrase":      {[]any{"type", "ed25519", "passphrase", "sesame"}, "", "-t ed25519 -b 256 -C  <sesame\nsesame"},
		"unlocked":        {[]any{"type", "ed25519", "passphrase", "sesame"}, there, "! Unable to read the key"},
		"broken":          {nil, "private x\nlist \nplain \n", "! Unable to read the key"},
		"fail":            {[]any{"regenerate", "fail"}, there, "! Key has wrong type"},
		"never":           {[]any{"regenerate", "never", "mode", "0644"}, there + "public ssh-ed25519 AAAA\n", ""},
		"gone":            {[]any{"state", "absent"}, there, "remove /k/a"},
		"small":           {[]any{"size", 512}, "", "! For RSA keys"},
	} {
		h := &moduletest.Host{Files: map[string]string{"/k/x": "", "/k/a": "", "/k/a.pub": ""}, Said: []state.OpResult{moduletest.Ended(0, c.said, "")}}
		if c.said == "" {
			h.Files = map[string]string{"/k/x": ""}
		}
		_, err := h.Run(t, Keypair(), value.M(append([]any{"path", "/k/a"}, c.args...)...))
		did := ""
		if len(h.Ran) > 1 {
			did = h.Ran[1]
		}
		if fails, ok := strings.CutPrefix(c.want, "! "); ok {
			if err == nil || !strings.HasPrefix(err.Error(), fails) {
				t.Errorf("%s: %v", name, err)
			}
		} else if err != nil || (c.want == "") != (did == "") || !strings.Contains(strings.Join(strings.Fields(did), " "), strings.Join(strings.Fields(c.want), " ")) {
			t.Errorf("%s: did %q, %v", name, did, err)
		}
	}
}
