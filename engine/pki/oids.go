package pki

import (
	"encoding/asn1"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
)

// names of object identifiers, as OpenSSL has them: the number, the long name, the
// short one where it differs. They are those that stand in the names, key usages,
// signatures and extensions of certificates.
const names = `
0.9.2342.19200300.100.1.1 userId UID
0.9.2342.19200300.100.1.3 rfc822Mailbox mail
0.9.2342.19200300.100.1.25 domainComponent DC
0.9.2342.19200300.100.1.44 uniqueIdentifier uid
1.2.840.10045.4.1 ecdsa-with-SHA1
1.2.840.10045.4.3.1 ecdsa-with-SHA224
1.2.840.10045.4.3.2 ecdsa-with-SHA256
1.2.840.10045.4.3.3 ecdsa-with-SHA384
1.2.840.10045.4.3.4 ecdsa-with-SHA512
1.2.840.113549.1.1.1 rsaEncryption
1.2.840.113549.1.1.4 md5WithRSAEncryption RSA-MD5
1.2.840.113549.1.1.5 sha1WithRSAEncryption RSA-SHA1
1.2.840.113549.1.1.10 rsassaPss RSASSA-PSS
1.2.840.113549.1.1.11 sha256WithRSAEncryption RSA-SHA256
1.2.840.113549.1.1.12 sha384WithRSAEncryption RSA-SHA384
1.2.840.113549.1.1.13 sha512WithRSAEncryption RSA-SHA512
1.2.840.113549.1.1.14 sha224WithRSAEncryption RSA-SHA224
1.2.840.113549.1.9.1 emailAddress
1.2.840.113549.1.9.2 unstructuredName
1.2.840.113549.1.9.8 unstructuredAddress
1.3.6.1.4.1.311.2.1.21 Microsoft_Individual_Code_Signing msCodeInd
1.3.6.1.4.1.311.2.1.22 Microsoft_Commercial_Code_Signing msCodeCom
1.3.6.1.4.1.311.10.3.1 Microsoft_Trust_List_Signing msCTLSign
1.3.6.1.4.1.311.10.3.3 Microsoft_Server_Gated_Crypto msSGC
1.3.6.1.4.1.311.10.3.4 Microsoft_Encrypted_File_System msEFS
1.3.6.1.4.1.311.20.2.2 Microsoft_Smartcardlogin msSmartcardLogin
1.3.6.1.4.1.311.20.2.3 Microsoft_Universal_Principal_Name msUPN
1.3.6.1.4.1.311.60.2.1.1 jurisdictionLocalityName jurisdictionL
1.3.6.1.4.1.311.60.2.1.2 jurisdictionStateOrProvinceName jurisdictionST
1.3.6.1.4.1.311.60.2.1.3 jurisdictionCountryName jurisdictionC
1.3.6.1.5.5.7.3.1 TLS_Web_Server_Authentication serverAuth
1.3.6.1.5.5.7.3.2 TLS_Web_Client_Authentication clientAuth
1.3.6.1.5.5.7.3.3 Code_Signing codeSigning
1.3.6.1.5.5.7.3.4 E-mail_Protection emailProtection
1.3.6.1.5.5.7.3.5 IPSec_End_System ipsecEndSystem
1.3.6.1.5.5.7.3.6 IPSec_Tunnel ipsecTunnel
1.3.6.1.5.5.7.3.7 IPSec_User ipsecUser
1.3.6.1.5.5.7.3.8 Time_Stamping timeStamping
1.3.6.1.5.5.7.3.9 OCSP_Signing OCSPSigning
1.3.6.1.5.5.7.3.10 dvcs DVCS
1.3.6.1.5.5.7.3.17 ipsec_Internet_Key_Exchange ipsecIKE
1.3.6.1.5.5.7.3.21 SSH_Client secureShellClient
1.3.6.1.5.5.7.3.22 SSH_Server secureShellServer
1.3.101.110 X25519
1.3.101.111 X448
1.3.101.112 ED25519
1.3.101.113 ED448
2.5.4.3 commonName CN
2.5.4.4 surname SN
2.5.4.5 serialNumber
2.5.4.6 countryName C
2.5.4.7 localityName L
2.5.4.8 stateOrProvinceName ST
2.5.4.9 streetAddress street
2.5.4.10 organizationName O
2.5.4.11 organizationalUnitName OU
2.5.4.12 title
2.5.4.13 description
2.5.4.15 businessCategory
2.5.4.16 postalAddress
2.5.4.17 postalCode
2.5.4.18 postOfficeBox
2.5.4.20 telephoneNumber
2.5.4.41 name
2.5.4.42 givenName GN
2.5.4.43 initials
2.5.4.44 generationQualifier
2.5.4.45 x500UniqueIdentifier
2.5.4.46 dnQualifier
2.5.4.65 pseudonym
2.5.4.72 role
2.5.4.97 organizationIdentifier
2.5.29.37.0 Any_Extended_Key_Usage anyExtendedKeyUsage
1.3.6.1.4.1.11129.2.4.2 CT_Precertificate_SCTs ct_precert_scts
1.3.6.1.4.1.11129.2.4.3 CT_Precertificate_Poison ct_precert_poison
1.3.6.1.5.5.7.1.1 Authority_Information_Access authorityInfoAccess
1.3.6.1.5.5.7.1.3 qcStatements
1.3.6.1.5.5.7.1.11 Subject_Information_Access subjectInfoAccess
1.3.6.1.5.5.7.1.24 TLS_Feature tlsfeature
2.5.29.9 X509v3_Subject_Directory_Attributes subjectDirectoryAttributes
2.5.29.14 X509v3_Subject_Key_Identifier subjectKeyIdentifier
2.5.29.15 X509v3_Key_Usage keyUsage
2.5.29.16 X509v3_Private_Key_Usage_Period privateKeyUsagePeriod
2.5.29.17 X509v3_Subject_Alternative_Name subjectAltName
2.5.29.18 X509v3_Issuer_Alternative_Name issuerAltName
2.5.29.19 X509v3_Basic_Constraints basicConstraints
2.5.29.30 X509v3_Name_Constraints nameConstraints
2.5.29.31 X509v3_CRL_Distribution_Points crlDistributionPoints
2.5.29.32 X509v3_Certificate_Policies certificatePolicies
2.5.29.33 X509v3_Policy_Mappings policyMappings
2.5.29.35 X509v3_Authority_Key_Identifier authorityKeyIdentifier
2.5.29.36 X509v3_Policy_Constraints policyConstraints
2.5.29.37 X509v3_Extended_Key_Usage extendedKeyUsage
2.5.29.46 X509v3_Freshest_CRL freshestCRL
2.5.29.54 X509v3_Inhibit_Any_Policy inhibitAnyPolicy
2.16.840.1.113730.1.1 Netscape_Cert_Type nsCertType
2.16.840.1.113730.1.13 Netscape_Comment nsComment
2.16.840.1.113730.4.1 Netscape_Server_Gated_Crypto nsSGC`

type oidNames struct {
	number      map[string]string // by long and short name
	long, short map[string]string // by number
}

var oidTable = sync.OnceValue(func() oidNames {
	t := oidNames{map[string]string{"userID": "0.9.2342.19200300.100.1.1"}, map[string]string{}, map[string]string{}}
	for line := range strings.Lines(names) {
		f := strings.Fields(strings.ReplaceAll(line, "_", "\x00"))
		if len(f) == 0 {
			continue
		}
		long := strings.ReplaceAll(f[1], "\x00", " ")
		short := long
		if len(f) > 2 {
			short = f[2]
		}
		t.long[f[0]], t.short[f[0]] = long, short
		t.number[long], t.number[short] = f[0], f[0]
	}
	return t
})

var dotted = lazyregexp.New(`^\d+(\.\d+)+$`)

// OID gives the number of a name, or of a number itself.
func OID(name string) (asn1.ObjectIdentifier, error) {
	text, ok := oidTable().number[name]
	if !ok {
		if !dotted().MatchString(name) {
			return nil, Says("Cannot find OID for %q", name)
		}
		text = name
	}
	return parseOID(text)
}

func parseOID(text string) (asn1.ObjectIdentifier, error) {
	var id asn1.ObjectIdentifier
	for part := range strings.SplitSeq(text, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, fmt.Errorf("%q is no object identifier", text)
		}
		id = append(id, n)
	}
	if len(id) < 2 || id[0] > 2 || id[0] < 2 && id[1] > 39 {
		return nil, fmt.Errorf("%q is no object identifier", text)
	}
	return id, nil
}

// oidName is the long name of an identifier, or its number.
func oidName(id asn1.ObjectIdentifier) string {
	if n, ok := oidTable().long[id.String()]; ok {
		return n
	}
	return id.String()
}

func oidShort(id asn1.ObjectIdentifier) string {
	if n, ok := oidTable().short[id.String()]; ok {
		return n
	}
	return id.String()
}
