package ssh

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/fairlead-project/fairlead/engine/diag"
	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// knownKey is a line of a known_hosts file.
type knownKey struct {
	key     gossh.PublicKey
	revoked bool
	// authority: the key signs the certificates of hosts.
	authority bool
	file      string
	line      int
}

// knownFile is a known_hosts file, read once. Plain names are looked up in a
// map; only hashed names and patterns are gone through.
type knownFile struct {
	once    sync.Once
	err     error
	mu      sync.RWMutex
	exact   map[string][]knownKey
	hashed  []hashedKey
	pattern []patternKey
}

type hashedKey struct {
	salt, hash []byte
	knownKey
}

type patternKey struct {
	patterns []string
	knownKey
}

func (s *Shared) knownHosts(file string) *knownFile {
	k := entry(&s.mu, &s.known, file)
	k.once.Do(func() { k.err = k.read(file) })
	return k
}

func (k *knownFile) read(file string) error {
	k.exact = map[string][]knownKey{}
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	line := 0
	for text := range strings.Lines(string(b)) {
		line++
		marker, hosts, key, _, _, err := gossh.ParseKnownHosts([]byte(text))
		if err != nil {
			continue // empty, a comment, or of a kind we do not use
		}
		k.add(hosts, knownKey{key: key, revoked: marker == "revoked", authority: marker == "cert-authority", file: file, line: line})
	}
	return nil
}

func (k *knownFile) add(hosts []string, key knownKey) {
	plain := true
	for _, h := range hosts {
		plain = plain && !strings.ContainsAny(h, "*?!|")
	}
	if plain {
		for _, h := range hosts {
			h = strings.ToLower(h)
			k.exact[h] = append(k.exact[h], key)
		}
		return
	}
	if len(hosts) == 1 && strings.HasPrefix(hosts[0], "|1|") {
		parts := strings.Split(hosts[0], "|")
		if len(parts) != 4 {
			return
		}
		salt, err1 := base64.StdEncoding.DecodeString(parts[2])
		hash, err2 := base64.StdEncoding.DecodeString(parts[3])
		if err1 == nil && err2 == nil {
			k.hashed = append(k.hashed, hashedKey{salt, hash, key})
		}
		return
	}
	k.pattern = append(k.pattern, patternKey{hosts, key})
}

// find gives every key known for a name ("host", or "[host]:port").
func (k *knownFile) find(name string) []knownKey {
	k.mu.RLock()
	defer k.mu.RUnlock()
	out := append([]knownKey{}, k.exact[name]...)
	for _, h := range k.hashed {
		mac := hmac.New(sha1.New, h.salt)
		mac.Write([]byte(name))
		if hmac.Equal(mac.Sum(nil), h.hash) {
			out = append(out, h.knownKey)
		}
	}
	for _, p := range k.pattern {
		if matchNames(p.patterns, name) {
			out = append(out, p.knownKey)
		}
	}
	return out
}

// append notes a key in the file with one write, and in memory.
func (k *knownFile) append(file, name string, key gossh.PublicKey) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, known := range k.exact[name] {
		if string(known.key.Marshal()) == string(key.Marshal()) {
			return nil
		}
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	line := knownhosts.Line([]string{name}, key) + "\n"
	if st, err := f.Stat(); err == nil && st.Size() > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, st.Size()-1); err == nil && last[0] != '\n' {
			line = "\n" + line
		}
	}
	_, err = f.WriteString(line)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		k.exact[name] = append(k.exact[name], knownKey{key: key, file: file})
	}
	return err
}

// hostCheck checks one host's key and remembers why it was refused.
type hostCheck struct {
	cfg   *Config
	name  string
	known []knownKey
	// loose: the known keys are those of the name without the port, which may
	// be another server's.
	loose bool
	files []*knownFile
	err   error
}

func (s *Shared) hostKeys(cfg *Config) *hostCheck {
	name := strings.ToLower(orElse(cfg.keyAlias, cfg.Address))
	if cfg.Port != 22 && cfg.keyAlias == "" {
		name = "[" + name + "]:" + strconv.Itoa(cfg.Port)
	}
	h := &hostCheck{cfg: cfg, name: name}
	if cfg.HostKeyChecking == HostKeyOff {
		return h
	}
	for _, file := range cfg.KnownHosts {
		k := s.knownHosts(file)
		h.files = append(h.files, k)
		h.known = append(h.known, k.find(name)...)
	}
	if bare := strings.ToLower(cfg.Address); len(h.known) == 0 && bare != name && cfg.keyAlias == "" {
		h.loose = true
		for _, k := range h.files {
			h.known = append(h.known, k.find(bare)...)
		}
	}
	return h
}

// algorithms orders the host key algorithms so that the server shows a key that
// is known; nil leaves the choice to it.
func (h *hostCheck) algorithms() []string {
	var out []string
	seen := map[string]bool{}
	add := func(names ...string) {
		for _, n := range names {
			if !seen[n] {
				seen[n] = true
				out = append(out, n)
			}
		}
	}
	for _, k := range h.known {
		if k.authority && !k.revoked {
			add(gossh.CertAlgoED25519v01, gossh.CertAlgoECDSA256v01, gossh.CertAlgoECDSA384v01, gossh.CertAlgoECDSA521v01, gossh.CertAlgoRSASHA512v01, gossh.CertAlgoRSASHA256v01)
		}
	}
	for _, k := range h.known {
		if k.revoked || k.authority {
			continue
		}
		if t := k.key.Type(); t == gossh.KeyAlgoRSA {
			add(gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256)
		} else {
			add(t)
		}
	}
	return out
}

// verify is the callback of the handshake.
func (h *hostCheck) verify(_ string, _ net.Addr, key gossh.PublicKey) error {
	h.err = h.check(key)
	return h.err
}

func (h *hostCheck) check(key gossh.PublicKey) error {
	cfg := h.cfg
	if cfg.HostKeyChecking == HostKeyOff {
		return nil
	}
	if cert, ok := key.(*gossh.Certificate); ok {
		if trusted, err := h.certified(cert); trusted || err != nil {
			return err
		}
		key = cert.Key // no authority that we know signed it: the key itself may be known
	}
	shown := key.Type() + " " + gossh.FingerprintSHA256(key)
	for i, f := range h.files {
		if f.err != nil {
			return diag.New(diag.HostKey, diag.Pos{}, "known-hosts", "the known hosts in %s cannot be read: %w", cfg.KnownHosts[i], f.err)
		}
	}
	match := false
	var other *knownKey
	for _, k := range h.known {
		if k.authority {
			continue
		}
		same := string(k.key.Marshal()) == string(key.Marshal())
		switch {
		case same && k.revoked:
			return diag.New(diag.HostKey, diag.Pos{File: k.file, Line: k.line}, "host-key-revoked", "the host key of %s (%s) is revoked", cfg.where(), shown)
		case same:
			match = true
		case !k.revoked && !h.loose && other == nil:
			other = &k
		}
	}
	switch {
	case match:
		return nil
	case other != nil:
		return diag.New(diag.HostKey, diag.Pos{}, "host-key-changed", "the host key of %s is not the known one: it shows %s, and %s:%d has %s %s",
			cfg.where(), shown, other.file, other.line, other.key.Type(), gossh.FingerprintSHA256(other.key)).
			WithHint("either the host was set up anew or somebody stands between; when you are sure, take the old key out: ssh-keygen -f %s -R '%s'", other.file, h.name)
	case cfg.HostKeyChecking == HostKeyAcceptNew:
		if len(cfg.KnownHosts) == 0 {
			return diag.New(diag.HostKey, diag.Pos{}, "known-hosts", "the host key of %s cannot be noted: there is no known_hosts file", cfg.where())
		}
		if err := h.files[0].append(cfg.KnownHosts[0], h.name, key); err != nil {
			return diag.New(diag.HostKey, diag.Pos{}, "known-hosts", "the host key of %s cannot be noted: %w", cfg.where(), err)
		}
		return nil
	}
	return diag.New(diag.HostKey, diag.Pos{}, "host-key-unknown", "the host key of %s (%s) is not known", cfg.where(), shown).
		WithHint("compare it and note it (ssh-keyscan -p %d %s >> %s), or use --host-key-checking accept-new", cfg.Port, cfg.Address, firstOf(cfg.KnownHosts))
}

func firstOf(files []string) string {
	if len(files) == 0 {
		return "~/.ssh/known_hosts"
	}
	return files[0]
}
