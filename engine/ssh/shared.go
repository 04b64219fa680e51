package ssh

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/fairlead-project/fairlead/engine/diag"
	gossh "golang.org/x/crypto/ssh"
)

// Shared keeps what many connections use: parsed keys, known hosts, ssh_config.
// Each file is read once in its lifetime. The zero value is ready; it is safe
// for concurrent use.
type Shared struct {
	mu      sync.Mutex
	keys    map[string]*keyFile
	known   map[string]*knownFile
	configs map[string]*configFile
	logins  map[string]*startups
	jumps   map[string]*jumpClient
}

// keyFile is a private key, parsed once: opening an encrypted one is slow by
// design.
type keyFile struct {
	once   sync.Once
	signer gossh.Signer
	err    error
}

// entry gives the value for a name, making it first where there is none.
func entry[T any](mu *sync.Mutex, m *map[string]*T, name string) *T {
	mu.Lock()
	defer mu.Unlock()
	if *m == nil {
		*m = map[string]*T{}
	}
	if (*m)[name] == nil {
		(*m)[name] = new(T)
	}
	return (*m)[name]
}

// key gives the key in a file. passphrase may be nil.
func (s *Shared) key(file string, passphrase func(string) (string, error)) (gossh.Signer, error) {
	k := entry(&s.mu, &s.keys, file)
	k.once.Do(func() { k.signer, k.err = readKey(file, passphrase) })
	return k.signer, k.err
}

// CheckKey says why a key file cannot be used. One that is encrypted may be, and
// so may one whose public half lies beside it: an agent may hold the key.
func CheckKey(file string) error {
	_, err := readKey(file, nil)
	var d *diag.Diagnostic
	if err == nil || errors.As(err, &d) && d.Code == "key-locked" {
		return nil
	}
	if b, noPub := os.ReadFile(file + ".pub"); noPub == nil {
		if _, _, _, _, bad := gossh.ParseAuthorizedKey(b); bad == nil {
			return nil
		}
	}
	return err
}

// plain is an error of a file without the file's name.
func plain(err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

func readKey(file string, passphrase func(string) (string, error)) (gossh.Signer, error) {
	b, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, diag.New(diag.Auth, diag.Pos{}, "key-missing", "there is no key file %s: %w", file, plain(err)).WithHint("check --private-key or ansible_ssh_private_key_file")
	case errors.Is(err, fs.ErrPermission):
		return nil, diag.New(diag.Auth, diag.Pos{}, "key-unreadable", "the key file %s may not be read: %w", file, plain(err)).WithHint("check its owner and mode")
	case err != nil:
		return nil, diag.New(diag.Auth, diag.Pos{}, "key-unreadable", "the key file %s cannot be read: %w", file, plain(err)).WithHint("check --private-key or ansible_ssh_private_key_file")
	}
	signer, err := gossh.ParsePrivateKey(b)
	var locked *gossh.PassphraseMissingError
	if !errors.As(err, &locked) {
		if err != nil {
			return nil, diag.New(diag.Auth, diag.Pos{}, "key-broken", "the key file %s holds no private key that can be used: %w", file, err).
				WithHint("is it the public half, or of a kind too old?")
		}
		return signer, nil
	}
	hint := "add it to the agent (ssh-add), or give its passphrase"
	if passphrase == nil {
		return nil, diag.New(diag.Auth, diag.Pos{}, "key-locked", "the key file %s is encrypted and no passphrase was given", file).WithHint("%s", hint)
	}
	pass, err := passphrase(file)
	if err != nil {
		return nil, diag.New(diag.Auth, diag.Pos{}, "key-locked", "passphrase of the key file %s: %w", file, err).WithHint("%s", hint)
	}
	if signer, err = gossh.ParsePrivateKeyWithPassphrase(b, []byte(pass)); err != nil {
		return nil, diag.New(diag.Auth, diag.Pos{}, "key-passphrase", "the passphrase does not open the key file %s", file).WithHint("%s", fmt.Sprint("check the passphrase, or ", hint))
	}
	return signer, nil
}
