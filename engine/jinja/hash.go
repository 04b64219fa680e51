package jinja

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"

	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/blake2s"
	//lint:ignore SA1019 Python's hashlib has it, and playbooks may ask for it
	"golang.org/x/crypto/ripemd160"

	"github.com/fairlead-project/fairlead/engine/pycodec"
	"github.com/fairlead-project/fairlead/engine/value"
)

func addAnsibleHashes(f map[string]Filter) {
	f["b64encode"] = bound(func(_ *Context, in value.Value, b *Bound) (value.Value, error) {
		data, err := pycodec.Encode(text(in), b.Str("encoding", "utf-8"))
		return value.String(base64.StdEncoding.EncodeToString([]byte(data))), err
	}, "encoding?")
	f["b64decode"] = bound(b64decode, "encoding?")
	f["hash"] = bound(func(_ *Context, in value.Value, b *Bound) (value.Value, error) {
		return digest(in, b.Str("hashtype", "sha1"))
	}, "hashtype?")
	for name, kind := range map[string]string{"md5": "md5", "sha1": "sha1", "checksum": "sha1"} {
		f[name] = bound(func(_ *Context, in value.Value, _ *Bound) (value.Value, error) { return digest(in, kind) })
	}
	f["to_uuid"] = bound(toUUID, "namespace?")
}

// b64decode skips what is no letter of the alphabet, as Python does.
func b64decode(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	if !in.IsString() {
		return in, fmt.Errorf("expected a string, not %s", in.TypeName())
	}
	s := strings.Map(func(r rune) rune {
		if r == '+' || r == '/' || r == '=' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, in.Str())
	data, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return in, refusal("Incorrect padding")
	}
	out, err := pycodec.Decode(string(data), b.Str("encoding", "utf-8"))
	return value.String(out), err
}

var digests = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
	"sha512_224": sha512.New512_224, "sha512_256": sha512.New512_256, "ripemd160": ripemd160.New,
	"sha3_224": func() hash.Hash { return sha3.New224() }, "sha3_256": func() hash.Hash { return sha3.New256() },
	"sha3_384": func() hash.Hash { return sha3.New384() }, "sha3_512": func() hash.Hash { return sha3.New512() },
	"blake2b": func() hash.Hash { h, _ := blake2b.New512(nil); return h }, // fails only on a long key
	"blake2s": func() hash.Hash { h, _ := blake2s.New256(nil); return h },
}

func digest(in value.Value, kind string) (value.Value, error) {
	make, ok := digests[strings.ReplaceAll(strings.ToLower(kind), "-", "_")]
	if !ok {
		return in, fmt.Errorf("unsupported hash type %s", kind)
	}
	h := make()
	h.Write([]byte(text(in)))
	return strResult(hex.EncodeToString(h.Sum(nil)))
}

func toUUID(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	given := b.Or("namespace", value.String("361E6D51-FAEC-444A-9079-341386DA8E2E"))
	space, err := hex.DecodeString(strings.NewReplacer("-", "", "{", "", "}", "", "urn:", "", "uuid:", "").Replace(given.Str()))
	switch {
	case !given.IsString():
		return in, refusal("Invalid value '%s' for 'namespace': it is no text", text(given))
	case err != nil || len(space) != 16:
		return in, refusal("Invalid value '%s' for 'namespace': badly formed hexadecimal UUID string", given.Str())
	}
	sum := sha1.Sum(append(space, text(in)...))
	sum[6] = sum[6]&0x0f | 0x50
	sum[8] = sum[8]&0x3f | 0x80
	h := hex.EncodeToString(sum[:16])
	return strResult(h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:])
}
