package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const keySize = 32

// ErrSealed is a sealed text that this installation's key does not open: the
// key was replaced, or the database comes from elsewhere or was changed.
var ErrSealed = errors.New("cannot be opened with this installation's key")

// sealer encrypts what is stored but must not be readable in the database.
type sealer struct {
	aead cipher.AEAD
	mac  []byte // a key of its own for digests
}

// openSealer reads the installation's key, making it on first use. The file is
// readable by its owner only.
func openSealer(path string) (*sealer, error) {
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeKey(path); err == nil {
			key, err = readKey(path)
		}
	}
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("digests"))
	return &sealer{aead, mac.Sum(nil)}, nil
}

func readKey(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("key file %s may be read by others (mode %04o): chmod 600 it, and consider its contents known", path, st.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("key file %s does not hold a key of %d bytes in base64", path, keySize)
	}
	return key, nil
}

// makeKey writes a new key beside path and links it into place, so that of two
// processes that start at once both end up with the same key.
func makeKey(path string) error {
	key := make([]byte, keySize)
	rand.Read(key)
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		if err = os.Link(f.Name(), path); errors.Is(err, fs.ErrExist) {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("make key file: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// seal encrypts text; what names the place it is stored at, so that it cannot
// be moved to another.
func (s *sealer) seal(text []byte, what string) []byte {
	return s.aead.Seal(nil, nil, text, []byte(what))
}

func (s *sealer) open(sealed []byte, what string) ([]byte, error) {
	text, err := s.aead.Open(nil, nil, sealed, []byte(what))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, ErrSealed)
	}
	return text, nil
}

// Digest names a text that may hold secrets: equal texts have equal digests,
// and without the installation's key nothing can be learnt from one.
func (s *Store) Digest(text []byte) string {
	mac := hmac.New(sha256.New, s.seal.mac)
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil))
}
