package ssh

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// auth offers what we have, one attempt to log in, and remembers what was tried.
// It is used by one goroutine: the handshake's.
type auth struct {
	cfg   *Config
	begun bool     // the server asked for authentication
	tried []string // for people
	notes []string // what could not be tried, and why
	err   error    // a key that the user named cannot be used
	agent net.Conn
}

func (a *auth) close() {
	if a.agent != nil {
		_ = a.agent.Close()
	}
}

// methods are keys, then the password in both ways servers take it.
func (a *auth) methods() []gossh.AuthMethod {
	var m []gossh.AuthMethod
	if !a.cfg.noKeys {
		m = append(m, gossh.PublicKeysCallback(a.signers))
	}
	if a.cfg.Password != "" && !a.cfg.noPassword {
		m = append(m, gossh.PasswordCallback(func() (string, error) {
			a.begun = true
			a.tried = append(a.tried, "password")
			return a.cfg.Password, nil
		}))
	}
	if a.cfg.Password != "" && !a.cfg.noInteractive {
		m = append(m, gossh.KeyboardInteractive(a.interactive))
	}
	return m
}

// interactive answers questions that are not echoed with the password.
func (a *auth) interactive(_, _ string, questions []string, echos []bool) ([]string, error) {
	a.begun = true
	answers := make([]string, len(questions))
	for i := range questions {
		if !echos[i] {
			answers[i] = a.cfg.Password
		}
	}
	if len(questions) > 0 {
		a.tried = append(a.tried, "keyboard-interactive")
	}
	return answers, nil
}

// signers are the agent's keys (those that key files name first) and the files'.
func (a *auth) signers() ([]gossh.Signer, error) {
	a.begun = true
	var out []gossh.Signer
	seen := map[string]bool{}
	add := func(s gossh.Signer, what string) {
		key := string(s.PublicKey().Marshal())
		if !seen[key] {
			seen[key] = true
			out = append(out, s)
			a.tried = append(a.tried, what)
		}
	}
	inAgent := a.agentSigners()
	withCert := func(s gossh.Signer, file string) {
		for _, c := range a.certificates(s, file) {
			add(c.Signer, "certificate "+c.file)
		}
	}
	explicit := len(a.cfg.KeyFiles) > 0
	if !explicit && !(a.cfg.identitiesOnly && a.cfg.namedKeys) {
		for _, s := range inAgent {
			withCert(s, "")
			add(s, "agent key "+fingerprint(s))
		}
	}
	files := a.cfg.KeyFiles
	if !explicit {
		files = a.cfg.defaultKeys
	}
	for _, file := range files {
		s, err := a.cfg.Shared.key(file, a.cfg.KeyPassphrase)
		if err == nil {
			withCert(s, file)
			add(s, "key "+file)
			continue
		}
		if pub, ok := publicHalf(file, inAgent); ok {
			withCert(pub, file)
			add(pub, "agent key of "+file)
			continue
		}
		if explicit || !errors.Is(err, os.ErrNotExist) {
			a.notes = append(a.notes, err.Error())
			if explicit && a.err == nil {
				a.err = err
			}
		}
	}
	if explicit {
		for _, s := range inAgent {
			if !a.cfg.identitiesOnly {
				add(s, "agent key "+fingerprint(s))
			}
		}
	}
	if len(out) > 0 || a.cfg.Password != "" {
		a.err = nil
	}
	return out, nil
}

// publicHalf finds the key of a file (FILE.pub beside it) in the agent.
func publicHalf(file string, inAgent []gossh.Signer) (gossh.Signer, bool) {
	b, err := os.ReadFile(file + ".pub")
	if err != nil {
		return nil, false
	}
	pub, _, _, _, err := gossh.ParseAuthorizedKey(b)
	if err != nil {
		return nil, false
	}
	for _, s := range inAgent {
		if string(s.PublicKey().Marshal()) == string(pub.Marshal()) {
			return s, true
		}
	}
	return nil, false
}

func (a *auth) agentSigners() []gossh.Signer {
	socket := a.cfg.AgentSocket
	if socket == "" {
		socket = os.Getenv("SSH_AUTH_SOCK")
	}
	if a.cfg.NoAgent || socket == "" || socket == "none" {
		return nil
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		a.notes = append(a.notes, fmt.Sprintf("the agent does not answer: %v", err))
		return nil
	}
	a.agent = conn
	s, err := agent.NewClient(conn).Signers()
	if err != nil {
		a.notes = append(a.notes, fmt.Sprintf("the agent gives no keys: %v", err))
	}
	return s
}

func fingerprint(s gossh.Signer) string { return gossh.FingerprintSHA256(s.PublicKey()) }

// refused says which credentials the host did not take, and what to do.
func (a *auth) refused() error {
	who := a.cfg.User + " on " + a.cfg.where()
	var d *diag.Diagnostic
	switch {
	case a.err != nil:
		d = diag.New(diag.Auth, diag.Pos{}, "key", "log in as %s: %w", who, a.err)
	case len(a.tried) == 0:
		d = diag.New(diag.Auth, diag.Pos{}, "no-credentials", "log in as %s: there is no key and no password to try", who)
	default:
		d = diag.New(diag.Auth, diag.Pos{}, "auth", "log in as %s: the host accepted none of: %s", who, strings.Join(a.tried, ", "))
	}
	if len(a.notes) > 0 && a.err == nil {
		d.Msg += "; not tried: " + strings.Join(a.notes, "; ")
	}
	if a.err != nil {
		var hinted *diag.Diagnostic
		if errors.As(a.err, &hinted) {
			d.Msg = "log in as " + who + ": " + hinted.Msg
			d.Hint = hinted.Hint
		}
		return d
	}
	if a.cfg.Password != "" {
		return d.WithHint("is the password right, and does the host allow passwords for this user?")
	}
	return d.WithHint("put the public key into the user's authorized_keys, name another key (--private-key, ansible_ssh_private_key_file), or give a password (-k)")
}
