package crypto

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/pki"
	"github.com/fairlead-project/fairlead/engine/value"
)

// bundleHost has a key, its certificate and one of somebody else.
func bundleHost(t *testing.T) *moduletest.Host {
	h := &moduletest.Host{Files: map[string]string{"/s/x": "broken", "/d/y": ""}}
	for name, curve := range map[string]string{"w": "secp256r1", "ca": "secp384r1"} { // one seed makes one key of a curve
		run(t, h, PrivateKey(), "path", "/s/"+name, "type", "ECC", "curve", curve)
		run(t, h, CSR(), "path", "/s/"+name+".csr", "privatekey_path", "/s/"+name, "common_name", name)
		run(t, h, Certificate(), "path", "/s/"+name+".crt", "csr_path", "/s/"+name+".csr", "privatekey_path", "/s/"+name, "provider", "selfsigned")
	}
	return h
}

func TestPKCS12(t *testing.T) {
	t.Parallel()
	h := bundleHost(t)
	args := []any{"path", "/s/a.p12", "friendly_name", "web", "passphrase", "pw", "privatekey_path", "/s/w", "certificate_path", "/s/w.crt",
		"other_certificates", value.Strings("/s/ca.crt"), "mode", "0644", "return_content", true}
	with := func(more ...any) []any { return append(args[:len(args):len(args)], more...) }
	r := run(t, h, PKCS12(), args...)
	changed(t, r, true, "a new file")
	if field(r, "mode") != "'0644'" || field(r, "privatekey_path") != "'/s/w'" || field(r, "filename") != "'/s/a.p12'" {
		t.Errorf("registered %v", r)
	}
	v, _ := r.Get("pkcs12")
	data, err := base64.StdEncoding.DecodeString(v.Str())
	if err != nil || string(data) != h.Files["/s/a.p12"] || !v.IsSecret() {
		t.Errorf("registered content: %v, secret: %v", err, v.IsSecret())
	}
	b, err := pki.ParseBundle(data, "pw")
	if err != nil || b.Key == nil || b.Certificate == nil || len(b.Others) != 1 || string(b.Name) != "web" {
		t.Errorf("written: %+v, %v", b, err)
	}
	changed(t, run(t, h, PKCS12(), args...), false, "the same")
	for what, more := range map[string][]any{
		"another name":       {"friendly_name", "x"},
		"another passphrase": {"passphrase", "x"},
		"no others":          {"other_certificates", value.Strings()},
		"another key":        {"privatekey_path", "/s/ca", "certificate_path", "/s/ca.crt"},
		"force":              {"force", true},
	} {
		h.Files["/s/a.p12"] = string(data)
		changed(t, run(t, h, PKCS12(), with(more...)...), true, what)
	}
	h.Files["/s/a.p12"] = string(data)
	parse := []any{"action", "parse", "src", "/s/a.p12", "passphrase", "pw", "path", "/s/a.pem", "mode", "0644"}
	changed(t, run(t, h, PKCS12(), parse...), true, "parsed")
	if want := h.Files["/s/w"] + h.Files["/s/w.crt"] + h.Files["/s/ca.crt"]; h.Files["/s/a.pem"] != want {
		t.Errorf("parsed: %q, not %q", h.Files["/s/a.pem"], want)
	}
	changed(t, run(t, h, PKCS12(), parse...), false, "parsed again")
	r = run(t, h, PKCS12(), "path", "/s/a.p12", "state", "absent", "backup", true)
	if changed(t, r, true, "absent"); !r.Has("backup_file") || r.Has("mode") {
		t.Errorf("removed: %v", r)
	}
	changed(t, run(t, h, PKCS12(), "path", "/s/none.p12", "state", "absent"), false, "absent already")
}

func TestPKCS12Refuses(t *testing.T) {
	t.Parallel()
	h := bundleHost(t)
	for want, args := range map[string][]any{
		"Friendly_name is required": {"privatekey_path", "/s/w"},
		"The directory '/none' does not exist or the path is not a directory": {"path", "/none/a"},
		"[Errno 2] No such file or directory: '/s/none'":                      {"privatekey_path", "/s/none"},
		"there is no private key in PEM":                                      {"friendly_name", "x", "privatekey_content", "x"},
		"[Errno 2] No such file or directory: '/s/no.crt'":                    {"friendly_name", "x", "certificate_path", "/s/no.crt"},
		"the private key does not belong to the certificate":                  {"friendly_name", "x", "privatekey_path", "/s/w", "certificate_path", "/s/ca.crt"},
		"You must supply at least one of key, cert, or cas":                   {"friendly_name", "x"},
		"Could not deserialize PKCS12 data":                                   {"action", "parse", "src", "/s/x"},
		"[Errno 2] No such file or directory: '/s/no.p12'":                    {"action", "parse", "src", "/s/no.p12"},
		"action is parse but all of the following are missing: src":           {"action", "parse"},
		"[Errno 21] Is a directory: '/d'":                                     {"path", "/d", "state", "absent"},
	} {
		_, err := h.Run(t, PKCS12(), value.M(append([]any{"path", "/s/a.p12"}, args...)...))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
