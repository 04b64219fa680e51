package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fairlead-project/fairlead/engine/config"
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/vault"
)

// The exit codes of ansible-vault, where they are not 1: for a command line that
// cannot be read, and for options that do not fit together.
const (
	vaultName          = "vault"
	vaultNotUnderstood = 2
	vaultOptions       = 5
)

// optionsError is about options that do not fit together.
func optionsError(d *diag.Diagnostic) error { return codedError{d, vaultOptions} }

// vaultCommand is what the commands below "vault" share.
type vaultCommand struct {
	flags             vaultFlags
	output, encryptID string
	newFile, newID    string
	names             []string
	stdinName         string
	prompt, showInput bool
	verbose           int

	std  streams
	cfg  *config.Config
	open *vault.Vault // to decrypt with
	with vault.Secret // to encrypt with
}

func newVault(std streams) *cobra.Command {
	c := &cobra.Command{
		Use: vaultName, Short: "Encrypt and decrypt files and values of Ansible Vault", Args: cobra.NoArgs, RunE: help,
		Version: version,
		Long: `Vault works on texts that are encrypted with Ansible Vault, as ansible-vault does
and with its flags. Files are replaced at once or not at all, and no clear text
stays behind on disk but where decrypt is told to write it.

The passwords are those of --vault-id, --vault-password-file, ansible.cfg and the
environment; without any, the command asks.`,
		Example: "  fairlead vault encrypt --vault-id prod@prompt group_vars/prod/secrets.yml\n  fairlead vault edit --vault-password-file ~/.vault secrets.yml\n  fairlead vault encrypt-string --vault-password-file ~/.vault -n db_password 's3cret'",
	}
	type sub struct {
		use, short string
		aliases    []string
		args       cobra.PositionalArgs
		define     func(*vaultCommand, *pflag.FlagSet)
		run        func(*vaultCommand, []string) error
	}
	for _, s := range []sub{
		{"encrypt [FILE...]", "Encrypt files, or standard input to standard output", nil, nil, both(outputFlag, encryptFlag), (*vaultCommand).encrypt},
		{"decrypt [FILE...]", "Decrypt files, or standard input to standard output", nil, nil, outputFlag, (*vaultCommand).decrypt},
		{"view FILE...", "Show the clear text of files", nil, cobra.MinimumNArgs(1), nil, (*vaultCommand).view},
		{"edit FILE...", "Edit encrypted files with $EDITOR", nil, cobra.MinimumNArgs(1), encryptFlag, (*vaultCommand).edit},
		{"create FILE", "Make an encrypted file with $EDITOR", nil, oneFile, encryptFlag, (*vaultCommand).createFile},
		{"rekey FILE...", "Encrypt files with another password", nil, cobra.MinimumNArgs(1), both(rekeyFlags, encryptFlag), (*vaultCommand).rekey},
		{"encrypt-string [TEXT...]", "Encrypt values, to put into a YAML file", []string{"encrypt_string"}, nil, both(both(outputFlag, encryptFlag), stringFlags), (*vaultCommand).encryptString},
	} {
		v := &vaultCommand{std: std}
		cmd := &cobra.Command{Use: s.use, Short: s.short, Aliases: s.aliases, Args: inGroups(s.args), RunE: func(_ *cobra.Command, args []string) error {
			var err error
			if v.cfg, err = loadSettings(&v.std); err != nil {
				return err
			}
			if v.output != "" && len(args) > 1 && v.names == nil {
				return optionsError(diag.Errorf(diag.Pos{}, "vault-output", "--output takes the text of one file, and %d were named", len(args)))
			}
			return s.run(v, args)
		}}
		v.flags.define(cmd.Flags())
		cmd.Flags().CountVarP(&v.verbose, "verbose", "v", "accepted, and of no effect")
		_ = cmd.Flags().MarkHidden("verbose")
		if s.define != nil {
			s.define(v, cmd.Flags())
		}
		for _, ask := range []string{"ask-vault-password", "ask-vault-pass"} {
			cmd.MarkFlagsMutuallyExclusive(ask, "vault-password-file")
			cmd.MarkFlagsMutuallyExclusive(ask, "vault-pass-file")
		}
		if cmd.Flags().Lookup("new-vault-id") != nil {
			cmd.MarkFlagsMutuallyExclusive("new-vault-id", "new-vault-password-file")
		}
		c.AddCommand(cmd)
	}
	return c
}

// inGroups looks for flags that exclude each other while the command line is
// read, not when the command starts.
func inGroups(next cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := c.ValidateFlagGroups(); err != nil || next == nil {
			return err
		}
		return next(c, args)
	}
}

func oneFile(c *cobra.Command, args []string) error {
	if err := cobra.ExactArgs(1)(c, args); err != nil {
		return codedError{err, vaultOptions}
	}
	return nil
}

func both(a, b func(*vaultCommand, *pflag.FlagSet)) func(*vaultCommand, *pflag.FlagSet) {
	return func(v *vaultCommand, fl *pflag.FlagSet) { a(v, fl); b(v, fl) }
}

func outputFlag(v *vaultCommand, fl *pflag.FlagSet) {
	fl.StringVar(&v.output, "output", "", "write to this `FILE` instead of in place; - is standard output")
}

func encryptFlag(v *vaultCommand, fl *pflag.FlagSet) {
	fl.StringVar(&v.encryptID, "encrypt-vault-id", "", "the `LABEL` of the password to encrypt with, when there are several")
}

func rekeyFlags(v *vaultCommand, fl *pflag.FlagSet) {
	fl.StringVar(&v.newFile, "new-vault-password-file", "", "`FILE` with the new password")
	fl.StringVar(&v.newID, "new-vault-id", "", "the new password as `LABEL@SOURCE`")
}

func stringFlags(v *vaultCommand, fl *pflag.FlagSet) {
	fl.StringArrayVarP(&v.names, "name", "n", nil, "`NAME` of the variable (once for each text)")
	fl.StringVar(&v.stdinName, "stdin-name", "", "read a text from standard input, for the variable of this `NAME`")
	fl.BoolVarP(&v.prompt, "prompt", "p", false, "ask for the text")
	fl.BoolVar(&v.showInput, "show-input", false, "show it while it is typed")
}

// readers reads the passwords to decrypt with.
func (v *vaultCommand) readers() error {
	sources := v.flags.sources(v.cfg)
	if len(sources) == 0 {
		sources = []vaultSource{{id: v.cfg.Text(config.VaultIdentity), old: true}}
	}
	secrets, err := readSources(sources, false, v.std, event.NewRedactor())
	if err != nil {
		return err
	}
	v.open = vault.New(secrets...)
	v.open.Match = v.cfg.Bool(config.VaultIDMatch)
	return nil
}

// writer reads the password to encrypt with: the only one, or that of
// --encrypt-vault-id.
func (v *vaultCommand) writer(sources []vaultSource) error {
	if len(sources) == 0 {
		sources = []vaultSource{{id: v.cfg.Text(config.VaultIdentity), old: true}}
	}
	for _, s := range sources {
		if strings.Contains(s.id, ";") {
			return optionsError(diag.Errorf(diag.Pos{}, "vault-id", "the vault id %q holds a ';', which ends an id in the header of a vault text", s.id))
		}
	}
	secrets, err := readSources(sources, true, v.std, event.NewRedactor())
	if err != nil {
		return err
	}
	want := orElse(v.encryptID, v.cfg.Text(config.VaultEncryptIdentity))
	var ids []string
	for _, s := range secrets {
		if want == s.ID || want == "" && len(secrets) == 1 {
			v.with = s
			return nil
		}
		ids = append(ids, s.ID)
	}
	known := strings.Join(ids, ", ")
	if want == "" {
		return optionsError(diag.Errorf(diag.Pos{}, "vault-id", "there are several passwords to encrypt with: %s", known).WithHint("name one with --encrypt-vault-id"))
	}
	return diag.Errorf(diag.Pos{}, "vault-id", "there is no password with the label %q (--encrypt-vault-id)", want).WithHint("there are: %s", known)
}

func orStdin(args []string) []string {
	if len(args) == 0 {
		return []string{"-"}
	}
	return args
}

// read gives what is in a file, or comes on standard input.
func (v *vaultCommand) read(file, what string) ([]byte, error) {
	if file != "-" {
		return readFileForVault(file)
	}
	if v.std.live {
		fmt.Fprintf(v.std.err, "Reading %s from standard input\n", what)
	}
	return io.ReadAll(v.std.in)
}

// write replaces the file, or writes to --output.
func (v *vaultCommand) write(file string, data []byte) error {
	if v.output != "" {
		file = v.output
	}
	if file == "-" {
		_, err := v.std.out.Write(data)
		return err
	}
	return replaceFile(expand(file), data)
}

func (v *vaultCommand) done(what string) error {
	if v.std.live {
		fmt.Fprintln(v.std.err, what+" successful")
	}
	return nil
}

func (v *vaultCommand) encrypt(args []string) error {
	if err := v.writer(v.flags.sources(v.cfg)); err != nil {
		return err
	}
	for _, file := range orStdin(args) {
		data, err := v.read(file, "clear text")
		if err != nil {
			return err
		}
		if vault.IsEncrypted(data) {
			return diag.Errorf(diag.Pos{File: file}, "vault-encrypted", "it is encrypted already").WithHint("fairlead vault rekey encrypts with another password")
		}
		text, err := vault.Encrypt(data, v.with)
		if err == nil {
			err = v.write(file, []byte(text))
		}
		if err != nil {
			return err
		}
	}
	return v.done("Encryption")
}

// clear decrypts a text; the secret is the one to encrypt it with again.
func (v *vaultCommand) clear(file string, data []byte) (string, vault.Secret, error) {
	text, by, err := v.open.Open(string(data))
	if err != nil {
		d := diag.Errorf(diag.Pos{File: file}, "vault-decrypt", "cannot decrypt: %w", err)
		if !vault.IsEncrypted(data) {
			return "", by, d.WithHint("the file does not begin with $ANSIBLE_VAULT;")
		}
		return "", by, d.WithHint("give the password with --vault-password-file, --vault-id or -J")
	}
	return text, by, nil
}

// clearFile is clear for a file's content.
func (v *vaultCommand) clearFile(file string) (string, vault.Secret, error) {
	data, err := readFileForVault(file)
	if err != nil {
		return "", vault.Secret{}, err
	}
	return v.clear(file, data)
}

func (v *vaultCommand) decrypt(args []string) error {
	if err := v.readers(); err != nil {
		return err
	}
	for _, file := range orStdin(args) {
		data, err := v.read(file, "vault text")
		if err != nil {
			return err
		}
		text, _, err := v.clear(file, data)
		if err != nil {
			return err
		}
		if err := v.write(file, []byte(text)); err != nil {
			return err
		}
	}
	return v.done("Decryption")
}

func (v *vaultCommand) rekey(args []string) error {
	if err := v.readers(); err != nil {
		return err
	}
	var next vaultFlags
	if v.newID != "" {
		next.ids = []string{v.newID}
	}
	if v.newFile != "" {
		next.files = []string{v.newFile}
	}
	var sources []vaultSource
	for _, s := range next.sources(v.cfg) {
		// Only with --encrypt-vault-id may the new password be one of the settings.
		fromFlags := s.file != "" && (s.file == expand(v.newFile) || strings.HasSuffix(v.newID, s.file)) || s.file == "" && v.newID != ""
		if fromFlags || v.encryptID != "" {
			sources = append(sources, s)
		}
	}
	if err := v.writer(sources); err != nil {
		return err
	}
	for _, file := range args {
		text, _, err := v.clearFile(file)
		if err != nil {
			return err
		}
		again, err := vault.Encrypt([]byte(text), v.with)
		if err == nil {
			err = replaceFile(file, []byte(again))
		}
		if err != nil {
			return err
		}
	}
	return v.done("Rekey")
}

func (v *vaultCommand) view(args []string) error {
	if err := v.readers(); err != nil {
		return err
	}
	for _, file := range args {
		data, err := v.read(file, "vault text")
		if err != nil {
			return err
		}
		text, _, err := v.clear(file, data)
		if err != nil {
			return err
		}
		if !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		if _, err := io.WriteString(v.std.out, text); err != nil {
			return err
		}
	}
	return nil
}

func readFileForVault(file string) ([]byte, error) {
	data, err := os.ReadFile(expand(file))
	if err != nil {
		return nil, diag.New(diag.NotFound, diag.Pos{File: file}, "vault-file", "the file cannot be read: %w", err)
	}
	return data, nil
}
