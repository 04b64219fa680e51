// Package vault encrypts and decrypts Ansible Vault texts: the envelopes 1.1
// and 1.2 (with a vault id) around AES256.
package vault

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
)

const (
	header     = "$ANSIBLE_VAULT"
	iterations = 10000
	saltSize   = 32
	lineWidth  = 80
	// DefaultID is the id of a secret that was given without one.
	DefaultID = "default"
)

// The reasons why a text cannot be decrypted.
var (
	ErrFormat   = errors.New("this is no Ansible Vault text, or it is damaged")
	ErrPassword = errors.New("none of the vault passwords fits")
	ErrNoSecret = errors.New("no vault password was given")
)

// Secret is one password with its vault id.
type Secret struct {
	ID       string
	Password []byte
}

// Vault holds the passwords of a run. It is safe for use by many goroutines.
type Vault struct {
	// Match tries only secrets with the id of a text, when the text names one.
	Match bool

	secrets []Secret

	mu   sync.Mutex
	done map[string]opened // by vault text: keys take long to derive
}

type opened struct {
	clear string
	by    Secret
}

// New makes a vault of secrets, tried in order.
func New(secrets ...Secret) *Vault { return &Vault{secrets: secrets, done: map[string]opened{}} }

// IsEncrypted tells whether data begins as a vault text does.
func IsEncrypted(data []byte) bool { return bytes.HasPrefix(data, []byte(header+";")) }

type envelope struct {
	id                  string
	named               bool // the header names the id
	salt, mac, contents []byte
}

// Decrypt gives the clear text. Secrets with the id of the text are tried
// first, then all others.
func (v *Vault) Decrypt(text string) (string, error) {
	clear, _, err := v.Open(text)
	return clear, err
}

// Open gives the clear text and the secret to encrypt it with again: the
// password that fitted, under the id that the text names.
func (v *Vault) Open(text string) (clear string, by Secret, err error) {
	e, err := parse(text)
	if err != nil {
		return "", by, err
	}
	if v == nil || len(v.secrets) == 0 {
		return "", by, ErrNoSecret
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if o, ok := v.done[text]; ok {
		return o.clear, o.by, nil
	}
	for _, matching := range []bool{true, false} {
		if !matching && v.Match && e.named {
			break
		}
		for _, s := range v.secrets {
			if (s.ID == e.id) != matching {
				continue
			}
			clear, err := e.open(s.Password)
			if errors.Is(err, ErrPassword) {
				continue
			}
			by = Secret{ID: e.id, Password: s.Password}
			if err == nil {
				v.done[text] = opened{clear, by}
			}
			return clear, by, err
		}
	}
	if e.id != DefaultID {
		return "", by, fmt.Errorf("%w (the text has the vault id %q)", ErrPassword, e.id)
	}
	return "", by, ErrPassword
}

func parse(text string) (*envelope, error) {
	lines := strings.Fields(text)
	if len(lines) < 2 {
		return nil, ErrFormat
	}
	head := strings.Split(lines[0], ";")
	if len(head) < 3 || head[0] != header {
		return nil, ErrFormat
	}
	if head[1] != "1.1" && head[1] != "1.2" || head[2] != "AES256" {
		return nil, fmt.Errorf("vault format %s with cipher %s is not supported (only 1.1 and 1.2 with AES256): %w", head[1], head[2], ErrFormat)
	}
	e := &envelope{id: DefaultID}
	if len(head) > 3 && head[1] == "1.2" {
		e.id, e.named = head[3], true
	}
	body, err := hex.DecodeString(strings.Join(lines[1:], ""))
	if err != nil {
		return nil, ErrFormat
	}
	parts := bytes.SplitN(body, []byte("\n"), 3)
	if len(parts) != 3 {
		return nil, ErrFormat
	}
	for i, to := range []*[]byte{&e.salt, &e.mac, &e.contents} {
		if *to, err = hex.DecodeString(string(parts[i])); err != nil {
			return nil, ErrFormat
		}
	}
	if len(e.contents) == 0 || len(e.contents)%aes.BlockSize != 0 {
		return nil, ErrFormat
	}
	return e, nil
}

type keys struct{ cipher, mac, iv []byte }

func derive(password, salt []byte) (keys, error) {
	k, err := pbkdf2.Key(sha256.New, string(password), salt, iterations, 32+32+aes.BlockSize)
	if err != nil {
		return keys{}, fmt.Errorf("derive vault key: %w", err)
	}
	return keys{k[:32], k[32:64], k[64:]}, nil
}

func (k keys) sum(contents []byte) []byte {
	h := hmac.New(sha256.New, k.mac)
	h.Write(contents)
	return h.Sum(nil)
}

func (k keys) xor(dst, src []byte) error {
	block, err := aes.NewCipher(k.cipher)
	if err != nil {
		return fmt.Errorf("vault cipher: %w", err)
	}
	cipher.NewCTR(block, k.iv).XORKeyStream(dst, src)
	return nil
}

func (e *envelope) open(password []byte) (string, error) {
	k, err := derive(password, e.salt)
	if err != nil {
		return "", err
	}
	if !hmac.Equal(k.sum(e.contents), e.mac) {
		return "", ErrPassword
	}
	clear := make([]byte, len(e.contents))
	if err := k.xor(clear, e.contents); err != nil {
		return "", err
	}
	pad := int(clear[len(clear)-1])
	if pad == 0 || pad > aes.BlockSize || !bytes.Equal(clear[len(clear)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		return "", ErrFormat
	}
	return string(clear[:len(clear)-pad]), nil
}

// Encrypt makes a vault text, in format 1.2 when the secret has an id.
func Encrypt(clear []byte, s Secret) (string, error) {
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("vault salt: %w", err)
	}
	return encrypt(clear, s, salt)
}

// EncryptSalted is Encrypt with a salt of the caller's: the same in gives the
// same out, which tells who sees two texts whether they are the same.
func EncryptSalted(clear []byte, s Secret, salt []byte) (string, error) {
	return encrypt(clear, s, salt)
}

func encrypt(clear []byte, s Secret, salt []byte) (string, error) {
	k, err := derive(s.Password, salt)
	if err != nil {
		return "", err
	}
	pad := aes.BlockSize - len(clear)%aes.BlockSize
	contents := append(bytes.Clone(clear), bytes.Repeat([]byte{byte(pad)}, pad)...)
	if err := k.xor(contents, contents); err != nil {
		return "", err
	}
	body := hex.EncodeToString([]byte(hex.EncodeToString(salt) + "\n" + hex.EncodeToString(k.sum(contents)) + "\n" + hex.EncodeToString(contents)))
	var b strings.Builder
	if s.ID == "" || s.ID == DefaultID {
		b.WriteString(header + ";1.1;AES256\n")
	} else {
		b.WriteString(header + ";1.2;AES256;" + s.ID + "\n")
	}
	for len(body) > 0 {
		n := min(lineWidth, len(body))
		b.WriteString(body[:n] + "\n")
		body = body[n:]
	}
	return b.String(), nil
}
