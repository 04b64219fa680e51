package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vault"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// decrypter opens vault texts with the passwords that the flags name; nil when
// they name none.
func (f *inventoryFlags) decrypter(red *event.Redactor) (func(string) (string, error), error) {
	var secrets []vault.Secret
	files := f.vaultFiles
	if v := os.Getenv("ANSIBLE_VAULT_PASSWORD_FILE"); v != "" && len(files) == 0 {
		files = []string{v}
	}
	for _, file := range files {
		p, err := vaultPassword(expand(file))
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, vault.Secret{ID: vault.DefaultID, Password: []byte(p)})
	}
	if f.askVault {
		p, err := askSecret("Vault password: ", stdStreams())
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, vault.Secret{ID: vault.DefaultID, Password: []byte(p)})
	}
	if len(secrets) == 0 {
		return nil, nil
	}
	for _, s := range secrets {
		red.Add(string(s.Password))
	}
	v := vault.New(secrets...)
	return func(text string) (string, error) {
		clear, err := v.Decrypt(text)
		if err == nil {
			addClear(red, clear)
		}
		return clear, err
	}, nil
}

// addClear registers what was in a vault: the text; of a file of variables each
// value; of another text with several lines, such as a key, each line, because
// results are shown by lines too.
func addClear(red *event.Redactor, clear string) {
	red.Add(clear, strings.TrimSpace(clear))
	if !strings.Contains(strings.TrimSpace(clear), "\n") && !strings.Contains(clear, ": ") {
		return
	}
	n, err := yaml.ParseOne("vault", []byte(clear), yaml.Options{Decrypt: func(string) (string, error) { return "", nil }})
	if err == nil && (n.Kind == yaml.Mapping || n.Kind == yaml.Sequence) {
		red.AddValue(n.Value().WithMarks(value.Secret))
		return
	}
	for line := range strings.Lines(clear) {
		red.Add(strings.TrimSpace(line))
	}
}

// vaultPassword reads a password file; one that can be executed is run, as
// Ansible does.
func vaultPassword(file string) (string, error) {
	st, err := os.Stat(file)
	if err != nil {
		return "", diag.Errorf(diag.Pos{}, "vault-password-file", "the vault password file cannot be read: %w", err).WithHint("give --vault-password-file a file you may read")
	}
	var data []byte
	if st.Mode()&0o111 != 0 {
		data, err = exec.Command(file).Output()
	} else {
		data, err = os.ReadFile(file)
	}
	if err != nil {
		return "", diag.Errorf(diag.Pos{}, "vault-password-file", "the vault password file %s: %w", file, err)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}

// readLine reads no further than the line: the next secret may follow it.
func readLine(r io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); ; {
		n, err := r.Read(b)
		if n == 1 && b[0] != '\n' {
			line = append(line, b[0])
			continue
		}
		if errors.Is(err, io.EOF) && len(line) > 0 {
			err = nil
		}
		if n == 1 || err != nil || len(line) > 0 {
			return strings.TrimRight(string(line), "\r"), err
		}
	}
}
