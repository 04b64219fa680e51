package ssh

import (
	"bytes"
	"os"

	"github.com/fairlead-project/fairlead/engine/diag"
	gossh "golang.org/x/crypto/ssh"
)

// certSigner signs with a key, and shows a certificate of it.
type certSigner struct {
	gossh.Signer
	file string
}

// certificates are those for a key: beside its file (FILE-cert.pub), and of
// CertificateFile.
func (a *auth) certificates(key gossh.Signer, file string) (out []certSigner) {
	files := a.cfg.certificates
	if file != "" {
		files = append([]string{file + "-cert.pub"}, files...)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			if f != file+"-cert.pub" {
				a.notes = append(a.notes, "the certificate "+f+" cannot be read")
			}
			continue
		}
		pub, _, _, _, err := gossh.ParseAuthorizedKey(data)
		cert, ok := pub.(*gossh.Certificate)
		if err != nil || !ok || cert.CertType != gossh.UserCert {
			a.notes = append(a.notes, f+" holds no certificate of a user")
			continue
		}
		if !bytes.Equal(cert.Key.Marshal(), key.PublicKey().Marshal()) {
			continue // of another key
		}
		if s, err := gossh.NewCertSigner(cert, key); err == nil {
			out = append(out, certSigner{s, f})
		}
	}
	return out
}

// certified checks a host's certificate. It is trusted when a known authority
// signed it; a certificate of such an authority that does not hold (another
// name, expired, revoked) is an error.
func (h *hostCheck) certified(cert *gossh.Certificate) (trusted bool, err error) {
	var authority *knownKey
	for i, k := range h.known {
		signed := bytes.Equal(k.key.Marshal(), cert.SignatureKey.Marshal())
		if k.revoked && (signed || bytes.Equal(k.key.Marshal(), cert.Key.Marshal())) {
			return false, diag.New(diag.HostKey, diag.Pos{File: k.file, Line: k.line}, "host-key-revoked", "the certificate of %s, or who signed it, is revoked", h.cfg.where())
		}
		if signed && k.authority {
			authority = &h.known[i]
		}
	}
	if authority == nil || cert.CertType != gossh.HostCert {
		return false, nil
	}
	name := orElse(h.cfg.keyAlias, h.cfg.Address)
	if err := (&gossh.CertChecker{}).CheckCert(name, cert); err != nil {
		return false, diag.New(diag.HostKey, diag.Pos{File: authority.file, Line: authority.line}, "host-certificate", "the certificate of %s does not hold: %w", h.cfg.where(), err).
			WithHint("it is for %q; have it signed again (ssh-keygen -h -n %s)", cert.ValidPrincipals, name)
	}
	return true, nil
}
