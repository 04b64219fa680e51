package users

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/bits"
	"path"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// keyFile is the private key of the user.
func (u *account) keyFile(home string) string {
	file := u.KeyFile
	if file == "" {
		file = ".ssh/id_" + u.KeyType
	}
	if path.IsAbs(file) {
		return file
	}
	return path.Join(home, file)
}

// keySteps gives the command that makes a key pair.
func (u *account) keySteps() ([]state.Exec, error) {
	if !u.GenerateKey {
		return nil, nil
	}
	file := u.keyFile(u.home())
	if f := u.g.File(file, 0); !u.g.Complete() {
		return nil, nil
	} else if f.Exists() && u.cur.Exists {
		u.warn = append(u.warn, `Found existing ssh key private file "`+file+`", no force, so skipping ssh-keygen generation`)
		return nil, nil
	}
	argv := []string{"ssh-keygen", "-q", "-t", u.KeyType, "-f", file}
	if u.KeyBits > 0 {
		argv = append(argv, "-b", strconv.Itoa(u.KeyBits))
	}
	comment := `"ansible-generated on $(uname -n)"`
	if u.KeyComment != "" {
		comment = quote(u.KeyComment)
	}
	dir, who := quote(path.Dir(file)), quote(u.Name)
	step := state.Exec{Shown: "make a key for " + u.Name}
	text := "g=$(id -g " + who + ") && umask 077 && if [ ! -d " + dir + " ]; then mkdir -p " + dir + " && chown " + who + `:"$g" ` + dir + "; fi && " +
		quoteAll(argv) + " -C " + comment
	if u.KeyPassphrase.IsNull() {
		text += " -N ''"
	} else {
		pass := u.KeyPassphrase.Text() + "\n"
		step.Stdin, step.HasStdin = []byte(pass+pass), true
	}
	step.Shell = text + ` && chmod 644 ` + quote(file+".pub") + " && chown " + who + `:"$g" ` + quote(file) + " " + quote(file+".pub")
	return []state.Exec{step}, nil
}

// keyResult registers the key.
func (u *account) keyResult(g *module.Gather, r *value.Map, home string) error {
	if !u.GenerateKey {
		return nil
	}
	file := u.keyFile(home)
	f, err := g.TryFile(file+".pub", state.WantContent)
	if err != nil || !g.Complete() {
		return err
	}
	line := strings.TrimSpace(string(f.Content))
	r.Set("ssh_key_file", value.String(file))
	r.Set("ssh_public_key", value.String(line).WithMarks(value.Unsafe))
	if text := fingerprint(line); text != "" {
		r.Set("ssh_fingerprint", value.String(text).WithMarks(value.Unsafe))
	}
	return nil
}

// fingerprint writes the fingerprint of a public key as ssh-keygen -l does.
func fingerprint(line string) string {
	kind, rest, _ := strings.Cut(line, " ")
	text, comment, _ := strings.Cut(rest, " ")
	blob, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(blob) == 0 {
		return ""
	}
	size := map[string]int{"ssh-ed25519": 256, "ecdsa-sha2-nistp256": 256, "ecdsa-sha2-nistp384": 384, "ecdsa-sha2-nistp521": 521}[kind]
	name := map[string]string{"ssh-ed25519": "ED25519", "ssh-rsa": "RSA", "ssh-dss": "DSA"}[kind]
	if strings.HasPrefix(kind, "ecdsa") {
		name = "ECDSA"
	}
	if kind == "ssh-rsa" || kind == "ssh-dss" {
		size = modulusBits(blob, map[string]int{"ssh-rsa": 2, "ssh-dss": 1}[kind])
	}
	if comment == "" {
		comment = "no comment"
	}
	sum := sha256.Sum256(blob)
	return fmt.Sprintf("%d SHA256:%s %s (%s)", size, base64.RawStdEncoding.EncodeToString(sum[:]), comment, name)
}

// modulusBits is the length of the nth number in a key.
func modulusBits(blob []byte, nth int) int {
	for i := 0; len(blob) >= 4; i++ {
		n := int(binary.BigEndian.Uint32(blob))
		if n < 0 || len(blob) < 4+n {
			return 0
		}
		if i == nth {
			num := blob[4 : 4+n]
			for len(num) > 0 && num[0] == 0 {
				num = num[1:]
			}
			if len(num) == 0 {
				return 0
			}
			return (len(num)-1)*8 + bits.Len8(num[0])
		}
		blob = blob[4+n:]
	}
	return 0
}
