package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"
	"strings"
)

// sshCurves are the names of curves in keys of SSH (RFC 5656).
var sshCurves = map[string]string{"secp256r1": "nistp256", "secp384r1": "nistp384", "secp521r1": "nistp521"}

// PublicSSH writes a public key as OpenSSH does, without a comment or a line's end.
func PublicSSH(public crypto.PublicKey) ([]byte, error) {
	kind := ""
	var body []byte
	switch p := public.(type) {
	case *rsa.PublicKey:
		kind = "ssh-rsa"
		body = append(sshNumber(big.NewInt(int64(p.E))), sshNumber(p.N)...)
	case *ecdsa.PublicKey:
		name, ok := sshCurves[curveName(p.Curve)]
		if !ok {
			return nil, fmt.Errorf("OpenSSH has no keys of the curve %s", curveName(p.Curve))
		}
		point, err := p.Bytes()
		if err != nil {
			return nil, err
		}
		kind = "ecdsa-sha2-" + name
		body = append(sshString([]byte(name)), sshString(point)...)
	case ed25519.PublicKey:
		kind = "ssh-ed25519"
		body = sshString(p)
	default:
		return nil, fmt.Errorf("OpenSSH has no keys of type %s", typeOf(public))
	}
	blob := append(sshString([]byte(kind)), body...)
	return []byte(kind + " " + base64.StdEncoding.EncodeToString(blob)), nil
}

func sshString(b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

func sshNumber(n *big.Int) []byte {
	b := n.Bytes()
	if len(b) > 0 && b[0]&0x80 != 0 {
		b = append([]byte{0}, b...)
	}
	return sshString(b)
}

// StripSSH is a public key of OpenSSH without its comment; "" when it is none.
func StripSSH(line []byte) string {
	f := strings.Fields(string(line))
	if len(f) < 2 {
		return ""
	}
	if _, err := base64.StdEncoding.DecodeString(f[1]); err != nil {
		return ""
	}
	return f[0] + " " + f[1]
}
