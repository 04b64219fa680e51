package net

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"path"
	"sort"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/value"
)

// multipartBody writes a form with files as Ansible does: fields in the order
// of their names, files in base64. It gives the content type and the body.
func multipartBody(g *module.Gather, in module.Inputs, v value.Value, remote bool) (string, []byte, error) {
	if v.Kind() != value.KindMap {
		return "", nil, module.Fail("body must be mapping, cannot be type " + v.TypeName())
	}
	names := []string{}
	for k := range v.Map().All() {
		names = append(names, k.Text())
	}
	sort.Strings(names)
	var parts [][]byte
	for _, name := range names {
		field, _ := v.Get(name)
		p, err := part(g, in, name, field, remote)
		if err != nil {
			return "", nil, err
		}
		parts = append(parts, p)
	}
	boundary := boundaryOf(in, parts)
	var b bytes.Buffer
	for _, p := range parts {
		fmt.Fprintf(&b, "--%s\r\n%s\r\n", boundary, p)
	}
	fmt.Fprintf(&b, "--%s--\r\n", boundary)
	return `multipart/form-data; boundary="` + boundary + `"`, b.Bytes(), nil
}

// boundaryOf is a line that no part holds.
func boundaryOf(in module.Inputs, parts [][]byte) string {
	for n := byte(0); ; n++ {
		sum := sha256.Sum256(append(in.Seed[:len(in.Seed):len(in.Seed)], n))
		boundary := "===============" + hex.EncodeToString(sum[:10]) + "=="
		if !bytes.Contains(bytes.Join(parts, nil), []byte(boundary)) {
			return boundary
		}
	}
}

// part is one field with its headers.
func part(g *module.Gather, in module.Inputs, name string, field value.Value, remote bool) ([]byte, error) {
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	head := func(kind, file string) string {
		s := "Content-Type: " + kind + "\r\nContent-Disposition: form-data; name=\"" + quote.Replace(name) + "\""
		if file != "" {
			s += "; filename=\"" + quote.Replace(path.Base(file)) + "\""
		}
		return s + "\r\n"
	}
	switch field.Kind() {
	case value.KindString:
		return []byte(head("text/plain", "") + "\r\n" + field.Str()), nil
	case value.KindMap:
	default:
		return nil, module.Fail("failed to parse body as form-multipart: value must be a string, or mapping, cannot be type " + field.TypeName())
	}
	text := func(key string) string {
		if v, ok := field.Get(key); ok && !v.IsNull() {
			return v.Text()
		}
		return ""
	}
	file, content, kind := text("filename"), text("content"), text("mime_type")
	if file == "" && content == "" {
		return nil, module.Fail("failed to parse body as form-multipart: at least one of filename or content must be provided")
	}
	if kind == "" {
		kind, _, _ = strings.Cut(mime.TypeByExtension(path.Ext(file)), ";")
		if kind == "" {
			kind = "application/octet-stream"
		}
	}
	if content != "" {
		return []byte(head(kind, file) + "\r\n" + content), nil
	}
	c, err := readFile(g, in, file, remote)
	if err != nil {
		return nil, err
	}
	r, err := c.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString("Content-Transfer-Encoding: base64\r\n" + head(kind, file) + "\r\n")
	coded := base64.StdEncoding.EncodeToString(data)
	for len(coded) > 76 {
		b.WriteString(coded[:76] + "\r\n")
		coded = coded[76:]
	}
	return []byte(b.String() + coded + "\r\n"), nil
}
