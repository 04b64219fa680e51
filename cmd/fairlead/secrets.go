package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/fairlead-project/fairlead/engine/config"
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vault"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// vaultFlags name the passwords of Ansible Vault.
type vaultFlags struct {
	ids, files []string
	ask        bool
}

// vaultSource is where one password comes from: a label, and a file, a script
// or a question.
type vaultSource struct {
	id   string
	file string // "" asks
	old  bool   // the question of --ask-vault-pass, which names no label
}

// sources lists what the settings and flags name, in Ansible's order: the list
// of the settings, --vault-id, --vault-password-file, the file of the settings,
// the question.
func (f *vaultFlags) sources(cfg *config.Config) []vaultSource {
	var out []vaultSource
	def := cfg.Text(config.VaultIdentity)
	for _, slug := range append(cfg.List(config.VaultIdentityList), f.ids...) {
		id, source, labelled := strings.Cut(slug, "@")
		if !labelled {
			id, source = "", slug
		}
		s := vaultSource{id: orElse(id, def), file: expand(source)}
		if source == "prompt" || source == "prompt_ask_vault_pass" {
			s.file, s.old = "", source != "prompt"
		}
		out = append(out, s)
	}
	files := f.files
	if file := cfg.Text(config.VaultPasswordFile); file != "" {
		files = append(files[:len(files):len(files)], file)
	}
	for _, file := range files {
		out = append(out, vaultSource{id: def, file: expand(file)})
	}
	if f.ask || cfg.Bool(config.AskVaultPass) {
		out = append(out, vaultSource{id: def, old: true})
	}
	return out
}

func orElse(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

// secrets reads the passwords. A source that cannot be read is a warning while
// another one can.
func (f *vaultFlags) secrets(cfg *config.Config, std streams, red *event.Redactor) ([]vault.Secret, error) {
	return readSources(f.sources(cfg), false, std, red)
}

// readSources reads the passwords of sources; fresh ones are asked for twice.
func readSources(sources []vaultSource, fresh bool, std streams, red *event.Redactor) ([]vault.Secret, error) {
	var secrets []vault.Secret
	var problems diag.List
	for _, src := range sources {
		p, err := src.read(fresh, std, vault.New(secrets...))
		if err != nil && src.file == "" {
			return nil, err
		}
		if err != nil {
			problems.Add(err)
			continue
		}
		red.Add(p)
		secrets = append(secrets, vault.Secret{ID: src.id, Password: []byte(p)})
	}
	if len(secrets) == 0 {
		return nil, problems.Err()
	}
	for _, d := range problems {
		d.Warning = true
		printDiagnostic(std.err, d, plainPaint(std.errColor))
	}
	return secrets, nil
}

// read gives the password of a source; a file of one may be encrypted with
// those that came before it.
func (s vaultSource) read(fresh bool, std streams, before *vault.Vault) (string, error) {
	if s.file == "" {
		return s.ask(fresh, std)
	}
	args := []string{}
	base := filepath.Base(s.file)
	if strings.HasSuffix(strings.TrimSuffix(base, filepath.Ext(base)), "-client") {
		args = []string{"--vault-id", s.id}
	}
	p, err := passwordFrom("vault password file", s.file, std, args...)
	if err != nil {
		return "", err
	}
	if vault.IsEncrypted([]byte(p)) {
		if p, err = before.Decrypt(p); err != nil {
			return "", diag.Errorf(diag.Pos{File: s.file}, "vault-password-file", "the vault password file is encrypted itself: %w", err).
				WithHint("name the password it was encrypted with before it")
		}
		p = strings.Trim(p, "\r\n")
	}
	return p, nil
}

// ask asks for the password, for a fresh one twice.
func (s vaultSource) ask(fresh bool, std streams) (string, error) {
	prompt := "Vault password: "
	if !s.old {
		prompt = "Vault password (" + s.id + "): "
	}
	if !fresh {
		return askVaultPassword(prompt, std)
	}
	p, err := askVaultPassword("New "+prompt, std)
	if err != nil {
		return "", err
	}
	again, err := askVaultPassword("Confirm New "+prompt, std)
	if err == nil && again != p {
		err = diag.Errorf(diag.Pos{}, "vault-password", "the two passwords differ").WithHint("type the same password twice")
	}
	return p, err
}

func askVaultPassword(prompt string, std streams) (string, error) {
	p, err := askSecret(prompt, std)
	if err == nil && p == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		return "", diag.Errorf(diag.Pos{}, "vault-password", "the vault password cannot be asked for: %w", err).
			WithHint("type it at a terminal, write it to standard input, or name a file with --vault-password-file")
	}
	return p, nil
}

// passwordFrom reads a password from a file; one that can be executed is run
// with args, as Ansible does; "-" is standard input. what names it in messages.
func passwordFrom(what, file string, std streams, args ...string) (string, error) {
	fail := func(format string, args ...any) *diag.Diagnostic {
		return diag.Errorf(diag.Pos{File: file}, strings.ReplaceAll(what, " ", "-"), format, args...)
	}
	var data []byte
	st, err := os.Stat(file)
	switch {
	case file == "-":
		if data, err = io.ReadAll(std.in); err != nil {
			return "", fail("the %s: %w", what, err)
		}
	case err != nil:
		return "", fail("the %s cannot be read: %w", what, err).WithHint("name a file you may read")
	case st.Mode()&0o111 != 0 && !st.IsDir():
		abs, err := filepath.Abs(file)
		if err != nil {
			return "", fail("the %s: %w", what, err)
		}
		cmd := exec.Command(abs, args...) //nolint:gosec // the user names it to be run
		cmd.Stderr = std.err
		if data, err = cmd.Output(); err != nil {
			hint := "if it is no script, take its executable bit away (chmod -x)"
			if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 2 && len(args) > 0 {
				return "", fail("the script knows no password for the vault id %q", args[len(args)-1]).WithHint("name a label it knows: --vault-id LABEL@%s", file)
			}
			return "", fail("the %s is a script that failed: %w", what, err).WithHint("%s", hint)
		}
	default:
		if data, err = os.ReadFile(file); err != nil {
			return "", fail("the %s cannot be read: %w", what, err)
		}
		data = []byte(strings.TrimSpace(string(data)))
	}
	p := strings.Trim(string(data), "\r\n")
	if p == "" {
		return "", fail("the %s gives an empty password", what)
	}
	return p, nil
}

// decrypter opens vault texts with the passwords that settings and flags name;
// nil when they name none.
func (f *vaultFlags) decrypter(cfg *config.Config, std streams, red *event.Redactor) (func(string) (string, error), error) {
	secrets, err := f.secrets(cfg, std, red)
	if err != nil || len(secrets) == 0 {
		return nil, err
	}
	v := vault.New(secrets...)
	v.Match = cfg.Bool(config.VaultIDMatch)
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

// loginPasswords are those of the login and of become: asked for, or from files.
func (f *connectFlags) loginPasswords(cfg *config.Config, std streams, red *event.Redactor) (login, become string, err error) {
	prompt := "BECOME password: "
	file := orElse(f.passFile, cfg.Text(config.ConnectionPasswordFile))
	switch {
	case f.askPass || f.passFile == "" && cfg.Bool(config.AskPass):
		login, err = askSecret("SSH password: ", std)
		prompt = "BECOME password[defaults to SSH password]: "
	case file != "":
		login, err = passwordFrom("connection password file", expand(file), std)
	}
	if err != nil {
		return "", "", fmt.Errorf("login password: %w", err)
	}
	file = orElse(f.becomePassFile, cfg.Text(config.BecomePasswordFile))
	switch {
	case f.askBecome || f.becomePassFile == "" && cfg.Bool(config.BecomeAskPass):
		become, err = askSecret(prompt, std)
		become = orElse(become, login)
	case file != "":
		become, err = passwordFrom("become password file", expand(file), std)
	}
	if err != nil {
		return "", "", fmt.Errorf("become password: %w", err)
	}
	red.Add(login, become)
	return login, become, nil
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
