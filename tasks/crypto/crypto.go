// Package crypto holds the modules for keys, certificate requests and
// certificates. They are made here; a host needs no program for them.
package crypto

import "github.com/fairlead-project/fairlead/engine/module"

// Modules lists the modules of this family.
func Modules() []module.Module {
	return []module.Module{Keypair(), PrivateKey(), PrivateKeyInfo(), PrivateKeyPipe(), PublicKey(), CSR(), CSRInfo(), CSRPipe(), Certificate(), CertificatePipe(), CertificateInfo(), DHParam(), PKCS12(), GetCertificate(), JavaCert()}
}
