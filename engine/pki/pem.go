// Package pki makes, reads and tells about keys, certificate requests and
// certificates as hosts keep them in files: X.509, PKCS #1, #8 and #10, PEM.
// What is told has the names that Ansible's community.crypto gives.
package pki

import (
	"encoding/pem"
	"strings"
	"unicode/utf8"
)

const (
	pemBegin = "-----BEGIN "
	pemEnd   = "-----"
)

// IsPEM tells whether a text begins as one in PEM does.
func IsPEM(data []byte) bool { return pemType(data) != "" }

// pemType is what the first line of a text in PEM names; "" when it is none.
func pemType(data []byte) string {
	if !utf8.Valid(data) {
		return ""
	}
	line, _, _ := strings.Cut(string(data), "\n")
	line = strings.TrimSuffix(line, "\r")
	name, begins := strings.CutPrefix(line, pemBegin)
	name, ends := strings.CutSuffix(name, pemEnd)
	if !begins || !ends {
		return ""
	}
	return name
}

// KeyFormat is how a private key is written: pkcs1 (each kind in its own way),
// pkcs8, raw, or unknown-pem.
func KeyFormat(data []byte) string {
	switch name := pemType(data); {
	case name == "":
		return "raw"
	case name == "PRIVATE KEY" || name == "ENCRYPTED PRIVATE KEY":
		return "pkcs8"
	case strings.HasSuffix(name, " PRIVATE KEY") && len(name) > len(" PRIVATE KEY"):
		return "pkcs1"
	}
	return "unknown-pem"
}

// SplitPEM takes a text apart into its PEM blocks; what stands between them is
// left out.
func SplitPEM(text string) []string {
	var out []string
	var cur strings.Builder
	in := false
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		if strings.HasPrefix(line, pemBegin) {
			cur.Reset()
			in = true
		}
		if !in {
			continue
		}
		cur.WriteString(line)
		if strings.HasPrefix(line, "-----END ") {
			out = append(out, cur.String())
			in = false
		}
	}
	return out
}

// writePEM writes one block.
func writePEM(name string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: name, Bytes: der})
}
